"""What a figure shows, for those who cannot see it: the titles and labels that its cell gives it."""

import ast
import re

TITLES = ("suptitle", "set_title", "title")
AXES = {"xlabel": "x", "set_xlabel": "x", "supxlabel": "x", "ylabel": "y", "set_ylabel": "y", "supylabel": "y"}


def describe_figures(cells: list[dict]) -> None:
    """Give every code cell that shows an image a text for it, unless its metadata has one."""
    heading = ""
    for cell in cells:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            for title in re.findall(r"^#+ (.*)$", source, re.MULTILINE):
                heading = re.sub(r"[$`*]", "", title)
        elif any("image/png" in output.get("data", {}) for output in cell.get("outputs", [])):
            options = cell["metadata"].setdefault("mystnb", {}).setdefault("image", {})
            options.setdefault("alt", description(source) or f"Figure for: {heading}")


def description(code: str) -> str:
    """Titles, then axes, of the figure that the code draws; empty where it sets none."""
    titles, axes = [], []
    for call in ast.walk(ast.parse(code)):
        if not isinstance(call, ast.Call):
            continue
        name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        texts = call.args[:1] if name in (*TITLES, *AXES) else []
        keywords = {k.arg: k.value for k in call.keywords} if name == "set" else {}
        for kind, value in [(name, text) for text in texts] + list(keywords.items()):
            if kind in TITLES and written(value):
                titles.append(written(value))
            elif kind in AXES and written(value):
                axes.append(f"{AXES[kind]}: {written(value)}")
    return "; ".join(dict.fromkeys(titles + axes))


def written(value: ast.expr) -> str:
    """The text of a string, without TeX's signs; what an f-string fills in is left out as an ellipsis."""
    if isinstance(value, ast.JoinedStr):
        text = "".join(part.value if isinstance(part, ast.Constant) else "…" for part in value.values)
    else:
        text = value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else ""
    return re.sub(r"[\\${}]", "", text).replace("\n", " ").strip()
