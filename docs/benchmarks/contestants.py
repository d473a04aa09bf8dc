"""The contestants of `throughput.py`: each of these functions returns one.

A contestant is called with a list of batches and returns the seconds that each took; all setup is done beforehand. The
model is shaped for a Criteo log: see `problem`. Frameworks that are not installed are None.
"""

import contextlib
import io
import tempfile
import time
from collections.abc import Callable

import numpy as np

from deepfm_np import DeepFM, ops
from deepfm_np.optim import Adam

try:
    import torch
    from torch import nn
except ImportError:
    torch = None
try:
    import fuxictr
    from fuxictr.features import FeatureMap
    from fuxictr.pytorch.layers import FactorizationMachine, FeatureEmbedding, MLP_Block
    from fuxictr.pytorch.models import BaseModel
except ImportError:
    fuxictr = None
try:
    with contextlib.redirect_stdout(io.StringIO()):  # it checks for a newer version and prints the result
        import deepctr_torch
        from deepctr_torch.inputs import DenseFeat, SparseFeat
        from deepctr_torch.models import DeepFM as DeepCTRDeepFM
except ImportError:
    deepctr_torch = None

NUMERICAL, CATEGORICAL, K, HIDDEN = 13, 26, 10, (400, 400, 400)
LAYERS = [((NUMERICAL + CATEGORICAL) * K, 400), (400, 400), (400, 400)]
BATCHES = 8  # of each kind, taken in turn

Contestant = Callable[[list[tuple]], list[float]]


def problem(
    vocabulary: float, n: int, dropout: float, categorical: int = CATEGORICAL, activation: str = "sigmoid"
) -> tuple[DeepFM, list[tuple]]:
    """A model whose table has about `vocabulary` rows, and batches for it."""
    rng = np.random.default_rng(0)
    rows = int(vocabulary) // categorical
    dims = [1] * NUMERICAL + [rows] * categorical
    starts = np.cumsum([0, *dims[:-1]])
    batches = []
    for _ in range(BATCHES):
        ids = np.tile(starts, (n, 1))
        ids[:, NUMERICAL:] += np.floor(rows ** rng.random((n, categorical))).astype(np.int64) - 1
        values = np.ones(ids.shape, np.float32)
        values[:, :NUMERICAL] = rng.standard_normal((n, NUMERICAL))
        batches.append((ids, values, (rng.random(n) < 0.25).astype(np.int8)))
    return DeepFM(dims, embedding_dim=K, hidden=HIDDEN, dropout=dropout, activation=activation), batches


def each(step: Callable[..., object]) -> Contestant:
    """A contestant that calls `step` on every batch."""

    def turn(batches: list[tuple]) -> list[float]:
        seconds = []
        for batch in batches:
            start = time.perf_counter()
            step(batch)
            seconds.append(time.perf_counter() - start)
        return seconds

    return turn


def training(model: DeepFM, **threads: int) -> Contestant:
    """The loop that a user writes, with nothing set or prepared; threads=1 keeps it on one core."""
    optimizer, rng = Adam(), np.random.default_rng(0)

    def step(batch: tuple) -> None:
        _, grads = model.loss_and_grads(*batch, rng=rng, **threads)
        optimizer.step(model.params, grads, **threads)

    return each(step)


def prediction(model: DeepFM, **threads: int) -> Contestant:
    return each(lambda batch: model.predict_proba(*batch[:2], **threads))


def gemms(n: int, backward: bool) -> Contestant:
    """The matrix products of a step, or of a prediction, on preallocated inputs."""
    rng = np.random.default_rng(0)
    arrays = [[rng.standard_normal(shape, np.float32) for shape in ((n, i), (i, o), (n, o))] for i, o in LAYERS]

    def products(batch: tuple) -> None:
        for x, W, grad_y in arrays:
            np.matmul(x, W)
            if backward:
                np.matmul(x.T, grad_y)
                np.matmul(grad_y, W.T)

    return each(products)


