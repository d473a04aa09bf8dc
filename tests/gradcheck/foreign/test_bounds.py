"""How the checker must do on the cases and their wrong versions: on all with -m proofs, on a fixed share without."""

from collections import Counter

import pytest
from gradcheck.foreign.catalogue import RIGHT
from gradcheck.foreign.facts import holds
from gradcheck.foreign.mutate import mutants_of
from gradcheck.foreign.score import scored

EVERY = 14  # of so many cases one is in the quick suite, with its wrong versions


@pytest.fixture(scope="module", params=[EVERY, pytest.param(1, marks=pytest.mark.proofs)])
def outcomes(request):
    return scored(every=request.param)


def not_as(expected, outcomes):
    return [(outcome.name, outcome.verdict, outcome.text) for outcome in outcomes if outcome.verdict not in expected]


def test_right_gradients_do_not_fail_and_few_are_inconclusive(outcomes):
    right, warned, _ = outcomes
    assert not_as(("pass", "inconclusive"), [*right, *warned]) == []
    assert len(not_as(("pass",), right)) <= 0.03 * len(right)


def test_every_wrong_gradient_fails_and_no_right_one_beside_it(outcomes):
    wrong = outcomes[2]
    assert not_as(("fail",), wrong) == []
    assert [(outcome.name, outcome.alarm) for outcome in wrong if outcome.alarm] == []


def test_most_wrong_gradients_get_a_hint_and_none_a_wrong_one(outcomes):
    wrong = outcomes[2]
    assert [(outcome.name, outcome.kind, outcome.text) for outcome in wrong if outcome.hint == "wrong"] == []
    told = Counter(outcome.hint for outcome in wrong)
    assert told["right"] + told["true"] >= 0.6 * len(wrong)


@pytest.mark.parametrize(
    "what, so, not_so",
    [
        (
            "rolled by one",
            "yours is numeric shifted by 1 along axis 0, round the end",
            "yours is numeric reversed along axis 0",
        ),
        ("doubled", "a constant factor is wrong: yours = 2 * numeric", "the sign is flipped: yours = -numeric"),
        (
            "halved",
            "a constant factor is wrong: yours = 1/2 * numeric",
            "a constant factor is wrong: yours = 2 * numeric",
        ),
        ("-grad", "the sign is flipped: yours = -numeric", "the gradient is zero everywhere"),
        ("is 0", "the gradient is zero everywhere", "yours is grad_y itself"),
        ("transposed", "it is transposed: yours = numeric^T", "the first index of axis 0 of grad_y is left out"),
    ],
)
def test_a_hint_is_judged_by_the_numbers(what, so, not_so):
    original = next(case for case in RIGHT if case.name == "dense, rows, square")
    made = (mutant for number in range(6) for mutant in mutants_of(original, number))
    mutant = next(mutant for mutant in made if what in mutant.what)
    name = mutant.wrong[0]
    assert holds(mutant, original, name, so) is True
    assert holds(mutant, original, name, not_so) is False
    assert holds(mutant, original, name, "ask a friend") is None
