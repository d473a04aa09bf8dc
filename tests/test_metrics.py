import math

import numpy as np
import oracles
import pytest

from deepfm_np import metrics

LABELS = np.array([0, 0, 1, 1, 0, 1, 0])


def test_auc_equals_counting_pairs_with_ties():
    rng = np.random.default_rng(0)
    for _ in range(20):
        labels, scores = rng.integers(0, 2, 30), rng.integers(0, 6, 30) / 5
        assert abs(metrics.auc(labels, scores) - oracles.auc(labels, scores)) < 1e-14


def test_auc_of_perfect_reversed_and_constant_scores():
    assert metrics.auc(LABELS, LABELS * 2.0) == 1.0
    assert metrics.auc(LABELS, -LABELS) == 0.0
    assert metrics.auc(LABELS, np.zeros(7)) == 0.5


def test_auc_of_a_single_class_is_nan_with_a_warning():
    with pytest.warns(RuntimeWarning, match="all 3 labels are 1: the AUC is undefined"):
        assert math.isnan(metrics.auc(np.ones(3), np.arange(3)))


def test_log_loss_is_the_mean_of_minus_log_probability():
    p = np.array([0.1, 0.2, 0.7, 0.9, 0.5, 0.3, 0.4])
    expected = -np.log([0.9, 0.8, 0.7, 0.9, 0.5, 0.3, 0.6]).mean()
    assert abs(metrics.log_loss(LABELS, p) - expected) < 1e-15


def test_log_loss_clips_certain_mistakes():
    assert metrics.log_loss(np.array([1, 0]), np.array([0.0, 0.0])) == pytest.approx(-math.log(1e-15) / 2)
    assert metrics.log_loss(np.array([1, 0]), np.array([1.0, 1.0])) == pytest.approx(-math.log(1e-15) / 2, rel=1e-2)


def test_base_rate_log_loss_is_the_entropy_of_the_rate():
    assert metrics.base_rate_log_loss([0, 0, 0, 1]) == pytest.approx(-(0.75 * math.log(0.75) + 0.25 * math.log(0.25)))


def test_calibration_bins_hold_equal_counts_in_order():
    p = np.arange(1, 11) / 20
    bins = metrics.calibration(np.array([0, 0, 0, 0, 1, 0, 1, 0, 1, 1]), p, bins=5)
    np.testing.assert_array_equal(bins["count"], 2)
    np.testing.assert_allclose(bins["mean_probability"], [0.075, 0.175, 0.275, 0.375, 0.475])
    np.testing.assert_allclose(bins["click_rate"], [0, 0, 0.5, 0.5, 1])


def test_calibration_of_few_examples_has_fewer_bins():
    assert len(metrics.calibration(LABELS, LABELS / 2, bins=10)) == 7


@pytest.mark.parametrize("function", [metrics.auc, metrics.log_loss, metrics.calibration])
def test_bad_input_is_named(function):
    scores = np.full(7, 0.5)
    with pytest.raises(ValueError, match="labels must be 0 or 1; row 2 holds 3"):
        function(np.array([0, 1, 3, 0, 0, 0, 0]), scores)
    with pytest.raises(ValueError, match=r"must both be \(n,\)"):
        function(LABELS, scores[:5])
    scores[4] = np.nan
    with pytest.raises(ValueError, match="must be numbers; row 4 holds nan"):
        function(LABELS, scores)


@pytest.mark.parametrize("function", [metrics.auc, metrics.log_loss, metrics.calibration])
@pytest.mark.parametrize(
    "scores, found", [(["1", "0"], "<U1"), ([1j, 0], "complex128"), ([0.5, None], "object"), (None, "object")]
)
def test_scores_that_are_not_real_numbers_are_named(function, scores, found):
    with pytest.raises(TypeError, match=f"must be real numbers, they are {found}"):
        function([0, 1], scores)


@pytest.mark.parametrize("bins", [0, 1.5, "a", True, None])
def test_a_number_of_bins_that_is_none_is_named(bins):
    with pytest.raises(ValueError, match="bins must be an integer of at least 1, got"):
        metrics.calibration([0, 1], [0.1, 0.2], bins)


def test_a_probability_outside_0_to_1_is_named():
    with pytest.raises(ValueError, match=r"probabilities must lie in \[0, 1\]; row 1 holds 1.5"):
        metrics.log_loss([0, 1], [0.5, 1.5])


WEIGHTS = np.array([0.5, 2.0, 1.0, 3.0, 0.25, 1.5, 7.0])
TIED = np.array([0.2, 0.5, 0.2, 0.9, 0.5, 0.5, 0.1])


def test_weighted_auc_counts_each_comparison_by_the_product_of_the_weights():
    expected = oracles.weighted_auc(LABELS, TIED, WEIGHTS)
    np.testing.assert_allclose(metrics.auc(LABELS, TIED, WEIGHTS), expected, rtol=1e-14)
    np.testing.assert_allclose(metrics.auc(LABELS, TIED, np.full(7, 3)), metrics.auc(LABELS, TIED), rtol=1e-14)


def test_weighted_log_loss_is_the_weighted_mean():
    logits = np.log(TIED / (1 - TIED))
    expected = oracles.weighted_log_loss(logits, LABELS, WEIGHTS)
    np.testing.assert_allclose(metrics.log_loss(LABELS, TIED, WEIGHTS), expected, rtol=1e-14)
