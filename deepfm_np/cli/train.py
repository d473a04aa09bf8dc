"""The commands train and compare: fit models on a data set, print how good they are, save tables and figures."""

import warnings
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from deepfm_np import metrics
from deepfm_np.cli.loading import Part, Parts, choose_data, data_name, load_parts, say
from deepfm_np.divergence import DivergedWarning
from deepfm_np.estimator import DeepFMClassifier
from deepfm_np.models import MODELS
from deepfm_np.recipes import RECIPES
from deepfm_np.system.files import remove_leftovers, write_text
from deepfm_np.system.lock import locked

COMPARED = ("LR", "FM", "DNN", "DeepFM")


def train(options: Namespace) -> int:
    """Fit a DeepFM, print how good it is on held-out rows, save it with a figure."""
    choose_data(options)
    settings = _settings(options)
    parts = load_parts(options)
    with _out_folder(options) as folder:
        _train(options, settings, parts, folder)
    return 0


def _train(options: Namespace, settings: dict[str, Any], parts: Parts, folder: Path) -> None:
    from deepfm_np import plots  # here, because Matplotlib takes half a second, which other commands need not wait

    checkpoint = folder / "checkpoint.npz"
    classifier = _fitted(settings, parts, checkpoint)
    classifier.save(folder)
    write_text(folder / "history.csv", classifier.history_.to_csv(index=False))
    figure = plots.training_figure(
        classifier.history_,
        parts.test.examples.labels,
        classifier.predict_encoded(parts.test.examples),
        parts.valid.best_attainable(),
        f"DeepFM on {data_name(options)}",
        metrics.base_rate_log_loss(parts.valid.examples.labels),
    )
    plots.save_figure(figure, folder / "training.png")
    checkpoint.unlink(missing_ok=True)
    remove_leftovers(checkpoint)
    print(_train_table(classifier, parts.valid, parts.test))
    print(f"\nSaved in {folder}: classifier.npz, history.csv, training.png")


def compare(options: Namespace) -> int:
    """Fit LR, FM, DNN and DeepFM, or other models, on the same data, print validation AUC and log loss."""
    choose_data(options)
    settings = _settings(options)
    parts = load_parts(options)
    with _out_folder(options) as folder:
        _compare(options, settings, parts, folder)
    return 0


def _compare(options: Namespace, settings: dict[str, Any], parts: Parts, folder: Path) -> None:
    from deepfm_np import plots

    valid = parts.valid
    rows: list[dict[str, Any]] = []
    for name in options.models:
        say(f"{name} ...")
        classifier = _fitted({**settings, **MODELS[name]}, parts)
        rows.append({"model": name, **valid.scores(classifier.predict_encoded(valid.examples))})
    attainable = valid.best_attainable()
    if attainable is not None:
        rows.append({"model": "Best attainable", **attainable})
    results = pd.DataFrame(rows)
    write_text(folder / "comparison.csv", results.to_csv(index=False))
    message = "what each part adds" if options.models == COMPARED else "the models side by side"
    figure = plots.comparison_figure(results, f"{data_name(options)}: {message}")
    plots.save_figure(figure, folder / "comparison.png")
    say(f"\n{'model':17}{'AUC':8}log loss, both on {len(valid.examples.labels):,} validation rows")
    for row in rows:
        print(f"{row['model']:15}  {row['auc']:.4f}  {row['log_loss']:.4f}")
    say(f"\nSaved in {folder}: comparison.csv, comparison.png")


def _settings(options: Namespace) -> dict[str, Any]:
    """The recipe of the data set, with what was given on the command line in its place."""
    names = DeepFMClassifier().get_params()
    given = {name: value for name, value in vars(options).items() if name in names and value is not None}
    return {**RECIPES[options.data].settings, **given}


def _fitted(settings: dict[str, Any], parts: Parts, checkpoint: Path | None = None) -> DeepFMClassifier:
    """Raises FloatingPointError, and deletes the checkpoint, if training diverged: to resume it would be of no use."""
    classifier = DeepFMClassifier(**settings)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", DivergedWarning)
            return classifier.fit_encoded(parts.encoder, parts.train.examples, parts.valid.examples, checkpoint)
    except (DivergedWarning, FloatingPointError) as error:
        if checkpoint is not None:
            checkpoint.unlink(missing_ok=True)
        raise FloatingPointError(str(error)) from None


@contextmanager
def _out_folder(options: Namespace) -> Iterator[Path]:
    """The folder for the results, made if need be; no other process trains to it meanwhile."""
    folder = Path(options.out or f"runs/{options.data}")
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder):
        yield folder


def _train_table(classifier: DeepFMClassifier, valid: Part, test: Part) -> str:
    columns = []
    for part in (valid, test):
        rows = {
            "base rate": {"auc": 0.5, "log_loss": metrics.base_rate_log_loss(part.examples.labels)},
            "DeepFM": part.scores(classifier.predict_encoded(part.examples)),
        }
        attainable = part.best_attainable()
        if attainable is not None:
            rows["best attainable"] = attainable
        columns.append(pd.DataFrame(rows).T.rename(columns={"auc": "AUC", "log_loss": "log loss"}))
    table = pd.concat(columns, axis=1, keys=["validation", "test"])
    return table.to_string(float_format="{:.4f}".format)
