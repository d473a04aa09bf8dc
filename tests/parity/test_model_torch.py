"""DeepFM against the same formulas written with PyTorch's operations and differentiated by its autograd.

Both sides have the same weights and the same dropout masks.
"""

import numpy as np
import pytest
from parity.torch_reference import (
    FORWARD,
    GRADIENT,
    assert_close,
    assert_gradients_close,
    embedding,
    embedding_penalty,
    fm,
    inner_products,
    leaf,
    outer_products,
)

from deepfm_np import DeepFM
from deepfm_np.model import COMPONENTS
from deepfm_np.models import MODELS
from deepfm_np.ops import dropout_forward
from deepfm_np.optim import SGD

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
F = torch.nn.functional

# Categorical, numerical, multi-valued (sum), categorical, multi-valued (mean).
FIELD_DIMS, FIELD_STARTS = [4, 1, 6, 3, 5], [0, 1, 2, 5, 6]
# The rows that each slot draws from. Rows 10 and 18, the last of each multi-valued field, serve only as padding.
SLOT_ROWS = [(0, 4), (4, 5), (5, 10), (5, 10), (5, 10), (11, 14), (14, 18), (14, 18)]
MASK_SEED = 7
PRODUCTS = {"inner": inner_products, "outer": outer_products}

activations = pytest.mark.parametrize("activation", ["sigmoid", "relu", "tanh"])
outputs = pytest.mark.parametrize("deep_output", ["logit", "sigmoid"])
batch_norms = pytest.mark.parametrize("batch_norm", [False, True], ids=["plain", "batch norm"])
penalties = pytest.mark.parametrize("l2", [0.0, 0.1], ids=["no L2", "L2"])
ARCHITECTURES = COMPONENTS | {name: MODELS[name] for name in ("IPNN", "OPNN", "PNN*", "FM & DNN")}
ARCHITECTURES["FM & PNN*"] = {"products": ("inner", "outer"), "shared_embedding": False}
components = pytest.mark.parametrize("switches", ARCHITECTURES.values(), ids=ARCHITECTURES.keys())
networks = pytest.mark.parametrize("name", [name for name in ARCHITECTURES if name not in ("LR", "FM")])


def make_batch(n=24, seed=0):
    rng = np.random.default_rng(seed)
    ids = np.stack([rng.integers(first, last, n) for first, last in SLOT_ROWS], axis=1)
    values = np.ones(ids.shape)
    values[:, 1] = rng.standard_normal(n)
    values[0, 1] = 0.0  # a numerical field that happens to be 0
    values[:, 3:5] = rng.random((n, 2)) < 0.5  # up to three members, the rest padding
    values[1, 2:5] = 0.0  # no members at all
    values[:, 7] = rng.random(n) < 0.5
    values[:, 6:] /= values[:, 6:].sum(axis=1, keepdims=True)
    ids[:4, 2:5] = 9  # one id several times in one field
    for field, padding in ((slice(2, 5), 10), (slice(6, 8), 18)):
        ids[:, field][values[:, field] == 0] = padding
    return ids, values, rng.integers(0, 2, n)


def make_model(dtype="float64", scale=0.5, **settings):
    """A model with random parameters and running statistics, so that every part is active."""
    settings = {"embedding_dim": 3, "hidden": (7, 5), "dropout": 0.4, **settings}
    model = DeepFM(FIELD_DIMS, FIELD_STARTS, dtype=dtype, **settings)
    rng = np.random.default_rng(3)
    for array in model.params.values():
        array[...] = scale * rng.standard_normal(array.shape)
    for name, array in model.running.items():
        array[...] = rng.uniform(0.5, 2, array.shape) if "var" in name else rng.standard_normal(array.shape)
    return model


class Reference:
    """The model's formulas, computed on leaf tensors that copy its parameters."""

    def __init__(self, model):
        self.model = model
        self.leaves = {name: leaf(array) for name, array in model.params.items()}
        self.running = {name: torch.tensor(array) for name, array in model.running.items()}

    def logits(self, ids, values, rng=None, training=False):
        model, leaves = self.model, self.leaves
        dtype = leaves["bias"].dtype
        ids, values = torch.tensor(ids), torch.tensor(values, dtype=dtype)
        logits = leaves["bias"].expand(len(ids))
        if model.first_order:
            logits = logits + (leaves["weights"][ids] * values).sum(1)
        starts = model.field_starts or range(ids.shape[1])
        if model.fm:
            logits = logits + fm(embedding(leaves["table"], ids, values, starts))
        if model.deep:
            vectors = embedding(leaves.get("deep_table", leaves.get("table")), ids, values, starts)
            products = [PRODUCTS[name](vectors) for name in model.products]
            logits = logits + self.deep(torch.cat([vectors.flatten(1), *products], 1), rng, training)
        return logits

    def deep(self, a, rng, training):
        model, leaves = self.model, self.leaves
        for layer in range(len(model.hidden)):
            a = a @ leaves[f"W{layer}"] + leaves[f"b{layer}"]
            if model.batch_norm:
                running = self.running[f"mean{layer}"], self.running[f"var{layer}"]
                a = F.batch_norm(a, *running, leaves[f"gamma{layer}"], leaves[f"beta{layer}"], training)
            a = getattr(torch, model.activation)(a)
            if rng is not None and model.dropout:
                kept = dropout_forward(np.ones(tuple(a.shape)), model.dropout, rng)[0] != 0
                a = a * torch.tensor(kept) / (1 - model.dropout)
        y = (a @ leaves[f"W{len(model.hidden)}"] + leaves[f"b{len(model.hidden)}"])[:, 0]
        return torch.sigmoid(y) if model.deep_output == "sigmoid" else y

    def loss(self, ids, values, labels, rng=None, training=True):
        logits = self.logits(ids, values, rng, training)
        loss = F.binary_cross_entropy_with_logits(logits, torch.tensor(labels, dtype=logits.dtype))
        for table in [tensor for name, tensor in self.leaves.items() if "table" in name]:
            penalty = embedding_penalty(table, torch.tensor(ids), torch.tensor(values))
            loss = loss + self.model.l2_embedding * penalty
            loss = loss + self.model.l2_table / 2 * torch.linalg.vector_norm(table) ** 2
        for name, tensor in self.leaves.items():
            if name.startswith("W"):
                loss = loss + self.model.l2_net / 2 * (tensor**2).sum()
        return loss


