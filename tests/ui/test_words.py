"""Every sentence that the page asks for is in the catalogue, and every one in the catalogue is asked for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from compressor.recipe import SIZES
from compressor.ui import words
from compressor.ui.words import en, en_form, en_results

UI = Path(words.__file__).resolve().parent.parent
SOURCE = "\n".join(p.read_text(encoding="utf-8") for p in UI.glob("*.py"))
# Families whose last part is computed: their keys are spelt out by code (a stage, a status, a role, a size …).
FAMILIES = (
    "stage.",
    "status.",
    "size.",
    "role.",
    "advanced.",
    "options.",
    "flips.",
    "classes.",
    "run.",
    "data.",
    "curve.",
    "limit.",
    "place.",
    "suits.",
    "target.",
    "robust.",
)


def test_every_key_in_the_code_has_a_sentence() -> None:
    used = set(re.findall(r"\bt\(\s*\"([a-z0-9_.\-]+)\"", SOURCE))
    assert used
    assert used - set(en.WORDS) == set()


def test_no_sentence_is_left_over() -> None:
    literal = set(re.findall(r'["\']([a-z0-9_]+(?:\.[a-z0-9_\-]+)?)["\']', SOURCE))
    titles = {f"{key}.{part}" for key in literal for part in ("title", "lead")}
    left = {k for k in en.WORDS if k not in literal and k not in titles and not k.startswith(FAMILIES)}
    assert left == set()


def test_the_parts_do_not_overlap() -> None:
    parts = [Path(module.__file__).read_text(encoding="utf-8") for module in (en, en_form, en_results)]
    keys = [key for part in parts for key in re.findall(r'^    "([a-z0-9_]+[^" ]*)":', part, re.M)]
    assert len(keys) == len(set(keys)) == len(en.WORDS)


def test_sizes_statuses_and_stages_have_words() -> None:
    statuses = ("queued", "running", "finished", "failed", "cancelled", "interrupted")
    stages = (
        "download",
        "data",
        "fine-tune",
        "teacher-logits",
        "distill",
        "control",
        "search",
        "8bit",
        "4bit",
        "measure",
    )
    wanted = [f"size.{s}" for s in SIZES] + [f"status.{s}" for s in statuses] + [f"stage.{s}" for s in stages]
    assert [k for k in wanted if k not in en.WORDS] == []


def test_a_key_that_is_not_there_is_an_error() -> None:
    with pytest.raises(KeyError):
        words.t("no.such.key")
    assert words.t("card.more", n=3) == "and 3 more"
