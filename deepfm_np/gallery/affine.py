"""Wrong ways back through a layer of weights and biases."""

import numpy as np

from deepfm_np import ops
from deepfm_np.gallery.bug import Collection, Operation

AFFINE = Collection("affine")


def layer(rng: np.random.Generator) -> Operation:
    normal = rng.standard_normal
    inputs = {"x": normal((6, 4)), "W": normal((4, 5)), "b": normal(5)}
    return Operation(ops.affine_forward, ops.affine_backward, inputs)


def square_layer(rng: np.random.Generator) -> Operation:
    normal = rng.standard_normal
    inputs = {"x": normal((6, 4)), "W": normal((4, 4)), "b": normal(4)}
    return Operation(ops.affine_forward, ops.affine_backward, inputs)


@AFFINE.wrong_backward(
    square_layer,
    "grad_y^T x in place of x^T grad_y",
    "with as many units as inputs, nothing crashes",
    "dL/dW has the shape of W: (d_in, d_out) = x^T (d_in, n) times grad_y (n, d_out)",
    "transposed",
)
def transposes(grad_y, cache):
    return grad_y @ cache.W.T, grad_y.T @ cache.x, grad_y.sum(axis=0)


@AFFINE.wrong_backward(
    layer,
    "the gradient of W has the shape of W^T",
    "the optimiser complains, or broadcasts",
    "check the shape: a gradient always has the shape of what it is the gradient of",
    "transposed",
)
def returns_transposed(grad_y, cache):
    return grad_y @ cache.W.T, grad_y.T @ cache.x, grad_y.sum(axis=0)


@AFFINE.wrong_backward(
    square_layer,
    "W in place of W^T on the way back",
    "the layer itself learns, all layers below learn nonsense",
    "x went forward through W, so the gradient comes back through W^T",
    "wrong product",
)
def goes_back_without_transposing(grad_y, cache):
    return grad_y @ cache.W, cache.x.T @ grad_y, grad_y.sum(axis=0)


@AFFINE.wrong_backward(
    layer,
    "the bias gradient is not summed over the batch",
    "b turns into a matrix at the first step",
    "one b serves all n examples, so their gradients add up",
    "not summed",
)
def keeps_the_batch_axis(grad_y, cache):
    return grad_y @ cache.W.T, cache.x.T @ grad_y, grad_y


@AFFINE.wrong_backward(
    layer,
    "the bias gradient is the last example's",
    "a loop over the batch that assigns where it should add",
    "b serves all examples: grad_b += grad_y[i]",
    "not summed",
)
def keeps_the_last_example(grad_y, cache):
    grad_b = np.zeros(cache.W.shape[1])
    for grad in grad_y:
        grad_b[:] = grad
    return grad_y @ cache.W.T, cache.x.T @ grad_y, grad_b


@AFFINE.wrong_backward(
    layer,
    "the bias gradient is a mean",
    "under SGD biases learn n times slower than weights; Adam hides it",
    "grad_y already contains the 1/n of the mean loss: sum",
    "factor",
)
def averages_bias(grad_y, cache):
    return grad_y @ cache.W.T, cache.x.T @ grad_y, grad_y.mean(axis=0)


@AFFINE.wrong_backward(
    layer,
    "the weight gradient is divided by the batch size",
    "under SGD weights learn n times slower than biases; Adam hides it",
    "grad_y already contains the 1/n of the mean loss",
    "factor",
)
def averages_weights(grad_y, cache):
    return grad_y @ cache.W.T, cache.x.T @ grad_y / len(grad_y), grad_y.sum(axis=0)


@AFFINE.wrong_backward(
    layer,
    "the gradients are returned in another order",
    "shapes that do not fit, or, where they do, nonsense",
    "backward returns the gradients in the order of forward's arguments: x, W, b",
    "exchanged",
)
def swaps_the_order(grad_y, cache):
    return cache.x.T @ grad_y, grad_y @ cache.W.T, grad_y.sum(axis=0)


@AFFINE.wrong_backward(
    layer,
    "one gradient is not returned",
    "the layer below gets nothing",
    "three arguments went in, three gradients come back",
    "shape",
)
def forgets_x(grad_y, cache):
    return cache.x.T @ grad_y, grad_y.sum(axis=0)
