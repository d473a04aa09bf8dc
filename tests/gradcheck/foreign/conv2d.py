"""Convolution of images."""

import numpy as np
from gradcheck.foreign.case import case
from numpy.lib.stride_tricks import sliding_window_view


def last_channels_forward(A, W, b):
    """Images (m, h, w, c), filters (f, f, c, c_out), stride 2, as in a well-known course: four loops."""
    m, h, w, _ = A.shape
    f, stride = W.shape[0], 2
    rows, columns = (h - f) // stride + 1, (w - f) // stride + 1
    Z = np.zeros((m, rows, columns, W.shape[3]))
    for i in range(m):
        for r in range(rows):
            for s in range(columns):
                patch = A[i, r * stride : r * stride + f, s * stride : s * stride + f]
                for channel in range(W.shape[3]):
                    Z[i, r, s, channel] = np.sum(patch * W[..., channel]) + b[0, 0, 0, channel]
    return Z, (A, W, stride)


def last_channels_backward(dZ, cache):
    A, W, stride = cache
    f = W.shape[0]
    dA, dW, db = np.zeros(A.shape), np.zeros(W.shape), np.zeros((1, 1, 1, W.shape[3]))
    for i in range(dZ.shape[0]):
        for r in range(dZ.shape[1]):
            for s in range(dZ.shape[2]):
                top, left = r * stride, s * stride
                for channel in range(dZ.shape[3]):
                    dA[i, top : top + f, left : left + f] += W[..., channel] * dZ[i, r, s, channel]
                    dW[..., channel] += A[i, top : top + f, left : left + f] * dZ[i, r, s, channel]
                    db[..., channel] += dZ[i, r, s, channel]
    return dA, dW, db


def padded_forward(x, w, b):
    """Images (n, c, h, w), filters (f, c, 3, 3), padded by 1: loops over examples and filters."""
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="constant")
    out = np.zeros((x.shape[0], w.shape[0], *x.shape[2:]))
    for n in range(out.shape[0]):
        for f in range(out.shape[1]):
            for i in range(out.shape[2]):
                for j in range(out.shape[3]):
                    out[n, f, i, j] = (padded[n, :, i : i + 3, j : j + 3] * w[f]).sum() + b[f]
    return out, {"padded": padded, "w": w}


def padded_backward(dout, cache):
    padded, w = cache["padded"], cache["w"]
    dpadded, dw = np.zeros_like(padded), np.zeros_like(w)
    for n, f, i, j in np.ndindex(dout.shape):
        dw[f] += padded[n, :, i : i + 3, j : j + 3] * dout[n, f, i, j]
        dpadded[n, :, i : i + 3, j : j + 3] += w[f] * dout[n, f, i, j]
    return dpadded[:, :, 1:-1, 1:-1], dw, dout.sum(axis=(0, 2, 3))


def im2col(x, size):
    """(n, c, h, w) -> (n * rows * columns, c * size * size)"""
    n, c, h, w = x.shape
    rows, columns = h - size + 1, w - size + 1
    col = np.zeros((n, c, size, size, rows, columns), dtype=x.dtype)
    for i in range(size):
        for j in range(size):
            col[:, :, i, j] = x[:, :, i : i + rows, j : j + columns]
    return col.transpose(0, 4, 5, 1, 2, 3).reshape(n * rows * columns, -1)


def im2col_forward(x, W, b):
    n, _, h, w = x.shape
    filters, _, size, _ = W.shape
    col = im2col(x, size)
    out = col @ W.reshape(filters, -1).T + b
    out = out.reshape(n, h - size + 1, w - size + 1, filters).transpose(0, 3, 1, 2)
    return out, (x.shape, W, col)


def im2col_backward(dout, cache):
    (n, c, h, w), W, col = cache
    filters, _, size, _ = W.shape
    rows, columns = h - size + 1, w - size + 1
    flat = dout.transpose(0, 2, 3, 1).reshape(-1, filters)
    db = flat.sum(axis=0)
    dW = (flat.T @ col).reshape(W.shape)
    dcol = (flat @ W.reshape(filters, -1)).reshape(n, rows, columns, c, size, size)
    dx = np.zeros((n, c, h, w))
    for i in range(size):
        for j in range(size):
            dx[:, :, i : i + rows, j : j + columns] += dcol[:, :, :, :, i, j].transpose(0, 3, 1, 2)
    return dx, dW, db


def windows_forward(x, w):
    """Views of windows and einsum; x (n, h, w), one channel, w (k, k)."""
    windows = sliding_window_view(x, w.shape, axis=(1, 2))
    return np.einsum("nijab,ab->nij", windows, w), (x, w)


