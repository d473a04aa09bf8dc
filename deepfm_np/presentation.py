"""How a classifier shows itself: the parts of one logit as a table, and its settings and fields in a notebook."""

import html
from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING

import pandas as pd

from deepfm_np.architecture import Explanation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from deepfm_np.data.encoder import FieldEncoder


def explanation_table(explanation: Explanation, names: Sequence, row: pd.DataFrame) -> pd.DataFrame:
    """The logit of one example, part by part; the parts add up to it.

    explanation: of one example.  names: of its m fields.  row: the frame of one row that holds them.
    Columns: part ("bias", "first order", "pair" or "deep"), field, value (the cells of the row) and logit. Pairs of
    fields that do not meet (without the FM part all of them) are left out.
    """
    cells = [str(row[name].iloc[0]) for name in names]
    rows = [("bias", "", "", explanation.bias)]
    rows += [("first order", str(name), cells[j], explanation.first_order[0, j]) for j, name in enumerate(names)]
    rows += [
        ("pair", f"{names[i]} × {names[j]}", f"{cells[i]} × {cells[j]}", explanation.pairs[0, i, j])
        for i, j in combinations(range(len(names)), 2)
        if explanation.pairs[0, i, j]
    ]
    rows.append(("deep", "", "", explanation.deep[0]))
    return pd.DataFrame([(*one, float(logit)) for *one, logit in rows], columns=["part", "field", "value", "logit"])


def html_of(
    name: str, settings: "Mapping", encoder: "FieldEncoder | None" = None, history: pd.DataFrame | None = None
) -> str:
    """What a notebook shows of a classifier: its name, settings and, once fitted, its fields and the last epochs."""
    table = pd.DataFrame({"setting": list(settings), "value": [repr(value) for value in settings.values()]})
    parts = [("settings", table)]
    if encoder is not None:
        parts.append(("fields", encoder.summary()))
    if history is not None:
        parts.append(("last epochs", history.tail(3)))
    details = "".join(
        f"<details><summary>{title}</summary>{part.to_html(index=False, border=0)}</details>" for title, part in parts
    )
    fitted = "not fitted" if encoder is None else f"fitted, {len(encoder.fields)} fields"
    return f"<div><b>{html.escape(name)}</b> ({fitted}){details}</div>"
