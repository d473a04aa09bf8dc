"""DeepFMClassifier on odd frames: fitted on one, asked about another, saved and loaded.

What must hold of whatever is accepted, without knowing the right probabilities:
- every probability is finite and in [0, 1], and a loaded classifier gives the same bits;
- a row gets the same probability alone, in another order, and as a column of Python objects;
- the frames are left as they were.
"""

import datetime
import warnings
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pandas as pd

from deepfm_np import DeepFMClassifier
from deepfm_np.data import Categorical, MultiValued, Numerical
from fuzz.outcome import Trial, differ, shown

ROWS = 12
SETTINGS = {"hidden": (3,), "embedding_dim": 2, "epochs": 1, "batch_size": 8, "progress": False, "dtype": "float64"}

COLUMNS: dict[str, Callable[[np.random.Generator], Any]] = {
    "integers": lambda rng: rng.integers(-2, 4, ROWS),
    "floats": lambda rng: rng.standard_normal(ROWS),
    "floats with gaps": lambda rng: np.where(rng.random(ROWS) < 0.4, np.nan, rng.standard_normal(ROWS)),
    "whole floats": lambda rng: rng.integers(0, 3, ROWS).astype(float),
    "small dtypes": lambda rng: rng.integers(0, 200, ROWS).astype(rng.choice(["u1", "i1", "u8", "f2", "f4"])),
    "booleans": lambda rng: rng.random(ROWS) < 0.5,
    "texts": lambda rng: rng.choice(["a", "b", "c d", "", "NA", "1", "1.0"], ROWS).astype(object),
    "strings": lambda rng: pd.array(rng.choice(["a", "b", ""], ROWS), "string"),
    "categories": lambda rng: pd.Categorical(rng.choice(["a", "b"], ROWS), categories=["b", "a", "never"]),
    "categories of numbers": lambda rng: pd.Categorical(rng.integers(0, 3, ROWS)),
    "categories with gaps": lambda rng: pd.Categorical.from_codes(rng.integers(-1, 2, ROWS), categories=["x", "y"]),
    "nullable integers": lambda rng: pd.array(rng.choice([1, 2, None], ROWS), "Int64"),
    "nullable booleans": lambda rng: pd.array(rng.choice([True, False, None], ROWS), "boolean"),
    "nullable floats": lambda rng: pd.array(rng.choice([0.5, 2.0, None], ROWS), "Float64"),
    "dates": lambda rng: pd.to_datetime(rng.integers(0, 10**6, ROWS), unit="s"),
    "dates with a zone": lambda rng: pd.to_datetime(rng.integers(0, 10**6, ROWS), unit="s", utc=True),
    "durations": lambda rng: pd.to_timedelta(rng.integers(0, 10**6, ROWS), unit="s"),
    "periods": lambda rng: pd.period_range("2026", periods=ROWS, freq="M"),
    "intervals": lambda rng: pd.cut(rng.random(ROWS), [0, 0.5, 1]),
    "complex": lambda rng: rng.standard_normal(ROWS) + 1j * rng.integers(0, 2, ROWS),
    "sparse": lambda rng: pd.arrays.SparseArray(rng.integers(0, 2, ROWS)),
    "bytes": lambda rng: rng.choice(np.array([b"a", b"b"]), ROWS).astype(object),
    "lists": lambda rng: _cells([["a"], ["a", "b"], [], ["b", 1]], rng),
    "nested": lambda rng: _cells([["a", ["b"]], {"a": 1}, [{}], ("x", ("y",)), np.ones((2, 2))], rng),
    "sets": lambda rng: _cells([{"a"}, {"a", "b"}, frozenset(), ("a", "b")], rng),
    "arrays": lambda rng: _cells([np.array([1, 2]), np.array([]), np.array(["x"])], rng),
    "missing": lambda rng: _cells([None, np.nan, pd.NA, pd.NaT, "", "x", 1.0], rng),
    "only gaps": lambda rng: _cells([None, np.nan], rng),
    "surrogates": lambda rng: _cells(["\ud800", "a\udfff", "\x00", "é", "e\u0301", "\u202e", "𝔘"], rng),
    "Python numbers": lambda rng: _cells([1, 1.0, "1", "1.0", 2.5, -0.0, 0, 10**400, 2**63], rng),
    "huge floats": lambda rng: rng.choice([1e300, -1e300, 1e38, 1e-320, 0.0], ROWS),
    "large floats": lambda rng: rng.choice([1e30, -1e30, 1.0], ROWS),
    "infinite floats": lambda rng: rng.choice([np.inf, -np.inf, 1.0], ROWS),
    "exact numbers": lambda rng: _cells([Decimal("1.5"), Fraction(1, 3), Decimal("NaN"), Decimal("2")], rng),
    "texts of numbers": lambda rng: _cells(["1.5", "2", " 3", "4e2", "x", "0x10", "1_000", "٣"], rng),
    "objects": lambda rng: _cells([uuid4(), object(), print, datetime.date(2026, 1, 1), 1j], rng),
    "words of truth": lambda rng: _cells(["True", "False", "true", "1", "0"], rng),
    "constant": lambda rng: np.full(ROWS, 7.0),
    "long texts": lambda rng: _cells(["x" * 100_000, "y" * 3, "two\nlines"], rng),
}
NAMES: list[Any] = [
    "a",
    "b",
    "",
    "x" * 5000,
    "two\nlines",
    0,
    1.5,
    True,
    None,
    np.nan,
    ("a", "b"),
    pd.Timestamp("2026"),
]
NAMES += ["\ud800", datetime.date(2026, 1, 1), np.int64(7), b"a", "é", "label", frozenset("a"), -1, float("inf")]
LABELS: dict[str, Callable[[np.random.Generator], Any]] = {
    "integers": lambda rng: rng.permutation(np.arange(ROWS) % 2),
    "texts": lambda rng: np.array(["no", "yes"])[rng.permutation(np.arange(ROWS) % 2)],
    "booleans": lambda rng: rng.permutation(np.arange(ROWS) % 2 == 0),
    "objects": lambda rng: np.array(["no", "yes"], object)[rng.permutation(np.arange(ROWS) % 2)],
    "a Series": lambda rng: pd.Series(rng.permutation(np.arange(ROWS) % 2), index=rng.permutation(ROWS)),
    "categories": lambda rng: pd.Categorical.from_codes(rng.permutation(np.arange(ROWS) % 2), ["u", "v"]),
    "odd": lambda rng: list(COLUMNS.values())[rng.integers(len(COLUMNS))](rng),
}
INDEXES = ["default", "repeated", "texts", "dates", "two levels"]


