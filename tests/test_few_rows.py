"""The bits of a row do not depend on how many rows are beside it: single rows have tiles of
their own (csrc/kernels/row.h), whose widths meet here on every ISA and dtype."""

import numpy as np
import pytest

from fastnn import _core

# Either side of one, two and four widths of every tile.
WIDTHS = (1, 3, 8, 9, 16, 17, 24, 31, 33, 48, 49, 63, 65, 96, 97, 112, 113, 128, 129, 161)


def outputs_of(plan, X):
    out = np.empty((len(X), plan.outputs), X.dtype)
    plan.run("predict", X, outputs=out)
    return out


@pytest.mark.parametrize("isa", _core.isas())
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", ["relu", "softsign", "gelu"])
def test_few_rows_have_the_bits_of_many(isa, dtype, activation):
    rng = np.random.default_rng(0)
    try:
        _core.select_isa(isa)
        for width in WIDTHS:
            for inputs in (1, 19, 160):
                layers = ((activation, 0.01, width, True), ("identity", 0, 3, False))
                plan = _core.Plan(dtype, inputs, layers)
                plan.write("parameters", rng.normal(size=plan.n_parameters).astype(dtype))
                X = rng.normal(size=(48, inputs)).astype(dtype)
                want = outputs_of(plan, X)
                for rows in range(1, 10):
                    np.testing.assert_array_equal(outputs_of(plan, X[:rows]), want[:rows])
    finally:
        _core.select_isa()
