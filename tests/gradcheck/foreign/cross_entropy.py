"""Cross entropies."""

import numpy as np
from gradcheck.foreign.case import bits, case, integers, positive, simplex
from gradcheck.foreign.softmax import softmax


def stored_forward(scores, y):
    """Probabilities kept."""
    probs = softmax(scores)
    loss = -np.mean(np.log(probs[np.arange(len(y)), y]))
    return loss, (probs, y)


def stored_backward(dloss, cache):
    probs, y = cache
    n = len(y)
    dscores = probs.copy()
    dscores[np.arange(n), y] -= 1
    return dloss * dscores / n


def loops_forward(X, W, y):
    """A softmax classifier with a penalty: two loops."""
    loss, probabilities = 0.0, []
    for i in range(X.shape[0]):
        scores = X[i].dot(W)
        p = np.exp(scores - scores.max())
        p = p / np.sum(p)
        loss = loss - np.log(p[y[i]])
        probabilities.append(p)
    return loss / X.shape[0] + 0.1 * np.sum(W * W), (X, W, y, probabilities)


def loops_backward(dloss, cache):
    X, W, y, probabilities = cache
    reg = 0.1
    dW = np.zeros(W.shape)
    for i in range(len(y)):
        for j in range(W.shape[1]):
            dW[:, j] += (probabilities[i][j] - (j == y[i])) * X[i]
    dW = dW / len(y) + 2 * reg * W
    return dloss * dW


def one_hot_forward(z, targets):
    """Targets are rows, the loss a sum."""
    logp = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    return -np.sum(targets * logp), {"p": np.exp(logp), "t": targets}


def one_hot_backward(g, cache):
    p, t = cache["p"], cache["t"]
    return g * (p - t)


def smoothed_forward(z, y):
    """Label smoothing."""
    t = np.full(z.shape, 0.1 / z.shape[1])
    t[np.arange(len(y)), y] += 0.9
    p = softmax(z)
    return -(t * np.log(p)).sum() / len(y), (p, t)


def smoothed_backward(dloss, cache):
    p, t = cache
    return dloss * (p - t) / len(p)


def weighted_forward(scores, y, weight):
    """A weight per example."""
    p = softmax(scores)
    return np.sum(-weight * np.log(p[np.arange(len(y)), y])) / np.sum(weight), (p, y, weight)


def weighted_backward(dloss, cache):
    p, y, weight = cache
    d = p - np.eye(p.shape[1])[y]
    return dloss * d * weight[:, None] / weight.sum()


def each_forward(scores, y):
    """One loss per example, (n,)."""
    p = softmax(scores)
    return -np.log(p[np.arange(len(y)), y]), (p, y)


def each_backward(dlosses, cache):
    p, y = cache
    grad = p.copy()
    grad[np.arange(len(y)), y] -= 1.0
    return grad * dlosses[:, None]


def sequence_forward(x, y, mask):
    """Words (n, t, v), padding masked."""
    p = softmax(x)
    n, t, _ = x.shape
    true = p[np.arange(n)[:, None], np.arange(t), y]
    return -np.sum(mask * np.log(true)) / n, (p, y, mask)


def sequence_backward(g, cache):
    p, y, mask = cache
    n, t, v = p.shape
    dx = p.reshape(-1, v).copy()
    dx[np.arange(n * t), y.reshape(-1)] -= 1
    dx = dx * mask.reshape(-1, 1) / n
    return g * dx.reshape(p.shape)


def probabilities_forward(p, y):
    """Cross entropy of probabilities that somebody else made."""
    return -np.mean(np.log(p[np.arange(len(y)), y])), (p, y)


def probabilities_backward(dloss, cache):
    p, y = cache
    dp = np.zeros_like(p)
    dp[np.arange(len(y)), y] = -1 / p[np.arange(len(y)), y]
    return dloss * dp / len(y)


def focal_forward(z, y):
    """Easy examples count less: (1 - p)^2."""
    p = softmax(z)
    pt = p[np.arange(len(y)), y]
    return np.mean(-((1 - pt) ** 2) * np.log(pt)), (p, pt, y)


def focal_backward(g, cache):
    p, pt, y = cache
    slope = 2 * (1 - pt) * np.log(pt) - (1 - pt) ** 2 / pt
    one_hot = np.eye(p.shape[1])[y]
    return g * (slope * pt)[:, None] * (one_hot - p) / len(y)


