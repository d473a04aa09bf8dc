"""Frappe_x1: the published validation and test part, and a training part rebuilt from the log that all three came from.

    python docs/benchmarks/results/frappe_data.py FOLDER OUT    # writes OUT, the rebuilt training part, as libFM's file

FOLDER holds three files; their licence forbids to pass them on:

- frappe.validation.libfm and frappe.test.libfm: https://github.com/hexiangnan/neural_factorization_machine, data/frappe
- Mobile_Frappe.zip: https://github.com/irecsys/CARSKit, context-aware_data_sets

What is known of the training part, because the whole set is made by a rule and the other parts are there:

- An id is the place of the field plus the number of values of the field that appear in frappe.csv before it.
- Every line of frappe.csv is a positive; those of the training part are the ones that the other parts do not hold.
- Every positive has two negatives, of the same user and context, with apps that the user never used. So for each user
  and context, the number of negatives in the training part is known, too.

Which apps stand in them is not known. They are drawn anew, all equally likely and none twice, as in the other parts.
"""

import sys
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
from runner import sha256

from deepfm_np.data import ClickData, load_libfm

ZIP, VALID, TEST = "Mobile_Frappe.zip", "frappe.validation.libfm", "frappe.test.libfm"
CHECKSUMS = {
    ZIP: "4adc616de57170f282397f6e6e30215f97fa7ad1b7f40bd12ef5dceaaf3e9b4e",
    VALID: "fdf4be563a7dd9b15f7a6e8b32671e90e6e7a2a2bd3af4e10bf13c5ad7e76e9e",
    TEST: "a2ebaef3a9af8e55f8bb0d08bc4923965e42e43760ebd7635ac2f8c5db99e097",
}
COLUMNS = ["user", "item", "daytime", "weekday", "isweekend", "homework", "cost", "weather", "country", "city"]
ITEM = COLUMNS.index("item")
ROWS, POSITIVES, NEGATIVES_EACH = 202_027, 67_604, 2
Row = tuple[int, ...]


def load(folder: str | Path, seed: int = 0) -> tuple[ClickData, ClickData, ClickData]:
    """The training part, its negatives drawn by the seed, and the published validation and test part.

    Raises ValueError for other files, and if they do not fit what is said above.
    """
    folder = Path(folder)
    for name, expected in CHECKSUMS.items():
        if sha256(folder / name) != expected:
            raise ValueError(f"{folder / name} is another file: its sha256 should be {expected}")
    valid, test = load_libfm(folder / VALID), load_libfm(folder / TEST)
    known = pd.concat([valid.frame, test.frame]).to_numpy()
    labels = np.concatenate([valid.labels, test.labels])
    rows, clicks = rebuilt(_positives(folder / ZIP), known, labels, np.random.default_rng(seed))
    if (len(rows), clicks.sum()) != (ROWS, POSITIVES):
        raise ValueError(f"{len(rows)} rows and {clicks.sum():g} positives were rebuilt, not {ROWS} and {POSITIVES}")
    return ClickData(pd.DataFrame(rows, columns=valid.frame.columns), clicks, valid.fields), valid, test


def rebuilt(
    log: np.ndarray, known: np.ndarray, labels: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """The rows and labels that are not known, of a set made from a log.

    log: (n, 10) ids, the positives of all parts.  known: (r, 10) ids of the other parts, with their (r,) labels.
    Raises ValueError if the known rows are not made from the log in this way.
    """
    positives = Counter(_rows(log))
    positives.subtract(_rows(known[labels == 1]))
    wanted = Counter({key: NEGATIVES_EACH * count for key, count in Counter(map(_context, _rows(log))).items()})
    wanted.subtract(map(_context, _rows(known[labels == 0])))
    if min(positives.values()) < 0 or min(wanted.values()) < 0:
        raise ValueError("the known rows are not made from this log")
    apps, used, shown = np.unique(log[:, ITEM]), _items_by(log, _user), _items_by(known[labels == 0], _context)
    negatives = [
        (*context[:ITEM], app, *context[ITEM:])
        for context, count in wanted.items()
        for app in _drawn(apps, used[context[0]] | shown.get(context, set()), count, rng)
    ]
    rows = np.array([*positives.elements(), *negatives])
    clicks = np.arange(len(rows)) < positives.total()
    order = rng.permutation(len(rows))
    return rows[order], clicks[order].astype(np.float32)


def _positives(path: Path) -> np.ndarray:
    """(96203, 10) ids of the lines of frappe.csv: values count in the order in which they appear, field after field."""
    with zipfile.ZipFile(path) as archive, archive.open("Mobile_Frappe/frappe/frappe.csv") as file:
        frame = pd.read_csv(file, sep="\t", keep_default_na=False)
    codes = np.stack([pd.factorize(frame[name])[0] for name in COLUMNS], axis=1)
    return codes + np.cumsum([0, *codes.max(axis=0)[:-1] + 1])


def _drawn(apps: np.ndarray, taken: set[int], count: int, rng: np.random.Generator) -> list[int]:
    """So many different apps that are not taken, all equally likely."""
    drawn: list[int] = []
    while len(drawn) < count:
        app = int(rng.choice(apps))
        if app not in taken and app not in drawn:
            drawn.append(app)
    return drawn


def _rows(ids: np.ndarray) -> list[Row]:
    return list(map(tuple, ids.tolist()))


def _context(row: Row) -> Row:
    return row[:ITEM] + row[ITEM + 1 :]


def _user(row: Row) -> int:
    return row[0]


def _items_by(ids: np.ndarray, key) -> dict:
    """The items that stand with each key."""
    items: dict = {}
    for row in _rows(ids):
        items.setdefault(key(row), set()).add(row[ITEM])
    return items


def main(folder: str, out: str) -> None:
    train = load(folder)[0]
    with open(out, "w", encoding="utf-8") as file:
        for label, ids in zip(train.labels, train.frame.to_numpy(), strict=True):
            file.write(" ".join(["1" if label else "-1", *(f"{i}:1" for i in ids)]) + "\n")
    print(f"{len(train):,} rows in {out}")


if __name__ == "__main__":
    main(*sys.argv[1:])
