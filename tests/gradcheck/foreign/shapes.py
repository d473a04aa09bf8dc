"""Moving numbers about: joining, cutting, turning, picking, sorting."""

import numpy as np
from gradcheck.foreign.case import case, exactly


def unbroadcast(grad, shape):
    while grad.ndim > len(shape):
        grad = grad.sum(axis=0)
    for axis, size in enumerate(shape):
        if size == 1:
            grad = grad.sum(axis=axis, keepdims=True)
    return grad


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


CASES = [
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
]
