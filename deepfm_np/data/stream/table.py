"""A CSV, Parquet or JSON lines file of any size, read in pieces."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from deepfm_np.data import fields
from deepfm_np.data.columns import Column, announce
from deepfm_np.data.encoder import scan
from deepfm_np.data.fields import Field
from deepfm_np.data.first_bytes import open_table
from deepfm_np.data.kinds import Seen, decide, fields_of, inferred, see, together
from deepfm_np.data.stream.protocol import Piece
from deepfm_np.data.table import (
    declared_fields,
    naming_places,
    read_labels,
    require_columns,
    text_columns,
)
from deepfm_np.data.table_file import TableFile


class TableStream:
    """A CSV, Parquet or JSON lines file, read in pieces, with the arguments and results of `load_table`.

    If no column is named, the whole file is read once beforehand to infer the kind of each column. A resumed run reads
    the earlier rows again and drops them. Raises as `load_table` does; a bad label only when its piece is reached.
    """

    unit = "rows"

    def __init__(
        self,
        path: str | Path,
        label: str,
        categorical: Sequence[str] = (),
        numerical: Sequence[str] = (),
        multi_valued: Sequence[str] = (),
        separator: str = "|",
        column_separator: str | None = None,
        encoding: str | None = None,
    ):
        self.path, self.label = Path(path), label
        self.file = open_table(path, column_separator, encoding)
        self.fields = declared_fields(label, categorical, numerical, multi_valued, separator) or _inferred(
            self.file, label
        )
        kinds = {field.name: field.kind for field in self.fields}
        self.settings = {"data": "table", "label": label, "separator": separator, "fields": kinds}
        given = {"column_separator": column_separator, "encoding": encoding}
        self.settings |= {name: value for name, value in given.items() if value is not None}
        self.total = self.file.rows()
        require_columns(path, next(_frames(self.file, (), 1)), [label, *kinds])

    def pieces(self, after: dict | None = None) -> Iterator[Piece]:
        """See `Stream.pieces`."""
        first, done = 0, after["rows"] if after else 0
        for frame in _frames(self.file, text_columns(self.fields), fields.PIECE_ROWS):
            end = first + len(frame)
            if end > done:
                labels = read_labels(frame[self.label], self.file, first).astype(np.uint8)
                with naming_places(self.file, first):
                    parts = scan(frame, self.fields)
                yield Piece(labels, parts, {"rows": end, "done": end, "skipped": 0})
            first = end


def _inferred(file: TableFile, label: str) -> list[Field]:
    """What `kinds` decides on the whole file; copies of the label are looked for in its first piece.

    No label has a say, as `kinds.settled` would let them: which rows will be held out is not known yet.
    """
    seen: dict[str, Seen] = {}
    for frame in _frames(file, (), fields.PIECE_ROWS):
        labels = frame.pop(label) if label in frame else None
        if not seen:
            decide(frame, label=labels)
        for name, column in frame.items():
            seen[name] = together(seen[name], see(column)) if name in seen else see(column)
    columns = [_unsettled(inferred(name, one)) for name, one in seen.items()]
    found = fields_of(columns)
    announce(columns)
    return found


def _unsettled(column: Column) -> Column:
    """The column, with a remark if its values alone do not tell ids from amounts."""
    if not column.open:
        return column
    remark = "has whole numbers that repeat: encoded as ids; if they are amounts, declare it numerical"
    return column._replace(remarks=(*column.remarks, remark))


def _frames(file: TableFile, as_text: Sequence[str], rows: int) -> Iterator[pd.DataFrame]:
    """The frames of a file that has rows."""
    read = 0
    for frame in file.frames(as_text, rows):
        read += len(frame)
        yield frame
    if not read:
        raise ValueError(f"{file.path} has a header and no rows")
