"""What a click log too large for memory offers: its fields, and its rows piece by piece."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

from deepfm_np.data.fields import Field
from deepfm_np.ops.rows import Array


class Piece(NamedTuple):
    """Some rows of a click log that is read in pieces of PIECE_ROWS rows, the last of which may have fewer."""

    labels: Array  # (n,) uint8 of 0 and 1
    parts: list  # for each field what its `scan` makes of these rows
    end: dict  # where the next piece begins, as JSON; "rows" counts those so far, "skipped" the malformed lines


class Stream(Protocol):
    """A click log too large for memory."""

    path: Path
    fields: list[Field]
    settings: dict  # all else that decides what is read, as JSON
    unit: str  # in which `total` and end["done"] count
    total: int | None  # where it is known

    def pieces(self, after: dict | None = None) -> Iterator[Piece]:
        """The pieces in order, from the beginning or after the `end` of an earlier piece.

        Raises ValueError, with file and line, where the log is malformed.
        """
        ...
