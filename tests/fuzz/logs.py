"""`encode` and `predict` on damaged CSV, Parquet and Criteo logs, and the loader of MovieLens 1M.

What an accepted log holds is read a second time here, cell by cell with the standard library: ids, values and labels
must be those of these cells. Parquet has no checksums, so a changed byte may be another value; there it is only asked
that an error is clear and nothing is left behind.
"""

import codecs
import contextlib
import csv
import gzip
import io
import re
import shutil
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from criteo_lines import lines

from deepfm_np import DeepFMClassifier
from deepfm_np.__main__ import main
from deepfm_np.cli.parser import build_parser
from deepfm_np.data import Categorical, FieldEncoder, Numerical, load_movielens_1m, load_table
from deepfm_np.data.criteo import CATEGORIES, INTEGERS
from deepfm_np.data.stream.criteo import CriteoStream
from deepfm_np.data.stream.encoded import open_encoded
from fuzz.damage import damaged
from fuzz.outcome import Trial, differ

ROWS = 40
csv.field_size_limit(2**31 - 1)  # of the reference
COLUMNS = ["--label", "clicked", "--categorical", "app", "--numerical", "price", "--multi-valued", "tags"]
TRAINING = ["--epochs", "1", "--hidden", "2", "--embedding-dim", "2"]
Log = tuple[pd.DataFrame, np.ndarray]  # texts, labels


class RefusedError(Exception):
    """The reference cannot read the log either."""


def trial(rng: np.random.Generator, folder: Path) -> Trial:
    """A command on a log of some kind."""
    kind = list(KINDS)[rng.integers(len(KINDS))]
    return KINDS[kind](kind, rng, _source(folder))


def _criteo(kind: str, rng: np.random.Generator, source: Path) -> Trial:
    data, how = damaged((source / "criteo.txt").read_bytes(), rng)
    on_error = str(rng.choice(["raise", "skip"]))
    arguments = ["--data", "criteo", "--on-error", on_error]

    def expected(path: Path) -> tuple:
        frame, labels = _criteo_cells(path.read_bytes(), on_error)
        return *FieldEncoder(_as_texts(CriteoStream(path).fields)).fit_transform(frame), labels

    return _encoding(f"encode {kind}, {on_error}: {how}", "log.txt", data, arguments, expected, source)


def _csv(kind: str, rng: np.random.Generator, source: Path) -> Trial:
    data, how = damaged((source / "log.csv").read_bytes(), rng)
    if rng.random() < 0.5:
        return _predicting(f"predict {kind}: {how}", "log.csv", data, source)

    def expected(path: Path) -> tuple:
        frame, labels = _csv_cells(path.read_bytes())
        return *FieldEncoder(load_table(path, *_named()).fields).fit_transform(frame), labels

    return _encoding(f"encode {kind}: {how}", "log.csv", data, ["--data", "table", *COLUMNS], expected, source)


def _parquet(kind: str, rng: np.random.Generator, source: Path) -> Trial:
    data, how = damaged((source / "log.parquet").read_bytes(), rng)
    arguments = ["--data", "table", *COLUMNS]
    return _encoding(f"encode {kind}: {how}", "log.parquet", data, arguments, None, source)


def _gzipped(kind: str, rng: np.random.Generator, source: Path) -> Trial:
    data, how = damaged((source / "log.csv.gz").read_bytes(), rng)
    return _predicting(f"predict {kind}: {how}", "log.csv.gz", data, source)


def _movielens(kind: str, rng: np.random.Generator, source: Path) -> Trial:
    name = str(rng.choice(["ratings.dat", "users.dat", "movies.dat"]))
    place = source.parent / "movielens"
    place.mkdir(exist_ok=True)
    data, how = damaged((source / name).read_bytes(), rng)

    def run() -> Any:
        for other in ("ratings.dat", "users.dat", "movies.dat"):
            shutil.copy(source / other, place)
        (place / name).write_bytes(data)
        log = load_movielens_1m(place)
        return log.frame.astype(str).to_numpy().astype("U"), log.labels

    def wrong(result: Any) -> str:
        try:
            return differ(result, _movielens_cells(place))
        except (RefusedError, UnicodeDecodeError) as error:
            return f"accepted, but {error}"

    return Trial(f"{kind}, {name}: {how}", run, wrong, (name, "ratings.dat"))


