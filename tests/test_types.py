"""Type hints as users meet them; mypy reads most of it in check_types.py, which CI's lint runs."""

import importlib.util
import inspect

import check_types
import pytest

from fastnn import _options, training


def test_the_options_of_fit_are_those_of_the_function():
    """`net.fit(**options)` is checked by the dict, and works by the function."""
    parameters = inspect.signature(training.fit).parameters.values()
    options = {p.name: p.annotation for p in parameters if p.kind is p.KEYWORD_ONLY}
    # Each as it is written: annotations are not evaluated.
    assert {name: kind.replace("_metrics.", "") for name, kind in options.items()} == {
        name: kind.__forward_arg__ for name, kind in _options.FitOptions.__annotations__.items()
    }


@pytest.mark.skipif(importlib.util.find_spec("mypy") is None, reason="needs mypy")
def test_examples_are_clean_under_mypy_strict(monkeypatch, capsys):
    monkeypatch.chdir(check_types.pages.ROOT)
    assert check_types.main() == 0, capsys.readouterr().out


def test_all_examples_are_looked_at(tmp_path):
    files = {path.stem: path.read_text("utf-8") for path in check_types.write(tmp_path)}
    assert "fastnn.Adam(lr=2e-3)" in files["page_README"]
    assert len(files) > 150
