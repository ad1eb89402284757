"""The fixtures of tests/jobs: a backend is tested with jobs."""

from tests.jobs.conftest import backend, ended, make_backend, start, store  # noqa: F401
