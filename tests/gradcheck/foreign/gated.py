"""LSTM and GRU, a step and through time."""

import numpy as np
from gradcheck.foreign.case import case


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def lstm_step_forward(x, prev_h, prev_c, Wx, Wh, b):
    """All gates in one product; (h, c) as a pair."""
    H = prev_h.shape[1]
    a = x @ Wx + prev_h @ Wh + b
    i, f, o = sigmoid(a[:, :H]), sigmoid(a[:, H : 2 * H]), sigmoid(a[:, 2 * H : 3 * H])
    g = np.tanh(a[:, 3 * H :])
    c = f * prev_c + i * g
    return (o * np.tanh(c), c), (x, prev_h, prev_c, Wx, Wh, i, f, o, g, c)


def lstm_step_backward(grads, cache):
    dh, dc = grads
    x, prev_h, prev_c, Wx, Wh, i, f, o, g, c = cache
    dc = dc + dh * o * (1 - np.tanh(c) ** 2)
    da = np.hstack(
        [dc * g * i * (1 - i), dc * prev_c * f * (1 - f), dh * np.tanh(c) * o * (1 - o), dc * i * (1 - g**2)]
    )
    return da @ Wx.T, da @ Wh.T, dc * f, x.T @ da, prev_h.T @ da, da.sum(axis=0)


def lstm_hidden_forward(x, prev_h, prev_c, Wx, Wh, b):
    """The same step, its h alone."""
    (h, _), saved = lstm_step_forward(x, prev_h, prev_c, Wx, Wh, b)
    return h, saved


def lstm_hidden_backward(dh, cache):
    x, prev_h, prev_c, Wx, Wh, i, f, o, g, c = cache
    tc = np.tanh(c)
    do = dh * tc * o * (1 - o)
    dc = dh * o * (1 - tc**2)
    di = dc * g * i * (1 - i)
    df = dc * prev_c * f * (1 - f)
    dg = dc * i * (1 - g**2)
    da = np.concatenate([di, df, do, dg], axis=1)
    return da @ Wx.T, da @ Wh.T, dc * f, x.T @ da, prev_h.T @ da, np.sum(da, axis=0)


def lstm_forward(x, Wx, Wh, b):
    """(n, t, d) -> (n, t, h); a list of dicts."""
    n, T, _ = x.shape
    h = c = np.zeros((n, len(Wh)))
    out, caches = np.zeros((n, T, len(Wh))), []
    for t in range(T):
        (h, c), saved = lstm_step_forward(x[:, t, :], h, c, Wx, Wh, b)
        out[:, t, :] = h
        caches.append({"step": saved})
    return out, caches


def lstm_backward(dout, caches):
    n, T, H = dout.shape
    _, _, _, Wx, Wh, *_ = caches[0]["step"]
    dx = np.empty((n, T, len(Wx)))
    dWx, dWh, db = np.zeros(Wx.shape), np.zeros(Wh.shape), np.zeros(4 * H)
    dh, dc = np.zeros((n, H)), np.zeros((n, H))
    for t in reversed(range(T)):
        dx[:, t, :], dh, dc, dwx, dwh, dbt = lstm_step_backward((dout[:, t, :] + dh, dc), caches[t]["step"])
        dWx += dwx
        dWh += dwh
        db += dbt
    return dx, dWx, dWh, db


def separate_forward(xt, a_prev, c_prev, Wf, Wi, Wc, Wo):
    """A matrix per gate over [a, x], columns, a dict of everything; the new a."""
    concat = np.concatenate([a_prev, xt], axis=0)
    ft, it, ot = sigmoid(Wf @ concat), sigmoid(Wi @ concat), sigmoid(Wo @ concat)
    cct = np.tanh(Wc @ concat)
    c_next = ft * c_prev + it * cct
    cache = dict(concat=concat, ft=ft, it=it, ot=ot, cct=cct, c_next=c_next, c_prev=c_prev)
    cache["weights"] = {"Wf": Wf, "Wi": Wi, "Wc": Wc, "Wo": Wo}
    return ot * np.tanh(c_next), cache


