"""Helpers shared by the PyTorch parity tests: converting arrays, and measuring how much two tensors differ."""

import numpy as np
import pytest

from deepfm_np.ops import RowGradient

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
torch.set_num_threads(1)  # on tensors this small, threads spend more time waiting than working

FORWARD, GRADIENT = 1e-12, 1e-11


def leaf(array):
    """A copy of an array as a leaf tensor that accumulates a gradient."""
    return torch.tensor(array, requires_grad=True)


def embedding(table, ids, values, field_starts):
    """(D, k) table -> (n, m, k): each field is a bag of table rows, weighted by the values of its slots."""
    ends = [*field_starts[1:], ids.shape[1]]
    bags = [
        torch.nn.functional.embedding_bag(
            ids[:, start:end], table, mode="sum", per_sample_weights=values[:, start:end].contiguous()
        )
        for start, end in zip(field_starts, ends, strict=True)
    ]
    return torch.stack(bags, dim=1)


def fm(vectors):
    """(n, m, k) -> (n,), pair by pair."""
    m = vectors.shape[1]
    pairs = [(vectors[:, i] * vectors[:, j]).sum(1) for i in range(m) for j in range(i + 1, m)]
    return torch.stack(pairs).sum(0)


def inner_products(vectors):
    """(n, m, k) -> (n, m (m - 1) / 2), pair by pair."""
    m = vectors.shape[1]
    return torch.stack([(vectors[:, i] * vectors[:, j]).sum(1) for i in range(m) for j in range(i + 1, m)], dim=1)


def outer_products(vectors):
    """(n, m, k) -> (n, k k), the outer products of all pairs of fields, added up."""
    return torch.einsum("nif,njg->nfg", vectors, vectors).flatten(1)


def embedding_penalty(table, ids, values):
    """The mean over examples of 1/2 ||table row||^2, summed over the slots with value != 0."""
    return (table[ids] ** 2 * (values != 0)[:, :, None]).sum() / 2 / len(ids)


def relative_error(actual, expected):
    """The largest |a - b| / max(|a|, |b|, s) over all entries, where s is the largest |b| of the tensor."""
    a, b = np.asarray(actual), expected.detach().numpy()
    assert a.shape == b.shape
    assert a.dtype == b.dtype
    difference = np.abs(a - b)
    scale = np.maximum(np.abs(a), np.abs(b).max(initial=0.0))
    return float(np.divide(difference, scale, out=np.zeros_like(difference), where=difference != 0).max(initial=0.0))


def assert_close(actual, expected, tolerance, name="the result"):
    error = relative_error(actual, expected)
    assert error <= tolerance, f"{name}: relative error {error:.1e} exceeds {tolerance:.0e}"


def assert_gradients_close(grads, leaves, ids=None, values=None):
    """Compare each of our gradients with the one that PyTorch left in the leaf of the same name.

    A `RowGradient` must name the rows of the slots (ids, values) that are not padding, each once, and no other row.

    A gradient below 1e-12 of the largest one, such as that of a bias before batch norm, is zero up to rounding. Ours
    then only has to be just as small.
    """
    assert grads.keys() == leaves.keys()
    largest = max(float(tensor.grad.abs().max()) for tensor in leaves.values())
    for name, tensor in leaves.items():
        grad, expected = grads[name], tensor.grad
        if isinstance(grad, RowGradient):
            np.testing.assert_array_equal(grad.rows, np.unique(ids[values != 0]), f"rows of {name}")
            grad = grad.dense(len(tensor))
        if expected.abs().max() < 1e-12 * largest:
            assert np.abs(grad).max() < 1e-12 * largest, f"{name} should have no gradient"
        else:
            assert_close(grad, expected, GRADIENT, f"the gradient of {name}")