def _encoding(
    what: str, name: str, data: bytes, arguments: list[str], expected: Callable | None, source: Path
) -> Trial:
    path, out = source.parent / name, source.parent / "out"
    part = out.with_name("out.part")

    def run() -> Any:
        for folder in (out, part):
            shutil.rmtree(folder, ignore_errors=True)
        path.write_bytes(data)
        _command("encode", *arguments, "--path", str(path), "--out", str(out))
        return [np.array(array) for array in open_encoded(out, verify=True)[:3]]

    def wrong(result: Any) -> str:
        if expected is None:
            return ""
        try:
            return differ(result, expected(path), 1e-6)
        except (RefusedError, UnicodeDecodeError, csv.Error) as error:
            return f"accepted, but {error}"

    def left() -> str:
        return ", ".join(folder.name for folder in (out, part) if folder.exists())

    return Trial(what, run, wrong, (name,), left)


def _predicting(what: str, name: str, data: bytes, source: Path) -> Trial:
    path, out = source.parent / name, source.parent / "probabilities.csv"

    def run() -> Any:
        out.unlink(missing_ok=True)
        path.write_bytes(data)
        _command("predict", str(source / "model"), str(path), "--out", str(out))
        return pd.read_csv(out)["click_probability"].to_numpy()

    def wrong(result: Any) -> str:
        if name.endswith(".gz"):  # its own checksum vouches for the contents
            return differ(result, _model(source).predict_proba(_texts(source / "log.csv"))[:, 1], 1e-6)
        try:
            frame, _ = _csv_cells(data)
        except (RefusedError, UnicodeDecodeError, csv.Error) as error:
            return f"accepted, but {error}"
        return differ(result, _model(source).predict_proba(frame)[:, 1], 1e-6)

    return Trial(what, run, wrong, (name, "column"), lambda: out.name if out.exists() else "", finite=True)


KINDS: dict[str, Callable[[str, np.random.Generator, Path], Trial]] = {
    "a Criteo log": _criteo,
    "a CSV file": _csv,
    "a Parquet file": _parquet,
    "a compressed CSV file": _gzipped,
    "MovieLens": _movielens,
}
if find_spec("pyarrow") is None:
    del KINDS["a Parquet file"]


def _command(*arguments: str) -> None:
    """Run the command line; if it ends with an error of one line, raise that error."""
    output = io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(output):
        status = main(arguments)
        if status:
            errors = [line for line in output.getvalue().splitlines() if ": error: " in line]
            assert len(errors) == 1, f"the command line printed {output.getvalue()!r}"
            options = build_parser().parse_args(arguments)
            options.command(options)
            raise AssertionError("an error that does not come again")


def _named() -> tuple:
    return "clicked", ("app",), ("price",), ("tags",)


def _as_texts(fields: list) -> list:
    return [field if isinstance(field, Numerical) else Categorical(field.name, field.min_count) for field in fields]


@cache
def _source(folder: Path) -> Path:
    """A folder with a log of each kind, undamaged, and a model of the CSV file's."""
    source = folder / "logs" / "source"
    source.mkdir(parents=True)
    rng = np.random.default_rng(0)
    (source / "criteo.txt").write_text("\n".join(lines(ROWS)) + "\n")
    frame = pd.DataFrame(
        {
            "clicked": rng.integers(0, 2, ROWS),
            "app": rng.choice(["maps", 'a "quoted", one', "01234", "NA", "é", ""], ROWS),
            "price": rng.choice(["1.5", "2", "", "-3e2"], ROWS),
            "tags": rng.choice(["u|v", "v", "", "w|u|v"], ROWS),
        }
    )
    frame.to_csv(source / "log.csv", index=False)
    frame.to_csv(source / "log.csv.gz", index=False)
    if "a Parquet file" in KINDS:
        frame.assign(price=rng.random(ROWS)).to_parquet(source / "log.parquet")
    _command(
        "train",
        "--data",
        "table",
        "--path",
        str(source / "log.csv"),
        *COLUMNS,
        *TRAINING,
        "--out",
        str(source / "model"),
    )
    users = [f"{number}::{'MF'[number % 2]}::{18 + number}::{number % 5}::0{number}" for number in range(1, 9)]
    movies = [f"{number}::Film, the {number}th ({1990 + number})::Comedy|Drama" for number in range(1, 7)]
    ratings = [
        f"{rng.integers(1, 9)}::{rng.integers(1, 7)}::{rng.integers(1, 6)}::{978300000 + n}" for n in range(ROWS)
    ]
    for name, content in {"users.dat": users, "movies.dat": movies, "ratings.dat": ratings}.items():
        (source / name).write_text("\n".join(content) + "\n", encoding="latin-1")
    return source


