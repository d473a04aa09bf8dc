"""Wrong ways back through the log loss."""

import numpy as np

from deepfm_np import ops
from deepfm_np.gallery.bug import Collection, Operation

LOG_LOSS = Collection("log loss")


def clicks(rng: np.random.Generator) -> Operation:
    """The cache is (logits, labels), the obvious choice before saturation is considered."""
    labels = rng.permutation([0, 0, 0, 0, 1, 1, 1])

    def forward(logits):
        return ops.log_loss_forward(logits, labels)[0], (logits, labels)

    def backward(grad_loss, cache):
        return ops.log_loss_backward(grad_loss, ops.log_loss_forward(*cache)[1])

    return Operation(forward, backward, {"logits": rng.standard_normal(7)})


def probability(z):
    return ops.sigmoid_forward(z)[0]


@LOG_LOSS.wrong_backward(
    clicks,
    "the sigmoid is applied twice",
    "an example without a click pushes with at least 1/2 for ever: where clicks are rare, all predictions sink to 0",
    "dL/dz = (p - y) / n with p = sigmoid(z); a loss that takes logits must not be given probabilities",
    "double sigmoid",
)
def applies_sigmoid_twice(grad_loss, cache):
    logits, labels = cache
    return grad_loss * (probability(probability(logits)) - labels) / len(labels)


@LOG_LOSS.wrong_backward(
    clicks,
    "the slope of the sigmoid is multiplied in once more",
    "badly wrong examples hardly learn: the flaw of the squared error is back",
    "the slope p (1 - p) cancels against the derivative of the logarithm; (p - y) is all that is left",
    "double sigmoid",
)
def multiplies_the_slope(grad_loss, cache):
    logits, labels = cache
    p = probability(logits)
    return grad_loss * (p - labels) * p * (1 - p) / len(labels)


@LOG_LOSS.wrong_backward(
    clicks,
    "the mean is forgotten",
    "the best learning rate changes with the batch size",
    "the loss is a mean over n examples: divide by n",
    "factor",
)
def forgets_the_mean(grad_loss, cache):
    logits, labels = cache
    return grad_loss * (probability(logits) - labels)


@LOG_LOSS.wrong_backward(
    clicks,
    "y - p in place of p - y",
    "the loss rises, and the AUC falls below 1/2",
    "more logit, more loss where nothing was clicked: dL/dz = p > 0 at y = 0",
    "sign",
)
def reverses_the_residual(grad_loss, cache):
    logits, labels = cache
    return grad_loss * (labels - probability(logits)) / len(labels)


@LOG_LOSS.wrong_backward(
    clicks,
    "the derivative by p, not by z",
    "steps explode where the model is sure and wrong",
    "dL/dp = (p - y) / (p (1 - p)) still has to be multiplied by dp/dz = p (1 - p)",
)
def stops_at_the_probability(grad_loss, cache):
    logits, labels = cache
    p = probability(logits)
    return grad_loss * (p - labels) / (p * (1 - p)) / len(labels)


@LOG_LOSS.wrong_backward(
    clicks,
    "only clicks are counted",
    "all predictions drift to 1",
    "an example without a click teaches, too: -log(1 - p)",
    "nothing arrives",
)
def counts_clicks_alone(grad_loss, cache):
    logits, labels = cache
    return grad_loss * labels * (probability(logits) - 1) / len(labels)


@LOG_LOSS.wrong_backward(
    clicks,
    "nothing is passed on",
    "the loss stays where it starts",
    "the gradient starts here: dL/dz = (p - y) / n",
    "zero",
)
def passes_nothing(grad_loss, cache):
    logits, _ = cache
    return np.zeros_like(logits)
