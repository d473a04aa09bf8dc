"""Tables of vectors, looked up by integers of many names and shapes."""

import numpy as np
from gradcheck.foreign.case import case, exactly, integers


def words_forward(W, words):
    """(n,) words -> (n, d)"""
    return W[words], (W.shape, words)


def words_backward(dout, cache):
    shape, words = cache
    dW = np.zeros(shape)
    np.add.at(dW, words, dout)
    return dW


def tokens_forward(table, tokens):
    """(n, t) tokens -> (n, t, d)"""
    return table[tokens], {"tokens": tokens, "rows": len(table)}


def tokens_backward(grad, cache):
    tokens = cache["tokens"]
    dtable = np.zeros((cache["rows"], grad.shape[2]))
    for i in range(tokens.shape[0]):
        for j in range(tokens.shape[1]):
            dtable[tokens[i, j]] += grad[i, j]
    return dtable


def idx_forward(idx, W):
    """The ids come first; np.take."""
    return np.take(W, idx, axis=0), [idx, W]


def idx_backward(dout, cache):
    idx, W = cache
    dW = np.zeros_like(W)
    for i, word in enumerate(idx):
        dW[word] += dout[i]
    return dW


def one_hot_forward(E, ids):
    """By a product with one-hot rows."""
    one_hot = np.eye(len(E))[ids]
    return one_hot @ E, one_hot


def one_hot_backward(dy, one_hot):
    return one_hot.T @ dy


def bag_forward(E, bag):
    """The mean of a bag of words, (n, s) -> (n, d)"""
    return E[bag].mean(axis=1), (E, bag)


def bag_backward(dy, cache):
    E, bag = cache
    size = bag.shape[1]
    dE = np.zeros(E.shape)
    np.add.at(dE, bag, np.repeat(dy[:, None, :], size, axis=1) / size)
    return dE


def sums_forward(w, features):
    """First-order weights: y_i = sum_s w[features_is]"""
    return w[features].sum(axis=1), (len(w), features)


def sums_backward(dy, cache):
    size, features = cache
    spread = np.repeat(dy, features.shape[1])
    return np.bincount(features.ravel(), weights=spread, minlength=size)


def positions_forward(tok_emb, pos_emb, idx):
    """Tokens plus positions, as in small language models."""
    t = idx.shape[1]
    return tok_emb[idx] + pos_emb[:t], (tok_emb.shape, pos_emb.shape, idx)


def positions_backward(dx, cache):
    tok_shape, pos_shape, idx = cache
    dtok, dpos = np.zeros(tok_shape), np.zeros(pos_shape)
    for b in range(idx.shape[0]):
        for t in range(idx.shape[1]):
            dtok[idx[b, t]] += dx[b, t]
            dpos[t] += dx[b, t]
    return dtok, dpos


def padding_forward(table, seq):
    """Word 0 is padding and gives zeros."""
    mask = (seq != 0)[..., None]
    return table[seq] * mask, (table, seq, mask)


def padding_backward(dout, cache):
    table, seq, mask = cache
    grad = np.zeros_like(table)
    np.add.at(grad, seq, dout * mask)
    return grad


def skip_gram_forward(center, context, w, c, negatives):
    """One pair of word2vec with negative samples: word `w` beside word `c`."""
    chosen = np.concatenate([c, negatives])
    z = context[chosen] @ center[w[0]]
    p = 1 / (1 + np.exp(-z))
    loss = -np.log(p[0]) - np.sum(np.log(1 - p[1:]))
    return loss, (center, context, w[0], chosen, p)


def skip_gram_backward(dloss, cache):
    center, context, w, chosen, p = cache
    dz = p.copy()
    dz[0] -= 1
    dcenter, dcontext = np.zeros_like(center), np.zeros_like(context)
    dcenter[w] = dz @ context[chosen]
    np.add.at(dcontext, chosen, np.outer(dz, center[w]))
    return dloss * dcenter, dloss * dcontext


def factors_forward(P, Q, bu, bi, users, items):
    """Ratings by matrix factorisation with biases."""
    r = np.sum(P[users] * Q[items], axis=1) + bu[users] + bi[items]
    return r, (P, Q, bu, bi, users, items)


def factors_backward(dr, cache):
    P, Q, bu, bi, users, items = cache
    dP, dQ, dbu, dbi = (np.zeros_like(a) for a in (P, Q, bu, bi))
    for u, i, d in zip(users, items, dr, strict=True):
        dP[u] += d * Q[i]
        dQ[i] += d * P[u]
        dbu[u] += d
        dbi[i] += d
    return dP, dQ, dbu, dbi


def tied_output_forward(E, ids, h):
    """The same table reads words and scores them."""
    x = E[ids] + h
    return x @ E.T, (E, ids, x)


def tied_output_backward(dlogits, cache):
    E, ids, x = cache
    dx = dlogits @ E
    dE = dlogits.T @ x
    np.add.at(dE, ids, dx)
    return dE, dx


def field_forward(tables, codes):
    """A table per column of codes, (f, v, d), side by side."""
    f = codes.shape[1]
    return np.concatenate([tables[j][codes[:, j]] for j in range(f)], axis=1), (tables.shape, codes)


