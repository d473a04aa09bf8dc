"""What the check cells of the exercises call: each says what is wrong with the student's code, not with ours."""

import traceback
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from deepfm_np.gradcheck import Report, Result, check_loss, check_operation
from deepfm_np.gradcheck.judge import ROUNDING

OUR_CODE = __file__.rpartition("exercises")[0]


class AnswerError(AssertionError):
    """The answer is not right yet. In a notebook only the message is shown, without a traceback."""

    def _render_traceback_(self) -> list[str]:
        return [f"Not yet: {self}"]


def call(function: Callable, *arguments, returns: Sequence[str] = ()):
    """function(*arguments), with what goes wrong inside it told in terms of the student's own lines.

    returns: the names of what it must return, where that is a tuple.  Raises AnswerError for an exception, for None and
    for a tuple of another length; arguments are copied, and changing one is an error.
    """
    name = _name(function)
    copies = [np.array(a) if isinstance(a, np.ndarray) else a for a in arguments]
    result = _run(name, lambda: function(*copies))
    for number, (copy, argument) in enumerate(zip(copies, arguments, strict=True), start=1):
        if isinstance(argument, np.ndarray) and not np.array_equal(copy, argument, equal_nan=True):
            raise AnswerError(f"{name} changes its argument number {number}: work on a copy")
    if result is None:
        raise AnswerError(f"{name} returned None: is a `return` missing?")
    if returns and not (isinstance(result, tuple) and len(result) == len(returns)):
        found = f"a tuple of {len(result)}" if isinstance(result, tuple) else f"one {type(result).__name__}"
        raise AnswerError(f"{name} must return {', '.join(returns)}; it returned {found}")
    return result


def equal(what: str, yours, expected, rtol: float | None = None) -> None:
    """Raise AnswerError, showing yours beside what is expected, where two arrays or numbers differ.

    rtol: relative to the largest expected entry; None allows the rounding of a pass, 1e-12 in float64.
    """
    if yours is None:
        raise AnswerError(f"{what} is None")
    try:
        yours_array = np.asarray(yours)
        number = yours_array.dtype.kind in "bifc"
    except ValueError:
        number = False
    if not number:
        raise AnswerError(f"{what} must be an array of numbers, it is a {type(yours).__name__}")
    expected = np.asarray(expected)
    if yours_array.shape != expected.shape:
        raise AnswerError(f"{what} has shape {yours_array.shape}, should be {expected.shape}")
    if expected.dtype.kind == "f" and yours_array.dtype != expected.dtype:
        why = ", the dtype of the input" if yours_array.dtype.kind == "f" else ""
        raise AnswerError(f"{what} is {yours_array.dtype}, should be {expected.dtype}{why}")
    if rtol is None:
        rtol = ROUNDING * float(np.finfo(expected.dtype if expected.dtype.kind in "fc" else float).eps)
    wrong = yours_array != expected
    if expected.dtype.kind != "b":
        wrong &= ~(np.abs(yours_array - expected) <= rtol * np.abs(expected).max(initial=0.0))
    if wrong.any():
        where = tuple(int(i) for i in np.argwhere(wrong)[0])
        several = f"{wrong.sum()} of {wrong.size} entries are wrong; the first at {where}: " if where else ""
        raise AnswerError(f"{what}: {several}yours {yours_array[where]:.9g}, expected {expected[where]:.9g}")


def gradient(
    forward: Callable,
    backward: Callable,
    inputs: Mapping[str, np.ndarray],
    of: str | None = None,
    seed: int = 0,
    wrt: Sequence[str] | None = None,
    slots: tuple[np.ndarray, np.ndarray] | None = None,
) -> None:
    """Check a backward pass by the complex step, print the report, raise AnswerError with its hints where it fails.

    of: look at the gradient of this input alone.  The rest is as in `gradcheck.check_operation`.
    """
    report = _run(_name(backward), lambda: check_operation(forward, backward, inputs, wrt, seed=seed, slots=slots))
    _require(report, _name(backward), of)


def loss_gradient(
    loss_and_grads: Callable, params: Mapping[str, np.ndarray], of: str | None = None, terms: Mapping | None = None
) -> None:
    """The same for a function that returns a loss and a dict of gradients.

    terms: parts that a gradient is the sum of, so that a lost one can be named, as in `gradcheck.check_loss`.
    """
    report = _run(_name(loss_and_grads), lambda: check_loss(loss_and_grads, params, terms=terms))
    _require(report, _name(loss_and_grads), of)


def refuses(function: Callable, *arguments, error: type[Exception] = ValueError) -> None:
    """Raise AnswerError unless function(*arguments) raises the error."""
    try:
        function(*arguments)
    except error:
        return
    except NotImplementedError as blank:
        raise AnswerError(f"{blank or _name(function)} is not written yet") from None
    except Exception as other:
        raise AnswerError(f"{_name(function)} must raise {error.__name__} here, it raised {_told(other)}") from None
    raise AnswerError(f"{_name(function)} must raise {error.__name__} here, it returned")


def _require(report: Report, name: str, of: str | None) -> None:
    print(report)
    results = [result for result in report.results if of in (None, result.name)]
    wrong = [_reason(result) for result in results if result.verdict != "pass"]
    if wrong:
        raise AnswerError(f"{name}: " + "; ".join(wrong))


def _reason(result: Result) -> str:
    text = f"{result.name}: {result.hint}"
    if result.is_compared and result.index:
        text += f" (at {result.index} yours is {result.analytic:.6g}, numeric {result.numeric:.6g})"
    return text


def _run(name: str, function: Callable):
    try:
        return function()
    except NotImplementedError as error:
        raise AnswerError(f"{error or name} is not written yet") from None
    except MemoryError:
        raise AnswerError(f"{name} needs more memory than there is") from None
    except Exception as error:
        raise AnswerError(f"{name} raised {_told(error)}") from None


def _told(error: Exception) -> str:
    """The exception, with the last line of the student's own code that it passed through."""
    text = f"{type(error).__name__}: {error}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith(OUR_CODE)]
    own = [frame for frame in frames if "site-packages" not in frame.filename]
    return f"{text}, in the line `{own[-1].line}`" if own and own[-1].line else text


def _name(function: Callable) -> str:
    return getattr(function, "__name__", type(function).__name__)
