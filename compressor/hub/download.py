"""Downloads: asked for first, pinned to a commit, from a list of harmless files, into the owner's own folder, checked after."""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compressor.errors import DiskFullError, HubBusyError, HubError, HubUnreachableError, ModelError
from compressor.events import Progress, silent
from compressor.hub import layout
from compressor.hub.meter import Bar, Meter
from compressor.hub.values import Kind, LocalModel, languages_of, license_of, parse_reference, terms_of
from compressor.recipe import DATA_SUFFIXES
from compressor.system import disk
from compressor.untrusted import caps
from compressor.untrusted.plain import NotPlainError, plain

if TYPE_CHECKING:
    from compressor.hub.client import Hub


def folder_name(owner: str) -> str:
    """A folder for an owner's downloads that no other owner's name leads to, on any file system."""
    return "local" if owner == "local" else "o-" + hashlib.sha256(owner.encode()).hexdigest()[:32]


def listed(info: Any) -> tuple[tuple[str, int], ...]:
    """Every file of the repo, with its bytes."""
    return tuple((str(s.rfilename), int(s.size or 0)) for s in info.siblings or ())


def card_of(info: Any) -> dict[str, Any]:
    """The head of the repo's card, as plain data."""
    try:
        return dict(plain(info.card_data.to_dict(), 1_000_000)) if info.card_data else {}
    except NotPlainError:
        return {}  # a stranger's: one that cannot be held says nothing


def fetch_config(hub: Hub, ref: str) -> Path:
    info = hub.info(ref, "model")
    names = [name for name, _ in listed(info)]
    _check_config(info.id, names)
    return fetch(hub, info, "model", [n for n in layout.MODEL_FILES if n in names], silent)[0].parent


def fetch_model(hub: Hub, ref: str, revision: str | None, progress: Progress) -> LocalModel:
    try:
        info = hub.info(ref, "model", revision)
    except (HubUnreachableError, HubBusyError):
        # One's own machine, and one's own earlier download: what was there yesterday is good enough without a network.
        # Where strangers share the process nothing is given out that the Hub did not just allow.
        if not hub.settings.hosted and (known := remembered(hub, ref, revision)):
            hub.hold(known.id or parse_reference(ref, hub.settings.hub_endpoint), "model")
            return known
        raise
    sizes = dict(listed(info))
    _check_config(info.id, list(sizes))
    weights = layout.check_weights(info.id, sizes)
    heavy, cap = sum(sizes[n] for n in weights), hub.settings.max_model_bytes
    if heavy > cap:
        raise ModelError(
            f"The weights of {info.id} are {heavy / 1e9:.1f} GB, and this installation takes at most {cap / 1e9:.1f} GB. "
            "Pick a smaller model."
        )
    small = [n for n in layout.MODEL_FILES if n in sizes]
    if layout.INDEX in weights:  # read before its shards are downloaded
        path = fetch(hub, info, "model", [layout.INDEX], progress)[0]
        layout.check_index(info.id, _json(path, info.id), sizes)
    folder = fetch(hub, info, "model", [*small, *weights], progress)[0].parent.resolve()
    card = card_of(info)
    model = LocalModel(folder, info.id, str(info.sha), license_of(card), languages_of(card), terms_of(card, info.id))
    _remember(hub, ref, revision, model)
    return model


def _note(hub: Hub, ref: str, revision: str | None) -> Path:
    ref = parse_reference(ref, hub.settings.hub_endpoint)
    key = hashlib.sha256(f"{hub.settings.hub_endpoint}\n{ref}\n{revision or ''}".encode()).hexdigest()[:32]
    return hub.cache / "fetched" / f"{key}.json"


def _remember(hub: Hub, ref: str, revision: str | None, model: LocalModel) -> None:
    path = _note(hub, ref, revision)
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(f".{uuid.uuid4().hex}")
    fresh.write_text(json.dumps(model.to_json() | {"folder": str(model.folder)}), encoding="utf-8")
    fresh.replace(path)


def remembered(hub: Hub, ref: str, revision: str | None = None) -> LocalModel | None:
    """This owner's last whole download of the model, if it is still there; of a commit also one that did not ask for it."""
    known = _noted(hub, ref, revision)
    if known is None and revision is not None and (latest := _noted(hub, ref, None)) and latest.sha == revision:
        return latest
    return known


