"""Wrong functions, exactly differentiated.

The gradient check passes them all: it asks whether the derivative is that of the function, not whether the function is
the one that was meant. An oracle that cannot be doubted, loops, tells.
"""

import math

import numpy as np

from deepfm_np import ops
from deepfm_np.gallery.bug import Operation, WrongForward

FORWARDS: list[WrongForward] = []
RATE, FROZEN = 0.5, 3


def wrong_forward(place: str, name: str, symptom: str, lesson: str, oracle):
    """For a function rng -> the wrong operation with its right derivative."""

    def register(problem):
        FORWARDS.append(WrongForward(place, name, symptom, lesson, problem, oracle))
        return problem

    return register


def pairs_by_loops(vectors):
    n, m, _ = vectors.shape
    return np.array([sum(vectors[e, i] @ vectors[e, j] for i in range(m) for j in range(i + 1, m)) for e in range(n)])


@wrong_forward(
    "fm",
    "the pair sum without its 1/2",
    "trains well: embeddings shrink by the square root of 2",
    "(sum V)^2 - sum V^2 counts each pair twice",
    pairs_by_loops,
)
def pairs_twice(rng):
    def forward(vectors):
        y, cache = ops.fm_forward(vectors)
        return 2 * y, cache

    return Operation(forward, lambda g, c: 2 * ops.fm_backward(g, c), {"vectors": rng.standard_normal((4, 3, 2))})


@wrong_forward(
    "fm",
    "the squares are not taken away",
    "each vector also interacts with itself",
    "pairs i < j: sum V_i^2 belongs to no pair",
    pairs_by_loops,
)
def with_squares(rng):
    def forward(vectors):
        total = vectors.sum(axis=1)
        return (total * total).sum(axis=1) / 2, (vectors, total)

    def backward(grad_y, cache):
        vectors, total = cache
        return grad_y[:, None, None] * np.repeat(total[:, None, :], vectors.shape[1], axis=1)

    return Operation(forward, backward, {"vectors": rng.standard_normal((4, 3, 2))})


IDS = np.array([[0, 3], [1, 3], [2, 3]])
VALUES = np.array([[1.0, 0.5], [1.0, -2.0], [1.0, 3.0]])  # the second field is a number


def lookup_by_loops(table):
    return np.array([[VALUES[i, j] * table[IDS[i, j]] for j in range(2)] for i in range(3)])


@wrong_forward(
    "embedding",
    "the number of a numerical field is left out",
    "the model is told that there is a price, not which",
    "V_j = x * row for a numerical field, in FM and network alike",
    lookup_by_loops,
)
def without_numbers(rng):
    def forward(table):
        return ops.embedding_forward(table, IDS, np.ones_like(VALUES))

    return Operation(forward, ops.embedding_backward, {"table": rng.standard_normal((4, 2))}, (IDS, VALUES))


LABELS = np.array([1, 0, 0, 1, 0])


def log_loss_by_loops(logits):
    p = [1 / (1 + math.exp(-z)) for z in logits]
    return -sum(math.log(q) if y else math.log(1 - q) for q, y in zip(p, LABELS, strict=True)) / len(p)


@wrong_forward(
    "log loss",
    "probabilities are taken for logits",
    "the loss cannot fall below 0.31, predictions stay between 0.5 and 0.73",
    "the sigmoid belongs to the loss, so the model must return logits",
    log_loss_by_loops,
)
def sigmoid_twice(rng):
    def forward(logits):
        p, sigmoid = ops.sigmoid_forward(logits)
        loss, log_loss = ops.log_loss_forward(p, LABELS)
        return loss, (sigmoid, log_loss)

    def backward(grad_loss, cache):
        sigmoid, log_loss = cache
        return ops.sigmoid_backward(ops.log_loss_backward(grad_loss, log_loss), sigmoid)

    return Operation(forward, backward, {"logits": rng.standard_normal(5)})


@wrong_forward(
    "log loss",
    "the loss is a sum",
    "the best learning rate changes with the batch size",
    "the mean over the batch: divide by n",
    log_loss_by_loops,
)
def summed(rng):
    def forward(logits):
        loss, cache = ops.log_loss_forward(logits, LABELS)
        return 5 * loss, cache

    return Operation(forward, lambda g, c: 5 * ops.log_loss_backward(g, c), {"logits": rng.standard_normal(5)})


def dropout_by_loops(x):
    kept = np.random.default_rng(FROZEN).random(x.shape, dtype=np.float32) >= RATE
    return np.array([[x[i, j] / (1 - RATE) if kept[i, j] else 0.0 for j in range(x.shape[1])] for i in range(len(x))])


@wrong_forward(
    "dropout",
    "kept units are not scaled up",
    "predictions are off as soon as dropout is turned off",
    "divide by keep in training, so that the expectation of y is x",
    dropout_by_loops,
)
def unscaled(rng):
    def forward(x):
        kept = np.random.default_rng(FROZEN).random(x.shape, dtype=np.float32) >= RATE
        return x * kept, kept

    return Operation(forward, lambda grad_y, kept: grad_y * kept, {"x": rng.standard_normal((4, 3))})


def batch_norm_by_loops(x):
    y = np.zeros(x.shape)
    for j in range(x.shape[1]):
        mean = sum(x[:, j]) / len(x)
        var = sum((value - mean) ** 2 for value in x[:, j]) / len(x)
        y[:, j] = [(value - mean) / math.sqrt(var + 1e-5) for value in x[:, j]]
    return y


@wrong_forward(
    "batch norm",
    "normalised over the units, not over the batch",
    "it trains: this is layer norm, another method",
    "batch norm takes mean and variance of each unit over axis 0",
    batch_norm_by_loops,
)
def over_the_units(rng):
    def forward(x):
        n = len(x)
        running = (np.zeros(n), np.ones(n))
        y, cache = ops.batch_norm_forward(x.T, np.ones(n), np.zeros(n), running, True)
        return y.T, cache

    def backward(grad_y, cache):
        return ops.batch_norm_backward(grad_y.T, cache)[0].T

    return Operation(forward, backward, {"x": rng.standard_normal((5, 3))})


def affine_by_loops(x, W, b):
    n, d_in, d_out = len(x), *W.shape
    return np.array([[b[o] + sum(x[i, d] * W[d, o] for d in range(d_in)) for o in range(d_out)] for i in range(n)])


@wrong_forward(
    "affine",
    "the bias is added twice",
    "nothing at all: b just ends at half its value",
    "y = x W + b",
    affine_by_loops,
)
def bias_twice(rng):
    def forward(x, W, b):
        y, cache = ops.affine_forward(x, W, b)
        return y + b, cache

    def backward(grad_y, cache):
        grad_x, grad_W, grad_b = ops.affine_backward(grad_y, cache)
        return grad_x, grad_W, 2 * grad_b

    normal = rng.standard_normal
    return Operation(forward, backward, {"x": normal((4, 3)), "W": normal((3, 2)), "b": normal(2)})
