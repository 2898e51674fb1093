"""Where to draw."""

from __future__ import annotations

from typing import Any


def axes(ax: Any) -> Any:
    """Return the Axes given, or those of a new figure."""
    if ax is not None:
        return ax
    try:
        from matplotlib import pyplot
    except ImportError:
        raise ImportError(
            'fastnn.plot needs matplotlib, which is missing: pip install "fastnn[plot]"'
        ) from None
    return pyplot.subplots(layout="constrained")[1]
