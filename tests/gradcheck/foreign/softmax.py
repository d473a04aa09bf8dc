"""Softmax in many manners."""

import numpy as np
from gradcheck.foreign.case import bits, case, integers


def softmax(z, axis=-1):
    e = np.exp(z - np.max(z, axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def jacobian_forward(z):
    """Row by row, the Jacobian written out."""
    s = np.zeros_like(z)
    for i, row in enumerate(z):
        e = np.exp(row - row.max())
        s[i] = e / np.sum(e)
    return s, s


def jacobian_backward(dout, s):
    dz = np.empty_like(dout)
    for i, (p, d) in enumerate(zip(s, dout, strict=True)):
        p = p.reshape(-1, 1)
        jacobian = np.diagflat(p) - np.dot(p, p.T)
        dz[i] = np.dot(jacobian, d)
    return dz


def rows_forward(x):
    p = softmax(x)
    return p, {"p": p}


def rows_backward(dp, cache):
    p = cache["p"]
    return p * (dp - np.sum(dp * p, axis=1, keepdims=True))


def difference_forward(x):
    p = np.exp(x) / np.sum(np.exp(x), axis=1, keepdims=True)
    return p, (p,)


def difference_backward(dout, cache):
    (p,) = cache
    dx = p * dout
    total = np.sum(dx, axis=1, keepdims=True)
    dx -= p * total
    return dx


def tensor_forward(x):
    """All Jacobians at once, (n, c, c)."""
    p = softmax(x)
    return p, p


def tensor_backward(dout, p):
    jacobians = np.einsum("ni,ij->nij", p, np.eye(p.shape[1])) - np.einsum("ni,nj->nij", p, p)
    return np.einsum("nij,nj->ni", jacobians, dout)


def vector_forward(x):
    e = np.exp(x)
    return e / e.sum(), e / e.sum()


def vector_backward(g, p):
    """Two loops over one vector."""
    dx = np.zeros(len(p))
    for i in range(len(p)):
        for j in range(len(p)):
            slope = p[i] * (1 - p[i]) if i == j else -p[i] * p[j]
            dx[j] += g[i] * slope
    return dx


def columns_forward(z):
    """One example per column."""
    t = np.exp(z)
    a = t / t.sum(axis=0)
    return a, {"a": a}


def columns_backward(da, cache):
    a = cache["a"]
    return a * (da - (da * a).sum(axis=0))


def warm_forward(z, temperature):
    p = softmax(z / temperature)
    return p, (z, p, temperature)


def warm_backward(dp, cache):
    z, p, temperature = cache
    d = p * (dp - (dp * p).sum(axis=1, keepdims=True))
    return d / temperature, -np.sum(d * z) / temperature**2


def log_forward(x):
    shifted = x - x.max(axis=1, keepdims=True)
    y = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return y, y


def log_backward(dout, y):
    return dout - np.exp(y) * dout.sum(axis=1, keepdims=True)


def masked_forward(x, mask):
    """Padding gets no probability."""
    p = softmax(np.where(mask, x, -1e9))
    return p, (p, mask)


def masked_backward(dout, cache):
    p, mask = cache
    dx = p * (dout - (dout * p).sum(axis=1, keepdims=True))
    return dx * mask


def picked_forward(x, labels):
    """The probability of the true class alone, (n,)."""
    p = softmax(x)
    return p[np.arange(len(x)), labels], (p, labels)


def picked_backward(dout, cache):
    p, labels = cache
    rows = np.arange(len(p))
    dx = -p * p[rows, labels][:, None]
    dx[rows, labels] += p[rows, labels]
    return dx * dout[:, None]


def layer_forward(x, W):
    """A whole layer, four dimensions of nothing special: (b, h, t, d)."""
    scores = x @ W
    return softmax(scores), (x, W, softmax(scores))


def layer_backward(dp, cache):
    x, W, p = cache
    dscores = p * dp
    dscores = dscores - p * dscores.sum(axis=-1, keepdims=True)
    return dscores @ W.T, np.einsum("bhti,bhtj->ij", x, dscores)


DIAGONAL = "diagonal only"

CASES = [
    case(
        "softmax, Jacobian row by row",
        jacobian_forward,
        jacobian_backward,
        {"z": (3, 4)},
        faults=[
            (DIAGONAL, " - np.dot(p, p.T)", ""),
            (DIAGONAL, "np.diagflat(p) - np.dot(p, p.T)", "np.diagflat(p * (1 - p))"),
            ("other", "np.diagflat(p) - np.dot(p, p.T)", "np.diagflat(p) + np.dot(p, p.T)"),
            ("missing term", "np.diagflat(p) - np.dot(p, p.T)", "-np.dot(p, p.T)"),
        ],
    ),
    case(
        "softmax, vectorised",
        rows_forward,
        rows_backward,
        {"x": (4, 3)},
        faults=[
            (DIAGONAL, " - np.sum(dp * p, axis=1, keepdims=True)", ""),
            (DIAGONAL, "p * (dp - np.sum(dp * p, axis=1, keepdims=True))", "dp * p * (1 - p)"),
            ("other", "axis=1, keepdims=True", "axis=0"),
            ("other", "dp * p, axis", "dp, axis"),
        ],
    ),
    case(
        "softmax, in two steps",
        difference_forward,
        difference_backward,
        {"x": (4, 4)},
        faults=[
            (DIAGONAL, "dx -= p * total", "pass"),
            ("other", "dx -= p * total", "dx -= total"),
            ("other", "axis=1, keepdims=True", "axis=0, keepdims=True"),
        ],
    ),
    case(
        "softmax, all Jacobians by einsum",
        tensor_forward,
        tensor_backward,
        {"x": (2, 5)},
        faults=[(DIAGONAL, ' - np.einsum("ni,nj->nij", p, p)', ""), ("wrong slope", ", dout)", ", p * dout)")],
    ),
    case(
        "softmax, a single vector, loops",
        vector_forward,
        vector_backward,
        {"x": (5,)},
        faults=[
            (DIAGONAL, "else -p[i] * p[j]", "else 0"),
            ("other", "else -p[i] * p[j]", "else p[i] * p[j]"),
            ("other", "p[i] * (1 - p[i])", "p[i]"),
        ],
    ),
    case(
        "softmax, one example per column",
        columns_forward,
        columns_backward,
        {"z": (3, 4)},
        faults=[(DIAGONAL, "(da - (da * a).sum(axis=0))", "(1 - a) * da"), (DIAGONAL, " - (da * a).sum(axis=0)", "")],
    ),
    case(
        "softmax, temperature",
        warm_forward,
        warm_backward,
        {"z": (3, 4), "temperature": lambda rng: np.array(rng.uniform(1.5, 3.0))},
        faults=[
            ("factor", "d / temperature,", "d,"),
            ("factor", "temperature**2", "temperature"),
            (DIAGONAL, " - (dp * p).sum(axis=1, keepdims=True)", ""),
        ],
    ),
    case(
        "log-softmax",
        log_forward,
        log_backward,
        {"x": (3, 4)},
        faults=[
            (DIAGONAL, "dout - np.exp(y) * dout.sum(axis=1, keepdims=True)", "dout * (1 - np.exp(y))"),
            ("missing term", " - np.exp(y) * dout.sum(axis=1, keepdims=True)", ""),
            ("other", "np.exp(y)", "y"),
        ],
    ),
    case(
        "softmax, masked",
        masked_forward,
        masked_backward,
        {"x": (3, 5), "mask": bits(3, 5)},
        faults=[(DIAGONAL, " - (dout * p).sum(axis=1, keepdims=True)", "")],
    ),
    case(
        "softmax, the true class picked",
        picked_forward,
        picked_backward,
        {"x": (4, 3), "labels": integers(3, 4)},
        faults=[
            (DIAGONAL, "-p * p[rows, labels][:, None]\n", "np.zeros_like(p)\n"),
            ("true class lost", "dx[rows, labels] += p[rows, labels]", "pass"),
            ("per-example factor", " * dout[:, None]", ""),
        ],
    ),
    case(
        "softmax layer, four axes",
        layer_forward,
        layer_backward,
        {"x": (2, 2, 3, 3), "W": (3, 3)},
        faults=[(DIAGONAL, "dscores = dscores - p * dscores.sum(axis=-1, keepdims=True)", "pass")],
    ),
]
