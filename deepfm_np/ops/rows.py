"""Gradients of tables of which a batch touches few rows.

A batch of n examples switches on at most n * s rows of a table that may have millions. Its gradient is
therefore kept as the rows that were touched and their values; every other row is exactly zero and absent.
"""

from typing import NamedTuple

import numpy as np

Array = np.ndarray


class RowGradient(NamedTuple):
    """The gradient of a table of shape (D,) or (D, k), without its zero rows.

    rows: (r,) int64, strictly increasing.  values: (r,) or (r, k), the gradient of each of those rows.
    """

    rows: Array
    values: Array

    def dense(self, D: int) -> Array:
        """The same gradient as an array of the table's shape, (D,) or (D, k): for lessons and tests."""
        table = np.zeros((D, *self.values.shape[1:]), self.values.dtype)
        table[self.rows] = self.values
        return table


def check_slots(ids: Array, values: Array, D: int) -> None:
    """Raise where ids and values are not (n, s) slots of a table of D rows.

    Raises TypeError for ids that are not integers, ValueError for shapes that differ, IndexError for an id
    outside [0, D): a negative id would otherwise count silently from the end of the table.
    """
    if ids.dtype.kind not in "iu":
        raise TypeError(f"ids must be integers, they are {ids.dtype}; a float cannot hold every id exactly")
    if ids.ndim != 2 or ids.shape != values.shape:
        raise ValueError(f"ids and values must both be (n, s); they are {ids.shape} and {values.shape}")
    if ids.size and (ids.min() < 0 or ids.max() >= D):
        row, slot = np.argwhere((ids < 0) | (ids >= D))[0]
        raise IndexError(f"ids must lie in [0, {D}); row {row}, slot {slot} holds {ids[row, slot]}")


def sum_rows(ids: Array, values: Array, slot_gradients: Array) -> RowGradient:
    """Sum the gradients of all slots that switch on the same row.

    ids, values: (n, s).  slot_gradients: (n, s) or (n, s, k), the gradient each slot sends to its row.
    Slots of value 0 (padding) touch nothing. The plain formula, with `used` the slots of value != 0:

        table_gradient[ids[i, j]] += slot_gradients[i, j]     for every (i, j) in used

    `table_gradient[ids] += ...` would keep only the last of several slots that share a row; `np.add.at` adds
    them all, in order of appearance, so that the result does not vary from run to run.
    """
    used = values != 0
    if not used.all():
        ids, slot_gradients = ids[used], slot_gradients[used]
    rows, position = np.unique(ids.reshape(-1), return_inverse=True)
    width = slot_gradients.shape[ids.ndim :]
    sums = np.zeros((rows.size, *width), slot_gradients.dtype)
    k = int(np.prod(width))
    # np.add.at is fastest on flat arrays: entry (row, f) of the sums lies at row * k + f.
    entry = position.reshape(-1, 1) * k + np.arange(k)
    np.add.at(sums.reshape(-1), entry.reshape(-1), slot_gradients.reshape(-1))
    return RowGradient(rows, sums)
