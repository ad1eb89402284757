"""Exports of annotation tools are read as the tool means them, or refused by its name; what was rejected there does not count."""

import json

import pytest

from compressor.data.ledger import NO_LABEL, REJECTED
from compressor.errors import DataError
from tests.data.files import run, sentences, write_csv, write_jsonl


def label_studio(text, label, **annotation):
    result = [{"type": "choices", "from_name": "mood", "to_name": "text", "value": {"choices": [label]}}]
    return {"id": 1, "data": {"text": text}, "annotations": [{"result": result, "was_cancelled": False, **annotation}]}


def prodigy(text, label, answer="accept"):
    options = [{"id": 1, "text": "negative"}, {"id": 2, "text": "positive"}]
    chosen = [option["id"] for option in options if option["text"] == label]
    return {"text": text, "options": options, "accept": chosen, "answer": answer, "_input_hash": 5, "_task_hash": 6}


def prodigy_binary(text, label, answer="accept"):
    return {"text": text, "label": label, "answer": answer, "_input_hash": 5, "_task_hash": 6, "_timestamp": 7}


def spacy(text, label):
    return {"text": text, "cats": {name: float(name == label) for name in ("negative", "positive")}}


def doccano(text, label):
    return {"id": 1, "text": text, "label": [label], "Comments": []}


READ = {
    "Label Studio": label_studio, "Prodigy": prodigy, "Prodigy, one label": prodigy_binary, "spaCy": spacy,
    "spaCy's pairs": lambda text, label: [text, {"cats": spacy(text, label)["cats"]}], "doccano": doccano,
}  # fmt: skip


@pytest.mark.parametrize("tool", READ)
@pytest.mark.parametrize("lines", [False, True])
def test_labels_are_those_of_the_tool(tmp_path, tool, lines):
    rows = [READ[tool](text, label) for text, label in sentences(60)]
    path = tmp_path / ("a.jsonl" if lines else "a.json")
    if lines:
        write_jsonl(path, rows)
    else:
        path.write_text(json.dumps(rows), encoding="utf-8")
    found = run(path)
    of = dict(sentences(60))
    assert found.labels.kind == "single"
    assert all(("negative", "positive")[row["label"]] == of[row["text"]] for row in found.train)
    assert found.rows.read == 60 and not found.rows.left_out


@pytest.mark.parametrize(
    "rejected",
    [
        lambda text, label: label_studio(text, "positive" if label == "negative" else "negative", was_cancelled=True),
        lambda text, label: prodigy(text, "positive" if label == "negative" else "negative", answer="reject"),
        lambda text, label: prodigy_binary(text, "positive" if label == "negative" else "negative", answer="ignore"),
    ],
)
def test_what_was_rejected_does_not_count_and_is_counted(tmp_path, rejected):
    write = label_studio if "annotations" in rejected("a", "negative") else prodigy
    if "accept" not in rejected("a", "negative") and write is prodigy:
        write = prodigy_binary
    rows = [write(text, label) for text, label in sentences(60)]
    rows += [rejected(text, label) for text, label in sentences(20, start=500)]
    found = run(write_jsonl(tmp_path / "a.jsonl", rows))
    assert found.rows.left_out == {REJECTED: 20} and found.rows.read == 80
    assert any("20 rejected or skipped in the annotation tool" in note for note in found.notes)


def test_the_commonest_answer_of_several_annotators_counts(tmp_path):
    rows = []
    for text, label in sentences(60):
        row = label_studio(text, label)
        other = label_studio(text, "positive" if label == "negative" else "negative")["annotations"]
        rows.append(row | {"annotations": other + row["annotations"] * 2})
    found = run(write_jsonl(tmp_path / "a.jsonl", rows))
    of = dict(sentences(60))
    assert all(("negative", "positive")[row["label"]] == of[row["text"]] for row in found.train)


