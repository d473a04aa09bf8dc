"""What the judge and the student's process say to each other: data alone, a JSON header and the raw bytes of arrays.

A message is the length of its header (4 bytes) and of its arrays (8 bytes), then both. Numbers, strings, None, tuples,
lists, dicts, arrays, generators and the named tuples of `deepfm_np.ops` are copied. Anything else stays where it is,
and a handle goes in its place. An array that comes back as it was sent goes as its number among those sent.

Nothing that arrives is trusted: sizes are limited, classes and dtypes come from a list, and whatever else does not fit
is a `GarbledError`.
"""

import builtins
import json
import struct
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from deepfm_np import ops
from deepfm_np.exercises.checks import Told

HEADER_BYTES, ARRAY_BYTES = 8 * 2**20, 64 * 2**20  # the most that a message may have
NESTED_CALLS = 20
BITS = 4096  # of an integer
LENGTHS = struct.Struct("<IQ")
DTYPES = {np.dtype(name).str for name in ("?", *"bhilqBHILQ", *"efdgFDG")}
NAMED_TUPLES = {
    f"{module.__name__}.{value.__name__}": value
    for module in vars(ops).values()
    if getattr(module, "__package__", None) == ops.__name__
    for value in vars(module).values()
    if isinstance(value, type) and issubclass(value, tuple) and value.__module__ == module.__name__
}
NAMES = {named: name for name, named in NAMED_TUPLES.items()}
NOT_TO_BE_RAISED = (
    StopIteration,
    StopAsyncIteration,
    getattr(builtins, "ExceptionGroup", None),
)  # the first two end a loop
TEXT = 2000  # characters of a message that are kept


class GarbledError(ValueError):
    """What came is no message."""


class Remote:
    """Something that stays on the other side, and can be called there. It has no attributes: they might lie."""

    def __init__(self, peer: "Peer", number: int, name: str | None):
        self._peer, self._number = peer, number
        if name:
            self.__name__ = self.__qualname__ = name

    def __call__(self, *arguments, **named):
        return self._peer.call(self._number, arguments, named)


class RemoteTuple(tuple):
    """A tuple of a class that only the other side knows; it goes back as what it was."""

    number: int


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
        writer = Writer(self)
        trees = [writer.tree(argument, 0) for argument in arguments]
        by_name = {name: writer.tree(argument, 0) for name, argument in named.items()}
        return self.ask(
            {"do": "call", "of": number, "arguments": trees, "named": by_name, "on_error": np.geterr()}, writer
        )

    def ask(self, header: dict, writer: "Writer | None" = None):
        """The value that comes back. Raises the exception that comes instead."""
        value, error = self.exchange(header, writer or Writer(self))
        if error is not None:
            raise error
        return value

    def exchange(self, header: dict, writer: "Writer") -> tuple[Any, Exception | None]:
        """Send a request; the value, or the exception, of its answer."""
        self.send(header, writer)
        while "do" in (answer := self.receive()).header:
            self.answer(answer)
        reader = Reader(self, answer, writer.arrays)
        try:
            if "error" in answer.header:
                return None, self.exception(answer.header["error"])
            value = reader.value(answer.header["value"])
            for number, tree in answer.header.get("changed", ()):
                _write_back(writer, number, reader.value(tree))
            for number, tree in answer.header.get("drawn", ()):
                _draw_on(writer, number, reader.value(tree))
        except (TypeError, ValueError, LookupError, AttributeError, RecursionError) as error:
            raise GarbledError(f"no answer: {error}") from None
        return value, None

    def answer(self, request: Message) -> None:
        """Do what a request asks for, and send what came of it."""
        do = self.obey.get(request.header["do"]) if isinstance(request.header["do"], str) else None
        if do is None or self.depth >= NESTED_CALLS:
            raise GarbledError("no such request")
        reader = Reader(self, request)
        self.depth += 1
        try:
            value = do(request.header, reader)
            writer = Writer(self, reader.unchanged())
            header = {"value": writer.tree(value), **self.effects(reader, writer)}
        except GarbledError:
            raise
        except self.caught as error:
            writer, header = Writer(self), {"error": self.told(error)}
        finally:
            self.depth -= 1
        self.send(header, writer)

    def effects(self, reader: "Reader", writer: "Writer") -> dict:
        """What the call did to its arguments."""
        return {"drawn": [[number, writer.tree(rng)] for number, rng in enumerate(reader.generators)]}

    def told(self, error: BaseException) -> dict:
        """An exception as data: its class and those above it, its text, the line of the student's code."""
        return {"class": [each.__name__ for each in type(error).__mro__], "text": str(error), "line": ""}

    def exception(self, error: dict) -> Exception:
        """The same again, of the nearest class that Python itself has: that of one not known is Exception."""
        names = [name for name in error["class"] if _is_name(name)]
        known = [getattr(builtins, name, None) for name in names]
        bases = [each for each in known if isinstance(each, type) and issubclass(each, Exception)]
        base = bases[0] if bases and bases[0] not in NOT_TO_BE_RAISED else Exception
        kind = type(names[0], (Told, base), {})
        raised = kind.__new__(kind)  # some classes cannot be made without arguments of their own
        raised.text, raised.line = str(error["text"])[:TEXT], str(error["line"])[:TEXT]
        return raised

    def called(self, header: dict, reader: "Reader"):
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

    def send(self, header: dict, writer: "Writer") -> None:
        text = json.dumps(header).encode()
        size = sum(map(len, writer.chunks))
        if len(text) > HEADER_BYTES or size > ARRAY_BYTES:
            header, writer = {"error": self.told(ValueError("it is too large to be graded"))}, Writer(self)
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


