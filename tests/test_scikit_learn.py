"""What the classifier takes over from scikit-learn, and that it does without where it is not installed."""

import subprocess
import sys

import pytest

from deepfm_np import DeepFMClassifier

WITHOUT = """if True:
    import sys
    sys.modules["sklearn"] = None
    from deepfm_np import DeepFMClassifier, estimator
    try:
        DeepFMClassifier().predict([[1]])
    except estimator.NotFittedError as error:
        print(type(error).__module__, isinstance(error, ValueError), isinstance(error, AttributeError))
"""


def test_an_unfitted_classifier_raises_an_error_of_its_own_without_scikit_learn():
    result = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=True)
    assert result.stdout == "deepfm_np.scikit_learn True True\n"


def test_an_unfitted_classifier_raises_the_error_of_scikit_learn_where_it_is_installed():
    exceptions = pytest.importorskip("sklearn.exceptions", reason="scikit-learn is not installed")
    for method in ("predict", "predict_proba", "predict_log_proba", "explain"):
        with pytest.raises(exceptions.NotFittedError, match=r"call fit\(X, y\) first"):
            getattr(DeepFMClassifier(), method)([[1]])
