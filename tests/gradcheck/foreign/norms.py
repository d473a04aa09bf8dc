"""Normalisations of single examples: layer, group, instance, RMS, weights, length."""

import numpy as np
from gradcheck.foreign.case import case, positive

EPS = 1e-5


def layer_forward(x, gamma, beta):
    mu = x.mean(axis=-1, keepdims=True)
    std = np.sqrt(x.var(axis=-1, keepdims=True) + EPS)
    xhat = (x - mu) / std
    return gamma * xhat + beta, (xhat, std, gamma)


def layer_backward(dout, cache):
    xhat, std, gamma = cache
    dgamma = (dout * xhat).sum(axis=0)
    dbeta = dout.sum(axis=0)
    dxhat = dout * gamma
    dx = dxhat - dxhat.mean(axis=1, keepdims=True) - xhat * (dxhat * xhat).mean(axis=1, keepdims=True)
    return dx / std, dgamma, dbeta


def turned_forward(x, gamma, beta):
    """Batch norm of the transposed rows."""
    xT = x.T
    mean, var = np.mean(xT, axis=0), np.var(xT, axis=0)
    xhat = ((xT - mean) / np.sqrt(var + EPS)).T
    return xhat * gamma + beta, {"xhat": xhat, "var": var, "gamma": gamma}


def turned_backward(dout, cache):
    xhat, var, gamma = cache["xhat"], cache["var"], cache["gamma"]
    d = (dout * gamma).T
    D = d.shape[0]
    inner = D * d - d.sum(axis=0) - xhat.T * np.sum(d * xhat.T, axis=0)
    dx = (inner / (D * np.sqrt(var + EPS))).T
    return dx, np.sum(dout * xhat, axis=0), np.sum(dout, axis=0)


def loops_forward(x, weight, bias):
    """As in C: (B, T, C), the mean and the reciprocal of the deviation of each token kept."""
    B, T, C = x.shape
    out, means, rstds = np.zeros((B, T, C)), np.zeros((B, T)), np.zeros((B, T))
    for b in range(B):
        for t in range(T):
            m = sum(x[b, t, i] for i in range(C)) / C
            v = sum((x[b, t, i] - m) ** 2 for i in range(C)) / C
            s = (v + EPS) ** -0.5
            for i in range(C):
                out[b, t, i] = (x[b, t, i] - m) * s * weight[i] + bias[i]
            means[b, t], rstds[b, t] = m, s
    return out, (x, weight, means, rstds)


def loops_backward(dout, cache):
    x, weight, means, rstds = cache
    B, T, C = x.shape
    dx, dweight, dbias = np.zeros_like(x), np.zeros(C), np.zeros(C)
    for b in range(B):
        for t in range(T):
            norm = (x[b, t] - means[b, t]) * rstds[b, t]
            dnorm = weight * dout[b, t]
            dnorm_mean, dnorm_norm_mean = 0.0, 0.0
            for i in range(C):
                dnorm_mean += dnorm[i] / C
                dnorm_norm_mean += dnorm[i] * norm[i] / C
            for i in range(C):
                dbias[i] += dout[b, t, i]
                dweight[i] += norm[i] * dout[b, t, i]
                dx[b, t, i] = (dnorm[i] - dnorm_mean - norm[i] * dnorm_norm_mean) * rstds[b, t]
    return dx, dweight, dbias


def group_forward(x, gamma, beta):
    """Two groups of channels, (n, c, t)."""
    grouped = x.reshape(len(x), 2, -1)
    mean, var = grouped.mean(axis=2, keepdims=True), grouped.var(axis=2, keepdims=True)
    xhat = ((grouped - mean) / np.sqrt(var + EPS)).reshape(x.shape)
    return gamma[:, None] * xhat + beta[:, None], (xhat, var, gamma)


def group_backward(dout, cache):
    xhat, var, gamma = cache
    n, c, t = dout.shape
    dgamma, dbeta = np.sum(dout * xhat, axis=(0, 2)), np.sum(dout, axis=(0, 2))
    dg = (dout * gamma[:, None]).reshape(n, 2, -1)
    xg = xhat.reshape(n, 2, -1)
    m = dg.shape[2]
    dx = dg - np.sum(dg, axis=2, keepdims=True) / m - xg * np.sum(dg * xg, axis=2, keepdims=True) / m
    dx = dx / np.sqrt(var + EPS)
    return dx.reshape(n, c, t), dgamma, dbeta


def instance_forward(x):
    """Each channel of each image by itself, (n, c, h, w)."""
    mean = x.mean(axis=(2, 3))[:, :, None, None]
    std = x.std(axis=(2, 3))[:, :, None, None]
    return (x - mean) / std, ((x - mean) / std, std)


def instance_backward(dout, cache):
    xhat, std = cache
    mean_d = np.mean(dout, axis=(2, 3), keepdims=True)
    mean_dx = np.mean(dout * xhat, axis=(2, 3), keepdims=True)
    return (dout - mean_d - xhat * mean_dx) / std


def rms_forward(x, g):
    rms = np.sqrt(np.mean(x**2, axis=-1, keepdims=True) + EPS)
    return x / rms * g, (x, g, rms)


def rms_backward(dy, cache):
    x, g, rms = cache
    D = x.shape[-1]
    dg = np.sum(dy * x / rms, axis=0)
    dxn = dy * g
    dx = dxn / rms - x * np.sum(dxn * x, axis=-1, keepdims=True) / (D * rms**3)
    return dx, dg


