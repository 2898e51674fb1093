"""The estimators beside scikit-learn's: score and time in cross-validation, as users see them.

    python -m benchmarks.estimators
    python -m benchmarks.estimators --data digits --data wine --folds 3 --json result.json

Both have the same folds, the same preprocessing and the same parameters: those that are the
default, and a random_state for each fold. They take turns, fold by fold, each when the threads of
the one before sleep (those of BLAS watch for work for a tenth of a second and more, on the cores
that the next one wants); the time is that of `fit` of the MLP alone, after the preprocessing.
Diamonds (diamonds.csv.gz, in the folder that FASTNN_DATA
names) are one-hot and standardized for both; fastnn also gets the table as it is, with its own
preprocessing.

A score is accuracy, or r2; it holds where the mean over the folds is at least scikit-learn's less
one standard error of the differences. Progress goes to stderr, the table to stdout.
"""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .report import OURS, THEIRS, Parser, deliver, say, table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WANTED, MANY = 5.0, 1000  # times as fast on more rows than these
TABLE = "fastnn, table"


@dataclass
class Scores:
    """What one data set gave, fold by fold."""

    name: str
    task: str
    rows: int
    scores: dict[str, list[float]] = field(default_factory=dict)
    seconds: dict[str, list[float]] = field(default_factory=dict)
    epochs: dict[str, list[int]] = field(default_factory=dict)

    def note(self, who: str, score: float, seconds: float, epochs: int) -> None:
        """Add a fold."""
        for numbers, value in (
            (self.scores, score),
            (self.seconds, seconds),
            (self.epochs, epochs),
        ):
            numbers.setdefault(who, []).append(value)  # type: ignore[attr-defined]

    def difference(self, who: str) -> tuple[float, float]:
        """Return by how much its score is above scikit-learn's, and the standard error of that."""
        gains = np.subtract(self.scores[who], self.scores["scikit-learn"])
        return float(gains.mean()), float(gains.std(ddof=1) / np.sqrt(len(gains)))

    def ratio(self) -> float:
        """Return how many times as fast fastnn is."""
        return sum(self.seconds["scikit-learn"]) / sum(self.seconds["fastnn"])


