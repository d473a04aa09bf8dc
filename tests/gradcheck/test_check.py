"""The check itself: right gradients pass, wrong ones fail, and the report says why."""

import numpy as np
import pytest

from deepfm_np import ops
from deepfm_np.gradcheck import GradientCheckError, check_loss, check_operation

RNG = np.random.default_rng(0)
X = RNG.standard_normal((4, 3))
METHODS = ("complex", "central", "forward")
ROUNDING = "the rounding of a pass in float64, 4504 times its precision eps"


def square(x):
    return x * x, x


def square_backward(grad_y, x):
    return grad_y * 2 * x


@pytest.mark.parametrize("method", METHODS)
def test_a_right_gradient_passes(method):
    report = check_operation(square, square_backward, {"x": X}, method=method)
    assert report.ok
    assert (report.results[0].checked, report.results[0].entries) == (12, 12)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("factor", [-1, 0, 0.5, 2, 1.001])
def test_a_wrong_factor_fails(method, factor):
    report = check_operation(square, lambda grad_y, x: factor * square_backward(grad_y, x), {"x": X}, method=method)
    assert [result.verdict for result in report.results] == ["fail"]


@pytest.mark.parametrize("method", METHODS)
def test_a_single_wrong_entry_is_found_and_named(method):
    def backward(grad_y, x):
        grad_x = square_backward(grad_y, x)
        grad_x[2, 1] *= 1.01
        return grad_x

    result = check_operation(square, backward, {"x": X}, method=method).results[0]
    assert (result.verdict, result.index) == ("fail", (2, 1))
    assert abs(result.analytic / result.numeric - 1.01) < 1e-5


def test_the_numbers_of_a_result_are_those_of_the_formula():
    report = check_operation(lambda x: (3 * x, None), lambda grad_y, _: np.array([6.0]), {"x": np.array([5.0])}, seed=1)
    weight = np.random.default_rng((1, 1)).standard_normal(1)[0]
    result = report.results[0]
    assert result.analytic == 6.0
    assert abs(result.numeric - 3 * weight) < 1e-15
    assert abs(result.relative_error - abs(6.0 - 3 * weight) / 6.0) < 1e-15
    assert abs(result.tolerance - 1e-12) < 1e-26


def test_every_output_entry_counts():
    def backward(grad_y, x):
        grad_y = grad_y.copy()
        grad_y[3, 2] = 0
        return square_backward(grad_y, x)

    assert check_operation(square, backward, {"x": X}).results[0].index == (3, 2)


def test_inputs_from_the_same_seed_do_not_hide_a_transpose():
    """If the output weights came from the same random stream as x, x^T grad_y would be symmetric."""
    x = np.random.default_rng(0).standard_normal((6, 4))

    def backward(grad_y, cache):
        grad_x, grad_W, grad_b = ops.affine_backward(grad_y, cache)
        return grad_x, grad_W.T, grad_b

    report = check_operation(ops.affine_forward, backward, {"x": x, "W": np.eye(4), "b": np.zeros(4)}, seed=0)
    assert [result.verdict for result in report.results] == ["pass", "fail", "pass"]


def test_gradients_pair_with_wrt_in_order():
    inputs = {"x": X, "W": RNG.standard_normal((3, 2)), "b": RNG.standard_normal(2)}
    report = check_operation(ops.affine_forward, ops.affine_backward, inputs)
    assert [result.name for result in report.results] == ["x", "W", "b"]
    assert report.ok
    only_b = check_operation(ops.affine_forward, lambda g, c: ops.affine_backward(g, c)[2], inputs, wrt="b")
    assert only_b.ok
    assert [result.name for result in only_b.results] == ["b"]


def test_integer_inputs_are_held_fixed():
    inputs = {"table": RNG.standard_normal((5, 2)), "ids": np.array([[1, 1], [2, 4]])}

    def forward(table, ids):
        return ops.embedding_forward(table, ids, np.ones(ids.shape))

    report = check_operation(forward, ops.embedding_backward, inputs)
    assert report.ok
    assert [result.name for result in report.results] == ["table"]


def embedding_report(backward):
    ids, ones = np.array([[1, 2], [1, 5]]), np.ones((2, 2))
    table = RNG.standard_normal((40, 3))
    return check_operation(lambda table: ops.embedding_forward(table, ids, ones), backward, {"table": table})


def test_touched_rows_are_checked_entry_by_entry_and_untouched_ones_sampled():
    report = embedding_report(ops.embedding_backward)
    assert report.ok
    assert report.results[0].checked == (3 + 32) * 3


