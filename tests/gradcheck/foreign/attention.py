"""Attention."""

import numpy as np
from gradcheck.foreign.case import bits, case
from gradcheck.foreign.softmax import softmax


def scaled_forward(Q, K, V):
    """(t, d), no batch."""
    d = Q.shape[-1]
    A = softmax(Q @ K.T / np.sqrt(d))
    return A @ V, (Q, K, V, A)


def scaled_backward(dout, cache):
    Q, K, V, A = cache
    dV = A.T @ dout
    dA = dout @ V.T
    dS = A * (dA - np.sum(dA * A, axis=-1, keepdims=True))
    dS = dS / np.sqrt(Q.shape[-1])
    return dS @ K, dS.T @ Q, dV


def causal_forward(q, k, v):
    """Each position sees the ones before it, with a triangle of -inf; (n, t, d)."""
    t, d = q.shape[1:]
    scores = q @ k.transpose(0, 2, 1) / d**0.5
    scores = scores + np.triu(np.full((t, t), -np.inf), 1)
    weights = softmax(scores)
    return weights @ v, {"q": q, "k": k, "v": v, "weights": weights}


def causal_backward(dout, cache):
    q, k, v, weights = cache["q"], cache["k"], cache["v"], cache["weights"]
    dv = weights.transpose(0, 2, 1) @ dout
    dweights = dout @ v.transpose(0, 2, 1)
    dscores = weights * dweights
    dscores = dscores - weights * dscores.sum(axis=-1, keepdims=True)
    dscores = dscores / q.shape[2] ** 0.5
    return dscores @ k, dscores.transpose(0, 2, 1) @ q, dv


def loops_forward(q, k, v):
    """One causal head with loops over positions, as in C; (T, d)."""
    T, d = q.shape
    out, att = np.zeros((T, d)), np.zeros((T, T))
    for t in range(T):
        scores = [np.dot(q[t], k[s]) / np.sqrt(d) for s in range(t + 1)]
        exps = np.exp(np.array(scores) - max(scores))
        att[t, : t + 1] = exps / exps.sum()
        for s in range(t + 1):
            out[t] += att[t, s] * v[s]
    return out, [q, k, v, att]


def loops_backward(dout, cache):
    q, k, v, att = cache
    T, d = q.shape
    dq, dk, dv = np.zeros_like(q), np.zeros_like(k), np.zeros_like(v)
    for t in range(T):
        datt = np.zeros(t + 1)
        for s in range(t + 1):
            datt[s] = np.dot(v[s], dout[t])
            dv[s] += att[t, s] * dout[t]
        for s in range(t + 1):
            dscore = 0.0
            for u in range(t + 1):
                dscore += att[t, u] * ((1.0 if u == s else 0.0) - att[t, s]) * datt[u]
            dq[t] += dscore * k[s] / np.sqrt(d)
            dk[s] += dscore * q[t] / np.sqrt(d)
    return dq, dk, dv


def projected_forward(x, Wq, Wk, Wv):
    """One head with projections, (t, d) and square weights."""
    q, k, v = x @ Wq, x @ Wk, x @ Wv
    p = softmax(q @ k.T / np.sqrt(len(Wq)))
    return p @ v, (x, Wq, Wk, Wv, q, k, v, p)


def projected_backward(dy, cache):
    x, Wq, Wk, Wv, q, k, v, p = cache
    dv = p.T @ dy
    dp = dy @ v.T
    ds = p * (dp - (dp * p).sum(axis=1, keepdims=True)) / np.sqrt(len(Wq))
    dq = ds @ k
    dk = ds.T @ q
    dx = dq @ Wq.T + dk @ Wk.T + dv @ Wv.T
    return dx, x.T @ dq, x.T @ dk, x.T @ dv


