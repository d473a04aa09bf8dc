"""Training: mini-batches, epochs, early stopping.

After each epoch the model is scored on the validation part. If the validation log loss (or the AUC, by choice) did not
improve, the learning rate is divided by ten; after `patience` such epochs in a row, training stops. It stops too where
the validation part has nothing more to teach: n rows do not tell a log loss below 1/n from none. The best epoch's
parameters are kept.
"""

import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from tqdm.auto import tqdm

from deepfm_np import metrics
from deepfm_np.checkpoint import Progress, fingerprint, resume_run, save_checkpoint
from deepfm_np.constraints import check_held, checked
from deepfm_np.data.examples import AnyExamples, Blocks, Examples, WeightedExamples
from deepfm_np.model import DeepFM
from deepfm_np.ops.log_loss import checked_labels, checked_weights
from deepfm_np.ops.rows import Array
from deepfm_np.optim import Adam, Optimizer
from deepfm_np.system.threads import one_blas_thread, thread_count

if TYPE_CHECKING:
    import pandas as pd

Result = TypeVar("Result")

PLATEAU_FACTOR = 0.1
COLUMNS = ["epoch", "train_loss", "valid_auc", "valid_log_loss", "learning_rate"]

if sys.platform == "emscripten":
    tqdm.monitor_interval = 0  # the thread that watches a bar cannot be started in a browser


def fit(
    model: DeepFM,
    train: AnyExamples,
    valid: AnyExamples | None = None,
    *,
    optimizer: Optimizer | None = None,
    epochs: int = 20,
    batch_size: int | None = 1024,
    patience: int = 2,
    stop_by: str = "log_loss",
    seed: int | np.random.Generator = 0,
    checkpoint: str | Path | None = None,
    threads: int | None = None,
    progress: bool = True,
    verbose: bool = False,
) -> "pd.DataFrame":
    """Train the model in place and return its history, one row per epoch.

    train, valid: `Examples` or `WeightedExamples` in memory, or `Blocks` read from files.
    valid: without it there is no early stopping, and all epochs run at the same learning rate.
    batch_size: None is `batch_size_for` the number of rows.  stop_by: "log_loss" or "auc", of the validation part.
    optimizer: Adam() if None.  seed: of the shuffling and the dropout masks.
    checkpoint: a file written after each epoch. If it exists, the run resumes from it, and the result is bit for bit
        that of an uninterrupted run.
    threads: how many work at once, None: one for each core. The bits are the same, see `system.parts`.
    progress: show a bar on a terminal (never in a pipe).  verbose: print each row of the history.

    The bias starts at the base rate of the training labels. Columns of the history: epoch, train_loss (with dropout
    and penalties), valid_auc, valid_log_loss, learning_rate.
    Raises ValueError, before the model is changed, for settings out of range, labels other than 0 or 1, values that
    are not finite, and a checkpoint of another run; FloatingPointError if the loss becomes infinite or nan.
    """
    import pandas as pd

    epochs, batch_size = checked("epochs", epochs), checked("batch_size", batch_size)
    patience, stop_by = checked("patience", patience), checked("stop_by", stop_by)
    path, progress = checked("checkpoint", checkpoint), checked("progress", progress)
    thread_count(threads)
    _check_examples(model, train, "train")
    if valid is not None:
        _check_examples(model, valid, "valid")
    batch_size = batch_size_for(len(train.labels)) if batch_size is None else batch_size
    optimizer = Adam() if optimizer is None else checked("optimizer", optimizer)
    for name in {"learning_rate", "epsilon"} & vars(optimizer).keys():
        check_held(name, getattr(optimizer, name), model.dtype)
    state = Progress(optimizer, np.random.default_rng(checked("seed", seed)))
    run = fingerprint(
        model, train, valid, optimizer, batch_size=batch_size, patience=patience, stop_by=stop_by, seed=seed
    )
    if path is not None and path.exists():
        resume_run(path, run, model, state)
    else:
        model.start_from(train.labels, *weights_of(train))
    with one_blas_thread(), _bar(train, state, epochs, batch_size, progress) as bar:
        for epoch in range(len(state.history) + 1, epochs + 1):
            if state.epochs_without_improvement >= patience or _nothing_left(state, valid):
                break
            bar.set_description(f"epoch {epoch}/{epochs}")
            row = {"epoch": epoch, "train_loss": _train_epoch(model, train, state, epoch, batch_size, threads, bar)}
            _end_epoch(model, valid, state, row, stop_by, threads)
            bar.set_postfix({name: f"{number:.4f}" for name, number in row.items() if "valid" in name})
            if verbose:
                tqdm.write("  ".join(f"{name} {number:.5g}" for name, number in row.items()))
            if path is not None:
                save_checkpoint(path, run, model, state)
    if state.best is not None:
        model.restore(state.best)
    return pd.DataFrame(state.history, columns=COLUMNS)


