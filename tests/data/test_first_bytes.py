import bz2
import gzip
import io
import lzma
import sqlite3
import sys
import zipfile
from contextlib import closing

import numpy as np
import pandas as pd
import pytest

from deepfm_np.data import Categorical, MultiValued, Numerical, load_table, read_fields, read_frame
from deepfm_np.data.first_bytes import open_table
from deepfm_np.data.stream.table import TableStream

CSV = "clicked,zip,price\n1,01234,2.5\n0,99999,\n"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "clicks.csv"  # whatever is in it


def zipped(text, *names):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in names:
            archive.writestr(name, text)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        CSV.encode(),
        CSV.encode("utf-8-sig"),
        CSV.encode("utf-16"),
        CSV.replace("\n", "\r\n").encode(),
        gzip.compress(CSV.encode()),
        bz2.compress(CSV.encode()),
        lzma.compress(CSV.encode()),
        zipped(CSV, "clicks.csv"),
        gzip.compress(CSV.encode("utf-16")),
        CSV.replace(",", ";").encode(),
        CSV.replace(",", "\t").encode(),
        CSV.replace(",", "|").encode(),
        CSV.replace(",", ";").replace("2.5", "2,5").encode(),
        gzip.compress(CSV.replace(",", ";").encode()),
        ('"' + CSV.replace(",", '";"').replace("\n", '"\n"')[:-1]).replace("clicked", "cli,,,cked").encode(),
    ],
)
def test_a_table_is_known_by_its_first_bytes(path, content):
    path.write_bytes(content)
    frame = read_fields(path, [Categorical("zip"), Numerical("price")])
    assert frame["zip"].tolist() == ["01234", "99999"]
    np.testing.assert_array_equal(frame["price"], [2.5, np.nan])
    pieces = list(open_table(path).frames(["zip"], 1))
    assert [len(piece) for piece in pieces] == [1, 1]
    assert pieces[0]["zip"].tolist() == ["01234"]


def test_a_parquet_file_of_another_name_is_read(path):
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    pd.DataFrame({"clicked": [0, 1], "app": ["a", "b"]}).to_parquet(path)
    log = load_table(path, "clicked")
    assert log.fields == [Categorical("app")]
    assert TableStream(path, "clicked").fields == log.fields


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_json_lines_are_read_as_they_are(path, compress):
    lines = ['{"clicked": 1, "zip": "01234", "date_at": "x", "tags": ["a", "b"], "price": 2.5}']
    lines.append('{"clicked": 0, "zip": "NA"}')
    path.write_bytes(compress("\n".join(lines).encode()))
    log = load_table(path, "clicked", ["zip", "date_at"], ["price"], ["tags"])
    assert log.frame["zip"].tolist() == ["01234", "NA"]
    assert log.frame["date_at"].fillna("").tolist() == ["x", ""]
    assert log.frame["tags"][0] == ["a", "b"]
    assert log.fields[-1] == MultiValued("tags")
    np.testing.assert_array_equal(log.frame["price"], [2.5, np.nan])
    assert len(list(TableStream(path, "clicked", ["zip"]).pieces())) == 1


@pytest.mark.parametrize(
    "content, message",
    [
        (zipped("", "xl/workbook.xml", "more"), "it is an Excel workbook; save it as CSV"),
        (zipped("", "content.xml", "more"), "it is an OpenDocument file; save it as CSV"),
        (zipped(CSV, "a.csv", "b.csv"), "it is a zip archive of 2 files; unpack it and name one of them"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "is an Excel workbook; save it as CSV. CSV, Parquet and JSON lines are read"),
        (b"ARROW1\0\0", "is an Arrow or Feather file; write it with pandas.DataFrame.to_parquet"),
        (b"\x80\x04\x95", "is a pickle, which can run code; write it as Parquet or CSV"),
        (b"<!DOCTYPE html>", "is an HTML page; was a page downloaded in place of the file?"),
        (b'[\n{"clicked": 1}]', "is one JSON document; write one object a line"),
        (b"MZ\x90\0\3\0\0\0", "is a binary file of an unknown kind. CSV, Parquet and JSON lines are read"),
        (CSV.encode("utf-16-le"), "looks like UTF-16 that does not say so; name its encoding: utf-16-le"),
        ("clicked,app\n1,café\n".encode("cp1252"), "is not text in utf-8: .*; name its encoding, as --encoding cp1252"),
        (gzip.compress(CSV.encode())[:-9], "clicks.csv cannot be read as a table: "),
    ],
)
def test_what_is_not_read_is_named_with_what_would_be_right(path, content, message):
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_frame(path)


def test_a_database_is_named(path):
    with closing(sqlite3.connect(path)) as database:
        database.execute("create table clicks (clicked int)")
        database.commit()
    with pytest.raises(ValueError, match="is an SQLite database; export the table as CSV"):
        read_frame(path)


def test_zstandard_without_its_package_is_named(path, monkeypatch):
    monkeypatch.setitem(sys.modules, "zstandard", None)
    path.write_bytes(b"\x28\xb5\x2f\xfd rest")
    with pytest.raises(ImportError, match=r"reading Zstandard needs a package \(pip install zstandard\); or unpack"):
        read_frame(path)


def test_zstandard_is_read(path):
    zstandard = pytest.importorskip("zstandard", reason="zstandard is not installed")
    path.write_bytes(zstandard.compress(CSV.encode()))
    assert read_frame(path, ["zip"])["zip"].tolist() == ["01234", "99999"]


def test_separator_and_encoding_can_be_named(path):
    path.write_bytes("clicked;a,b,c\n1;café\n".encode("cp1252"))
    assert read_frame(path, (), ";", "cp1252")["a,b,c"].tolist() == ["café"]
    path.write_text("clicked\ta,b,c\n1\tx\n")
    for tab in ("tab", "\\t", "\t"):
        assert read_frame(path, (), tab)["a,b,c"].tolist() == ["x"]
    with pytest.raises(ValueError, match="separator must be one character, or tab, got 'comma'"):
        read_frame(path, (), "comma")
    with pytest.raises(ValueError, match=r"encoding must be one that Python knows, as utf-8, .* got 'latin-99'"):
        read_frame(path, (), None, "latin-99")


def test_a_folder_is_named(tmp_path):
    with pytest.raises(IsADirectoryError, match="is a folder; a table is a file: CSV, Parquet and JSON lines are read"):
        read_frame(tmp_path)


@pytest.mark.parametrize("cells", ["1.000,5;2", "1,5;2.5", "1;2"])
def test_a_comma_is_a_decimal_only_where_nothing_speaks_against_it(path, cells):
    path.write_text(f"a;b\n{cells}\n")
    assert open_table(path).decimal == "."
