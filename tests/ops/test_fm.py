import numpy as np
import oracles
import pytest

from deepfm_np.ops import fm_backward, fm_forward


def test_scores_equal_the_loop_over_pairs():
    vectors = np.random.default_rng(0).standard_normal((4, 6, 3))
    np.testing.assert_allclose(fm_forward(vectors)[0], oracles.fm(vectors), rtol=1e-12, atol=1e-14)


def test_gradient_of_a_field_is_the_sum_of_the_others():
    vectors = np.random.default_rng(0).standard_normal((4, 6, 3))
    grad_y = np.array([1.0, -2.0, 0.5, 3.0])
    grad_vectors = fm_backward(grad_y, fm_forward(vectors)[1])
    for i in range(6):
        others = np.delete(vectors, i, axis=1).sum(axis=1)
        np.testing.assert_allclose(grad_vectors[:, i], grad_y[:, None] * others, rtol=1e-12, atol=1e-14)


def test_a_single_field_has_no_pair():
    vectors = np.random.default_rng(0).standard_normal((4, 1, 3))
    y, cache = fm_forward(vectors)
    np.testing.assert_allclose(y, 0, atol=1e-15)
    np.testing.assert_array_equal(fm_backward(np.ones(4), cache), np.zeros_like(vectors))


def test_two_fields_give_their_inner_product():
    assert fm_forward(np.array([[[1.0, 2.0], [3.0, 4.0]]]))[0] == 11.0


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
def test_the_dtype_is_kept(dtype):
    y, cache = fm_forward(np.ones((2, 3, 4), dtype))
    assert y.dtype == dtype
    assert fm_backward(y, cache).dtype == dtype


def test_flat_vectors_are_refused():
    with pytest.raises(ValueError, match=r"vectors must be \(n, m, k\), they are \(2, 12\)"):
        fm_forward(np.ones((2, 12)))
