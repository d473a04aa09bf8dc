"""Other layers as classes that keep what backward needs."""

import numpy as np
from gradcheck.foreign.affine_classes import Affine
from gradcheck.foreign.case import integers, layer_case


class Sigmoid:
    def forward(self, x):
        self.out = 1 / (1 + np.exp(-x))
        return self.out

    def backward(self, dout):
        return dout * (1.0 - self.out) * self.out


class Relu:
    """The mask is what is off."""

    def forward(self, x):
        self.mask = x <= 0
        out = x.copy()
        out[self.mask] = 0
        return out

    def backward(self, dout):
        dout[self.mask] = 0
        return dout


class Dropout:
    def forward(self, x):
        self.mask = np.random.default_rng(3).random(x.shape) > 0.4
        return x * self.mask

    def backward(self, dout):
        return dout * self.mask


class Softmax:
    def forward(self, x):
        e = np.exp(x)
        self.out = e / np.sum(e, axis=1, keepdims=True)
        return self.out

    def backward(self, dout):
        dx = self.out * dout
        dx = dx - self.out * np.sum(dx, axis=1, keepdims=True)
        return dx


class SoftmaxWithLoss:
    """Ids as a parameter; backward has an argument that is 1 by default."""

    def __init__(self, t):
        self.t = t

    def forward(self, x):
        e = np.exp(x - x.max(axis=1, keepdims=True))
        self.y = e / e.sum(axis=1, keepdims=True)
        return -np.log(self.y[np.arange(len(x)), self.t]).mean()

    def backward(self, dout=1):
        batch_size = len(self.t)
        dx = self.y.copy()
        dx[np.arange(batch_size), self.t] -= 1
        return dx * dout / batch_size


class BatchNorm:
    """Statistics as attributes, a running mean beside them."""

    def __init__(self, gamma, beta):
        self.gamma, self.beta = gamma, beta
        self.running_mean = np.zeros(len(gamma))

    def forward(self, x):
        mu = x.mean(axis=0)
        self.xc = x - mu
        self.std = np.sqrt(np.mean(self.xc**2, axis=0) + 1e-6)
        self.xn = self.xc / self.std
        self.running_mean = 0.9 * self.running_mean + 0.1 * mu
        return self.gamma * self.xn + self.beta

    def backward(self, dout):
        n = len(dout)
        self.dbeta = dout.sum(axis=0)
        self.dgamma = np.sum(self.xn * dout, axis=0)
        dxn = self.gamma * dout
        dxc = dxn / self.std
        dstd = -np.sum(dxn * self.xc / self.std**2, axis=0)
        dxc += self.xc / n * dstd / self.std
        dmu = np.sum(dxc, axis=0)
        return dxc - dmu / n


class Rnn:
    """(t, d) through time with a list of states."""

    def __init__(self, Wx, Wh):
        self.Wx, self.Wh = Wx, Wh

    def forward(self, xs):
        self.xs, self.hs = xs, [np.zeros(len(self.Wh))]
        for x in xs:
            self.hs.append(np.tanh(x @ self.Wx + self.hs[-1] @ self.Wh))
        return np.array(self.hs[1:])

    def backward(self, dhs):
        self.dWx, self.dWh = np.zeros_like(self.Wx), np.zeros_like(self.Wh)
        dxs, dh = np.zeros_like(self.xs), 0
        for t in reversed(range(len(dhs))):
            dz = (dhs[t] + dh) * (1 - self.hs[t + 1] ** 2)
            self.dWx += np.outer(self.xs[t], dz)
            self.dWh += np.outer(self.hs[t], dz)
            dxs[t] = self.Wx @ dz
            dh = self.Wh @ dz
        return dxs


class MaxPool:
    def forward(self, x):
        """(n, t) in windows of two."""
        self.shape = x.shape
        windows = x.reshape(len(x), -1, 2)
        self.best = windows.argmax(axis=2)
        return windows.max(axis=2)

    def backward(self, dout):
        dx = np.zeros((*dout.shape, 2))
        for i in range(dout.shape[0]):
            for j in range(dout.shape[1]):
                dx[i, j, self.best[i, j]] = dout[i, j]
        return dx.reshape(self.shape)


class Scale:
    """float32 parameters, as in libraries for training: float32 inside."""

    def __init__(self, gain):
        self.gain = gain.astype(np.float32)

    def forward(self, x):
        self.x = x.astype(np.float32)
        return self.x * self.gain

    def backward(self, dout):
        self.dgain = (dout * self.x).sum(axis=0).astype(np.float32)
        return (dout * self.gain).astype(np.float32)


class Sequential:
    """Layers in a list."""

    def __init__(self, W1, b1, W2, b2):
        self.layers = [Affine(W1, b1), Sigmoid(), Affine(W2, b2)]

    def forward(self, x):
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def backward(self, dout):
        for layer in reversed(self.layers):
            dout = layer.backward(dout)
        return dout


CASES = [
    layer_case(
        "class: sigmoid", Sigmoid, {"x": (3, 3)}, faults=[("wrong slope", "(1.0 - self.out) * self.out", "self.out")]
    ),
    layer_case("class: relu, grad_y written over", Relu, {"x": (3, 4)}, needs="in place"),
    layer_case("class: dropout", Dropout, {"x": (4, 4)}),
    layer_case(
        "class: softmax",
        Softmax,
        {"x": (3, 4)},
        faults=[("diagonal only", "dx = dx - self.out * np.sum(dx, axis=1, keepdims=True)", "pass")],
    ),
    layer_case(
        "class: softmax with loss",
        SoftmaxWithLoss,
        {"x": (4, 3), "t": integers(3, 4)},
        faults=[
            ("true class lost", "dx[np.arange(batch_size), self.t] -= 1", "pass"),
            ("ignores upstream", "dx * dout /", "dx /"),
        ],
    ),
    layer_case(
        "class: batch norm",
        BatchNorm,
        {"x": (5, 2), "gamma": (2,), "beta": (2,)},
        ("dgamma", "dbeta"),
        faults=[
            ("statistics constant", "dxc += self.xc / n * dstd / self.std", "pass"),
            ("statistics constant", "dxc - dmu / n", "dxc"),
            ("statistics constant", "dxc - dmu / n", "dxn / self.std"),
            ("exchanged", "self.dbeta = dout.sum", "self.dbeta = (self.xn * dout).sum"),
        ],
    ),
    layer_case(
        "class: RNN",
        Rnn,
        {"xs": (4, 3), "Wx": (3, 3), "Wh": (3, 3)},
        ("dWx", "dWh"),
        faults=[
            ("last step only", "(dhs[t] + dh)", "dhs[t]"),
            ("wrong product", "self.Wh @ dz", "self.Wh.T @ dz"),
            ("wrong product", "self.Wx @ dz", "self.Wx.T @ dz"),
        ],
    ),
    layer_case("class: max pool", MaxPool, {"x": (2, 6)}),
    layer_case("class: float32 inside", Scale, {"x": (4, 3), "gain": (3,)}, ("dgain",), exact=False),
    layer_case(
        "class: layers in a list",
        Sequential,
        {"x": (4, 3), "W1": (3, 3), "b1": (3,), "W2": (3, 2), "b2": (2,)},
        ("layers.0.dW", "layers.0.db", "layers.2.dW", "layers.2.db"),
    ),
]
