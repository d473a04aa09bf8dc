"""Each rule names its mistake, and stays silent where it does not apply."""

import numpy as np
import pytest

from deepfm_np import ops
from deepfm_np.gradcheck import check_loss, check_operation

RNG = np.random.default_rng(0)
X, W, B = RNG.standard_normal((6, 4)), RNG.standard_normal((4, 4)), RNG.standard_normal(4)
VECTORS = RNG.standard_normal((5, 3, 2))
LABELS = np.array([1, 0, 0, 1, 1])
LOGITS = RNG.standard_normal(5)
IDS = np.array([[1, 4], [1, 5], [2, 6], [3, 7]])
VALUES = np.array([[1.0, 0.5], [2.0, 1.0], [1.0, 0.0], [1.0, 1.0]])  # row 6 is padding
TABLE = RNG.standard_normal((9, 3))


def affine_report(wrong):
    inputs = {"x": X, "W": W, "b": B}
    return check_operation(ops.affine_forward, lambda g, c: wrong(g, c, *ops.affine_backward(g, c)), inputs)


def fm_report(backward):
    return check_operation(ops.fm_forward, backward, {"vectors": VECTORS})


def embedding_report(change):
    def forward(table):
        return ops.embedding_forward(table, IDS, VALUES)

    return check_operation(forward, change, {"table": TABLE}, slots=(IDS, VALUES))


def elementwise_report(forward, backward):
    return check_operation(forward, backward, {"z": X})


def log_loss_report(backward):
    return check_operation(lambda z: ops.log_loss_forward(z, LABELS), backward, {"logits": LOGITS})


def rules(report):
    return [result.rule for result in report.results]


def scatter(grad_vectors, cache, add):
    dense = np.zeros_like(TABLE)
    slots = grad_vectors * VALUES[:, :, None]
    if add:
        np.add.at(dense, IDS, slots)
    else:
        dense[IDS] = slots
    return dense


@pytest.mark.parametrize(
    "wrong, expected, hint",
    [
        (lambda g, c, gx, gW, gb: (-gx, gW, gb), ["sign", "", ""], "the sign is flipped: yours = -numeric"),
        (
            lambda g, c, gx, gW, gb: (gx, gW / 6, gb),
            ["", "factor", ""],
            "a constant factor is wrong: yours = 1/n (n = 6) * numeric",
        ),
        (lambda g, c, gx, gW, gb: (gx, gW.T, gb), ["", "transposed", ""], "it is transposed: yours = numeric^T"),
        (lambda g, c, gx, gW, gb: (g @ W, gW, gb), ["wrong product", "", ""], "d @ W stands for d @ W.T"),
        (lambda g, c, gx, gW, gb: (gx, gW, g), ["", "", "not summed"], "sum it over the batch, axis 0"),
        (
            lambda g, c, gx, gW, gb: (gx, gW, g[-1]),
            ["", "", "not summed"],
            "only the last example counts: sum over the batch, axis 0",
        ),
        (lambda g, c, gx, gW, gb: (gx, gW, gb.mean()), ["", "", "shape"], "shape (), should be (4,)"),
        (lambda g, c, gx, gW, gb: (gx, 0 * gW, gb), ["", "zero", ""], "the gradient is zero everywhere"),
    ],
)
def test_mistakes_in_an_affine_layer_are_named(wrong, expected, hint):
    report = affine_report(wrong)
    assert not report.ok
    assert rules(report)[: len(expected)] == expected
    assert hint in str(report)


@pytest.mark.parametrize(
    "backward, rule, hint",
    [
        (
            lambda g, c: g[:, None, None] * np.repeat(c.total[:, None, :], 3, axis=1),
            "missing term",
            "proportional to vectors is missing",
        ),
        (lambda g, c: g[:, None, None] * (c.vectors - c.total[:, None, :]), "sign", "flipped"),
        (lambda g, c: 0.5 * ops.fm_backward(g, c), "factor", "yours = 1/2 * numeric"),
        (lambda g, c: 2 * ops.fm_backward(g, c), "factor", "yours = 2 * numeric"),
        (lambda g, c: len(g) * ops.fm_backward(g, c), "factor", "yours = n (n = 5) * numeric"),
        (lambda g, c: ops.fm_backward(g, c)[::-1], "off by one", "numeric reversed along axis 0"),
    ],
)
def test_mistakes_in_a_factorization_machine_are_named(backward, rule, hint):
    report = fm_report(backward)
    assert rules(report) == [rule]
    assert hint in report.results[0].hint


