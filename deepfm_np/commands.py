"""What each command of the command line does, given its parsed options. Results go to standard output."""

import sys
from argparse import Namespace
from pathlib import Path

import numpy as np
import pandas as pd

from deepfm_np import gallery, metrics, plots, training
from deepfm_np.blocks import Blocks, split_blocks
from deepfm_np.data import ClickData, FieldEncoder, encoded, read_fields, split
from deepfm_np.data.criteo_stream import CriteoStream
from deepfm_np.data.table import TableStream
from deepfm_np.estimator import DeepFMClassifier
from deepfm_np.exercises import assignments, grading
from deepfm_np.files import write_text
from deepfm_np.gradcheck import Report
from deepfm_np.model import COMPONENTS, DeepFM
from deepfm_np.recipes import RECIPES
from deepfm_np.training import Examples
from deepfm_np.verification import check_full_size, check_model, check_models, check_operations

COMPARED = ("LR", "FM", "DNN", "DeepFM")
CHECK_ROWS = 12
EXERCISE_ACTIONS = {
    "list": "nothing more",
    "start": "the number of an exercise",
    "check": "the notebook with your answers",
    "leaks": "a folder of notebooks to be handed out",
}


def encode(options: Namespace) -> int:
    """Turn a log of any size into a folder of memory-mapped arrays, for train --data encoded."""
    stream = _stream(options)
    log = encoded.encode(stream, options.out)
    if log.meta["skipped"]:
        _say(f"{log.meta['skipped']:,} malformed lines were skipped")
    rows, slots = log.ids.shape
    clicks = log.meta["clicks"] / rows
    print(f"{rows:,} rows, {slots} slots, a table of {sum(log.encoder.field_dims):,} rows, {clicks:.1%} clicks")
    print(f"Saved in {options.out}: ids.npy, values.npy, labels.npy, encoder.json, meta.json")
    return 0


def train(options: Namespace) -> int:
    """Fit a DeepFM, print how good it is on held-out rows, save it with a figure."""
    parts = _load_parts(options)
    _, valid, test = parts
    folder = _out_folder(options)
    checkpoint = folder / "checkpoint.npz"
    classifier = _fitted(options, parts, checkpoint)
    classifier.save(folder)
    write_text(folder / "history.csv", classifier.history_.to_csv(index=False))
    figure = plots.training_figure(
        classifier.history_,
        test.labels,
        _probabilities(classifier, test),
        _attainable(valid),
        f"DeepFM on {options.data}",
        metrics.base_rate_log_loss(valid.labels),
    )
    plots.save_figure(figure, folder / "training.png")
    checkpoint.unlink(missing_ok=True)
    print(_train_table(classifier, valid, test))
    print(f"\nSaved in {folder}: model.npz, encoder.json, classifier.json, history.csv, training.png")
    return 0


def compare(options: Namespace) -> int:
    """Fit LR, FM, DNN and DeepFM on the same data, print validation AUC and log loss."""
    parts = _load_parts(options)
    valid = parts[1]
    folder = _out_folder(options)
    rows = []
    for name in COMPARED:
        _say(f"{name} ...")
        classifier = _fitted(options, parts, **COMPONENTS[name])
        rows.append({"model": name, **_scores(valid.labels, _probabilities(classifier, valid))})
    attainable = _attainable(valid)
    if attainable is not None:
        rows.append({"model": "Best attainable", **attainable})
    results = pd.DataFrame(rows)
    write_text(folder / "comparison.csv", results.to_csv(index=False))
    plots.save_figure(
        plots.comparison_figure(results, f"{options.data}: what each part adds"), folder / "comparison.png"
    )
    _say(f"\n{'model':17}{'AUC':8}log loss, both on {len(valid):,} validation rows")
    for row in rows:
        print(f"{row['model']:15}  {row['auc']:.4f}  {row['log_loss']:.4f}")
    _say(f"\nSaved in {folder}: comparison.csv, comparison.png")
    return 0