class Writer:
    """Values -> trees for the header, and the bytes of their arrays."""

    def __init__(self, peer: Peer, there: list[np.ndarray] | None = None):
        self.peer = peer
        self.chunks: list[bytes] = []
        self.arrays: list[np.ndarray] = []
        self.generators: list[np.random.Generator] = []
        self.open: set[int] = set()  # the numbers of the arrays that the other side may change
        self.there = {_place(array): number for number, array in enumerate(there or []) if array is not None}

    def tree(self, value, depth: int = 9):
        """depth: 0 for an argument, 1 for an entry of a dict that is one; deeper, nothing is written back."""
        kind = type(value)
        if value is None or kind in (bool, float, str) or (kind is int and value.bit_length() < BITS):
            return value
        if kind is np.ndarray and value.dtype.str in DTYPES:
            return self._array(value, depth)
        if kind is tuple or kind is list:
            return [kind.__name__, *(self.tree(item) for item in value)]
        if isinstance(value, np.generic) and value.dtype.str in DTYPES:
            self.chunks.append(value.tobytes())
            return ["number", value.dtype.str]
        if kind is complex:
            return ["complex", value.real, value.imag]
        if kind in NAMES:
            return ["named", NAMES[kind], *(self.tree(item) for item in value)]
        if isinstance(value, RemoteTuple | Remote):
            return ["yours", value._number if isinstance(value, Remote) else value.number]
        if isinstance(value, dict):
            return ["dict", *([self.tree(key), self.tree(item, depth + 1)] for key, item in value.items())]
        if kind is np.random.Generator and kind(value.bit_generator).bit_generator.state["bit_generator"] == "PCG64":
            self.generators.append(value)
            return ["generator", value.bit_generator.state]
        if isinstance(value, tuple):
            return ["known there", self.peer.keep(value), *(self.tree(item) for item in value)]
        if isinstance(value, np.ndarray) and value.dtype.str in DTYPES:
            return self._array(value.view(np.ndarray), depth)
        name = getattr(value, "__name__", None)
        return ["stays", self.peer.keep(value), name if isinstance(name, str) else None, kind.__name__]

    def _array(self, array: np.ndarray, depth: int):
        if self.there and _place(array) in self.there:
            return ["as sent", self.there[_place(array)]]
        if depth < 2:
            self.open.add(len(self.arrays))
        self.arrays.append(array)
        self.chunks.append(array.tobytes())
        return ["array", array.dtype.str, list(array.shape)]


