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
FENCED = re.compile(r"<details>.*?```python\n(.*?)```.*?</details>", re.S)


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


def turns(cells):
    """The numbers of the blanks "Your turn"; the check is the cell after it, the folded answer the one after that."""
    return [number for number, cell in enumerate(cells) if "your-turn" in tags(cell)]


def answer(cell):
    (code,) = FENCED.findall(source(cell))
    return code


def with_answers(nbformat, cells):
    """The cells, and after each check of a blank the check twice more: of None and of the folded answer."""
    answers = {number + 1: answer(cells[number + 2]) for number in turns(cells)}
    for number, cell in enumerate(cells):
        yield cell
        if number in answers:
            nothing = "\n".join(f"def {name}(*arguments): return None" for name in functions(answers[number]))
            for code, added in ((nothing, ["added", "raises-exception"]), (answers[number], ["added", "answered"])):
                yield nbformat.v4.new_code_cell(code, metadata={"tags": ["added"]})
                yield nbformat.v4.new_code_cell(source(cell), metadata={"tags": added})


@pytest.mark.notebooks
@each
def test_a_notebook_prints_what_is_committed_and_its_answers_pass_their_checks(name, monkeypatch):
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed: pip install jupyter")
    nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed: pip install jupyter")
    notebook = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    notebook.cells = list(with_answers(nbformat, notebook.cells))
    client = nbclient.NotebookClient(
        notebook, timeout=300, kernel_name="python3", record_timing=False, resources={"metadata": {"path": str(FOLDER)}}
    )
    client.execute()  # raises where an answer is wrong
    for cell in notebook.cells:
        if "answered" in tags(cell):
            assert printed(cell) and "Still blank" not in printed(cell), source(cell)
        elif "added" in tags(cell) and "raises-exception" in tags(cell):
            assert any(output["output_type"] == "error" for output in cell["outputs"]), f"None passes: {source(cell)}"
    as_committed = [cell for cell in notebook.cells if "added" not in tags(cell)]
    for number, (before, after) in enumerate(zip(NOTEBOOKS[name], as_committed, strict=True)):
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
def test_three_blanks_each_have_a_check_that_sees_the_blank_and_a_folded_answer(name):
    cells = NOTEBOOKS[name]
    assert len(turns(cells)) == 3
    for number in turns(cells):
        task, blank, check, folded = cells[number - 1 : number + 3]
        assert "Your turn" in source(task)
        assert "raise NotImplementedError(" in source(blank)
        assert "with your_turn():" in source(check)
        assert printed(check).startswith("Still blank")
        assert functions(answer(folded)) == functions(source(blank))


def functions(code):
    return {node.name: ast.dump(node.args) for node in ast.parse(code).body if isinstance(node, ast.FunctionDef)}


@each
def test_the_reader_predicts_before_running_at_least_twice(name):
    assert prose(name).count("**Predict") >= 2


@each
def test_the_footer_names_the_exercise_that_is_due(name):
    table = (FOLDER / "exercises" / "README.md").read_text()
    rows = re.findall(r"^\| \d+ (.*?)(?: \(optional\))? \| (.*) \|$", table, re.M)
    assert len(rows) > 10
    footer = source(NOTEBOOKS[name][-1]).splitlines()[-1]
    for title, after in rows:
        if re.findall(r"\.\./([\w-]+)\.ipynb", after)[-1] == name:  # it is due when the last of them was read
            assert f"*{title}*" in footer


def minutes(name):
    """The rule of docs/lecturer.md: so much for words of prose and of code, lines of formulas, tasks and questions."""
    text = re.sub(r"<details>.*?</details>", "", prose(name), flags=re.S)
    lines = sum(1 + formula.count(r"\\") for formula in re.findall(r"\$\$.*?\$\$", text, re.S))
    words = len(re.sub(r"\$\$.*?\$\$", "", text, flags=re.S).split())
    code_words = sum(len(source(cell).split()) for cell in code_cells(name))
    questions = len(re.findall(r"^\*\*\d\.\*\*", text, re.M))
    return words / 200 + code_words / 100 + lines + 6 * len(turns(NOTEBOOKS[name])) + 2 * questions


@each
def test_the_minutes_stated_are_the_estimate_of_the_lecturers_guide_and_75_at_most(name):
    (stated,) = re.findall(r"^\*\*Time:\*\* about (\d+) minutes", prose(name), re.M)
    assert abs(int(stated) - minutes(name)) <= 5, minutes(name)
    assert int(stated) <= 75


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
