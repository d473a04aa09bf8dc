"""The figures that the command line and the notebooks share. Each returns a matplotlib Figure and shows nothing."""

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from deepfm_np import metrics
from deepfm_np.comparison import NOT_TOLD_APART
from deepfm_np.gradcheck.numeric import EPS, METHODS
from deepfm_np.ops.rows import Array
from deepfm_np.system.files import write_atomically

if TYPE_CHECKING:
    from collections.abc import Mapping

BLUE, ORANGE, GREEN, GREY = "#0072b2", "#d55e00", "#009e73", "#777777"
PART_COLOURS = {"bias": GREY, "first order": BLUE, "pair": ORANGE, "deep": GREEN}


def training_figure(
    history: pd.DataFrame,
    labels: Array,
    probabilities: Array,
    best_attainable: "Mapping[str, float] | None" = None,
    title: str = "",
    base_rate: float | None = None,
) -> Figure:
    """The course of training and the quality of the model: log loss and AUC by epoch, and calibration.

    history: as `training.fit` returns it.  labels, probabilities: (n,) of the examples to calibrate on.
    best_attainable: {"auc", "log_loss"} of the true click probabilities, if known.
    base_rate: log loss of always predicting the share of clicks; that of `labels` if None.
    """
    base_rate = metrics.base_rate_log_loss(labels) if base_rate is None else base_rate
    figure = Figure(figsize=(12, 3.8), layout="constrained")
    loss, ranking, reliability = figure.subplots(1, 3)
    figure.suptitle(title, x=0.01, ha="left", fontweight="bold")
    loss.plot(history["epoch"], history["train_loss"], color=GREY, marker=".", label="training")
    loss.axhline(base_rate, color=ORANGE, linestyle=":", label="base rate")
    if history["valid_log_loss"].notna().any():
        loss.plot(history["epoch"], history["valid_log_loss"], color=BLUE, marker="o", label="validation")
        ranking.plot(history["epoch"], history["valid_auc"], color=BLUE, marker="o", label="validation")
        best = history["valid_log_loss"].idxmin()
        for axes, column in ((loss, "valid_log_loss"), (ranking, "valid_auc")):
            point = history.loc[best, "epoch"], history.loc[best, column]
            axes.plot(*point, "o", markersize=11, fillstyle="none", color=BLUE, label="epoch that is kept")
    if best_attainable is not None:
        loss.axhline(best_attainable["log_loss"], color=GREEN, linestyle="--", label="best attainable")
        ranking.axhline(best_attainable["auc"], color=GREEN, linestyle="--", label="best attainable")
    _finish(loss, "epoch", "log loss (nats)")
    _finish(ranking, "epoch", "AUC")
    for axes in (loss, ranking):
        axes.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
        if len(history) == 1:
            axes.set_xlim(history["epoch"].iloc[0] - 1, history["epoch"].iloc[0] + 1)
    calibration_axes(reliability, labels, probabilities)
    return figure


def calibration_axes(axes: Axes, labels: Array, probabilities: Array) -> None:
    """Predicted against observed click rate in ten bins of equal counts; a calibrated model lies on the diagonal."""
    bins = metrics.calibration(labels, probabilities)
    top = 1.05 * bins[["mean_probability", "click_rate"]].to_numpy().max()
    axes.plot([0, top], [0, top], color=GREY, linestyle=":", label="calibrated")
    axes.plot(bins["mean_probability"], bins["click_rate"], color=BLUE, marker="o", label="tenths of the examples")
    _finish(axes, "mean predicted probability", "click rate")


