"""The architecture of DeepFM: a sum of components over one shared embedding table, forwards and backwards.

logit = w_0 + y_FM + y_deep
y_FM  = <w, x> + sum_{i<j} <V_i, V_j>
a_0   = [V_1, ..., V_m],   a_{l+1} = dropout(activation(batch_norm(a_l W_l + b_l))),   y_deep = a_H W_H + b_H

(Guo et al. 2017, equations 1 to 4; the intercept w_0 is ours.) Each component has a switch, so that logistic
regression, the factorization machine, the plain network and Wide & Deep without crosses are the same class: see
`COMPONENTS`. The network may also read products of the vectors, and have a table of its own: see `models`.
"""

from collections.abc import Mapping, Sequence
from functools import reduce
from operator import add
from typing import NamedTuple

import numpy as np

from deepfm_np import ops
from deepfm_np.constraints import checked
from deepfm_np.network import Network, NetworkCache
from deepfm_np.network_input import InputCache, input_backward, input_forward, input_widths
from deepfm_np.ops.embedding import EmbeddingCache, slot_fields
from deepfm_np.ops.first_order import FirstOrderCache
from deepfm_np.ops.fm import FMCache
from deepfm_np.ops.rows import Array
from deepfm_np.system.parts import Part, whole

COMPONENTS: dict[str, dict[str, bool]] = {
    "LR": {"fm": False, "deep": False},
    "FM": {"deep": False},
    "DNN": {"first_order": False, "fm": False},
    "Wide & Deep": {"fm": False},
    "DeepFM": {},
}
Gradients = dict[str, Array | ops.RowGradient]
FM_TABLE, OWN_TABLE = "table", "deep_table"


class Caches(NamedTuple):
    """What a forward pass keeps for the backward pass; None for components that are off."""

    first_order: FirstOrderCache | None
    embeddings: dict[str, EmbeddingCache]  # of each table in use
    fm: FMCache | None
    network_input: InputCache | None
    network: NetworkCache | None


class Explanation(NamedTuple):
    """The logit of each of n examples, split into parts that add up to it."""

    bias: Array  # (), the same for every example
    first_order: Array  # (n, m): by field
    pairs: Array  # (n, m, m): <V_i, V_j> where i < j, else 0
    deep: Array  # (n,)

    @property
    def logits(self) -> Array:
        """(n,), the sum of the parts."""
        return self.bias + self.first_order.sum(axis=1) + self.pairs.sum(axis=(1, 2)) + self.deep


