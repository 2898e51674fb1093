"""The reference documentation: every public name is in it, with formula, source and example."""

import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import pytest
from common import KINDS

import fastnn
from fastnn import (
    _core,
    activations,
    initializers,
)

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted((ROOT / "docs" / "reference").glob("*.rst"))
pytestmark = pytest.mark.skipif(not PAGES, reason="an installed fastnn, without its documentation")

# Modules for the package itself, and for `python -m fastnn`.
INTERNAL = {"arrays", "demo", "info", "progress"}

TABLES = {
    "activation": _core.ACTIVATIONS,
    "layer": _core.LAYERS,
    "loss": _core.LOSSES,
    "optimizer": _core.OPTIMIZERS,
    "schedule": _core.SCHEDULES,
}
# Rows that are not asked for by their own name, and the spec that has them.
ROW_OF = {
    "add": "residual",
    "momentum": "sgd",
    "nesterov": "sgd",
    "adam_amsgrad": "adam",
    "adamw_amsgrad": "adamw",
    "rmsprop_momentum": "rmsprop",
    "rmsprop_centered": "rmsprop",
    "rmsprop_centered_momentum": "rmsprop",
    "weighted_binary_cross_entropy": "binary_cross_entropy",
    "weighted_cross_entropy": "cross_entropy",
    "triangular": "cyclic",
    "triangular2": "cyclic",
    "exp_range": "cyclic",
    "input": None,  # of no network: gradients in the inputs are taken with it
    "table": None,  # any function step -> lr
}


def public(module):
    """The classes and functions a module offers, by name."""
    names = getattr(module, "__all__", None) or [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", None) == module.__name__
    ]
    values = {f"{module.__name__}.{name}": getattr(module, name) for name in names}
    return {
        name: value
        for name, value in values.items()
        if inspect.isclass(value) or inspect.isfunction(value)
    }


def in_the_reference():
    """What the directives of the pages document, by name."""
    found = {}
    for page in PAGES:
        for kind, name in re.findall(r"^\.\. auto(\w+):: (\S+)$", page.read_text("utf-8"), re.M):
            if kind == "module":
                found |= public(importlib.import_module(name))
            else:
                module, _, attribute = name.rpartition(".")
                found[name] = getattr(importlib.import_module(module), attribute)
    return found


def everything_public():
    found = public(fastnn)
    for info in pkgutil.iter_modules(fastnn.__path__):
        if not info.name.startswith("_") and info.name not in INTERNAL:
            found |= public(importlib.import_module(f"fastnn.{info.name}"))
    return found


REFERENCE = in_the_reference()
NAMES = {id(value): name for name, value in REFERENCE.items()}  # one name each
MATHEMATICS = {
    id(spec): spec
    for kind in ("activation", "initializer", "loss", "optimizer", "schedule", "solver")
    for spec in KINDS[kind].registry.values()
    if spec.__module__.startswith("fastnn.")
}


@pytest.mark.parametrize("name", everything_public())
def test_every_public_name_is_in_the_reference(name):
    method = getattr(fastnn.Sequential, name.rpartition(".")[2], None)  # what save, say, is of
    assert id(everything_public()[name]) in NAMES or method, "add it to a page of docs/reference"


@pytest.mark.parametrize(("kind", "row"), [(kind, row) for kind in TABLES for row in TABLES[kind]])
def test_every_row_of_the_engine_is_in_the_reference(kind, row):
    name = ROW_OF.get(row, row)
    assert name is None or id(KINDS[kind].registry[name]) in NAMES


def test_every_page_is_in_the_index():
    index = (ROOT / "docs" / "reference" / "index.rst").read_text("utf-8")
    for page in PAGES:
        assert page.stem == "index" or f"\n   {page.stem}\n" in index


@pytest.mark.parametrize("name", NAMES.values())
def test_it_has_an_example(name):
    text = REFERENCE[name].__doc__
    assert "Examples\n" in inspect.cleandoc(text)
    assert ">>> " in text  # pytest runs them all


@pytest.mark.parametrize("spec", MATHEMATICS.values(), ids=lambda spec: spec.__name__)
def test_it_has_a_formula_and_a_source(spec):
    text = inspect.cleandoc(spec.__doc__)
    words = re.split(r"\n\w+\n-{4,}\n", text)[0]
    assert re.search(r"[=~^/]|\w\(.*\)", words), "no formula before the parameters"
    if "\nReferences\n" not in text:  # but that of another one
        other = re.search(r"(?:see|source is that of)\s+`(\w+)`", words)
        assert other, "no source"
        named = getattr(importlib.import_module(spec.__module__), other[1])
        assert "\nReferences\n" in inspect.getdoc(named)


def test_the_table_of_default_initial_values():
    page = (ROOT / "docs" / "initial-values.md").read_text("utf-8")
    rows = re.findall(r"^\| ([\w, ]+) \| `(.+?)` \|", page, re.M)
    told = {name: default for names, default in rows for name in names.split(", ")}
    registry = activations.Activation.registry
    own = {name for name, spec in registry.items() if spec.__module__.startswith("fastnn.")}
    assert set(told) == own, "add it there"
    for name in own:
        activation = registry[name]()
        default = initializers.default_for(activation)
        if default.gain == activation.gain != 1:
            assert told[name] == "LecunUniform(gain)"
            assert default == initializers.LecunUniform(activation.gain)
        else:
            assert told[name] == f'"{default.name}"'
            assert default.gain == 1


def test_what_the_readme_tells_runs():
    """Python as doctests, which pytest runs; the commands are those that .ci/run runs."""
    blocks = re.findall(
        r"^```(\w*)\n(.*?)^```", (ROOT / "README.md").read_text("utf-8"), re.M | re.S
    )
    assert {language for language, _ in blocks} == {"python", "sh"}
    run = ROOT / ".ci" / "run"  # not in a source distribution
    for language, text in blocks:
        if language == "python":
            assert text.startswith(">>> ")
            assert text.endswith("\n\n")  # or the fence would be output
        elif run.exists():
            assert f"readme_line '{text.strip()}'" in run.read_text("utf-8")
