import numpy as np
import pytest

from deepfm_np.gradcheck.numeric import (
    NotAnalyticError,
    central_difference,
    complex_step,
    difference_step,
    forward_difference,
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


def test_halving_the_step_quarters_the_central_error_and_halves_the_forward_error():
    exact = derivative(X[0, 0])
    for difference, factor in ((central_difference, 4), (forward_difference, 2)):
        coarse, fine = (difference(f, X, (0, 0), h) - exact for h in (2e-3, 1e-3))
        assert abs(coarse / fine / factor - 1) < 0.01


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
    with pytest.raises(NotAnalyticError, match="it returned a real number for a complex input"):
        complex_step(lambda x: np.abs(x).sum(), X, (0, 0))
