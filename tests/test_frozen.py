"""fastnn._frozen: dataclasses without code of their own behave as the standard library's do."""

import copy
import dataclasses
import inspect
import pickle
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, ClassVar

import pytest

import fastnn
from fastnn._frozen import Frozen


class Point(Frozen):
    """With all that fields may be."""

    dimensions: ClassVar[int] = 2
    kind = "point"
    x: float
    y: Any = 0.5
    weight: float = field(default=1.0, kw_only=True)
    names: tuple[str, ...] = ()
    _: KW_ONLY
    exact: bool = False

    def __post_init__(self):
        if self.x is None:
            raise ValueError("x")


@dataclass(frozen=True)
class Twin:
    """The same by the standard library."""

    dimensions: ClassVar[int] = 2
    x: float
    y: Any = 0.5
    weight: float = field(default=1.0, kw_only=True)
    names: tuple[str, ...] = ()
    _: KW_ONLY
    exact: bool = False


class Plane(Point):
    """It inherits fields."""

    z: float = 3.0
    y: Any = 0.25


class Own(Frozen):
    """A class that makes itself, and declares a field."""

    scale: float

    def __init__(self, scale, other):
        self.scale, self.other = scale, other


def test_what_dataclasses_says_of_them():
    described = [
        [(f.name, f.type, f.default, f.kw_only) for f in dataclasses.fields(kind)]
        for kind in (Point, Twin)
    ]
    assert described[0] == described[1]
    names = [f.name for f in dataclasses.fields(Plane)]
    assert names == ["x", "y", "weight", "names", "exact", "z"]
    assert dataclasses.asdict(Point(1)) == dataclasses.asdict(Twin(1))
    assert dataclasses.replace(Point(1, weight=2.0), x=5) == Point(5, weight=2.0)
    wanted = "(x: float, y: Any = 0.25, names: tuple[str, ...] = (), z: float = 3.0, *, weight:"
    assert str(inspect.signature(Plane)).replace("typing.", "").startswith(wanted)
    assert str(inspect.signature(fastnn.SGD)).startswith("(lr: 'Any' = 0.01, momentum: 'float' =")
    assert inspect.signature(Own) == inspect.signature(lambda scale, other: None)


@pytest.mark.parametrize(
    ("values", "options"),
    [
        ((1,), {}),
        ((1, 2), {"exact": True}),
        ((), {"x": 1, "weight": 3}),
        ((1, 2, ("a",)), {}),
        ((), {}),
        ((1,), {"x": 2}),
        ((1, 2, (), 4), {}),
        ((1,), {"colour": 2}),
    ],
)
def test_arguments_are_bound_as_by_a_function(values, options):
    try:
        wanted = dataclasses.asdict(Twin(*values, **options))
    except TypeError:
        with pytest.raises(TypeError):
            Point(*values, **options)
    else:
        assert dataclasses.asdict(Point(*values, **options)) == wanted


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: fastnn.Adam(learning_rate=1), "learning_rate: Adam has no such argument, want one "
         "of .*lr, beta_1"),
        (lambda: fastnn.SGD(0.1, lr=0.1), "lr: got two values for SGD, want one"),
        (lambda: fastnn.Dense(), "units: got no value for Dense, want one"),
        (lambda: fastnn.SGD(1, 0, False, 7), "SGD: got 4 values by position, want at most 3: lr"),
        (lambda: fastnn.activations.ReLU(2), "ReLU: got 1 values by position, want none"),
        (lambda: fastnn.activations.ReLU(a=2), "a: ReLU has no such argument, want none"),
    ],
)  # fmt: skip
def test_wrong_arguments_are_named(call, message):
    with pytest.raises(TypeError, match=f"^{message}"):
        call()


def test_they_are_values():
    point = Point(1, 2)
    assert point == Point(1, 2) == pickle.loads(pickle.dumps(point)) == copy.deepcopy(point)
    assert point != Point(1, 3)
    assert point != Twin(1, 2)
    assert Plane(1) != Point(1, 0.25)
    assert hash(fastnn.SGD()) == hash(fastnn.SGD()) != hash(fastnn.Lion())
    nan = float("nan")
    assert Point(nan) == Point(nan)  # the same object, as in tuples
    assert repr(point) == "Point(x=1, y=2, names=())"
    assert repr(Plane(1, weight=2)) == "Plane(x=1, y=0.25, names=(), z=3.0, weight=2)"
    assert Point.__match_args__ == Twin.__match_args__
    with pytest.raises(ValueError, match="x"):
        Point(None)


def test_they_are_frozen():
    for value, name in ((Point(1), "x"), (Point(1), "new"), (Own(1, 2), "scale")):
        with pytest.raises(dataclasses.FrozenInstanceError, match=name):
            setattr(value, name, 3)
        with pytest.raises(dataclasses.FrozenInstanceError, match=name):
            delattr(value, name)
    own = Own(1, 2)
    own.other = 3
    assert (own.scale, own.other) == (1, 3)
