import json

import numpy as np
import oracles
import pytest

from deepfm_np import DeepFM
from deepfm_np.gradcheck.numeric import complex_step
from deepfm_np.model import COMPONENTS
from deepfm_np.models import MODELS, table_from_fm
from deepfm_np.ops import RowGradient
from deepfm_np.optim import SGD
from deepfm_np.system.parts import whole
from deepfm_np.verification import FIELD_DIMS, FIELD_STARTS, mixed_examples

IDS, VALUES, LABELS = mixed_examples(np.random.default_rng(0))
D, M = sum(FIELD_DIMS), len(FIELD_DIMS)


def small_model(**settings):
    settings = {"embedding_dim": 3, "hidden": (6, 5), "dtype": "float64", **settings}
    model = DeepFM(FIELD_DIMS, FIELD_STARTS, **settings)
    rng = np.random.default_rng(1)
    for array in model.params.values():
        array += 0.3 * rng.standard_normal(array.shape)
    for name, array in model.running.items():
        array += rng.random(array.shape) * (1 if "var" in name else 0.1)
    return model


def logits_by_loops(model):
    """The formula of DeepFM in evaluation mode, one operation at a time, from the nested-loop oracles."""
    p, run = model.params, model.running
    logits = np.full(len(IDS), float(p["bias"]))
    if model.first_order:
        logits += oracles.first_order(p["weights"], IDS, VALUES)
    if model.fm or model.deep:
        vectors = oracles.embedding(p["table"], IDS, VALUES, FIELD_STARTS)
    if model.fm:
        logits += oracles.fm(vectors)
    if "deep_table" in p:
        vectors = oracles.embedding(p["deep_table"], IDS, VALUES, FIELD_STARTS)
    if model.deep:
        products = {"inner": oracles.inner_product, "outer": oracles.outer_product}
        activation = {"sigmoid": lambda z: 1 / (1 + np.exp(-z)), "tanh": np.tanh, "relu": lambda z: z * (z > 0)}
        a = np.hstack([vectors.reshape(len(IDS), -1), *(products[name](vectors) for name in model.products)])
        for layer in range(2):
            a = oracles.affine(a, p[f"W{layer}"], p[f"b{layer}"])
            if model.batch_norm:
                statistics = run[f"mean{layer}"], run[f"var{layer}"]
                a = oracles.batch_norm(a, p[f"gamma{layer}"], p[f"beta{layer}"], *statistics)
            a = activation[model.activation](a)
        y = oracles.affine(a, p["W2"], p["b2"])[:, 0]
        logits += 1 / (1 + np.exp(-y)) if model.deep_output == "sigmoid" else y
    return logits


VARIANTS = [
    {"activation": "sigmoid"},
    {"activation": "tanh", "deep_output": "sigmoid"},
    {"activation": "relu", "batch_norm": True},
    *COMPONENTS.values(),
    *(MODELS[name] for name in ("IPNN", "OPNN", "PNN*", "FM & DNN")),
    {"shared_embedding": False, "products": ["outer", "inner"], "activation": "tanh", "batch_norm": True},
]


@pytest.mark.parametrize("settings", VARIANTS)
def test_logits_equal_the_formula_in_nested_loops(settings):
    model = small_model(**settings)
    np.testing.assert_allclose(model.logits(IDS, VALUES), logits_by_loops(model), rtol=1e-12)


@pytest.mark.parametrize("settings", VARIANTS)
def test_probabilities_are_the_sigmoid_of_the_logits(settings):
    model = small_model(**settings)
    expected = 1 / (1 + np.exp(-model.logits(IDS, VALUES)))
    np.testing.assert_allclose(model.predict_proba(IDS, VALUES), expected, rtol=1e-14)


@pytest.mark.parametrize("settings", VARIANTS)
def test_the_explanation_adds_up_to_the_logit(settings):
    model = small_model(**settings)
    explanation = model.explain(IDS, VALUES)
    np.testing.assert_allclose(explanation.logits, model.logits(IDS, VALUES), rtol=1e-12)
    assert explanation.first_order.shape == (8, M)
    assert explanation.pairs.shape == (8, M, M)


