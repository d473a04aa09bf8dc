"""The file of a model: configuration, parameters and running statistics as the arrays of one .npz, without pickle.

config             the arguments of the model, as JSON text
params/NAME        one array per parameter, in the model's dtype
running/NAME       the running statistics of batch norm
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from deepfm_np.ops.rows import Array
from deepfm_np.system.files import read_arrays, write_arrays


def to_arrays(config: Mapping, params: Mapping[str, Array], running: Mapping[str, Array]) -> dict[str, Array]:
    """The arrays of the file, in the dtype that the configuration names."""
    arrays = {"config": np.array(json.dumps(config))}
    for kind, group in (("params", params), ("running", running)):
        arrays |= {f"{kind}/{name}": np.asarray(array, config["dtype"]) for name, array in group.items()}
    return arrays


def write(path: str | Path, arrays: Mapping[str, Array]) -> None:
    """Write what `to_arrays` returned, atomically. Raises ValueError for a number that is not finite."""
    for name, array in arrays.items():
        if name != "config":
            _check_finite(name, array)
    write_arrays(path, arrays)


def read(path: str | Path, build: Callable[..., Any]) -> Any:
    """Read a file into a new model, build(**configuration). Executes nothing from it.

    Raises FileNotFoundError, or ValueError if the file is damaged or not a model.
    """
    arrays = read_arrays(path, "a deepfm_np model")
    try:
        model = build(**json.loads(str(arrays["config"])))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is not a deepfm_np model: its configuration is unusable ({error})") from error
    try:
        model.restore(arrays)
    except ValueError as error:
        raise ValueError(f"{path} is not a deepfm_np model, or it is damaged: {error}") from error
    return model


def restored(arrays: Mapping[str, Array], current: Mapping[str, Mapping[str, Array]]) -> dict[str, dict[str, Array]]:
    """Copies of the arrays that replace the current ones, by kind and name.

    Raises ValueError if one is missing, has another shape or dtype, or is not finite.
    """
    return {
        kind: {name: _restored(f"{kind}/{name}", array, arrays) for name, array in group.items()}
        for kind, group in current.items()
    }


def _restored(name: str, current: Array, arrays: Mapping[str, Array]) -> Array:
    if name not in arrays:
        raise ValueError(f"{name} is missing")
    array = arrays[name]
    if array.shape != current.shape or array.dtype != current.dtype:
        raise ValueError(f"{name} is {array.dtype} {array.shape}, should be {current.dtype} {current.shape}")
    _check_finite(name, array)
    return array.copy()


def _check_finite(name: str, array: Array) -> None:
    if not np.isfinite(array).all():
        raise ValueError(f"{name} holds values that are not finite")
