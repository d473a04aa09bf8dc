"""A correct backward pass never fails at a kink, whichever side it takes, and a mistake beside one does."""

import numpy as np
import pytest

from deepfm_np.gradcheck import check_operation

X = np.array([0.0, 1.2, -0.7, 0.4, 0.0, -0.3])
METHODS = ["auto", "complex", "central", "richardson"]
RELU = {
    "maximum": lambda x: (np.maximum(0, x), x),
    "where": lambda x: (np.where(x > 0, x, 0), x),
    "product": lambda x: (x * (x > 0), x),
}


def by_its_sign(g, x):
    return g * (x > 0)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("forward", RELU.values(), ids=RELU)
@pytest.mark.parametrize("slope", [0.0, 0.5, 1.0])
def test_a_relu_at_0_may_take_any_slope_between_those_of_its_sides(slope, forward, method):
    report = check_operation(forward, lambda g, x: g * np.where(x == 0, slope, x > 0), {"x": X}, method=method)
    assert report.ok, report
    if report.results[0].checked < 6:  # where the complex step takes the same side, nothing is set aside
        assert report.results[0].note.startswith("kink at 2 of 6 entries, the first (0,), which are set aside: ")
        assert "Next: move the point" in report.results[0].note


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("slope", [-0.6, 2.0, 7.0])
def test_a_slope_outside_those_of_both_sides_fails(slope, method):
    report = check_operation(RELU["maximum"], lambda g, x: g * np.where(x == 0, slope, x > 0), {"x": X}, method=method)
    assert report.results[0].verdict == "fail"
    assert report.results[0].index in [(0,), (4,)]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("forward", RELU.values(), ids=RELU)
@pytest.mark.parametrize("place", [1, 2, 3, 5])
def test_a_mistake_beside_a_kink_fails(place, forward, method):
    def backward(g, x):
        grad = by_its_sign(g, x)
        grad[place] += 1e-3
        return grad

    result = check_operation(forward, backward, {"x": X}, method=method).results[0]
    assert (result.verdict, result.index) == ("fail", (place,))


def test_where_all_entries_lie_on_a_kink_nothing_is_said():
    result = check_operation(RELU["maximum"], by_its_sign, {"x": np.zeros(3)}).results[0]
    assert (result.verdict, result.checked) == ("inconclusive", 0)
    assert result.hint.startswith("kink at 3 of 3 entries")


def net(x, W, b):
    z = x @ W + b
    return np.maximum(z, 0), (x, W, z)


def net_backward(mask):
    def backward(g, cache):
        x, W, z = cache
        g = g * mask(z)
        return g @ W.T, x.T @ g, g.sum(axis=0)

    return backward


@pytest.mark.parametrize("mask", [lambda z: z > 0, lambda z: z >= 0], ids=["off at 0", "on at 0"])
@pytest.mark.parametrize("units", [3, 40])
@pytest.mark.parametrize("seed", range(5))
def test_many_units_on_the_corner_at_once_raise_no_alarm_and_hide_no_mistake(seed, units, mask):
    """b = 0 and a row of zeros: each entry of the row moves all units over their corners."""
    rng = np.random.default_rng(seed)
    inputs = {"x": rng.standard_normal((5, 4)), "W": rng.standard_normal((4, units)), "b": np.zeros(units)}
    inputs["x"][2] = 0
    backward = net_backward(mask)
    report = check_operation(net, backward, inputs, seed=seed)
    assert [result.verdict for result in report.results[:2]] == ["pass", "pass"], report
    assert report.results[2].verdict != "fail"  # every entry of b lies on a corner

    def wrong(g, cache):
        grad_x, grad_W, grad_b = backward(g, cache)
        return 1.01 * grad_x, grad_W + np.eye(4, units), 1.5 * grad_b

    x, W, b = check_operation(net, wrong, inputs, seed=seed).results
    assert (x.verdict, W.verdict) == ("fail", "fail")
    assert b.verdict != "pass"


def tied_pool(x):
    winner = x.argmax(axis=1)
    return np.take_along_axis(x, winner[:, None], axis=1)[:, 0], (winner, x.shape)


def tied_pool_backward(g, cache):
    winner, shape = cache
    grad = np.zeros(shape)
    grad[np.arange(len(g)), winner] = g
    return grad


def test_a_tied_maximum_is_a_kink_not_rounding():
    x = np.array([[1.3, 1.3, 0.2], [0.5, -1.0, 0.7], [2.0, 0.1, -0.4]])
    result = check_operation(tied_pool, tied_pool_backward, {"x": x}).results[0]
    assert (result.verdict, result.checked) == ("pass", 8)
    assert result.note.startswith("kink at 1 of 9 entries, the first (0, 1)")
    wrong = check_operation(tied_pool, lambda g, c: 1.001 * tied_pool_backward(g, c), {"x": x}).results[0]
    assert wrong.verdict == "fail"


def test_a_mistake_that_jumps_at_a_kink_is_no_rounding():
    """Gradients of an entry beside a kink taken from one that lies on it."""
    p, t = np.array([0.5, 1.0, -2.0, 0.25]), np.array([0.5, 2.0, -2.0, 0.0])

    def rolled(g, error):
        return np.roll(g * np.sign(error), 1)

    assert check_operation(lambda p: (np.abs(p - t).sum(), p - t), lambda g, e: g * np.sign(e), {"p": p}).ok
    assert check_operation(lambda p: (np.abs(p - t).sum(), p - t), rolled, {"p": p}).results[0].verdict == "fail"
