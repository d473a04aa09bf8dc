"""Activations with corners."""

import numpy as np
from gradcheck.foreign.case import case, exactly


def relu_maximum_forward(x):
    return np.maximum(0, x), x


def relu_maximum_backward(dout, x):
    return dout * (x > 0)


def relu_where_forward(Z):
    A = np.where(Z > 0, Z, 0)
    return A, {"Z": Z}


def relu_where_backward(dA, cache):
    Z = cache["Z"]
    return np.where(Z > 0, dA, 0)


def relu_product_forward(x):
    mask = x > 0
    return x * mask, [mask]


def relu_product_backward(grad, cache):
    (mask,) = cache
    return grad * mask


def relu_copy_forward(x):
    """Writes zeros into a copy."""
    off = x <= 0
    out = x.copy()
    out[off] = 0
    return out, off


def relu_copy_backward(dout, off):
    dx = dout.copy()
    dx[off] = 0
    return dx


def relu_in_place_backward(dout, off):
    """The gradient that arrives is written over, as in a well-known book."""
    dout[off] = 0
    return dout


def leaky_where_forward(x):
    return np.where(x > 0, x, 0.1 * x), x


def leaky_where_backward(dout, x):
    return np.where(x > 0, dout, 0.1 * dout)


def leaky_maximum_forward(x):
    return np.maximum(0.2 * x, x), (x, 0.2)


def leaky_maximum_backward(dout, cache):
    x, alpha = cache
    slope = np.ones_like(x)
    slope[x < 0] = alpha
    return dout * slope


def prelu_forward(x, alpha):
    """A learned slope per column."""
    return np.maximum(x, 0) + alpha * np.minimum(x, 0), (x, alpha)


def prelu_backward(dout, cache):
    x, alpha = cache
    dx = dout * np.where(x > 0, 1.0, alpha)
    dalpha = np.sum(dout * np.minimum(x, 0), axis=0)
    return dx, dalpha


def hard_tanh_forward(x):
    return np.clip(x, -1, 1), x


def hard_tanh_backward(dout, x):
    inside = (x > -1) & (x < 1)
    return dout * inside


def hard_sigmoid_forward(x):
    return np.clip(0.2 * x + 0.5, 0, 1), x


def hard_sigmoid_backward(dout, x):
    return 0.2 * dout * (np.abs(x) < 2.5)


def relu6_forward(x):
    return np.minimum(np.maximum(x, 0), 6), x


def relu6_backward(dout, x):
    inside = (x > 0) & (x < 6)
    dx = np.zeros_like(dout)
    dx[inside] = dout[inside]
    return dx


def absolute_forward(x):
    return np.abs(x), np.sign(x)


def absolute_backward(dout, sign):
    return dout * sign


def maxout_forward(x):
    """(n, d, pieces) -> (n, d)"""
    winner = np.argmax(x, axis=2)
    return np.max(x, axis=2), (winner, x.shape)


def maxout_backward(dout, cache):
    winner, shape = cache
    dx = np.zeros(shape)
    n, d = winner.shape
    dx[np.arange(n)[:, None], np.arange(d), winner] = dout
    return dx


Z = {"x": (4, 3)}
ZEROS = {"x": exactly([[0.0, 1.2, -0.7], [0.4, 0.0, -0.3], [0.0, 0.0, 2.0]])}
WIDE = {"x": lambda rng: rng.uniform(-4, 4, (5, 4))}

CASES = [
    case(
        "relu, np.maximum",
        relu_maximum_forward,
        relu_maximum_backward,
        Z,
        faults=[("mask lost", " * (x > 0)", ""), ("wrong point", "(x > 0)", "np.maximum(0, x)")],
    ),
    case("relu, np.maximum, at zeros", relu_maximum_forward, relu_maximum_backward, ZEROS, kinks=True),
    case(
        "relu, np.where",
        relu_where_forward,
        relu_where_backward,
        {"Z": (4, 3)},
        faults=[("wrong point", "Z > 0", "dA > 0"), ("mask lost", "np.where(Z > 0, dA, 0)", "dA")],
    ),
    case("relu, np.where, at zeros", relu_where_forward, relu_where_backward, ZEROS, kinks=True),
    case("relu, x * mask", relu_product_forward, relu_product_backward, Z),
    case("relu, x * mask, at zeros", relu_product_forward, relu_product_backward, ZEROS, kinks=True),
    case(
        "relu, zeros written into a copy",
        relu_copy_forward,
        relu_copy_backward,
        Z,
        faults=[("mask inverted", "dx[off] = 0", "dx[~off] = 0"), ("mask lost", "dx[off] = 0", "pass")],
    ),
    case("relu, grad_y written over", relu_copy_forward, relu_in_place_backward, Z, needs="in place"),
    case(
        "leaky relu, np.where",
        leaky_where_forward,
        leaky_where_backward,
        Z,
        faults=[
            ("wrong slope", "0.1 * dout", "0"),
            ("wrong slope", "0.1 * dout", "0.1"),
            ("wrong slope", "0.1 * dout", "0.01 * dout"),
            ("wrong slope", "np.where(x > 0, dout, 0.1 * dout)", "dout"),
        ],
    ),
    case(
        "leaky relu, np.maximum",
        leaky_maximum_forward,
        leaky_maximum_backward,
        {"x": (3, 5)},
        faults=[("wrong slope", "np.ones_like(x)", "np.zeros_like(x)"), ("mask inverted", "x < 0", "x > 0")],
    ),
    case(
        "prelu",
        prelu_forward,
        prelu_backward,
        {"x": (6, 3), "alpha": exactly([0.1, 0.3, 0.7])},
        faults=[
            ("wrong slope", "np.where(x > 0, 1.0, alpha)", "(x > 0)"),
            ("mask lost", "np.minimum(x, 0)", "x"),
            ("mask inverted", "np.minimum(x, 0)", "np.maximum(x, 0)"),
        ],
    ),
    case(
        "hard tanh, np.clip",
        hard_tanh_forward,
        hard_tanh_backward,
        WIDE,
        faults=[
            ("mask lost", " * inside", ""),
            ("mask inverted", "* inside", "* ~inside"),
            ("other", "x > -1", "x > 0"),
        ],
    ),
    case("hard sigmoid", hard_sigmoid_forward, hard_sigmoid_backward, WIDE, faults=[("factor", "0.2 * dout", "dout")]),
    case("relu6", relu6_forward, relu6_backward, {"x": lambda rng: rng.uniform(-3, 9, (4, 4))}),
    case("absolute value", absolute_forward, absolute_backward, Z, faults=[("other", "dout * sign", "dout")]),
    case("maxout", maxout_forward, maxout_backward, {"x": (3, 4, 3)}, faults=[("other", ", winner]", ", winner - 1]")]),
]
