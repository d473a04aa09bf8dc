"""The JSON of an encoder: its fields and what they have learned, with a checksum, judged before it is believed."""

import sys
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from deepfm_np.data.fields import KINDS, Field
from deepfm_np.ops.checks import brief, shown
from deepfm_np.system.sealed import from_json, sealed, unsealed

FORMAT, OLDER = "deepfm_np fields 2", "deepfm_np fields 1"  # the older one has no checksum
NAMES = str | int | float  # of columns: what JSON gives back as it was, True and False included


def to_text(fields: Sequence[Field], states: Sequence[dict]) -> str:
    """JSON text of fields and their states.

    Raises TypeError or ValueError, naming the column, where `from_text` would not give back the same.
    """
    saved = []
    for field, state in zip(fields, states, strict=True):
        one = {"kind": field.kind, **vars(field), "state": state}
        try:
            there, learned = _from_dict(from_json(sealed(one)))
        except (TypeError, ValueError) as error:
            raise type(error)(f"column {shown(field.name)} cannot be saved: {brief(error)}") from None
        if vars(there) != vars(field) or learned != state:
            raise ValueError(
                f"column {shown(field.name)} cannot be saved: it would come back as {brief(there)} with other values"
            )
        saved.append(one)
    return sealed({"format": FORMAT, "fields": saved})


def from_text(text: str) -> tuple[list[Field], list[dict]]:
    """The fields and their states. Raises ValueError, whatever is wrong with the text."""
    content = unsealed(text, FORMAT, OLDER)
    if content.keys() != {"format", "fields"} or not isinstance(content["fields"], list) or not content["fields"]:
        raise ValueError("it should have a list of fields, and nothing else")
    pairs = [_from_dict(one) for one in content["fields"]]
    return [field for field, _ in pairs], [state for _, state in pairs]


def _from_dict(one: Any) -> tuple[Field, dict]:
    """A field and its state. Raises ValueError for a key or a value that is not what it should be."""
    if not isinstance(one, dict) or one.get("kind") not in list(KINDS):
        found = one.get("kind") if isinstance(one, dict) else one
        raise ValueError(f"a field is of kind {found!r}, should be one of {', '.join(KINDS)}")
    kind, state = KINDS[one["kind"]], one.get("state")
    settings = {name: value for name, value in one.items() if name not in ("kind", "state", "crc32")}
    if settings.keys() != kind.__dataclass_fields__.keys() - {"kind"}:
        raise ValueError(f"a {kind.kind} field has {', '.join(settings)}, should have {', '.join(kind.__match_args__)}")
    name = settings["name"]
    if not isinstance(name, NAMES):
        raise TypeError(f"its name is a {type(name).__name__}; JSON holds numbers and texts")
    if not isinstance(settings.get("separator", ""), str):
        raise ValueError(f"{name}: separator must be a text, got {settings['separator']!r}")
    field = kind(**settings)
    expected = _state_checks(field)
    if not isinstance(state, dict) or state.keys() != expected.keys():
        raise ValueError(f"{name}: the state should have {', '.join(expected)}")
    for key, fits in expected.items():
        if not fits(state[key]):
            raise ValueError(f"{name}: {key} is not what it should be")
    return field, state


def _state_checks(field: Any) -> dict[str, Callable[[Any], bool]]:
    """What the state of this field holds, and for each of its entries whether it can be."""
    if field.kind == "numerical":
        return {"edges": _are_edges} if field.scaling == "quantile" else {"center": _is_number, "scale": _is_positive}
    return {"values": _are_values} | ({"slots": _is_count} if field.kind == "multi-valued" else {})


def _is_number(x: Any) -> bool:
    return isinstance(x, int | float) and not isinstance(x, bool) and abs(x) <= sys.float_info.max


def _is_positive(x: Any) -> bool:
    return _is_number(x) and x > 0


def _is_count(x: Any) -> bool:
    return isinstance(x, int) and not isinstance(x, bool) and x > 0


def _are_edges(x: Any) -> bool:
    return isinstance(x, list) and all(map(_is_number, x)) and all(low < high for low, high in pairwise(x))


def _are_values(x: Any) -> bool:
    return isinstance(x, list) and all(isinstance(one, str) and one for one in x) and len(set(x)) == len(x)
