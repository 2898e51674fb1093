"""Every block of Python on README.md and the pages of docs/ is run, or says itself that it is not.

Doctests are run by pytest, whose `testpaths` have the pages; the blocks of docs/theory are lines of
the scripts that build.py runs.  Others are there for comparison, and their first line says so:
those of PyTorch and Keras are run where these are installed.  Console sessions and shell
scripts are run by test_cli.py and .ci/run.
"""

import doctest
import tomllib

import numpy as np
import pages
import pytest
from common import keras_or_skip

import fastnn

PAGES = pages.pages()
BLOCKS = [block for page in PAGES for block in pages.blocks(page)]
PYTHON = [block for block in BLOCKS if block.language == "python"]
PYTORCH, KERAS = "# PyTorch", "# Keras"
LANGUAGES = {"python", "console", "sh", "text", "{toctree}", ""}

pytestmark = pytest.mark.skipif(
    not pages.DOCS.exists(), reason="an installed fastnn, without its documentation"
)


def test_pytest_looks_at_the_pages():
    with open(pages.ROOT / "pyproject.toml", "rb") as file:
        options = tomllib.load(file)["tool"]["pytest"]["ini_options"]
    assert {"docs", "README.md"} <= set(options["testpaths"])
    assert {"--doctest-glob='*.md'", "--doctest-glob='*.rst'"} <= set(options["addopts"].split())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_code_is_in_blocks_that_are_known(page):
    """What looks like Python elsewhere would be run too, but not by everybody who reads it."""
    text = page.read_text("utf-8")
    found = list(pages.blocks(page))
    assert {block.language for block in found} <= LANGUAGES
    assert text.count("```") == 2 * len(found)
    assert "code-block::" not in text
    told = "".join(block.text for block in found if block.language == "python")
    for line in text.splitlines():
        if line.lstrip().startswith(">>> "):
            assert line in told, "want it in a block of Python"


@pytest.mark.parametrize("block", PYTHON, ids=str)
def test_a_block_of_python_is_run_or_says_that_it_is_not(block):
    if block.page.parent.name == "theory":
        script = block.page.with_suffix(".py").read_text("utf-8")
        lines = {line.strip() for line in script.splitlines()}
        assert {line.strip() for line in block.text.splitlines()} <= lines
        return
    assert block.kind in ("doctest", PYTORCH, KERAS)
    if block.kind != "doctest":
        compile(block.text, str(block), "exec")  # whoever copies it gets at least no SyntaxError
        return
    assert block.page.name == "README.md" or pages.DOCS in block.page.parents
    assert block.text.endswith("\n\n"), "want an empty line, or the fence is output"
    examples = doctest.DocTestParser().get_examples(block.text)
    assert not any(doctest.SKIP in example.options for example in examples)
    for part in block.text.rstrip("\n").split("\n\n"):
        assert part.startswith(">>> "), "what follows an empty line is no doctest, and not run"


def test_pytorch_on_the_pages_runs():
    pytest.importorskip("torch")
    run_all(PYTORCH)


@pytest.mark.filterwarnings("default")  # Keras's own
def test_keras_on_the_pages_runs():
    keras_or_skip()
    names = run_all(KERAS)["from-keras.md"]
    theirs = names["model"].predict(names["X"], verbose=0)
    np.testing.assert_allclose(names["net"].predict(names["X"]), theirs, atol=1e-4)


def run_all(kind):
    """Run blocks, with the digits for the names that they take from the page around them."""
    from fastnn.datasets import load_digits

    X, y = load_digits()
    found = {}
    for page in PAGES:
        names = {"X": (X / 16).astype(np.float32), "y": y, "fastnn": fastnn}
        for block in pages.blocks(page):
            if block.kind == kind:
                exec(compile(block.text, str(block), "exec"), names)
                found[page.name] = names
    return found
