"""What differs between Linux, macOS and Windows in starting, recognising and ending processes.

On Windows there is no SIGTERM to catch: a stopped process ends at once, and what it had started is found through its
children as long as it lives.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psutil

from compressor.settings import child_environ

WINDOWS = sys.platform == "win32"
ROOT = Path(__file__).resolve().parent.parent.parent
M_ARENA_MAX = -8
"""glibc's number for how many heaps there may be (malloc.h)."""


@dataclass(frozen=True)
class Process:
    """A process, told from a later one that is given the same number."""

    pid: int
    mark: str
    """When it was started, in a form that neither a changed clock nor a reboot can repeat."""


def current() -> Process:
    """This process."""
    return Process(os.getpid(), _mark(os.getpid()) or "")


def find(pid: int) -> Process | None:
    """The process that has this number now; None where there is none, or only its remains (a zombie)."""
    mark = _mark(pid)
    return None if mark is None else Process(pid, mark)


def alive(process: Process | None) -> bool:
    """Does this very process still run?"""
    return process is not None and find(process.pid) == process


def _mark(pid: int) -> str | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        fields = stat.rpartition(")")[2].split()  # the name before it may hold anything
        return None if fields[0] in "ZX" else f"{_boot()}:{fields[19]}"  # clock ticks from boot to the start
    except (OSError, IndexError):
        if Path("/proc/self/stat").exists():
            return None
    try:
        found = psutil.Process(pid)
        return None if found.status() == psutil.STATUS_ZOMBIE else f"{found.create_time():.2f}"
    except psutil.Error:
        return None


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


# ---------------------------------------------------------------------- starting


def python(module: str, *arguments: str) -> list[str]:
    """The command line that runs a module of this project (or of its tests) with this interpreter. `-P`: whatever lies
    in the working directory is never imported."""
    return [sys.executable, "-P", "-m", module, *arguments]


