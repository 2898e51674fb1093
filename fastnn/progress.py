"""Progress of a fit: tqdm's bar where tqdm is installed, else a plain line an epoch."""

from __future__ import annotations

import sys
from typing import Any


class Progress:
    """Shows the numbers of each epoch as it ends, on stderr; nothing when not verbose."""

    def __init__(self, verbose: int, epochs: int, done: int = 0) -> None:
        self.epochs = epochs
        self.verbose = bool(verbose)
        self.done = done  # of the epochs, by an earlier part of the training
        self.bar: Any = None

    def __enter__(self) -> Progress:
        if self.verbose:
            try:
                from tqdm import auto
            except ImportError:
                pass
            else:
                self.bar = auto.tqdm(total=self.epochs, initial=self.done, unit="epoch")
        return self

    def __exit__(self, *error: object) -> None:
        if self.bar is not None:
            self.bar.close()

    def show(self, values: dict[str, float]) -> None:
        """Tell the numbers of the epoch that just ended."""
        self.done += 1
        if self.bar is not None:
            self.bar.set_postfix({name: f"{value:.4g}" for name, value in values.items()})
            self.bar.update()
        elif self.verbose:
            numbers = "  ".join(f"{name} {value:.4g}" for name, value in values.items())
            print(f"epoch {self.done}/{self.epochs}  {numbers}", file=sys.stderr, flush=True)
