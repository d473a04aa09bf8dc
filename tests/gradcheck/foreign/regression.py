"""Losses of numbers and of probabilities."""

import numpy as np
from gradcheck.foreign.case import case, exactly, probabilities, simplex


def mse_forward(y_pred, y_true):
    return np.mean((y_pred - y_true) ** 2), (y_pred, y_true)


def mse_backward(grad, cache):
    y_pred, y_true = cache
    return grad * 2 * (y_pred - y_true) / y_pred.size


def half_forward(out, target):
    """1 / (2 n), rows of several outputs."""
    diff = out - target
    return (diff * diff).sum() / (2 * len(out)), {"diff": diff}


def half_backward(g, cache):
    diff = cache["diff"]
    return g * diff / len(diff)


def both_forward(a, b):
    """A distance that is differentiated by both sides, per example."""
    return np.sum((a - b) ** 2, axis=1), (a, b)


def both_backward(d, cache):
    a, b = cache
    da = 2 * (a - b) * d[:, np.newaxis]
    return da, -da


def mae_forward(p, t):
    return np.abs(p - t).mean(), (p, t)


def mae_backward(g, cache):
    p, t = cache
    return g * np.sign(p - t) / p.size


def mae_at_zero_backward(g, cache):
    """No error, no slope: the point of the check has errors of 0."""
    p, t = cache
    return g * np.sign(p - t) / p.size


def huber_forward(p, t):
    error = p - t
    small = np.abs(error) <= 1.0
    return np.where(small, 0.5 * error**2, np.abs(error) - 0.5).sum(), (error, small)


def huber_backward(g, cache):
    error, small = cache
    return g * np.where(small, error, np.sign(error))


def huber_loop_forward(p, t):
    total = 0.0
    for i in range(len(p)):
        e = p[i] - t[i]
        if abs(e) < 0.5:
            total += 0.5 * e * e
        else:
            total += 0.5 * (abs(e) - 0.25)
    return total / len(p), [p, t]


def huber_loop_backward(g, cache):
    p, t = cache
    dp = np.zeros(p.shape)
    for i in range(len(p)):
        e = p[i] - t[i]
        if -0.5 < e < 0.5:
            dp[i] = e
        else:
            dp[i] = 0.5 if e > 0 else -0.5
    return g * dp / len(p)


def log_cosh_forward(p, t):
    return np.mean(np.log(np.cosh(p - t))), p - t


def log_cosh_backward(g, error):
    return g * np.tanh(error) / error.size


def bce_forward(p, y):
    return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p)), {"p": p, "y": y}


def bce_backward(dloss, cache):
    p, y = cache["p"], cache["y"]
    m = y.shape[0]
    return dloss * -(y / p - (1 - y) / (1 - p)) / m


def guarded_forward(p, y):
    """A small number against log 0."""
    eps = 1e-7
    return -np.sum(y * np.log(p + eps) + (1 - y) * np.log(1 - p + eps)), (p, y, eps)


def guarded_backward(dloss, cache):
    p, y, eps = cache
    return dloss * ((1 - y) / (1 - p + eps) - y / (p + eps))


def logits_forward(z, y):
    """max(z, 0) - z y + log(1 + exp(-|z|))"""
    return np.mean(np.maximum(z, 0) - z * y + np.log1p(np.exp(-np.abs(z)))), (z, y)


def logits_backward(dloss, cache):
    z, y = cache
    p = 1 / (1 + np.exp(-z))
    return dloss * (p - y) / z.size


def kl_forward(p, q):
    """KL(p, q) by both distributions, one per row."""
    return np.sum(p * (np.log(p) - np.log(q)), axis=1), (p, q)


def kl_backward(d, cache):
    p, q = cache
    dp = (np.log(p / q) + 1) * d[:, None]
    dq = -p / q * d[:, None]
    return dp, dq


def gaussian_kl_forward(mu, logvar):
    """Of a variational autoencoder's code against N(0, 1)."""
    return -0.5 * np.sum(1 + logvar - mu**2 - np.exp(logvar)) / len(mu), (mu, logvar)


def gaussian_kl_backward(g, cache):
    mu, logvar = cache
    n = len(mu)
    return g * mu / n, g * 0.5 * (np.exp(logvar) - 1) / n


def poisson_forward(log_rate, counts):
    return np.mean(np.exp(log_rate) - counts * log_rate), (log_rate, counts)


def poisson_backward(g, cache):
    log_rate, counts = cache
    return g * (np.exp(log_rate) - counts) / len(counts)


def pinball_forward(p, t):
    """The 0.9 quantile."""
    error = t - p
    return np.maximum(0.9 * error, -0.1 * error).mean(), error


def pinball_backward(g, error):
    return g * np.where(error > 0, -0.9, 0.1) / len(error)


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


def zero_one(*shape):
    return lambda rng: rng.integers(0, 2, shape).astype(float)


