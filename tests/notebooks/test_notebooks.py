"""The course: every notebook runs and prints its committed output; names, links and formulas are valid."""

import ast
import re
from pathlib import Path

import pytest
from notebook_comparison import difference

from deepfm_np.exercises.assignments import read_cells, source

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "notebooks"
PATHS = sorted(FOLDER.glob("*.ipynb"))
NOTEBOOKS = {path.stem: read_cells(path) for path in PATHS}  # nbformat takes seconds to import
each = pytest.mark.parametrize("name", NOTEBOOKS)


def prose(name):
    return "\n\n".join(source(cell) for cell in NOTEBOOKS[name] if cell["cell_type"] == "markdown")


def code_cells(name):
    return [cell for cell in NOTEBOOKS[name] if cell["cell_type"] == "code"]


def tags(cell):
    return cell["metadata"].get("tags", [])


def printed(cell):
    """What a cell prints, and the text form of what it displays; figures produce no text."""
    outputs = cell["outputs"]
    streams = [output for output in outputs if output["output_type"] == "stream" and output["name"] == "stdout"]
    texts = ["".join(output["text"]) for output in streams]
    for output in outputs:
        if output["output_type"] in ("execute_result", "display_data") and "image/png" not in output["data"]:
            texts.append("".join(output["data"].get("text/plain", "")) + "\n")
    return "".join(texts)


@pytest.mark.notebooks
@each
def test_a_notebook_prints_what_is_committed(name, monkeypatch):
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed: pip install jupyter")
    nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed: pip install jupyter")
    notebook = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    client = nbclient.NotebookClient(
        notebook, timeout=300, kernel_name="python3", record_timing=False, resources={"metadata": {"path": str(FOLDER)}}
    )
    client.execute()
    for number, (before, after) in enumerate(zip(NOTEBOOKS[name], notebook.cells, strict=True)):
        if before["cell_type"] == "code" and "varies" not in tags(before):
            assert not difference(printed(before), printed(after)), (
                f"{name}, cell {number}:\n{difference(printed(before), printed(after))}"
            )


@each
def test_outputs_are_committed_without_errors_or_times(name):
    assert any(cell["outputs"] for cell in code_cells(name))
    for number, cell in enumerate(code_cells(name)):
        assert "execution" not in cell["metadata"], f"code cell {number} keeps the time of its execution"
        if "raises-exception" not in tags(cell):
            assert all(output["output_type"] != "error" for output in cell["outputs"]), f"code cell {number} failed"


@each
def test_code_cells_are_short(name):
    for cell in code_cells(name):
        assert source(cell).count("\n") < 25, source(cell)


@each
def test_every_named_test_exists(name):
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", prose(name))
    for path, test in named:
        tree = ast.parse((ROOT / path).read_text())
        assert test in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}, f"{path}::{test}"
    if r"\partial" in prose(name):
        assert named, "a gradient is displayed and no test is named that proves it"


@each
def test_links_lead_somewhere(name):
    for target in re.findall(r"\]\(([^)#]+)", prose(name)):
        if not target.startswith("http"):
            assert (FOLDER / target).exists(), target


@each
def test_formulas_render_on_github_and_in_jupyter(name):
    text = prose(name)
    assert text.count("$$") % 2 == 0
    for command in (r"\begin{align}", r"\bm", r"\R", r"\operatorname", r"\newcommand"):
        assert not re.search(re.escape(command) + r"(?![a-zA-Z])", text), command
    for display in re.findall(r"\$\$(.*?)\$\$", text, re.S):
        assert display.count("{") == display.count("}"), display
    for line in text.splitlines():
        assert line.count("$$") in (0, 2) or line.strip() == "$$", line