def separate_backward(da_next, cache):
    concat, c_next, weights = cache["concat"], cache["c_next"], cache["weights"]
    ft, it, ot, cct = cache["ft"], cache["it"], cache["ot"], cache["cct"]
    dot = da_next * np.tanh(c_next) * ot * (1 - ot)
    dc = da_next * ot * (1 - np.tanh(c_next) ** 2)
    dft = dc * cache["c_prev"] * ft * (1 - ft)
    dit = dc * cct * it * (1 - it)
    dcct = dc * it * (1 - cct**2)
    dconcat = weights["Wf"].T @ dft + weights["Wi"].T @ dit + weights["Wc"].T @ dcct + weights["Wo"].T @ dot
    n_a = len(dot)
    return dconcat[n_a:], dconcat[:n_a], dc * ft, dft @ concat.T, dit @ concat.T, dcct @ concat.T, dot @ concat.T


def gru_step_forward(x, h, Wz, Wr, Wn, Uz, Ur, Un):
    z = sigmoid(x @ Wz + h @ Uz)
    r = sigmoid(x @ Wr + h @ Ur)
    n = np.tanh(x @ Wn + (r * h) @ Un)
    return (1 - z) * n + z * h, (x, h, Wz, Wr, Wn, Uz, Ur, Un, z, r, n)


def gru_step_backward(dh_next, cache):
    x, h, Wz, Wr, Wn, Uz, Ur, Un, z, r, n = cache
    dn = dh_next * (1 - z) * (1 - n**2)
    dz = dh_next * (h - n) * z * (1 - z)
    drh = dn @ Un.T
    dr = drh * h * r * (1 - r)
    dh = dh_next * z + drh * r + dz @ Uz.T + dr @ Ur.T
    dx = dn @ Wn.T + dz @ Wz.T + dr @ Wr.T
    return dx, dh, x.T @ dz, x.T @ dr, x.T @ dn, h.T @ dz, h.T @ dr, (r * h).T @ dn


def gru_forward(x, W, U):
    """Through time, gates stacked in (3, d, h) and (3, h, h), one example (t, d)."""
    h = np.zeros(U.shape[1])
    out, caches = [], []
    for row in x:
        h, saved = gru_step_forward(row[None], h[None] if h.ndim == 1 else h, *W, *U)
        out.append(h[0])
        caches.append(saved)
    return np.array(out), caches


def gru_backward(dout, caches):
    T = len(caches)
    dx, dW, dU = [None] * T, 0, 0
    dh = np.zeros((1, dout.shape[1]))
    for t in range(T - 1, -1, -1):
        dxt, dh, *rest = gru_step_backward(dout[t] + dh, caches[t])
        dx[t] = dxt[0]
        dW = dW + np.array(rest[:3])
        dU = dU + np.array(rest[3:])
    return np.array(dx), dW, dU


def reset_after_forward(x, h, W, U):
    """The other GRU, whose reset gate comes after the product; a minimal one, without z."""
    r = sigmoid(x)
    hu = h @ U
    n = np.tanh(x @ W + r * hu)
    return n, {"x": x, "h": h, "W": W, "U": U, "r": r, "hu": hu, "n": n}


def reset_after_backward(dn, cache):
    x, h, W, U = cache["x"], cache["h"], cache["W"], cache["U"]
    r, hu, n = cache["r"], cache["hu"], cache["n"]
    da = dn * (1 - n * n)
    dhu = da * r
    dx = da @ W.T + da * hu * r * (1 - r)
    return {"x": dx, "h": dhu @ U.T, "W": x.T @ da, "U": h.T @ dhu}


def highway_forward(x, Wt, Wh):
    """A gate between x and tanh(x Wh)."""
    t, h = sigmoid(x @ Wt), np.tanh(x @ Wh)
    return t * h + (1 - t) * x, (x, Wt, Wh, t, h)


def highway_backward(dy, cache):
    x, Wt, Wh, t, h = cache
    dt = dy * (h - x) * t * (1 - t)
    dh = dy * t * (1 - h**2)
    dx = dy * (1 - t) + dt @ Wt.T + dh @ Wh.T
    return dx, x.T @ dt, x.T @ dh


