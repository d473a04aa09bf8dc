"""The parser of the command line: every command, its options, its help."""

import argparse
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from deepfm_np.cli.check import gradcheck
from deepfm_np.cli.data import data
from deepfm_np.cli.encode import encode
from deepfm_np.cli.exercise import ACTIONS, exercise
from deepfm_np.cli.predict import predict
from deepfm_np.cli.train import COMPARED, compare, train
from deepfm_np.constraints import CONSTRAINTS
from deepfm_np.data.download import ARCHIVES
from deepfm_np.gradcheck.numeric import METHODS
from deepfm_np.models import MODELS
from deepfm_np.ops.checks import shown
from deepfm_np.recipes import RECIPES

ABOUT = """\
DeepFM from scratch, in NumPy. Seven jobs, each with its own --help:

  train      fit a DeepFM, print how good it is, save it with a figure
  compare    LR, FM, DNN and DeepFM side by side on the same data
  gradcheck  check the gradient of every operation and of whole models
  predict    click probabilities for new rows from a saved model
  data       download MovieLens, and see the command that trains on it
  encode     a log larger than memory, to a folder that train reads
  exercise   the exercises of the course: list them, start one, check the answers
"""
EXAMPLES = """\
examples:
  python -m deepfm_np train
  python -m deepfm_np compare --data movielens-100k --path ml-100k
  python -m deepfm_np train --path clicks.csv --label clicked --out runs/mine
  python -m deepfm_np predict runs/mine new.csv --out probabilities.csv
"""
ENCODED = """\
The folder --out appears when it is complete. An interrupted run continues where it stopped when it is
started again. Rows are read piece by piece: memory does not limit their number."""


