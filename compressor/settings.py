"""What the machine's environment says, read once into a frozen object. The only reader of `os.environ`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import platformdirs

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
    debug: bool = False

    @property
    def jobs_dir(self) -> Path:
        return self.data_dir / "jobs"

    @property
    def hub_dir(self) -> Path:
        """Downloads, one sub-folder an owner (a private model of one person is never another's)."""
        return self.data_dir / "hub"

    @property
    def locks_dir(self) -> Path:
        return self.data_dir / "locks"

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Settings from the environment variables (or from a mapping, in tests)."""
        env = os.environ if environ is None else environ
        space = env.get("SPACE_ID") or None
        hosted = _flag(env.get("COMPRESSOR_HOSTED")) if env.get("COMPRESSOR_HOSTED") else space is not None
        data = env.get("COMPRESSOR_DATA")
        small = {"max_model_bytes": 8 * GIB, "max_upload_bytes": GIB // 4, "max_rows": 200_000} if hosted else {}
        minutes = env.get("COMPRESSOR_MAX_RUN_MINUTES", "")
        return cls(
            data_dir=Path(data).expanduser().resolve() if data else Path(platformdirs.user_data_dir("compressor")),
            hosted=hosted,
            space_id=space,
            # Gradio looks at SYSTEM too: without it the sign-in button ends the process at launch.
            oauth=space is not None and env.get("SYSTEM") == "spaces" and bool(env.get("OAUTH_CLIENT_ID")),
            hub_endpoint=(env.get("HF_ENDPOINT") or cls.hub_endpoint).rstrip("/"),
            token=env.get("HF_TOKEN") or None,
            server_name=env.get("GRADIO_SERVER_NAME") or ("0.0.0.0" if space else cls.server_name),  # noqa: S104
            server_port=int(env["GRADIO_SERVER_PORT"]) if env.get("GRADIO_SERVER_PORT", "").isdigit() else None,
            debug=_flag(env.get("COMPRESSOR_DEBUG")),
            max_waiting_each=1 if hosted else cls.max_waiting_each,
            max_run_seconds=int(minutes) * 60 if minutes.isdigit() else 6 * 3600 if hosted else None,
            **small,
        )


def _flag(value: str | None) -> bool:
    return (value or "").strip().lower() in ("1", "true", "yes", "on")


def child_environ(**extra: str) -> dict[str, str]:
    """The environment for a worker process: this one's without secrets (a token travels over standard input)."""
    secret = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "OAUTH_CLIENT_SECRET")
    return {k: v for k, v in os.environ.items() if k not in secret} | extra


def prepare_environ() -> None:
    """Set what libraries read from the environment, before they are imported: no pickle conversions, no telemetry,
    no remote code, quiet progress bars. A person's own setting wins."""
    for key, value in {
        "DISABLE_SAFETENSORS_CONVERSION": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "GRADIO_ANALYTICS_ENABLED": "False",
        "TOKENIZERS_PARALLELISM": "false",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
    }.items():
        os.environ.setdefault(key, value)
