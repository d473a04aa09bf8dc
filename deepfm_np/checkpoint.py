"""The checkpoint of a training run: all it takes to resume after an epoch and get the same result, bit for bit.

about            JSON: the fingerprint of the run, the generator's state, the history, the counters of early stopping
model/...        the arrays of the model       optimizer/...  of the optimiser
best/...         the arrays of the model at its best epoch
"""

import json
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from deepfm_np import model_file
from deepfm_np.data.examples import AnyExamples
from deepfm_np.model import DeepFM
from deepfm_np.ops.rows import Array
from deepfm_np.optim import Optimizer
from deepfm_np.system.archive import Archive, Header, check_headers, open_archive, write_arrays
from deepfm_np.system.sealed import from_json, plain

ARITHMETIC = 3  # raised with every change of the code that changes the bits of training


@dataclass
class Progress:
    """The state of a run after an epoch. Together with the model, this is what a checkpoint holds."""

    optimizer: Optimizer
    rng: np.random.Generator
    history: list[dict] = field(default_factory=list)
    best: dict[str, Array] | None = None  # the arrays of the model at its best epoch
    best_loss: float = np.inf
    epochs_without_improvement: int = 0


def fingerprint(
    model: DeepFM,
    train: AnyExamples,
    valid: AnyExamples | None,
    optimizer: Optimizer,
    *,
    batch_size: int,
    patience: int,
    stop_by: str = "log_loss",
    seed: int | np.random.Generator,
) -> dict:
    """What must be equal for a resumed run to end as the interrupted one would have. `epochs` may differ."""
    settings = {name: value for name, value in vars(optimizer).items() if isinstance(value, float | int | np.number)}
    return {
        **{f"model {name}": value for name, value in model.config.items()},
        **{f"optimizer {name}": value for name, value in settings.items()},
        "optimizer": type(optimizer).__name__,
        "batch_size": batch_size,
        "patience": patience,
        "stop_by": stop_by,
        "seed": str(seed),
        "training data": _checksums(train),
        "validation data": None if valid is None else _checksums(valid),
    }


def save_checkpoint(path: str | Path, run: dict, model: DeepFM, state: Progress) -> None:
    """Write the checkpoint of a run, atomically. run: its `fingerprint`."""
    about = {
        "arithmetic": ARITHMETIC,
        "run": run,
        "rng": state.rng.bit_generator.state,
        "history": state.history,
        "best_loss": state.best_loss,
        "epochs_without_improvement": state.epochs_without_improvement,
    }
    parts = {"model": model.to_arrays(), "optimizer": state.optimizer.to_arrays(), "best": state.best or {}}
    arrays = {f"{part}/{name}": array for part, named in parts.items() for name, array in named.items()}
    write_arrays(path, {"about": np.array(json.dumps(about, default=plain)), **arrays})


def resume_run(path: str | Path, run: dict, model: DeepFM, state: Progress) -> None:
    """Restore the model and the state from a checkpoint.

    run: the `fingerprint` of the run to resume. Raises ValueError, and changes nothing, if the file is damaged or
    belongs to another run.
    """
    with open_archive(path, "a checkpoint of deepfm_np") as archive:
        about = _checked_about(archive, state.rng)
        differing = [name for name in run if about["run"].get(name) != run[name]]
        parts = {} if differing else _checked_parts(archive, about, model, state.optimizer)
    if differing:
        changes = ", ".join(f"{name} was {about['run'].get(name)}, is {run[name]}" for name in differing)
        raise ValueError(f"{path} belongs to another run: {changes}; delete it to start over")
    model.restore(parts["model"])
    state.optimizer.restore(parts["optimizer"])
    state.best = parts["best"] or None
    state.rng.bit_generator.state = about["rng"]
    state.history = about["history"]
    state.best_loss = about["best_loss"]
    state.epochs_without_improvement = about["epochs_without_improvement"]


