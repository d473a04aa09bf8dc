"""Losses of numbers."""

import numpy as np
from gradcheck.foreign.case import case, exactly


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


def pinball_forward(p, t):
    """The 0.9 quantile."""
    error = t - p
    return np.maximum(0.9 * error, -0.1 * error).mean(), error


def pinball_backward(g, error):
    return g * np.where(error > 0, -0.9, 0.1) / len(error)


def zero_one(*shape):
    return lambda rng: rng.integers(0, 2, shape).astype(float)


COLUMN = {"p": (6,), "t": (6,)}
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
        "pinball loss",
        pinball_forward,
        pinball_backward,
        COLUMN,
        wrt=["p"],
        faults=[("wrong slope", "-0.9, 0.1", "-0.9, 0"), ("sign", "-0.9, 0.1", "0.9, -0.1")],
    ),
]
