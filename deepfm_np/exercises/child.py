"""The process in which a student's cells run: a job from standard input, the verdict into a file. See `grading`."""

import ast
import json
import linecache
import signal
import sys

from deepfm_np.exercises.checks import AnswerError
from deepfm_np.system.files import write_text


class TooLong(BaseException):
    """Raised in the student's code when its time is over."""


def main() -> None:
    """Run the job: the cells in order, then the check; write the verdict."""
    job = json.load(sys.stdin)
    _limit_memory(job["memory"])
    _call_when_time_is_over()
    space = {"__name__": "__main__", "display": print}
    failures = [_attempt(code, number, space, job["seconds"]) for number, code in enumerate(job["program"])]
    verdict = _verdict(job["check"], space, [failure for failure in failures if failure], job["seconds"])
    write_text(job["answer"], json.dumps({"verdict": verdict}))


def _verdict(check: str, space: dict, failures: list[str], seconds: float) -> str:
    try:
        _execute(check, "check", space, seconds)
    except TooLong:
        return f"not done after {seconds:g} s: does a loop never end?"
    except AnswerError as error:
        return str(error)
    except NameError as error:
        return "; ".join([f"NameError: {error}", *failures])
    except BaseException as error:
        return "; ".join([f"{type(error).__name__}: {error}", *failures])
    return "right"


def _attempt(code: str, number: int, space: dict, seconds: float) -> str:
    """Run a cell; what went wrong, or nothing. A later cell may still be right."""
    try:
        _execute(code, f"cell {number}", space, seconds)
    except TooLong:
        return f"an earlier cell was not done after {seconds:g} s"
    except BaseException as error:
        return f"an earlier cell failed: {type(error).__name__}: {error}"
    return ""


def _execute(code: str, name: str, space: dict, seconds: float) -> None:
    """Run the code without the lines that only a notebook understands (%magic, !command), for at most `seconds`."""
    lines = [line for line in code.split("\n") if not line.lstrip().startswith(("%", "!"))]
    code = "\n".join(lines) + "\n"
    linecache.cache[f"<{name}>"] = len(code), None, code.splitlines(keepends=True), f"<{name}>"
    _set_timer(seconds)
    try:
        exec(compile(ast.parse(code), f"<{name}>", "exec"), space)
    finally:
        _set_timer(0)


def _call_when_time_is_over() -> None:
    def stop(*_):
        raise TooLong

    if hasattr(signal, "SIGALRM"):
        signal.signal(signal.SIGALRM, stop)


def _set_timer(seconds: float) -> None:
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)


def _limit_memory(size: int) -> None:
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (size, size))
    except (ImportError, ValueError, OSError):
        return  # a system without such a limit


if __name__ == "__main__":
    main()
