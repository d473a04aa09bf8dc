"""Where an object keeps its numbers: in attributes, dicts and lists, at any depth, and which of them is whose gradient.

A path is the steps from the object to a value: ("W",) is `layer.W`, ("params", "W") is `layer.params["W"]`,
("layers", 0, "W", "data") is `layer.layers[0].W.data`.
"""

from collections.abc import Iterable, Mapping
from types import ModuleType

import numpy as np

Path = tuple
CONTAINERS = {"params": ("grads", "gradients"), "parameters": ("grads", "gradients")}
VALUES = {"data": ("grad",), "value": ("grad",)}  # attributes or keys of one parameter


def values_of(root: object) -> dict[Path, object]:
    """Every path and what is there, in the order of the attributes; an object is entered once."""
    found: dict[Path, object] = {}
    entered: set[int] = set()

    def enter(holder: object, path: Path) -> None:
        if id(holder) in entered:
            return
        entered.add(id(holder))
        for step, value in _parts(holder):
            below = (*path, step)
            found[below] = value
            enter(value, below)

    enter(root, ())
    return found


def get(root, path: Path):
    """What is there."""
    for step in path:
        root = root[step] if isinstance(root, dict | list) else getattr(root, step)
    return root


def put(root, paths: Iterable[Path], value: object) -> None:
    """Replace what is there, at each of the paths."""
    for path in paths:
        holder = get(root, path[:-1])
        if isinstance(holder, dict | list):
            holder[path[-1]] = value
        else:
            setattr(holder, path[-1], value)


def spelled(path: Path) -> str:
    """The path as text: W, params.W, layers[0].W.data."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")


def short_name(path: Path) -> str:
    """The name of a parameter: its path without the dict that holds the parameters and without `.data` behind it."""
    path = path[:-1] if path[-1] in VALUES else path
    steps = zip(path, (*path[1:], None), strict=True)
    return spelled(tuple(step for step, after in steps if not (step in CONTAINERS and isinstance(after, str))))


def is_number(value: object) -> bool:
    """Whether it is a floating array or a number: a bias may start as the integer 0."""
    if isinstance(value, np.ndarray):
        return value.dtype.kind == "f"
    return isinstance(value, int | float | np.floating) and not isinstance(value, bool)


def shared(values: Mapping[Path, object]) -> list[list[Path]]:
    """The paths of every floating array or number, one list for each: an array may be held in several places."""
    groups: dict[object, list[Path]] = {}
    for path, value in values.items():
        if is_number(value):
            groups.setdefault(id(value) if isinstance(value, np.ndarray) else path, []).append(path)
    return list(groups.values())


def gradient_path(paths: Iterable[Path], values: Mapping[Path, object]) -> Path | None:
    """Where the gradient of a parameter is, by its name: `dW` beside `W`, `grads["W"]` beside `params["W"]`."""
    return next((other for path in paths for other in values if _is_gradient_path(path, other)), None)


def is_gradient_name(name: object, other: object) -> bool:
    """Whether `other` names the gradient of `name`: dW, grad_W, W_grad, gradW and the like, in any case."""
    if not isinstance(name, str) or not isinstance(other, str):
        return False
    if other in CONTAINERS.get(name, ()) or other in VALUES.get(name, ()):
        return True
    name, other = (text.replace("_", "").lower() for text in (name, other))
    before, after = ("d", "grad", "gradient", "delta", "dld"), ("grad", "gradient")
    return other in {start + name for start in before} | {name + end for end in after}


def _is_gradient_path(path: Path, other: Path) -> bool:
    if len(path) != len(other) or path == other:
        return False
    return all(a == b or is_gradient_name(a, b) for a, b in zip(path, other, strict=True))


def _parts(holder: object) -> list[tuple]:
    """The steps into a dict, a list or an object, and what is there."""
    if isinstance(holder, dict):
        return list(holder.items())
    if isinstance(holder, list):
        return list(enumerate(holder))
    return [] if isinstance(holder, type | ModuleType) else list(getattr(holder, "__dict__", {}).items())
