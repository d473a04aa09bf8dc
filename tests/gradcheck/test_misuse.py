"""A function of the wrong kind gives a failed verdict, a wrong argument an error; both explain it in one sentence."""

import numpy as np
import pytest

from deepfm_np import ops
from deepfm_np.gradcheck import check_loss, check_operation

RNG = np.random.default_rng(0)
X = RNG.standard_normal((4, 3))
IDS, ONES = np.array([[1, 2], [1, 5]]), np.ones((2, 2))
TABLE = RNG.standard_normal((7, 3))


def square(x):
    return x * x, x


def square_backward(grad_y, x):
    return grad_y * 2 * x


def findings(report):
    return [(result.verdict, result.hint) for result in report.results]


def lookup_report(change):
    """Check a lookup whose correct row gradient has been altered by `change`."""

    def backward(grad_vectors, cache):
        return change(ops.embedding_backward(grad_vectors, cache))

    return check_operation(lambda table: ops.embedding_forward(table, IDS, ONES), backward, {"table": TABLE})


@pytest.mark.parametrize(
    "change, hint",
    [
        (
            lambda g: g._replace(values=g.values + 0j),
            "the values of the row gradient hold complex128, should hold real numbers",
        ),
        (
            lambda g: g._replace(values=g.values.astype(object)),
            "the values of the row gradient hold object, should hold real numbers",
        ),
        (
            lambda g: g._replace(values=g.values.astype(str)),
            "the values of the row gradient hold <U32, should hold real numbers",
        ),
        (
            lambda g: g._replace(values=[[1.0], [1.0, 2.0]]),
            "the values of the row gradient hold object, should hold real numbers",
        ),
        (lambda g: g._replace(rows=g.rows.astype(str)), "rows hold <U21, should hold integers"),
        (lambda g: g._replace(rows=g.rows.astype(object)), "rows hold object, should hold integers"),
        (lambda g: g._replace(rows=g.rows.astype(float)), "rows hold float64, should hold integers"),
        (lambda g: g._replace(rows=g.rows - 2), "rows must lie in [0, 7)"),
    ],
)
def test_rows_of_the_wrong_kind_fail(change, hint):
    assert findings(lookup_report(change)) == [("fail", hint)]


@pytest.mark.parametrize("x", [np.array(2.0), np.float64(2.0)])
def test_rows_given_for_a_single_number_fail(x):
    report = check_operation(square, lambda g, x: ops.RowGradient(np.array([0]), np.array([g * 2 * x])), {"x": x})
    hint = "the gradient holds rows, but the tensor is a single number: its gradient is one, too"
    assert findings(report) == [("fail", hint)]


@pytest.mark.parametrize(
    "gradient, found",
    [
        ({"x": {"x": X}}, "is of type dict"),
        ("2 x", "is of type str"),
        (True, "is of type bool"),
        ([[[1.0], [1.0, 2.0]]], "is of type list"),
        (object(), "is of type object"),
        (X > 0, "holds bool"),
        (X.astype(str), "holds <U32"),
        (X + 0j, "holds complex128"),
    ],
)
def test_a_gradient_that_holds_no_real_numbers_fails(gradient, found):
    report = check_operation(square, lambda g, x: gradient, {"x": X})
    assert findings(report) == [("fail", f"the gradient {found}, should hold real numbers")]


def test_gradients_of_whole_numbers_are_compared_as_any():
    report = check_loss(lambda params: (3 * params["x"].sum(), {"x": np.full((4, 3), 3, np.uint8)}), {"x": X})
    assert report.ok
    wrong = check_loss(lambda params: (3 * params["x"].sum(), {"x": np.full((4, 3), 2, np.uint8)}), {"x": X})
    assert findings(wrong) == [("fail", "a constant factor is wrong: yours = 0.6667 * numeric")]


@pytest.mark.parametrize(
    "forward, hint",
    [
        (lambda x: x * x, "forward must return two values, (y, cache); it returned a value that holds float64"),
        (lambda x: None, "forward must return two values, (y, cache); it returned None"),
        (lambda x: (x * x, x, x), "forward must return two values, (y, cache); it returned 3 values"),
        (lambda x: {"y": x}, "forward must return two values, (y, cache); it returned a value that is of type dict"),
        (lambda x: (None, x), "the output y is None, should hold real numbers"),
        (lambda x: ("y", x), "the output y is of type str, should hold real numbers"),
        (lambda x: (x + 1j, x), "the output y holds complex128, should hold real numbers"),
    ],
)
@pytest.mark.parametrize("method", ["complex", "central"])
def test_a_forward_that_returns_no_pair_of_numbers_and_cache_fails(forward, hint, method):
    report = check_operation(forward, square_backward, {"x": X}, method=method)
    assert findings(report) == [("fail", hint)]