def environ() -> dict[str, str]:
    """What a process of ours finds in its environment: no secrets, this project importable, output unbuffered."""
    values = child_environ(PYTHONUNBUFFERED="1", PYTHONIOENCODING="utf-8")
    values["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), values.get("PYTHONPATH")]))
    return values


def start_detached(command: Sequence[str], *, folder: Path, log: Path, line: str) -> subprocess.Popen[bytes]:
    """Start a process that outlives this one, in a group of its own; `line` is all of its standard input, and its output
    goes to the end of `log` (a file never fills up as an unread pipe does)."""
    with log.open("ab") as output:
        child = _popen(command, folder, stdin=subprocess.PIPE, stdout=output, stderr=output)
    assert child.stdin is not None
    with contextlib.suppress(OSError), child.stdin as pipe:  # it may have died already: its log says why
        pipe.write(line.encode() + b"\n")
    return child


def start_attached(command: Sequence[str], *, folder: Path, log: Path) -> subprocess.Popen[bytes]:
    """Start a process that is talked to over standard input and output; standard error goes to a fresh `log`."""
    with log.open("wb") as errors:
        return _popen(command, folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors)


def _popen(
    command: Sequence[str], folder: Path, stdin: int, stdout: int | IO[bytes], stderr: IO[bytes]
) -> subprocess.Popen[bytes]:
    flags = 0
    if sys.platform == "win32":
        flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
    return subprocess.Popen(
        command,
        cwd=folder,
        env=environ(),
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        start_new_session=not WINDOWS,
        creationflags=flags,
    )


def close_quietly(pipe: IO[bytes]) -> None:
    """Close a pipe to a process that may be gone."""
    with contextlib.suppress(OSError, ValueError):
        pipe.close()


def step_back() -> None:
    """Called by a worker: the page comes first, and where memory runs out the worker is the one to go."""
    with contextlib.suppress(OSError, psutil.Error):
        if sys.platform == "win32":
            psutil.Process().nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
        else:
            os.nice(10)
    goes_first(500)


def goes_first(score: int) -> None:
    """Where memory runs out, Linux ends the process with the largest score, from 0 (as usual) to 1000."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(str(score), encoding="ascii")


CARDS = ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd")
"""Where Linux has the driver of a graphics card: NVIDIA's, that of Windows below it, AMD's."""


def limit_memory(bytes_: int | None) -> None:
    """Let this process and each that it starts hold at most so much memory of its own. What asks for more is then told so,
    and can do with less; without this limit the system ends some process, perhaps another one.

    Linux alone, and not where there is a graphics card: its driver claims address space that it never uses.
    """
    if bytes_ is None or sys.platform != "linux" or any(Path(name).exists() for name in CARDS):
        return
    import resource

    with contextlib.suppress(OSError, ValueError):  # a lower limit is set already
        resource.setrlimit(resource.RLIMIT_DATA, (bytes_, resource.getrlimit(resource.RLIMIT_DATA)[1]))


def keep_memory_together() -> None:
    """Have the C library keep one heap for all threads of this process, in place of one each, which hold on to what was freed
    (glibc alone; 40 MB of a training's peak). Before they are started."""
    with contextlib.suppress(OSError, AttributeError):
        import ctypes

        ctypes.CDLL("libc.so.6").mallopt(M_ARENA_MAX, 1)


def give_back_memory() -> None:
    """Give freed memory back: what torch keeps of a GPU's, and what the C library keeps for this process (glibc alone)."""
    gc.collect()
    if (torch := sys.modules.get("torch")) is not None and torch.cuda.is_available():
        with contextlib.suppress(RuntimeError):
            torch.cuda.empty_cache()
    with contextlib.suppress(OSError, AttributeError):
        import ctypes

        ctypes.CDLL("libc.so.6").malloc_trim(0)


# ---------------------------------------------------------------------- looking after


def memory_kills() -> int:
    """How many processes the system has ended for want of memory so far, on this machine or in this container; 0 where it does
    not say."""
    found = 0
    for path in ("/proc/vmstat", "/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            lines = Path(path).read_text(encoding="ascii").splitlines()
            found += sum(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))
    return found


def vitals(process: Process) -> tuple[int, float]:
    """(bytes of memory, seconds of CPU) of a process and of everything that it has started. Pages that they share count once,
    where the system says so."""
    memory, spent = 0, 0.0
    for one in [*_itself(process), *_descendants(process)]:
        with contextlib.suppress(psutil.Error):
            memory += _own_memory(one)
            times = one.cpu_times()
            spent += times.user + times.system + times.children_user + times.children_system
    return memory, spent


def _itself(process: Process) -> list[psutil.Process]:
    with contextlib.suppress(psutil.Error):
        return [psutil.Process(process.pid)] if alive(process) else []
    return []


def _own_memory(one: psutil.Process) -> int:
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in Path(f"/proc/{one.pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return int(one.memory_info().rss)


# ---------------------------------------------------------------------- ending


def ask_to_stop(process: Process) -> list[psutil.Process]:
    """SIGTERM to the process and its group. Answers with everything it had started, for `kill` to look after."""
    family = _descendants(process)
    _signal_group(process, "SIGTERM")
    return family


def kill(process: Process, family: Iterable[psutil.Process] = ()) -> None:
    """End the process, its group, and everything it had started, also what moved into a group of its own."""
    everyone = {*family, *_descendants(process)}
    _signal_group(process, "SIGKILL")
    for one in everyone:
        with contextlib.suppress(psutil.Error):
            one.kill()


def _descendants(process: Process) -> list[psutil.Process]:
    if not alive(process):
        return []
    with contextlib.suppress(psutil.Error):
        found: list[psutil.Process] = psutil.Process(process.pid).children(recursive=True)
        return found
    return []


def _signal_group(process: Process, name: str) -> None:
    if sys.platform == "win32":
        if alive(process):
            with contextlib.suppress(psutil.Error):
                psutil.Process(process.pid).kill()
        return
    # The leader may be gone while its group lives on; only a stranger that got its number must not be hit.
    if find(process.pid) in (None, process):
        with contextlib.suppress(OSError):
            os.killpg(process.pid, getattr(signal, name))
