"""Broadcasting and copies: what was one number becomes several."""

import numpy as np
from gradcheck.foreign.case import case


def unbroadcast(grad, shape):
    while grad.ndim > len(shape):
        grad = grad.sum(axis=0)
    for axis, size in enumerate(shape):
        if size == 1:
            grad = grad.sum(axis=axis, keepdims=True)
    return grad


def add_forward(x, b):
    """A row is added to every row."""
    return x + b, None


def add_backward(dout, _):
    return dout, dout.sum(axis=0)


def multiply_forward(x, scale):
    """A column scales every column."""
    return x * scale, (x, scale)


def multiply_backward(dout, cache):
    x, scale = cache
    return dout * scale, np.sum(dout * x, axis=1, keepdims=True)


def outer_sum_forward(a, b):
    return a[:, None] + b[None, :], (a.shape, b.shape)


def outer_sum_backward(d, shapes):
    return d.sum(axis=1), d.sum(axis=0)


def number_forward(x, c):
    """One number is added to all."""
    return x + c, x.shape


def number_backward(dout, shape):
    return dout, np.sum(dout)


def unbroadcast_forward(a, b):
    """(3, 1, 2) with (4, 1): any shapes that fit."""
    return a * b, [a, b]


def unbroadcast_backward(dout, cache):
    a, b = cache
    return unbroadcast(dout * b, a.shape), unbroadcast(dout * a, b.shape)


def tile_forward(x):
    return np.tile(x, (3, 1)), len(x)


def tile_backward(dout, n):
    dx = np.zeros((n, dout.shape[1]))
    for i in range(len(dout)):
        dx[i % n] += dout[i]
    return dx


def pad_forward(x):
    """A border that repeats the edge."""
    return np.pad(x, 1, mode="edge"), x.shape


def pad_backward(dout, shape):
    dx = np.zeros(shape)
    for (i, j), d in np.ndenumerate(dout):
        dx[min(max(i - 1, 0), shape[0] - 1), min(max(j - 1, 0), shape[1] - 1)] += d
    return dx


COPIES = "copies not summed"


CASES = [
    case(
        "row added to rows",
        add_forward,
        add_backward,
        {"x": (4, 3), "b": (3,)},
        faults=[
            (COPIES, "dout.sum(axis=0)", "dout[0]"),
            (COPIES, "dout.sum(axis=0)", "dout[-1]"),
            ("factor", "dout.sum(axis=0)", "dout.mean(axis=0)"),
        ],
    ),
    case(
        "column scales columns",
        multiply_forward,
        multiply_backward,
        {"x": (3, 3), "scale": (3, 1)},
        faults=[
            (COPIES, "np.sum(dout * x, axis=1, keepdims=True)", "(dout * x)[:, :1]"),
            ("other", "axis=1, keepdims=True)", "axis=0, keepdims=True).T"),
            ("other", "dout * scale", "dout"),
        ],
    ),
    case(
        "outer sum",
        outer_sum_forward,
        outer_sum_backward,
        {"a": (3,), "b": (3,)},
        faults=[
            ("exchanged", "d.sum(axis=1), d.sum(axis=0)", "d.sum(axis=0), d.sum(axis=1)"),
            (COPIES, "d.sum(axis=1)", "d[:, 0]"),
            (COPIES, "d.sum(axis=0)", "d.diagonal()"),
        ],
    ),
    case(
        "number added to all",
        number_forward,
        number_backward,
        {"x": (2, 3), "c": ()},
        faults=[(COPIES, "np.sum(dout)", "dout[0, 0]")],
    ),
    case(
        "broadcasting, any shapes",
        unbroadcast_forward,
        unbroadcast_backward,
        {"a": (3, 1, 2), "b": (4, 1)},
        faults=[(COPIES, "unbroadcast(dout * b, a.shape)", "(dout * b)[:, :1]"), ("other", "dout * b", "dout")],
    ),
    case("np.tile", tile_forward, tile_backward, {"x": (2, 3)}, faults=[("other", "dx[i % n]", "dx[i // 3]")]),
    case("border of edges", pad_forward, pad_backward, {"x": (3, 3)}),
]
