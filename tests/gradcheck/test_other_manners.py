"""Code that is not shaped like ours: in place, accumulating, with buffers, in float32, with several outputs."""

import subprocess
import sys
from collections import namedtuple

import numpy as np
import pytest

from deepfm_np.gradcheck import check_loss, check_operation

RNG = np.random.default_rng(0)
X, W, B = RNG.standard_normal((4, 3)), RNG.standard_normal((3, 3)), RNG.standard_normal(3)
DENSE = {"x": X, "W": W, "b": B}


def square(x):
    return x * x, x


def dense(x, W, b):
    return x @ W + b, (x, W)


def dense_backward(g, cache):
    x, W = cache
    return g @ W.T, x.T @ g, g.sum(axis=0)


def relu_in_place(g, x):
    g[x <= 0] = 0
    return g


def verdicts(report):
    return [result.verdict for result in report.results]


# In place


def test_a_backward_that_writes_into_grad_y_is_compared_and_the_report_warns():
    report = check_operation(lambda x: (np.maximum(x, 0), x), relu_in_place, {"x": X})
    assert report.ok
    assert report.notes == (
        "warning: backward overwrites its argument grad_y: work on a copy (who else uses that array reads changed "
        "numbers)",
    )
    assert report.notes[0][:50] in str(report).replace("\n    ", " ")
    wrong = check_operation(lambda x: (np.maximum(x, 0), x), lambda g, x: 2 * relu_in_place(g, x), {"x": X})
    assert (verdicts(wrong), wrong.results[0].rule) == (["fail"], "factor")
    strict = check_operation(lambda x: (np.maximum(x, 0), x), relu_in_place, {"x": X}, strict=True)
    assert [(result.verdict, result.rule) for result in strict.results] == [("fail", "in place")]


def test_a_forward_that_writes_into_its_argument_does_not_disturb_the_numeric_side():
    def forward(x, b):
        x += b
        return x * x, x.copy()

    inputs = {"x": X, "b": B}
    report = check_operation(forward, lambda g, x: (g * 2 * x, (g * 2 * x).sum(axis=0)), inputs, method="central")
    assert report.ok
    assert report.notes[0].startswith("warning: forward overwrites its argument x: work on a copy")


def test_a_backward_that_changes_its_cache_is_compared():
    def backward(g, x):
        x *= 2
        return g * x

    report = check_operation(lambda x: (x * x, x.copy()), backward, {"x": X})
    assert report.ok
    assert report.notes[0].startswith("warning: backward changes its cache: called again, it gives another gradient")


class Layer:
    """Gradients add up in the layer, which is made once."""

    def __init__(self):
        self.dW, self.db = np.full((3, 3), 0.3), np.zeros(3)

    def forward(self, x, W, b):
        self.x, self.W = x, W
        return x @ W + b, None

    def backward(self, g, _, factor=1):
        self.dW += factor * self.x.T @ g
        self.db += g.sum(axis=0)
        return g @ self.W.T, self.dW, self.db


def test_gradients_that_add_up_in_one_object_are_recognised_and_compared():
    layer = Layer()
    report = check_operation(layer.forward, layer.backward, DENSE)
    assert report.ok, report
    assert any("added to those of the call before, as in PyTorch" in note for note in report.notes)
    layer = Layer()
    wrong = check_operation(layer.forward, lambda g, c: layer.backward(g, c, factor=2), DENSE)
    assert verdicts(wrong) == ["pass", "fail", "pass"]
    assert wrong.results[1].rule == "factor"
    layer = Layer()
    assert not check_operation(layer.forward, layer.backward, DENSE, strict=True).ok


def test_gradients_that_add_up_in_the_cache_are_recognised():
    def forward(x):
        return x * x, {"x": x, "dx": np.zeros_like(x)}

    def backward(g, cache):
        cache["dx"] += g * 2 * cache["x"]
        return cache["dx"]

    report = check_operation(forward, backward, {"x": X})
    assert report.ok
    assert "added to those of the call before" in report.notes[0]


