"""``python -m fastnn``: the command line, the demo, ``info``, and the digits that come with it."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import fastnn
from fastnn import demo, info
from fastnn.__main__ import COMMANDS, main
from fastnn.datasets import load_digits

ZERO = """\
    ░░▓▓▒▒
    ▓▓██▒▒██░░
  ░░██    ▓▓▒▒
  ░░▓▓    ▒▒▒▒
  ░░▒▒    ▒▒▒▒
  ░░▓▓    ▓▓▒▒
    ██░░▒▒▓▓
    ▒▒▓▓▒▒
guess 0, 99.5%
truth 0"""


@dataclass(frozen=True)
class Run:
    """What one whole demo printed, and the folder it filled."""

    text: str
    folder: Path

    def fact(self, name: str) -> str:
        """Return what stands behind ``name`` in the output."""
        match = re.search(rf"^{re.escape(name)}  +(.*)$", self.text, re.MULTILINE)
        assert match, f"no line {name!r} in:\n{self.text}"
        return match[1]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Run the demo once, as it comes, for all tests that only look at the result."""
    folder = tmp_path_factory.mktemp("demo") / "made" / "by the demo"
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        assert main(["demo", "--out", str(folder)]) == 0
    return Run(output.getvalue(), folder)


def reading(index: int, guess: int, probability: float = 0.995) -> demo.Reading:
    X, y = load_digits()
    image = X[index].reshape(8, 8).astype(np.float32) / 16
    return demo.Reading(image, int(y[index]), guess, probability)


def python_m(*arguments: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "fastnn", *arguments],
        capture_output=True,
        env={**os.environ, **environment},
        timeout=120,
        check=False,
    )


# The data


def test_digits_are_the_ones_of_the_source():
    X, y = load_digits()
    assert (X.shape, X.dtype) == ((1797, 64), np.uint8)
    assert (y.shape, y.dtype) == ((1797,), np.uint8)
    digest = hashlib.sha256(X.tobytes() + y.tobytes()).hexdigest()
    assert digest == "87ff0c9e40dc7e2c0e34e7257799c2e3f3aec1a016363bb11cad869ec428a826"


def test_digits_are_the_callers_own():
    load_digits()[0][:] = 255
    assert load_digits()[0].max() == 16


def test_split_keeps_test_digits_out_of_training():
    data = demo.split_digits(seed=0)
    assert data.X_train.shape == (5 * 1438, 64)
    assert data.X_test.shape == (359, 64)
    assert data.X_train.dtype == data.X_test.dtype == np.float32
    assert data.X_train.max() == data.X_test.max() == 1.0
    training = {row.tobytes() for row in data.X_train}
    assert not any(row.tobytes() in training for row in data.X_test)


def test_shifted_copies_move_by_one_pixel():
    image = np.zeros((8, 8), np.float32)
    image[3, 4] = 1
    shifted = [x.reshape(8, 8) for x in demo._shifted(image.reshape(1, 64))]
    places = [tuple(map(int, np.argwhere(x)[0])) for x in shifted]
    assert places == [(3, 4), (2, 4), (4, 4), (3, 3), (3, 5)]


# The demo


def test_demo_reaches_97_percent(run: Run):
    assert float(run.fact("test accuracy").split("%")[0]) >= 97


def test_demo_tells_its_speed(run: Run):
    seconds = float(run.fact("training").split()[0])
    rate = float(run.fact("samples/s").replace(",", ""))
    assert rate * seconds == pytest.approx(demo.EPOCHS * 5 * 1438, rel=0.05)
    assert re.match(r"\d+% \(\d+ of \d+ GFLOP/s, threads: \d+\)", run.fact("of FMA peak"))


def test_flops_of_the_network_by_hand():
    first, second, third = 2 * 64 * 128, 2 * 128 * 64, 2 * 64 * 10
    assert demo.flops_per_sample((64, 128, 64, 10)) == 2 * first + 3 * second + 3 * third


def test_model_file_reloads_and_is_as_good(run: Run):
    path = run.folder / "digits.safetensors"
    assert run.fact("model").startswith(str(path))
    data = demo.split_digits(seed=0)
    right = (fastnn.load(path).predict(data.X_test).argmax(axis=1) == data.y_test).mean()
    assert f"{right:.2%}" == run.fact("test accuracy").split()[0]


