"""Installs what the tests need and this environment has not: packages, a browser, and what npm brings.

python -m tests.install [whole | quick | some]     quick needs no browser
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = (ROOT / "requirements.txt", ROOT / "tests" / "requirements.txt")
DONE = Path(sys.prefix) / "compressor-tests-installed"
"""Says for which requirements this environment was made: to ask pip whether all is there takes seconds."""


def main() -> None:
    packages()
    for module in (*(() if "quick" in sys.argv else ("install_browser",)), "install_npm"):
        subprocess.run([sys.executable, "-m", f"tests.{module}"], cwd=ROOT, check=True)


def packages() -> bool:
    """Install what both lists name, unless that was done already; whether there was anything to do."""
    wanted = hashlib.sha256(b"\0".join(path.read_bytes() for path in REQUIREMENTS)).hexdigest()
    if DONE.is_file() and DONE.read_text(encoding="ascii") == wanted:
        return False
    named = [part for path in REQUIREMENTS for part in ("-r", str(path))]
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, *named], check=True)
    DONE.write_text(wanted, encoding="ascii")
    return True


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)
