"""Random numbers: Philox4x32-10 bit for bit, and what is made of its words.

The generator is checked against the vectors published with it (Random123, kat_vectors), by
way of fifteen lines of Python that are right on them; then the engine against those lines.
"""

import math

import numpy as np
import pytest

from fastnn import _core

WORD = 0xFFFFFFFF
SEEDS = (0, 1, 2**32, 2**64 - 1, 0x299F31D0_A4093822)
STREAMS = (0, 1, 2**63 + 5, 0x03707344_13198A2E)


def philox(counter, key):
    """Philox4x32-10 (Salmon et al. 2011): four words from a counter of four and a key of two."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(10):
        high0, low0 = divmod(0xD2511F53 * c0, 2**32)
        high1, low1 = divmod(0xCD9E8D57 * c2, 2**32)
        c0, c1, c2, c3 = high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0
        k0, k1 = (k0 + 0x9E3779B9) & WORD, (k1 + 0xBB67AE85) & WORD
    return c0, c1, c2, c3


def halves(x):
    return x & WORD, x >> 32


def words(seed, stream, i):
    """The two 64-bit numbers of an element."""
    a, b, c, d = philox((*halves(i), *halves(stream)), halves(seed))
    return a << 32 | b, c << 32 | d


def unit(bits):
    return (bits >> 11) * 2.0**-53


def draw(function, seed, stream, n, dtype=np.float64):
    out = np.empty(n, dtype)
    function(seed, stream, out)
    return out


def uniform(seed, stream, n):
    return draw(_core.uniform, seed, stream, n)


def normal(seed, stream, n):
    return draw(_core.normal, seed, stream, n)


def permutation(seed, stream, n):
    return draw(_core.permutation, seed, stream, n, np.int64)


def chi_square(counts, expected):
    return ((counts - expected) ** 2 / expected).sum()


def chi_square_limit(degrees):
    """Five standard deviations of it above its mean: 1 in a million is beyond."""
    return degrees + 5 * math.sqrt(2 * degrees) + 10


# ---- Philox -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [
        ("00000000 00000000 00000000 00000000", "00000000 00000000",
         "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff",
         "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0",
         "d16cfe09 94fdcceb 5001e420 24126ea1"),
    ],
)  # fmt: skip
def test_published_vectors(counter, key, expected):
    counter, key, expected = (
        tuple(int(word, 16) for word in text.split()) for text in (counter, key, expected)
    )
    assert philox(counter, key) == expected


def test_first_uniform_of_seed_0():
    assert uniform(0, 0, 1)[0] == (0x6627E8D5_E169C58D >> 11) / 2**53


@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize("seed", SEEDS)
def test_uniform_is_philox(seed, stream):
    want = [unit(words(seed, stream, i)[0]) for i in range(50)]
    np.testing.assert_array_equal(uniform(seed, stream, 50), want)


def polar(seed, stream, i):
    """Marsaglia's polar method; what falls outside the circle is drawn again."""
    for again in range(100):
        u, v = (2 * unit(bits) - 1 for bits in words(seed, stream, i | again << 48))
        s = u * u + v * v
        if 0 < s < 1:
            return u * math.sqrt(-2 * math.log(s) / s)
    raise AssertionError("a hundred points outside the circle")


@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize("seed", SEEDS)
def test_normal_is_the_polar_method(seed, stream):
    want = [polar(seed, stream, i) for i in range(200)]
    np.testing.assert_allclose(normal(seed, stream, 200), want, rtol=1e-14)