@pytest.mark.parametrize(
    "backward, rule, hint",
    [
        (lambda g, c: scatter(g, c, add=False), "repeated rows", "do not assign the last one"),
        (lambda g, c: scatter(g, c, add=True) + g.sum() * (np.arange(9) == 6)[:, None], "padding", "slot of value 0"),
        (lambda g, c: ops.RowGradient(*(a[1:] for a in ops.embedding_backward(g, c))), "left out", "row 1 is left out"),
        (lambda g, c: scatter(g, c, add=True)[:, ::-1], "off by one", "numeric reversed along axis 1"),
    ],
)
def test_mistakes_in_an_embedding_are_named(backward, rule, hint):
    report = embedding_report(backward)
    assert rules(report) == [rule]
    assert hint in report.results[0].hint


@pytest.mark.parametrize("taken", [np.ones_like(VALUES), 1.0 * (VALUES != 0)])
def test_forgotten_values_are_named(taken):
    values = np.where(VALUES == 0, 0.0, np.linspace(-2, 3, VALUES.size).reshape(VALUES.shape))

    def backward(grad_vectors, cache):
        dense = np.zeros_like(TABLE)
        np.add.at(dense, IDS, grad_vectors * taken[:, :, None])
        return dense

    def forward(table):
        return ops.embedding_forward(table, IDS, values)

    report = check_operation(forward, backward, {"table": TABLE}, slots=(IDS, values))
    assert rules(report) == ["values forgotten"]
    assert report.results[0].hint == "values are forgotten: multiply each slot's gradient by its value"


def test_a_row_of_padding_with_gradient_zero_must_be_absent():
    def backward(grad_vectors, cache):
        right = ops.embedding_backward(grad_vectors, cache)
        return ops.RowGradient(np.append(right.rows, 6), np.append(right.values, np.zeros((1, 3)), axis=0))

    result = embedding_report(backward).results[0]
    assert (result.verdict, result.rule) == ("fail", "padding")
    assert result.hint.startswith("row 6 is touched by padding alone")


def scores_report(backward):
    """Check a first-order part in which only weight 1 is repeated and weight 6 is padding."""

    def forward(weights):
        return ops.first_order_forward(weights, IDS, VALUES)

    return check_operation(forward, backward, {"weights": TABLE[:, 0]}, slots=(IDS, VALUES))


def assigned_scores(g, cache):
    dense = np.zeros(9)
    dense[IDS] = g[:, None] * VALUES
    return dense


def padded_scores(g, cache):
    dense = np.zeros(9)
    np.add.at(dense, IDS, g[:, None] * np.where(VALUES == 0, 1.0, VALUES))
    return dense


@pytest.mark.parametrize("backward, rule", [(assigned_scores, "repeated rows"), (padded_scores, "padding")])
def test_a_lost_sum_and_padding_are_named_by_what_they_would_give(backward, rule):
    """When a row has one entry, only its value can identify the mistake; that it is wrong cannot."""
    result = scores_report(backward).results[0]
    assert result.rule == rule
    assert result.note.startswith("1 of 9 checked entries is wrong")


def off_by(right, index):
    """The correct gradient as a dense array with one entry doubled, or set to 1 if it is 0."""
    wrong = right.dense(9)
    wrong[index] = 2 * wrong[index] or 1.0
    return wrong


def table_loss(params, index):
    vectors, cache = ops.embedding_forward(params["table"], IDS, VALUES)
    rows = ops.RowGradient(np.arange(9), off_by(ops.embedding_backward(2 * vectors.real, cache), index))
    return (vectors * vectors).sum(), {"table": rows}