class Architecture:
    """Which components are on, and how they are wired; it holds no parameters. config: the settings of `DeepFM`."""

    def __init__(self, config: Mapping):
        self.fields, self.field_starts = len(config["field_dims"]), config["field_starts"]
        self.embedding_dim = config["embedding_dim"]
        self.first_order, self.fm, self.deep = config["first_order"], config["fm"], config["deep"]
        self.l2_embedding, self.l2_table, self.l2_net = (config[f"l2_{part}"] for part in ("embedding", "table", "net"))
        self.network = Network(*(config[name] for name in Network.SETTINGS))
        self.products = config["products"]
        self.tables = table_names(config)
        self.width = sum(input_widths(self.fields, self.embedding_dim, self.products))  # of the network's input
        self.work = self.width + (self.network.work(self.width) if self.deep else 0)  # multiplications for an example

    def forward_part(
        self,
        params: Mapping[str, Array],
        running: Mapping[str, Array],
        ids: Array,
        values: Array,
        rng: np.random.Generator | None = None,
        training: bool = False,
    ) -> Part[tuple[Array, Caches]]:
        """(n, s) ids and values of a part of the batch -> (n,) logits; see `system.parts`.

        rng: turns dropout on.  training: batch statistics in batch norm.
        """
        logits, a0, caches = self._before_network(params, ids, values)
        if a0 is not None:
            y, network_cache = yield from self.network.forward_part(params, running, a0, rng, training)
            logits, caches = logits + y, caches._replace(network=network_cache)
        return logits, caches

    def predict(self, params: Mapping[str, Array], running: Mapping[str, Array], ids: Array, values: Array) -> Array:
        """(n, s) ids and values -> (n,) logits in evaluation, keeping nothing for a backward pass."""
        logits, a0, _ = self._before_network(params, ids, values)
        if a0 is not None:
            logits = logits + self.network.predict(params, running, a0)
        return logits

    def _before_network(
        self, params: Mapping[str, Array], ids: Array, values: Array
    ) -> tuple[Array, Array | None, Caches]:
        """The (n,) logits without y_deep, and the a_0 that the network reads, if it is on."""
        logits = np.full(len(ids), params["bias"])
        a0 = first_order_cache = fm_cache = input_cache = None
        if self.first_order:
            y, first_order_cache = ops.first_order_forward(params["weights"], ids, values)
            logits = logits + y
        vectors, embedding_caches = self._field_vectors(params, ids, values)
        if self.fm:
            y, fm_cache = ops.fm_forward(vectors[FM_TABLE])
            logits = logits + y
        if self.deep:
            a0, input_cache = input_forward(vectors[self.tables[-1]], self.products)
        return logits, a0, Caches(first_order_cache, embedding_caches, fm_cache, input_cache, None)

    def _field_vectors(
        self, params: Mapping[str, Array], ids: Array, values: Array
    ) -> tuple[dict[str, Array], dict[str, EmbeddingCache]]:
        """The (n, m, k) field vectors from each table in use, and their caches."""
        vectors, caches = {}, {}
        for name in self.tables:
            vectors[name], caches[name] = ops.embedding_forward(params[name], ids, values, self.field_starts)
            if vectors[name].shape[2] != self.embedding_dim:
                raise ValueError(f"{name} must be (D, {self.embedding_dim}), it is {params[name].shape}")
        return vectors, caches

    def backward_part(
        self, grad_logits: Array, caches: Caches, touched: ops.TouchedRows | None = None
    ) -> Part[Gradients]:
        """(n,) dL/dlogits of a part of the batch -> its share of the gradient of every parameter in use.

        touched: the `touched_rows` of the batch, if already known.
        """
        grads: Gradients = {"bias": np.asarray(grad_logits.sum())}
        if caches.first_order is not None:
            grads["weights"] = ops.first_order_backward(grad_logits, caches.first_order, touched)
        grad_vectors, network_grads = yield from self.backward_to_vectors(grad_logits, caches)
        for name, terms in grad_vectors.items():
            grads[name] = ops.embedding_backward(reduce(add, terms.values()), caches.embeddings[name], touched)
        return grads | network_grads

    def backward_to_vectors(
        self, grad_logits: Array, caches: Caches
    ) -> Part[tuple[dict[str, dict[str, Array]], dict[str, Array]]]:
        """The (n, m, k) gradients that FM and network send back to the vectors of each table, and the network's own.

        Where both read the same vectors, the gradient of the vectors is the sum of the two.
        """
        grad_vectors: dict[str, dict[str, Array]] = {name: {} for name in self.tables}
        network_grads: dict[str, Array] = {}
        if caches.fm is not None:
            grad_vectors[FM_TABLE]["FM part"] = ops.fm_backward(grad_logits, caches.fm)
        if caches.network is not None and caches.network_input is not None:
            grad_a0, network_grads = yield from self.network.backward_part(grad_logits, caches.network)
            grad_vectors[self.tables[-1]] |= input_backward(grad_a0, caches.network_input)
        return grad_vectors, network_grads

    def gradient_terms(
        self, grad_logits: Array, caches: Caches, params: Mapping[str, Array], ids: Array, values: Array
    ) -> dict[str, dict[str, Array | ops.RowGradient]]:
        """The terms that add up to the gradient of each table, where enabled.

        They are "FM part", "deep part", "inner product" and "outer product" (what the network sends back through them),
        "L2 term" (of the rows of the batch) and "L2 term of the table" (an array).
        """
        grad_vectors, _ = whole(self.backward_to_vectors(grad_logits, caches))
        terms: dict[str, dict[str, Array | ops.RowGradient]] = {}
        for table, grads in grad_vectors.items():
            cache = caches.embeddings[table]
            terms[table] = {name: ops.embedding_backward(grad, cache) for name, grad in grads.items()}
            if self.l2_embedding:
                _, rows = ops.l2_rows_forward(params[table], ids, values)
                terms[table]["L2 term"] = ops.l2_rows_backward(self.l2_embedding, rows)
            if self.l2_table:
                terms[table]["L2 term of the table"] = ops.l2_backward(self.l2_table, params[table])
        return terms

    def add_penalties(
        self, grads: dict, params: Mapping[str, Array], ids: Array, values: Array, touched: ops.TouchedRows
    ) -> float:
        """Add the gradients of the L2 penalties to `grads` and return the sum of the penalties.

        With `l2_table`, the gradient of a table becomes an array of all its rows.
        """
        penalty = 0.0
        for name in self.tables:
            if self.l2_embedding:
                y, cache = ops.l2_rows_forward(params[name], ids, values)
                penalty = penalty + self.l2_embedding * y
                penalty_grad = ops.l2_rows_backward(self.l2_embedding, cache, touched)
                grads[name] = grads[name]._replace(values=grads[name].values + penalty_grad.values)
            if self.l2_table:
                y, table = ops.l2_forward(params[name])
                penalty = penalty + self.l2_table * y
                grads[name] = grads[name].dense(len(table)) + ops.l2_backward(self.l2_table, table)
        if self.l2_net and self.deep:
            for name in self.network.weight_names:
                y, W = ops.l2_forward(params[name])
                penalty = penalty + self.l2_net * y
                grads[name] = grads[name] + ops.l2_backward(self.l2_net, W)
        return penalty

    def explain(
        self, params: Mapping[str, Array], running: Mapping[str, Array], ids: Array, values: Array
    ) -> Explanation:
        """The logit of each example, split into bias, first order by field, pairs of fields and the deep part."""
        n, m = len(ids), self.fields
        starts = np.arange(m) if self.field_starts is None else np.asarray(self.field_starts)
        first_order, pairs, deep = np.zeros((n, m)), np.zeros((n, m, m)), np.zeros(n)
        if self.first_order:
            first_order = np.add.reduceat(params["weights"][ids] * values, starts, axis=1)
        vectors, _ = self._field_vectors(params, ids, values)
        if self.fm:
            pairs = np.triu(vectors[FM_TABLE] @ vectors[FM_TABLE].transpose(0, 2, 1), k=1)
        if self.deep:
            a0, _ = input_forward(vectors[self.tables[-1]], self.products)
            deep, _ = self.network.forward(params, running, a0)
        return Explanation(params["bias"][()], first_order, pairs, deep)


def table_names(config: Mapping) -> list[str]:
    """The names of the embedding tables: FM reads the first, the network the last, which is the same if they share."""
    if not (config["fm"] or config["deep"]):
        return []
    own = config["fm"] and config["deep"] and not config["shared_embedding"]
    return [FM_TABLE, OWN_TABLE] if own else [FM_TABLE]


def checked_starts(field_starts: Sequence[int] | None, field_dims: Sequence[int]) -> list[int] | None:
    """The setting `field_starts` as a list. Raises ValueError unless it is one slot for each field."""
    if field_starts is None:
        return None
    starts = checked("field_starts", field_starts)
    if len(starts) != len(field_dims):
        raise ValueError(f"field_starts must be one slot for each of the {len(field_dims)} fields, got {starts}")
    slot_fields(starts, starts[-1] + 1)
    return starts