def fisher_yates(seed, stream, n):
    order = list(range(n))
    for drawn, i in enumerate(range(n - 1, 0, -1)):
        bits = words(seed, stream, drawn // 2)[drawn % 2]
        j = bits * (i + 1) >> 64
        order[i], order[j] = order[j], order[i]
    return order


@pytest.mark.parametrize("n", [1, 2, 3, 10, 257])
@pytest.mark.parametrize("seed", SEEDS)
def test_permutation_is_fisher_yates(seed, n):
    assert permutation(seed, 9, n).tolist() == fisher_yates(seed, 9, n)


@pytest.mark.parametrize("isa", _core.isas())
def test_all_kernels_draw_the_same(isa):
    functions = (uniform, normal, permutation)
    want = [function(7, 3, 1001) for function in functions]
    _core.select_isa(isa)
    try:
        for function, values in zip(functions, want, strict=True):
            np.testing.assert_array_equal(function(7, 3, 1001), values)
    finally:
        _core.select_isa()


# ---- distributions ----------------------------------------------------------------------


@pytest.mark.parametrize("function", [uniform, normal])
def test_a_longer_draw_begins_with_the_shorter(function):
    longer = function(5, 3, 1000)
    for n in (0, 1, 2, 17, 999):
        np.testing.assert_array_equal(function(5, 3, n), longer[:n])


@pytest.mark.parametrize("function", [uniform, normal, permutation])
def test_seeds_and_streams_differ(function):
    draws = [function(seed, stream, 100) for seed in SEEDS for stream in STREAMS]
    assert len({draw.tobytes() for draw in draws}) == len(draws)
    np.testing.assert_array_equal(function(SEEDS[0], STREAMS[0], 100), draws[0])


@pytest.mark.parametrize("function", [uniform, normal])
def test_neighbours_are_not_correlated(function):
    n = 100_000
    for a, b in [
        (function(1, 0, n)[:-1], function(1, 0, n)[1:]),
        (function(1, 0, n), function(1, 1, n)),
        (function(1, 0, n), function(2, 0, n)),
    ]:
        assert abs(np.corrcoef(a, b)[0, 1]) < 5 / math.sqrt(n)


def test_uniform_is_uniform():
    x = uniform(11, 0, 200_000)
    assert x.min() >= 0
    assert x.max() < 1
    counts = np.bincount((x * 100).astype(int), minlength=100)
    assert chi_square(counts, len(x) / 100) < chi_square_limit(99)


def test_moments_of_normal():
    """Within five standard deviations of their estimates."""
    n = 400_000
    x = normal(12, 0, n)
    for power, moment, variance in [(1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)]:
        assert abs((x**power).mean() - moment) < 5 * math.sqrt(variance / n), power
    assert 4 < np.abs(x).max() < 6


def test_normal_fills_its_quantiles():
    n = 200_000
    x = normal(13, 1, n)
    cdf = np.array([0.5 * (1 + math.erf(edge / math.sqrt(2))) for edge in np.linspace(-3, 3, 61)])
    share = np.diff(np.concatenate([[0], cdf, [1]]))
    counts = np.bincount(np.searchsorted(np.linspace(-3, 3, 61), x), minlength=62)
    assert chi_square(counts, n * share) < chi_square_limit(61)


@pytest.mark.parametrize("n", [0, 1, 2, 5, 1000, 100_003])
def test_permutations_are_permutations(n):
    for stream in range(3):
        order = permutation(14, stream, n)
        np.testing.assert_array_equal(np.sort(order), np.arange(n))
    assert n < 1000 or (order == np.arange(n)).sum() < 10


@pytest.mark.parametrize("n", [2, 3, 4])
def test_every_permutation_is_as_likely(n):
    draws = 24_000
    ranks = np.zeros(n**n, int)
    for stream in range(draws):
        ranks[permutation(15, stream, n) @ n ** np.arange(n)] += 1
    counts = ranks[ranks > 0]
    assert len(counts) == math.factorial(n)
    assert chi_square(counts, draws / len(counts)) < chi_square_limit(len(counts) - 1)


def test_every_place_is_as_likely():
    """Where each of 20 elements lands, over 20,000 permutations."""
    draws, n = 20_000, 20
    orders = np.array([permutation(16, stream, n) for stream in range(draws)])
    counts = np.array([np.bincount(column, minlength=n) for column in orders.T])
    assert chi_square(counts, draws / n) < chi_square_limit((n - 1) ** 2)