@dataclass
class Data:
    """A data set: as arrays for both, and as a table where it is one."""

    X: Any
    y: np.ndarray
    task: str
    numeric: Callable[[], Any]  # makes a transformer


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line asks for."""
    from threadpoolctl import threadpool_limits

    parser = Parser("estimators", "Scores and times of fastnn's and scikit-learn's MLPs.")
    parser.add_argument("--data", action="append", default=[], choices=list(DATA))
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--max-iter", type=int, default=200, help="epochs, at most; default: 200")
    options = parser.read(arguments)
    if options.folds < 2:
        parser.error(f"--folds: got {options.folds}, want at least 2")
    found = []
    for name in options.data or DATA:
        data = DATA[name]()
        if data is None:
            say(f"{name}: skipped, FASTNN_DATA names no folder with diamonds.csv.gz")
            continue
        with threadpool_limits(options.threads):  # of fastnn too
            found.append(compare(name, data, options.folds, options.max_iter))
    deliver("estimators", options, found, as_text(found))
    return 0


def compare(name: str, data: Data, folds: int, max_iter: int) -> Scores:
    """Cross-validate both on a data set."""
    from sklearn import neural_network
    from sklearn.model_selection import KFold, StratifiedKFold

    import fastnn

    classifies = data.task == "accuracy"
    kind = "MLPClassifier" if classifies else "MLPRegressor"
    splitter = (StratifiedKFold if classifies else KFold)(folds, shuffle=True, random_state=0)
    found = Scores(name, data.task, len(data.y))
    candidates = {"fastnn": getattr(fastnn, kind), "scikit-learn": getattr(neural_network, kind)}
    for fold, (train, test) in enumerate(splitter.split(np.zeros(len(data.y)), data.y)):
        rows = data.X.iloc if hasattr(data.X, "iloc") else data.X
        transformer = data.numeric().fit(rows[train])
        arrays = transformer.transform(rows[train]), transformer.transform(rows[test])
        jobs: list[tuple[str, Any, Any, Any]] = [
            (who, candidates[who], *arrays) for who in candidates
        ]
        if hasattr(data.X, "iloc"):
            jobs.append((TABLE, candidates["fastnn"], rows[train], rows[test]))
        for who, estimator, X, X_test in jobs:
            mlp = estimator(random_state=fold, max_iter=max_iter)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # that 200 epochs were not enough
                rest()
                begun = time.perf_counter()
                mlp.fit(X, data.y[train])
                seconds = time.perf_counter() - begun
            found.note(who, float(mlp.score(X_test, data.y[test])), seconds, int(mlp.n_iter_))
        say(f"{name}: fold {fold + 1} of {folds}")
    return found


def rest() -> None:
    """Wait until no thread of this process computes any more, for at most two seconds."""
    for _ in range(40):
        before = time.process_time()
        time.sleep(0.05)
        if time.process_time() - before < 2e-3:
            return


# ---- data -------------------------------------------------------------------------------------


def _toy(name: str, task: str) -> Callable[[], Data]:
    def load() -> Data:
        from sklearn import datasets
        from sklearn.preprocessing import StandardScaler

        X, y = getattr(datasets, f"load_{name}")(return_X_y=True)
        return Data(X, y, task, StandardScaler)

    return load


def _diamonds(target: str, task: str) -> Callable[[], Data | None]:
    def load() -> Data | None:
        import pandas as pd
        from sklearn.compose import make_column_selector, make_column_transformer
        from sklearn.preprocessing import OneHotEncoder, StandardScaler

        path = Path(os.environ.get("FASTNN_DATA", "")) / "diamonds.csv.gz"
        if not path.exists():
            return None
        frame = pd.read_csv(path)
        y = frame.pop(target).to_numpy()

        def numeric() -> Any:
            numbers = make_column_selector(dtype_include="number")
            texts = make_column_selector(dtype_exclude="number")
            return make_column_transformer(
                (StandardScaler(), numbers), (OneHotEncoder(sparse_output=False), texts)
            )

        return Data(frame, y, task, numeric)

    return load


DATA: dict[str, Callable[[], Data | None]] = {
    "digits": _toy("digits", "accuracy"),
    "breast_cancer": _toy("breast_cancer", "accuracy"),
    "wine": _toy("wine", "accuracy"),
    "diabetes": _toy("diabetes", "r2"),
    "diamonds_price": _diamonds("price", "r2"),
    "diamonds_cut": _diamonds("cut", "accuracy"),
}


# ---- results ----------------------------------------------------------------------------------


def as_text(found: Sequence[Scores]) -> str:
    """Return a table, and what holds."""
    rows, notes = [], []
    for one in found:
        gain, error = one.difference("fastnn")
        holds = gain >= -error
        fast = one.rows <= MANY or one.ratio() >= WANTED
        for who in one.scores:
            scores, seconds = one.scores[who], one.seconds[who]
            rows.append(
                [
                    one.name if who == "fastnn" else "",
                    str(one.rows) if who == "fastnn" else "",
                    who,
                    f"{np.mean(scores):.4f}",
                    f"{np.std(scores, ddof=1) / np.sqrt(len(scores)):.4f}",
                    f"{np.mean(one.epochs[who]):.0f}",
                    f"{sum(seconds):.2f}",
                    f"{one.ratio():.1f}x" if who == "fastnn" else "",
                ]
            )
        if not holds:
            notes.append(f"{one.name}: the score is {-gain:.4f} less, with an error of {error:.4f}")
        if not fast:
            notes.append(f"{one.name}: {one.ratio():.1f} times as fast, {WANTED:.0f} are wanted")
    head = ["data", "rows", "", "score", "error", "epochs", "fit, s", "faster by"]
    return table([head, *rows]) + "\n\n" + ("\n".join(notes) or "All scores and times hold.")


def draw(figure: Figure, results: Sequence[dict[str, Any]]) -> None:
    """Draw the times of the fits, side by side."""
    axes = figure.subplots()
    at = np.arange(len(results))
    for shift, who, colour in ((-0.2, "fastnn", OURS), (0.2, "scikit-learn", THEIRS)):
        heights = [sum(one["seconds"][who]) for one in results]
        axes.bar(at + shift, heights, 0.4, label=who, color=colour)
    axes.set_xticks(at, [one["name"] for one in results], rotation=20)
    axes.set_yscale("log")
    axes.set_ylabel("fit of all folds, seconds")
    axes.legend()


if __name__ == "__main__":
    raise SystemExit(main())
