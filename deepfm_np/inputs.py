"""Checks of the classifier's input: X, a table; y, a column of two classes; the weights of its rows."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from deepfm_np.data.examples import Examples, WeightedExamples
from deepfm_np.ops.checks import array_of, brief, numbers_of, shown
from deepfm_np.ops.rows import Array


def frame_of(X: Any, columns: int | None = None) -> pd.DataFrame:
    """X as a pandas DataFrame: itself, or the same columns of a table that narwhals reads (polars, pyarrow, ...).

    The columns of a two-dimensional array or a list of rows are called 0, 1, 2, ...
    columns: how many there must be if they have no names; None: any number.
    Raises TypeError for anything else and for sparse matrices, ValueError for an array of another shape, complex
    numbers, or no columns.
    """
    if not isinstance(X, pd.DataFrame):
        X = _from_narwhals(X) if hasattr(type(X), "columns") else _from_array(X)
    if not X.shape[1]:
        raise ValueError(f"X has 0 feature(s) (shape={X.shape}) while a minimum of 1 is required.")
    several = [name for name in X.columns if isinstance(name, frozenset)]
    if several:
        raise ValueError(f"a column has the name {shown(several[0])}, which pandas takes for several")
    if columns is not None and isinstance(X.columns, pd.RangeIndex) and X.shape[1] != columns:
        raise ValueError(f"X has {X.shape[1]} features, but DeepFMClassifier is expecting {columns} features as input")
    return X


def _from_narwhals(X: Any) -> pd.DataFrame:
    import narwhals

    try:
        frame = narwhals.from_native(X, eager_only=True)
    except TypeError:
        raise TypeError(f"X must be a table that is in memory, got {type(X).__module__}.{type(X).__name__}") from None
    return pd.DataFrame({name: _cells(frame[name]) for name in frame.columns})


def _cells(column: Any) -> Any:
    """The cells of a narwhals column. Integers with missing cells stay integers: floats do not hold every id."""
    if column.null_count() and column.dtype.is_integer():
        return pd.array(column.to_list(), "UInt64" if column.dtype.is_unsigned_integer() else "Int64")
    return column.to_list() if column.dtype.is_nested() else column.to_numpy()


def _from_array(X: Any) -> pd.DataFrame:
    if hasattr(X, "tocsr"):
        raise TypeError(f"X must be a table of columns; a sparse {type(X).__name__} is not supported: use X.toarray()")
    if not isinstance(X, np.ndarray | list | tuple) and not hasattr(X, "__array__"):
        raise TypeError(f"X must be a DataFrame or an array with one column per field, got {type(X).__name__}")
    array = array_of("X", X)
    if array.ndim != 2:
        raise ValueError(f"X must have 2 dimensions, rows and columns, it is {array.shape}. Reshape your data")
    if array.dtype.kind == "c":
        raise ValueError("Complex data not supported: X must hold numbers, texts or other labels")
    return pd.DataFrame(list(X) if isinstance(X, list | tuple) else array).infer_objects()


def triple_of(eval_set: Any) -> tuple[Any, Any, Any]:
    """X, y and the weights or None, also where they stand in a list of one, as other libraries take them."""
    if isinstance(eval_set, list) and len(eval_set) > 1 and all(isinstance(one, tuple) for one in eval_set):
        raise ValueError(f"eval_set holds {len(eval_set)} pairs (X, y); training is stopped by one")
    pair = eval_set[0] if isinstance(eval_set, list) and len(eval_set) == 1 else eval_set
    if not isinstance(pair, tuple | list) or len(pair) not in (2, 3):
        length = f" of {len(pair)}" if isinstance(pair, tuple | list) else ""
        raise ValueError(f"eval_set must be (X, y) or (X, y, weights), got a {type(pair).__name__}{length}")
    return pair[0], pair[1], pair[2] if len(pair) == 3 else None


def column_of(y: Any) -> Array:
    """y as an (n,) array. Raises ValueError for another shape, or a label that is missing or of another type."""
    if y is None:
        raise ValueError("a classifier requires y to be passed, but the target y is None")
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
            raise ValueError(
                f"y must hold labels of one type; row 0 holds {shown(y[0])}, row {row} holds {shown(y[row])}"
            )
    return array_of("y", given)


def two_classes(y: Array) -> Array:
    """(2,) the distinct labels, sorted. Raises ValueError unless there are exactly two."""
    try:
        classes = np.unique(y)
    except (TypeError, ValueError):
        raise ValueError("y must hold labels that can be sorted, as numbers or texts") from None
    if len(classes) != 2:
        found = brief(", ".join(map(str, classes[:5])) + (", ..." if len(classes) > 5 else ""))
        number = f"{len(classes)} class{'es' if len(classes) > 1 else ''}"
        raise ValueError(f"y must hold exactly two classes, it holds {number}: {found}{_advice(classes)}")
    return classes


def _advice(classes: Array) -> str:
    if len(classes) < 2:
        return ""
    if classes.dtype.kind == "f" and (classes % 1).any():
        return ". A continuous target needs a regression"
    return ". Only binary classification is supported."


def labels_of(X: pd.DataFrame, y: Array, classes: Array) -> Array:
    """(n,) float32, 1 where y is the second class. Raises ValueError for another class or a different length."""
    if len(X) != len(y):
        raise ValueError(f"X has {len(X)} rows, y has {len(y)}")
    strange = ~np.isin(y, classes)
    if strange.any():
        row = int(np.argmax(strange))
        raise ValueError(f"y must be {classes[0]} or {classes[1]}, as in training; row {row} holds {brief(y[row])}")
    return (y == classes[1]).astype(np.float32)


def weights_of(sample_weight: Any, n: int) -> Array | None:
    """The weights of n rows as (n,) float64; None if there are none. A row of weight 0 is left out by its user.

    Raises ValueError for another shape, and for weights that are negative, not finite or all 0, naming the row.
    """
    if sample_weight is None:
        return None
    weights = numbers_of("sample_weight", sample_weight).astype(np.float64)
    if weights.shape != (n,):
        raise ValueError(f"sample_weight must be (n,), one for each of {n} rows; it is {weights.shape}")
    wrong = ~((weights >= 0) & (weights < np.inf))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ValueError(f"sample_weight must not be negative and be finite; row {row} holds {weights[row]}")
    if not weights.any():
        raise ValueError("sample_weight must not be zero in every row")
    return weights


def class_weights(given: Any, classes: Array, labels: Array, weights: Array | None) -> Array | None:
    """(2,) what a row of each class counts; None if all count the same.

    given: the setting. "balanced" makes both classes count the same in all: sum_i w_i / (2 sum over the class of w_i).
    A class that a dict leaves out counts 1. Raises ValueError for a class that is none.
    """
    if given is None:
        return None
    if isinstance(given, str):
        totals = np.bincount(labels.astype(int), weights, minlength=2)
        return totals.sum() / (2 * totals)
    unknown = [key for key in given if key not in classes.tolist()]
    if unknown:
        raise ValueError(f"class_weight names {unknown[0]!r}; the classes are {classes[0]} and {classes[1]}")
    return np.array([given.get(name, 1.0) for name in classes.tolist()])


def features_of(columns: Sequence) -> dict[str, Any]:
    """What scikit-learn wants to know of the columns of X: their number, and their names if all are texts."""
    names = list(columns)
    named = {"feature_names_in_": np.array(names, object)} if all(isinstance(name, str) for name in names) else {}
    return {"n_features_in_": len(names), **named}


class Rows(NamedTuple):
    """Rows with their labels."""

    frame: pd.DataFrame
    y: Any  # (n,) the labels as they were given; None once rows were taken
    labels: Array  # (n,) float32, 1 for the second class
    weights: Array | None  # (n,) positive; None: all count the same
    classes: Array  # (2,)

    def take(self, some: Array) -> "Rows":
        """The rows for which (n,) some is True."""
        weights = None if self.weights is None else self.weights[some]
        return self._replace(frame=self.frame[some], y=None, labels=self.labels[some], weights=weights)


def labelled_rows(X: Any, y: Any, sample_weight: Any = None, classes: Array | None = None) -> Rows:
    """The rows of a weight above 0. classes: those of the training; None finds them. Raises as the functions above."""
    frame, column = frame_of(X), column_of(y)
    weights = weights_of(sample_weight, len(column))
    if weights is not None and len(frame) == len(column):
        some = weights > 0
        y = pd.Series(column[some], name=getattr(y, "name", None))
        frame, column, weights = frame[some], column[some], weights[some]
    classes = two_classes(column) if classes is None else classes
    return Rows(frame, y, labels_of(frame, column, classes), weights, classes)


def examples_of(encoded: tuple[Array, Array], rows: Rows, by_class: Array | None) -> Examples | WeightedExamples:
    """The examples of encoded rows; what each counts is its weight times that of its class."""
    labels, weights = rows.labels, rows.weights
    if by_class is not None:
        weights = by_class[labels.astype(int)] * (1.0 if weights is None else weights)
    return Examples(*encoded, labels) if weights is None else WeightedExamples(*encoded, labels, weights)
