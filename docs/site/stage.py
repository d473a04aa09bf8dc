"""The sources as Sphinx wants them, in one folder: the pages, the notebooks, and what is made from the code."""

import json
import re
import shutil
from pathlib import Path

import alt_text
import decks
import modules
import try_it

from deepfm_np.exercises.assignments import assignments, blank

REPOSITORY = Path(__file__).resolve().parents[2]
NOTEBOOKS = REPOSITORY / "notebooks"
PAGES = (".md", ".png")
CHOICE = '<p><label><input type="checkbox" id="answers"> print the answers, too</label></p>'
ALL_HERE = "\n```{toctree}\n:glob:\n:hidden:\n\n*\n```\n"  # what a folder's page needs to lead to the others


def lay_out(to: Path) -> None:
    """Fill an empty folder: docs/ at its top, notebooks/ with the exercises' blanks, api/ and the modules' drawing."""
    docs = REPOSITORY / "docs"
    for page in docs.rglob("*"):
        if page.suffix in PAGES:
            write(to / page.relative_to(docs), page.read_bytes())
    write(to / "notebooks/exercises/README.md", exercises_page().encode())
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        page = f"notebooks/{path.name}"
        write(to / page, page_of(json.loads(path.read_text(encoding="utf-8")), page))
    for exercise in assignments():
        page = f"notebooks/exercises/{exercise.path.name}"
        write(to / page, page_of(blank(json.loads(exercise.path.read_text(encoding="utf-8"))), page))
    write(to / "notebooks/index.md", contents().encode())
    modules.write_pages(to)
    fill(to / "index.md", "<!-- try it -->", try_it.box("front", "lite"))
    fill(to / "lecturer-slides.md", "<!-- decks -->", decks.contents())
    fill(to / "lecturer-sheets.md", "<!-- choice -->", CHOICE)


def contents() -> str:
    """The page of all notebooks, each with the time that it states and the exercise that is due."""
    lines = ["# Notebooks", "", "| notebook | time | exercise due |", "| --- | --- | --- |"]
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        opening = "".join(json.loads(path.read_text(encoding="utf-8"))["cells"][0]["source"])
        title, time = opening.split("\n")[0].removeprefix("# "), re.search(r"\*\*Time:\*\* *([^.,]*)", opening)
        minutes = time[1] if time else ""
        lines.append(f"| [{title}]({path.name}) | {minutes} | {', '.join(due(path.name))} |")
    return "\n".join(lines) + "\n" + ALL_HERE


def exercises_page() -> str:
    """The page of all exercises, each a link to its blank, which is a page here."""
    text = (NOTEBOOKS / "exercises/README.md").read_text(encoding="utf-8")
    for exercise in assignments():
        number = int(exercise.path.name[:2])
        text = re.sub(rf"^\| {number} ([^|]+) \|", rf"| [{number} \1]({exercise.path.name}) |", text, flags=re.M)
    return text + ALL_HERE


def due(name: str) -> list[str]:
    """Links to the exercises that the table of notebooks/exercises/README.md sets after a notebook."""
    table = (NOTEBOOKS / "exercises/README.md").read_text(encoding="utf-8")
    files = {exercise.path.name[:2]: exercise.path.name for exercise in assignments()}
    rows = re.findall(rf"^\| (\d+) ([^|]+) \| \[\d+\]\(\.\./{re.escape(name)}\)", table, re.M)
    return [f"[{number} {title}](exercises/{files[number.zfill(2)]})" for number, title in rows]


def page_of(notebook: dict, path: str) -> bytes:
    """The notebook as a page: with a line that leads to where it runs, a box to try, and its figures described."""
    first, folder, name = notebook["cells"][0], "../" * path.count("/"), path.rpartition("/")[2]
    first["source"] = "".join(first["source"]) + (
        f'\n\n<p class="notebook-bar"><a href="{folder}lite/notebooks/index.html?path={path}">Run in the browser</a> · '
        f'<a href="{name}" download>Download this notebook</a></p>\n'
    )
    if box := try_it.box(name[:2] if path.count("/") == 1 else "", f"{folder}lite"):
        last = notebook["cells"][-1]
        before, closing, after = "".join(last["source"]).partition("## What we have shown")
        last["source"] = f"{before}## Try it\n\n{box}\n{closing}{after}"
    alt_text.describe_figures(notebook["cells"])
    if due(name):
        first["source"] += f"\nExercise due: {', '.join(due(name))}\n"
    return json.dumps(notebook).encode()


def copy_notebooks(pages: Path) -> None:
    """Put each notebook, as it is handed out, beside its page."""
    for path in NOTEBOOKS.glob("*.ipynb"):
        shutil.copy(path, pages / "notebooks")
    for exercise in assignments():
        notebook = blank(json.loads(exercise.path.read_text(encoding="utf-8")))
        write(pages / "notebooks/exercises" / exercise.path.name, json.dumps(notebook, indent=1).encode())


def fill(page: Path, place: str, content: str) -> None:
    """Put what is made here into a page."""
    page.write_text(page.read_text(encoding="utf-8").replace(place, content), encoding="utf-8")


def write(path: Path, content: bytes) -> None:
    """Write a file, making its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
