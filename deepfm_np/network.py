"""The deep part: a multilayer perceptron from the field vectors to one score per example.

a_{l+1} = dropout(activation(batch_norm(a_l W_l + b_l))),   y_deep = a_H W_H + b_H      (Guo et al. 2017, eq. 4)

A batch may be computed in parts, side by side. Batch norm needs statistics of the whole batch: `forward_part` and
`backward_part` yield what they found in theirs, and get back what all parts found, in order; see `system.parts`.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from itertools import pairwise
from operator import add
from typing import Any, NamedTuple

import numpy as np

from deepfm_np import ops
from deepfm_np.ops import batch_norm as bn
from deepfm_np.ops.activation import SigmoidCache, sigmoid_in_place
from deepfm_np.ops.affine import AffineCache
from deepfm_np.ops.batch_norm import BatchNormCache
from deepfm_np.ops.dropout import DropoutCache
from deepfm_np.ops.rows import Array
from deepfm_np.system.parts import Part, whole

# Forward and backward of each activation; every pair has a cache of its own.
ACTIVATIONS: dict[str, tuple[Callable[[Array], tuple[Array, Any]], Callable[[Array, Any], Array]]] = {
    "sigmoid": (ops.sigmoid_forward, ops.sigmoid_backward),
    "relu": (ops.relu_forward, ops.relu_backward),
    "tanh": (ops.tanh_forward, ops.tanh_backward),
}
# The activations alone: z is overwritten by a.
IN_PLACE: dict[str, Callable[[Array], object]] = {
    "sigmoid": sigmoid_in_place,
    "relu": lambda z: np.maximum(z, 0, out=z),
    "tanh": lambda z: np.tanh(z, out=z),
}


class LayerCache(NamedTuple):
    """The caches of a hidden layer, in the order of its forward pass; None for a step that is off."""

    affine: AffineCache
    batch_norm: BatchNormCache | None
    activation: tuple
    dropout: DropoutCache | None


class NetworkCache(NamedTuple):
    """The caches of the network; `sigmoid` is None unless the output goes through one."""

    layers: list[LayerCache]
    output: AffineCache
    sigmoid: SigmoidCache | None


class Network:
    """The architecture of the deep part; it holds no parameters. Its arguments are those of `DeepFM`."""

    SETTINGS = ("hidden", "activation", "dropout", "batch_norm", "deep_output")

    def __init__(self, hidden: Sequence[int], activation: str, dropout: float, batch_norm: bool, deep_output: str):
        self.hidden = list(hidden)
        self.activation = activation
        self.dropout = dropout
        self.batch_norm = batch_norm
        self.sigmoid_output = deep_output == "sigmoid"
        self.weight_names = [f"W{layer}" for layer in range(len(self.hidden) + 1)]

    def work(self, d_in: int) -> int:
        """Multiplications of a row with all weight matrices."""
        return sum(fan_in * fan_out for fan_in, fan_out in pairwise([d_in, *self.hidden, 1]))

    def start(self, d_in: int, rng: np.random.Generator) -> dict[str, Array]:
        """The parameters before training. W ~ N(0, std^2), b = 0, gamma = 1, beta = 0, output layer 0.

        Xavier: std = gain sqrt(2 / (d_in + d_out)), gain 4 for the sigmoid, whose slope at 0 is 1/4
        (Glorot & Bengio 2010).  He, for relu: std = sqrt(2 / d_in) (He et al. 2015).
        """
        params = {}
        widths = [d_in, *self.hidden]
        for layer, (fan_in, fan_out) in enumerate(pairwise(widths)):
            xavier = np.sqrt(2 / (fan_in + fan_out))
            std = {"sigmoid": 4 * xavier, "tanh": xavier, "relu": np.sqrt(2 / fan_in)}[self.activation]
            params[f"W{layer}"] = std * rng.standard_normal((fan_in, fan_out))
            params[f"b{layer}"] = np.zeros(fan_out)
            if self.batch_norm:
                params[f"gamma{layer}"] = np.ones(fan_out)
                params[f"beta{layer}"] = np.zeros(fan_out)
        params[f"W{len(self.hidden)}"] = np.zeros((widths[-1], 1))
        params[f"b{len(self.hidden)}"] = np.zeros(1)
        return params

    def start_running(self) -> dict[str, Array]:
        """Running mean 0 and variance 1 for every hidden layer; {} without batch norm."""
        running: dict[str, Array] = {}
        if self.batch_norm:
            for layer, units in enumerate(self.hidden):
                running |= {f"mean{layer}": np.zeros(units), f"var{layer}": np.ones(units)}
        return running

    def forward(
        self,
        params: Mapping[str, Array],
        running: Mapping[str, Array],
        a0: Array,
        rng: np.random.Generator | None = None,
        training: bool = False,
    ) -> tuple[Array, NetworkCache]:
        """(n, m k) a0 -> (n,) y_deep. rng turns dropout on; training means batch statistics in batch norm."""
        return whole(self.forward_part(params, running, a0, rng, training))

    def backward(self, grad_y: Array, cache: NetworkCache) -> tuple[Array, dict[str, Array]]:
        """(n,) dL/dy_deep -> (n, m k) dL/da0 and the gradient of every parameter: `forward`, read backwards."""
        return whole(self.backward_part(grad_y, cache))

    def forward_part(
        self,
        params: Mapping[str, Array],
        running: Mapping[str, Array],
        a0: Array,
        rng: np.random.Generator | None = None,
        training: bool = False,
    ) -> Part[tuple[Array, NetworkCache]]:
        """`forward` for a part of the batch: a generator, whose parts meet in batch norm."""
        activation_forward, _ = ACTIVATIONS[self.activation]
        a, layers = a0, []
        for layer in range(len(self.hidden)):
            a, affine = ops.affine_forward(a, params[f"W{layer}"], params[f"b{layer}"])
            batch_norm = dropout = None
            if self.batch_norm:
                statistics = running[f"mean{layer}"], running[f"var{layer}"]
                gamma, beta = params[f"gamma{layer}"], params[f"beta{layer}"]
                batch = bn.pooled((yield bn.moments(a))) if training else None
                a, batch_norm = bn.normalize(a, gamma, beta, statistics, batch)
            a, activation = activation_forward(a)
            if rng is not None and self.dropout:
                a, dropout = ops.dropout_forward(a, self.dropout, rng)
            layers.append(LayerCache(affine, batch_norm, activation, dropout))
        last = len(self.hidden)
        y, output = ops.affine_forward(a, params[f"W{last}"], params[f"b{last}"])
        sigmoid = None
        if self.sigmoid_output:
            y, sigmoid = ops.sigmoid_forward(y)
        return y[:, 0], NetworkCache(layers, output, sigmoid)

    def backward_part(self, grad_y: Array, cache: NetworkCache) -> Part[tuple[Array, dict[str, Array]]]:
        """`backward` for a part of the batch: a generator, whose parts meet in batch norm."""
        _, activation_backward = ACTIVATIONS[self.activation]
        grads, last = {}, len(self.hidden)
        grad = grad_y[:, None]
        if cache.sigmoid is not None:
            grad = ops.sigmoid_backward(grad, cache.sigmoid)
        grad, grads[f"W{last}"], grads[f"b{last}"] = ops.affine_backward(grad, cache.output)
        for layer, step in reversed(list(enumerate(cache.layers))):
            if step.dropout is not None:
                grad = ops.dropout_backward(grad, step.dropout)
            grad = activation_backward(grad, step.activation)
            if step.batch_norm is not None:
                own = bn.scale_and_shift_backward(grad, step.batch_norm)
                grads[f"gamma{layer}"], grads[f"beta{layer}"] = own
                grad_gamma, grad_beta = (reduce(add, shares) for shares in zip(*(yield own), strict=True))
                grad = bn.normalize_backward(grad, step.batch_norm, grad_gamma, grad_beta)
            grad, grads[f"W{layer}"], grads[f"b{layer}"] = ops.affine_backward(grad, step.affine)
        return grad, grads

    def predict(self, params: Mapping[str, Array], running: Mapping[str, Array], a0: Array) -> Array:
        """`forward` in evaluation, without caches: each layer overwrites its array. (n, m k) a0 -> (n,) y_deep."""
        overwrite = IN_PLACE[self.activation]
        a = a0
        for layer in range(len(self.hidden)):
            a, _ = ops.affine_forward(a, params[f"W{layer}"], params[f"b{layer}"])
            if self.batch_norm:
                gamma, beta = params[f"gamma{layer}"], params[f"beta{layer}"]
                a, _ = bn.normalize(a, gamma, beta, (running[f"mean{layer}"], running[f"var{layer}"]), None)
            overwrite(a)
        last = len(self.hidden)
        y, _ = ops.affine_forward(a, params[f"W{last}"], params[f"b{last}"])
        if self.sigmoid_output:
            y, _ = ops.sigmoid_forward(y)
        return y[:, 0]

    def moved_running(self, cache: NetworkCache, running: Mapping[str, Array]) -> dict[str, Array]:
        """The running statistics after the batch of this cache."""
        moved = dict(running)
        for layer, step in enumerate(cache.layers):
            if step.batch_norm is not None:
                moved[f"mean{layer}"], moved[f"var{layer}"] = step.batch_norm.running
        return moved
