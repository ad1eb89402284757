"""CSV as people and programs write it."""

import csv

import pytest

from compressor.data import csvfile, table
from compressor.data.csvfile import CsvReader
from compressor.errors import DataError
from tests.data.files import CAPS, write_csv
from tests.fuzz.memory import Peak

ROWS = [
    ["Fine, said she; truly", "good"],
    ['A "quoted" word', "bad"],
    ["Two\nlines", "good"],
    ["Emoji 🎉 and 中文", "bad"],
]


def rows(path, caps=CAPS):
    reader = CsvReader(path, caps)
    found = [row for batch in reader.batches(reader.columns) for row in batch.to_pylist()]
    return [list(row.values()) for row in found], reader


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_separators_and_line_ends(tmp_path, delimiter, ends):
    found, reader = rows(
        write_csv(tmp_path / "a.csv", ROWS, delimiter=delimiter, lineterminator=ends, quoting=csv.QUOTE_ALL)
    )
    assert reader.columns == ("text", "label")
    assert found == ROWS


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_as_excel_saves_it(tmp_path, encoding):
    path = tmp_path / "a.csv"
    path.write_bytes("sep=;\r\ntext;label\r\nWie schön, ja;1\r\nNein;0\r\n".encode(encoding))
    found, reader = rows(path)
    assert (reader.columns, found) == (("text", "label"), [["Wie schön, ja", "1"], ["Nein", "0"]])


