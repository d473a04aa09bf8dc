"""MovieLens-1M by RecBole's protocol "ml-1m_context", five random splits.

    python docs/benchmarks/results/ml1m.py FOLDER_OF_ML-1M            # the table: ml1m.csv
    python docs/benchmarks/results/ml1m.py FOLDER_OF_ML-1M --search   # how its settings were chosen: ml1m_search.csv

Ratings of 3 are dropped, 4 and 5 count as clicks: 739,012 rows, split 80/10/10 at random. Fields: user, item, age,
gender, occupation, genres, release year.
"""

from typing import Any

from runner import Parts, encoded

from deepfm_np.data import ClickData, load_movielens_1m, split

SPLITS = range(5)
BASE: dict[str, Any] = {
    "embedding_dim": 16,
    "hidden": (256, 256, 256),
    "activation": "relu",
    "batch_norm": False,
    "batch_size": 4096,
    "epochs": 40,
    "patience": 2,
}


def load(folder: str) -> ClickData:
    log = load_movielens_1m(folder, drop_threes=True)
    return ClickData(log.frame, log.labels, [field for field in log.fields if field.name != "zip"])


def parts_of(log: ClickData, seed: int) -> Parts:
    return encoded(*split(log, seed=seed))
