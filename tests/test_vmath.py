"""The kernels' exp, expm1, log, log1p, erf, tanh, sigmoid and softplus against a higher precision.

The numeric contract promises at most 2 ULP for exp and log and 4 for the others.  float32 is
compared with NumPy's float64, over arguments of every exponent; float64 with mpmath, on fewer.
tests/c/vmath_ulp.c does the same over every float32 there is.
"""

import functools
import math
from typing import NamedTuple

import mpmath
import numpy as np
import pytest
import reference
from common import engine

from fastnn import _core

BITS = 120  # of mpmath


class Function(NamedTuple):
    """A function, what it should be, and where its arguments are interesting."""

    bound: float  # ULP
    plain: object  # in NumPy's float64
    exact: object  # in mpmath
    dense: dict  # dtype -> the interval to sample evenly; beyond, by exponents
    domain: tuple = (-math.inf, math.inf)


def exact_sigmoid(x):
    return 1 / (1 + mpmath.exp(-x))


def exact_softplus(x):
    return mpmath.log1p(mpmath.exp(x))


def both(low, high):
    return {"float32": (low, high), "float64": (low, high)}


FUNCTIONS = {
    "exp": Function(
        2, np.exp, mpmath.exp, {"float32": (-87.3, 88.7), "float64": (-708.3, 709.7)},
    ),
    "log": Function(2, np.log, mpmath.log, both(0.5, 2.5), (0, math.inf)),
    "expm1_negative": Function(
        4, np.expm1, mpmath.expm1, {"float32": (-20, 0), "float64": (-40, 0)}, (-math.inf, 0)
    ),
    "log1p_unit": Function(4, np.log1p, mpmath.log1p, both(0, 1), (0, 1)),
    "erf": Function(4, reference.erf, mpmath.erf, both(-6, 6)),
    "tanh": Function(4, np.tanh, mpmath.tanh, {"float32": (-10, 10), "float64": (-20, 20)}),
    "sigmoid": Function(
        4, reference.sigmoid, exact_sigmoid, {"float32": (-87.3, 20), "float64": (-708.3, 40)}
    ),
    "softplus": Function(
        4,
        reference.ACTIVATIONS["softplus"].value,
        exact_softplus,
        {"float32": (-87.3, 20), "float64": (-708.3, 40)},
    ),
}  # fmt: skip


@pytest.fixture(params=_core.isas(), autouse=True)
def isa(request):
    with engine(request.param):
        yield


def mapped(name, x):
    values = np.empty_like(x)
    _core.map_function(name, x, values)
    return values


@functools.cache
def samples(name, dtype):
    """Even over the dense interval, next to 1, and of every exponent, within the range."""
    function, generator = FUNCTIONS[name], np.random.default_rng(0)
    n = 200_000 if dtype == "float32" else 3_000
    low, high = function.dense[dtype]
    finfo = np.finfo(dtype)
    exponents = generator.uniform(finfo.minexp + 1, 3, n)
    near_1 = 1 + generator.choice([-1, 1], n) * 2 ** generator.uniform(-finfo.nmant, -2, n)
    sizes = generator.choice([-1, 1], n) * 2**exponents
    x = np.concatenate([generator.uniform(low, high, n), near_1, sizes]).astype(dtype)
    # Beyond the dense interval these overflow or vanish: special values, below.
    first, last = function.domain
    if name in ("exp", "sigmoid", "softplus"):
        first, last = low, high
    if name == "log":
        x = np.concatenate([x, 2 ** generator.uniform(3, finfo.maxexp - 1, n).astype(dtype)])
    return x[(x >= first) & (x <= last)]


@functools.cache
def expected(name, dtype):
    """The exact values as an unevaluated sum of two float64, leading part first."""
    x, function = samples(name, dtype), FUNCTIONS[name]
    if dtype == "float32":
        values = function.plain(x.astype(np.float64))
        return values, np.zeros_like(values)
    with mpmath.workprec(BITS):
        exact = [function.exact(mpmath.mpf(float(v))) for v in x]
        leading = np.array([float(v) for v in exact])
        rest = np.array([float(v - mpmath.mpf(w)) for v, w in zip(exact, leading, strict=True)])
    return leading, rest


def ulp_errors(got, leading, rest, dtype):
    """In units of the exact value's last place; what is below the normal range may be 0."""
    tiny = np.finfo(dtype).tiny
    unit = np.spacing(np.maximum(np.abs(leading), tiny).astype(dtype)).astype(np.float64)
    errors = np.abs((got.astype(np.float64) - leading) - rest) / unit
    return np.where((np.abs(leading) <= tiny) & (got == 0), 0, errors)


