"""JSON that carries a checksum, and is judged before it is believed."""

import json
import math
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from deepfm_np.ops.checks import shown


def plain(value):
    """For json.dumps(default=plain): a NumPy number or text as Python's own. Raises TypeError for anything else."""
    if isinstance(value, np.bool_ | np.number | np.str_):
        return value.item()
    raise TypeError(f"{value!r} cannot be saved: JSON holds numbers and texts")


def from_json(text: str, finite: bool = True) -> Any:
    """What a JSON text holds. finite: refuse NaN, infinities and numbers beyond float64.

    Raises ValueError, whatever is wrong with the text.
    """
    refused = {"parse_constant": _finite, "parse_float": _finite} if finite else {}
    try:
        return json.loads(text, **refused)  # type: ignore[arg-type]
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def sealed(content: Mapping[str, Any], indent: int | None = None) -> str:
    """The JSON text of a dict, with a checksum of all else under "crc32".

    A text that UTF-8 cannot hold (a lone surrogate) is written as an escape. Raises TypeError or ValueError for what
    JSON cannot hold.
    """
    content = {**content, "crc32": _crc32(content)}
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, default=plain, indent=indent)
    try:
        text.encode()
    except UnicodeEncodeError:
        text = json.dumps(content, allow_nan=False, default=plain, indent=indent)
    return text + "\n"


def unsealed(text: str, form: str, *older: str) -> dict:
    """The dict that `sealed` wrote, its checksum verified and taken away.

    form: what its "format" must be.  older: formats that are read as well; these may lack a checksum.
    Raises ValueError, whatever is wrong with the text.
    """
    content = from_json(text)
    if not isinstance(content, dict):
        raise ValueError(f"it is a {type(content).__name__}, should be an object")
    found = content.get("format")
    if found != form and found not in older:
        raise ValueError(f"its format is {shown(found)}, should be {form!r}")
    if "crc32" not in content and found == form:
        raise ValueError("it has no checksum")
    if "crc32" in content and content.pop("crc32") != _crc32(content):
        raise ValueError("its checksum is wrong")
    return content


def file_crc32(path: Path, end: int | None = None) -> int:
    """The CRC-32 of a file, or of its first so many bytes."""
    crc, left = 0, path.stat().st_size if end is None else end
    with open(path, "rb") as file:
        while left and (some := file.read(min(left, 1 << 20))):
            crc, left = zlib.crc32(some, crc), left - len(some)
    return crc


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"it holds {text}, which is no finite number")
    return number


def _crc32(content: Mapping[str, Any]) -> int:
    """The same before it is written and after it is read: keys in order, all but ASCII escaped."""
    try:
        return zlib.crc32(json.dumps(content, sort_keys=True, default=plain).encode())
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
