"""What is wrong with a line: the table, the model or an option that somebody gave."""

from __future__ import annotations

import importlib
from typing import Any


class InputError(ValueError):
    """The command line, or a file on it, cannot be used; `python -m fastnn` ends with 2."""


def need(module: str) -> Any:
    """Import what the extra brings, or say which extra that is."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        name = module.partition(".")[0]
        raise ImportError(
            f'needs {name}, which is missing: pip install "fastnn[tables]"'
        ) from error