def field_backward(dy, cache):
    shape, codes = cache
    dtables = np.zeros(shape)
    for j, part in enumerate(np.split(dy, shape[0], axis=1)):
        for i in range(len(codes)):
            dtables[j, codes[i, j]] += part[i]
    return dtables


REPEATED = "repeated rows"
TWICE = exactly([1, 3, 1, 0, 3])
PAIRS = exactly([[0, 2, 2], [4, 2, 1]])

CASES = [
    case(
        "embedding, words (n,)",
        words_forward,
        words_backward,
        {"W": (5, 3), "words": TWICE},
        faults=[
            (REPEATED, "np.add.at(dW, words, dout)", "dW[words] = dout"),
            (REPEATED, "np.add.at(dW, words, dout)", "dW[words] += dout"),
            ("other", "np.add.at(dW, words, dout)", "np.add.at(dW, words - 1, dout)"),
            ("other", "np.add.at(dW, words, dout)", "np.add.at(dW, words, dout.mean(axis=1, keepdims=True))"),
            ("factor", ", dout)", ", dout / len(words))"),
        ],
    ),
    case(
        "embedding, tokens (n, t), loops",
        tokens_forward,
        tokens_backward,
        {"table": (6, 2), "tokens": PAIRS},
        faults=[
            ("other", "range(tokens.shape[1])", "range(tokens.shape[1] - 1)"),
        ],
    ),
    case("embedding, idx first, np.take", idx_forward, idx_backward, {"idx": TWICE, "W": (4, 2)}),
    case("embedding, one-hot product", one_hot_forward, one_hot_backward, {"E": (4, 2), "ids": TWICE}),
    case(
        "embedding, mean of a bag",
        bag_forward,
        bag_backward,
        {"E": (6, 3), "bag": PAIRS},
        faults=[
            (
                REPEATED,
                "np.add.at(dE, bag, np.repeat(dy[:, None, :], size, axis=1) / size)",
                "dE[bag] = dy[:, None, :] / size",
            ),
            ("lost 1/n", " / size", ""),
        ],
    ),
    case(
        "first-order weights, np.bincount",
        sums_forward,
        sums_backward,
        {"w": (6,), "features": PAIRS},
        faults=[
            (
                REPEATED,
                "return np.bincount(features.ravel(), weights=spread, minlength=size)",
                "dw = np.zeros(size); dw[features.ravel()] = spread; return dw",
            ),
            ("ignores upstream", "weights=spread, ", ""),
            ("other", "np.repeat(dy, features.shape[1])", "np.tile(dy, features.shape[1])"),
        ],
    ),
    case(
        "embedding, tokens and positions",
        positions_forward,
        positions_backward,
        {"tok_emb": (5, 2), "pos_emb": (4, 2), "idx": PAIRS},
        faults=[("not summed", "dpos[t] += dx[b, t]", "dpos[t] = dx[b, t]")],
    ),
    case(
        "embedding, padding",
        padding_forward,
        padding_backward,
        {"table": (5, 3), "seq": exactly([[1, 2, 0], [2, 0, 0]])},
        faults=[(REPEATED, "np.add.at(grad, seq, dout * mask)", "grad[seq] = dout * mask")],
    ),
    case(
        "word2vec, negative samples",
        skip_gram_forward,
        skip_gram_backward,
        {"center": (4, 3), "context": (5, 3), "w": exactly([2]), "c": exactly([1]), "negatives": exactly([0, 3, 3])},
        faults=[
            ("true class lost", "dz[0] -= 1", "pass"),
            (
                REPEATED,
                "np.add.at(dcontext, chosen, np.outer(dz, center[w]))",
                "dcontext[chosen] = np.outer(dz, center[w])",
            ),
            ("exchanged", "dloss * dcenter, dloss * dcontext", "dloss * dcontext, dloss * dcenter"),
        ],
    ),
    case(
        "matrix factorisation",
        factors_forward,
        factors_backward,
        {
            "P": (3, 2),
            "Q": (4, 2),
            "bu": (3,),
            "bi": (4,),
            "users": exactly([0, 2, 2, 1]),
            "items": exactly([3, 3, 1, 0]),
        },
        faults=[
            ("per-example factor", "d * Q[i]", "Q[i]"),
            ("per-example factor", "dbu[u] += d", "dbu[u] += 1"),
            ("wrong point", "d * P[u]", "d * Q[i]"),
        ],
    ),
    case(
        "one table reads and scores words",
        tied_output_forward,
        tied_output_backward,
        {"E": (4, 3), "ids": exactly([3, 1, 3]), "h": (3, 3)},
        faults=[
            ("missing term", "np.add.at(dE, ids, dx)", "pass"),
            ("missing term", "dE = dlogits.T @ x", "dE = np.zeros(E.shape)"),
            (REPEATED, "np.add.at(dE, ids, dx)", "dE[ids] += dx"),
        ],
    ),
    case(
        "embedding, a table per field", field_forward, field_backward, {"tables": (2, 3, 2), "codes": integers(3, 4, 2)}
    ),
]
