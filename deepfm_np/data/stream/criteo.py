"""Criteo's log in pieces, for files larger than memory: NumPy parses whole blocks of lines.

A block with anything unusual in it (a malformed line, a number of more than 8 characters, a byte beyond ASCII) is
parsed line by line with the function that `load_criteo` uses, so both accept the same lines and raise the same errors.
"""

from collections.abc import Iterator
from contextlib import closing
from itertools import cycle, islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from deepfm_np.data import fields
from deepfm_np.data.cells import key_of
from deepfm_np.data.criteo import CATEGORIES, INTEGERS, parse_cells
from deepfm_np.data.fields import Field, Numerical
from deepfm_np.data.lines import LineReader
from deepfm_np.data.stream.hashes import HashCategorical, pack
from deepfm_np.data.stream.prefetch import prefetch
from deepfm_np.data.stream.protocol import Piece
from deepfm_np.ops.rows import Array

LINES = 512  # in a block; its intermediate arrays fit into the processor's cache
CELLS = 40
START = {"done": 0, "lines": 0, "rows": 0, "skipped": 0}

# For words of n = 0 ... 8 bytes: a mask of these bytes, the shift to the low end, the digits "0" that pad them to 8.
ONES = np.array([2**64 - 2 ** (64 - 8 * n) for n in range(9)], np.uint64)
SHIFT = np.array([64 - 8 * n for n in range(9)], np.uint64)
ZEROS = np.array([int.from_bytes(b"0" * (8 - n) + bytes(n), "big") for n in range(9)], np.uint64)
EIGHT_ZEROS, TOO_MUCH, HIGH_BITS = (np.uint64(0x0101010101010101 * byte) for byte in (0x30, 0x76, 0x80))


class Rows(NamedTuple):
    """Parsed lines."""

    labels: Array  # (n,) uint8
    numbers: Array  # (n, 13) float64, nan where missing
    hashes: Array  # (n, 26) uint64, see `hashes`


class CriteoStream:
    """A file in the format of train.txt, read in pieces as `load_criteo(path, "log", min_count, rows, on_error)` does.

    A category of more than 8 bytes (Criteo's have 8) is an error that names file and line, whatever `on_error` is.
    Raises FileNotFoundError for a missing file, ValueError for an unknown `on_error`.
    """

    unit = "B"

    def __init__(self, path: str | Path, min_count: int = 10, rows: int | None = None, on_error: str = "raise"):
        LineReader(on_error)
        self.path, self.on_error = Path(path), on_error
        if not self.path.is_file():
            raise FileNotFoundError(f"{path}: no such file")
        self.total: int | None = self.path.stat().st_size
        self.limit = rows
        self.fields: list[Field] = [
            *(Numerical(name, scaling="log") for name in INTEGERS),
            *(HashCategorical(name, min_count) for name in CATEGORIES),
        ]
        self.settings = {"data": "criteo", "min_count": min_count, "rows": rows, "on_error": on_error}

    def pieces(self, after: dict | None = None) -> Iterator[Piece]:
        """See `Stream.pieces`. The next piece is parsed while the current one is used."""
        end = dict(after or START)
        with open(self.path, "rb") as file, closing(prefetch(self._read_all(file, end))) as parsed:
            for rows, here in parsed:
                yield Piece(rows.labels.copy(), self._scan(rows), here)
        if not end["rows"]:
            raise ValueError(f"{self.path} holds no {'well-formed ' if end['skipped'] else ''}line")

    def _read_all(self, file, end: dict) -> Iterator[tuple[Rows, dict]]:
        """The rows and the `end` of each piece, in two buffers by turns: one is filled while the other is in use."""
        file.seek(end["done"])
        size = fields.PIECE_ROWS if self.limit is None else min(fields.PIECE_ROWS, self.limit)
        for buffer in cycle([_buffer(size), _buffer(size)]):
            rows = self._read(file, buffer, end)
            if not len(rows.labels):
                return
            yield rows, dict(end)

    def _scan(self, rows: Rows) -> list:
        numerical, categorical = self.fields[: len(INTEGERS)], self.fields[len(INTEGERS) :]
        return [
            *(field.scan(pd.Series(x)) for field, x in zip(numerical, rows.numbers.T, strict=True)),
            *(field.scan(cells) for field, cells in zip(categorical, rows.hashes.T, strict=True)),
        ]

    def _read(self, file, buffer: Rows, end: dict) -> Rows:
        """Fill the buffer with the next rows, as far as the file has any, and advance `end`."""
        n, wanted = 0, len(buffer.labels) if self.limit is None else min(len(buffer.labels), self.limit - end["rows"])
        while n < wanted and (lines := list(islice(file, min(LINES, wanted - n)))):
            rows = parse_block(b"".join(lines)) or self._parse_lines(lines, end)
            for array, parsed in zip(buffer, rows, strict=True):
                array[n : n + len(parsed)] = parsed
            n += len(rows.labels)
            end["lines"] += len(lines)
            end["done"] += sum(map(len, lines))
        end["rows"] += n
        return Rows(*(array[:n] for array in buffer))

    def _parse_lines(self, lines: list[bytes], end: dict) -> Rows:
        """Like `parse_block`, but line by line and for any kind of line; counts the skipped ones in `end`."""
        reader, rows = LineReader(self.on_error), []
        for number, line in enumerate(lines, end["lines"] + 1):
            where = f"{self.path} line {number}"
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8")
                row = reader.parse(where, text, "\t", (CELLS,), parse_cells)
            except UnicodeDecodeError as error:
                raise ValueError(f"{self.path} is not a text file in utf-8: {error.reason}") from error
            if row is not None:
                rows.append((row[0], row[1:14], _packed(where, row[14:])))
        end["skipped"] += reader.skipped
        labels, numbers, hashes = zip(*rows, strict=True) if rows else ((), (), ())
        return Rows(
            np.array(labels, np.uint8),
            np.array(numbers, np.float64).reshape(-1, len(INTEGERS)),
            np.array(hashes, np.uint64).reshape(-1, len(CATEGORIES)),
        )


