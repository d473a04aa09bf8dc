"""What texts look like: amounts such as `$12.25` and `1,234`, decimal commas, dates."""

import math
import re
from collections.abc import Callable, Iterable

SIGNS = "$€£¥₹"
DIGITS = r"(?:\d+|[1-9]\d{0,2}(?:,\d{3})+)(?:\.\d+)?"  # 1234 or 1,234, and decimals after a point
AMOUNT = re.compile(rf"(?a)\s*([-+]?)\s*[{SIGNS}]?\s*([-+]?{DIGITS})\s*[{SIGNS}%]?\s*")
DECIMAL_COMMA = re.compile(rf"(?a)\s*[-+]?\s*[{SIGNS}]?\s*\d+(?:\.\d{{3}})*,\d+\s*[{SIGNS}%]?\s*")
TIME = r"(?:[ T]\d{1,2}:\d{2}.*)?\s*"
DATE = re.compile(
    rf"(?a)\s*(?:\d{{4}}([-/.])\d{{1,2}}\1\d{{1,2}}|\d{{1,2}}([-/.])\d{{1,2}}\2\d{{4}}|\d{{1,2}}/\d{{1,2}}/\d{{2}}){TIME}"
)
MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}\.?"
NAMED_DATE = re.compile(rf"(?ai)\s*(?:\d{{1,2}}\.?[ -]{MONTH}|{MONTH} \d{{1,2}},?)[ -]\d{{4}}{TIME}")


def to_amount(text: str) -> float:
    """The number in `$12.25`, `1,234`, `-5 %` or `€ 12`; nan if the text is no such amount."""
    match = AMOUNT.fullmatch(text)
    if match is None or (match[1] and match[2][0] in "+-"):  # two signs
        return math.nan
    return float((match[1] + match[2]).replace(",", ""))


def is_amount(text: str) -> bool:
    """Whether `to_amount` reads the text as a number."""
    return not math.isnan(to_amount(text))


def is_plain_number(text: str) -> bool:
    """Whether float reads the text."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def has_decimal_comma(text: str) -> bool:
    """Whether the text is a number with its decimals after a comma, as 12,50."""
    return DECIMAL_COMMA.fullmatch(text) is not None


def is_date(text: str) -> bool:
    """Whether the text is a date, perhaps with a time, as 2026-11-27, 27.11.2026, 11/27/26 or 27 Nov 2026."""
    return any(form.fullmatch(text) for form in (DATE, NAMED_DATE))


def share(texts: Iterable[str], what: Callable[[str], bool]) -> float:
    """Which share of the texts is such; 0 of none."""
    found = [what(text) for text in texts]
    return sum(found) / max(len(found), 1)