def test_a_row_assigned_instead_of_summed_fails():
    def backward(grad_vectors, cache):
        dense = np.zeros((40, 3))
        dense[cache.ids] = grad_vectors
        rows = np.unique(cache.ids)
        return ops.RowGradient(rows, dense[rows])

    result = embedding_report(backward).results[0]
    assert (result.verdict, result.index[0]) == ("fail", 1)


def test_a_row_left_out_fails_with_its_number():
    def backward(grad_vectors, cache):
        gradient = ops.embedding_backward(grad_vectors, cache)
        return ops.RowGradient(gradient.rows[:2], gradient.values[:2])

    table, ids = RNG.standard_normal((6, 3)), np.array([[1, 2], [1, 5]])
    report = check_operation(
        lambda table: ops.embedding_forward(table, ids, np.ones((2, 2))), backward, {"table": table}
    )
    assert report.results[0].verdict == "fail"
    assert report.results[0].hint == "row 5 is left out, but the function depends on it"


def test_a_row_that_appears_twice_fails():
    def backward(grad_vectors, cache):
        return ops.RowGradient(cache.ids.reshape(-1), grad_vectors.reshape(-1, 3))

    result = embedding_report(backward).results[0]
    assert (result.verdict, result.hint) == (
        "fail",
        "a row appears twice: gradients of slots that share a row must be summed",
    )


@pytest.mark.parametrize(
    "gradient, hint",
    [
        (None, "there is no gradient for it"),
        (np.ones(4), r"the gradient has shape (4,), should be (4, 3)"),
        ((X, X), "backward must return 1 gradient, for x; it returned 2"),
        (np.ones((5, 4, 3)), r"the gradient has shape (5, 4, 3), should be (4, 3)"),
        (np.ones((4, 4, 3)), r"the gradient has shape (4, 4, 3), should be (4, 3)"),
        (np.ones((1, 4, 3)), r"the gradient has shape (1, 4, 3), should be (4, 3)"),
        (ops.RowGradient(np.arange(2), X), "rows (2,) and values (4, 3) do not fit; should be (R,) and (R, 3)"),
    ],
)
def test_a_gradient_of_the_wrong_kind_fails_with_a_hint(gradient, hint):
    report = check_operation(square, lambda grad_y, x: gradient, {"x": X})
    assert [(result.verdict, result.hint) for result in report.results] == [("fail", hint)]


def test_a_gradient_that_is_nan_fails():
    result = check_operation(square, lambda grad_y, x: np.full_like(x, np.nan), {"x": X}).results[0]
    assert (result.verdict, result.hint) == ("fail", "the gradient at (0, 0) is nan")


NOTHING_TO_COMPARE = ", so there is no derivative to compare with. Next: another point, or a forward that stays finite"


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_forward_that_is_not_finite_at_the_point_is_inconclusive(bad, method):
    def forward(x):
        y = x * x
        y[2, 1] = bad
        return y, x

    report = check_operation(forward, square_backward, {"x": X}, method=method)
    hint = f"the output y at (2, 1) is {bad}{NOTHING_TO_COMPARE}"
    assert [(result.verdict, result.hint) for result in report.results] == [("inconclusive", hint)]
    loss = check_loss(lambda params: (bad, {"x": 0 * X}), {"x": X}, method=method)
    hint = f"the loss is {bad}{NOTHING_TO_COMPARE}"
    assert [(result.verdict, result.hint) for result in loss.results] == [("inconclusive", hint)]


@pytest.mark.filterwarnings("ignore:overflow")
def test_a_forward_that_overflows_in_single_precision_alone_is_inconclusive():
    report = check_operation(lambda x: (np.exp(x), x), lambda g, x: 0 * g, {"x": np.array([100.0, 1.0], "float32")})
    assert report.results[0].verdict == "inconclusive"
    assert report.results[0].hint.startswith("the output y at (0,) is inf")


def test_a_gradient_of_a_single_number_that_is_nan_fails():
    result = check_operation(square, lambda grad_y, x: np.nan, {"x": np.array(2.0)}).results[0]
    assert (result.verdict, result.hint) == ("fail", "the gradient is nan")


def absolute(x):
    return np.abs(x), x


def real_buffer(x):
    y = np.zeros(x.shape)
    y[:] = x * x
    return y, x


def half_analytic(x):
    return x * x + np.abs(x), x


