"""Frozen dataclasses that are cheap to define: the base of what describes and does nothing.

`dataclasses.dataclass` writes source for the methods of each class and compiles it, 0.4 ms a class,
of which fastnn has a hundred: that was most of the time from `import fastnn` to a first network.
The subclasses of `Frozen` are made dataclasses by being defined, without a decorator, and share the
methods of the base, which look at the fields when they are called.  `dataclasses.fields`, `replace`
and `asdict`, `inspect.signature` and type checkers see what they see of any frozen dataclass.
"""

from __future__ import annotations

import dataclasses
from dataclasses import MISSING
from typing import Any, ClassVar, dataclass_transform


class _Signature:
    """The signature of a class that has none of its own, made when it is asked for."""

    def __get__(self, instance: Frozen | None, kind: type[Frozen]) -> Any:
        if instance is not None or kind.__init__ is not Frozen.__init__:
            raise AttributeError("__signature__")  # inspect then looks for itself
        from inspect import Parameter, Signature

        parameters = [
            Parameter(
                field.name,
                Parameter.KEYWORD_ONLY if field.kw_only else Parameter.POSITIONAL_OR_KEYWORD,
                default=Parameter.empty if field.default is MISSING else field.default,
                annotation=field.type,
            )
            for field in _in_order(kind)
        ]
        return Signature(parameters)


@dataclass_transform(frozen_default=True, field_specifiers=(dataclasses.field,))
class Frozen:
    """Base class; the annotated attributes of a subclass are its fields, as in a dataclass.

    Nothing of an instance can be set.  `__post_init__` checks the fields, and changes them with
    ``object.__setattr__``.  A subclass with an `__init__` of its own sets each field once.
    """

    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]
    __signature__: ClassVar[Any] = _Signature()

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        dataclasses.dataclass(init=False, repr=False, eq=False)(cls)

    def __init__(self, *values: Any, **options: Any) -> None:
        vars(self).update(_bind(type(self), values, options))
        self.__post_init__()

    def __post_init__(self) -> None:
        """Check the fields."""

    def __setattr__(self, name: str, value: Any) -> None:
        made = vars(self).keys() & self.__dataclass_fields__
        if type(self).__init__ is Frozen.__init__ or name in made:
            raise dataclasses.FrozenInstanceError(f"cannot assign to {name!r} of a frozen object")
        super().__setattr__(name, value)

    def __delattr__(self, name: str) -> None:
        raise dataclasses.FrozenInstanceError(f"cannot delete {name!r} of a frozen object")

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self is other or _values(self) == _values(other)

    def __hash__(self) -> int:
        return hash((type(self), *_values(self)))

    def __repr__(self) -> str:
        """Show how to make it again: keyword-only fields where they differ from the default."""
        shown = (
            f"{field.name}={getattr(self, field.name)!r}"
            for field in _in_order(type(self))
            if not (field.kw_only and getattr(self, field.name) == field.default)
        )
        return f"{type(self).__name__}({', '.join(shown)})"


def _in_order(kind: type[Frozen]) -> list[dataclasses.Field[Any]]:
    """Return the fields, those last that are given by keyword alone."""
    return sorted(dataclasses.fields(kind), key=lambda field: bool(field.kw_only))


def _values(value: Any) -> tuple[Any, ...]:
    return tuple(getattr(value, field.name) for field in dataclasses.fields(value))


def _bind(kind: type[Frozen], values: tuple[Any, ...], options: dict[str, Any]) -> dict[str, Any]:
    """Return the value of each field, or raise TypeError as a function of these parameters does."""
    fields = dataclasses.fields(kind)
    places = [field.name for field in fields if not field.kw_only]
    if len(values) > len(places):
        want = f"at most {len(places)}: {', '.join(places)}" if places else "none"
        raise TypeError(f"{kind.__name__}: got {len(values)} values by position, want {want}")
    given = dict(zip(places, values, strict=False))
    for name in given.keys() & options:
        raise TypeError(f"{name}: got two values for {kind.__name__}, want one")
    bound = {field.name: field.default for field in fields}
    for name in options.keys() - bound:
        want = f"one of {', '.join(bound)}" if bound else "none"
        raise TypeError(f"{name}: {kind.__name__} has no such argument, want {want}")
    bound |= given | options
    for name, value in bound.items():
        if value is MISSING:
            raise TypeError(f"{name}: got no value for {kind.__name__}, want one")
    return bound
