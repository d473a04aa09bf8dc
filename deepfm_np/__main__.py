"""The command line: python -m deepfm_np train | compare | gradcheck | predict | encode | exercise."""

import argparse
import math
import os
import sys
from collections.abc import Callable, Sequence

# Before NumPy is loaded: with one thread the bits do not depend on the number of cores, and on a busy machine threads
# that wait for each other are many times slower. Set the variable yourself for large nets on a quiet machine.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from deepfm_np.commands import EXERCISE_ACTIONS, compare, encode, exercise, gradcheck, predict, train
from deepfm_np.gradcheck.numeric import METHODS
from deepfm_np.recipes import RECIPES

ABOUT = """\
DeepFM from scratch, in NumPy. Six jobs, each with its own --help:

  train      fit a DeepFM, print how good it is, save it with a figure
  compare    LR, FM, DNN and DeepFM side by side on the same data
  gradcheck  check the gradient of every operation and of whole models
  predict    click probabilities for new rows from a saved model
  encode     a log larger than memory, to a folder that train reads
  exercise   the exercises of the course: list them, start one, check the answers
"""
EXAMPLES = """\
examples:
  python -m deepfm_np train
  python -m deepfm_np compare --data movielens-100k --path ml-100k
  python -m deepfm_np train --data table --path clicks.csv --label clicked --out runs/mine
  python -m deepfm_np predict runs/mine new.csv --out probabilities.csv
"""
ENCODED = """\
The folder --out appears when it is complete. An interrupted run goes on where it stopped when it is
started again. Rows are read piece by piece: memory does not limit their number."""