@pytest.mark.parametrize("forward", [absolute, real_buffer, half_analytic])
def test_a_forward_that_is_not_analytic_is_refused_not_passed(forward):
    zero = check_operation(forward, lambda grad_y, x: np.zeros_like(x), {"x": X}, method="complex")
    assert [result.verdict for result in zero.results] == ["inconclusive"]
    assert zero.results[0].hint.startswith("forward is not analytic")
    assert not zero.ok


@pytest.mark.parametrize("forward", [absolute, real_buffer, half_analytic])
def test_by_default_a_forward_that_is_not_analytic_is_compared_with_differences(forward):
    zero = check_operation(forward, lambda grad_y, x: np.zeros_like(x), {"x": X})
    assert [(result.verdict, result.method) for result in zero.results] == [("fail", "richardson")]


def test_a_forward_that_is_not_analytic_can_be_checked_by_differences():
    report = check_operation(absolute, lambda grad_y, x: grad_y * np.sign(x), {"x": X}, method="central")
    assert report.ok


def test_auto_takes_differences_where_it_must_and_says_so():
    inputs = {"x": X, "y": X + 2}

    def forward(x, y):
        return np.abs(x) + y * y, (x, y)

    def backward(grad, cache):
        return grad * np.sign(cache[0]), grad * 2 * cache[1]

    x, y = check_operation(forward, backward, inputs, method="auto").results
    assert (x.verdict, x.method, y.method) == ("pass", "richardson", "complex")
    assert x.note.startswith("by Richardson extrapolation, since forward is not analytic: line ")
    assert x.note.endswith("`return np.abs(x) + y * y, (x, y)`, loses the imaginary part")
    assert "what doubling its step h changes" in x.tolerance_from
    assert (y.verdict, y.note, y.tolerance_from) == ("pass", "", ROUNDING)


def refuses_complex_numbers(error):
    def forward(x):
        if np.iscomplexobj(x):
            raise error
        return x * x, x

    return forward


ERRORS = [ValueError("real numbers, please"), KeyError("complex128"), AssertionError(), TypeError("no")]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_a_forward_that_raises_for_complex_numbers_alone_is_not_analytic(error):
    forward = refuses_complex_numbers(error)
    result = check_operation(forward, square_backward, {"x": X}, method="complex").results[0]
    assert result.verdict == "inconclusive"
    assert f"so the complex step says nothing: a complex input raises {type(error).__name__}: {error}" in result.hint
    auto = check_operation(forward, square_backward, {"x": X})
    assert (auto.ok, auto.results[0].method) == (True, "richardson")
    assert f"since forward is not analytic: a complex input raises {type(error).__name__}" in auto.results[0].note
    assert check_operation(forward, square_backward, {"x": X}, fast=True).results[0].verdict == "inconclusive"


@pytest.mark.parametrize("method", ["auto", "central"])
def test_a_mistake_in_a_forward_that_raises_for_complex_numbers_is_still_diagnosed(method):
    forward = refuses_complex_numbers(ValueError("real numbers, please"))
    result = check_operation(forward, lambda g, x: g * (1 - x * x), {"x": X}, method=method).results[0]
    assert (result.verdict, result.rule) == ("fail", "")


def test_a_loss_that_raises_for_complex_numbers_alone_is_not_analytic():
    def loss_and_grads(params):
        return sum(float(w) ** 2 for w in params["w"]), {"w": 2 * params["w"]}

    result = check_loss(loss_and_grads, {"w": X[0]}, method="complex").results[0]
    assert result.verdict == "inconclusive"
    assert result.hint.startswith("forward is not analytic")
    assert check_loss(loss_and_grads, {"w": X[0]}).ok


def test_the_complex_step_is_not_disturbed_by_kinks_close_by():
    z = np.array([1e-7, -2e-7, 3e-8, -1e-9])
    assert check_operation(ops.relu_forward, ops.relu_backward, {"z": z}).ok


def test_a_point_on_a_kink_is_inconclusive():
    result = check_operation(
        lambda x: (np.abs(x), x), lambda g, x: g * np.sign(x), {"x": np.zeros(3)}, method="central"
    ).results[0]
    assert result.verdict == "inconclusive"
    assert result.checked == 0
    assert result.hint.startswith("kink at 3 of 3 entries")
    assert result.cells()[3:] == ("0 of 3", "", "", "", "", "", "")


