"""Plain recurrent nets."""

import numpy as np
from gradcheck.foreign.case import case, integers


def step_forward(x, prev_h, Wx, Wh, b):
    next_h = np.tanh(x @ Wx + prev_h @ Wh + b)
    return next_h, (x, prev_h, Wx, Wh, next_h)


def step_backward(dnext_h, cache):
    x, prev_h, Wx, Wh, next_h = cache
    da = dnext_h * (1 - next_h**2)
    return da @ Wx.T, da @ Wh.T, x.T @ da, prev_h.T @ da, da.sum(axis=0)


def columns_forward(xt, a_prev, Waa, Wax, ba):
    """One example per column, a dict."""
    a_next = np.tanh(np.dot(Waa, a_prev) + np.dot(Wax, xt) + ba)
    return a_next, {"a_next": a_next, "a_prev": a_prev, "xt": xt, "Waa": Waa, "Wax": Wax}


def columns_backward(da_next, cache):
    dz = (1 - cache["a_next"] ** 2) * da_next
    dxt = np.dot(cache["Wax"].T, dz)
    dWax = np.dot(dz, cache["xt"].T)
    da_prev = np.dot(cache["Waa"].T, dz)
    dWaa = np.dot(dz, cache["a_prev"].T)
    dba = np.sum(dz, axis=1, keepdims=True)
    return dxt, da_prev, dWaa, dWax, dba


def sequence_forward(x, h0, Wx, Wh, b):
    """(n, t, d) -> (n, t, h), a list of caches of the step."""
    h, hs, caches = h0, [], []
    for t in range(x.shape[1]):
        h, saved = step_forward(x[:, t], h, Wx, Wh, b)
        hs.append(h)
        caches.append(saved)
    return np.stack(hs, axis=1), caches


def sequence_backward(dh, caches):
    n, T, hidden = dh.shape
    x, _, Wx, Wh, _ = caches[0]
    dx = np.zeros((n, T, x.shape[1]))
    dWx, dWh, db = np.zeros_like(Wx), np.zeros_like(Wh), np.zeros(hidden)
    dprev = np.zeros((n, hidden))
    for t in reversed(range(T)):
        dx[:, t], dprev, dwx, dwh, dbt = step_backward(dh[:, t] + dprev, caches[t])
        dWx += dwx
        dWh += dwh
        db += dbt
    return dx, dprev, dWx, dWh, db


def last_forward(x, Wx, Wh):
    """Many to one, time first: the last state alone; buffers of states."""
    T, n, _ = x.shape
    h = np.zeros((T + 1, n, Wh.shape[0]))
    for t in range(T):
        h[t] = np.tanh(x[t] @ Wx + h[t - 1] @ Wh)
    return h[T - 1], {"x": x, "h": h, "Wx": Wx, "Wh": Wh}


def last_backward(dlast, cache):
    x, h, Wx, Wh = cache["x"], cache["h"], cache["Wx"], cache["Wh"]
    dx, dWx, dWh = np.zeros_like(x), np.zeros_like(Wx), np.zeros_like(Wh)
    dh = dlast
    for t in range(len(x) - 1, -1, -1):
        dz = dh * (1 - h[t] ** 2)
        dWx += x[t].T @ dz
        dWh += h[t - 1].T @ dz
        dx[t] = dz @ Wx.T
        dh = dz @ Wh.T
    return dx, dWx, dWh


def characters_forward(Wxh, Whh, Why, bh, by, inputs, targets):
    """A model of characters, vectors as columns, dicts of states by time: the loss of a short text."""
    hs, ps = {-1: np.zeros((len(bh), 1))}, {}
    loss = 0
    for t in range(len(inputs)):
        x = np.zeros((Wxh.shape[1], 1))
        x[inputs[t]] = 1
        hs[t] = np.tanh(Wxh @ x + Whh @ hs[t - 1] + bh)
        y = Why @ hs[t] + by
        ps[t] = np.exp(y) / np.sum(np.exp(y))
        loss += -np.log(ps[t][targets[t], 0])
    return loss, (Wxh, Whh, Why, hs, ps, inputs, targets)


def characters_backward(dloss, cache):
    Wxh, Whh, Why, hs, ps, inputs, targets = cache
    dWxh, dWhh, dWhy = np.zeros_like(Wxh), np.zeros_like(Whh), np.zeros_like(Why)
    dbh, dby = np.zeros((len(Whh), 1)), np.zeros((len(Why), 1))
    dhnext = np.zeros_like(hs[0])
    for t in reversed(range(len(inputs))):
        dy = np.copy(ps[t])
        dy[targets[t]] -= 1
        dy = dy * dloss
        dWhy += dy @ hs[t].T
        dby += dy
        dh = Why.T @ dy + dhnext
        draw = (1 - hs[t] * hs[t]) * dh
        dbh += draw
        dWxh[:, inputs[t]] += draw[:, 0]
        dWhh += draw @ hs[t - 1].T
        dhnext = Whh.T @ draw
    return [dWxh, dWhh, dWhy, dbh, dby]


LAST = "last step only"
STEP = {"x": (2, 3), "prev_h": (2, 3), "Wx": (3, 3), "Wh": (3, 3), "b": (3,)}
COLUMNS = {"xt": (3, 2), "a_prev": (4, 2), "Waa": (4, 4), "Wax": (4, 3), "ba": (4, 1)}
TEXT = {"Wxh": (3, 4), "Whh": (3, 3), "Why": (4, 3), "bh": (3, 1), "by": (4, 1)}
TEXT |= {"inputs": integers(4, 3), "targets": integers(4, 3)}


CASES = [
    case(
        "RNN step",
        step_forward,
        step_backward,
        STEP,
        faults=[("wrong point", "next_h**2", "prev_h**2"), ("wrong point", "prev_h.T @ da", "next_h.T @ da")],
    ),
    case("RNN step, columns", columns_forward, columns_backward, COLUMNS),
    case(
        "RNN, a list of caches",
        sequence_forward,
        sequence_backward,
        {"x": (2, 3, 2), "h0": (2, 3), "Wx": (2, 3), "Wh": (3, 3), "b": (3,)},
        faults=[
            (LAST, "dh[:, t] + dprev", "dh[:, t]"),
            ("missing term", "dh[:, t] + dprev", "dh[:, -1] * (t == T - 1) + dprev"),
            ("other", "reversed(range(T))", "range(T)"),
            ("other", "caches[t])", "caches[t - 1])"),
            ("other", "reversed(range(T))", "reversed(range(1, T))"),
        ],
    ),
    case(
        "RNN, many to one, time first",
        last_forward,
        last_backward,
        {"x": (4, 2, 3), "Wx": (3, 3), "Wh": (3, 3)},
        faults=[
            (LAST, "dh = dz @ Wh.T", "dh = 0 * dz"),
            ("other", "h[t - 1].T @ dz", "h[t].T @ dz"),
            ("other", "dh = dz @ Wh.T", "dh = dh @ Wh.T"),
        ],
    ),
    case(
        "RNN of characters",
        characters_forward,
        characters_backward,
        TEXT,
        faults=[
            ("true class lost", "dy[targets[t]] -= 1", "pass"),
            (LAST, " + dhnext", ""),
            ("other", "hs[t - 1].T", "hs[t].T"),
            ("repeated rows", "dWxh[:, inputs[t]] += draw[:, 0]", "dWxh[:, inputs[t]] = draw[:, 0]"),
            ("missing term", "Why.T @ dy + dhnext", "dhnext"),
        ],
    ),
]