def _cells(choices: list, rng: np.random.Generator) -> pd.Series:
    column = np.empty(ROWS, object)
    for row, number in enumerate(rng.integers(len(choices), size=ROWS)):
        column[row] = choices[number]
    return pd.Series(column, dtype=object)


def trial(rng: np.random.Generator, folder: Path) -> Trial:
    """Two frames with the same names; the second has some columns of other kinds."""
    count = int(rng.integers(1, 4))
    kinds = [str(kind) for kind in rng.choice(list(COLUMNS), count)]
    names = [NAMES[i] for i in rng.integers(len(NAMES), size=count)] if rng.random() < 0.3 else list("abc"[:count])
    fields = None
    if rng.random() < 0.6:
        fields = [(Categorical, Numerical, MultiValued)[rng.integers(3)](name) for name in names]
        if rng.random() < 0.3 and isinstance(fields[0], Numerical):
            fields[0] = Numerical(names[0], str(rng.choice(["log", "min-max", "identity", "quantile"])), 3)
    fitted = _frame(kinds, names, rng)
    others = [str(rng.choice(list(COLUMNS))) if rng.random() < 0.3 else kind for kind in kinds]
    asked = _frame(others, names, rng)
    label = str(rng.choice(list(LABELS), p=[0.6, *[0.4 / (len(LABELS) - 1)] * (len(LABELS) - 1)]))
    y = LABELS[label](rng)
    place, seen = folder / "classifier", (fitted.copy(deep=True), asked.copy(deep=True))

    def run() -> Any:
        (place / "classifier.npz").unlink(missing_ok=True)
        place.is_dir() and place.rmdir()
        classifier = DeepFMClassifier(fields=fields, **SETTINGS).fit(fitted, y)
        before = classifier.predict_proba(asked)
        classifier.save(place)
        return classifier, before, DeepFMClassifier.load(place)

    def wrong(result: Any) -> str:
        classifier, before, loaded = result
        if not ((before >= 0) & (before <= 1)).all():
            return f"the probabilities {before}"
        if not all(map(_same_frame, seen, (fitted, asked))):
            return "a frame was changed"
        if differ(loaded.predict_proba(asked), before) or loaded.fields != classifier.encoder_.fields:
            return "another classifier was loaded"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _inconsistent(classifier, asked, before)

    def left() -> str:
        return f"{sorted(path.name for path in place.iterdir())} left" if place.is_dir() else ""

    what = f"{dict(zip(map(repr, names), kinds, strict=False))!r:.200}, then {others}, labels: {label}"
    return Trial(f"{what}, fields: {fields and [field.kind for field in fields]}", run, wrong, left=left)


def _inconsistent(classifier: DeepFMClassifier, frame: pd.DataFrame, before: np.ndarray) -> str:
    asked: dict[str, Callable[[], np.ndarray]] = {
        "alone": lambda: np.concatenate([classifier.predict_proba(frame.iloc[[row]]) for row in range(ROWS)]),
        "in another order": lambda: classifier.predict_proba(frame.iloc[::-1])[::-1],
        "as objects": lambda: classifier.predict_proba(frame.astype(object)),
    }
    for manner, ask in asked.items():
        try:
            difference = differ(ask(), before, 1e-9)
        except Exception as error:
            difference = f"refused: {shown(error)}"
        if difference:
            return f"{manner}, {difference}"
    return ""


def _frame(kinds: list[str], names: list, rng: np.random.Generator) -> pd.DataFrame:
    columns = [pd.Series(COLUMNS[kind](rng)) for kind in kinds]
    frame = pd.concat(columns, axis=1)
    frame.columns = pd.Index(names, dtype=object, tupleize_cols=False)
    index = INDEXES[rng.integers(len(INDEXES))] if rng.random() < 0.2 else "default"
    if index == "repeated":
        frame.index = pd.Index([0] * ROWS)
    elif index == "texts":
        frame.index = pd.Index([f"row {row}" for row in range(ROWS)])
    elif index == "dates":
        frame.index = pd.date_range("2026", periods=ROWS)
    elif index == "two levels":
        frame.index = pd.MultiIndex.from_product([range(ROWS // 2), ["a", "b"]])
    return frame


def _same_frame(one: pd.DataFrame, other: pd.DataFrame) -> bool:
    return one.dtypes.equals(other.dtypes) and repr(one.to_dict("split")) == repr(other.to_dict("split"))