def test_the_explanation_names_fields_and_pairs():
    model = small_model()
    explanation = model.explain(IDS, VALUES)
    vectors = oracles.embedding(model.params["table"], IDS, VALUES, FIELD_STARTS)
    for i in range(8):
        for a in range(M):
            for b in range(M):
                expected = vectors[i, a] @ vectors[i, b] if a < b else 0.0
                assert explanation.pairs[i, a, b] == pytest.approx(expected, rel=1e-12)
    weights = model.params["weights"]
    np.testing.assert_allclose(explanation.first_order[:, 1], weights[IDS[:, 1]] * VALUES[:, 1], rtol=1e-15)


def test_the_loss_is_log_loss_plus_the_penalties():
    model = small_model(l2_embedding=0.1, l2_net=0.05)
    loss, _ = model.loss_and_grads(IDS, VALUES, LABELS)
    expected = oracles.log_loss(logits_by_loops(model), LABELS)
    expected += 0.1 * oracles.l2_rows(model.params["table"], IDS, VALUES)
    expected += 0.05 * sum((model.params[name] ** 2).sum() / 2 for name in ("W0", "W1", "W2"))
    assert loss == pytest.approx(expected, rel=1e-12)


def test_the_penalty_of_the_whole_table_counts_every_row_once():
    model = small_model(l2_table=0.1, l2_embedding=0.2)
    loss, grads = model.loss_and_grads(IDS, VALUES, LABELS)
    table, plain = model.params["table"], small_model(l2_embedding=0.2)
    expected, without = plain.loss_and_grads(IDS, VALUES, LABELS)
    np.testing.assert_allclose(loss, expected + 0.1 * oracles.l2_table(table), rtol=1e-13)
    np.testing.assert_allclose(grads["table"], without["table"].dense(D) + 0.1 * table, rtol=1e-13)


def test_the_gradient_of_the_whole_table_equals_a_complex_step():
    model = small_model(l2_table=0.3, dropout=0.0)
    table = model.params["table"]
    _, grads = model.loss_and_grads(IDS, VALUES, LABELS)
    for row, column in [(0, 0), (3, 2), (D - 1, 1), *np.argwhere(np.ones(table.shape))[::7]]:
        step = table.astype(complex)
        step[row, column] += 1e-30j
        loss, _ = model.loss_and_grads(IDS, VALUES, LABELS, params={**model.params, "table": step})
        np.testing.assert_allclose(grads["table"][row, column], loss.imag / 1e-30, rtol=1e-11)


def test_a_step_shrinks_rows_that_no_example_holds_under_the_penalty_of_the_whole_table_alone():
    used = np.unique(IDS[VALUES != 0])
    unused = np.setdiff1d(np.arange(D), used)
    for strength, factor in ((0.0, 1.0), (0.5, 1 - 0.1 * 0.5)):
        model = small_model(l2_table=strength, l2_embedding=0.2)
        before = model.params["table"].copy()
        SGD(0.1).step(model.params, model.loss_and_grads(IDS, VALUES, LABELS)[1])
        np.testing.assert_allclose(model.params["table"][unused], factor * before[unused], rtol=1e-14)
    assert len(unused)


def test_a_strength_of_zero_keeps_the_gradient_of_the_table_in_rows():
    assert isinstance(small_model(l2_table=0.0).loss_and_grads(IDS, VALUES, LABELS)[1]["table"], RowGradient)


def test_every_parameter_in_use_has_a_gradient_of_its_shape():
    for settings in VARIANTS:
        model = small_model(**settings)
        _, grads = model.loss_and_grads(IDS, VALUES, LABELS)
        assert list(grads) == list(model.params)
        for name, gradient in grads.items():
            dense = gradient.dense(D) if isinstance(gradient, RowGradient) else gradient
            assert dense.shape == model.params[name].shape


def test_components_hold_their_own_parameters_alone():
    names = {name: set(small_model(**switches).params) for name, switches in COMPONENTS.items()}
    net = {"W0", "b0", "W1", "b1", "W2", "b2"}
    assert names["LR"] == {"bias", "weights"}
    assert names["FM"] == {"bias", "weights", "table"}
    assert names["DNN"] == {"bias", "table", *net}
    assert names["Wide & Deep"] == names["DeepFM"] == {"bias", "weights", "table", *net}


