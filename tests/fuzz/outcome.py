"""What came of a trial: right, clear, warned, traceback, silent or half."""

import contextlib
import dis
import io
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import numpy as np

import deepfm_np

KINDS = ("right", "clear", "warned", "traceback", "silent", "half")
GOOD = ("right", "clear", "warned")
PACKAGE = Path(deepfm_np.__file__).parent
CLEAR = (ValueError, TypeError, IndexError, KeyError, OSError, FloatingPointError, ImportError)
ROUNDED = 1e-6  # from here on, differences of large numbers may leave only rounding
LONGEST = 500  # characters of a clear message


class Trial(NamedTuple):
    """Something to run, and how to tell whether what came of it is right."""

    what: str  # in words, for the report
    run: Callable[[], Any]
    wrong: Callable[[Any], str]  # what is wrong with the result, "" if nothing is
    names: tuple[str, ...] = ()  # a clear message holds one of these
    left: Callable[[], str] = str  # what an error left behind, "" if nothing
    finite: bool = False  # whether the result must be
    may_warn: bool = False  # instead of being finite, as NumPy does


class Outcome(NamedTuple):
    kind: str
    why: str = ""
    error: Exception | None = None


def judge(trial: Trial) -> Outcome:
    """Run a trial."""
    with warnings.catch_warnings(record=True) as caught, contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("always")
        try:
            result = trial.run()
        except Exception as error:
            left = trial.left()
            if left:
                return Outcome("half", f"{left}, after {shown(error)}", error)
            unclear = _unclear(error, trial.names)
            return Outcome("traceback", f"{unclear}: {shown(error)}", error) if unclear else Outcome("clear")
        wrong = trial.wrong(result)
    numerical = [one for one in caught if issubclass(one.category, RuntimeWarning)]
    warned = [str(one.message) for one in numerical if "the AUC is undefined" not in str(one.message)]
    if not wrong and warned:
        return Outcome("warned" if trial.may_warn else "silent", f"RuntimeWarning: {warned[0]}")
    wrong = wrong or (_not_finite(result) if trial.finite else "")
    return Outcome("silent", wrong) if wrong else Outcome("right")


def shown(error: Exception) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:300]}"


def _unclear(error: Exception, names: tuple[str, ...]) -> str:
    """Why an error is not clear; "" if it is."""
    text = str(error)
    if not isinstance(error, CLEAR) or not _raised_here(error.__traceback__):
        return "not raised by this package"
    if "\n" in text or len(text) > LONGEST or " " not in text:
        return f"a message of {len(text)} characters and {text.count(os.linesep) + 1} lines"
    if names and not any(name in text for name in names):
        return f"names none of {', '.join(names)}"
    return ""


def _raised_here(at: TracebackType | None) -> bool:
    """Whether the innermost frame is at a `raise` of the package: NumPy's C code has no frame of its own."""
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    if at is None or PACKAGE not in Path(at.tb_frame.f_code.co_filename).parents:
        return False
    return dis.opname[at.tb_frame.f_code.co_code[at.tb_lasti]] == "RAISE_VARARGS"


def numbers(result: Any) -> list[np.ndarray]:
    """All arrays and numbers in a nest of tuples, lists, dicts and frames, in order."""
    if isinstance(result, dict):
        result = list(result.values())
    if hasattr(result, "to_numpy"):
        result = result.to_numpy()
    if isinstance(result, tuple | list):
        return [array for part in result for array in numbers(part)]
    return [] if result is None else [np.asarray(result)]


def differ(result: Any, expected: Any, tolerance: float = 0.0) -> str:
    """Where two results differ by more than the tolerance, relative to the largest number of the array; "" if nowhere.

    For numbers in lower precision than float64 it is the largest of the whole result.
    """
    pairs = list(zip(numbers(result), numbers(expected), strict=False))
    if len(numbers(result)) != len(numbers(expected)):
        return f"{len(numbers(result))} arrays instead of {len(numbers(expected))}"
    whole = max(
        (np.abs(right[np.isfinite(right)]).max(initial=0) for _, right in pairs if right.dtype.kind in "iufc"),
        default=0,
    )
    for got, right in pairs:
        if got.shape != right.shape:
            return f"the shape {got.shape} instead of {right.shape}"
        if got.dtype.kind not in "biufc" or right.dtype.kind not in "biufc":
            same = np.array_equal(got, right)
        else:
            largest = whole if tolerance > ROUNDED else np.abs(right[np.isfinite(right)]).max(initial=0)
            same = np.allclose(got, right, rtol=tolerance, atol=tolerance * largest, equal_nan=True)
        if not same:
            return f"{_first(got)} instead of {_first(right)}"
    return ""


def _not_finite(result: Any) -> str:
    for array in numbers(result):
        if array.dtype.kind in "fc" and not np.isfinite(array).all():
            return f"{_first(array[~np.isfinite(array)])} from finite input"
    return ""


def _first(array: np.ndarray) -> str:
    return " ".join(str(array.ravel()[:6]).split())
