"""Whole nets and losses, dicts and lists of gradients."""

import numpy as np
from gradcheck.foreign.case import case, exactly, integers
from gradcheck.foreign.softmax import softmax


def two_layers_forward(X, W1, b1, W2, b2, y):
    """A two-layer net with its loss and penalty."""
    h = np.maximum(0, X.dot(W1) + b1)
    p = softmax(h.dot(W2) + b2)
    loss = -np.log(p[np.arange(len(y)), y]).mean() + 0.1 * (np.sum(W1 * W1) + np.sum(W2 * W2))
    return loss, (X, W1, W2, y, h, p)


def two_layers_backward(dloss, cache):
    """A dict, named as the inputs."""
    X, W1, W2, y, h, p = cache
    reg, N, grads = 0.1, len(y), {}
    dscores = p.copy()
    dscores[np.arange(N), y] -= 1
    dscores = dscores / N
    grads["W2"] = h.T.dot(dscores) + 2 * reg * W2
    grads["b2"] = dscores.sum(axis=0)
    dh = dscores.dot(W2.T)
    dh[h <= 0] = 0
    grads["W1"] = X.T.dot(dh) + 2 * reg * W1
    grads["b1"] = dh.sum(axis=0)
    return {name: dloss * grad for name, grad in grads.items()}


def two_layers_tuple_backward(dloss, cache):
    """The same as a tuple."""
    X, W1, W2, y, h, p = cache
    reg, N = 0.1, X.shape[0]
    dscores = p - np.eye(p.shape[1])[y]
    dW2 = h.T @ dscores / N + 2 * reg * W2
    dh = (dscores @ W2.T) * (h > 0)
    dW1 = X.T @ dh / N + 2 * reg * W1
    return dloss * dW1, dloss * dh.sum(axis=0) / N, dloss * dW2, dloss * dscores.sum(axis=0) / N


def columns_forward(X, W1, b1, W2, b2, Y):
    """Columns, sigmoid, quadratic cost 1 / (2 m): lists of activations as in a book on the net."""
    activations = [X]
    for W, b in ((W1, b1), (W2, b2)):
        activations.append(1 / (1 + np.exp(-(W @ activations[-1] + b))))
    return np.sum((activations[-1] - Y) ** 2) / (2 * X.shape[1]), (activations, [W1, W2], Y)


def columns_backward(dcost, cache):
    activations, weights, Y = cache
    m = Y.shape[1]
    delta = dcost * (activations[-1] - Y) / m
    nabla = []
    for layer in (1, 0):
        a = activations[layer + 1]
        delta = delta * a * (1 - a)
        nabla.insert(0, delta.sum(axis=1, keepdims=True))
        nabla.insert(0, delta @ activations[layer].T)
        delta = weights[layer].T @ delta
    return nabla


def zeros_forward(x, W, b):
    """relu(x W + b) with a row of zeros in x and b = 0: on the corner."""
    z = x.dot(W) + b
    return np.maximum(z, 0), (x, W, z)


def zeros_backward(dout, cache):
    x, W, z = cache
    dz = np.where(z > 0, dout, 0)
    return dz.dot(W.T), x.T.dot(dz), dz.sum(0)


def attention_dict_forward(x, Wq, Wk):
    """Weights of attention alone."""
    q, k = x @ Wq, x @ Wk
    p = softmax(q @ k.T)
    return p, {"x": x, "Wq": Wq, "Wk": Wk, "q": q, "k": k, "p": p}


def attention_dict_backward(dp, cache):
    x, p = cache["x"], cache["p"]
    ds = p * (dp - (dp * p).sum(axis=1, keepdims=True))
    dq, dk = ds @ cache["k"], ds.T @ cache["q"]
    return {"Wk": x.T @ dk, "Wq": x.T @ dq, "x": dq @ cache["Wq"].T + dk @ cache["Wk"].T}


def policy_forward(logits, actions, returns):
    """REINFORCE: the log probability of the action, times what it brought."""
    p = softmax(logits)
    return -np.mean(returns * np.log(p[np.arange(len(actions)), actions])), (p, actions, returns)


def policy_backward(g, cache):
    p, actions, returns = cache
    d = p.copy()
    d[np.arange(len(actions)), actions] -= 1
    return g * d * returns[:, None] / len(actions)


def scaled_in_place_forward(x, W):
    return x @ W / len(x), (x, W)


def scaled_in_place_backward(dout, cache):
    """Divides what arrives, in place."""
    x, W = cache
    dout /= len(x)
    return dout @ W.T, x.T @ dout


ON_THE_CORNER = {"x": exactly([[0.0, 0.0], [1.0, -0.5], [0.3, 0.8]]), "W": (2, 3), "b": exactly([0.0, 0.0, 0.0])}
NET = {"X": (5, 3), "W1": (3, 4), "b1": (4,), "W2": (4, 3), "b2": (3,), "y": integers(3, 5)}
WEIGHTS = ["W1", "b1", "W2", "b2"]
L2 = [
    ("L2 missing", " + 2 * reg * W1", ""),
    ("L2 scaled", "2 * reg * W2", "reg * W2"),
]


CASES = [
    case(
        "two-layer net, a dict",
        two_layers_forward,
        two_layers_backward,
        NET,
        wrt=WEIGHTS,
        needs="dict gradients",
        faults=[
            *L2,
            ("true class lost", "dscores[np.arange(N), y] -= 1", "pass"),
            ("mask lost", "dh[h <= 0] = 0", "pass"),
        ],
    ),
    case(
        "two-layer net, a tuple",
        two_layers_forward,
        two_layers_tuple_backward,
        NET,
        wrt=WEIGHTS,
        faults=[
            *L2,
            ("mask lost", " * (h > 0)", ""),
            ("true class lost", " - np.eye(p.shape[1])[y]", ""),
            ("lost 1/n", " / N + 2 * reg * W1", ""),
            ("lost 1/n", " / N", ""),
            ("wrong point", "h.T @ dscores", "np.sign(h).T @ dscores"),
        ],
    ),
    case(
        "two-layer net, columns, lists",
        columns_forward,
        columns_backward,
        {"X": (3, 4), "W1": (3, 3), "b1": (3, 1), "W2": (3, 3), "b2": (3, 1), "Y": (3, 4)},
        wrt=WEIGHTS,
        faults=[
            ("lost 1/n", " / m", ""),
            ("wrong slope", "delta * a * (1 - a)", "delta * (1 - a)"),
            ("missing term", "(activations[-1] - Y)", "activations[-1]"),
            ("wrong point", "activations[layer].T", "activations[layer + 1].T"),
        ],
    ),
    case("relu layer on the corner", zeros_forward, zeros_backward, ON_THE_CORNER, kinks=True),
    case(
        "attention weights, a dict in another order",
        attention_dict_forward,
        attention_dict_backward,
        {"x": (3, 3), "Wq": (3, 3), "Wk": (3, 3)},
        needs="dict gradients",
    ),
    case(
        "policy gradient",
        policy_forward,
        policy_backward,
        {"logits": (4, 3), "actions": integers(3, 4), "returns": (4,)},
        wrt=["logits"],
        faults=[
            ("true class lost", "d[np.arange(len(actions)), actions] -= 1", "pass"),
            ("per-example factor", " * returns[:, None]", ""),
        ],
    ),
    case(
        "dense, grad_y divided in place",
        scaled_in_place_forward,
        scaled_in_place_backward,
        {"x": (4, 3), "W": (3, 2)},
        needs="in place",
    ),
]