def test_the_models_of_the_paper_read_what_their_formulas_name():
    names = {name: set(small_model(**MODELS[name]).params) for name in MODELS.keys() - {"FNN"}}
    assert all("deep_table" not in params for name, params in names.items() if name != "FM & DNN")
    assert names["FM & DNN"] == names["DeepFM"] | {"deep_table"}
    assert names["IPNN"] == names["OPNN"] == names["PNN*"] == names["DNN"]
    assert names["LR & DNN"] == names["DeepFM"]
    rows = {name: len(small_model(**MODELS[name]).params["W0"]) for name in ("DNN", "IPNN", "OPNN", "PNN*")}
    assert rows == {"DNN": 12, "IPNN": 12 + 6, "OPNN": 12 + 9, "PNN*": 12 + 6 + 9}  # m = 4 fields, k = 3


def test_components_and_models_of_one_name_are_one():
    assert all(MODELS[name] == switches for name, switches in COMPONENTS.items() if name != "Wide & Deep")
    assert MODELS["LR & DNN"] == COMPONENTS["Wide & Deep"]


def test_two_tables_have_gradients_of_their_own():
    model = small_model(**MODELS["FM & DNN"])
    grads = model.loss_and_grads(IDS, VALUES, LABELS)[1]
    one_table = small_model()
    one_table.params = {name: array for name, array in model.params.items() if name != "deep_table"}
    for name, switches in (("table", COMPONENTS["FM"]), ("deep_table", COMPONENTS["DNN"])):
        terms = model.gradient_terms(IDS, VALUES, LABELS)[name]
        assert list(terms) == [{"table": "FM part", "deep_table": "deep part"}[name]]
        np.testing.assert_array_equal(next(iter(terms.values())).values, grads[name].values)
        assert grads[name].values.any(), switches


def test_without_a_shared_table_the_two_start_apart_and_nothing_else_changes():
    shared, apart = DeepFM([30, 40], hidden=(5,)), DeepFM([30, 40], hidden=(5,), shared_embedding=False)
    np.testing.assert_array_equal(shared.params["table"], apart.params["table"])
    assert (apart.params["deep_table"] != apart.params["table"]).all()
    assert apart.params["deep_table"].std() == pytest.approx(0.01, rel=0.1)
    assert shared.params.keys() == apart.params.keys() - {"deep_table"}


@pytest.mark.parametrize("switches", [COMPONENTS["FM"], COMPONENTS["DNN"], COMPONENTS["LR"]])
def test_where_one_part_alone_reads_vectors_there_is_one_table(switches):
    assert small_model(shared_embedding=False, **switches).params.keys() == small_model(**switches).params.keys()


def test_a_network_on_the_rows_of_fm_reads_each_weight_beside_its_vector():
    params = small_model(**COMPONENTS["FM"]).params
    table = table_from_fm(params)
    vectors = oracles.embedding(table, IDS, VALUES, FIELD_STARTS)
    assert table.shape == (D, 1 + 3)
    np.testing.assert_allclose(vectors[:, :, 0].sum(axis=1), oracles.first_order(params["weights"], IDS, VALUES))
    np.testing.assert_allclose(
        oracles.fm(vectors[:, :, 1:]), oracles.fm(oracles.embedding(params["table"], IDS, VALUES, FIELD_STARTS))
    )


def test_the_gradient_of_the_shared_table_is_the_sum_of_both_parts():
    model = small_model()
    grad_logits = (model.predict_proba(IDS, VALUES) - LABELS) / len(LABELS)

    def table_gradient(part):
        def score(table):
            params = {**model.params, "table": table}
            logits, _ = whole(part.architecture.forward_part(params, part.running, IDS, VALUES))
            return (grad_logits * logits).sum()

        table = model.params["table"]
        return np.array([complex_step(score, table, index) for index in np.ndindex(table.shape)]).reshape(table.shape)

    fm_part = table_gradient(small_model(**COMPONENTS["FM"]))
    deep_part = table_gradient(small_model(**COMPONENTS["DNN"]))
    both = model.loss_and_grads(IDS, VALUES, LABELS)[1]["table"].dense(D)
    np.testing.assert_allclose(both, fm_part + deep_part, rtol=1e-12, atol=1e-15)
    assert np.abs(fm_part).max() > 0.01
    assert np.abs(deep_part).max() > 0.01


