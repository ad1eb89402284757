"""What visitors' own browsers need to run a version of a model: is it here, and whole? Nothing else of Compressor needs it."""

from __future__ import annotations

from compressor import browser
from compressor.doctor.finding import NOTE, OK, Finding
from compressor.settings import Settings

START = "Start the app where there is a network: it fetches them with npm, once."


def check(settings: Settings) -> list[Finding]:
    """Every file is read and held against its hash."""
    found = browser.look(settings, thorough=True)
    facts = {"path": str(found.folder), "state": found.state, "bytes": found.bytes, "npm": browser.npm() is not None}
    if found.ready:
        says = f"They can run ONNX int8 versions by themselves (transformers.js {browser.version()}, {_megabytes(found.bytes)})."
        return [Finding("browsers", OK, says, facts=facts)]
    what = "are not installed" if found.state == browser.MISSING else f"in {found.folder} are damaged"
    says = f"The files that they need to run a version by themselves {what}. Everything else works without."
    return [Finding("browsers", NOTE, says, START if facts["npm"] else browser.NO_NPM, facts)]


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.0f} MB"
