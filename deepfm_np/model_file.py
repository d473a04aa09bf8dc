"""The file of a model: configuration, parameters and running statistics as the arrays of one .npz, without pickle.

config             the arguments of the model, as JSON text
params/NAME        one array per parameter, in the model's dtype
running/NAME       the running statistics of batch norm
"""

import inspect
import json
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from deepfm_np.architecture import table_names
from deepfm_np.constraints import checked
from deepfm_np.network_input import input_widths
from deepfm_np.ops.rows import Array
from deepfm_np.system.archive import Archive, Header, check_headers, open_archive, write_arrays
from deepfm_np.system.sealed import from_json

ADDED: dict[str, Any] = {"l2_table": 0.0, "products": [], "shared_embedding": True}  # settings that older files lack


def to_arrays(config: Mapping, params: Mapping[str, Array], running: Mapping[str, Array]) -> dict[str, Array]:
    """The arrays of the file, in the dtype that the configuration names."""
    arrays = {"config": np.array(json.dumps(config))}
    for kind, group in (("params", params), ("running", running)):
        arrays |= {f"{kind}/{name}": np.asarray(array, config["dtype"]) for name, array in group.items()}
    return arrays


def write(path: str | Path, arrays: Mapping[str, Array]) -> None:
    """Write what `to_arrays` returned, atomically. Raises ValueError for a number that is not finite."""
    check_finite(arrays)
    write_arrays(path, arrays)


def check_finite(arrays: Mapping[str, Array]) -> None:
    """Raise ValueError, naming the first of the arrays that holds a number that is not finite."""
    for name, array in arrays.items():
        if name != "config":
            _check_finite(name, array)


def read(path: str | Path, build: Callable[..., Any]) -> Any:
    """Read a file into a new model, build(**configuration). Executes nothing from it.

    Raises FileNotFoundError, or ValueError if the file is damaged or not a model.
    """
    with open_archive(path, "a deepfm_np model") as archive:
        return model_of(archive, build)


def model_of(archive: Archive, build: Callable[..., Any]) -> Any:
    """The model of these arrays. Nothing is built or read but the configuration until all headers agree with it.

    Raises ValueError for a configuration that is unusable, and arrays that are missing, unexpected or do not fit it.
    """
    try:
        config = checked_config(from_json(archive.text("config")), build)
    except (TypeError, ValueError) as error:
        raise ValueError(f"its configuration is unusable ({error})") from error
    check_headers(archive.headers, {"config": archive.headers["config"], **expected_headers(config)})
    model = build(**config)
    model.restore(archive)
    return model


def checked_config(config: Any, build: Callable[..., Any]) -> dict[str, Any]:
    """The configuration, if it has every argument of `build` but the seed, no other, and each is what it may be."""
    names = inspect.signature(build).parameters.keys() - {"seed"}
    config = {**ADDED, **config} if isinstance(config, dict) else config
    if not isinstance(config, dict) or config.keys() != names:
        differing = ", ".join(sorted(map(str, names ^ set(config if isinstance(config, dict) else ()))))
        raise ValueError(f"missing or unknown: {differing}")
    return {
        name: None if name == "field_starts" and value is None else checked(name, value)
        for name, value in config.items()
    }


def expected_headers(config: Mapping[str, Any]) -> dict[str, Header]:
    """What the file holds beside its configuration, by name: computed without making any of it."""
    D, m, k = sum(config["field_dims"]), len(config["field_dims"]), config["embedding_dim"]
    shapes: dict[str, tuple[int, ...]] = {"params/bias": ()}
    if config["first_order"]:
        shapes["params/weights"] = (D,)
    shapes |= {f"params/{name}": (D, k) for name in table_names(config)}
    if config["deep"]:
        widths = [sum(input_widths(m, k, config["products"])), *config["hidden"], 1]
        for layer, (fan_in, fan_out) in enumerate(pairwise(widths)):
            shapes |= {f"params/W{layer}": (fan_in, fan_out), f"params/b{layer}": (fan_out,)}
            if config["batch_norm"] and layer < len(config["hidden"]):
                normalised = "params/gamma", "params/beta", "running/mean", "running/var"
                shapes |= {f"{name}{layer}": (fan_out,) for name in normalised}
    return {name: Header(np.dtype(config["dtype"]), shape) for name, shape in shapes.items()}


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
