"""Which kind of field each column is, decided on its values and not on its dtype alone, and what looks wrong in it.

Pandas turns whole numbers into floats where a cell is missing, so the dtype says little. What a column holds decides:

    numbers with decimals                   numerical
    whole numbers that rarely repeat        numerical
    whole numbers that repeat               numerical if some are negative, else categorical: mostly ids
      more than A_CLOCK of them             what the labels say, see `ids_or_amounts`: `settled` asks them
      all of as many digits, or padded      categorical: zip codes, years and most ids are
    texts, booleans, categories             categorical
    amounts written as $12.25 or 1,234      numerical
    dates                                   left out: which of hour, weekday or age matters, the owner knows
    an index, another value in every row    left out: nothing of it recurs in new rows
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from deepfm_np.data import texts
from deepfm_np.data.cells import is_empty, key_of, quoted, to_numbers
from deepfm_np.data.columns import Column, announce, sentences, thousands
from deepfm_np.data.fields import Categorical, Field, Numerical
from deepfm_np.data.ids_or_amounts import ranges_tell_more
from deepfm_np.ops.checks import shown
from deepfm_np.ops.rows import Array

FEW = 20  # so few distinct values are categories however often they repeat; fewer rows show nothing
A_CLOCK = 60  # hours, days, weeks and minutes are no more, and come round: no order runs through them
DIGITS = 4  # of numbers that are all as long, from which they are codes; ages have two, scores three
REPEATED = 2  # mean rows per value from which whole numbers are categories
NUMBERS_AS_TEXT = 0.9  # share of numbers from which a column of texts is remarked on
ROWS_COUNTED = 2**20  # distinct values are counted in that many rows of a log of any size
SAMPLE = 1000
UNNAMED = re.compile(r"Unnamed: \d+|")  # what pandas calls the column of an index that was written along
REPEATING = "whole numbers that repeat"
AMOUNTS = "amounts: a range tells more of the label than a value"
IDS = "ids: a range tells no more of the label than a value"
ABOUT_DATES = "holds dates; derive what matters from it (hour, weekday, age in days); it is left out"
ABOUT_DISTINCT = "holds another value in every row, so that none of them can be learned"


class Seen(NamedTuple):
    """What a piece of a column shows."""

    rows: int
    missing: int
    forms: frozenset  # of "numbers", "texts", "booleans", "categories", "dates", "lists"; none if there is no value
    counted: int  # rows with a value of which `distinct` are the distinct values
    distinct: pd.Series  # of objects


def infer_fields(frame: pd.DataFrame) -> list[Field]:
    """A field for each column that is to be used, of the kind that its values suggest.

    It knows no labels, so that whole numbers on which only they can decide are categorical.
    Issues a TableWarning for each remark. Raises ValueError, saying why, if no column can be used.
    """
    columns = decide(frame)
    fields = fields_of(columns)
    announce(columns)
    return fields


def decide(frame: pd.DataFrame, fields: Sequence[Field] | None = None, label: Any = None) -> list[Column]:
    """What each column is: inferred, or as the fields say.

    label: (n,) of the frame's rows, a Series with its name if it has one.
    Raises ValueError for a column that is a copy of the label.
    """
    cells = dict(frame.items())  # by hash: pandas fails to tell some names apart, as a tuple and a number of NumPy
    if fields is None:
        columns = [_if_twice(inferred(name, see(column)), frame) for name, column in frame.items()]
    else:
        counts = Counter(frame.columns)
        once = [field for field in fields if counts[field.name] == 1]  # else the encoder refuses
        columns = [declared(field, see(cells[field.name])) for field in once]
    if label is not None:
        columns = [beside_label(column, cells[column.name], pd.Series(label, dtype=object)) for column in columns]
    return columns


def settled(columns: Sequence[Column], frame: pd.DataFrame, labels: Array) -> list[Column]:
    """The columns, ids told from amounts where the labels have a say.

    frame, labels: n rows of the training part alone, (n,) of 0 and 1.
    """
    cells = dict(frame.items())
    return [_settled(column, cells[column.name], labels) if column.open else column for column in columns]


def fields_of(columns: Iterable[Column]) -> list[Field]:
    """The fields of the columns that are used. Raises ValueError, saying why, if none is."""
    columns = list(columns)
    fields = [column.field for column in columns if column.field is not None]
    if columns and not fields:
        raise ValueError(f"no column can be used: {'; '.join(sentences(columns))}")
    return fields


def see(column: pd.Series) -> Seen:
    """What the values of a column are, missing cells apart."""
    present = column[column.notna()]
    if present.dtype == object or isinstance(present.dtype, pd.StringDtype):
        present = present[~present.map(is_empty).to_numpy(bool)]
    form = _form(present)
    distinct = pd.Series([], dtype=object) if form == "lists" else pd.Series(present.unique(), dtype=object)
    forms = frozenset({form} if len(present) else ())
    return Seen(len(column), len(column) - len(present), forms, len(present), distinct)


def together(first: Seen, second: Seen) -> Seen:
    """What two pieces of a column show; beyond ROWS_COUNTED rows, distinct values are no longer counted."""
    rows, missing, forms = first.rows + second.rows, first.missing + second.missing, first.forms | second.forms
    if first.rows >= ROWS_COUNTED:
        return Seen(rows, missing, forms, first.counted, first.distinct)
    distinct = pd.Series(pd.concat([first.distinct, second.distinct]).unique(), dtype=object)
    return Seen(rows, missing, forms, first.counted + second.counted, distinct)


def inferred(name: Any, seen: Seen) -> Column:
    """What the values suggest."""
    why, remarks, may_be = "", [], False
    if seen.forms == {"numbers"}:
        kind, why, *remarks = _of_numbers(name, seen)
        may_be = why == REPEATING
    elif seen.forms == {"dates"}:
        kind, why, *remarks = None, "dates", ABOUT_DATES
    elif seen.forms and seen.forms <= {"texts", "numbers"}:
        kind, why, *remarks = _of_texts(seen)
    else:
        kind, why = Categorical, " and ".join(sorted(seen.forms))
    if kind is not None and seen.counted == seen.rows > FEW and len(seen.distinct) == 1:
        remarks.append(f"holds {_example(seen)} in every row, which tells nothing")
    if not seen.counted and seen.rows > FEW:
        remarks.append("is empty")
    return _column(name, None if kind is None else kind(name), seen, remarks, why)._replace(open=may_be)


def declared(field: Field, seen: Seen) -> Column:
    """What its owner says that it is."""
    remarks = [ABOUT_DISTINCT] if field.kind == "categorical" and _all_distinct(seen) else []
    return _column(field.name, field, seen, remarks, "as declared")


def beside_label(column: Column, cells: pd.Series, label: pd.Series) -> Column:
    """The column, with a remark if it tells the label in every row. Raises ValueError if it is a copy of the label."""
    if label.name is not None and re.fullmatch(rf"{re.escape(str(label.name))}\.\d+", str(column.name)):
        what = f"is what pandas calls a second column {shown(label.name)}, the label"
        raise ValueError(f"column {shown(column.name)} {what}; remove it from the table")
    if column.field is None or column.distinct is None or not 2 <= column.distinct <= FEW < len(cells):
        return column
    codes, distinct = pd.factorize(cells)
    classes, values = pd.factorize(label)
    pairs = np.unique(np.stack([codes, classes]), axis=1).T
    if (codes < 0).any() or len(pairs) > len(distinct):
        return column
    same = all(_plain(distinct[code]) == _plain(values[one]) for code, one in pairs)
    if same and len(pairs) == 2:
        raise ValueError(f"column {shown(column.name)} equals the label in every row; remove this copy from the table")
    remark = "tells the label in every row: is it a copy of the label, or known only once the label is?"
    return column._replace(remarks=(*column.remarks, remark))


def _settled(column: Column, cells: pd.Series, labels: Array) -> Column:
    if isinstance(cells.dtype, pd.StringDtype) and cells.str.match(r"0\d").any():  # as a file had them: 01234
        return column._replace(why="codes with leading zeros")
    if ranges_tell_more(to_numbers(cells), labels):
        return column._replace(field=Numerical(column.name), why=AMOUNTS)
    return column._replace(why=IDS)


def _if_twice(column: Column, frame: pd.DataFrame) -> Column:
    """The column, with a remark if its name is one that pandas made, as app.1, of a second column app."""
    first = re.sub(r"\.\d+$", "", str(column.name))
    if first == str(column.name) or first not in frame:
        return column
    return column._replace(remarks=(*column.remarks, f"is what pandas calls a second column {shown(first)}"))


def _form(present: pd.Series) -> str:
    dtype = present.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return "categories"
    if dtype.kind in "mM" or isinstance(dtype, pd.DatetimeTZDtype | pd.PeriodDtype):
        return "dates"
    if pd.api.types.is_bool_dtype(dtype):
        return "booleans"
    if dtype.kind != "O" or isinstance(dtype, pd.StringDtype):
        return "numbers" if pd.api.types.is_numeric_dtype(dtype) and dtype.kind != "c" else "texts"
    inferred = pd.api.types.infer_dtype(present, skipna=True)
    if inferred in ("integer", "floating", "mixed-integer-float", "decimal"):
        return "numbers"
    if inferred in ("datetime", "datetime64", "date", "timedelta", "timedelta64", "period"):
        return "dates"
    if present.map(pd.api.types.is_hashable).all():
        return "booleans" if inferred == "boolean" else "texts"
    return "lists"


def _of_numbers(name: Any, seen: Seen) -> list:
    """The kind of a column of numbers, None to leave it out; why; and remarks."""
    numbers, values = to_numbers(seen.distinct), len(seen.distinct)
    numbers = numbers[~np.isnan(numbers)]  # integers beyond the largest float
    if not seen.counted or (numbers != np.floor(numbers)).any() or np.isinf(numbers).any():
        return [Numerical, "numbers with decimals" if seen.counted else ""]
    if UNNAMED.fullmatch(str(name)):
        about = "has whole numbers and no name, as an index that was written with the table; it is left out"
        return [None, "an index", about]
    if values <= FEW:
        return [Categorical, "few whole numbers"]
    if (numbers < 0).sum() > 1:  # a single one, mostly -1, stands for what is missing
        return [Numerical, "whole numbers, some negative"]
    if values * REPEATED <= seen.counted:
        return [Categorical, _why_ids(numbers)]
    if _all_distinct(seen) and len(numbers) and 10 * float(np.ptp(numbers)) <= float(seen.counted) ** 2:
        about = "holds another whole number in every row, as a row number or id; it is left out"
        return [None, "another number in every row", about]
    rarely = f"holds {thousands(values)} distinct whole numbers in {thousands(seen.counted)} rows"
    about = f"{rarely}: read as amounts; if they are ids, declare it categorical"
    return [Numerical, "whole numbers that rarely repeat", about]


def _why_ids(numbers: Array) -> str:
    """Why whole numbers that repeat are categories without a look at the labels; REPEATING if they may be amounts."""
    if len(numbers) <= A_CLOCK:
        return "few whole numbers"
    positive = numbers[numbers > 0]
    shortest, longest = (len(str(int(end))) for end in (positive.min(), positive.max()))
    return f"codes of {longest} digits" if shortest == longest >= DIGITS else REPEATING


def _of_texts(seen: Seen) -> list:
    """The kind of a column of texts, None to leave it out; why; and remarks."""
    cells = [str(cell).strip() for cell in seen.distinct]
    sample = cells[:SAMPLE]
    plain = texts.share(sample, texts.is_plain_number)
    if plain < 1 and all(map(texts.is_amount, cells)):
        example = next(cell for cell in cells if not texts.is_plain_number(cell))
        return [Numerical, "amounts", f"holds amounts: {example} is read as {texts.to_amount(example):.12g}"]
    if texts.share(sample, texts.is_date) == 1:
        return [None, "dates", ABOUT_DATES]
    remarks = []
    if plain < 1 and texts.share(sample, texts.has_decimal_comma) == 1:
        remarks.append(f"holds {quoted(sample[0])}, a decimal comma; with a point it would be numerical")
    elif plain < 1 and len(cells) > FEW and texts.share(sample, texts.is_amount) >= NUMBERS_AS_TEXT:
        stray = next((cell for cell in cells if not texts.is_amount(cell)), "")
        if any("." in cell for cell in sample):
            remarks.append(f"holds numbers but for {quoted(stray)}; with empty cells instead it would be numerical")
    if _all_distinct(seen):
        return [None, "another text in every row", *remarks, ABOUT_DISTINCT + "; it is left out"]
    if not remarks and FEW < seen.counted < len(cells) * REPEATED:
        remarks.append(
            f"holds {thousands(len(cells))} distinct texts in {thousands(seen.counted)} rows, few of them twice"
        )
    return [Categorical, "texts", *remarks]


def _all_distinct(seen: Seen) -> bool:
    return len(seen.distinct) == seen.counted > FEW


def _column(name: Any, field: Field | None, seen: Seen, remarks: Iterable[str], why: str) -> Column:
    distinct = None if "lists" in seen.forms else len(seen.distinct)
    return Column(name, field, seen.rows, seen.missing, distinct, _example(seen), tuple(remarks), why)


def _example(seen: Seen) -> str:
    return quoted(seen.distinct.iloc[0], str).replace("\n", " ")[:40] if len(seen.distinct) else ""


def _plain(cell: Any) -> str:
    return {"True": "1", "False": "0"}.get(key_of(cell), key_of(cell))