def test_an_output_whose_shape_depends_on_values_fails():
    report = check_operation(lambda x: (x[x.real > 1], x), lambda g, x: x, {"x": np.array([1.0, 2.0])})
    assert findings(report) == [("fail", "y has shape (1,) here, (2,) nearby: values must not change it")]


def test_an_array_of_two_rows_is_not_taken_for_a_pair():
    report = check_operation(lambda x: x * x, square_backward, {"x": X[:2]})
    assert report.results[0].hint.startswith("forward must return two values")


@pytest.mark.parametrize(
    "returned, found",
    [
        (None, "NoneType"),
        ("gradients", "str"),
        (True, "bool"),
        ([X], "1"),
        (np.stack([X, X]), "ndarray"),
    ],
)
def test_a_backward_that_returns_another_number_of_gradients_fails(returned, found):
    report = check_operation(lambda x, y: (x * y, None), lambda g, c: returned, {"x": X, "y": X + 1})
    hint = f"backward must return 2 gradients, for x, y; it returned {found}"
    assert findings(report) == 2 * [("fail", hint)]


def test_a_dict_of_gradients_under_other_names_fails():
    report = check_operation(lambda x, y: (x * y, None), lambda g, c: {"a": X, "b": X}, {"x": X, "y": X + 1})
    assert findings(report) == 2 * [("fail", "the gradients must be named x, y; the dict holds a, b")]
    one = check_operation(lambda x, y: (x + y, None), lambda g, c: {"x": g}, {"x": X, "y": X + 1})
    assert findings(one) == [("pass", ""), ("fail", "there is no gradient for it")]


@pytest.mark.parametrize("tolerance", [0, -1e-3, 1, np.nan])
def test_a_tolerance_that_lets_all_or_nothing_pass_is_refused(tolerance):
    with pytest.raises(ValueError, match="tolerance must lie between 0 and 1"):
        check_operation(square, square_backward, {"x": X}, tolerance=tolerance)
    with pytest.raises(ValueError, match="tolerance must lie between 0 and 1"):
        check_loss(loss_and_grads, {"x": X}, tolerance=tolerance)


LOSS = "loss_and_grads must return two values, (loss, grads); it returned"


@pytest.mark.parametrize(
    "returned, hint",
    [
        (1.0, f"{LOSS} a value that is of type float"),
        (np.float64(1.0), f"{LOSS} a value that holds float64"),
        (None, f"{LOSS} None"),
        ((1.0, {"W": X}, 0), f"{LOSS} 3 values"),
        ((None, {"W": X}), "the loss is None, should hold real numbers"),
        (("1", {"W": X}), "the loss is of type str, should hold real numbers"),
        ((1j, {"W": X}), "the loss is of type complex, should hold real numbers"),
        ((np.ones(3), {"W": X}), "the loss must be one number; it has shape (3,)"),
        ((1.0, None), "grads must be a dict, name -> gradient; it is None"),
        ((1.0, [X]), "grads must be a dict, name -> gradient; it is of type list"),
        ((1.0, (X,)), "grads must be a dict, name -> gradient; it is of type tuple"),
        ((1.0, X), "grads must be a dict, name -> gradient; it holds float64"),
    ],
)
def test_a_loss_that_returns_something_else_fails(returned, hint):
    assert findings(check_loss(lambda params: returned, {"W": X})) == [("fail", hint)]


def test_what_a_forward_raises_at_the_point_passes_through():
    def forward(x):
        raise ZeroDivisionError("of the student's own")

    with pytest.raises(ZeroDivisionError, match="of the student's own"):
        check_operation(forward, square_backward, {"x": X})


def test_outputs_of_whole_numbers_are_differentiated_as_any():
    report = check_operation(lambda x: (np.sign(x.real).astype(int), x), lambda g, x: 0 * x, {"x": X}, method="central")
    assert report.ok


def loss_and_grads(params):
    return sum((p * p).sum() for p in params.values()), {name: 2 * p for name, p in params.items()}


@pytest.mark.parametrize(
    "params, error, message",
    [
        ({}, ValueError, "params must hold at least one array; the dict is empty"),
        ([X], TypeError, "params must be a dict, name -> array; it is of type list"),
        (X, TypeError, "params must be a dict, name -> array; it holds float64"),
        ({"W": [[1.0], [1.0, 2.0]]}, TypeError, "params must hold arrays; 'W' is a list whose parts differ in shape"),
        ({"W": X, "b": np.arange(3)}, TypeError, "params must be arrays of floats; 'b' holds int64"),
        ({"W": "text"}, TypeError, "params must be arrays of floats; 'W' holds <U4"),
        ({"W": X + 0j}, TypeError, "params must be arrays of floats; 'W' holds complex128"),
        ({"W": None}, TypeError, "params must be arrays of floats; 'W' holds object"),
    ],
)
def test_params_that_have_no_derivative_are_refused(params, error, message):
    with pytest.raises(error) as raised:
        check_loss(loss_and_grads, params)
    assert str(raised.value) == message


