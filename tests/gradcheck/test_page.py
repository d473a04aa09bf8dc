"""docs/gradcheck.md: its code runs, prints what the page shows, and every rule of the checker has its row."""

import contextlib
import io
import re
from pathlib import Path

import pytest

from deepfm_np.gradcheck import GradientCheckError
from deepfm_np.gradcheck.diagnose import RULES

PAGE = (Path(__file__).parents[2] / "docs" / "gradcheck.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, flags=re.S)


@pytest.fixture(scope="module")
def page():
    """What the code of the page defines, the reports it made, and what it printed."""
    names, reports, printed = {}, [], io.StringIO()
    with contextlib.redirect_stdout(printed):
        for block in BLOCKS:
            exec(compile(block, "docs/gradcheck.md", "exec"), names)
            reports.append(names.pop("report", None))
    return names, [report for report in reports if report is not None], printed.getvalue()


def test_the_right_code_of_the_page_passes(page):
    _, reports, _ = page
    assert [[result.name for result in report.results] for report in reports] == [["x", "W"], ["x", "W", "b"], ["W"]]
    assert all(report.ok for report in reports)


def without_rounding(report):
    """The cells of each line; of a tensor that passes only the first four, since the others show how it is rounded."""
    lines = [re.split(r" {2,}", line.strip()) for line in report.strip().splitlines()]
    return [cells[:4] if cells[2:3] == ["pass"] else cells for cells in lines]


def test_the_page_shows_what_its_code_prints(page):
    shown = re.findall(r"```text\n(.*?)```", PAGE, flags=re.S)
    assert [without_rounding(page[2])] == [without_rounding(text) for text in shown]


def test_the_test_of_the_page_passes_and_fails_for_its_wrong_layer(page):
    names = page[0]
    names["test_the_gradients_of_linear"]()
    names["Linear"] = names["Averaged"]
    with pytest.raises(GradientCheckError, match="1/n"):
        names["test_the_gradients_of_linear"]()


def test_every_rule_has_a_row():
    rows = set(re.findall(r"^\| `(.*?)` \|", PAGE, flags=re.M))
    assert set(RULES) <= {name for row in rows for name in re.split("`, `", row)}