def test_gradients_of_a_loss_that_add_up_are_recognised():
    grads = {"W": np.zeros_like(W)}

    def loss_and_grads(params, factor=1):
        grads["W"] += factor * 2 * params["W"].real
        return (params["W"] ** 2).sum(), grads

    report = check_loss(loss_and_grads, {"W": W})
    assert report.ok
    assert any("added to those of the call before" in note for note in report.notes)
    assert not check_loss(lambda params: loss_and_grads(params, 2), {"W": W}).ok
    assert not check_loss(loss_and_grads, {"W": W}, strict=True).ok


# The cache consumed


def popping(g, cache):
    return g * 2 * cache.pop()


def test_a_backward_that_consumes_its_cache_is_compared_and_the_report_says_so():
    report = check_operation(lambda x: (x * x, [x]), popping, {"x": X})
    assert report.ok
    assert report.notes == (
        "warning: backward raised IndexError: pop from empty list when it was called a second time on one cache: it "
        "must not consume its cache (a graph with two branches calls it twice)",
    )
    assert not check_operation(lambda x: (x * x, [x]), lambda g, c: 2 * popping(g, c), {"x": X}).ok
    strict = check_operation(lambda x: (x * x, [x]), popping, {"x": X}, strict=True).results[0]
    assert (strict.verdict, strict.rule) == ("fail", "cache consumed")


def test_what_the_first_backward_raises_passes_through():
    with pytest.raises(IndexError, match="pop from empty list"):
        check_operation(lambda x: (x * x, []), popping, {"x": X})


# Not analytic


def buffer(x):
    y = np.zeros(x.shape)
    y[:] = x * x
    return y, x


def cast(x):
    return (x * x).astype(float), x


def added_in_place(x):
    y = np.ones(x.shape)
    y += x * x
    return y, x


def quiet(x):
    return x - x.mean(0) + x.var(axis=0), x


def quiet_backward(g, x):
    return g - g.mean(0) + 2 * (x - x.mean(0)) / len(x) * g.sum(0)


def caught(x):
    try:
        return np.array([[float(v) ** 2 for v in row] for row in x]), x
    except (TypeError, Warning):
        return np.array([[v.imag * 0 + 1.0 for v in row] for row in x]), x


@pytest.mark.parametrize(
    "forward, backward, what, advice",
    [
        (buffer, None, "`y[:] = x * x`, drops the imaginary part", "np.zeros(shape, x.dtype) or np.zeros_like(x)"),
        (cast, None, "`return (x * x).astype(float), x`, drops the imaginary part", "leave out the cast"),
        (added_in_place, None, "from dtype('complex128') to dtype('float64')", "np.zeros(shape, x.dtype)"),
        (quiet, quiet_backward, "`return x - x.mean(0) + x.var(axis=0), x`, loses", "((x - x.mean(0)) ** 2).mean(0)"),
        (
            caught,
            None,
            "it is handed a complex number there and returned a real one",
            "Most often it is a float buffer",
        ),
    ],
)
def test_the_line_that_is_not_analytic_is_named_with_what_to_write_instead(forward, backward, what, advice):
    backward = backward or (lambda g, x: g * 2 * x)
    hint = check_operation(forward, backward, {"x": X}, method="complex").results[0].hint
    assert what in hint
    assert advice in hint
    assert "maximum" not in hint
    assert 'Next: method="auto"' in hint
    result = check_operation(forward, backward, {"x": X}).results[0]
    assert (result.verdict, result.method) == ("pass", "richardson")
    assert what in result.note


def test_a_complex_step_that_loses_a_small_part_silently_blames_no_one():
    """Along a random direction the part that is lost is too small to be seen."""

    def forward(x):
        return x + 1e-7 * np.abs(x), x

    report = check_operation(forward, lambda g, x: g * (1 + 1e-7 * np.sign(x)), {"x": X})
    assert report.results[0].verdict != "fail", report


# float32 within


def single_buffer(x):
    y = np.zeros(x.shape, np.float32)
    y[:] = x * x
    return y, x