def test_before_training_the_loss_is_that_of_the_base_rate():
    labels = np.array([1, 0, 0, 0, 1, 0, 0, 0])
    base_rate_loss = -(0.25 * np.log(0.25) + 0.75 * np.log(0.75))
    for deep_output in ("logit", "sigmoid"):
        model = DeepFM(FIELD_DIMS, FIELD_STARTS, deep_output=deep_output, dtype="float64")
        model.start_from(labels)
        assert model.loss_and_grads(IDS, VALUES, labels)[0] == pytest.approx(base_rate_loss, abs=1e-3)


def test_labels_of_one_class_start_at_finite_odds():
    model = DeepFM(FIELD_DIMS)
    model.start_from(np.ones(9))
    assert model.params["bias"] == pytest.approx(np.log(9.5 / 0.5))


@pytest.mark.parametrize(
    "activation, std",
    [("sigmoid", 4 * np.sqrt(2 / 700)), ("tanh", np.sqrt(2 / 700)), ("relu", np.sqrt(2 / 400))],
)
def test_weights_start_at_the_scale_of_their_activation(activation, std):
    model = DeepFM([3] * 40, hidden=(300,), activation=activation)
    assert model.params["W0"].std() == pytest.approx(std, rel=0.01)
    assert abs(model.params["W0"].mean()) < 0.01 * std
    assert not model.params["W1"].any()


def test_the_same_seed_gives_the_same_bits_and_another_seed_others():
    first, same, other = DeepFM([50], seed=1), DeepFM([50], seed=1), DeepFM([50], seed=2)
    for name, array in first.params.items():
        np.testing.assert_array_equal(array, same.params[name])
    assert (first.params["table"] != other.params["table"]).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_everything_is_computed_in_the_dtype_of_the_model(dtype):
    model = small_model(dtype=dtype, batch_norm=True, l2_embedding=0.1, l2_net=0.1, deep_output="sigmoid")
    loss, grads = model.loss_and_grads(IDS, VALUES, LABELS, rng=np.random.default_rng(0))
    assert loss.dtype == dtype
    assert {getattr(gradient, "values", gradient).dtype for gradient in grads.values()} == {np.dtype(dtype)}
    assert model.logits(IDS, VALUES).dtype == dtype
    assert {array.dtype for array in model.running.values()} == {np.dtype(dtype)}


def test_dropout_is_on_with_a_generator_alone():
    model = small_model(dropout=0.5)
    plain, _ = model.loss_and_grads(IDS, VALUES, LABELS)
    assert plain == model.loss_and_grads(IDS, VALUES, LABELS)[0]
    dropped = [model.loss_and_grads(IDS, VALUES, LABELS, rng=np.random.default_rng(s))[0] for s in (0, 0, 1)]
    assert dropped[0] == dropped[1]
    assert len({plain, *dropped}) == 3


def test_running_statistics_move_in_training_with_the_models_own_parameters_alone():
    model = small_model(batch_norm=True)
    before = model.running
    model.loss_and_grads(IDS, VALUES, LABELS, params=model.params)
    model.loss_and_grads(IDS, VALUES, LABELS, training=False)
    assert model.running is before
    model.loss_and_grads(IDS, VALUES, LABELS)
    assert all((model.running[name] != before[name]).any() for name in before)


def test_replaced_parameters_are_used():
    model = small_model()
    before = model.logits(IDS, VALUES)
    model.params["bias"] = model.params["bias"] + 2.0
    np.testing.assert_allclose(model.logits(IDS, VALUES), before + 2.0, rtol=1e-13)


def test_many_rows_are_scored_as_they_are_one_by_one():
    model = small_model()
    many = model.logits(np.tile(IDS, (1100, 1)), np.tile(VALUES, (1100, 1)))
    np.testing.assert_allclose(many, np.tile(model.logits(IDS, VALUES), 1100), rtol=1e-12)


def test_a_logit_that_is_not_finite_is_an_error_and_names_the_row():
    ids, values = np.array([[0, 3], [1, 3], [2, 3]]), np.ones((3, 2))
    values[1] = 1e30
    with pytest.raises(FloatingPointError, match="row 1 has the logit nan: its values or the parameters are too large"):
        DeepFM([3, 1], hidden=()).predict_proba(ids, values)