@pytest.mark.parametrize("dtype", _core.DTYPES)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_error_in_ulp(name, dtype):
    x = samples(name, dtype)
    errors = ulp_errors(mapped(name, x), *expected(name, dtype), dtype)
    worst = int(np.argmax(errors))
    bound = FUNCTIONS[name].bound
    assert errors[worst] <= bound, f"{errors[worst]:.2f} ULP at {float(x[worst]).hex()}"


def test_the_measure_sees_an_ulp():
    one = np.ones(1, np.float32)
    off = np.nextafter(one, np.float32(2))
    assert ulp_errors(off, np.ones(1), np.zeros(1), "float32") == 1
    assert ulp_errors(one.astype(float), np.ones(1), np.full(1, 2.0**-53), "float64") == 0.5
    assert ulp_errors(-one, np.ones(1), np.zeros(1), "float32") > 1e7


INF, NAN = math.inf, math.nan
SPECIAL_VALUES = {
    "exp": [(0, 1), (-0.0, 1), (INF, INF), (-INF, 0), (1e5, INF), (-1e5, 0), (1e30, INF)],
    "log": [(1, 0), (0, -INF), (-0.0, -INF), (INF, INF), (-1, NAN), (-INF, NAN), (-1e30, NAN)],
    "expm1_negative": [(0, 0), (-0.0, 0), (-INF, -1), (-1e30, -1), (-90, -1)],
    "log1p_unit": [(0, 0)],
    "erf": [(0, 0), (-0.0, -0.0), (INF, 1), (-INF, -1), (1e30, 1), (-1e30, -1), (7, 1)],
    "tanh": [(0, 0), (-0.0, -0.0), (INF, 1), (-INF, -1), (1e30, 1), (-1e30, -1), (-25, -1)],
    "sigmoid": [(0, 0.5), (-0.0, 0.5), (INF, 1), (-INF, 0), (1e30, 1), (-1e30, 0), (50, 1)],
    "softplus": [(INF, INF), (-INF, 0), (1e30, 1e30), (-1e30, 0), (90, 90), (-1e4, 0)],
}


@pytest.mark.parametrize("dtype", _core.DTYPES)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_special_values(name, dtype):
    x, want = np.array([*SPECIAL_VALUES[name], (NAN, NAN), (-NAN, NAN)], dtype).T
    got = mapped(name, np.ascontiguousarray(x))
    np.testing.assert_array_equal(got, want)
    numbers = ~np.isnan(want)
    np.testing.assert_array_equal(np.signbit(got[numbers]), np.signbit(want[numbers]))


@pytest.mark.parametrize("dtype", _core.DTYPES)
def test_exp_overflows_where_it_must(dtype):
    """The last argument with a finite result has one; the next has not."""
    with mpmath.workprec(BITS):
        limit = mpmath.log(mpmath.mpf(float(np.finfo(dtype).max)))
    x = np.full(3, float(limit), dtype)
    x[0] = np.nextafter(x[1], x.dtype.type(0))
    x[2] = np.nextafter(x[1], np.inf)
    finite = [mpmath.mpf(float(v)) <= limit for v in x]
    assert finite[0] != finite[2]
    np.testing.assert_array_equal(np.isfinite(mapped("exp", x)), finite)


@pytest.mark.parametrize("dtype", _core.DTYPES)
def test_exp_vanishes_where_it_must(dtype):
    """Down to the smallest normal number; below it the result may be 0, and soon is."""
    tiny = np.finfo(dtype).tiny
    edge = math.log(tiny)
    assert mapped("exp", np.array([edge + 1e-4], dtype))[0] >= tiny
    below = mapped("exp", np.linspace(edge - 1e-4, edge - 60, 999).astype(dtype))
    assert (below < tiny).all()
    assert below[-1] == 0


@pytest.mark.parametrize("dtype", _core.DTYPES)
@pytest.mark.parametrize("name", ["erf", "tanh"])
def test_odd_functions_are_odd(name, dtype):
    x = np.linspace(0, 9, 10_001).astype(dtype)
    np.testing.assert_array_equal(mapped(name, -x), -mapped(name, x))


@pytest.mark.parametrize("dtype", _core.DTYPES)
def test_values_stay_in_their_range(dtype):
    x = np.linspace(-100, 100, 20_001).astype(dtype)
    for name, low in [("sigmoid", 0), ("tanh", -1), ("erf", -1)]:
        got = mapped(name, x)
        assert got.min() >= low
        assert got.max() <= 1


def test_an_unknown_function_is_refused():
    with pytest.raises(ValueError, match="refused"):
        mapped("sine", np.zeros(3))
