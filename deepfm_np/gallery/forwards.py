"""Wrong functions, exactly differentiated, each beside the right one and an oracle made of loops.

The gradient check passes them all: it asks whether the derivative is that of the function, not whether the function is
the one that was meant. Only an independent value of the function can tell, from loops too plain to doubt.
"""

import math
from collections.abc import Callable

import numpy as np

from deepfm_np import ops
from deepfm_np.gallery.bug import Operation, WrongForward

FORWARDS: list[WrongForward] = []


def wrong_forward(right: Callable, oracle: Callable, place: str, name: str, symptom: str, lesson: str) -> Callable:
    """For a function that turns the right operation into the wrong one, with the exact derivative of the latter."""

    def register(change: Callable) -> Callable:
        FORWARDS.append(WrongForward(place, name, symptom, lesson, lambda rng: change(right(rng)), right, oracle))
        return change

    return register


def pairs(rng):
    return Operation(ops.fm_forward, ops.fm_backward, {"vectors": rng.standard_normal((4, 3, 2))})


def pairs_by_loops(vectors):
    n, m, _ = vectors.shape
    return np.array([sum(vectors[e, i] @ vectors[e, j] for i in range(m) for j in range(i + 1, m)) for e in range(n)])


@wrong_forward(
    pairs,
    pairs_by_loops,
    "fm",
    "the pair sum without its 1/2",
    "trains well: embeddings shrink by the square root of 2",
    "(sum V)^2 - sum V^2 counts each pair twice",
)
def pairs_twice(right):
    def forward(vectors):
        y, cache = right.forward(vectors)
        return 2 * y, cache

    return right._replace(forward=forward, backward=lambda grad_y, cache: 2 * right.backward(grad_y, cache))


@wrong_forward(
    pairs,
    pairs_by_loops,
    "fm",
    "the squares are not taken away",
    "each vector also interacts with itself",
    "pairs i < j: sum V_i^2 belongs to no pair",
)
def with_squares(right):
    def forward(vectors):
        total = vectors.sum(axis=1)
        return (total * total).sum(axis=1) / 2, (vectors, total)

    def backward(grad_y, cache):
        vectors, total = cache
        return grad_y[:, None, None] * np.repeat(total[:, None, :], vectors.shape[1], axis=1)

    return right._replace(forward=forward, backward=backward)


IDS = np.array([[0, 3], [1, 3], [2, 3]])
VALUES = np.array([[1.0, 0.5], [1.0, -2.0], [1.0, 3.0]])  # the second field is a number


def lookup(rng):
    def forward(table):
        return ops.embedding_forward(table, IDS, VALUES)

    return Operation(forward, ops.embedding_backward, {"table": rng.standard_normal((4, 2))}, (IDS, VALUES))


def lookup_by_loops(table):
    return np.array([[VALUES[i, j] * table[IDS[i, j]] for j in range(2)] for i in range(3)])


@wrong_forward(
    lookup,
    lookup_by_loops,
    "embedding",
    "the number of a numerical field is left out",
    "the model is told that there is a price, not which",
    "V_j = x * row for a numerical field, in FM and network alike",
)
def without_numbers(right):
    return right._replace(forward=lambda table: ops.embedding_forward(table, IDS, np.ones_like(VALUES)))


LABELS = np.array([1, 0, 0, 1, 0])


def clicks(rng):
    def forward(logits):
        return ops.log_loss_forward(logits, LABELS)

    return Operation(forward, ops.log_loss_backward, {"logits": rng.standard_normal(5)})


def log_loss_by_loops(logits):
    p = [1 / (1 + math.exp(-z)) for z in logits]
    return -sum(math.log(q) if y else math.log(1 - q) for q, y in zip(p, LABELS, strict=True)) / len(p)


@wrong_forward(
    clicks,
    log_loss_by_loops,
    "log loss",
    "probabilities are taken for logits",
    "the loss cannot fall below 0.31, predictions stay between 0.5 and 0.73",
    "the sigmoid belongs to the loss, so the model must return logits",
)
def sigmoid_twice(right):
    def forward(logits):
        p, sigmoid = ops.sigmoid_forward(logits)
        loss, log_loss = right.forward(p)
        return loss, (sigmoid, log_loss)

    def backward(grad_loss, cache):
        sigmoid, log_loss = cache
        return ops.sigmoid_backward(right.backward(grad_loss, log_loss), sigmoid)

    return right._replace(forward=forward, backward=backward)


