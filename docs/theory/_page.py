"""What the scripts of these pages share: named blocks of output, and a picture beside the page."""

import io
import sys
from pathlib import Path

from matplotlib.figure import Figure
from PIL import Image  # matplotlib needs it too

BLUE, ORANGE, GREEN, RED = "tab:blue", "tab:orange", "tab:green", "tab:red"


def block(name):
    """Start a block of the output: build.py puts what follows where the page names the block."""
    print(f"[{name}]")


def picture(rows=1, columns=1, size=(8, 3.6), **options):
    """Return a figure and its Axes."""
    figure = Figure(figsize=size, dpi=100, layout="constrained")
    axes = figure.subplots(rows, columns, **options)
    for ax in figure.axes:
        ax.grid(alpha=0.25)
        ax.spines[["top", "right"]].set_visible(False)
    return figure, axes


def save(figure):
    """Write the picture beside the script, or to the folder that is the first argument."""
    script = Path(sys.argv[0]).resolve()
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else script.parent
    pixels = io.BytesIO()
    figure.savefig(pixels)
    # 256 colours are plenty for a drawing, and half the bytes.
    image = Image.open(pixels).convert("RGB").quantize(256, Image.Quantize.MAXCOVERAGE)
    image.save(folder / f"{script.stem}.png", optimize=True)
