"""DeepFM from scratch, in NumPy: every forward and backward pass by hand, every gradient verified."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from deepfm_np import data, gradcheck, ops
    from deepfm_np.estimator import DeepFMClassifier
    from deepfm_np.model import DeepFM

__version__ = "0.1.0"
__all__ = ["DeepFM", "DeepFMClassifier", "data", "gradcheck", "ops"]

_CLASSES = {"DeepFM": "deepfm_np.model", "DeepFMClassifier": "deepfm_np.estimator"}


def __getattr__(name: str) -> Any:
    """Import a public class or package, and NumPy or pandas with it, when it is first asked for."""
    if name in _CLASSES:
        return getattr(import_module(_CLASSES[name]), name)
    if name in __all__:
        return import_module(f"deepfm_np.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
