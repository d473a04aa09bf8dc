"""Recurrences without a net, and whole sequences."""

import numpy as np
from gradcheck.foreign.case import case, integers
from gradcheck.foreign.softmax import softmax


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

CASES = [
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
