"""Pooling, and its reverse, up-sampling."""

import numpy as np
from gradcheck.foreign.case import case, exactly


def max_loops_forward(A):
    """2 x 2 windows of (m, h, w, c)."""
    m, h, w, c = A.shape
    out = np.zeros((m, h // 2, w // 2, c))
    for i, r, s, k in np.ndindex(out.shape):
        out[i, r, s, k] = np.max(A[i, 2 * r : 2 * r + 2, 2 * s : 2 * s + 2, k])
    return out, A


def max_loops_backward(dA, A):
    dA_prev = np.zeros(A.shape)
    for i, r, s, k in np.ndindex(dA.shape):
        window = A[i, 2 * r : 2 * r + 2, 2 * s : 2 * s + 2, k]
        mask = window == np.max(window)
        dA_prev[i, 2 * r : 2 * r + 2, 2 * s : 2 * s + 2, k] += mask * dA[i, r, s, k]
    return dA_prev


def max_argmax_forward(x):
    """Windows side by side in the last axis, the winner's index kept; (n, h, w)."""
    n, h, w = x.shape
    windows = x.reshape(n, h // 2, 2, w // 2, 2).transpose(0, 1, 3, 2, 4).reshape(n, h // 2, w // 2, 4)
    winner = windows.argmax(axis=3)
    return np.take_along_axis(windows, winner[..., None], axis=3)[..., 0], [winner, x.shape]


def max_argmax_backward(dout, cache):
    winner, (n, h, w) = cache
    windows = np.zeros((*winner.shape, 4))
    np.put_along_axis(windows, winner[..., None], dout[..., None], axis=3)
    return windows.reshape(n, h // 2, w // 2, 2, 2).transpose(0, 1, 3, 2, 4).reshape(n, h, w)


def max_shared_forward(x):
    """Columns of pairs; (n, t)."""
    pairs = x.reshape(len(x), -1, 2)
    top = pairs.max(axis=2, keepdims=True)
    return top[:, :, 0], {"pairs": pairs, "top": top}


def max_shared_backward(dout, cache):
    """Ties share what arrives."""
    mask = (cache["pairs"] == cache["top"]).astype(float)
    mask /= mask.sum(axis=2, keepdims=True)
    return (mask * dout[:, :, None]).reshape(len(dout), -1)


def average_loops_forward(x):
    """Windows of 2 x 2 of (n, c, h, w)."""
    n, c, h, w = x.shape
    out = np.empty((n, c, h // 2, w // 2))
    for i in range(h // 2):
        for j in range(w // 2):
            out[:, :, i, j] = np.mean(x[:, :, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2], axis=(2, 3))
    return out, x.shape


def average_loops_backward(dout, shape):
    dx = np.zeros(shape)
    for i in range(dout.shape[2]):
        for j in range(dout.shape[3]):
            dx[:, :, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2] = dout[:, :, i, j, None, None] / 4
    return dx


def average_overlapping_forward(x):
    """Windows of three, one step apart; (n, t)."""
    out = np.zeros((x.shape[0], x.shape[1] - 2))
    for t in range(out.shape[1]):
        out[:, t] = x[:, t : t + 3].mean(axis=1)
    return out, x.shape


def average_overlapping_backward(dout, shape):
    dx = np.zeros(shape)
    for t in range(dout.shape[1]):
        dx[:, t : t + 3] += dout[:, t : t + 1] / 3
    return dx


def global_average_forward(x):
    return x.mean(axis=(2, 3)), x.shape


def global_average_backward(dout, shape):
    h, w = shape[2:]
    return np.broadcast_to(dout[:, :, None, None], shape) / (h * w)


def global_max_forward(x):
    """(n, t, d) -> (n, d)"""
    return np.amax(x, axis=1), (x.argmax(axis=1), x.shape)


def global_max_backward(dout, cache):
    where, shape = cache
    dx = np.zeros(shape)
    for n in range(shape[0]):
        for d in range(shape[2]):
            dx[n, where[n, d], d] = dout[n, d]
    return dx


def log_sum_exp_forward(x):
    """A soft maximum over the last axis."""
    top = x.max(axis=-1, keepdims=True)
    y = top[..., 0] + np.log(np.exp(x - top).sum(axis=-1))
    return y, (x, y)


def log_sum_exp_backward(dy, cache):
    x, y = cache
    return dy[..., None] * np.exp(x - y[..., None])


def nearest_forward(x):
    """Each pixel four times."""
    return x.repeat(2, axis=1).repeat(2, axis=2), x.shape


def nearest_backward(dout, shape):
    n, h, w = shape
    return dout.reshape(n, h, 2, w, 2).sum(axis=(2, 4))


def kron_forward(x):
    return np.kron(x, np.ones((3, 2))), None


def kron_backward(dout, cache):
    h, w = dout.shape[0] // 3, dout.shape[1] // 2
    dx = np.zeros((h, w))
    for i in range(h):
        for j in range(w):
            dx[i, j] = dout[3 * i : 3 * i + 3, 2 * j : 2 * j + 2].sum()
    return dx


def linear_forward(x):
    """Means of neighbours between the samples; (n, t) -> (n, 2 t - 1)"""
    out = np.zeros((len(x), 2 * x.shape[1] - 1))
    out[:, ::2] = x
    out[:, 1::2] = (x[:, :-1] + x[:, 1:]) / 2
    return out, x


def linear_backward(dout, x):
    dx = dout[:, ::2].copy()
    dx[:, :-1] += 0.5 * dout[:, 1::2]
    dx[:, 1:] += 0.5 * dout[:, 1::2]
    return dx


TIES = {"A": exactly([[[[1.0], [1.0], [0.5], [2.0]], [[0.3], [-1.0], [2.0], [0.1]]]])}
FLAT_TIES = {"x": exactly([[1.0, 1.0, 0.2, 3.0], [-2.0, -2.0, 0.5, 0.5]])}
LOSS_OF_MAX = [("mask lost", "mask * dA[i, r, s, k]", "dA[i, r, s, k]")]

CASES = [
    case("max pool, loops, mask", max_loops_forward, max_loops_backward, {"A": (1, 4, 4, 2)}, faults=LOSS_OF_MAX),
    case("max pool, mask, ties", max_loops_forward, max_loops_backward, TIES, kinks=True),
    case(
        "max pool, argmax kept",
        max_argmax_forward,
        max_argmax_backward,
        {"x": (2, 4, 4)},
        faults=[
            ("other", ".transpose(0, 1, 3, 2, 4)", ""),
            ("other", "winner[..., None]", "3 - winner[..., None]"),
        ],
    ),
    case(
        "max pool, argmax, ties",
        max_argmax_forward,
        max_argmax_backward,
        {"x": exactly([[[1.0, 1.0], [0.0, 1.0]], [[-3.0, 2.0], [2.0, 2.0]]])},
        kinks=True,
    ),
    case(
        "max pool, ties shared",
        max_shared_forward,
        max_shared_backward,
        FLAT_TIES,
        kinks=True,
        faults=[("mask lost", "mask * dout", "1 * dout + 0 * mask")],
    ),
    case(
        "average pool, loops",
        average_loops_forward,
        average_loops_backward,
        {"x": (2, 1, 4, 4)},
        faults=[("lost 1/n", " / 4", ""), ("factor", " / 4", " / 2")],
    ),
    case(
        "average pool, overlapping",
        average_overlapping_forward,
        average_overlapping_backward,
        {"x": (2, 6)},
        faults=[("lost 1/n", " / 3", "")],
    ),
    case(
        "global average pool",
        global_average_forward,
        global_average_backward,
        {"x": (2, 3, 2, 3)},
        faults=[("lost 1/n", " / (h * w)", ""), ("factor", "(h * w)", "h"), ("factor", "(h * w)", "(2 * h * w)")],
    ),
    case(
        "global max pool",
        global_max_forward,
        global_max_backward,
        {"x": (2, 4, 3)},
        faults=[("other", "where[n, d]", "where[n, d] - 1"), ("mask lost", "where[n, d], d", ":, d")],
    ),
    case(
        "log-sum-exp",
        log_sum_exp_forward,
        log_sum_exp_backward,
        {"x": (2, 3, 4)},
        faults=[
            ("other", "np.exp(x - y[..., None])", "np.exp(x)"),
            ("other", " * np.exp(x - y[..., None])", " + 0 * x"),
        ],
    ),
    case(
        "up-sampling, np.repeat",
        nearest_forward,
        nearest_backward,
        {"x": (2, 3, 2)},
        faults=[
            ("copies not summed", ".sum(axis=(2, 4))", "[:, :, 0, :, 0]"),
            ("factor", ".sum(axis=(2, 4))", ".mean(axis=(2, 4))"),
            ("other", "(n, h, 2, w, 2).sum(axis=(2, 4))", "(n, 2, h, 2, w).sum(axis=(1, 3))"),
        ],
    ),
    case(
        "up-sampling, np.kron",
        kron_forward,
        kron_backward,
        {"x": (2, 3)},
        faults=[
            ("copies not summed", "dout[3 * i : 3 * i + 3, 2 * j : 2 * j + 2].sum()", "dout[3 * i, 2 * j]"),
            ("copies not summed", "3 * i + 3, ", "3 * i + 2, "),
        ],
    ),
    case(
        "up-sampling, linear",
        linear_forward,
        linear_backward,
        {"x": (2, 4)},
        faults=[
            ("missing term", "dx[:, 1:] += 0.5 * dout[:, 1::2]", "pass"),
            ("missing term", "dx[:, :-1] += 0.5 * dout[:, 1::2]", "pass"),
            ("copies not summed", "dx[:, 1:] += 0.5 * dout[:, 1::2]\n", "dx = dout[:, ::2]\n"),
        ],
    ),
]
