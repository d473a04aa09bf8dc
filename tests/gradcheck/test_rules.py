"""Each rule names its mistake where the numbers are exactly what the mistake would make of them, and nowhere else."""

from typing import NamedTuple

import numpy as np
import pytest

from deepfm_np import ops
from deepfm_np.gallery import BUGS
from deepfm_np.gradcheck import check_loss, check_operation
from deepfm_np.gradcheck.diagnose import RULES

RNG = np.random.default_rng(1)
normal = RNG.standard_normal
LABELS = np.array([2, 0, 1, 2, 2])
ONE_HOT = np.eye(3)[LABELS]


class Problem(NamedTuple):
    """An operation with its right backward pass, at a point."""

    forward: object
    backward: object  # (grad_y, *inputs) -> a list of gradients
    inputs: dict


def softmax(z):
    e = np.exp(z - z.real.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def affine_backward(g, x, W, b):
    return [g @ W.T, x.T @ g, g.sum(axis=0)]


def layer_norm(x, gamma):
    centred = x - x.mean(axis=1, keepdims=True)
    std = np.sqrt((centred * centred).mean(axis=1, keepdims=True) + 1e-5)
    return centred / std, std


def layer_norm_backward(g, x, gamma, mean=True, variance=True):
    normalised, std = layer_norm(x, gamma)
    d = g * gamma
    lost = mean * d.mean(axis=1, keepdims=True) + variance * normalised * (d * normalised).mean(axis=1, keepdims=True)
    return [(d - lost) / std, (g * normalised).sum(axis=0)]


def rms_backward(g, x, through_norm=1.0):
    rms = np.sqrt((x * x).mean(axis=1, keepdims=True))
    return [g / rms - through_norm * x * (g * x).mean(axis=1, keepdims=True) / rms**3]


def cross_entropy(x, W, labels):
    return -np.log(softmax(x @ W)[np.arange(len(x)), labels]).mean()


def cross_entropy_backward(g, x, W, labels, one_hot=ONE_HOT):
    d = g * (softmax(x @ W) - one_hot) / len(x)
    return [d @ W.T, x.T @ d]


def recurrence(x, W):
    h, states = 0.0, []
    for t in range(x.shape[1]):
        h = np.tanh(x[:, t] + h @ W if t else x[:, t])
        states.append(h)
    return np.stack(states, axis=1)


def recurrence_backward(g, x, W, passed_on=1.0):
    states, grad_x, grad_W, carried = recurrence(x, W), np.zeros_like(x), np.zeros_like(W), 0.0
    for t in range(x.shape[1])[::-1]:
        d = (g[:, t] + carried) * (1 - states[:, t] ** 2)
        grad_x[:, t] = d
        if t:
            grad_W += states[:, t - 1].T @ d
        carried = passed_on * d @ W.T
    return [grad_x, grad_W]


def last_state_backward(g, x, W, passed_on=1.0):
    at_last = np.zeros_like(x)
    at_last[:, -1] = g
    return recurrence_backward(at_last, x, W, passed_on)


def leaky(x, slope=0.1):
    return np.where(x.real > 0, x, slope * x)


def hinge(f):
    return np.where(1 - f.real > 0, 1 - f, 0).sum()


SQUARE = {"x": normal((4, 4)), "W": normal((4, 4)), "b": normal(4)}
AFFINE = Problem(lambda x, W, b: x @ W + b, affine_backward, SQUARE)
OBLONG = AFFINE._replace(inputs={"x": normal((5, 3)), "W": normal((3, 2)), "b": normal(2)})
TANH = Problem(lambda x: np.tanh(x), lambda g, x: [g * (1 - np.tanh(x) ** 2)], {"x": normal((4, 3))})
SIGMOID = Problem(
    lambda z: 1 / (1 + np.exp(-z)), lambda g, z: [g * np.exp(-z) / (1 + np.exp(-z)) ** 2], {"z": normal(6)}
)
LEAKY = Problem(leaky, lambda g, x: [g * np.where(x > 0, 1, 0.1)], {"x": normal((4, 3))})
RELU = LEAKY._replace(forward=lambda x: leaky(x, 0.0), backward=lambda g, x: [g * (x > 0)])
KEEP = np.array([[0, 2, 2], [2, 0, 2], [2, 2, 0], [0, 2, 0]])
DROPOUT = Problem(lambda x: x * KEEP, lambda g, x: [g * KEEP], {"x": normal((4, 3))})
HINGE = Problem(hinge, lambda g, f: [-g * (1 - f > 0)], {"f": np.array([0.2, 1.7, -0.4, 3.0, 0.9, 2.0])})
SOFTMAX = Problem(
    softmax, lambda g, z: [softmax(z) * (g - (g * softmax(z)).sum(axis=1, keepdims=True))], {"z": normal((3, 4))}
)
LAYER_NORM = Problem(
    lambda x, gamma: gamma * layer_norm(x, gamma)[0], layer_norm_backward, {"x": normal((4, 5)), "gamma": normal(5)}
)
RMS_NORM = Problem(lambda x: x / np.sqrt((x * x).mean(axis=1, keepdims=True)), rms_backward, {"x": normal((4, 3))})
CROSS_ENTROPY = Problem(
    cross_entropy, cross_entropy_backward, {"x": normal((5, 4)), "W": normal((4, 3)), "labels": LABELS}
)
LOGITS = Problem(
    lambda z, labels: -np.log(softmax(z)[np.arange(len(z)), labels]).mean(),
    lambda g, z, labels: [g * (softmax(z) - ONE_HOT) / len(z)],
    {"z": normal((5, 3)), "labels": LABELS},
)
RECURRENCE = Problem(recurrence, recurrence_backward, {"x": normal((2, 4, 3)), "W": normal((3, 3))})
LAST_STATE = RECURRENCE._replace(forward=lambda x, W: recurrence(x, W)[:, -1], backward=last_state_backward)
UPSAMPLED = Problem(
    lambda x: np.repeat(x, 2, axis=1), lambda g, x: [g.reshape(*x.shape, 2).sum(axis=2)], {"x": normal((2, 3))}
)
RUNNING_SUM = Problem(
    lambda x: np.cumsum(x, axis=0), lambda g, x: [np.cumsum(g[::-1], axis=0)[::-1]], {"x": normal((5, 2))}
)
LOOKUP = Problem(lambda table, rows: table[rows], None, {"table": normal((4, 2)), "rows": np.array([2, 0, 2, 3, 2])})
SCALED = Problem(
    lambda x, scale: x * x * scale,
    lambda g, x, scale: [2 * g * x * scale, (g * x * x).sum(axis=0)],
    {"x": normal((4, 3)), "scale": normal(3)},
)
TURNED = Problem(lambda x: 2 * x.transpose(1, 0, 2), lambda g, x: [2 * g.transpose(1, 0, 2)], {"x": normal((3, 3, 2))})
PROBLEMS = {name: value for name, value in globals().items() if isinstance(value, Problem) and value.backward}


def report_on(problem, change):
    """The check of a problem whose gradients are changed; change: (right gradients, grad_y, *inputs) -> gradients."""
    wrt = [name for name, value in problem.inputs.items() if value.dtype.kind == "f"]

    def backward(g, inputs):
        right = problem.backward(g, *inputs) if problem.backward else None
        return tuple(change(right, g, *inputs))

    return check_operation(lambda *a: (problem.forward(*a), a), backward, problem.inputs, wrt)


def assigned(g, table, rows):
    grad = np.zeros_like(table)
    grad[rows] = g
    return grad


def without_column(W):
    return W * [1, 0]


def per_row(gradient):
    return gradient * np.linspace(0.5, 2.0, len(gradient))[:, None]


CASES = [
    (AFFINE, lambda r, g, x, W, b: [r[1], r[0], r[2]], "exchanged", "the gradients of x and W are exchanged"),
    (
        AFFINE,
        lambda r, g, x, W, b: [r[1], r[1], r[2]],
        "exchanged",
        "it is the gradient of W: return them in the order",
    ),
    (OBLONG, lambda r, g, x, W, b: [r[1], r[0], r[2]], "exchanged", "should be (5, 3): those of x and W are exchanged"),
    (OBLONG, lambda r, g, x, W, b: [r[1], r[1], r[2]], "exchanged", "should be (5, 3): it is the gradient of W"),
    (OBLONG, lambda r, g, x, W, b: [r[0], r[1], g], "not summed", "should be (2,): sum it over the batch, axis 0"),
    (OBLONG, lambda r, g, x, W, b: [r[0], r[1], 2 * g], "shape", "the gradient has shape (5, 2), should be (2,)"),
    (OBLONG, lambda r, g, x, W, b: [r[0], r[1], r[2][:, None]], "shape", "the numbers are right, reshape it"),
    (OBLONG, lambda r, g, x, W, b: [r[0].T, r[1], r[2]], "transposed", "should be (5, 3): it is transposed"),
    (
        OBLONG,
        lambda r, g, x, W, b: [2 * r[0].T, r[1], r[2]],
        "shape",
        "the gradient has shape (3, 5), should be (5, 3)",
    ),
    (OBLONG, lambda r, g, x, W, b: [r[0], r[1], r[2].sum()], "shape", "do not sum or average it over axis 0"),
    (
        AFFINE,
        lambda r, g, x, W, b: affine_backward(np.ones_like(g), x, W, b),
        "grad_y",
        "what 1 would give in its place",
    ),
    (AFFINE, lambda r, g, x, W, b: affine_backward(g.mean() + 0 * g, x, W, b), "grad_y", "counts by its mean alone"),
    (CROSS_ENTROPY, lambda r, g, *i: [d / g for d in r], "grad_y", "yours * grad_y = numeric"),
    (
        AFFINE,
        lambda r, g, x, W, b: [r[0], r[1], g[-1]],
        "not summed",
        "only the last example counts: sum over the batch, axis 0",
    ),
    (AFFINE, lambda r, g, x, W, b: [r[0], np.outer(x[0], g[0]), r[2]], "not summed", "only the first index of axis 0"),
    (AFFINE, lambda r, g, x, W, b: [g @ W, *r[1:]], "wrong product", "d @ W stands for d @ W.T"),
    (AFFINE, lambda r, g, x, W, b: [r[0], x @ g, r[2]], "wrong product", "x @ d stands for x.T @ d"),
    (AFFINE, lambda r, g, x, W, b: [r[0], x.T @ g.T, r[2]], "wrong product", "x.T @ d.T stands for x.T @ d"),
    (RUNNING_SUM, lambda r, g, x: [np.cumsum(g, axis=0)], "wrong product", "it goes back by the way forward"),
    (AFFINE, lambda r, g, x, W, b: [r[0], r[1], g.sum(axis=1)], "wrong axis", "or it is summed over the wrong one"),
    (
        AFFINE,
        lambda r, g, x, W, b: [r[0], x[:-1].T @ g[:-1], r[2]],
        "off by one",
        "last index of axis 0 of grad_y is left",
    ),
    (AFFINE, lambda r, g, x, W, b: [np.roll(r[0], 1, 1), *r[1:]], "off by one", "numeric shifted by 1 along axis 1"),
    (AFFINE, lambda r, g, x, W, b: [r[0][::-1], *r[1:]], "off by one", "numeric reversed along axis 0"),
    (OBLONG, lambda r, g, x, W, b: [r[0], without_column(r[1]), r[2]], "nothing arrives", "at index 1 of axis 1"),
    (AFFINE, lambda r, g, x, W, b: [g, *r[1:]], "unchanged", "yours is grad_y itself"),
    (TURNED, lambda r, g, x: [2 * g], "transposed", "yours is numeric.transpose(1, 0, 2)"),
    (UPSAMPLED, lambda r, g, x: [g[:, ::2]], "copies not summed", "the first share alone counts"),
    (UPSAMPLED, lambda r, g, x: [g[:, 1::2]], "copies not summed", "the last share alone counts"),
    (
        LOOKUP,
        lambda r, g, table, rows: [assigned(g, table, rows)],
        "repeated rows",
        "only rows that several slots touch are wrong",
    ),
    (
        SOFTMAX,
        lambda r, g, z: [g * softmax(z) * (1 - softmax(z))],
        "diagonal only",
        "only the diagonal of the Jacobian",
    ),
    (SOFTMAX, lambda r, g, z: [g * softmax(z)], "diagonal only", "take away p * sum(grad_y * p)"),
    (
        RECURRENCE,
        lambda r, g, *i: [recurrence_backward(g, *i, 0.0)[0], r[1]],
        "diagonal only",
        "other entries of x, too",
    ),
    (
        LAST_STATE,
        lambda r, g, *i: [last_state_backward(g, *i, 0.0)[0], r[1]],
        "last step only",
        "the last index of axis 1",
    ),
    (
        LAYER_NORM,
        lambda r, g, *i: layer_norm_backward(g, *i, mean=False),
        "statistics constant",
        "through the mean over axis 1",
    ),
    (
        LAYER_NORM,
        lambda r, g, *i: layer_norm_backward(g, *i, variance=False),
        "statistics constant",
        "the variance over axis 1",
    ),
    (
        LAYER_NORM,
        lambda r, g, *i: layer_norm_backward(g, *i, False, False),
        "statistics constant",
        "mean and variance over",
    ),
    (RMS_NORM, lambda r, g, x: rms_backward(g, x, 0.0), "statistics constant", "through the norm over axis 1"),
    (TANH, lambda r, g, x: [g * (1 - np.tanh(x))], "wrong slope", "1 - a stands for 1 - a^2, the slope of tanh"),
    (
        SIGMOID,
        lambda r, g, z: [g / (1 + np.exp(z))],
        "wrong slope",
        "1 - a stands for a (1 - a), the slope of the sigmoid",
    ),
    (LEAKY, lambda r, g, x: [g * (x > 0)], "wrong slope", "the smaller slope, 0.1, is lost: yours is 0 there"),
    (LEAKY, lambda r, g, x: [g], "wrong slope", "the smaller slope, 0.1, is lost: yours takes 1 everywhere"),
    (LEAKY, lambda r, g, x: [g * np.where(x > 0, 0.1, 1)], "mask inverted", "the two slopes are exchanged"),
    (RELU, lambda r, g, x: [g * (x <= 0)], "mask inverted", "yours is 0 exactly where numeric is not"),
    (DROPOUT, lambda r, g, x: [g * (1 - KEEP)], "mask inverted", "1 - mask stands for the mask"),
    (HINGE, lambda r, g, f: [0 * f - g], "mask lost", "yours is right wherever numeric is not 0"),
    (LOGITS, lambda r, g, z, labels: [g * softmax(z) / 5], "true class lost", "the true class's -1 is lost"),
    (
        LOGITS,
        lambda r, g, z, labels: [r[0] + 3 * ONE_HOT],
        "true class lost",
        "the entry of each example's true class alone",
    ),
    (
        CROSS_ENTROPY,
        lambda r, g, x, W, labels: [r[0], cross_entropy_backward(g, x, W, labels, 0)[1]],
        "true class lost",
        "x summed over each class of labels",
    ),
    (SCALED, lambda r, g, x, scale: [2 * g * x, r[1]], "lost factor", "a factor scale is missing"),
    (SCALED, lambda r, g, x, scale: [r[0] * scale, r[1]], "lost factor", "a factor scale is too much"),
    (SCALED, lambda r, g, x, scale: [per_row(r[0]), r[1]], "per-example factor", "c = 0.5, 1, 1.5, ..."),
]


@pytest.mark.parametrize("problem, change, rule, sentence", CASES, ids=[f"{c[2]}: {c[3]}" for c in CASES])
def test_a_mistake_is_named_by_what_it_makes_of_the_numbers(problem, change, rule, sentence):
    result = next(result for result in report_on(problem, change).results if result.verdict == "fail")
    assert result.rule == rule
    assert sentence in result.hint


def test_what_index_i_alone_sends_back_is_told_from_the_diagonal():
    """Weights mix the features of each step, so that the Jacobian is right within a step and lost between steps."""
    V = normal((3, 3))
    problem = Problem(lambda x, W: recurrence(x @ V, W), None, RECURRENCE.inputs)

    def cut(_, g, x, W):
        right = recurrence_backward(g, x @ V, W)[1]
        return recurrence_backward(g, x @ V, W, 0.0)[0] @ V.T, right

    result = report_on(problem, cut).results[0]
    assert (result.verdict, result.rule) == ("fail", "own index only")
    assert "each index of axis 1 gets only what the same index of axis 1 of grad_y sends back" in result.hint


def test_labels_that_happen_to_name_the_wrong_entries_are_not_called_repeated_rows():
    """A bias of hidden units, of which the last is off: its entries 0 and 2 are wrong, and so are classes met twice."""
    slopes = np.array([3.0, 1.0, 2.0, 0.0])
    problem = Problem(lambda b, labels: b @ slopes, None, {"b": normal(4), "labels": np.array([0, 2, 0, 2, 1])})
    result = report_on(problem, lambda _, g, b, labels: [g * slopes * [2, 1, 0.5, 1]]).results[0]
    assert (result.verdict, result.rule) == ("fail", "")


def test_a_shift_that_turns_zeros_into_others_is_not_called_an_inverted_mask():
    slopes = np.array([0.0, 1.0, 0.0, 2.0])
    problem = Problem(lambda x: x @ slopes, None, {"x": normal(4)})
    result = report_on(problem, lambda _, g, x: [g * np.roll(slopes, 1)]).results[0]
    assert result.rule == "off by one"
    assert "yours is numeric shifted by 1 along axis 0, round the end" in result.hint


def test_where_all_columns_are_multiples_of_one_no_factor_per_index_is_told():
    """Any mistake behind the product with x, here another slope, keeps the direction of the columns."""
    x, v = normal(3), normal(4)
    problem = Problem(lambda W: np.tanh(x @ W) ** 3 @ v, None, {"W": normal((3, 4))})

    def other_slope(_, g, W):
        a = np.tanh(x @ W)
        return [np.outer(x, g * v * 3 * a**2 * (1 - a**3))]

    result = report_on(problem, other_slope).results[0]
    assert (result.verdict, result.rule) == ("fail", "")


@pytest.mark.parametrize("name", PROBLEMS)
def test_the_right_gradients_pass(name):
    report = report_on(PROBLEMS[name], lambda right, g, *inputs: right)
    assert report.ok, report


@pytest.mark.parametrize("name", PROBLEMS)
@pytest.mark.parametrize("seed", range(5))
def test_gradients_that_are_wrong_at_random_are_given_no_name(name, seed):
    """Every entry by its own factor: no one mistake does that."""

    def blurred(right, g, *inputs):
        rng = np.random.default_rng(seed)
        return [np.array(d * rng.uniform(0.5, 1.5, np.shape(d))) for d in right]

    report = report_on(PROBLEMS[name], blurred)
    assert {(result.verdict, result.rule) for result in report.results} == {("fail", "")}, report


@pytest.mark.parametrize("name", PROBLEMS)
def test_a_single_wrong_entry_is_given_no_name(name):
    problem = PROBLEMS[name]
    for number in range(len(problem.backward(_some_grad_y(problem), *problem.inputs.values()))):

        def one_off(right, g, *inputs, number=number):
            right[number] = np.array(right[number])
            right[number].flat[-1] += 1.0
            return right

        result = report_on(problem, one_off).results[number]
        assert (result.verdict, result.rule) == ("fail", ""), result


def _some_grad_y(problem):
    return np.ones(np.shape(problem.forward(*problem.inputs.values())))[()]


def regression(params, in_loss=0.1, in_gradient=0.1, of_data=1.0):
    """Logistic regression with an L2 penalty."""
    w = params["w"]
    log_loss, cache = ops.log_loss_forward(X @ w, (X[:, 0] > 0).astype(int))
    loss = log_loss + in_loss / 2 * (w * w).sum()
    return loss, {"w": of_data * X.T @ ops.log_loss_backward(1.0, cache).real + in_gradient * w}


X = normal((12, 6))
W6 = normal(6)


@pytest.mark.parametrize(
    "change, rule, sentence",
    [
        ({"in_gradient": 0.0}, "L2 missing", "L2 penalty is missing: numeric - yours = 0.1 * x"),
        (
            {"in_gradient": -0.1},
            "L2 missing",
            "the sign of the L2 penalty's gradient is wrong: numeric - yours = 0.2 * x",
        ),
        ({"in_gradient": 0.2}, "L2 missing", "2 times what it should be: numeric - yours = -0.1 * x"),
        ({"in_gradient": 0.05}, "L2 missing", "0.5 times what it should be: numeric - yours = 0.05 * x"),
        ({"in_gradient": 0.0, "of_data": 12.0}, "1/n and L2", "yours = n (n = 12) * numeric - 1.2 * x"),
        ({"in_gradient": 0.0, "of_data": 1.7}, "", "no known mistake fits"),
    ],
)
def test_the_multiple_of_an_l2_penalty_is_told(change, rule, sentence):
    rows = np.zeros((12, 1), int)
    report = check_loss(lambda params: regression(params, **change), {"w": W6}, slots=(rows, 1.0 + rows))
    assert report.results[0].rule == rule
    assert sentence in report.results[0].hint


def test_where_the_loss_itself_is_quadratic_no_multiple_is_told():
    def loss_and_grads(params):
        w, residual = params["w"], X @ params["w"] - 1.0
        return (residual * residual).mean() + 0.05 * (w * w).sum(), {"w": 2 * X.T @ residual / len(X)}

    result = check_loss(loss_and_grads, {"w": W6}).results[0]
    assert result.rule == "L2 missing"
    assert result.hint.startswith(
        "a multiple of x is lacking, as when the gradient of an L2 penalty is missing or halved"
    )


def test_a_loss_that_breaks_far_away_is_still_diagnosed():
    def loss_and_grads(params):
        w = params["w"]
        if np.abs(w).max() > 100:
            raise OverflowError
        return w.sum() + 0.05 * (w * w).sum(), {"w": np.ones(6)}

    result = check_loss(loss_and_grads, {"w": W6}).results[0]
    assert result.rule == "L2 missing"
    assert "a multiple of x is lacking" in result.hint


def test_by_differences_the_same_mistakes_are_named():
    """The Jacobian is then a difference, too."""

    def forward(z):
        return np.array([softmax(row.real) for row in z]), z

    def backward(g, z):
        return g * softmax(z) * (1 - softmax(z))

    for method in ("central", "richardson"):
        result = check_operation(forward, backward, SOFTMAX.inputs, method=method).results[0]
        assert (result.verdict, result.rule) == ("fail", "diagonal only")


def test_every_rule_is_shown_by_a_bug_of_the_gallery_or_a_case_here():
    here = {rule for *_, rule, _ in CASES} | {"own index only", "1/n and L2"}
    assert set(RULES) <= here | {bug.rule for bug in BUGS}
