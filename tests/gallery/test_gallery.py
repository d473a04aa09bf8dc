"""The proof of the gradient checker: it catches every planted bug, names most, and never blames correct code."""

from dataclasses import replace

import numpy as np
import pytest
from proofs import seeds

from deepfm_np import optim
from deepfm_np.gallery import BUGS, WRONG_FORWARDS, WRONG_UPDATES, all_caught, check, score, show, to_text
from deepfm_np.gallery.score import loop_catches, oracle_accepts, oracle_catches
from deepfm_np.gallery.updates import BETA1, BETA2, EPSILON, MOMENTUM, RATE, adam_by_loop, sgd_by_loop
from deepfm_np.gradcheck.diagnose import RULES

SEEDS = range(20)
BEFORE_NUMBERS = {"shape", "in place"}  # rules that apply before any number is compared
RIGHT = list({bug.right: None for bug in BUGS})  # many bugs are planted in the same problem


def ids_of(bugs):
    return [f"{bug.place}: {bug.name}" for bug in bugs]


@pytest.fixture(scope="module", params=seeds(len(SEEDS)))
def seed(request):
    return request.param


@pytest.fixture(scope="module")
def failures(seed):
    """Each bug with the rules of its failed verdicts."""
    reports = [(bug, check(bug.wrong(np.random.default_rng(seed)), seed)) for bug in BUGS]
    return [(bug, [result.rule for result in report.results if result.verdict == "fail"]) for bug, report in reports]


def test_the_default_check_catches_every_bug_with_every_seed(failures):
    assert [bug.name for bug, rules in failures if not rules] == []


def test_the_right_hint_comes_first_in_nine_of_ten_checks(failures):
    assert np.mean([rules[0] == bug.rule for bug, rules in failures if bug.rule]) >= 0.9


def test_where_no_rule_covers_a_bug_none_is_named(failures):
    assert {bug.name: rules[0] for bug, rules in failures if not bug.rule and rules[0]} == {}


@pytest.mark.parametrize("right", RIGHT, ids=lambda right: right.__name__)
def test_the_right_way_is_not_blamed(right, seed):
    report = check(right(np.random.default_rng(seed)), seed)
    assert report.ok, f"\n{report}"


@pytest.mark.parametrize("seed", seeds(3, quick=1))
def test_the_fast_check_catches_every_bug_too(seed):
    passed = [bug.name for bug in BUGS if check(bug.wrong(np.random.default_rng(seed)), seed, fast=True).ok]
    assert passed == []


@pytest.mark.parametrize("wrong", WRONG_FORWARDS, ids=ids_of(WRONG_FORWARDS))
def test_the_gradient_check_passes_a_forward_be_it_right_or_wrong(wrong):
    for seed in SEEDS:
        for make in (wrong.right, wrong.wrong):
            report = check(make(np.random.default_rng(seed)), seed)
            assert report.ok, f"seed {seed}\n{report}"


@pytest.mark.parametrize("wrong", WRONG_FORWARDS, ids=ids_of(WRONG_FORWARDS))
def test_the_oracle_accepts_the_right_forward_and_refuses_the_wrong_one(wrong):
    for seed in SEEDS:
        right, other = (make(np.random.default_rng(seed)) for make in (wrong.right, wrong.wrong))
        for name, value in right.inputs.items():
            np.testing.assert_array_equal(other.inputs[name], value)
        assert oracle_accepts(wrong, right)
        assert not oracle_accepts(wrong, other)
        assert oracle_catches(wrong, seed)


@pytest.mark.parametrize("wrong", WRONG_FORWARDS, ids=ids_of(WRONG_FORWARDS))
def test_an_oracle_that_refuses_everything_or_nothing_catches_nothing(wrong):
    assert not oracle_catches(replace(wrong, oracle=lambda *inputs: np.nan), 0)
    assert not oracle_catches(replace(wrong, wrong=wrong.right), 0)


@pytest.mark.parametrize("wrong", WRONG_UPDATES, ids=ids_of(WRONG_UPDATES))
def test_a_plain_loop_sees_a_wrong_update(wrong):
    assert all(loop_catches(wrong, seed) for seed in SEEDS)


@pytest.mark.parametrize(
    "optimiser, by_loop",
    [(optim.Adam(RATE, BETA1, BETA2, EPSILON), adam_by_loop), (optim.SGD(RATE, MOMENTUM), sgd_by_loop)],
    ids=["adam", "sgd"],
)
def test_the_loops_are_the_optimisers_of_the_library(optimiser, by_loop):
    gradients, params = np.random.default_rng(0).standard_normal((10, 4)), {"x": np.zeros(4)}
    for gradient in gradients:
        optimiser.step(params, {"x": gradient})
    np.testing.assert_allclose(params["x"], by_loop(gradients), rtol=1e-13)


def test_the_gallery_is_large_and_each_bug_has_its_lesson():
    everything = [*BUGS, *WRONG_FORWARDS, *WRONG_UPDATES]
    assert len(BUGS) >= 40
    assert len({(bug.place, bug.name) for bug in everything}) == len(everything)
    assert all(bug.symptom and bug.lesson for bug in everything)
    assert {bug.rule for bug in BUGS} <= {"", *RULES, *BEFORE_NUMBERS}


def test_the_score_table_says_who_catches_what(monkeypatch):
    monkeypatch.setitem(score.__globals__, "BUGS", [bug for bug in BUGS if bug.place == "fm"])
    table = score(range(2))
    assert all_caught(table)
    text = to_text(table)
    assert "the self term is forgotten" in text
    assert "oracle alone" in text
    assert "NOT CAUGHT" not in text
    table.loc[0, "gradient check"] = 1
    assert not all_caught(table)
    assert "NOT CAUGHT" in to_text(table)


def test_a_bug_is_shown_with_symptom_report_and_lesson(capsys):
    show("the self term is forgotten")
    out = capsys.readouterr().out
    for part in ("Symptom: ", "a term proportional to vectors is missing", "Lesson: "):
        assert part in out
    with pytest.raises(KeyError, match="there is no bug 'nonsense'; there are: "):
        show("nonsense")
