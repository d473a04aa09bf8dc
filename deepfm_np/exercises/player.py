"""The student's process: it runs his cells, then calls his functions for the judge. It decides nothing. See `judge`."""

import ast
import linecache
import os
import signal
import sys

from deepfm_np.exercises.checks import own_line
from deepfm_np.exercises.sandbox import limit
from deepfm_np.exercises.values import Reader, Writer
from deepfm_np.exercises.wire import Peer


class TooLong(BaseException):
    """Raised in the student's code when its time is over."""


class Player(Peer):
    """The end of the pipes at which the student's code runs. Its time is the processor's, on a busy machine too."""

    caught = BaseException

    def __init__(self, source, sink):
        requests = {"limit": self.limit, "run": self.run, "name": self.name}
        super().__init__(source, sink, requests)
        self.space = {"__name__": "__main__", "display": print}
        self.left = 0.0  # seconds for the calls of a check, together
        self.at_work = False  # in the student's code

    def limit(self, header: dict, _: Reader) -> None:
        limit(header["memory"], header["processor"])
        self.left = header["seconds"]
        if hasattr(signal, "SIGPROF"):
            signal.signal(signal.SIGPROF, self.stop)

    def run(self, header: dict, _: Reader) -> str:
        """Run a cell; what went wrong, or nothing. A later cell may still be right."""
        seconds = self.left
        try:
            self.timed(lambda: execute(header["code"], header["cell"], self.space))
        except TooLong:
            return f"an earlier cell was not done after {seconds:g} s"
        except BaseException as error:
            return f"an earlier cell failed: {type(error).__name__}: {error}"
        finally:
            self.left = seconds
        return ""

    def name(self, header: dict, _: Reader) -> tuple:
        """What the student's code calls by a name, in a tuple; an empty one where it knows no such name."""
        return (self.space[header["name"]],) if header["name"] in self.space else ()

    def called(self, header: dict, reader: Reader):
        return self.timed(lambda: super(Player, self).called(header, reader))

    def effects(self, reader: Reader, writer: Writer) -> dict:
        changed = [[number, writer.tree(array)] for number, array in reader.changed()]
        return {**super().effects(reader, writer), "changed": changed}

    def told(self, error: BaseException) -> dict:
        return {**super().told(error), "line": own_line(error)}

    def exchange(self, header: dict, writer: Writer) -> tuple:
        """A function of the judge is called: until it is done, this is not the student's code."""
        at_work, self.at_work = self.at_work, False
        try:
            return super().exchange(header, writer)
        finally:
            self.at_work = at_work

    def timed(self, do):
        if not hasattr(signal, "setitimer") or self.depth > 1:
            return do()
        signal.setitimer(signal.ITIMER_PROF, max(self.left, 1e-3))
        self.at_work = True
        try:
            return do()
        finally:
            self.at_work = False
            self.left = signal.setitimer(signal.ITIMER_PROF, 0)[0]

    def stop(self, *_) -> None:
        if self.at_work:
            raise TooLong
        signal.setitimer(signal.ITIMER_PROF, 0.05)  # in the middle of a message: a little later


def execute(code: str, name: str, space: dict) -> None:
    code = without_magic(code)
    linecache.cache[f"<{name}>"] = len(code), None, code.splitlines(keepends=True), f"<{name}>"
    exec(compile(ast.parse(code), f"<{name}>", "exec"), space)


def without_magic(code: str) -> str:
    """The code without the lines that only a notebook understands (%magic, !command)."""
    lines = [line for line in code.split("\n") if not line.lstrip().startswith(("%", "!"))]
    return "\n".join(lines) + "\n"


def main() -> None:
    source, sink = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in range(3):  # the student's code reads nothing, and what it prints is dropped
        os.dup2(nowhere, number)
    player = Player(source, sink)
    while True:
        try:
            request = player.receive()
        except EOFError:
            sys.exit()
        player.answer(request)


if __name__ == "__main__":
    main()
