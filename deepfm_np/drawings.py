"""Drawings of models and graphs, for the course and the README: units, and arrows between them.

`draw` draws any of them; `deepfm_figure` and `network_figure` say where the units of DeepFM and of a small network
stand. Each returns a matplotlib Figure and shows nothing. Values flow from left to right.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise, product
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch, Patch, Rectangle

from deepfm_np.plots import BLUE, GREEN, GREY, ORANGE

PALE = {BLUE: "#e3eff7", ORANGE: "#fbe9dd", GREEN: "#e0f3ec", GREY: "#f4f4f4"}
EXAMPLE = {"gender": "male", "age": "under 20", "category": "shooter"}


class Unit(NamedTuple):
    """Something that holds a value, with its middle at (x, y), in inches: a box, or a circle where the width is 0.

    text: stands in it.  below: stands under it.  cells: how many squares a box is divided into.
    """

    x: float
    y: float
    text: str = ""
    colour: str = BLUE
    below: str = ""
    width: float = 0.0
    height: float = 0.4
    cells: int = 1


class Arrow(NamedTuple):
    """From one unit to another, by their names; the text stands on its middle. bend: 0 is straight, 0.3 an arc."""

    start: str
    end: str
    text: str = ""
    colour: str = GREY
    bend: float = 0.0


def draw(
    units: Mapping[str, Unit], arrows: Sequence[Arrow], frames: Mapping[str, Unit] | None = None, title: str = ""
) -> Figure:
    """A figure with every unit and arrow, and behind them the frames, their names above.

    The gid of a shape is its name, that of an arrow "start to end".
    """
    frames = frames or {}
    figure, axes = _sheet([*units.values(), *frames.values()], title)
    for name, frame in frames.items():
        axes.add_patch(_shape(name, frame, zorder=0))
        axes.text(frame.x, frame.y + frame.height / 2 + 0.06, name, ha="center", va="bottom", color=frame.colour)
    for name, unit in units.items():
        axes.add_patch(_shape(name, unit))
        dividers = [unit.x + unit.width * (i / unit.cells - 0.5) for i in range(1, unit.cells)]
        axes.vlines(dividers, unit.y - unit.height / 2, unit.y + unit.height / 2, color=unit.colour, linewidth=0.5)
        axes.text(unit.x, unit.y, unit.text, ha="center", va="center")
        axes.text(unit.x, unit.y - unit.height / 2 - 0.06, unit.below, ha="center", va="top", color=unit.colour)
    for arrow in arrows:
        _add_arrow(axes, arrow, units[arrow.start], units[arrow.end])
    return figure


def deepfm_figure(example: Mapping[str, str] = EXAMPLE, hidden: Sequence[int] = (4, 3), title: str = "") -> Figure:
    """DeepFM for one example: the rows of its values in one shared table; FM and network, sum, sigmoid.

    example: field -> value; one of three rows is drawn in each field's block.  hidden: units of the hidden layers.
    A row holds the weight w of a value (green) and its vector V_i (blue).
    """
    fields, middle = len(example), 1.85
    units = {
        "first order": Unit(6.6, 3.5, r"$\langle w, x \rangle$", GREEN, width=1.7, height=0.5),
        "pairs": Unit(6.6, 2.8, r"$\sum_{i<j}\; \langle V_i, V_j \rangle$", ORANGE, width=1.7, height=0.5),
        "bias": Unit(8.5, 3.2, "$w_0$", GREY),
        "sum": Unit(8.5, middle, "+", GREY),
        "sigmoid": Unit(9.3, middle, r"$\sigma$", GREY),
        "probability": Unit(10.1, middle, r"$\hat y$", GREY),
    }
    network, arrows = _network([*hidden, 1], x=5.8, y=0.95)
    units |= network
    for i, (field, value) in enumerate(example.items()):
        y = middle + 1.3 * ((fields - 1) / 2 - i)
        units[field] = Unit(0, y, f"{field} = {value}", GREY, width=1.9)
        for row in range(3):
            chosen = row == i % 3
            name = field if chosen else f"{field}, row {row}"
            place, colour = y + 0.37 * (1 - row), BLUE if chosen else "#cccccc"
            units[f"row of {name}"] = Unit(2.8, place, "", colour, width=1.5, height=0.3, cells=5)
            if chosen:
                units[f"row of {name}"] = units[f"row of {name}"]._replace(text=f"$V_{i + 1}$")
                units[f"weight of {name}"] = Unit(3.4, place, "$w$", GREEN, width=0.3, height=0.3)
        arrows += [Arrow(field, f"row of {field}")]
        arrows += [Arrow(f"row of {field}", "first order", colour=GREEN), Arrow(f"row of {field}", "pairs", "", ORANGE)]
        arrows += [Arrow(f"row of {field}", f"layer 0 unit {unit}", colour=BLUE) for unit in range(hidden[0])]
    arrows += [Arrow(name, "sum") for name in ("first order", "pairs", f"layer {len(hidden)} unit 0", "bias")]
    arrows += [Arrow("sum", "sigmoid"), Arrow("sigmoid", "probability")]
    frames = {
        "one table for all fields": Unit(2.8, middle, colour=GREY, width=1.8, height=1.3 * fields),
        "factorization machine": Unit(6.6, 3.15, colour=GREY, width=2.2, height=1.4),
        "network": Unit(6.6, 0.95, colour=GREY, width=2.2, height=2.1),
    }
    return draw(units, arrows, frames, title)


def network_figure(
    sizes: Sequence[int] = (3, 4, 1), named: tuple[int, int, int] = (0, 2, 1), title: str = ""
) -> Figure:
    """A fully connected network: a column of circles for the inputs and for each layer.

    sizes: inputs, units of each hidden layer, outputs.
    named: (l, d, o), each counted from 0: the weight W^(l)_do from unit d to unit o is drawn in orange, with its name.
    """
    units, arrows = _network(sizes, x=0, y=0, apart=(2.4, 0.75))
    for column, size in enumerate(sizes):
        last = f"layer {column} unit {size - 1}"
        name = "inputs" if column == 0 else "output" if column == len(sizes) - 1 else f"hidden layer {column - 1}"
        units[last] = units[last]._replace(below=name)
    for d in range(sizes[0]):
        units[f"layer 0 unit {d}"] = units[f"layer 0 unit {d}"]._replace(text=f"$x_{d}$")
    layer, d, o = named
    place = f"layer {layer} unit {d}", f"layer {layer + 1} unit {o}"
    arrows = [arrow for arrow in arrows if (arrow.start, arrow.end) != place]
    return draw(units, [*arrows, Arrow(*place, rf"$W^{{({layer})}}_{{{d}{o}}}$", ORANGE)], title=title)


def _network(
    sizes: Sequence[int], x: float, y: float, apart: tuple[float, float] = (0.8, 0.5)
) -> tuple[dict[str, Unit], list[Arrow]]:
    """Circles in columns, the first at x, all centred on y, each joined to every circle of the column before."""
    names = [[f"layer {column} unit {unit}" for unit in range(size)] for column, size in enumerate(sizes)]
    units = {
        name: Unit(x + column * apart[0], y + apart[1] * ((len(layer) - 1) / 2 - unit), colour=BLUE)
        for column, layer in enumerate(names)
        for unit, name in enumerate(layer)
    }
    return units, [Arrow(start, end) for layers in pairwise(names) for start, end in product(*layers)]


def _sheet(units: Sequence[Unit], title: str) -> tuple[Figure, Axes]:
    """An empty figure with room for all units, an inch long for each unit of length."""
    left, right = (min(u.x - max(u.width / 2, 0.4) for u in units), max(u.x + max(u.width / 2, 0.4) for u in units))
    low, high = min(u.y - u.height / 2 for u in units) - 0.3, max(u.y + u.height / 2 for u in units) + 0.3
    high += 0.35 if title else 0
    figure = Figure(figsize=(right - left + 0.1, high - low))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(left - 0.05, right + 0.05), ylim=(low, high))
    axes.axis("off")
    axes.text(left, high - 0.05, title, va="top", fontsize="large")
    return figure, axes


def _shape(name: str, unit: Unit, zorder: int = 2) -> Patch:
    shape: Patch
    if unit.width:
        shape = Rectangle((unit.x - unit.width / 2, unit.y - unit.height / 2), unit.width, unit.height)
    else:
        shape = Circle((unit.x, unit.y), unit.height / 2)
    shape.set(facecolor=PALE.get(unit.colour, "white"), edgecolor=unit.colour, gid=name, zorder=zorder)
    return shape


def _add_arrow(axes: Axes, arrow: Arrow, start: Unit, end: Unit) -> None:
    """From the side of a box that faces the other unit, or the rim of a circle, to the side or the rim there."""
    side = 0.5 if start.x <= end.x else -0.5
    (x0, y0), (x1, y1) = (start.x + side * start.width, start.y), (end.x - side * end.width, end.y)
    line = FancyArrowPatch(
        (x0, y0),
        (x1, y1),
        connectionstyle=f"arc3,rad={arrow.bend}",
        arrowstyle="-|>",
        mutation_scale=7,
        color=arrow.colour,
        linewidth=2 if arrow.text else 0.8,
        shrinkA=0 if start.width else 36 * start.height,  # 72 points an inch, half a height
        shrinkB=0 if end.width else 36 * end.height,
        gid=f"{arrow.start} to {arrow.end}",
    )
    axes.add_patch(line)
    if arrow.text:
        behind = {"facecolor": "white", "edgecolor": "none", "pad": 1}
        middle = (x0 + x1 + arrow.bend * (y1 - y0)) / 2, (y0 + y1 + arrow.bend * (x0 - x1)) / 2  # of the arc, too
        axes.text(*middle, arrow.text, ha="center", va="center", color=arrow.colour, bbox=behind)
