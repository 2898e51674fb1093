"""What layers, activations, losses, optimizers and initializers have in common.

All are *specs*: frozen dataclasses (fastnn._frozen) that describe and do nothing, checked when
they are made.  Each kind has a base class, and each spec a `name` under which it can be asked for
as a string; that registry is the one place a new spec is added to, by being defined.
"""

from __future__ import annotations

import dataclasses
import math
import numbers
import operator
from typing import Any, ClassVar, TypeVar

from fastnn._frozen import Frozen

S = TypeVar("S", bound="Spec")


class Spec(Frozen):
    """Base of all specs; its direct subclasses are the kinds."""

    name: ClassVar[str]
    kind: ClassVar[str]
    registry: ClassVar[dict[str, type[Spec]]]

    def __init_subclass__(cls, kind: str | None = None, **options: Any) -> None:
        super().__init_subclass__(**options)
        if kind is not None:
            cls.kind = kind
            cls.registry = {}
        elif "name" in vars(cls):
            cls.registry[cls.name] = cls

    def to_config(self) -> dict[str, Any]:
        """Return the spec as a dict that JSON can hold."""
        fields = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        return {"name": self.name} | {key: _plain(value) for key, value in fields.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Spec):
        return value.to_config()
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, numbers.Real) and not isinstance(value, (bool, int)):
        return float(value)  # NumPy's scalars, fractions
    if callable(value):
        # JSON holds no functions; null is read back as the field's default.  Who cannot take
        # that leaves the whole spec out (the loss and the optimizer, in fastnn.serialization).
        return None
    return value


def resolve(kind: type[S], value: S | type[S] | str, argument: str) -> S:
    """Turn a name, a spec's class or a spec into a spec of a kind."""
    if isinstance(value, type) and issubclass(value, kind) and hasattr(value, "name"):
        return value()
    if isinstance(value, kind) and hasattr(value, "name"):  # the bases of the kinds have none
        return value
    if isinstance(value, str):
        found = kind.registry.get(value)
        if found is None:
            known = ", ".join(repr(name) for name in sorted(kind.registry))
            raise ValueError(f"{argument}: unknown {kind.kind} {value!r}, want one of {known}")
        return found()  # type: ignore[return-value]
    raise TypeError(
        f"{argument}: got {type(value).__name__}, want a fastnn {kind.kind} or the name of one"
    )


def from_config(kind: type[S], config: Any, argument: str) -> S:
    """Reverse `to_config`; raises ValueError or TypeError for anything else."""
    if not isinstance(config, dict) or config.get("name") not in kind.registry:
        raise ValueError(f"{argument}: {config!r} does not describe a {kind.kind}")
    fields = {key: value for key, value in config.items() if key != "name"}
    return kind.registry[config["name"]](**fields)  # type: ignore[return-value]


def check_number(
    argument: str,
    value: Any,
    *,
    low: float = -math.inf,
    high: float = math.inf,
    open_low: bool = False,
    open_high: bool = False,
) -> None:
    """Raise unless value is a finite real number between low and high."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{argument}: got {value!r}, want a number")
    try:
        good = math.isfinite(value) and low <= float(value) <= high
    except OverflowError:  # a whole number beyond all floats
        good = False
    if not good or (open_low and value == low) or (open_high and value == high):
        left = "(" if open_low or low == -math.inf else "["
        right = ")" if open_high or high == math.inf else "]"
        raise ValueError(f"{argument}: got {value!r}, want a number in {left}{low}, {high}{right}")


def check_flag(argument: str, value: Any) -> None:
    """Raise unless value is a bool."""
    if not isinstance(value, bool):
        raise TypeError(f"{argument}: got {value!r}, want True or False")


def check_count(argument: str, value: Any, *, low: int = 1, high: int = 1 << 40) -> int:
    """Return value as an int, or raise unless it is a whole number between low and high."""
    try:
        count = operator.index(value)
    except TypeError:
        count = None
    if count is None or isinstance(value, bool):
        raise TypeError(f"{argument}: got {value!r}, want a whole number")
    if not low <= count <= high:
        want = f"at least {low}" if count < low else f"at most {high}"
        raise ValueError(f"{argument}: got {count}, want {want}")
    return count


def as_number(what: str, value: Any, want: str) -> float:
    """Return as a float what a function of the user's returned, or raise."""
    try:
        if isinstance(value, (str, bytes)) or getattr(value, "shape", ()) != ():
            raise TypeError
        return float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{what} returned {value!r:.60}, want {want}") from None
