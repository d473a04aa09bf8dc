"""Products of matrices, and weights that are used more than once."""

import numpy as np
from gradcheck.foreign.case import bits, case


def chain_forward(A, B, C):
    AB = A @ B
    return AB @ C, (A, B, C, AB)


def chain_backward(d, cache):
    A, B, C, AB = cache
    dAB = d @ C.T
    return dAB @ B.T, A.T @ dAB, AB.T @ d


def shared_forward(x, W):
    """The same weights twice."""
    h = np.tanh(x @ W)
    return h @ W, (x, W, h)


def shared_backward(dy, cache):
    x, W, h = cache
    dW = h.T @ dy
    dpre = (dy @ W.T) * (1 - h**2)
    dW = dW + x.T @ dpre
    return dpre @ W.T, dW


def tied_forward(x, W, b, c):
    """An autoencoder whose decoder is the encoder transposed."""
    code = np.tanh(x @ W + b)
    return code @ W.T + c, (x, W, code)


def tied_backward(dy, cache):
    x, W, code = cache
    dcode = dy @ W
    dz = dcode * (1 - code * code)
    dW = x.T @ dz + dy.T @ code
    return dz @ W.T, dW, dz.sum(axis=0), dy.sum(axis=0)


def masked_weights_forward(x, W, mask):
    """Weights that were pruned stay off."""
    return x @ (W * mask), (x, W, mask)


def masked_weights_backward(dout, cache):
    x, W, mask = cache
    return dout @ (W * mask).T, (x.T @ dout) * mask


def stacked_forward(x, Ws):
    """Three square layers, weights (3, d, d), a list of activations as cache."""
    activations = [x]
    for W in Ws:
        activations.append(np.tanh(activations[-1] @ W))
    return activations[-1], (activations, Ws)


def stacked_backward(delta, cache):
    activations, Ws = cache
    dWs = np.zeros_like(Ws)
    for layer in reversed(range(len(Ws))):
        delta = delta * (1 - activations[layer + 1] ** 2)
        dWs[layer] = activations[layer].T @ delta
        delta = delta @ Ws[layer].T
    return delta, dWs


CASES = [
    case(
        "product of three matrices",
        chain_forward,
        chain_backward,
        {"A": (3, 3), "B": (3, 3), "C": (3, 3)},
        faults=[
            ("wrong point", "AB.T @ d", "A.T @ d"),
            ("wrong point", "A.T @ dAB", "A.T @ d"),
        ],
    ),
    case(
        "weights used twice",
        shared_forward,
        shared_backward,
        {"x": (4, 3), "W": (3, 3)},
        faults=[
            ("missing term", "dW = dW + x.T @ dpre", "dW = x.T @ dpre"),
            ("missing term", "dW = dW + x.T @ dpre", "dW = dW"),
            ("other", "dW = h.T @ dy", "dW = x.T @ dy"),
            ("other", " * (1 - h**2)", ""),
        ],
    ),
    case(
        "tied autoencoder",
        tied_forward,
        tied_backward,
        {"x": (5, 4), "W": (4, 3), "b": (3,), "c": (4,)},
        faults=[
            ("missing term", "x.T @ dz + dy.T @ code", "x.T @ dz"),
            ("missing term", "x.T @ dz + dy.T @ code", "dy.T @ code"),
            ("sign", "x.T @ dz + dy.T @ code", "-x.T @ dz - dy.T @ code"),
        ],
    ),
    case(
        "dense, pruned weights",
        masked_weights_forward,
        masked_weights_backward,
        {"x": (4, 3), "W": (3, 3), "mask": bits(3, 3)},
        faults=[
            ("mask lost", "(x.T @ dout) * mask", "x.T @ dout"),
            ("mask inverted", "(x.T @ dout) * mask", "(x.T @ dout) * ~mask"),
            ("other", "(W * mask).T", "W.T"),
        ],
    ),
    case(
        "three tanh layers, a list of activations",
        stacked_forward,
        stacked_backward,
        {"x": (4, 3), "Ws": (3, 3, 3)},
        faults=[
            ("other", "activations[layer + 1] ** 2", "activations[layer] ** 2"),
            ("other", "activations[layer].T", "activations[layer + 1].T"),
            ("last step only", "reversed(range(len(Ws)))", "range(2, 3)"),
        ],
    ),
]
