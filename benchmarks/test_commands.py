"""The commands on little work: that they tell, write and draw what they measured."""

from __future__ import annotations

import json

import numpy as np
import pytest

from . import (
    bandwidth,
    epilogues,
    inference,
    memory,
    overhead,
    peers,
    report,
    roofline,
    start,
    sweep,
)
from .measure import Round, Summary
from .networks import OPTIMIZERS
from .workloads import WORKLOADS, flops_per_step

# Command, options for as little as it can do, what its table tells.
COMMANDS = {
    "peers": (
        peers,
        "--workload tiny --peer numpy --rounds 1 --seconds 0.01",
        ["tiny", "numpy", "40x", "FMA peak"],
    ),
    "inference": (
        inference,
        "--peer numpy --rows 1 --rounds 1 --seconds 0.01",
        ["predict", "predictor", "numpy"],
    ),
    "roofline": (
        roofline,
        "--workload tiny --trials 1 --seconds 0.01",
        ["gather", "forward", "loss", "backward", "update", "barrier", "step", "bandwidth"],
    ),
    "sweep": (
        sweep,
        "--networks 3 --rounds 1 --seconds 0.005",
        ["3 networks", "numpy:", "least ahead", "threads chosen worst", "nesterov"],
    ),
    "epilogues": (
        epilogues,
        "--workload tabular --rounds 1 --seconds 0.01",
        ["dropout 0.2", "batch norm", "clipping by global norm", "L2 penalty", "accuracy"],
    ),
    "memory": (memory, "--processes 1", ["load, train 784-128-10", "25"]),
    "start": (start, "--processes 1", ["import fastnn", "memory of fastnn", "first epoch"]),
    "overhead": (overhead, "--rounds 1 --seconds 0.01", ["step - epoch", "predictor"]),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_tells_writes_and_draws(name, tmp_path, capsys, monkeypatch):
    command, options, told = COMMANDS[name]
    monkeypatch.setenv("FASTNN_DATA", str(tmp_path))  # no tables: random ones do
    for module, variable, value in (
        (bandwidth, "SECONDS", 0.01),
        (memory, "PROCESSES", dict(list(memory.PROCESSES.items())[:2])),
        (sweep, "MOST_FLOPS", 1e6),
        (sweep, "EPOCH_FLOPS", 1e6),
    ):
        monkeypatch.setattr(module, variable, value)
    result, picture, again = (tmp_path / file for file in ("a.json", "a.png", "b.png"))
    assert command.main([*options.split(), "--json", str(result), "--picture", str(picture)]) == 0
    text = capsys.readouterr().out
    assert [word for word in told if word not in text] == []
    record = json.loads(result.read_text("utf-8"))
    assert record["command"] == name
    assert {"cpu", "isa", "cores", "system", "versions"} <= set(record["machine"])
    assert picture.stat().st_size > 5_000
    assert report.main([str(result), "--picture", str(again)]) == 0
    assert again.stat().st_size == picture.stat().st_size


@pytest.mark.parametrize(
    ("command", "options", "message"),
    [
        (peers, "--peer torch --check", "--check needs --peer numpy"),
        (peers, "--threads 0", "--threads: got 0, want at least 1"),
        (sweep, "--networks 0", "--networks: got 0, want at least 1"),
        (memory, "--data nowhere.npz", "nowhere.npz is not there"),
    ],
)
def test_wrong_options_are_told(command, options, message, capsys):
    with pytest.raises(SystemExit) as ended:
        command.main(options.split())
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_a_lost_lead_fails_the_check(monkeypatch, capsys):
    monkeypatch.setitem(peers.FLOORS, "tiny", 1e6)
    options = "--workload tiny --peer numpy --rounds 1 --seconds 0.01 --check"
    assert peers.main(options.split()) == 1
    assert "FAILED: tiny" in capsys.readouterr().err
    monkeypatch.setitem(peers.FLOORS, "tiny", 1e-6)
    assert peers.main(options.split()) == 0


def test_the_better_form_of_pytorch_counts():
    seconds = {"fastnn": 1.0, "torch": 5.0, "torch-compile": 3.0}
    rounds = [Round((1e9, 1e9), (2e9, 2e9), (1e-9, 1e-9), seconds)] * 5
    result = peers.reduce(WORKLOADS["tiny"], Summary(rounds, 2), list(seconds))
    assert result["ratios"]["torch"]["form"] == "torch-compile"
    assert result["ratios"]["torch"]["ratio"].median == 3
    assert set(result["ratios"]) == {"torch"}


@pytest.mark.parametrize("name", WORKLOADS)
def test_the_phases_are_the_step(name):
    counted = roofline.phases(WORKLOADS[name])
    assert sum(phase.flops for phase in counted) == flops_per_step(WORKLOADS[name])
    assert {phase.kind for phase in counted} == set(roofline.KINDS)


def test_bytes_by_hand():
    """Of tiny, 10-32-32-1 with 32 rows and Adam's two moments, 4 bytes each."""
    counted = {(p.kind, p.layer): p.nbytes for p in roofline.phases(WORKLOADS["tiny"])}
    assert counted["gather", 0] == 4 * 2 * 32 * 10
    assert counted["forward", 1] == 4 * (32 * 32 + 2 * 32 * 32)
    assert counted["backward", 2] == 4 * (32 + 32 + 2 * 32 * 32)
    assert counted["update", 0] == 4 * (32 * 10 + 32 * 32 + 6 * 10 * 32)
    assert counted["update", 2] == 4 * (32 * 32 + 32 + 7 * 32)


def test_the_profile_counts_the_phases_of_the_formulas(monkeypatch):
    monkeypatch.setenv("FASTNN_PROFILE", "0")  # it sets it, for its own process
    told = roofline.profile(WORKLOADS["tiny"], threads=1, seconds=0.01)
    works = {(kind, layer): seconds for kind, layer, seconds in told["works"]}
    counted = {(phase.kind, phase.layer) for phase in roofline.phases(WORKLOADS["tiny"])}
    assert counted <= set(works)
    assert sum(works.values()) == pytest.approx(told["step"], rel=0.2)


def test_random_networks_are_within_their_bounds_and_the_same_again():
    rng = np.random.default_rng(5)
    drawn = [sweep.random_network(rng, n) for n in range(60)]
    for workload in drawn:
        assert 1 <= len(workload.widths) - 1 <= sweep.MOST_LAYERS
        assert all(1 <= w <= sweep.WIDEST and w % 16 for w in workload.widths)
        assert 1 <= workload.batch <= sweep.BIGGEST_BATCH
        assert flops_per_step(workload) <= sweep.MOST_FLOPS
    assert {workload.optimizer for workload in drawn} == set(OPTIMIZERS)
    assert {workload.dtype for workload in drawn} == {"float32", "float64"}
    rng = np.random.default_rng(5)
    assert drawn[:9] == [sweep.random_network(rng, n) for n in range(9)]


def test_working_sets_lie_in_their_levels():
    sizes, sets = bandwidth.cache_sizes(), bandwidth.working_sets(2)
    assert sets["L2"] < sizes["L2"] < sets["L3"] < sets["memory"]
    assert bandwidth.level_of(sizes["L2"], 1) == "L2"
    assert bandwidth.level_of(1e12, 8) == "memory"
    assert 1e8 < bandwidth.stream(1 << 16, 0.01) < 1e13


@pytest.mark.parametrize("name", epilogues.VARIANTS)
def test_a_variant_trains(name):
    history = epilogues.trainer(name, WORKLOADS["tabular"], threads=1)(2)
    assert history["loss"][1] < history["loss"][0]
