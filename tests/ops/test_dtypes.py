"""What would be cast or wrap around silently is refused at each operation's door."""

import re

import numpy as np
import pytest

from deepfm_np import ops

IDS, VALUES = np.array([[0, 1]]), np.array([[0.5, 0.5]])
X, STATISTICS = np.ones((2, 2)), (np.zeros(2), np.ones(2))
LABELS = np.array([0, 1])

FORWARDS = {
    "the weights": lambda a: ops.first_order_forward(a, IDS, VALUES),
    "the table": lambda a: ops.embedding_forward(a[:, None], IDS, VALUES),
    "the table of the penalty": lambda a: ops.l2_rows_forward(a[:, None], IDS, VALUES),
    "vectors": lambda a: ops.fm_forward(a[:, None, None]),
    "vectors of inner products": lambda a: ops.inner_product_forward(a[:, None, None]),
    "vectors of outer products": lambda a: ops.outer_product_forward(a[:, None, None]),
    "logits": lambda a: ops.log_loss_forward(a, LABELS),
    "W of the penalty": ops.l2_forward,
    "x of the layer": lambda a: ops.affine_forward(a[None], X, X[0]),
    "W": lambda a: ops.affine_forward(X, np.stack([a, a]), X[0]),
    "b": lambda a: ops.affine_forward(X, X, a),
    "x of batch norm": lambda a: ops.batch_norm_forward(np.stack([a, a]), X[0], X[0], STATISTICS, True),
    "gamma": lambda a: ops.batch_norm_forward(X, a, X[0], STATISTICS, True),
    "beta": lambda a: ops.batch_norm_forward(X, X[0], a, STATISTICS, True),
    "mean": lambda a: ops.batch_norm_forward(X, X[0], X[0], (a, X[0]), True),
    "variance": lambda a: ops.batch_norm_forward(X, X[0], X[0], (X[0], a), True),
    "z of the sigmoid": ops.sigmoid_forward,
    "z of relu": ops.relu_forward,
    "z of tanh": ops.tanh_forward,
    "x of dropout": lambda a: ops.dropout_forward(a, 0.5, np.random.default_rng(0)),
}


@pytest.mark.parametrize("dtype", ["int64", "uint8", "bool", "object", "str"])
@pytest.mark.parametrize("argument", FORWARDS)
def test_an_argument_that_is_not_floats_is_named(argument, dtype):
    name = argument.removeprefix("the ").split()[0]
    message = f"{name} must be an array of floats, it is {np.array([2, 4]).astype(dtype).dtype}"
    with pytest.raises(TypeError, match=f"^{re.escape(message)}$"):
        FORWARDS[argument](np.array([2, 4]).astype(dtype))


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
@pytest.mark.parametrize("argument", FORWARDS)
def test_floats_and_complex_numbers_pass(argument, dtype):
    FORWARDS[argument](np.array([2, 4], dtype))


@pytest.mark.parametrize("forward", [ops.sigmoid_forward, ops.relu_forward, ops.tanh_forward, ops.l2_forward])
def test_a_list_is_named(forward):
    with pytest.raises(TypeError, match=r"must be an array of floats, it is a list$"):
        forward([2.0, 4.0])


@pytest.mark.parametrize(
    "values, found",
    [(VALUES * 1j, "complex128"), (VALUES.astype(str), "<U32"), (np.array([["2020", "2021"]], "M8[D]"), "datetime64")],
)
@pytest.mark.parametrize("forward", [ops.first_order_forward, ops.embedding_forward, ops.l2_rows_forward])
def test_values_that_are_not_real_numbers_are_named(forward, values, found):
    table = np.ones(2) if forward is ops.first_order_forward else np.ones((2, 3))
    with pytest.raises(TypeError, match=f"values must be real numbers, they are {found}"):
        forward(table, IDS, values)


def test_complex_values_are_for_a_complex_table():
    y, _ = ops.first_order_forward(np.array([2.0 + 0j, 4.0]), IDS, VALUES * 1j)
    np.testing.assert_array_equal(y, [3j])


def test_ids_and_values_may_be_lists():
    np.testing.assert_array_equal(ops.first_order_forward(np.array([2.0, 4.0]), [[0, 1]], [[0.5, 1]])[0], [5.0])


def test_a_list_of_rows_of_two_lengths_is_named():
    with pytest.raises(ValueError, match=r"^ids must be an array, its rows differ in length$"):
        ops.first_order_forward(np.ones(2), [[0, 1], [0]], VALUES)


