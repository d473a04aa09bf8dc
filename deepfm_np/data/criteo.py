"""Criteo's display advertising log (Kaggle 2014): label, 13 integers, 26 hashed categories, separated by tabs."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from deepfm_np.constraints import checked
from deepfm_np.data.cells import quoted
from deepfm_np.data.click_data import ClickData
from deepfm_np.data.fields import Categorical, Field, Numerical
from deepfm_np.data.lines import LineReader, to_integer

INTEGERS = [f"I{i}" for i in range(1, 14)]
CATEGORIES = [f"C{i}" for i in range(1, 27)]


def load_criteo(
    path: str | Path, numericals: str = "log", min_count: int = 10, rows: int | None = None, on_error: str = "raise"
) -> ClickData:
    """A file in the format of train.txt; empty cells are missing.

    numericals: "log" scales the integers as log(1 + x); "buckets" makes each a category, floor(log(x)^2) for x > 2 and
        x itself below, the rule of the 2014 winners ("3 Idiots").
    min_count: a category seen less often in training counts as unknown.  rows: read only this many.
    on_error: "raise", or "skip" to leave malformed lines out and count them in `skipped`.
    Raises FileNotFoundError for a missing file, ValueError, naming file and line, for a malformed one.
    """
    numericals = checked("numericals", numericals)
    integer = _bucket if numericals == "buckets" else float

    reader = LineReader(on_error)
    lines = reader.read(Path(path), "\t", (40,), lambda cells: parse_cells(cells, integer), limit=rows)
    frame = pd.DataFrame(lines, columns=["label", *INTEGERS, *CATEGORIES])
    kind: list[Field] = (
        [Numerical(name, scaling="log") for name in INTEGERS]
        if numericals == "log"
        else [Categorical(name, min_count) for name in INTEGERS]
    )
    fields = [*kind, *(Categorical(name, min_count) for name in CATEGORIES)]
    labels = frame.pop("label").to_numpy(np.float32)
    return ClickData(frame, labels, fields, skipped=reader.skipped)


def parse_cells(cells: list[str], integer: Callable = float) -> tuple:
    """The label, 13 integers (nan where missing), 26 categories. Raises ValueError, naming what is expected."""
    if cells[0] not in ("0", "1"):
        raise ValueError(f"the label must be 0 or 1, got {quoted(cells[0])}")
    counts = [
        integer(_integer_of(cell, name)) if cell else np.nan for name, cell in zip(INTEGERS, cells[1:14], strict=True)
    ]
    return int(cells[0]), *counts, *cells[14:]


def _integer_of(cell: str, name: str) -> int:
    if len(cell) > 18:  # float32 overflow would be noticed only later, far from this line
        raise ValueError(f"{name} must have at most 18 digits, got {quoted(cell)}")
    return to_integer(cell, name)


def _bucket(x: int) -> str:
    return str(math.floor(math.log(x) ** 2) if x > 2 else x)
