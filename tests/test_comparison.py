import contextlib
import io
import math
import re
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from deepfm_np import comparison, metrics
from deepfm_np.comparison import auc_differences, corrected, epochs_reached, holm, paired_differences


def frame_of(scores, study="depth"):
    """Runs of {setting: scores by split}, or by split and start."""
    rows = []
    for setting, by_split in scores.items():
        for split, by_start in enumerate(by_split):
            for start, score in enumerate(np.atleast_1d(by_start)):
                rows.append((study, setting, split, start, score))
    return pd.DataFrame(rows, columns=["study", "setting", "split", "start", "auc"])


def difference_of(scores, **options):
    (row,) = paired_differences(frame_of(scores), "one", ["auc"], **options).to_dict("records")
    return row


def test_three_splits_by_hand():
    row = difference_of({"one": [0.7, 0.5, 0.6], "two": [0.71, 0.52, 0.63]})
    assert row["difference"] == pytest.approx(0.02)
    assert row["standard_error"] == pytest.approx(0.01 / math.sqrt(3))
    assert (row["units"], row["df"], row["base"], row["setting"], row["study"]) == (3, 2, "one", "two", "depth")
    t = 2 * math.sqrt(3)
    assert row["p"] == pytest.approx(1 - t / math.sqrt(2 + t**2))  # df 2: P(|T| <= t) = t / sqrt(2 + t^2)
    half = 4.302653 * 0.01 / math.sqrt(3)  # 4.3027: the t of .95 and 2 in any table
    assert (row["low"], row["high"]) == (pytest.approx(0.02 - half, abs=1e-8), pytest.approx(0.02 + half, abs=1e-8))


def test_random_splits_of_the_same_rows_widen_the_interval():
    scores = {"one": [0.7, 0.5, 0.6], "two": [0.71, 0.52, 0.63]}
    apart, shared = difference_of(scores), difference_of(scores, overlap=0.125)
    assert shared["standard_error"] == pytest.approx(0.01 * math.sqrt(1 / 3 + 1 / 8))
    assert shared["p"] > apart["p"]


def test_starts_are_averaged_and_do_not_count_as_splits():
    many = difference_of({"one": [[0.70, 0.72], [0.50, 0.54]], "two": [[0.72, 0.72], [0.53, 0.55]]})
    few = difference_of({"one": [0.71, 0.52], "two": [0.72, 0.54]})
    assert many == {name: pytest.approx(value) if isinstance(value, float) else value for name, value in few.items()}


def test_a_base_of_more_starts_is_averaged_too():
    many = difference_of({"one": [[0.70, 0.72, 0.71], [0.50, 0.54, 0.52]], "two": [0.72, 0.54]})
    assert many == pytest.approx(difference_of({"one": [0.71, 0.52], "two": [0.72, 0.54]}))


def test_runs_are_paired_by_split_not_by_their_order():
    runs = frame_of({"one": [0.7, 0.5, 0.6], "two": [0.71, 0.52, 0.63]})
    shuffled = runs.sample(frac=1, random_state=0)
    pd.testing.assert_frame_equal(
        paired_differences(shuffled[::-1].sort_values("setting"), "one", ["auc"]),
        paired_differences(runs, "one", ["auc"]),
    )


def test_a_split_without_a_partner_is_left_out():
    runs = frame_of({"one": [0.7, 0.5, 0.6, 0.9], "two": [0.71, 0.52, 0.63]})
    assert paired_differences(runs, "one", ["auc"])["units"].tolist() == [3]


def test_each_study_has_its_base_and_each_score_its_rows():
    runs = pd.concat([frame_of({"1": [0.1, 0.2], "2": [0.2, 0.4]}), frame_of({"a": [3, 4], "b": [1, 1]}, "shape")])
    found = paired_differences(runs.assign(loss=-runs["auc"]), {"depth": "1", "shape": "b"}, ["auc", "loss"])
    assert found[["study", "setting", "base", "score"]].agg(" ".join, axis=1).tolist() == [
        "depth 2 1 auc",
        "depth 2 1 loss",
        "shape a b auc",
        "shape a b loss",
    ]
    np.testing.assert_allclose(found["difference"], [0.15, -0.15, 2.5, -2.5])