class OneLineParser(argparse.ArgumentParser):
    """Answers a bad argument with one line and exit status 2."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {message} (see --help)\n")


def build_parser() -> argparse.ArgumentParser:
    """The parser; the parsed options hold the `name` of the command and the function `command` that runs it."""
    parser = OneLineParser("deepfm_np", description=ABOUT, epilog=EXAMPLES, formatter_class=_Page)
    commands = parser.add_subparsers(
        dest="name", required=True, metavar="train | compare | gradcheck | predict | data | encode | exercise"
    )
    _add(commands, train, "The folder --out then holds classifier.npz, history.csv and training.png.")
    _add(commands, compare, "The folder --out then holds comparison.csv and comparison.png.")
    _add(commands, gradcheck, "Exit status 1 if any gradient is wrong.")
    _add(commands, predict, "Values that were not seen in training count as unknown; a missing column is an error.")
    _add(commands, encode, ENCODED, sources=("criteo", "table"))
    commands.choices["encode"].add_argument("--out", required=True, help="the folder to write; it must not exist")
    for name in ("train", "compare"):
        _add_training_options(commands.choices[name])
    names = f"all, or some of {', '.join(MODELS)} (default: {','.join(COMPARED)})"
    commands.choices["compare"].add_argument("--models", type=_models, default=COMPARED, metavar="A,B", help=names)
    check = commands.choices["gradcheck"]
    check.add_argument("--method", choices=(*METHODS, "auto"), default="complex")
    check.add_argument("--gallery", action="store_true", help="planted bugs instead: what catches and names each")
    check.add_argument("--verbose", action="store_true", help="print the whole report of each check")
    scoring = commands.choices["predict"]
    scoring.add_argument("model", help="the folder that train wrote")
    scoring.add_argument("csv", nargs="?", help="rows to score, CSV or Parquet; or name a data set with --data")
    scoring.add_argument("--out", help="file for the probabilities, CSV (default: standard output)")
    _add_download(commands)
    _add_exercise(commands)
    return parser


class _Page(argparse.RawDescriptionHelpFormatter):
    def __init__(self, prog: str):
        super().__init__(prog, max_help_position=30, width=100)


def _add(commands: Any, command: Callable, note: str, sources: Sequence[str] = tuple(RECIPES)) -> None:
    about = command.__doc__
    parser = commands.add_parser(
        command.__name__, help=about, description=f"{about}\n{note}", epilog=_data_sets(sources), formatter_class=_Page
    )
    parser.set_defaults(command=command)
    source = parser.add_argument_group("data")
    default = "click-log" in sources
    about = "default: table if --path or --label is given, else click-log, which is built in" if default else None
    source.add_argument("--data", choices=sources, required=not default, help=about)
    source.add_argument("--path", help="file or folder of the data; needed for all but click-log")
    rows = "rows of the click log to make (100,000), or of Criteo to read"
    source.add_argument("--rows", **_setting("rows"), help=rows)
    source.add_argument("--drop-threes", action="store_true", help="MovieLens: leave out the ratings of 3")
    source.add_argument("--on-error", **_setting("on_error"), help="malformed lines (default: raise)")
    source.add_argument("--label", help="table: the column of 0 and 1")
    for kind in ("categorical", "numerical", "multi-valued"):
        about = f"table: the {kind} columns; once any column is named, those not named are left out"
        source.add_argument(f"--{kind}", type=_names, default=(), metavar="A,B", help=about)
    separator = "table: between the columns of CSV, one character or tab (default: as in the header)"
    source.add_argument("--separator", help=separator)
    source.add_argument("--encoding", help="table: of CSV, as cp1252 (default: utf-8, or utf-16 with its mark)")
    seed = "of data, split, start, shuffling, dropout (default: 0)"
    parser.add_argument("--seed", **_setting("seed"), default=0, help=seed)


def _data_sets(names: Sequence[str]) -> str:
    return "data sets:\n" + "\n".join(f"  {name:16}{RECIPES[name].about}" for name in names)


def _add_download(commands: Any) -> None:
    note = "What is there already is not downloaded again; a download that broke off is continued."
    parser = commands.add_parser("data", help=data.__doc__, description=f"{data.__doc__}\n{note}")
    parser.set_defaults(command=data)
    parser.add_argument("set", choices=tuple(ARCHIVES))
    parser.add_argument("--to", metavar="FOLDER", help="where archive and folder go (default: the user's cache)")


def _add_exercise(commands: Any) -> None:
    note = "Exit status 1 if an answer is not right yet, or a line is shown that should not be."
    parser = commands.add_parser("exercise", help=exercise.__doc__, description=f"{exercise.__doc__}\n{note}")
    parser.set_defaults(command=exercise)
    parser.add_argument("action", choices=tuple(ACTIONS))
    needs = "; ".join(f"{action}: {what}" for action, what in ACTIONS.items() if action != "list")
    parser.add_argument("what", nargs="?", help=needs)
    parser.add_argument("--out", default=".", help="the folder for what is written (default: here)")
    parser.add_argument("--variant", type=int, help="start, source: its number; check: that was assigned")
    parser.add_argument("--roster", metavar="CSV", help="release, grades: a table of student, variant")
    parser.add_argument("--no-answers", action="store_true", help="start: without the hints that are the answers")


def _add_training_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", help="folder for the result (default: runs/DATA)")
    parts = parser.add_argument_group("parts", "By default 80 % train, 10 % validate and 10 % test, at random.")
    parts.add_argument("--valid", help="table, libfm: the file to validate on, with the columns of --path")
    parts.add_argument("--test", help="table, libfm: the file to test on")
    parts.add_argument(
        "--time", metavar="COLUMN", help="table: split by time, the latest rows test; it is no field then"
    )
    group = parser.add_argument_group("settings", "Each data set has its own; what is given here replaces them.")
    group.add_argument("--embedding-dim", **_setting("embedding_dim"))
    group.add_argument("--hidden", **_setting("hidden"), metavar="400,400,400")
    group.add_argument("--activation", **_setting("activation"))
    group.add_argument("--dropout", **_setting("dropout"), metavar="RATE", help="probability of being dropped")
    group.add_argument("--batch-norm", action=argparse.BooleanOptionalAction)
    group.add_argument("--deep-output", **_setting("deep_output"))
    group.add_argument("--l2-embedding", **_setting("l2_embedding"), metavar="STRENGTH", help="on rows as they occur")
    group.add_argument("--l2-table", **_setting("l2_table"), metavar="STRENGTH", help="on all rows, at every step")
    group.add_argument("--l2-net", **_setting("l2_net"), metavar="STRENGTH", help="on the weights of the network")
    group.add_argument("--learning-rate", **_setting("learning_rate"))
    group.add_argument("--batch-size", **_setting("batch_size"))
    group.add_argument("--epochs", **_setting("epochs"))
    group.add_argument("--patience", **_setting("patience"), help="epochs without improvement that end training")
    group.add_argument("--stop-by", **_setting("stop_by"), help="what has to improve (default: log_loss)")
    threads = "threads that work on each batch, to the same bits for any number (default: one for each core)"
    group.add_argument("--threads", **_setting("threads"), help=threads)


def _setting(name: str) -> dict[str, Any]:
    """How the text of an option becomes the setting of this name: one of its options, or what it can be read as."""
    constraint = CONSTRAINTS[name]
    if constraint.options:
        return {"choices": constraint.options}

    def read(text: str) -> Any:
        try:
            return constraint.read(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return {"type": read}


def _models(text: str) -> tuple[str, ...]:
    names = tuple(MODELS) if text == "all" else tuple(dict.fromkeys(_names(text)))
    if not names or not set(names) <= MODELS.keys():
        raise argparse.ArgumentTypeError(f"{shown(text)} is not all, nor a list out of {', '.join(MODELS)}")
    return names


def _names(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
