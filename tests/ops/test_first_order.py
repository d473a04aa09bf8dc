import numpy as np
import oracles
import pytest

from deepfm_np.ops import first_order_backward, first_order_forward, one_hot

RNG = np.random.default_rng(0)
IDS, VALUES, WEIGHTS = RNG.integers(0, 6, (5, 4)), RNG.standard_normal((5, 4)), RNG.standard_normal(8)


def test_scores_equal_nested_loops():
    y, _ = first_order_forward(WEIGHTS, IDS, VALUES)
    np.testing.assert_allclose(y, oracles.first_order(WEIGHTS, IDS, VALUES), rtol=1e-13)


def test_scores_equal_the_one_hot_product():
    y, _ = first_order_forward(WEIGHTS, IDS, VALUES)
    np.testing.assert_allclose(y, one_hot(IDS, 8, VALUES) @ WEIGHTS, rtol=1e-13)


def test_gradient_is_the_transposed_one_hot_product():
    grad_y = RNG.standard_normal(5)
    gradient = first_order_backward(grad_y, first_order_forward(WEIGHTS, IDS, VALUES)[1])
    np.testing.assert_allclose(gradient.dense(8), one_hot(IDS, 8, VALUES).T @ grad_y, rtol=1e-13, atol=1e-15)


def test_only_rows_with_a_value_are_touched():
    _, cache = first_order_forward(np.ones(5), np.array([[0, 3], [4, 4]]), np.array([[2.0, 0.0], [1.0, 1.0]]))
    gradient = first_order_backward(np.array([1.0, 10.0]), cache)
    np.testing.assert_array_equal(gradient.rows, [0, 4])
    np.testing.assert_array_equal(gradient.values, [2.0, 20.0])


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
def test_the_dtype_of_the_weights_is_kept(dtype):
    y, cache = first_order_forward(WEIGHTS.astype(dtype), IDS, VALUES)
    assert y.dtype == dtype
    assert first_order_backward(y, cache).values.dtype == dtype


def test_an_id_outside_the_weights_is_named():
    with pytest.raises(IndexError, match=r"ids must lie in \[0, 8\); row 0, slot 0 holds 8"):
        first_order_forward(WEIGHTS, np.array([[8]]), np.ones((1, 1)))


def test_a_table_in_place_of_weights_is_refused():
    with pytest.raises(ValueError, match=r"weights must be \(D,\), they are \(8, 1\)"):
        first_order_forward(WEIGHTS[:, None], IDS, VALUES)
