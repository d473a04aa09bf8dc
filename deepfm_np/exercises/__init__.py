"""Exercises: what their check cells call, and how a notebook is handed out and graded."""

from deepfm_np.exercises.checks import AnswerError, call, equal, gradient, loss_gradient, refuses, saying
from deepfm_np.exercises.your_turn import your_turn

__all__ = ["AnswerError", "call", "equal", "gradient", "loss_gradient", "refuses", "saying", "your_turn"]
