import numpy as np
import oracles
import pytest

from deepfm_np.ops import batch_norm_backward, batch_norm_forward

RNG = np.random.default_rng(0)
X, GAMMA, BETA = RNG.standard_normal((6, 3)) * 4 + 2, RNG.standard_normal(3), RNG.standard_normal(3)
RUNNING = RNG.standard_normal(3), RNG.random(3) + 0.5


def test_training_equals_nested_loops():
    y, _ = batch_norm_forward(X, GAMMA, BETA, RUNNING, True)
    np.testing.assert_allclose(y, oracles.batch_norm(X, GAMMA, BETA), rtol=1e-12)


def test_evaluation_uses_the_running_statistics():
    y, cache = batch_norm_forward(X, GAMMA, BETA, RUNNING, False)
    np.testing.assert_allclose(y, oracles.batch_norm(X, GAMMA, BETA, *RUNNING), rtol=1e-12)
    assert cache.running is RUNNING


def test_running_statistics_move_a_tenth_towards_the_batch():
    before = [array.copy() for array in RUNNING]
    mean, var = batch_norm_forward(X, GAMMA, BETA, RUNNING, True)[1].running
    np.testing.assert_allclose(mean, 0.9 * RUNNING[0] + 0.1 * X.mean(axis=0), rtol=1e-14)
    np.testing.assert_allclose(var, 0.9 * RUNNING[1] + 0.1 * X.var(axis=0, ddof=1), rtol=1e-14)
    np.testing.assert_array_equal(RUNNING, before)


def test_a_batch_of_one_gives_beta_and_no_gradient():
    y, cache = batch_norm_forward(X[:1], GAMMA, BETA, RUNNING, True)
    grad_x, grad_gamma, grad_beta = batch_norm_backward(np.ones((1, 3)), cache)
    np.testing.assert_array_equal(y, BETA[None])
    np.testing.assert_array_equal(grad_x, np.zeros((1, 3)))
    np.testing.assert_array_equal(grad_gamma, np.zeros(3))
    np.testing.assert_array_equal(grad_beta, np.ones(3))
    assert cache.running is RUNNING


def test_a_constant_column_gives_beta_and_stays_finite():
    x = np.full((4, 3), 7.0)
    y, cache = batch_norm_forward(x, GAMMA, BETA, RUNNING, True)
    np.testing.assert_array_equal(y, np.tile(BETA, (4, 1)))
    assert np.isfinite(batch_norm_backward(RNG.standard_normal((4, 3)), cache)[0]).all()


def test_in_training_the_gradient_of_x_sums_to_zero_over_the_batch():
    _, cache = batch_norm_forward(X, GAMMA, BETA, RUNNING, True)
    grad_x, _, _ = batch_norm_backward(RNG.standard_normal((6, 3)), cache)
    np.testing.assert_allclose(grad_x.sum(axis=0), 0, atol=1e-14)


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
@pytest.mark.parametrize("training", [True, False])
def test_the_dtype_is_kept(training, dtype):
    gamma, beta, real = GAMMA.astype(dtype), BETA.astype(dtype), np.ones(1, dtype).real.dtype
    running = tuple(array.astype(real) for array in RUNNING)
    y, cache = batch_norm_forward(X.astype(dtype), gamma, beta, running, training)
    assert y.dtype == dtype
    assert [gradient.dtype for gradient in batch_norm_backward(y, cache)] == [dtype] * 3
    assert [array.dtype for array in cache.running] == [real] * 2


def test_shapes_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match=r"x is \(6, 3\): gamma, beta, mean and variance must be \(3,\)"):
        batch_norm_forward(X, GAMMA[:2], BETA, RUNNING, True)


def test_an_empty_batch_is_refused_in_training_and_scored_in_evaluation():
    d, running = np.ones(3), (np.zeros(3), np.ones(3))
    with pytest.raises(ValueError, match="x has no rows, and in training mean and variance are those of the batch"):
        batch_norm_forward(np.empty((0, 3)), d, d, running, training=True)
    assert batch_norm_forward(np.empty((0, 3)), d, d, running, training=False)[0].shape == (0, 3)
