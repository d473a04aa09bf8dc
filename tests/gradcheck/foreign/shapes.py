"""Moving numbers about: broadcasting, joining, cutting, shifting, sorting, summing."""

import numpy as np
from gradcheck.foreign.case import case, exactly


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


def unbroadcast(grad, shape):
    while grad.ndim > len(shape):
        grad = grad.sum(axis=0)
    for axis, size in enumerate(shape):
        if size == 1:
            grad = grad.sum(axis=axis, keepdims=True)
    return grad


def unbroadcast_backward(dout, cache):
    a, b = cache
    return unbroadcast(dout * b, a.shape), unbroadcast(dout * a, b.shape)


def concat_forward(a, b):
    return np.concatenate((a, b), axis=1), a.shape[1]


def concat_backward(d, width):
    return d[:, :width], d[:, width:]


def stack_forward(a, b, c):
    return np.stack([a, b, c]), 3


def stack_backward(d, parts):
    return [d[i] for i in range(parts)]


def slice_forward(x):
    return x[:, 1:3], x.shape


def slice_backward(dout, shape):
    dx = np.zeros(shape)
    dx[:, 1:3] = dout
    return dx


def transpose_forward(x):
    return x.transpose(1, 0, 2).reshape(x.shape[1], -1), x.shape


def transpose_backward(dout, shape):
    n, m, k = shape
    return dout.reshape(m, n, k).transpose(1, 0, 2)


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


def roll_forward(x):
    return x + 0.5 * np.roll(x, 1, axis=0), x


def roll_backward(dy, x):
    return dy + 0.5 * np.roll(dy, -1, axis=0)


def gather_forward(x, picks):
    """One column per row."""
    return np.take_along_axis(x, picks, axis=1), (x.shape, picks)


def gather_backward(dy, cache):
    shape, picks = cache
    dx = np.zeros(shape)
    for i in range(picks.shape[0]):
        for j in range(picks.shape[1]):
            dx[i, picks[i, j]] += dy[i, j]
    return dx


def sort_forward(x):
    order = np.argsort(x)
    return x[order], order


def sort_backward(dy, order):
    dx = np.empty_like(dy)
    dx[order] = dy
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
    case(
        "concatenation",
        concat_forward,
        concat_backward,
        {"a": (3, 2), "b": (3, 2)},
        faults=[
            ("exchanged", "d[:, :width], d[:, width:]", "d[:, width:], d[:, :width]"),
            ("other", "d[:, width:]", "d[:, width - 1 : -1]"),
        ],
    ),
    case("stacking", stack_forward, stack_backward, {"a": (2, 2), "b": (2, 2), "c": (2, 2)}),
    case(
        "slice", slice_forward, slice_backward, {"x": (3, 4)}, faults=[("other", "1:3", "0:2"), ("other", "1:3", "2:4")]
    ),
    case(
        "axes turned and joined",
        transpose_forward,
        transpose_backward,
        {"x": (3, 3, 2)},
        faults=[
            ("other", ".transpose(1, 0, 2)", ""),
            ("other", "dout.reshape(m, n, k).transpose(1, 0, 2)", "dout.reshape(shape)"),
        ],
    ),
    case("np.tile", tile_forward, tile_backward, {"x": (2, 3)}, faults=[("other", "dx[i % n]", "dx[i // 3]")]),
    case("border of edges", pad_forward, pad_backward, {"x": (3, 3)}),
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
        "plus the row before",
        roll_forward,
        roll_backward,
        {"x": (4, 2)},
        faults=[("missing term", " + 0.5 * np.roll(dy, -1, axis=0)", ""), ("other", "-1", "1"), ("other", "-1", "-2")],
    ),
    case(
        "picks, one index twice",
        gather_forward,
        gather_backward,
        {"x": (3, 4), "picks": exactly([[0, 0], [1, 2], [3, 3]])},
    ),
    case(
        "sorting",
        sort_forward,
        sort_backward,
        {"x": (6,)},
        faults=[("other", "dx[order] = dy", "dx = dy[order]"), ("other", "dx[order] = dy", "dx = dy")],
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