@pytest.mark.parametrize(
    "ids, values, message",
    [
        ("a", VALUES, "ids must be integers, they are <U1"),
        (IDS, VALUES[:, :1], r"ids and values must both be \(n, s\); they are \(1, 2\) and \(1, 1\)"),
        (IDS, None, "values must be real numbers, they are object"),
    ],
)
def test_slots_that_touch_no_rows_are_named(ids, values, message):
    with pytest.raises((TypeError, ValueError), match=message):
        ops.touched_rows(ids, values)


@pytest.mark.parametrize("starts", [0, "ab", [0.0, 1.0], [[0], [1]]])
def test_field_starts_that_are_no_sequence_of_integers_are_named(starts):
    with pytest.raises(ValueError, match="field_starts must be a sequence of integers, got"):
        ops.embedding_forward(np.ones((2, 3)), IDS, VALUES, starts)


@pytest.mark.parametrize("rate", ["a", None, [0.5], 1.0, float("nan")])
def test_a_rate_that_is_none_is_named(rate):
    with pytest.raises(ValueError, match=r"rate, the probability of being dropped, must lie in \[0, 1\), got"):
        ops.dropout_forward(X, rate, np.random.default_rng(0))


def test_a_seed_is_no_generator():
    with pytest.raises(ValueError, match=r"rng must be a numpy.random.Generator, got 0"):
        ops.dropout_forward(X, 0.5, 0)


def test_objects_that_are_real_numbers_are_values():
    np.testing.assert_array_equal(ops.first_order_forward(np.ones(2), IDS, VALUES.astype(object))[0], [1.0])


def test_a_complex_label_is_named():
    with pytest.raises(ValueError, match=r"labels must be 0 or 1; row 0 holds 0j"):
        ops.log_loss_forward(np.zeros(2), LABELS + 0j)


@pytest.mark.parametrize("kind", [np.ma.MaskedArray, np.matrix])
def test_masked_arrays_and_matrices_are_refused(kind):
    x = np.ones((2, 2)).view(kind)
    with pytest.raises(TypeError, match="x must be a plain array"):
        ops.affine_forward(x, np.ones((2, 2)), np.ones(2))
    with pytest.raises(TypeError, match="grad_a must be a plain array"):
        ops.relu_backward(x, ops.relu_forward(np.ones((2, 2)))[1])
    with pytest.raises(TypeError, match="values must be a plain array"):
        ops.first_order_forward(np.ones(4), np.array([[0, 1], [2, 3]]), x)


def test_integers_beyond_float64_are_refused():
    with pytest.raises(ValueError, match="values must be numbers that float64 can hold"):
        ops.first_order_forward(np.ones(4), np.array([[0, 1]]), np.array([[10**400, 1]], object))


def test_integer_gradients_whose_sums_would_wrap_are_refused():
    _, cache = ops.affine_forward(np.ones((3, 2)), np.ones((2, 2)), np.ones(2))
    with pytest.raises(ValueError, match="grad_y must be floats"):
        ops.affine_backward(np.full((3, 2), 2**63, np.uint64), cache)


def test_unsigned_field_starts_are_as_good_as_signed_ones():
    table, ids, values = np.ones((4, 2)), np.array([[0, 1, 2]]), np.ones((1, 3))
    vectors, _ = ops.embedding_forward(table, ids, values, np.array([0, 1], np.uint64))
    np.testing.assert_array_equal(vectors, ops.embedding_forward(table, ids, values, [0, 1])[0])


def test_ids_beyond_the_integers_of_the_machine_are_refused():
    with pytest.raises(IndexError, match="ids must be row numbers"):
        ops.touched_rows(np.full((1, 1), 2**63, np.uint64), np.ones((1, 1)))


@pytest.mark.parametrize("labels", [np.zeros(2, "m8[s]"), np.zeros(2, "i4, f8"), np.zeros(2, "M8[D]")])
def test_durations_dates_and_records_are_no_labels(labels):
    with pytest.raises(ValueError, match="labels must be 0 or 1; row 0 holds"):
        ops.log_loss_forward(np.zeros(2), labels)


def test_a_rate_of_numpy_does_not_lower_the_precision():
    y, _ = ops.dropout_forward(np.ones((4, 4)), np.float32(0.1), np.random.default_rng(0))
    assert y.max() == 1 / (1 - float(np.float32(0.1)))
