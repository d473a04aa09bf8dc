"""Several outputs, of unequal shapes, too."""

import numpy as np
from gradcheck.foreign.case import case


def encoder_forward(x, Wm, Ws):
    """Mean and log variance, of unequal widths of weights."""
    return (x @ Wm, np.tanh(x @ Ws)), (x, Wm, Ws)


def encoder_backward(grads, cache):
    dm, ds = grads
    x, Wm, Ws = cache
    dz = ds * (1 - np.tanh(x @ Ws) ** 2)
    return dm @ Wm.T + dz @ Ws.T, x.T @ dm, x.T @ dz


def split_forward(x):
    """Two parts of unequal size."""
    return (x[:, :1], x[:, 1:]), None


def split_backward(grads, _):
    first, rest = grads
    return np.concatenate([first, rest], axis=1)


def states_forward(x, W):
    """All states (t, d) and the last one (d,)."""
    h, hs = np.zeros(len(W)), []
    for row in x:
        h = np.tanh(row + h @ W)
        hs.append(h)
    return (np.array(hs), h), (hs, W)


def states_backward(grads, cache):
    dhs, dlast = grads
    hs, W = cache
    dx, dW, dh = np.zeros_like(dhs), np.zeros_like(W), dlast
    for t in reversed(range(len(hs))):
        dx[t] = (dhs[t] + dh) * (1 - hs[t] ** 2)
        if t > 0:
            dW += np.outer(hs[t - 1], dx[t])
        dh = W @ dx[t]
    return dx, dW


def mean_and_variance_forward(x):
    return (x.mean(axis=0), x.var(axis=0)), x


def mean_and_variance_backward(grads, x):
    dmean, dvar = grads
    n = len(x)
    return dmean / n + 2 * dvar * (x - x.mean(axis=0)) / n


CASES = [
    case(
        "encoder of two outputs",
        encoder_forward,
        encoder_backward,
        {"x": (3, 3), "Wm": (3, 2), "Ws": (3, 4)},
        needs="several outputs",
    ),
    case("split in two", split_forward, split_backward, {"x": (2, 4)}, needs="several outputs"),
    case(
        "states and the last state",
        states_forward,
        states_backward,
        {"x": (3, 3), "W": (3, 3)},
        needs="several outputs",
        faults=[
            ("missing term", "np.zeros_like(W), dlast", "np.zeros_like(W), 0 * dlast"),
            ("last step only", "(dhs[t] + dh)", "(dhs[t] + dh * (t == len(hs) - 1))"),
        ],
    ),
    case(
        "mean and variance",
        mean_and_variance_forward,
        mean_and_variance_backward,
        {"x": (5, 3)},
        needs="several outputs",
        faults=[("missing term", "dmean / n + ", ""), ("exchanged", "dmean, dvar = grads", "dvar, dmean = grads")],
    ),
]
