"""Between the judge and the student's process: what is copied arrives as it was, what fits nothing is refused."""

import builtins
import io
import json
import os
import struct
from contextlib import suppress
from threading import Thread

import numpy as np
import pytest

from deepfm_np import ops
from deepfm_np.exercises.checks import Told
from deepfm_np.exercises.player import Player
from deepfm_np.exercises.values import GarbledError, Remote
from deepfm_np.exercises.wire import Peer


@pytest.fixture
def there():
    """there(function): a stand-in for a function that a player calls at the other end of two pipes."""
    (theirs, to_them), (ours, to_us) = os.pipe(), os.pipe()
    player = Player(os.fdopen(theirs, "rb"), os.fdopen(to_us, "wb"))
    player.timed = lambda do: do()  # only the main thread of a process has a clock
    peer = Peer(os.fdopen(ours, "rb"), os.fdopen(to_them, "wb"))

    def serve():
        with player.source, player.sink:
            try:
                while True:
                    player.answer(player.receive())
            except EOFError:
                return

    def stand_in(function):
        player.space["f"] = function
        return peer.ask({"do": "name", "name": "f"})[0]

    thread = Thread(target=serve)
    thread.start()
    with peer.source:
        with peer.sink:
            yield stand_in
        thread.join()


def same(value):
    return value


