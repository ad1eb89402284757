"""Encodings are found out or refused with a sentence; what is no text is refused."""

import codecs
import gzip

import pytest

from compressor.data import textfile
from compressor.data.textfile import detect, open_text
from compressor.errors import DataError

FRENCH = "text,label\nLe café était très agréable,bon\nJe ne reviendrai pas à l'hôtel,mauvais\n"
CHINESE = "text,label\n这家酒店的房间很大，服务也不错。,好\n早餐太差了，我不会再来的。,坏\n"


def read(path):
    with open_text(path, detect(path)) as file:
        return file.read()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
def test_western_text_is_read_right(tmp_path, encoding):
    path = tmp_path / "a.csv"
    path.write_bytes(FRENCH.encode(encoding))
    assert read(path) == FRENCH
    assert (detect(path).note is not None) == (encoding == "cp1252")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "gb18030"])
def test_chinese_text_is_read_right(tmp_path, encoding):
    path = tmp_path / "a.csv"
    path.write_bytes(CHINESE.encode(encoding))
    assert read(path) == CHINESE


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Это очень хорошая гостиница, и завтрак был вкусный. " * 5, "cp1251"),
        ("이 호텔은 정말 좋았습니다. " * 9, "euc-kr"),
    ],
)
def test_other_scripts_are_told_and_said(tmp_path, text, encoding):
    path = tmp_path / "a.csv"
    path.write_bytes(("text,label\n" + text + ",1\n").encode(encoding))
    assert text in read(path)
    assert "is not UTF-8; it was read as" in detect(path).note


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Это очень хорошая гостиница.", "koi8-r"),
        ("방이 좋았습니다", "euc-kr"),
        ("La chambre était très petite, dès l'arrivée, à côté", "mac_roman"),
        ("La chambre était très petite, dès l'arrivée, à côté", "cp850"),
    ],
)
def test_an_encoding_that_cannot_be_told_is_refused_not_garbled(tmp_path, text, encoding):
    path = tmp_path / "a.csv"
    path.write_bytes(("text,label\n" + text + ",1\n").encode(encoding))
    with pytest.raises(DataError, match="Save it as UTF-8"):
        detect(path)


def test_a_byte_that_is_not_utf8_beyond_the_first_piece_is_seen(tmp_path, monkeypatch):
    monkeypatch.setattr(textfile, "CHUNK", 4096)
    path = tmp_path / "a.csv"
    path.write_bytes(b"text,label\n" + b"plain words,1\n" * 2000 + "très joli café,1\n".encode("cp1252") * 300)
    assert "très joli café" in read(path)
    assert "Windows-1252" in detect(path).note


def test_a_letter_across_two_pieces_is_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(textfile, "CHUNK", 7)
    path = tmp_path / "a.txt"
    path.write_text("é中" * 50, encoding="utf-8")
    assert detect(path).note is None


def test_a_few_broken_bytes_do_not_turn_the_rest_into_another_encoding(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(("très joli café été là " * 50).encode() + b"\xff" + "fin é".encode())
    assert "très joli café" in read(path)
    assert "not UTF-8" in detect(path).note


@pytest.mark.parametrize("content", [b"", b"\n \n", codecs.BOM_UTF8])
def test_empty(tmp_path, content):
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"a\.csv is empty"):
        detect(path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"PK\x03\x04" + bytes(100), "Excel workbook"),
        (gzip.compress(b"text,label\na,1\n", mtime=0), "gzip archive. Unpack"),
        (b"PAR1" + bytes(50), "Parquet"),
        (bytes(4000), "nothing but NUL"),
        (bytes(range(256)) * 40, "no text has"),
    ],
)
def test_what_is_no_text_is_refused(tmp_path, content, said):
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=said):
        detect(path)


def test_utf16_that_breaks_off_is_a_sentence(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes("text,label\nabc,1\n".encode("utf-16")[:-1])
    with pytest.raises(DataError, match="cut off"):
        detect(path)
