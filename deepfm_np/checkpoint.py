"""The checkpoint of a training run: everything needed to go on from the end of an epoch to the same bits.

about            JSON: which run it is, the generator's state, the history, the counters of early stopping
model/...        the arrays of the model       optimizer/...  of the optimiser
best/...         the arrays of the model at its best epoch
"""

import json
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from deepfm_np.data.examples import Blocks, Examples
from deepfm_np.model import DeepFM
from deepfm_np.ops.rows import Array
from deepfm_np.optim import Optimizer
from deepfm_np.system.archive import read_arrays, write_arrays
from deepfm_np.system.sealed import plain


@dataclass
class Progress:
    """Where a run stands at the end of an epoch: together with the model, all that a checkpoint holds."""

    optimizer: Optimizer
    rng: np.random.Generator
    history: list[dict] = field(default_factory=list)
    best: dict[str, Array] | None = None  # the arrays of the model at its best epoch
    best_log_loss: float = np.inf
    epochs_without_improvement: int = 0


def fingerprint(
    model: DeepFM,
    train: Examples | Blocks,
    valid: Examples | Blocks | None,
    optimizer: Optimizer,
    *,
    batch_size: int,
    patience: int,
    seed: int | np.random.Generator,
    threads: int,
) -> dict:
    """What must be equal for a resumed run to end as the interrupted one would have. Epochs may be added."""
    settings = {name: value for name, value in vars(optimizer).items() if isinstance(value, float | int | np.number)}
    return {
        **{f"model {name}": value for name, value in model.config.items()},
        **{f"optimizer {name}": value for name, value in settings.items()},
        "optimizer": type(optimizer).__name__,
        "batch_size": batch_size,
        "patience": patience,
        "seed": str(seed),
        "threads": threads,
        "training data": _checksums(train),
        "validation data": None if valid is None else _checksums(valid),
    }


def save_checkpoint(path: str | Path, run: dict, model: DeepFM, state: Progress) -> None:
    """Write the checkpoint of a run, atomically. run: its `fingerprint`."""
    about = {
        "run": run,
        "rng": state.rng.bit_generator.state,
        "history": state.history,
        "best_log_loss": state.best_log_loss,
        "epochs_without_improvement": state.epochs_without_improvement,
    }
    parts = {"model": model.to_arrays(), "optimizer": state.optimizer.to_arrays(), "best": state.best or {}}
    arrays = {f"{part}/{name}": array for part, named in parts.items() for name, array in named.items()}
    write_arrays(path, {"about": np.array(json.dumps(about, default=plain)), **arrays})


def resume_run(path: str | Path, run: dict, model: DeepFM, state: Progress) -> None:
    """Bring the model and the state to where the checkpoint left them.

    run: the `fingerprint` of the run that goes on. Raises ValueError where the file is damaged or of another run.
    """
    arrays = read_arrays(path, "a checkpoint of deepfm_np")
    try:
        about = json.loads(str(arrays.pop("about")))
        differing = [name for name in run if about["run"].get(name) != run[name]]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"{path} is not a checkpoint of deepfm_np: {error}") from error
    if differing:
        changes = ", ".join(f"{name} was {about['run'].get(name)}, is {run[name]}" for name in differing)
        raise ValueError(f"{path} belongs to another run: {changes}; delete it to start anew")
    parts: dict[str, dict[str, Array]] = {"model": {}, "optimizer": {}, "best": {}}
    for name, array in arrays.items():
        part, _, rest = name.partition("/")
        parts[part][rest] = array
    model.restore(parts["model"])
    state.optimizer.restore(parts["optimizer"])
    state.best = parts["best"] or None
    state.rng.bit_generator.state = about["rng"]
    state.history = about["history"]
    state.best_log_loss = about["best_log_loss"]
    state.epochs_without_improvement = about["epochs_without_improvement"]


def _checksums(examples: Examples | Blocks) -> list[int]:
    sums = [0, 0, 0]
    for part in examples.parts():
        sums = [zlib.crc32(np.ascontiguousarray(array).data, so_far) for array, so_far in zip(part, sums, strict=True)]
    return sums
