"""DeepFM as a `torch.nn.Module`, for jobs beyond one machine: see docs/distributed.md.

The module is built from torch's own layers, so that what torch does with them (DistributedDataParallel, SyncBatchNorm,
devices, its optimisers) works. Only this file imports torch, and only `DeepFM.to_torch` imports this file.
"""

from collections import OrderedDict
from collections.abc import Mapping

import numpy as np

from deepfm_np.ops.batch_norm import EPSILON, MOMENTUM
from deepfm_np.ops.embedding import slot_fields
from deepfm_np.ops.rows import Array

try:
    import torch
except ImportError as error:
    raise ImportError("to_torch needs PyTorch, which is not installed: pip install torch") from error
from torch import Tensor, nn

ACTIVATIONS = {"sigmoid": nn.Sigmoid, "relu": nn.ReLU, "tanh": nn.Tanh}


class TorchDeepFM(nn.Module):
    """The same model with copies of the parameters and of batch norm's running statistics, in evaluation mode.

    config, params, running: those of a `DeepFM`.
    sparse: return the gradients of `weights` and `table` as sparse tensors of the rows that the batch touches, for
        torch.optim.SparseAdam, instead of whole tables.

    `bias` is a Parameter (); `weights` (D, 1) and `table` (D, k) are nn.Embedding; `hidden` has one entry per hidden
    layer, with `affine`, `batch_norm`, `activation` and `dropout` where enabled; `output` is nn.Linear. nn.Linear
    keeps W transposed, (d_out, d_in). Components that are off are None, and so is `deep_table`, the network's own
    nn.Embedding, unless there is one.
    """

    def __init__(
        self, config: Mapping, params: Mapping[str, Array], running: Mapping[str, Array], sparse: bool = False
    ):
        super().__init__()
        tensors = {name: _copied(array, config["dtype"]) for name, array in {**params, **running}.items()}
        first_order, fm, deep = config["first_order"], config["fm"], config["deep"]
        self.field_dims, self.field_starts = list(config["field_dims"]), config["field_starts"]
        self.fm, self.sigmoid_output = fm, config["deep_output"] == "sigmoid"
        self.l2_embedding, self.l2_table, self.l2_net = (config[f"l2_{part}"] for part in ("embedding", "table", "net"))
        self.bias = nn.Parameter(tensors["bias"])
        self.weights = _embedding(tensors["weights"][:, None], sparse) if first_order else None
        self.products = list(config["products"])
        self.table = _embedding(tensors["table"], sparse) if fm or deep else None
        self.deep_table = _embedding(tensors["deep_table"], sparse) if "deep_table" in tensors else None
        last = len(config["hidden"])
        layers = [_hidden_layer(config, tensors, layer) for layer in range(last)] if deep else []
        self.hidden = nn.Sequential(*layers) if deep else None
        self.output = _affine(tensors[f"W{last}"], tensors[f"b{last}"]) if deep else None
        self.eval()

    def forward(self, ids: Tensor, values: Tensor) -> Tensor:
        """(n, s) int32 or int64 ids, (n, s) values -> (n,) logits, in the dtype of the model.

        Raises ValueError if the number of slots does not fit the fields; ids outside the table are left to torch.
        """
        values = self._checked(ids, values)
        logits = self.bias.expand(len(ids))
        if self.weights is not None:
            logits = logits + _slot_vectors(self.weights, ids, values).sum(dim=(1, 2))
        if self.table is not None:
            vectors = own = self._field_vectors(self.table, ids, values)
        if self.deep_table is not None:
            own = self._field_vectors(self.deep_table, ids, values)
        if self.fm:
            square_of_sum, sum_of_squares = vectors.sum(1).square().sum(1), vectors.square().sum(dim=(1, 2))
            logits = logits + (square_of_sum - sum_of_squares) / 2
        if self.hidden is not None and self.output is not None:
            a0 = torch.cat([own.flatten(1), *(_product(name, own) for name in self.products)], dim=1)
            y = self.output(self.hidden(a0))[:, 0]
            logits = logits + (y.sigmoid() if self.sigmoid_output else y)
        return logits

    def penalty(self, ids: Tensor, values: Tensor) -> Tensor:
        """The L2 penalties of the loss for (n, s) ids and values, as in `ops.l2`: a scalar, 0 if all strengths are 0.

        With `l2_table`, the gradient of the table is dense, also if `sparse`.
        The mean log loss plus this is what `DeepFM.loss_and_grads` differentiates.
        """
        values = self._checked(ids, values)
        penalty = values.new_zeros(())
        for table in [table for table in (self.table, self.deep_table) if table is not None]:
            if self.l2_embedding:
                rows = _slot_vectors(table, ids, (values != 0).to(values.dtype))
                penalty = penalty + self.l2_embedding / 2 * rows.square().sum() / len(ids)
            if self.l2_table:
                penalty = penalty + self.l2_table / 2 * table.weight.square().sum()
        if self.l2_net and self.hidden is not None and self.output is not None:
            for layer in [*(hidden.affine for hidden in self.hidden), self.output]:
                penalty = penalty + self.l2_net / 2 * layer.weight.square().sum()
        return penalty

    def _checked(self, ids: Tensor, values: Tensor) -> Tensor:
        """values in the dtype of the model, if the shapes are (n, s) slots."""
        if ids.ndim != 2 or ids.shape != values.shape:
            raise ValueError(f"ids and values must both be (n, s); they are {tuple(ids.shape)}, {tuple(values.shape)}")
        m, s = len(self.field_dims), ids.shape[1]
        if self.field_starts is None and s != m:
            raise ValueError(f"the model has {m} fields of one slot each, the input has {s} slots")
        if self.field_starts is not None and s <= self.field_starts[-1]:
            raise ValueError(f"the last field begins at slot {self.field_starts[-1]}, the input has {s} slots")
        return values.to(self.bias.dtype)

    def _field_vectors(self, embedding: nn.Embedding, ids: Tensor, values: Tensor) -> Tensor:
        """(n, s) ids and values -> (n, m, k): the sum over each field's slots."""
        slot_vectors = _slot_vectors(embedding, ids, values)
        if self.field_starts is None:
            return slot_vectors
        n, s, k = slot_vectors.shape
        field_of_slot = torch.from_numpy(slot_fields(self.field_starts, s)).to(slot_vectors.device)
        return slot_vectors.new_zeros(n, len(self.field_dims), k).index_add(1, field_of_slot, slot_vectors)


