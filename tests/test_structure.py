"""The house keeps its shape: who may import whom, what is documented, how long files get.

Where a rule fails, change the code rather than the rule (docs/decisions says why they are so).
"""

import ast
import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import fastnn

PACKAGE = Path(fastnn.__file__).parent
ROOT = Path(__file__).resolve().parent.parent
CSRC = ROOT / "csrc"
MODULES = sorted(path.stem for path in PACKAGE.glob("*.py") if path.stem != "__main__")
C_FILES = sorted(path for path in CSRC.rglob("*") if path.suffix in (".c", ".h", ".def"))

SPECS = {"activations", "initializers", "layers", "losses", "optimizers", "schedules", "solvers"}

# What a module may import of fastnn where it is itself imported; `_core` and `_version` are free.
FOUNDATIONS = {
    "_frozen": set(),
    "_spec": {"_frozen"},
    "errors": set(),
    "progress": set(),
    "datasets": set(),
}
# What specs may import besides `_spec`: the parts that one kind of them was divided into.
PARTS = {
    "_spec": {"_frozen"},
    "activations": {"_activation", "_units"},
    "initializers": {"_draws", "_initializer", "_lsuv", "_schemes"},
    "layers": {"_embedding", "_layer", "blocks"},
    "losses": {"_custom", "_loss", "_regression"},
    "optimizers": {"_optimizer", "adaptive"},
    "schedules": {"_cycles", "_schedule"},
}
ARROWS = (
    FOUNDATIONS
    | {name: {"_spec"} | PARTS.get(name, set()) for name in SPECS}
    | {
        "_activation": {"_spec"},
        "_units": {"_activation", "_spec"},
        "_draws": set(),
        "_initializer": {"_spec"},
        "_schemes": {"_draws", "_initializer", "_spec"},
        "_lsuv": {"_draws", "_spec"},
    }
    | {
        "_schedule": {"_spec"},
        "_cycles": {"_schedule", "_spec"},
        "_loss": {"_spec"},
        "_custom": {"_loss", "_spec"},
        "_regression": {"_loss", "_spec"},
        "_layer": {"_spec"},
        "blocks": {"_layer"},
        "_embedding": {"_layer", "_spec"},
        "_optimizer": {"_spec"},
        "adaptive": {"_spec", "_optimizer"},
        "_method": {"_optimizer", "_spec", "solvers"},
        "_search": {"_method", "solvers"},
        "_minimize": {"_schedule", "_search", "_spec"},
        "threads": {"_spec"},
        "_sparse": set(),
        "arrays": {"_sparse", "losses"},
        "_built": {"_compile", "arrays"},
        "_compile": {"_spec", "activations", "arrays", "initializers", "layers"},
        "_groups": set(),
        "_state": set(),
        "_summary": set(),
        "sequential": {
            "_built",
            "_compile",
            "_files",
            "_groups",
            "_method",
            "_spec",
            "_state",
            "_summary",
            "arrays",
            "errors",
            "threads",
            *SPECS,
        },
        "lr_finder": {"_spec", "arrays", "errors", "schedules", "sequential"},
        "_callback": set(),
        "_loggers": {"_callback", "_spec"},
        "callbacks": {"_callback", "_loggers", "_spec", "_state"},
        "_chart": set(),
        "history": set(),
        "metrics": {"_spec"},
        "_steps": {"_method", "_schedule"},
        "_function_steps": {"_groups", "_method", "_state", "_steps", "optimizers"},
        "_run": {"_callback", "_spec", "_steps", "errors", "metrics", "sequential"},
        "_solve": {"_groups", "_run", "_steps", "errors", "metrics", "solvers"},
        "_blas": set(),
        "_lbfgs": {"_blas", "errors", "solvers"},
        "_levenberg": {"_groups", "errors", "losses", "solvers"},
        "_samples": {"_frozen", "_spec", "arrays"},
        "_stream": {"_method", "_run", "_spec", "arrays", "metrics"},
        "_loop": {"_custom", "_frozen"},
        "training": {
            "_callback",
            "_loop",
            "_method",
            "_run",
            "_samples",
            "_spec",
            "_steps",
            "_stream",
            "arrays",
            "checkpoint",
            "errors",
            "history",
            "losses",
            "metrics",
            "progress",
            "sequential",
            "solvers",
        },
        "_identity": set(),
        "checkpoint": {"_identity", "_safetensors", "_spec", "serialization"},
        "derivatives": {"arrays", "errors"},
        "predictor": {"_spec", "arrays", "errors"},
        "profile": set(),
        "gradients": {"_groups", "_spec", "arrays"},
        "_options": {"_callback", "_loss", "_optimizer", "metrics", "solvers"},
        "_files": set(),
        "_whole": set(),
        "_safetensors": {"_whole"},
        "serialization": {
            "_compile",
            "_safetensors",
            "_spec",
            "_state",
            "errors",
            "sequential",
            *SPECS,
        },
        "_version": set(),
    }
)

