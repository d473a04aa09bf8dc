"""What the file of a table is, by its first bytes and not by its name."""

import bz2
import codecs
import gzip
import re
import zipfile
from collections.abc import Callable
from io import BufferedIOBase
from pathlib import Path

from deepfm_np.data.table_file import TableFile, reading

READ = "CSV, Parquet and JSON lines are read"
COMPRESSED = {b"\x1f\x8b": "gzip", b"BZh": "bz2", b"\xfd7zXZ\0": "xz", b"\x28\xb5\x2f\xfd": "zstd", b"PK\3\4": "zip"}
NOT_READ = {
    b"\xd0\xcf\x11\xe0": "an Excel workbook; save it as CSV",
    b"ARROW1": "an Arrow or Feather file; write it with pandas.DataFrame.to_parquet",
    b"ORC": "an ORC file; write it with pandas.DataFrame.to_parquet",
    b"Obj\1": "an Avro file; write it as Parquet or CSV",
    b"SQLite format 3": "an SQLite database; export the table as CSV",
    b"\x89HDF": "an HDF5 file; write its table as Parquet or CSV",
    b"\x93NUMPY": "a NumPy array; write it as CSV with a header that names the columns",
    b"\x80": "a pickle, which can run code; write it as Parquet or CSV",
    b"%PDF": "a PDF",
    b"<!": "an HTML page; was a page downloaded in place of the file?",
    b"<html": "an HTML page; was a page downloaded in place of the file?",
}
HEAD = 2**16  # bytes
SEPARATORS = {"tab": "\t", "\\t": "\t"}


def open_table(path: str | Path, separator: str | None = None, encoding: str | None = None) -> TableFile:
    """What a file is, by its first bytes.

    separator: between the columns of a CSV file, "tab" for a tabulator; None finds it in the header: comma, semicolon,
    tabulator or bar. encoding: of a text file; None means UTF-8, or UTF-16 where the file says so.

    Raises FileNotFoundError; IsADirectoryError; ImportError for compression that needs a package; ValueError, saying
    what would be right, for a file that is not read and for a separator or an encoding that is none.
    """
    path = Path(path)
    if separator is not None and len(SEPARATORS.get(separator, separator)) != 1:
        raise ValueError(f"separator must be one character, or tab, got {separator!r}")
    _check_encoding(encoding)
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder; a table is a file: {READ}")
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    with open(path, "rb") as file:
        head = file.read(HEAD)
    if head.startswith(b"PAR1"):
        return TableFile(path, "parquet")
    compression = next((name for magic, name in COMPRESSED.items() if head.startswith(magic)), None)
    if compression is not None:
        head = _head_inside(path, compression)
    encoding = encoding or ("utf-16" if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8")
    _refuse_what_is_not_read(path, head, encoding)
    text = head.decode(encoding, errors="replace").removeprefix("\ufeff")
    if re.match(r'\s*\{\s*"', text):
        return TableFile(path, "json", compression, encoding=encoding)
    separator = SEPARATORS.get(separator, separator) if separator else _separator(text)
    return TableFile(path, "csv", compression, separator, _decimal(text, separator), encoding)


def _check_encoding(encoding: str | None) -> None:
    try:
        codecs.lookup(encoding or "utf-8")
    except LookupError:
        raise ValueError(
            f"encoding must be one that Python knows, as utf-8, utf-16 or cp1252, got {encoding!r}"
        ) from None


def _head_inside(path: Path, compression: str) -> bytes:
    """The first bytes of what was compressed."""
    with reading(path):
        if compression == "zip":
            return _head_of_zip(path)
        if compression == "zstd":
            return _head_of_zstd(path)
        openers: dict[str, Callable] = {"gzip": gzip.open, "bz2": bz2.open, "xz": _open_xz}
        with openers[compression](path) as file:
            return file.read(HEAD)


def _open_xz(path: Path) -> BufferedIOBase:
    import lzma  # Python in a browser comes without it

    return lzma.open(path)


def _head_of_zip(path: Path) -> bytes:
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        if {"xl/workbook.xml", "xl/workbook.bin"} & {*names}:
            raise ValueError("it is an Excel workbook; save it as CSV")
        if "content.xml" in names:
            raise ValueError("it is an OpenDocument file; save it as CSV")
        if len(names) != 1:
            raise ValueError(f"it is a zip archive of {len(names)} files; unpack it and name one of them")
        with archive.open(names[0]) as file:
            return file.read(HEAD)


def _head_of_zstd(path: Path) -> bytes:
    try:
        import zstandard
    except ImportError:
        advice = "reading Zstandard needs a package (pip install zstandard); or unpack the file: zstd -d"
        raise ImportError(f"{path}: {advice}") from None
    with open(path, "rb") as file:
        return zstandard.ZstdDecompressor().stream_reader(file).read(HEAD)


def _refuse_what_is_not_read(path: Path, head: bytes, encoding: str) -> None:
    for magic, what in NOT_READ.items():
        if head.lower().startswith(magic.lower()):
            raise ValueError(f"{path} is {what}. {READ}")
    if re.match(rb"\s*\[\s*\{", head):
        raise ValueError(
            f"{path} is one JSON document; write one object a line (DataFrame.to_json(lines=True)). {READ}"
        )
    if b"\0" in head and not encoding.lower().replace("_", "-").startswith(("utf-16", "utf-32", "utf16", "utf32")):
        if head[1::2].count(0) > len(head) // 4 and not head[::2].count(0):
            raise ValueError(f"{path} looks like UTF-16 that does not say so; name its encoding: utf-16-le")
        raise ValueError(f"{path} is a binary file of an unknown kind. {READ}")


def _separator(text: str) -> str:
    """The most frequent of comma, semicolon, tabulator and bar in the header, quoted names apart; else the comma."""
    header = re.sub(r'"[^"]*"', "", text.split("\n", 1)[0])
    return max(",;\t|", key=header.count)


def _decimal(text: str, separator: str) -> str:
    """The comma, where it is not the separator and numbers are written with it and none with a point."""
    cells = re.split(rf"[{re.escape(separator)}\n]", text)
    comma = any(re.fullmatch(r'"?\s*[-+]?[0-9]+,[0-9]+\s*"?\r?', cell) for cell in cells)
    point = any(re.fullmatch(r'"?\s*[-+]?[0-9]+\.[0-9]+\s*"?\r?', cell) for cell in cells)
    return "," if separator != "," and comma and not point else "."
