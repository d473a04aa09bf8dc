"""Reading line-based logs strictly: what is wrong is named by file and line, or skipped and counted."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from deepfm_np.constraints import checked
from deepfm_np.data.cells import quoted

INTEGER = re.compile("[-+]?[0-9]+")  # int() would also take 1_000 and Arabic digits


class LineReader:
    """Splits the lines of a file into cells, as many as expected.

    on_error: "raise" stops at the first malformed line with a ValueError that names it; "skip" leaves such lines out
    and counts them in `skipped`.
    """

    def __init__(self, on_error: str = "raise"):
        """Raises ValueError for any other `on_error`."""
        self.on_error: str = checked("on_error", on_error)
        self.skipped = 0

    def read(
        self,
        path: Path,
        separator: str,
        counts: tuple[int, ...],
        parse: Callable[[list[str]], tuple],
        encoding: str = "utf-8",
        limit: int | None = None,
    ) -> list[tuple]:
        """What `parse` makes of the cells of each line, for the first `limit` good lines.

        counts: how many cells a line may have.  parse: raises ValueError, saying what would be right, for bad cells.
        Raises FileNotFoundError, and ValueError for a file without a good line.
        """
        if not path.is_file():
            raise FileNotFoundError(f"{path}: no such file")
        rows: list[tuple] = []
        encoding = "utf-8-sig" if encoding == "utf-8" else encoding  # a byte order mark is no part of the first cell
        with open(path, encoding=encoding, errors="strict", newline="\n") as file:
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
        self, where: str, line: str, separator: str, counts: tuple[int, ...], parse: Callable[[list[str]], tuple]
    ) -> tuple | None:
        """What `parse` makes of the cells of a line; None if it is malformed and skipped.  where: file, number."""
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


def to_integer(cell: str, name: str) -> int:
    """The cell as an integer. Raises ValueError, naming what it should have been."""
    if not INTEGER.fullmatch(cell):
        raise ValueError(f"{name} must be an integer, got {quoted(cell)}")
    return int(cell)