N3 = {"scores": (4, 3), "y": integers(3, 4)}
TRUE = "true class lost"


CASES = [
    case(
        "cross entropy, stored probabilities",
        stored_forward,
        stored_backward,
        N3,
        faults=[
            (TRUE, "dscores[np.arange(n), y] -= 1", "pass"),
            ("other", "-= 1", "+= 1"),
            ("other", "dscores[np.arange(n), y] -= 1", "dscores[:, y] -= 1"),
        ],
    ),
    case(
        "softmax classifier, loops, penalty",
        loops_forward,
        loops_backward,
        {"X": (5, 3), "W": (3, 4), "y": integers(4, 5)},
        wrt=["W"],
        faults=[
            (TRUE, " - (j == y[i])", ""),
            ("L2 missing", " + 2 * reg * W", ""),
            ("L2 scaled", "2 * reg", "4 * reg"),
            ("lost 1/n", "dW / len(y) + 2 * reg * W", "dW"),
            ("lost 1/n", "dW / len(y) + 2 * reg * W", "dW + 2 * reg * W"),
            ("L2 scaled", "dW / len(y) + 2 * reg * W", "(dW + 2 * reg * W) / len(y)"),
        ],
    ),
    case(
        "cross entropy, one-hot targets, sum",
        one_hot_forward,
        one_hot_backward,
        {"z": (3, 4), "targets": lambda rng: np.eye(4)[rng.integers(0, 4, 3)]},
        wrt=["z"],
        faults=[(TRUE, "(p - t)", "p"), ("sign", "p - t", "t - p"), ("factor", "g * (p - t)", "g * (p - t) / 3")],
    ),
    case(
        "cross entropy, smoothed labels",
        smoothed_forward,
        smoothed_backward,
        {"z": (4, 5), "y": integers(5, 4)},
        faults=[("other", "p - t", "p - (t > 0.5)"), (TRUE, "(p - t)", "p")],
    ),
    case(
        "cross entropy, a weight per example",
        weighted_forward,
        weighted_backward,
        {"scores": (4, 3), "y": integers(3, 4), "weight": positive(4)},
        wrt=["scores"],
        faults=[
            ("per-example factor", " * weight[:, None]", ""),
            ("lost 1/n", " / weight.sum()", ""),
            (TRUE, " - np.eye(p.shape[1])[y]", ""),
        ],
    ),
    case(
        "cross entropy, one per example",
        each_forward,
        each_backward,
        N3,
        faults=[
            ("per-example factor", " * dlosses[:, None]", ""),
            ("per-example factor", "dlosses[:, None]", "dlosses.mean()"),
            ("factor", "dlosses[:, None]", "dlosses[:, None] / len(y)"),
            (TRUE, "grad[np.arange(len(y)), y] -= 1.0", "pass"),
        ],
    ),
    case(
        "cross entropy of sequences, mask",
        sequence_forward,
        sequence_backward,
        {"x": (2, 3, 4), "y": integers(4, 2, 3), "mask": bits(2, 3)},
        faults=[
            ("mask lost", " * mask.reshape(-1, 1)", ""),
            ("mask inverted", " * mask.reshape(-1, 1)", " * ~mask.reshape(-1, 1)"),
            (TRUE, "dx[np.arange(n * t), y.reshape(-1)] -= 1", "pass"),
        ],
    ),
    case(
        "cross entropy of probabilities",
        probabilities_forward,
        probabilities_backward,
        {"p": simplex(4, 3), "y": integers(3, 4)},
        faults=[
            ("sign", "-1 / p", "1 / p"),
            ("other", "-1 / p[np.arange(len(y)), y]", "-p[np.arange(len(y)), y]"),
            ("other", "-1 / p[np.arange(len(y)), y]", "-1"),
        ],
    ),
    case(
        "focal loss",
        focal_forward,
        focal_backward,
        {"z": (4, 3), "y": integers(3, 4)},
        faults=[
            ("missing term", " - (1 - pt) ** 2 / pt", ""),
            ("missing term", "2 * (1 - pt) * np.log(pt) - ", "-"),
            (TRUE, "(one_hot - p)", "-p"),
        ],
    ),
]
