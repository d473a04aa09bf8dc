"""The modules of the package: who imports whom, as a drawing and a table, and one page of the API for each.

A room is a file or a folder directly in deepfm_np/. Only imports that run when a module is loaded are followed.
"""

import ast
from html import escape
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2] / "deepfm_np"
LEFT_OUT = ("__init__", "__main__")
WIDTH, BOX, GAP, ROW = 736, (112, 32), 9, 76  # of the drawing, in pixels; the text of a page is as wide


def module_name(path: str) -> str:
    """ "deepfm_np/ops/fm.py" -> "deepfm_np.ops.fm"; a folder counts as its __init__; "" for what is no module."""
    parts = path.removesuffix(".py").split("/")
    if parts[0] != "deepfm_np" or not (path.endswith(".py") or (PACKAGE.parent / path / "__init__.py").exists()):
        return ""
    return ".".join(parts).removesuffix(".__init__")


def room(module: str) -> str:
    """The page of a module: "deepfm_np.ops.fm" -> "ops"."""
    return [*module.split("."), "deepfm_np"][1]


def rooms() -> dict[str, list[str]]:
    """Every room, by name, with its modules; a folder's __init__ comes first."""
    found: dict[str, list[str]] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        module = module_name(path.relative_to(PACKAGE.parent).as_posix())
        if module.split(".")[-1] not in ("deepfm_np", *LEFT_OUT):
            found.setdefault(room(module), []).append(module)
    return {name: sorted(modules) for name, modules in sorted(found.items())}


def imports() -> dict[str, set[str]]:
    """For every room the other rooms that it imports."""
    known = rooms()
    graph: dict[str, set[str]] = {name: set() for name in known}
    for name, modules in known.items():
        for module in modules:
            for imported in imported_modules(ast.parse(source(module).read_text(encoding="utf-8"))):
                if room(imported) in known and room(imported) != name:
                    graph[name].add(room(imported))
    return graph


