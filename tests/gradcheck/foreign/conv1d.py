"""Convolution along one axis."""

import numpy as np
from gradcheck.foreign.case import case


def valid_forward(x, w):
    """One signal (t,), one filter (k,)."""
    k = len(w)
    y = np.zeros(len(x) - k + 1)
    for i in range(len(y)):
        y[i] = np.sum(x[i : i + k] * w)
    return y, (x, w)


def valid_backward(dy, cache):
    x, w = cache
    k = len(w)
    dx, dw = np.zeros(x.shape), np.zeros(w.shape)
    for i in range(len(dy)):
        dx[i : i + k] += dy[i] * w
        dw += dy[i] * x[i : i + k]
    return dx, dw


def same_forward(x, w, b):
    """x (n, t, c), w (3, c, f): zeros on both sides keep the length."""
    n, t, _ = x.shape
    padded = np.pad(x, ((0, 0), (1, 1), (0, 0)))
    out = np.empty((n, t, w.shape[2]))
    for i in range(t):
        window = padded[:, i : i + 3, :].reshape(n, -1)
        out[:, i, :] = window @ w.reshape(-1, w.shape[2]) + b
    return out, {"padded": padded, "w": w}


def same_backward(dout, cache):
    padded, w = cache["padded"], cache["w"]
    n, t, filters = dout.shape
    dpadded, dw = np.zeros_like(padded), np.zeros_like(w)
    for i in range(t):
        window = padded[:, i : i + 3, :].reshape(n, -1)
        dw += (window.T @ dout[:, i, :]).reshape(w.shape)
        dpadded[:, i : i + 3, :] += (dout[:, i, :] @ w.reshape(-1, filters).T).reshape(n, 3, -1)
    return dpadded[:, 1:-1, :], dw, dout.sum(axis=(0, 1))


def causal_forward(x, w):
    """Dilated by 2: y_t = sum_k w_k x_{t - 2 k}, by shifted sums."""
    y = np.zeros(x.shape)
    for k in range(len(w)):
        shift = 2 * k
        y[:, shift:] += w[k] * x[:, : x.shape[1] - shift]
    return y, [x, w]


def causal_backward(dy, cache):
    x, w = cache
    dx = np.zeros_like(x)
    dw = np.zeros_like(w)
    length = x.shape[1]
    for k in range(len(w)):
        shift = 2 * k
        dx[:, : length - shift] += w[k] * dy[:, shift:]
        dw[k] = np.sum(dy[:, shift:] * x[:, : length - shift])
    return dx, dw


def convolve_forward(x, kernel):
    return np.convolve(x, kernel, mode="valid"), (x, kernel)


def convolve_backward(grad, cache):
    x, kernel = cache
    grad_x = np.convolve(grad, kernel[::-1], mode="full")
    grad_kernel = np.convolve(x[::-1], grad, mode="valid")
    return grad_x, grad_kernel


def gathered_forward(x, w):
    """Windows gathered by an array of positions, channels first: x (n, c, t), w (f, c, k)."""
    t, k = x.shape[2], w.shape[2]
    positions = np.arange(t - k + 1)[:, None] + np.arange(k)
    windows = x[:, :, positions]
    return np.einsum("nctk,fck->nft", windows, w), (x.shape, w, positions, windows)


def gathered_backward(dout, cache):
    shape, w, positions, windows = cache
    dw = np.einsum("nft,nctk->fck", dout, windows)
    dwindows = np.einsum("nft,fck->nctk", dout, w)
    dx = np.zeros(shape)
    np.add.at(dx, (slice(None), slice(None), positions), dwindows)
    return dx, dw


def max_over_time_forward(x, w, b):
    """A text filter: convolution, relu, the largest over time. x (t, d), w (f, 2, d)"""
    steps = len(x) - 1
    z = np.zeros((steps, len(w)))
    for t in range(steps):
        for f in range(len(w)):
            z[t, f] = (x[t : t + 2] * w[f]).sum() + b[f]
    a = np.maximum(z, 0)
    best = a.argmax(axis=0)
    return a.max(axis=0), (x, w, z, best)


def max_over_time_backward(dy, cache):
    x, w, z, best = cache
    dx, dw, db = np.zeros_like(x), np.zeros_like(w), np.zeros(len(w))
    for f in range(len(w)):
        t = best[f]
        if z[t, f] > 0:
            db[f] = dy[f]
            dw[f] = dy[f] * x[t : t + 2]
            dx[t : t + 2] += dy[f] * w[f]
    return dx, dw, db


CASES = [
    case(
        "conv 1d, one signal",
        valid_forward,
        valid_backward,
        {"x": (7,), "w": (3,)},
        faults=[
            ("not summed", "dw += dy[i]", "dw = dy[i]"),
            ("other", "dy[i] * w", "dy[i] * w[::-1]"),
            ("other", "dx[i : i + k] += dy[i] * w", "dx[i : i + 1] += dy[i] * w[0]"),
        ],
    ),
    case(
        "conv 1d, channels, same length",
        same_forward,
        same_backward,
        {"x": (2, 4, 2), "w": (3, 2, 3), "b": (3,)},
        faults=[
            ("other", "dpadded[:, 1:-1, :]", "dpadded[:, :-2, :]"),
            ("not summed", "dw += (window", "dw = (window"),
            ("other", "window = padded[:, i : i + 3, :]", "window = dpadded[:, i : i + 3, :] + padded[:, :3, :]"),
            ("not summed", "dout.sum(axis=(0, 1))", "dout[:, 0].sum(axis=0)"),
        ],
    ),
    case(
        "conv 1d, causal, dilated",
        causal_forward,
        causal_backward,
        {"x": (2, 6), "w": (3,)},
        faults=[
            ("other", "shift = 2 * k", "shift = k"),
            ("missing term", "range(len(w))", "range(len(w) - 1)"),
            ("missing term", "range(len(w))", "range(1, len(w))"),
        ],
    ),
    case(
        "conv 1d, np.convolve",
        convolve_forward,
        convolve_backward,
        {"x": (8,), "kernel": (3,)},
        faults=[("other", "kernel[::-1]", "kernel"), ("other", "x[::-1]", "x")],
    ),
    case(
        "conv 1d, windows gathered",
        gathered_forward,
        gathered_backward,
        {"x": (2, 2, 5), "w": (3, 2, 2)},
        faults=[
            (
                "copies not summed",
                "np.add.at(dx, (slice(None), slice(None), positions), dwindows)",
                "dx[:, :, positions] = dwindows",
            ),
            (
                "copies not summed",
                "np.add.at(dx, (slice(None), slice(None), positions), dwindows)",
                "dx[:, :, positions] += dwindows",
            ),
            ("other", '"nft,fck->nctk", dout, w', '"nft,fck->nctk", dout, w[:, :, ::-1]'),
        ],
    ),
    case(
        "conv 1d, max over time",
        max_over_time_forward,
        max_over_time_backward,
        {"x": (5, 3), "w": (4, 2, 3), "b": (4,)},
        faults=[
            ("mask lost", "z[t, f] > 0", "True"),
            ("other", "t = best[f]", "t = max(best[f] - 1, 0)"),
            ("other", "t = best[f]", "t = 0"),
        ],
    ),
]
