"""The classifier used through scikit-learn: cloning, setting parameters, cross-validation."""

import numpy as np
import pandas as pd
import pytest

from deepfm_np import DeepFMClassifier

pytest.importorskip("sklearn", reason="scikit-learn is not installed")
from sklearn.base import clone
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV, KFold, ParameterGrid, cross_val_score

SETTINGS = dict(hidden=(8,), embedding_dim=4, dropout=0.0, learning_rate=0.02, batch_size=32, epochs=8, progress=False)


@pytest.fixture
def clicks():
    """X and y: a categorical and a numerical column that both affect the click, and a column that does not."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        {
            "site": rng.choice(["news", "sport", "games"], 300),
            "hour": rng.integers(0, 4, 300),
            "price": rng.standard_normal(300),
        }
    )
    y = (2 * (X["site"] == "games") + X["price"] + 0.5 * rng.standard_normal(300) > 0.7).astype(int)
    return X, y


def test_a_clone_keeps_every_parameter():
    classifier = DeepFMClassifier(hidden=[8, 4], activation="tanh", batch_norm=True, l2_net=0.1, seed=5)
    assert clone(classifier).get_params() == classifier.get_params()


def test_a_clone_of_a_fitted_classifier_is_not_fitted(clicks):
    classifier = DeepFMClassifier(**SETTINGS).fit(*clicks)
    assert hasattr(classifier, "model_")
    assert not hasattr(clone(classifier), "model_")


def test_a_clone_learns_the_same(clicks):
    classifier = DeepFMClassifier(**SETTINGS).fit(*clicks)
    again = clone(classifier).fit(*clicks)
    np.testing.assert_array_equal(again.predict_proba(clicks[0]), classifier.predict_proba(clicks[0]))


def test_clones_are_cross_validated_over_a_grid(clicks):
    X, y = clicks
    mean_auc = {}
    for setting in ParameterGrid({"deep": [False, True], "fm": [True]}):
        scores = []
        for train, valid in KFold(3, shuffle=True, random_state=0).split(X):
            classifier = clone(DeepFMClassifier(**SETTINGS)).set_params(**setting)
            classifier.fit(X.iloc[train], y.iloc[train], eval_set=(X.iloc[valid], y.iloc[valid]))
            scores.append(roc_auc_score(y.iloc[valid], classifier.predict_proba(X.iloc[valid])[:, 1]))
        mean_auc[setting["deep"]] = np.mean(scores)
    assert min(mean_auc.values()) > 0.9, mean_auc


def test_scikit_learns_own_cross_validation_takes_it(clicks):
    scores = cross_val_score(DeepFMClassifier(**SETTINGS), *clicks, cv=3, scoring="roc_auc")
    assert scores.min() > 0.9


def test_scikit_learns_grid_search_takes_it(clicks):
    search = GridSearchCV(DeepFMClassifier(**SETTINGS), {"epochs": [1, 8]}, cv=3, scoring="neg_log_loss").fit(*clicks)
    assert search.best_params_ == {"epochs": 8}
    assert search.predict_proba(clicks[0]).shape == (300, 2)
