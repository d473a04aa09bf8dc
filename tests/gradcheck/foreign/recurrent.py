"""Plain recurrences."""

import numpy as np
from gradcheck.foreign.case import case, integers
from gradcheck.foreign.softmax import softmax


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


def rectified_forward(x, W, h0):
    """relu(x_t + h W), (t, d)."""
    states = [h0]
    for row in x:
        states.append(np.maximum(0, row + states[-1] @ W))
    return np.array(states[1:]), (W, states)


def rectified_backward(dy, cache):
    W, states = cache
    dx, dW, dh = np.zeros_like(dy), np.zeros_like(W), np.zeros(len(W))
    for t in range(len(dy))[::-1]:
        dz = (dy[t] + dh) * (states[t + 1] > 0)
        dx[t] = dz
        dW += np.outer(states[t], dz)
        dh = W @ dz
    return dx, dW, dh


def both_ways_forward(x, W, U):
    """One network forth, another one back, their states side by side; (t, d) and square weights."""
    T = len(x)
    forth, back = np.zeros(x.shape), np.zeros(x.shape)
    for t in range(T):
        forth[t] = np.tanh(x[t] + (forth[t - 1] @ W if t else 0))
        s = T - 1 - t
        back[s] = np.tanh(x[s] + (back[s + 1] @ U if t else 0))
    return np.hstack([forth, back]), (forth, back, W, U)


def both_ways_backward(dout, cache):
    forth, back, W, U = cache
    T, d = forth.shape
    dx, dW, dU = np.zeros((T, d)), np.zeros((d, d)), np.zeros((d, d))
    carry_f, carry_b = np.zeros(d), np.zeros(d)
    for t in range(T):
        s = T - 1 - t
        df = (dout[s, :d] + carry_f) * (1 - forth[s] ** 2)
        db = (dout[t, d:] + carry_b) * (1 - back[t] ** 2)
        dx[s] += df
        dx[t] += db
        if s > 0:
            dW += np.outer(forth[s - 1], df)
        if t < T - 1:
            dU += np.outer(back[t + 1], db)
        carry_f, carry_b = df @ W.T, db @ U.T
    return dx, dW, dU


def average_forward(x, alpha):
    """s_t = alpha s_{t-1} + (1 - alpha) x_t"""
    s = np.zeros(len(x) + 1)
    for t in range(len(x)):
        s[t + 1] = alpha * s[t] + (1 - alpha) * x[t]
    return s[1:], (x, alpha, s)


def average_backward(dy, cache):
    x, alpha, s = cache
    dx, dalpha, ds = np.zeros(len(x)), 0.0, 0.0
    for t in range(len(x) - 1, -1, -1):
        ds += dy[t]
        dx[t] = ds * (1 - alpha)
        dalpha += ds * (s[t] - x[t])
        ds = ds * alpha
    return dx, dalpha


def state_space_forward(u, A, B, C):
    """x_t = A x_{t-1} + B u_t, y_t = C x_t, all matrices square."""
    x, xs, ys = np.zeros(len(A)), [np.zeros(len(A))], []
    for u_t in u:
        x = A @ x + B @ u_t
        xs.append(x)
        ys.append(C @ x)
    return np.array(ys), (u, A, B, C, xs)


def state_space_backward(dy, cache):
    u, A, B, C, xs = cache
    du, dA, dB, dC = np.zeros_like(u), np.zeros_like(A), np.zeros_like(B), np.zeros_like(C)
    dx = np.zeros(len(A))
    for t in reversed(range(len(u))):
        dx = dx + C.T @ dy[t]
        dC += np.outer(dy[t], xs[t + 1])
        dB += np.outer(dx, u[t])
        dA += np.outer(dx, xs[t])
        du[t] = B.T @ dx
        dx = A.T @ dx
    return du, dA, dB, dC


def labelled_forward(h, W, labels):
    """Mean cross entropy at each step of a hidden sequence, (n, t, d)."""
    p = softmax(h @ W)
    n, t = labels.shape
    return -np.mean(np.log(p[np.arange(n)[:, None], np.arange(t), labels])), (h, W, p, labels)


def labelled_backward(g, cache):
    h, W, p, labels = cache
    n, t = labels.shape
    d = p - np.eye(p.shape[2])[labels]
    d = g * d / (n * t)
    dW = np.zeros_like(W)
    for step in range(t):
        dW += h[:, step].T @ d[:, step]
    return d @ W.T, dW


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
    case(
        "RNN, relu",
        rectified_forward,
        rectified_backward,
        {"x": (4, 3), "W": (3, 3), "h0": (3,)},
        faults=[
            ("wrong product", "W @ dz", "W.T @ dz"),
            ("transposed", "np.outer(states[t], dz)", "np.outer(dz, states[t])"),
            (LAST, "dy[t] + dh", "dy[t]"),
            ("mask lost", " * (states[t + 1] > 0)", ""),
        ],
    ),
    case(
        "RNN, both ways",
        both_ways_forward,
        both_ways_backward,
        {"x": (3, 3), "W": (3, 3), "U": (3, 3)},
        faults=[
            (LAST, "(dout[s, :d] + carry_f)", "dout[s, :d]"),
            (LAST, "(dout[t, d:] + carry_b)", "dout[t, d:]"),
            ("exchanged", "return dx, dW, dU", "return dx, dU, dW"),
        ],
    ),
    case(
        "moving average",
        average_forward,
        average_backward,
        {"x": (5,), "alpha": lambda rng: np.array(0.7)},
        faults=[(LAST, "ds = ds * alpha", "ds = 0.0"), ("missing term", "(s[t] - x[t])", "s[t]")],
    ),
    case(
        "state space model",
        state_space_forward,
        state_space_backward,
        {"u": (3, 3), "A": (3, 3), "B": (3, 3), "C": (3, 3)},
        faults=[(LAST, "dx = A.T @ dx", "dx = 0 * dx"), ("other", "np.outer(dx, xs[t])", "np.outer(dx, xs[t + 1])")],
    ),
    case(
        "cross entropy at each step",
        labelled_forward,
        labelled_backward,
        {"h": (2, 3, 3), "W": (3, 3), "labels": integers(3, 2, 3)},
        faults=[
            ("lost 1/n", " / (n * t)", ""),
            ("factor", " / (n * t)", " / n"),
            ("true class lost", " - np.eye(p.shape[2])[labels]", ""),
            (LAST, "range(t)", "range(t - 1, t)"),
        ],
    ),
]
