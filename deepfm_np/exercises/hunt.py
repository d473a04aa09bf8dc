"""For the bug hunts: a report without its hints, and hints that come after an attempt."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from deepfm_np.exercises.checks import AnswerError
from deepfm_np.gradcheck import Report

HINTS = {
    "11.1": "One tensor fails, with the same ratio in every entry. What number of this problem is it?",
    "11.2": "Not all rows are wrong. Count how often each row occurs in `ids`.",
    "11.3": "There is a term too much. What is it proportional to, and whom does a field's vector not meet?",
    "11.4": "The derivative is right as a formula of a. What is it given?",
    "11.5": "The ratio is the same wherever a unit was kept. Which number is it?",
    "11.6": "With p = sigmoid(z), the gradient is made of p - y. How many sigmoids are there?",
    "11.7": "Moving along x does not change x / |x|, so the sum of x * grad_x over a row must be 0. What has to be "
    "taken out of `grad_y`?",
    "12.1": "Every x_ij is used twice: by itself, and in the mean of its column.",
    "12.2": "Some entries are right; the others have the slope of the other side. Whose sign decides?",
    "12.3": "Both averages start at 0. How large are they after the first gradient, and how long is the step then?",
    "12.4": "Two uses, two gradients. How many come back?",
    "12.5": "What the loss adds, the gradient adds.",
    "12.6": "The checker compares a backward pass with its own forward pass; if both are wrong together, it is "
    "content. What would the sum over pairs be by loops, for two fields?",
    "12.7": "A pair is two logits, and the loss depends on both. How many gradients come back?",
}


def symptoms(report: Report) -> Report:
    """The same report without its hints: what is wrong, not why."""
    return Report([replace(result, hint="", note="") for result in report.results], report.method)


@contextmanager
def after_attempt(task: str) -> Iterator[None]:
    """Add the task's hint to the message of an AnswerError, unless nothing was written yet."""
    try:
        yield
    except AnswerError as error:
        if "is not written yet" in str(error):
            raise
        raise AnswerError(f"{error}\nHint: {HINTS[task]}") from None
