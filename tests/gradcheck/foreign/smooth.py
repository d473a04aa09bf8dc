"""Activations without corners, but for elu and its kin."""

import math

import numpy as np
from gradcheck.foreign.case import case


def elu_forward(z):
    out = np.where(z > 0, z, np.exp(z) - 1)
    return out, (z, out)


def elu_backward(grad, cache):
    z, out = cache
    return grad * np.where(z > 0, 1.0, out + 1)


def selu_forward(z):
    scale, alpha = 1.0507, 1.67326
    return scale * np.where(z > 0, z, alpha * np.exp(z) - alpha), (z, scale, alpha)


def selu_backward(grad, cache):
    z, scale, alpha = cache
    return grad * scale * np.where(z > 0, 1, alpha * np.exp(z))


def gelu_tanh_forward(x):
    inner = math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)
    t = np.tanh(inner)
    return 0.5 * x * (1 + t), (x, t)


def gelu_tanh_backward(dout, cache):
    x, t = cache
    inner_slope = math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * x**2)
    return dout * (0.5 * (1 + t) + 0.5 * x * (1 - t**2) * inner_slope)


def gelu_erf_forward(x):
    cdf = 0.5 * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))
    return x * cdf, (x, cdf)


def gelu_erf_backward(dout, cache):
    x, cdf = cache
    pdf = np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)
    return dout * (cdf + x * pdf)


def swish_forward(x):
    s = 1 / (1 + np.exp(-x))
    return x * s, {"x": x, "s": s}


def swish_backward(dout, cache):
    x, s = cache["x"], cache["s"]
    return dout * (s + x * s * (1 - s))


def softplus_forward(x):
    return np.log(1 + np.exp(x)), x


def softplus_backward(dout, x):
    return dout / (1 + np.exp(-x))


def softplus_stable_forward(x):
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))), np.copy(x)


def softplus_stable_backward(dout, x):
    return dout * np.exp(x) / (1 + np.exp(x))


def tanh_forward(x):
    out = np.tanh(x)
    return out, out


def tanh_backward(dout, out):
    return dout * (1 - out**2)


def tanh_loop_forward(x):
    flat = np.zeros(x.size)
    for i, value in enumerate(x.flat):
        flat[i] = math.tanh(value)
    return flat.reshape(x.shape), flat


def tanh_loop_backward(dout, flat):
    dx = np.empty(dout.shape)
    for index in np.ndindex(dout.shape):
        a = flat[np.ravel_multi_index(index, dout.shape)]
        dx[index] = dout[index] * (1 - a * a)
    return dx


def sigmoid_forward(z):
    a = 1.0 / (1.0 + np.exp(-z))
    return a, {"a": a}


def sigmoid_backward(da, cache):
    a = cache["a"]
    return da * a * (1 - a)


def sigmoid_split_forward(z):
    """Two formulas, for the signs of z, written into a buffer."""
    a = np.zeros_like(z)
    a[z >= 0] = 1 / (1 + np.exp(-z[z >= 0]))
    a[z < 0] = np.exp(z[z < 0]) / (1 + np.exp(z[z < 0]))
    return a, (z, a)


def sigmoid_split_backward(da, cache):
    _, a = cache
    return da * a * (1 - a)


def softsign_forward(x):
    return x / (1 + np.abs(x)), x


def softsign_backward(dout, x):
    return dout / (1 + np.abs(x)) ** 2


def mish_forward(x):
    t = np.tanh(np.log1p(np.exp(x)))
    return x * t, (x, t)


def mish_backward(dout, cache):
    x, t = cache
    return dout * (t + x * (1 - t**2) / (1 + np.exp(-x)))


def glu_forward(x):
    """Half of the columns gates the other half."""
    a, b = np.split(x, 2, axis=1)
    gate = 1 / (1 + np.exp(-b))
    return a * gate, (a, gate)


