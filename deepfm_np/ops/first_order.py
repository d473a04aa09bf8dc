"""Order-1 scores: every value counts by itself.

y = <w, x> = sum over the slots t of values_t * weights[ids_t]      (Guo et al. 2017, eq. 2, first term)
"""

from typing import NamedTuple

from deepfm_np.ops.checks import check_floats, check_gradient
from deepfm_np.ops.rows import Array, RowGradient, TouchedRows, checked_slots, sum_rows, touched_rows


class FirstOrderCache(NamedTuple):
    ids: Array  # (n, s)
    values: Array  # (n, s), in the dtype of the weights


def first_order_forward(weights: Array, ids: Array, values: Array) -> tuple[Array, FirstOrderCache]:
    """(D,) weights, (n, s) ids and values -> (n,) scores, in the dtype of the weights.

    Raises TypeError, ValueError or IndexError, naming the row, for slots that do not fit the weights.
    """
    check_floats(weights=weights)
    if weights.ndim != 1:
        raise ValueError(f"weights must be (D,), they are {weights.shape}")
    ids, values = checked_slots(ids, values, len(weights), weights.dtype)
    values = values.astype(weights.dtype, copy=False)
    return (weights.take(ids) * values).sum(axis=1), FirstOrderCache(ids, values)


def first_order_backward(grad_y: Array, cache: FirstOrderCache, touched: TouchedRows | None = None) -> RowGradient:
    """dL/dw[r] = sum over the slots that hold row r of value * dL/dy of the slot's example. (n,) -> rows.

    touched: the `touched_rows` of the batch, if already known.
    """
    check_gradient("grad_y", "(n,)", grad_y, (len(cache.ids),))
    touched = touched_rows(cache.ids, cache.values) if touched is None else touched
    return sum_rows(touched, grad_y[:, None] * cache.values)
