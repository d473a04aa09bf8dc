"""Slides for each session of the lecturer's plan: the cells of its notebooks with the tag `slide`, as a reveal deck.

Of prose a slide shows the heading, quotations, displayed formulas and tables; of a cell that draws, the figure alone.
"""

import re
from html import escape
from pathlib import Path
from typing import NamedTuple

import alt_text
import nbformat
from nbconvert import HTMLExporter

REPOSITORY = Path(__file__).resolve().parents[2]
ROW = re.compile(r"^\| (\d+) ([^|]+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", re.M)
SHOWN = re.compile(r"^(?:\$\$.*?\$\$|\|.*?(?=\n\n|\Z)|> .*?(?=\n\n|\Z))", re.M | re.S)


class Session(NamedTuple):
    """A row of the plan in docs/lecturer.md."""

    number: str
    title: str
    notebooks: list[str]  # "00-the-click-problem", ...
    goals: str
    exercise: str


def sessions() -> list[Session]:
    """The six sessions, in their order."""
    plan = (REPOSITORY / "docs" / "lecturer.md").read_text(encoding="utf-8")
    table = plan.split("\n## Six sessions of 90 minutes\n")[1].split("\n## ")[0].split("\n### ")[0]
    return [
        Session(number, title, re.findall(r"([\w-]+)\.ipynb", notebooks), goals, exercise)
        for number, title, notebooks, goals, exercise in ROW.findall(table)
    ]


def slides(notebook: nbformat.NotebookNode, number: str) -> list[nbformat.NotebookNode]:
    """The tagged cells, shortened, each with its heading; a cell of several sections becomes as many slides."""
    found, section = [], ""
    alt_text.describe_figures(notebook.cells)
    for cell in notebook.cells:
        tagged = "slide" in cell.metadata.get("tags", [])
        if cell.cell_type == "code":
            found += [code_slide(cell, section)] if tagged else []
            continue
        for part in re.split(r"(?=^##+ )", cell.source, flags=re.M):
            title = re.sub(r"^## (\d+)\.", rf"## {number}.\1 ·", part.split("\n")[0])
            section = title if title.startswith("## ") else section
            shown = SHOWN.findall(part)
            if tagged and shown:
                heading = title if title.startswith("#") else section
                found.append(nbformat.v4.new_markdown_cell("\n\n".join(shown), metadata={"heading": heading}))
    return found


def code_slide(cell: nbformat.NotebookNode, heading: str) -> nbformat.NotebookNode:
    """A code cell with its outputs; the figure alone if it draws one."""
    figures = [output for output in cell.outputs if "image/png" in output.get("data", {})]
    metadata = {"heading": heading}
    if figures:
        metadata |= {"transient": {"remove_source": True}, "alt": cell.metadata["mystnb"]["image"]["alt"]}
    return nbformat.v4.new_code_cell(cell.source, outputs=figures or cell.outputs, metadata=metadata)


def deck(session: Session) -> nbformat.NotebookNode:
    """The slides of a session, the first of which says what it is about."""
    goals = "\n".join(f"- {goal.strip()}" for goal in session.goals.split(";"))
    notebooks = ", ".join(f"[{name[:2]}](../notebooks/{name}.html)" for name in session.notebooks)
    opening = f"At the end you can\n\n{goals}\n\nNotebooks: {notebooks}\n\nExercise: {session.exercise}"
    title = f"{session.number} · {session.title}"
    cells = [nbformat.v4.new_markdown_cell(opening, metadata={"heading": f"# {title}"})]
    for name in session.notebooks:
        cells += slides(nbformat.read(REPOSITORY / "notebooks" / f"{name}.ipynb", as_version=4), name[:2])
    return nbformat.v4.new_notebook(cells=cells, metadata={"title": title})


def write(to: Path) -> None:
    """A page for each session: to/1.html and so on."""
    exporter = HTMLExporter(
        extra_template_basedirs=[str(Path(__file__).parent)],
        template_name="deck",
        exclude_input_prompt=True,
        exclude_output_prompt=True,
        exclude_anchor_links=True,
    )
    to.mkdir(parents=True, exist_ok=True)
    for session in sessions():
        page, _ = exporter.from_notebook_node(deck(session))
        (to / f"{session.number}.html").write_text(page, encoding="utf-8")


def contents() -> str:
    """Links to the decks, as HTML, since they lie beside the pages and are none of them."""
    pages = [(f"slides/{session.number}.html", f"{session.number} · {session.title}") for session in sessions()]
    links = [f'<li><a href="{page}">{escape(title)}</a></li>' for page, title in pages]
    return f"<ul>{''.join(links)}</ul>"
