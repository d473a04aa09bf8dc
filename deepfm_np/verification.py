"""Gradient checks of everything: each operation, and whole models in every variant, at random points.

This is what `python -m deepfm_np gradcheck` runs. Points are small, so that every entry of every parameter is
compared; parameters are moved away from their start, where a zero output layer would hide the hidden layers.
"""

from collections.abc import Iterator
from itertools import product

import numpy as np

from deepfm_np import ops
from deepfm_np.data.examples import Examples, WeightedExamples
from deepfm_np.gradcheck import Report, check_loss, check_operation
from deepfm_np.model import COMPONENTS, DeepFM
from deepfm_np.models import MODELS

# A categorical field, a numerical one, one with up to three values, and another categorical one.
FIELD_DIMS = (7, 1, 6, 5)
FIELD_STARTS = (0, 1, 2, 5)


def check_operations(seed: int = 0, method: str = "complex") -> Iterator[tuple[str, Report]]:
    """The name of each operation and the report on its backward pass, one after the other."""
    for name, forward, backward, inputs, *slots in _operations(np.random.default_rng(seed)):
        yield name, check_operation(forward, backward, inputs, None, method, seed, *slots, strict=True)


def check_models(seed: int = 0, method: str = "complex") -> Iterator[tuple[str, Report]]:
    """The name of each variant of the model and the report on the gradient of its loss."""
    examples = mixed_examples(np.random.default_rng(seed))
    for name, settings in _variants():
        model = DeepFM(FIELD_DIMS, FIELD_STARTS, embedding_dim=3, hidden=(6, 5), dtype="float64", **settings)
        yield name, check_model(model, examples, seed, method)
    weighted = WeightedExamples(*examples, np.linspace(0.5, 2.0, len(examples.labels)))
    model = DeepFM(FIELD_DIMS, FIELD_STARTS, embedding_dim=3, hidden=(6, 5), dtype="float64")
    yield "DeepFM, weighted examples", check_model(model, weighted, seed, method)


def check_full_size(seed: int = 0) -> tuple[str, Report]:
    """The model of the paper at its full size: 39 fields as in Criteo, k = 10, 400-400-400, along random directions."""
    rng = np.random.default_rng(seed)
    numerical, categorical, n = 13, 26, 32
    field_dims = np.array([1] * numerical + [1000] * categorical)
    ids = np.cumsum(field_dims) - field_dims + rng.integers(0, field_dims, (n, len(field_dims)))
    values = np.ones(ids.shape)
    values[:, :numerical] = rng.standard_normal((n, numerical))
    model = DeepFM(field_dims.tolist(), l2_embedding=0.1, l2_net=0.01, dtype="float64")
    report = check_model(model, Examples(ids, values, np.arange(n) % 2), seed, fast=True)
    return f"DeepFM, 39 fields, 400-400-400, {sum(p.size for p in model.params.values()):,} parameters", report


def check_model(
    model: DeepFM, examples: Examples | WeightedExamples, seed: int = 0, method: str = "complex", fast: bool = False
) -> Report:
    """Check the loss of a float64 model, in training mode with dropout under a frozen mask, at a random point.

    The point is the model's parameters plus Gaussian noise of standard deviation 0.3; the model is not changed.
    method, fast: as in `check_loss`.
    """
    rng = np.random.default_rng(seed)
    point = {name: array + 0.3 * rng.standard_normal(array.shape) for name, array in model.params.items()}

    def loss_and_grads(params):
        return model.loss_and_grads(**examples._asdict(), rng=np.random.default_rng(seed), params=params)

    terms = model.gradient_terms(**examples._asdict(), rng=np.random.default_rng(seed), params=point)
    slots = (examples.ids, examples.values)
    return check_loss(loss_and_grads, point, method, seed, slots=slots, terms=terms, fast=fast, strict=True)


def mixed_examples(rng: np.random.Generator, n: int = 8) -> Examples:
    """n examples of the fields above, with repeated ids, padding, and a number that is exactly 0."""
    first = np.concatenate([[0], np.cumsum(FIELD_DIMS)[:-1]])
    widths = np.diff([*FIELD_STARTS, 6])
    ids = np.repeat(first, widths) + rng.integers(0, np.repeat(FIELD_DIMS, widths), (n, 6))
    values = np.ones((n, 6))
    values[:, 1] = rng.standard_normal(n)
    values[0, 1] = 0.0
    values[:, 2:5] = rng.integers(0, 2, (n, 3)) / 2
    return Examples(ids, values, np.arange(n) % 2)


