"""What the optimizers have in common; they are in `fastnn.optimizers`."""

from __future__ import annotations

from dataclasses import field
from typing import Any

from fastnn import _core
from fastnn._spec import Spec, check_number


class Optimizer(Spec, kind="optimizer"):
    """Base class of the optimizers.

    Parameters
    ----------
    clip_value : float, optional
        Each element of the gradient is brought into [-clip_value, clip_value].
    clip_norm : float, optional
        The gradient of each weight matrix and of each bias is scaled down to this norm.
    clip_global_norm : float, optional
        The whole gradient is scaled down to this norm; at most one of the two norms.

    Notes
    -----
    All optimizers take these by keyword.  Clipping comes before the penalties of the layers
    (`Dense(l1=..., l2=...)`), which are added to the clipped gradient.

    References
    ----------
    R. Pascanu, T. Mikolov and Y. Bengio, "On the difficulty of training recurrent neural
    networks", ICML 2013.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.Adam(lr=1e-3, clip_global_norm=1.0)
    Adam(lr=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-08, clip_global_norm=1.0)
    """

    clip_value: float | None = field(default=None, kw_only=True)
    clip_norm: float | None = field(default=None, kw_only=True)
    clip_global_norm: float | None = field(default=None, kw_only=True)

    @property
    def clipping(self) -> dict[str, float]:
        """The bounds of the gradient that were given, by name."""
        names = ("clip_value", "clip_norm", "clip_global_norm")
        given = {name: getattr(self, name) for name in names}
        return {name: float(bound) for name, bound in given.items() if bound is not None}

    @property
    def rule(self) -> str:
        """Name of the engine's rule."""
        return self.name

    @property
    def hyperparameters(self) -> tuple[float, ...]:
        """The rule's numbers, in the engine's order."""
        return tuple(float(getattr(self, name)) for name in _core.OPTIMIZERS[self.rule])

    def _check_lr_and_clipping(self, lr: Any) -> None:
        # A schedule has checked itself, and what a function returns is checked when it is used.
        if not callable(lr) or isinstance(lr, type):
            check_number("lr", lr, low=0)
        for name in ("clip_value", "clip_norm", "clip_global_norm"):
            if getattr(self, name) is not None:
                check_number(name, getattr(self, name), low=0, open_low=True)
        if self.clip_norm is not None and self.clip_global_norm is not None:
            raise ValueError("clip_norm: got one and clip_global_norm too, want at most one")

    def _check_below_1(self, *names: str) -> None:
        """Raise unless these are in [0, 1): shares of a mean that stay, momenta."""
        for name in names:
            check_number(name, getattr(self, name), low=0, high=1, open_high=True)
