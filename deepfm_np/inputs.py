"""Checks of the classifier's input: X, a DataFrame, and y, a column of two classes."""

from typing import Any

import numpy as np
import pandas as pd

from deepfm_np.ops.checks import array_of
from deepfm_np.ops.rows import Array


def frame_of(X: Any) -> pd.DataFrame:
    """X itself. Raises TypeError unless it is a DataFrame."""
    if not isinstance(X, pd.DataFrame):
        raise TypeError(f"X must be a pandas DataFrame with one column per field, got {type(X).__name__}")
    return X


def pair_of(eval_set: Any) -> tuple[Any, Any]:
    """X and y, also where they stand in a list of one pair, as other libraries take them."""
    if isinstance(eval_set, list) and len(eval_set) > 1 and all(isinstance(one, tuple) for one in eval_set):
        raise ValueError(f"eval_set holds {len(eval_set)} pairs (X, y); training is stopped by one")
    pair = eval_set[0] if isinstance(eval_set, list) and len(eval_set) == 1 else eval_set
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        length = f" of {len(pair)}" if isinstance(pair, tuple | list) else ""
        raise ValueError(f"eval_set must be a pair (X, y), got a {type(pair).__name__}{length}")
    return pair[0], pair[1]


def column_of(y: Any) -> Array:
    """y as an (n,) array. Raises ValueError for another shape, or a label that is missing or of another type."""
    given, y = y, array_of("y", y)
    if y.ndim != 1:
        raise ValueError(f"y must be (n,), one label per row of X, it is {y.shape}")
    if not len(y):
        raise ValueError("y is empty: there must be at least one row, with its label")
    if y.dtype.kind in "OU":
        y = np.fromiter(given, object, len(y))  # NumPy makes texts of [0, "a"] and ["a", nan]
    missing = pd.isna(y)
    if missing.any():
        raise ValueError(f"y must have a label in every row; row {int(np.argmax(missing))} holds {y[missing][0]}")
    if y.dtype == object:
        texts = np.array([isinstance(label, str) for label in y], bool)
        if (texts != texts[:1]).any():
            row = int(np.argmax(texts != texts[0]))
            raise ValueError(f"y must hold labels of one type; row 0 holds {y[0]!r}, row {row} holds {y[row]!r}")
    return array_of("y", given)


def two_classes(y: Array) -> Array:
    """(2,) the distinct labels, sorted. Raises ValueError unless there are exactly two."""
    classes = np.unique(y)
    if len(classes) != 2:
        found = ", ".join(str(label) for label in classes[:5]) + (", ..." if len(classes) > 5 else "")
        raise ValueError(f"y must hold exactly two classes, it holds {len(classes)}: {found}")
    return classes


def labels_of(X: pd.DataFrame, y: Array, classes: Array) -> Array:
    """(n,) float32, 1 where y is the second class. Raises ValueError for another class or a different length."""
    if len(X) != len(y):
        raise ValueError(f"X has {len(X)} rows, y has {len(y)}")
    strange = ~np.isin(y, classes)
    if strange.any():
        row = int(np.argmax(strange))
        raise ValueError(f"y must be {classes[0]} or {classes[1]}, as in training; row {row} holds {y[row]}")
    return (y == classes[1]).astype(np.float32)
