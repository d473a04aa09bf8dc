"""The constraints on all settings: one table, the source of every message about a setting.

Every setting (of model, estimator, optimiser, training, threads, fields, data sets or command line) is checked by
`checked` or, if it is text, by `CONSTRAINTS[name].read`.
"""

import math
import operator
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np

from deepfm_np.ops.checks import shown


@dataclass(frozen=True)
class Constraint:
    """The constraint on a setting."""

    expected: str  # the end of the sentence "NAME must be ..."
    plain: Callable[[Any], Any]  # the value as a plain Python type; raises TypeError or ValueError if it is not one
    fits: Callable[[Any], bool]  # whether a plain value is allowed
    parse: Callable[[str], Any] = str  # text to value; raises ValueError
    options: tuple[str, ...] = ()  # all allowed values, if they can be listed

    def read(self, text: str) -> Any:
        """The value of a command-line argument. Raises ValueError: TEXT is not EXPECTED."""
        try:
            value = self.plain(self.parse(text))
        except (TypeError, ValueError):
            value = None
        if value is None or not self.fits(value):
            raise ValueError(f"{shown(text)} is not {self.expected}")
        return value


def checked(name: str, value: Any, owner: str = "") -> Any:
    """The value of a setting, as a plain Python type.

    owner: whose setting it is ("price: "), if the name alone does not tell; begins the message.
    Raises ValueError, naming the setting, what is expected and what was given.
    """
    constraint = CONSTRAINTS[name]
    try:
        plain = constraint.plain(value)
        fits = constraint.fits(plain)
    except (TypeError, ValueError, OverflowError, OSError):
        fits = False
    if not fits:
        advice = _advice(constraint, value)
        raise ValueError(f"{owner}{name} must be {constraint.expected}, got {shown(value)}{advice}")
    return plain


def _advice(constraint: Constraint, value: Any) -> str:
    """What would be right, where it can be told: a number without quotes or decimals, a sequence of one."""
    with suppress(TypeError, ValueError, OverflowError, OSError):
        meant = constraint.read(value) if isinstance(value, str) else (value,)
        if isinstance(value, float) and value.is_integer():
            meant = int(value)
        if not constraint.options and constraint.fits(constraint.plain(meant)):
            return f"; write {shown(meant)}"
    return ""


def check_all(settings: Mapping[str, Any]) -> None:
    """Raise ValueError for the first setting that breaks its constraint; settings without one pass."""
    for name, value in settings.items():
        if name in CONSTRAINTS:
            checked(name, value)


def check_held(name: str, value: float, dtype: str) -> None:
    """Raise ValueError for a positive number that becomes 0 or infinite in the dtype in which it is used."""
    with np.errstate(over="ignore", under="ignore"):
        held = np.dtype(dtype).type(value)
    if not np.isfinite(held) or (held == 0) != (value == 0):
        raise ValueError(f"{name} must be a number that {dtype} can hold, got {value!r}")


def _integer(value: Any) -> int:
    """int() would silently truncate a fraction; True is not a count."""
    if isinstance(value, bool | np.bool_):
        raise TypeError
    return operator.index(value)


def _number(value: Any) -> float:
    if isinstance(value, bool | np.bool_) or not isinstance(value, Real):
        raise TypeError
    return float(value)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool | np.bool_):
        raise TypeError
    return bool(value)


def _class_weight(value: Any) -> str | dict | None:
    if not (value is None or isinstance(value, str | Mapping)):
        raise TypeError
    return dict(value) if isinstance(value, Mapping) else value


def _is_weight(value: Any) -> bool:
    return 0 < _number(value) < math.inf


def _dtype_name(value: Any) -> str:
    if not isinstance(value, str | type | np.dtype):  # np.dtype(None) is float64, and np.dtype of a number its own
        raise TypeError
    return np.dtype(value).name


def _generator_or_seed(value: Any) -> int | np.random.Generator:
    return value if isinstance(value, np.random.Generator) else _integer(value)


def _path(value: Any) -> Path | None:
    if not (value is None or isinstance(value, str | Path)):
        raise TypeError
    return None if value is None else Path(value)


def _digits(text: str) -> int:
    if not (text.isascii() and text.isdigit()):  # int() would also take 1_000 and Arabic digits
        raise ValueError
    return int(text)


def _generator(value: Any) -> np.random.Generator:
    if not isinstance(value, np.random.Generator):
        raise TypeError
    return value


def _optimizer(value: Any) -> Any:
    """Your own optimiser need not be derived from ours; a class is not an optimiser yet."""
    if isinstance(value, type) or not callable(getattr(value, "step", None)):
        raise TypeError
    return value


def _integers(expected: str, least: int, most: float = math.inf) -> Constraint:
    return Constraint(expected, _integer, lambda n: least <= n <= most, _digits)