def glu_backward(dout, cache):
    a, gate = cache
    return np.concatenate([dout * gate, dout * a * gate * (1 - gate)], axis=1)


Z = {"x": (4, 3)}
SIGMOID_FAULTS = [("wrong slope", "a * (1 - a)", "(1 - a)"), ("wrong slope", "a * (1 - a)", "a")]

CASES = [
    case(
        "elu",
        elu_forward,
        elu_backward,
        {"z": (4, 3)},
        faults=[
            ("wrong slope", "out + 1", "out"),
            ("wrong slope", "out + 1", "1.0"),
            ("wrong point", "out + 1", "np.exp(out)"),
        ],
    ),
    case("selu", selu_forward, selu_backward, {"z": (4, 3)}, faults=[("factor", "grad * scale", "grad")]),
    case(
        "gelu, by tanh",
        gelu_tanh_forward,
        gelu_tanh_backward,
        Z,
        faults=[
            ("missing term", " + 0.5 * x * (1 - t**2) * inner_slope", ""),
            ("missing term", "0.5 * (1 + t) + ", ""),
            ("other", "3 * 0.044715", "0.044715"),
            ("other", " * inner_slope", ""),
        ],
    ),
    case(
        "gelu, math.erf",
        gelu_erf_forward,
        gelu_erf_backward,
        Z,
        faults=[("missing term", "cdf + x * pdf", "cdf"), ("other", "cdf + x * pdf", "cdf + pdf")],
    ),
    case(
        "swish",
        swish_forward,
        swish_backward,
        Z,
        faults=[
            ("missing term", "s + x * s * (1 - s)", "s"),
            ("missing term", "s + x * s * (1 - s)", "x * s * (1 - s)"),
            ("other", "s + x * s * (1 - s)", "s + s * (1 - s)"),
        ],
    ),
    case(
        "softplus",
        softplus_forward,
        softplus_backward,
        Z,
        faults=[("other", "-x", "x"), ("wrong slope", " / (1 + np.exp(-x))", "")],
    ),
    case("softplus, stable, np.abs", softplus_stable_forward, softplus_stable_backward, Z),
    case(
        "tanh, the output kept",
        tanh_forward,
        tanh_backward,
        Z,
        faults=[("wrong point", "out**2", "np.tanh(out) ** 2"), ("wrong slope", "1 - out**2", "out")],
    ),
    case("tanh, math.tanh in a loop", tanh_loop_forward, tanh_loop_backward, Z),
    case("sigmoid", sigmoid_forward, sigmoid_backward, {"z": (5, 2)}, faults=SIGMOID_FAULTS),
    case(
        "sigmoid, two formulas in a buffer",
        sigmoid_split_forward,
        sigmoid_split_backward,
        {"z": (4, 3)},
        faults=[
            *SIGMOID_FAULTS,
            ("wrong point", "a * (1 - a)", "cache[0] * (1 - cache[0])"),
            ("wrong point", "da * a * (1 - a)", "da * np.exp(-a) / (1 + np.exp(-a)) ** 2"),
        ],
    ),
    case(
        "softsign",
        softsign_forward,
        softsign_backward,
        Z,
        faults=[("wrong slope", " ** 2", ""), ("other", "np.abs(x)", "x")],
    ),
    case(
        "mish",
        mish_forward,
        mish_backward,
        Z,
        faults=[("missing term", "t + x", "x"), ("other", " / (1 + np.exp(-x))", "")],
    ),
    case(
        "gated linear unit",
        glu_forward,
        glu_backward,
        {"x": (3, 6)},
        faults=[
            ("wrong slope", " * (1 - gate)", ""),
            ("other", "dout * a * gate * (1 - gate)", "dout * gate * (1 - gate)"),
            ("other", "[dout * gate, dout * a * gate * (1 - gate)]", "[dout * a * gate * (1 - gate), dout * gate]"),
        ],
    ),
]
