"""Each operation against PyTorch's own: values to 1e-12, gradients to 1e-11."""

from itertools import combinations

import numpy as np
import pytest
from parity.torch_reference import (
    FORWARD,
    assert_close,
    assert_gradients_close,
    embedding,
    embedding_penalty,
    fm,
    leaf,
)

from deepfm_np import ops

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
F = torch.nn.functional

D, STARTS = 12, [0, 1, 4]
SATURATED = np.array([-1e4, -800, -40, -20, -1, -1e-9, 1e-9, 0.5, 20, 40, 800, 1e4])


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def slots(rng):
    """A numerical field, a field of three slots, a categorical field. Row 9 is padding; rows 10 and 11 are unused."""
    ids = rng.integers(0, 9, (20, 5))
    values = np.ones((20, 5))
    values[:, 0] = rng.standard_normal(20)
    values[:, 2:4] = rng.random((20, 2)) > 0.4
    ids[:5, 1:4] = 7  # the same id several times in one field
    values[0] = 0  # nothing but padding
    ids[values == 0] = 9
    return ids, values


def assert_parity(forward, backward, reference, *inputs):
    """Compare the values, and the gradients of all inputs for a random gradient of the result."""
    y, cache = forward(*inputs)
    leaves = {f"input {position}": leaf(array) for position, array in enumerate(inputs)}
    expected = reference(*leaves.values())
    assert_close(y, expected, FORWARD)
    grad_y = np.random.default_rng(1).standard_normal(y.shape)
    expected.backward(torch.tensor(grad_y))
    grads = backward(grad_y, cache)
    slots = cache[:2] if isinstance(grads, ops.RowGradient) else ()
    if slots or not isinstance(grads, tuple):
        grads = (grads,)
    assert_gradients_close(dict(zip(leaves, grads, strict=True)), leaves, *slots)
    return cache


@pytest.mark.parametrize("starts", [STARTS, None])
def test_embedding_equals_embedding_bag(rng, slots, starts):
    ids, values = slots
    assert_parity(
        lambda table: ops.embedding_forward(table, ids, values, starts),
        ops.embedding_backward,
        lambda table: embedding(table, *map(torch.tensor, slots), STARTS if starts else range(5)),
        rng.standard_normal((D, 3)),
    )


def test_first_order_equals_embedding_bag(rng, slots):
    assert_parity(
        lambda weights: ops.first_order_forward(weights, *slots),
        ops.first_order_backward,
        lambda weights: embedding(weights[:, None], *map(torch.tensor, slots), [0])[:, 0, 0],
        rng.standard_normal(D),
    )


@pytest.mark.parametrize("shape", [(20, 2, 1), (20, 7, 10), (1, 39, 10)])
def test_fm_equals_the_sum_over_pairs(rng, shape):
    assert_parity(ops.fm_forward, ops.fm_backward, fm, rng.standard_normal(shape))


@pytest.mark.parametrize("shape", [(20, 2, 1), (20, 7, 10), (1, 39, 10)])
def test_inner_products_equal_those_of_single_pairs(rng, shape):
    pairs = list(combinations(range(shape[1]), 2))

    def reference(vectors):
        return torch.stack([torch.linalg.vecdot(vectors[:, i], vectors[:, j]) for i, j in pairs], dim=1)

    assert_parity(ops.inner_product_forward, ops.inner_product_backward, reference, rng.standard_normal(shape))


@pytest.mark.parametrize("shape", [(20, 1, 3), (20, 7, 10), (1, 39, 10)])
def test_outer_products_equal_the_sum_over_all_pairs(rng, shape):
    def reference(vectors):
        return torch.einsum("nif,njg->nfg", vectors, vectors).flatten(1)

    assert_parity(ops.outer_product_forward, ops.outer_product_backward, reference, rng.standard_normal(shape))


@pytest.mark.parametrize("n, d_in, d_out", [(1, 1, 1), (20, 7, 3), (64, 390, 400)])
def test_affine_equals_linear(rng, n, d_in, d_out):
    inputs = rng.standard_normal((n, d_in)), rng.standard_normal((d_in, d_out)), rng.standard_normal(d_out)
    assert_parity(ops.affine_forward, ops.affine_backward, lambda x, W, b: F.linear(x, W.T, b), *inputs)


@pytest.mark.parametrize("activation", ["sigmoid", "relu", "tanh"])
@pytest.mark.parametrize("saturated", [False, True])
def test_activations_equal_those_of_torch(rng, activation, saturated):
    z = SATURATED if saturated else 3 * rng.standard_normal((50, 7))
    forward, backward = getattr(ops, f"{activation}_forward"), getattr(ops, f"{activation}_backward")
    assert_parity(forward, backward, getattr(torch, activation), z)


