"""Section 3.3 of the paper on MovieLens: activation, dropout, neurons, depth and shape of the deep part, one at a time.

    python docs/benchmarks/movielens_study.py movielens-100k FOLDER_OF_ML-100K --splits 5 --starts 1
    python docs/benchmarks/movielens_study.py movielens-1m FOLDER_OF_ML-1M --splits 5 --starts 1

Of MovieLens-1M, where a run takes ten times as long, it runs the settings of FEWER. Adds to movielens_study.csv next
to this file one row per study, setting, split and start: AUC and log loss on the test part (auc, log_loss) and on the
validation part, which stops the training, and the epochs trained. Runs that are there already are not made again, so a
study can be interrupted and extended. Then prints the differences from the base, paired within each split, corrected
by Holm over the page, and draws movielens_study_DATA.png.
"""

import argparse
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from deepfm_np import DeepFMClassifier, metrics
from deepfm_np.comparison import corrected, epochs_reached, paired_differences
from deepfm_np.data import ClickData, Examples, FieldEncoder, load_movielens_1m, load_movielens_100k, split
from deepfm_np.model import COMPONENTS
from deepfm_np.plots import forest_figure, save_figure
from deepfm_np.recipes import RECIPES

CSV = Path(__file__).with_suffix(".csv")
LOAD = {"movielens-100k": load_movielens_100k, "movielens-1m": load_movielens_1m}
BASES = {
    "activation": "relu",
    "dropout": "0.2",
    "neurons": "200",
    "depth": "3",
    "shape": "constant",
    "parts": "DeepFM",
}
BASE_STARTS = 3  # for each start of the others: one lucky run of the base would move every comparison
OVERLAP = 1 / 8  # test rows per training row: the splits are random parts of the same rows
EPOCHS = 20


STUDIES: dict[str, dict[str, dict[str, Any]]] = {  # what each setting changes of the base
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
FEWER = {  # the base and one setting on either side of it; LR, FM and DNN have a table of their own, results/ml1m.py
    "activation": ("sigmoid", "tanh", "relu"),
    "dropout": ("0.0", "0.2", "0.5"),
    "neurons": ("50", "200", "400"),
    "depth": ("1", "3", "5"),
    "shape": ("constant", "increasing", "decreasing", "diamond"),
}


class Parts(NamedTuple):
    encoder: FieldEncoder
    train: Examples
    valid: Examples
    test: Examples


def parts_of(log: ClickData, seed: int) -> Parts:
    parts = split(log, seed=seed)
    encoder = FieldEncoder(log.fields).fit(parts[0].frame)
    return Parts(encoder, *(Examples(*encoder.transform(part.frame), part.labels) for part in parts))


def scores(settings: dict, parts: Parts, seed: int) -> dict[str, float]:
    classifier = DeepFMClassifier(seed=seed, threads=1, progress=False, **settings)
    classifier.fit_encoded(parts.encoder, parts.train, parts.valid)
    row = {}
    for name, part in (("valid_", parts.valid), ("", parts.test)):
        p = classifier.predict_encoded(part)
        row |= {f"{name}auc": metrics.auc(part.labels, p), f"{name}log_loss": metrics.log_loss(part.labels, p)}
    return {**row, "epochs": len(classifier.history_)}


def studies_of(data: str) -> dict[str, dict[str, dict[str, Any]]]:
    if data == "movielens-100k":
        return STUDIES
    return {study: {name: STUDIES[study][name] for name in names} for study, names in FEWER.items()}


def run(data: str, log: ClickData, splits: int, starts: int) -> None:
    """Add the runs that are missing. The base belongs to every study and is trained once per split and start."""
    base = {**RECIPES[data].settings, "hidden": (200, 200, 200), "epochs": EPOCHS}
    rows = pd.read_csv(CSV, dtype={"setting": str}).to_dict("records") if CSV.exists() else []
    there = {(row["data"], row["study"], row["setting"], row["split"], row["start"]) for row in rows}
    for number in range(splits):
        parts = parts_of(log, number)
        known: dict[tuple, dict[str, float]] = {}
        for study, settings in studies_of(data).items():
            for setting, changes in settings.items():
                for start in range(BASE_STARTS * starts if setting == BASES[study] else starts):
                    key = {"data": data, "study": study, "setting": setting, "split": number, "start": start}
                    if tuple(key.values()) in there:
                        continue
                    full = {**base, **changes}
                    same = (*full.items(), start)
                    known[same] = known.get(same) or scores(full, parts, seed=100 * number + start)
                    rows.append({**key, **known[same]})
                    pd.DataFrame(rows).round(6).to_csv(CSV, index=False)
                    print(*rows[-1].values(), flush=True)


def report() -> None:
    """Print every difference from the base, corrected together, and draw those of each data set."""
    runs = pd.read_csv(CSV, dtype={"setting": str})
    found = [paired_differences(some, BASES, overlap=OVERLAP).assign(data=data) for data, some in runs.groupby("data")]
    shown = ["study", "setting", "score", "units", "difference", "low", "high", "p", "p_holm", "detectable", "verdict"]
    for data, page in corrected(pd.concat(found)).groupby("data"):
        print(f"\n{data}\n", page[shown].to_string(index=False, float_format="{:.4f}".format))
        print(epochs_reached(runs[runs["data"] == data], EPOCHS).to_string(index=False))
        label = "test log loss less that of the base (nats), with 95 % intervals"
        figure = forest_figure(page[page["score"] == "log_loss"], label)
        save_figure(figure, CSV.with_name(f"movielens_study_{data}.png"))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", choices=LOAD)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--splits", type=int, default=5)
    parser.add_argument("--starts", type=int, default=3)
    options = parser.parse_args()
    run(options.data, LOAD[options.data](options.folder), options.splits, options.starts)
    report()