def heads_forward(x, Wqkv, Wo):
    """Two heads, (b, t, c), one product for q, k and v."""
    b, t, c = x.shape
    q, k, v = (x @ Wqkv).reshape(b, t, 3, 2, c // 2).transpose(2, 0, 3, 1, 4)
    p = softmax(np.einsum("bhid,bhjd->bhij", q, k) / (c // 2) ** 0.5)
    mixed = np.einsum("bhij,bhjd->bihd", p, v).reshape(b, t, c)
    return mixed @ Wo, (x, Wqkv, Wo, q, k, v, p, mixed)


def heads_backward(dy, cache):
    x, Wqkv, Wo, q, k, v, p, mixed = cache
    b, t, c = x.shape
    dWo = np.einsum("btc,btd->cd", mixed, dy)
    dmixed = (dy @ Wo.T).reshape(b, t, 2, c // 2)
    dv = np.einsum("bhij,bihd->bhjd", p, dmixed)
    dp = np.einsum("bihd,bhjd->bhij", dmixed, v)
    ds = p * (dp - (dp * p).sum(-1, keepdims=True)) / (c // 2) ** 0.5
    dq = np.einsum("bhij,bhjd->bhid", ds, k)
    dk = np.einsum("bhij,bhid->bhjd", ds, q)
    dqkv = np.stack([dq, dk, dv]).transpose(1, 3, 0, 2, 4).reshape(b, t, 3 * c)
    return dqkv @ Wqkv.T, np.einsum("btc,btd->cd", x, dqkv), dWo


def additive_forward(query, keys, W, U, v):
    """Bahdanau: tanh(W q + U k_j) . v; the context is a mixture of the keys."""
    e = np.tanh(query @ W + keys @ U)
    a = softmax(e @ v)
    return a @ keys, (query, keys, W, U, v, e, a)


def additive_backward(dcontext, cache):
    query, keys, W, U, v, e, a = cache
    da = keys @ dcontext
    ds = a * (da - da @ a)
    de = np.outer(ds, v) * (1 - e**2)
    dkeys = np.outer(a, dcontext) + de @ U.T
    dquery = de.sum(axis=0) @ W.T
    return dquery, dkeys, np.outer(query, de.sum(axis=0)), keys.T @ de, e.T @ ds


def pooled_forward(h, w):
    """A learned query pools (n, t, d) to (n, d)."""
    a = softmax(h @ w)
    return np.einsum("nt,ntd->nd", a, h), (h, w, a)


def pooled_backward(dy, cache):
    h, w, a = cache
    da = np.einsum("nd,ntd->nt", dy, h)
    ds = a * (da - (a * da).sum(axis=1, keepdims=True))
    dh = a[:, :, None] * dy[:, None, :] + ds[:, :, None] * w
    return dh, np.einsum("nt,ntd->d", ds, h)


def cross_forward(x, memory, mask):
    """Over a memory of which some slots are empty; bool mask (slots,), True where there is something."""
    scores = x @ memory.T
    scores[:, ~mask] = -1e9
    p = softmax(scores)
    return p @ memory, (x, memory, mask, p)


def cross_backward(dout, cache):
    x, memory, mask, p = cache
    dp = dout @ memory.T
    dscores = p * (dp - (p * dp).sum(axis=1, keepdims=True))
    dscores[:, ~mask] = 0
    return dscores @ memory, p.T @ dout + dscores.T @ x


def linear_forward(q, k, v):
    """Without softmax: q (k^T v) / t."""
    state = k.T @ v
    return q @ state / len(q), (q, k, v, state)


def linear_backward(dy, cache):
    q, k, v, state = cache
    T = len(q)
    dq = dy @ state.T / T
    dstate = q.T @ dy / T
    return dq, v @ dstate.T, k @ dstate


DIAGONAL, MISSING = "diagonal only", "missing term"
SQUARE = {"Q": (3, 3), "K": (3, 3), "V": (3, 3)}

CASES = [
    case(
        "attention, scaled dot product",
        scaled_forward,
        scaled_backward,
        SQUARE,
        faults=[
            (DIAGONAL, " - np.sum(dA * A, axis=-1, keepdims=True)", ""),
            ("factor", "dS = dS / np.sqrt(Q.shape[-1])", "pass"),
            ("other", "axis=-1", "axis=0"),
            ("wrong product", "dS.T @ Q", "dS @ Q"),
            ("wrong product", "dS @ K", "dS.T @ K"),
        ],
    ),
    case(
        "attention, causal",
        causal_forward,
        causal_backward,
        {"q": (2, 3, 2), "k": (2, 3, 2), "v": (2, 3, 2)},
        faults=[
            (DIAGONAL, "dscores = dscores - weights * dscores.sum(axis=-1, keepdims=True)", "pass"),
            ("wrong product", "weights.transpose(0, 2, 1) @ dout", "weights @ dout"),
            ("exchanged", "dscores @ k, dscores.transpose(0, 2, 1) @ q", "dscores.transpose(0, 2, 1) @ q, dscores @ k"),
        ],
    ),
    case(
        "attention, causal, loops",
        loops_forward,
        loops_backward,
        {"q": (3, 2), "k": (3, 2), "v": (3, 2)},
        faults=[
            (DIAGONAL, "range(t + 1):\n                dscore +=", "[s]:\n                dscore +="),
            (DIAGONAL, " - att[t, s])", ")"),
            ("factor", " * k[s] / np.sqrt(d)", " * k[s]"),
        ],
    ),
    case(
        "attention, projections",
        projected_forward,
        projected_backward,
        {"x": (3, 3), "Wq": (3, 3), "Wk": (3, 3), "Wv": (3, 3)},
        faults=[
            (MISSING, " + dv @ Wv.T", ""),
            (MISSING, "dq @ Wq.T + ", ""),
            (MISSING, " + dk @ Wk.T", ""),
            ("exchanged", "x.T @ dq, x.T @ dk", "x.T @ dk, x.T @ dq"),
        ],
    ),
    case(
        "attention, two heads",
        heads_forward,
        heads_backward,
        {"x": (2, 3, 4), "Wqkv": (4, 12), "Wo": (4, 4)},
        faults=[
            ("other", "[dq, dk, dv]", "[dk, dq, dv]"),
            ("transposed", '"btc,btd->cd", mixed, dy', '"btc,btd->dc", mixed, dy'),
            ("other", " / (c // 2) ** 0.5", " / c**0.5"),
            (DIAGONAL, " - (dp * p).sum(-1, keepdims=True)", ""),
        ],
    ),
    case(
        "attention, additive",
        additive_forward,
        additive_backward,
        {"query": (3,), "keys": (4, 3), "W": (3, 3), "U": (3, 3), "v": (3,)},
        faults=[
            (DIAGONAL, "(da - da @ a)", "da"),
            (MISSING, " + de @ U.T", ""),
            (MISSING, "np.outer(a, dcontext) + ", ""),
        ],
    ),
    case(
        "attention, pooling by a query",
        pooled_forward,
        pooled_backward,
        {"h": (2, 3, 3), "w": (3,)},
        faults=[
            (MISSING, " + ds[:, :, None] * w", ""),
            (MISSING, "a[:, :, None] * dy[:, None, :] + ", ""),
            (DIAGONAL, " - (a * da).sum(axis=1, keepdims=True)", ""),
        ],
    ),
    case(
        "attention, memory with empty slots",
        cross_forward,
        cross_backward,
        {"x": (3, 3), "memory": (4, 3), "mask": bits(4)},
        faults=[(MISSING, "p.T @ dout + ", ""), (MISSING, " + dscores.T @ x", "")],
    ),
    case(
        "attention, linear",
        linear_forward,
        linear_backward,
        {"q": (3, 3), "k": (3, 3), "v": (3, 3)},
        faults=[("exchanged", "v @ dstate.T, k @ dstate", "k @ dstate, v @ dstate.T")],
    ),
]
