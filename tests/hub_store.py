"""What the loopback Hub keeps: users, repos, commits, files. No network."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import yaml

LFS_SUFFIXES = (".safetensors", ".bin", ".pt", ".onnx", ".gguf", ".parquet")
LFS_THRESHOLD = 10 * 1024 * 1024


@dataclass(frozen=True)
class User:
    name: str
    role: str = "write"  # of the token: "read", "write" or "fineGrained"
    orgs: tuple[str, ...] = ()
    may_write: tuple[str, ...] = ()  # namespaces of a fine-grained token

    def writes(self, namespace: str) -> bool:
        if self.role == "fineGrained":
            return namespace in self.may_write
        return self.role == "write" and namespace in (self.name, *self.orgs)


@dataclass(frozen=True)
class Blob:
    """One file at one commit; `lfs` files are addressed by sha256, the others by git's sha1."""

    data: bytes
    lfs: bool

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    @property
    def oid(self) -> str:
        body = self.pointer if self.lfs else self.data
        return hashlib.sha1(b"blob %d\0" % len(body) + body).hexdigest()

    @property
    def pointer(self) -> bytes:
        return (
            f"version https://git-lfs.github.com/spec/v1\noid sha256:{self.sha256}\nsize {len(self.data)}\n"
        ).encode()

    @property
    def etag(self) -> str:
        return self.sha256 if self.lfs else self.oid


@dataclass
class Repo:
    id: str
    type: str = "model"
    private: bool = False
    gated: bool = False
    downloads: int = 0
    counted: bool = True  # whether the Hub has counted its parameters
    created: str = field(default_factory=lambda: datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z"))
    commits: dict[str, dict[str, Blob]] = field(default_factory=dict)  # oid -> snapshot
    refs: dict[str, str] = field(default_factory=dict)

    def commit(self, files: dict[str, Blob], branch: str = "main") -> str:
        oid = hashlib.sha1(f"{self.id}{time.time_ns()}{secrets.token_hex(4)}".encode()).hexdigest()
        self.commits[oid], self.refs[branch] = files, oid
        return oid

    def put(self, files: dict[str, bytes], branch: str = "main") -> str:
        """Files straight into the store, as a person's push long ago."""
        kept = self.commits[self.refs[branch]] if branch in self.refs else {}
        return self.commit({**kept, **{n: Blob(d, is_lfs(n, len(d))) for n, d in files.items()}}, branch)

    @property
    def files(self) -> dict[str, bytes]:
        """The newest files, without the one that the Hub makes itself."""
        return {n: b.data for n, b in self.commits[self.refs["main"]].items() if n != ".gitattributes"}

    def resolve(self, revision: str) -> str | None:
        return self.refs.get(revision) or (revision if revision in self.commits else None)

    def card(self) -> dict[str, Any]:
        readme = self.commits[self.refs["main"]].get("README.md")
        found = readme and re.match(r"---\n(.*?)\n---", readme.data.decode(), re.DOTALL)
        return (yaml.safe_load(found[1]) or {}) if found else {}

    def info(self, oid: str, blobs: bool = False) -> dict[str, Any]:
        """As `/api/models/…` answers."""
        files, card = self.commits[oid], self.card()
        config = _config(files)
        siblings = [{"rfilename": path, **(_sizes(b) if blobs else {})} for path, b in sorted(files.items())]
        weights = files.get("model.safetensors")
        info = {
            "_id": oid[:24],
            "id": self.id,
            "modelId": self.id,
            "author": self.id.split("/")[0],
            "sha": oid,
            "private": self.private,
            "gated": "manual" if self.gated else False,
            "disabled": False,
            "createdAt": self.created,
            "lastModified": self.created,
            "downloads": self.downloads,
            "likes": 0,
            "tags": [*card.get("tags", []), *(["safetensors"] if weights else [])],
            "pipeline_tag": card.get("pipeline_tag"),
            "library_name": card.get("library_name", "transformers" if config else None),
            "cardData": card,
            "config": {k: config[k] for k in ("architectures", "model_type") if k in config},
            "siblings": siblings,
        }
        if weights and self.counted:
            count = counted(weights.data)
            info["safetensors"] = {"parameters": count, "total": sum(count.values())}
        return info


def _config(files: dict[str, Blob]) -> dict[str, Any]:
    try:
        config = json.loads(files["config.json"].data)
    except (KeyError, ValueError):
        return {}
    return config if isinstance(config, dict) else {}


def _sizes(blob: Blob) -> dict[str, Any]:
    lfs = {"sha256": blob.sha256, "size": len(blob.data), "pointerSize": len(blob.pointer)}
    return {"size": len(blob.data), "blobId": blob.oid} | ({"lfs": lfs} if blob.lfs else {})


def counted(data: bytes) -> dict[str, int]:
    """Parameters by dtype, from a safetensors header."""
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    count: dict[str, int] = {}
    for name, tensor in header.items():
        if name != "__metadata__":
            size = 1
            for n in tensor["shape"]:
                size *= n
            count[tensor["dtype"]] = count.get(tensor["dtype"], 0) + size
    return count


def is_lfs(name: str, size: int) -> bool:
    return name.endswith(LFS_SUFFIXES) or size > LFS_THRESHOLD


def tiny_safetensors(parameters: int = 6) -> bytes:
    """A valid file of one float32 tensor of zeros."""
    header = json.dumps({"w": {"dtype": "F32", "shape": [parameters], "data_offsets": [0, 4 * parameters]}}).encode()
    return len(header).to_bytes(8, "little") + header + bytes(4 * parameters)
