"""LR, FM, DNN and DeepFM on MovieLens-1M, following the protocol of RecBole's context-aware benchmark.

    python docs/benchmarks/movielens_models.py FOLDER_OF_ML-1M

Ratings of 3 are dropped, 4 and 5 count as clicks, and rows are split 80/10/10 at random. The settings are those of
`python -m deepfm_np train --data movielens-1m --drop-threes`. Writes movielens_models.csv, and every model's training
history to movielens_histories.csv, next to this file.
"""

import sys
from pathlib import Path

import pandas as pd

from deepfm_np import DeepFMClassifier, metrics
from deepfm_np.data import load_movielens_1m, split
from deepfm_np.model import COMPONENTS
from deepfm_np.recipes import RECIPES


def main(folder: str, seed: int = 0) -> None:
    train, valid, test = split(load_movielens_1m(folder, drop_threes=True), seed=seed)
    rows, histories = [], []
    for model in ("LR", "FM", "DNN", "DeepFM"):
        settings = {**RECIPES["movielens-1m"].settings, **COMPONENTS[model]}
        classifier = DeepFMClassifier(fields=train.fields, seed=seed, **settings)
        classifier.fit(train.frame, train.labels, eval_set=(valid.frame, valid.labels))
        histories.append(classifier.history_.assign(model=model))
        for name, part in (("validation", valid), ("test", test)):
            probabilities = classifier.predict_proba(part.frame)[:, 1]
            auc, log_loss = metrics.auc(part.labels, probabilities), metrics.log_loss(part.labels, probabilities)
            rows.append({"model": model, "part": name, "rows": len(part), "auc": auc, "log_loss": log_loss})
            print(*rows[-1].values(), flush=True)
    pd.DataFrame(rows).round(4).to_csv(Path(__file__).with_suffix(".csv"), index=False)
    pd.concat(histories).round(5).to_csv(Path(__file__).with_name("movielens_histories.csv"), index=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
