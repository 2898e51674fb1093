"""The pictures of a report, as SVG within the page: fastnn.plot's, in the report's style."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fastnn.cli._errors import need
from fastnn.cli._style import BLUE, FAINT, INK, LINE, ORANGE, RC

POINTS = 4000  # of a scatter plot, at most
SHOWN = 20  # classes of a confusion matrix, at most


def picture(draw: Callable[[Any], None], size: tuple[float, float], title: str) -> str:
    """Return what a function draws on an Axes, as <svg>; inches."""
    need("matplotlib")
    import matplotlib as mpl
    from matplotlib.figure import Figure  # no pyplot: no display is needed, and no state is left

    with mpl.rc_context(RC | {"svg.hashsalt": title}):
        figure = Figure(figsize=size, layout="constrained")
        draw(figure.add_subplot())
        file = io.StringIO()
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    text = file.getvalue()
    svg = text[text.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r' id="[\w.]+_\d+(_\d+)*"', "", svg)  # which several pictures would share
    style = f"max-width: {size[0]}in"  # so that the text of all has one size where there is room
    return svg.replace("<svg", f'<svg role="img" aria-label="{title}" style="{style}"', 1)


def learning_curve(history: Mapping[str, Sequence[float]], metric: str, best: int | None) -> str:
    """Return a metric over the epochs, with a line at the epoch (from 1) that was kept."""

    def draw(ax: Any) -> None:
        from fastnn.plot import learning_curves

        learning_curves(history, metric, ax=ax)
        for line, color in zip(ax.lines, (BLUE, ORANGE), strict=False):
            line.set(color=color, linestyle="-")
        values = [v for line in ax.lines for v in line.get_ydata()]
        if min(values) > 0 and max(values) > 5 * min(values):
            ax.set_yscale("log", subs=[2, 5])
            for set_formatter in (ax.yaxis.set_major_formatter, ax.yaxis.set_minor_formatter):
                set_formatter(lambda value, _: f"{value:g}")  # 0.02 rather than 2 x 10^-2
        if best is not None:
            ax.axvline(best, color=FAINT, linewidth=1, linestyle=":", label=f"kept: epoch {best}")
        ax.legend()

    return picture(draw, (6, 3.6), f"{metric} over the epochs")


def confusion(y: Any, predicted: Any, classes: Sequence[Any]) -> str:
    """Return the confusion matrix."""

    def draw(ax: Any) -> None:
        from fastnn.plot import confusion_matrix

        confusion_matrix(y, predicted, labels=classes, ax=ax)
        ax.grid(False)
        many = len(classes) > 8
        for text in ax.texts:
            dark = text.get_color() == "black"
            text.set(fontsize=8 if many else 10, color=INK if dark else "white")
        names = [str(name) if len(str(name)) < 17 else f"{name!s:.15}..." for name in classes]
        long = many or max(map(len, names)) > 9
        turned: dict[str, Any] = {"rotation": 45, "ha": "right"} if long else {}
        ax.set_xticklabels(names, **turned)
        ax.set_yticklabels(names)

    side = min(2.2 + 0.4 * len(classes), 9)
    return picture(draw, (side + 0.8, side), "confusion matrix")


def predicted_against_true(y: Any, predicted: Any) -> str:
    """Return predictions over true values; the points are one bitmap, for there may be many."""

    def draw(ax: Any) -> None:
        from fastnn import plot

        plot.predicted_against_true(y, predicted, ax=ax)
        (points,) = ax.collections
        points.set(rasterized=True, alpha=0.35 if len(y) > 500 else 0.6, linewidths=0)
        points.set_sizes([9])
        points.set_facecolor(BLUE)
        ax.lines[0].set(color=ORANGE, linewidth=1.5)
        ax.legend(loc="upper left")

    return picture(draw, (5, 4.4), "predicted against true values")


def residuals(y: Any, predicted: Any) -> str:
    """Return how the errors are distributed, without the outermost hundredth."""
    np = need("numpy")
    errors = np.asarray(predicted, float) - np.asarray(y, float)

    def draw(ax: Any) -> None:
        low, high = np.quantile(errors, [0.005, 0.995])
        ax.hist(errors, bins=50, range=(low, high) if high > low else None, color=BLUE, alpha=0.85)
        ax.axvline(0, color=ORANGE, linewidth=1.5)
        ax.set(xlabel="predicted - true", ylabel="rows")
        ax.grid(False, axis="x")
        ax.spines["left"].set_color(LINE)

    return picture(draw, (5, 4.4), "how the errors are distributed")
