"""Wrong ways back through a whole DeepFM, written out by hand: one hidden layer, an L2 penalty on table and W0."""

from collections.abc import Callable, Mapping

import numpy as np

from deepfm_np import ops
from deepfm_np.gallery.bug import Bug, Collection, Loss
from deepfm_np.gallery.embedding import STARTS, D, K, batch
from deepfm_np.ops.rows import Array

MODEL = Collection("model")
M, UNITS, L2 = len(STARTS), 4, 0.1


def loss_and_parts(params: Mapping[str, Array], ids: Array, values: Array, labels: Array) -> tuple:
    """The loss, its gradients, and the three parts that add up to the gradient of the table."""
    n, table, W0 = len(ids), params["table"], params["W0"]
    y_first, first_order = ops.first_order_forward(params["weights"], ids, values)
    vectors, embedding = ops.embedding_forward(table, ids, values, STARTS)
    y_fm, fm = ops.fm_forward(vectors)
    z, affine = ops.affine_forward(vectors.reshape(n, M * K), W0, params["b0"])
    a, sigmoid = ops.sigmoid_forward(z)
    y_deep, output = ops.affine_forward(a, params["W1"], params["b1"])
    data_loss, log_loss = ops.log_loss_forward(params["bias"] + y_first + y_fm + y_deep[:, 0], labels)
    penalty, rows = ops.l2_rows_forward(table, ids, values)
    loss = np.add(data_loss, L2 * penalty) + L2 * ops.l2_forward(W0)[0]

    grad = ops.log_loss_backward(1.0, log_loss)
    grad_a, grad_W1, grad_b1 = ops.affine_backward(grad[:, None], output)
    grad_a0, grad_W0, grad_b0 = ops.affine_backward(ops.sigmoid_backward(grad_a, sigmoid), affine)
    parts = {
        "FM part": ops.embedding_backward(ops.fm_backward(grad, fm), embedding),
        "deep part": ops.embedding_backward(grad_a0.reshape(n, M, K), embedding),
        "L2 term": ops.l2_rows_backward(L2, rows),
    }
    grads = {
        "bias": grad.sum(),
        "weights": ops.first_order_backward(grad, first_order),
        "table": total(parts, *parts),
        "W0": grad_W0 + L2 * W0,
        "b0": grad_b0,
        "W1": grad_W1,
        "b1": grad_b1,
    }
    return loss, grads, parts


def total(parts: Mapping[str, ops.RowGradient], *names: str) -> ops.RowGradient:
    """The sum of the named parts, which all touch the same rows."""
    return ops.RowGradient(parts["FM part"].rows, np.sum([parts[name].values for name in names], axis=0))


class DeepFMLoss:
    """The loss of one batch as a function of the parameters; `wrong` replaces some gradients, given the parts."""

    def __init__(self, ids: Array, values: Array, labels: Array, wrong: Callable | None = None):
        self.batch = ids, values, labels
        self.wrong = wrong

    def __call__(self, params: Mapping[str, Array]) -> tuple:
        loss, grads, parts = loss_and_parts(params, *self.batch)
        return loss, grads if self.wrong is None else grads | self.wrong(grads, parts, params)


def deepfm(rng: np.random.Generator, wrong: Callable | None = None) -> Loss:
    ids, values = batch(rng)
    labels = np.array([0, 1, 0, 1, 1, 0])
    shapes: dict[str, int | tuple[int, ...]] = {
        "bias": (),
        "weights": D,
        "table": (D, K),
        "W0": (M * K, UNITS),
        "b0": UNITS,
        "W1": (UNITS, 1),
        "b1": 1,
    }
    params = {name: rng.standard_normal(shape) for name, shape in shapes.items()}
    params["bias"] = np.array(params["bias"])
    terms = {"table": loss_and_parts(params, ids, values, labels)[2]}
    return Loss(DeepFMLoss(ids, values, labels, wrong), params, (ids, values), terms)


def wrong_gradient(name: str, symptom: str, lesson: str, rule: str = "") -> Callable:
    """For a function (grads, parts, params) -> the wrong gradients, by name."""

    def register(wrong: Callable) -> Callable:
        MODEL.bugs.append(Bug(MODEL.place, name, symptom, lesson, rule, lambda rng: deepfm(rng, wrong), deepfm))
        return wrong

    return register


@wrong_gradient(
    "the FM branch does not reach the table",
    "the pairs are scored and never learned: DeepFM ends at the level of the network alone",
    "FM and network read the same embeddings, so both gradients are added",
    "branch lost",
)
def loses_fm(grads, parts, params):
    return {"table": total(parts, "deep part", "L2 term")}


@wrong_gradient(
    "the deep branch does not reach the table",
    "the network has to work with the embeddings FM needs",
    "FM and network read the same embeddings, so both gradients are added",
    "branch lost",
)
def loses_deep(grads, parts, params):
    return {"table": total(parts, "FM part", "L2 term")}


@wrong_gradient(
    "the FM branch is added twice",
    "the table learns the pairs twice as fast as the rest",
    "each branch once",
    "branch lost",
)
def adds_fm_twice(grads, parts, params):
    return {"table": total(parts, "FM part", "FM part", "deep part", "L2 term")}


@wrong_gradient(
    "the penalty of the table is in the loss and not in its gradient",
    "the printed loss rises with the strength, but the embeddings stay as large as ever",
    "whatever the loss adds, the gradient adds: L2/n times the row for each occurrence",
    "L2 missing",
)
def forgets_table_penalty(grads, parts, params):
    return {"table": total(parts, "FM part", "deep part")}


@wrong_gradient(
    "the penalty of W0 is in the loss and not in its gradient",
    "the printed loss rises with the strength, but the weights stay as they were without it",
    "d/dW L2/2 ||W||^2 = L2 W",
    "L2 missing",
)
def forgets_weight_penalty(grads, parts, params):
    return {"W0": grads["W0"] - L2 * params["W0"]}


@wrong_gradient(
    "the penalty of W0 has the wrong sign",
    "weights grow without bound",
    "the penalty is added to the loss, so its gradient is added",
    "L2 missing",
)
def subtracts_weight_penalty(grads, parts, params):
    return {"W0": grads["W0"] - 2 * L2 * params["W0"]}


@wrong_gradient(
    "one parameter has no gradient",
    "it stays where it starts",
    "every parameter in use has an entry",
    "shape",
)
def forgets_b0(grads, parts, params):
    return {"b0": None}


@wrong_gradient(
    "the gradient of the bias is a mean",
    "the click rate is matched late",
    "dL/dw0 = the sum of dL/dz over the batch, which already contains the 1/n",
    "factor",
)
def averages_bias(grads, parts, params):
    return {"bias": grads["bias"] / 6}


@wrong_gradient(
    "the first layer forgets the slope of its sigmoid",
    "the layer learns too fast, most so where units saturate",
    "the chain goes through the activation: multiply by a (1 - a)",
)
def skips_the_slope(grads, parts, params):
    return {"b0": grads["bias"] * params["W1"][:, 0]}


@wrong_gradient(
    "gradients are written into a buffer that is used again",
    "right in a check of one batch; with gradients added over two batches, the second counts twice",
    "what is returned belongs to the caller",
    "stale cache",
)
def reuses_a_buffer(grads, parts, params):
    BUFFER[...] = grads["W0"]
    return {"W0": BUFFER}


BUFFER = np.zeros((M * K, UNITS))
