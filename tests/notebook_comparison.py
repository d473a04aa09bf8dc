"""Decide whether two printed outputs agree.

The words must be equal. Numbers may differ by one per cent, or by two units of the last printed digit, or be rounding
noise on both sides (below 1e-9): another CPU adds in another order, and training carries that into the last digits.
For a tensor that passes a gradient check, only the pass is compared: which entry comes closest to failing is rounding
noise, too.
"""

import re

NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?")
PASSED = re.compile(r"( pass \d+ of \d+) .*")
NOISE = 1e-9


def difference(expected: str, got: str) -> str:
    """Where two texts differ, as a message; empty if they agree."""
    old, new = _lines(expected), _lines(got)
    if len(old) != len(new):
        return f"{len(old)} lines expected, {len(new)} printed:\n{got}"
    for before, after in zip(old, new, strict=True):
        words = NUMBER.sub("#", before), NUMBER.sub("#", after)
        pairs = zip(NUMBER.findall(before), NUMBER.findall(after), strict=False)
        if words[0] != words[1] or not all(_agree(a, b) for a, b in pairs):
            return f"expected  {before}\ngot       {after}"
    return ""


def _lines(text: str) -> list[str]:
    """The lines of a text without empty lines or runs of spaces, which depend on the width of numbers."""
    return [PASSED.sub(r"\1", " ".join(line.split())) for line in text.splitlines() if line.strip()]


def _agree(a: str, b: str) -> bool:
    x, y = float(a), float(b)
    if max(abs(x), abs(y)) < NOISE:
        return True
    return abs(x - y) <= max(0.01 * max(abs(x), abs(y)), 2.001 * max(_unit(a), _unit(b)))


def _unit(number: str) -> float:
    """One unit of the last printed digit; 0 for an integer, because counts must be equal."""
    mantissa, _, exponent = number.lower().partition("e")
    if not exponent and "." not in mantissa:
        return 0.0
    return 10.0 ** (int(exponent or 0) - len(mantissa.partition(".")[2]))
