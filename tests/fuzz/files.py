"""Damaged models, classifiers, encoders, checkpoints and encoded folders: refused by name, or read as they were."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from deepfm_np import DeepFM, DeepFMClassifier
from deepfm_np.data import Categorical, Examples, FieldEncoder, MultiValued, Numerical
from deepfm_np.data.stream.encoded import encode, open_encoded
from deepfm_np.data.stream.table import TableStream
from deepfm_np.training import fit
from fuzz.damage import damaged
from fuzz.outcome import Trial, differ

ROWS = 60
SMALL = {"hidden": (3,), "embedding_dim": 2}
FIELDS = [Categorical("app"), Numerical("price"), Numerical("age", "quantile", 4), MultiValued("tags")]
ENCODED = ("ids.npy", "values.npy", "labels.npy", "encoder.json", "meta.json")


class Artefact(NamedTuple):
    """A file that the package wrote."""

    path: Path
    whole: bytes
    other: bytes  # of the same file, made from other data
    load: Callable[[Path], Any]
    expected: Any  # what `load` returns of the whole file


def trial(rng: np.random.Generator, folder: Path) -> Trial:
    """A file that is damaged or, where it is one of several that belong together, exchanged for another of its kind."""
    every = artefacts(folder)
    one = every[list(every)[rng.integers(len(every))]]
    exchanged = one.path.parent.name in ("encoded", "checkpoint") and rng.random() < 0.03
    data, how = (one.other, "exchanged") if exchanged else damaged(one.whole, rng)
    left: list[str] = []

    def run() -> Any:
        before = set(one.path.parent.iterdir())
        one.path.write_bytes(data)
        try:
            return one.load(one.path)
        except Exception:
            left.extend(f"{path.name} left behind" for path in set(one.path.parent.iterdir()) - before)
            left.extend([f"{one.path.name} was changed"] if one.path.read_bytes() != data else [])
            raise
        finally:
            one.path.write_bytes(one.whole)

    names = (one.path.name, "meta.json") if one.path.parent.name == "encoded" else (one.path.name,)
    return Trial(
        f"{one.path.parent.name}/{one.path.name}, {how}",
        run,
        lambda result: differ(result, one.expected),
        names,
        lambda: ", ".join(left),
    )


@cache
def artefacts(folder: Path) -> dict[str, Artefact]:
    """All files, by name."""
    (first, classifier), (other, _) = (_written(folder / f"files {seed}", seed) for seed in (0, 1))
    frame, examples = _log(0)[0], _examples(classifier, 0)
    loads: dict[str, Callable[[Path], Any]] = {
        "model/model.npz": lambda path: DeepFM.load(path).logits(*examples[:2]),
        "encoder/encoder.json": lambda path: FieldEncoder.load(path).transform(frame),
        "classifier/classifier.npz": lambda path: _predicted(DeepFMClassifier.load(path.parent), frame),
        "checkpoint/run.npz": lambda path: _resumed(path, classifier, examples),
        **{f"encoded/{name}": lambda path: _read(path.parent) for name in ENCODED},
    }
    found = {}
    for name, load in loads.items():
        whole = (first / name).read_bytes()
        found[name] = Artefact(first / name, whole, (other / name).read_bytes(), load, load(first / name))
        (first / name).write_bytes(whole)  # a resumed run wrote its checkpoint anew
    return found


def _written(folder: Path, seed: int) -> tuple[Path, DeepFMClassifier]:
    """A folder of each kind of file, and the classifier from which they are."""
    for kind in ("model", "encoder", "checkpoint"):
        (folder / kind).mkdir(parents=True)
    frame, labels = _log(seed)
    classifier = DeepFMClassifier(fields=FIELDS, epochs=1, batch_norm=True, progress=False, **SMALL).fit(frame, labels)
    classifier.save(folder / "classifier")
    classifier.model_.save(folder / "model" / "model.npz")
    classifier.encoder_.save(folder / "encoder" / "encoder.json")
    examples = _examples(classifier, seed)
    fit(_model(classifier), examples, examples, epochs=1, checkpoint=folder / "checkpoint/run.npz", progress=False)
    frame.assign(clicked=labels).to_csv(folder / "log.csv", index=False)
    encode(TableStream(folder / "log.csv", "clicked"), folder / "encoded", progress=False)
    return folder, classifier


def _log(seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    rng = np.random.default_rng(seed)
    numbers = {"price": rng.random(ROWS), "age": rng.random(ROWS)}
    texts = {"app": rng.choice(list("xyz"), ROWS), "tags": rng.choice(["u|v", "v", ""], ROWS)}
    return pd.DataFrame({**numbers, **texts}), rng.integers(0, 2, ROWS)


def _examples(classifier: DeepFMClassifier, seed: int) -> Examples:
    frame, labels = _log(seed)
    return Examples(*classifier.encoder_.transform(frame), labels)


def _model(classifier: DeepFMClassifier) -> DeepFM:
    return DeepFM(classifier.model_.field_dims, classifier.model_.field_starts, **SMALL)


def _resumed(path: Path, classifier: DeepFMClassifier, examples: Examples) -> tuple:
    """A second epoch after that of the checkpoint."""
    model = _model(classifier)
    before = model.to_arrays()
    try:
        history = fit(model, examples, examples, epochs=2, checkpoint=path, progress=False)
    except Exception:
        assert all(np.array_equal(array, before[name]) for name, array in model.to_arrays().items()), "a changed model"
        raise
    return history, model.logits(*examples[:2])


def _predicted(classifier: DeepFMClassifier, frame: pd.DataFrame) -> tuple:
    settings = np.array(repr(classifier.get_params()))
    return classifier.predict_proba(frame), classifier.predict(frame), classifier.classes_, settings


def _read(folder: Path) -> tuple:
    ids, values, labels, encoder, meta = open_encoded(folder, verify=True)
    texts = np.array([encoder.to_text(), repr(sorted(meta.items(), key=str))])
    return np.array(ids), np.array(values), np.array(labels), texts