def gradcheck(options: Namespace) -> int:
    """Check the gradient of every operation, of whole models at full size and small, and on rows of the data."""
    if options.gallery:
        table = gallery.score()
        print(gallery.to_text(table))
        return 0 if gallery.all_caught(table) else 1
    operations = list(check_operations(options.seed, options.method))
    print(f"Every operation, every entry\n\n{Report.merged(operations)}\n")
    models = [*check_models(options.seed, options.method), _check_on_data(options)]
    print(f"{'Whole models, every entry':45}{'tensors':>9}{'entries':>9}{'worst rel. error':>18}  verdict")
    for name, report in models:
        entries = sum(result.checked for result in report.results)
        verdict = "pass" if report.ok else "NOT PASSED"
        print(f"{name:45}{len(report.results):9}{entries:9}{report.worst:18.1e}  {verdict}", flush=True)
        if options.verbose or not report.ok:
            print(f"{report}\n")
    name, full_size = check_full_size(options.seed)
    print(f"\n{name}\n\n{full_size}\n")
    failed = sum(not report.ok for _, report in (*operations, *models, (name, full_size)))
    print("every gradient is right" if not failed else f"{failed} of the checks did not pass")
    return 1 if failed else 0


def predict(options: Namespace) -> int:
    """Print or save the click probability of each row of a file, from a model that train saved."""
    classifier = DeepFMClassifier.load(options.model)
    if options.csv is not None or options.data == "table":
        frame = read_fields(options.csv or _path(options), classifier.encoder_.fields)
    else:
        frame = _load(options).frame
    probabilities = pd.DataFrame({"click_probability": classifier.predict_proba(frame)[:, 1]})
    text = probabilities.to_csv(index=False)
    if options.out is None:
        sys.stdout.write(text)
    else:
        write_text(options.out, text)
        _say(f"{len(probabilities):,} probabilities in {options.out}")
    return 0


def exercise(options: Namespace) -> int:
    """List the exercises, start one, or see at once which answers are right."""
    if options.action != "list" and options.what is None:
        raise ValueError(f"exercise {options.action} needs {EXERCISE_ACTIONS[options.action]}")
    return {"list": _list_exercises, "start": _start_exercise, "check": _check_exercise, "leaks": _find_leaks}[
        options.action
    ](options)


def _list_exercises(options: Namespace) -> int:
    for one in assignments.assignments():
        print(f"{one.name[:2]}  {one.points:3g} points  {one.title}")
    return 0


def _start_exercise(options: Namespace) -> int:
    print(f"{assignments.start(options.what, options.out)}: open it in Jupyter, and check it there or with `check`")
    return 0


def _check_exercise(options: Namespace) -> int:
    if options.what.isdigit() and not Path(options.what).exists():
        notebook = assignments.assignment(options.what).path.name
        raise ValueError(f"check needs your notebook, not its number: exercise check {notebook}")
    grades = grading.grade(options.what)
    print(grading.to_text(grades))
    return 0 if all(grade.reason == "right" for grade in grades) else 1


def _find_leaks(options: Namespace) -> int:
    found = assignments.leaks(options.what)
    print("\n".join(found) or "no line of a solution or a hidden test is shown")
    return 1 if found else 0


def _check_on_data(options: Namespace) -> tuple[str, Report]:
    log = _load(options)
    rows = np.random.default_rng(options.seed).choice(len(log), min(CHECK_ROWS, len(log)), replace=False)
    part = log.take(np.sort(rows))
    encoder = FieldEncoder(part.fields)
    examples = Examples(*encoder.fit_transform(part.frame), part.labels)
    model = DeepFM(encoder.field_dims, encoder.field_starts, 3, hidden=(6, 5), dtype="float64", l2_embedding=0.1)
    return f"DeepFM on {len(part)} rows of {options.data}", check_model(model, examples, options.seed, options.method)


def _load(options: Namespace) -> ClickData:
    if options.data != "click-log":
        _path(options)
    if options.data == "table":
        _label(options)
    log = RECIPES[options.data].load(options)
    if log.skipped:
        _say(f"{log.skipped:,} malformed lines were skipped")
    return log


