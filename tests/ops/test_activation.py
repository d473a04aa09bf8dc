import numpy as np
import oracles
import pytest

from deepfm_np.ops import relu_backward, relu_forward, sigmoid_backward, sigmoid_forward, tanh_backward, tanh_forward

PAIRS = {
    "sigmoid": (sigmoid_forward, sigmoid_backward),
    "relu": (relu_forward, relu_backward),
    "tanh": (tanh_forward, tanh_backward),
}
Z = np.concatenate([np.linspace(-700, 700, 401), np.linspace(-3, 3, 101), [1e-300, -1e-300, 1e-9]])
SMALLEST = np.finfo(float).tiny  # below this a float64 no longer has full precision


def slope(name, z):
    forward, backward = PAIRS[name]
    return backward(np.ones_like(z), forward(z)[1])


def assert_close(actual, exact):
    error = np.abs(actual - exact) / np.maximum(np.abs(exact), SMALLEST)
    assert error.max() <= 1e-14


def test_sigmoid_equals_50_digit_arithmetic():
    assert_close(sigmoid_forward(Z)[0], oracles.exact_sigmoid(Z))


def test_sigmoid_slope_equals_50_digit_arithmetic():
    assert_close(slope("sigmoid", Z), oracles.exact_sigmoid_slope(Z))


def test_tanh_equals_50_digit_arithmetic():
    assert_close(tanh_forward(Z)[0], oracles.exact_tanh(Z))


def test_tanh_slope_equals_50_digit_arithmetic():
    assert_close(slope("tanh", Z), oracles.exact_tanh_slope(Z))


def test_relu_passes_what_is_positive():
    z = np.array([-2.0, 0.0, 3.0])
    a, cache = relu_forward(z)
    np.testing.assert_array_equal(a, [0, 0, 3])
    np.testing.assert_array_equal(relu_backward(np.array([5.0, 5.0, 5.0]), cache), [0, 0, 5])


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
@pytest.mark.parametrize("name", PAIRS)
def test_logits_of_ten_thousand_saturate_without_a_warning(name, dtype):
    z = np.array([-1e4, 1e4], dtype)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        a, cache = PAIRS[name][0](z)
        grad_z = PAIRS[name][1](np.ones_like(z), cache)
    limits = {"sigmoid": [0, 1], "relu": [0, 1e4], "tanh": [-1, 1]}[name]
    np.testing.assert_array_equal(a, np.array(limits, dtype))
    np.testing.assert_array_equal(grad_z, np.array([0, 1] if name == "relu" else [0, 0], dtype))


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
@pytest.mark.parametrize("name", PAIRS)
def test_dtype_and_shape_are_kept(name, dtype):
    z = np.ones((2, 3), dtype)
    a, cache = PAIRS[name][0](z)
    grad_z = PAIRS[name][1](a, cache)
    assert (a.dtype, a.shape) == (z.dtype, z.shape)
    assert (grad_z.dtype, grad_z.shape) == (z.dtype, z.shape)


@pytest.mark.parametrize("name", PAIRS)
def test_writing_into_the_result_does_not_change_the_gradient(name):
    z = np.linspace(-2, 2, 5)
    expected = slope(name, z)
    a, cache = PAIRS[name][0](z)
    a[:] = 7.0
    np.testing.assert_array_equal(PAIRS[name][1](np.ones(5), cache), expected)
