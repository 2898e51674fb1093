"""``python -m fastnn``: picks a command and hands it the rest of the line.

A command is a module with ``main(argv) -> int`` and a row in ``COMMANDS``; the module is imported
only when its command is used, so that none of them slows down another. Exit codes: 0 done,
1 failed, 2 what was given cannot be used (the line, a table, a model), 130 Ctrl-C, 143 SIGTERM. One
line on stderr, ``fastnn: error: ...``, says why.
"""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import sys
from collections.abc import Sequence
from typing import NoReturn

import fastnn
from fastnn.cli._errors import InputError

PROG = "python -m fastnn"

# command: (its module, what it does)
COMMANDS = {
    "demo": ("fastnn.demo", "train on handwritten digits and show what was learnt"),
    "info": ("fastnn.info", "show the instruction set, threads, caches and versions in use"),
    "train": ("fastnn.cli.train", "train a model on a table and report how good it is"),
    "predict": ("fastnn.cli.predict", "predict the rows of a table with a model"),
    "evaluate": ("fastnn.cli.evaluate", "measure a model on a table"),
    "export": ("fastnn.cli.export", "write a model as ONNX or as a C header"),
    "inspect": ("fastnn.cli.inspect", "show what a model holds"),
}

# What can go wrong without a bug in fastnn: the disk, the data, the machine. Anything else keeps
# its traceback, which is what a bug report needs.
_FAILURES = (OSError, ValueError, RuntimeError, ArithmeticError, ImportError, MemoryError)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    if arguments.command is None:
        parser.print_help()
        return 2
    module, _ = COMMANDS[arguments.command]
    try:
        code: int = importlib.import_module(module).main(arguments.rest)
        sys.stdout.flush()  # a closed pipe should show here, not while Python shuts down
    except KeyboardInterrupt:
        print("fastnn: error: ended by Ctrl-C", file=sys.stderr)
        return 130
    except BrokenPipeError:  # `... | head` has seen enough; what is still buffered goes nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except _FAILURES as error:
        message = " ".join(str(error).split()) or type(error).__name__
        print(f"fastnn: error: {message}", file=sys.stderr)
        return 2 if isinstance(error, InputError) else 1
    return code


def _parser() -> argparse.ArgumentParser:
    width = max(map(len, COMMANDS))
    rows = "\n".join(f"  {name:{width}}  {what}" for name, (_, what) in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog=PROG,
        description="Feed-forward neural networks, trained fast on the CPU.",
        epilog=f"commands:\n{rows}\n\n`{PROG} COMMAND --help` shows a command's options.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"fastnn {fastnn.__version__}")
    parser.add_argument("command", nargs="?", choices=COMMANDS, metavar="COMMAND")
    parser.add_argument("rest", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    return parser


def _terminate(number: int, frame: object) -> NoReturn:
    """End as by an error, so that nothing is left of a file that was being written."""
    print("fastnn: error: ended by SIGTERM", file=sys.stderr)
    sys.exit(128 + number)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _terminate)
    sys.exit(main())
