"""How features meet, and losses of pairs and triples."""

import numpy as np
from gradcheck.foreign.case import case, exactly


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


def cosine_forward(a, b):
    """Of rows."""
    na, nb = np.sqrt((a * a).sum(1, keepdims=True)), np.sqrt((b * b).sum(1, keepdims=True))
    c = (a * b).sum(1, keepdims=True) / (na * nb)
    return c[:, 0], (a, b, na, nb, c)


def cosine_backward(dy, cache):
    a, b, na, nb, c = cache
    d = dy[:, None]
    da = d * (b / (na * nb) - c * a / na**2)
    db = d * (a / (na * nb) - c * b / nb**2)
    return da, db


def distances_forward(x, c):
    """Squared distances to centres by the expanded square."""
    d2 = (x**2).sum(1)[:, None] - 2 * x @ c.T + (c**2).sum(1)
    return d2, (x, c)


def distances_backward(dd, cache):
    x, c = cache
    dx = 2 * (dd.sum(axis=1, keepdims=True) * x - dd @ c)
    dc = 2 * (dd.sum(axis=0)[:, None] * c - dd.T @ x)
    return dx, dc


def triplet_forward(anchor, positive, negative):
    gap = np.sum((anchor - positive) ** 2, axis=1) - np.sum((anchor - negative) ** 2, axis=1) + 0.2
    return np.maximum(gap, 0).mean(), (anchor, positive, negative, gap)


def triplet_backward(g, cache):
    anchor, positive, negative, gap = cache
    active = (gap > 0)[:, None]
    g = g / len(gap)
    danchor = 2 * (negative - positive) * active
    dpositive = 2 * (positive - anchor) * active
    dnegative = 2 * (anchor - negative) * active
    return g * danchor, g * dpositive, g * dnegative


def contrastive_forward(a, b, same):
    """same: 1 for pairs that belong together; loops."""
    loss, saved = 0.0, []
    for i in range(len(a)):
        distance = np.sqrt(np.sum((a[i] - b[i]) ** 2))
        short = max(0.0, 3.0 - distance)
        loss += 0.5 * distance**2 if same[i] else 0.5 * short**2
        saved.append((distance, short))
    return loss / len(a), (a, b, same, saved)


def contrastive_backward(g, cache):
    a, b, same, saved = cache
    da = np.zeros_like(a)
    for i, (distance, short) in enumerate(saved):
        if same[i]:
            da[i] = a[i] - b[i]
        else:
            da[i] = -short * (a[i] - b[i]) / distance
    da = g * da / len(a)
    return da, -da


def in_batch_forward(u, v):
    """Each row of u should find its row of v among all."""
    logits = u @ v.T / 0.5
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return -np.log(np.diag(p)).mean(), (u, v, p)


def in_batch_backward(g, cache):
    u, v, p = cache
    n = len(u)
    d = g * (p - np.eye(n)) / (0.5 * n)
    return d @ v, d.T @ u


def bpr_forward(user, liked, other):
    """-log sigmoid(u . (i - j))"""
    x = np.sum(user * (liked - other), axis=1)
    return np.log(1 + np.exp(-x)).sum(), (user, liked, other, x)


def bpr_backward(g, cache):
    user, liked, other, x = cache
    s = -g / (1 + np.exp(x))
    d = s[:, None] * user
    return s[:, None] * (liked - other), d, -d


MISSING, EXAMPLE = "missing term", "per-example factor"
PAIR = {"a": (3, 3), "b": (3, 3)}
TRIPLE = {"anchor": (4, 2), "positive": (4, 2), "negative": (4, 2)}

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
    case(
        "cosine similarity",
        cosine_forward,
        cosine_backward,
        {"a": (3, 4), "b": (3, 4)},
        faults=[
            ("statistics constant", " - c * a / na**2", ""),
            (EXAMPLE, "d * (b /", "(b /"),
            ("other", "c * b / nb**2", "c * b / nb"),
        ],
    ),
    case(
        "distances to centres",
        distances_forward,
        distances_backward,
        {"x": (3, 2), "c": (3, 2)},
        faults=[(MISSING, " - dd @ c", "")],
    ),
    case(
        "triplet loss",
        triplet_forward,
        triplet_backward,
        TRIPLE,
        faults=[
            ("mask lost", "gap > 0", "gap > -1e9"),
            ("sign", "(negative - positive)", "(positive - negative)"),
            (MISSING, "2 * (negative - positive)", "2 * (anchor - positive)"),
        ],
    ),
    case(
        "contrastive loss, loops",
        contrastive_forward,
        contrastive_backward,
        {"a": (4, 2), "b": (4, 2), "same": exactly([1, 0, 1, 0])},
        faults=[("sign", "da, -da", "da, da"), ("other", " / distance", ""), (EXAMPLE, "-short * ", "-")],
    ),
    case(
        "each row finds its own, in the batch",
        in_batch_forward,
        in_batch_backward,
        {"u": (3, 3), "v": (3, 3)},
        faults=[
            ("true class lost", "(p - np.eye(n))", "p"),
            ("factor", "/ (0.5 * n)", "/ n"),
            ("wrong product", "d.T @ u", "d @ u"),
            ("exchanged", "d @ v, d.T @ u", "d.T @ u, d @ v"),
        ],
    ),
    case(
        "BPR",
        bpr_forward,
        bpr_backward,
        {"user": (3, 2), "liked": (3, 2), "other": (3, 2)},
        faults=[("sign", "d, -d", "d, d"), (EXAMPLE, "d = s[:, None] * user", "d = -g * user")],
    ),
]
