"""JupyterLite: notebooks and exercises to be run in a browser, with Pyodide as Python and this package as a wheel."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZIP_DEFLATED, ZipFile

from deepfm_np.exercises.assignments import assignments, blank

SITE = Path(__file__).resolve().parent
REPOSITORY = SITE.parents[1]
PYODIDE = "https://cdn.jsdelivr.net/pyodide/v0.27.7/full/pyodide.js"  # the version that tests/site proves
APPS = ["notebooks", "repl", "tree"]
EXTENSIONS = ["@jupyterlite/pyodide-kernel-extension", "@jupyter-widgets/jupyterlab-manager"]
INSTALL = "%pip install -q deepfm_np ipywidgets"
WHOLE = ("00", "02")  # notebooks that train nothing
CONSOLE = (
    "<style>.jp-CodeConsole .jp-CodeConsole-input { min-height: 58vh; }</style>"  # the code of a box is to be seen
)
NOTE = """

> **In your browser.** Python starts within a minute. The next cell fetches the package: run it each time you open this
> page, and then the others in their order. What you write stays in this browser; to keep it, press Ctrl+Shift+C, type
> *Download* and press Enter."""
TENTH = """ Click logs have a tenth of the rows here, so that
> training is quick: numbers and figures differ from those that the text speaks of, and a model may miss what it finds
> there."""
CHECK = """## All checks

**Save first (Ctrl+S):** the cell below reads the file, not the page. It runs all tests, the hidden ones too, as the
command `exercise check` does. It gives no official grade, because here the tests run together with your own code."""
COMMAND = """from deepfm_np.__main__ import main

main(["exercise", "check", "{name}"]);"""


def build(work: Path, to: Path) -> None:
    """Lay out what JupyterLite needs in an empty folder `work`, and build its pages into `to`."""
    lay_out(work / "files")
    wheels(work / "pypi")
    extensions = [str(Path(sys.prefix, "share/jupyter/labextensions", name)) for name in EXTENSIONS]
    settings = {"contents": ["files"], "apps": APPS, "no_sourcemaps": True, "no_unused_shared_packages": True}
    settings |= {"ignore_sys_prefix": ["federated_extensions"], "federated_extensions": extensions}
    kernel = {"pyodideUrl": PYODIDE, "disablePyPIFallback": True}
    plugins = {"@jupyterlite/pyodide-kernel-extension:kernel": kernel}
    pages = {
        "appName": "deepfm_np",
        "appUrl": "./tree",
        "faviconUrl": "./tree/favicon.ico",
        "litePluginSettings": plugins,
    }
    dump(work / "jupyter_lite_config.json", {"LiteBuildConfig": settings})
    dump(work / "jupyter-lite.json", {"jupyter-lite-schema-version": 0, "jupyter-config-data": pages})
    command = [sys.executable, "-m", "jupyterlite_core", "build", "--lite-dir", work, "--output-dir", to]
    done = subprocess.run(command, cwd=work, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"JupyterLite was not built:\n{done.stdout}{done.stderr}")
    console = to / "repl" / "index.html"
    console.write_text(console.read_text(encoding="utf-8").replace("</head>", f"{CONSOLE}</head>", 1), encoding="utf-8")


def lay_out(files: Path) -> None:
    """The notebooks, as in the repository, with what they link to and read; the exercises, as they are started."""
    for path in sorted((REPOSITORY / "notebooks").glob("*.ipynb")):
        text = path.read_text(encoding="utf-8")
        dump(files / "notebooks" / path.name, in_browser(json.loads(text), path.name))
        for link in re.findall(r"\]\(([\w./-]+\.(?:md|py|csv))\b", text):
            copy((path.parent / link).resolve(), files)
    for table in (REPOSITORY / "docs/benchmarks").rglob("*.csv"):
        copy(table, files)
    for exercise in assignments():
        notebook = in_browser(blank(json.loads(exercise.path.read_text(encoding="utf-8"))), exercise.path.name)
        notebook["cells"] += [markdown("all-checks", CHECK), code("check", COMMAND.format(name=exercise.path.name))]
        dump(files / "notebooks/exercises" / exercise.path.name, notebook)


def copy(path: Path, files: Path) -> None:
    """Put a file of the repository where it lies there."""
    target = files / path.relative_to(REPOSITORY)
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(path, target)


def in_browser(notebook: dict, name: str) -> dict:
    """The notebook without outputs, with a cell that fetches the package, and a tenth of the rows to train on."""
    cells, tenth = [], False
    for cell in notebook["cells"]:
        text = "".join(cell["source"])
        if cell["cell_type"] == "code":
            fewer = text if name.startswith(WHOLE) else with_a_tenth(text)
            tenth |= fewer != text
            cell = {**cell, "source": fewer, "outputs": [], "execution_count": None}
        cells.append(cell)
    first = {**cells[0], "source": "".join(cells[0]["source"]) + NOTE + (TENTH if tenth else "")}
    kernel = {"kernelspec": {"name": "python", "display_name": "Python (Pyodide)", "language": "python"}}
    metadata = {**notebook["metadata"], **kernel}
    return {**notebook, "metadata": metadata, "cells": [first, code("install", INSTALL), *cells[1:]]}


def with_a_tenth(text: str) -> str:
    """The code with every click log a tenth as long; a log of no stated length has 100,000 rows."""

    def shorter(call: re.Match) -> str:
        rows = int((call[1] or "100_000, ").strip(", ").replace("_", ""))
        return f"make_click_log({rows // 10:_}, "

    return re.sub(r"make_click_log\(([\d_]+, )?(?=\w+=)", shorter, text)


def markdown(name: str, text: str) -> dict:
    return {"cell_type": "markdown", "id": name, "metadata": {}, "source": text}


def code(name: str, text: str) -> dict:
    return {"cell_type": "code", "id": name, "metadata": {}, "source": text, "outputs": [], "execution_count": None}


def wheels(folder: Path) -> None:
    """This package, with the exercises that `exercise check` needs, and what it imports besides Pyodide's own."""
    folder.mkdir(parents=True)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    wanted = ["--no-deps", "--require-hashes", "--only-binary", ":all:", "-r", str(SITE / "wheels.txt")]
    subprocess.run([*pip, "download", *wanted, "-d", str(folder)], check=True)
    with TemporaryDirectory() as temporary:  # setuptools would take what an older build left in build/lib
        project = Path(temporary)
        shutil.copytree(REPOSITORY / "deepfm_np", project / "deepfm_np", ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(REPOSITORY / name, project)
        subprocess.run([*pip, "wheel", "--no-deps", "-w", str(folder), str(project)], check=True)
    exercises = REPOSITORY / "notebooks/exercises"
    with ZipFile(next(folder.glob("deepfm_np-*.whl")), "a", ZIP_DEFLATED) as wheel:
        for path in [*exercises.glob("source/*/*.ipynb"), *exercises.glob("variants/*.py")]:
            wheel.write(path, path.relative_to(REPOSITORY))


def dump(path: Path, content: dict) -> None:
    """Write JSON, making its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
