"""What is more than a text (chats, requests with answers, objects) is never read as if it were one."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from compressor.errors import DataError
from tests.data.files import RUNNING, run, sentences, write_csv, write_jsonl

OPENAI = [{"role": "user", "content": "Is it open?"}, {"role": "assistant", "content": "It is, until ten."}]
SHAREGPT = [{"from": "human", "value": "Is it open?"}, {"from": "gpt", "value": "It is, until ten."}]
FORMS = {
    "messages": ({"messages": OPENAI}, "chats"),
    "sharegpt": ({"conversations": SHAREGPT}, "chats"),
    "chat beside a text": ({"text": "A text.", "messages": OPENAI}, "chats"),
    "prompt": ({"prompt": "Is it open?", "completion": "It is, until ten."}, "requests with their answers"),
    "prompt of turns": ({"prompt": OPENAI[:1], "completion": OPENAI[1:]}, "chats"),
    "preferences": (
        {"prompt": "Is it open?", "chosen": "It is.", "rejected": "Go away."},
        "requests with their answers",
    ),
    "alpaca": ({"instruction": "Answer.", "input": "Is it open?", "output": "It is."}, "requests with their answers"),
    "dolly": (
        {"instruction": "Answer.", "context": "", "response": "It is.", "category": "qa"},
        "requests with their answers",
    ),
    "questions": ({"question": "Is it open?", "answer": "It is, until ten."}, "requests with their answers"),
}


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("kind", ["jsonl", "parquet", "csv"])
def test_a_language_model_is_not_measured_on_them(tmp_path, name, kind):
    row, said = FORMS[name]
    rows = [{k: f"{v} {i}" if isinstance(v, str) else v for k, v in row.items()} for i in range(30)]
    path = tmp_path / f"a.{kind}"
    if kind == "jsonl":
        write_jsonl(path, rows)
    elif kind == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    else:  # as pandas writes lists into a table
        write_csv(path, [[str(v) for v in one.values()] for one in rows], header=list(rows[0]))
    with pytest.raises(DataError, match=f"holds {said}") as error:
        run(test=path, names=[], kind=None, task=RUNNING)
    assert "data.columns" in str(error.value)


def test_a_column_of_plain_text_that_is_named_is_measured_on(tmp_path):
    row = FORMS["alpaca"][0]
    path = write_jsonl(tmp_path / "a.jsonl", [row | {"output": f"It is open, number {i}."} for i in range(30)])
    found = run(test=path, names=[], kind=None, task=RUNNING, columns={"text": "output"})
    assert found.test["text"][0] == "It is open, number 0."


def test_rendered_instructions_are_text(tmp_path):
    rows = [FORMS["alpaca"][0] | {"text": f"### Instruction: Answer {i}.\n### Response: It is."} for i in range(30)]
    found = run(test=write_jsonl(tmp_path / "a.jsonl", rows), names=[], kind=None, task=RUNNING)
    assert found.columns == {"text": "text"}


def test_objects_are_no_text_of_a_classifier(tmp_path):
    rows = [{"text": {"en": text, "de": "Nein."}, "label": label} for text, label in sentences(40)]
    with pytest.raises(DataError, match="objects or lists of them"):
        run(write_jsonl(tmp_path / "a.jsonl", rows))
    with pytest.raises(DataError, match="cannot be read as text"):
        run(tmp_path / "a.jsonl", columns={"text": "text"})


def test_objects_are_no_labels(tmp_path):
    rows = [{"text": text, "label": {"name": label, "score": 0.9}} for text, label in sentences(40)]
    path = write_jsonl(tmp_path / "a.jsonl", rows)
    found = run(path)
    assert found.labels.kind == "none"
    assert any("'label' holds objects" in note for note in found.notes)
    with pytest.raises(DataError, match="cannot be read as labels"):
        run(path, columns={"label": "label"})


def test_texts_that_begin_with_fasttexts_labels_are_told(tmp_path):
    rows = [{"sentence": f"__label__{label} {text}", "n": 1} for text, label in sentences(40)]
    with pytest.raises(DataError, match="as fastText writes them"):
        run(write_jsonl(tmp_path / "a.jsonl", rows))


def test_texts_that_look_like_json_stay_texts(tmp_path):
    rows = [[json.dumps({"level": "error", "message": text}), label] for text, label in sentences(60)]
    found = run(write_csv(tmp_path / "a.csv", rows))
    assert found.labels.kind == "single" and found.train["text"][0].startswith("{")