def test_an_explanation_raises_where_the_logits_do():
    model = small_model()
    model.params["table"][:] = 1e200
    with pytest.raises(FloatingPointError, match="row 0 has the logit"):
        model.explain(IDS, VALUES)


@pytest.mark.parametrize("call", [DeepFM.logits, lambda model, ids, values: model.loss_and_grads(ids, values, LABELS)])
def test_complex_values_are_named(call):
    with pytest.raises(TypeError, match="values must be real numbers, they are complex128"):
        call(small_model(), IDS, VALUES + 1j)


def test_a_table_of_integers_is_named():
    model = small_model()
    model.params["table"] = np.ones_like(model.params["table"], int)
    with pytest.raises(TypeError, match="table must be an array of floats, it is int64"):
        model.logits(IDS, VALUES)


@pytest.mark.parametrize("name", ["l2_embedding", "l2_net", "l2_table"])
def test_a_penalty_that_overflows_is_named(name):
    with pytest.raises(ValueError, match=f"{name} must be a number that float32 can hold, got 1e\\+39"):
        DeepFM([2, 2], **{name: 1e39})
    assert DeepFM([2, 2], dtype="float64", **{name: 1e39}).config[name] == 1e39


@pytest.mark.parametrize(
    "setting, message",
    [
        ({"threads": "a"}, "threads must be a positive integer of at most 1024, got 'a'"),
        ({"threads": 100_000}, "threads must be a positive integer of at most 1024, got 100000"),
        ({"rng": 3}, "rng must be a numpy.random.Generator, got 3"),
    ],
)
def test_an_argument_of_another_type_is_named(setting, message):
    with pytest.raises(ValueError, match=message):
        small_model().loss_and_grads(IDS, VALUES, LABELS, **setting)


def test_no_rows_are_explained_but_not_trained_on():
    for settings in ({}, {"batch_norm": True}):
        model = small_model(**settings)
        assert [part.shape for part in model.explain(IDS[:0], VALUES[:0])[1:]] == [(0, M), (0, M, M), (0,)]
        running = model.running
        with pytest.raises(ValueError, match=r"labels must be \(n,\) with n >= 1"):
            model.loss_and_grads(IDS[:0], VALUES[:0], LABELS[:0])
        assert model.running is running


def test_no_rows_give_no_logits():
    assert small_model().logits(IDS[:0], VALUES[:0]).shape == (0,)


def test_a_single_row_is_trained_on():
    loss, grads = small_model(batch_norm=True).loss_and_grads(IDS[:1], VALUES[:1], LABELS[:1])
    assert np.isfinite(loss)
    assert not grads["W0"].any()


def test_a_saved_model_comes_back_bit_for_bit(tmp_path):
    model = small_model(batch_norm=True, l2_net=0.1)
    model.save(tmp_path / "model.npz")
    loaded = DeepFM.load(tmp_path / "model.npz")
    assert loaded.config == model.config
    np.testing.assert_array_equal(loaded.logits(IDS, VALUES), model.logits(IDS, VALUES))
    assert [path.name for path in tmp_path.iterdir()] == ["model.npz"]


def test_what_is_saved_can_be_loaded(tmp_path):
    path, model = tmp_path / "model.npz", DeepFM([3, 4], hidden=(2,))
    model.params["bias"] = np.array(0.25)  # float64 in a float32 model
    model.save(path)
    assert DeepFM.load(path).params["bias"] == 0.25
    before = path.read_bytes()
    model.params["table"][1, 2] = np.nan
    with pytest.raises(ValueError, match="params/table holds values that are not finite"):
        model.save(path)
    assert path.read_bytes() == before


