"""`python -m benchmarks.estimators` on the smallest data, and what its table tells."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("sklearn")

from . import estimators


def test_a_comparison(tmp_path, capsys):
    path = tmp_path / "result.json"
    arguments = ["--data", "wine", "--folds", "2", "--max-iter", "5", "--json", str(path)]
    assert estimators.main(arguments) == 0
    assert "wine" in capsys.readouterr().out
    (result,) = json.loads(path.read_text("utf-8"))["results"]
    assert result["rows"] == 178
    for who in ("fastnn", "scikit-learn"):
        assert result["epochs"][who] == [5, 5]
        assert all(seconds > 0 for seconds in result["seconds"][who])


def test_diamonds_without_their_file_are_skipped(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("FASTNN_DATA", str(tmp_path))
    assert estimators.main(["--data", "diamonds_cut"]) == 0
    assert "diamonds_cut: skipped" in capsys.readouterr().err


def scores(ours, theirs, rows=2000, seconds=(1.0, 10.0)):
    found = estimators.Scores("x", "r2", rows)
    for a, b in zip(ours, theirs, strict=True):
        found.note("fastnn", a, seconds[0], 3)
        found.note("scikit-learn", b, seconds[1], 3)
    return found


def test_what_falls_short_is_told():
    good = scores([0.90, 0.92, 0.91], [0.91, 0.90, 0.92])
    assert "All scores and times hold." in estimators.as_text([good])
    worse = scores([0.80, 0.81, 0.82], [0.91, 0.90, 0.92])
    assert "x: the score is 0.1000 less" in estimators.as_text([worse])
    slow = scores([0.9, 0.8], [0.9, 0.8], seconds=(1.0, 4.0))
    assert "x: 4.0 times as fast, 5 are wanted" in estimators.as_text([slow])
    small = scores([0.9, 0.8], [0.9, 0.8], rows=500, seconds=(1.0, 4.0))
    assert "All scores and times hold." in estimators.as_text([small])
