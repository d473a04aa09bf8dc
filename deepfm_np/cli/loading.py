"""From the options of a command to its data: raw rows, encoded parts, or a stream."""

import shlex
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from deepfm_np import data, metrics
from deepfm_np.data import Blocks, ClickData, Examples, FieldEncoder, split, split_blocks, split_by_time
from deepfm_np.data.columns import to_text
from deepfm_np.data.download import ARCHIVES
from deepfm_np.data.fields import Field
from deepfm_np.data.first_bytes import open_table
from deepfm_np.data.stream import encoded
from deepfm_np.data.stream.criteo import CriteoStream
from deepfm_np.data.stream.protocol import Stream
from deepfm_np.data.stream.table import TableStream
from deepfm_np.data.times import times_of
from deepfm_np.ops.rows import Array
from deepfm_np.recipes import RECIPES

KINDS = ("categorical", "numerical", "multi_valued")
READS = {  # the options of data that each data set reads
    "click-log": {"rows"},
    "movielens-100k": {"path", "drop_threes", "on_error"},
    "movielens-1m": {"path", "drop_threes", "on_error"},
    "criteo": {"path", "rows", "on_error"},
    "table": {"path", "label", *KINDS, "separator", "encoding", "valid", "test", "time"},
    "libfm": {"path", "valid", "test"},
    "encoded": {"path"},
}
FOLDERS = ("movielens-100k", "movielens-1m", "encoded")


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


def choose_data(options: Namespace) -> None:
    """Set `data` where it was not given: a table if an option of tables was, else the click log.

    Raises ValueError for an option that the data set does not read, and for a folder of which nothing is known.
    """
    names = sorted(set().union(*READS.values()))
    given = [name for name in names if getattr(options, name, None) not in (None, (), False)]
    if options.data is None:
        options.data = "table" if set(given) & READS["table"] else "click-log"
        if options.path is not None and Path(options.path).is_dir():
            known = "encoded" if (Path(options.path) / encoded.META_FILE).exists() else "movielens-100k or movielens-1m"
            raise ValueError(f"{options.path} is a folder; say what it holds, as --data {known}, or name a file in it")
    for name in given:
        if name not in READS[options.data]:
            option = f"--{name.replace('_', '-')}"
            readers = ", ".join(data for data, read in READS.items() if name in read)
            raise ValueError(f"--data {options.data} does not read {option}; it is for {readers}")
    options.on_error = options.on_error or "raise"


def data_name(options: Namespace) -> str:
    """What messages and figures call the data: the name of its file or folder, if it has one."""
    return options.data if options.path is None else Path(options.path).resolve().name


def load_parts(options: Namespace) -> Parts:
    """The three parts of the data that the options name, split at random by the seed."""
    if options.data == "encoded":
        return _load_encoded(options)
    log = load_rows(options)
    say(f"{data_name(options)}: {len(log):,} rows, {len(log.fields)} fields, {log.labels.mean():.1%} labelled 1")
    parts = _parts_of(options, log)
    log = parts[0]
    if log.columns:
        say(f"\n{to_text(log.columns)}\n")
        if not any(_kinds(options).values()):
            say(f"{_by_hand(log.fields)}\n")
    _require_both_classes([part.labels for part in parts])
    encoder = FieldEncoder(log.fields)
    train = Part(Examples(*encoder.fit_transform(parts[0].frame), parts[0].labels), parts[0].click_probabilities)
    valid, test = (
        Part(Examples(*encoder.transform(part.frame), part.labels), part.click_probabilities) for part in parts[1:]
    )
    return Parts(encoder, train, valid, test)


def _parts_of(options: Namespace, log: ClickData) -> list[ClickData]:
    """The training, validation and test part: the files that were named, the others cut from the log.

    The fields and columns of the training part are settled by its labels; the files are read with these fields.
    """
    named = {name: getattr(options, name, None) for name in ("valid", "test")}
    files = {name: path for name, path in named.items() if path is not None}
    train, *cut = _cut(options, log, {0: (0.8, 0.1, 0.1), 1: (0.9, 0.1), 2: (1.0,)}[len(files)])
    train = data.settle(train)
    rest = iter(cut)
    read = {name: _load_another(options, path, train.fields) for name, path in files.items()}
    return [train, *(read[name] if name in read else next(rest) for name in named)]


def _cut(options: Namespace, log: ClickData, fractions: Sequence[float]) -> Sequence[ClickData]:
    """The log in parts of these sizes, by time or at random."""
    time = getattr(options, "time", None)
    if len(fractions) == 1:
        if time is not None:
            raise ValueError("--time splits the rows of --path; with --valid and --test there is nothing to split")
        return [log]
    if time is None:
        return split(log, fractions, options.seed)
    file = open_table(options.path, options.separator, options.encoding)
    return split_by_time(log, times_of(log.frame[time], file), fractions)


def _load_another(options: Namespace, path: str, fields: list[Field]) -> ClickData:
    """Another file of the same kind, with the fields of the training part."""
    if options.data == "libfm":
        return data.load_libfm(path, fields)
    return data.load_labelled(path, _label(options), fields, **_layout(options))


def _kinds(options: Namespace) -> dict[str, Any]:
    return {kind: getattr(options, kind) for kind in KINDS}


def _layout(options: Namespace) -> dict[str, Any]:
    return {"column_separator": options.separator, "encoding": options.encoding}


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
    return TableStream(required_path(options), _label(options), **_kinds(options), **_layout(options))


def required_path(options: Namespace) -> str:
    """--path, or ValueError saying what it should be."""
    if options.path is None:
        download = f"; python -m deepfm_np data {options.data} downloads it" if options.data in ARCHIVES else ""
        raise ValueError(f"--data {options.data} needs --path: {RECIPES[options.data].about}{download}")
    path, folder = Path(options.path), options.data in FOLDERS
    if path.exists() and path.is_dir() != folder:
        found = "a file" if folder else "a folder"
        raise ValueError(f"{path} is {found}; --data {options.data} needs {RECIPES[options.data].about}")
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
    say(f"{options.path}: {rows:,} rows, {len(fields)} fields, {log.meta['clicks'] / rows:.1%} labelled 1")
    train, valid, test = split_blocks(lambda: encoded.open_arrays(options.path), seed=options.seed)
    _require_both_classes([part.labels for part in (train, valid, test)])
    return Parts(log.encoder, Part(train), Part(valid), Part(test))


def _require_both_classes(labels: Sequence[Array]) -> None:
    """Raise ValueError if all labels of a part are alike: nothing could be learned from it, or measured on it."""
    rows, ones = sum(map(len, labels)), sum(part.sum() for part in labels)
    if ones in (0, rows):
        raise ValueError(f"every label is {int(ones > 0)}; there must be labels of 0 and of 1")
    for name, part in zip(("training", "validation", "test"), labels, strict=True):
        if part.min() == part.max():
            found = f"the {name} part has {len(part):,} of {rows:,} rows, and every label in it is {int(part[0])}"
            raise ValueError(f"{found}; there are too few rows, or too few with a label of {int(part[0] == 0)}")


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


def _libfm(options: Namespace) -> ClickData:
    return data.load_libfm(options.path)


def _table(options: Namespace) -> ClickData:
    time = getattr(options, "time", None)
    return data.load_table(options.path, _label(options), **_kinds(options), **_layout(options), time=time)


LOADERS: dict[str, Callable[[Namespace], ClickData]] = {
    "click-log": _click_log,
    "movielens-100k": _movielens_100k,
    "movielens-1m": _movielens_1m,
    "criteo": _criteo,
    "libfm": _libfm,
    "table": _table,
}