def _operations(rng: np.random.Generator) -> Iterator[tuple]:
    """Name, forward, backward, the inputs that are differentiated (what is held fixed is bound), slots of a table."""
    normal = rng.standard_normal
    ids, values, labels = mixed_examples(rng)
    x, D, running = normal((7, 5)), sum(FIELD_DIMS), (normal(5), rng.random(5) + 0.5)

    def embedding(table):
        return ops.embedding_forward(table, ids, values, FIELD_STARTS)

    def first_order(weights):
        return ops.first_order_forward(weights, ids, values)

    def dropout(x):
        return ops.dropout_forward(x, 0.4, np.random.default_rng(1))

    def batch_norm(training):
        return lambda x, gamma, beta: ops.batch_norm_forward(x, gamma, beta, running, training)

    def log_loss(logits):
        return ops.log_loss_forward(logits, labels)

    def weighted_log_loss(logits):
        return ops.log_loss_forward(logits, labels, np.linspace(0.5, 2.0, len(labels)))

    def l2_rows(table):
        return ops.l2_rows_forward(table, ids, values)

    table, weights, units = {"table": normal((D, 3))}, {"weights": normal(D)}, {"gamma": normal(5), "beta": normal(5)}
    yield "embedding", embedding, ops.embedding_backward, table, (ids, values)
    yield "first order", first_order, ops.first_order_backward, weights, (ids, values)
    yield "fm", ops.fm_forward, ops.fm_backward, {"vectors": normal((6, 4, 3))}
    yield "inner product", ops.inner_product_forward, ops.inner_product_backward, {"vectors": normal((6, 4, 3))}
    yield "outer product", ops.outer_product_forward, ops.outer_product_backward, {"vectors": normal((6, 4, 3))}
    yield "affine", ops.affine_forward, ops.affine_backward, {"x": x, "W": normal((5, 4)), "b": normal(4)}
    yield "sigmoid", ops.sigmoid_forward, ops.sigmoid_backward, {"z": 3 * x}
    yield "relu", ops.relu_forward, ops.relu_backward, {"z": x}
    yield "tanh", ops.tanh_forward, ops.tanh_backward, {"z": x}
    yield "dropout, frozen mask", dropout, ops.dropout_backward, {"x": x}
    yield "batch norm, training", batch_norm(True), ops.batch_norm_backward, {"x": x, **units}
    yield "batch norm, evaluation", batch_norm(False), ops.batch_norm_backward, {"x": x, **units}
    yield "log loss", log_loss, ops.log_loss_backward, {"logits": 3 * normal(len(labels))}
    yield "log loss, weighted", weighted_log_loss, ops.log_loss_backward, {"logits": 3 * normal(len(labels))}
    yield "l2 penalty", ops.l2_forward, ops.l2_backward, {"W": normal((5, 4))}
    yield "l2 penalty of rows", l2_rows, ops.l2_rows_backward, table, (ids, values)


def _variants() -> Iterator[tuple[str, dict]]:
    common = {"l2_embedding": 0.1, "l2_net": 0.05, "dropout": 0.3}  # at 0.5 a scale by 1 / rate would look right
    settings = product(("sigmoid", "tanh", "relu"), ("logit", "sigmoid"), (False, True))
    for activation, deep_output, batch_norm in settings:
        name = f"DeepFM {activation}, {deep_output} output" + (", batch norm" if batch_norm else "")
        yield name, {"activation": activation, "deep_output": deep_output, "batch_norm": batch_norm, **common}
    yield "DeepFM, L2 of the whole table", {"l2_table": 0.1, "dropout": 0.0}
    for name, switches in COMPONENTS.items():
        yield f"{name}, no penalty", {**switches, "dropout": 0.0}
    for name in ("IPNN", "OPNN", "PNN*", "FM & DNN"):  # FNN is a DNN; the paper's other models are above
        yield name, {**MODELS[name], **common}
    yield "FM & PNN*, L2 of the whole tables", {**MODELS["PNN*"], **MODELS["FM & DNN"], "fm": True, "l2_table": 0.1}