@pytest.mark.parametrize("row", [1, 6], ids=["the repeated row", "the row of padding"])
def test_one_wrong_entry_is_neither_a_lost_sum_nor_padding(row):
    lookup = embedding_report(lambda g, c: off_by(ops.embedding_backward(g, c), (row, 2)))
    scores = scores_report(lambda g, c: off_by(ops.first_order_backward(g, c), (row,)))
    loss = check_loss(lambda params: table_loss(params, (row, 2)), {"table": TABLE}, slots=(IDS, VALUES))
    for report in (lookup, scores, loss):
        assert [(result.verdict, result.rule, result.index[0]) for result in report.results] == [("fail", "", row)]


def test_strata_of_rows_are_counted():
    note = embedding_report(ops.embedding_backward).results[0].note
    assert note == "rows compared: 5 named by one slot, 1 by several, 1 by padding alone, 2 by none (of 2)"


def dropout(x):
    return ops.dropout_forward(x, 0.5, np.random.default_rng(0))


MASK = dropout(np.ones_like(X))[0]  # 0 or 2


@pytest.mark.parametrize(
    "forward, backward, rule, hint",
    [
        (dropout, lambda g, c: g * MASK * MASK, "mask", "applied twice: yours = numeric / keep, keep = 0.5"),
        (dropout, lambda g, c: g * (MASK > 0), "mask", "1 / keep is missing: yours = keep * numeric, keep = 0.5"),
        (dropout, lambda g, c: g, "mask", "the mask is not applied"),
        (dropout, lambda g, c: 2 * g, "mask", "the mask is not applied"),
        (ops.relu_forward, lambda g, c: g, "mask", "the mask is not applied"),
        (
            ops.sigmoid_forward,
            lambda g, c: g * ops.sigmoid_forward(X)[0],
            "wrong point",
            "a is used for the derivative itself",
        ),
        (ops.sigmoid_forward, lambda g, c: g * X * (1 - X), "wrong point", "a (1 - a) is given the input z"),
        (ops.tanh_forward, lambda g, c: g * (1 - X**2), "wrong point", "1 - a^2 is given the input z"),
        (
            ops.tanh_forward,
            lambda g, c: g / np.cosh(np.tanh(X)) ** 2,
            "wrong point",
            "taken at the output a instead of the input z",
        ),
        (ops.tanh_forward, lambda g, c: g * X, "", "no known mistake fits"),
    ],
)
def test_mistakes_in_an_elementwise_operation_are_named(forward, backward, rule, hint):
    report = elementwise_report(forward, backward)
    assert rules(report) == [rule]
    assert hint in report.results[0].hint


P = ops.sigmoid_forward(LOGITS)[0]


@pytest.mark.parametrize(
    "backward, rule, hint",
    [
        (lambda g, c: g * (ops.sigmoid_forward(P)[0] - LABELS) / 5, "double sigmoid", "the sigmoid is applied twice"),
        (lambda g, c: g * (P - LABELS) * P * (1 - P) / 5, "double sigmoid", "the slope of the sigmoid is in it twice"),
        (lambda g, c: g * (P - LABELS), "factor", "yours = n (n = 5) * numeric"),
        (lambda g, c: g * (LABELS - P) / 5, "sign", "the sign is flipped"),
    ],
)
def test_mistakes_in_the_log_loss_are_named(backward, rule, hint):
    report = log_loss_report(backward)
    assert rules(report) == [rule]
    assert hint in report.results[0].hint


def penalised(params, l2_in_gradient=0.1, parts=("fm", "deep")):
    """FM and a linear deep part that share V, and an L2 penalty on it."""
    V = params["V"]
    y_fm, cache = ops.fm_forward(V)
    grads = {"fm": ops.fm_backward(np.ones(len(V)), cache), "deep": np.broadcast_to(DEEP, V.shape)}
    loss = y_fm.sum() + (V * DEEP).sum() + 0.05 * (V * V).sum()
    return loss, {"V": sum(grads[part] for part in parts) + l2_in_gradient * V}


