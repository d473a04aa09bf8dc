"""Sparse gradients of a table: a batch touches only a few of its rows.

A batch of n examples switches on at most n * s rows of a table that may have millions. The gradient is therefore kept
as the touched rows and their values; every other row is exactly zero and left out.
"""

from typing import NamedTuple

import numpy as np

from deepfm_np.ops.checks import array_of, numbers_of

Array = np.ndarray


class RowGradient(NamedTuple):
    """The gradient of a table of shape (D,) or (D, k), without its zero rows.

    rows: (R,) np.intp, strictly increasing.  values: (R,) or (R, k), the gradient of each of those rows.
    """

    rows: Array
    values: Array

    def dense(self, D: int) -> Array:
        """The same gradient as an array of the table's shape, (D,) or (D, k): for lessons and tests."""
        table = np.zeros((D, *self.values.shape[1:]), self.values.dtype)
        table[self.rows] = self.values
        return table


def checked_slots(ids: Array, values: Array, D: int, dtype: np.dtype) -> tuple[Array, Array]:
    """(n, s) ids as np.intp, NumPy's index type, and values, after checking that they are slots of D rows of `dtype`.

    On a 32-bit platform, such as a browser, NumPy refuses to take rows by wider integers.
    Raises TypeError for ids that are not integers or values that are not numbers (complex values need complex rows),
    ValueError for different shapes, IndexError for an id outside [0, D): a negative id would otherwise silently count
    from the end of the table.
    """
    ids, values = _slots(ids, values, kinds="biufc" if dtype.kind == "c" else "biuf")
    if ids.size and (ids.min() < 0 or ids.max() >= D):
        row, slot = np.argwhere((ids < 0) | (ids >= D))[0]
        raise IndexError(f"ids must lie in [0, {D}); row {row}, slot {slot} holds {ids[row, slot]}")
    return ids.astype(np.intp, copy=False), values


def _slots(ids: Array, values: Array, kinds: str) -> tuple[Array, Array]:
    ids, values = array_of("ids", ids), numbers_of("values", values, kinds)
    if ids.dtype.kind not in "iu":
        raise TypeError(f"ids must be integers, they are {ids.dtype}; a float cannot hold every id exactly")
    if ids.dtype == np.uint64 and ids.size and ids.max() > np.iinfo(np.intp).max:
        raise IndexError(f"ids must be row numbers, they go up to {ids.max()}")
    if ids.ndim != 2 or ids.shape != values.shape:
        raise ValueError(f"ids and values must both be (n, s); they are {ids.shape} and {values.shape}")
    return ids, values


class TouchedRows(NamedTuple):
    """The rows that a batch of slots switches on. Slots of value 0 (padding) switch on none."""

    rows: Array  # (R,) np.intp, strictly increasing
    used: Array  # (n, s) bool, where the value is not 0
    position: Array  # (u,) int, for each used slot in order: the index of its row in `rows`

    def part(self, examples: slice) -> "TouchedRows":
        """The slots of some examples; the rows remain those of the whole batch."""
        first = np.count_nonzero(self.used[: examples.start])
        used = self.used[examples]
        return TouchedRows(self.rows, used, self.position[first : first + np.count_nonzero(used)])


def touched_rows(ids: Array, values: Array, scratch: Array | None = None) -> TouchedRows:
    """(n, s) ids and values -> the rows touched, and the index of each used slot's row among them.

    The plain formula: rows, position = np.unique(ids[used], return_inverse=True), which sorts all slots. With a
    scratch array only the distinct rows are sorted: every slot writes its number to scratch[row], where one of them
    remains; the rows of those slots are distinct. Their ranks go to the same places, and every slot reads its row's.

    scratch: (D,) int32, of which only entries named in `ids` are read and written; its values do not matter.
    """
    ids, values = _slots(ids, values, kinds="biufc")
    used = values != 0
    ids = (ids.reshape(-1) if used.all() else ids[used]).astype(np.intp, copy=False)
    if scratch is None:
        rows, position = np.unique(ids, return_inverse=True)
        return TouchedRows(rows, used, position)
    number = np.arange(ids.size, dtype=scratch.dtype)
    scratch[ids] = number
    rows = np.sort(ids.compress(scratch.take(ids) == number))
    scratch[rows] = number[: rows.size]
    return TouchedRows(rows, used, scratch.take(ids))


def sum_rows(touched: TouchedRows, slot_gradients: Array) -> RowGradient:
    """Sum the gradients of all slots that switch on the same row.

    slot_gradients: (n, s) or (n, s, k), the gradient each slot sends to its row. The plain formula:

        table_gradient[ids[i, j]] += slot_gradients[i, j]     for every slot (i, j) of value != 0

    `table_gradient[ids] += ...` would keep only the last of several slots that share a row; `np.add.at` adds
    them all, in order of appearance, so the result is the same in every run.
    """
    rows, used, position = touched
    if used.shape != slot_gradients.shape[:2]:
        raise ValueError(f"touched must be of this batch of {slot_gradients.shape[:2]} slots, it is of {used.shape}")
    width = slot_gradients.shape[used.ndim :]
    if not used.all():
        slot_gradients = slot_gradients[used]
    sums = np.zeros((rows.size, *width), slot_gradients.dtype)
    k = int(np.prod(width))
    # np.add.at is fastest on flat arrays: entry (row, f) of the sums lies at row * k + f.
    entry = np.arange(rows.size * k).reshape(rows.size, k).take(position, axis=0)
    np.add.at(sums.reshape(-1), entry.reshape(-1), slot_gradients.reshape(-1))
    return RowGradient(rows, sums)
