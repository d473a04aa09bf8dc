"""docs/notation.md states the shape and the file of every variable; both are checked here."""

import re
from pathlib import Path

import numpy as np
import pytest

from deepfm_np import DeepFM, ops

ROOT = Path(__file__).parents[1]
ROW = re.compile(r"\| `(\w+)` \| (\([^|]*\)) \| `([\w/]+\.py)` \|")
VARIABLES = ROW.findall((ROOT / "docs" / "notation.md").read_text())
D_IN, D_OUT = 6, 7


def arrays_at_run_time():
    """file -> variable -> array, for a forward and backward pass over one batch; and the sizes."""
    field_dims, field_starts = [4, 1, 7], [0, 1, 2]
    ids = np.array([[0, 4, 5, 6], [3, 4, 9, 5], [1, 4, 7, 5], [3, 4, 6, 8], [2, 4, 5, 9]])
    values = np.array([[1, 0.5, 1, 1], [1, -2, 1, 0], [1, 0.3, 1, 0], [1, 1.5, 0.5, 0.5], [1, 0.1, 1, 1]])
    labels = np.array([0.0, 1.0, 0.0, 0.0, 1.0])
    model = DeepFM(field_dims, field_starts, embedding_dim=2, hidden=(D_OUT,), batch_norm=True, dtype="float64")
    params = model.params
    sizes = {"n": len(ids), "s": ids.shape[1], "m": 3, "k": 2, "D": sum(field_dims), "d_in": D_IN, "d_out": D_OUT}
    vectors, embedding = ops.embedding_forward(params["table"], ids, values, field_starts)
    x = vectors.reshape(len(ids), -1)
    y, affine = ops.affine_forward(x, params["W0"], params["b0"])
    running = model.running["mean0"], model.running["var0"]
    z, norm = ops.batch_norm_forward(y, params["gamma0"], params["beta0"], running, True)
    a, activation = ops.sigmoid_forward(z)
    dropped, dropout = ops.dropout_forward(a, 0.5, np.random.default_rng(0))
    logits = model.logits(ids, values)
    grad_logits = ops.log_loss_backward(1.0, ops.log_loss_forward(logits, labels)[1])
    fm = ops.fm_forward(vectors)[1]
    grad_vectors = ops.fm_backward(grad_logits, fm)
    grad_x, grad_W, grad_b = ops.affine_backward(ops.sigmoid_backward(dropped, activation), affine)
    table_gradient = ops.embedding_backward(grad_vectors, embedding)
    own_table = DeepFM(field_dims, field_starts, embedding_dim=2, shared_embedding=False).params["deep_table"]
    touched = {row for row, value in zip(ids.ravel(), values.ravel(), strict=True) if value}
    found = {
        "data/fields.py": {"ids": ids, "values": values},
        "training.py": {"labels": labels},
        "model.py": {"bias": params["bias"], "deep_table": own_table, "logits": logits, "grad_logits": grad_logits},
        "ops/first_order.py": {"weights": params["weights"]},
        "ops/embedding.py": {"table": params["table"], "vectors": vectors, "grad_vectors": grad_vectors},
        "ops/fm.py": {"total": fm.total},
        "ops/product.py": {"total": ops.outer_product_forward(vectors)[1].total},
        "ops/affine.py": {
            "W": affine.W,
            "b": params["b0"],
            "x": x,
            "grad_x": grad_x,
            "grad_W": grad_W,
            "grad_b": grad_b,
        },
        "ops/batch_norm.py": {"gamma": params["gamma0"], "beta": params["beta0"], "normalized": norm.normalized},
        "ops/activation.py": {"z": z, "a": a},
        "ops/dropout.py": {"scale": dropout.scale},
        "ops/rows.py": {"rows": table_gradient.rows, "values": table_gradient.values},
    }
    return found, {**sizes, "r": len(touched)}


FOUND, SIZES = arrays_at_run_time()


def words(path):
    """Every name a file uses: variables, arguments, fields, and words in its strings and docstrings."""
    return set(re.findall(r"\w+", (ROOT / "deepfm_np" / path).read_text()))


def test_the_sizes_differ_so_that_a_wrong_shape_cannot_pass():
    assert len(set(SIZES.values())) == len(SIZES)


def test_the_table_holds_every_variable_that_is_looked_up():
    assert {(path, name) for name, _, path in VARIABLES} == {(path, name) for path in FOUND for name in FOUND[path]}


@pytest.mark.parametrize(("name", "shape", "path"), VARIABLES)
def test_a_variable_has_the_shape_of_the_table(name, shape, path):
    symbols = re.findall(r"\w+", shape)
    assert FOUND[path][name].shape == tuple(SIZES[symbol] for symbol in symbols)


@pytest.mark.parametrize(("name", "shape", "path"), VARIABLES)
def test_a_variable_is_used_where_the_table_says(name, shape, path):
    assert name in words(path)