DEEP = RNG.standard_normal((3, 2))


@pytest.mark.parametrize(
    "change, rule, hint",
    [
        (
            {"l2_in_gradient": 0.0},
            "L2 missing",
            "a multiple of x is lacking, as when the gradient of an L2 penalty is missing",
        ),
        ({"l2_in_gradient": 0.05}, "L2 missing", "numeric - yours = 0.05 * x"),
        ({"parts": ["fm"]}, "branch lost", "the deep part is missing"),
        ({"parts": ["deep"]}, "branch lost", "the FM part is missing"),
        ({"parts": ["fm", "fm", "deep"]}, "branch lost", "the FM part is counted twice"),
    ],
)
def test_a_lost_part_of_a_sum_is_named(change, rule, hint):
    fm = penalised({"V": VECTORS}, 0.0, ["fm"])[1]["V"]
    deep = penalised({"V": VECTORS}, 0.0, ["deep"])[1]["V"]
    terms = {"V": {"FM part": fm, "deep part": deep}}
    report = check_loss(lambda params: penalised(params, **change), {"V": VECTORS}, terms=terms)
    assert rules(report) == [rule]
    assert hint in report.results[0].hint


def test_a_single_number_is_not_taken_for_a_missing_penalty():
    """For a single number, any difference is a multiple of the parameter."""

    def loss_and_grads(params):
        return 6 * params["bias"] ** 2, {"bias": 2 * params["bias"]}

    result = check_loss(loss_and_grads, {"bias": np.array(0.7)}).results[0]
    assert (result.verdict, result.rule) == ("fail", "")


@pytest.mark.parametrize("factor, name", [(0.5, "1/2"), (0.25, "1/4")])
def test_a_usual_factor_is_not_taken_for_a_missing_penalty(factor, name):
    """The gradient of c x^2 is a multiple of x, and so is the half that is missing from it."""

    def loss_and_grads(params):
        return 0.3 * (params["W"] ** 2).sum(), {"W": factor * 0.6 * params["W"]}

    result = check_loss(loss_and_grads, {"W": W}).results[0]
    assert (result.rule, result.hint) == ("factor", f"a constant factor is wrong: yours = {name} * numeric")


def test_a_penalty_that_is_missing_beside_another_term_proportional_to_x_is_named():
    def loss_and_grads(params):
        return (0.3 + 0.05) * (params["W"] ** 2).sum(), {"W": 0.6 * params["W"]}

    result = check_loss(loss_and_grads, {"W": W}).results[0]
    assert result.rule == "L2 missing"
    assert result.hint.endswith("numeric - yours = 0.1 * x")


def test_an_l2_penalty_of_rows_counts_each_touch():
    def loss_and_grads(params):
        table = params["table"]
        loss = 0.05 * (table[IDS][VALUES != 0] ** 2).sum() + table[IDS].sum()
        return loss, {"table": ops.RowGradient(np.arange(1, 8), np.bincount(IDS.ravel())[1:, None] * np.ones((7, 3)))}

    result = check_loss(loss_and_grads, {"table": TABLE}, slots=(IDS, VALUES)).results[0]
    assert result.rule == "L2 missing"
    assert result.hint.endswith("numeric - yours = 0.1 * x for each slot that touches the row")


def test_a_cache_that_is_not_renewed_is_named():
    first = {}

    def forward(x):
        first.setdefault("x", x.real.copy())
        return x * x * x, None

    result = check_operation(forward, lambda g, c: g * 3 * first["x"] ** 2, {"x": X}).results[0]
    assert (result.verdict, result.rule) == ("fail", "stale cache")
    assert "of an earlier call" in result.hint


def test_a_backward_that_reads_what_a_later_forward_left_is_named():
    last = {}

    def forward(x):
        last["x"] = x
        return x * x, None

    result = check_operation(forward, lambda g, c: g * 2 * last["x"].real, {"x": X}, strict=True).results[0]
    assert (result.verdict, result.rule) == ("fail", "stale cache")
    assert "reads what is not in its own cache" in result.hint