def assert_model_equals_reference(model, batch, dropout=True, training=True):
    """Compare the loss, the gradients, batch norm's running statistics, and the logits predicted afterwards."""
    reference = Reference(model)
    mask_rngs = [np.random.default_rng(MASK_SEED) if dropout else None for _ in range(2)]
    loss, grads = model.loss_and_grads(*batch, rng=mask_rngs[0], training=training)
    expected = reference.loss(*batch, rng=mask_rngs[1], training=training)
    expected.backward()
    assert_close(loss, expected, FORWARD, "the loss")
    assert_gradients_close(grads, reference.leaves, *batch[:2])
    for name, array in model.running.items():
        assert_close(array, reference.running[name], FORWARD, name)
    assert_close(model.logits(*batch[:2]), reference.logits(*batch[:2]), FORWARD, "the logits")


@activations
@outputs
@batch_norms
@penalties
@networks
@pytest.mark.parametrize("dropout", [False, True], ids=["no dropout", "dropout"])
def test_training_equals_autograd(name, activation, deep_output, batch_norm, l2, dropout):
    settings = dict(activation=activation, deep_output=deep_output, batch_norm=batch_norm)
    model = make_model(**ARCHITECTURES[name], **settings, l2_embedding=l2, l2_net=l2)
    assert_model_equals_reference(model, make_batch(), dropout)


@penalties
@pytest.mark.parametrize("name", ["LR", "FM"])
def test_training_without_a_network_equals_autograd(name, l2):
    assert_model_equals_reference(make_model(**COMPONENTS[name], l2_embedding=l2, l2_net=l2), make_batch())


@activations
@outputs
@networks
@pytest.mark.parametrize("dropout", [False, True], ids=["no dropout", "dropout"])
def test_gradients_under_running_statistics_equal_autograd(name, activation, deep_output, dropout):
    model = make_model(**ARCHITECTURES[name], activation=activation, deep_output=deep_output, batch_norm=True)
    assert_model_equals_reference(model, make_batch(), dropout, training=False)


@pytest.mark.parametrize("hidden", [(), (6,), (6, 5, 4, 3)])
@batch_norms
def test_any_depth_equals_autograd(hidden, batch_norm):
    assert_model_equals_reference(make_model(hidden=hidden, batch_norm=batch_norm), make_batch())


@components
def test_one_slot_per_field_equals_autograd(switches):
    ids, values, labels = make_batch()
    one_slot = DeepFM(FIELD_DIMS, None, 3, (7, 5), l2_embedding=0.1, dtype="float64", **switches)
    one_slot.params = make_model(**switches).params
    assert_model_equals_reference(one_slot, (ids[:, FIELD_STARTS], values[:, FIELD_STARTS], labels))


@components
def test_the_parts_of_an_explanation_add_up_to_the_logits_of_torch(switches):
    model, (ids, values, _) = make_model(**switches), make_batch()
    assert_close(model.explain(ids, values).logits, Reference(model).logits(ids, values), FORWARD)


@batch_norms
@outputs
def test_training_steps_lead_to_the_parameters_of_torch(batch_norm, deep_output):
    model = make_model(batch_norm=batch_norm, deep_output=deep_output, l2_embedding=0.01, l2_net=0.01)
    reference, sgd = Reference(model), SGD(0.1)
    torch_sgd = torch.optim.SGD(reference.leaves.values(), 0.1)
    mask_rngs = np.random.default_rng(MASK_SEED), np.random.default_rng(MASK_SEED)
    for step in range(20):
        batch = make_batch(seed=step)
        sgd.step(model.params, model.loss_and_grads(*batch, rng=mask_rngs[0])[1])
        torch_sgd.zero_grad()
        reference.loss(*batch, rng=mask_rngs[1]).backward()
        torch_sgd.step()
    for name, tensor in reference.leaves.items():
        assert_close(model.params[name], tensor, GRADIENT, name)


@activations
@outputs
@batch_norms
def test_single_precision_logits_equal_those_of_torch(activation, deep_output, batch_norm):
    settings = dict(embedding_dim=10, hidden=(400, 400, 400), activation=activation, deep_output=deep_output)
    model, (ids, values, _) = make_model("float32", 0.05, batch_norm=batch_norm, **settings), make_batch(256)
    assert_close(model.logits(ids, values), Reference(model).logits(ids, values), 1e-5)


@components
@pytest.mark.parametrize("l2", [0.0, 0.1], ids=["table alone", "all penalties"])
def test_the_penalty_of_the_whole_table_equals_the_reference(switches, l2):
    model = make_model(**switches, l2_table=0.3, l2_embedding=l2, l2_net=l2)
    assert_model_equals_reference(model, make_batch())
