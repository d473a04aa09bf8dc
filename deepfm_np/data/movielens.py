"""MovieLens 100K and 1M as click logs: a rating of 4 or 5 counts as a click.

The files are those of GroupLens (https://grouplens.org/datasets/movielens), read as they are. Rating and timestamp are
not features: the label is made from the rating, and the timestamp says when it was given.
"""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from deepfm_np.data.cells import quoted
from deepfm_np.data.click_data import ClickData
from deepfm_np.data.fields import Categorical, Field, MultiValued
from deepfm_np.data.lines import LineReader, to_integer

HOME = "https://grouplens.org/datasets/movielens"
CLICK_FROM = 4
FIELDS: list[Field] = [
    Categorical("user_id"),
    Categorical("item_id"),
    Categorical("age"),
    Categorical("gender"),
    Categorical("occupation"),
    Categorical("zip", min_count=2),
    MultiValued("genres", pooling="mean"),
    Categorical("release_year"),
]


def load_movielens_100k(path: str | Path, drop_threes: bool = False, on_error: str = "raise") -> ClickData:
    """Read the folder with u.data, u.item, u.user and u.genre.

    drop_threes: leave out ratings of 3, which say neither yes nor no.
    on_error: "raise", or "skip" to leave malformed lines out and count them in `skipped`.
    Raises FileNotFoundError for a missing file, ValueError, naming file and line, for a malformed one.
    """
    folder, reader = _folder(path, "u.data", "u.item", "u.user", "u.genre"), LineReader(on_error)
    genre_lines = [line.split("|") for line in (folder / "u.genre").read_text(encoding="latin-1").split("\n") if line]
    genres = [cells[0] for cells in genre_lines]

    def user(cells):
        return to_integer(cells[0], "user id"), to_integer(cells[1], "age"), *cells[2:]

    def item(cells):
        flags = cells[5:]
        if set(flags) - {"0", "1"}:
            raise ValueError(f"genre flags must be 0 or 1, got {quoted(' '.join(flags), str)}")
        names = "|".join(name for name, flag in zip(genres, flags, strict=True) if flag == "1")
        return to_integer(cells[0], "item id"), names, cells[2][-4:]

    users = reader.read(folder / "u.user", "|", (5,), _once(user, "user"), "latin-1")
    items = reader.read(folder / "u.item", "|", (5 + len(genres),), _once(item, "item"), "latin-1")
    users = pd.DataFrame(users, columns=["user_id", "age", "gender", "occupation", "zip"])
    items = pd.DataFrame(items, columns=["item_id", "genres", "release_year"])
    ratings = reader.read(folder / "u.data", "\t", (4,), _rating(users, items))
    return _joined(users, items, ratings, drop_threes, reader.skipped)


def load_movielens_1m(path: str | Path, drop_threes: bool = False, on_error: str = "raise") -> ClickData:
    """Read the folder with ratings.dat (with or without the column of timestamps), users.dat and movies.dat.

    Arguments and errors are those of `load_movielens_100k`.
    """
    folder, reader = _folder(path, "ratings.dat", "users.dat", "movies.dat"), LineReader(on_error)

    def user(cells):
        user_id, gender, age, occupation, zip_code = cells
        return to_integer(user_id, "user id"), to_integer(age, "age"), gender, occupation, zip_code

    def item(cells):
        year = re.search(r"\((\d{4})\)\s*$", cells[1])
        return to_integer(cells[0], "item id"), cells[2], year[1] if year else ""

    users = reader.read(folder / "users.dat", "::", (5,), _once(user, "user"), "latin-1")
    items = reader.read(folder / "movies.dat", "::", (3,), _once(item, "item"), "latin-1")
    users = pd.DataFrame(users, columns=["user_id", "age", "gender", "occupation", "zip"])
    items = pd.DataFrame(items, columns=["item_id", "genres", "release_year"])
    ratings = reader.read(folder / "ratings.dat", "::", (3, 4), _rating(users, items))
    return _joined(users, items, ratings, drop_threes, reader.skipped)


def _folder(path: str | Path, *names: str) -> Path:
    folder = Path(path)
    for name in names:
        if not (folder / name).is_file():
            raise FileNotFoundError(f"{folder / name}: no such file; MovieLens is at {HOME}")
    return folder


def _once(parse: Callable[[list[str]], tuple], what: str) -> Callable[[list[str]], tuple]:
    """The same parser, but it refuses a repeated id (the first thing that it returns)."""
    seen = set()

    def parse_once(cells: list[str]) -> tuple:
        row = parse(cells)
        if row[0] in seen:
            raise ValueError(f"{what} {row[0]} was already on an earlier line")
        seen.add(row[0])
        return row

    return parse_once


def _rating(users: pd.DataFrame, items: pd.DataFrame):
    """A parser of user, item and rating that refuses users and items not in their files."""
    known_users, known_items = set(users["user_id"]), set(items["item_id"])

    def parse(cells: list[str]) -> tuple[int, int, int]:
        user = to_integer(cells[0], "user id")
        item = to_integer(cells[1], "item id")
        rating = to_integer(cells[2], "rating")
        if not 1 <= rating <= 5:
            raise ValueError(f"rating must be 1 to 5, got {rating}")
        if user not in known_users:
            raise ValueError(f"user {user} is not in the file of users")
        if item not in known_items:
            raise ValueError(f"item {item} is not in the file of items")
        return user, item, rating

    return parse


def _joined(users: pd.DataFrame, items: pd.DataFrame, rows: list[tuple], drop_threes: bool, skipped: int) -> ClickData:
    ratings = np.array(rows)
    if drop_threes:
        ratings = ratings[ratings[:, 2] != 3]
        if not len(ratings):
            raise ValueError("every rating is a 3: without them none is left")
    frame = pd.DataFrame(ratings[:, :2], columns=["user_id", "item_id"])
    frame = frame.merge(users, on="user_id", how="left", validate="many_to_one")
    frame = frame.merge(items, on="item_id", how="left", validate="many_to_one")
    labels = (ratings[:, 2] >= CLICK_FROM).astype(np.float32)
    return ClickData(frame[[field.name for field in FIELDS]], labels, FIELDS, skipped=skipped)
