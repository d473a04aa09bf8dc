"""Wrong ways back through dropout."""

import numpy as np

from deepfm_np import ops
from deepfm_np.gallery.bug import Collection, Operation

DROPOUT = Collection("dropout")
RATE = 0.3


def dropped(rng: np.random.Generator) -> Operation:
    seed = int(rng.integers(1000))

    def forward(x):
        return ops.dropout_forward(x, RATE, np.random.default_rng(seed))

    return Operation(forward, ops.dropout_backward, {"x": rng.standard_normal((6, 5))})


@DROPOUT.wrong_backward(
    dropped,
    "the mask is applied twice",
    "layers below learn too fast by the factor 1 / keep",
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
