import numpy as np
import oracles
import pytest

from deepfm_np.ops import affine_backward, affine_forward

RNG = np.random.default_rng(0)
X, W, B = RNG.standard_normal((4, 3)), RNG.standard_normal((3, 2)), RNG.standard_normal(2)


def test_outputs_equal_nested_loops():
    np.testing.assert_allclose(affine_forward(X, W, B)[0], oracles.affine(X, W, B), rtol=1e-13)


def test_gradients_equal_nested_loops():
    grad_y = RNG.standard_normal((4, 2))
    grad_x, grad_W, grad_b = affine_backward(grad_y, affine_forward(X, W, B)[1])
    expected_x, expected_W, expected_b = np.zeros_like(X), np.zeros_like(W), np.zeros_like(B)
    for i in range(4):
        for j in range(2):
            expected_b[j] += grad_y[i, j]
            for d in range(3):
                expected_x[i, d] += grad_y[i, j] * W[d, j]
                expected_W[d, j] += grad_y[i, j] * X[i, d]
    np.testing.assert_allclose(grad_x, expected_x, rtol=1e-12)
    np.testing.assert_allclose(grad_W, expected_W, rtol=1e-12)
    np.testing.assert_allclose(grad_b, expected_b, rtol=1e-13)


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
def test_the_dtype_is_kept(dtype):
    y, cache = affine_forward(X.astype(dtype), W.astype(dtype), B.astype(dtype))
    assert y.dtype == dtype
    assert [gradient.dtype for gradient in affine_backward(y, cache)] == [dtype] * 3


@pytest.mark.parametrize("x, W, b", [(X[0], W, B), (X, W.T, B), (X, W, B[:1]), (X, W[:, 0], B)])
def test_shapes_that_do_not_fit_are_named(x, W, b):
    with pytest.raises(ValueError, match=r"x \(n, d_in\), W \(d_in, d_out\) and b \(d_out,\) do not fit"):
        affine_forward(x, W, b)


def test_a_gradient_that_does_not_fit_is_named():
    cache = affine_forward(X, W[:, :1], B[:1])[1]
    with pytest.raises(ValueError, match=r"grad_y must be \(n, d_out\), here \(4, 1\); it is \(4,\)"):
        affine_backward(np.ones(4), cache)
