"""What the tables of this folder share: runs are kept as they come, with configuration, environment and log.

A table NAME is three files: NAME.csv, a line for each run; NAME_epochs.csv, the log, a line for each epoch of each run;
NAME.json, the settings, the environment and the checksums of the data. A run that NAME.csv holds is not made again, so
a table continues where it was interrupted; delete the files to begin anew.
"""

import hashlib
import json
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

import deepfm_np
from deepfm_np import DeepFMClassifier, metrics
from deepfm_np.data import ClickData, Examples, FieldEncoder

HERE = Path(__file__).parent


class Parts(NamedTuple):
    """A split, encoded by what its training part holds."""

    encoder: FieldEncoder
    train: Examples
    valid: Examples
    test: Examples


def encoded(train: ClickData, valid: ClickData, test: ClickData) -> Parts:
    encoder = FieldEncoder(train.fields).fit(train.frame)
    return Parts(
        encoder, *(Examples(*encoder.transform(part.frame), part.labels) for part in (train, valid, test))
    )


class Table:
    """The runs of one table. about: what goes into NAME.json besides the environment."""

    def __init__(self, name: str, about: Mapping):
        self.path = HERE / f"{name}.csv"
        self.log = HERE / f"{name}_epochs.csv"
        text = json.dumps({**about, "environment": environment()}, indent=1)
        (HERE / f"{name}.json").write_text(text + "\n", encoding="utf-8")

    def has(self, **run: object) -> bool:
        """Whether the table holds a run with this study, setting, split and start."""
        if not self.path.exists():
            return False
        known = pd.read_csv(self.path, dtype={"study": str, "setting": str})
        return bool(np.logical_and.reduce([known[name] == value for name, value in run.items()]).any())

    def add(self, run: Mapping, history: pd.DataFrame) -> None:
        """Append a run and its epochs."""
        _append(self.log, history.assign(**{name: run[name] for name in ("study", "setting", "split", "start")}))
        _append(self.path, pd.DataFrame([run]))
        print(*(f"{name} {value:.5f}" if isinstance(value, float) else value for name, value in run.items()), flush=True)

    def run(self, study: str, setting: str, split: int, start: int, settings: Mapping, parts: Parts) -> None:
        """Train with these settings of `DeepFMClassifier`, score validation and test part, and add the run."""
        run = {"study": study, "setting": setting, "split": split, "start": start}
        if self.has(**run):
            return
        classifier = DeepFMClassifier(**settings, seed=start, threads=1, progress=False)
        classifier.fit_encoded(parts.encoder, parts.train, parts.valid)
        history = classifier.history_
        scores = {
            f"{prefix}{name}": value
            for prefix, part in (("valid_", parts.valid), ("", parts.test))
            for name, value in measured(part.labels, classifier.predict_encoded(part)).items()
        }
        self.add({**run, "epochs": len(history), **scores}, history)


def measured(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    return {"auc": metrics.auc(labels, probabilities), "log_loss": metrics.log_loss(labels, probabilities)}


def sha256(path: str | Path) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def environment() -> dict[str, str]:
    versions = {"deepfm_np": deepfm_np.__version__, "numpy": np.__version__, "pandas": pd.__version__}
    return {"python": platform.python_version(), "machine": platform.machine(), **versions}


def _append(path: Path, frame: pd.DataFrame) -> None:
    frame.round(6).to_csv(path, mode="a", header=not path.exists(), index=False)
