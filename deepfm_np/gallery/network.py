"""Wrong ways back through the layers: affine, activations, dropout, batch norm."""

import numpy as np

from deepfm_np import ops
from deepfm_np.gallery.bug import Collection, Operation

AFFINE = Collection("affine")
ACTIVATION = Collection("activation")
DROPOUT = Collection("dropout")
BATCH_NORM = Collection("batch norm")
RATE = 0.3


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
    "with as many units as inputs nothing crashes",
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
    "biases learn n times slower than weights",
    "the 1/n of the mean loss is in grad_y already: sum",
    "factor",
)
def averages_bias(grad_y, cache):
    return grad_y @ cache.W.T, cache.x.T @ grad_y, grad_y.mean(axis=0)


@AFFINE.wrong_backward(
    layer,
    "the weight gradient is divided by the batch size",
    "weights learn n times slower than biases",
    "the 1/n of the mean loss is in grad_y already",
    "factor",
)
def averages_weights(grad_y, cache):
    return grad_y @ cache.W.T, cache.x.T @ grad_y / len(grad_y), grad_y.sum(axis=0)


@AFFINE.wrong_backward(
    layer,
    "the gradients are returned in another order",
    "shapes that do not fit, or, where they do, nonsense",
    "backward returns the gradients in the order of forward's arguments: x, W, b",
    "shape",
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


def sigmoid(rng: np.random.Generator) -> Operation:
    return Operation(ops.sigmoid_forward, ops.sigmoid_backward, {"z": 2 * rng.standard_normal((5, 4))})


def tanh(rng: np.random.Generator) -> Operation:
    return Operation(ops.tanh_forward, ops.tanh_backward, {"z": rng.standard_normal((5, 4))})


def relu(rng: np.random.Generator) -> Operation:
    return Operation(ops.relu_forward, ops.relu_backward, {"z": rng.standard_normal((5, 4))})


def caching(forward, what):
    """The forward pass with a cache of one's own: `what` of (z, a)."""

    def with_cache(z):
        a, _ = forward(z)
        return a, what(z, a)

    return with_cache


@ACTIVATION.wrong_problem(
    sigmoid,
    "sigmoid: a (1 - a) is given z",
    "gradients of any size and both signs, as z is not between 0 and 1",
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
    "units that are on learn four times too fast",
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
    "right where tanh is 0 or 1, wrong between",
    "tanh'(z) = 1 - a^2",
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
    "right here, wrong in whoever still needs that gradient, as where two branches meet",
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
    first = {}

    def forward(z):
        a, cache = ops.sigmoid_forward(z)
        return a, first.setdefault("cache", cache)

    return operation._replace(forward=forward)


def dropped(rng: np.random.Generator) -> Operation:
    seed = int(rng.integers(1000))

    def forward(x):
        return ops.dropout_forward(x, RATE, np.random.default_rng(seed))

    return Operation(forward, ops.dropout_backward, {"x": rng.standard_normal((6, 5))})


@DROPOUT.wrong_backward(
    dropped,
    "the mask is applied twice",
    "layers below learn 1 / keep too fast",
    "dL/dx = grad_y * mask / keep, once",
    "mask",
)
def masks_twice(grad_y, cache):
    return grad_y * cache.scale * cache.scale


@DROPOUT.wrong_backward(
    dropped,
    "the mask is not applied",
    "units that were dropped learn from an example in which they did not take part",
    "a dropped unit has no influence on the loss, so its gradient is 0",
    "mask",
)
def does_not_mask(grad_y, cache):
    return grad_y.copy()


@DROPOUT.wrong_backward(
    dropped,
    "1 / keep is forgotten on the way back",
    "layers below learn too slowly by the factor keep",
    "forward divides by keep, so backward does",
    "mask",
)
def forgets_keep(grad_y, cache):
    return grad_y * (cache.scale > 0)


@DROPOUT.wrong_backward(
    dropped,
    "divided by the rate in place of keep",
    "no difference at 0.5, the usual rate",
    "kept units are scaled by 1 / (1 - rate); the paper calls the probability of keeping dropout",
    "factor",
)
def divides_by_rate(grad_y, cache):
    return grad_y * (cache.scale > 0) / RATE


@DROPOUT.wrong_backward(
    dropped,
    "a new mask is drawn on the way back",
    "learning is noisy and slow, and never quite fails",
    "the mask of the forward pass is part of the function that is differentiated: keep it in the cache",
)
def draws_again(grad_y, cache):
    mask = np.random.default_rng(12345).random(grad_y.shape) >= RATE
    return grad_y * mask / (1 - RATE)


def normalised(rng: np.random.Generator) -> Operation:
    normal, running = rng.standard_normal, (np.zeros(3), np.ones(3))

    def forward(x, gamma, beta):
        return ops.batch_norm_forward(x, gamma, beta, running, True)

    return Operation(
        forward, ops.batch_norm_backward, {"x": normal((6, 3)), "gamma": 1 + normal(3) ** 2, "beta": normal(3)}
    )


@BATCH_NORM.wrong_backward(
    normalised,
    "mean and variance are taken for constants",
    "layers below chase shifts that the next batch norm undoes",
    "in training both depend on x: subtract mean(g) and normalized * mean(g * normalized)",
)
def evaluates_in_training(grad_y, cache):
    grad_x = grad_y * cache.gamma * cache.inverse_std
    return grad_x, (grad_y * cache.normalized).sum(axis=0), grad_y.sum(axis=0)


@BATCH_NORM.wrong_backward(
    normalised,
    "the variance is taken for a constant",
    "gradients of x sum to 0, as they should, and are wrong all the same",
    "the variance depends on x: subtract normalized * mean(g * normalized), too",
)
def forgets_the_variance(grad_y, cache):
    g = grad_y * cache.gamma
    grad_x = (g - g.mean(axis=0)) * cache.inverse_std
    return grad_x, (grad_y * cache.normalized).sum(axis=0), grad_y.sum(axis=0)


@BATCH_NORM.wrong_backward(
    normalised,
    "the gradient of gamma is that of beta",
    "scales learn what shifts should",
    "y = gamma * normalized + beta: dL/dgamma = sum of grad_y * normalized",
)
def forgets_normalized(grad_y, cache):
    grad_x, _, grad_beta = ops.batch_norm_backward(grad_y, cache)
    return grad_x, grad_beta, grad_beta


@BATCH_NORM.wrong_backward(
    normalised,
    "beta's gradient is a mean",
    "shifts learn n times too slowly",
    "one beta serves the whole batch: sum",
    "factor",
)
def averages_beta(grad_y, cache):
    grad_x, grad_gamma, _ = ops.batch_norm_backward(grad_y, cache)
    return grad_x, grad_gamma, grad_y.mean(axis=0)


@BATCH_NORM.wrong_problem(
    normalised,
    "x is normalised in place",
    "the layer before finds its output changed when its turn to go back comes",
    "arrays that are passed in belong to the caller: centered = x - mean, not x -= mean",
    "in place",
)
def normalises_in_place(operation):
    def forward(x, gamma, beta):
        y, cache = operation.forward(x, gamma, beta)
        x -= x.mean(axis=0)
        return y, cache

    return operation._replace(forward=forward)
