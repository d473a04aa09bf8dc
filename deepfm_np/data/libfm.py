"""Files of libFM and LIBSVM: each line is a label and pairs "id:value", separated by blanks.

The format knows features and no fields. Two layouts cover what is written in it:

places:    every row has the same number of features, all of value 1, such as Frappe's ten. The place in the row is the
           field, a categorical one, and the id its value.
features:  anything else. Each feature is a numerical field of its own, and where a row lacks it, its value is 0: the
           model of Rendle (2010), in which any two features meet.
"""

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

from deepfm_np.data.cells import quoted
from deepfm_np.data.click_data import ClickData
from deepfm_np.data.fields import Categorical, Field, Numerical
from deepfm_np.data.lines import INTEGER, LineReader
from deepfm_np.ops.checks import brief

LABELS = {"0": 0, "-1": 0, "1": 1, "+1": 1}
LARGEST = float(np.finfo(np.float32).max)
MOST_FEATURES = 1000  # of the second layout, whose frame has a column for each
Row = tuple[int, dict[int, float]]  # the label, the value of each feature


def load_libfm(path: str | Path, fields: Sequence[Field] | None = None) -> ClickData:
    """Read a file, which may be compressed by gzip; labels are 0 and 1, or -1 and 1.

    fields: those of the training part, so that another file gets the same columns. A feature that no column of theirs
        stands for is left out.
    Raises FileNotFoundError for a missing file; ValueError, naming file and line, for a malformed line, for a row that
    does not fit the fields, and for more than MOST_FEATURES features that would be columns.
    """
    path = Path(path)
    rows = LineReader().read(path, "\n", (1,), _parser())
    if fields is None:
        fields = _fields(path, rows)
    labels = np.array([label for label, _ in rows], np.float32)
    if all(field.kind == "categorical" and str(field.name).startswith("place ") for field in fields):
        return ClickData(_by_place(path, rows, fields), labels, list(fields))
    if all(field.kind == "numerical" and str(field.name).startswith("feature ") for field in fields):
        frame = pd.DataFrame({field.name: _column(rows, int(field.name.split()[1])) for field in fields})
        return ClickData(frame, labels, list(fields))
    names = brief(", ".join(str(field.name) for field in fields))
    raise ValueError(f"fields must be those of another libfm file, got {names}")


def _parser() -> Callable[[list[str]], Row]:
    """A parser of lines that refuses a label of 0 after one of -1, and the other way round."""
    negative: list[str] = []

    def parse(line: list[str]) -> Row:
        label, *features = line[0].split() or [""]
        if label not in LABELS:
            raise ValueError(f"the label must be 0 or 1, or -1 or 1, got {quoted(label)}")
        if not LABELS[label]:
            negative[:] = negative or [label]
            if label != negative[0]:
                raise ValueError(f"the label is {label}, on an earlier line it is {negative[0]}")
        pairs = [_pair(feature) for feature in features]
        values = dict(pairs)
        if len(values) < len(pairs):
            ids = [feature for feature, _ in pairs]
            raise ValueError(f"feature {next(i for i in ids if ids.count(i) > 1)} is there twice")
        return LABELS[label], values

    return parse


@lru_cache(maxsize=2**16)  # most pairs of a log occur again and again
def _pair(text: str) -> tuple[int, float]:
    """The id and the value of a feature. Raises ValueError."""
    feature, colon, value = text.partition(":")
    if not colon or ":" in value:
        ffm = "; field:id:value is the format of libffm" if ":" in value else ""
        raise ValueError(f"a feature must be id:value, got {quoted(text)}{ffm}")
    if not INTEGER.fullmatch(feature) or feature[0] == "-":
        raise ValueError(f"the id of a feature must be an integer from 0 on, got {quoted(text)}")
    if len(feature) > 18:
        raise ValueError(f"the id of a feature must have at most 18 digits, got {quoted(feature)}")
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not abs(number) <= LARGEST:
        raise ValueError(f"the value of a feature must be a finite number, got {quoted(text)}")
    return int(feature), number


def _fields(path: Path, rows: Sequence[Row]) -> list[Field]:
    """The fields of the layout that the rows have."""
    places = len(rows[0][1])
    other = None  # why the places are not the fields
    for number, (_, features) in enumerate(rows, start=1):
        values = set(features.values()) - {1}
        if values:
            other = f"line {number}: a feature has the value {min(values):g}, not 1"
        elif len(features) != places:
            other = f"line {number}: the number of features is {len(features)}, in line 1 it is {places}"
        if other is not None:
            break
    else:
        if not places:
            raise ValueError(f"{path} has no features")
        return [Categorical(f"place {place}") for place in range(1, places + 1)]
    ids = sorted(set().union(*(features for _, features in rows)))
    if len(ids) > MOST_FEATURES:
        what = f"each of the {len(ids):,} features would be a column; at most {MOST_FEATURES:,} can be"
        raise ValueError(f"{path} {other}, so {what}")
    return [Numerical(f"feature {i}", scaling="identity") for i in ids]


def _by_place(path: Path, rows: Sequence[Row], fields: Sequence[Field]) -> pd.DataFrame:
    for number, (_, features) in enumerate(rows, start=1):
        if len(features) != len(fields):
            raise ValueError(f"{path} line {number}: {len(features)} features, should be {len(fields)}")
        for feature, value in features.items():
            if value != 1:
                raise ValueError(f"{path} line {number}: feature {feature} has the value {value:g}, should be 1")
    return pd.DataFrame([list(features) for _, features in rows], columns=[field.name for field in fields])


def _column(rows: Sequence[Row], feature: int) -> list[float]:
    return [features.get(feature, 0.0) for _, features in rows]
