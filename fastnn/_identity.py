"""Which training it is: what must be the same for one to go on from a checkpoint of another."""

from __future__ import annotations

import dataclasses
import inspect
import json
import zlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from fastnn._callback import Callback

_ROWS = 1024  # of the data, about, whose values are compared


def look_at(data: Any) -> dict[str, Any]:
    """Return shapes, and a checksum of some rows, so that other data are noticed."""
    X, (targets, _), weights = data
    parts = {"samples": X, "targets": targets, "weights": weights}
    return {name: part if part is None else _sample(part) for name, part in parts.items()}


def _sample(array: np.ndarray) -> dict[str, Any]:
    rows = array[:: max(len(array) // _ROWS, 1)]
    values = np.ascontiguousarray(rows, dtype="<f8")
    return {"shape": list(array.shape), "checksum": zlib.crc32(values.tobytes())}


def settings_of(callback: Callback) -> dict[str, Any]:
    """Return a callback's kind and those of its arguments that it keeps and JSON has."""
    names = inspect.signature(type(callback).__init__).parameters
    values = {name: vars(callback).get(name) for name in names}
    plain = {name: value for name, value in values.items() if isinstance(value, (int, float, str))}
    return {"kind": type(callback).__qualname__} | plain


def as_json(settings: dict[str, Any]) -> Any:
    """Return settings as they come back from a file: specs as dicts, functions as their names."""
    return json.loads(json.dumps(settings, default=_as_plain))


def _as_plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return {"kind": type(value).__qualname__} | fields
    if isinstance(value, (np.generic, np.ndarray)):
        return value.tolist()
    return getattr(value, "__qualname__", type(value).__qualname__)


def differences(where: str, got: Any, had: Any) -> Iterator[str]:
    """Tell what differs, each by the name of the argument."""
    if isinstance(got, dict) and isinstance(had, dict):
        for key in got | had:
            inner = f"{where}.{key}" if where else key
            yield from differences(inner, got.get(key), had.get(key))
    elif isinstance(got, list) and isinstance(had, list) and len(got) == len(had):
        for i, (one, other) in enumerate(zip(got, had, strict=True)):
            yield from differences(f"{where}[{i}]", one, other)
    elif got != had:
        yield f"{where}: got {got!r}, it has {had!r}"
