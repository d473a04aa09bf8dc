"""Exercises: what their check cells call, and how a notebook is handed out and graded."""

from deepfm_np.exercises.checks import AnswerError, call, equal, gradient, loss_gradient, refuses, saying
from deepfm_np.exercises.hunt import after_attempt, symptoms
from deepfm_np.exercises.your_turn import your_turn

__all__ = [
    "AnswerError",
    "after_attempt",
    "call",
    "equal",
    "gradient",
    "loss_gradient",
    "refuses",
    "saying",
    "symptoms",
    "your_turn",
]
