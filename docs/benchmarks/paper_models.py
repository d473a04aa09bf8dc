"""The paper's nine models and the network alone, on click logs of orders 1 and 2: what do products of pairs add?

    python docs/benchmarks/paper_models.py

Writes paper_models.csv next to this file: one row per seed and model, with AUC and log loss on the test part at the
epoch of the best validation log loss. A seed sets the log, its split, the start and the shuffling, so the rows of two
seeds have nothing in common. Of 25,000 rows 12,000 are trained on, 3,000 validated, 10,000 tested. All models have the
settings of the click log's recipe but for relu, a smaller network and batches of 256; none was tuned.
"""

from pathlib import Path

import pandas as pd

from deepfm_np import DeepFMClassifier, metrics
from deepfm_np.data import make_click_log, split
from deepfm_np.models import MODELS
from deepfm_np.recipes import CLICK_LOG

SEEDS = range(20)
SETTINGS = {**CLICK_LOG, "activation": "relu", "hidden": (64, 64), "batch_size": 256, "threads": 1, "progress": False}


def run(seed: int) -> list[dict]:
    """One row per model, and one for the true probabilities."""
    train, valid, test = split(make_click_log(25_000, seed=seed, order3=0.0), (0.48, 0.12, 0.4), seed)
    rows = []
    for name, settings in MODELS.items():
        classifier = DeepFMClassifier(**{**SETTINGS, **settings}, fields=train.fields, seed=seed)
        classifier.fit(train.frame, train.labels, eval_set=(valid.frame, valid.labels))
        p = classifier.predict_proba(test.frame)[:, 1]
        rows.append({"model": name, "epochs": len(classifier.history_), **scores(test.labels, p)})
    rows.append({"model": "Best attainable", **scores(test.labels, test.click_probabilities)})
    return [{"seed": seed, **row} for row in rows]


def scores(labels, p) -> dict[str, float]:
    return {"auc": metrics.auc(labels, p), "log_loss": metrics.log_loss(labels, p)}


def main() -> None:
    rows = []
    for seed in SEEDS:
        rows += run(seed)
        table = pd.DataFrame(rows).astype({"epochs": "Int64"})
        table.round(5).to_csv(Path(__file__).with_suffix(".csv"), index=False)
        print(f"seed {seed}: done", flush=True)


if __name__ == "__main__":
    main()
