"""The arguments of a check: read, copied, and refused where nothing could be checked with them."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from deepfm_np.gradcheck.arrays import Array, described, is_real
from deepfm_np.gradcheck.numeric import METHODS
from deepfm_np.gradcheck.slots import Slots


def require_method(method: str, fast: bool) -> None:
    """Raise ValueError for an unknown method, or one that the fast check cannot take."""
    methods = (*METHODS, "auto")
    if method not in methods:
        raise ValueError(f"method must be one of {', '.join(methods)}, got {method!r}")
    if fast and method not in ("complex", "auto"):
        raise ValueError(f"the fast check needs the complex step, got method {method!r}")


def require_tolerance(tolerance: float | None) -> None:
    """Raise ValueError for a tolerance under which everything or nothing would pass."""
    if tolerance is not None and not 0 < tolerance < 1:
        raise ValueError(f"tolerance must lie between 0 and 1, as a relative error; got {tolerance}")


def copied(what: str, given: Mapping[str, Array]) -> dict[str, Array]:
    """A copy of the arrays. Raises TypeError for anything but a dict of arrays, ValueError for an empty one."""
    if not isinstance(given, Mapping):
        raise TypeError(f"{what} must be a dict, name -> array; it {described(given)}")
    if not given:
        raise ValueError(f"{what} must hold at least one array; the dict is empty")
    arrays = {}
    for name, value in given.items():
        try:
            arrays[name] = np.array(value)
        except ValueError:
            raise TypeError(f"{what} must hold arrays; {name!r} is a list whose parts differ in shape") from None
    return arrays


def require_floating(params: Mapping[str, Array]) -> None:
    """Raise TypeError for a parameter without a derivative."""
    for name, value in params.items():
        if value.dtype.kind != "f":
            raise TypeError(f"params must be arrays of floats; {name!r} holds {value.dtype}")


def to_differentiate(wrt: str | Sequence[str] | None, inputs: Mapping[str, Array]) -> list[str]:
    """The names in `wrt`, by default those of all floating inputs.

    Raises TypeError where `wrt` holds no names, ValueError where it holds none that can be differentiated.
    """
    if wrt is None:
        wrt = [name for name, value in inputs.items() if value.dtype.kind == "f"]
        if not wrt:
            found = ", ".join(f"{name} holds {value.dtype}" for name, value in inputs.items())
            raise ValueError(f"at least one input must be an array of floats, to differentiate by; {found}")
        return wrt
    if not isinstance(wrt, Iterable):
        raise TypeError(f"wrt must be one or more names; it {described(wrt)}")
    wrt = [wrt] if isinstance(wrt, str) else list(wrt)
    if not wrt:
        raise ValueError(f"wrt must name at least one input, of {', '.join(inputs)}; it is empty")
    for name in wrt:
        if name not in inputs:
            raise ValueError(f"wrt names {name!r}, which is not an input: {', '.join(inputs)}")
        if inputs[name].dtype.kind != "f":
            raise ValueError(f"wrt names {name!r}, which is {inputs[name].dtype}: only floats have a gradient")
        if wrt.count(name) > 1:
            raise ValueError(f"wrt names {name!r} {wrt.count(name)} times: name it once")
    return wrt


def as_slots(slots: tuple[Array, Array], tensors: Mapping[str, Array]) -> Slots:
    """(ids, values) as Slots. Raises TypeError or ValueError where they cannot be slots of any of the tensors."""
    if not isinstance(slots, tuple | list) or len(slots) != 2:
        found = f"has length {len(slots)}" if isinstance(slots, tuple | list) else described(slots)
        raise TypeError(f"slots must be a pair (ids, values) of (n, s) arrays; it {found}")
    ids, values = copied("slots", {"ids": slots[0], "values": slots[1]}).values()
    if ids.dtype.kind not in "iu":
        raise TypeError(f"the ids of slots must be integers; they are {ids.dtype}")
    if not is_real(values) and values.dtype.kind != "b":
        raise TypeError(f"the values of slots must be real numbers; they are {values.dtype}")
    if ids.ndim != 2 or ids.shape != values.shape:
        raise ValueError(f"slots must be (ids, values), both (n, s); they are {ids.shape} and {values.shape}")
    if ids.min(initial=0) < 0:
        row, slot = np.argwhere(ids < 0)[0]
        raise ValueError(f"the ids of slots must not be negative; row {row}, slot {slot} holds {ids[row, slot]}")
    longest = max((len(value) for value in tensors.values() if value.ndim), default=0)
    if ids.size and ids.max() >= longest:
        raise ValueError(
            f"the ids of slots must be rows of a tensor; they name row {ids.max()}, the longest tensor has {longest}"
        )
    return Slots(ids.astype(np.intp), values)
