"""The L2 penalties of the loss, without their strength.

weights:  1/2 sum_l ||W_l||^2                                                      strength l2_net
table:    1/2 ||table||^2, every row at every step                                 strength l2_table
rows:     1/(2n) sum_i sum over i's slots with value != 0 of ||table row||^2       strength l2_embedding

Of rows: a row is penalised once per occurrence in the batch, so the penalty is an average over examples and does not
depend on the batch size. A row that the batch does not touch has no penalty and no gradient.

Of the table, which is FuxiCTR's meaning: a rare row is pulled towards 0 at every step, as a frequent one is. The
gradient is an array of all D rows, so a step costs O(D k) instead of O(n s k): with a million rows, most of its time. A
strength that suits one does not suit the other: a row that occurs in a share q of the examples feels `l2_embedding` q
times as much as the same `l2_table`.
"""

from typing import NamedTuple

from deepfm_np.ops.checks import check_floats, check_gradient
from deepfm_np.ops.rows import Array, RowGradient, TouchedRows, checked_slots, sum_rows, touched_rows


def l2_forward(W: Array) -> tuple[float, Array]:
    """Any shape -> 1/2 ||W||^2, a scalar. The cache is W itself."""
    check_floats(W=W)
    return (W * W).sum() / 2, W


def l2_backward(grad_y: float, W: Array) -> Array:
    """dL/dW = dL/dy * W. scalar -> the shape of W"""
    check_gradient("grad_y", "a scalar", grad_y, ())
    return grad_y * W


class L2RowsCache(NamedTuple):
    ids: Array  # (n, s)
    values: Array  # (n, s)
    rows: Array  # (n, s, k), the table's rows where the value is not 0, else 0


def l2_rows_forward(table: Array, ids: Array, values: Array) -> tuple[float, L2RowsCache]:
    """(D, k) table, (n, s) ids and values -> 1/2 ||row||^2 summed over slots, averaged over examples, a scalar.

    Raises TypeError, ValueError or IndexError, naming the row, for slots that do not fit the table.
    """
    check_floats(table=table)
    if table.ndim != 2:
        raise ValueError(f"table must be (D, k), it is {table.shape}")
    ids, values = checked_slots(ids, values, len(table), table.dtype)
    rows = table[ids] * (values != 0)[:, :, None]
    return (rows * rows).sum() / (2 * len(ids)), L2RowsCache(ids, values, rows)


def l2_rows_backward(grad_y: float, cache: L2RowsCache, touched: TouchedRows | None = None) -> RowGradient:
    """dL/dtable[r] = dL/dy * (occurrences of r in the batch) / n * table[r]

    touched: the `touched_rows` of the batch, if already known.
    """
    check_gradient("grad_y", "a scalar", grad_y, ())
    touched = touched_rows(cache.ids, cache.values) if touched is None else touched
    return sum_rows(touched, cache.rows * (grad_y / len(cache.ids)))