def test_a_few_kinks_are_set_aside():
    x = np.array([0.0, 1.0, -2.0, 3.0])
    result = check_operation(lambda x: (np.abs(x), x), lambda g, x: g * np.sign(x), {"x": x}, method="central").results[
        0
    ]
    assert result.verdict == "pass"
    assert (result.checked, result.entries) == (3, 4)
    assert result.note.startswith("kink at 1 of 4 entries, the first (0,), which are set aside: ")


def test_a_gradient_below_the_noise_of_differences_is_inconclusive():
    def forward(x):
        return 1e-9 * x + 1e9, x

    result = check_operation(forward, lambda g, x: 1e-9 * g, {"x": X}, method="central").results[0]
    assert result.verdict == "inconclusive"
    assert result.hint.startswith("noise at 12 of 12 entries")
    assert check_operation(forward, lambda g, x: 1e-9 * g, {"x": X}).ok


def test_a_forward_in_single_precision_is_not_held_to_double():
    def forward(x):
        return np.float32(x) ** 2, x

    assert check_operation(forward, lambda g, x: np.float32(2) * x * g, {"x": X}, method="central").ok
    wrong = check_operation(forward, lambda g, x: np.float32(2.2) * x * g, {"x": X}, method="central")
    assert wrong.results[0].verdict == "fail"


def test_large_terms_that_cancel_raise_no_alarm():
    """Batch norm turns any batch of two into +1 and -1, so the gradient nearly cancels."""
    x = np.array([[0.0], [30.0]])

    def forward(x):
        return ops.batch_norm_forward(x, np.ones(1), np.zeros(1), (np.zeros(1), np.ones(1)), True)

    def backward(grad_y, cache):
        return ops.batch_norm_backward(grad_y, cache)[0]

    result = check_operation(forward, backward, {"x": x}).results[0]
    assert result.verdict != "fail"
    assert check_operation(forward, lambda g, c: 1.5 * backward(g, c), {"x": x}).results[0].verdict == "fail"


def test_a_random_forward_is_not_compared_at_all():
    rng = np.random.default_rng(0)
    report = check_operation(lambda x: ops.dropout_forward(x, 0.5, rng), ops.dropout_backward, {"x": X})
    assert report.results[0].verdict == "inconclusive"
    assert "not deterministic: freeze the mask" in report.results[0].hint
    assert "nan" not in str(report)


def test_a_frozen_mask_passes():
    report = check_operation(
        lambda x: ops.dropout_forward(x, 0.5, np.random.default_rng(0)), ops.dropout_backward, {"x": X}
    )
    assert report.ok


@pytest.mark.parametrize("dtype, tolerance", [("float32", 5.4e-4), ("float64", 1e-12)])
def test_the_tolerance_follows_the_dtype_of_the_gradient(dtype, tolerance):
    result = check_operation(square, square_backward, {"x": X.astype(dtype)}).results[0]
    assert result.verdict == "pass"
    assert abs(result.tolerance / tolerance - 1) < 0.01


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize("factor", [1, 0, -1])
def test_half_precision_is_too_little_for_a_verdict(factor, fast):
    def backward(grad_y, x):
        return grad_y * np.float16(factor) * 2 * x

    result = check_operation(square, backward, {"x": X.astype(np.float16)}, fast=fast).results[0]
    assert (result.verdict, result.checked) == ("inconclusive", 0)
    assert result.hint.startswith(
        "the precision of float16 is too small for a verdict: rounding alone may be off by 4.4"
    )
    assert result.hint.endswith("Next: inputs and gradients in float64, or at least in float32")


@pytest.mark.parametrize("scale", [1e-12, 1e12])
def test_the_scale_of_the_gradient_does_not_matter(scale):
    forward, backward = (lambda x: (scale * x * x, x)), (lambda grad_y, x: scale * grad_y * 2 * x)
    assert check_operation(forward, backward, {"x": X}).ok
    assert not check_operation(forward, lambda g, x: 1.001 * backward(g, x), {"x": X}).ok


def bias_before_batch_norm(params):
    a, affine = ops.affine_forward(X, params["W"], params["b"])
    y, norm = ops.batch_norm_forward(a, np.ones(2), np.zeros(2), (np.zeros(2), np.ones(2)), True)
    weights = np.arange(8.0).reshape(4, 2) ** 2
    grad_a, _, _ = ops.batch_norm_backward(weights, norm)
    _, grad_W, grad_b = ops.affine_backward(grad_a, affine)
    return (weights * y).sum(), {"W": grad_W, "b": grad_b}


POINT = {"W": RNG.standard_normal((3, 2)), "b": RNG.standard_normal(2)}


