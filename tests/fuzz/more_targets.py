"""The rest of the targets: references to repos, models' files, what lies in a run's folder, the page's forms and boxes."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from hypothesis import strategies as st

from compressor.errors import CompressorError
from compressor.settings import Settings
from tests.fuzz import strategies as some
from tests.fuzz.targets import FOLDER, HOSTED, SETTINGS, target, told


def _folder(name: str, **files: bytes) -> Path:
    place = FOLDER / name
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    for file, content in files.items():
        (place / file.replace("__", ".")).write_bytes(content)
    return place


# ---------------------------------------------------------------------- references

_addresses = st.builds(
    lambda scheme, host, path: scheme + host + path,
    st.sampled_from(("", "http://", "https://", "hf://", "HTTPS://", "file://", "://", "javascript:")),
    st.sampled_from(("huggingface.co", "hf.co", "example.com", "[::1", "a:b@hf.co", "hf.co:99999999", "")) | some.texts,
    st.sampled_from(("/a/b", "/datasets/a/b/tree/main", "/models", "/a/b?x=%zz#y", "//", "/%2e%2e/%2e%2e"))
    | some.texts,
)


@target(some.texts | _addresses, share=20)
def references(text: str) -> None:
    from compressor.hub import is_id, parse_reference
    from compressor.publishing.sharing import hub_id
    from compressor.teachers import local_folder, looks_local

    looks_local(text), hub_id(text)
    for settings in (SETTINGS, HOSTED):
        try:
            folder = local_folder(text, settings)
            assert not settings.hosted or folder is None or text == "demo"
        except CompressorError as error:
            told(str(error))
    found = parse_reference(text, "http://hub.example:8080")
    assert is_id(found) and len(found) <= 96 and ".." not in found and not found.startswith("/")


@target(
    st.tuples(some.texts | _addresses, st.lists(some.texts, min_size=1, max_size=3, unique=True)),
    warm=(("a/b", ["x"]),),
)
def names_of_repos(value: tuple[str, list[str]]) -> None:
    from compressor.hub import is_id
    from compressor.publishing.publish import repo_names
    from compressor.ui.publishing import NAME, suggested

    repo, variants = value
    assert NAME.fullmatch(suggested(repo))
    assert all(is_id(name) for name in repo_names(repo, variants).values())


_files = st.lists(
    st.sampled_from(("train.csv", "a/train.csv", "data/x.parquet", ".csv", "a/.csv", "..csv", "en/test.jsonl", "README.md",
                     "model.safetensors", "model-00001-of-00002.safetensors", "model.safetensors.index.json", "x.bin",
                     "a/" * 40 + "x.csv", "a" * 200 + ".csv")) | some.texts, max_size=6,
)  # fmt: skip
_patterns = st.one_of(
    st.sampled_from(
        ("*", "**", "train*", "**/*.csv", "**/" * 30 + "x", "*a" * 40, "?" * 40, "[a-", "../*", "http://x/y.csv")
    ),
    some.texts,
)
_cards = some.keyed(
    {
        "configs": st.lists(
            some.keyed(
                {
                    "config_name": some.texts,
                    "data_dir": some.texts,
                    "data_files": _patterns | st.lists(_patterns, max_size=3)
                    | st.lists(some.keyed({"split": some.texts, "path": _patterns | st.lists(_patterns)}), max_size=3),
                }
            ),
            max_size=3,
        ),
        "license": some.texts,
        "language": some.texts,
    }
)  # fmt: skip


@target(st.tuples(_files, _cards | st.dictionaries(some.texts, some.wild, max_size=2), some.wild))
def repos_of_others(value: tuple[list[str], dict[str, Any], Any]) -> None:
    from compressor.data.sources import choose_splits, choose_subset
    from compressor.hub import HubDataset, layout
    from compressor.hub.download import card_of
    from compressor.hub.values import languages_of, license_of

    names, said, index = value
    card = card_of(SimpleNamespace(card_data=SimpleNamespace(to_dict=lambda: said)))
    license_of(card), languages_of(card)
    found = layout.subsets(names, card)
    assert all(file in names for splits in found.values() for files in splits.values() for file in files)
    for check in (
        lambda: layout.check_weights("user/name", names),
        lambda: layout.check_index("user/name", index, names),
        lambda: layout.check_index("user/name", {"weight_map": index}, names),
    ):
        try:
            check()
        except CompressorError as error:
            told(str(error))
    listed = HubDataset("user/name", "0", None, tuple((n, 1) for n in names), found)
    choose_splits(listed.id, found[choose_subset(listed, None)])


# ---------------------------------------------------------------------- models


# Libraries that come in with the first model of a kind.
_KNOWN = tuple(
    (some.as_json({"model_type": kind, "vocab_size": 64, **config}), b"\2" + b"\0" * 7 + b"{}")
    for kind, config in some.CONFIGS.items()
)


@target(st.tuples(some.json_files(some.configs), some.safetensors), share=20, warm=_KNOWN)
def configs_and_headers(value: tuple[bytes, bytes]) -> None:
    from compressor import models
    from compressor.formats.stored import stored_format
    from compressor.measure.stored import stored_dtype, stored_parameters
    from compressor.planning.inspecting import task_of

    config, weights = value
    folder = _folder("model", config__json=config, model__safetensors=weights)
    assert stored_parameters(folder) >= 0
    assert len(stored_dtype(folder)) < 20
    raw = models.read_config(folder)
    task, _ = task_of(raw)
    for name in task.label_names(raw):
        name.encode()
    stored_format(folder)


@target(st.tuples(some.json_files(some.configs), some.safetensors), share=2, warm=_KNOWN)
def inspected_models(value: tuple[bytes, bytes]) -> None:
    from compressor.planning.inspecting import inspect

    folder = _folder("model", config__json=value[0], model__safetensors=value[1])
    inspect(str(folder), settings=SETTINGS, hub=None)  # type: ignore[arg-type]  # a folder asks no Hub


# ---------------------------------------------------------------------- a run's folder

_times = st.floats(1e9, 2e9) | some.numbers
_cards_of_jobs = some.keyed(
    {
        "id": st.just("0" * 32),
        "owner": some.texts,
        "kind": st.sampled_from(("run", "compare")) | some.texts,
        "title": some.texts,
        "share_key": some.texts,
        "created": _times,
        "asked": some.recipe_values | st.fixed_dictionaries({"models": st.lists(some.texts, max_size=3), "data": some.wild}),
        "token": st.booleans() | some.leaves,
    },
    rate=20,
    base={"id": "0" * 32, "owner": "local", "kind": "run", "title": "a run", "share_key": "x", "created": 1.7e9,
          "asked": {"teacher": "demo", "data": {"source": "demo"}}},
)  # fmt: skip
_states = some.keyed(
    {
        "status": st.sampled_from(("queued", "running", "finished", "failed", "lost")) | some.texts,
        "stage": some.texts,
        "finished_stages": st.lists(some.texts, max_size=3),
        "error": st.none() | some.texts,
        "started": _times,
        "updated": _times,
        "pid": some.numbers,
        "process": some.texts,
    }
)


@target(st.tuples(some.json_files(_cards_of_jobs), some.json_files(_states)), share=15)
def folders_of_jobs(value: tuple[bytes, bytes]) -> None:
    from compressor.jobs.job import parse, read_card
    from compressor.jobs.rebuild import reconcile
    from compressor.jobs.table import Table

    card, state = value
    jobs = _folder("jobs")
    _folder("jobs/" + "0" * 32, job__json=card, state__json=state)
    for old in FOLDER.glob("jobs.sqlite*"):
        old.unlink()
    table = Table(FOLDER / "jobs.sqlite")
    try:
        reconcile(table, jobs)
        table.rows()
    finally:
        table.close()
    parse(read_card(jobs / ("0" * 32))["asked"])


_quality = some.keyed({"metric": some.texts, "better": st.just("higher"), "value": some.numbers,
                       "ci95": st.tuples(some.numbers, some.numbers), "rows": some.numbers}, rate=12,
                      base={"metric": "accuracy", "better": "higher", "value": 0.9, "ci95": (0.8, 1.0), "rows": 9})  # fmt: skip
_variants = some.keyed(
    {
        "name": some.texts,
        "base": some.texts,
        "dtype": some.texts,
        "path": some.texts,
        "load": some.texts,
        "bytes": some.numbers,
        "parameters": some.numbers,
        "quality": _quality,
        "retained": some.numbers,
        "notes": st.lists(some.texts, max_size=2),
    },
    rate=30,
    base={"name": "student", "dtype": "float32", "path": "variants/student", "load": "x", "bytes": 9, "parameters": 2},
)
_reports = some.keyed(
    {
        "schema": st.just(1), "task": st.just("text-classification/single"), "teacher": some.texts,
        "variants": st.lists(_variants, max_size=3), "seconds": st.dictionaries(some.texts, some.numbers, max_size=2),
        "hardware": some.keyed({"cpu": some.texts}), "notes": st.lists(some.texts, max_size=2),
    },
    rate=12,
    base={
        "schema": 1, "task": "text-classification/single", "teacher": "demo",
        "variants": [{"name": name, "dtype": "float32", "path": f"variants/{name}", "load": "x", "bytes": 9, "parameters": 2}
                     for name in ("teacher", "student")],
    },
)  # fmt: skip
_teachers = some.keyed(
    {"id": some.texts, "sha": some.texts, "license": some.texts, "languages": st.lists(some.texts, max_size=2)}
)


@target(
    st.tuples(some.json_files(_reports), some.json_files(_states), some.json_files(_teachers), some.yaml_texts),
    share=15,
    warm=((b"{}", b"{}", b"{}", "teacher: demo"),),
)
def folders_of_runs(value: tuple[bytes, bytes, bytes, str]) -> None:
    from compressor.publishing.packing import default_variants, files_of, recipe_of, teacher_of
    from compressor.runfolder import RunFolder

    report, state, teacher, recipe = value
    recipe_bytes = recipe.encode("utf-8", "surrogatepass")
    folder = _folder("run", report__json=report, state__json=state, teacher__json=teacher, recipe__yaml=recipe_bytes)
    _folder("run/variants/student", config__json=b"{}", model__safetensors=b"")
    run = RunFolder(folder)
    assert isinstance(run.state(), dict)
    run.recipe_or_none(), run.log_tail()
    teacher_of(folder)
    try:
        recipe_of(folder)
    except CompressorError as error:
        told(str(error))
    found = run.report()
    found.to_json()
    for name in default_variants(found):
        files_of(folder, found, name)


_events = st.lists(some.json_files(some.keyed({"time": _times, "stage": some.texts, "metrics": some.wild})), max_size=4)


@target(st.tuples(_events.map(b"\n".join), st.sampled_from((0, 1, 5, 10**9))))
def event_logs(value: tuple[bytes, int]) -> None:
    from compressor.events import read_events

    log, since = value
    path = _folder("events", events__jsonl=log) / "events.jsonl"
    found, then = read_events(path, since)
    assert then >= since and all(isinstance(event, dict) for event in found)


# ---------------------------------------------------------------------- the page

_field = some.leaves | some.wild
_forms = some.keyed(
    {
        "teacher": some.texts, "size": st.sampled_from(("half", "tiny", "none")), "source": some.texts, "subset": some.texts,
        "train": some.texts, "validation": some.texts, "test": some.texts, "text": some.texts, "text_pair": some.texts,
        "label": some.texts, "labels": st.lists(st.lists(some.leaves, max_size=3), max_size=3), "new_head": st.booleans(),
        "formats": st.lists(st.sampled_from(("8bit", "4bit")), max_size=2), "budget": st.sampled_from(("quick", "balanced")),
        "epochs": some.numbers, "limit": some.numbers, "max_length": some.numbers, "learning_rate": some.numbers,
        "batch_size": some.numbers, "temperature": some.numbers, "seed": some.numbers, "layers": some.numbers,
        "hidden": some.numbers, "intermediate": some.numbers, "thin": some.numbers,
        "alpha": some.numbers, "student_model": some.texts,
        "distill": st.booleans(), "more": some.yaml_texts,
    },
    rate=15,
    base={"teacher": "demo", "source": "demo", "size": "half"},
    few=4,
)  # fmt: skip


@target(st.tuples(_forms, st.booleans()), share=15)
def forms(value: tuple[dict[str, Any], bool]) -> None:
    from compressor.recipe import Recipe
    from compressor.ui.form import Form, recipe_text, to_raw

    said, trains = value
    form = Form(**{k: v for k, v in said.items() if k in Form.__dataclass_fields__})
    assert isinstance(form.learns, bool) and form.has_data >= bool(form.files.keys() & {"train", "test"})
    raw = to_raw(form, trains=trains)
    Recipe.parse(raw).to_yaml().encode()
    recipe_text(form, trains=trains).encode()


@target(
    st.tuples(some.json_files(st.dictionaries(some.texts, some.wild, max_size=3)), some.texts, some.texts),
    warm=((b"{}", "a", "b"),),
)
def edited_cards(value: tuple[bytes, str, str]) -> None:
    from compressor.publishing.card import renamed
    from compressor.ui.card_panel import Handlers, body, read_cards

    edited, of, text = value
    box = edited.decode("utf-8", "replace")
    for name, card in read_cards(box).items():
        assert isinstance(name, str) and isinstance(card.text, str)
        assert renamed(card.text, card.names, card.names) == card.text
    kept, _ = Handlers.edit(of, text, box, box)
    assert read_cards(kept)[of].text == text
    body(text)


_heads = st.builds(
    lambda head, rest, end: f"---{end}{head}{end}---{end}{rest}",
    some.yaml_texts,
    some.texts,
    st.sampled_from(("\n", "\r\n", " \n", "\r")),
)


@target(_heads | some.texts | some.yaml_texts)
def cards_to_publish(text: str) -> None:
    from compressor.publishing.packing import checked_card

    checked_card(text, "student-8bit")


_environ = st.dictionaries(
    st.sampled_from(("COMPRESSOR_HOSTED", "SPACE_ID", "HF_ENDPOINT", "HF_TOKEN", "GRADIO_SERVER_PORT", "GRADIO_SERVER_NAME",
                     "COMPRESSOR_MAX_RUN_MINUTES", "COMPRESSOR_DEBUG", "SYSTEM", "OAUTH_CLIENT_ID")),
    some.texts,
)  # fmt: skip


@target(_environ, share=3)
def environments(value: dict[str, str]) -> None:
    Settings.from_environ(value)
