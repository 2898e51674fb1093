"""`coefs_` and `intercepts_`: a network's parameters as lists of arrays, to read and to set.

scikit-learn's estimators work with the arrays in these lists, so scripts change them in place.
Here they are copies, made when first asked for; before the network is used again, it gets what
they have become.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fastnn.layers import Dense


def dense_layers(net: Any) -> list[Any]:
    """Return the dense layers of a network, in order."""
    return [layer for layer in net._leaves() if isinstance(layer.spec, Dense)]


def _list_of(part: str, attribute: str) -> Any:
    """Return a property: a list with one array a dense layer."""
    private = f"_{attribute}given"  # "_coefs_given"

    def get(self: Any) -> list[Any]:
        values = vars(self)
        if private not in values:
            if "network_" not in values:
                raise AttributeError(
                    f"{type(self).__name__!r} object has no attribute {attribute!r}"
                )
            values[private] = [getattr(layer, part) for layer in dense_layers(self.network_)]
        found: list[Any] = values[private]
        return found

    def put(self: Any, value: Any) -> None:
        vars(self)[private] = value

    def remove(self: Any) -> None:
        vars(self).pop(private, None)

    text = f"The {part} of each dense layer, as scikit-learn has them; they may be set and changed."
    return property(get, put, remove, text)


class Coefficients:
    """The two properties, for an estimator that has a `network_` once it is fitted."""

    coefs_ = _list_of("weights", "coefs_")
    intercepts_ = _list_of("bias", "intercepts_")

    def _use_coefficients(self) -> None:
        """Give the network what the lists have become since they were made or set."""
        for private, part in (("_coefs_given", "weights"), ("_intercepts_given", "bias")):
            given = vars(self).get(private)
            if given is None:
                continue
            layers = dense_layers(self.network_)  # type: ignore[attr-defined]
            if len(given) != len(layers):
                raise ValueError(f"{private[1:-5]}: got {len(given)} arrays, want {len(layers)}")
            for layer, values in zip(layers, given, strict=True):
                if not np.array_equal(getattr(layer, part), values):
                    setattr(layer, part, values)

    def _forget_coefficients(self) -> None:
        """After training: the lists are made anew when they are asked for."""
        del self.coefs_, self.intercepts_
