"""Lines over the epochs as SVG, for notebooks: small, and drawn without matplotlib.

`fastnn.plot` has pictures to publish; this one is there whenever a history is looked at.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT = 360, 204  # of the whole picture, in CSS pixels
LEFT, RIGHT, TOP, BOTTOM = 58, 10, 26, 36  # its margins
COLORS = ("#1f77b4", "#e0701a")  # both readable on white and on black


def line_chart(title: str, series: Mapping[str, Sequence[float]]) -> str:
    """Return an <svg> of lines over the epochs, which count from 1.

    Parameters
    ----------
    title : str
    series : mapping of str to sequence of float
        At most two; values that are not finite leave gaps.  Where all are positive and the
        largest is more than 20 times the smallest, the scale is logarithmic.

    Returns
    -------
    str
    """
    finite = [v for values in series.values() for v in values if math.isfinite(v)] or [0.0]
    low, high = min(finite), max(finite)
    log = low > 0 and high > 20 * low
    marks = _powers(low, high) if log else _round_numbers(low, high)
    low, high = min(low, marks[0]), max(high, marks[-1])
    epochs = max(map(len, series.values()), default=1)

    def x(epoch: float) -> float:
        return LEFT + (epoch - 1) / max(epochs - 1, 1) * (WIDTH - LEFT - RIGHT)

    def y(value: float) -> float:
        part = math.log(value / low) / math.log(high / low) if log else (value - low) / (high - low)
        return TOP + (1 - part) * (HEIGHT - TOP - BOTTOM)

    shapes = [f'<text x="{LEFT}" y="14" font-weight="bold">{escape(title)}</text>']
    for mark in marks:
        shapes.append(
            f'<path d="M{LEFT} {y(mark):.1f}H{WIDTH - RIGHT}" stroke="currentColor" opacity=".15"/>'
            f'<text x="{LEFT - 6}" y="{y(mark) + 4:.1f}" text-anchor="end">{mark:.4g}</text>'
        )
    for epoch in sorted({1, (epochs + 1) // 2, epochs}):
        shapes.append(
            f'<text x="{x(epoch):.1f}" y="{HEIGHT - 20}" text-anchor="middle">{epoch}</text>'
        )
    middle = (LEFT + WIDTH - RIGHT) / 2
    shapes.append(f'<text x="{middle}" y="{HEIGHT - 4}" text-anchor="middle">epoch</text>')
    for i, (name, values) in enumerate(series.items()):
        points = [(x(n), y(v)) if math.isfinite(v) else None for n, v in enumerate(values, 1)]
        shapes.append(_line(points, COLORS[i % 2]))
        at = WIDTH - RIGHT - 92 * (len(series) - 1 - i)
        shapes.append(
            f'<text x="{at}" y="14" text-anchor="end" fill="{COLORS[i % 2]}">{escape(name)}</text>'
        )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
        f'height="{HEIGHT}" role="img" aria-label="{escape(title)} over the epochs" '
        f'font-family="sans-serif" font-size="11" fill="currentColor">{"".join(shapes)}</svg>'
    )


def _line(points: Sequence[tuple[float, float] | None], color: str) -> str:
    """Return a line through points, with gaps where there is none; a point alone is a dot."""
    path, dots = "", ""
    for before, point, after in zip([None, *points], points, [*points[1:], None], strict=False):
        if point is None:
            continue
        path += f"{'L' if before else 'M'}{point[0]:.1f} {point[1]:.1f}"
        if before is None and after is None:
            dots += f'<circle cx="{point[0]:.1f}" cy="{point[1]:.1f}" r="3" fill="{color}"/>'
    style = 'fill="none" stroke-width="2" stroke-linejoin="round"'
    return f'<path d="{path}" stroke="{color}" {style}/>{dots}'


def _round_numbers(low: float, high: float) -> list[float]:
    """Return about four multiples of 1, 2 or 5 times a power of ten, around low and high."""
    if high - low <= 1e-12 * max(abs(low), abs(high)):  # nothing to tell apart
        pad = abs(high) / 2 or 1.0
        low, high = low - pad, high + pad
    power = 10.0 ** math.floor(math.log10((high - low) / 3))
    step = next(power * m for m in (1, 2, 5, 10) if (high - low) / (power * m) <= 4)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [n * step for n in range(first, last + 1)]


def _powers(low: float, high: float) -> list[float]:
    """Return powers of ten around low and high, at most about four."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    stride = max(math.ceil((last - first) / 4), 1)
    return [10.0**n for n in range(first, last + stride, stride)]