def _noted(hub: Hub, ref: str, revision: str | None) -> LocalModel | None:
    try:
        raw = json.loads(_note(hub, ref, revision).read_text(encoding="utf-8"))
        folder = Path(raw["folder"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if not folder.is_dir() or not layout.weight_files(p.name for p in folder.iterdir()):
        return None
    return LocalModel.from_json(raw, folder)


def fetch_files(
    hub: Hub, ref: str, kind: Kind, files: list[str], revision: str | None, progress: Progress
) -> list[Path]:
    info = hub.info(ref, kind, revision)
    known = dict(listed(info))
    for name in files:
        if name not in known:
            raise HubError(f"{info.id} has no file {name!r}. It may have been renamed: look at its page.")
        harmless = name.lower().endswith(DATA_SUFFIXES) if kind == "dataset" else name in layout.MODEL_FILES
        if not harmless:
            raise HubError(
                f"{name!r} of {info.id} is not downloaded: only {', '.join(DATA_SUFFIXES)} files of data sets and the "
                "configs and vocabularies of models are."
            )
    return fetch(hub, info, kind, files, progress)


def fetch(hub: Hub, info: Any, kind: Kind, names: Sequence[str], progress: Progress) -> list[Path]:
    """Files that were found harmless, of the commit that `info` names. Those that this owner has already are not asked
    for again; a transfer that breaks off is resumed.

    Raises:
        DiskFullError: there is no room for them. HubError: the Hub stopped answering.
    """
    sizes = dict(listed(info))
    for name in names:
        limit = hub.settings.max_model_bytes if kind == "dataset" or name.endswith(".safetensors") else _most(name)
        if sizes[name] > limit:
            raise HubError(f"{name} of {info.id} has {sizes[name] / 1e9:.1f} GB: more than is taken here.")
    sha, have = str(info.sha), []
    if not re.fullmatch(r"[0-9a-f]{40}", sha):
        raise HubError(f"The Hub did not say which commit of {info.id} it shows, so nothing was downloaded. Try again.")
    hub.hold(info.id, kind)
    missing = [n for n in names if not _cached(hub, info.id, kind, sha, n, sizes[n])]
    _check_room(hub, sum(sizes[n] for n in missing))
    meter = Meter(progress, sum(sizes[n] for n in missing))
    for name in names:
        path = hub.ask(partial(_one, hub, info.id, kind, sha, name, meter), f"download {info.id}", info.id, kind)
        if path.stat().st_size != sizes[name]:
            raise HubError(
                f"{name} of {info.id} arrived with {path.stat().st_size} bytes in place of {sizes[name]}. Try again; if it "
                f"stays so, remove {path.parent}."
            )
        have.append(path)
        meter.settle(sizes[name] if name in missing else 0)
    return have


def _most(name: str) -> int:
    """Bytes that a file of a model which is no weights may have."""
    vocabulary = name in layout.VOCABULARIES or name == "merges.txt"
    return caps.VOCABULARY_BYTES if vocabulary or name == layout.INDEX else caps.JSON_BYTES


def _one(hub: Hub, repo: str, kind: Kind, sha: str, name: str, meter: Meter) -> Path:
    meter.rewind()

    class Counted(Bar):
        count = meter

    path = hub.api.hf_hub_download(
        repo,
        name,
        repo_type=kind,
        revision=sha,
        cache_dir=hub.cache,
        tqdm_class=Counted,  # type: ignore[arg-type]
    )
    return Path(path)


def _cached(hub: Hub, repo: str, kind: Kind, sha: str, name: str, size: int) -> bool:
    """Whether it is there, whole; what a full disk or a hard stop left cut short is removed, to be asked for again."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(repo, name, hub.cache, sha, kind)
    if not isinstance(found, str):
        return False
    path = Path(found)
    if path.stat().st_size == size:
        return True
    path.resolve().unlink()
    path.unlink(missing_ok=True)
    return False


def _check_config(repo: str, names: Sequence[str]) -> None:
    if "config.json" not in names:
        raise ModelError(
            f"{repo} has no config.json, so it is not a model that transformers can load. Pick another model."
        )


def _check_room(hub: Hub, needed: int) -> None:
    folder = hub.cache
    folder.mkdir(parents=True, exist_ok=True)
    free = disk.room(folder)[0]
    # What strangers look at may not take the room that their runs are promised.
    if needed and needed + disk.reserve(folder, hub.settings.min_free_share) > free:
        raise DiskFullError(
            f"The download needs {needed / 1e6:.0f} MB, and the disk that holds {folder} has {free / 1e6:.0f} MB left. "
            "Make room and try again."
        )


def _json(path: Path, repo: str) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        raise ModelError(f"{path.name} of {repo} cannot be read as JSON, so this model cannot be loaded.") from None


def count_parameters(hub: Hub, info: Any, files: Sequence[str]) -> int:
    """Parameters, from the headers of the weights (some kilobytes each), for repos that the Hub has not counted.

    Raises:
        HubError: they cannot be had. ModelError: one cannot be read.
    """
    from huggingface_hub.errors import SafetensorsParsingError

    total = 0
    for name in files:
        try:
            header = hub.ask(
                partial(hub.api.parse_safetensors_file_metadata, info.id, name, revision=info.sha),
                f"read the header of {name}",
                info.id,
            )
        except SafetensorsParsingError:
            raise ModelError(f"{name} of {info.id} is not a safetensors file, whatever its name says.") from None
        total += sum(header.parameter_count.values())
    return total
