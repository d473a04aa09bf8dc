"""Checks of the classifier's input: X, a DataFrame, and y, a column of two classes."""

from typing import Any

import numpy as np
import pandas as pd

from deepfm_np.ops.rows import Array


def frame_of(X: Any) -> pd.DataFrame:
    """X itself. Raises TypeError unless it is a DataFrame."""
    if not isinstance(X, pd.DataFrame):
        raise TypeError(f"X must be a pandas DataFrame with one column per field, got {type(X).__name__}")
    return X


def column_of(y: Any) -> Array:
    """y as an (n,) array. Raises ValueError for another shape or a missing label (naming the row)."""
    y = np.asarray(y)
    if y.ndim != 1:
        raise ValueError(f"y must be (n,), one label per row of X, it is {y.shape}")
    missing = pd.isna(y)
    if missing.any():
        raise ValueError(f"y must have a label in every row; row {int(np.argmax(missing))} holds {y[missing][0]}")
    return y


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
