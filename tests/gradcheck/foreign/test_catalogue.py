"""The cases are right and their mutants wrong, by central differences that are not the checker's."""

from collections import Counter

import numpy as np
import pytest
from gradcheck.foreign.case import LABELS, case, exactly
from gradcheck.foreign.catalogue import RIGHT, mutants
from gradcheck.foreign.manners import MANNERS, manners_of
from gradcheck.foreign.mutate import mutants_of
from gradcheck.foreign.verify import grad_y, gradients, slopes


def square_forward(x, factor):
    return factor * x**2, (x, factor)


def square_backward(d, cache):
    x, factor = cache
    n = 1
    return 2 * d * factor * x / n, np.sum(d * x**2)


def square(faults=(), **inputs):
    return case("square", square_forward, square_backward, {"x": (3,), "factor": (), **inputs}, faults=faults)


def whats(wrong):
    return {mutant.what: mutant.label for mutant in wrong}


def test_every_gradient_that_is_called_right_is_right():
    wrong = []
    for right in RIGHT:
        claimed = gradients(right)
        wrong += [(right.name, name) for name, known in slopes(right).items() if not known.accept(claimed[name])]
    assert wrong == []


def test_a_wrong_gradient_is_not_accepted():
    known = slopes(square())["x"]
    gradient = gradients(square())["x"]
    assert known.accept(gradient)
    assert not known.accept(gradient + 1e-4)
    assert not known.accept(gradient[:2])


def test_on_a_corner_any_slope_between_both_sides_is_accepted():
    def forward(x):
        return np.maximum(x, 0), x

    at_zero = case("corner", forward, lambda d, x: d * (x > 0), {"x": exactly([0.0, 1.0])}, kinks=True)
    known, d = slopes(at_zero)["x"], grad_y(np.zeros(2))
    for slope, accepted in ((0, True), (0.5, True), (1, True), (-0.5, False), (1.5, False)):
        assert known.accept(d * [slope, 1]) is accepted
    assert not known.accept(d * [0, 0.5])


def test_there_are_enough_of_both_and_no_name_twice():
    assert len(RIGHT) >= 120
    assert len(mutants()) >= 300
    assert max(Counter(right.name for right in RIGHT).values()) == 1
    assert max(Counter((mutant.case.name, mutant.label, mutant.what) for mutant in mutants()).values()) <= 2


def test_every_label_has_mutants_and_every_manner_cases():
    assert {label for label, count in Counter(mutant.label for mutant in mutants()).items() if count >= 5} == set(
        LABELS
    )
    assert {manner for right in RIGHT for manner in manners_of(right)} == set(MANNERS)


def test_a_mutant_that_is_right_after_all_is_dropped():
    faults = [("other", "x**2", "x * x"), ("other", "2 * d", "d"), ("missing term", "x**2", "x**3")]
    found = whats(mutants_of(square(faults), 0))
    assert "x**2 -> x * x" not in found
    assert found["x**2 -> x**3"] == "missing term"
    assert "2 * d * factor * x / n -> 2 * d * factor * x" not in found  # n is 1
    assert "2 * d -> d" in found


def test_a_mutant_that_raises_is_dropped():
    assert "x / n -> y / n" not in whats(mutants_of(square([("other", "x / n", "y / n")]), 0))


def test_a_mutant_like_another_one_is_dropped():
    found = whats(mutants_of(square([("other", "2 * d", "-2 * d"), ("sign", "return 2", "return -2")]), 1))
    assert "2 * d -> -2 * d" in found
    assert "return 2 -> return -2" not in found


def test_a_fault_that_is_not_in_the_source_is_refused():
    with pytest.raises(AssertionError, match="square: no 'nowhere'"):
        mutants_of(square([("other", "nowhere", "")]), 0)


def test_the_label_factor_is_kept_for_multiples_of_the_right_gradient():
    found = whats(mutants_of(square([("factor", "2 * d", "3 * d"), ("factor", "factor * x", "factor * x**3")]), 0))
    assert found["2 * d -> 3 * d"] == "factor"
    assert found["factor * x -> factor * x**3"] == "other"


@pytest.mark.parametrize("mutant", [m for m in mutants() if m.label == "cache consumed"], ids=lambda m: m.name)
def test_a_consumed_cache_serves_one_call(mutant):
    y, cache = mutant.case.forward(*mutant.case.inputs.values())
    first = mutant.case.backward(grad_y(y), cache)
    assert first is not None
    with pytest.raises(KeyError):
        mutant.case.backward(grad_y(y), cache)