def windows_backward(dy, cache):
    x, w = cache
    dw = np.einsum("nij,nijab->ab", dy, sliding_window_view(x, w.shape, axis=(1, 2)))
    border = [(0, 0), (w.shape[0] - 1,) * 2, (w.shape[1] - 1,) * 2]
    windows = sliding_window_view(np.pad(dy, border), w.shape, axis=(1, 2))
    return np.einsum("nijab,ab->nij", windows, w[::-1, ::-1]), dw


def depthwise_forward(x, w):
    """A filter per channel, by shifted products: x (n, c, h, w), w (c, 2, 2)."""
    h, v = x.shape[2] - 1, x.shape[3] - 1
    y = sum(x[:, :, i : i + h, j : j + v] * w[:, i, j, None, None] for i in range(2) for j in range(2))
    return y, (x, w)


def depthwise_backward(dy, cache):
    x, w = cache
    h, v = dy.shape[2:]
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for i in range(2):
        for j in range(2):
            dx[:, :, i : i + h, j : j + v] += dy * w[:, i, j, None, None]
            dw[:, i, j] = (dy * x[:, :, i : i + h, j : j + v]).sum(axis=(0, 2, 3))
    return dx, dw


def transposed_forward(x, w):
    """Stride 2, filter 3: each pixel of x (h, w) paints w times itself."""
    out = np.zeros((2 * x.shape[0] + 1, 2 * x.shape[1] + 1))
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            out[2 * i : 2 * i + 3, 2 * j : 2 * j + 3] += x[i, j] * w
    return out, (x, w)


def transposed_backward(dout, cache):
    x, w = cache
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            patch = dout[2 * i : 2 * i + 3, 2 * j : 2 * j + 3]
            dx[i, j] = np.sum(patch * w)
            dw += x[i, j] * patch
    return dx, dw


def pointwise_forward(x, w):
    """1 x 1: mixes channels, x (n, c, h, w), w (f, c)."""
    return np.tensordot(x, w, axes=([1], [1])).transpose(0, 3, 1, 2), (x, w)


def pointwise_backward(dout, cache):
    x, w = cache
    dx = np.tensordot(dout, w, axes=([1], [0])).transpose(0, 3, 1, 2)
    dw = np.tensordot(dout, x, axes=([0, 2, 3], [0, 2, 3]))
    return dx, dw


CASES = [
    case(
        "conv 2d, channels last, stride 2, loops",
        last_channels_forward,
        last_channels_backward,
        {"A": (2, 5, 5, 1), "W": (3, 3, 1, 2), "b": (1, 1, 1, 2)},
        faults=[
            ("other", "top, left = r * stride, s * stride", "top, left = r, s"),
            ("other", "top, left = r * stride, s * stride", "top, left = s * stride, r * stride"),
            ("wrong point", "W[..., channel] * dZ", "W[..., 0] * dZ"),
            ("factor", "return dA, dW, db", "return dA, dW / len(A), db / len(A)"),
        ],
    ),
    case(
        "conv 2d, padded, channels first, loops",
        padded_forward,
        padded_backward,
        {"x": (2, 1, 3, 3), "w": (2, 1, 3, 3), "b": (2,)},
        faults=[
            ("other", "dpadded[:, :, 1:-1, 1:-1]", "dpadded[:, :, :-2, :-2]"),
            ("other", "w[f] * dout", "w[f, :, ::-1, ::-1] * dout"),
            ("other", "(0, 2, 3)", "(0, 2)"),
        ],
    ),
    case(
        "conv 2d, im2col",
        im2col_forward,
        im2col_backward,
        {"x": (2, 2, 4, 4), "W": (3, 2, 2, 2), "b": (3,)},
        faults=[
            ("other", "dout.transpose(0, 2, 3, 1)", "dout"),
            ("other", "transpose(0, 3, 1, 2)", "transpose(0, 3, 2, 1)"),
        ],
    ),
    case(
        "conv 2d, views of windows",
        windows_forward,
        windows_backward,
        {"x": (2, 4, 4), "w": (2, 2)},
        faults=[
            ("other", "w[::-1, ::-1]", "w"),
            ("other", "w[::-1, ::-1]", "w[::-1]"),
            ("transposed", '"nij,nijab->ab"', '"nij,nijab->ba"'),
            ("wrong product", "w[::-1, ::-1]", "w[::-1, ::-1].T"),
        ],
    ),
    case("conv 2d, depthwise", depthwise_forward, depthwise_backward, {"x": (2, 2, 3, 3), "w": (2, 2, 2)}),
    case("conv 2d, transposed", transposed_forward, transposed_backward, {"x": (2, 3), "w": (3, 3)}),
    case(
        "conv 2d, 1 x 1",
        pointwise_forward,
        pointwise_backward,
        {"x": (2, 3, 2, 2), "w": (3, 3)},
        faults=[
            ("wrong product", "axes=([1], [0])", "axes=([1], [1])"),
            ("transposed", "np.tensordot(dout, x,", "np.tensordot(x, dout,"),
        ],
    ),
]
