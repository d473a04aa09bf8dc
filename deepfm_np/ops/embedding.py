"""Embedding: every field becomes one vector.

V_j = x_field_j @ table_j = sum over the slots t of field j of values_t * table[ids_t]      (Guo et al. 2017, 2.1)

A one-hot vector times a matrix is a row of that matrix, so x is never built: a categorical field is one slot of
value 1, a numerical field one slot whose value is the number, a multi-valued field several slots.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from deepfm_np.ops.checks import array_of, check_floats, check_gradient, shown
from deepfm_np.ops.rows import Array, RowGradient, TouchedRows, checked_slots, sum_rows, touched_rows


class EmbeddingCache(NamedTuple):
    ids: Array  # (n, s)
    values: Array  # (n, s), in the dtype of the table
    field_of_slot: Array | None  # (s,), None where every field is one slot
    shape: tuple[int, ...]  # (n, m, k), of the field vectors


def embedding_forward(
    table: Array, ids: Array, values: Array, field_starts: Sequence[int] | None = None
) -> tuple[Array, EmbeddingCache]:
    """(D, k) table, (n, s) ids and values -> (n, m, k) field vectors, in the dtype of the table.

    field_starts: the m slots at which the fields begin, strictly increasing from 0; None means that every slot
    is a field. Raises TypeError, ValueError or IndexError, naming the row, for slots that do not fit the table.
    """
    check_floats(table=table)
    if table.ndim != 2:
        raise ValueError(f"table must be (D, k), it is {table.shape}")
    ids, values = checked_slots(ids, values, len(table), table.dtype)
    values = values.astype(table.dtype, copy=False)
    slot_vectors = table.take(ids, axis=0)
    slot_vectors *= values[:, :, None]
    if field_starts is None:
        return slot_vectors, EmbeddingCache(ids, values, None, slot_vectors.shape)
    field_of_slot = slot_fields(field_starts, ids.shape[1])
    first = np.asarray(field_starts, np.intp)
    vectors = slot_vectors.take(first, axis=1)
    for slot in sorted(set(range(ids.shape[1])).difference(first.tolist())):
        vectors[:, field_of_slot[slot]] += slot_vectors[:, slot]
    return vectors, EmbeddingCache(ids, values, field_of_slot, vectors.shape)


def embedding_backward(grad_vectors: Array, cache: EmbeddingCache, touched: TouchedRows | None = None) -> RowGradient:
    """dL/dtable[r] = sum over the slots that hold row r of value * dL/dV of the slot's field. (n, m, k) -> rows.

    touched: the `touched_rows` of the batch, if already known.
    """
    check_gradient("grad_vectors", "(n, m, k)", grad_vectors, cache.shape)
    if cache.field_of_slot is not None:
        grad_vectors = grad_vectors.take(cache.field_of_slot, axis=1)
    touched = touched_rows(cache.ids, cache.values) if touched is None else touched
    return sum_rows(touched, grad_vectors * cache.values[:, :, None])


def slot_fields(field_starts: Sequence[int], s: int) -> Array:
    """The field of each slot: starts [0, 1, 4] and s = 6 give [0, 1, 1, 1, 2, 2].

    Raises ValueError unless the starts begin at 0 and increase strictly, staying below s.
    """
    starts = array_of("field_starts", field_starts)
    if starts.ndim != 1 or (starts.size and starts.dtype.kind not in "iu"):
        raise ValueError(f"field_starts must be a sequence of integers, got {shown(field_starts)}")
    widths = np.diff([*starts.tolist(), s])
    if len(starts) == 0 or starts[0] != 0 or (widths < 1).any():
        raise ValueError(f"field_starts must increase strictly from 0 and end below {s}, got {starts.tolist()}")
    return np.repeat(np.arange(len(widths)), widths)


def one_hot(ids: Array, D: int, values: Array | None = None) -> Array:
    """(n, s) ids -> the (n, D) matrix x that the slots stand for; values default to 1. For lessons and tests only.

    `one_hot(ids, D, values) @ table` is the sum of an example's slots: what the lookup computes without x.
    Repeated ids in one example add up. Raises as `embedding_forward` does.
    """
    if not isinstance(D, int | np.integer):
        raise TypeError(f"D must be an integer, got {shown(D)}")
    ids, values = checked_slots(ids, np.ones(np.shape(ids)) if values is None else values, D, np.dtype(complex))
    x = np.zeros((len(ids), D), values.dtype)
    np.add.at(x, (np.arange(len(ids))[:, None], ids), values)
    return x
