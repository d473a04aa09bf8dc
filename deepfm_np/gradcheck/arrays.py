"""Small questions about any value or array: what it holds, whether it is real, finite, the same as another."""

import numpy as np

Array = np.ndarray


def as_array(value: object) -> Array:
    """The value as an array; one that NumPy refuses, such as a ragged list, as the only entry of an object array."""
    try:
        return np.asarray(value)
    except ValueError:
        holder = np.empty((), object)
        holder[()] = value
        return holder


def is_real(array: Array) -> bool:
    """Whether it holds real numbers."""
    return array.dtype.kind in "fiu"


def same(left: object, right: object) -> bool:
    """Whether two arrays or scalars are equal; nan equals nan."""
    left, right = np.asarray(left), np.asarray(right)
    return left.shape == right.shape and bool(((left == right) | ((left != left) & (right != right))).all())


def to_double(x: Array) -> Array:
    """Floating arrays as float64, others as they are."""
    return x.astype(np.float64) if x.dtype.kind == "f" else x


def described(value: object) -> str:
    """The dtype of an array or the type of any other value, as the predicate of a sentence."""
    if value is None:
        return "is None"
    return (
        f"holds {value.dtype}" if isinstance(value, np.ndarray | np.generic) else f"is of type {type(value).__name__}"
    )


def not_finite(what: str, values: Array) -> str:
    """A sentence on the first nan or infinite number; empty if there is none."""
    bad = np.argwhere(~np.isfinite(values))
    if not len(bad):
        return ""
    index = tuple(map(int, bad[0]))
    return f"{what} at {index} is {values[index]}" if index else f"{what} is {values[()]}"
