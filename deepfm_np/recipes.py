"""The settings that suit each data set of the command line.

A recipe is a starting point that was tried, not a law: every setting can be overridden on the command line.
"""

from typing import Any, NamedTuple

CLICK_LOG: dict[str, Any] = {
    "activation": "sigmoid",
    "embedding_dim": 10,
    "l2_embedding": 0.0,
    "hidden": (100, 100, 100),
    "batch_norm": True,
    "dropout": 0.0,
    "learning_rate": 5e-3,
    "batch_size": 512,
    "epochs": 20,
    "patience": 2,
}
REAL_LOG: dict[str, Any] = {
    "activation": "relu",
    "hidden": (256, 256, 256),
    "dropout": 0.2,
    "batch_norm": False,
    "embedding_dim": 16,
    "l2_embedding": 1e-5,
    "learning_rate": 5e-3,
    "batch_size": 4096,
    "epochs": 20,
    "patience": 2,
}
TABLE: dict[str, Any] = {}  # the defaults of the classifier, which were chosen on tables


class Recipe(NamedTuple):
    """What a data set is, and how to train on it."""

    about: str
    settings: dict[str, Any]  # of DeepFMClassifier


RECIPES = {
    "click-log": Recipe("a synthetic app-store log, made from the seed; the truth is known", CLICK_LOG),
    "movielens-100k": Recipe("the folder of u.data, u.item, u.user", REAL_LOG),
    "movielens-1m": Recipe("the folder of ratings.dat, users.dat, movies.dat", REAL_LOG),
    "criteo": Recipe("a file in the format of the Kaggle 2014 train.txt", REAL_LOG),
    "libfm": Recipe("a file of libFM or LIBSVM: a label and id:value pairs in each line", REAL_LOG),
    "table": Recipe("a CSV, Parquet or JSON lines file with a --label column of 0 and 1", TABLE),
    "encoded": Recipe("a folder that encode wrote, of a log of any size", REAL_LOG),
}