def _checked_about(archive: Archive, rng: np.random.Generator) -> dict:
    """What the checkpoint says of its run, if each entry is what it can be. Raises ValueError where one is not."""
    about = from_json(archive.text("about"), finite=False)
    if isinstance(about, dict) and about.get("arithmetic", 0) != ARITHMETIC:
        raise ValueError("another version wrote it, and this one would not end in the same bits; delete it")
    names = {"arithmetic", "run", "rng", "history", "best_loss", "epochs_without_improvement"}
    if not isinstance(about, dict) or about.keys() != names or not isinstance(about["run"], dict):
        raise ValueError(f"it should say {', '.join(sorted(names))}, and nothing else")
    try:
        type(rng.bit_generator)().state = about["rng"]
    except Exception as error:  # NumPy judges it, in its own ways
        raise ValueError(f"the state of its generator is unusable: {error}") from error
    history = about["history"]
    if not isinstance(history, list) or not all(_is_epoch(row, epoch) for epoch, row in enumerate(history, start=1)):
        raise ValueError("its history is not one row of numbers per epoch")
    if not _is_number(about["best_loss"]) or not about["best_loss"] >= 0:
        raise ValueError(f"its best_loss is {about['best_loss']!r}")
    waiting = about["epochs_without_improvement"]
    if type(waiting) is not int or not 0 <= waiting <= len(history):
        raise ValueError(f"its epochs_without_improvement is {waiting!r}")
    return about


def _checked_parts(archive: Archive, about: dict, model: DeepFM, optimizer: Optimizer) -> dict[str, dict[str, Array]]:
    """Arrays of model, optimiser and best epoch, if all are what `model` and `optimizer` can be restored from.

    Headers are judged first, then the numbers of the model. Raises ValueError; nothing is changed.
    """
    parts = {name: archive.part(name) for name in ("model", "optimizer", "best")}
    strange = archive.headers.keys() - {f"{name}/{rest}" for name, part in parts.items() for rest in part} - {"about"}
    if strange:
        raise ValueError(f"{', '.join(sorted(strange))}: not expected")
    if bool(parts["best"]) != bool(np.isfinite(about["best_loss"])):
        raise ValueError("the model of its best epoch is missing or not expected")
    params = {name: Header(array.dtype, array.shape) for name, array in model.params.items()}
    arrays = {name: Header(array.dtype, array.shape) for name, array in model.to_arrays().items() if name != "config"}
    single = {"t": Header(np.dtype(int), ()), "learning_rate": Header(np.dtype(float), ())}
    moments = {f"{moment}/{name}": header for moment in optimizer.moments for name, header in params.items()}
    best = arrays if parts["best"] else {}
    for name, expected in {"model": arrays, "optimizer": single | moments, "best": best}.items():
        headers = {rest: header for rest, header in parts[name].headers.items() if rest != "config"}
        try:
            check_headers(headers, expected)
        except ValueError as error:
            raise ValueError(f"{name}/{error}") from None
    for name in ("model", "best"):
        if parts[name]:
            model_file.restored(parts[name], {"params": model.params, "running": model.running})
    rate, t = float(parts["optimizer"]["learning_rate"]), int(parts["optimizer"]["t"])
    if t < 0 or not 0 < rate < np.inf:
        raise ValueError(f"its optimizer is at step {t} with the learning rate {rate}")
    return {name: dict(part) for name, part in parts.items()}


def _is_epoch(row: object, epoch: int) -> bool:
    """Whether this can be the row of the history for this epoch."""
    if not isinstance(row, dict) or not {"epoch", "train_loss", "learning_rate"} <= row.keys():
        return False
    return row["epoch"] == epoch and all(map(_is_number, row.values()))


def _is_number(x: object) -> bool:
    return isinstance(x, int | float) and not isinstance(x, bool)


def _checksums(examples: AnyExamples) -> list[int]:
    sums: dict[str, int] = {}
    for part in examples.parts():
        for name, array in part._asdict().items():
            sums[name] = zlib.crc32(np.ascontiguousarray(array).data, sums.get(name, 0))
    return list(sums.values())
