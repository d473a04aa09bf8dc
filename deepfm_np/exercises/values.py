"""Values as data: a tree for the JSON header of a message, and the raw bytes of its arrays.

Numbers, strings, None, tuples, lists, dicts, arrays, generators and the named tuples of `deepfm_np.ops` are copied.
Anything else stays where it is, and a handle goes in its place. An array that comes back as it was sent goes as its
number among those sent. Nothing that is read is trusted: classes and dtypes come from a list.
"""

from collections.abc import Callable
from functools import cache
from math import prod
from typing import Any

import numpy as np

from deepfm_np import ops

BITS = 4096  # of an integer
DTYPES = {np.dtype(name).str for name in ("?", *"bhilqBHILQ", *"efdgFDG")}
NAMED_TUPLES = {
    f"{module.__name__}.{value.__name__}": value
    for module in vars(ops).values()
    if getattr(module, "__package__", None) == ops.__name__
    for value in vars(module).values()
    if isinstance(value, type) and issubclass(value, tuple) and value.__module__ == module.__name__
}
NAMES = {named: name for name, named in NAMED_TUPLES.items()}


class GarbledError(ValueError):
    """What came is no message."""


class Remote:
    """Something that stays on the other side, and can be called there. It has no attributes: they might lie."""

    def __init__(self, call: Callable, number: int, name: str | None):
        self._call, self._number = call, number
        if name:
            self.__name__ = self.__qualname__ = name

    def __call__(self, *arguments, **named):
        return self._call(self._number, arguments, named)


class RemoteTuple(tuple):
    """A tuple of a class that only the other side knows; it goes back as what it was."""

    number: int


class Writer:
    """Values -> trees for the header, and the bytes of their arrays.

    keep: keeps a value that stays here, and gives its number.  there: the arrays that the other side has already.
    """

    def __init__(self, keep: Callable[[Any], int], there: list[np.ndarray] | None = None):
        self.keep = keep
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
            return ["known there", self.keep(value), *(self.tree(item) for item in value)]
        if isinstance(value, np.ndarray) and value.dtype.str in DTYPES:
            return self._array(value.view(np.ndarray), depth)
        name = getattr(value, "__name__", None)
        return ["stays", self.keep(value), name if isinstance(name, str) else None, kind.__name__]

    def write_back(self, number: int, new) -> None:
        """What an array became there."""
        if number in self.open and isinstance(new, np.ndarray):
            old = self.arrays[number]
            if (old.shape, old.dtype) == (new.shape, new.dtype) and old.flags.writeable:
                old[...] = new

    def draw_on(self, number: int, rng) -> None:
        """Bring a generator to where the other side left it."""
        if isinstance(rng, np.random.Generator) and isinstance(number, int) and 0 <= number < len(self.generators):
            self.generators[number].bit_generator.state = rng.bit_generator.state

    def _array(self, array: np.ndarray, depth: int):
        if self.there and _place(array) in self.there:
            return ["as sent", self.there[_place(array)]]
        if depth < 2:
            self.open.add(len(self.arrays))
        self.arrays.append(array)
        self.chunks.append(array.tobytes())
        return ["array", array.dtype.str, list(array.shape)]


class Reader:
    """Trees and the bytes of their arrays -> values. Raises GarbledError for what is none.

    kept: what the other side may have handles of.  call: calls what stays there, by its number.
    sent: the arrays of the request that this answers.
    """

    def __init__(self, data: memoryview, kept: dict[int, Any], call: Callable, sent: list[np.ndarray] | None = None):
        self.bytes, self.kept, self.call, self.sent = data, kept, call, sent or []
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
        return _remote_class(kind)(self.call, int(number), name if is_name(name) else None)

    def _yours_of(self, number):
        return self.kept[number]

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
        end = self.at + np.dtype(dtype).itemsize * prod(shape)
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


@cache
def _remote_class(kind: str) -> type[Remote]:
    return type(kind if is_name(kind) else "object", (Remote,), {})


def is_name(name) -> bool:
    return isinstance(name, str) and len(name) < 100 and (name.isidentifier() or name == "<lambda>")


def _place(array: np.ndarray) -> tuple:
    return array.__array_interface__["data"][0], array.shape, array.strides, array.dtype.str
