"""`python -m benchmarks.mnist` on a table of its own, and that the peer trains by the same rule."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import fastnn

from . import mnist

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def folder(tmp_path):
    """Return a folder with a small mnist.npz: ten patterns and noise."""
    rng = np.random.default_rng(0)
    patterns = rng.integers(0, 200, (10, 28, 28))
    arrays = {}
    for part, n in (("train", 600), ("test", 200)):
        y = rng.integers(0, 10, n)
        arrays[f"x_{part}"] = (patterns[y] + rng.integers(0, 56, (n, 28, 28))).astype(np.uint8)
        arrays[f"y_{part}"] = y.astype(np.uint8)
    np.savez(tmp_path / "mnist.npz", **arrays)
    return tmp_path


def run(folder, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "benchmarks.mnist", *arguments],
        env={**os.environ, "FASTNN_DATA": str(folder)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_learns_and_tells(folder):
    result, picture = folder / "result.json", folder / "result.png"
    done = run(
        folder,
        *("--seeds", "3", "5", "4", "--epochs", "3", "--target", "0.9"),
        *("--json", str(result), "--picture", str(picture)),
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(result.read_text("utf-8"))["results"]
    assert [(row["library"], row["seed"]) for row in told] == [("fastnn", s) for s in (3, 5, 4)]
    accuracies = [row["accuracy"] for row in told]
    assert min(accuracies) > 0.9
    assert all(0 < row["seconds_to_target"] <= row["seconds"] for row in told)
    *_, head, third, fifth, fourth, median = done.stdout.splitlines()
    assert head.split() == ["seed", "accuracy", "seconds", "epochs", "s", "to", "90.0%"]
    for line, accuracy in zip((third, fifth, fourth), accuracies, strict=True):
        assert line.split()[2] == f"{accuracy:.2%}"
    assert median.split()[:3] == ["fastnn", "median", f"{sorted(accuracies)[1]:.2%}"]
    assert picture.stat().st_size > 10_000


def test_what_is_not_reached_is_not_told_as_reached(folder):
    done = run(folder, "--seeds", "0", "--epochs", "1", "--target", "1.01")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].split()[-1] == "-"


def test_without_the_table_it_says_what_is_missing(tmp_path):
    done = run(tmp_path)
    assert done.returncode == 1
    assert "FASTNN_DATA" in done.stderr


def test_torch_learns_too_by_the_same_schedule(folder):
    torch = pytest.importorskip("torch")
    run = mnist.with_torch(folder / "mnist.npz", 0, 3, threads=1)
    assert run[-1][1] > 0.9
    assert 0 < run[0][0] < run[1][0] < run[2][0]
    optimizer = torch.optim.AdamW([torch.zeros(1, requires_grad=True)], lr=mnist.LR)
    theirs = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, mnist.LR, total_steps=20, cycle_momentum=False
    )
    ours = fastnn.schedules.OneCycle(mnist.LR, steps=20)
    for step in range(20):
        np.testing.assert_allclose(ours(step), theirs.get_last_lr()[0], rtol=1e-9)
        optimizer.step()
        if step < 19:
            theirs.step()
    ours_, theirs_ = fastnn.AdamW(), optimizer.param_groups[0]
    assert (ours_.beta_1, ours_.beta_2) == theirs_["betas"]
    assert (ours_.epsilon, ours_.weight_decay) == (theirs_["eps"], theirs_["weight_decay"])
