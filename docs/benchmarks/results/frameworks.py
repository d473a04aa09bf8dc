"""The same encoded rows and settings in deepfm_np, PyTorch (`to_torch`), FuxiCTR and DeepCTR-Torch.

    pip install torch fuxictr deepctr-torch
    python docs/benchmarks/results/frameworks.py FOLDER    # of the files that frappe_data.py names

A small DeepFM on Frappe with a rebuilt training part. Ours is trained by `training.fit`. The others are trained by one
loop with the same rules (Adam, batches in random order, the rate divided by ten after an epoch without a better
validation AUC, training stopped after two, the best epoch kept) and compute prediction, loss and penalty themselves.
"PyTorch" begins with our start, the two packages with their own. Rows of the table are those of the encoder.
"""

import contextlib
import io
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import frappe_data
import numpy as np
import pandas as pd
import torch
from runner import Parts, Table, encoded, measured, named
from torch import nn

from deepfm_np import DeepFM
from deepfm_np.data import Examples
from deepfm_np.training import COLUMNS, PLATEAU_FACTOR, batches

SETTINGS: dict[str, Any] = {
    "embedding_dim": 10,
    "hidden": (64, 64),
    "activation": "relu",
    "batch_norm": True,
    "dropout": 0.0,
    "l2_table": 0.01,
    "learning_rate": 5e-3,
    "batch_size": 4096,
    "epochs": 60,
    "patience": 2,
    "stop_by": "auc",
}
SEEDS = range(3)


class Contestant(NamedTuple):
    """A model of another package."""

    module: nn.Module
    loss: Callable[[Examples], torch.Tensor]  # of a batch, penalties included; its gradient is what Adam gets
    probabilities: Callable[[Examples], torch.Tensor]


def pytorch(parts: Parts, seed: int) -> Contestant:
    module = _start(parts, seed).to_torch()

    def slots(batch: Examples) -> tuple[torch.Tensor, torch.Tensor]:
        return torch.from_numpy(batch.ids), torch.from_numpy(batch.values)

    def loss(batch: Examples) -> torch.Tensor:
        logits, labels = module(*slots(batch)), torch.from_numpy(batch.labels)
        return nn.functional.binary_cross_entropy_with_logits(logits, labels) + module.penalty(*slots(batch))

    return Contestant(module, loss, lambda batch: module(*slots(batch)).sigmoid())


def fuxictr(parts: Parts, seed: int) -> Contestant:
    """Its penalty is lambda/2 ||.||^2 of all embeddings at every step, the first-order weights among them."""
    from fuxictr.features import FeatureMap
    from fuxictr.pytorch.layers import FactorizationMachine, FeatureEmbedding, MLP_Block
    from fuxictr.pytorch.models import BaseModel

    folder = tempfile.gettempdir()
    features = FeatureMap("frappe", folder)
    for name, rows in _fields(parts):
        features.features[name] = {"source": "", "type": "categorical", "vocab_size": rows}
    features.labels, features.num_fields = ["label"], len(parts.encoder.field_dims)
    features.set_column_index()

    class Module(BaseModel):
        def __init__(self):
            penalty = {"embedding_regularizer": SETTINGS["l2_table"]}
            super().__init__(features, verbose=0, model_root=folder, metrics=["AUC"], **penalty)
            k, hidden = SETTINGS["embedding_dim"], list(SETTINGS["hidden"])
            self.embedding, self.fm = FeatureEmbedding(features, k), FactorizationMachine(features)
            self.deep = MLP_Block(k * features.num_fields, hidden, "relu", 1, None, SETTINGS["dropout"], True)
            self.compile("adam", "binary_crossentropy", SETTINGS["learning_rate"])
            self.reset_parameters()

        def forward(self, inputs):
            x = self.get_inputs(inputs)
            vectors = self.embedding(x)
            return {"y_pred": self.output_activation(self.fm(x, vectors) + self.deep(vectors.flatten(1)))}

    torch.manual_seed(seed)
    module = Module()

    def columns(batch: Examples) -> dict[str, torch.Tensor]:
        return {name: torch.from_numpy(column) for name, column in _columns(parts, batch).items()}

    def loss(batch: Examples) -> torch.Tensor:
        return module.compute_loss(module(columns(batch)), torch.from_numpy(batch.labels)[:, None])

    return Contestant(module, loss, lambda batch: module(columns(batch))["y_pred"][:, 0])


def deepctr(parts: Parts, seed: int) -> Contestant:
    """Its loss is the sum over the batch plus l2 ||.||^2: l2 is made lambda/2 times the batch size, to say the same."""
    with contextlib.redirect_stdout(io.StringIO()):  # it checks for a newer version and prints the result
        from deepctr_torch.inputs import SparseFeat
        from deepctr_torch.models import DeepFM as DeepCTRDeepFM

    columns = [SparseFeat(name, rows, embedding_dim=SETTINGS["embedding_dim"]) for name, rows in _fields(parts)]
    net = {"dnn_hidden_units": SETTINGS["hidden"], "dnn_dropout": SETTINGS["dropout"], "dnn_use_bn": True}
    strength = SETTINGS["l2_table"] / 2 * SETTINGS["batch_size"]
    module = DeepCTRDeepFM(columns, columns, l2_reg_linear=0, l2_reg_embedding=strength, seed=seed, **net)

    def probabilities(batch: Examples) -> torch.Tensor:
        x = np.stack(list(_columns(parts, batch).values()), axis=1)
        return module(torch.from_numpy(x.astype(np.float32)))[:, 0]

    def loss(batch: Examples) -> torch.Tensor:
        labels = torch.from_numpy(batch.labels)
        losses = nn.functional.binary_cross_entropy(probabilities(batch), labels, reduction="sum")
        return losses + module.get_regularization_loss()[0]

    return Contestant(module, loss, probabilities)


