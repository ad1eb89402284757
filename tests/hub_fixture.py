"""A loopback Hub for tests, and settings that lead to it. `conftest.py` hands the fixtures to everybody.

Nothing here has to run before `huggingface_hub` is imported: `Hub` takes its endpoint from the settings. What loads by id with
transformers alone (a card's snippet) runs in a process of its own, with `HF_ENDPOINT` in its environment.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from compressor.hub import Hub, Patience
from compressor.settings import Settings
from tests.hub_server import HubServer
from tests.hub_store import User, tiny_safetensors

USERS = {
    "hf_alice": User("alice", orgs=("acme",)),
    "hf_alice_reads": User("alice", role="read", orgs=("acme",)),
    "hf_alice_fine": User("alice", role="fineGrained", orgs=("acme",), may_write=("acme",)),
    "hf_bob": User("bob"),
}
"""`{token: who}`"""
HASTY = Patience(tries=3, first_wait=0.01, longest_wait=0.02, total=0.5)

MODEL = {
    "config.json": json.dumps(
        {
            "model_type": "bert",
            "architectures": ["BertForSequenceClassification"],
            "id2label": {"0": "bad", "1": "good"},
        }
    ).encode(),
    "model.safetensors": tiny_safetensors(10),
    "tokenizer.json": b"{}",
    "README.md": b"---\nlicense: mit\nlanguage:\n- en\npipeline_tag: text-classification\n---\n# A model\n",
    "pytorch_model.bin": b"a pickle",
    "training_args.bin": b"another",
    "modeling_custom.py": b"raise SystemExit",
}
"""A model repo as strangers make them: harmless files beside others."""


@pytest.fixture
def hub_server() -> Iterator[HubServer]:
    """A fresh Hub with nothing but people on it."""
    with HubServer(dict(USERS)) as server:
        yield server


@pytest.fixture
def hub_settings(tmp_path: Path, hub_server: HubServer) -> Settings:
    """A machine that strangers share, so that no token is implied, with the loopback Hub as its Hub."""
    return replace(Settings(data_dir=tmp_path / "data"), hosted=True, hub_endpoint=hub_server.url)


@pytest.fixture
def hub_as(hub_settings: Settings) -> Callable[..., Hub]:
    """`hub_as("hf_alice")`: the Hub as the person of that token sees it; without a token, as anybody does."""

    def make(token: str | None = None, owner: str | None = None, patience: Patience = HASTY) -> Hub:
        return Hub(hub_settings, token, owner or token or "nobody", patience)

    return make