def _path(options: Namespace) -> str:
    if options.path is None:
        raise ValueError(f"--data {options.data} needs --path: {RECIPES[options.data].about}")
    return options.path


def _label(options: Namespace) -> str:
    if options.label is None:
        raise ValueError("--data table needs --label, the name of the column of 0 and 1")
    return options.label


def _stream(options: Namespace) -> CriteoStream | TableStream:
    if options.data == "criteo":
        return CriteoStream(_path(options), rows=options.rows, on_error=options.on_error)
    columns = {name: getattr(options, name) for name in ("categorical", "numerical", "multi_valued")}
    return TableStream(_path(options), _label(options), **columns)


def _load_parts(options: Namespace) -> tuple[ClickData, ...] | tuple[Blocks, ...]:
    if options.data == "encoded":
        return _load_blocks(options)
    log = _load(options)
    _say(f"{options.data}: {len(log):,} rows, {len(log.fields)} fields, {log.labels.mean():.1%} clicks")
    return split(log, seed=options.seed)


def _load_blocks(options: Namespace) -> tuple[Blocks, ...]:
    log = encoded.open_encoded(_path(options))
    rows, fields = log.meta["rows"], log.encoder.fields
    _say(f"{options.path}: {rows:,} rows, {len(fields)} fields, {log.meta['clicks'] / rows:.1%} clicks")
    return split_blocks(lambda: encoded.open_arrays(_path(options)), seed=options.seed)


def _fitted(
    options: Namespace, parts: tuple[ClickData, ...] | tuple[Blocks, ...], checkpoint: Path | None = None, **components
) -> DeepFMClassifier:
    settings = {**_settings(options), **components, "seed": options.seed}
    train_part, valid, _ = parts
    if isinstance(train_part, Blocks):
        encoder = encoded.open_encoded(options.path).encoder
        return DeepFMClassifier(**settings).fit_encoded(encoder, train_part, valid, checkpoint)
    classifier = DeepFMClassifier(fields=train_part.fields, **settings)
    return classifier.fit(train_part.frame, train_part.labels, (valid.frame, valid.labels), checkpoint)


def _probabilities(classifier: DeepFMClassifier, part: ClickData | Blocks) -> np.ndarray:
    if isinstance(part, Blocks):
        return training.predict(classifier.model_, part)
    return classifier.predict_proba(part.frame)[:, 1]


def _settings(options: Namespace) -> dict:
    """The recipe of the data set, with what was given on the command line in its place."""
    names = DeepFMClassifier().get_params()
    given = {name: value for name, value in vars(options).items() if name in names and value is not None}
    given.pop("seed")
    settings = {**RECIPES[options.data].settings, **given}
    if settings.get("threads", 1) > 1 and settings.get("batch_norm"):
        raise ValueError("--threads needs --no-batch-norm: batch norm is computed from the whole batch")
    return settings


def _out_folder(options: Namespace) -> Path:
    folder = Path(options.out or f"runs/{options.data}")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _scores(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    return {"auc": metrics.auc(labels, probabilities), "log_loss": metrics.log_loss(labels, probabilities)}


def _attainable(part: ClickData | Blocks) -> dict[str, float] | None:
    """What the true click probabilities score, where they are known: no model can be expected to do better."""
    known = isinstance(part, ClickData) and part.click_probabilities is not None
    return _scores(part.labels, part.click_probabilities) if known else None


def _train_table(classifier: DeepFMClassifier, valid: ClickData | Blocks, test: ClickData | Blocks) -> str:
    columns = []
    for part in (valid, test):
        rows = {
            "base rate": {"auc": 0.5, "log_loss": metrics.base_rate_log_loss(part.labels)},
            "DeepFM": _scores(part.labels, _probabilities(classifier, part)),
        }
        attainable = _attainable(part)
        if attainable is not None:
            rows["best attainable"] = attainable
        columns.append(pd.DataFrame(rows).T.rename(columns={"auc": "AUC", "log_loss": "log loss"}))
    table = pd.concat(columns, axis=1, keys=["validation", "test"])
    return table.to_string(float_format="{:.4f}".format)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
