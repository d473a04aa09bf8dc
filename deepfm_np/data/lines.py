"""Strict reading of line-based logs: a malformed line is an error naming file and line, or skipped and counted."""

import gzip
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from deepfm_np.constraints import checked
from deepfm_np.data.cells import quoted

INTEGER = re.compile("[-+]?[0-9]+")  # int() would also take 1_000 and Arabic digits


class LineReader:
    """Splits each line of a file into cells and parses them.

    on_error: "raise" stops at the first malformed line with a ValueError naming it; "skip" leaves malformed lines out
    and counts them in `skipped`.
    """

    def __init__(self, on_error: str = "raise"):
        """Raises ValueError for an unknown `on_error`."""
        self.on_error: str = checked("on_error", on_error)
        self.skipped = 0

    def read(
        self,
        path: Path,
        separator: str,
        counts: Sequence[int],
        parse: Callable[[list[str]], tuple],
        encoding: str = "utf-8",
        limit: int | None = None,
    ) -> list[tuple]:
        """The results of `parse` for the cells of each line, up to `limit` well-formed lines; gzip is unpacked.

        counts: the numbers of cells that a line may have.  parse: raises ValueError, saying what is expected, for bad
        cells.  Raises FileNotFoundError; ValueError for a malformed line or a file without a well-formed one.
        """
        if not path.is_file():
            raise FileNotFoundError(f"{path}: no such file")
        rows: list[tuple] = []
        encoding = "utf-8-sig" if encoding == "utf-8" else encoding  # a byte order mark is no part of the first cell
        with (gzip.open if _is_gzip(path) else open)(
            path, "rt", encoding=encoding, errors="strict", newline="\n"
        ) as file:
            for number, line in self._numbered(path, file):
                if limit is not None and len(rows) == limit:
                    break
                row = self.parse(f"{path} line {number}", line, separator, counts, parse)
                if row is not None:
                    rows.append(row)
        if not rows:
            raise ValueError(f"{path} holds no {'well-formed ' if self.skipped else ''}line")
        return rows

    def parse(
        self, where: str, line: str, separator: str, counts: Sequence[int], parse: Callable[[list[str]], tuple]
    ) -> tuple | None:
        """The result of `parse` for the cells of a line; None if it is skipped.  where: file and line, for errors."""
        cells = line.rstrip("\r\n").split(separator)
        try:
            if len(cells) not in counts:
                expected = " or ".join(map(str, counts))
                raise ValueError(f"{len(cells)} cells separated by {separator!r}, should be {expected}")
            return parse(cells)
        except ValueError as error:
            if self.on_error == "raise":
                raise ValueError(f"{where}: {error}") from None
            self.skipped += 1
            return None

    def _numbered(self, path: Path, file) -> Iterator[tuple[int, str]]:
        try:
            yield from enumerate(file, start=1)
        except UnicodeDecodeError as error:
            raise ValueError(f"{path} is not a text file in {error.encoding}: {error.reason}") from error
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise ValueError(f"{path} cannot be read: {error}") from error


def _is_gzip(path: Path) -> bool:
    with open(path, "rb") as file:
        return file.read(2) == b"\x1f\x8b"


def to_integer(cell: str, name: str) -> int:
    """The cell as an integer. Raises ValueError naming it. name: what the cell holds, for the message."""
    if not INTEGER.fullmatch(cell):
        raise ValueError(f"{name} must be an integer, got {quoted(cell)}")
    return int(cell)
