"""``python -m fastnn export``: a model for where there is no Python, with its preprocessing."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from fastnn.cli import _model, _options
from fastnn.cli._errors import InputError
from fastnn.cli._files import check_output

FORMATS = {".onnx": "onnx", ".h": "c"}


def main(argv: Sequence[str]) -> int:
    """Export; return 0."""
    options = _parser().parse_args(argv)
    kind = options.to or FORMATS.get(options.out.suffix.lower())
    if kind is None:
        raise InputError(f"--to: none given, and {options.out} ends in neither .onnx nor .h")
    check_output("--out", options.out, [options.model])
    model = _model.load(options.model)
    if kind == "onnx":
        model.estimator.to_onnx(options.out)
    else:
        model.estimator.to_c(options.out, name=_identifier(options.out.stem))
    print(f"{kind}: {options.out}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = _options.Parser(
        "export", "Write a model, with its preprocessing, as ONNX or as one C99 header."
    )
    add = parser.add_argument
    add("model", type=Path, help="what `train` has made")
    add("--to", choices=("onnx", "c"), help="what to write (by the suffix of --out: .onnx, .h)")
    add("--out", type=Path, required=True, metavar="FILE", help="where to")
    return parser


def _identifier(stem: str) -> str:
    """Return a file's name as a C identifier."""
    name = "".join(c if c.isascii() and c.isalnum() else "_" for c in stem)
    return name if name[:1].isalpha() else f"model_{name}"
