"""Batch normalisation in many algebraic forms of the backward pass."""

import numpy as np
from gradcheck.foreign.case import case

EPS = 1e-5


def steps_forward(x, gamma, beta):
    """Every node of the graph kept."""
    mu = 1.0 / len(x) * np.sum(x, axis=0)
    xmu = x - mu
    var = 1.0 / len(x) * np.sum(xmu**2, axis=0)
    sqrtvar = np.sqrt(var + EPS)
    ivar = 1.0 / sqrtvar
    xhat = xmu * ivar
    return gamma * xhat + beta, (xhat, gamma, xmu, ivar, sqrtvar, var)


def steps_backward(dout, cache):
    xhat, gamma, xmu, ivar, sqrtvar, var = cache
    n, d = dout.shape
    dbeta = np.sum(dout, axis=0)
    dgamma = np.sum(dout * xhat, axis=0)
    dxhat = dout * gamma
    divar = np.sum(dxhat * xmu, axis=0)
    dxmu1 = dxhat * ivar
    dsqrtvar = -1.0 / (sqrtvar**2) * divar
    dvar = 0.5 / np.sqrt(var + EPS) * dsqrtvar
    dsq = np.ones((n, d)) / n * dvar
    dxmu2 = 2 * xmu * dsq
    dx1 = dxmu1 + dxmu2
    dmu = -np.sum(dx1, axis=0)
    dx2 = np.ones((n, d)) / n * dmu
    return dx1 + dx2, dgamma, dbeta


def paper_forward(x, gamma, beta):
    """np.mean and np.var, a dict."""
    mean, var = np.mean(x, axis=0), np.var(x, axis=0)
    x_hat = (x - mean) / np.sqrt(var + EPS)
    return gamma * x_hat + beta, {"x": x, "x_hat": x_hat, "mean": mean, "var": var, "gamma": gamma}


def paper_backward(dout, cache):
    """The chain rule as the paper of batch normalisation prints it."""
    x, x_hat, mean, var, gamma = (cache[k] for k in ("x", "x_hat", "mean", "var", "gamma"))
    m = x.shape[0]
    dx_hat = dout * gamma
    dvar = np.sum(dx_hat * (x - mean) * -0.5 * (var + EPS) ** -1.5, axis=0)
    dmean = np.sum(-dx_hat / np.sqrt(var + EPS), axis=0) + dvar * np.mean(-2 * (x - mean), axis=0)
    dx = dx_hat / np.sqrt(var + EPS) + dvar * 2 * (x - mean) / m + dmean / m
    dgamma = (dout * x_hat).sum(axis=0)
    dbeta = dout.sum(axis=0)
    return dx, dgamma, dbeta


def short_forward(x, gamma, beta):
    std = np.sqrt(x.var(axis=0) + EPS)
    xn = (x - x.mean(axis=0)) / std
    return gamma * xn + beta, [xn, std, gamma]


def short_backward(dy, cache):
    xn, std, gamma = cache
    N = dy.shape[0]
    dbeta = dy.sum(axis=0)
    dgamma = np.sum(xn * dy, axis=0)
    dx = gamma / (N * std) * (N * dy - dbeta - xn * dgamma)
    return [dx, dgamma, dbeta]


def means_forward(x, gamma, beta):
    """np.std, with epsilon outside of the root."""
    std = np.std(x, axis=0) + 1e-3
    centred = x - x.mean(axis=0)
    return gamma * centred / std + beta, (centred, std, np.std(x, axis=0), gamma)


def means_backward(dy, cache):
    centred, std, sigma, gamma = cache
    d = dy * gamma
    dstd = -(d * centred).sum(axis=0) / std**2
    dcentred = d / std + dstd * centred / (len(dy) * sigma)
    dx = dcentred - dcentred.mean(axis=0)
    return dx, (dy * centred / std).sum(axis=0), dy.sum(axis=0)


