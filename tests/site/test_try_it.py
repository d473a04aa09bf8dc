"""The boxes "Try it": what stands there is wrong, the checker says why, and a reader can put it right."""

import ast
import sys
from pathlib import Path

import pytest

SITE = Path(__file__).parents[2] / "docs" / "site"
sys.path.insert(0, str(SITE))

import try_it  # noqa: E402

CORRECTIONS = {
    "front": ("(p - labels)", "(p - labels) / 5", "yours = n (n = 5) * numeric"),
    "04": ("(1 - a * a)", "3 * (1 - a * a)", "yours = 1/n (n = 3) * numeric"),
    "05": (
        "grad_table[ids] += grad_vectors",
        "np.add.at(grad_table, ids, grad_vectors)",
        "add the shares, do not assign",
    ),
    "06": ("* total", "* (total - cache.vectors)", "yours - numeric = 1 * grad_y * vectors"),
    "11": (" / 2", "", "yours = 1/2 * numeric"),
}


def report(code):
    """What the last line of a box shows."""
    *before, last = ast.parse(code).body
    space = {}
    exec(compile(ast.Module(before, []), "box", "exec"), space)
    return eval(compile(ast.Expression(last.value), "box", "eval"), space)


def test_there_is_a_box_for_the_front_page_and_four_notebooks():
    assert {path.stem for path in try_it.FOLDER.glob("*.py")} == set(CORRECTIONS)


@pytest.mark.parametrize("name", CORRECTIONS)
def test_a_box_is_wrong_with_a_reason_and_can_be_put_right(name):
    wrong, right, reason = CORRECTIONS[name]
    _, code = try_it.parts(try_it.FOLDER / f"{name}.py")
    assert code.count(wrong) == 1
    found = report(code)
    assert not found.ok
    assert any(reason in result.hint for result in found.results)
    assert report(code.replace(wrong, right)).ok