def _numbers(expected: str, fits: Callable[[float], bool]) -> Constraint:
    return Constraint(expected, _number, fits, float)


def _one_of(*options: str) -> Constraint:
    return Constraint(f"one of {', '.join(options)}", str, options.__contains__, options=options)


def _several(one: Constraint, expected: str, fit: Callable[[list], bool] = lambda _: True) -> Constraint:
    return Constraint(
        expected,
        lambda values: [one.plain(value) for value in values],
        lambda values: all(map(one.fits, values)) and fit(values),
        lambda text: [one.parse(part) for part in text.split(",")],
    )


POSITIVE_INTEGER = _integers("a positive integer", 1)
NON_NEGATIVE_INTEGER = _integers("a non-negative integer", 0)
POSITIVE = _numbers("a positive number", lambda x: 0 < x < math.inf)
NON_NEGATIVE = _numbers("a non-negative number", lambda x: 0 <= x < math.inf)
BELOW_ONE = _numbers("a number in [0, 1)", lambda x: 0 <= x < 1)
FLAG = Constraint("True or False", _flag, lambda _: True)

CONSTRAINTS: dict[str, Constraint] = {
    # the model
    "field_dims": _several(POSITIVE_INTEGER, "a sequence of positive integers, one per field", fit=bool),
    "field_starts": _several(NON_NEGATIVE_INTEGER, "a sequence of slots, one per field"),
    "embedding_dim": POSITIVE_INTEGER,
    "hidden": _several(POSITIVE_INTEGER, "a sequence of positive integers"),
    "activation": _one_of("sigmoid", "relu", "tanh"),
    "dropout": BELOW_ONE,
    "batch_norm": FLAG,
    "deep_output": _one_of("logit", "sigmoid"),
    "first_order": FLAG,
    "fm": FLAG,
    "deep": FLAG,
    "l2_embedding": NON_NEGATIVE,
    "l2_net": NON_NEGATIVE,
    "l2_table": NON_NEGATIVE,
    "products": _several(
        _one_of("inner", "outer"), "a sequence out of inner, outer", lambda names: len(names) == len(set(names))
    ),
    "shared_embedding": FLAG,
    "dtype": Constraint(
        "float32 or float64", _dtype_name, ("float32", "float64").__contains__, options=("float32", "float64")
    ),
    "seed": Constraint(
        "a non-negative integer",
        _generator_or_seed,
        lambda seed: isinstance(seed, np.random.Generator) or seed >= 0,
        _digits,
    ),
    # optimisers
    "learning_rate": POSITIVE,
    "momentum": BELOW_ONE,
    "beta1": BELOW_ONE,
    "beta2": BELOW_ONE,
    "epsilon": POSITIVE,
    # training
    "epochs": POSITIVE_INTEGER,
    "batch_size": Constraint(
        POSITIVE_INTEGER.expected,
        lambda size: None if size is None else _integer(size),  # None: it follows the number of rows
        lambda size: size is None or size >= 1,
        _digits,
    ),
    "stop_by": _one_of("log_loss", "auc"),
    "validation_fraction": BELOW_ONE,
    "start_from_fm": FLAG,
    "patience": POSITIVE_INTEGER,
    "verbose": FLAG,
    "threads": Constraint(
        "a positive integer of at most 1024",
        lambda threads: None if threads is None else _integer(threads),  # None: one for each core
        lambda threads: threads is None or 1 <= threads <= 1024,
        _digits,
    ),
    "optimizer": Constraint("an optimiser, as Adam() or SGD(0.1)", _optimizer, lambda _: True),
    "checkpoint": Constraint(
        "the path of a file in a folder that exists",
        _path,
        lambda path: path is None or (path.parent.is_dir() and not path.is_dir()),
    ),
    "progress": FLAG,
    "class_weight": Constraint(
        '"balanced", None or a dict of positive numbers by class',
        _class_weight,
        lambda value: value in (None, "balanced") or (isinstance(value, dict) and all(map(_is_weight, value.values()))),
    ),
    "rng": Constraint("a numpy.random.Generator", _generator, lambda _: True),
    # fields
    "min_count": POSITIVE_INTEGER,
    "scaling": _one_of("standard", "log", "min-max", "identity", "quantile"),
    "bins": _integers("an integer of at least 2", 2),
    "pooling": _one_of("sum", "mean"),
    # data sets
    "rows": POSITIVE_INTEGER,
    "fractions": _several(POSITIVE, "positive and sum to 1", lambda fractions: abs(sum(fractions) - 1) <= 1e-9),
    "order1": NON_NEGATIVE,
    "order2": NON_NEGATIVE,
    "order3": NON_NEGATIVE,
    "numericals": _one_of("log", "buckets"),
    "on_error": _one_of("raise", "skip"),
}
