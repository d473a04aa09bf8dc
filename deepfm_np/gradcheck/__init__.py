"""Is this derivative right? Analytic gradients against numeric ones; knows nothing of DeepFM."""

from deepfm_np.gradcheck.check import check_loss, check_operation
from deepfm_np.gradcheck.numeric import step_sweep
from deepfm_np.gradcheck.objects import check_layer, check_model
from deepfm_np.gradcheck.report import GradientCheckError, Report, Result

__all__ = [
    "GradientCheckError",
    "Report",
    "Result",
    "check_layer",
    "check_loss",
    "check_model",
    "check_operation",
    "step_sweep",
]
