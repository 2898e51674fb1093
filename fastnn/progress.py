"""Progress of a fit: tqdm's bar where tqdm is installed, else a line an epoch through logging."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import logging


class Progress:
    """Shows the numbers of each epoch as it ends; nothing when not verbose.

    The bar stands on stderr, or in the notebook.  The lines are of the logger "fastnn", at the
    level INFO; who has set up no logging has asked for them all the same: on stderr.
    """

    def __init__(self, verbose: int, epochs: int, done: int = 0) -> None:
        self.epochs = epochs
        self.verbose = bool(verbose)
        self.done = done  # of the epochs, by an earlier part of the training
        self.bar: Any = None
        self._logger: logging.Logger | None = None  # where no bar is
        self._handler: logging.Handler | None = None  # of its own
        self._level = 0

    def __enter__(self) -> Progress:
        if self.verbose:
            try:
                from tqdm import auto
            except ImportError:
                self._speak()
            else:
                self.bar = auto.tqdm(total=self.epochs, initial=self.done, unit="epoch")
        return self

    def __exit__(self, *error: object) -> None:
        if self.bar is not None:
            self.bar.close()
        if self._logger is not None and self._handler is not None:
            self._logger.removeHandler(self._handler)
            self._logger.setLevel(self._level)

    def show(self, values: dict[str, float]) -> None:
        """Tell the numbers of the epoch that just ended."""
        self.done += 1
        if self.bar is not None:
            self.bar.set_postfix({name: f"{value:.4g}" for name, value in values.items()})
            self.bar.update()
        elif self._logger is not None:
            numbers = "  ".join(f"{name} {value:.4g}" for name, value in values.items())
            self._logger.info("epoch %d/%d  %s", self.done, self.epochs, numbers)

    def _speak(self) -> None:
        """Write the lines on stderr, for as long as the fit takes, if nobody else takes them."""
        import logging

        self._logger = logger = logging.getLogger("fastnn")
        if not logger.hasHandlers():
            self._handler, self._level = logging.StreamHandler(), logger.level
            logger.addHandler(self._handler)
            logger.setLevel(logging.INFO)
