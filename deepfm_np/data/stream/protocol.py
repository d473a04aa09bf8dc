"""The interface of a click log too large for memory: its fields, and its rows in pieces."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

from deepfm_np.data.fields import Field
from deepfm_np.ops.rows import Array


class Piece(NamedTuple):
    """PIECE_ROWS rows of a click log; the last piece may have fewer."""

    labels: Array  # (n,) uint8 of 0 and 1
    parts: list  # for each field, what its `scan` returns for these rows
    end: dict  # where the next piece begins; "rows" and "skipped" count the rows and malformed lines so far


class Stream(Protocol):
    """A click log too large for memory. `settings` and `end` hold only what JSON can."""

    path: Path
    fields: list[Field]
    settings: dict  # everything besides the file that determines what is read
    unit: str  # of `total` and end["done"], for the progress bar
    total: int | None  # None if unknown

    def pieces(self, after: dict | None = None) -> Iterator[Piece]:
        """The pieces in order, from the start or from where an earlier piece ended. after: the `end` of that piece.

        Raises ValueError, naming file and line, if the log is malformed.
        """
        ...
