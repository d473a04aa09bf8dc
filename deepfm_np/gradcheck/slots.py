"""The slots of a lookup: which rows of a table each example touches, and so which entries of the table to check.

The rows of a table fall into four groups: touched once, touched repeatedly, named by padding alone, untouched. Every
row of the first three is checked, and a sample of the last.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from deepfm_np.gradcheck.arrays import Array
from deepfm_np.gradcheck.gradient import is_row_gradient

UNTOUCHED_ROWS = 32  # how many untouched rows of a table are sampled


class Slots(NamedTuple):
    """Which rows of a table each example touches."""

    ids: Array  # (n, s) intp
    values: Array  # (n, s); a slot of value 0 is padding

    def touches(self, rows: int) -> Array:
        """(rows,) how many slots touch each row."""
        return np.bincount(self.ids[self.values != 0], minlength=rows)

    def paddings(self, rows: int) -> Array:
        """(rows,) how many padding slots name each row."""
        return np.bincount(self.ids[self.values == 0], minlength=rows)


def find_slots(inputs: Mapping[str, Array], names: Sequence[str]) -> Slots | None:
    """The slots among the inputs of an operation: `ids`, or the first integers that may be rows of a named tensor.

    `values` count where they have the shape of the ids. None where there are no ids, or where some cannot be rows: a
    forward may hash them, or count them from the end.
    """
    longest = max((len(inputs[name]) for name in names if inputs[name].ndim), default=0)
    for name in sorted(inputs, key=lambda name: name != "ids"):
        ids = inputs[name]
        if ids.dtype.kind not in "iu" or ids.ndim not in (1, 2) or not ids.size:
            continue
        if ids.min() >= 0 and ids.max() < longest:
            ids = ids.astype(np.intp).reshape(len(ids), -1)
            values = inputs.get("values")
            return Slots(ids, np.ones(ids.shape) if values is None or values.shape != ids.shape else values)
    return None


def explain_zeros(slots: Slots, entries: list[tuple], derivative: Array) -> bool:
    """Whether the numeric derivative is 0 in the rows that no slot names, and not in some that one does."""
    rows = np.array([index[0] for index in entries], np.intp)
    named = np.isin(rows, slots.ids)
    return bool(not named.all() and not derivative[~named].any() and derivative[named].any())


def entries_to_check(gradient: object, shape: tuple, slots: Slots | None, rng: np.random.Generator) -> list[tuple]:
    """Multi-indices: all of them, but of a row gradient those of the touched rows and of a sample of the others."""
    if not is_row_gradient(gradient):
        return list(np.ndindex(shape))
    rows = np.asarray(gradient.rows, np.intp)
    known = np.unique(rows if slots is None else np.concatenate([rows, slots.ids.reshape(-1)]))
    untouched = np.setdiff1d(np.arange(shape[0]), known)
    sample = rng.choice(untouched, min(UNTOUCHED_ROWS, untouched.size), replace=False)
    return [(int(row), *rest) for row in [*known, *np.sort(sample)] for rest in np.ndindex(shape[1:])]


def rows_compared(entries: list[tuple], rows: int, slots: Slots) -> str:
    """How many of the checked rows are in each group, in words."""
    checked = np.unique(np.array([index[0] for index in entries], np.intp))
    touches, paddings = slots.touches(rows)[checked], slots.paddings(rows)[checked]
    groups = {
        "named by one slot": touches == 1,
        "by several": touches > 1,
        "by padding alone": (touches == 0) & (paddings > 0),
        f"by none (of {rows - np.unique(slots.ids).size})": (touches == 0) & (paddings == 0),
    }
    return "rows compared: " + ", ".join(f"{which.sum()} {group}" for group, which in groups.items())
