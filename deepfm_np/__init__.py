"""DeepFM from scratch, in NumPy: every forward and backward pass by hand, every gradient verified."""

import importlib

__version__ = "0.1.0"

_HOME = {"DeepFM": "deepfm_np.model", "DeepFMClassifier": "deepfm_np.estimator"}
__all__ = ["DeepFM", "DeepFMClassifier"]


def __getattr__(name: str):
    """Import a public class, and NumPy or pandas with it, when it is first asked for."""
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
