"""Rows 0 and 2 are looked up twice. What comes back to them below is not all that should."""

import numpy as np

from deepfm_np.gradcheck import check_operation

ids = np.array([[0, 2], [0, 3], [1, 2]])


def lookup_forward(table):
    return table[ids], table.shape


def lookup_backward(grad_vectors, shape):
    grad_table = np.zeros(shape)
    grad_table[ids] += grad_vectors
    return grad_table


table = np.random.default_rng(0).standard_normal((5, 2))
check_operation(lookup_forward, lookup_backward, {"table": table})
