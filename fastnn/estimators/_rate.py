"""How scikit-learn's solver "sgd" changes its learning rate between epochs."""

from __future__ import annotations


class Rate:
    """The learning rate of a training, from one epoch to the next.

    Parameters
    ----------
    init : float
        The first one.
    kind : {"constant", "invscaling", "adaptive"}
    power_t : float
        Exponent of "invscaling".

    Attributes
    ----------
    learning_rate : float
        Of the next epoch.
    """

    SMALLEST = 1e-6

    def __init__(self, init: float, kind: str, power_t: float) -> None:
        self.learning_rate_init = float(init)
        self.learning_rate = self.learning_rate_init
        self.kind, self.power_t = kind, power_t

    def iteration_ends(self, samples: int) -> None:
        """Follow the number of samples that were trained on: init / (samples + 1)^power_t."""
        if self.kind == "invscaling":
            self.learning_rate = self.learning_rate_init / (samples + 1) ** self.power_t

    def trigger_stopping(self) -> str:
        """Where nothing improves: return why that ends the training, or "" and go on slower."""
        if self.kind != "adaptive":
            return "Stopping."
        if self.learning_rate <= self.SMALLEST:
            return "Learning rate too small. Stopping."
        self.learning_rate /= 5
        return ""