def imported_modules(tree: ast.Module) -> list[str]:
    """The package's modules that are imported when this one is loaded."""
    found = []
    for node in tree.body:
        if isinstance(node, ast.Import):
            found += [name.name for name in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [f"{node.module}.{name.name}" for name in node.names]
    return [name for name in found if name.startswith("deepfm_np.")]


def source(module: str) -> Path:
    """The file of a module."""
    path = PACKAGE.parent / module.replace(".", "/")
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def levels(graph: dict[str, set[str]]) -> list[list[str]]:
    """Rooms in rows: each one row above the highest room that it imports. Raises ValueError for a circle."""
    level: dict[str, int] = {}

    def height(name: str, below: tuple[str, ...]) -> int:
        if name in below:
            raise ValueError(f"these import each other: {', '.join(below)}")
        if name not in level:
            level[name] = 1 + max((height(other, (*below, name)) for other in graph[name]), default=-1)
        return level[name]

    for name in graph:
        height(name, ())
    return [sorted(name for name in graph if level[name] == row) for row in range(max(level.values()) + 1)]


def direct(graph: dict[str, set[str]]) -> dict[str, set[str]]:
    """The graph without the arrows that follow from others: a -> c where a -> b -> c is there."""

    def reached(name: str) -> set[str]:
        return graph[name].union(*(reached(other) for other in graph[name]))

    return {name: others - set().union(*(reached(other) for other in others)) for name, others in graph.items()}


def places(rows: list[list[str]], graph: dict[str, set[str]]) -> dict[str, tuple[float, float]]:
    """The middle of every room's box: the lowest row is spread out, a box above stands over those that it imports."""
    at: dict[str, tuple[float, float]] = {}
    for number, names in enumerate(rows):
        y = (len(rows) - 1 - number) * ROW + BOX[1]
        if number == 0:
            wishes = {name: WIDTH * (place + 0.5) / len(names) for place, name in enumerate(names)}
        else:
            wishes = {name: sum(at[other][0] for other in graph[name]) / len(graph[name]) for name in names}
        for name, x in apart(wishes).items():
            at[name] = (x, y)
    return at


def apart(wishes: dict[str, float]) -> dict[str, float]:
    """Places in one row, near the wishes and in their order, that leave each box its width."""
    step, edge = BOX[0] + GAP, BOX[0] / 2
    placed: dict[str, float] = {}
    free = edge
    for name in sorted(wishes, key=wishes.__getitem__):
        placed[name] = max(wishes[name], free)
        free = placed[name] + step
    limit = WIDTH - edge
    for name in reversed(placed):
        placed[name] = min(placed[name], limit)
        limit = placed[name] - step
    return placed


def drawing() -> str:
    """The rooms as SVG: arrows lead from a room to those that it imports, all of them downwards."""
    graph = imports()
    rows, arrows = levels(graph), direct(graph)
    at = places(rows, arrows)
    lines = [curve(at[name], at[other]) for name, others in arrows.items() for other in sorted(others)]
    boxes = [
        f'<a href="api/{name}.html"><rect x="{x - BOX[0] / 2:.0f}" y="{y - BOX[1] / 2:.0f}" width="{BOX[0]}" '
        f'height="{BOX[1]}" rx="5"/><text x="{x:.0f}" y="{y + 5:.0f}">{escape(name)}</text></a>'
        for name, (x, y) in at.items()
    ]
    return "\n".join(
        [
            f'<div class="modules"><svg viewBox="0 0 {WIDTH} {len(rows) * ROW}" role="group" '
            'aria-label="The modules in rows; each imports only modules of rows below its own">',
            '<defs><marker id="arrow" viewBox="0 0 8 8" refX="6" refY="4" markerWidth="7" markerHeight="7" '
            'orient="auto"><path d="M0,0 L8,4 L0,8 z"/></marker></defs>',
            f'<g class="arrows">{"".join(lines)}</g>',
            *boxes,
            "</svg></div>",
        ]
    )


def curve(above: tuple[float, float], below: tuple[float, float]) -> str:
    """An arrow from the lower edge of one box to the upper edge of another; a long one is drawn faintly."""
    (x, y), (to_x, to_y) = (above[0], above[1] + BOX[1] / 2), (below[0], below[1] - BOX[1] / 2 - 3)
    bend = (ROW - BOX[1]) / 2
    kind = "near" if below[1] - above[1] <= ROW else "far"
    return (
        f'<path class="{kind}" d="M{x:.0f},{y:.0f} C{x:.0f},{y + bend:.0f} '
        f'{to_x:.0f},{to_y - bend:.0f} {to_x:.0f},{to_y:.0f}"/>'
    )


def first_sentence(module: str) -> str:
    """The first line of a module's docstring."""
    return (ast.get_docstring(ast.parse(source(module).read_text(encoding="utf-8"))) or "").split("\n")[0]


def table() -> str:
    """Every room with its first sentence and the rooms that it imports, as Markdown, from the top row down."""
    graph = imports()
    lines = ["| module | what it is | imports |", "| --- | --- | --- |"]
    for names in reversed(levels(graph)):
        for name in names:
            below = ", ".join(f"`{other}`" for other in sorted(graph[name]))
            what = first_sentence(f"deepfm_np.{name}").replace("|", r"\|")
            lines.append(f"| [`{name}`](../deepfm_np/{path_of(name)}) | {what} | {below} |")
    return "\n".join(lines)


def path_of(name: str) -> str:
    """The file of a room, within the package."""
    return source(f"deepfm_np.{name}").relative_to(PACKAGE).as_posix()


def write_pages(to: Path) -> None:
    """Fill the two places in layout.md; write api/index.md and a page for every room."""
    layout = to / "layout.md"
    text = layout.read_text(encoding="utf-8")
    layout.write_text(text.replace("<!-- drawing -->", drawing()).replace("<!-- table -->", table()), encoding="utf-8")
    (to / "api").mkdir()
    known = rooms()
    index = ["# API", "", "From the docstrings; `[source]` shows the code.", ""]
    for name in known:
        index.append(f"- [`{name}`](../../deepfm_np/{path_of(name)}): {first_sentence(f'deepfm_np.{name}')}")
    toctree = ["", "```{toctree}", ":hidden:", "", *known, "```", ""]
    (to / "api" / "index.md").write_text("\n".join(index + toctree), encoding="utf-8")
    for name, modules in known.items():
        page = [f"# {name}", ""]
        for module in modules:
            title = [] if module == f"deepfm_np.{name}" else [f"## {module.removeprefix('deepfm_np.')}", ""]
            exports = source(module).name == "__init__.py"  # what other modules on this page hold
            members = [] if exports else ["   :members:"]
            page += [*title, "```{eval-rst}", f".. automodule:: {module}", *members, "```", ""]
        (to / "api" / f"{name}.md").write_text("\n".join(page), encoding="utf-8")