def test_quotes_of_a_tab_file_belong_to_the_text(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_text('text\tlabel\n"open quote\t1\nand "inside" it\t0\n"wrapped ""twice"""\t1\n', encoding="utf-8")
    assert rows(path)[0] == [['"open quote', "1"], ['and "inside" it', "0"], ['wrapped "twice"', "1"]]


@pytest.mark.parametrize("delimiter", ["\t", ","])
@pytest.mark.parametrize("odd", [False, True])
def test_lone_quotes_swallow_no_rows(tmp_path, delimiter, odd):
    """Tweets: a quote that opens in one text and closes in another, and a line that is not like the others."""
    quote = {True: '"', False: ""}
    lines = [f"{quote[i % 20 == 0]}text of row {i}{quote[i % 20 == 7]}{delimiter}{i % 2}\n" for i in range(1000)]
    if odd:
        lines[500] = "oops\n"
    path = tmp_path / ("a.tsv" if delimiter == "\t" else "a.csv")
    path.write_text(f"text{delimiter}label\n" + "".join(lines), encoding="utf-8")
    found, _ = rows(path)
    assert len(found) == 1000
    assert found[20] == ['"text of row 20', "0"] and found[27] == ['text of row 27"', "1"]


@pytest.mark.parametrize("between", [",\n", "\n", ",\nand then, ", "\n1,"])
def test_texts_of_several_lines_in_quotes_stay_whole(tmp_path, between):
    lines = [f'"Text {i}{between}more of it",{i % 2}\n' if i % 200 == 0 else f"text {i},{i % 2}\n" for i in range(1000)]
    path = tmp_path / "a.csv"
    path.write_text("text,label\n" + "".join(lines), encoding="utf-8")
    found, _ = rows(path)
    assert len(found) == 1000 and found[200] == [f"Text 200{between}more of it", "0"]


def test_backslashes_before_quotes(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('text,label\n"he said \\"no, no\\"",1\n"plain, text",0\n', encoding="utf-8")
    assert rows(path)[0] == [['he said "no, no"', "1"], ["plain, text", "0"]]


def test_one_column_with_commas(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('text\nhello, world\n"quoted" at the start, only\n', encoding="utf-8")
    assert rows(path)[0] == [["hello, world"], ['"quoted" at the start, only']]


def test_no_header_is_noticed(tmp_path):
    found, reader = rows(write_csv(tmp_path / "a.csv", [["A long enough sentence stands here.", "1"]] * 3, header=None))
    assert reader.columns == ("column 1", "column 2")
    assert len(found) == 3
    assert "no line with the columns" in reader.notes[0]


QUESTION = "On the whole, how satisfied are you with what we sell?"


@pytest.mark.parametrize(
    ("first", "columns", "header"),
    [
        ([QUESTION, "Mood"], ["I like {n} of them", ("good", "bad")], True),  # a form's answers: its labels tell
        ([QUESTION, "Stars"], ["I like {n} of them", (1, 2, 3)], True),
        ([QUESTION, "Anything else?"], ["I like {n} of them", ("No, {n}",)], False),  # nothing tells
        (["great", "good"], ["so {n}", ("good", "bad")], False),  # short texts without a header: the first is no name
        (["great", "1"], ["so {n}", (1, 2)], False),
        (["text", "spam"], ["so many words {n}", ("spam", "ham")], True),  # a name that is a value too
        (["0", "1"], ["so many words {n}", (0, 1)], True),  # as pandas writes columns without names
        (["1", "0"], ["so many words {n}", (0, 1)], False),
        (["0", "1"], ["{n}", (0, 1)], False),
        (["reset my card please, it is broken now", "reset"], ["how is {n}", ("{n}", "card")], False),  # a rare label
        (["text", "label"], ["text", ("good", "bad")], True),  # each of them a value once
    ],
)  # fmt: skip
def test_whether_the_first_line_names_the_columns(tmp_path, first, columns, header):
    text, labels = columns
    made = [[text.format(n=n), str(labels[n % len(labels)]).format(n=n)] for n in range(60)]
    made[1:] = made[1:] if text != "text" else [["other words", *row[1:]] for row in made[1:]]
    found, reader = rows(write_csv(tmp_path / "a.csv", [first, *made], header=None))
    assert (len(found), reader.header) == (60 if header else 61, header)


def test_tables_put_end_to_end_have_a_header_all_the_same(tmp_path):
    table = [["text", "label"], *([f"so {n}", ("good", "bad")[n % 2]] for n in range(10))]
    _, reader = rows(write_csv(tmp_path / "a.csv", table * 4, header=None))
    assert reader.columns == ("text", "label")


def test_headers_are_made_whole(tmp_path):
    path = write_csv(tmp_path / "a.csv", [["0", "some words", "1", "x"]], header=["", "text", "label", "label"])
    assert rows(path)[1].columns == ("column 1", "text", "label", "label (2)")


def test_nul_bytes_are_dropped(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"text,label\n" + b"some words here,1\n" * 30 + b"wo\0rds,0\n")
    assert rows(path)[0][-1] == ["words", "0"]


def test_broken_quoting_names_the_line(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("text,label\nfine,1\n" + 'plain,0\n"never closed,1\nmore,0\n', encoding="utf-8")
    with pytest.raises(DataError, match=r"line 4: one is opened and not closed"):
        rows(path)


def test_a_cell_without_end_is_not_held(tmp_path, monkeypatch):
    monkeypatch.setattr(csvfile, "MAX_CELL", 10_000)
    path = tmp_path / "a.csv"
    path.write_text('text,label\nfine,1\n"' + "words and words " * 2000, encoding="utf-8")
    with pytest.raises(DataError, match="line 3"):
        rows(path)


def test_some_lines_with_too_many_cells_are_left_out_and_said(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("text,label\n" + "some words,1\n" * 300 + "one, two,1\n", encoding="utf-8")
    found, reader = rows(path)
    assert len(found) == 300
    assert "Line 302" in reader.notes[0]
    assert "left out" in reader.notes[0]


def test_many_lines_with_too_many_cells_are_an_error(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("text,label\n" + "some words,1\none, two, three,1\n" * 30, encoding="utf-8")
    with pytest.raises(DataError, match="more cells than the 2 columns"):
        rows(path)


def test_short_lines_have_missing_cells(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("text,label,more\nwords here,1,x\nonly text\nfine,0,y\nfine,0,y\n", encoding="utf-8")
    assert rows(path)[0][1] == ["only text", None, None]


def test_too_many_columns(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(",".join(f"c{i}" for i in range(5000)) + "\n", encoding="utf-8")
    with pytest.raises(DataError, match="5,000 columns"):
        CsvReader(path, CAPS)


def test_long_cells_are_cut_while_reading(tmp_path):
    path = write_csv(tmp_path / "a.csv", [["x" * 500_000, "1"], ["short", "0"]])
    found, _ = rows(path, table.Caps(10**9, 1000))
    assert [len(row[0]) for row in found] == [1001, 5]


def test_batches_are_bounded(tmp_path):
    reader = CsvReader(write_csv(tmp_path / "a.csv", [["some words", "1"]] * 2500), CAPS)
    assert [batch.num_rows for batch in reader.batches(["label"])] == [1000, 1000, 500]


def test_equal_names_get_numbers_however_they_stand():
    names = table.check_columns("a.csv", ["a", "a", "a (2)", "a", *["b"] * 900])
    assert names[:4] == ("a", "a (2)", "a (2) (2)", "a (3)")
    assert len(set(names)) == 904 and names[-1] == "b (900)"


def test_names_that_cannot_be_stored_are_mended():
    assert table.check_columns("a.json", ["\ud800x", "a\0b", "\0"]) == ("\ufffdx", "ab", "column 3")


@pytest.mark.parametrize("line", [b"," * 3_000_000, b'"\n",' * 1_100_000], ids=["one line", "quoted line ends"])
def test_a_row_without_end_is_not_taken_into_memory(tmp_path, line):
    (tmp_path / "a.csv").write_bytes(b"text,label\nfine,1\n" + line)
    with Peak() as peak, pytest.raises(DataError, match=r"row that begins at line 3 .* is not a table"):
        rows(tmp_path / "a.csv")
    assert peak.growth < 60 * 2**20


def test_the_separator_that_excel_names_is_one_that_separates(tmp_path):
    (tmp_path / "a.csv").write_text("sep=;\nsome text;label\nGood, really;1\n", encoding="utf-8")
    assert CsvReader(tmp_path / "a.csv", CAPS).columns == ("some text", "label")
    for sign in ('"', "\\", "a", " "):
        (tmp_path / "b.csv").write_text(f"sep={sign}\nfirst line\nsecond line\n", encoding="utf-8")
        assert CsvReader(tmp_path / "b.csv", CAPS).dialect.delimiter != sign