@cache
def _model(source: Path) -> DeepFMClassifier:
    return DeepFMClassifier.load(source / "model")


def _texts(path: Path) -> pd.DataFrame:
    return _csv_cells(path.read_bytes())[0]


def _csv_cells(data: bytes) -> Log:
    """By the standard library's csv: a rectangle of texts, with the separator that the header has most of."""
    data = unpacked(data)
    text = data.decode("utf-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig")
    separator = max(",;\t|", key=text.split("\n")[0].count)
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
    header = rows[0] if rows else []
    for number, row in enumerate(rows[1:], start=2):
        if row and len(row) != len(header):
            raise RefusedError(f"row {number} has {len(row)} cells, the header {len(header)}")
    cells = [row or [""] * len(header) for row in rows[1:]]
    frame = pd.DataFrame(cells, columns=pd.Index(header, dtype=object), dtype=object)
    if frame.columns.has_duplicates:
        frame = frame.loc[:, ~frame.columns.duplicated()]
    labels = frame["clicked"].astype(str) if "clicked" in frame else pd.Series(["0"] * len(frame))
    numbers = pd.to_numeric(labels, errors="coerce").to_numpy(float)
    missing = ["", "NA", "N/A", "NaN", "nan", "null", "None"]
    return frame.assign(price=frame["price"].where(~frame["price"].isin(missing), None)), numbers


def unpacked(data: bytes) -> bytes:
    return gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data


def _criteo_cells(data: bytes, on_error: str) -> Log:
    """By splitting at tabs."""
    rows = []
    for number, line in enumerate(unpacked(data).removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        cells = line.decode().rstrip("\r").split("\t")
        right = len(cells) == 40 and cells[0] in ("0", "1")
        right = right and all(re.fullmatch("([-+]?[0-9]+)?", cell) and len(cell) <= 18 for cell in cells[1:14])
        if right:
            rows.append([int(cells[0]), *(int(cell) if cell else None for cell in cells[1:14]), *cells[14:]])
        elif on_error == "raise" and line:
            raise RefusedError(f"line {number} is malformed")
    frame = pd.DataFrame(rows, columns=["label", *INTEGERS, *CATEGORIES], dtype=object)
    return frame, frame.pop("label").to_numpy(float)


def _movielens_cells(folder: Path) -> tuple:
    """Ratings joined with users and films, by dicts."""

    def read(name: str, encoding: str) -> list[list[str]]:
        text = unpacked((folder / name).read_bytes()).decode(encoding)
        return [line.rstrip("\r").split("::") for line in text.split("\n") if line]

    users = {int(cells[0]): cells for cells in read("users.dat", "latin-1")}
    films = {int(cells[0]): cells for cells in read("movies.dat", "latin-1")}
    rows, labels = [], []
    for cells in read("ratings.dat", "utf-8-sig"):
        if len(cells) not in (3, 4) or int(cells[0]) not in users or int(cells[1]) not in films:
            raise RefusedError(f"the rating {cells} fits no user or film")
        _, gender, age, occupation, zip_code = users[int(cells[0])]
        _, title, genres = films[int(cells[1])]
        year = re.search(r"\((\d{4})\)\s*$", title)
        rows.append(
            [int(cells[0]), int(cells[1]), int(age), gender, occupation, zip_code, genres, year[1] if year else ""]
        )
        labels.append(float(int(cells[2]) >= 4))
    return np.array([[str(cell) for cell in row] for row in rows]), np.array(labels)
