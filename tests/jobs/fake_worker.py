"""The real worker, with the tests' kind of job registered."""

import sys

import tests.jobs.engine  # noqa: F401
from compressor.jobs.worker import main

if __name__ == "__main__":
    sys.exit(main())