VALUES = [
    *(None, True, 3, -(2**80), 0.1, float("inf"), 1 + 2j, "text", (), (1, (2.0, "three")), [1, [2]]),
    *({"a": 1, 2: (3,)}, np.float32(0.5), np.bool_(True)),
]
ARRAYS = [
    *(np.zeros(()), np.zeros((0, 3)), np.arange(6.0).reshape(2, 3).T, np.array([[1 + 2j]]), np.arange(3, dtype="f2")),
    *(np.array([1, 2], np.int8), np.array([True, False]), np.array([np.nan, np.inf, -0.0])),
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_plain_values_are_copied(there, value):
    back = there(same)(value)
    assert back == value and type(back) is type(value)


@pytest.mark.parametrize("array", ARRAYS, ids=repr)
def test_arrays_keep_their_bits(there, array):
    back = there(np.array)(array)
    assert (back.dtype, back.shape, back.tobytes()) == (array.dtype, array.shape, array.tobytes())


def test_named_tuples_of_the_operations_are_themselves(there):
    cache = ops.fm_forward(np.ones((2, 3, 1)))[1]
    assert there(lambda cache: cache.total.shape)(cache) == (2, 1)
    gradient = there(lambda: ops.RowGradient(np.array([1]), np.ones((1, 2))))()
    assert type(gradient) is ops.RowGradient and gradient.rows.tolist() == [1]


def test_what_is_not_copied_comes_home_as_itself(there):
    class Cache(tuple):
        pass

    made = Cache((1, 2)), object(), lambda: 3
    back = there(lambda: made)()
    assert back[0] == (1, 2) and all(isinstance(one, Remote) for one in back[1:]) and back[2]() == 3
    assert there(lambda *values: all(value is one for value, one in zip(values, made, strict=True)))(*back)


def test_an_array_that_comes_back_is_the_one_that_was_sent(there):
    x = np.ones(3)
    assert there(same)(x) is x
    assert there(np.copy)(x) is not x


def test_an_argument_that_is_changed_there_is_changed_here_but_a_cache_is_not(there):
    def zero(x, params, cache):
        for array in (x, params["W"], cache[0]):
            array[...] = 0

    x, params, cache = np.ones(2), {"W": np.ones(2)}, (np.ones(2),)
    there(zero)(x, params, cache)
    assert [x.sum(), params["W"].sum(), cache[0].sum()] == [0, 0, 2]


def test_a_generator_goes_on_where_it_was_left(there):
    rng, same_seed = np.random.default_rng(5), np.random.default_rng(5)
    assert there(lambda rng: rng.random(3))(rng).tolist() == same_seed.random(3).tolist()
    assert rng.random() == same_seed.random()


def test_a_function_that_is_handed_over_is_called_here(there):
    calls = []

    def square(x):
        calls.append(x)
        return x * x

    assert there(lambda f, x: f(f(x)))(square, 3.0) == 81
    assert calls == [3.0, 9.0]


def test_how_numpy_treats_errors_goes_along(there):
    with np.errstate(over="raise"), pytest.raises(FloatingPointError, match="overflow"):
        there(np.exp)(np.array([1e4]))


EXCEPTIONS = [
    *(each for each in vars(builtins).values() if isinstance(each, type) and issubclass(each, Exception)),
    np.linalg.LinAlgError,
]


@pytest.mark.parametrize("kind", EXCEPTIONS, ids=lambda kind: kind.__name__)
def test_exceptions_keep_their_class_and_text(there, kind):
    def fail():
        error = kind.__new__(kind, *(("", [ValueError()]) if "Group" in kind.__name__ else ()))
        raise error

    ends_a_loop = StopIteration, StopAsyncIteration
    known = kind.__module__ == "builtins" and kind not in ends_a_loop and "Group" not in kind.__name__
    with pytest.raises(kind if known else Exception) as caught:
        there(fail)()
    assert isinstance(caught.value, Told) and not isinstance(caught.value, ends_a_loop)
    assert type(caught.value).__name__ == kind.__name__ and caught.value.line == "raise error"


def test_an_exit_is_told_as_an_exception(there):
    def leave():
        raise SystemExit(3)

    with pytest.raises(Exception, match="3") as caught:
        there(leave)()
    assert type(caught.value).__name__ == "SystemExit"


def test_what_is_too_large_is_an_error_there(there):
    with pytest.raises(ValueError, match="too large to be graded"):
        there(lambda: np.zeros(9 * 2**20))()


def message(header, arrays=b"", lengths=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<IQ", *(lengths or (len(text), len(arrays)))) + text + arrays


GARBLED = {
    "no JSON": message(b"{"),
    "no text": message(b"\xff\xfe"),
    "no dict": message([1]),
    "nested without end": message(b"[" * 10**6),
    "a header of 4 GB": message(b"", lengths=(2**32 - 1, 0)),
    "arrays of 2^63 bytes": message({"value": 1}, lengths=(12, 2**63)),
    "nothing": message({}),
    "an unknown kind": message({"value": ["eval", "1"]}),
    "a method of the reader": message({"value": ["value", 1]}),
    "an empty list": message({"value": []}),
    "an array without bytes": message({"value": ["array", "<f8", [3]]}),
    "an array of objects": message({"value": ["array", "|O", [1]]}, bytes(8)),
    "a shape that is negative": message({"value": ["array", "<f8", [-1]]}, bytes(8)),
    "a shape of floats": message({"value": ["array", "<f8", [1.0]]}, bytes(8)),
    "a shape that overflows": message({"value": ["array", "<f8", [0, 2**62, 2**62]]}),
    "an unknown class": message({"value": ["named", "os.system", "true"]}),
    "a class with too few fields": message({"value": ["named", "deepfm_np.ops.rows.RowGradient"]}),
    "a key that cannot be one": message({"value": ["dict", [["list"], 1]]}),
    "a handle of nothing": message({"value": ["yours", 1]}),
    "an array that was not sent": message({"value": ["as sent", 0]}),
    "an array before the first": message({"value": ["as sent", -1]}),
    "a generator without a state": message({"value": ["generator", {"bit_generator": "PCG64"}]}),
    "changes of nothing": message({"value": 1, "changed": 3}),
    "an exception without a class": message({"error": {"class": [], "text": "", "line": ""}}),
    "an exception of the wrong form": message({"error": 3}),
    "a request that is unknown": message({"do": "name", "name": "expected"}),
    "a call of what was not handed over": message({"do": "call", "of": 0, "arguments": [], "named": {}}),
}


@pytest.mark.parametrize("name", GARBLED)
def test_what_is_no_answer_is_refused(name):
    with pytest.raises(GarbledError):
        Peer(io.BytesIO(GARBLED[name]), io.BytesIO()).ask({"do": "call"})


def test_random_bytes_end_in_a_refusal_or_the_end():
    rng = np.random.default_rng(0)
    for name in sorted(GARBLED):
        for _ in range(50):
            damaged = bytearray(GARBLED[name][:2000])
            for place in rng.integers(0, len(damaged), 3):
                damaged[place] = rng.integers(256)
            with suppress(GarbledError, EOFError):  # or the damage made a value of it
                Peer(io.BytesIO(bytes(damaged)), io.BytesIO()).ask({"do": "call"})