def bessel_forward(hprebn, bngain, bnbias):
    """The variance divided by n - 1; rows (1, d) as parameters."""
    n = hprebn.shape[0]
    diff = hprebn - hprebn.mean(0, keepdims=True)
    bnvar_inv = (np.sum(diff**2, 0, keepdims=True) / (n - 1) + EPS) ** -0.5
    bnraw = diff * bnvar_inv
    return bngain * bnraw + bnbias, (bnraw, bnvar_inv, bngain)


def bessel_backward(dhpreact, cache):
    bnraw, bnvar_inv, bngain = cache
    n = dhpreact.shape[0]
    dbngain = (bnraw * dhpreact).sum(0, keepdims=True)
    dbnbias = dhpreact.sum(0, keepdims=True)
    inner = n * dhpreact - dbnbias - n / (n - 1) * bnraw * dbngain
    return bngain * bnvar_inv / n * inner, dbngain, dbnbias


def images_forward(x, gamma, beta):
    """Per channel of (n, c, h, w)."""
    mean = x.mean(axis=(0, 2, 3), keepdims=True)
    var = x.var(axis=(0, 2, 3), keepdims=True)
    xhat = (x - mean) / np.sqrt(var + EPS)
    return gamma.reshape(1, -1, 1, 1) * xhat + beta.reshape(1, -1, 1, 1), (xhat, var, gamma)


def images_backward(dout, cache):
    xhat, var, gamma = cache
    count = dout.size / dout.shape[1]
    dgamma = np.sum(dout * xhat, axis=(0, 2, 3))
    dbeta = np.sum(dout, axis=(0, 2, 3))
    mean_d = dbeta.reshape(1, -1, 1, 1) / count
    mean_dx = dgamma.reshape(1, -1, 1, 1) / count
    dx = gamma.reshape(1, -1, 1, 1) / np.sqrt(var + EPS) * (dout - mean_d - xhat * mean_dx)
    return dx, dgamma, dbeta


def folded_forward(x, gamma, beta):
    """Images folded into rows, and the operation for rows."""
    n, c, h, w = x.shape
    out, saved = short_forward(x.transpose(0, 2, 3, 1).reshape(-1, c), gamma, beta)
    return out.reshape(n, h, w, c).transpose(0, 3, 1, 2), saved


def folded_backward(dout, cache):
    n, c, h, w = dout.shape
    dx, dgamma, dbeta = short_backward(dout.transpose(0, 2, 3, 1).reshape(-1, c), cache)
    return dx.reshape(n, h, w, c).transpose(0, 3, 1, 2), dgamma, dbeta


def centred_forward(x):
    """The mean alone is taken away, feature by feature in a loop."""
    out = np.zeros(x.shape)
    for j in range(x.shape[1]):
        out[:, j] = x[:, j] - sum(x[:, j]) / len(x)
    return out, len(x)


def centred_backward(dout, n):
    return dout - dout.sum(axis=0) / n


def test_time_forward(x, gamma, beta):
    """With running statistics, which are constants."""
    running_mean, running_var = np.array([0.2, -0.1, 0.4]), np.array([0.5, 1.5, 1.0])
    xhat = (x - running_mean) / np.sqrt(running_var + EPS)
    return gamma * xhat + beta, (xhat, gamma, running_var)


def test_time_backward(dout, cache):
    xhat, gamma, running_var = cache
    return dout * gamma / np.sqrt(running_var + EPS), np.sum(dout * xhat, axis=0), np.sum(dout, axis=0)


ROWS = {"x": (5, 3), "gamma": (3,), "beta": (3,)}
CHANNELS = {"x": (2, 3, 2, 2), "gamma": (3,), "beta": (3,)}