class _BatchNorm(nn.BatchNorm1d):
    """torch refuses to train on a batch of one; ours returns beta, with a zero gradient for x and no update."""

    def forward(self, x: Tensor) -> Tensor:
        """(n, d) -> (n, d)"""
        if self.training and len(x) == 1:
            return self.weight * (x - x) + self.bias
        return super().forward(x)


def _slot_vectors(embedding: nn.Embedding, ids: Tensor, values: Tensor) -> Tensor:
    """(n, s) ids and values -> (n, s, width), each slot's value times its row.

    With sparse gradients, slots of value 0 are not looked up: their rows would be part of the gradient, and SparseAdam
    would let them drift.
    """
    if not embedding.sparse:
        return embedding(ids) * values[:, :, None]
    used = values != 0
    vectors = embedding(ids[used]) * values[used][:, None]
    return vectors.new_zeros(*ids.shape, vectors.shape[1]).index_put((used,), vectors)


def _product(name: str, vectors: Tensor) -> Tensor:
    """(n, m, k) -> the inner products (n, m (m - 1) / 2) or the sum of the outer ones (n, k k), as `ops.product`."""
    if name == "outer":
        total = vectors.sum(1)
        return (total[:, :, None] * total[:, None, :]).flatten(1)
    i, j = torch.triu_indices(vectors.shape[1], vectors.shape[1], 1, device=vectors.device)
    return (vectors @ vectors.mT)[:, i, j]


def _copied(array: Array, dtype: str) -> Tensor:
    return torch.from_numpy(np.array(array, dtype, order="C"))


def _embedding(rows: Tensor, sparse: bool) -> nn.Embedding:
    return nn.Embedding.from_pretrained(rows, freeze=False, sparse=sparse)


def _hidden_layer(config: Mapping, tensors: Mapping[str, Tensor], layer: int) -> nn.Sequential:
    steps = OrderedDict[str, nn.Module](affine=_affine(tensors[f"W{layer}"], tensors[f"b{layer}"]))
    if config["batch_norm"]:
        steps["batch_norm"] = _batch_norm(*(tensors[f"{name}{layer}"] for name in ("gamma", "beta", "mean", "var")))
    steps["activation"] = ACTIVATIONS[config["activation"]]()
    if config["dropout"]:
        steps["dropout"] = nn.Dropout(config["dropout"])
    return nn.Sequential(steps)


def _affine(W: Tensor, b: Tensor) -> nn.Linear:
    linear = nn.utils.skip_init(nn.Linear, *W.shape)  # torch's own start would draw from its global generator
    linear.weight, linear.bias = nn.Parameter(W.T.contiguous()), nn.Parameter(b)
    return linear


def _batch_norm(gamma: Tensor, beta: Tensor, mean: Tensor, var: Tensor) -> _BatchNorm:
    layer = _BatchNorm(len(gamma), EPSILON, MOMENTUM)
    layer.weight, layer.bias = nn.Parameter(gamma), nn.Parameter(beta)
    layer.running_mean, layer.running_var = mean, var
    return layer
