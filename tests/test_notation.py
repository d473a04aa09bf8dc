"""docs/notation.md states the shape and file of each variable and lists the letters of the notebooks; checked here."""

import re
from pathlib import Path

import numpy as np
import pytest

from deepfm_np import DeepFM, ops
from deepfm_np.exercises.assignments import read_cells, source

ROOT = Path(__file__).parents[1]
ROW = re.compile(r"\| `(\w+)` \| (\([^|]*\)) \| `([\w/]+\.py)` \|")
PAGE = (ROOT / "docs" / "notation.md").read_text()
VARIABLES = ROW.findall(PAGE)
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
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
    return found, {**sizes, "R": len(touched)}


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


GREEK = re.compile(
    r"\\((?:alpha|beta|gamma|delta|(?:var)?epsilon|zeta|eta|(?:var)?theta|iota|kappa|lambda|mu|nu|xi|pi|rho|sigma|tau"
    r"|upsilon|(?:var)?phi|chi|psi|omega|ell|Gamma|Delta|Theta|Lambda|Pi|Sigma|Phi|Psi|Omega))(?![a-zA-Z])"
)


def letters(text):
    """The letters that stand for something in the mathematics of a text: "V" and "i" of $V_i$, "sigma" of $\\sigma$."""
    text = re.sub(r"```.*?```|`[^`]*`", "", text, flags=re.S)
    mathematics = " ".join("".join(pair) for pair in re.findall(r"\$\$(.*?)\$\$|\$(.*?)\$", text, re.S))
    mathematics = re.sub(r"\\(text|mathrm|mathtt|begin|end)\s*(\{[^{}]*\}|\w)|\[\d+pt\]", " ", mathematics)  # words
    mathematics = re.sub(r"_\{?(in|out|FM|deep|DNN)\b\}?", " ", mathematics)
    return set(GREEK.findall(mathematics)) | set(re.findall(r"[A-Za-z]", re.sub(r"\\[a-zA-Z]+", " ", mathematics)))


def test_letters_are_found_and_words_are_not():
    text = (
        r"so $\mathrm{d}L = \sum_{i<j} V_{if}\,\varepsilon$ and $d_{in}$, `$q$`"
        + "\n$$\n\\text{if } z \\\\[4pt] \\sigma\n$$"
    )
    assert letters(text) == {"L", "i", "j", "V", "f", "varepsilon", "d", "z", "sigma"}


def listed():
    """The letters in the first column of the page's tables, in mathematics or as the name of a size."""
    cells = re.findall(r"^\| (.+?) \|", PAGE, re.M)
    sizes = re.findall(r"^\| `(\w)` \| [^(]", PAGE, re.M)
    return {*sizes, *letters(" ".join(cells))}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_letter_in_the_mathematics_of_a_notebook_is_listed(path):
    prose = "\n\n".join(source(cell) for cell in read_cells(path) if cell["cell_type"] == "markdown")
    assert len(letters(prose)) > 3
    assert letters(prose) <= listed(), letters(prose) - listed()


def test_no_letter_is_listed_twice():
    """One symbol, one meaning. Ids and values together are x; where the network has a table of its own, both are V."""
    rows = re.findall(r"^\| (\$[^|]+?\$) \|", PAGE, re.M)
    alone = [symbol for row in rows for symbol in re.findall(r"\$([A-Za-z]|\\\w+)\$", row)]
    alone += re.findall(r"^\| `(\w)` \| [^(]", PAGE, re.M)
    assert len(alone) > 25
    assert {symbol for symbol in alone if alone.count(symbol) > 1} == {"x", "V"}
