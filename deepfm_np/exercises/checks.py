"""What the check cells of the exercises call: each says what is wrong with the student's code, not with ours."""

import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np

from deepfm_np.gradcheck import Report, Result, check_loss, check_operation
from deepfm_np.gradcheck.judge import ROUNDING

OUR_CODE = __file__.rpartition("exercises")[0]
METHOD = "auto"  # a forward with a float buffer or a norm is not analytic, and need not be wrong
SHORT = 12  # at most this many integers are shown side by side


class Told:
    """Mixed into an exception of another process: its text, and the line of the student's code it passed through."""

    text = line = ""

    def __str__(self) -> str:
        return self.text


class AnswerError(AssertionError):
    """The answer is not right yet. In a notebook only the message is shown, without a traceback."""

    def _render_traceback_(self) -> list[str]:
        return [f"Not yet: {self}"]


class BlankError(AnswerError):
    """The answer is not there yet."""


@contextmanager
def saying(why: str) -> Iterator[None]:
    """Prefix the message of an AnswerError raised inside with `why`."""
    try:
        yield
    except AnswerError as error:
        raise AnswerError(f"{why}: {error}") from None


def call(function: Callable, *arguments, returns: Sequence | type = ()):
    """Call function(*arguments) and explain any error in terms of the student's own lines.

    returns: the class of what it must return, or where that is a tuple, the names in it; a tuple of names among them
    is a tuple again, the cache.  Raises AnswerError for an exception, for None and for anything but what is named;
    arguments are copied, and changing one is an error.
    """
    name = _name(function)
    copies = [_copied(argument) for argument in arguments]
    result = _run(name, lambda: function(*copies))
    for number, (copy, argument) in enumerate(zip(copies, arguments, strict=True), start=1):
        if not _same(copy, argument):
            raise AnswerError(f"{name} changes its argument number {number}: work on a copy")
    if result is None:
        raise AnswerError(f"{name} returned None: is a `return` missing?")
    if isinstance(returns, type):
        if not isinstance(result, returns):
            raise AnswerError(f"{name} must return a {returns.__name__}, it returned {_kind(result)}")
    elif returns:
        _require_parts(name, result, returns)
    return result


