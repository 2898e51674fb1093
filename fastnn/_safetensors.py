"""The safetensors format: arrays with names, and texts, in one file.

8 bytes of length, a JSON header and the arrays: see
https://github.com/huggingface/safetensors and docs/decisions/0002-safetensors-by-hand.md.  What
the arrays are of is fastnn.serialization's.
"""

from __future__ import annotations

import json
import math
import struct
import zlib
from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from fastnn._whole import write_whole

TYPES = {
    "float32": "F32",
    "float64": "F64",
    "float16": "F16",
    "bool": "BOOL",
    **{
        f"{sign}int{bits}": f"{sign or 'i'}{bits}".upper()
        for sign in ("", "u")
        for bits in (8, 16, 32, 64)
    },
}
DTYPES = {code: np.dtype(name).newbyteorder("<") for name, code in TYPES.items()}
_MOST_HEADER = 100 << 20  # bytes; the format's own limit


def write(path: Path, tensors: Mapping[str, np.ndarray], metadata: dict[str, str]) -> None:
    """Write a safetensors file at once: whenever the process ends, it is the old or the new one."""
    header: dict[str, Any] = {"__metadata__": metadata | {"format": "np"}}
    at = 0
    for name, tensor in tensors.items():
        header[name] = {
            "dtype": TYPES[tensor.dtype.name],
            "shape": list(tensor.shape),
            "data_offsets": [at, at + tensor.nbytes],
        }
        at += tensor.nbytes
    header["__metadata__"]["crc32"] = checksum(header, tensors)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # arrays start at a multiple of 8
    raw = map(_raw, tensors.values())
    write_whole(path, chain([struct.pack("<Q", len(text)) + text], raw))


def checksum(header: dict[str, Any], tensors: Mapping[str, np.ndarray]) -> str:
    """Return the CRC-32 of a header, as `json` has it, and of the arrays."""
    found = zlib.crc32(json.dumps(header).encode())
    for tensor in tensors.values():
        found = zlib.crc32(_raw(tensor), found)
    return str(found)


def _raw(tensor: np.ndarray) -> bytes:
    """Return an array's bytes as the file has them."""
    return tensor.astype(tensor.dtype.newbyteorder("<"), copy=False).tobytes()


def read_header(file: BinaryIO, size: int) -> tuple[Any, int]:
    """Return the header of a file of so many bytes, and how many bytes are arrays."""
    (length,) = struct.unpack("<Q", file.read(8))
    if length > min(size - 8, _MOST_HEADER):
        raise ValueError(f"a header of {length} bytes in a file of {size}")
    return json.loads(file.read(length)), size - 8 - length


def as_arrays(header: dict[str, Any], body: bytes) -> dict[str, np.ndarray]:
    """Return the arrays of a header that was checked."""
    arrays = {}
    for name, entry in header.items():
        dtype, count = DTYPES[entry["dtype"]], math.prod(entry["shape"])
        # NumPy reads no array of no elements, nor one from the end of a file.
        at = entry["data_offsets"][0]
        array = np.frombuffer(body, dtype, count, at) if count else np.empty(0)
        arrays[name] = array.astype(dtype.newbyteorder("=")).reshape(entry["shape"])
    return arrays


def check_header(
    header: dict[str, Any], shapes: dict[str, list[int]], dtype: str, body: int, more: str | None
) -> None:
    """Every array that the architecture has, and no other, with no gaps and no overlap.

    Others may be there whose names begin with `more`, if that is given.
    """
    if {name for name in header if not (more and name.startswith(more))} != set(shapes):
        raise ValueError("its arrays are not those of its architecture")
    spans = []
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        found = entry["dtype"], entry["shape"]
        if name in shapes and found != (dtype, shapes[name]):
            raise ValueError(f"{name} is {found[0]} {found[1]}, not {dtype} {shapes[name]}")
        size = DTYPES[entry["dtype"]].itemsize
        if not (isinstance(begin, int) and end - begin == math.prod(entry["shape"]) * size):
            raise ValueError(f"{name} has the wrong number of bytes")
        spans.append((begin, end))
    at = 0
    for begin, end in sorted(spans):
        if begin != at:
            raise ValueError("its arrays overlap or leave gaps")
        at = end
    if at != body:
        raise ValueError(f"{body} bytes of arrays, not {at}: the file is cut or has more")
