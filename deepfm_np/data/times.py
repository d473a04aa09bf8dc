"""A column of times, to split by: numbers, or dates of which day, month and year are clear."""

import numpy as np
import pandas as pd

from deepfm_np.data.cells import quoted
from deepfm_np.data.table_file import TableFile
from deepfm_np.data.texts import NAMED_DATE
from deepfm_np.ops.checks import shown

DAY_AND_MONTH = r"^\s*(\d{1,2})([-/.])(\d{1,2})\2(\d{4})((?:[ T].*)?)$"
RIGHT = "numbers, or dates as 2026-01-31 12:00, 31/01/2026 or 31 Jan 2026"


def times_of(column: pd.Series, file: TableFile) -> np.ndarray:
    """(n,) times that can be compared.

    31/01/2026 is clear, 03/04/2025 is not: which comes first, day or month, is decided on all dates of the column.
    Raises ValueError, naming the place in the file, for a cell that is no time, and if no date of the column tells
    day from month.
    """
    if column.dtype.kind == "M" or isinstance(column.dtype, pd.DatetimeTZDtype):
        times = column
    else:
        times = pd.to_numeric(column, errors="coerce")
        if times.isna().any():
            times = _dates(column.astype("string"))
    if times.isna().any():
        row = int(np.argmax(times.isna()))
        cell = quoted(column.iloc[row], str)
        raise ValueError(f"times must be {RIGHT}; {file.place(row)}, column {shown(column.name)} holds {cell}")
    return times.to_numpy() if times.dtype.kind in "iuf" else times.to_numpy("datetime64[ns]")


def _dates(column: pd.Series) -> pd.Series:
    """The dates of texts, NaT where one is none."""
    times = pd.to_datetime(column, errors="coerce", format="ISO8601", utc=True)
    if times.notna().any():
        return times
    parts = column.str.extract(DAY_AND_MONTH)
    if parts[0].notna().any():
        return _year_first(column, parts)
    named = column.where(column.str.fullmatch(NAMED_DATE).fillna(False))
    return pd.to_datetime(named, errors="coerce", format="mixed", utc=True)


def _year_first(column: pd.Series, parts: pd.DataFrame) -> pd.Series:
    """The dates of texts as 31/01/2026 or 01/31/2026; NaT for those that contradict the first clear one."""
    first, second = (pd.to_numeric(parts[group]) for group in (0, 2))
    clear = ((first > 12) | (second > 12)).fillna(False)
    if not clear.any():
        cell = quoted(column[parts[0].notna()].iloc[0], str)
        what = f"column {shown(column.name)} holds {cell}, and no date in it tells day from month"
        raise ValueError(f"times must be clear: {what}; write the year first, as 2026-01-31")
    day_first = (first > 12)[clear].iloc[0]
    month, day = (parts[2], parts[0]) if day_first else (parts[0], parts[2])
    dates = parts[3] + "-" + month.str.zfill(2) + "-" + day.str.zfill(2) + parts[4]
    return pd.to_datetime(dates, errors="coerce", format="mixed", utc=True)
