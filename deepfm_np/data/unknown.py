"""Values that an encoder did not see in training: how many rows of each column hold one, and when that is too many."""

import warnings

import numpy as np
import pandas as pd

from deepfm_np.data.encoder import FieldEncoder
from deepfm_np.data.fields import UNKNOWN
from deepfm_np.ops.checks import shown
from deepfm_np.ops.rows import Array

THRESHOLD = 0.2  # share of the rows from which there is a warning
FEW = 20  # of fewer rows a share says little


class UnknownValuesWarning(UserWarning):
    """Many values of a column were not seen in training; it may be another column, or written in another way."""


def unknown_rows(encoder: FieldEncoder, ids: Array, values: Array) -> dict:
    """Of each field that is not numerical, by name: (n,) bool, whether a row holds a value not seen in training.

    A value seen fewer than `min_count` times counts as not seen.  ids, values: (n, s), as the encoder returned them.
    """
    first_rows = np.cumsum([0, *encoder.field_dims[:-1]])
    ends = [*encoder.field_starts[1:], encoder.num_slots]
    found = {}
    for field, first, start, end in zip(encoder.fields, first_rows, encoder.field_starts, ends, strict=True):
        if field.kind != "numerical":
            found[field.name] = ((ids[:, start:end] == first + UNKNOWN) & (values[:, start:end] != 0)).any(axis=1)
    return found


def unknown_shares(encoder: FieldEncoder, frame: pd.DataFrame) -> pd.Series:
    """The share of rows with a value not seen in training, by column. Raises as `FieldEncoder.transform` does."""
    found = unknown_rows(encoder, *encoder.transform(frame))
    return pd.Series({name: rows.mean() if len(rows) else 0.0 for name, rows in found.items()}, dtype=float)


def warn_of_unknown(encoder: FieldEncoder, ids: Array, values: Array, frame: pd.DataFrame) -> None:
    """Issue an UnknownValuesWarning for each column of which more than THRESHOLD of the rows are unknown.

    Columns with a `min_count` above 1 are passed over: there, unknown values are nothing unusual.
    """
    if len(ids) < FEW:
        return
    everywhere = {field.name for field in encoder.fields if getattr(field, "min_count", 1) == 1}
    for name, rows in unknown_rows(encoder, ids, values).items():
        if name in everywhere and rows.mean() > THRESHOLD:
            cell = frame[name].to_numpy(object)[np.argmax(rows)]
            what = f"{rows.mean():.0%} of the rows hold a value not seen in training, such as {cell!r}"
            advice = "is it the same column, written in the same way?"
            warnings.warn(f"column {shown(name)}: {what}; {advice}", UnknownValuesWarning, stacklevel=4)
