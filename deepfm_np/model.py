"""DeepFM: a sum of components over one shared embedding table.

y_hat = sigmoid(w_0 + y_FM + y_deep)
y_FM  = <w, x> + sum_{i<j} <V_i, V_j>
a_0   = [V_1, ..., V_m],   a_{l+1} = dropout(activation(batch_norm(a_l W_l + b_l))),   y_deep = a_H W_H + b_H

(Guo et al. 2017, equations 1 to 4; the intercept w_0 is ours.) Each component has a switch, so that logistic
regression, the factorization machine, the plain network and Wide & Deep without crosses are the same class: see
`COMPONENTS`.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from deepfm_np import ops
from deepfm_np.config import check_config, dtype_name, number, whole_number, whole_numbers
from deepfm_np.files import read_arrays, write_arrays
from deepfm_np.network import Network, NetworkCache
from deepfm_np.ops.embedding import EmbeddingCache, slot_fields
from deepfm_np.ops.first_order import FirstOrderCache
from deepfm_np.ops.fm import FMCache
from deepfm_np.ops.log_loss import check_labels
from deepfm_np.ops.rows import Array, check_slots
from deepfm_np.threads import Threads, added, shared

if TYPE_CHECKING:
    from deepfm_np.to_torch import TorchDeepFM

COMPONENTS = {
    "LR": {"fm": False, "deep": False},
    "FM": {"deep": False},
    "DNN": {"first_order": False, "fm": False},
    "Wide & Deep": {"fm": False},
    "DeepFM": {},
}
TABLE_STD = 0.01
PREDICTION_BATCH = 4096


class Explanation(NamedTuple):
    """The logit of each of n examples, split into parts that add up to it."""

    bias: float
    first_order: Array  # (n, m): by field
    pairs: Array  # (n, m, m): <V_i, V_j> where i < j, else 0
    deep: Array  # (n,)

    @property
    def logits(self) -> Array:
        """(n,), the sum of the parts."""
        return self.bias + self.first_order.sum(axis=1) + self.pairs.sum(axis=(1, 2)) + self.deep


class Forward(NamedTuple):
    """What a forward pass leaves for the backward pass; the parts that are switched off are None."""

    first_order: FirstOrderCache | None
    embedding: EmbeddingCache | None
    fm: FMCache | None
    network: NetworkCache | None


class DeepFM:
    """DeepFM for click prediction, with every gradient written by hand.

    field_dims: rows of the flat table that belong to each field, m numbers; their sum is D.
    field_starts: the slot at which each field begins; None means one slot per field.
    embedding_dim: k, the length of a field vector (the paper: 10).
    hidden: units of each hidden layer.  activation: "sigmoid", "relu" or "tanh".
    dropout: probability that a hidden unit is dropped in training, in [0, 1).
    deep_output: "logit", or "sigmoid" for the arXiv version of the paper, where y_deep lies in (0, 1).
    first_order, fm, deep: the components that are on; at least one must be.
    l2_embedding, l2_net: penalty strengths, per example; see `ops.l2`.
    seed: an int or a numpy.random.Generator for the start.  dtype: "float32" or "float64".

    Raises ValueError, naming the argument, for a setting outside these.

    `params` maps names to arrays: "bias" (), "weights" (D,), "table" (D, k), "W0" (m k, d_0), "b0" (d_0,), ...,
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
    ):
        self.config = dict(
            field_dims=whole_numbers("field_dims", field_dims),
            field_starts=None if field_starts is None else whole_numbers("field_starts", field_starts),
            embedding_dim=whole_number("embedding_dim", embedding_dim),
            hidden=whole_numbers("hidden", hidden),
            activation=activation,
            dropout=number("dropout", dropout),
            batch_norm=bool(batch_norm),
            deep_output=deep_output,
            first_order=bool(first_order),
            fm=bool(fm),
            deep=bool(deep),
            l2_embedding=number("l2_embedding", l2_embedding),
            l2_net=number("l2_net", l2_net),
            dtype=dtype_name(dtype),
        )
        check_config(self.config)
        vars(self).update(self.config)
        self.network = Network(self.hidden, activation, self.dropout, self.batch_norm, deep_output)
        rng = np.random.default_rng(seed)
        D, m, k = sum(self.field_dims), len(self.field_dims), self.embedding_dim
        params: dict[str, Array] = {"bias": np.zeros(())}
        if self.first_order:
            params["weights"] = np.zeros(D)
        if self.fm or self.deep:
            params["table"] = rng.standard_normal((D, k), dtype=self.dtype) * np.dtype(dtype).type(TABLE_STD)
        if self.deep:
            params |= self.network.start(m * k, rng)
        self.params = {name: array.astype(dtype, copy=False) for name, array in params.items()}
        running = self.network.start_running() if self.deep else {}
        self.running = {name: array.astype(dtype) for name, array in running.items()}
        self._scratch = np.zeros(D, np.int32)  # for `ops.touched_rows`

    def start_from(self, labels: Array) -> None:
        """Set the bias to the log odds of the training labels, so that the first loss is the base rate's.

        Labels of a single class leave the odds undefined; they are counted with half a click and half a miss
        added. With the sigmoid output, which starts at 1/2, the bias is 1/2 less.
        """
        labels = np.asarray(labels)
        check_labels(labels)
        clicks, misses = labels.sum(), (1 - labels).sum()
        if clicks == 0 or misses == 0:
            clicks, misses = clicks + 0.5, misses + 0.5
        at_start = 0.5 if self.deep and self.deep_output == "sigmoid" else 0.0
        self.params["bias"][...] = np.log(clicks / misses) - at_start

    def logits(self, ids: Array, values: Array, threads: Threads | None = None) -> Array:
        """(n, s) ids and values -> (n,) logits, without dropout, batch norm by its running statistics.

        threads: work on several parts at once.
        Raises ValueError, TypeError or IndexError, naming the row, for slots that do not fit the model, and
        FloatingPointError where a logit is not finite.
        """
        ids, values = self.checked_slots(ids, values)
        size = PREDICTION_BATCH if threads is None else min(PREDICTION_BATCH, -(-len(ids) // threads.count) or 1)

        def part(start: int) -> Array:
            with np.errstate(over="ignore", invalid="ignore"):
                return self._forward(self.params, ids[start : start + size], values[start : start + size])[0]

        parts = (map if threads is None else threads.map)(part, range(0, len(ids), size))
        logits = np.concatenate([np.empty(0, self.dtype), *parts])
        if not np.isfinite(logits).all():
            row = int(np.argmin(np.isfinite(logits)))
            reason = f"its values or the parameters are too large for {logits.dtype}"
            raise FloatingPointError(f"row {row} has the logit {logits[row]}: {reason}")
        return logits

    def predict_proba(self, ids: Array, values: Array, **share: Threads) -> Array:
        """(n, s) ids and values -> (n,) click probabilities. share: `threads=`, as in `logits`. Raises as that does."""
        return ops.sigmoid_forward(self.logits(ids, values, **share))[0]

    def loss_and_grads(
        self,
        ids: Array,
        values: Array,
        labels: Array,
        rng: np.random.Generator | None = None,
        params: Mapping[str, Array] | None = None,
        training: bool = True,
        threads: Threads | None = None,
    ) -> tuple[np.generic, dict[str, Array | ops.RowGradient]]:
        """The mean log loss in nats plus the L2 penalties, and its gradient for every parameter.

        ids, values: (n, s).  labels: (n,) of 0 or 1.  rng: draws the dropout masks; None leaves dropout off.
        params: stands in for `self.params`; under a gradient check one entry is complex, and so is the loss.
        training: batch norm uses the statistics of the batch instead of the running ones.
        threads: share the batch out among them; the dropout masks depend on how many there are. See `check_parts`.
        The gradients of "weights" and "table" are `RowGradient`s of the rows that the batch touches.

        A call in training with the model's own parameters moves the running statistics of batch norm; one with
        `params` given changes nothing. Two threads may not call one model at once. Raises ValueError, TypeError or
        IndexError, naming the row, for input that does not fit.
        """
        ids, values = self.checked_slots(ids, values)
        labels = np.asarray(labels)
        check_labels(labels)
        if len(labels) != len(ids):
            raise ValueError(f"labels must be (n,), one for each of {len(ids)} rows of ids; they are {labels.shape}")
        if threads is not None:
            self.check_parts(training)
        own = params is None
        params = self.params if own else params
        touched = ops.touched_rows(ids, values, self._scratch)

        def part(rows: slice, rng: np.random.Generator | None) -> tuple:
            logits, caches = self._forward(params, ids[rows], values[rows], rng, training)
            loss, loss_cache = ops.log_loss_forward(logits, labels[rows])
            share = len(logits) / len(ids)
            grad_logits = ops.log_loss_backward(share, loss_cache)
            return share * loss, self._backward(grad_logits, caches, params, touched.part(rows)), caches.network

        parts = shared(threads, part, len(ids), rng if self.deep and self.dropout else None)
        losses, gradients, networks = zip(*parts, strict=True)
        grads = added(gradients)
        loss = sum(losses) + self._add_penalties(grads, params, ids, values, touched)
        if own and training and self.deep:
            self.running = self.network.moved_running(networks[0], self.running)
        return loss, {name: grads[name] for name in self.params}

    def explain(self, ids: Array, values: Array) -> Explanation:
        """Split each logit into bias, first order by field, pairs of fields and the deep part.

        Raises as `logits` does.
        """
        ids, values = self.checked_slots(ids, values)
        n, m, params = len(ids), len(self.field_dims), self.params
        starts = np.arange(m) if self.field_starts is None else np.asarray(self.field_starts)
        first_order, pairs, deep = np.zeros((n, m)), np.zeros((n, m, m)), np.zeros(n)
        if self.first_order:
            first_order = np.add.reduceat(params["weights"][ids] * values, starts, axis=1)
        if self.fm or self.deep:
            vectors, _ = ops.embedding_forward(params["table"], ids, values, self.field_starts)
        if self.fm:
            pairs = np.triu(vectors @ vectors.transpose(0, 2, 1), k=1)
        if self.deep:
            deep, _ = self.network.forward(params, self.running, vectors.reshape(n, m * self.embedding_dim))
        return Explanation(params["bias"][()], first_order, pairs, deep)

    def save(self, path: str | Path) -> None:
        """Write configuration, parameters and running statistics to an .npz file, whole or not at all.

        Raises ValueError for a number that is not finite, which `load` would refuse.
        """
        arrays = self.to_arrays()
        for name, array in arrays.items():
            if name != "config":
                _check_finite(name, array)
        write_arrays(path, arrays)

    @classmethod
    def load(cls, path: str | Path) -> "DeepFM":
        """Read a file that `save` wrote. Executes nothing from it.

        Raises FileNotFoundError, or ValueError where the file is damaged or not a model.
        """
        arrays = read_arrays(path, "a deepfm_np model")
        try:
            config = json.loads(str(arrays["config"]))
            model = cls(**config)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path} is not a deepfm_np model: its configuration is unusable ({error})") from error
        try:
            model.restore(arrays)
        except ValueError as error:
            raise ValueError(f"{path} is not a deepfm_np model, or it is damaged: {error}") from error
        return model

    def to_torch(self, sparse: bool = False) -> "TorchDeepFM":
        """A `torch.nn.Module` with copies of the parameters: forward(ids, values) gives the same (n,) logits.

        It is in evaluation mode: call its `train()` before training. sparse: gradients of "weights" and "table" as
        sparse tensors. See `deepfm_np.to_torch`. Raises ImportError where PyTorch is not installed.
        """
        from deepfm_np.to_torch import TorchDeepFM

        return TorchDeepFM(self, sparse)

    def to_arrays(self) -> dict[str, Array]:
        """Everything `restore` needs, as named arrays in the model's dtype; the configuration is a JSON text."""
        params = {f"params/{name}": np.asarray(array, self.dtype) for name, array in self.params.items()}
        running = {f"running/{name}": np.asarray(array, self.dtype) for name, array in self.running.items()}
        return {"config": np.array(json.dumps(self.config)), **params, **running}

    def restore(self, arrays: Mapping[str, Array]) -> None:
        """Take parameters and running statistics from what `to_arrays` returned for a model of this configuration.

        Raises ValueError, and changes nothing, where one is missing, of another shape or not finite.
        """
        restored = {}
        for kind, current in (("params", self.params), ("running", self.running)):
            restored[kind] = {name: _restored(f"{kind}/{name}", array, arrays) for name, array in current.items()}
        self.params, self.running = restored["params"], restored["running"]

    def _forward(
        self,
        params: Mapping[str, Array],
        ids: Array,
        values: Array,
        rng: np.random.Generator | None = None,
        training: bool = False,
    ) -> tuple[Array, Forward]:
        logits = np.full(len(ids), params["bias"])
        first_order_cache = embedding_cache = fm_cache = network_cache = None
        if self.first_order:
            y, first_order_cache = ops.first_order_forward(params["weights"], ids, values)
            logits = logits + y
        if self.fm or self.deep:
            vectors, embedding_cache = ops.embedding_forward(params["table"], ids, values, self.field_starts)
        if self.fm:
            y, fm_cache = ops.fm_forward(vectors)
            logits = logits + y
        if self.deep:
            a0 = vectors.reshape(len(ids), -1)
            y, network_cache = self.network.forward(params, self.running, a0, rng, training)
            logits = logits + y
        return logits, Forward(first_order_cache, embedding_cache, fm_cache, network_cache)

    def _backward(
        self, grad_logits: Array, caches: Forward, params: Mapping[str, Array], touched: ops.TouchedRows
    ) -> dict[str, Array | ops.RowGradient]:
        grads = {"bias": grad_logits.sum().reshape(params["bias"].shape)}
        if self.first_order:
            grads["weights"] = ops.first_order_backward(grad_logits, caches.first_order, touched)
        # FM and network read the same vectors, so each sends its gradient to them and the two are added.
        grad_vectors = 0.0
        if self.fm:
            grad_vectors = ops.fm_backward(grad_logits, caches.fm)
        if self.deep:
            grad_a0, network_grads = self.network.backward(grad_logits, caches.network)
            grads |= network_grads
            grad_vectors = grad_vectors + grad_a0.reshape(len(grad_logits), -1, self.embedding_dim)
        if self.fm or self.deep:
            grads["table"] = ops.embedding_backward(grad_vectors, caches.embedding, touched)
        return grads

    def _add_penalties(
        self, grads: dict, params: Mapping[str, Array], ids: Array, values: Array, touched: ops.TouchedRows
    ) -> float:
        """Add the gradients of the L2 penalties to `grads` and return the penalties' sum."""
        penalty = 0.0
        if self.l2_embedding and "table" in grads:
            y, cache = ops.l2_rows_forward(params["table"], ids, values)
            penalty = penalty + self.l2_embedding * y
            penalty_grad = ops.l2_rows_backward(self.l2_embedding, cache, touched)
            grads["table"] = grads["table"]._replace(values=grads["table"].values + penalty_grad.values)
        if self.l2_net and self.deep:
            for name in self.network.weight_names:
                y, cache = ops.l2_forward(params[name])
                penalty = penalty + self.l2_net * y
                grads[name] = grads[name] + ops.l2_backward(self.l2_net, cache)
        return penalty

    def check_parts(self, training: bool = True) -> None:
        """Raise ValueError where a batch cannot be shared out: batch norm in training needs the statistics of all."""
        if self.batch_norm and self.deep and training:
            raise ValueError("batch norm needs the whole batch, which threads share out: turn it off or use one thread")

    def checked_slots(self, ids: Array, values: Array) -> tuple[Array, Array]:
        """ids and values as arrays, the values in the model's dtype, if they are (n, s) slots of this model.

        Raises TypeError for ids that are not integers, IndexError for an id outside the table, and ValueError for
        shapes that do not fit or a value that is not finite; each names the row.
        """
        ids, values = np.asarray(ids), np.asarray(values)
        check_slots(ids, values, sum(self.field_dims))
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