def test_demo_shows_a_wrong_one_if_there_is_one(run: Run):
    assert ("WRONG" in run.text) == (not run.fact("test accuracy").startswith("100"))


def test_picture_is_a_png(run: Run):
    pytest.importorskip("matplotlib")
    path = run.folder / "digits.png"
    assert run.fact("picture") == str(path)
    assert path.read_bytes().startswith(b"\x89PNG\r\n")


def test_without_matplotlib_the_demo_names_the_extra(tmp_path, monkeypatch, capsys):
    for name in ("matplotlib", "matplotlib.figure"):
        monkeypatch.setitem(sys.modules, name, None)  # importing it raises ImportError
    assert main(["demo", "--epochs", "1", "--out", str(tmp_path)]) == 0
    assert 'pip install "fastnn[plot]"' in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir()] == ["digits.safetensors"]


def test_no_picture(tmp_path, capsys):
    assert main(["demo", "--epochs", "1", "--no-picture", "--out", str(tmp_path)]) == 0
    assert "fastnn[plot]" not in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir()] == ["digits.safetensors"]


def test_default_folder_is_a_temporary_one(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert main(["demo", "--epochs", "1", "--no-picture"]) == 0
    (path,) = tmp_path.glob("*/digits.safetensors")
    assert str(path) in capsys.readouterr().out


def test_seed_decides_everything(tmp_path):
    def model(seed: int, folder: str) -> np.ndarray:
        out = tmp_path / folder
        arguments = ["--seed", str(seed), "--epochs", "2", "--no-picture", "--out", str(out)]
        assert main(["demo", *arguments]) == 0
        X, _ = load_digits()
        return fastnn.load(out / "digits.safetensors").predict(X.astype(np.float32) / 16)

    first = model(1, "first")
    np.testing.assert_array_equal(model(1, "again"), first)
    assert not np.array_equal(model(2, "other"), first)


# Digits in the terminal


def test_render_a_known_digit():
    assert demo.render([reading(0, guess=0)]) == ZERO


def test_render_side_by_side_marks_the_wrong_one():
    lines = demo.render([reading(0, guess=0), reading(1, guess=7)]).splitlines()
    assert lines[-1] == "truth 0            truth 1   WRONG"
    assert max(map(len, lines)) <= 2 * demo.CELL + demo.GAP
    assert [line[: demo.CELL].rstrip() for line in lines] == ZERO.splitlines()


def test_render_in_ascii():
    text = demo.render([reading(0, guess=0)], demo.ASCII_SHADES)
    assert text == ZERO.translate(str.maketrans(demo.SHADES, demo.ASCII_SHADES))
    assert text.isascii()


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "no such encoding", None])
def test_shades_fall_back_to_ascii(encoding):
    assert demo.shades_for(encoding) == demo.ASCII_SHADES


@pytest.mark.parametrize("encoding", ["utf-8", "cp437"])
def test_shades_are_blocks_where_they_can_be_written(encoding):
    assert demo.shades_for(encoding) == demo.SHADES


def test_demo_on_a_terminal_that_only_writes_ascii(tmp_path):
    done = python_m(
        "demo", "--epochs", "1", "--no-picture", "--out", str(tmp_path), PYTHONIOENCODING="ascii"
    )
    assert done.returncode == 0, done.stderr.decode()
    assert "##" in done.stdout.decode("ascii")


def test_pick_takes_different_digits_and_a_wrong_one():
    right = [reading(index, guess=digit) for index, digit in [(0, 0), (10, 0), (1, 1), (2, 2)]]
    wrong = reading(3, guess=5)
    truths = [r.truth for r in demo.pick([*right, wrong], 3)]
    assert truths == [0, 1, 3]
    assert [r.truth for r in demo.pick(right, 3)] == [0, 1, 2]


# Info


def test_info_prints_what_one_asks_for_first(capsys):
    assert main(["info"]) == 0
    output = capsys.readouterr().out
    rows = dict(re.split(r"  +", line.strip(), maxsplit=1) for line in output.splitlines())
    assert rows["fastnn"] == fastnn.__version__
    assert rows["isa in use"] in rows["isa available"].split(", ")
    assert int(rows["threads"].split()[0]) == fastnn.get_num_threads()
    assert rows["numpy"] == np.__version__
    assert {"caches", "python", "platform"} <= rows.keys()
    assert any(name.startswith("build ") for name in rows)


