"""For checks where no other process can be started, as in a browser: the student's code runs in this one.

Nothing is limited, and nothing is hidden from his code: it shows him where he stands, and is no grade.
"""

from contextlib import redirect_stdout
from io import StringIO

from deepfm_np.exercises.player import execute


class Student:
    """Does here what a `player` does in a process of its own, for the `judge`."""

    def __init__(self):
        self.space = {"__name__": "__main__", "display": print}

    def begin(self, job: dict) -> None:
        """There are no limits to be set."""

    def ask(self, header: dict) -> str | tuple:
        """What went wrong in a cell; or what his code calls by a name, in a tuple that is empty where it knows none."""
        if header["do"] == "run":
            return self._run(header["code"], header["cell"])
        return (self.space[header["name"]],) if header["name"] in self.space else ()

    def _run(self, code: str, cell: str) -> str:
        try:
            with redirect_stdout(StringIO()):
                execute(code, cell, self.space)
        except BaseException as error:
            return f"an earlier cell failed: {type(error).__name__}: {error}"
        return ""
