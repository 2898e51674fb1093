"""The build: one static library per ISA, one for the core, one extension.

Each library has compiler flags of its own, so that no file is compiled for an
ISA that is not its own: the choice among them is made when fastnn is imported.

Environment variables, for developers:

FASTNN_DEBUG=1
    No optimization, assertions, debug symbols.
FASTNN_SANITIZE=address,undefined
    GCC's or Clang's sanitizers.
FASTNN_COVERAGE=1
    gcov's counters.
FASTNN_ABI3=1
    One extension for Python 3.11 and all later versions; see
    docs/decisions/0005-a-wheel-for-each-python.md for why it is not the default.
"""

import os
import platform
import shlex
import sys
from pathlib import Path

import numpy
from setuptools import Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext

WINDOWS = sys.platform == "win32"
ARM = platform.machine().lower() in ("arm64", "aarch64")
# 3.11 is the first limited API with the buffer protocol.
ABI3 = os.environ.get("FASTNN_ABI3", "0") not in ("", "0")

AVX2 = ["-mavx2", "-mfma"]
AVX512 = [*AVX2, "-mavx512f", "-mavx512dq", "-mavx512bw", "-mavx512vl"]
# How to unwind the stack: kernels call nobody back, and 10 kB of the wheel would say it.
KERNELS = [] if WINDOWS else ["-fno-asynchronous-unwind-tables"]
ISAS = {"neon": []} if ARM else {"avx512": AVX512, "avx2": AVX2, "baseline": ["-march=x86-64-v2"]}
CORE = ["ops", "cpu", "places", "team", "arena", "plan", "graph", "copies", "share", "schedule"]
CORE += [
    "update",
    "step",
    "derive",
    "custom",
    "lookups",
    "batch",
    "tune",
    "train",
    "run",
    "random",
    "peak",
]
CORE += ["profile"]


# Builds that tools look into.
INSPECTED = ("DEBUG", "SANITIZE", "COVERAGE")


def compiler_flags():
    """Return the flags of every C file, and those of the linker."""
    # The numeric contract: a * b + c is fused where the source says so and nowhere else.
    # -O2: what is hot is unrolled by hand, and -O3 made the library a third larger and no faster.
    flags = ["-std=c11", "-O2", "-g0", "-ffp-contract=off", "-fno-math-errno"]
    flags += ["-fvisibility=hidden"]
    link = []
    if sys.platform == "linux" and not any(f"FASTNN_{name}" in os.environ for name in INSPECTED):
        link += ["-s"]  # no table of symbols, which only debuggers read
    if os.environ.get("FASTNN_DEBUG", "0") not in ("", "0"):
        flags += ["-O0", "-g", "-UNDEBUG"]
    if sanitize := os.environ.get("FASTNN_SANITIZE"):
        flags += ["-g", "-O1", f"-fsanitize={sanitize}", "-fno-omit-frame-pointer"]
        link += [f"-fsanitize={sanitize}"]
    if os.environ.get("FASTNN_COVERAGE", "0") not in ("", "0"):
        flags += ["-O1", "--coverage", "-fprofile-update=atomic"]
        link += ["--coverage"]
    if not WINDOWS:
        flags += ["-pthread"]
        link += ["-pthread", "-lm"]
    return flags, link


flags, link = compiler_flags()


# What a change of makes everything anew.
SOURCES = [str(path) for path in Path("csrc").rglob("*.*")]


def library(name, sources, isa_flags=()):
    """Describe a static library of files that share their flags."""
    build = {
        "sources": sources,
        "obj_deps": {"": [*SOURCES, "setup.py"]},
        "include_dirs": ["csrc"],
        "cflags": [*flags, *isa_flags],
    }
    return (name, build)


class BuildExt(build_ext):
    """Builds the libraries first, and leaves a copy of the extension in the checkout.

    In a checkout `python -m fastnn` finds the folder fastnn before the installed package;
    without its extension it would not run there.
    """

    def run(self):
        """Build."""
        self.run_command("build_clib")
        super().run()
        self.copy_extensions_to_source()


class Abi3Wheel(bdist_wheel):
    """One wheel for CPython 3.11 and all later ones."""

    def finalize_options(self):
        """Name the first Python that the wheel is for."""
        if ABI3:
            self.py_limited_api = "cp311"
        super().finalize_options()


macros = [("FASTNN_BUILD_FLAGS", f'"{shlex.join(flags)}"')]
if ABI3:
    macros += [("Py_LIMITED_API", "0x030B0000"), ("CYTHON_LIMITED_API", "1")]

setup(
    libraries=[
        library("fastnn_core", [f"csrc/{name}.c" for name in CORE]),
        *(
            library(f"fastnn_{isa}", [f"csrc/isa/{isa}.c"], [*own, *KERNELS])
            for isa, own in ISAS.items()
        ),
    ],
    ext_modules=[
        Extension(
            "fastnn._core",
            ["fastnn/_core.pyx"],
            include_dirs=["csrc", numpy.get_include()],
            define_macros=macros,
            extra_compile_args=flags,
            extra_link_args=link,
            depends=[*SOURCES, "setup.py"],
            py_limited_api=ABI3,
        )
    ],
    cmdclass={"bdist_wheel": Abi3Wheel, "build_ext": BuildExt},
)
