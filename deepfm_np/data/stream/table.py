"""A CSV or Parquet file of any size, read in pieces."""

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd

from deepfm_np.data import fields
from deepfm_np.data.encoder import scan
from deepfm_np.data.fields import Field
from deepfm_np.data.kinds import Seen, announce, decide, fields_of, inferred, see, together
from deepfm_np.data.stream.protocol import Piece
from deepfm_np.data.table import (
    declared_fields,
    is_parquet,
    naming_lines,
    read_csv,
    read_labels,
    reading,
    require_columns,
    text_columns,
)


class TableStream:
    """A CSV or Parquet file, read in pieces, with the arguments and results of `load_table`.

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
    ):
        self.path, self.label = Path(path), label
        self.fields = declared_fields(label, categorical, numerical, multi_valued, separator) or _inferred(path, label)
        kinds = {field.name: field.kind for field in self.fields}
        self.settings = {"data": "table", "label": label, "separator": separator, "fields": kinds}
        self.total = _parquet_rows(self.path) if is_parquet(self.path) else None
        require_columns(path, next(_frames(path, (), 1)), label, self.fields)

    def pieces(self, after: dict | None = None) -> Iterator[Piece]:
        """See `Stream.pieces`."""
        first, done = 0, after["rows"] if after else 0
        for frame in _frames(self.path, text_columns(self.fields), fields.PIECE_ROWS):
            end = first + len(frame)
            if end > done:
                labels = read_labels(frame[self.label], self.path, first).astype(np.uint8)
                with naming_lines(self.path, first):
                    parts = scan(frame, self.fields)
                yield Piece(labels, parts, {"rows": end, "done": end, "skipped": 0})
            first = end


def _inferred(path: str | Path, label: str) -> list[Field]:
    """What `kinds` decides on the whole file; copies of the label are looked for in its first piece."""
    seen: dict[str, Seen] = {}
    for frame in _frames(path, (), fields.PIECE_ROWS):
        labels = frame.pop(label) if label in frame else None
        if not seen:
            decide(frame, label=labels)
        for name, column in frame.items():
            seen[name] = together(seen[name], see(column)) if name in seen else see(column)
    columns = [inferred(name, one) for name, one in seen.items()]
    found = fields_of(columns)
    announce(columns)
    return found


def _frames(path: str | Path, as_text: Sequence[str], rows: int) -> Iterator[pd.DataFrame]:
    """`read_frame` in pieces of this many rows; the last may have fewer."""
    path, read = Path(path), 0
    with reading(path):
        frames = _parquet_frames(path, rows) if is_parquet(path) else read_csv(path, as_text, chunksize=rows)
    with closing(frames):
        while True:
            with reading(path):
                frame = next(frames, None)
            if frame is None or not len(frame):
                break
            read += len(frame)
            yield frame
    if not read:
        raise ValueError(f"{path} has a header and no rows")


def _parquet_frames(path: Path, rows: int) -> Generator[pd.DataFrame, None, None]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(rows):
            yield pa.Table.from_batches([batch]).to_pandas()


def _parquet_rows(path: Path) -> int:
    import pyarrow.parquet as pq

    with reading(path):
        return pq.read_metadata(path).num_rows