def single_inside(x):
    return np.tanh(x.astype(np.float32)) * x, x


@pytest.mark.parametrize("seed", range(10))
def test_a_forward_that_computes_in_float32_is_judged_as_such(seed):
    x = np.random.default_rng(seed).standard_normal((4, 3))

    def backward(g, x):
        t = np.tanh(x)
        return g * (t + x * (1 - t * t))

    result = check_operation(single_inside, backward, {"x": x}, seed=seed).results[0]
    assert result.verdict == "pass"
    assert "forward computes in float32 although its inputs are float64 (line " in result.note
    assert "`return np.tanh(x.astype(np.float32)) * x, x`): judged as float32" in result.note
    wrong = check_operation(single_inside, lambda g, x: 1.2 * backward(g, x), {"x": x}, seed=seed).results[0]
    assert wrong.verdict == "fail"


def test_a_float32_buffer_is_recognised():
    result = check_operation(single_buffer, lambda g, x: g * 2 * x, {"x": X}).results[0]
    assert (result.verdict, "judged as float32" in result.note) == ("pass", True)


def test_a_backward_that_computes_in_float32_is_judged_as_such():
    result = check_operation(square, lambda g, x: (g * 2 * x).astype(np.float32).astype(float), {"x": X}).results[0]
    assert result.verdict == "pass"
    assert result.note == "backward computes in float32 although its inputs are float64: judged as float32"
    assert 1e-4 < result.tolerance < 1e-3


def test_a_wrong_gradient_of_short_numbers_is_not_taken_for_float32():
    result = check_operation(lambda x: (x.sum(), x), lambda g, x: np.ones(x.shape), {"x": X}).results[0]
    assert (result.verdict, "float32" in result.note) == ("fail", False)


# Tolerance


def log_loss(p):
    return -np.log(p + 1e-7).mean(), p


def inexact(g, p):
    return -g / p / p.size


def test_a_given_tolerance_is_used_and_the_derived_one_printed_beside_it():
    p = {"p": RNG.uniform(0.1, 0.9, (4, 3))}
    assert not check_operation(log_loss, inexact, p).ok
    report = check_operation(log_loss, inexact, p, tolerance=1e-5)
    assert report.ok
    assert report.results[0].cells()[-1] == "1.0e-05 (derived: 1.0e-12)"
    assert "allowed: what you gave as tolerance; by default the rounding of a pass" in report.explain()
    assert not check_operation(log_loss, lambda g, p: 1.001 * inexact(g, p), p, tolerance=1e-5).ok
    below = check_operation(square, lambda g, x: g * 2 * x, {"x": X}, tolerance=1e-15)
    assert below.ok
    assert below.results[0].cells()[-1] == "1.0e-12"


# Gradients and outputs in any form


@pytest.mark.parametrize(
    "form",
    [
        tuple,
        list,
        lambda gradients: dict(zip(("x", "W", "b"), gradients, strict=True)),
        lambda gradients: dict(zip(("db", "dW", "dx"), gradients[::-1], strict=True)),
    ],
    ids=["tuple", "list", "dict", "dict of dx"],
)
def test_gradients_may_come_in_any_form(form):
    assert check_operation(dense, lambda g, c: form(dense_backward(g, c)), DENSE).ok
    wrong = check_operation(dense, lambda g, c: form([-dense_backward(g, c)[0], *dense_backward(g, c)[1:]]), DENSE)
    assert verdicts(wrong) == ["fail", "pass", "pass"]


def two_outputs(x, W):
    h = np.tanh(x @ W)
    return (h, h.sum(axis=0)), (x, W, h)


def two_outputs_backward(grads, cache):
    grad_h, grad_c = grads
    x, W, h = cache
    dz = (grad_h + grad_c) * (1 - h * h)
    return dz @ W.T, x.T @ dz


State = namedtuple("State", "h c")


