"""A click log of one's own: a CSV or Parquet file with a column of labels."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from deepfm_np.data.click_data import ClickData
from deepfm_np.data.columns import Categorical, MultiValued, Numerical, infer_fields


def load_table(
    path: str | Path,
    label: str,
    categorical: Sequence[str] = (),
    numerical: Sequence[str] = (),
    multi_valued: Sequence[str] = (),
    separator: str = "|",
) -> ClickData:
    """Read a table and say which columns are what.

    label: the column of 0 and 1.  categorical, numerical, multi_valued: the columns to use; with none named, all but
    the label are used and inferred from their dtypes.  separator: between the values of a multi-valued cell.
    Raises FileNotFoundError; ValueError for an empty or malformed file, a column that is not there (listing those that
    are), a column named twice, or a label other than 0 or 1, with file and line.
    """
    named = [*categorical, *numerical, *multi_valued]
    twice = sorted({name for name in [label, *named] if [label, *named].count(name) > 1})
    if twice:
        raise ValueError(f"named twice: {', '.join(twice)}; a column is the label or one kind of field")
    frame = read_frame(path, as_text=[*categorical, *multi_valued])
    missing = [name for name in [label, *named] if name not in frame.columns]
    if missing:
        raise ValueError(f"{path} has no column {', '.join(missing)}; it has {', '.join(frame.columns)}")
    labels = _labels(frame.pop(label), path)
    fields = [
        *(Categorical(name) for name in categorical),
        *(Numerical(name) for name in numerical),
        *(MultiValued(name, separator=separator) for name in multi_valued),
    ]
    return ClickData(frame, labels, fields or infer_fields(frame))


def read_frame(path: str | Path, as_text: Sequence[str] = ()) -> pd.DataFrame:
    """A CSV file, or a Parquet file by its ending.

    as_text: CSV columns to keep as they are written, so that the zip code 01234 keeps its zero.
    Raises FileNotFoundError, ImportError where Parquet needs pyarrow, ValueError for an empty or malformed file.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    try:
        if path.suffix.lower() in (".parquet", ".pq"):
            frame = pd.read_parquet(path)
        else:
            frame = pd.read_csv(path, dtype={name: str for name in as_text}, index_col=False)
    except ImportError as error:
        raise ImportError(f"{path}: reading Parquet needs pyarrow (pip install pyarrow)") from error
    except pd.errors.EmptyDataError:
        raise ValueError(f"{path} is empty; the first line must name the columns") from None
    except (ValueError, OSError) as error:
        raise ValueError(f"{path} cannot be read as a table: {' '.join(str(error).split())}") from error
    if not len(frame):
        raise ValueError(f"{path} has a header and no rows")
    return frame


def _labels(column: pd.Series, path: str | Path) -> np.ndarray:
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(np.float32, na_value=np.nan)
    wrong = ~((numbers == 0) | (numbers == 1))
    if wrong.any():
        row = int(np.argmax(wrong))
        cell = column.iloc[row]
        raise ValueError(f"labels must be 0 or 1; {path} line {row + 2}, column {column.name!r} holds {cell!r}")
    return numbers