LIMIT = 400  # lines
# Longer than that, and how long they may be until they are divided.
LONG = {
    "fastnn/sequential.py": 530,  # most of it docstrings of the public methods
}


def imports(tree):
    """Yield the modules that some code imports, as full names."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (
                f"fastnn.{alias.name}" if node.module == "fastnn" else node.module
                for alias in node.names
            )


def top_level(path):
    """What a module imports when it is imported itself: not in functions, not for type checkers."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    tree.body = [
        node
        for node in tree.body
        if not isinstance(node, ast.FunctionDef | ast.ClassDef)
        and not (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test))
    ]
    return set(imports(tree))


def of_fastnn(names):
    return {name.split(".")[1] for name in names if name.startswith("fastnn.")} - {
        "_core",
        "_version",
    }


# ---- Python ---------------------------------------------------------------------------------


@pytest.mark.parametrize("module", sorted(ARROWS))
def test_arrows(module):
    found = of_fastnn(top_level(PACKAGE / f"{module}.py"))
    assert found <= ARROWS[module], f"{module} imports {found - ARROWS[module]}"


def test_every_module_has_its_arrows():
    others = {"__init__", "demo", "info"}  # they stand on top: nothing imports them, nor plot
    assert set(MODULES) == set(ARROWS) | others, "add it here"
    for module in MODULES:
        assert not of_fastnn(top_level(PACKAGE / f"{module}.py")) & {"demo", "info", "plot"}


def test_plot_stands_on_top_and_asks_for_matplotlib_late():
    paths = [path for path in (PACKAGE / "plot").glob("*.py") if path.stem != "__init__"]
    assert paths
    for path in paths:
        names = top_level(path)
        assert of_fastnn(names) <= {"_spec", "plot", "sequential"}, path
        assert not [name for name in names if name.startswith("matplotlib")], path


def test_tables_stand_on_the_specs_and_on_scikit_learn():
    """Of the libraries that make tables they import none: narwhals reads them all."""
    for path in (PACKAGE / "tables").glob("*.py"):
        names = top_level(path)
        assert of_fastnn(names) <= {"_embedding", "_spec", "tables"}, path
        others = {name.split(".")[0] for name in names} - set(sys.stdlib_module_names)
        assert others <= {"fastnn", "narwhals", "numpy", "sklearn"}, path


def test_the_command_line_stands_on_top_and_imports_libraries_late():
    """So that its errors can name the extra."""
    paths = sorted((PACKAGE / "cli").glob("*.py"))
    assert paths
    for path in paths:
        others = {name.split(".")[0] for name in top_level(path)} - set(sys.stdlib_module_names)
        assert others <= {"fastnn", "numpy"}, path
    for path in PACKAGE.rglob("*.py"):
        if path.parent.name != "cli" and path.name != "__main__.py":
            assert "cli" not in of_fastnn(top_level(path)), path


def test_estimators_stand_on_top_and_on_scikit_learn():
    """Nothing imports them before they are asked for; SciPy comes with scikit-learn."""
    for path in (PACKAGE / "estimators").glob("*.py"):
        others = {name.split(".")[0] for name in top_level(path)} - set(sys.stdlib_module_names)
        libraries = {"joblib", "narwhals", "numpy", "scipy", "sklearn", "threadpoolctl"}
        assert others <= {"fastnn"} | libraries, path
    for module in MODULES:
        assert "estimators" not in of_fastnn(top_level(PACKAGE / f"{module}.py")), module


