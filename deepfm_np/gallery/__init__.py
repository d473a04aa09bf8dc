"""Common mistakes in DeepFM, planted on purpose: what each looks like, what catches it, and what is right."""

from deepfm_np.gallery.bug import Bug, Loss, Operation, WrongForward, WrongUpdate, check
from deepfm_np.gallery.score import BUGS, WRONG_FORWARDS, WRONG_UPDATES, all_caught, score, show, to_text

__all__ = [
    "BUGS",
    "WRONG_FORWARDS",
    "WRONG_UPDATES",
    "Bug",
    "Loss",
    "Operation",
    "WrongForward",
    "WrongUpdate",
    "all_caught",
    "check",
    "score",
    "show",
    "to_text",
]
