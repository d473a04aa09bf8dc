"""Distances, and losses of pairs and triples."""

import numpy as np
from gradcheck.foreign.case import case, exactly


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
TRIPLE = {"anchor": (4, 2), "positive": (4, 2), "negative": (4, 2)}


CASES = [
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