TRUE = "true class lost"
COLUMN = {"p": (6,), "t": (6,)}
L2_FAULTS = [("L2 scaled", "2 * l2", "l2"), ("L2 missing", " + 2 * l2 * w", "")]
GROWN = {"p": lambda rng: 2 * rng.standard_normal(8), "t": (8,)}

CASES = [
    case("MSE, np.mean", mse_forward, mse_backward, {"y_pred": (4, 2), "y_true": (4, 2)}, wrt=["y_pred"]),
    case(
        "MSE, 1 / (2 n)",
        half_forward,
        half_backward,
        {"out": (5, 2), "target": (5, 2)},
        wrt=["out"],
        faults=[("factor", "g * diff", "2 * g * diff"), ("factor", "/ len(diff)", "/ diff.size")],
    ),
    case(
        "squared distance, both sides",
        both_forward,
        both_backward,
        {"a": (4, 3), "b": (4, 3)},
        faults=[
            ("sign", "da, -da", "da, da"),
            ("exchanged", "da, -da", "-da, da"),
            ("per-example factor", " * d[:, np.newaxis]", ""),
        ],
    ),
    case("MAE", mae_forward, mae_backward, COLUMN, wrt=["p"], faults=[("wrong slope", "np.sign(p - t)", "(p - t)")]),
    case(
        "MAE, errors of 0",
        mae_forward,
        mae_at_zero_backward,
        {"p": exactly([0.5, 1.0, -2.0, 0.25]), "t": exactly([0.5, 2.0, -2.0, 0.0])},
        wrt=["p"],
        kinks=True,
    ),
    case(
        "Huber, np.where",
        huber_forward,
        huber_backward,
        GROWN,
        wrt=["p"],
        faults=[
            ("wrong slope", "np.sign(error)", "1"),
            ("wrong slope", "np.where(small, error, np.sign(error))", "error"),
            ("mask inverted", "np.where(small, error, np.sign(error))", "np.where(small, np.sign(error), error)"),
        ],
    ),
    case(
        "Huber, loop",
        huber_loop_forward,
        huber_loop_backward,
        GROWN,
        wrt=["p"],
        faults=[("wrong slope", "0.5 if e > 0 else -0.5", "0.5"), ("wrong slope", "0.5 if e > 0 else -0.5", "0")],
    ),
    case(
        "log-cosh",
        log_cosh_forward,
        log_cosh_backward,
        COLUMN,
        wrt=["p"],
        faults=[
            ("wrong slope", "np.tanh(error)", "error"),
            ("wrong slope", "np.tanh(error)", "(1 - np.tanh(error) ** 2)"),
        ],
    ),
    case(
        "BCE of probabilities",
        bce_forward,
        bce_backward,
        {"p": probabilities(5), "y": zero_one(5)},
        wrt=["p"],
        faults=[
            ("other", "-(y / p - (1 - y) / (1 - p))", "(p - y)"),
            ("missing term", "y / p - (1 - y) / (1 - p)", "y / p"),
            ("other", "y / p - (1 - y)", "y / p + (1 - y)"),
            ("sign", "-(y / p", "(y / p"),
        ],
    ),
    case(
        "BCE with epsilon",
        guarded_forward,
        guarded_backward,
        {"p": probabilities(4, 1), "y": zero_one(4, 1)},
        wrt=["p"],
        faults=[("missing term", " - y / (p + eps)", "")],
    ),
    case(
        "BCE of logits, np.abs",
        logits_forward,
        logits_backward,
        {"z": (6,), "y": zero_one(6)},
        wrt=["z"],
        faults=[
            ("wrong slope", "(p - y)", "(p - y) * p * (1 - p)"),
            (TRUE, "(p - y)", "p"),
            ("wrong point", "(p - y)", "(z - y)"),
        ],
    ),
    case(
        "KL, by both distributions",
        kl_forward,
        kl_backward,
        {"p": simplex(3, 4), "q": simplex(3, 4)},
        faults=[
            ("missing term", "(np.log(p / q) + 1)", "np.log(p / q)"),
            ("per-example factor", "-p / q * d[:, None]", "-p / q"),
            ("other", "-p / q", "-q / p"),
        ],
    ),
    case(
        "KL of a Gaussian code",
        gaussian_kl_forward,
        gaussian_kl_backward,
        {"mu": (3, 2), "logvar": (3, 2)},
        faults=[("missing term", "(np.exp(logvar) - 1)", "np.exp(logvar)"), ("factor", "g * mu", "2 * g * mu")],
    ),
    case(
        "Poisson loss",
        poisson_forward,
        poisson_backward,
        {"log_rate": (5,), "counts": lambda rng: rng.poisson(2.0, 5)},
        faults=[("missing term", " - counts", ""), ("wrong point", "np.exp(log_rate)", "log_rate")],
    ),
    case(
        "pinball loss",
        pinball_forward,
        pinball_backward,
        COLUMN,
        wrt=["p"],
        faults=[("wrong slope", "-0.9, 0.1", "-0.9, 0"), ("sign", "-0.9, 0.1", "0.9, -0.1")],
    ),
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
