"""Wrong ways back through sigmoid, tanh and relu."""

import numpy as np

from deepfm_np import ops
from deepfm_np.gallery.bug import Collection, Operation

ACTIVATION = Collection("activation")


def sigmoid(rng: np.random.Generator) -> Operation:
    return Operation(ops.sigmoid_forward, ops.sigmoid_backward, {"z": 2 * rng.standard_normal((5, 4))})


def tanh(rng: np.random.Generator) -> Operation:
    return Operation(ops.tanh_forward, ops.tanh_backward, {"z": rng.standard_normal((5, 4))})


def relu(rng: np.random.Generator) -> Operation:
    return Operation(ops.relu_forward, ops.relu_backward, {"z": rng.standard_normal((5, 4))})


def caching(forward, what):
    """The forward pass with another cache: what(z, a)."""

    def with_cache(z):
        a, _ = forward(z)
        return a, what(z, a)

    return with_cache


@ACTIVATION.wrong_problem(
    sigmoid,
    "sigmoid: a (1 - a) is given z",
    "negative slopes of any size, as z is not between 0 and 1",
    "sigmoid'(z) = a (1 - a) with a = sigmoid(z): cache a, not z",
    "wrong point",
)
def sigmoid_of_z(operation):
    forward = caching(ops.sigmoid_forward, lambda z, a: z)
    return operation._replace(forward=forward, backward=lambda g, z: g * z * (1 - z))


@ACTIVATION.wrong_problem(
    sigmoid,
    "sigmoid: the slope is taken at a",
    "gradients between 0.19 and 0.25 of what arrives, whatever z is",
    "sigmoid'(z), not sigmoid'(sigmoid(z)): the cache holds a, and the slope function applies the sigmoid again",
    "wrong point",
)
def sigmoid_slope_at_a(operation):
    def backward(grad_a, a):
        again = ops.sigmoid_forward(a)[0]
        return grad_a * again * (1 - again)

    return operation._replace(forward=caching(ops.sigmoid_forward, lambda z, a: a), backward=backward)


@ACTIVATION.wrong_problem(
    sigmoid,
    "sigmoid: a is used for the slope",
    "units that are on never saturate: their slope is near 1 where it should be near 0",
    "sigmoid'(z) = a (1 - a); the second factor is missing",
    "wrong point",
)
def sigmoid_without_second_factor(operation):
    return operation._replace(forward=caching(ops.sigmoid_forward, lambda z, a: a), backward=lambda g, a: g * a)


@ACTIVATION.wrong_problem(
    tanh,
    "tanh: 1 - a^2 is given z",
    "negative slopes where |z| > 1",
    "tanh'(z) = 1 - a^2 with a = tanh(z): cache a, not z",
    "wrong point",
)
def tanh_of_z(operation):
    return operation._replace(backward=lambda g, cache: g * (1 - cache.z**2))


@ACTIVATION.wrong_problem(
    tanh,
    "tanh: the square is forgotten",
    "right where tanh is 0 or 1, and worst at -1: a slope of 2 in place of 0",
    "tanh'(z) = 1 - a^2",
    "wrong slope",
)
def tanh_without_square(operation):
    return operation._replace(backward=lambda g, cache: g * (1 - np.tanh(cache.z)))


@ACTIVATION.wrong_backward(
    relu,
    "relu: the mask is forgotten",
    "units that are off learn as if they were on",
    "the slope of relu is 1 where z > 0 and 0 elsewhere",
    "mask",
)
def relu_without_mask(grad_a, cache):
    return grad_a.copy()


@ACTIVATION.wrong_backward(
    relu,
    "relu: the mask is that of the gradient",
    "about half of the entries are right",
    "what counts is whether z was positive on the way forward, not whether the gradient is on the way back",
)
def relu_masks_by_gradient(grad_a, cache):
    return grad_a * (grad_a > 0)


@ACTIVATION.wrong_problem(
    relu,
    "relu: grad_a is overwritten",
    "right here, wrong wherever that gradient is still needed, as where two branches meet",
    "work on a copy: arrays that are passed in belong to the caller",
    "in place",
)
def relu_in_place(operation):
    def backward(grad_a, cache):
        grad_a[~cache.positive] = 0
        return grad_a

    return operation._replace(backward=backward)


@ACTIVATION.wrong_problem(
    sigmoid,
    "sigmoid: the cache of the first batch is kept",
    "the first step is right, no later one",
    "the cache belongs to one call: make a new one each time",
    "stale cache",
)
def sigmoid_keeps_first_cache(operation):
    first: dict = {}

    def forward(z):
        a, cache = ops.sigmoid_forward(z)
        return a, first.setdefault("cache", cache)

    return operation._replace(forward=forward)
