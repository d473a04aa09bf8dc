"""Damage to the bytes of a file, by a seeded generator."""

import gzip
from collections.abc import Callable

import numpy as np

TEXTS = [  # what is replaced by what, where it is found
    (b"0", b"1e999"),
    (b"1", b"NaN"),
    (b"1", b"-Infinity"),
    (b",", b",,"),
    (b",", b";"),
    (b"\n", b"\r"),
    (b"\n", b"\r\n"),
    (b'"', b"'"),
    (b":", b": ["),
    (b"true", b"7"),
    (b"false", b"null"),
    (b"'shape'", b"'shpae'"),
    (b"(", b"(-"),
    (b"<f4", b"|O"),
    (b"<f4", b">f4"),
    (b"<f4", b"<i4"),
    (b"<i4", b"<u4"),
    (b"False", b"True"),
    (b"crc32", b"crc23"),
    (b"format", b"fromat"),
]
INSERTED = [
    b"\x00",
    b"\xff",
    b"\xef\xbb\xbf",
    b'"',
    b"\t",
    b"\n",
    b"\r",
    b",",
    b"|",
    b"::",
    b"\xc3",
    b"\xed\xa0\x80",
    b"1",
]


def damaged(data: bytes, rng: np.random.Generator) -> tuple[bytes, str]:
    """The bytes with one to three kinds of damage, and the kinds."""
    kinds = [list(DAMAGES)[number] for number in rng.integers(len(DAMAGES), size=1 + int(rng.random() < 0.2) * 2)]
    for kind in kinds:
        data = DAMAGES[kind](data, rng) if data else data
    return data, " and ".join(kinds)


def _place(data: bytes, rng: np.random.Generator) -> int:
    return int(rng.integers(len(data)))


def flip(data: bytes, rng: np.random.Generator) -> bytes:
    at = _place(data, rng)
    return data[:at] + bytes([data[at] ^ 1 << int(rng.integers(8))]) + data[at + 1 :]


def set_byte(data: bytes, rng: np.random.Generator) -> bytes:
    at = _place(data, rng)
    return data[:at] + rng.bytes(1) + data[at + 1 :]


def delete(data: bytes, rng: np.random.Generator) -> bytes:
    at = _place(data, rng)
    return data[:at] + data[at + int(rng.integers(1, 30)) :]


def insert(data: bytes, rng: np.random.Generator) -> bytes:
    at = _place(data, rng)
    return data[:at] + rng.bytes(int(rng.integers(1, 30))) + data[at:]


def insert_text(data: bytes, rng: np.random.Generator) -> bytes:
    at = 0 if rng.random() < 0.3 else _place(data, rng)
    return data[:at] + INSERTED[int(rng.integers(len(INSERTED)))] * int(rng.choice([1, 1, 3])) + data[at:]


def truncate(data: bytes, rng: np.random.Generator) -> bytes:
    return data[: _place(data, rng)]


def zero(data: bytes, rng: np.random.Generator) -> bytes:
    at, n = _place(data, rng), int(rng.integers(1, 60))
    return data[:at] + bytes(len(data[at : at + n])) + data[at + n :]


def splice(data: bytes, rng: np.random.Generator) -> bytes:
    at, other, n = _place(data, rng), _place(data, rng), int(rng.integers(1, 80))
    return data[:at] + data[other : other + n] + data[at + n :]


def repeat(data: bytes, rng: np.random.Generator) -> bytes:
    at, n = _place(data, rng), int(rng.integers(1, 200))
    return data[: at + n] + data[at:]


def nest(data: bytes, rng: np.random.Generator) -> bytes:
    at, bracket = _place(data, rng), [b"[", b"{", b"(", b'{"a":', b'"'][int(rng.integers(5))]
    return data[:at] + bracket * int(rng.choice([1, 10, 1000, 50_000])) + data[at:]


def replace(data: bytes, rng: np.random.Generator) -> bytes:
    there = [pair for pair in TEXTS if pair[0] in data]
    if not there:
        return flip(data, rng)
    old, new = there[int(rng.integers(len(there)))]
    places = [at for at in range(len(data)) if data.startswith(old, at)]
    at = places[int(rng.integers(len(places)))]
    return data[:at] + new + data[at + len(old) :]


def longer_cell(data: bytes, rng: np.random.Generator) -> bytes:
    at = _place(data, rng)
    return data[:at] + b"9" * int(rng.choice([20, 400, 5000])) + data[at:]


def utf16(data: bytes, rng: np.random.Generator) -> bytes:
    return data.decode("latin-1").encode("utf-16")


def compress(data: bytes, rng: np.random.Generator) -> bytes:
    return gzip.compress(data, mtime=0)


DAMAGES: dict[str, Callable[[bytes, np.random.Generator], bytes]] = {
    function.__name__.replace("_", " "): function
    for function in (
        flip,
        set_byte,
        delete,
        insert,
        insert_text,
        truncate,
        zero,
        splice,
        repeat,
        nest,
        replace,
        longer_cell,
        utf16,
        compress,
    )
}