def comparison_figure(results: pd.DataFrame, title: str = "") -> Figure:
    """Models side by side: validation AUC and log loss.

    results: one row per model, columns model, auc, log_loss; "Best attainable", if there, is drawn as a line.
    """
    figure = Figure(figsize=(9, max(3.2, 0.8 + 0.5 * len(results))), layout="constrained")
    figure.suptitle(title, x=0.01, ha="left", fontweight="bold")
    known = results["model"] == "Best attainable"
    models, best = results[~known], results[known]
    for axes, column, label in zip(
        figure.subplots(1, 2), ("auc", "log_loss"), ("validation AUC", "validation log loss (nats)"), strict=True
    ):
        axes.plot(models[column], models["model"], "o", color=BLUE, markersize=9)
        for name, value in zip(models["model"], models[column], strict=True):
            away = {"ha": "right", "xytext": (5, 9)} if column == "auc" else {"ha": "left", "xytext": (-5, 9)}
            axes.annotate(f"{value:.4f}", (value, name), **away, textcoords="offset points")
        for value in best[column]:
            axes.axvline(value, color=GREEN, linestyle="--", label=f"best attainable {value:.4f}")
            axes.legend(frameon=False, fontsize="small")
        axes.invert_yaxis()
        axes.margins(x=0.2, y=0.25)
        axes.set_xlabel(label)
        axes.grid(axis="y", alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def forest_figure(differences: pd.DataFrame, label: str, title: str = "") -> Figure:
    """Differences with their intervals, a line at zero; a filled point was told apart after Holm's correction.

    differences: of `comparison.corrected`, one score alone.  label: of the axis, what is subtracted from what.
    """
    figure = Figure(figsize=(8, 1.3 + 0.27 * (len(differences) + differences["study"].nunique())), layout="constrained")
    axes = figure.subplots()
    figure.suptitle(title, x=0.01, ha="left", fontweight="bold")
    names: list[str] = []
    headings = []
    for study, rows in differences.groupby("study", sort=False):
        headings.append(len(names))
        names += [f"{study}, less {rows['base'].iloc[0]}".removeprefix(", "), *rows["setting"].astype(str)]
        places = range(headings[-1] + 1, len(names))
        colours = [GREY if verdict == NOT_TOLD_APART else BLUE for verdict in rows["verdict"]]
        axes.hlines(places, rows["low"], rows["high"], color=colours)
        fills = ["white" if colour == GREY else BLUE for colour in colours]
        axes.scatter(rows["difference"], places, color=fills, edgecolors=colours, zorder=3)
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_yticks(range(len(names)), names, fontsize="small")
    for place in headings:
        axes.get_yticklabels()[place].set_fontweight("bold")
    axes.set_ylim(-0.7, len(names) - 0.3)
    axes.invert_yaxis()
    for fill, edge, text in ((BLUE, BLUE, "told apart"), ("white", GREY, "not told apart")):
        axes.scatter([], [], color=fill, edgecolors=edge, label=text)
    _finish(axes, label, "")
    axes.grid(False, axis="y")
    return figure


def explanation_figure(table: pd.DataFrame, title: str = "", most: int = 20) -> Figure:
    """The logit of one example as bars, largest first: bias, first order by field, pairs of fields, deep part.

    table: of `DeepFMClassifier.explain`.  most: how many bars are drawn; the last is the sum of those left out.
    """
    table = table.sort_values("logit", key=abs, ascending=False, kind="stable")
    shown, rest = (table, table[:0]) if len(table) <= most else (table[: most - 1], table[most - 1 :])
    names = [
        f"{field} = {value}" if value else field or part for part, field, value in zip(*_texts(shown), strict=True)
    ]
    colours = [PART_COLOURS[part] for part in shown["part"]]
    logits = shown["logit"].tolist()
    if len(rest):
        names, colours, logits = [*names, f"{len(rest)} others"], [*colours, "#cccccc"], [*logits, rest["logit"].sum()]
    figure = Figure(figsize=(8, 1.4 + 0.28 * len(names)), layout="constrained")
    axes = figure.subplots()
    figure.suptitle(title or f"The parts of the logit {table['logit'].sum():.3f}", x=0.01, ha="left", fontweight="bold")
    axes.barh(range(len(names)), logits, color=colours)
    axes.set_yticks(range(len(names)), names, fontsize="small")
    axes.invert_yaxis()
    axes.axvline(0, color="black", linewidth=0.8)
    for part in dict.fromkeys(shown["part"]):
        axes.barh([0], [0], color=PART_COLOURS[part], label=part)
    _finish(axes, "contribution to the logit", "")
    return figure


def _texts(table: pd.DataFrame) -> tuple[list[str], ...]:
    """Part, field and value of each row, long ones cut short."""
    return tuple([text if len(text) <= 40 else f"{text[:37]}..." for text in table[name]] for name in table.columns[:3])


def step_sweep_figure(sweep: pd.DataFrame) -> Figure:
    """Error against step for every method of differentiation, from `gradcheck.step_sweep`.

    From right to left truncation falls, then round-off rises: the V. The complex step has no left arm to climb.
    """
    colours = dict(zip(METHODS, ("black", ORANGE, BLUE, GREEN), strict=True))
    figure = Figure(figsize=(8, 4.2), layout="constrained")
    axes = figure.subplots()
    for method, colour in colours.items():
        rows = sweep[sweep["method"] == method]
        axes.plot(rows["step"], rows["error"].clip(lower=EPS / 2), color=colour, marker=".", label=method)
    axes.axhline(EPS, color=GREY, linestyle=":", label="eps of float64")
    axes.set(xscale="log", yscale="log", ylim=(3e-18, 30))
    axes.set_title("Differences trade truncation for round-off; the complex step needs no trade", loc="left")
    _finish(axes, "step h", "relative error of the derivative")
    return figure


def save_figure(figure: Figure, path: str | Path) -> None:
    """Write a PNG of 150 dots per inch, atomically."""
    write_atomically(path, lambda file: figure.savefig(file, format="png", dpi=150, metadata={"Software": None}))


def _finish(axes: Axes, x: str, y: str) -> None:
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize="small")
