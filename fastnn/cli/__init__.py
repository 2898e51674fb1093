"""``python -m fastnn train | predict | evaluate | export | inspect``: from a table to a model.

A command is a module; what they share has an underscore.  They need what the extra
``fastnn[tables]`` brings, and import it when they use it.
"""

from __future__ import annotations

__all__: list[str] = []