def test_exchange_imports_other_libraries_only_where_it_is_about_them():
    paths = sorted((PACKAGE / "exchange").glob("*.py"))
    assert paths
    for path in paths:
        names = top_level(path)
        others = {name.split(".")[0] for name in names} - set(sys.stdlib_module_names)
        assert others <= {"fastnn", "numpy"}, path


@pytest.mark.parametrize("module", sorted(SPECS | {"_spec"}))
def test_specs_stand_alone(module):
    """They import `_core`'s tables, `_spec`, the standard library and NumPy; never each other."""
    of_its_own = {f"fastnn.{part}" for part in ("_core", "_spec", *PARTS.get(module, ()))}
    tree = ast.parse((PACKAGE / f"{module}.py").read_text(encoding="utf-8"))
    for name in imports(tree):
        top = name.split(".")[0]
        allowed = name in of_its_own and name != f"fastnn.{module}"
        assert allowed or top == "numpy" or top in sys.stdlib_module_names, name


def test_the_engine_knows_nothing_of_the_package():
    path = PACKAGE / "_core.pyx"  # not in a wheel
    text = path.read_text("utf-8") if path.exists() else ""
    found = re.findall(r"^\s*(?:from|import|cimport)\s+([\w.]+)", text, re.MULTILINE)
    assert not [name for name in found if name.startswith("fastnn")]


def test_third_parties():
    """NumPy is the only dependency; the rest is asked for where it is used, and may be missing."""
    for module in MODULES:
        for name in top_level(PACKAGE / f"{module}.py"):
            top = name.split(".")[0]
            assert top in ("fastnn", "numpy") or top in sys.stdlib_module_names, (module, name)


def test_importing_fastnn_imports_little():
    code = "import sys, fastnn; print(*sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    loaded = set(run.stdout.split())
    late = {
        "_identity",
        "_run",
        "_samples",
        "_steps",
        "_stream",
        "checkpoint",
        "demo",
        "derivatives",
        "predictor",
        "gradients",
        "history",
        "info",
        "lr_finder",
        "datasets",
        "serialization",
        "training",
        "_lbfgs",
        "_levenberg",
        "_solve",
        "_function_steps",
    }
    late |= {
        "_minimize",
        "activations",
        "initializers",
        "layers",
        "losses",
        "optimizers",
        "schedules",
        "sequential",
        "solvers",
    }
    late |= {
        "_chart",
        "metrics",
        "_callback",
        "_loggers",
        "callbacks",
        "estimators",
        "exchange",
        "plot",
        "progress",
        "tables",
    }
    others = ("matplotlib", "tqdm", "pandas", "scipy", "sklearn", "narwhals", "onnx", "tensorboard")
    for name in (*others, *(f"fastnn.{name}" for name in late)):
        assert name not in loaded, name


def test_public_names():
    assert sorted(fastnn.__all__) == sorted(dir(fastnn))
    for name in fastnn.__all__:
        assert getattr(fastnn, name) is not None
    assert fastnn.__getattr__("schedules") is fastnn.schedules  # what the first use calls
    with pytest.raises(AttributeError, match="module 'fastnn' has no attribute 'Conv'"):
        fastnn.Conv  # noqa: B018


def test_public_modules_are_there_when_asked_for():
    """`fastnn.training.fit`, which docstrings name, needs no import of its own."""
    public = [name for name in MODULES if not name.startswith("_")]
    code = f"import fastnn; print(*[n for n in {public} if not hasattr(fastnn, n)])"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert not run.stdout.split()


def documented():
    """Every public module, class and function of the package."""
    for info in pkgutil.iter_modules([str(PACKAGE)]):
        if info.name.startswith("_"):
            continue
        module = importlib.import_module(f"fastnn.{info.name}")
        yield module.__name__, module
        for name, value in vars(module).items():
            home = getattr(value, "__module__", None) or ""
            if name.startswith("_") or not f"{home}.".startswith(f"{module.__name__}."):
                continue
            yield f"{module.__name__}.{name}", value
            for member, attribute in vars(value).items() if inspect.isclass(value) else ():
                if not member.startswith("_") and (
                    inspect.isfunction(attribute) or isinstance(attribute, property)
                ):
                    yield f"{module.__name__}.{name}.{member}", attribute


