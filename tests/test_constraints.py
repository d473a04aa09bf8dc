"""What each setting may be, from one table: the message names the setting, what would be right and what was given."""

import inspect

import numpy as np
import pytest

from deepfm_np import DeepFM, DeepFMClassifier, data
from deepfm_np.constraints import CONSTRAINTS, checked
from deepfm_np.network import ACTIVATIONS
from deepfm_np.network_input import PRODUCTS
from deepfm_np.optim import SGD, Adam
from deepfm_np.training import fit

SIGNATURES = (DeepFM, DeepFMClassifier, fit, SGD, Adam, data.Categorical, data.Numerical, data.MultiValued)
UNCONSTRAINED = {"fields", "progress", "model", "train", "valid", "optimizer", "checkpoint", "name", "separator"}


@pytest.mark.parametrize("function", SIGNATURES, ids=lambda function: function.__name__)
def test_every_setting_has_a_constraint_that_its_default_meets(function):
    for name, parameter in inspect.signature(function).parameters.items():
        if name in UNCONSTRAINED:
            continue
        assert name in CONSTRAINTS
        if parameter.default not in (inspect.Parameter.empty, None):
            checked(name, parameter.default)


@pytest.mark.parametrize(
    "name, value, message",
    [
        ("hidden", 100, "hidden must be a sequence of positive integers, got 100; write (100,)"),
        ("hidden", "64,32", "hidden must be a sequence of positive integers, got '64,32'; write [64, 32]"),
        ("learning_rate", "1e-3", "learning_rate must be a positive number, got '1e-3'; write 0.001"),
        ("epochs", "5", "epochs must be a positive integer, got '5'; write 5"),
        ("batch_size", 64.0, "batch_size must be a positive integer, got 64.0; write 64"),
        ("batch_size", 64.5, "batch_size must be a positive integer, got 64.5"),
        ("learning_rate", "fast", "learning_rate must be a positive number, got 'fast'"),
        ("hidden", (3, -1), "hidden must be a sequence of positive integers, got (3, -1)"),
        ("activation", "gelu", "activation must be one of sigmoid, relu, tanh, got 'gelu'"),
        ("epochs", float("inf"), "epochs must be a positive integer, got inf"),
        ("dropout", 1.0, "dropout must be a number in [0, 1), got 1.0"),
        ("products", "inner", "products must be a sequence out of inner, outer, got 'inner'; write ['inner']"),
        ("products", ("inner", "inner"), "products must be a sequence out of inner, outer, got ('inner', 'inner')"),
        ("products", ["cross"], "products must be a sequence out of inner, outer, got ['cross']"),
        ("shared_embedding", 1, "shared_embedding must be True or False, got 1"),
    ],
)
def test_a_setting_says_what_would_be_right_where_it_can_be_told(name, value, message):
    with pytest.raises(ValueError) as error:
        checked(name, value)
    assert str(error.value) == message


def test_activations_and_products_of_the_table_are_those_of_the_network():
    assert CONSTRAINTS["activation"].options == tuple(ACTIVATIONS)
    assert checked("products", tuple(PRODUCTS)) == list(PRODUCTS) == ["inner", "outer"]


@pytest.mark.parametrize(
    "name, value, plain",
    [
        ("epochs", np.int64(3), 3),
        ("dropout", np.float32(0.5), 0.5),
        ("dropout", 0, 0.0),
        ("hidden", np.array([3, 4]), [3, 4]),
        ("hidden", (), []),
        ("products", np.array(["outer"]), ["outer"]),
        ("batch_norm", np.True_, True),
        ("dtype", np.float64, "float64"),
        ("seed", np.int32(7), 7),
    ],
)
def test_a_value_is_brought_to_its_plain_type(name, value, plain):
    found = checked(name, value)
    assert found == plain
    assert type(found) is type(plain)


def test_a_generator_is_a_seed():
    rng = np.random.default_rng(0)
    assert checked("seed", rng) is rng


@pytest.mark.parametrize(
    "name, value",
    [
        ("epochs", 0),
        ("epochs", 1.0),
        ("epochs", True),
        ("epochs", "3"),
        ("embedding_dim", None),
        ("dropout", 1.0),
        ("dropout", float("nan")),
        ("dropout", "0.5"),
        ("learning_rate", float("inf")),
        ("learning_rate", True),
        ("l2_net", -1e-9),
        ("hidden", 100),
        ("hidden", "88"),
        ("hidden", (8, 0)),
        ("field_dims", []),
        ("batch_norm", "no"),
        ("activation", "swish"),
        ("activation", ["relu"]),
        ("dtype", None),
        ("dtype", "int32"),
        ("dtype", "real"),
        ("seed", -1),
        ("seed", 1.5),
        ("bins", 1),
    ],
)
def test_a_value_that_cannot_be_is_named(name, value):
    with pytest.raises(ValueError) as error:
        checked(name, value)
    said, *_ = str(error.value).split("; write ")  # the advice has its own test
    assert said == f"{name} must be {CONSTRAINTS[name].expected}, got {value!r}"


@pytest.mark.parametrize(
    "name, text, value",
    [("epochs", "12", 12), ("hidden", "8,4", [8, 4]), ("dropout", "0.25", 0.25), ("seed", "0", 0)],
)
def test_a_text_is_read(name, text, value):
    assert CONSTRAINTS[name].read(text) == value


@pytest.mark.parametrize(
    "name, text, message",
    [
        ("epochs", "1_000", "'1_000' is not a positive integer"),
        ("epochs", "٣", "'٣' is not a positive integer"),
        ("epochs", "", "'' is not a positive integer"),
        ("hidden", "8,", "'8,' is not a sequence of positive integers"),
        ("dropout", "half", r"'half' is not a number in [0, 1)"),
        ("learning_rate", "nan", "'nan' is not a positive number"),
    ],
)
def test_a_text_that_cannot_be_read_is_quoted(name, text, message):
    with pytest.raises(ValueError) as error:
        CONSTRAINTS[name].read(text)
    assert str(error.value) == message


def test_a_long_value_is_quoted_by_its_beginning():
    with pytest.raises(ValueError) as raised:
        checked("epochs", "x" * 100_000)
    assert len(str(raised.value)) < 200 and str(raised.value).endswith("(100,002 characters)")


def test_a_number_is_no_dtype():
    with pytest.raises(ValueError, match="dtype must be float32 or float64"):
        checked("dtype", np.float64(0.5))


@pytest.mark.parametrize("value", [[], np.array([]), iter([])])
def test_class_weights_are_a_dict(value):
    with pytest.raises(ValueError, match="class_weight must be"):
        checked("class_weight", value)


def test_what_would_be_right_is_quoted_by_its_beginning_too():
    with pytest.raises(ValueError) as raised:
        checked("field_starts", 10**400)
    assert len(str(raised.value)) < 400