def damaged(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes(byte ^ 0xFF for byte in data[middle : middle + 64]) + data[middle + 64 :]


def with_directory_byte(offset: int, byte: int):
    """Change a byte of the first entry in the archive's directory."""

    def change(data: bytes) -> bytes:
        at = data.index(b"PK\1\2") + offset
        return data[:at] + bytes([byte]) + data[at + 1 :]

    return change


@pytest.mark.parametrize(
    "change",
    [
        damaged,
        lambda data: data[: len(data) // 2],
        lambda data: b"",
        lambda data: b"x",
        with_directory_byte(8, 1),  # claims to be encrypted
        with_directory_byte(10, 8),  # falsely claims to be compressed
        with_directory_byte(10, 99),  # claims a compression method that does not exist
    ],
)
def test_a_damaged_file_is_refused(tmp_path, change):
    path = tmp_path / "model.npz"
    DeepFM([2000]).save(path)
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(ValueError, match=r"model\.npz is not a deepfm_np model, or it is damaged"):
        DeepFM.load(path)


def test_a_file_that_would_execute_code_is_refused(tmp_path):
    np.savez(tmp_path / "evil.npz", config=np.array([{"a": 1}], dtype=object))
    with pytest.raises(ValueError, match=r"evil\.npz is not a deepfm_np model, or it is damaged"):
        DeepFM.load(tmp_path / "evil.npz")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.npz: no such file; expected a deepfm_np model"):
        DeepFM.load(tmp_path / "nowhere.npz")


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda arrays: arrays.pop("params/W1"), "params/W1 is missing"),
        (lambda arrays: arrays.update({"params/W1": np.zeros((2, 2))}), r"params/W1 is float64 \(2, 2\), should be"),
        (lambda arrays: arrays["params/W1"].fill(np.nan), "params/W1 holds values that are not finite"),
        (lambda arrays: arrays.pop("config"), "its configuration is unusable"),
        (lambda arrays: arrays.update(config=np.array(json.dumps({"hidden": 3}))), "its configuration is unusable"),
    ],
)
def test_a_file_with_wrong_contents_is_refused(tmp_path, change, message):
    arrays = {name: np.array(array) for name, array in small_model().to_arrays().items()}
    change(arrays)
    np.savez(tmp_path / "model.npz", **arrays)
    with pytest.raises(ValueError, match=message):
        DeepFM.load(tmp_path / "model.npz")


def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "model.npz"
    small_model().save(path)
    before = path.read_bytes()

    def full_disk(file, **arrays):
        file.write(b"half")
        raise OSError("no space left on device")

    monkeypatch.setattr(np, "savez", full_disk)
    with pytest.raises(OSError, match="no space left"):
        small_model(l2_net=1.0).save(path)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.npz"]


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"field_dims": []}, "field_dims must be a sequence of positive integers, one per field"),
        ({"field_dims": [3, 0]}, "field_dims must be a sequence of positive integers, one per field"),
        ({"field_starts": [0]}, "field_starts must be one slot for each of the 2 fields"),
        ({"field_starts": [1, 2]}, "field_starts must increase strictly from 0"),
        ({"embedding_dim": 0}, "embedding_dim must be a positive integer, got 0"),
        ({"hidden": (4, 0)}, "hidden must be a sequence of positive integers"),
        ({"activation": "swish"}, "activation must be one of sigmoid, relu, tanh, got 'swish'"),
        ({"dropout": 1.0}, r"dropout must be a number in \[0, 1\), got 1.0"),
        ({"deep_output": "softmax"}, "deep_output must be one of logit, sigmoid"),
        ({"l2_embedding": -1}, "l2_embedding must be a non-negative number"),
        ({"l2_net": float("nan")}, "l2_net must be a non-negative number"),
        ({"dtype": "int32"}, "dtype must be float32 or float64"),
        ({"dtype": "real"}, "dtype must be float32 or float64, got 'real'"),
        ({"field_dims": 7}, "field_dims must be a sequence of positive integers, one per field, got 7"),
        (
            {"field_dims": [2.5, 3]},
            r"field_dims must be a sequence of positive integers, one per field, got \[2.5, 3\]",
        ),
        ({"field_starts": [0, "1"]}, r"field_starts must be a sequence of slots, one per field, got \[0, '1'\]"),
        ({"embedding_dim": 2.7}, "embedding_dim must be a positive integer, got 2.7"),
        ({"hidden": 8}, "hidden must be a sequence of positive integers, got 8"),
        ({"hidden": (7.5,)}, r"hidden must be a sequence of positive integers, got \(7.5,\)"),
        ({"activation": ["relu"]}, "activation must be one of sigmoid, relu, tanh"),
        ({"dropout": None}, r"dropout must be a number in \[0, 1\), got None"),
        ({"l2_net": "much"}, "l2_net must be a non-negative number, got 'much'"),
        ({"first_order": False, "fm": False, "deep": False}, "at least one of first_order, fm and deep must be on"),
    ],
)
def test_settings_out_of_range_are_named(settings, message):
    with pytest.raises(ValueError, match=message):
        DeepFM(**{"field_dims": [3, 4], **settings})