LAST, MISSING, SLOPE = "last step only", "missing term", "wrong slope"
STEP = {"x": (2, 2), "prev_h": (2, 2), "prev_c": (2, 2), "Wx": (2, 8), "Wh": (2, 8), "b": (8,)}
SEPARATE = {"xt": (2, 2), "a_prev": (2, 2), "c_prev": (2, 2)}
SEPARATE |= {name: (2, 4) for name in ("Wf", "Wi", "Wc", "Wo")}
GRU = {"x": (2, 3), "h": (2, 3)} | {name: (3, 3) for name in ("Wz", "Wr", "Wn", "Uz", "Ur", "Un")}

CASES = [
    case(
        "LSTM step, h and c",
        lstm_step_forward,
        lstm_step_backward,
        STEP,
        needs="several outputs",
        faults=[
            (MISSING, "dc = dc + dh * o * (1 - np.tanh(c) ** 2)", "dc = dh * o * (1 - np.tanh(c) ** 2)"),
            (MISSING, "dc = dc + dh * o * (1 - np.tanh(c) ** 2)", "pass"),
            ("exchanged", "dh, dc = grads", "dc, dh = grads"),
        ],
    ),
    case(
        "LSTM step, h alone",
        lstm_hidden_forward,
        lstm_hidden_backward,
        STEP,
        faults=[
            (SLOPE, "dc * i * (1 - g**2)", "dc * i * g * (1 - g)"),
            ("other", "[di, df, do, dg]", "[df, di, do, dg]"),
            ("wrong point", "dc * prev_c * f", "dc * c * f"),
            ("other", "dc * f,", "dc,"),
            (SLOPE, "dh * tc * o * (1 - o)", "dh * tc"),
        ],
    ),
    case(
        "LSTM through time",
        lstm_forward,
        lstm_backward,
        {"x": (2, 3, 2), "Wx": (2, 8), "Wh": (2, 8), "b": (8,)},
        faults=[
            (LAST, "dout[:, t, :] + dh, dc", "dout[:, t, :], 0 * dc"),
            (LAST, "+ dh, dc", "+ dh, 0 * dc"),
            (LAST, "+ dh, dc", ", dc"),
            ("other", "reversed(range(T))", "range(T)"),
        ],
    ),
    case(
        "LSTM step, a matrix per gate",
        separate_forward,
        separate_backward,
        SEPARATE,
        faults=[
            (MISSING, ' + weights["Wo"].T @ dot', ""),
            (MISSING, 'weights["Wf"].T @ dft + ', ""),
            (SLOPE, "(1 - cct**2)", "cct"),
            ("exchanged", "dconcat[n_a:], dconcat[:n_a]", "dconcat[:n_a], dconcat[n_a:]"),
            ("exchanged", "dft @ concat.T, dit @ concat.T", "dit @ concat.T, dft @ concat.T"),
        ],
    ),
    case(
        "GRU step",
        gru_step_forward,
        gru_step_backward,
        GRU,
        faults=[
            (MISSING, "dh_next * z + ", ""),
            (MISSING, " + drh * r", ""),
            (MISSING, " + dr @ Wr.T", ""),
            ("wrong point", "(r * h).T @ dn", "h.T @ dn"),
            ("sign", "(h - n) * z", "(n - h) * z"),
        ],
    ),
    case(
        "GRU through time",
        gru_forward,
        gru_backward,
        {"x": (3, 2), "W": (3, 2, 2), "U": (3, 2, 2)},
        faults=[
            (LAST, "dout[t] + dh", "dout[t]"),
            (LAST, "dW = dW + ", "dW = "),
            ("other", "rest[3:]", "rest[:2:-1]"),
        ],
    ),
    case(
        "GRU, reset after the product, a dict of gradients",
        reset_after_forward,
        reset_after_backward,
        {"x": (2, 3), "h": (2, 3), "W": (3, 3), "U": (3, 3)},
        needs="dict gradients",
        faults=[
            (MISSING, " + da * hu * r * (1 - r)", ""),
            ("exchanged", '"W": x.T @ da, "U": h.T @ dhu', '"U": x.T @ da, "W": h.T @ dhu'),
        ],
    ),
    case(
        "highway layer",
        highway_forward,
        highway_backward,
        {"x": (3, 3), "Wt": (3, 3), "Wh": (3, 3)},
        faults=[
            (MISSING, "dy * (1 - t) + ", ""),
            (MISSING, " + dh @ Wh.T", ""),
            ("other", "(h - x) * t", "h * t"),
        ],
    ),
]
