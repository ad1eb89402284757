"""Files and folders are whole or not there, whenever the process that writes them dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from compressor.system import processes, whole

WRITER = """
import os, signal, sys
from pathlib import Path
from compressor.system import whole

target, dies = Path(sys.argv[1]), sys.argv[2]
die = lambda: os.kill(os.getpid(), signal.SIGKILL)
if dies in ("rename", "replace"):
    real = getattr(os, dies)
    setattr(os, dies, lambda *a: (real(*a), die()))
with whole.fresh(target) as part:
    part.mkdir()
    (part / "weights").write_bytes(b"new" * 1000)
    if dies == "writing":
        die()
    (part / "config").write_text("new")
    if dies == "written":
        die()
"""


def files(folder):
    return {p.name: p.read_bytes()[:3] for p in folder.iterdir()} if folder.is_dir() else None


@pytest.fixture
def target(tmp_path):
    target = tmp_path / "variant"
    target.mkdir()
    for name in ("weights", "config"):
        (target / name).write_bytes(b"old")
    return target


@pytest.mark.skipif(sys.platform == "win32", reason="kills by signal")
@pytest.mark.parametrize("dies", ["writing", "written", "rename", "replace"])
def test_security_13_a_folder_is_the_old_one_or_the_new_one_or_not_there(target, dies):
    done = subprocess.run([sys.executable, "-c", WRITER, str(target), dies], cwd=processes.ROOT, check=False)
    assert done.returncode == -signal.SIGKILL
    old, new = ({"weights": x, "config": x} for x in (b"old", b"new"))
    assert files(target) == {"writing": old, "written": old, "rename": None, "replace": new}[dies]
    whole.sweep(target.parent)
    assert [p.name for p in target.parent.iterdir()] == ([] if dies == "rename" else ["variant"])


def test_a_body_that_fails_leaves_what_was_there(target):
    with pytest.raises(ZeroDivisionError), whole.fresh(target) as part:
        part.mkdir()
        (part / "weights").write_bytes(b"half")
        raise ZeroDivisionError
    assert files(target) == {"weights": b"old", "config": b"old"}
    assert [p.name for p in target.parent.iterdir()] == ["variant"]


def test_everything_is_on_the_disk_before_it_gets_its_name(target, monkeypatch):
    done, real_sync, real_rename = [], os.fsync, os.replace
    monkeypatch.setattr(
        os, "fsync", lambda handle: (done.append(os.readlink(f"/proc/self/fd/{handle}")), real_sync(handle))
    )
    monkeypatch.setattr(os, "replace", lambda a, b: (done.append("renamed"), real_rename(a, b)))
    with whole.fresh(target) as part:
        part.mkdir()
        (part / "weights").write_bytes(b"new")
    renamed = done.index("renamed")
    assert any(path.endswith("/weights") for path in done[:renamed])
    assert str(target.parent) in done[renamed:]


def test_a_text_is_whole_and_its_folder_is_made(tmp_path):
    whole.write_json(tmp_path / "a" / "b.json", {"ä": 1})
    assert whole.read_text(tmp_path / "a" / "b.json") == '{\n  "ä": 1\n}\n'
    assert [p.name for p in (tmp_path / "a").iterdir()] == ["b.json"]


def test_only_what_was_begun_is_swept(tmp_path):
    (tmp_path / "kept.part").write_text("somebody's own")
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / ".state.json.ab.part").write_text("half")
    (tmp_path / "deep" / ".variant.cd.old").mkdir()
    (tmp_path / "deep" / ".variant.cd.old" / "weights").write_text("x")
    whole.sweep(tmp_path)
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["deep", "kept.part"]
