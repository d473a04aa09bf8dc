import numpy as np
import oracles
import pytest

from deepfm_np.ops import (
    affine_backward,
    affine_forward,
    fm_forward,
    inner_product_backward,
    inner_product_forward,
    outer_product_backward,
    outer_product_forward,
)

RNG = np.random.default_rng(0)
VECTORS = RNG.standard_normal((4, 6, 3))
PAIRS = {
    "inner": (inner_product_forward, inner_product_backward),
    "outer": (outer_product_forward, outer_product_backward),
}


@pytest.fixture(params=PAIRS)
def product(request):
    """The forward and the backward, and the same two in nested loops."""
    name = request.param
    return *PAIRS[name], getattr(oracles, f"{name}_product"), getattr(oracles, f"{name}_product_gradient")


@pytest.mark.parametrize("shape", [(4, 6, 3), (3, 2, 1), (2, 1, 4), (0, 3, 2), (1, 39, 10)])
def test_products_and_gradient_equal_nested_loops(product, shape):
    forward, backward, loops, gradient_loops = product
    vectors = RNG.standard_normal(shape)
    y, cache = forward(vectors)
    np.testing.assert_allclose(y, loops(vectors), rtol=1e-12, atol=1e-13)
    grad_y = RNG.standard_normal(y.shape)
    grad_vectors = backward(grad_y, cache)
    np.testing.assert_allclose(grad_vectors, gradient_loops(grad_y, vectors), rtol=1e-12, atol=1e-13)
    assert grad_vectors.shape == shape


def test_inner_products_are_in_the_order_of_the_pairs():
    vectors = np.array([[[1.0, 0.0], [2.0, 1.0], [3.0, 5.0]]])
    np.testing.assert_array_equal(inner_product_forward(vectors)[0], [[2.0, 3.0, 11.0]])  # (0, 1), (0, 2), (1, 2)


def test_inner_products_add_up_to_the_score_of_fm():
    y, _ = inner_product_forward(VECTORS)
    np.testing.assert_allclose(y.sum(axis=1), fm_forward(VECTORS)[0], rtol=1e-12, atol=1e-14)


def test_a_single_field_has_no_inner_product():
    y, cache = inner_product_forward(VECTORS[:, :1])
    assert y.shape == (4, 0)
    np.testing.assert_array_equal(inner_product_backward(y, cache), np.zeros((4, 1, 3)))


def test_a_pair_moves_both_of_its_fields_and_no_other():
    grad_y = np.zeros((4, 15))
    grad_y[:, 6] = [1.0, -2.0, 0.5, 3.0]  # after the five pairs of field 0 and the pair (1, 2): the pair (1, 3)
    expected = np.zeros_like(VECTORS)
    expected[:, 1] = grad_y[:, 6:7] * VECTORS[:, 3]
    expected[:, 3] = grad_y[:, 6:7] * VECTORS[:, 1]
    np.testing.assert_array_equal(inner_product_backward(grad_y, inner_product_forward(VECTORS)[1]), expected)


def test_the_outer_product_of_two_fields_is_that_of_their_sum():
    y, _ = outer_product_forward(np.array([[[1.0, 2.0], [3.0, 4.0]]]))
    np.testing.assert_array_equal(y, [[16.0, 24.0, 24.0, 36.0]])  # total (4, 6)


def test_the_trace_of_the_outer_product_is_the_pairs_twice_and_the_squares():
    trace = outer_product_forward(VECTORS)[0].reshape(4, 3, 3).trace(axis1=1, axis2=2)
    squares = (VECTORS**2).sum(axis=(1, 2))
    np.testing.assert_allclose(trace, 2 * fm_forward(VECTORS)[0] + squares, rtol=1e-12, atol=1e-13)


def test_the_gradient_of_the_outer_product_is_not_symmetric_in_its_entries():
    grad_y = np.array([[0.0, 1.0, 0.0, 0.0]])  # of total_0 total_1 alone
    _, cache = outer_product_forward(np.array([[[1.0, 2.0], [3.0, 4.0]]]))
    np.testing.assert_array_equal(outer_product_backward(grad_y, cache), [[[6.0, 4.0], [6.0, 4.0]]])


@pytest.mark.parametrize("name", PAIRS)
def test_an_affine_layer_on_top_has_the_gradient_of_the_complex_step(name):
    forward, backward = PAIRS[name]
    y, cache = forward(VECTORS)
    W, b, h = RNG.standard_normal((y.shape[1], 2)), RNG.standard_normal(2), 1e-30
    grad_out = RNG.standard_normal((4, 2))
    grad_vectors = backward(affine_backward(grad_out, affine_forward(y, W, b)[1])[0], cache)
    for index in np.ndindex(VECTORS.shape):
        moved = VECTORS.astype(complex)
        moved[index] += 1j * h
        out, _ = affine_forward(forward(moved)[0], W, b)
        expected = (grad_out * out).sum().imag / h
        assert abs(grad_vectors[index] - expected) <= 1e-12 * np.abs(grad_vectors).max()


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
def test_the_dtype_is_kept(product, dtype):
    forward, backward, *_ = product
    y, cache = forward(np.ones((2, 3, 4), dtype))
    assert y.dtype == dtype
    assert backward(y, cache).dtype == dtype


def test_writing_into_results_changes_neither_arguments_nor_gradient(product):
    forward, backward, *_ = product
    vectors = VECTORS.copy()
    y, cache = forward(vectors)
    grad_y = np.ones_like(y)
    expected = backward(grad_y, cache).copy()
    y[:] = 7.0
    backward(grad_y, cache)[:, 0] = 7.0
    np.testing.assert_array_equal(backward(grad_y, cache), expected)
    np.testing.assert_array_equal(vectors, VECTORS)
    np.testing.assert_array_equal(grad_y, 1.0)


def test_writing_into_the_gradient_of_one_field_leaves_the_others(product):
    forward, backward, *_ = product
    y, cache = forward(VECTORS)
    grad_vectors = backward(np.ones_like(y), cache)
    others = grad_vectors[:, 1:].copy()
    grad_vectors[:, 0] = 7.0
    np.testing.assert_array_equal(grad_vectors[:, 1:], others)


def test_writing_into_the_cache_does_not_change_the_result(product):
    forward, *_ = product
    y, cache = forward(VECTORS.copy())
    kept = y.copy()
    cache[0][:] = 7.0
    np.testing.assert_array_equal(y, kept)


def test_a_part_of_the_batch_has_the_same_bits(product):
    forward, backward, *_ = product
    y, cache = forward(VECTORS)
    part, part_cache = forward(VECTORS[1:3])
    np.testing.assert_array_equal(part, y[1:3])
    np.testing.assert_array_equal(backward(part, part_cache), backward(y, cache)[1:3])


def test_flat_vectors_are_refused(product):
    with pytest.raises(ValueError, match=r"^vectors must be \(n, m, k\), they are \(2, 12\)$"):
        product[0](np.ones((2, 12)))
