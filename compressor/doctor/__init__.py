"""`python -m compressor doctor`: whether everything that Compressor needs works here, found out by doing it.

    for finding in examine(Settings.from_environ()):
        print(finding.status, finding.says)

One file a field: machine (versions, processor, memory), accelerators (GPUs, bitsandbytes: a process of their own), network (the
Hub, the account), home (the data folder, runs, who may do what), browsers (what visitors' own need to run a version). Needs
neither a network nor gradio.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from compressor.doctor import accelerators, browsers, home, machine, network
from compressor.doctor.finding import NOTE, OK, PROBLEM, Finding
from compressor.jobs.secrecy import scrubbed
from compressor.settings import Settings

__all__ = ["NOTE", "OK", "PROBLEM", "Finding", "as_json", "as_text", "examine", "verdict"]

Check = Callable[[Settings], list[Finding]]
CHECKS: tuple[tuple[str, Check, float], ...] = (
    ("versions", machine.versions, 10),
    ("processor", machine.processor, 10),
    ("memory", machine.memory, 10),
    ("devices", accelerators.check, accelerators.SECONDS + 5),
    ("data folder", home.folder, 10),
    ("runs", home.runs, 10),
    ("hub", network.check, network.SECONDS),
    ("browsers", browsers.check, 20),
    ("mode", home.mode, 10),
)
"""(name, what looks, seconds that it may take), in the order in which they are told."""


def examine(settings: Settings) -> list[Finding]:
    """Look at everything, at once. Raises nothing: a check that fails is a finding."""
    looked = [(part, _begin(check, settings), seconds) for part, check, seconds in CHECKS]
    return [finding for part, found, seconds in looked for finding in _wait(part, found, seconds)]


def _begin(check: Check, settings: Settings) -> Future[list[Finding]]:
    """In a thread that nobody has to wait for: a network may never answer."""
    found: Future[list[Finding]] = Future()

    def look() -> None:
        try:
            found.set_result(check(settings))
        except BaseException as error:
            found.set_exception(error)

    threading.Thread(target=look, daemon=True).start()
    return found


def _wait(part: str, found: Future[list[Finding]], seconds: float) -> list[Finding]:
    try:
        return found.result(seconds)
    except TimeoutError:
        if part == "hub":
            return network.silent()
        return [Finding(part, PROBLEM, f"Looking at this took longer than {seconds:.0f} seconds.", "Try again later.")]
    except Exception as error:
        says = f"This could not be looked at ({type(error).__name__}: {error})."
        return [Finding(part, PROBLEM, says, "This is a fault of Compressor's own: please report it.")]


# ---------------------------------------------------------------------- how it is told

MARKS = {OK: "OK", NOTE: "note", PROBLEM: "PROBLEM"}


def as_text(findings: list[Finding], settings: Settings) -> str:
    """For a terminal: a line a finding, and below it what to do."""
    lines = []
    for one in findings:
        lines.append(f"{MARKS[one.status]:<8} {one.part}: {one.says}")
        lines += [f"{'':<8} -> {one.advice}"] if one.advice else []
    problems, notes = _count(findings, PROBLEM), _count(findings, NOTE)
    last = "Everything that Compressor needs works here." if not problems else _number(problems, "problem") + "."
    return scrubbed("\n".join([*lines, "", last + (f" {_number(notes, 'note')}." if notes else "")]), settings.token)


def as_json(findings: list[Finding], settings: Settings) -> dict[str, Any]:
    """`{"ok", "problems", "notes", "checks": [Finding.to_json …]}`."""
    problems = _count(findings, PROBLEM)
    checks = [_clean(one.to_json(), settings.token) for one in findings]
    return {"ok": not problems, "problems": problems, "notes": _count(findings, NOTE), "checks": checks}


def verdict(findings: list[Finding]) -> str | None:
    """One sentence where there is a problem, for the last line of standard error; None where all is well."""
    wrong = [one for one in findings if one.status == PROBLEM]
    if not wrong:
        return None
    return f"{_number(len(wrong), 'problem')} found, first {wrong[0].part}: {wrong[0].says}"


def _clean(value: Any, token: str | None) -> Any:
    if isinstance(value, str):
        return scrubbed(value, token)
    if isinstance(value, dict):
        return {key: _clean(one, token) for key, one in value.items()}
    return [_clean(one, token) for one in value] if isinstance(value, list | tuple) else value


def _count(findings: list[Finding], status: str) -> int:
    return sum(one.status == status for one in findings)


def _number(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
