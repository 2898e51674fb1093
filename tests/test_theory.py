"""docs/theory: the quick pages say what their scripts print, and build.py sees what is wrong."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import fastnn
from fastnn import _core

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "theory"
PAGES = sorted(FOLDER.glob("[0-9]*.md"))

pytestmark = pytest.mark.skipif(not PAGES, reason="an installed fastnn, without its documentation")


@pytest.fixture(scope="module")
def build():
    spec = importlib.util.spec_from_file_location("theory_build", FOLDER / "build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.skipif(_core.isa() == "baseline", reason="without FMA other numbers come out")
def test_quick_pages_are_what_comes_out():
    """The others are a step of .ci/run."""
    pytest.importorskip("matplotlib")
    run = subprocess.run(
        [sys.executable, FOLDER / "build.py", "--check", "01", "03", "06"],
        env={**os.environ, "PYTHONPATH": str(Path(fastnn.__file__).parent.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.split() == ["01-slope", "03-step-size", "06-backpropagation"]


def test_there_are_nine_pages_each_with_script_and_picture(build):
    assert len(PAGES) == 9
    assert list(build.check_index(PAGES)) == []
    for page in PAGES:
        assert page.with_suffix(".py").is_file()
        assert 0 < page.with_suffix(".png").stat().st_size <= build.PICTURE_BYTES


def test_links_lead_somewhere():
    for page in [*PAGES, FOLDER / "README.md"]:
        for target in re.findall(r"\]\(([^)]+)\)", page.read_text("utf-8")):
            assert (FOLDER / target).is_file(), (page.name, target)


PAGE = """# 1. A page

After 20 steps it is 0.5, and always between 0 and 1.

```python
x = f(2)
```

<!-- output: some numbers -->
old
<!-- end -->
"""
OUTPUT = "[some numbers]\n20 steps: 0.5  \n"


def test_fill_puts_the_output_in_place(build):
    filled = build.fill(PAGE, OUTPUT)
    assert "<!-- output: some numbers -->\n```text\n20 steps: 0.5\n```\n<!-- end -->\n" in filled
    assert build.fill(filled, OUTPUT) == filled
    assert build.fill(filled, OUTPUT.replace("0.5", "0.6")) != filled


@pytest.mark.parametrize("output", ["[other]\n1\n", "", OUTPUT + "[more]\n1\n"])
def test_blocks_must_be_the_same(build, output):
    with pytest.raises(ValueError, match="the page has the blocks"):
        build.fill(PAGE, output)


def test_text_is_checked(build):
    assert list(build.check_text(PAGE, OUTPUT, "    x = f(2)\n")) == []
    assert list(build.check_text(PAGE, "[some numbers]\n20 steps: 0.51", "x = f(2)")) == [
        "the text has 0.5, which the script does not print"
    ]
    assert list(build.check_text(PAGE, OUTPUT, "x = f(3)")) == [
        "the page has a line that is not in the script: x = f(2)"
    ]


def test_check_fails_on_a_page_with_another_number(build, tmp_path, monkeypatch):
    monkeypatch.setattr(build, "FOLDER", tmp_path)
    page = tmp_path / "01-page.md"
    script = "import pathlib, sys\nx = 0.5\nprint('[a]')\nprint(x)\n"
    page.with_suffix(".py").write_text(
        script + "pathlib.Path(sys.argv[1], '01-page.png').write_bytes(b'picture')\n"
    )
    page.write_text("x is 0.5.\n![x](01-page.png)\n<!-- output: a -->\n<!-- end -->\n")
    assert list(build.build(page, check=False)) == []
    assert list(build.build(page, check=True)) == []
    assert (tmp_path / "01-page.png").read_bytes() == b"picture"
    page.write_text(page.read_text().replace("```text\n0.5", "```text\n0.6"))
    before = page.read_text()
    (fault,) = build.build(page, check=True)
    assert fault.startswith("the script prints other numbers")
    assert page.read_text() == before
    page.with_suffix(".py").write_text("1 / 0")
    (fault,) = build.build(page, check=True)
    assert "ZeroDivisionError" in fault
