"""The blocks of code on the pages: README.md, CONTRIBUTING.md, CHANGELOG.md and docs/.

It needs no fastnn and nothing installed: check_types.py runs where there is mypy alone.
"""

import doctest
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"

for flag in ("NEEDS_TORCH", "NEEDS_FMA"):  # what they do stands in conftest.py
    doctest.register_optionflag(flag)

_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>[^\n`]*)\n(?P<text>.*?)^ *```$", re.M | re.S)


class Block(NamedTuple):
    """One block between fences; `line` is that of its first line of code."""

    page: Path
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def kind(self) -> str:
        """What becomes of a block of Python: "doctest", or what its first line says."""
        first = self.text.partition("\n")[0]
        return "doctest" if first.startswith(">>> ") else first


def pages() -> list[Path]:
    """Return all pages; none where fastnn is installed without them."""
    return sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md"), *DOCS.rglob("*.rst")])


def blocks(page: Path) -> Iterator[Block]:
    """Yield a page's blocks."""
    text = page.read_text("utf-8")
    for found in _FENCE.finditer(text):
        line = text.count("\n", 0, found.start()) + 2
        yield Block(page, line, found["language"], found["text"])
