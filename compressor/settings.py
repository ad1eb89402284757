"""What the machine's environment says, read once into a frozen object. The only reader of `os.environ`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs

from compressor.errors import CompressorError

ASSETS = Path(__file__).resolve().parent.parent / "assets"

GIB = 1024**3


@dataclass(frozen=True)
class Settings:
    """Paths, endpoints, caps. Sizes in bytes.

    `hosted` is True on a Space or where `COMPRESSOR_HOSTED=1` says so: strangers share this process, so local paths and
    the machine's own login are off, and a run belongs to the account or the browser that started it.
    """

    data_dir: Path
    """Jobs, downloads and the run database. `COMPRESSOR_DATA`; the default is the platform's data folder."""
    hosted: bool = False
    space_id: str | None = None
    oauth: bool = False
    """The Hub's sign-in button can work here: a Space with `hf_oauth: true`."""
    hub_endpoint: str = "https://huggingface.co"
    token: str | None = None
    """`HF_TOKEN`. Never used for other people's requests: see `hub.py`."""
    server_name: str = "127.0.0.1"
    server_port: int | None = None
    root_path: str = ""
    """Where a proxy serves the page under a path of its own. `GRADIO_ROOT_PATH`."""
    max_model_bytes: int = 32 * GIB
    max_upload_bytes: int = 2 * GIB
    max_rows: int = 2_000_000
    max_text_characters: int = 100_000
    max_queue: int = 20
    """Runs that may wait at once."""
    max_waiting_each: int = 20
    """Runs of one owner that may wait at once."""
    max_run_seconds: float | None = None
    """A run of the page is stopped after this time. `COMPRESSOR_MAX_RUN_MINUTES`; hosted: 6 hours."""
    max_run_memory_bytes: int | None = None
    """A run that holds more is stopped, or goes on with a smaller batch. `COMPRESSOR_MAX_RUN_MEMORY_GB`; the default is nine
    tenths of the machine's or the container's memory."""
    max_silent_seconds: float = 900.0
    """A run that neither says nor computes anything for so long is stopped. `COMPRESSOR_MAX_SILENT_MINUTES`."""
    max_bytes_each: int | None = None
    """Of disk that one person's runs may hold; None: no limit. `COMPRESSOR_MAX_GB_EACH`; hosted: 5."""
    max_runs_each: int | None = None
    """Runs that one person may keep. `COMPRESSOR_MAX_RUNS_EACH`; hosted: 20."""
    keep_days: float | None = None
    """A run is deleted so long after it ended; None: never. `COMPRESSOR_KEEP_DAYS`; hosted: 7."""
    max_cache_bytes: int | None = None
    """Of downloads from the Hub, the least recently used go first; None: no limit. `COMPRESSOR_MAX_CACHE_GB`; hosted: 20."""
    min_free_share: float = 0.0
    """Of the disk that no new run may use up. `COMPRESSOR_MIN_FREE_PERCENT`; hosted: 10."""
    behind_proxy: bool = False
    """Requests come through a proxy that writes `X-Forwarded-For`, so that its last public entry is the visitor's address.
    `COMPRESSOR_BEHIND_PROXY`; True on a Space. Without a proxy a visitor could write there whatever he likes."""
    readable: tuple[str, ...] = ()
    """Where strangers share this process: the only folders that a recipe's files are read from."""
    searches_per_minute: int = 0
    """What one person may ask for on the page; 0 is any number. Those below likewise."""
    looks_per_minute: int = 0
    """Inspections of models, previews of data, estimates."""
    checks_per_minute: int = 0
    """Questions to a teacher whether it understands the labels."""
    predictions_per_minute: int = 0
    starts_per_hour: int = 0
    """Runs and comparisons, resumed ones too."""
    publishes_per_hour: int = 0
    downloads_per_hour: int = 0
    """Zip files and tables that are made to be downloaded, and files that are uploaded."""
    debug: bool = False
    browser: Path | None = None
    """Where what a browser needs to run models is kept, if not with the data. `COMPRESSOR_BROWSER`."""

    @property
    def browser_dir(self) -> Path:
        return self.browser or self.data_dir / "browser"

    @property
    def jobs_dir(self) -> Path:
        return self.data_dir / "jobs"

    @property
    def hub_dir(self) -> Path:
        """Downloads, one sub-folder an owner (a private model of one person is never another's)."""
        return self.data_dir / "hub"

    @property
    def uploads_dir(self) -> Path:
        """Uploaded files on their way into a run."""
        return self.data_dir / "uploads"

    @property
    def locks_dir(self) -> Path:
        return self.data_dir / "locks"

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Settings from the environment variables (or from a mapping, in tests)."""
        env = os.environ if environ is None else environ
        space = env.get("SPACE_ID") or None
        hosted = _hosted(env)
        data, browser = env.get("COMPRESSOR_DATA"), env.get("COMPRESSOR_BROWSER")
        small: dict[str, Any] = (
            {"max_model_bytes": 8 * GIB, "max_upload_bytes": GIB // 4, "max_rows": 200_000} if hosted else {}
        )
        minutes = _limit(env, "MAX_RUN_MINUTES", 360 if hosted else None)
        return cls(
            data_dir=Path(data).expanduser().resolve() if data else Path(platformdirs.user_data_dir("compressor")),
            browser=Path(browser).expanduser().resolve() if browser else None,
            hosted=hosted,
            space_id=space,
            # Gradio looks at SYSTEM too: without it the sign-in button ends the process at launch.
            oauth=space is not None and env.get("SYSTEM") == "spaces" and bool(env.get("OAUTH_CLIENT_ID")),
            hub_endpoint=(env.get("HF_ENDPOINT") or cls.hub_endpoint).rstrip("/"),
            token=env.get("HF_TOKEN") or None,
            server_name=env.get("GRADIO_SERVER_NAME") or ("0.0.0.0" if space else cls.server_name),  # noqa: S104
            server_port=_digits(env.get("GRADIO_SERVER_PORT", "")),
            root_path=env.get("GRADIO_ROOT_PATH", ""),
            behind_proxy=_flag(env.get("COMPRESSOR_BEHIND_PROXY") or ("1" if space else "")),
            debug=_flag(env.get("COMPRESSOR_DEBUG")),
            max_waiting_each=1 if hosted else cls.max_waiting_each,
            max_run_seconds=None if minutes is None else minutes * 60,
            **_quotas(env, hosted),
            **small,
            **(STRANGERS if hosted else {}),
        )


STRANGERS: dict[str, Any] = {
    "searches_per_minute": 60,
    "looks_per_minute": 60,
    "checks_per_minute": 12,
    "predictions_per_minute": 30,
    "starts_per_hour": 20,
    "publishes_per_hour": 20,
    "downloads_per_hour": 120,
}
"""What each of many people may ask for."""


def _digits(said: str) -> int | None:
    return int(said) if said.isdecimal() and len(said) < 10 else None


def _hosted(env: Mapping[str, str]) -> bool:
    said = env.get("COMPRESSOR_HOSTED")
    return _flag(said) if said else bool(env.get("SPACE_ID"))


def _quotas(env: Mapping[str, str], hosted: bool) -> dict[str, Any]:
    each, cache = _limit(env, "MAX_GB_EACH", 5 if hosted else None), _limit(env, "MAX_CACHE_GB", 20 if hosted else None)
    runs = _limit(env, "MAX_RUNS_EACH", 20 if hosted else None)
    free = _limit(env, "MIN_FREE_PERCENT", 10 if hosted else None)
    memory, silent = _limit(env, "MAX_RUN_MEMORY_GB", None), _limit(env, "MAX_SILENT_MINUTES", 15)
    return {
        "max_run_memory_bytes": None if memory is None else int(memory * 1e9),
        "max_silent_seconds": float("inf") if silent is None else silent * 60,
        "max_bytes_each": None if each is None else int(each * 1e9),
        "max_runs_each": None if runs is None else int(runs),
        "keep_days": _limit(env, "KEEP_DAYS", 7 if hosted else None),
        "max_cache_bytes": None if cache is None else int(cache * 1e9),
        "min_free_share": min(free or 0.0, 100.0) / 100,
    }


def _limit(env: Mapping[str, str], name: str, default: float | None) -> float | None:
    """`COMPRESSOR_<name>`: a number, or `none` for no limit.

    Raises:
        CompressorError: it is neither; a limit that was meant must not be lost to a slip.
    """
    said = (env.get(f"COMPRESSOR_{name}") or "").strip().lower()
    if said in ("", "none"):
        return None if said else default
    try:
        value = float(said)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise CompressorError(f"COMPRESSOR_{name} is {said!r}. Write a number, or none for no limit.")
    return value


def _flag(value: str | None) -> bool:
    return (value or "").strip().lower() in ("1", "true", "yes", "on")


def child_environ(**extra: str) -> dict[str, str]:
    """The environment for a worker process: this one's without secrets (a token travels over standard input)."""
    secret = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "OAUTH_CLIENT_SECRET")
    return {k: v for k, v in os.environ.items() if k not in secret} | extra


def prepare_environ() -> None:
    """Set what libraries read from the environment, before they are imported: no pickle conversions, no telemetry,
    no remote code, quiet progress bars. A person's own setting wins. Where strangers share the machine its own login is
    never sent along, whatever else is set: every process of the app says so to the Hub's client for itself."""
    if _hosted(os.environ):
        os.environ["HF_HUB_DISABLE_IMPLICIT_TOKEN"] = "1"  # noqa: S105
    for key, value in {
        "DISABLE_SAFETENSORS_CONVERSION": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "ORT_DISABLE_TELEMETRY": "1",  # ONNX Runtime would report to Microsoft, and keep what it did not get rid of in the home
        "GRADIO_ANALYTICS_ENABLED": "False",
        "TOKENIZERS_PARALLELISM": "false",
        # oneDNN keeps code for each shape of a matrix product that it has seen: a thousand by default, which in a training on
        # texts of all lengths comes to 250 MB. This many are enough for a training's (tests/benchmarks/README.md).
        "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "256",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
    }.items():
        os.environ.setdefault(key, value)
