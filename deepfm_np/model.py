"""DeepFM: the parameters of an architecture, its loss, its gradients and its file.

y_hat = sigmoid(w_0 + y_FM + y_deep)      (Guo et al. 2017, equation 1); see `architecture` for the parts
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from deepfm_np import model_file, ops
from deepfm_np.architecture import COMPONENTS as COMPONENTS
from deepfm_np.architecture import Architecture, Explanation, checked_starts
from deepfm_np.constraints import check_held, checked
from deepfm_np.ops.embedding import slot_fields
from deepfm_np.ops.log_loss import checked_labels, checked_weights
from deepfm_np.ops.rows import Array, checked_slots
from deepfm_np.system.memory import keep_freed_memory
from deepfm_np.system.parts import Part, generators, side_by_side, split_batch, split_rows, sum_gradients, whole
from deepfm_np.system.threads import one_blas_thread, parallel_map, thread_count

if TYPE_CHECKING:
    from deepfm_np.to_torch import TorchDeepFM

TABLE_STD = 0.01
PREDICTION_ROWS = 512  # in a part: its arrays fit the cache


class DeepFM:
    """DeepFM for click prediction, with every gradient written by hand.

    field_dims: rows of the flat table that belong to each field, m numbers; their sum is D.
    field_starts: the slots at which the fields begin; None means one slot per field.
    embedding_dim: k, the length of a field vector (the paper: 10).
    hidden: units of each hidden layer.  activation: "sigmoid", "relu" or "tanh".
    dropout: probability that a hidden unit is dropped in training, in [0, 1).
    deep_output: "logit", or "sigmoid" for the arXiv version of the paper, where y_deep lies in (0, 1).
    first_order, fm, deep: which components are on; at least one must be.
    l2_embedding, l2_table, l2_net: strengths of the L2 penalties, see `ops.l2`: on the table's rows as they occur, on
        the whole table at every step, in time that grows with it, on every W. What suits one does not suit another.
    seed: an int or a numpy.random.Generator for the start.  dtype: "float32" or "float64".
    products: what the network reads besides the field vectors, out of "inner" and "outer", see `network_input`.
    shared_embedding: whether FM and network read one table; False gives the network one of its own, "deep_table".

    Raises ValueError, naming the argument, for a setting outside these.

    `params` maps names to arrays: "bias" (), "weights" (D,), "table" (D, k), "W0" (d_in, d_0), "b0" (d_0,), ...,
    and with batch norm "gamma0", "beta0", ...; the last W and b are the output layer's. Only the parameters of
    components that are on are present. Entries may be replaced or written to. `running` holds the running means
    and variances of batch norm, "mean0" and "var0" onwards, which are not learned by gradient.
    """

    def __init__(
        self,
        field_dims: Sequence[int],
        field_starts: Sequence[int] | None = None,
        embedding_dim: int = 10,
        hidden: Sequence[int] = (400, 400, 400),
        activation: str = "sigmoid",
        dropout: float = 0.5,
        batch_norm: bool = False,
        deep_output: str = "logit",
        first_order: bool = True,
        fm: bool = True,
        deep: bool = True,
        l2_embedding: float = 0.0,
        l2_net: float = 0.0,
        seed: int | np.random.Generator = 0,
        dtype: str = "float32",
        l2_table: float = 0.0,
        products: Sequence[str] = (),
        shared_embedding: bool = True,
    ):
        self.field_dims: list[int] = checked("field_dims", field_dims)
        self.field_starts: list[int] | None = checked_starts(field_starts, self.field_dims)
        self.embedding_dim: int = checked("embedding_dim", embedding_dim)
        self.hidden: list[int] = checked("hidden", hidden)
        self.activation: str = checked("activation", activation)
        self.dropout: float = checked("dropout", dropout)
        self.batch_norm: bool = checked("batch_norm", batch_norm)
        self.deep_output: str = checked("deep_output", deep_output)
        self.first_order: bool = checked("first_order", first_order)
        self.fm: bool = checked("fm", fm)
        self.deep: bool = checked("deep", deep)
        self.l2_embedding: float = checked("l2_embedding", l2_embedding)
        self.l2_net: float = checked("l2_net", l2_net)
        self.l2_table: float = checked("l2_table", l2_table)
        self.products: list[str] = checked("products", products)
        self.shared_embedding: bool = checked("shared_embedding", shared_embedding)
        self.dtype: str = checked("dtype", dtype)
        for name in ("l2_embedding", "l2_net", "l2_table"):
            check_held(name, getattr(self, name), self.dtype)
        self.config = dict(vars(self))
        if not (self.first_order or self.fm or self.deep):
            raise ValueError("at least one of first_order, fm and deep must be on")
        self.architecture = Architecture(self.config)
        self.network = self.architecture.network
        rng = np.random.default_rng(checked("seed", seed))
        D, k = sum(self.field_dims), self.embedding_dim
        params: dict[str, Array] = {"bias": np.zeros(())}
        if self.first_order:
            params["weights"] = np.zeros(D)
        for name in self.architecture.tables:
            params[name] = rng.standard_normal((D, k), dtype=self.dtype) * np.dtype(self.dtype).type(TABLE_STD)
        if self.deep:
            params |= self.network.start(self.architecture.width, rng)
        self.params: dict[str, Array] = {name: array.astype(self.dtype, copy=False) for name, array in params.items()}
        running = self.network.start_running() if self.deep else {}
        self.running: dict[str, Array] = {name: array.astype(self.dtype) for name, array in running.items()}
        self._scratch = np.zeros(D, np.int32)  # for `ops.touched_rows`

    def start_from(self, labels: Array, weights: Array | None = None) -> None:
        """Set the bias to the log odds of the training labels, so that the first loss is the base rate's.

        labels: (n,) of 0 or 1.  weights: as in `loss_and_grads`. If the labels are all of one class, the odds are
        undefined: half a click and half a miss are added. With the sigmoid output, which starts at 1/2, the bias is 1/2
        less. Raises ValueError for other labels.
        """
        labels = checked_labels(labels)
        labels = labels.astype(np.float64)  # the sum of float16 would end at 65504
        counts = 1 if weights is None else checked_weights(weights, len(labels))
        clicks, misses = (counts * labels).sum(), (counts * (1 - labels)).sum()
        if clicks == 0 or misses == 0:
            clicks, misses = clicks + 0.5, misses + 0.5
        at_start = 0.5 if self.deep and self.deep_output == "sigmoid" else 0.0
        self.params["bias"][...] = np.log(clicks / misses) - at_start

    def logits(self, ids: Array, values: Array, threads: int | None = None) -> Array:
        """(n, s) ids and values -> (n,) logits, without dropout, batch norm by its running statistics.

        threads: how many parts of the rows to compute at once, None: one for each core. The bits are the same.
        Raises ValueError, TypeError or IndexError, naming the row, for slots that do not fit the model;
        FloatingPointError if a logit is not finite.
        """
        ids, values = self.checked_slots(ids, values)

        def part(rows: slice) -> Array:
            with np.errstate(over="ignore", invalid="ignore"):
                return self.architecture.predict(self.params, self.running, ids[rows], values[rows])

        split = split_rows(len(ids), -(-len(ids) // PREDICTION_ROWS))
        keep_freed_memory()
        with one_blas_thread():
            parts = parallel_map(part, split, threads=threads)
        logits = np.concatenate([np.empty(0, self.dtype), *parts])
        if not np.isfinite(logits).all():
            row = int(np.argmin(np.isfinite(logits)))
            reason = f"its values or the parameters are too large for {logits.dtype}"
            raise FloatingPointError(f"row {row} has the logit {logits[row]}: {reason}")
        return logits

    def predict_proba(self, ids: Array, values: Array, threads: int | None = None) -> Array:
        """(n, s) ids and values -> (n,) click probabilities. threads: as in `logits`. Raises the same errors."""
        logits = self.logits(ids, values) if threads is None else self.logits(ids, values, threads)
        return ops.sigmoid_forward(logits)[0]

    def loss_and_grads(
        self,
        ids: Array,
        values: Array,
        labels: Array,
        rng: np.random.Generator | None = None,
        params: Mapping[str, Array] | None = None,
        training: bool = True,
        threads: int | None = None,
        weights: Array | None = None,
    ) -> tuple[np.inexact, dict[str, Array | ops.RowGradient]]:
        """The mean log loss in nats plus the L2 penalties, and its gradient for every parameter.

        ids, values: (n, s).  labels: (n,) of 0 or 1.  rng: draws the dropout masks; None leaves dropout off.
        params: used instead of `self.params`; in a gradient check one entry is complex, and so is the loss.
        training: batch norm uses the statistics of the batch instead of the running ones.
        threads: how many parts of the batch to compute at once, None: one for each core. The bits are the same.
        weights: (n,) positive numbers, what each example counts in the mean of the log loss; None: all the same. They
            do not change the L2 penalties nor the statistics of batch norm.
        The gradients of "weights" and, without `l2_table`, "table" are `RowGradient`s of the rows the batch touches.

        A call in training mode updates the running statistics of batch norm, unless `params` is given. It is not
        thread-safe. Raises ValueError, TypeError or IndexError, naming the row, for input that does not
        fit the model.
        """
        ids, values = self.checked_slots(ids, values)
        labels = checked_labels(labels)
        if len(labels) != len(ids):
            raise ValueError(f"labels must be (n,), one for each of {len(ids)} rows of ids; they are {labels.shape}")
        rng = None if rng is None else checked("rng", rng)
        threads = thread_count(threads)
        weights = None if weights is None else checked_weights(weights, len(ids))
        own, architecture = params is None, self.architecture
        params = self.params if params is None else params
        touched = ops.touched_rows(ids, values, self._scratch)

        def part(rows: slice, rng: np.random.Generator | None) -> Part[tuple]:
            slots = ids[rows], values[rows]
            logits, caches = yield from architecture.forward_part(params, self.running, *slots, rng, training)
            loss, loss_cache = ops.log_loss_forward(logits, labels[rows], None if weights is None else weights[rows])
            share = len(logits) / len(ids) if weights is None else float(weights[rows].sum() / weights.sum())
            grad_logits = ops.log_loss_backward(share, loss_cache)
            grads = yield from architecture.backward_part(grad_logits, caches, touched.part(rows))
            return share * loss, grads, caches.network

        split = split_batch(len(ids), architecture.work)
        keep_freed_memory()
        rngs = generators(rng if self.deep and self.dropout else None, len(split))
        with one_blas_thread():
            parts = side_by_side(list(map(part, split, rngs)), threads)
        losses, gradients, networks = zip(*parts, strict=True)
        grads = sum_gradients(gradients)
        loss = sum(losses) + architecture.add_penalties(grads, params, ids, values, touched)
        if own and training and self.deep:
            self.running = self.network.moved_running(networks[0], self.running)
        return loss, {name: grads[name] for name in self.params}

    def explain(self, ids: Array, values: Array) -> Explanation:
        """Split each logit into bias, first order by field, pairs of fields and the deep part.

        ids, values: (n, s). Raises ValueError, TypeError or IndexError as `logits` does.
        """
        ids, values = self.checked_slots(ids, values)
        self.logits(ids, values)
        return self.architecture.explain(self.params, self.running, ids, values)

    def save(self, path: str | Path) -> None:
        """Write configuration, parameters and running statistics to an .npz file, atomically.

        Raises ValueError for a number that is not finite; `load` would refuse it.
        """
        model_file.write(path, self.to_arrays())

    @classmethod
    def load(cls, path: str | Path) -> "DeepFM":
        """Read a file that `save` wrote. Executes nothing from it.

        Raises FileNotFoundError, or ValueError if the file is damaged or not a model.
        """
        return model_file.read(path, cls)

    def to_torch(self, sparse: bool = False) -> "TorchDeepFM":
        """A `torch.nn.Module` with copies of the parameters: forward(ids, values) gives the same (n,) logits.

        It is in evaluation mode: call its `train()` before training. sparse: return the gradients
        of "weights" and "table" as sparse tensors. See `deepfm_np.to_torch`. Raises ImportError without PyTorch.
        """
        from deepfm_np.to_torch import TorchDeepFM

        return TorchDeepFM(self.config, self.params, self.running, sparse)

    def to_arrays(self) -> dict[str, Array]:
        """Everything that `restore` needs, as named arrays in the model's dtype; the configuration is JSON text."""
        return model_file.to_arrays(self.config, self.params, self.running)

    def restore(self, arrays: Mapping[str, Array]) -> None:
        """Take parameters and running statistics from the `to_arrays` of a model with the same configuration.

        Raises ValueError, and changes nothing, if an array is missing, has another shape or dtype, or is not finite.
        """
        restored = model_file.restored(arrays, {"params": self.params, "running": self.running})
        self.params, self.running = restored["params"], restored["running"]

    def gradient_terms(
        self,
        ids: Array,
        values: Array,
        labels: Array,
        rng: np.random.Generator | None = None,
        params: Mapping[str, Array] | None = None,
        weights: Array | None = None,
    ) -> dict[str, dict[str, Array | ops.RowGradient]]:
        """The terms that add up to the gradient of each table: {"table": {"FM part": ..., "deep part": ...}}.

        See `Architecture.gradient_terms`; {} without a table. The arguments are those of `loss_and_grads`.
        """
        params = self.params if params is None else params
        ids, values = self.checked_slots(ids, values)
        logits, caches = whole(self.architecture.forward_part(params, self.running, ids, values, rng, training=True))
        _, loss_cache = ops.log_loss_forward(logits, labels, weights)
        grad_logits = ops.log_loss_backward(1.0, loss_cache)
        return self.architecture.gradient_terms(grad_logits, caches, params, ids, values)

    def checked_slots(self, ids: Array, values: Array) -> tuple[Array, Array]:
        """Check (n, s) ids and values, and return them as arrays, the values in the model's dtype.

        Raises TypeError for ids that are not integers, IndexError for an id outside the table, and ValueError for
        shapes that do not fit or a value that is not finite; each names the row.
        """
        ids, values = checked_slots(ids, values, sum(self.field_dims), np.dtype(self.dtype))
        m, s = len(self.field_dims), ids.shape[1]
        if self.field_starts is None and s != m:
            raise ValueError(f"the model has {m} fields of one slot each, the input has {s} slots")
        if self.field_starts is not None:
            slot_fields(self.field_starts, s)
        with np.errstate(over="ignore"):
            in_dtype = values.astype(self.dtype, copy=False)
        if not np.isfinite(in_dtype).all():
            row, slot = np.argwhere(~np.isfinite(in_dtype))[0]
            too_large = f", too large for {self.dtype}" if np.isfinite(values[row, slot]) else ""
            raise ValueError(f"values must be finite; row {row}, slot {slot} holds {values[row, slot]}{too_large}")
        return ids, in_dtype
