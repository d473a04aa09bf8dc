"""Dropout with a mask that stays, and other noise."""

import numpy as np
from gradcheck.foreign.case import bits, case


def inverted_forward(x):
    """Kept units divided by the chance to be kept, the mask drawn from a fixed seed."""
    p = 0.6
    mask = (np.random.default_rng(0).random(x.shape) < p) / p
    return x * mask, mask


def inverted_backward(dout, mask):
    return dout * mask


def plain_forward(x, mask):
    """Not scaled in training; the mask is given, as booleans."""
    return np.where(mask, x, 0.0), mask


def plain_backward(dout, mask):
    dx = np.zeros_like(dout)
    dx[mask] = dout[mask]
    return dx


def given_forward(x, mask):
    """The mask is given as numbers, and scaled inside."""
    keep = 0.8
    out = np.zeros(x.shape)
    out[:] = x * mask / keep
    return out, {"mask": mask, "keep": keep}


def given_backward(dout, cache):
    mask = cache["mask"]
    return dout * mask / cache["keep"]


def two_steps_forward(D, A):
    """Multiply, then scale, in two steps, columns as examples."""
    A = A * D
    A = A / 0.7
    return A, (D, 0.7)


def two_steps_backward(dA, cache):
    D, keep_prob = cache
    dA = dA * D
    dA = dA / keep_prob
    return dA


def in_place_forward(x, drop):
    return np.where(drop, 0, x / 0.5), drop


def in_place_backward(dout, drop):
    """What arrives is scaled and written over."""
    dout[drop] = 0
    dout /= 0.5
    return dout


def channels_forward(x, keep):
    """Whole channels of (n, c, t) are dropped."""
    p = 0.75
    return x * keep[:, :, None] / p, (keep, p)


def channels_backward(dout, cache):
    keep, p = cache
    return dout * keep[:, :, None] / p


def connect_forward(x, W, keep):
    """Weights are dropped."""
    return x @ (W * keep), (x, W, keep)


def connect_backward(dy, cache):
    x, W, keep = cache
    return dy @ (W * keep).T, x.T @ dy * keep


def noise_forward(mu, logvar):
    """z = mu + exp(logvar / 2) epsilon, with frozen epsilon."""
    epsilon = np.random.default_rng(1).standard_normal(mu.shape)
    return mu + np.exp(0.5 * logvar) * epsilon, (epsilon, logvar)


def noise_backward(dz, cache):
    epsilon, logvar = cache
    return dz, 0.5 * dz * epsilon * np.exp(0.5 * logvar)


def depth_forward(x, W, alive):
    """Stochastic depth: a residual branch that may be off for an example."""
    h = np.tanh(x @ W)
    return x + alive[:, None] * h, (x, W, h, alive)


def depth_backward(dy, cache):
    x, W, h, alive = cache
    dz = dy * (1 - h**2) * alive[:, None]
    return dy + dz @ W.T, x.T @ dz


LOST, INVERTED = "mask lost", "mask inverted"

CASES = [
    case(
        "dropout, inverted, drawn",
        inverted_forward,
        inverted_backward,
        {"x": (4, 5)},
        faults=[("factor", "dout * mask", "dout * mask * 0.6"), ("factor", "dout * mask", "dout * mask * mask")],
    ),
    case(
        "dropout, not scaled, boolean mask",
        plain_forward,
        plain_backward,
        {"x": (4, 4), "mask": bits(4, 4)},
        faults=[
            (LOST, "dx[mask] = dout[mask]", "dx[:] = dout"),
            (INVERTED, "dx[mask] = dout[mask]", "dx[~mask] = dout[~mask]"),
        ],
    ),
    case(
        "dropout, a mask of numbers",
        given_forward,
        given_backward,
        {"x": (3, 5), "mask": lambda rng: (rng.random((3, 5)) < 0.7) * 1.0},
        wrt=["x"],
        faults=[("factor", ' / cache["keep"]', ""), ("factor", ' / cache["keep"]', ' * cache["keep"]')],
    ),
    case(
        "dropout, in two steps",
        two_steps_forward,
        two_steps_backward,
        {"D": bits(3, 4), "A": (3, 4)},
        faults=[
            (LOST, "dA = dA * D", "pass"),
            ("factor", "dA = dA / keep_prob", "pass"),
            (INVERTED, "dA * D", "dA * ~D"),
        ],
    ),
    case(
        "dropout, grad_y written over",
        in_place_forward,
        in_place_backward,
        {"x": (4, 3), "drop": bits(4, 3)},
        needs="in place",
    ),
    case(
        "dropout of channels",
        channels_forward,
        channels_backward,
        {"x": (2, 4, 3), "keep": bits(2, 4)},
        faults=[
            (LOST, " * keep[:, :, None]", ""),
            (INVERTED, "keep[:, :, None]", "~keep[:, :, None]"),
            ("factor", " / p", ""),
        ],
    ),
    case("dropped weights", connect_forward, connect_backward, {"x": (3, 4), "W": (4, 4), "keep": bits(4, 4)}),
    case(
        "Gaussian code, frozen noise",
        noise_forward,
        noise_backward,
        {"mu": (3, 2), "logvar": (3, 2)},
        faults=[("other", " * np.exp(0.5 * logvar)", ""), ("other", " * epsilon", "")],
    ),
    case(
        "stochastic depth",
        depth_forward,
        depth_backward,
        {"x": (4, 3), "W": (3, 3), "alive": bits(4)},
        faults=[
            ("missing term", "dy + dz @ W.T", "dz @ W.T"),
            (LOST, " * alive[:, None]", ""),
            (INVERTED, "alive[:, None]\n", "~alive[:, None]\n"),
        ],
    ),
]
