"""Order-2 interactions: every pair of field vectors meets once.

y = sum_{i<j} <V_i, V_j> = 1/2 sum_f [ (sum_i V_if)^2 - sum_i V_if^2 ]      (Rendle 2010, lemma 3.1)

The right-hand side costs O(m k) where the left costs O(m^2 k).
"""

from typing import NamedTuple

import numpy as np

from deepfm_np.ops.checks import check_gradient, check_vectors
from deepfm_np.ops.rows import Array


class FMCache(NamedTuple):
    vectors: Array  # (n, m, k)
    total: Array  # (n, k), the sum over fields


def fm_forward(vectors: Array) -> tuple[Array, FMCache]:
    """(n, m, k) field vectors -> (n,) interaction scores. Raises ValueError for any other number of axes."""
    check_vectors(vectors)
    total = np.einsum("nmk->nk", vectors)
    square_of_sum = np.einsum("nk,nk->n", total, total)
    sum_of_squares = np.einsum("nmk,nmk->n", vectors, vectors)
    return (square_of_sum - sum_of_squares) / 2, FMCache(vectors, total)


def fm_backward(grad_y: Array, cache: FMCache) -> Array:
    """dL/dV_i = dL/dy * (sum_j V_j - V_i): each field sees the sum of the others. (n,) -> (n, m, k)"""
    check_gradient("grad_y", "(n,)", grad_y, (len(cache.total),))
    return grad_y[:, None, None] * (cache.total[:, None, :] - cache.vectors)
