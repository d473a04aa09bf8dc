"""Wrong ways back through batch norm."""

import numpy as np

from deepfm_np import ops
from deepfm_np.gallery.bug import Collection, Operation

BATCH_NORM = Collection("batch norm")


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
    "statistics constant",
)
def evaluates_in_training(grad_y, cache):
    grad_x = grad_y * cache.gamma * cache.inverse_std
    return grad_x, (grad_y * cache.normalized).sum(axis=0), grad_y.sum(axis=0)


@BATCH_NORM.wrong_backward(
    normalised,
    "the variance is taken for a constant",
    "gradients of x sum to 0, as they should, and are wrong all the same",
    "the variance depends on x: subtract normalized * mean(g * normalized), too",
    "statistics constant",
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
    "exchanged",
)
def forgets_normalized(grad_y, cache):
    grad_x, _, grad_beta = ops.batch_norm_backward(grad_y, cache)
    return grad_x, grad_beta, grad_beta


@BATCH_NORM.wrong_backward(
    normalised,
    "beta's gradient is a mean",
    "under SGD shifts learn n times too slowly; Adam hides it",
    "one beta serves the whole batch: sum",
    "factor",
)
def averages_beta(grad_y, cache):
    grad_x, grad_gamma, _ = ops.batch_norm_backward(grad_y, cache)
    return grad_x, grad_gamma, grad_y.mean(axis=0)


@BATCH_NORM.wrong_problem(
    normalised,
    "x is normalised in place",
    "the layer before finds its output changed by the time its backward runs",
    "arrays that are passed in belong to the caller: centered = x - mean, not x -= mean",
    "in place",
)
def normalises_in_place(operation):
    def forward(x, gamma, beta):
        y, cache = operation.forward(x, gamma, beta)
        x -= x.mean(axis=0)
        return y, cache

    return operation._replace(forward=forward)
