"""mypy --strict over what users would write: all examples, and typed_user.py.

    python tests/check_types.py

Each page becomes a module, and each docstring with examples, with the code on the lines where it
stands.  Functions in docstrings are short and have no annotations, so there mypy does not ask for
them.  What is shown to raise an error is left out.  All in one go: mypy reads fastnn once.
"""

import ast
import doctest
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pages

UNANNOTATED = "# mypy: allow-untyped-defs, allow-incomplete-defs, allow-untyped-calls"
USER = Path(__file__).parent / "typed_user.py"


def main() -> int:
    """Check; print what is wrong, and return mypy's exit status."""
    from mypy import api

    with tempfile.TemporaryDirectory() as temporary:
        files = [USER, *write(Path(temporary))]
        arguments = ["--strict", "--no-error-summary", "--config-file", "pyproject.toml"]
        out, err, status = api.run([*arguments, *map(str, files)])
    print(out.replace(f"{temporary}/", ""), end="")
    print(err, end="", file=sys.stderr)
    print(f"mypy --strict: {len(files)} modules of examples, exit status {status}")
    return status


def write(folder: Path) -> list[Path]:
    """Write the modules; return their files."""
    modules = {}
    for page in pages.pages():
        lines: dict[int, str] = {}
        for block in pages.blocks(page):
            if block.language == "python" and block.kind == "doctest":
                lines |= code(block.text, block.line)
        place = page.relative_to(pages.ROOT).with_suffix("")
        modules["_".join(("page", *place.parts))] = lines
    for source in sorted((pages.ROOT / "fastnn").rglob("*.py")):
        place = source.relative_to(pages.ROOT).with_suffix("")
        for name, text, line in docstrings(source):
            lines = code(text, line)
            module = "_".join(("docstring", *place.parts, str(line), name))
            modules[module] = lines and {1: UNANNOTATED, **lines}
    files = []
    for name, lines in modules.items():
        if lines:
            file = folder / f"{name.replace('-', '_').replace('.', '_')}.py"
            file.write_text(
                "\n".join(lines.get(i, "") for i in range(1, max(lines) + 1)) + "\n", "utf-8"
            )
            files.append(file)
    return files


def code(text: str, line: int) -> dict[int, str]:
    """Return the examples of a text that begins on a line, by their lines."""
    found: dict[int, str] = {}
    for example in doctest.DocTestParser().get_examples(text):
        if example.exc_msg is None:
            source = enumerate(example.source.splitlines(), line + example.lineno)
            found.update(source)
    return found


def docstrings(source: Path) -> Iterator[tuple[str, str, int]]:
    """Yield name, text and first line of the docstrings in a module."""
    for node in ast.walk(ast.parse(source.read_text("utf-8"))):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
            text = ast.get_docstring(node, clean=False)
            if text is not None:
                yield getattr(node, "name", "module"), text, node.body[0].lineno


if __name__ == "__main__":
    sys.exit(main())