def test_several_outputs_of_unequal_shapes_are_differentiated_together():
    inputs = {"x": X, "W": W}
    assert check_operation(two_outputs, two_outputs_backward, inputs).ok
    for lost in (0, 1):

        def wrong(grads, cache, lost=lost):
            return two_outputs_backward([0 * g if i == lost else g for i, g in enumerate(grads)], cache)

        assert verdicts(check_operation(two_outputs, wrong, inputs)) == ["fail", "fail"]

    def named(x, W):
        y, cache = two_outputs(x, W)
        return State(*y), cache

    assert check_operation(named, lambda g, c: two_outputs_backward((g.h, g.c), c), inputs).ok


def test_an_output_and_a_scalar_are_differentiated_together():
    report = check_operation(
        lambda x: ((x * x, x.sum()), x), lambda g, x: g[0] * 2 * x + g[1], {"x": X}, method="richardson"
    )
    assert report.ok


def lookup(table, tokens):
    return table[tokens], (table.shape, tokens)


def lookup_backward(g, cache, add=np.add.at):
    shape, tokens = cache
    grad = np.zeros(shape)
    add(grad, tokens, g)
    return grad


def assign(grad, tokens, g):
    grad[tokens] = g


def test_integer_inputs_are_named_as_not_differentiated():
    report = check_operation(lookup, lookup_backward, {"table": W, "tokens": np.array([1, 2, 1])})
    assert report.notes == ("not differentiated: tokens (int64)",)
    assert "not differentiated: tokens (int64)" in str(report)


@pytest.mark.parametrize("shape", [(6,), (3, 2)])
def test_repeated_rows_are_named_whatever_the_ids_are_called(shape):
    tokens = np.array([1, 2, 1, 4, 6, 1]).reshape(shape)
    inputs = {"table": RNG.standard_normal((8, 3)), "tokens": tokens}
    right = check_operation(lookup, lookup_backward, inputs)
    assert right.ok
    assert right.results[0].note.startswith("rows compared: 3 named by one slot, 1 by several, ")
    wrong = check_operation(lookup, lambda g, c: lookup_backward(g, c, assign), inputs).results[0]
    assert (wrong.verdict, wrong.rule) == ("fail", "repeated rows")


def test_labels_are_not_taken_for_rows_of_a_table():
    labels = np.array([1, 0, 1, 1])

    def forward(logits, labels):
        z = logits - logits.max(axis=1, keepdims=True)
        p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
        return -np.log(p[np.arange(4), labels]).mean(), p

    def backward(g, p):
        return g * (p - np.eye(3)[labels]) / 4

    report = check_operation(forward, backward, {"logits": RNG.standard_normal((4, 3)), "labels": labels})
    assert (report.ok, report.results[0].note) == (True, "")


# In pytest


def test_pytest_shows_the_report_and_no_line_of_the_checker(tmp_path):
    (tmp_path / "test_mine.py").write_text(
        "import numpy as np\n"
        "from deepfm_np.gradcheck import check_operation\n\n\n"
        "def test_square():\n"
        "    report = check_operation(lambda x: (x * x, x), lambda g, x: g * x, {'x': np.ones(3)})\n"
        "    report.raise_if_failed()\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    out = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    assert "report.raise_if_failed()" in out
    assert "a constant factor is wrong: yours = 1/2 * numeric" in out
    assert "gradcheck/report.py" not in out
    assert "def raise_if_failed" not in out


def test_an_epsilon_that_backward_leaves_out_is_thought_of():
    p = np.array([0.2, 0.5, 0.9])

    def forward(p):
        return np.log(p + 1e-7), p

    def backward(grad_y, p):
        return grad_y / p

    report = check_operation(forward, backward, {"p": p})
    assert [result.verdict for result in report.results] == ["fail"]
    assert report.results[0].hint.endswith(
        "It is nearly right: if forward holds an epsilon that backward leaves out, tolerance= allows for it"
    )
    assert check_operation(forward, backward, {"p": p}, tolerance=1e-5).ok
    assert "tolerance=" not in str(check_operation(forward, lambda g, p: g / p**1.1, {"p": p}))
