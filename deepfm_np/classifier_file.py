"""The file of a classifier: model, encoder, classes and settings as the arrays of one .npz, without pickle.

settings           JSON text: the arguments of the classifier but `fields`, and the format
encoder            the JSON text of the encoder, as bytes in UTF-8
classes            (2,); of Python objects (texts, as a rule) their JSON text
features           JSON text: the names of the columns of X in training, or how many there were if not all are texts
history            (epochs, 5) the history of the training, the columns of `training.COLUMNS`
model/NAME         the arrays of the model's own file
checksum           SHA-256 of all of these: a file put together from two is refused

A file of before lacks features and history; an older folder holds model.npz, encoder.json and classifier.json instead.
Both are still read.
"""

import hashlib
import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from deepfm_np import model_file
from deepfm_np.constraints import check_all
from deepfm_np.data.encoder import FieldEncoder
from deepfm_np.model import DeepFM
from deepfm_np.ops.checks import brief
from deepfm_np.ops.rows import Array
from deepfm_np.system.archive import open_archive, write_arrays
from deepfm_np.system.sealed import from_json, plain
from deepfm_np.training import COLUMNS

FORMAT, OLDER = "deepfm_np classifier 2", "deepfm_np classifier 1"
FILE = "classifier.npz"
OWN = {"settings", "encoder", "classes", "checksum"}
ADDED = {"features", "history"}  # since format 2
NATIVE = tuple("biufUSmM")  # kinds of dtypes that a .npy file holds as they are
OLD_MODEL, OLD_ENCODER, OLD_SETTINGS = "model.npz", "encoder.json", "classifier.json"


class Saved(NamedTuple):
    """All that a fitted classifier needs to predict."""

    model: DeepFM
    encoder: FieldEncoder
    classes: Array  # (2,)
    settings: dict[str, Any]
    n_features_in: int | None = None  # how many columns X had; None: not known, as in older files
    feature_names_in: Array | None = None  # their names, if all were texts
    history: pd.DataFrame | None = None


def to_arrays(saved: Saved) -> dict[str, Array]:
    """What the file holds. Raises TypeError or ValueError for what would not come back as it is."""
    plain_settings = saved.settings | {"class_weight": _pairs(saved.settings.get("class_weight"))}
    names = saved.feature_names_in
    settings = json.dumps({"format": FORMAT, **plain_settings}, indent=2, default=plain, allow_nan=False)
    arrays = {
        "settings": np.array(settings),
        "encoder": np.frombuffer(saved.encoder.to_text().encode(), np.uint8),
        "classes": _classes_array(saved.classes),
        "features": np.array(json.dumps(names.tolist() if names is not None else saved.n_features_in)),
        "history": np.zeros((0, len(COLUMNS))) if saved.history is None else saved.history.to_numpy(float),
    }
    model = saved.model.to_arrays()
    model_file.check_finite(model)
    arrays |= {f"model/{name}": array for name, array in model.items()}
    return {**arrays, "checksum": np.array(_checksum(arrays))}


def write(folder: str | Path, saved: Saved) -> None:
    """Write the file atomically to a folder, created if necessary. Raises as `to_arrays` does, and writes nothing."""
    arrays = to_arrays(saved)
    Path(folder).mkdir(parents=True, exist_ok=True)
    write_arrays(Path(folder) / FILE, arrays)


def read(folder: str | Path, names: Collection[str]) -> Saved:
    """The classifier in a folder. names: which settings there are.

    Raises FileNotFoundError or ValueError, naming the file that is amiss.
    """
    path = Path(folder) / FILE
    if not path.exists() and (path.parent / OLD_MODEL).exists():
        return _read_three_files(path.parent, names)
    with open_archive(path, "a deepfm_np classifier") as archive:
        model = archive.part("model")
        own = archive.headers.keys() - {f"model/{name}" for name in model}
        settings = from_json(archive.text("settings"))
        form = settings.pop("format", None) if isinstance(settings, dict) else None
        if form not in (FORMAT, OLDER):
            raise ValueError(f"its format should be {FORMAT!r}")
        expected = OWN | ADDED if form == FORMAT else OWN
        if own != expected:
            raise ValueError(f"missing or not expected: {', '.join(sorted(own ^ expected))}")
        settings = _with_class_weight(settings)
        _check_settings(settings, names)
        encoder = FieldEncoder.from_text(archive["encoder"].tobytes().decode())
        saved = Saved(model_file.model_of(model, DeepFM), encoder, _classes_of(archive["classes"]), settings)
        if form == FORMAT:
            number, columns = _features_of(from_json(archive.text("features")))
            history = _history_of(archive["history"])
            saved = saved._replace(n_features_in=number, feature_names_in=columns, history=history)
        if archive.text("checksum") != _checksum(archive):
            raise ValueError("its checksum is wrong")
        _check_match(saved)
    return saved