@wrong_forward(
    clicks,
    log_loss_by_loops,
    "log loss",
    "the loss is a sum",
    "the best learning rate changes with the batch size",
    "the mean over the batch: divide by n",
)
def summed(right):
    def forward(logits):
        loss, cache = right.forward(logits)
        return 5 * loss, cache

    return right._replace(forward=forward, backward=lambda grad_loss, cache: 5 * right.backward(grad_loss, cache))


RATE, SEED = 0.3, 3  # not 0.5, at which rate and 1 - rate cannot be told apart


def dropped(rng):
    def forward(x):
        return ops.dropout_forward(x, RATE, np.random.default_rng(SEED))

    return Operation(forward, ops.dropout_backward, {"x": rng.standard_normal((4, 3))})


def dropout_by_loops(x):
    """A unit is dropped where its 16 random bits are below rate * 2^16; 64 bits serve four units, the lowest first."""
    rng = np.random.default_rng(SEED)
    y = []
    for i, value in enumerate(x.flat):
        if i % 4 == 0:
            bits = int(rng.integers(2**64, dtype=np.uint64))
        bits, word = divmod(bits, 2**16)
        y.append(0.0 if word < RATE * 2**16 else value / (1 - RATE))
    return np.array(y).reshape(x.shape)


@wrong_forward(
    dropped,
    dropout_by_loops,
    "dropout",
    "kept units are not scaled up",
    "predictions are off as soon as dropout is turned off",
    "divide by keep in training, so that the expectation of y is x",
)
def unscaled(right):
    def forward(x):
        kept = right.forward(x)[1].scale > 0
        return x * kept, kept

    return right._replace(forward=forward, backward=lambda grad_y, kept: grad_y * kept)


def normalised(rng):
    def forward(x):
        d = x.shape[1]
        return ops.batch_norm_forward(x, np.ones(d), np.zeros(d), (np.zeros(d), np.ones(d)), True)

    def backward(grad_y, cache):
        return ops.batch_norm_backward(grad_y, cache)[0]

    return Operation(forward, backward, {"x": rng.standard_normal((5, 3))})


def batch_norm_by_loops(x):
    y = np.zeros(x.shape)
    for j in range(x.shape[1]):
        mean = sum(x[:, j]) / len(x)
        var = sum((value - mean) ** 2 for value in x[:, j]) / len(x)
        y[:, j] = [(value - mean) / math.sqrt(var + 1e-5) for value in x[:, j]]
    return y


@wrong_forward(
    normalised,
    batch_norm_by_loops,
    "batch norm",
    "normalised over the units, not over the batch",
    "it trains: this is layer norm, another method",
    "batch norm takes mean and variance of each unit over axis 0",
)
def over_the_units(right):
    def forward(x):
        y, cache = right.forward(x.T)
        return y.T, cache

    return right._replace(forward=forward, backward=lambda grad_y, cache: right.backward(grad_y.T, cache).T)


def layer(rng):
    normal = rng.standard_normal
    inputs = {"x": normal((4, 3)), "W": normal((3, 2)), "b": normal(2)}
    return Operation(ops.affine_forward, ops.affine_backward, inputs)


def affine_by_loops(x, W, b):
    d_in, d_out = W.shape
    return np.array([[b[o] + sum(row[d] * W[d, o] for d in range(d_in)) for o in range(d_out)] for row in x])


@wrong_forward(
    layer,
    affine_by_loops,
    "affine",
    "the bias is added twice",
    "nothing at all: b just ends at half its value",
    "y = x W + b",
)
def bias_twice(right):
    def forward(x, W, b):
        y, cache = right.forward(x, W, b)
        return y + b, cache

    def backward(grad_y, cache):
        grad_x, grad_W, grad_b = right.backward(grad_y, cache)
        return grad_x, grad_W, 2 * grad_b

    return right._replace(forward=forward, backward=backward)