def weight_forward(x, v, g):
    """W = g v / |v|, column by column."""
    norm = np.linalg.norm(v, axis=0)
    return x @ (g * v / norm), (x, v, g, norm)


def weight_backward(dy, cache):
    x, v, g, norm = cache
    dW = x.T @ dy
    dg = np.sum(dW * v, axis=0) / norm
    dv = g / norm * dW - g * dg / norm**2 * v
    return dy @ (g * v / norm).T, dv, dg


def length_forward(x):
    """Rows of length 1."""
    length = np.sqrt((x**2).sum(axis=1, keepdims=True))
    return x / length, {"y": x / length, "length": length}


def length_backward(dy, cache):
    y, length = cache["y"], cache["length"]
    return (dy - y * np.sum(dy * y, axis=1, keepdims=True)) / length


def min_max_forward(x):
    """Columns between 0 and 1."""
    low, high = x.min(axis=0), x.max(axis=0)
    y = (x - low) / (high - low)
    return y, (y, high - low, x.argmin(axis=0), x.argmax(axis=0))


def min_max_backward(dy, cache):
    y, span, lowest, highest = cache
    dx = dy / span
    for j in range(dy.shape[1]):
        dx[lowest[j], j] -= (dy[:, j] * (1 - y[:, j])).sum() / span[j]
        dx[highest[j], j] -= (dy[:, j] * y[:, j]).sum() / span[j]
    return dx


def proportions_forward(x):
    """Rows of positive numbers that sum to 1."""
    total = x.sum(axis=1, keepdims=True)
    return x / total, (x, total)


def proportions_backward(dy, cache):
    x, total = cache
    return dy / total - (dy * x).sum(axis=1, keepdims=True) / total**2


ROWS = {"x": (4, 3), "gamma": (3,), "beta": (3,)}

CASES = [
    case(
        "layer norm",
        layer_forward,
        layer_backward,
        ROWS,
        faults=[
            ("statistics constant", " - xhat * (dxhat * xhat).mean(axis=1, keepdims=True)", ""),
            ("statistics constant", " - dxhat.mean(axis=1, keepdims=True)", ""),
            ("statistics constant", "return dx / std", "return dxhat / std"),
            ("other", "axis=1", "axis=0"),
            ("other", "dx / std", "dx"),
            ("other", "dxhat = dout * gamma", "dxhat = dout"),
        ],
    ),
    case(
        "layer norm, by transposing",
        turned_forward,
        turned_backward,
        ROWS,
        faults=[
            ("statistics constant", " - xhat.T * np.sum(d * xhat.T, axis=0)", ""),
            ("other", "(inner / (D * np.sqrt(var + EPS))).T", "(inner / (D * np.sqrt(var + EPS)))"),
            ("factor", "(D * np.sqrt", "(np.sqrt"),
        ],
    ),
    case(
        "layer norm, loops",
        loops_forward,
        loops_backward,
        {"x": (2, 2, 3), "weight": (3,), "bias": (3,)},
        faults=[
            ("statistics constant", " - dnorm_mean", ""),
            ("statistics constant", " - norm[i] * dnorm_norm_mean", ""),
            ("statistics constant", " - dnorm_mean - norm[i] * dnorm_norm_mean", ""),
            ("other", " * rstds[b, t]\n    return", " * rstds[b, 0]\n    return"),
        ],
    ),
    case(
        "group norm",
        group_forward,
        group_backward,
        {"x": (2, 4, 3), "gamma": (4,), "beta": (4,)},
        faults=[
            ("statistics constant", "dx = dx / np.sqrt", "dx = dg / np.sqrt"),
            ("statistics constant", " - xg * np.sum(dg * xg, axis=2, keepdims=True) / m", ""),
            ("other", "m = dg.shape[2]", "m = t"),
        ],
    ),
    case(
        "instance norm",
        instance_forward,
        instance_backward,
        {"x": (2, 2, 2, 3)},
        faults=[("statistics constant", " - mean_d - xhat * mean_dx", ""), ("statistics constant", " - mean_d", "")],
    ),
    case(
        "RMS norm",
        rms_forward,
        rms_backward,
        {"x": (3, 4), "g": (4,)},
        faults=[
            ("statistics constant", " - x * np.sum(dxn * x, axis=-1, keepdims=True) / (D * rms**3)", ""),
            ("lost 1/n", "(D * rms**3)", "rms**3"),
            ("other", "rms**3", "rms"),
        ],
    ),
    case(
        "weight norm",
        weight_forward,
        weight_backward,
        {"x": (4, 3), "v": (3, 3), "g": positive(3)},
        faults=[
            ("statistics constant", " - g * dg / norm**2 * v", ""),
            ("other", " / norm**2 * v", " / norm * v"),
            ("other", "(g * v / norm).T", "v.T"),
        ],
    ),
    case(
        "rows of length 1",
        length_forward,
        length_backward,
        {"x": (3, 3)},
        faults=[
            ("statistics constant", " - y * np.sum(dy * y, axis=1, keepdims=True)", ""),
            ("other", " / length", ""),
        ],
    ),
    case(
        "columns between 0 and 1",
        min_max_forward,
        min_max_backward,
        {"x": (5, 2)},
        faults=[("statistics constant", "for j in range(dy.shape[1])", "for j in range(0)")],
    ),
    case(
        "rows that sum to 1",
        proportions_forward,
        proportions_backward,
        {"x": positive(3, 4)},
        faults=[("statistics constant", " - (dy * x).sum(axis=1, keepdims=True) / total**2", "")],
    ),
]
