"""What is to be checked: the gradient that a backward pass claims, dense or of touched rows, and which entries.

The rows of a table fall into strata: touched once, touched repeatedly, touched by padding alone, untouched. Every row
of the first three is looked at, of the last a sample.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

Array = np.ndarray
UNTOUCHED_ROWS = 32  # how many untouched rows of a table are sampled


class Slots(NamedTuple):
    """Which rows of a table each example touches."""

    ids: Array  # (n, s)
    values: Array  # (n, s); a slot of value 0 is padding

    def touches(self, rows: int) -> Array:
        """(rows,) how many slots touch each row."""
        return np.bincount(self.ids[self.values != 0], minlength=rows)

    def paddings(self, rows: int) -> Array:
        """(rows,) how many padding slots name each row."""
        return np.bincount(self.ids[self.values == 0], minlength=rows)


def find_slots(inputs: Mapping[str, Array]) -> Slots | None:
    """The slots among the inputs of an operation: integer `ids`, and `values` where they have the same shape."""
    ids = inputs.get("ids")
    if ids is None or ids.dtype.kind not in "iu" or ids.ndim != 2 or ids.min(initial=0) < 0:
        return None
    ids, values = ids.astype(np.int64), inputs.get("values")
    return Slots(ids, values if values is not None and values.shape == ids.shape else np.ones(ids.shape))


def is_row_gradient(gradient) -> bool:
    """Whether it holds touched rows of a table: `.rows` (r,) and `.values` (r, ...)."""
    return hasattr(gradient, "rows") and hasattr(gradient, "values") and not callable(gradient.values)


def as_array(value) -> Array:
    """The value as an array; what is none, such as a ragged list, as an object in one."""
    try:
        return np.asarray(value)
    except ValueError:
        holder = np.empty((), object)
        holder[()] = value
        return holder


def is_real(array: Array) -> bool:
    """Whether it holds real numbers."""
    return array.dtype.kind in "fiu"


def to_dense(gradient, shape: tuple) -> Array:
    """The gradient as one floating array, rows that are left out being 0."""
    if not is_row_gradient(gradient):
        return _floating(np.asarray(gradient))
    values = _floating(np.asarray(gradient.values))
    dense = np.zeros(shape, values.dtype)
    dense[np.asarray(gradient.rows, int)] = values
    return dense


def complaint(gradient, shape: tuple) -> tuple[str, str]:
    """What is wrong with a gradient before any of its numbers is looked at, as (rule, sentence); empty if nothing."""
    if gradient is None:
        return "shape", "there is no gradient for it"
    if is_row_gradient(gradient):
        return _row_complaint(gradient, shape)
    array = as_array(gradient)
    if not is_real(array):
        return "shape", f"the gradient {held(gradient)}, should hold real numbers"
    found = array.shape
    if found == shape:
        return _not_finite(array)
    sentence = f"the gradient has shape {found}, should be {shape}"
    if len(found) == len(shape) + 1 and found[1:] == shape and found[0] > 1 and found[:1] != shape[:1]:
        return "not summed", f"{sentence}: sum it over the batch, axis 0"
    if found == shape[::-1]:
        return "transposed", f"{sentence}: it is transposed"
    return "shape", sentence


def held(value) -> str:
    """What an array holds, or of what type a value is that is none, in words."""
    if value is None:
        return "is None"
    is_array = isinstance(value, np.ndarray | np.generic)
    return f"holds {value.dtype}" if is_array else f"is of type {type(value).__name__}"


def _row_complaint(gradient, shape: tuple) -> tuple[str, str]:
    if not shape:
        return "shape", "the gradient holds rows, but the tensor is a single number: its gradient is one, too"
    rows, values = as_array(gradient.rows), as_array(gradient.values)
    if not is_real(values):
        return "shape", f"the values of the row gradient hold {values.dtype}, should hold real numbers"
    if rows.ndim != 1 or values.shape != (rows.size, *shape[1:]):
        expected = "(r,)" if len(shape) == 1 else f"(r, {', '.join(map(str, shape[1:]))})"
        return "shape", f"rows {rows.shape} and values {values.shape} do not fit; should be (r,) and {expected}"
    if rows.dtype.kind not in "iu":
        return "shape", f"rows hold {rows.dtype}, should hold integers"
    if rows.size and (rows.min() < 0 or rows.max() >= shape[0]):
        return "shape", f"rows must lie in [0, {shape[0]})"
    if np.unique(rows).size != rows.size:
        return "repeated rows", "a row appears twice: gradients of slots that share a row must be summed"
    return _not_finite(values)


def _floating(array: Array) -> Array:
    return array if array.dtype.kind == "f" else array.astype(float)


def not_finite(what: str, values: Array) -> str:
    """A sentence on the first number that is nan or infinite; empty if there is none."""
    bad = np.argwhere(~np.isfinite(values))
    if not len(bad):
        return ""
    index = tuple(map(int, bad[0]))
    return f"{what} at {index} is {values[index]}" if index else f"{what} is {values[()]}"


def _not_finite(values: Array) -> tuple[str, str]:
    sentence = not_finite("the gradient", values)
    return ("not finite" if sentence else "", sentence)


def entries_to_check(gradient, shape: tuple, slots: Slots | None, rng: np.random.Generator) -> list[tuple]:
    """Multi-indices: all, or of a row gradient those of all rows that matter and of a sample of the others."""
    if not is_row_gradient(gradient):
        return list(np.ndindex(shape))
    known = [np.asarray(gradient.rows, int)]
    if slots is not None:
        known.append(slots.ids.reshape(-1))
    known = np.unique(np.concatenate(known))
    untouched = np.setdiff1d(np.arange(shape[0]), known)
    sample = rng.choice(untouched, min(UNTOUCHED_ROWS, untouched.size), replace=False)
    rows = [*known, *np.sort(sample)]
    return [(int(row), *rest) for row in rows for rest in np.ndindex(shape[1:])]


def strata(entries: list[tuple], rows: int, slots: Slots) -> str:
    """How many of the checked rows lie in each stratum, in words."""
    checked = np.unique([index[0] for index in entries]).astype(int)
    touches, paddings = slots.touches(rows)[checked], slots.paddings(rows)[checked]
    kinds = {
        "named by one slot": touches == 1,
        "by several": touches > 1,
        "by padding alone": (touches == 0) & (paddings > 0),
        f"by none (of {rows - np.unique(slots.ids).size})": (touches == 0) & (paddings == 0),
    }
    return "rows compared: " + ", ".join(f"{which.sum()} {kind}" for kind, which in kinds.items())