class OneLineParser(argparse.ArgumentParser):
    """Answers a bad argument with one line and exit status 2."""

    def error(self, message: str):
        self.exit(2, f"{self.prog}: error: {message} (see --help)\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit status. 0: done. 1: a gradient check failed. 2: bad arguments or data."""
    options = _parser().parse_args(arguments)
    try:
        return options.command(options)
    except (ValueError, TypeError, IndexError, OSError, FloatingPointError, ImportError) as error:
        print(f"deepfm_np {options.name}: error: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except MemoryError as error:
        print(f"deepfm_np {options.name}: error: not enough memory: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"deepfm_np {options.name}: interrupted", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = OneLineParser("deepfm_np", description=ABOUT, epilog=EXAMPLES, formatter_class=_Page)
    commands = parser.add_subparsers(
        dest="name", required=True, metavar="train | compare | gradcheck | predict | encode | exercise"
    )
    _add(commands, train, "The folder --out then holds model, encoder, settings, history.csv and training.png.")
    _add(commands, compare, "The folder --out then holds comparison.csv and comparison.png.")
    _add(commands, gradcheck, "Exit status 1 if any gradient is wrong.")
    _add(commands, predict, "Values that were not seen in training count as unknown; a missing column is an error.")
    _add(commands, encode, ENCODED, sources=("criteo", "table"))
    commands.choices["encode"].add_argument("--out", required=True, help="the folder to write; it must not exist")
    for name in ("train", "compare"):
        _add_training_options(commands.choices[name])
    check = commands.choices["gradcheck"]
    check.add_argument("--method", choices=(*METHODS, "auto"), default="complex")
    check.add_argument("--gallery", action="store_true", help="planted bugs instead: what catches and names each")
    check.add_argument("--verbose", action="store_true", help="print the whole report of each check")
    scoring = commands.choices["predict"]
    scoring.add_argument("model", help="the folder that train wrote")
    scoring.add_argument("csv", nargs="?", help="rows to score, CSV or Parquet; or name a data set with --data")
    scoring.add_argument("--out", help="file for the probabilities, CSV (default: standard output)")
    _add_exercise(commands)
    return parser


class _Page(argparse.RawDescriptionHelpFormatter):
    def __init__(self, prog: str):
        super().__init__(prog, max_help_position=30, width=100)


def _add(commands, command, note: str, sources: Sequence[str] = tuple(RECIPES)) -> None:
    about = command.__doc__
    parser = commands.add_parser(
        command.__name__, help=about, description=f"{about}\n{note}", epilog=_data_sets(sources), formatter_class=_Page
    )
    parser.set_defaults(command=command)
    source = parser.add_argument_group("data")
    default = {"default": "click-log", "help": "default: click-log, built in"} if "click-log" in sources else {}
    source.add_argument("--data", choices=sources, required=not default, **default)
    source.add_argument("--path", help="file or folder of the data; needed for all but click-log")
    source.add_argument("--rows", type=_positive, help="rows of the click log to make (100,000), or of Criteo to read")
    source.add_argument("--drop-threes", action="store_true", help="MovieLens: leave out the ratings of 3")
    source.add_argument("--on-error", choices=("raise", "skip"), default="raise", help="malformed lines")
    source.add_argument("--label", help="table: the column of 0 and 1")
    for kind in ("categorical", "numerical", "multi-valued"):
        about = f"table: the {kind} columns; once any column is named, those not named are left out"
        source.add_argument(f"--{kind}", type=_names, default=(), metavar="A,B", help=about)
    parser.add_argument("--seed", type=_seed, default=0, help="of data, split, start, shuffling, dropout (default: 0)")


def _data_sets(names: Sequence[str]) -> str:
    return "data sets:\n" + "\n".join(f"  {name:16}{RECIPES[name].about}" for name in names)


def _add_exercise(commands) -> None:
    note = "Exit status 1 if an answer is not right yet, or a line is shown that should not be."
    parser = commands.add_parser("exercise", help=exercise.__doc__, description=f"{exercise.__doc__}\n{note}")
    parser.set_defaults(command=exercise)
    parser.add_argument("action", choices=tuple(EXERCISE_ACTIONS))
    needs = "; ".join(f"{action}: {what}" for action, what in EXERCISE_ACTIONS.items() if action != "list")
    parser.add_argument("what", nargs="?", help=needs)
    parser.add_argument("--out", default=".", help="start: the folder for the notebook (default: here)")


def _add_training_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", help="folder for the result (default: runs/DATA)")
    group = parser.add_argument_group("settings", "Each data set has its own; what is given here replaces them.")
    group.add_argument("--embedding-dim", type=_positive)
    group.add_argument("--hidden", type=_widths, metavar="400,400,400")
    group.add_argument("--activation", choices=("sigmoid", "relu", "tanh"))
    group.add_argument("--dropout", type=_rate, metavar="RATE", help="probability of being dropped")
    group.add_argument("--batch-norm", action=argparse.BooleanOptionalAction)
    group.add_argument("--deep-output", choices=("logit", "sigmoid"))
    group.add_argument("--l2-embedding", type=_strength, metavar="STRENGTH")
    group.add_argument("--l2-net", type=_strength, metavar="STRENGTH")
    group.add_argument("--learning-rate", type=_step)
    group.add_argument("--batch-size", type=_positive)
    group.add_argument("--epochs", type=_positive)
    group.add_argument("--patience", type=_positive, help="epochs without improvement that end training")
    threads = "threads that share each batch, without batch norm; the bits depend on their number (default: 1)"
    group.add_argument("--threads", type=_positive, help=threads)


def _positive(text: str) -> int:
    return _checked(text, _digits, "a positive whole number", lambda number: number > 0)


def _seed(text: str) -> int:
    return _checked(text, _digits, "a whole number from 0 on", lambda number: number >= 0)


def _rate(text: str) -> float:
    return _checked(text, float, "a number in [0, 1)", lambda number: 0 <= number < 1)


def _step(text: str) -> float:
    return _checked(text, float, "a positive number", lambda number: 0 < number < math.inf)


def _strength(text: str) -> float:
    return _checked(text, float, "0 or a positive number", lambda number: 0 <= number < math.inf)


def _checked(text: str, read: Callable, expected: str, fits: Callable) -> int | float:
    try:
        number = read(text)
    except ValueError:
        number = math.nan
    if not fits(number):  # nan fits nowhere
        raise argparse.ArgumentTypeError(f"{text!r} is not {expected}")
    return number


def _digits(text: str) -> int:
    if not (text.isascii() and text.isdigit()):  # int() would also take 1_000 and Arabic digits
        raise ValueError
    return int(text)


def _widths(text: str) -> tuple[int, ...]:
    return tuple(_positive(part) for part in text.split(","))


def _names(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


if __name__ == "__main__":
    sys.exit(main())