def equal(what: str, yours, expected, rtol: float | None = None) -> None:
    """Print that it is right, or raise AnswerError, showing yours beside what is expected, where two arrays differ.

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
        text = f"{what} has shape {yours_array.shape}, should be {expected.shape}"
        if all(
            array.dtype.kind in "iu" and array.ndim == 1 and array.size <= SHORT for array in (yours_array, expected)
        ):
            text += f": yours {yours_array.tolist()}, expected {expected.tolist()}"
        raise AnswerError(text)
    if expected.dtype.kind == "f" and yours_array.dtype != expected.dtype and not _is_whole_number(yours_array):
        why = ", the dtype of the input" if yours_array.dtype.kind == "f" else ""
        raise AnswerError(f"{what} is {yours_array.dtype}, should be {expected.dtype}{why}")
    if rtol is None:
        rtol = ROUNDING * float(np.finfo(expected.dtype if expected.dtype.kind in "fc" else float).eps)
    wrong = yours_array != expected
    if expected.dtype.kind != "b":
        wrong &= ~(np.abs(yours_array - expected) <= rtol * np.abs(expected).max(initial=0.0))
    if wrong.any():
        where = tuple(int(i) for i in np.argwhere(wrong)[0])
        count = f"{wrong.sum()} of {wrong.size} entries {'is' if wrong.sum() == 1 else 'are'} wrong"
        several = f"{count}; the first at {where}: " if wrong.size > 1 else ""
        raise AnswerError(f"{what}: {several}yours {yours_array[where]:.9g}, expected {expected[where]:.9g}")
    print(f"{what}: right")


def gradient(
    forward: Callable,
    backward: Callable,
    inputs: Mapping[str, np.ndarray],
    of: str | Sequence[str] | None = None,
    seed: int = 0,
    wrt: Sequence[str] | None = None,
    slots: tuple[np.ndarray, np.ndarray] | None = None,
) -> None:
    """Check a backward pass by the complex step, print the report, raise AnswerError with its hints where it fails.

    of: look at the gradients of these inputs alone.  The rest is as in `gradcheck.check_operation`.
    """
    report = _run(
        _name(backward), lambda: check_operation(forward, backward, inputs, wrt, METHOD, seed, slots, strict=True)
    )
    _require(report, _name(backward), of)


def loss_gradient(
    loss_and_grads: Callable,
    params: Mapping[str, np.ndarray],
    of: str | Sequence[str] | None = None,
    terms: Mapping | None = None,
) -> None:
    """The same for a function that returns a loss and a dict of gradients.

    terms: parts that a gradient is the sum of, so that a lost one can be named, as in `gradcheck.check_loss`.
    """
    names = _chosen(of, params)

    def of_these(some: Mapping[str, np.ndarray]) -> tuple:
        held_fixed = {name: array.copy() for name, array in params.items()}
        loss, grads = _loss_and_dict(loss_and_grads({**held_fixed, **some}))
        return loss, {name: _one_gradient(name, grads.get(name)) for name in names}

    chosen = {name: params[name] for name in names}
    report = _run(_name(loss_and_grads), lambda: check_loss(of_these, chosen, METHOD, terms=terms, strict=True))
    _require(report, _name(loss_and_grads), None)


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


def _copied(value):
    """The value with copies of its arrays, so that a function cannot change what its answer is held against."""
    if isinstance(value, np.ndarray):
        return value.copy()
    if type(value) is dict:
        return {key: _copied(entry) for key, entry in value.items()}
    return value


def _same(copy, value) -> bool:
    if isinstance(value, np.ndarray):
        return np.array_equal(copy, value, equal_nan=True)
    if type(value) is dict:
        return copy.keys() == value.keys() and all(_same(copy[key], value[key]) for key in value)
    return True


def _require_parts(name: str, result, returns: Sequence) -> None:
    names = [f"({', '.join(part)})" if isinstance(part, tuple) else part for part in returns]
    if not isinstance(result, tuple) or len(result) != len(returns):
        raise AnswerError(f"{name} must return {', '.join(names)}; it returned {_kind(result)}")
    for part, inner, text in zip(result, returns, names, strict=True):
        if isinstance(inner, tuple) and not (isinstance(part, tuple | list) and len(part) == len(inner)):
            raise AnswerError(f"the cache of {name} must be {text}; it is {_kind(part)}")


def _kind(value) -> str:
    return f"a tuple of {len(value)}" if isinstance(value, tuple) else f"one {type(value).__name__}"


def _is_whole_number(array: np.ndarray) -> bool:
    """A single integer may stand for a float: what counts is whether it is the right one."""
    return array.ndim == 0 and array.dtype.kind in "iu"


def _loss_and_dict(returned) -> tuple:
    if not isinstance(returned, tuple) or len(returned) != 2:
        raise AnswerError(f"it must return loss, grads; it returned {_kind(returned)}")
    if not isinstance(returned[1], Mapping):
        raise AnswerError(f"grads must be a dict, it is a {type(returned[1]).__name__}")
    return returned


def _one_gradient(name: str, gradient):
    if type(gradient) is tuple:
        raise AnswerError(
            f"the gradient of {name} is a tuple of {len(gradient)} arrays: `+` joins two RowGradients end to end. "
            "Add the gradients of the vectors, then bring the sum to the rows, once"
        )
    return gradient


def _chosen(of: str | Sequence[str] | None, names: Iterable[str]) -> list[str]:
    return list(names) if of is None else [of] if isinstance(of, str) else list(of)


def _require(report: Report, name: str, of: str | Sequence[str] | None) -> None:
    chosen = _chosen(of, [result.name for result in report.results])
    report = Report([result for result in report.results if result.name in chosen], report.method)
    print(report)
    wrong = [_reason(result) for result in report.results if result.verdict != "pass"]
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
        raise BlankError(f"{error or name} is not written yet") from None
    except AnswerError as error:
        raise AnswerError(f"{name}: {error}") from None
    except MemoryError:
        raise AnswerError(f"{name} needs more memory than there is") from None
    except Exception as error:
        raise AnswerError(f"{name} raised {_told(error)}") from None


def own_line(error: BaseException) -> str:
    """The last line of the student's own code that the exception passed through."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith(OUR_CODE)]
    own = [frame for frame in frames if "site-packages" not in frame.filename]
    return (own[-1].line or "") if own else ""


def _told(error: Exception) -> str:
    """The exception with its line, which one that was raised in the grader's other process brings along."""
    line = error.line if isinstance(error, Told) else own_line(error)
    text = f"{type(error).__name__}: {error}"
    return f"{text}, in the line `{line}`" if line else text


def _name(function: Callable) -> str:
    return getattr(function, "__name__", type(function).__name__)
