"""Training: mini-batches, epochs, early stopping, checkpoints.

After each epoch the model is scored on the validation part. An epoch that does not lower the validation log loss
divides the learning rate by ten; `patience` of them in a row end training. The best epoch's parameters are kept.
"""

import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from tqdm.auto import tqdm

from deepfm_np import metrics
from deepfm_np.config import whole_number
from deepfm_np.files import plain, read_arrays, write_arrays
from deepfm_np.memory import keep_freed_memory
from deepfm_np.model import DeepFM
from deepfm_np.ops.log_loss import check_labels
from deepfm_np.ops.rows import Array
from deepfm_np.optim import Adam, Optimizer
from deepfm_np.threads import Threads, team

if TYPE_CHECKING:
    import pandas as pd

    from deepfm_np.blocks import Blocks

PLATEAU_FACTOR = 0.1


class Examples(NamedTuple):
    """Encoded examples with their labels."""

    ids: Array  # (n, s) int
    values: Array  # (n, s) float
    labels: Array  # (n,) of 0 and 1

    def parts(self) -> Iterator["Examples"]:
        """All examples in order, as many at a time as fit in memory: here all."""
        yield self

    def windows(self, rng: np.random.Generator) -> Iterator["Examples"]:
        """All examples, as many at a time as are shuffled among themselves: here all, so that nothing is drawn."""
        yield self


@dataclass
class Progress:
    """Where a run stands at the end of an epoch: with the model, all that a checkpoint holds."""

    optimizer: Optimizer
    rng: np.random.Generator
    history: list[dict] = field(default_factory=list)
    best: dict[str, Array] | None = None  # the arrays of the model at its best epoch
    best_log_loss: float = np.inf
    epochs_without_improvement: int = 0


