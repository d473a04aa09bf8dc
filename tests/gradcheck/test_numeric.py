"""Each way to differentiate has the accuracy that its order promises, and says how far off it may be."""

import numpy as np
import pytest

from deepfm_np.gradcheck import step_sweep
from deepfm_np.gradcheck.numeric import (
    METHODS,
    NotAnalyticError,
    central_difference,
    complex_step,
    difference,
    difference_step,
    directional_step,
    forward_difference,
    richardson,
)

X = np.array([[0.3, -1.2], [2.0, 0.7]])


def f(x):
    return (np.exp(x) * np.sin(x)).sum()


def derivative(x):
    return np.exp(x) * (np.sin(x) + np.cos(x))


@pytest.mark.parametrize("index", list(np.ndindex(2, 2)))
def test_the_complex_step_has_every_digit(index):
    assert abs(complex_step(f, X, index) / derivative(X[index]) - 1) < 1e-15


@pytest.mark.parametrize("index", list(np.ndindex(2, 2)))
def test_the_central_difference_has_two_thirds_of_the_digits(index):
    error = abs(central_difference(f, X, index, difference_step("central", X, index)) / derivative(X[index]) - 1)
    assert 1e-14 < error < 1e-9


@pytest.mark.parametrize("index", list(np.ndindex(2, 2)))
def test_the_forward_difference_has_half_of_the_digits(index):
    error = abs(forward_difference(f, X, index, difference_step("forward", X, index)) / derivative(X[index]) - 1)
    assert 1e-10 < error < 1e-6


@pytest.mark.parametrize("index", list(np.ndindex(2, 2)))
def test_richardson_has_four_fifths_of_the_digits(index):
    error = abs(richardson(f, X, index, difference_step("richardson", X, index)) / derivative(X[index]) - 1)
    assert error < 1e-11


def test_a_direction_sums_the_entries():
    direction = np.array([[1.0, -2.0], [0.5, 3.0]])
    assert abs(directional_step(f, X, direction) / (direction * derivative(X)).sum() - 1) < 1e-15


@pytest.mark.parametrize("method", ["forward", "central", "richardson"])
@pytest.mark.parametrize("index", list(np.ndindex(2, 2)))
def test_the_uncertainty_of_a_difference_bounds_its_error(method, index):
    found = difference(f, X, index, method, f(X), abs(f(X)))
    assert abs(found.derivative - derivative(X[index])) < found.truncation + found.round_off
    assert found.kink < 1e-6


@pytest.mark.parametrize("method", ["forward", "central", "richardson"])
@pytest.mark.parametrize("index", list(np.ndindex(2, 2)))
def test_a_difference_with_an_estimate_has_the_value_of_its_plain_formula(method, index):
    found = difference(f, X, index, method, f(X), abs(f(X)))
    plain = METHODS[method].formula(f, X, index, difference_step(method, X, index))
    assert abs(found.derivative - plain) <= found.round_off


@pytest.mark.parametrize("place", [0.0, 0.3, 0.5, 2 / 3, 0.9, -0.4])
def test_a_kink_inside_the_step_is_seen_wherever_it_lies(place):
    x = np.array([1.0])
    h = difference_step("central", x, (0,))

    def kinked(x):
        return float(np.abs(x - 1.0 - place * h).sum())

    found = difference(kinked, x, (0,), "central", kinked(x), 1.0)
    slope = -1.0 if place > 0 else 1.0
    assert found.kink + found.truncation > abs(found.derivative - slope) - 1e-6
    assert found.kink + found.truncation > 0.05


def test_a_sweep_shows_truncation_round_off_and_the_flat_complex_step():
    sweep = step_sweep(lambda x: np.exp(x) * np.sin(x), np.array(0.7))
    errors = sweep.pivot(index="step", columns="method", values="error")
    small = errors[errors.index < 1e-9]
    assert (small["complex"] < 1e-15).all()
    for method, best, digits in (("forward", 1e-8, 1e-6), ("central", 1e-5, 1e-9), ("richardson", 1e-3, 1e-11)):
        nearest = errors.index[np.argmin(np.abs(np.log(errors.index / best)))]
        assert errors.loc[nearest, method] < digits
        assert errors[method].iloc[0] > errors.loc[nearest, method] < errors[method].iloc[-1]


def test_halving_the_step_divides_the_error_by_the_power_of_its_order():
    exact = derivative(X[0, 0])
    for formula, factor in ((central_difference, 4), (forward_difference, 2), (richardson, 16)):
        coarse, fine = (formula(f, X, (0, 0), h) - exact for h in (2e-2, 1e-2))
        assert abs(coarse / fine / factor - 1) < 0.05


def test_the_step_grows_with_a_large_entry_alone():
    x = np.array([0.01, 1024.0])
    assert difference_step("central", x, (0,)) == 2.0**-17
    assert difference_step("central", x, (1,)) == 2.0**-7


def test_the_point_itself_is_not_moved():
    before = X.copy()
    complex_step(f, X, (0, 1))
    central_difference(f, X, (0, 1), 0.1)
    forward_difference(f, X, (0, 1), 0.1)
    np.testing.assert_array_equal(X, before)


def test_a_function_that_drops_the_imaginary_part_is_refused():
    with pytest.raises(NotAnalyticError, match="it is handed a complex number there and returned a real one"):
        complex_step(lambda x: np.abs(x).sum(), X, (0, 0))
