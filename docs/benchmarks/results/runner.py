"""What the tables of this folder share: runs are kept as they come, with configuration, environment and log.

A table NAME is three files: NAME.csv, a line for each run; NAME_epochs.csv, the log, a line for each epoch of each run;
NAME.json, the settings, the environment and the checksums of the data. A run that NAME.csv holds is not made again, so
a table continues where it was interrupted; delete the files to begin anew.
"""

import hashlib
import json
import platform
from collections.abc import Callable, Mapping
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
    test: Examples | None  # None: not to be looked at


def encoded(train: ClickData, valid: ClickData, test: ClickData) -> Parts:
    encoder = FieldEncoder(train.fields).fit(train.frame)
    return Parts(encoder, *(Examples(*encoder.transform(part.frame), part.labels) for part in (train, valid, test)))


class Table:
    """The runs of one table. about: what goes into NAME.json besides the environment."""

    def __init__(self, name: str, about: Mapping):
        self.path = HERE / f"{name}.csv"
        self.log = HERE / f"{name}_epochs.csv"
        text = json.dumps({**about, "environment": environment()}, indent=1)
        (HERE / f"{name}.json").write_text(text + "\n", encoding="utf-8")

    def has(self, run: Mapping) -> bool:
        """Whether the table holds the run: its study, setting, split and start."""
        if not self.path.exists():
            return False
        known = pd.read_csv(self.path)
        return bool((known[list(run)] == pd.Series(run)).all(axis=1).any())

    def add(self, run: Mapping, history: pd.DataFrame, parts: Parts, predict: Callable[[Examples], np.ndarray]) -> None:
        """Append a run, scored on validation and test part, and its epochs."""
        scores = {
            f"{prefix}{name}": value
            for prefix, part in (("valid_", parts.valid), ("", parts.test))
            if part is not None
            for name, value in measured(part.labels, predict(part)).items()
        }
        row = {**run, "epochs": len(history), **scores}
        _append(self.log, pd.DataFrame([run] * len(history)).join(history))
        _append(self.path, pd.DataFrame([row]))
        print(
            *(f"{name} {value:.5f}" if isinstance(value, float) else value for name, value in row.items()), flush=True
        )

    def run(self, run: Mapping, settings: Mapping, parts: Parts) -> None:
        """Train with these settings of `DeepFMClassifier` and add the run, unless the table holds it.

        run: its study, setting, split and start.
        """
        if self.has(run):
            return
        classifier = DeepFMClassifier(**settings, threads=1, progress=False)
        classifier.fit_encoded(parts.encoder, parts.train, parts.valid)
        self.add(run, classifier.history_, parts, classifier.predict_encoded)


def named(study: str, setting: str, split: int = 0, start: int = 0) -> dict[str, object]:
    """A run, as the tables and `deepfm_np.comparison` name it."""
    return {"study": study, "setting": setting, "split": split, "start": start}


def measured(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    return {"auc": metrics.auc(labels, probabilities), "log_loss": metrics.log_loss(labels, probabilities)}


def sha256(path: str | Path) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def environment() -> dict[str, str]:
    versions = {"deepfm_np": deepfm_np.__version__, "numpy": np.__version__, "pandas": pd.__version__}
    return {"python": platform.python_version(), "machine": platform.machine(), **versions}


def _append(path: Path, frame: pd.DataFrame) -> None:
    frame.round(6).to_csv(path, mode="a", header=not path.exists(), index=False)
