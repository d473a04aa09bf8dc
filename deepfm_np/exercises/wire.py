"""What the judge and the student's process say to each other: messages of a JSON header and the raw bytes of arrays.

A message is the length of its header (4 bytes) and of its arrays (8 bytes), then both; `values` says what is in them.
Sizes are limited, and what does not fit is a `GarbledError`.
"""

import builtins
import json
import struct
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from deepfm_np.exercises.checks import Told
from deepfm_np.exercises.values import GarbledError, Reader, Writer, is_name

HEADER_BYTES, ARRAY_BYTES = 8 * 2**20, 64 * 2**20  # the most that a message may have
NESTED_CALLS = 20
LENGTHS = struct.Struct("<IQ")
TEXT = 2000  # characters of an exception that are kept
NOT_TO_BE_RAISED = StopIteration, StopAsyncIteration, getattr(builtins, "ExceptionGroup", None)  # two would end a loop


class Message(NamedTuple):
    header: dict
    arrays: memoryview


class Peer:
    """One end of the two pipes. It asks the other end, and obeys what that asks for until its answer comes.

    obey: what to do, by the name of a request; each gets the header and the reader of its values.
    """

    caught: type[BaseException] = Exception  # what a function raises is told to the other side

    def __init__(self, source: BinaryIO, sink: BinaryIO, obey: Mapping[str, Callable] | None = None):
        self.source, self.sink = source, sink
        self.obey = {"call": self.called, **(obey or {})}
        self.kept: dict[int, Any] = {}  # what the other side holds a handle of
        self.depth = 0

    def call(self, number: int, arguments: tuple, named: dict):
        """Call a function there. Arrays that are arguments, or in a dict that is one, change as they do there."""
        writer = Writer(self.keep)
        trees = [writer.tree(argument, 0) for argument in arguments]
        by_name = {name: writer.tree(argument, 0) for name, argument in named.items()}
        return self.ask(
            {"do": "call", "of": number, "arguments": trees, "named": by_name, "on_error": np.geterr()}, writer
        )

    def ask(self, header: dict, writer: Writer | None = None):
        """The value that comes back. Raises the exception that comes instead."""
        value, error = self.exchange(header, writer or Writer(self.keep))
        if error is not None:
            raise error
        return value

    def exchange(self, header: dict, writer: Writer) -> tuple[Any, Exception | None]:
        """Send a request; the value, or the exception, of its answer."""
        self.send(header, writer)
        while "do" in (answer := self.receive()).header:
            self.answer(answer)
        reader = Reader(answer.arrays, self.kept, self.call, writer.arrays)
        try:
            if "error" in answer.header:
                return None, self.exception(answer.header["error"])
            value = reader.value(answer.header["value"])
            for number, tree in answer.header.get("changed", ()):
                writer.write_back(number, reader.value(tree))
            for number, tree in answer.header.get("drawn", ()):
                writer.draw_on(number, reader.value(tree))
        except (TypeError, ValueError, LookupError, AttributeError, RecursionError) as error:
            raise GarbledError(f"no answer: {error}") from None
        return value, None

    def answer(self, request: Message) -> None:
        """Do what a request asks for, and send what came of it."""
        do = self.obey.get(request.header["do"]) if isinstance(request.header["do"], str) else None
        if do is None or self.depth >= NESTED_CALLS:
            raise GarbledError("no such request")
        reader = Reader(request.arrays, self.kept, self.call)
        self.depth += 1
        try:
            value = do(request.header, reader)
            writer = Writer(self.keep, reader.unchanged())
            header = {"value": writer.tree(value), **self.effects(reader, writer)}
        except GarbledError:
            raise
        except self.caught as error:
            writer, header = Writer(self.keep), {"error": self.told(error)}
        finally:
            self.depth -= 1
        self.send(header, writer)

    def effects(self, reader: Reader, writer: Writer) -> dict:
        """What the call did to its arguments."""
        return {"drawn": [[number, writer.tree(rng)] for number, rng in enumerate(reader.generators)]}

    def told(self, error: BaseException) -> dict:
        """An exception as data: its class and those above it, its text, the line of the student's code."""
        return {"class": [each.__name__ for each in type(error).__mro__], "text": str(error), "line": ""}

    def exception(self, error: dict) -> Exception:
        """The same again, of the nearest class that Python itself has: that of one not known is Exception."""
        names = [name for name in error["class"] if is_name(name)]
        known = [getattr(builtins, name, None) for name in names]
        bases = [each for each in known if isinstance(each, type) and issubclass(each, Exception)]
        base = bases[0] if bases and bases[0] not in NOT_TO_BE_RAISED else Exception
        kind = type(names[0], (Told, base), {})
        raised: Any = base.__new__(kind)  # some classes cannot be made without arguments of their own
        raised.text, raised.line = str(error["text"])[:TEXT], str(error["line"])[:TEXT]
        return raised

    def called(self, header: dict, reader: Reader):
        function = self.kept.get(header["of"])
        if not callable(function):
            raise GarbledError("it is not to be called")
        arguments = [reader.value(tree) for tree in header["arguments"]]
        named = {name: reader.value(tree) for name, tree in header["named"].items()}
        with np.errstate(**header["on_error"]):
            return function(*arguments, **named)

    def keep(self, value) -> int:
        self.kept[id(value)] = value
        return id(value)

    def send(self, header: dict, writer: Writer) -> None:
        text = json.dumps(header).encode()
        size = sum(map(len, writer.chunks))
        if len(text) > HEADER_BYTES or size > ARRAY_BYTES:
            header, writer = {"error": self.told(ValueError("it is too large to be graded"))}, Writer(self.keep)
            text, size = json.dumps(header).encode(), 0
        self.sink.write(b"".join((LENGTHS.pack(len(text), size), text, *writer.chunks)))
        self.sink.flush()

    def receive(self) -> Message:
        """The next message. Raises EOFError where there is none any more, GarbledError where it is none."""
        header, arrays = LENGTHS.unpack(self._read(LENGTHS.size))
        if header > HEADER_BYTES or arrays > ARRAY_BYTES:
            raise GarbledError("a message that is too long")
        try:
            message = Message(json.loads(self._read(header)), memoryview(self._read(arrays)))
        except (ValueError, RecursionError) as error:
            raise GarbledError(str(error)) from None
        if not isinstance(message.header, dict):
            raise GarbledError("a message without a header")
        return message

    def _read(self, size: int) -> bytes:
        data = self.source.read(size)
        if len(data) < size:
            raise EOFError
        return data
