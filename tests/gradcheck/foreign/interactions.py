"""How features meet, and blocks of layers."""

import numpy as np
from gradcheck.foreign.case import case


def fm_forward(V):
    """Pairs of field vectors, (n, m, k) -> (n,), in two loops."""
    n, m, _ = V.shape
    y = np.zeros(n)
    for i in range(m):
        for j in range(i + 1, m):
            y += np.sum(V[:, i] * V[:, j], axis=1)
    return y, V


def fm_backward(dy, V):
    dV = np.zeros_like(V)
    m = V.shape[1]
    for i in range(m):
        for j in range(i + 1, m):
            dV[:, i] += dy[:, None] * V[:, j]
            dV[:, j] += dy[:, None] * V[:, i]
    return dV


def dense_fm_forward(x, V):
    """1/2 [ (x V)^2 - x^2 V^2 ] summed over factors; x (n, d) of numbers."""
    xv = x @ V
    return 0.5 * ((xv**2).sum(1) - (x**2 @ V**2).sum(1)), (x, V, xv)


def dense_fm_backward(dy, cache):
    x, V, xv = cache
    d = dy[:, None]
    dx = d * (xv @ V.T - x * (V**2).sum(axis=1))
    dV = x.T @ (d * xv) - ((x**2).T @ d) * V
    return dx, dV


def bilinear_forward(a, W, b):
    """a_i^T W b_i"""
    return np.einsum("ni,ij,nj->n", a, W, b), (a, W, b)


def bilinear_backward(dy, cache):
    a, W, b = cache
    g = dy.reshape(-1, 1)
    return g * (b @ W.T), (g * a).T @ b, g * (a @ W)


def quadratic_forward(x, A):
    return x @ A @ x, (x, A)


def quadratic_backward(g, cache):
    x, A = cache
    return g * (A @ x + A.T @ x), g * np.outer(x, x)


def cross_forward(x0, x, w, b):
    """A layer of a cross network: x0 (x . w) + b + x"""
    s = x @ w
    return x0 * s[:, None] + b + x, (x0, x, w, s)


def cross_backward(dy, cache):
    x0, x, w, s = cache
    ds = np.sum(dy * x0, axis=1)
    dx0 = dy * s[:, None]
    dx = ds[:, None] * w + dy
    return dx0, dx, x.T @ ds, dy.sum(axis=0)


def residual_forward(x, W1, W2):
    """x + relu(x W1) W2"""
    h = np.maximum(x @ W1, 0)
    return x + h @ W2, {"x": x, "W1": W1, "W2": W2, "h": h}


def residual_backward(dy, cache):
    x, W1, W2, h = (cache[name] for name in ("x", "W1", "W2", "h"))
    dW2 = h.T @ dy
    dh = dy @ W2.T
    dh[h <= 0] = 0
    dW1 = x.T @ dh
    dx = dy + dh @ W1.T
    return dx, dW1, dW2


def excite_forward(x, W):
    """Squeeze and excitation: channels of (n, c, t) scaled by a gate of their means."""
    s = x.mean(axis=2)
    gate = 1 / (1 + np.exp(-(s @ W)))
    return x * gate[:, :, None], (x, W, s, gate)


def excite_backward(dy, cache):
    x, W, s, gate = cache
    dgate = (dy * x).sum(axis=2)
    dz = dgate * gate * (1 - gate)
    dx = dy * gate[:, :, None] + (dz @ W.T)[:, :, None] / x.shape[2]
    return dx, s.T @ dz


MISSING, EXAMPLE = "missing term", "per-example factor"

CASES = [
    case(
        "FM, loops over pairs",
        fm_forward,
        fm_backward,
        {"V": (3, 4, 2)},
        faults=[
            (EXAMPLE, "dy[:, None] * V[:, j]", "V[:, j]"),
            (EXAMPLE, "dy[:, None] * ", ""),
            (MISSING, "dV[:, j] += dy[:, None] * V[:, i]", "pass"),
            ("wrong point", "V[:, j]\n", "V[:, i]\n"),
        ],
    ),
    case(
        "FM of numbers",
        dense_fm_forward,
        dense_fm_backward,
        {"x": (4, 3), "V": (3, 2)},
        faults=[
            (MISSING, " - x * (V**2).sum(axis=1)", ""),
            (MISSING, " - ((x**2).T @ d) * V", ""),
            (EXAMPLE, "d * (xv @ V.T", "(xv @ V.T"),
        ],
    ),
    case(
        "bilinear form",
        bilinear_forward,
        bilinear_backward,
        {"a": (4, 3), "W": (3, 3), "b": (4, 3)},
        faults=[(EXAMPLE, "(g * a).T", "a.T")],
    ),
    case(
        "quadratic form",
        quadratic_forward,
        quadratic_backward,
        {"x": (4,), "A": (4, 4)},
        faults=[(MISSING, " + A.T @ x", ""), ("other", "A @ x + A.T @ x", "2 * A @ x")],
    ),
    case(
        "cross layer",
        cross_forward,
        cross_backward,
        {"x0": (3, 3), "x": (3, 3), "w": (3,), "b": (3,)},
        faults=[
            (MISSING, " + dy\n", "\n"),
            (MISSING, "ds[:, None] * w + dy", "dy"),
            ("wrong point", "dy * x0", "dy * x"),
        ],
    ),
    case(
        "residual block",
        residual_forward,
        residual_backward,
        {"x": (4, 3), "W1": (3, 3), "W2": (3, 3)},
        faults=[
            (MISSING, "dy + dh @ W1.T", "dh @ W1.T"),
            (MISSING, "dy + dh @ W1.T", "dy"),
            ("mask lost", "dh[h <= 0] = 0", "pass"),
        ],
    ),
    case(
        "squeeze and excitation",
        excite_forward,
        excite_backward,
        {"x": (2, 3, 4), "W": (3, 3)},
        faults=[
            (MISSING, " + (dz @ W.T)[:, :, None] / x.shape[2]", ""),
            (MISSING, "dy * gate[:, :, None] + ", ""),
            ("wrong slope", "gate * (1 - gate)", "(1 - gate)"),
        ],
    ),
]
