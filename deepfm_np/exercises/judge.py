"""The process in which checks run: it calls the student's functions in a process of their own, and decides.

The check cell, its hidden tests and the locked cells run here, with stand-ins for what the student wrote; his cells run
in `player`, a new one for each check. What comes back from there is data. Each line of standard input is a job, each
line of standard output its verdict.
"""

import ast
import builtins
import json
import subprocess
import sys
from contextlib import redirect_stdout
from io import StringIO
from symtable import symtable
from tempfile import TemporaryDirectory
from threading import Timer
from typing import BinaryIO, cast

from deepfm_np.exercises import sandbox
from deepfm_np.exercises.checks import AnswerError
from deepfm_np.exercises.one_process import Student
from deepfm_np.exercises.player import execute, without_magic
from deepfm_np.exercises.values import GarbledError, Writer
from deepfm_np.exercises.wire import Peer

PRINTED = 20_000  # characters


class Ended(BaseException):
    """The student's process is over, or it must be."""


class Judge(Peer):
    """The end of the pipes at which the check runs."""

    def __init__(self, player: subprocess.Popen, seconds: float, wait: float):
        super().__init__(cast(BinaryIO, player.stdout), cast(BinaryIO, player.stdin))
        self.seconds, self.out_of_time = seconds, False
        self.timer = Timer(wait, self._end, [player])
        self.timer.daemon = True

    def begin(self, job: dict) -> None:
        """Set the limits of the player; from here on, when Python and NumPy are there, its time runs."""
        self.ask({"do": "limit", **{name: job[name] for name in ("memory", "seconds", "processor")}})
        self.timer.start()

    def exception(self, error: dict) -> Exception:
        if error["class"][:1] == ["TooLong"]:
            raise Ended(f"not done after {self.seconds:g} s: does a loop never end?")
        return super().exception(error)

    def exchange(self, header: dict, writer: Writer) -> tuple:
        try:
            return super().exchange(header, writer)
        except GarbledError as error:
            raise Ended(f"the code answered with what is no answer: {error}") from None
        except (EOFError, OSError):
            if self.out_of_time:
                raise Ended("not done in time, and not to be interrupted") from None
            raise Ended("the code ended the process before it could be graded (memory, or an exit)") from None

    def _end(self, player: subprocess.Popen) -> None:
        self.out_of_time = True
        player.kill()


def main() -> None:
    verdicts, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        job = json.loads(line)
        sandbox.limit_memory(job["memory"])
        with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            player = sandbox.start("deepfm_np.exercises.player", folder, job["protected"])
            judge = Judge(player, job["seconds"], job["wait"])
            try:
                right, reason, printed = verdict(judge, job)
            finally:
                judge.timer.cancel()
                player.kill()
                player.wait()
        print(json.dumps({"right": right, "reason": reason, "printed": printed}), file=verdicts, flush=True)


def verdict(judge: Judge | Student, job: dict) -> tuple[bool, str, str]:
    """Whether the answer is right, the reason why not, and what the check printed."""
    failures: list[str] = []
    printed = StringIO()
    try:
        judge.begin(job)
        programs = job["given"] + job["cells"]
        failures += [_run(judge, code, number) for number, code in enumerate(programs)]
        space = {"__name__": "__main__", "display": print, **_of_student(judge, [*job["given"], job["check"]])}
        with redirect_stdout(printed):
            for number, code in enumerate(job["given"]):
                _give(code, number, space)
            execute(job["check"], "check", space)
    except (Ended, AnswerError) as error:
        reason = str(error)
    except MemoryError:
        reason = "the answer is too large to be checked in the memory there is"
    except NameError as error:
        reason = "; ".join([f"NameError: {error}", *filter(None, failures)])
    except BaseException as error:
        reason = "; ".join([f"{type(error).__name__}: {error}", *filter(None, failures)])
    else:
        return True, "right", _readable(printed.getvalue())
    return False, _readable(reason), _readable(printed.getvalue())


def _run(judge: Judge | Student, code: str, number: int) -> str:
    return str(judge.ask({"do": "run", "code": code, "cell": f"cell {number}"}))


def _give(code: str, number: int, space: dict) -> None:
    """Run a cell that every student is given. Where it calls what he has not written yet, the check will say so."""
    try:
        execute(code, f"given {number}", space)
    except Exception:
        return


def _of_student(judge: Judge | Student, programs: list[str]) -> dict:
    """What the programs call by names that they do not define: the student's functions, as stand-ins.

    No name of Python or of a given cell is ever taken from him.
    """
    *given, check = (without_magic(code) for code in programs)
    ours = {*dir(builtins), "display", *(name for code in given for name in _defined(code))}
    used = {node.id for code in [*given, check] for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)}
    found = {name: judge.ask({"do": "name", "name": name}) for name in sorted(used - ours)}
    return {name: value[0] for name, value in found.items() if isinstance(value, tuple) and len(value) == 1}


def _defined(code: str) -> list[str]:
    """The names that a cell gives to the cells after it."""
    symbols = symtable(code, "given", "exec").get_symbols()
    return [symbol.get_name() for symbol in symbols if symbol.is_assigned() or symbol.is_imported()]


def _readable(text: str) -> str:
    """Text that may hold words of the student's, without what would move a terminal's cursor."""
    return "".join(sign if sign.isprintable() or sign == "\n" else "?" for sign in text[:PRINTED])


if __name__ == "__main__":
    main()
