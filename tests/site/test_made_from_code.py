import re
import sys
from itertools import pairwise
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "docs" / "site"))

import alt_text
import docstrings
import lite
import modules
import npm


def test_mathematics_and_checker_import_no_other_room():
    graph = modules.imports()
    assert graph["ops"] == graph["gradcheck"] == set()
    assert {"architecture", "ops", "system"} <= graph["model"]


def test_every_arrow_of_the_drawing_points_downwards():
    graph = modules.imports()
    height = {name: row for row, names in enumerate(modules.levels(graph)) for name in names}
    assert set(height) == set(graph)
    assert all(height[other] < height[name] for name, others in graph.items() for other in others)


def test_an_arrow_that_follows_from_others_is_left_out():
    assert modules.direct({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == {"a": {"b"}, "b": {"c"}, "c": set()}


def test_modules_that_import_each_other_are_refused():
    with pytest.raises(ValueError, match="these import each other: a, b"):
        modules.levels({"a": {"b"}, "b": {"a"}})


def test_boxes_of_a_row_keep_their_order_and_do_not_overlap():
    placed = modules.apart({"a": 100.0, "b": 90.0, "c": 5000.0, "d": 4990.0})
    assert sorted(placed, key=placed.__getitem__) == ["b", "a", "d", "c"]
    xs = sorted(placed.values())
    assert min(right - left for left, right in pairwise(xs)) >= modules.BOX[0]
    assert xs[-1] + modules.BOX[0] / 2 <= modules.WIDTH


def test_a_formula_in_a_docstring_keeps_its_columns():
    assert docstrings.restructured(["Adam:", "", "    m = b1 m + ...", "    v = b2 v + ...", ""]) == [
        "Adam\\:",
        "",
        "::",
        "",
        "        m = b1 m + ...",
        "        v = b2 v + ...",
        "",
    ]


def test_arguments_of_a_docstring_become_a_list():
    assert docstrings.restructured(["ids, values: (n, s).", "seed: an int,", "    or a generator."]) == [
        "* ``ids, values``: (n, s).",
        "* ``seed``: an int,",
        "  or a generator.",
        "",
    ]


def test_signs_that_mean_something_to_sphinx_are_plain_in_a_docstring():
    assert docstrings.inline("W* of `ops`, x_") == "W\\* of ``ops``\\ , x\\_"


def test_a_figure_is_described_by_its_titles_and_axes():
    code = 'ax.set_title(f"AUC of {name}")\nax.set(xlabel="epoch", ylabel=r"$\\log$ loss")\nplt.show()'
    assert alt_text.description(code) == "AUC of …; x: epoch; y: log loss"


def test_a_figure_without_titles_is_described_by_the_heading_above_it():
    cells = [
        {"cell_type": "markdown", "source": "## 2. The $m$ fields", "metadata": {}},
        {"cell_type": "code", "source": "plot()", "metadata": {}, "outputs": [{"data": {"image/png": ""}}]},
    ]
    alt_text.describe_figures(cells)
    assert cells[1]["metadata"] == {"mystnb": {"image": {"alt": "Figure for: 2. The m fields"}}}


def test_a_package_of_npm_with_another_hash_is_refused(tmp_path):
    (tmp_path / "mathjax-3.2.2.tgz").write_bytes(b"something else")
    with pytest.raises(ValueError, match="has the SHA-512"):
        npm.fetch("mathjax", tmp_path)


def test_a_copy_for_the_browser_has_a_tenth_of_the_rows_and_says_so():
    def copy(name, code):
        cells = [{"cell_type": "markdown", "source": "# Title"}, {"cell_type": "code", "source": code}]
        first, install, last = lite.in_browser({"metadata": {}, "cells": cells}, name)["cells"]
        assert install["source"].startswith("%pip install")
        return "a tenth of the rows" in first["source"], last["source"]

    assert copy("03.ipynb", "make_click_log(200_000, seed=0)") == (True, "make_click_log(20_000, seed=0)")
    assert copy("11.ipynb", "log = make_click_log(seed=0)") == (True, "log = make_click_log(10_000, seed=0)")
    assert copy("00.ipynb", "make_click_log(200_000, seed=0)") == (False, "make_click_log(200_000, seed=0)")
    assert copy("01.ipynb", "x = 200_000") == (False, "x = 200_000")


def test_no_copy_for_the_browser_trains_on_more_than_20_000_rows(tmp_path):
    lite.lay_out(tmp_path)
    rows = [
        int(found.replace("_", ""))
        for path in (tmp_path / "notebooks").glob("*.ipynb")
        if not path.name.startswith(lite.WHOLE)
        for found in re.findall(r"make_click_log\(([\d_]*)", path.read_text(encoding="utf-8"))
    ]
    assert len(rows) > 10 and max(rows) <= 20_000


def test_links_of_a_copy_for_the_browser_lead_to_files_beside_it(tmp_path):
    lite.lay_out(tmp_path)
    for path in tmp_path.rglob("*.ipynb"):
        for link in re.findall(r"\]\(([^):#]+)[)#]", path.read_text(encoding="utf-8")):
            assert (path.parent / link).exists(), f"{path.name}: {link}"


@pytest.fixture(scope="module")
def decks():
    """The module that makes slides, which needs what the site is built with."""
    pytest.importorskip("nbconvert")
    import decks

    return decks


@pytest.mark.site
def test_a_slide_shows_heading_and_formulas_of_a_tagged_cell_and_nothing_of_others(decks):
    import nbformat

    text = "Before.\n\n## 2. Pairs\n\nWords.\n\n$$\ny\n$$\n\n$z$\n\n| a |\n| - |\n| 1 |\n\n### Triples\n\n$$x$$"
    tagged = nbformat.v4.new_markdown_cell(text, metadata={"tags": ["slide"]})
    slides = decks.slides(nbformat.v4.new_notebook(cells=[tagged, nbformat.v4.new_markdown_cell(text)]), "06")
    assert [(one.metadata.heading, one.source) for one in slides] == [
        ("## 06.2 · Pairs", "$$\ny\n$$\n\n| a |\n| - |\n| 1 |"),
        ("### Triples", "$$x$$"),
    ]


@pytest.mark.site
def test_of_code_that_draws_a_slide_shows_the_figure_alone(decks):
    import nbformat

    figure = nbformat.v4.new_output("display_data", {"image/png": ""})
    printed = nbformat.v4.new_output("stream", text="3 epochs")
    code = nbformat.v4.new_code_cell("fit()", outputs=[printed, figure], metadata={"tags": ["slide"]})
    cells = [nbformat.v4.new_markdown_cell("## 4. Downhill"), code]
    (slide,) = decks.slides(nbformat.v4.new_notebook(cells=cells), "03")
    assert slide.outputs == [figure]
    assert slide.metadata == {
        "heading": "## 03.4 · Downhill",
        "transient": {"remove_source": True},
        "alt": "Figure for: 4. Downhill",
    }


@pytest.mark.site
def test_each_session_of_the_plan_has_slides_from_each_of_its_notebooks(decks):
    sessions = decks.sessions()
    assert [session.number for session in sessions] == ["1", "2", "3", "4", "5", "6"]
    for session in sessions:
        headings = [cell.metadata.heading for cell in decks.deck(session).cells]
        for name in session.notebooks:
            assert any(heading.startswith(f"## {name[:2]}.") for heading in headings), name


@pytest.mark.site
def test_the_exercises_due_after_a_notebook_are_read_from_their_table(decks):
    import stage

    assert stage.due("06-factorization-machines.ipynb") == [
        "[5 Factorization machines](exercises/05-factorization-machines.ipynb)"
    ]
    assert len(stage.due("11-deepfm-assembled.ipynb")) == 3
    assert stage.due("00-the-click-problem.ipynb") == []


@pytest.mark.site
def test_the_page_of_all_exercises_leads_to_each_of_them(decks):
    import stage

    page = stage.exercises_page()
    assert "| [4 Embeddings](04-embeddings.ipynb) | [05]" in page
    assert all(f"({exercise.path.name}) | [" in page for exercise in stage.assignments())