def test_several_choices_are_several_labels(tmp_path):
    sets = [["a"], ["b"], ["a", "b"], ["c"], ["b", "c"], ["a", "c"]]
    rows = [label_studio(text, "x") for text, _ in sentences(60)]
    for i, row in enumerate(rows):
        row["annotations"][0]["result"][0]["value"]["choices"] = sets[i % 6]
    found = run(write_jsonl(tmp_path / "a.jsonl", rows), names=None, kind=None)
    assert (found.labels.kind, found.labels.names) == ("multi", ("a", "b", "c"))
    # The same as Label Studio writes it into a table: one choice plain, several as an object in a cell.
    cells = [one[0] if len(one) == 1 else json.dumps({"choices": one}) for one in sets]
    table = [[text, cells[i % 6]] for i, (text, _) in enumerate(sentences(60))]
    found = run(write_csv(tmp_path / "a.csv", table), names=None, kind=None)
    assert (found.labels.kind, found.labels.names) == ("multi", ("a", "b", "c"))


SPANS = {
    "Label Studio": lambda text: {
        "data": {"text": text},
        "annotations": [{"result": [{"type": "labels", "value": {"start": 0, "end": 4, "labels": ["PER"]}}]}],
    },
    "Prodigy": lambda text: {
        "text": text,
        "spans": [{"start": 0, "end": 4, "label": "PER"}],
        "answer": "accept",
        "_task_hash": 1,
    },
    "doccano": lambda text: {"text": text, "label": [[0, 4, "PER"]]},
    "spaCy": lambda text: {"text": text, "entities": [[0, 4, "PER"]]},
    "spaCy 2": lambda text: {"id": 0, "paragraphs": [{"raw": text, "sentences": []}]},
}


@pytest.mark.parametrize("tool", SPANS)
def test_marks_inside_texts_are_refused_by_the_tools_name(tmp_path, tool):
    with pytest.raises(DataError, match="marks inside texts") as error:
        run(write_jsonl(tmp_path / "a.jsonl", [SPANS[tool](text) for text, _ in sentences(30)]))
    assert tool.split()[0] in str(error.value) or "doccano" in str(error.value)


def test_two_questions_are_two_columns(tmp_path):
    rows = []
    for i, (text, label) in enumerate(sentences(90)):
        mood = label_studio(text, label)["annotations"][0]["result"]
        topic = [mood[0] | {"from_name": "topic", "value": {"choices": [("news", "sport")[i % 2]]}}]
        result = (mood + topic, mood, topic)[i % 3]
        rows.append({"data": {"text": text}, "annotations": [{"result": result}]})
    found = run(write_jsonl(tmp_path / "a.jsonl", rows), columns={"label": "mood"})
    assert found.rows.left_out == {NO_LABEL: 30} and found.labels.kind == "single"


def test_one_task_with_marks_among_choices_is_a_row_without_a_label(tmp_path):
    rows = [label_studio(text, label) for text, label in sentences(60)] + [SPANS["Label Studio"]("Other text.")]
    assert run(write_jsonl(tmp_path / "a.jsonl", rows)).rows.left_out == {NO_LABEL: 1}


@pytest.mark.parametrize(
    "more",
    [
        {"entities": [{"start": 0, "end": 4, "value": "x"}]},
        {"entities": {"hashtags": []}},
        {"entities": [[0, 5, "PER"]]},
        {"answer": "accept"},
        {"data": "2020"},
        {"annotations": []},
    ],
)
def test_ordinary_rows_are_no_export(tmp_path, more):
    rows = [{"text": text, "intent": label, **more} for text, label in sentences(60)]
    found = run(write_jsonl(tmp_path / "a.jsonl", rows))
    assert found.columns["label"] == "intent" and not found.rows.left_out


def test_one_odd_value_does_not_make_a_column_of_objects(tmp_path):
    rows = [{"text": text, "label": label} for text, label in sentences(60)] + [{"text": {"a": 1}, "label": "positive"}]
    assert run(write_jsonl(tmp_path / "a.jsonl", rows)).rows.read == 61


def test_spacys_own_file_is_refused_by_its_name(tmp_path):
    (tmp_path / "train.spacy").write_bytes(b"\x80\x01")
    with pytest.raises(DataError, match="spaCy's own kind"):
        run(tmp_path / "train.spacy")
