"""Section 3.3 of the paper on MovieLens: activation, dropout, neurons, depth and shape of the deep part, one at a time.

    python docs/benchmarks/movielens_study.py FOLDER_OF_ML-100K

Writes movielens_study.csv next to this file: one row per setting and seed, with AUC and log loss on the validation and
test sets. One seed sets the split, the initial weights, the shuffling and the dropout masks.
"""

import sys
from pathlib import Path

import pandas as pd

from deepfm_np import DeepFMClassifier, metrics
from deepfm_np.data import ClickData, load_movielens_100k, split
from deepfm_np.model import COMPONENTS
from deepfm_np.recipes import RECIPES

SEEDS = range(5)
BASE = {**RECIPES["movielens-100k"].settings, "hidden": (200, 200, 200), "progress": False}
STUDIES = {
    "activation": {name: {"activation": name} for name in ("sigmoid", "tanh", "relu")},
    "dropout": {str(rate): {"dropout": rate} for rate in (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)},
    "neurons": {str(units): {"hidden": (units,) * 3} for units in (25, 50, 100, 200, 400, 800)},
    "depth": {str(layers): {"hidden": (200,) * layers} for layers in (1, 2, 3, 5, 7)},
    "shape": {
        "constant": {"hidden": (200, 200, 200)},
        "increasing": {"hidden": (100, 200, 300)},
        "decreasing": {"hidden": (300, 200, 100)},
        "diamond": {"hidden": (150, 300, 150)},
    },
    "parts": {name: COMPONENTS[name] for name in ("LR", "FM", "DNN", "DeepFM")},
}


def scores(settings: dict, train: ClickData, valid: ClickData, test: ClickData, seed: int) -> dict[str, float]:
    classifier = DeepFMClassifier(fields=train.fields, seed=seed, **settings)
    classifier.fit(train.frame, train.labels, eval_set=(valid.frame, valid.labels))
    row = {}
    for name, part in (("valid", valid), ("test", test)):
        probabilities = classifier.predict_proba(part.frame)[:, 1]
        row[f"{name}_auc"] = metrics.auc(part.labels, probabilities)
        row[f"{name}_log_loss"] = metrics.log_loss(part.labels, probabilities)
    return {**row, "epochs": len(classifier.history_)}


def main(folder: str) -> None:
    log = load_movielens_100k(folder)
    rows = []
    for seed in SEEDS:
        parts = split(log, seed=seed)
        known: dict[tuple, dict[str, float]] = {}  # the base setting belongs to every study
        for study, settings in STUDIES.items():
            for setting, changes in settings.items():
                full = {**BASE, **changes}
                key = tuple(full.items())
                known[key] = known.get(key) or scores(full, *parts, seed)
                rows.append({"study": study, "setting": setting, "seed": seed, **known[key]})
                print(*rows[-1].values(), flush=True)
    out = Path(__file__).with_suffix(".csv")
    pd.DataFrame(rows).round(5).to_csv(out, index=False)
    print(f"{len(rows)} rows in {out.name}")


if __name__ == "__main__":
    main(*sys.argv[1:])