def fit(
    model: DeepFM,
    train: "Examples | Blocks",
    valid: "Examples | Blocks | None" = None,
    *,
    optimizer: Optimizer | None = None,
    epochs: int = 20,
    batch_size: int = 1024,
    patience: int = 2,
    seed: int = 0,
    checkpoint: str | Path | None = None,
    threads: int = 1,
    progress: bool = True,
) -> "pd.DataFrame":
    """Train the model in place and return its history, one row per epoch.

    train, valid: `Examples` in memory, or `blocks.Blocks` read from files.
    valid: without it there is no early stopping, and training runs all epochs at one learning rate.
    optimizer: Adam() where None.  seed: of the shuffling and the dropout masks.
    checkpoint: a file written after each epoch. Where it exists already the run is resumed from it and ends in the
        same bits as one that was never interrupted.
    threads: how many share each batch, see `deepfm_np.threads`. The bits depend on it. With one thread, BLAS may use
        several of its own, and the last bits depend on how many.
    progress: show a bar on a terminal (never in a pipe).

    On Linux the process keeps the memory that a step frees: see `deepfm_np.memory`.

    The bias starts at the base rate of the training labels. Columns of the history: epoch, train_loss (with dropout
    and penalties), valid_auc, valid_log_loss, learning_rate.
    Raises ValueError for settings out of range, labels other than 0 or 1, values that are not finite and a
    checkpoint of another run, before the model is changed; FloatingPointError where the loss stops being finite.
    """
    import pandas as pd

    _check_settings(epochs=epochs, batch_size=batch_size, patience=patience)
    for part in (train, valid) if valid is not None else (train,):
        _check_examples(model, part)
    shared = team(threads)
    if threads > 1:
        model.check_parts()
    keep_freed_memory()
    optimizer = Adam() if optimizer is None else optimizer
    state = Progress(optimizer, np.random.default_rng(seed))
    run = _fingerprint(model, train, valid, optimizer, batch_size, patience, seed, threads)
    if checkpoint is not None and Path(checkpoint).exists():
        _resume(checkpoint, run, model, state)
    else:
        model.start_from(train.labels)
    steps = -(-len(train.labels) // batch_size)
    done = len(state.history)
    hidden = None if progress else True  # None: shown on a terminal alone
    with shared as workers, tqdm(total=epochs * steps, initial=done * steps, disable=hidden, unit="batch") as bar:
        share = {} if workers is None else {"threads": workers}  # a model of your own need not know it
        for epoch in range(done + 1, epochs + 1):
            if valid is not None and state.epochs_without_improvement >= patience:
                break
            bar.set_description(f"epoch {epoch}/{epochs}")
            row = {"epoch": epoch, "train_loss": _train_epoch(model, train, state, epoch, batch_size, bar, share)}
            _end_epoch(model, valid, state, row, share)
            bar.set_postfix({name: f"{number:.4f}" for name, number in row.items() if "valid" in name})
            if checkpoint is not None:
                _save(checkpoint, run, model, state)
    if state.best is not None:
        model.restore(state.best)
    return pd.DataFrame(state.history, columns=["epoch", "train_loss", "valid_auc", "valid_log_loss", "learning_rate"])


def predict(model: DeepFM, examples: "Examples | Blocks", **share: Threads) -> Array:
    """(n,) click probabilities, part by part. share: `threads=`, which is handed on to the model."""
    return np.concatenate([model.predict_proba(part.ids, part.values, **share) for part in examples.parts()])


def evaluate(model: DeepFM, examples: "Examples | Blocks", **share: Threads) -> dict[str, float]:
    """AUC and log loss of the model on encoded examples, as {"auc": ..., "log_loss": ...}. share: as in `predict`."""
    probabilities = predict(model, examples, **share)
    return {
        "auc": metrics.auc(examples.labels, probabilities),
        "log_loss": metrics.log_loss(examples.labels, probabilities),
    }


def batches(examples: "Examples | Blocks", batch_size: int, rng: np.random.Generator) -> Iterator[Examples]:
    """All examples in random order, `batch_size` at a time; the last batch may be smaller.

    `Examples` are shuffled as a whole, `Blocks` window by window: what a window leaves over joins the next one.
    """
    rest = None
    for window in examples.windows(rng):
        if rest is not None:
            window = Examples(*map(np.concatenate, zip(rest, window, strict=True)))
        order = rng.permutation(len(window.labels))
        whole = len(order) - len(order) % batch_size
        for start in range(0, whole, batch_size):
            chosen = order[start : start + batch_size]
            yield Examples(*(part[chosen] for part in window))
        rest = Examples(*(part[order[whole:]] for part in window))
    if len(rest.labels):
        yield rest


def _train_epoch(
    model: DeepFM,
    train: "Examples | Blocks",
    state: Progress,
    epoch: int,
    batch_size: int,
    bar: tqdm,
    share: dict[str, Threads],
) -> float:
    total = 0.0
    for number, batch in enumerate(batches(train, batch_size, state.rng), start=1):
        loss, grads = model.loss_and_grads(*batch, rng=state.rng, **share)
        if not np.isfinite(loss):
            raise FloatingPointError(f"the loss is {loss} in epoch {epoch}, batch {number}: {_advice(state)}")
        state.optimizer.step(model.params, grads, **share)
        total += float(loss) * len(batch.labels)
        bar.update()
    return total / len(train.labels)


def _end_epoch(
    model: DeepFM, valid: "Examples | Blocks | None", state: Progress, row: dict, share: dict[str, Threads]
) -> None:
    """Score the epoch, remember the model if it is the best so far, and lower the learning rate if it is not."""
    row["learning_rate"] = state.optimizer.learning_rate
    state.history.append(row)
    if valid is None:
        return
    try:
        scores = evaluate(model, valid, **share)
    except FloatingPointError as error:
        raise FloatingPointError(f"after epoch {row['epoch']} {error}: {_advice(state)}") from None
    row |= {"valid_auc": scores["auc"], "valid_log_loss": scores["log_loss"]}
    if scores["log_loss"] < state.best_log_loss:
        state.best = {name: array.copy() for name, array in model.to_arrays().items()}
        state.best_log_loss = scores["log_loss"]
        state.epochs_without_improvement = 0
    else:
        state.epochs_without_improvement += 1
        state.optimizer.learning_rate *= PLATEAU_FACTOR


def _advice(state: Progress) -> str:
    return f"lower the learning rate ({state.optimizer.learning_rate:g}) or scale the numerical fields"


def _fingerprint(
    model: DeepFM,
    train: "Examples | Blocks",
    valid: "Examples | Blocks | None",
    optimizer: Optimizer,
    batch_size: int,
    patience: int,
    seed: int,
    threads: int,
) -> dict:
    """What must be the same for a resumed run to end as the interrupted one would have. Epochs may be added."""
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


def _checksums(examples: "Examples | Blocks") -> list[int]:
    sums = [0, 0, 0]
    for part in examples.parts():
        sums = [zlib.crc32(np.ascontiguousarray(array), so_far) for array, so_far in zip(part, sums, strict=True)]
    return sums


def _save(checkpoint: str | Path, run: dict, model: DeepFM, state: Progress) -> None:
    about = {
        "run": run,
        "rng": state.rng.bit_generator.state,
        "history": state.history,
        "best_log_loss": state.best_log_loss,
        "epochs_without_improvement": state.epochs_without_improvement,
    }
    parts = {"model": model.to_arrays(), "optimizer": state.optimizer.to_arrays(), "best": state.best or {}}
    arrays = {f"{part}/{name}": array for part, named in parts.items() for name, array in named.items()}
    write_arrays(checkpoint, {"about": np.array(json.dumps(about, default=plain)), **arrays})


def _resume(checkpoint: str | Path, run: dict, model: DeepFM, state: Progress) -> None:
    arrays = read_arrays(checkpoint, "a checkpoint of deepfm_np")
    try:
        about = json.loads(str(arrays.pop("about")))
        differing = [name for name in run if about["run"].get(name) != run[name]]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"{checkpoint} is not a checkpoint of deepfm_np: {error}") from error
    if differing:
        changes = ", ".join(f"{name} was {about['run'].get(name)}, is {run[name]}" for name in differing)
        raise ValueError(f"{checkpoint} belongs to another run: {changes}; delete it to start anew")
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


def _check_settings(**settings: int) -> None:
    for name, value in settings.items():
        if whole_number(name, value) < 1:
            raise ValueError(f"{name} must be at least 1, got {value}")


def _check_examples(model: DeepFM, examples: "Examples | Blocks") -> None:
    check_labels(np.asarray(examples.labels))
    for part in examples.parts():
        if not len(part.ids) == len(part.values) == len(part.labels):
            lengths = [len(array) for array in part]
            raise ValueError(f"ids, values and labels must have one row per example, they have {lengths}")
        model.checked_slots(part.ids, part.values)
