"""One process of a data-parallel job, started by test_to_torch.py: python ddp_worker.py FOLDER RANK PROCESSES

For every model FOLDER/models/NAME.npz it takes its shard of FOLDER/batch.npz, where the arrays named in SHARDS hold the
process of each example, runs the backward pass through DistributedDataParallel, and writes the gradients to
FOLDER/NAME-SHARDS-RANK.npz.
"""

import sys
from datetime import timedelta
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
import torch.distributed.nn  # before init_process_group, or its defaults keep the group and its threads past the end
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.nn.parallel import DistributedDataParallel

from deepfm_np import DeepFM

SHARDS = ("equal", "unequal")
SPARSE = "sparse"  # in the name of a model whose tables have sparse gradients


def by_our_names(module, read):
    """Name in `DeepFM.params` -> read(parameter) of the module, in our shape."""
    found = {"bias": read(module.bias)}
    if module.weights is not None:
        found["weights"] = read(module.weights.weight)[:, 0]
    if module.table is not None:
        found["table"] = read(module.table.weight)
    if module.deep_table is not None:
        found["deep_table"] = read(module.deep_table.weight)
    if module.output is not None:
        for layer, step in enumerate([*module.hidden, module.output]):
            affine = step.affine if layer < len(module.hidden) else step
            found |= {f"W{layer}": read(affine.weight).T, f"b{layer}": read(affine.bias)}
            if hasattr(step, "batch_norm"):
                found |= {f"gamma{layer}": read(step.batch_norm.weight), f"beta{layer}": read(step.batch_norm.bias)}
    return found


def gradients(module):
    """Name in `DeepFM.params` -> the gradient left by the backward pass, as a dense array."""
    return by_our_names(module, lambda param: param.grad.to_dense().numpy())


def loss_of(module, ids, values, labels, forward=None):
    """The loss of `DeepFM.loss_and_grads`. `forward` is the module wrapped in DistributedDataParallel."""
    loss = binary_cross_entropy_with_logits((forward or module)(ids, values), labels)
    return loss + module.penalty(ids, values)


def write_gradients(folder, rank, processes):
    """Weight each shard's loss by its share of the batch, because DistributedDataParallel takes the unweighted mean."""
    with np.load(folder / "batch.npz") as arrays:
        batch = [torch.from_numpy(arrays[name]) for name in ("ids", "values", "labels")]
        shards = {name: torch.from_numpy(arrays[name] == rank) for name in SHARDS}
    for path in sorted((folder / "models").glob("*.npz")):
        module = DeepFM.load(path).to_torch(sparse=SPARSE in path.stem).train()
        parallel = DistributedDataParallel(module)
        for name, mine in shards.items():
            share = int(mine.sum()) * processes / len(mine)
            module.zero_grad()
            (share * loss_of(module, *(part[mine] for part in batch), parallel)).backward()
            np.savez(folder / f"{path.stem}-{name}-{rank}.npz", **gradients(module))


def main(folder, rank, processes):
    torch.set_num_threads(1)
    store = f"file://{folder / 'rendezvous'}"  # a file, so that no free port is needed
    dist.init_process_group("gloo", store, timedelta(seconds=60), rank=rank, world_size=processes)
    write_gradients(folder, rank, processes)
    dist.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
