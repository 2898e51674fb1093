"""How scikit-learn's solver "sgd" changes its learning rate between epochs."""

from __future__ import annotations

from typing import Any

from fastnn._spec import check_number

KINDS = ("constant", "invscaling", "adaptive")


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

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Rate:
        """Return the rate whose attributes these are, as a file has them.

        Raises
        ------
        ValueError, TypeError, LookupError
            If they are no rate's.
        """
        if state["kind"] not in KINDS:
            raise ValueError(f"kind: got {state['kind']!r}, want one of {KINDS}")
        check_number("learning_rate_init", state["learning_rate_init"], low=0, open_low=True)
        check_number("learning_rate", state["learning_rate"], low=0)
        check_number("power_t", state["power_t"], low=0)
        rate = cls(state["learning_rate_init"], state["kind"], state["power_t"])
        rate.learning_rate = float(state["learning_rate"])
        return rate

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