def _buffer(rows: int) -> Rows:
    """Room for this many rows, each column contiguous."""
    numbers, hashes = np.empty((len(INTEGERS), rows)), np.empty((len(CATEGORIES), rows), np.uint64)
    return Rows(np.empty(rows, np.uint8), numbers.T, hashes.T)


def parse_block(text: bytes) -> Rows | None:
    """Parse whole lines; None unless each has 40 cells of at most 8 ASCII characters, a label and integers."""
    text = text.replace(b"\r\n", b"\n") if b"\r" in text else text
    if not text.isascii() or not text.endswith(b"\n") or any(byte in text for byte in (b".", b"\r", b"\0")):
        return None
    characters = np.frombuffer(text + bytes(8), np.uint8)
    ends = np.flatnonzero(characters - 9 < 2)  # tabs, 9, and line ends, 10: what is below 9 wraps around
    if len(ends) % CELLS:
        return None
    lengths = _by_column(np.diff(ends, prepend=-1) - 1)
    ends = _by_column(ends)
    labels, marks = characters[ends[0] - 1] - ord("0"), characters[ends]
    if (marks[-1] != 10).any() or (marks[:-1] != 9).any() or lengths.max() > 8:
        return None
    if (lengths[0] != 1).any() or (labels > 1).any():
        return None
    words = _words(characters, ends[:-1] + 1, lengths[1:])
    numbers = _integers(words[: len(INTEGERS)], lengths[1 : 1 + len(INTEGERS)])
    return None if numbers is None else Rows(labels, numbers.T, words[len(INTEGERS) :].T)


def _by_column(cells: Array) -> Array:
    """(40 n,) cells in the order of the text -> (40, n)."""
    return np.ascontiguousarray(cells.reshape(-1, CELLS).T)


def _words(characters: Array, starts: Array, lengths: Array) -> Array:
    """The cells that begin at `starts`, as uint64: reads 8 bytes from each start and masks those beyond its length."""
    at_every_byte = np.ndarray((len(characters) - 7,), ">u8", buffer=characters, strides=(1,))
    return at_every_byte[starts].astype(np.uint64) & ONES[lengths]


def _integers(words: Array, lengths: Array) -> Array | None:
    """The numbers that the words spell, nan for an empty word; None if one of them is not an integer.

    Eight digits are combined in three steps: digits to pairs, pairs to fours, fours to the number.
    """
    negative = words >> 56 == ord("-")
    digits = lengths - negative
    words = np.where(negative, words << 8, words)
    x = (words >> SHIFT[digits] | ZEROS[digits]) ^ EIGHT_ZEROS
    if ((x + TOO_MUCH | x) & HIGH_BITS).any() or (negative & (digits == 0)).any():  # a byte is above 9
        return None
    for bits, mask in ((8, 0x00FF00FF00FF00FF), (16, 0x0000FFFF0000FFFF), (32, 0x00000000FFFFFFFF)):
        x = (x >> bits & mask) * 10 ** (bits // 8) + (x & mask)
    numbers = x.astype(np.float64)
    numbers[negative] *= -1
    numbers[lengths == 0] = np.nan
    return numbers


def _packed(where: str, cells: tuple[str, ...]) -> list[int]:
    hashes = []
    for name, cell in zip(CATEGORIES, cells, strict=True):
        try:
            hashes.append(int(pack([key_of(cell)])[0]))
        except ValueError as error:
            advice = "a log of longer categories can be encoded as --data table, with a header"
            raise ValueError(f"{where}: {name} {error}; {advice}") from None
    return hashes
