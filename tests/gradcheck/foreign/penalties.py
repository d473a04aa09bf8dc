"""Penalties, alone and in whole losses."""

import numpy as np
from gradcheck.foreign.case import case, zero_one


def ridge_forward(w, X, y):
    residual = X.dot(w) - y
    return residual.dot(residual) / (2 * len(y)) + 0.3 / 2 * w.dot(w), (w, X, residual)


def ridge_backward(dloss, cache):
    w, X, residual = cache
    reg, n = 0.3, len(residual)
    return dloss * (X.T.dot(residual) / n + reg * w)


def logistic_forward(w, b, X, y):
    """Logistic regression: the whole loss, penalty on w alone."""
    p = 1 / (1 + np.exp(-(X @ w + b)))
    return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p)) + 0.2 * np.sum(w**2), (w, X, y, p)


def logistic_backward(g, cache):
    w, X, y, p = cache
    l2, n = 0.2, len(y)
    dw = X.T @ (p - y) / n + 2 * l2 * w
    db = np.sum(p - y) / n
    return g * dw, g * db


def elastic_forward(w):
    return 0.1 * np.abs(w).sum() + 0.3 * np.square(w).sum(), w


def elastic_backward(g, w):
    return g * (0.1 * np.sign(w) + 2 * 0.3 * w)


def decay_forward(W1, W2):
    """The penalty alone, of several layers."""
    return 0.5 * 0.01 * (np.sum(W1**2) + np.sum(W2**2)), [W1, W2]


def decay_backward(g, weights):
    lam = 0.01
    return [g * lam * W for W in weights]


TRUE = "true class lost"
L2_FAULTS = [("L2 scaled", "2 * l2", "l2"), ("L2 missing", " + 2 * l2 * w", "")]

CASES = [
    case(
        "ridge regression",
        ridge_forward,
        ridge_backward,
        {"w": (3,), "X": (5, 3), "y": (5,)},
        wrt=["w"],
        faults=[("lost 1/n", " / n + reg * w", ""), ("L2 scaled", "reg * w", "reg * w / 2")],
    ),
    case(
        "logistic regression",
        logistic_forward,
        logistic_backward,
        {"w": (3,), "b": (), "X": (6, 3), "y": zero_one(6)},
        wrt=["w", "b"],
        faults=[*L2_FAULTS, ("lost 1/n", " / n + 2 * l2 * w", ""), (TRUE, "db = np.sum(p - y)", "db = np.sum(p)")],
    ),
    case(
        "elastic penalty",
        elastic_forward,
        elastic_backward,
        {"w": (2, 4)},
        faults=[
            ("L2 missing", " + 2 * 0.3 * w", ""),
            ("L2 scaled", "2 * 0.3 * w", "0.3 * w"),
            ("missing term", "0.1 * np.sign(w) + ", ""),
        ],
    ),
    case("weight decay of two layers", decay_forward, decay_backward, {"W1": (2, 3), "W2": (3, 1)}),
]