def test_bad_input_is_named_and_changes_nothing():
    model = small_model(batch_norm=True)
    before, running = model.to_arrays(), model.running
    bad_values, bad_ids, bad_labels = VALUES.copy(), IDS.copy(), LABELS.astype(float)
    bad_values[3, 1], bad_ids[2, 5], bad_labels[6] = np.nan, D, 2
    with pytest.raises(ValueError, match="values must be finite; row 3, slot 1 holds nan"):
        model.logits(IDS, bad_values)
    with pytest.raises(ValueError, match=r"row 0, slot 1 holds 1e\+300, too large for float32"):
        DeepFM([10, 20]).logits(np.array([[0, 11]]), np.array([[1.0, 1e300]]))
    with pytest.raises(IndexError, match=rf"ids must lie in \[0, {D}\); row 2, slot 5 holds {D}"):
        model.loss_and_grads(bad_ids, VALUES, LABELS)
    with pytest.raises(ValueError, match="labels must be 0 or 1; row 6 holds 2"):
        model.loss_and_grads(IDS, VALUES, bad_labels)
    with pytest.raises(ValueError, match="the model has 2 fields of one slot each, the input has 6 slots"):
        DeepFM([10, 20]).logits(IDS, VALUES)
    assert model.running is running
    for name, array in model.to_arrays().items():
        np.testing.assert_array_equal(array, before[name])


def test_a_value_that_is_zero_in_the_dtype_of_the_model_touches_no_row():
    model = DeepFM([10, 20], hidden=(4,), l2_embedding=0.1)
    _, grads = model.loss_and_grads(np.array([[3, 11]]), np.array([[1.0, 1e-300]]), np.array([1]))
    np.testing.assert_array_equal(grads["table"].rows, [3])
    np.testing.assert_array_equal(grads["weights"].rows, [3])


def test_a_table_of_another_width_is_refused():
    model = DeepFM([2, 2], hidden=(3,))
    model.params["table"] = np.ones((10, 4), np.float32)
    with pytest.raises(ValueError, match=r"table must be \(D, 10\), it is \(10, 4\)"):
        model.logits(np.array([[0, 2]]), np.ones((1, 2)))


WEIGHTS = np.linspace(0.5, 2.0, len(LABELS))


def test_the_weighted_loss_is_that_of_the_nested_loops():
    model = small_model(dropout=0.0)
    loss, _ = model.loss_and_grads(IDS, VALUES, LABELS, training=False, weights=WEIGHTS)
    np.testing.assert_allclose(loss, oracles.weighted_log_loss(logits_by_loops(model), LABELS, WEIGHTS), rtol=1e-12)


@pytest.mark.parametrize("threads", [1, 3])
def test_the_weighted_gradient_is_that_of_the_copies(threads):
    model, copies = small_model(dropout=0.0), np.array([1, 3, 2, 1, 1, 4, 2, 1])
    weighted = model.loss_and_grads(IDS, VALUES, LABELS, weights=copies, threads=threads)
    repeated = model.loss_and_grads(*(np.repeat(part, copies, axis=0) for part in (IDS, VALUES, LABELS)))
    np.testing.assert_allclose(weighted[0], repeated[0], rtol=1e-13)
    for name, grad in weighted[1].items():
        one, other = (g.dense(D) if isinstance(g, RowGradient) else g for g in (grad, repeated[1][name]))
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-15)


def test_the_bias_starts_at_the_weighted_base_rate():
    model = DeepFM([3, 4], dtype="float64")
    model.start_from(np.array([0, 1, 1]), np.array([6.0, 1.0, 2.0]))
    np.testing.assert_allclose(model.params["bias"], np.log(3 / 6), rtol=1e-15)