def _read_three_files(folder: Path, names: Collection[str]) -> Saved:
    model, encoder = DeepFM.load(folder / OLD_MODEL), FieldEncoder.load(folder / OLD_ENCODER)
    path = folder / OLD_SETTINGS
    try:
        about = from_json(path.read_text(encoding="utf-8"))
        if not isinstance(about, dict) or about.keys() != {"settings", "classes"}:
            raise ValueError("it should have settings and classes, and nothing else")
        _check_settings(about["settings"], names)
        saved = Saved(model, encoder, _two(np.array(about["classes"])), about["settings"])
    except FileNotFoundError:
        raise FileNotFoundError(f"{path}: no such file; expected the settings of a classifier") from None
    except ValueError as error:
        raise ValueError(f"{path} does not hold the settings of a classifier: {brief(error, 300)}") from error
    try:
        _check_match(saved)
    except ValueError:
        raise ValueError(f"{folder}: {OLD_MODEL} and {OLD_ENCODER} are of different models") from None
    return saved


def _check_settings(settings: Any, names: Collection[str]) -> None:
    if not isinstance(settings, dict) or not settings.keys() <= set(names):
        unknown = sorted(settings.keys() - set(names)) if isinstance(settings, dict) else [repr(settings)]
        raise ValueError(f"no settings of a classifier: {', '.join(unknown)}")
    check_all(settings)


def _pairs(class_weight: Any) -> Any:
    """A dict as a list of pairs: the keys of a JSON object are texts, those of `class_weight` may be numbers."""
    return [list(pair) for pair in class_weight.items()] if isinstance(class_weight, Mapping) else class_weight


def _with_class_weight(settings: dict[str, Any]) -> dict[str, Any]:
    pairs = settings.get("class_weight")
    if not isinstance(pairs, list):
        return settings
    if not all(isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str | int | float) for pair in pairs):
        raise ValueError("its class_weight is not a list of classes with their weights")
    return {**settings, "class_weight": dict(pairs)}


def _check_match(saved: Saved) -> None:
    model, encoder = saved.model, saved.encoder
    if list(model.field_dims) != encoder.field_dims or model.field_starts != encoder.field_starts:
        raise ValueError("its model and its encoder do not belong together")


def _classes_array(classes: Array) -> Array:
    if classes.dtype.kind in NATIVE:
        return classes
    text = json.dumps(classes.tolist(), default=plain, allow_nan=False)
    if from_json(text) != classes.tolist():
        raise TypeError(f"the classes {classes.tolist()} cannot be saved: JSON holds numbers and texts")
    return np.array(text)


def _classes_of(array: Array) -> Array:
    if array.shape:
        return _two(array)
    classes = from_json(str(array))
    if not isinstance(classes, list) or not all(isinstance(one, str | int | float) for one in classes):
        raise ValueError("its classes are not numbers or texts")
    return _two(np.array(classes, object))


def _features_of(features: Any) -> tuple[int | None, Array | None]:
    """The number of the columns, and their names if all were texts."""
    if isinstance(features, list) and features and all(isinstance(name, str) for name in features):
        return len(features), np.array(features, object)
    if not (features is None or (type(features) is int and features > 0)):
        raise ValueError("its features are neither names nor their number")
    return features, None


def _history_of(array: Array) -> pd.DataFrame:
    if array.dtype != float or array.ndim != 2 or array.shape[1] != len(COLUMNS):
        raise ValueError(f"its history is {array.dtype} {array.shape}, should be float64 (epochs, {len(COLUMNS)})")
    return pd.DataFrame(array, columns=COLUMNS).astype({"epoch": np.int64})


def _two(classes: Array) -> Array:
    if classes.shape != (2,) or classes.dtype.kind not in (*NATIVE, "O") or classes[0] == classes[1]:
        raise ValueError("its classes are not two")
    return classes


def _checksum(arrays: Mapping[str, Array]) -> str:
    """SHA-256 over name, dtype, shape and bytes of every array but the checksum."""
    checksum = hashlib.sha256()
    for name in sorted(arrays.keys() - {"checksum"}):
        array = arrays[name]
        checksum.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        checksum.update(np.ascontiguousarray(array).tobytes())
    return checksum.hexdigest()
