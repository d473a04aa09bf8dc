"""Numbers in float32 on the way."""

import numpy as np
from gradcheck.foreign.case import case, integers
from gradcheck.foreign.softmax import softmax


def single_buffer_forward(x, W):
    """A float32 buffer takes the output."""
    out = np.zeros((len(x), W.shape[1]), dtype=np.float32)
    for i in range(len(x)):
        out[i] = x[i] @ W
    return out, (x, W)


def single_buffer_backward(dout, cache):
    x, W = cache
    return dout @ W.T, x.T @ dout


def single_inside_forward(z):
    """A cast on the way, float64 at the end."""
    a = 1 / (1 + np.exp(-z.astype(np.float32)))
    return a.astype(np.float64), a


def single_inside_backward(da, a):
    return da * a * (1 - a)


def single_loss_forward(scores, y):
    """Probabilities in float32."""
    p = softmax(scores).astype("float32")
    return -np.log(p[np.arange(len(y)), y]).mean(), (p, y)


def single_loss_backward(dloss, cache):
    p, y = cache
    d = p.copy()
    d[np.arange(len(y)), y] -= 1
    return dloss * d / len(y)


CASES = [
    case(
        "dense, a float32 buffer",
        single_buffer_forward,
        single_buffer_backward,
        {"x": (3, 3), "W": (3, 2)},
        exact=False,
    ),
    case("sigmoid, float32 on the way", single_inside_forward, single_inside_backward, {"z": (3, 4)}, exact=False),
    case(
        "cross entropy, float32 probabilities",
        single_loss_forward,
        single_loss_backward,
        {"scores": (4, 3), "y": integers(3, 4)},
        exact=False,
    ),
]
