"""Checks before the work that what comes out of it can be written, and costs nobody a file."""

from __future__ import annotations

import os
from pathlib import Path

from fastnn.cli._errors import InputError


def check_output(option: str, path: Path | None, inputs: list[Path]) -> None:
    """Raise unless a file can be made there that is none of those read."""
    if path is None:
        return
    if path.is_dir():
        raise InputError(f"{option}: {path} is a folder, want a file")
    if not path.parent.is_dir():
        raise InputError(f"{option}: there is no folder {path.parent}")
    if not os.access(path.parent, os.W_OK):
        raise InputError(f"{option}: the folder {path.parent} cannot be written to")
    for other in inputs:
        if path.exists() and other.exists() and path.samefile(other):
            raise InputError(f"{option}: {path} is what is read, and would be lost")
