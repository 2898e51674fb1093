"""Makes the numbers and pictures of these pages anew, or checks that they are what comes out.

    python docs/theory/build.py [--check] [NAME...]

A page is NN-name.md, and its script NN-name.py prints all its numbers and writes NN-name.png.
What the script prints in a block, after a line ``[block]``, stands on the page between
``<!-- output: block -->`` and ``<!-- end -->``.  Every number in the text but 0 and 1 must be among
those printed, and every line of Python on the page must be a line of the script.

With --check nothing is written here, and the exit status tells whether the pages are right.
NAMEs begin the names of some pages, for instance 06; without them it is all pages.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
PICTURE_BYTES = 60_000

BLOCK = re.compile(r"<!-- output: (?P<name>[\w ]+) -->\n.*?<!-- end -->", re.DOTALL)
PYTHON = re.compile(r"```python\n(.*?)```", re.DOTALL)
NUMBER = re.compile(r"(?<![\w.])\d+(?:,\d{3})*(?:\.\d+)?(?:e[-+]?\d+)?")


def main() -> int:
    """Build or check; return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="how a page's name begins")
    parser.add_argument("--check", action="store_true", help="write nothing, compare")
    arguments = parser.parse_args()
    pages = sorted(FOLDER.glob("[0-9][0-9]-*.md"))
    names = tuple(arguments.names) or ("",)
    faults = list(check_index(pages))
    chosen = [page for page in pages if page.name.startswith(names)]
    if not chosen:
        parser.error(f"no page begins with {names}")
    for page in chosen:
        print(page.stem, flush=True)
        faults += [f"{page.name}: {fault}" for fault in build(page, check=arguments.check)]
    for fault in faults:
        print(fault, file=sys.stderr)
    return bool(faults)


def build(page: Path, *, check: bool) -> Iterator[str]:
    """Run a page's script and bring the page up to date, or compare; yield what is wrong."""
    script, image = page.with_suffix(".py"), page.with_suffix(".png").name
    with tempfile.TemporaryDirectory() as temporary:
        folder = temporary if check else FOLDER
        run = subprocess.run(
            [sys.executable, script, folder], capture_output=True, text=True, check=False
        )
        if run.returncode:
            yield f"{script.name} failed:\n{run.stderr}"
            return
        if not Path(folder, image).is_file():
            yield f"{script.name} made no {image}"
    text = page.read_text("utf-8")
    try:
        new = fill(text, run.stdout)
    except ValueError as error:
        yield str(error)
        return
    if check and new != text:
        yield f"the script prints other numbers; it now printed:\n{run.stdout}"
    elif not check:
        page.write_text(new, "utf-8")
    yield from check_text(new, run.stdout, script.read_text("utf-8"))
    picture = FOLDER / image
    if f"]({image})" not in text:
        yield f"{image} is not on the page"
    if not picture.is_file() or picture.stat().st_size > PICTURE_BYTES:
        yield f"{image} is missing or has more than {PICTURE_BYTES} bytes"


def fill(text: str, output: str) -> str:
    """Return the page with what its script printed in the blocks.

    Raises ValueError unless the blocks of the page and of the output are the same.
    """
    _, *parts = re.split(r"^\[([\w ]+)\]\n", output, flags=re.MULTILINE)
    printed = dict(zip(parts[::2], parts[1::2], strict=True))
    wanted = [match["name"] for match in BLOCK.finditer(text)]
    if sorted(wanted) != sorted(printed):
        raise ValueError(f"the page has the blocks {wanted}, the output {list(printed)}")

    def filled(match: re.Match[str]) -> str:
        name = match["name"]
        lines = "\n".join(line.rstrip() for line in printed[name].strip("\n").splitlines())
        return f"<!-- output: {name} -->\n```text\n{lines}\n```\n<!-- end -->"

    return BLOCK.sub(filled, text)


def check_text(text: str, output: str, script: str) -> Iterator[str]:
    """Yield numbers of the text that were not printed, and Python that the script does not have."""
    prose = re.sub(r"```.*?```|<!--.*?-->|!?\[[^\]]*\]\([^)]*\)", "", text, flags=re.DOTALL)
    prose = re.sub(r"^# \d+\.", "", prose, flags=re.MULTILINE)  # the page's own number
    printed = {"0", "1", *NUMBER.findall(output)}
    for number in dict.fromkeys(NUMBER.findall(prose)):
        if number not in printed:
            yield f"the text has {number}, which the script does not print"
    lines = {line.strip() for line in script.splitlines()}
    for code in PYTHON.findall(text):
        for line in code.splitlines():
            if line.strip() not in lines:
                yield f"the page has a line that is not in the script: {line}"


def check_index(pages: list[Path]) -> Iterator[str]:
    """Yield the pages that README.md does not name."""
    index = (FOLDER / "README.md").read_text("utf-8")
    for page in pages:
        if f"]({page.name})" not in index:
            yield f"README.md does not name {page.name}"


if __name__ == "__main__":
    sys.exit(main())
