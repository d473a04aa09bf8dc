"""The metrics against scikit-learn's on random problems."""

import numpy as np
import pytest

from deepfm_np.metrics import auc, calibration, log_loss

pytest.importorskip("sklearn", reason="scikit-learn is not installed")
from sklearn.calibration import calibration_curve
from sklearn.metrics import log_loss as sklearn_log_loss
from sklearn.metrics import roc_auc_score

problems = pytest.mark.parametrize("seed", range(10))
sizes = pytest.mark.parametrize("n, click_rate", [(2, 0.5), (50, 0.5), (5000, 0.03)])


def draw_problem(n, click_rate, seed):
    """Labels of both classes, and probabilities weakly correlated with them."""
    rng = np.random.default_rng(seed)
    labels = (rng.random(n) < click_rate).astype(int)
    labels[:2] = 0, 1
    return labels, 1 / (1 + np.exp(-labels - 2 * rng.standard_normal(n)))


@problems
@sizes
@pytest.mark.parametrize("digits", [0, 1, 15])
def test_auc_equals_that_of_scikit_learn_with_many_few_and_no_ties(n, click_rate, seed, digits):
    labels, p = draw_problem(n, click_rate, seed)
    scores = p.round(digits)
    assert auc(labels, scores) == pytest.approx(roc_auc_score(labels, scores), rel=1e-12, abs=1e-15)


@problems
@sizes
def test_weighted_metrics_equal_those_of_scikit_learn(n, click_rate, seed):
    labels, p = draw_problem(n, click_rate, seed)
    weights, rounded = np.random.default_rng(seed).random(n) + 0.01, p.round(1)
    expected = roc_auc_score(labels, rounded, sample_weight=weights)
    assert auc(labels, rounded, weights) == pytest.approx(expected, rel=1e-12, abs=1e-15)
    assert log_loss(labels, p, weights) == pytest.approx(sklearn_log_loss(labels, p, sample_weight=weights), rel=1e-12)


def test_auc_of_one_score_for_all_is_one_half_in_both():
    labels = np.array([0, 1, 1, 0, 1])
    assert auc(labels, np.full(5, 0.3)) == roc_auc_score(labels, np.full(5, 0.3)) == 0.5


@problems
@sizes
def test_log_loss_equals_that_of_scikit_learn(n, click_rate, seed):
    labels, p = draw_problem(n, click_rate, seed)
    assert log_loss(labels, p) == pytest.approx(sklearn_log_loss(labels, p), rel=1e-12)


@pytest.mark.parametrize("clicked", [0, 1])
def test_log_loss_of_one_class_equals_that_of_scikit_learn(clicked):
    labels, p = np.full(50, clicked), draw_problem(50, 0.5, 0)[1]
    assert log_loss(labels, p) == pytest.approx(sklearn_log_loss(labels, p, labels=[0, 1]), rel=1e-12)


@problems
def test_calibration_equals_the_curve_of_scikit_learn(seed):
    labels, p = draw_problem(500, 0.3, seed)
    click_rate, mean_probability = calibration_curve(labels, p, n_bins=10, strategy="quantile")
    frame = calibration(labels, p, bins=10)
    np.testing.assert_allclose(frame["click_rate"], click_rate, rtol=1e-12)
    np.testing.assert_allclose(frame["mean_probability"], mean_probability, rtol=1e-12)
