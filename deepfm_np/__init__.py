"""DeepFM from scratch, in NumPy: every forward and backward pass by hand, every gradient verified."""

from deepfm_np.model import DeepFM

__all__ = ["DeepFM", "DeepFMClassifier"]
__version__ = "0.1.0"


def __getattr__(name: str):
    """Import the classifier, and pandas with it, when it is first asked for."""
    if name == "DeepFMClassifier":
        from deepfm_np.estimator import DeepFMClassifier

        return DeepFMClassifier
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
