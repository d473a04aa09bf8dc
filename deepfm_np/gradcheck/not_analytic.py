"""Why a function has no complex step, in words: the line that is to blame, and what to write instead.

NumPy warns where a complex number is put into a float array or cast, and raises where it is added to one in place; the
traceback names the line. var, std, abs, norm and real lose the imaginary part without a word; such a line is looked for
among those that a call executes.
"""

import linecache
import re
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import numpy as np
from numpy.exceptions import ComplexWarning

HERE, NUMPY = str(Path(__file__).parent), str(Path(np.__file__).parent)
CAST = re.compile(r"astype|float\(|float\d\d\(|dtype")
SILENT = re.compile(r"\b(var|std|abs|absolute|norm|real|vdot|conj)\b")
SINGLE = re.compile(r"float32|float16|single|half|['\"]f[24]['\"]")
BUFFER = "make the array that it writes to of the input's dtype: np.zeros(shape, x.dtype) or np.zeros_like(x)"
CANDIDATES = (
    "Most often it is a float buffer (write np.zeros(shape, x.dtype) or np.zeros_like(x)), a cast (leave out "
    "astype(float) and float(...)), np.var or np.std (write ((x - x.mean(0)) ** 2).mean(0)), += into a float array, "
    "abs or norm"
)


class NotAnalyticError(Exception):
    """The function does not treat a complex number as it treats a real one, so it has no complex step.

    The message says what happened; `advice` what to write instead.
    """

    def __init__(self, what: str, advice: str = ""):
        super().__init__(what)
        self.advice = advice


@contextmanager
def complex_errors() -> Iterator[None]:
    """Turn what f raises for a complex input, and NumPy's warning of a lost imaginary part, into NotAnalyticError."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", ComplexWarning)
        try:
            yield
        except NotAnalyticError:
            raise
        except Exception as error:  # of any kind: the same function has accepted a real input
            raise _explained(error) from error


def with_line(error: NotAnalyticError, call: Callable[[], object]) -> NotAnalyticError:
    """The error with the line that loses the imaginary part silently, if a call of the function shows one."""
    if error.advice:
        return error
    where = executed_line(call, SILENT)
    if not where:
        return NotAnalyticError(str(error), CANDIDATES)
    advice = "write ((x - x.mean(0)) ** 2).mean(0)" if re.search(r"\b(var|std)\b", where) else ""
    return NotAnalyticError(f"{where} loses the imaginary part", advice or "write it without abs, norm or real")


def executed_line(call: Callable[[], object], pattern: re.Pattern) -> str:
    """The first line of others' code that a call executes and that fits, in words; "" if there is none."""
    found: list[str] = []

    def trace(frame: FrameType, event: str, _) -> Callable | None:
        file, line = frame.f_code.co_filename, frame.f_lineno
        if _is_foreign(file):
            return None
        if event == "line" and not found and pattern.search(linecache.getline(file, line).split("#")[0]):
            found.append(_in_words(file, line, linecache.getline(file, line)))
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(before)
    return found[0] if found else ""


def _explained(error: Exception) -> NotAnalyticError:
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not _is_foreign(frame.filename)]
    text = frames[-1].line or "" if frames else ""
    where = _in_words(frames[-1].filename, frames[-1].lineno, text) if frames else ""
    if isinstance(error, ComplexWarning):
        what = f"{where or 'it'} drops the imaginary part"
    else:
        what = f"a complex input raises {type(error).__name__}: {error}" + (f" in {where}" if where else "")
    if CAST.search(text):
        return NotAnalyticError(what, "leave out the cast, or cast to x.dtype")
    into_array = isinstance(error, ComplexWarning) or "Cannot cast" in str(error)
    return NotAnalyticError(what, BUFFER if into_array else "let it take complex numbers, too")


def _is_foreign(file: str) -> bool:
    """Whether a file is part of this package, of NumPy or of Python."""
    return file.startswith((HERE, NUMPY, "<frozen")) or file == linecache.__file__


def _in_words(file: str, line: int | None, text: str) -> str:
    return f"line {line} of {Path(file).name}, `{text.strip()}`,"
