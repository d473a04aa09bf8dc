"""Wrong ways back through the factorization machine."""

import numpy as np

from deepfm_np import ops
from deepfm_np.gallery.bug import Collection, Operation

FM = Collection("fm")


def pairs(rng: np.random.Generator) -> Operation:
    n, m, k = rng.integers(3, 7, 3)
    return Operation(ops.fm_forward, ops.fm_backward, {"vectors": rng.standard_normal((n, m, k))})


@FM.wrong_backward(
    pairs,
    "the self term is forgotten",
    "training works, a little worse: each vector is also pulled towards itself",
    "the square of the sum contains V_i^2, which the sum of squares takes away: dL/dV_i = g (total - V_i)",
    "missing term",
)
def forgets_self(grad_y, cache):
    total = np.repeat(cache.total[:, None, :], cache.vectors.shape[1], axis=1)
    return grad_y[:, None, None] * total


@FM.wrong_backward(
    pairs,
    "the self term is taken away twice",
    "as if 1/2 (sum V)^2 - sum V^2 had been differentiated",
    "1/2 and the 2 of the square cancel in both terms: dL/dV_i = g (total - V_i)",
    "missing term",
)
def takes_self_twice(grad_y, cache):
    return grad_y[:, None, None] * (cache.total[:, None, :] - 2 * cache.vectors)


@FM.wrong_backward(
    pairs,
    "the 1/2 is forgotten",
    "the ratio in the report is exactly 2",
    "y = 1/2 [(sum V)^2 - sum V^2]: the 1/2 cancels the 2 of the squares",
    "factor",
)
def forgets_the_half(grad_y, cache):
    return grad_y[:, None, None] * (2 * cache.total[:, None, :] - 2 * cache.vectors)


@FM.wrong_backward(
    pairs,
    "self minus total",
    "the loss rises",
    "total - V_i: the others, not minus the others",
    "sign",
)
def reverses_the_difference(grad_y, cache):
    return grad_y[:, None, None] * (cache.vectors - cache.total[:, None, :])


@FM.wrong_backward(
    pairs,
    "grad_y is forgotten",
    "right for a sum of outputs, wrong as soon as a loss stands behind it",
    "backward returns dL/dV = dL/dy dy/dV: multiply by what arrives",
    "grad_y",
)
def forgets_upstream(grad_y, cache):
    return cache.total[:, None, :] - cache.vectors


@FM.wrong_backward(
    pairs,
    "a field sees only the fields after it",
    "the first field is right, the last one never learns from the pairs",
    "the pair (i, j) with i < j moves both V_i and V_j",
)
def sees_later_fields_alone(grad_y, cache):
    later = cache.vectors[:, ::-1].cumsum(axis=1)[:, ::-1] - cache.vectors
    return grad_y[:, None, None] * later


@FM.wrong_backward(
    pairs,
    "summed over the batch, not over the fields",
    "examples leak into each other; the error changes with the order of the batch",
    "total is the sum over axis 1, the fields of one example",
)
def sums_over_the_batch(grad_y, cache):
    total = cache.vectors.sum(axis=0, keepdims=True)
    return grad_y[:, None, None] * (total - cache.vectors)


@FM.wrong_backward(
    pairs,
    "total is broadcast, the field axis is lost",
    "an error about shapes in the embedding, one step later",
    "the gradient of (n, m, k) vectors has m different entries: g (total - V_i)",
    "shape",
)
def loses_an_axis(grad_y, cache):
    return grad_y[:, None] * cache.total
