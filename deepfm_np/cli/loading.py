"""From the options of a command to its data: raw rows, encoded parts, or a stream."""

import shlex
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from typing import NamedTuple

from deepfm_np import data, metrics
from deepfm_np.data import Blocks, ClickData, Examples, FieldEncoder, split, split_blocks
from deepfm_np.data.fields import Field
from deepfm_np.data.kinds import to_text
from deepfm_np.data.stream import encoded
from deepfm_np.data.stream.criteo import CriteoStream
from deepfm_np.data.stream.protocol import Stream
from deepfm_np.data.stream.table import TableStream
from deepfm_np.ops.rows import Array
from deepfm_np.recipes import RECIPES

KINDS = ("categorical", "numerical", "multi_valued")


class Part(NamedTuple):
    """The training, validation or test part of a log, encoded."""

    examples: Examples | Blocks
    click_probabilities: Array | None = None  # (n,) the true ones, where they are known

    def scores(self, probabilities: Array) -> dict[str, float]:
        """AUC and log loss of predicted (n,) click probabilities."""
        labels = self.examples.labels
        return {"auc": metrics.auc(labels, probabilities), "log_loss": metrics.log_loss(labels, probabilities)}

    def best_attainable(self) -> dict[str, float] | None:
        """What the true click probabilities score, where they are known: no model can be expected to do better."""
        return None if self.click_probabilities is None else self.scores(self.click_probabilities)


class Parts(NamedTuple):
    """A log, ready for training."""

    encoder: FieldEncoder  # fitted on the training part, or on all rows of an encoded log
    train: Part
    valid: Part
    test: Part


def load_parts(options: Namespace) -> Parts:
    """The three parts of the data that the options name, split at random by the seed."""
    if options.data == "encoded":
        return _load_encoded(options)
    log = load_rows(options)
    say(f"{options.data}: {len(log):,} rows, {len(log.fields)} fields, {log.labels.mean():.1%} clicks")
    if log.columns:
        say(f"\n{to_text(log.columns)}\n\n{_by_hand(log.fields)}\n")
    parts = split(log, seed=options.seed)
    encoder = FieldEncoder(log.fields)
    train = Part(Examples(*encoder.fit_transform(parts[0].frame), parts[0].labels), parts[0].click_probabilities)
    valid, test = (
        Part(Examples(*encoder.transform(part.frame), part.labels), part.click_probabilities) for part in parts[1:]
    )
    return Parts(encoder, train, valid, test)


def load_rows(options: Namespace) -> ClickData:
    """The raw rows of a data set. Raises ValueError if a required option is missing."""
    if options.data == "encoded":
        raise ValueError("--data encoded has no raw rows any more; it is for train and compare")
    if options.data != "click-log":
        required_path(options)
    log = LOADERS[options.data](options)
    if log.skipped:
        say(f"{log.skipped:,} malformed lines were skipped")
    return log


def open_stream(options: Namespace) -> Stream:
    """A log of any size, to be read in pieces."""
    if options.data == "criteo":
        return CriteoStream(required_path(options), rows=options.rows, on_error=options.on_error)
    return TableStream(required_path(options), _label(options), **{kind: getattr(options, kind) for kind in KINDS})


def required_path(options: Namespace) -> str:
    """--path, or ValueError saying what it should be."""
    if options.path is None:
        raise ValueError(f"--data {options.data} needs --path: {RECIPES[options.data].about}")
    return options.path


def say(text: str) -> None:
    """Progress, to standard error: standard output is for results."""
    print(text, file=sys.stderr, flush=True)


def _by_hand(fields: Sequence[Field]) -> str:
    """The options that choose these fields."""
    options = []
    for kind in KINDS:
        names = ",".join(str(field.name) for field in fields if field.kind == kind.replace("_", "-"))
        if names:
            options.append(f"--{kind.replace('_', '-')} {shlex.quote(names)}")
    return f"To decide otherwise, name the columns to use: {' '.join(options)}"


def _load_encoded(options: Namespace) -> Parts:
    log = encoded.open_encoded(required_path(options), verify=True)
    rows, fields = log.meta["rows"], log.encoder.fields
    say(f"{options.path}: {rows:,} rows, {len(fields)} fields, {log.meta['clicks'] / rows:.1%} clicks")
    train, valid, test = split_blocks(lambda: encoded.open_arrays(options.path), seed=options.seed)
    return Parts(log.encoder, Part(train), Part(valid), Part(test))


def _label(options: Namespace) -> str:
    if options.label is None:
        raise ValueError("--data table needs --label, the name of the column of 0 and 1")
    return options.label


def _click_log(options: Namespace) -> ClickData:
    return data.make_click_log(rows=options.rows or 100_000, seed=options.seed)


def _movielens_100k(options: Namespace) -> ClickData:
    return data.load_movielens_100k(options.path, drop_threes=options.drop_threes, on_error=options.on_error)


def _movielens_1m(options: Namespace) -> ClickData:
    return data.load_movielens_1m(options.path, drop_threes=options.drop_threes, on_error=options.on_error)


def _criteo(options: Namespace) -> ClickData:
    return data.load_criteo(options.path, rows=options.rows, on_error=options.on_error)


def _table(options: Namespace) -> ClickData:
    return data.load_table(options.path, _label(options), **{kind: getattr(options, kind) for kind in KINDS})


LOADERS: dict[str, Callable[[Namespace], ClickData]] = {
    "click-log": _click_log,
    "movielens-100k": _movielens_100k,
    "movielens-1m": _movielens_1m,
    "criteo": _criteo,
    "table": _table,
}