@pytest.mark.parametrize(
    "inputs, wrt, error, message",
    [
        ({}, None, ValueError, "inputs must hold at least one array; the dict is empty"),
        ([X], None, TypeError, "inputs must be a dict, name -> array; it is of type list"),
        ({"x": X}, [], ValueError, "wrt must name at least one input, of x; it is empty"),
        ({"x": X}, 3, TypeError, "wrt must be one or more names; it is of type int"),
        ({"x": X}, ["x", "x"], ValueError, "wrt names 'x' 2 times: name it once"),
        (
            {"ids": IDS, "mask": X > 0},
            None,
            ValueError,
            "at least one input must be an array of floats, to differentiate by; ids holds int64, mask holds bool",
        ),
        (
            {"ids": IDS},
            "ids",
            ValueError,
            "wrt names 'ids', which is int64: only floats have a gradient",
        ),
    ],
)
def test_inputs_that_leave_nothing_to_differentiate_are_refused(inputs, wrt, error, message):
    with pytest.raises(error) as raised:
        check_operation(square, square_backward, inputs, wrt=wrt)
    assert str(raised.value) == message


@pytest.mark.parametrize(
    "slots, error, message",
    [
        (IDS, TypeError, "slots must be a pair (ids, values) of (n, s) arrays; it holds int64"),
        ((IDS,), TypeError, "slots must be a pair (ids, values) of (n, s) arrays; it has length 1"),
        (3, TypeError, "slots must be a pair (ids, values) of (n, s) arrays; it is of type int"),
        ((IDS, ONES[:1]), ValueError, "slots must be (ids, values), both (n, s); they are (2, 2) and (1, 2)"),
        ((IDS[0], ONES[0]), ValueError, "slots must be (ids, values), both (n, s); they are (2,) and (2,)"),
        ((IDS * 1.0, ONES), TypeError, "the ids of slots must be integers; they are float64"),
        ((IDS, ONES.astype(str)), TypeError, "the values of slots must be real numbers; they are <U32"),
        ((IDS - 2, ONES), ValueError, "the ids of slots must not be negative; row 0, slot 0 holds -1"),
        (
            (IDS + 2, ONES),
            ValueError,
            "the ids of slots must be rows of a tensor; they name row 7, the longest tensor has 7",
        ),
    ],
)
def test_slots_that_are_no_rows_of_a_table_are_refused(slots, error, message):
    with pytest.raises(error) as of_a_loss:
        check_loss(loss_and_grads, {"table": TABLE}, slots=slots)
    with pytest.raises(error) as of_an_operation:
        check_operation(square, square_backward, {"table": TABLE}, slots=slots)
    assert str(of_a_loss.value) == str(of_an_operation.value) == message


def test_ids_that_count_from_the_end_are_no_slots():
    """A forward pass may accept them, but the checker does not guess which rows they mean."""
    inputs = {"table": TABLE, "ids": IDS - 7}

    def backward(grad_y, cache):
        grad = np.zeros(TABLE.shape)
        np.add.at(grad, cache, grad_y)
        return grad

    report = check_operation(lambda table, ids: (table[ids], ids), backward, inputs)
    assert (report.ok, report.results[0].note) == (True, "")


def test_ids_that_a_forward_hashes_are_no_slots_however_large():
    ids = np.array([[2**64 - 1, 3], [2**63 + 5, 4]], np.uint64)

    def backward(grad_y, rows):
        grad = np.zeros(TABLE.shape)
        np.add.at(grad, rows, grad_y)
        return grad

    def forward(table, ids):
        rows = (ids % 7).astype(int)
        return table[rows], rows

    report = check_operation(forward, backward, {"table": TABLE, "ids": ids})
    assert (report.ok, report.results[0].note) == (True, "")


@pytest.mark.parametrize("largest", [7, 2**63 + 5])
def test_unsigned_ids_beyond_every_tensor_are_refused(largest):
    slots = (np.array([[1, largest]], np.uint64), ONES[:1])
    with pytest.raises(ValueError, match=f"they name row {largest}, the longest tensor has 7"):
        check_loss(loss_and_grads, {"table": TABLE}, slots=slots)


def test_unsigned_ids_are_ids():
    slots = (IDS.astype(np.uint64), ONES)
    report = check_operation(
        lambda table: ops.embedding_forward(table, IDS, ONES), ops.embedding_backward, {"table": TABLE}, slots=slots
    )
    assert report.ok
    assert report.results[0].note.startswith("rows compared: 2 named by one slot, 1 by several")