def torch_model(model: DeepFM, sparse: bool) -> "nn.Module":
    """The same function in plain PyTorch, with the same weights. There is no padding, so no slot is masked out."""

    class Plain(nn.Module):
        def __init__(self):
            super().__init__()
            p = {name: torch.from_numpy(np.array(array)) for name, array in model.params.items()}
            self.bias = nn.Parameter(p["bias"])
            self.weights = nn.Embedding.from_pretrained(p["weights"][:, None], freeze=False, sparse=sparse)
            self.table = nn.Embedding.from_pretrained(p["table"], freeze=False, sparse=sparse)
            layers = []
            for layer in range(len(HIDDEN) + 1):
                linear = nn.Linear(*p[f"W{layer}"].shape)
                linear.weight, linear.bias = nn.Parameter(p[f"W{layer}"].T.contiguous()), nn.Parameter(p[f"b{layer}"])
                layers += [linear, nn.Sigmoid(), nn.Dropout(model.dropout)]
            self.deep = nn.Sequential(*layers[:-2])

        def forward(self, ids, values):
            vectors = self.table(ids) * values[:, :, None]
            first = (self.weights(ids)[:, :, 0] * values).sum(1)
            pairs = (vectors.sum(1).square().sum(1) - vectors.square().sum(dim=(1, 2))) / 2
            return self.bias + first + pairs + self.deep(vectors.flatten(1))[:, 0]

    return Plain()


def tensors(batches: list[tuple]) -> list[tuple]:
    return [tuple(torch.from_numpy(a) for a in (ids, values, y.astype(np.float32))) for ids, values, y in batches]


def torch_training(model: DeepFM, batches: list[tuple], sparse: bool, compiled: bool = False) -> Contestant:
    module = torch_model(model, sparse)
    forward = torch.compile(module, dynamic=False) if compiled else module
    tables = [module.weights.weight, module.table.weight]
    dense = [p for p in module.parameters() if not any(p is table for table in tables)]
    if sparse:
        optimizers = [torch.optim.Adam(dense, fused=True), torch.optim.SparseAdam(tables)]
    else:
        optimizers = [torch.optim.Adam(module.parameters(), fused=True)]
    copies = {id(batch): copy for batch, copy in zip(batches, tensors(batches), strict=True)}

    def step(batch: tuple) -> None:
        ids, values, y = copies[id(batch)]
        loss = nn.functional.binary_cross_entropy_with_logits(forward(ids, values), y)
        for optimizer in optimizers:
            optimizer.zero_grad()
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()

    return each(step)


def compiled_torch_training(model: DeepFM, batches: list[tuple]) -> Contestant | None:
    """With torch.compile, which needs a C++ compiler; None, with a line that says why, if it does not work here."""
    play = torch_training(model, batches, sparse=False, compiled=True)
    try:
        play(batches[:1])
    except Exception as error:  # of the compiler, the linker, ...
        print(f"torch.compile is left out: {type(error).__name__}")
        return None
    return play


def torch_prediction(model: DeepFM, batches: list[tuple]) -> Contestant:
    module = torch_model(model, sparse=False).eval()
    copies = {id(batch): copy for batch, copy in zip(batches, tensors(batches), strict=True)}

    def predict(batch: tuple) -> None:
        ids, values, _ = copies[id(batch)]
        with torch.inference_mode():
            torch.sigmoid(module(ids, values)).numpy()

    return each(predict)


def fields(model: DeepFM) -> list[tuple[str, int]]:
    """Name and number of rows of each field, as the other packages want them: one table per field."""
    return [(f"f{field:02}", rows) for field, rows in enumerate(model.field_dims)]


def columns(model: DeepFM, batch: tuple) -> dict[str, np.ndarray]:
    """Name -> (n,): the numbers of a numerical field, ids counted from 0 for any other."""
    ids, values, _ = batch
    starts = np.cumsum([0, *model.field_dims[:-1]])
    data = [values[:, f] if f < NUMERICAL else ids[:, f] - starts[f] for f in range(len(starts))]
    return {name: column for (name, _), column in zip(fields(model), data, strict=True)}


