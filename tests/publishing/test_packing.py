"""The head of a card that somebody edited, and the note of a run's teacher."""

from __future__ import annotations

import pytest

from compressor.errors import PublishError
from compressor.publishing.packing import checked_card, teacher_of
from tests.test_recipe import LAUGHS, MERGES


@pytest.mark.parametrize(
    "head",
    [LAUGHS, MERGES, "a: !!bool x", "a: !!int ''", "a: !!timestamp x", "[" * 20_000, "- a", "a: 1\na: 2"],
    ids=["laughs", "merges", "bool", "int", "time", "deep", "list", "twice"],
)
def test_a_head_made_to_hurt_is_a_sentence(head):
    with pytest.raises(PublishError, match="not valid YAML"):
        checked_card(f"---\n{head}\n---\n# Title", "student")


def test_a_head_as_people_write_it_is_taken():
    text = "---\nlicense: mit\ntags: [a, b]\n---\n# Title \ud800"
    assert checked_card(text, "student") == text.encode("utf-8", "replace")


@pytest.mark.parametrize(
    "note", ["[" * 50_000, '{"languages": 3, "id": [1]}', "[1]", '{"id": ' + "9" * 5000 + "}"], ids=range(4)
)
def test_a_damaged_note_claims_nothing_of_the_teacher(tmp_path, note):
    (tmp_path / "teacher.json").write_text(note, encoding="utf-8")
    found = teacher_of(tmp_path)
    assert (found.id, found.license, found.languages) == (None, None, ())