CASES = [
    case(
        "batch norm, step by step",
        steps_forward,
        steps_backward,
        ROWS,
        faults=[
            ("statistics constant", "dx1 = dxmu1 + dxmu2", "dx1 = dxmu1"),
            ("statistics constant", "return dx1 + dx2", "return dx1"),
            ("statistics constant", "return dx1 + dx2", "return dxmu1"),
            ("other", "dmu = -np.sum", "dmu = np.sum"),
            ("other", "-1.0 / (sqrtvar**2)", "1.0 / (sqrtvar**2)"),
            ("other", "dsqrtvar = -1.0 / (sqrtvar**2)", "dsqrtvar = -1.0 / sqrtvar"),
            ("other", "dgamma = np.sum(dout * xhat", "dgamma = np.sum(dout * xmu"),
            ("other", "dxhat = dout * gamma", "dxhat = dout"),
        ],
    ),
    case(
        "batch norm, formulas of the paper",
        paper_forward,
        paper_backward,
        ROWS,
        faults=[
            ("statistics constant", " + dvar * 2 * (x - mean) / m", ""),
            ("statistics constant", " + dmean / m", ""),
            ("statistics constant", " + dvar * 2 * (x - mean) / m + dmean / m", ""),
            ("other", "-1.5", "-0.5"),
            ("other", "-0.5 * (var", "0.5 * (var"),
            ("wrong point", "(dout * x_hat)", "(dout * x)"),
        ],
    ),
    case(
        "batch norm, short",
        short_forward,
        short_backward,
        ROWS,
        faults=[
            ("statistics constant", " - xn * dgamma", ""),
            ("statistics constant", "N * dy - dbeta - xn * dgamma", "N * dy - xn * dgamma"),
            ("statistics constant", " - dbeta - xn * dgamma", ""),
            ("factor", "gamma / (N * std)", "gamma / std"),
            ("other", "gamma / (N * std)", "1 / (N * std)"),
            ("exchanged", "[dx, dgamma, dbeta]", "[dx, dbeta, dgamma]"),
            ("other", "dx = gamma / (N * std)", "dx = gamma / (N * std**2)"),
        ],
    ),
    case(
        "batch norm, np.std",
        means_forward,
        means_backward,
        ROWS,
        faults=[
            ("statistics constant", " - dcentred.mean(axis=0)", ""),
            ("statistics constant", " + dstd * centred / (len(dy) * sigma)", ""),
            ("lost 1/n", "(len(dy) * sigma)", "sigma"),
        ],
    ),
    case(
        "batch norm, n - 1",
        bessel_forward,
        bessel_backward,
        {"hprebn": (4, 3), "bngain": (1, 3), "bnbias": (1, 3)},
        faults=[
            ("other", "n / (n - 1) * ", ""),
            ("statistics constant", " - n / (n - 1) * bnraw * dbngain", ""),
            ("other", "dbnbias = dhpreact.sum(0, keepdims=True)", "dbnbias = dhpreact.sum(0)"),
        ],
    ),
    case(
        "batch norm, images",
        images_forward,
        images_backward,
        CHANNELS,
        faults=[
            ("statistics constant", " - xhat * mean_dx", ""),
            ("statistics constant", " - mean_d - xhat * mean_dx", ""),
            ("other", "count = dout.size / dout.shape[1]", "count = len(dout)"),
            ("other", "dbeta = np.sum(dout, axis=(0, 2, 3))", "dbeta = np.sum(dout, axis=(0, 1, 2))"),
        ],
    ),
    case("batch norm, images as rows", folded_forward, folded_backward, CHANNELS),
    case(
        "mean taken away, loop",
        centred_forward,
        centred_backward,
        {"x": (4, 3)},
        faults=[
            ("statistics constant", " - dout.sum(axis=0) / n", ""),
            ("other", "sum(axis=0)", "sum(axis=1, keepdims=True)"),
        ],
    ),
    case(
        "batch norm, test time",
        test_time_forward,
        test_time_backward,
        ROWS,
        faults=[("other", " / np.sqrt(running_var + EPS)", ""), ("other", "dout * gamma", "dout")],
    ),
]