def test_info_json(capsys):
    assert main(["info", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts == info.collect()
    assert facts["isa"]["in_use"] in facts["isa"]["available"]
    limits = facts["threads"]["limits"]
    lowest = min((n for n in limits.values() if n is not None), default=None)
    assert all(limits[name] == lowest for name in facts["threads"]["limited_by"])
    assert all(size > 0 for size in facts["caches"].values())


def test_linux_caches(tmp_path):
    rows = [("1", "Data", "48K"), ("1", "Instruction", "32K"), ("2", "Unified", "2M")]
    for number, values in enumerate(rows):
        index = tmp_path / f"index{number}"
        index.mkdir()
        for name, value in zip(("level", "type", "size"), values, strict=True):
            (index / name).write_text(f"{value}\n")
    (tmp_path / "index3").mkdir()  # with nothing in it, as on some virtual machines
    assert info._linux_caches(tmp_path) == {"L1d": 48 << 10, "L1i": 32 << 10, "L2": 2 << 20}
    assert info._linux_caches(tmp_path / "missing") == {}


def test_macos_caches_are_those_of_the_fast_cores():
    output = "hw.perflevel0.l1dcachesize: 131072\nhw.l1dcachesize: 65536\nhw.l2cachesize: 4194304\n"
    assert info._parse_sysctl(output) == {"L1d": 131072, "L2": 4194304}


def test_unknown_caches_are_called_so(monkeypatch, capsys):
    monkeypatch.setattr(info, "cache_sizes", dict)
    assert main(["info"]) == 0
    assert re.search(r"^caches +unknown$", capsys.readouterr().out, re.MULTILINE)


# The command line


def test_alone_it_prints_help(capsys):
    assert main([]) == 2
    output = capsys.readouterr().out
    assert all(
        re.search(rf"^  {name}  +{what}$", output, re.M) for name, (_, what) in COMMANDS.items()
    )


def test_version(capsys):
    with pytest.raises(SystemExit) as exit_info:
        main(["--version"])
    assert exit_info.value.code == 0
    assert capsys.readouterr().out == f"fastnn {fastnn.__version__}\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_of_its_own(command, capsys):
    with pytest.raises(SystemExit) as exit_info:
        main([command, "--help"])
    assert exit_info.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: python -m fastnn {command}")


@pytest.mark.parametrize(
    "line",
    [
        "nonsense",
        "--nonsense",
        "demo --nonsense",
        "demo extra",
        "demo --epochs 0",
        "demo --epochs many",
        "demo --seed -1",
        "demo --seed 0.5",
        "info --yaml",
    ],
)
def test_bad_arguments(line, capsys):
    with pytest.raises(SystemExit) as exit_info:
        main(line.split())
    assert exit_info.value.code == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert line.split()[-1] in captured.err


def test_failure_is_one_line_on_stderr(tmp_path, capsys):
    (tmp_path / "file").write_text("in the way")
    assert main(["demo", "--out", str(tmp_path / "file")]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert re.fullmatch(r"fastnn: error: .*file.*\n", captured.err)


def test_ctrl_c(monkeypatch):
    def interrupted(argv):
        raise KeyboardInterrupt

    monkeypatch.setattr(info, "main", interrupted)
    assert main(["info"]) == 130


def test_a_bug_keeps_its_traceback(monkeypatch):
    def broken(argv):
        raise TypeError("a bug")

    monkeypatch.setattr(info, "main", broken)
    with pytest.raises(TypeError, match="a bug"):
        main(["info"])


def test_a_command_is_imported_only_when_used():
    code = """
import sys
from fastnn.__main__ import COMMANDS, main
assert main([]) == 2
loaded = [module for module, _ in COMMANDS.values() if module in sys.modules]
assert not loaded, loaded
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(os.name == "nt", reason="Windows reports a closed pipe as another error")
def test_closed_pipe_is_no_traceback():
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "fastnn", "info"],
        stdout=writer,
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, b"")