def batch_size_for(rows: int) -> int:
    """A 64th of the rows, at least 16 and at most 4096: enough steps in a small table, not too many in a large one."""
    return min(max(rows // 64, 16), 4096)


def predict(model: DeepFM, examples: AnyExamples, threads: int | None = None) -> Array:
    """(n,) click probabilities, part by part. threads: as in `DeepFM.logits`."""
    predict_proba = _with_threads(model.predict_proba, threads)
    return np.concatenate([predict_proba(part.ids, part.values) for part in examples.parts()])


def evaluate(model: DeepFM, examples: AnyExamples, threads: int | None = None) -> dict[str, float]:
    """AUC and log loss of the model on encoded examples, as {"auc": ..., "log_loss": ...}. threads: as in `predict`."""
    probabilities = predict(model, examples, threads)
    return {
        "auc": metrics.auc(examples.labels, probabilities, *weights_of(examples)),
        "log_loss": metrics.log_loss(examples.labels, probabilities, *weights_of(examples)),
    }


def batches(examples: AnyExamples, batch_size: int, rng: np.random.Generator) -> Iterator[Examples | WeightedExamples]:
    """All examples in random order, `batch_size` at a time; the last batch may be smaller.

    Examples in memory are shuffled as a whole, `Blocks` window by window: what a window leaves over joins the next one.
    """
    rest = None
    for window in examples.windows(rng):
        if rest is not None:
            window = type(window)(*map(np.concatenate, zip(rest, window, strict=True)))
        order = rng.permutation(len(window.labels))
        whole = len(order) - len(order) % batch_size
        for start in range(0, whole, batch_size):
            chosen = order[start : start + batch_size]
            yield type(window)(*(part.take(chosen, axis=0) for part in window))
        rest = type(window)(*(part[order[whole:]] for part in window))
    if rest is not None and len(rest.labels):
        yield rest


def _train_epoch(
    model: DeepFM,
    train: AnyExamples,
    state: Progress,
    epoch: int,
    batch_size: int,
    threads: int | None,
    bar: tqdm,
) -> float:
    """One pass over the training part, a step per batch; the mean loss."""
    loss_and_grads = _with_threads(model.loss_and_grads, threads)
    step = _with_threads(state.optimizer.step, threads)
    total = 0.0
    for number, batch in enumerate(batches(train, batch_size, state.rng), start=1):
        loss, grads = loss_and_grads(**batch._asdict(), rng=state.rng)
        if not np.isfinite(loss):
            raise FloatingPointError(f"the loss is {loss} in epoch {epoch}, batch {number}: {_advice(state)}")
        step(model.params, grads)
        total += float(loss) * _count(batch)
        bar.update()
    return total / _count(train)


def _nothing_left(state: Progress, valid: AnyExamples | None) -> bool:
    """Whether the log losses of all n rows that are held out sum to less than 1.

    A model that errs once in n rows would be as good, for all that they can show.
    """
    if valid is None or not state.history:
        return False
    return state.history[-1]["valid_log_loss"] * len(valid.labels) < 1


def _end_epoch(
    model: DeepFM, valid: AnyExamples | None, state: Progress, row: dict, stop_by: str, threads: int | None
) -> None:
    """Score the epoch, remember the model if it is the best so far, and lower the learning rate if it is not."""
    row["learning_rate"] = state.optimizer.learning_rate
    state.history.append(row)
    for name, array in model.to_arrays().items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise FloatingPointError(f"after epoch {row['epoch']} {name} is not finite: {_advice(state)}")
    if valid is None:
        return
    try:
        scores = evaluate(model, valid, threads)
    except FloatingPointError as error:
        raise FloatingPointError(f"after epoch {row['epoch']} {error}: {_advice(state)}") from None
    row |= {"valid_auc": scores["auc"], "valid_log_loss": scores["log_loss"]}
    loss = 1 - scores["auc"] if stop_by == "auc" else scores["log_loss"]
    if loss < state.best_loss:
        state.best = {name: array.copy() for name, array in model.to_arrays().items()}
        state.best_loss = loss
        state.epochs_without_improvement = 0
    else:
        state.epochs_without_improvement += 1
        state.optimizer.learning_rate *= PLATEAU_FACTOR


def weights_of(examples: AnyExamples) -> tuple[Array, ...]:
    """The weights as the last argument of a function that takes some, or no argument."""
    return (examples.weights,) if isinstance(examples, WeightedExamples) else ()


def _count(examples: AnyExamples) -> float:
    """How much examples count together: their number, or the sum of their weights."""
    return float(examples.weights.sum()) if isinstance(examples, WeightedExamples) else len(examples.labels)


def _with_threads(method: Callable[..., Result], threads: int | None) -> Callable[..., Result]:
    """The method with its argument `threads` set, unless it is None: your own model or optimiser may lack it."""
    return method if threads is None else partial(method, threads=threads)


def _advice(state: Progress) -> str:
    return f"lower the learning rate ({state.optimizer.learning_rate:g}) or scale the numerical fields"


def _bar(train: AnyExamples, state: Progress, epochs: int, batch_size: int, progress: bool) -> tqdm:
    steps = -(-len(train.labels) // batch_size)
    hidden = None if progress else True  # None: shown only on a terminal
    return tqdm(total=epochs * steps, initial=len(state.history) * steps, disable=hidden, unit="batch")


def _check_examples(model: DeepFM, examples: AnyExamples, name: str) -> None:
    if not isinstance(examples, Examples | WeightedExamples | Blocks):
        raise ValueError(f"{name} must be Examples or Blocks, got a {type(examples).__name__}")
    checked_labels(examples.labels)
    for weights in weights_of(examples):
        checked_weights(weights, len(examples.labels))
    for part in examples.parts():
        for array, kind in zip(part, part._fields, strict=True):
            if not isinstance(array, np.ndarray) or not array.ndim:
                raise ValueError(f"the {kind} of {name} must be an array of rows, got a {type(array).__name__}")
        if len({len(array) for array in part}) > 1:
            *others, last = part._fields
            lengths = [len(array) for array in part]
            raise ValueError(f"{', '.join(others)} and {last} must have one row per example, they have {lengths}")
        model.checked_slots(part.ids, part.values)