def test_settings_that_never_differ_are_not_told_apart_and_a_constant_difference_is():
    same = difference_of({"one": [0.5, 0.75], "two": [0.5, 0.75]})
    assert (same["p"], same["low"], same["high"]) == (1.0, 0.0, 0.0)
    assert difference_of({"one": [0.5, 0.75], "two": [0.25, 0.5]})["p"] == 0.0


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda runs: runs.drop(columns="start"), "runs lacks the column 'start'"),
        (lambda runs: pd.concat([runs, runs[:1]]), "a run is given twice: .*'one'"),
        (lambda runs: runs.assign(auc=[0.5, np.nan, 0.5, 0.5]), "auc must be finite; row 1 is not"),
        (lambda runs: runs[runs["split"] == 0], "'two' and 'one' have 1 splits in common; a difference needs 2"),
        (lambda runs: runs[runs["setting"] == "two"], "the base 'one' is no setting of study 'depth': two"),
    ],
)
def test_what_cannot_be_compared_is_refused(change, message):
    runs = frame_of({"one": [0.7, 0.5], "two": [0.71, 0.52]})
    with pytest.raises(ValueError, match=message):
        paired_differences(change(runs), "one", ["auc"])


def test_the_interval_covers_the_true_difference_as_often_as_it_says():
    normal = np.random.default_rng(0).normal(0.3, 1.0, size=(1000, 5))
    runs = frame_of({"one": np.zeros(5), **{str(i): row for i, row in enumerate(normal)}})
    found = paired_differences(runs, "one", ["auc"], confidence=0.9)
    covered = ((found["low"] < 0.3) & (found["high"] > 0.3)).mean()
    assert covered == pytest.approx(0.9, abs=0.029)  # three standard errors of 1000 draws