def test_a_gradient_that_is_zero_to_rounding_is_measured_against_the_largest():
    report = check_loss(bias_before_batch_norm, POINT)
    assert report.ok
    assert report.results[1].numeric == pytest.approx(0, abs=1e-12)


def test_a_gradient_that_should_be_zero_and_is_not_fails():
    def wrong(params):
        loss, grads = bias_before_batch_norm(params)
        return loss, {**grads, "b": grads["b"] + 1e-6}

    assert [result.verdict for result in check_loss(wrong, POINT).results] == ["pass", "fail"]


def test_a_missing_gradient_of_a_loss_fails():
    def forgetful(params):
        loss, grads = bias_before_batch_norm(params)
        return loss, {"W": grads["W"]}

    assert [result.verdict for result in check_loss(forgetful, POINT).results] == ["pass", "fail"]


def test_the_point_is_left_as_it_was():
    before = {name: value.copy() for name, value in POINT.items()}
    check_loss(bias_before_batch_norm, POINT)
    for name, value in POINT.items():
        np.testing.assert_array_equal(value, before[name])


@pytest.mark.parametrize("method", ["complex", "central"])
def test_a_loss_may_put_other_arrays_into_the_dict_it_is_given(method):
    def loss_and_grads(params):
        params["W"] = 2 * params["W"]
        scale = params.pop("scale")
        return scale * (params["W"] ** 2).sum(), {"W": 4 * scale * params["W"], "scale": (params["W"] ** 2).sum()}

    report = check_loss(loss_and_grads, {"W": X, "scale": np.array(3.0)}, method=method)
    assert report.ok
    assert report.results[1].numeric == pytest.approx(4 * (X**2).sum(), rel=1e-6)


def test_unknown_arguments_are_refused():
    with pytest.raises(ValueError, match="method must be one of complex, forward, central, richardson, auto, got"):
        check_operation(square, square_backward, {"x": X}, method="magic")
    with pytest.raises(ValueError, match="wrt names 'z', which is not an input: x"):
        check_operation(square, square_backward, {"x": X}, wrt="z")


def test_a_report_reads_as_table_html_and_frame():
    report = check_operation(square, lambda grad_y, x: -square_backward(grad_y, x), {"x": X})
    assert "fail" in str(report)
    assert "0 of 1 tensors pass, 1 fail, by the complex step, a numerical derivative exact to rounding" in str(report)
    assert report._repr_html_().count("<tr>") == 2
    frame = report.to_frame()
    assert frame.loc[0, "verdict"] == "fail"
    assert frame.loc[0, "relative_error"] == pytest.approx(2.0)
    with pytest.raises(GradientCheckError, match="0 of 1 tensors pass"):
        report.raise_if_failed()


def test_the_legend_is_told_on_request_alone():
    report = check_operation(square, square_backward, {"x": X})
    assert str(report).splitlines()[2:] == [
        "1 of 1 tensors pass, by the complex step, a numerical derivative exact to rounding"
    ]
    legend = report.explain().removeprefix(f"{report}\n")
    assert legend.startswith("rel. error: |yours - numeric| / max(")
    assert legend.endswith(f"\nallowed: {ROUNDING}")
    html = report._repr_html_()
    assert html.index("<details>") < html.index("rel. error: |yours") < html.index("</details>")


def test_a_report_without_failures_raises_nothing():
    check_operation(square, square_backward, {"x": X}).raise_if_failed()


def test_no_method_is_named_where_nothing_was_compared():
    checked = check_operation(lambda x: (x * x, x), lambda g, c: 2 * g * c, {"x": np.ones(3)})
    unchecked = check_operation(lambda x: x, lambda g, c: g, {"x": np.ones(3)})
    assert "1 of 1 tensors pass, by the complex step" in str(checked)
    assert str(unchecked).endswith("\n0 of 1 tensors pass, 1 fail")


@pytest.mark.parametrize("columns, widest", [("60", 60), ("200", 200)])
def test_remarks_are_as_wide_as_the_terminal(columns, widest, monkeypatch):
    report = check_operation(absolute, lambda grad_y, x: grad_y * np.sign(x), {"x": X}, method="complex")
    elsewhere = str(report).splitlines()
    monkeypatch.setenv("COLUMNS", columns)
    assert str(report).splitlines() == elsewhere
    assert 90 < max(map(len, elsewhere[2:])) <= 100
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    longest = max(map(len, str(report).splitlines()[2:]))
    assert 0.8 * widest < longest <= widest
