"""The products of PNN (Qu et al. 2016): what its network sees of pairs of fields, besides the field vectors.

inner, IPNN:  y_ij = <V_i, V_j>, i < j
outer, OPNN:  y = sum_i sum_j V_i V_j^T = total total^T, total = sum_i V_i

The paper's inner products also hold the squares i = j, and each pair twice. The outer products of all pairs would be
m^2 matrices for each example; the paper sums them (its "superposition") and so needs neither the pairs nor their cost.
"""

from typing import NamedTuple

import numpy as np

from deepfm_np.ops.checks import check_gradient, check_vectors
from deepfm_np.ops.rows import Array


class InnerProductCache(NamedTuple):
    vectors: Array  # (n, m, k)


def inner_product_forward(vectors: Array) -> tuple[Array, InnerProductCache]:
    """(n, m, k) field vectors -> (n, m (m - 1) / 2) inner products, in the order (0, 1), (0, 2), ..., (m - 2, m - 1).

    Raises ValueError for any other number of axes.
    """
    check_vectors(vectors)
    n, m, _ = vectors.shape
    gram = vectors @ vectors.swapaxes(1, 2)
    i, j = np.triu_indices(m, 1)
    # gram[:, i, j] has the same entries, with the batch along the last axis in memory.
    return gram.reshape(n, m * m).take(i * m + j, axis=1), InnerProductCache(vectors)


def inner_product_backward(grad_y: Array, cache: InnerProductCache) -> Array:
    """dL/dV_i = sum_{j != i} dL/dy_ij V_j, where y_ij = y_ji. (n, m (m - 1) / 2) -> (n, m, k)"""
    n, m, _ = cache.vectors.shape
    i, j = np.triu_indices(m, 1)
    check_gradient("grad_y", "(n, m (m - 1) / 2)", grad_y, (n, i.size))
    column = np.zeros((m, m), np.intp)
    column[i, j] = column[j, i] = 1 + np.arange(i.size)
    with_zero = np.pad(grad_y, [(0, 0), (1, 0)])  # column 0 stands for i = j, which is no pair
    return with_zero.take(column, axis=1) @ cache.vectors


class OuterProductCache(NamedTuple):
    total: Array  # (n, k), the sum over fields
    m: int


def outer_product_forward(vectors: Array) -> tuple[Array, OuterProductCache]:
    """(n, m, k) field vectors -> (n, k k), the rows of total total^T one after the other.

    Raises ValueError for any other number of axes.
    """
    check_vectors(vectors)
    n, m, k = vectors.shape
    total = np.einsum("nmk->nk", vectors)
    return (total[:, :, None] * total[:, None, :]).reshape(n, k * k), OuterProductCache(total, m)


def outer_product_backward(grad_y: Array, cache: OuterProductCache) -> Array:
    """dL/dV_i = dL/dtotal = (G + G^T) total for every field i, with G = dL/dy as a matrix. (n, k k) -> (n, m, k)"""
    n, k = cache.total.shape
    check_gradient("grad_y", "(n, k k)", grad_y, (n, k * k))
    G = grad_y.reshape(n, k, k)
    grad_total = (G + G.swapaxes(1, 2)) @ cache.total[:, :, None]
    return grad_total.reshape(n, 1, k).repeat(cache.m, axis=1)