@pytest.mark.parametrize("rate", [0.0, 0.2, 0.5, 0.9])
def test_dropout_equals_scaling_by_its_mask(rng, rate):
    x = rng.standard_normal((50, 7))
    _, cache = ops.dropout_forward(x, rate, np.random.default_rng(2))
    kept = torch.tensor(np.ones(x.shape, bool) if cache.scale is None else cache.scale != 0)
    assert_parity(
        lambda x: ops.dropout_forward(x, rate, np.random.default_rng(2)),
        ops.dropout_backward,
        lambda x: torch.where(kept, x / (1 - rate), 0),
        x,
    )


@pytest.mark.parametrize("rate", [0.2, 0.5, 0.9])
def test_dropout_keeps_units_at_the_scale_of_torch(rng, rate):
    ones = np.ones(1000)
    expected = F.dropout(torch.tensor(ones), rate).unique()
    assert_close(np.unique(ops.dropout_forward(ones, rate, rng)[0]), expected, FORWARD)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("n", [3, 64])
def test_batch_norm_equals_that_of_torch(rng, training, n):
    x = 2 * rng.standard_normal((n, 5)) + rng.standard_normal(5)
    x[:, 0] = 0.75  # a unit that is constant over the batch
    gamma, beta, mean = rng.standard_normal((3, 5))
    running = mean, rng.uniform(0.5, 2, 5)
    mean, var = map(torch.tensor, running)
    cache = assert_parity(
        lambda *inputs: ops.batch_norm_forward(*inputs, running, training),
        ops.batch_norm_backward,
        lambda x, gamma, beta: F.batch_norm(x, mean, var, gamma, beta, training),
        *(x, gamma, beta),
    )
    for ours, moved_in_place in zip(cache.running, (mean, var), strict=True):
        assert_close(ours, moved_in_place, FORWARD)


def test_batch_norm_equals_the_layer_of_torch_over_several_batches(rng):
    layer = torch.nn.BatchNorm1d(4, dtype=torch.float64)
    gamma, beta, running = np.ones(4), np.zeros(4), (np.zeros(4), np.ones(4))
    for n in (32, 5, 2, 17):
        x = 3 * rng.standard_normal((n, 4)) + 1
        y, cache = ops.batch_norm_forward(x, gamma, beta, running, training=True)
        assert_close(y, layer(torch.tensor(x)), FORWARD)
        running = cache.running
    assert_close(running[0], layer.running_mean, FORWARD)
    assert_close(running[1], layer.running_var, FORWARD)
    layer.eval()
    x = rng.standard_normal((1, 4))
    assert_close(ops.batch_norm_forward(x, gamma, beta, running, training=False)[0], layer(torch.tensor(x)), FORWARD)


@pytest.mark.parametrize("saturated", [False, True])
@pytest.mark.parametrize("clicked", [0, 1, None])
def test_log_loss_equals_binary_cross_entropy_with_logits(rng, saturated, clicked):
    z = SATURATED if saturated else 3 * rng.standard_normal(50)
    labels = rng.integers(0, 2, len(z)) if clicked is None else np.full(len(z), clicked)
    assert_parity(
        lambda z: ops.log_loss_forward(z, labels),
        ops.log_loss_backward,
        lambda z: F.binary_cross_entropy_with_logits(z, torch.tensor(labels, dtype=torch.float64)),
        z,
    )


def test_weighted_log_loss_equals_the_weighted_mean_of_binary_cross_entropy(rng):
    z, labels, weights = 3 * rng.standard_normal(50), rng.integers(0, 2, 50), rng.random(50) + 0.1
    shares = torch.tensor(weights / weights.sum())

    def reference(z):
        target = torch.tensor(labels, dtype=torch.float64)
        return F.binary_cross_entropy_with_logits(z, target, weight=shares, reduction="sum")

    assert_parity(lambda z: ops.log_loss_forward(z, labels, weights), ops.log_loss_backward, reference, z)


def test_l2_of_weights_equals_half_the_squared_norm(rng):
    W = rng.standard_normal((7, 3))
    assert_parity(ops.l2_forward, ops.l2_backward, lambda W: torch.linalg.vector_norm(W) ** 2 / 2, W)


def test_l2_of_rows_counts_every_occurrence(rng, slots):
    assert_parity(
        lambda table: ops.l2_rows_forward(table, *slots),
        ops.l2_rows_backward,
        lambda table: embedding_penalty(table, *map(torch.tensor, slots)),
        rng.standard_normal((D, 3)),
    )
