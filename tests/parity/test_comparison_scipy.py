"""Student's t, the paired test, its power and the ranks of DeLong against SciPy's."""

import numpy as np
import pandas as pd
import pytest

from deepfm_np import comparison

stats = pytest.importorskip("scipy.stats", reason="SciPy is not installed")

degrees = pytest.mark.parametrize("df", [1, 2, 3, 4, 5, 11, 30, 299, 10_000])


@degrees
def test_the_t_distribution_is_right_to_thirteen_places(df):
    for t in (0.0, 0.01, 0.3, 1.0, 2.776, 8.0, 40.0, 1e5):  # at 1e-6 and df 1, SciPy itself is off by 3e-11
        assert comparison.t_probability(t, df) == pytest.approx(1 - 2 * stats.t.sf(t, df), abs=1e-13)


@degrees
@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.95, 0.99, 0.9999])
def test_the_quantile_is_right_to_nine_digits(df, confidence):
    assert comparison.t_quantile(confidence, df) == pytest.approx(stats.t.ppf((1 + confidence) / 2, df), rel=1e-9)


@pytest.mark.parametrize("splits", [2, 5, 12])
def test_the_paired_test_and_its_interval(splits):
    ours, theirs = np.random.default_rng(splits).normal(size=(2, splits))
    runs = pd.DataFrame({"study": "s", "setting": ["a"] * splits + ["b"] * splits, "start": 0})
    runs = runs.assign(split=[*range(splits)] * 2, auc=[*ours, *theirs])
    row = comparison.paired_differences(runs, "b", ["auc"], confidence=0.9).iloc[0]
    expected = stats.ttest_rel(ours, theirs)
    assert row["p"] == pytest.approx(expected.pvalue, abs=1e-13)
    np.testing.assert_allclose(row[["low", "high"]].astype(float), expected.confidence_interval(0.9), rtol=1e-9)


@pytest.mark.parametrize("df", [1, 2, 4, 11, 299])
@pytest.mark.parametrize("comparisons", [1, 30])
def test_a_detectable_difference_has_the_power_of_the_noncentral_t(df, comparisons):
    page = pd.DataFrame({"p": [0.5] * comparisons, "difference": 0.0, "standard_error": 1.0, "df": df})
    effect = comparison.corrected(page)["detectable"][0]
    critical = stats.t.ppf(1 - 0.025 / comparisons, df)
    assert stats.nct.sf(critical, df, effect) == pytest.approx(0.8, abs=1e-4)


def test_ties_share_their_mean_rank():
    scores = np.random.default_rng(0).normal(size=500).round(1)
    np.testing.assert_array_equal(comparison._mid_ranks(scores), stats.rankdata(scores))