def test_holm_by_hand():
    np.testing.assert_allclose(holm([0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02])
    np.testing.assert_allclose(holm([0.9, 0.6]), [1, 1])
    assert holm([0.02]) == [0.02]
    assert holm([]).shape == (0,)


def test_holm_keeps_the_chance_of_any_false_alarm():
    p = np.random.default_rng(0).random((4000, 8))  # 8 true nulls a page
    alarms = np.mean([(holm(page) < 0.05).any() for page in p])
    assert (p < 0.05).any(axis=1).mean() > 0.3  # what happens without
    assert alarms == pytest.approx(1 - (1 - 0.05 / 8) ** 8, abs=0.011)


def test_a_page_is_judged_together():
    runs = frame_of({"one": np.zeros(4), "two": [0.1, 0.12, 0.11, 0.1], "three": [0.1, -0.2, 0.1, 0.05]})
    page = corrected(paired_differences(runs, "one", ["auc"]))
    assert page["verdict"].tolist() == ["above", "not told apart"]
    np.testing.assert_allclose(page["p_holm"], [2 * page["p"][0], page["p"][1]])
    assert (page["detectable"] > 0).all()
    below = corrected(paired_differences(runs.assign(auc=-runs["auc"]), "one", ["auc"]))
    assert below["verdict"].tolist() == ["below", "not told apart"]


@pytest.mark.parametrize("splits, comparisons", [(5, 1), (5, 10), (2, 1), (12, 3)])
def test_a_detectable_difference_is_seen_four_times_in_five(splits, comparisons):
    page = corrected(
        pd.DataFrame({"p": [0.5] * comparisons, "difference": 0.0, "standard_error": 1.0, "df": splits - 1})
    )
    effect = page["detectable"][0]
    d = np.random.default_rng(0).normal(effect / math.sqrt(splits), 1.0, size=(40_000, splits)) * math.sqrt(splits)
    t = d.mean(axis=1) / (d.std(axis=1, ddof=1) / math.sqrt(splits))
    seen = (t > comparison.t_quantile(1 - 0.05 / comparisons, splits - 1)).mean()
    assert seen == pytest.approx(0.8, abs=0.008)  # four standard errors


def test_the_t_of_tables():
    for confidence, df, t in [(0.95, 1, 12.7062), (0.95, 4, 2.7764), (0.99, 5, 4.0321), (0.95, 30, 2.0423)]:
        assert comparison.t_quantile(confidence, df) == pytest.approx(t, abs=5e-5)
    assert comparison.t_quantile(0.95, math.inf) == pytest.approx(1.959964, abs=1e-6)


def test_the_t_of_one_two_and_three_degrees_in_closed_form():
    t = 1.7
    assert comparison.t_probability(t, 1) == pytest.approx(2 / math.pi * math.atan(t), abs=1e-15)
    assert comparison.t_probability(-t, 2) == pytest.approx(t / math.sqrt(2 + t**2), abs=1e-15)
    a = math.atan(t / math.sqrt(3))
    assert comparison.t_probability(t, 3) == pytest.approx(2 / math.pi * (a + math.sin(2 * a) / 2), abs=1e-15)


def delong_by_loops(labels, ours, theirs):
    """Difference of the AUCs and its standard error, from the definition, one pair after the other."""
    clicks, others = np.flatnonzero(labels == 1), np.flatnonzero(labels == 0)
    v, u = {i: 0.0 for i in clicks}, {j: 0.0 for j in others}
    for i, j in product(clicks, others):
        for scores, sign in ((ours, 1), (theirs, -1)):
            psi = 1.0 if scores[i] > scores[j] else 0.5 if scores[i] == scores[j] else 0.0
            v[i] += sign * psi / len(others)
            u[j] += sign * psi / len(clicks)
    variances = [np.var(list(part.values()), ddof=1) / len(part) for part in (v, u)]
    return np.mean(list(v.values())), math.sqrt(sum(variances))


@pytest.mark.parametrize("digits", [0, 1, 12])
@pytest.mark.parametrize("seed", range(5))
def test_delong_by_ranks_equals_the_double_loop_with_many_few_and_no_ties(seed, digits):
    rng = np.random.default_rng(seed)
    labels = np.concatenate([[0, 0, 1, 1], (rng.random(60) < 0.3).astype(int)])
    scores = pd.DataFrame({"FM": rng.normal(labels), "DeepFM": rng.normal(1.5 * labels)}).round(digits)
    (row,) = auc_differences(labels, scores, "FM").to_dict("records")
    expected = delong_by_loops(labels, scores["DeepFM"], scores["FM"])
    assert (row["difference"], row["standard_error"]) == pytest.approx(expected, rel=1e-12)
    aucs = {name: metrics.auc(labels, scores[name].to_numpy()) for name in scores}
    assert row["difference"] == pytest.approx(aucs["DeepFM"] - aucs["FM"], abs=1e-14)
    z = row["difference"] / row["standard_error"]
    assert row["p"] == pytest.approx(math.erfc(abs(z) / math.sqrt(2)), abs=1e-14)


def test_delong_of_four_rows_by_hand():
    # "a" ranks both clicks above both others; "b" has the click at .4 below the other at .5: v = (1, .5), u = (.5, 1)
    scores = pd.DataFrame({"a": [0.1, 0.2, 0.8, 0.9], "b": [0.5, 0.2, 0.4, 0.9]})
    row = auc_differences([0, 0, 1, 1], scores, "a").iloc[0]
    assert row["difference"] == -0.25
    assert row["standard_error"] == pytest.approx(math.sqrt(0.125 / 2 + 0.125 / 2))


def test_delong_covers_the_true_difference_as_often_as_it_says():
    rng, covered, labels = np.random.default_rng(0), 0, np.arange(300) % 3 // 2
    for _ in range(400):
        common = rng.normal(size=300)  # two models of the same AUC that agree in part
        scores = pd.DataFrame({name: labels + common + rng.normal(size=300) for name in "ab"})
        row = auc_differences(labels, scores, "a").iloc[0]
        covered += row["low"] < 0 < row["high"]
    assert covered / 400 == pytest.approx(0.95, abs=0.033)  # three standard errors of 400 draws


def test_delong_of_equal_rankings_is_no_difference():
    scores = pd.DataFrame({"a": [0.1, 0.4, 0.8, 0.3], "b": [1.0, 4.0, 8.0, 3.0]})
    row = auc_differences([0, 1, 1, 0], scores, "a").iloc[0]
    assert (row["difference"], row["p"]) == (0, 1)


def test_delong_refuses_what_it_cannot_measure():
    scores = pd.DataFrame({"a": [0.1, 0.4, 0.8], "b": [0.2, 0.1, 0.3]})
    with pytest.raises(ValueError, match="needs two clicks and two other rows"):
        auc_differences([0, 1, 1], scores, "a")
    with pytest.raises(ValueError, match="the base 'c' is no column of scores: a, b"):
        auc_differences([0, 1, 1], scores, "c")
    with pytest.raises(ValueError, match="scores must be numbers; row 1 holds nan"):
        auc_differences([0, 0, 1, 1], pd.DataFrame({"a": [0.1, np.nan, 0.8, 0.2]}), "a")


def test_runs_that_ended_at_the_cut_off_are_counted_as_such():
    epochs = {"fast": [3, 5, 7], "slow": [20, 12, np.nan], "never": [20, 20, np.nan]}
    rows = [("order 3", setting, count) for setting, counts in epochs.items() for count in counts]
    found = epochs_reached(pd.DataFrame(rows, columns=["study", "setting", "epochs"]), cut_off=20)
    assert found.values.tolist() == [
        ["order 3", "fast", 3, 0, "3", "5", "7"],
        ["order 3", "slow", 3, 2, "12", "20+", "20+"],
        ["order 3", "never", 3, 3, "20+", "20+", "20+"],
    ]


def test_the_page_shows_what_its_code_prints():
    page = (Path(__file__).parents[1] / "docs" / "how-we-compare.md").read_text(encoding="utf-8")
    names, printed = {}, io.StringIO()
    with contextlib.redirect_stdout(printed):
        for block in re.findall(r"```python\n(.*?)```", page, flags=re.S):
            exec(compile(block, "docs/how-we-compare.md", "exec"), names)
    assert printed.getvalue() == "".join(re.findall(r"```text\n(.*?)```", page, flags=re.S))
