"""Publishing against the loopback Hub with the real client: whole or not at all, whatever fails."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile

import pytest
import yaml

from compressor import formats, tasks
from compressor.errors import (
    AccessDeniedError,
    BelowFloorError,
    PublishError,
    RepoExistsError,
    RunError,
)
from compressor.formats.stored import INT8, ONNX, OPENVINO, OPENVINO_WEIGHTS
from compressor.publishing.publish import cards, default_variants, publish, repo_names, zip_variant
from compressor.report import Report
from tests import run_folder
from tests.run_folder import NAMES, VARIANTS, is_whole, variant


@pytest.fixture
def run(tmp_path):
    return run_folder.make(tmp_path / "run")


# ---------------------------------------------------------------------- what, and under which name


def test_the_default_is_the_smallest_above_the_floor():
    def of(*variants):
        return Report(task="text-classification", teacher="t", variants=(VARIANTS[0], *variants))

    assert default_variants(of(*VARIANTS[1:]), 0.95) == ["student-8bit"]
    assert default_variants(of(*VARIANTS[1:]), 0.9) == ["student-4bit"]
    assert default_variants(of(*VARIANTS[1:]), 0.99) == ["student"]
    unjudged = [variant("a", "teacher", "8bit", 20, None), variant("b", "teacher", "4bit", 10, None)]
    assert default_variants(of(*unjudged)) == ["b"]
    agreeing = [v.model_copy(update={"agreement": share}) for v, share in zip(unjudged, (0.97, 0.6), strict=True)]
    assert default_variants(of(*agreeing)) == ["a"]
    assert default_variants(of(*agreeing), 0.99) == ["a"]
    with pytest.raises(PublishError, match="nothing to publish"):
        default_variants(of())


def test_one_repo_a_variant():
    assert repo_names("a/m", ["student"]) == {"student": "a/m"}
    assert repo_names("a/m", ["x", "y z/w"]) == {"x": "a/m-x", "y z/w": "a/m-y-z-w"}
    for bad in ("a/m m", "a/b/c", "a/..", "a/" + "m" * 97, "a/-"):
        with pytest.raises(PublishError, match=r"cannot be a repo's name"):
            repo_names(bad, ["x"])
    with pytest.raises(PublishError, match="one repo"):
        repo_names("a/m", ["x y", "x/y"])


# ---------------------------------------------------------------------- the whole way


def test_publishes_private_and_whole(hub_server, hub_as, run):
    done = publish(run, "alice/m", hub=hub_as("hf_alice"))
    repo = hub_server.repos["model", "alice/m"]
    assert [(p.variant, p.repo_id, p.url, p.warnings) for p in done] == [
        ("student-8bit", "alice/m", f"{hub_server.url}/alice/m", ())
    ]
    assert repo.private and is_whole(repo, run, "student-8bit")
    assert len(repo.commits) == 2  # the Hub's own first one, and ours
    assert {r.token for r in hub_server.log if "/_lfs/" not in r.path} == {"hf_alice"}


def test_publishes_several_and_links_them(hub_server, hub_as, run):
    done = publish(run, "m", hub=hub_as("hf_alice"), variants=["student-8bit", "student"], public=True)
    assert [p.repo_id for p in done] == ["alice/m-student", "alice/m-student-8bit"]  # what others are made from first
    assert not any(hub_server.repos["model", p.repo_id].private for p in done)
    student, quantized = (hub_server.repos["model", p.repo_id].card() for p in done)
    assert (student["base_model"], student["base_model_relation"]) == ("x/teacher", "finetune")
    assert (quantized["base_model"], quantized["base_model_relation"]) == ("alice/m-student", "quantized")


def test_nothing_that_is_published_says_where_files_lie(hub_server, hub_as, tmp_path):
    recipe = {"teacher": "/home/ann/teacher", "data": {"source": {"train": "/home/ann/rows.csv"}}}
    run = run_folder.make(tmp_path / "run", recipe=recipe, teacher=None)
    publish(run, "alice/m", hub=hub_as("hf_alice"), variants=["student"])
    files = hub_server.repos["model", "alice/m"].files
    assert yaml.safe_load(files["recipe.yaml"])["data"]["source"]["train"] == "rows.csv"
    assert not [name for name, data in files.items() if b"/home/ann" in data or str(tmp_path).encode() in data]
    with zipfile.ZipFile(zip_variant(run, "student", tmp_path)) as archive:
        assert b"/home/ann" not in archive.read("student/recipe.yaml")


def test_an_edited_card_is_published_as_it_is(hub_server, hub_as, run):
    text = "---\nlicense: mit\n---\n# My own words: \u4f60\u597d\n"
    publish(run, "alice/m", hub=hub_as("hf_alice"), variants=["student"], card_text={"student": text})
    assert hub_server.repos["model", "alice/m"].files["README.md"].decode() == text


@pytest.mark.parametrize(
    "text", ["---\na: b: c\n---\n", "---\n- a\n---\n", "---\nbase_model_relation: nonsense\n---\n"]
)
def test_a_card_that_the_hub_would_refuse_leaves_nothing(hub_server, hub_as, run, text):
    with pytest.raises(PublishError, match="head of the model card"):
        publish(run, "alice/m", hub=hub_as("hf_alice"), variants=["student"], card_text={"student": text})
    assert not hub_server.repos


# ---------------------------------------------------------------------- who may, and what is good enough


@pytest.mark.parametrize(
    ("token", "repo", "words"),
    [
        ("hf_alice_reads", "alice/m", "can only read"),
        ("hf_alice", "bob/m", "may not create repos under 'bob'"),
        ("hf_alice_fine", "alice/m", "It may under: acme"),
        (None, "alice/m", "sign in"),
        ("hf_wrong", "alice/m", "does not accept this token"),
    ],
)
def test_who_may_not_write_leaves_nothing(hub_server, hub_as, run, token, repo, words):
    with pytest.raises(AccessDeniedError, match=words):
        publish(run, repo, hub=hub_as(token))
    assert not hub_server.repos
    assert set(hub_server.paths()) <= {"GET /api/whoami-v2"}


def test_writes_to_an_organization(hub_server, hub_as, run):
    publish(run, "acme/m", hub=hub_as("hf_alice_fine"))
    assert is_whole(hub_server.repos["model", "acme/m"], run, "student-8bit")


def test_a_taken_name_is_refused_before_anything_is_made(hub_server, hub_as, run):
    before = hub_server.add("alice/m-student-8bit", {"README.md": b"precious"})
    with pytest.raises(RepoExistsError, match="alice/m-student-8bit already"):
        publish(run, "alice/m", hub=hub_as("hf_alice"), variants=["student", "student-8bit"])
    assert list(hub_server.repos) == [("model", "alice/m-student-8bit")]
    assert before.files == {"README.md": b"precious"}


def test_overwrites_only_when_told_and_by_one_commit(hub_server, hub_as, run):
    repo = hub_server.add("alice/m", {"old.safetensors": b"old", "README.md": b"old"})
    publish(run, "alice/m", hub=hub_as("hf_alice"), variants=["student"], overwrite=True)
    assert is_whole(repo, run, "student") and len(repo.commits) == 2 and not repo.private


def test_the_floor(hub_server, hub_as, run):
    hub = hub_as("hf_alice")
    with pytest.raises(BelowFloorError, match=r"student-4bit keeps 91\.0%"):
        publish(run, "alice/m", hub=hub, variants=["student-4bit"])
    for kept in (0.92, 1.0):
        with pytest.raises(BelowFloorError):
            publish(run, "alice/m", hub=hub, variants=["student-4bit"], min_retained=kept, confirm_below=True)
    assert not hub_server.repos
    done = publish(run, "alice/m", hub=hub, variants=["student-4bit"], confirm_below=True)
    assert "under 95.0%" in done[0].warnings[0]
    assert publish(run, "alice/n", hub=hub, min_retained=0.9, confirm_below=True)[0].variant == "student-4bit"


def test_what_was_not_judged_is_said_or_refused(hub_server, hub_as, tmp_path):
    run = run_folder.make(tmp_path / "run", (VARIANTS[0], variant("8bit", "teacher", "8bit", 20, None)))
    with pytest.raises(BelowFloorError, match="not judged"):
        publish(run, "alice/m", hub=hub_as("hf_alice"), min_retained=0.5)
    assert "not measured" in publish(run, "alice/m", hub=hub_as("hf_alice"))[0].warnings[0]


def test_only_what_the_run_made_is_published(hub_server, hub_as, run, tmp_path):
    hub = hub_as("hf_alice")
    with pytest.raises(PublishError, match="not made by this run"):
        publish(run, "alice/m", hub=hub, variants=["teacher"])
    with pytest.raises(RunError, match="no variant 'other'"):
        publish(run, "alice/m", hub=hub, variants=["other"])
    (run / "variants" / "student" / "model.safetensors").unlink()
    with pytest.raises(PublishError, match="no whole model"):
        publish(run, "alice/m", hub=hub, variants=["student"])
    (run / "recipe.yaml").unlink()
    with pytest.raises(PublishError, match="comparison"):
        publish(run, "alice/m", hub=hub)
    with pytest.raises(RunError, match="no finished run"):
        publish(tmp_path / "nothing", "alice/m", hub=hub)
    assert not hub_server.repos


# ---------------------------------------------------------------------- taken home


def test_a_zip_holds_the_model_and_no_more(run, tmp_path):
    path = zip_variant(run, "student", tmp_path / "out")
    assert path == tmp_path / "out" / "student.zip"
    with zipfile.ZipFile(path) as archive:
        assert set(archive.namelist()) == {f"student/{n}" for n in NAMES - {"README.md"}}
        assert archive.read("student/model.safetensors") == (run / "variants/student/model.safetensors").read_bytes()
        assert yaml.safe_load(archive.read("student/recipe.yaml"))["teacher"] == "x/teacher"
    assert zip_variant(run, "student", tmp_path / "named.zip") == tmp_path / "named.zip"
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["student.zip"]
    with pytest.raises(PublishError, match="not made by this run"):
        zip_variant(run, "teacher", tmp_path)


# ---------------------------------------------------------------------- where it runs


def test_the_pages_process_writes_cards_without_torch(run):
    code = (
        "import sys, pathlib; from compressor.publishing.publish import cards;"
        f"cards(pathlib.Path({str(run)!r}), 'alice/m', ['student']);"
        "print({'torch', 'transformers', 'huggingface_hub', 'gradio'} & set(sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert ran.stdout.strip() == "set()"


# ---------------------------------------------------------------------- what a visitor does


@pytest.mark.parametrize("fmt", ["float", "onnx", "onnx-int8", "openvino-int8"])
def test_the_cards_snippet_loads_that_repo_without_this_project(hub_server, hub_as, tmp_path, fmt):
    """A real model goes up; a process that has never heard of this project runs the card's code against the Hub."""
    from tests import tiny

    runtime = formats.get(fmt).runtime
    made = variant("student", "teacher", fmt, 300_000, 0.98, runtime=runtime)
    run = run_folder.make(tmp_path / "run", (VARIANTS[0], made))
    folder = run / "variants" / "student"
    if fmt == "float":
        tiny.bert(folder, labels=("cold", "warm"))
    else:
        source = tiny.bert(tmp_path / "m", labels=("cold", "warm"))
        formats.get(fmt).make(source, folder, tasks.get("text-classification"), tiny.rows())
    publish(run, "alice/tiny", hub=hub_as("hf_alice"), public=True)
    files = hub_server.repos["model", "alice/tiny"].files
    weights = {"model.safetensors", ONNX, INT8, OPENVINO, OPENVINO_WEIGHTS}
    assert [name for name in files if name in weights] == formats.get(fmt).weights(folder)
    card = files["README.md"].decode()
    head = yaml.safe_load(card.split("---\n")[1])
    library, tag = {"float": ("transformers", None), "openvino": ("openvino", "openvino")}.get(
        fmt.removesuffix("-int8"), ("transformers.js", "onnx")
    )
    assert head["library_name"] == library
    assert [one for one in ("onnx", "openvino") if one in head["tags"]] == ([tag] if tag else [])
    js = re.search(r"```js\n(.*?)\n```", card, re.DOTALL)
    assert (js is None) == (library != "transformers.js")
    assert js is None or f'"alice/tiny", {{ dtype: "{"q8" if fmt == "onnx-int8" else "fp32"}" }}' in js[1]
    assert card.split("---\n", 2)[2] == cards(run, "alice/tiny", ["student"])["student"].split("---\n", 2)[2]
    snippet = re.search(r"```python\n(.*?)\n```", card, re.DOTALL)[1]
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "PYTHON"))}
    environ |= {"HF_ENDPOINT": hub_server.url, "HF_HOME": str(tmp_path / "home"), "HF_HUB_DISABLE_XET": "1"}
    environ |= {"OMP_NUM_THREADS": "1"}
    ran = subprocess.run(
        [sys.executable, "-c", snippet],
        check=False,
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert ran.returncode == 0, ran.stderr
    assert "cold" in ran.stdout or "warm" in ran.stdout
