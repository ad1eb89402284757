"""Running text that comes as rows of a table."""

from datasets import Dataset

from compressor.data import arrange
from tests import tiny
from tests.data.files import RUNNING, run, sentences, write_csv


def test_of_a_long_text_the_first_rows_are_measured_on_and_it_is_told(tmp_path, monkeypatch):
    path = write_csv(tmp_path / "a.csv", sentences(100))
    assert len(run(test=path, names=[], task=RUNNING).test) == 100
    monkeypatch.setattr(arrange, "RUNNING_CHARACTERS", 400)
    found = run(test=path, names=[], task=RUNNING)
    assert 5 < len(found.test) < 15 and sum(map(len, found.test["text"])) <= 400
    assert any(f"its first {len(found.test)} of 100 rows" in note for note in found.notes)


def test_rows_begin_on_a_line_of_their_own():
    tokenizer = tiny.byte_bpe()
    rows = Dataset.from_dict({"text": ["First ends.", "Second ends.\n", "Third."]})
    windows = RUNNING.encode(tokenizer, rows, 64)["input_ids"][:]
    said = tokenizer.decode([token for window in windows for token in window], skip_special_tokens=True)
    assert said == "First ends.\nSecond ends.\nThird."