PUBLIC = dict(documented())


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_has_a_docstring(name):
    text = inspect.getdoc(PUBLIC[name])
    assert text
    assert not text.startswith(f"{name.split('.')[-1]}(")  # what dataclass makes up


# ---- C --------------------------------------------------------------------------------------


def includes(path):
    return re.findall(r'^\s*#\s*include\s+["<]([^">]+)[">]', path.read_text("utf-8"), re.MULTILINE)


sources = pytest.mark.skipif(not C_FILES, reason="an installed fastnn, without its sources")


@sources
def test_c_knows_no_python():
    for path in C_FILES:
        assert not [name for name in includes(path) if "Python" in name or "numpy" in name], path


@sources
def test_arrows_of_the_kernels():
    """isa -> kernels -> ops, and none of them sees the plan or the threads."""
    core = {path.name for path in CSRC.glob("*.h")} - {"fastnn.h", "table.h"}
    assert core >= {"plan.h", "team.h", "cpu.h"}
    for path in C_FILES:
        folder = path.parent.name
        names = includes(path)
        parents = {name.split("/")[-2] for name in names if "/" in name} - {"sys"}
        local = {Path(name).name for name in names}
        if folder == "ops":
            assert not names, path
        elif folder == "kernels":
            assert parents <= {"ops", ".."}, path
            assert not local & core, path
        elif folder == "isa":
            assert parents <= {"kernels", ".."}, path
            assert not local & core, path
        else:
            assert parents <= {"ops"}, path


@sources
def test_kernels_only_compute():
    """They never allocate, print, exit or check."""
    for path in [*(CSRC / "kernels").iterdir(), *(CSRC / "isa").iterdir()]:
        assert not set(includes(path)) & {"stdio.h", "stdlib.h", "assert.h", "errno.h"}, path
        calls = re.findall(
            r"\b(malloc|calloc|free|printf|exit|abort)\s*\(", path.read_text("utf-8")
        )
        assert not calls, (path, calls)


@sources
def test_isa_files_have_no_logic():
    for path in (CSRC / "isa").iterdir():
        text = re.sub(r"/\*.*?\*/", "", path.read_text("utf-8"), flags=re.DOTALL)
        lines = [line for line in text.splitlines() if line.strip()]
        assert len(lines) <= 30, path
        assert all(line.lstrip().startswith("#") for line in lines), path


# ---- files ----------------------------------------------------------------------------------


def test_files_can_be_read_in_one_sitting():
    paths = {f"fastnn/{path.relative_to(PACKAGE)}": path for path in PACKAGE.rglob("*.*")}
    paths |= {str(path.relative_to(ROOT)): path for path in C_FILES}
    for name, path in paths.items():
        if (
            path.suffix in (".py", ".pyi", ".pyx", ".pxi", ".c", ".h", ".def")
            and name != "fastnn/_core.c"
        ):
            lines = len(path.read_text("utf-8").splitlines())
            assert lines <= LONG.get(name, LIMIT), f"{name} has {lines} lines"


def test_the_map_of_the_house_has_every_file():
    path = ROOT / "CONTRIBUTING.md"
    if not path.exists():
        pytest.skip("an installed fastnn, without its sources")
    text = path.read_text("utf-8")
    names = [path.name for path in PACKAGE.glob("*.p*") if path.suffix != ".pyc"]
    names += [path.name for path in CSRC.glob("*.c")]
    assert not [name for name in names if not re.search(rf"(?<![\w.]){re.escape(name)}", text)]


def test_every_file_says_what_it_is_for():
    for path in PACKAGE.rglob("*.py"):
        assert ast.get_docstring(ast.parse(path.read_text("utf-8"))), path
    for path in C_FILES:
        assert path.read_text("utf-8").startswith("/*"), path
    for path in Path(__file__).parent.glob("test_*.py"):
        assert ast.get_docstring(ast.parse(path.read_text("utf-8"))), path
