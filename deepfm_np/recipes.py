"""The data sets the command line knows, each with the settings that suit it.

A recipe is a starting point that was tried, not a law: every setting can be overridden on the command line.
"""

from collections.abc import Callable
from typing import NamedTuple

from deepfm_np import data
from deepfm_np.data import ClickData

CLICK_LOG = {"hidden": (100, 100, 100), "batch_norm": True, "dropout": 0.0, "learning_rate": 5e-3, "batch_size": 512}
REAL_LOG = {
    "activation": "relu",
    "hidden": (256, 256, 256),
    "dropout": 0.2,
    "embedding_dim": 16,
    "l2_embedding": 1e-5,
    "learning_rate": 5e-3,
    "batch_size": 4096,
}


class Recipe(NamedTuple):
    """How to load a data set and train on it."""

    about: str
    load: Callable[..., ClickData]  # from the parsed arguments
    settings: dict  # of DeepFMClassifier


def _click_log(arguments) -> ClickData:
    return data.make_click_log(rows=arguments.rows or 100_000, seed=arguments.seed)


def _movielens_100k(arguments) -> ClickData:
    return data.load_movielens_100k(arguments.path, drop_threes=arguments.drop_threes, on_error=arguments.on_error)


def _movielens_1m(arguments) -> ClickData:
    return data.load_movielens_1m(arguments.path, drop_threes=arguments.drop_threes, on_error=arguments.on_error)


def _criteo(arguments) -> ClickData:
    return data.load_criteo(arguments.path, rows=arguments.rows, on_error=arguments.on_error)


def _table(arguments) -> ClickData:
    columns = {name: getattr(arguments, name) for name in ("categorical", "numerical", "multi_valued")}
    return data.load_table(arguments.path, label=arguments.label, **columns)


def _encoded(arguments) -> ClickData:
    raise ValueError("--data encoded has no raw rows any more; it is for train and compare")


RECIPES = {
    "click-log": Recipe("a synthetic app-store log, made from the seed; the truth is known", _click_log, CLICK_LOG),
    "movielens-100k": Recipe("the folder of u.data, u.item, u.user", _movielens_100k, REAL_LOG),
    "movielens-1m": Recipe("the folder of ratings.dat, users.dat, movies.dat", _movielens_1m, REAL_LOG),
    "criteo": Recipe("a file in the format of the Kaggle 2014 train.txt", _criteo, REAL_LOG),
    "table": Recipe("a CSV or Parquet file with a --label column of 0 and 1", _table, REAL_LOG),
    "encoded": Recipe("a folder that encode wrote, of a log of any size", _encoded, REAL_LOG),
}