def fuxictr_training(model: DeepFM, batches: list[tuple]) -> Contestant:
    """FuxiCTR's `BaseModel.train_step`, with DeepFM assembled from its layers and no regulariser."""
    features = FeatureMap("benchmark", tempfile.gettempdir())
    for number, (name, rows) in enumerate(fields(model)):
        kind = {"type": "numeric"} if number < NUMERICAL else {"type": "categorical", "vocab_size": rows}
        features.features[name] = {"source": "", **kind}
    features.labels, features.num_fields = ["label"], len(model.field_dims)
    features.set_column_index()

    class FuxiCTRDeepFM(BaseModel):
        def __init__(self):
            super().__init__(features, verbose=0, model_root=tempfile.gettempdir(), metrics=["AUC"])
            self.embedding = FeatureEmbedding(features, K)
            self.fm = FactorizationMachine(features)
            self.deep = MLP_Block(K * features.num_fields, list(HIDDEN), "sigmoid", 1, dropout_rates=model.dropout)
            self.compile("adam", "binary_crossentropy", 1e-3)
            self.reset_parameters()

        def forward(self, inputs):
            x = self.get_inputs(inputs)
            vectors = self.embedding(x)
            return {"y_pred": self.output_activation(self.fm(x, vectors) + self.deep(vectors.flatten(1)))}

    module = FuxiCTRDeepFM()
    module._max_gradient_norm = 10.0  # as set by `fit`
    module.train()
    copies = {}
    for batch in batches:
        named = {**columns(model, batch), "label": batch[2]}
        copies[id(batch)] = {name: torch.from_numpy(column) for name, column in named.items()}
    return each(lambda batch: module.train_step(copies[id(batch)]))


def deepctr_model(model: DeepFM) -> "nn.Module":
    """DeepCTR-Torch's DeepFM. Numerical fields get no embedding there, so the first layer has 273 inputs, not 390."""
    columns = [
        DenseFeat(name, 1) if number < NUMERICAL else SparseFeat(name, rows, embedding_dim=K)
        for number, (name, rows) in enumerate(fields(model))
    ]
    settings = {"dnn_hidden_units": HIDDEN, "dnn_activation": "sigmoid", "dnn_dropout": model.dropout}
    module = DeepCTRDeepFM(columns, columns, l2_reg_linear=0, l2_reg_embedding=0, **settings)
    module.compile("adam", "binary_crossentropy")
    return module


def deepctr(model: DeepFM, act: Callable[["nn.Module", dict, np.ndarray, int], object]) -> Contestant:
    """act(module, x, y, batch size) on all batches at once, as this package requires; a step takes its share."""
    module = deepctr_model(model)

    def turn(batches: list[tuple]) -> list[float]:
        x = [columns(model, batch) for batch in batches]
        x = {name: np.concatenate([one[name] for one in x]) for name in x[0]}
        y = np.concatenate([labels for _, _, labels in batches]).astype(np.float32)
        start = time.perf_counter()
        with contextlib.redirect_stdout(io.StringIO()):
            act(module, x, y, len(batches[0][2]))
        return [(time.perf_counter() - start) / len(batches)] * len(batches)

    return turn


def deepctr_training(model: DeepFM) -> Contestant:
    return deepctr(model, lambda module, x, y, n: module.fit(x, y, n, epochs=1, verbose=0, shuffle=False))


def deepctr_prediction(model: DeepFM) -> Contestant:
    return deepctr(model, lambda module, x, y, n: module.predict(x, n))


def check_same() -> float:
    """The largest difference between our gradients and PyTorch's, relative to the largest entry of each tensor."""
    model, batches = problem(1e4, 256, dropout=0.0)
    last = f"W{len(HIDDEN)}"  # it starts at 0, which would block every gradient below it
    model.params[last] += np.random.default_rng(1).standard_normal(model.params[last].shape).astype(np.float32)
    _, grads = model.loss_and_grads(*batches[0])
    module = torch_model(model, sparse=False)
    ids, values, y = tensors(batches)[0]
    nn.functional.binary_cross_entropy_with_logits(module(ids, values), y).backward()
    D = sum(model.field_dims)
    theirs = {"bias": module.bias.grad, "weights": module.weights.weight.grad[:, 0], "table": module.table.weight.grad}
    for layer in range(len(HIDDEN) + 1):
        linear = module.deep[3 * layer]
        theirs |= {f"W{layer}": linear.weight.grad.T, f"b{layer}": linear.bias.grad}
    worst = 0.0
    for name, grad in grads.items():
        grad = grad.dense(D) if isinstance(grad, ops.RowGradient) else grad
        expected = theirs[name].numpy()
        worst = max(worst, float(np.abs(grad - expected).max() / np.abs(expected).max()))
    if worst > 1e-4:
        raise AssertionError(f"the gradients differ from PyTorch's by {worst:.1e}: nothing is timed")
    return worst
