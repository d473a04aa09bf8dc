"""Wrong ways back through the lookup: embedding, first order, and the penalty of touched rows."""

import numpy as np

from deepfm_np import ops
from deepfm_np.gallery.bug import Collection, Operation

EMBEDDING = Collection("embedding")
FIRST_ORDER = Collection("first order")
D, K = 12, 3
STARTS = (0, 1, 2)  # a categorical field, a numerical one in row 5, a multi-valued one of up to three values


def batch(rng: np.random.Generator, numbers: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """(6, 5) ids and values: some ids repeat, one row is touched once, and row 11 is named by padding alone."""
    n = 6
    categorical = np.array([0, 0, 1, 2, 3, 0]) + np.zeros(n, int)
    members = np.stack([6 + rng.permutation(4)[:3] for _ in range(n)])
    values = np.ones((n, 5))
    members[::2, 2], values[::2, 4] = 11, 0.0
    members[1, 1] = 10
    values[:, 1] = rng.uniform(0.5, 2.0, n) if numbers else 1.0
    return np.column_stack([categorical, np.full(n, 5), members]), values


def lookup(rng: np.random.Generator, numbers: bool = True) -> Operation:
    ids, values = batch(rng, numbers)

    def forward(table):
        return ops.embedding_forward(table, ids, values, STARTS)

    return Operation(forward, ops.embedding_backward, {"table": rng.standard_normal((D, K))}, (ids, values))


def plain_lookup(rng: np.random.Generator) -> Operation:
    return lookup(rng, numbers=False)


def lookup_by_slot(rng: np.random.Generator) -> Operation:
    """The same slots, each a field of its own."""
    ids, values = batch(rng)

    def forward(table):
        return ops.embedding_forward(table, ids, values)

    return Operation(forward, ops.embedding_backward, {"table": rng.standard_normal((D, K))}, (ids, values))


def slot_gradients(grad_vectors, cache):
    """(n, s, k) what each slot sends to its row."""
    return grad_vectors[:, cache.field_of_slot] * cache.values[:, :, None]


@EMBEDDING.wrong_backward(
    lookup,
    "rows are assigned, not added to",
    "rare values learn as they should, frequent ones far too slowly",
    "grad[ids] = g keeps the last of several slots that share a row; np.add.at(grad, ids, g) adds them all",
    "repeated rows",
)
def assigns(grad_vectors, cache):
    grad = np.zeros((D, K))
    grad[cache.ids] = slot_gradients(grad_vectors, cache)
    return grad


@EMBEDDING.wrong_backward(
    lookup,
    "grad[ids] += g",
    "looks like a sum but is not: repeated ids count once",
    "with an index array, += reads all rows before it writes any; use np.add.at",
    "repeated rows",
)
def adds_by_fancy_index(grad_vectors, cache):
    grad = np.zeros((D, K))
    grad[cache.ids] += slot_gradients(grad_vectors, cache)
    return grad


@EMBEDDING.wrong_backward(
    lookup,
    "a row gradient that names a row twice",
    "an optimiser that updates rows one by one overwrites the first update with the second",
    "sum the slots of each row first: one row, one gradient",
    "repeated rows",
)
def rows_not_merged(grad_vectors, cache):
    used = cache.values != 0
    return ops.RowGradient(cache.ids[used], slot_gradients(grad_vectors, cache)[used])


@EMBEDDING.wrong_backward(
    plain_lookup,
    "padding gets a gradient",
    "the row that pads short lists drifts, though no example contains it",
    "V_j sums value * row, so the gradient of a slot carries its value, which is 0 for padding",
    "padding",
)
def padding_counts(grad_vectors, cache):
    grad = np.zeros((D, K))
    np.add.at(grad, cache.ids, grad_vectors[:, cache.field_of_slot])
    return grad


@EMBEDDING.wrong_backward(
    lookup,
    "padding rows are kept with gradient 0",
    "Adam goes on moving a row that the batch does not touch, by its old moments",
    "a slot of value 0 touches nothing: leave its row out of the row gradient",
    "padding",
)
def padding_is_present(grad_vectors, cache):
    grad = np.zeros((D, K))
    np.add.at(grad, cache.ids, slot_gradients(grad_vectors, cache))
    rows = np.unique(cache.ids)
    return ops.RowGradient(rows, grad[rows])


@EMBEDDING.wrong_backward(
    lookup,
    "row 0 is taken for padding",
    "the first value of the first field never learns",
    "a slot is padding because its value is 0, whatever its id",
    "left out",
)
def drops_row_zero(grad_vectors, cache):
    rows, values = ops.embedding_backward(grad_vectors, cache)
    return ops.RowGradient(rows[rows > 0], values[rows > 0])


@EMBEDDING.wrong_backward(
    lookup,
    "divided by the batch size once more",
    "under SGD embeddings learn n times slower than the rest of the model; Adam hides it",
    "the loss is a mean already: 1/n is in grad_vectors when it arrives",
    "factor",
)
def divides_by_n(grad_vectors, cache):
    rows, values = ops.embedding_backward(grad_vectors, cache)
    return ops.RowGradient(rows, values / len(grad_vectors))


@EMBEDDING.wrong_backward(
    lookup_by_slot,
    "the number of a numerical field is forgotten",
    "only the row of the numerical field is wrong, by a different factor in each batch",
    "V_j = x * row, so dL/drow = x * dL/dV_j",
    "values forgotten",
)
def forgets_the_number(grad_vectors, cache):
    grad = np.zeros((D, K))
    np.add.at(grad, cache.ids, grad_vectors * (cache.values != 0)[:, :, None])
    return grad


@EMBEDDING.wrong_backward(
    lookup,
    "each slot is given the gradient of the field before it",
    "nothing fits, and nothing crashes, as every field vector has length k",
    "the slots of field j receive dL/dV_j: follow field_starts",
    "off by one",
)
def shifts_fields(grad_vectors, cache):
    grad = np.zeros((D, K))
    shifted = np.roll(grad_vectors, 1, axis=1)
    np.add.at(grad, cache.ids, slot_gradients(shifted, cache))
    return grad


def scores(rng: np.random.Generator) -> Operation:
    ids, values = batch(rng)

    def forward(weights):
        return ops.first_order_forward(weights, ids, values)

    return Operation(forward, ops.first_order_backward, {"weights": rng.standard_normal(D)}, (ids, values))


@FIRST_ORDER.wrong_backward(
    scores,
    "weights are assigned, not added to",
    "the weight of a popular item moves as if one person had seen it",
    "every example that holds the value adds its grad_y",
    "repeated rows",
)
def assigns_weights(grad_y, cache):
    grad = np.zeros(D)
    grad[cache.ids] = grad_y[:, None] * cache.values
    return grad


@FIRST_ORDER.wrong_backward(
    scores,
    "the sign of the gradient is flipped",
    "the loss rises from the first step",
    "y = <w, x> rises with w where x > 0; the optimiser subtracts, the gradient does not",
    "sign",
)
def flips_the_sign(grad_y, cache):
    rows, values = ops.first_order_backward(grad_y, cache)
    return ops.RowGradient(rows, -values)


@FIRST_ORDER.wrong_backward(
    scores,
    "small gradients are dropped to save time",
    "rare values hardly ever learn",
    "a row may be left out where its gradient is exactly 0, not where it is small",
    "left out",
)
def drops_small_gradients(grad_y, cache):
    rows, values = ops.first_order_backward(grad_y, cache)
    large = np.abs(values) > 0.5 * np.abs(values).max()
    return ops.RowGradient(rows[large], values[large])


def penalty(rng: np.random.Generator) -> Operation:
    ids, values = batch(rng)

    def forward(table):
        return ops.l2_rows_forward(table, ids, values)

    return Operation(forward, ops.l2_rows_backward, {"table": rng.standard_normal((D, K))}, (ids, values))


L2 = Collection("l2")


@L2.wrong_backward(
    penalty,
    "each touched row is penalised once",
    "frequent rows are held back less than the loss says",
    "the penalty counts a row once per occurrence, so its gradient does, too",
    "repeated rows",
)
def penalises_once(grad_y, cache):
    used = cache.values != 0
    rows, first = np.unique(cache.ids[used], return_index=True)
    return ops.RowGradient(rows, grad_y / len(cache.ids) * cache.rows[used][first])


def weight_penalty(rng: np.random.Generator) -> Operation:
    return Operation(ops.l2_forward, ops.l2_backward, {"W": rng.standard_normal((4, 3))})


@L2.wrong_backward(
    weight_penalty,
    "the 1/2 of the penalty is forgotten",
    "weights shrink twice as fast as the strength says",
    "d/dW 1/2 ||W||^2 = W, not 2 W",
    "factor",
)
def doubles(grad_y, W):
    return grad_y * 2 * W
