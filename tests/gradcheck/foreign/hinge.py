"""Hinge losses."""

import numpy as np
from gradcheck.foreign.case import case, integers, signs


def hinge_forward(W, X, y):
    """Multi-class hinge loss in loops, with a penalty."""
    loss = 0.0
    for i in range(len(y)):
        scores = X[i] @ W
        for j in range(W.shape[1]):
            if j != y[i]:
                loss += max(0, scores[j] - scores[y[i]] + 1)
    return loss / len(y) + 0.05 * np.sum(W**2), {"W": W, "X": X, "y": y}


def hinge_backward(dloss, cache):
    W, X, y = cache["W"], cache["X"], cache["y"]
    lam = 0.05
    dW = np.zeros_like(W)
    n = X.shape[0]
    for i in range(n):
        scores = X[i] @ W
        for j in range(W.shape[1]):
            if j != y[i] and scores[j] - scores[y[i]] + 1 > 0:
                dW[:, j] += X[i]
                dW[:, y[i]] -= X[i]
    return (dW / n + 2 * lam * W) * dloss


def hinge_rows_forward(scores, y):
    rows = np.arange(len(y))
    margins = np.maximum(0, scores - scores[rows, y][:, None] + 1.0)
    margins[rows, y] = 0
    return margins.sum() / len(y), (margins, y)


def hinge_rows_backward(dloss, cache):
    margins, y = cache
    n = len(y)
    active = (margins > 0).astype(float)
    active[np.arange(n), y] = -active.sum(axis=1)
    return dloss * active / n


def binary_hinge_forward(f, t):
    """t is -1 or 1; the mean."""
    return np.mean(np.maximum(0, 1 - t * f)), [f, t]


def binary_hinge_backward(g, cache):
    f, t = cache
    active = 1 - t * f > 0
    return g * -t * active / len(f)


def squared_hinge_forward(f, t):
    slack = np.clip(1 - t * f, 0, None)
    return 0.5 * (slack**2).sum(), (slack, t)


def squared_hinge_backward(g, cache):
    slack, t = cache
    return -g * t * slack


TRUE = "true class lost"


CASES = [
    case(
        "hinge loss, loops, penalty",
        hinge_forward,
        hinge_backward,
        {"W": (4, 3), "X": (5, 4), "y": integers(3, 5)},
        wrt=["W"],
        faults=[
            (TRUE, "dW[:, y[i]] -= X[i]", "pass"),
            ("L2 missing", " + 2 * lam * W", ""),
            ("L2 scaled", "2 * lam * W", "4 * lam * W"),
            ("lost 1/n", "dW / n + 2 * lam * W", "dW"),
            ("sign", "(dW / n + 2 * lam * W) * dloss", "(dW / n + 2 * lam * W) * -dloss"),
            ("mask lost", " and scores[j] - scores[y[i]] + 1 > 0", ""),
        ],
    ),
    case(
        "hinge loss, rows",
        hinge_rows_forward,
        hinge_rows_backward,
        {"scores": (4, 4), "y": integers(4, 4)},
        faults=[
            (TRUE, "active[np.arange(n), y] = -active.sum(axis=1)", "pass"),
            (TRUE, "-active.sum(axis=1)", "-1"),
            ("mask lost", "(margins > 0).astype(float)", "np.ones_like(margins)"),
            ("wrong point", "(margins > 0).astype(float)", "margins.copy()"),
        ],
    ),
    case("hinge loss, binary", binary_hinge_forward, binary_hinge_backward, {"f": (6,), "t": signs(6)}, wrt=["f"]),
    case(
        "hinge loss, squared",
        squared_hinge_forward,
        squared_hinge_backward,
        {"f": (6,), "t": signs(6)},
        wrt=["f"],
        faults=[("per-example factor", " * slack", ""), ("per-example factor", " * t", ""), ("factor", "-g", "-2 * g")],
    ),
]
