"""Activations in C: the one place to add one for `to_c`.

A row is an expression in the float `z` (and the activation's parameter `a`), of C99's <math.h>.
"""

from __future__ import annotations

_SOFTPLUS = "(z > 0 ? z : 0) + log1pf(expf(-fabsf(z)))"
_HARD_SIGMOID = "fminf(fmaxf(z + 3, 0), 6) / 6"

ACTIVATIONS = {
    "identity": "z",
    "relu": "z > 0 ? z : 0",
    "leaky_relu": "z > 0 ? z : a * z",
    "tanh": "tanhf(z)",
    "sigmoid": "1 / (1 + expf(-z))",
    "gelu": "0.5f * z * (1 + erff(z * 0.70710678f))",
    "gelu_tanh": "0.5f * z * (1 + tanhf(0.79788456f * (z + 0.044715f * z * z * z)))",
    "silu": "z / (1 + expf(-z))",
    "elu": "z > 0 ? z : a * expm1f(z)",
    "selu": "z > 0 ? 1.05070099f * z : 1.75809934f * expm1f(z)",
    "celu": "z > 0 ? z : a * expm1f(z / a)",
    "mish": f"z * tanhf({_SOFTPLUS})",
    "softplus": _SOFTPLUS,
    "softsign": "z / (1 + fabsf(z))",
    "hard_tanh": "fminf(fmaxf(z, -1), 1)",
    "hard_sigmoid": _HARD_SIGMOID,
    "hard_swish": f"z * {_HARD_SIGMOID}",
    "exp": "expf(z)",  # no activation: what is left to do after log_softmax
}

# Those of the whole row, at the output only.
ROWS = {
    "softmax": """float top = h[0], sum = 0;
  for (size_t i = 1; i < n; i++)
    top = fmaxf(top, h[i]);
  for (size_t i = 0; i < n; i++)
    sum += h[i] = expf(h[i] - top);
  for (size_t i = 0; i < n; i++)
    h[i] /= sum;""",
    "log_softmax": """float top = h[0], sum = 0;
  for (size_t i = 1; i < n; i++)
    top = fmaxf(top, h[i]);
  for (size_t i = 0; i < n; i++)
    sum += expf(h[i] - top);
  for (size_t i = 0; i < n; i++)
    h[i] -= top + logf(sum);""",
}


def function(row: str) -> str:
    """Return the C function of a row, which works on n numbers in place."""
    if row in ROWS:
        return f"PREFIX_{row}(float *h, size_t n) {{\n  {ROWS[row]}\n}}"
    expression = ACTIVATIONS[row]
    parameter = ", float a" if " a " in f" {expression} " or "/ a)" in expression else ""
    return f"""PREFIX_{row}(float *h, size_t n{parameter}) {{
  for (size_t i = 0; i < n; i++) {{
    const float z = h[i];
    h[i] = {expression};
  }}
}}"""


def takes_parameter(row: str) -> bool:
    """Whether the function of a row has the parameter `a`."""
    return ", float a)" in function(row)
