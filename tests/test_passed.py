"""The record of which commit passed: written by whole and quick runs alone, and true."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests import passed

COMMIT = "0123456789" * 4


def answers(changed: str):
    return lambda *asked: {"status": changed, "rev-parse": COMMIT}[asked[0]]


def lines(path: Path) -> dict[str, str]:
    return dict(line.split(": ", 1) for line in path.read_text(encoding="utf-8").splitlines())


@pytest.mark.parametrize("profile", ["whole", "quick"])
def test_it_says_commit_profile_seconds_and_retried_tests(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, profile: str
) -> None:
    monkeypatch.setattr(passed, "git", answers(""))
    environ = {"COMPRESSOR_TESTS_PROFILE": profile, "COMPRESSOR_TESTS_BEGAN": str(int(time.time()) - 100)}
    file = tmp_path / "build" / "tests-passed"
    assert passed.write(environ, [], file)
    found = lines(file)
    assert 99 <= int(found.pop("seconds")) < 200
    assert found == {"commit": COMMIT, "tests": profile, "retried": "none"}
    assert passed.write(environ, ["tests/a.py::one", "tests/b.py::two"], file)
    assert lines(file)["retried"] == "tests/a.py::one tests/b.py::two"
    monkeypatch.setattr(passed, "git", answers(" M app.py"))
    assert passed.write(environ, [], file)
    assert lines(file)["commit"] == f"{COMMIT} and changes that are not committed"


@pytest.mark.parametrize("environ", [{}, {"COMPRESSOR_TESTS_PROFILE": "some", "COMPRESSOR_TESTS_BEGAN": "0"}])
def test_some_tests_are_no_record(tmp_path: Path, environ: dict[str, str]) -> None:
    assert not passed.write(environ, [], tmp_path / "tests-passed")
    assert list(tmp_path.iterdir()) == []
