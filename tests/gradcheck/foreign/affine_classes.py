"""The affine layer as a class, in the shapes that libraries for teaching give it."""

import numpy as np
from gradcheck.foreign.case import layer_case


class Affine:
    """Gradients as attributes."""

    def __init__(self, W, b):
        self.W, self.b = W, b
        self.x = self.dW = self.db = None

    def forward(self, x):
        self.x = x
        return np.dot(x, self.W) + self.b

    def backward(self, dout):
        dx = np.dot(dout, self.W.T)
        self.dW = np.dot(self.x.T, dout)
        self.db = np.sum(dout, axis=0)
        return dx


class Dense:
    """Dicts of parameters and gradients."""

    def __init__(self, W, b):
        self.params = {"W": W, "b": b}
        self.grads = {}

    def forward(self, inputs):
        self.inputs = inputs
        return inputs @ self.params["W"] + self.params["b"]

    def backward(self, grad):
        self.grads["W"] = self.inputs.T @ grad
        self.grads["b"] = grad.sum(axis=0)
        return grad @ self.params["W"].T


class LayerDense:
    """backward returns nothing: everything is an attribute."""

    def __init__(self, weights, biases):
        self.weights, self.biases = weights, biases

    def forward(self, inputs):
        self.inputs = inputs
        self.output = np.dot(inputs, self.weights) + self.biases
        return self.output

    def backward(self, dvalues):
        self.dweights = np.dot(self.inputs.T, dvalues)
        self.dbiases = np.sum(dvalues, axis=0, keepdims=True)
        self.dinputs = np.dot(dvalues, self.weights.T)


class Linear:
    """Lists of parameters and gradients, in the same order."""

    def __init__(self, W, b):
        self.params = [W, b]
        self.grads = [np.zeros_like(W), np.zeros_like(b)]

    def forward(self, x):
        W, b = self.params
        self.x = x
        return np.matmul(x, W) + b

    def backward(self, dout):
        W, _ = self.params
        self.grads[0][...] = np.matmul(self.x.T, dout)
        self.grads[1][...] = dout.sum(0)
        return np.matmul(dout, W.T)


class Parameter:
    def __init__(self, value):
        self.value = value
        self.grad = np.zeros_like(value)


class Accumulating:
    """Parameters as objects; gradients are added to what is there, as in PyTorch."""

    def __init__(self, weight, bias):
        self.weight, self.bias = Parameter(weight), Parameter(bias)

    def forward(self, x):
        self.input = x
        return x @ self.weight.value.T + self.bias.value

    def backward(self, grad_output):
        self.weight.grad += grad_output.T @ self.input
        self.bias.grad += grad_output.sum(axis=0)
        return grad_output @ self.weight.value


ROWS = {"x": (4, 3), "W": (3, 3), "b": (3,)}

CASES = [
    layer_case(
        "class: attributes",
        Affine,
        ROWS,
        ("dW", "db"),
        faults=[("transposed", "np.dot(self.x.T, dout)", "np.dot(dout.T, self.x)"), ("other", "axis=0", "axis=1")],
    ),
    layer_case("class: dicts", Dense, ROWS, ("grads.W", "grads.b")),
    layer_case(
        "class: backward returns nothing",
        LayerDense,
        {"inputs": (4, 3), "weights": (3, 3), "biases": (1, 3)},
        ("dinputs", "dweights", "dbiases"),
    ),
    layer_case("class: lists", Linear, ROWS, ("grads.0", "grads.1")),
    layer_case(
        "class: gradients that add up",
        Accumulating,
        {"x": (4, 3), "weight": (3, 3), "bias": (3,)},
        ("weight.grad", "bias.grad"),
        needs="in place",
    ),
]
