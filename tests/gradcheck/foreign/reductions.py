"""Sums, products and other ways to fewer numbers."""

import numpy as np
from gradcheck.foreign.case import case


def cumsum_forward(x):
    y = x.copy()
    for t in range(1, y.shape[1]):
        y[:, t] += y[:, t - 1]
    return y, None


def cumsum_backward(dy, _):
    return np.cumsum(dy[:, ::-1], axis=1)[:, ::-1]


def diff_forward(x):
    return np.diff(x, axis=0), x.shape


def diff_backward(dy, shape):
    dx = np.zeros(shape)
    dx[1:] += dy
    dx[:-1] -= dy
    return dx


def variance_forward(x):
    return np.var(x, axis=0), x


def variance_backward(dy, x):
    return 2 * (x - x.mean(axis=0)) * dy / len(x)


def norm_forward(x):
    """The length of each row."""
    length = np.linalg.norm(x, axis=1)
    return length, (x, length)


def norm_backward(dy, cache):
    x, length = cache
    return (dy / length)[:, None] * x


def product_forward(x):
    """Of the numbers of each row."""
    return x.prod(axis=1), x


def product_backward(dy, x):
    dx = np.ones_like(x)
    for j in range(x.shape[1]):
        dx[:, j] = dy * np.delete(x, j, axis=1).prod(axis=1)
    return dx


def inverse_forward(A):
    B = np.linalg.inv(A + 4 * np.eye(len(A)))
    return B, B


def inverse_backward(dB, B):
    return -B.T @ dB @ B.T


def trace_forward(A, B):
    return np.trace(A @ B), (A, B)


def trace_backward(g, cache):
    A, B = cache
    return g * B.T, g * A.T


CASES = [
    case(
        "cumulative sum, in a loop",
        cumsum_forward,
        cumsum_backward,
        {"x": (2, 4)},
        faults=[
            ("other", "np.cumsum(dy[:, ::-1], axis=1)[:, ::-1]", "np.cumsum(dy, axis=1)"),
            ("last step only", "np.cumsum(dy[:, ::-1], axis=1)[:, ::-1]", "dy"),
        ],
    ),
    case(
        "differences",
        diff_forward,
        diff_backward,
        {"x": (5, 2)},
        faults=[
            ("missing term", "dx[:-1] -= dy", "pass"),
            ("missing term", "dx[1:] += dy", "pass"),
            ("other", "-= dy", "+= dy"),
        ],
    ),
    case(
        "np.var",
        variance_forward,
        variance_backward,
        {"x": (4, 3)},
        faults=[
            ("other", "(x - x.mean(axis=0))", "x"),
            ("factor", "/ len(x)", "/ (len(x) - 1)"),
            ("per-example factor", " * dy", ""),
        ],
    ),
    case(
        "np.linalg.norm of rows",
        norm_forward,
        norm_backward,
        {"x": (3, 3)},
        faults=[
            ("per-example factor", "(dy / length)", "(1 / length)"),
            ("other", "(dy / length)", "dy"),
            ("factor", "* x", "* x * 2"),
        ],
    ),
    case(
        "product of rows",
        product_forward,
        product_backward,
        {"x": (3, 4)},
        faults=[("per-example factor", "dy * np", "np")],
    ),
    case(
        "inverse",
        inverse_forward,
        inverse_backward,
        {"A": (3, 3)},
        faults=[("sign", "-B.T", "B.T"), ("wrong product", "-B.T @ dB @ B.T", "-B @ dB @ B")],
    ),
    case(
        "trace of a product",
        trace_forward,
        trace_backward,
        {"A": (3, 3), "B": (3, 3)},
        faults=[("transposed", "g * B.T", "g * B"), ("exchanged", "g * B.T, g * A.T", "g * A.T, g * B.T")],
    ),
]