def deepctr_from_our_start(parts: Parts, seed: int) -> Contestant:
    """DeepCTR-Torch with the tables, weights and biases from which ours starts."""
    contestant, start = deepctr(parts, seed), _start(parts, seed).params
    module = contestant.module
    ends = np.cumsum(parts.encoder.field_dims)[:-1]
    with torch.no_grad():
        for (name, _), rows in zip(_fields(parts), np.split(start["table"], ends), strict=True):
            module.embedding_dict[name].weight.copy_(torch.from_numpy(rows))
            module.linear_model.embedding_dict[name].weight.zero_()
        layers = [*module.dnn.linears, module.dnn_linear]
        for number, layer in enumerate(layers):
            layer.weight.copy_(torch.from_numpy(start[f"W{number}"].T))
        for layer in module.dnn.linears:
            layer.bias.zero_()
        module.out.bias.fill_(float(start["bias"]))
    return contestant


def _start(parts: Parts, seed: int) -> DeepFM:
    names = ("embedding_dim", "hidden", "activation", "batch_norm", "dropout", "l2_table")
    model = DeepFM(parts.encoder.field_dims, **{name: SETTINGS[name] for name in names}, seed=seed)
    model.start_from(parts.train.labels)
    return model


CONTESTANTS = {
    "PyTorch": pytorch,
    "FuxiCTR": fuxictr,
    "DeepCTR-Torch": deepctr,
    "DeepCTR-Torch, our start": deepctr_from_our_start,
}


def fit(contestant: Contestant, parts: Parts, seed: int) -> pd.DataFrame:
    """Train the contestant's module in place by the rules of `training.fit` with stop_by="auc"; its history.

    The training loss is the mean over batches, as the package defines it.
    """
    module, rng = contestant.module, np.random.default_rng(seed)
    optimizer = torch.optim.Adam(module.parameters(), lr=SETTINGS["learning_rate"])
    history: list[tuple] = []
    best, best_auc, waited = {}, 0.0, 0
    while len(history) < SETTINGS["epochs"] and waited < SETTINGS["patience"]:
        module.train()
        total, steps = 0.0, 0
        for batch in batches(parts.train, SETTINGS["batch_size"], rng):
            optimizer.zero_grad()
            loss = contestant.loss(batch)
            loss.backward()
            optimizer.step()
            total, steps = total + loss.item(), steps + 1
        rate = optimizer.param_groups[0]["lr"]
        scores = measured(parts.valid.labels, predicted(contestant, parts.valid))
        history.append((len(history) + 1, total / steps, scores["auc"], scores["log_loss"], rate))
        if scores["auc"] > best_auc:
            best = {name: tensor.clone() for name, tensor in module.state_dict().items()}
            best_auc, waited = scores["auc"], 0
        else:
            waited += 1
            optimizer.param_groups[0]["lr"] = rate * PLATEAU_FACTOR
    module.load_state_dict(best)
    return pd.DataFrame(history, columns=COLUMNS)


def predicted(contestant: Contestant, examples: Examples) -> np.ndarray:
    contestant.module.eval()
    with torch.inference_mode():
        return contestant.probabilities(examples).numpy()


def _fields(parts: Parts) -> list[tuple[str, int]]:
    """Name and number of rows of each field, as the packages want them: a table for each field."""
    return [(f"f{field}", rows) for field, rows in enumerate(parts.encoder.field_dims)]


def _columns(parts: Parts, batch: Examples) -> dict[str, np.ndarray]:
    """Name -> (n,) ids of the field, counted from 0."""
    starts = np.cumsum([0, *parts.encoder.field_dims[:-1]])
    return {name: batch.ids[:, field] - starts[field] for field, (name, _) in enumerate(_fields(parts))}


def main(folder: str) -> None:
    table = Table("frameworks", {"settings": SETTINGS, "torch": torch.__version__, "sha256": frappe_data.CHECKSUMS})
    torch.set_num_threads(1)
    parts = encoded(*frappe_data.load(folder))
    for start in SEEDS:
        table.run(named("same rows", "deepfm_np", split=start), {**SETTINGS, "seed": start}, parts)
        for name, build in CONTESTANTS.items():
            run = named("same rows", name, split=start)
            if not table.has(run):
                contestant = build(parts, start)
                table.add(run, fit(contestant, parts, start), parts, partial(predicted, contestant))


if __name__ == "__main__":
    main(*sys.argv[1:])
