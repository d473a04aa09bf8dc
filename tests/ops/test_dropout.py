import numpy as np
import pytest

from deepfm_np.ops import dropout_backward, dropout_forward


def rng():
    return np.random.default_rng(3)


def test_kept_units_are_scaled_and_the_others_zero():
    y, cache = dropout_forward(np.full((50, 40), 3.0), 0.25, rng())
    kept = y != 0
    np.testing.assert_allclose(y[kept], 3.0 / 0.75, rtol=1e-15)
    np.testing.assert_array_equal(cache.scale, y / 3.0)


def test_the_share_of_dropped_units_is_the_rate():
    x = np.ones(1_000_000)
    for rate in (0.1, 0.5, 0.9):
        dropped = (dropout_forward(x, rate, rng())[0] == 0).mean()
        assert abs(dropped - rate) < 5 * np.sqrt(rate * (1 - rate) / x.size)


def test_the_expectation_is_the_input():
    y, _ = dropout_forward(np.full(1_000_000, 2.0), 0.5, rng())
    assert abs(y.mean() - 2.0) < 5 * 2.0 / np.sqrt(y.size)


def test_a_unit_is_dropped_where_its_16_random_bits_are_below_rate_times_65536():
    y, _ = dropout_forward(np.ones((20, 30)), 0.3, rng())
    words = np.frombuffer(rng().bytes(2 * 600), "<u2").reshape(20, 30)
    np.testing.assert_array_equal(y, np.where(words < 19661, 0, 1 / (1 - 0.3)))


def test_the_gradient_passes_through_the_same_mask():
    x = np.random.default_rng(0).standard_normal((6, 5))
    y, cache = dropout_forward(x, 0.4, rng())
    np.testing.assert_array_equal(dropout_backward(x, cache), y)


def test_rate_0_is_the_exact_identity_and_draws_nothing():
    x, generator = np.random.default_rng(0).standard_normal((6, 5)), rng()
    y, cache = dropout_forward(x, 0.0, generator)
    np.testing.assert_array_equal(y, x)
    np.testing.assert_array_equal(dropout_backward(x, cache), x)
    assert generator.bit_generator.state == rng().bit_generator.state
    assert not np.shares_memory(x, y)


def test_the_same_seed_draws_the_same_mask_in_every_dtype():
    x = np.ones((20, 30))
    masks = [dropout_forward(x.astype(dtype), 0.5, rng())[0] != 0 for dtype in ("float32", "float64", "complex128")]
    np.testing.assert_array_equal(masks[0], masks[1])
    np.testing.assert_array_equal(masks[0], masks[2])


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
def test_the_dtype_is_kept(dtype):
    y, cache = dropout_forward(np.ones((2, 3), dtype), 0.5, rng())
    assert y.dtype == dtype
    assert dropout_backward(y, cache).dtype == dtype


@pytest.mark.parametrize("rate", [-0.1, 1.0, 1.5, float("nan")])
def test_a_rate_outside_0_to_1_is_refused(rate):
    with pytest.raises(ValueError, match=r"rate, the probability of being dropped, must lie in \[0, 1\)"):
        dropout_forward(np.ones(3), rate, rng())