class Reader:
    """Trees -> values. Raises GarbledError for what is none.

    sent: the arrays of the request that this answers.
    """

    def __init__(self, peer: Peer, message: Message, sent: list[np.ndarray] | None = None):
        self.peer, self.bytes, self.sent = peer, message.arrays, sent or []
        self.at = 0
        self.arrays: list[np.ndarray] = []
        self.original: list[memoryview] = []
        self.generators: list[np.random.Generator] = []

    def value(self, tree):
        if tree is None or isinstance(tree, bool | int | float | str):
            return tree
        try:
            tag, *rest = tree
            return getattr(self, f"_{tag.replace(' ', '_')}_of")(*rest)
        except GarbledError:
            raise
        except (TypeError, ValueError, AttributeError, KeyError, IndexError, OverflowError, RecursionError) as error:
            raise GarbledError(f"no value: {error}") from None

    def unchanged(self) -> list:
        """The arrays that arrived, None for each that was written to since."""
        changed = {number for number, _ in self.changed()}
        return [None if number in changed else array for number, array in enumerate(self.arrays)]

    def changed(self) -> list[tuple[int, np.ndarray]]:
        pairs = enumerate(zip(self.arrays, self.original, strict=True))
        return [(number, array) for number, (array, before) in pairs if array.tobytes() != before]

    def _list_of(self, *items):
        return [self.value(item) for item in items]

    def _tuple_of(self, *items):
        return tuple(self._list_of(*items))

    def _dict_of(self, *pairs):
        return {self.value(key): self.value(item) for key, item in pairs}

    def _complex_of(self, real, imag):
        return complex(real, imag)

    def _named_of(self, name, *items):
        return NAMED_TUPLES[name](*self._list_of(*items))

    def _known_there_of(self, number, *items):
        value = RemoteTuple(self._list_of(*items))
        value.number = int(number)
        return value

    def _stays_of(self, number, name, kind):
        return _remote_class(kind)(self.peer, int(number), name if _is_name(name) else None)

    def _yours_of(self, number):
        return self.peer.kept[number]

    def _as_sent_of(self, number):
        if number < 0:
            raise GarbledError("no such array")
        return self.sent[number]

    def _number_of(self, dtype):
        return self._numbers(dtype, [])[()]

    def _array_of(self, dtype, shape):
        start = self.at
        array = self._numbers(dtype, shape)
        self.arrays.append(array)
        self.original.append(self.bytes[start : self.at])
        return array

    def _numbers(self, dtype: str, shape: list[int]) -> np.ndarray:
        if dtype not in DTYPES or not all(type(size) is int and size >= 0 for size in shape):
            raise GarbledError("no array of numbers")
        end = self.at + np.dtype(dtype).itemsize * _product(shape)
        if end > len(self.bytes):
            raise GarbledError("an array without its numbers")
        flat = np.frombuffer(self.bytes[self.at : end], dtype)
        self.at = end
        return flat.reshape(shape).copy()

    def _generator_of(self, state):
        rng = np.random.Generator(np.random.PCG64(0))
        rng.bit_generator.state = state
        self.generators.append(rng)
        return rng


def _write_back(writer: Writer, number: int, new) -> None:
    if number in writer.open and isinstance(new, np.ndarray):
        old = writer.arrays[number]
        if (old.shape, old.dtype) == (new.shape, new.dtype) and old.flags.writeable:
            old[...] = new


def _draw_on(writer: Writer, number: int, rng) -> None:
    """Bring a generator that was lent to where the other side left it."""
    if isinstance(rng, np.random.Generator) and isinstance(number, int) and 0 <= number < len(writer.generators):
        writer.generators[number].bit_generator.state = rng.bit_generator.state


@cache
def _remote_class(kind: str) -> type[Remote]:
    return type(kind if _is_name(kind) else "object", (Remote,), {})


def _is_name(name) -> bool:
    return isinstance(name, str) and len(name) < 100 and (name.isidentifier() or name == "<lambda>")


def _place(array: np.ndarray) -> tuple:
    return array.__array_interface__["data"][0], array.shape, array.strides, array.dtype.str


def _product(shape: list[int]) -> int:
    size = 1
    for length in shape:
        size *= length
    return size
