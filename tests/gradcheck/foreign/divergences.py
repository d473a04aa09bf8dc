"""Losses of probabilities and distributions."""

import numpy as np
from gradcheck.foreign.case import case, probabilities, simplex, zero_one


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


TRUE = "true class lost"

CASES = [
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
]
