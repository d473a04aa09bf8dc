import numpy as np
import pytest
from proofs import seeds

from deepfm_np import DeepFM
from deepfm_np.gradcheck.gradient import to_dense
from deepfm_np.verification import (
    FIELD_DIMS,
    FIELD_STARTS,
    check_model,
    check_models,
    check_operations,
    mixed_examples,
)


@pytest.fixture(scope="module", params=seeds(4, quick=1))
def reports(request):
    """The report on every operation and every variant of the model, by name, at a random point."""
    return dict([*check_operations(request.param), *check_models(request.param)])


def test_every_gradient_is_right_to_1e_12(reports):
    for name, report in reports.items():
        assert report.ok, f"{name}\n{report}"
        assert report.worst <= 1e-12, f"{name}\n{report}"


def test_every_entry_of_every_tensor_is_checked(reports):
    for name, report in reports.items():
        for result in report.results:
            assert result.checked == result.entries, f"{name}: {result.name}"


def test_every_variant_is_there(reports):
    names = " ".join(reports)
    for part in (
        "sigmoid",
        "tanh",
        "relu",
        "logit output",
        "sigmoid output",
        "batch norm",
        "dropout",
        "l2",
        "LR",
        "DNN",
    ):
        assert part in names


def test_central_differences_agree():
    for name, report in check_operations(method="central"):
        assert report.ok, f"{name}\n{report}"


class Forgetful(DeepFM):
    """A DeepFM whose table gradient lacks one part."""

    def __init__(self, lost, **settings):
        super().__init__(FIELD_DIMS, FIELD_STARTS, embedding_dim=3, hidden=(5,), dtype="float64", **settings)
        self.lost = lost

    def loss_and_grads(self, ids, values, labels, rng=None, params=None, training=True):
        real = {name: np.real(p) for name, p in params.items()}
        parts = self.gradient_terms(ids, values, labels, np.random.default_rng(0), real)["table"]
        loss, grads = super().loss_and_grads(ids, values, labels, rng, params, training)
        table = grads["table"]
        return loss, grads | {"table": table._replace(values=table.values - parts[self.lost].values)}


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("deep_output", ["logit", "sigmoid"])
@pytest.mark.parametrize("switches", [{}, {"fm": False}, {"deep": False}, {"l2_embedding": 0.0}, {"l2_table": 0.2}])
def test_the_parts_add_up_to_the_gradient_of_the_table(switches, deep_output, batch_norm):
    settings = {"l2_embedding": 0.1, "deep_output": deep_output, "batch_norm": batch_norm, **switches}
    model = DeepFM(FIELD_DIMS, FIELD_STARTS, embedding_dim=3, hidden=(5, 4), dtype="float64", **settings)
    examples = mixed_examples(np.random.default_rng(1))
    rng = np.random.default_rng(2)
    params = {name: array + rng.standard_normal(array.shape) for name, array in model.params.items()}
    parts = model.gradient_terms(*examples, rng=np.random.default_rng(3), params=params)["table"]
    _, grads = model.loss_and_grads(*examples, rng=np.random.default_rng(3), params=params)
    dense = [to_dense(part, model.params["table"].shape) for part in parts.values()]
    whole = to_dense(grads["table"], model.params["table"].shape)
    np.testing.assert_allclose(sum(dense), whole, rtol=1e-12, atol=1e-14)
    assert all(part.any() for part in dense)


def test_a_model_without_a_table_has_no_parts():
    model = DeepFM(FIELD_DIMS, FIELD_STARTS, fm=False, deep=False, l2_embedding=0.1, dtype="float64")
    assert model.gradient_terms(*mixed_examples(np.random.default_rng(0))) == {}


@pytest.mark.parametrize("lost", ["FM part", "deep part"])
def test_a_model_that_loses_a_branch_is_told_which(lost):
    report = check_model(Forgetful(lost, l2_embedding=0.1), mixed_examples(np.random.default_rng(0)))
    failed = [result for result in report.results if result.verdict == "fail"]
    assert [result.name for result in failed] == ["table"]
    assert failed[0].rule == "branch lost"
    assert f"the {lost} is missing" in failed[0].hint
