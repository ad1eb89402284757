"""What a browser needs to run a model by itself: transformers.js and ONNX Runtime for WebAssembly. Where it lies, whether it is
whole, and how npm gets it. Too large for the repository (36 MB to download, 43 MB here), so it is fetched once: the versions and
their hashes are those of `assets/browser/package-lock.json`. Knows nothing of pages.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from filelock import FileLock

from compressor.errors import CompressorError
from compressor.settings import ASSETS, Settings, child_environ
from compressor.system.whole import fresh, sweep, write_json

OWN = ASSETS / "browser"
"""What this project brings: the pinned packages, and the script that runs in the browser."""
LOCK = OWN / "package-lock.json"
TRANSFORMERS, ONNXRUNTIME = "@huggingface/transformers", "onnxruntime-web"
TAKEN: Mapping[str, tuple[str, ...]] = {
    TRANSFORMERS: ("transformers.min.js",),
    # The plain one for processors, and a larger one that can use a graphics card.
    ONNXRUNTIME: (
        "ort-wasm-simd-threaded.mjs",
        "ort-wasm-simd-threaded.wasm",
        "ort-wasm-simd-threaded.asyncify.mjs",
        "ort-wasm-simd-threaded.asyncify.wasm",
    ),
}
"""{package: files of its `dist` folder}: of 168 MB, what a browser loads."""
FILES = tuple(name for names in TAKEN.values() for name in names)
MANIFEST = "files.json"
PRESENT, MISSING, DAMAGED = "present", "missing", "damaged"
SECONDS = 900.0
"""For npm, on a slow line."""

NO_NPM = "npm is not installed. Install Node.js (npm comes with it) and start Compressor again."


@dataclass(frozen=True)
class Runtime:
    """`state`: present, missing, or damaged (begun and not finished, or changed since)."""

    folder: Path
    state: str
    bytes: int = 0

    @property
    def ready(self) -> bool:
        return self.state == PRESENT


@cache
def packages() -> dict[str, tuple[str, str]]:
    """`{package: (version, integrity)}` of those that are taken from, as the lock file pins them."""
    known = json.loads(LOCK.read_text(encoding="utf-8"))["packages"]
    found = {name: known[f"node_modules/{name}"] for name in TAKEN}
    return {name: (one["version"], one["integrity"]) for name, one in found.items()}


def version() -> str:
    """Of transformers.js."""
    return packages()[TRANSFORMERS][0]


def folder(settings: Settings) -> Path:
    """Where this version's files belong."""
    return settings.browser_dir / version()


def look(settings: Settings, *, thorough: bool = False) -> Runtime:
    """What is there.

    Args:
        thorough: read every file and compare its hash, not only its size.
    """
    at = folder(settings)
    try:
        said = json.loads((at / MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Runtime(at, MISSING if not at.exists() else DAMAGED)
    except (OSError, ValueError):
        return Runtime(at, DAMAGED)
    whole = isinstance(said, dict) and said.keys() == set(FILES)
    if not whole or not all(_is_whole(at / name, one, thorough) for name, one in said.items()):
        return Runtime(at, DAMAGED)
    return Runtime(at, PRESENT, sum(one["bytes"] for one in said.values()))


def _is_whole(path: Path, said: Any, thorough: bool) -> bool:
    try:
        if path.stat().st_size != said["bytes"]:
            return False
        return not thorough or _sha256(path) == said["sha256"]
    except (OSError, KeyError, TypeError):
        return False


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def download(settings: Settings) -> int:
    """Bytes that a browser fetches of them at the most: with a graphics card it takes the larger of the two runtimes."""
    plain = {name.replace("asyncify.", "") for name in FILES if "asyncify" in name}
    taken = (folder(settings) / name for name in FILES if name not in plain)
    return sum(path.stat().st_size for path in taken if path.is_file())


def npm() -> str | None:
    """npm's program, where it is installed."""
    return shutil.which("npm")


# ---------------------------------------------------------------------- fetching


def install(settings: Settings) -> Runtime:
    """Fetch what is missing or damaged; nothing is done where all is there. One process at a time.

    Raises:
        CompressorError: npm is missing, reached nothing, or brought something else than what is pinned.
    """
    if (found := look(settings, thorough=True)).ready:
        return found
    if (program := npm()) is None:
        raise CompressorError(NO_NPM)
    try:
        settings.browser_dir.mkdir(parents=True, exist_ok=True)
        with FileLock(settings.browser_dir / ".lock"):
            if not look(settings, thorough=True).ready:  # another process may have been first
                sweep(settings.browser_dir)
                _fetch(program, folder(settings))
    except OSError as error:
        said = f"{settings.browser_dir} cannot be written ({error.strerror}). Set COMPRESSOR_BROWSER to another folder."
        raise CompressorError(said) from error
    return look(settings)


def _fetch(program: str, target: Path) -> None:
    with fresh(target) as part, tempfile.TemporaryDirectory(prefix="compressor-npm-") as scratch:
        part.mkdir()
        for name, (number, integrity) in packages().items():
            packed = _pack(program, name, number, Path(scratch))
            _verify(packed, integrity, name)
            _unpack(packed, TAKEN[name], part)
        sizes = {name: {"bytes": (part / name).stat().st_size, "sha256": _sha256(part / name)} for name in FILES}
        write_json(part / MANIFEST, sizes)


def _pack(program: str, name: str, number: str, scratch: Path) -> Path:
    """A package's own archive: npm downloads it, and runs nothing that is in it."""
    place = Path(tempfile.mkdtemp(dir=scratch))
    command = [program, "pack", f"{name}@{number}", "--ignore-scripts", "--silent", "--prefer-offline", "--pack-destination",
               str(place)]  # fmt: skip
    environ = child_environ(npm_config_update_notifier="false", npm_config_fetch_retries="1")
    try:
        done = subprocess.run(
            command, cwd=place, env=environ, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CompressorError(f"npm could not be run ({type(error).__name__}). Try `npm --version` by hand.") from error
    found = list(place.glob("*.tgz"))
    if done.returncode or len(found) != 1:
        raise CompressorError(
            f"npm could not download {name} {number}. Is there a network? Start Compressor again to retry."
        )
    return found[0]


def _verify(packed: Path, integrity: str, name: str) -> None:
    kind, _, wanted = integrity.partition("-")
    with packed.open("rb") as file:
        got = hashlib.file_digest(file, kind).digest()
    if not hmac.compare_digest(got, base64.b64decode(wanted)):
        raise CompressorError(
            f"What npm downloaded as {name} is not what was asked for: its hash differs. It was not kept."
        )


def _unpack(packed: Path, names: tuple[str, ...], target: Path) -> None:
    """Those files alone, under names of ours: nothing else that an archive says is followed."""
    with tarfile.open(packed) as archive:
        for name in names:
            try:
                source = archive.extractfile(f"package/dist/{name}")
            except KeyError:
                source = None
            if source is None:
                raise CompressorError(f"{packed.name} holds no {name}.")
            with source, (target / name).open("wb") as file:
                shutil.copyfileobj(source, file)