def test_a_gradient_in_a_buffer_that_is_used_again_is_named():
    buffer = np.zeros_like(X)

    def backward(g, x):
        np.multiply(g, 2 * x, out=buffer)
        return buffer

    result = check_operation(lambda x: (x * x, x), backward, {"x": X}, strict=True).results[0]
    assert (result.verdict, result.rule) == ("fail", "stale cache")
    assert "overwritten by a later call" in result.hint


def forward_in_place(x):
    x *= 2
    return x * x, x


def backward_in_place(g, x):
    g *= 2 * x
    return g


@pytest.mark.parametrize(
    "forward, backward, hint",
    [
        (forward_in_place, lambda g, x: g * 4 * x, "forward overwrites its argument x: work on a copy"),
        (lambda x: (x * x, x), backward_in_place, "backward overwrites its argument grad_y: work on a copy"),
    ],
)
def test_an_argument_that_is_overwritten_is_named(forward, backward, hint):
    result = check_operation(forward, backward, {"x": X}, strict=True).results[0]
    assert (result.verdict, result.rule, result.hint) == ("fail", "in place", hint)


def test_a_backward_that_uses_its_cache_up_is_named():
    def backward(g, x):
        x *= 2
        return g * x

    result = check_operation(lambda x: (x * x, x.copy()), backward, {"x": X}, strict=True).results[0]
    assert result.hint == "backward changes its cache: called again, it gives another gradient"


def test_a_factor_of_a_single_number_is_named_only_if_it_is_a_usual_one():
    for factor, rule in ((0.5, "factor"), (0.77, "")):
        report = check_operation(lambda x: (x * x, x), lambda g, x, f=factor: f * g * 2 * x, {"x": np.array([3.0])})
        assert rules(report) == [rule]


@pytest.mark.parametrize("scale", [1e12, 1.0, 1e-12])
def test_no_rule_is_told_by_a_single_large_entry(scale):
    """The noise of the first entry hides what the others hold, so any factor would fit them."""
    slopes = scale * np.array([1e12, 1.0, 2.0, 3.0, 4.0, 5.0])

    def backward(g, x):
        return g * slopes * np.array([0.77, 1.0, 1.0, 1.0, 1.0, 1.0])

    result = check_operation(lambda x: (slopes * x, x), backward, {"x": X[:, 0]}, method="central").results[0]
    assert (result.verdict, result.index, result.rule) == ("fail", (0,), "")
    assert result.hint.startswith("no known mistake fits")


@pytest.mark.parametrize("scale", [1e12, 1.0, 1e-12])
def test_no_rule_fits_by_a_tolerance_that_is_large_beside_what_it_compares(scale):
    """With rounding of a thousandth, as when large terms cancel, a factor 1.015 would fit errors of 0 to 3 percent."""

    def backward(g, x):
        rounding = 3e-4 * np.sin(1e17 * x)  # jumps when the last digit of x changes
        return scale * g * 2 * x * np.linspace(1.0, 1.03, 8) * (1 + rounding)

    result = check_operation(lambda x: (scale * x * x, x), backward, {"x": np.linspace(1.0, 2.0, 8)}).results[0]
    assert (result.verdict, result.rule) == ("fail", "")
    assert 1e-3 < result.tolerance < 1e-2


@pytest.mark.parametrize("scale", [1e12, 1.0, 1e-12])
@pytest.mark.parametrize("factor, rule", [(-1.0, "sign"), (0.5, "factor"), (6.0, "factor"), (1 / 6, "factor")])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_mistake_is_named_whatever_the_scale_and_dtype(scale, factor, rule, dtype):
    def backward(g, x):
        return np.asarray(factor * scale, dtype) * g * 3 * x * x

    x = RNG.standard_normal((6, 4)).astype(dtype)
    result = check_operation(lambda x: (np.asarray(scale, dtype) * x**3, x), backward, {"x": x}).results[0]
    assert (result.verdict, result.rule) == ("fail", rule)
