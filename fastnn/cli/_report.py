"""The report of a training: one HTML file that needs nothing else, to read, print, pass on."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import fastnn
from fastnn.cli import _measures, _pictures
from fastnn.cli._errors import need
from fastnn.cli._schema import CLASSIFICATION, Schema, number
from fastnn.cli._style import CSS


@dataclass
class Report:
    """What there is to tell of a training."""

    data: str  # the file's name
    schema: Schema
    command: str
    seconds: float
    n_training: int
    history: Mapping[str, Sequence[float]]
    kept: int  # the epoch, from 1, whose parameters the model has
    scores: Mapping[str, Mapping[str, float]]  # of "training", "validation" and "baseline"
    y: Any  # of the validation rows
    predicted: Any
    classes: Sequence[Any] | None
    importances: Sequence[tuple[str, float, float]]
    network: Any  # fastnn.Sequential
    settings: Mapping[str, Any]

    def html(self) -> str:
        """Return the page."""
        title = f"{self.schema.target} from {self.data}"
        sections = [
            self._metrics(),
            self._curves(),
            self._classes() if self.classes is not None else self._numbers(),
            self._importances(),
            self._columns(),
            self._model(),
        ]
        today = datetime.date.today()
        return (
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f"<title>{escape(title)}</title>\n<style>{CSS}</style>\n</head>\n<body>\n<main>\n"
            f"<header><h1>{escape(title)}</h1><p>{self._lead()}</p></header>\n"
            f"{self._facts()}\n{''.join(sections)}"
            f"<footer>fastnn {fastnn.__version__}, {today:%d %B %Y}. This page needs no network "
            "and no other file.</footer>\n</main>\n</body>\n</html>\n"
        )

    def _lead(self) -> str:
        task = self.schema.task.capitalize()
        columns = len(self.schema.columns) - 1
        return escape(
            f"{task}: a neural network that learned {self.schema.target} from {columns} "
            f"{'columns' if columns != 1 else 'column'}."
        )

    def _facts(self) -> str:
        first = list(self.scores["validation"])[:3]
        if self.classes is not None:
            first = ["accuracy", "balanced accuracy", "ROC AUC"]
        facts = [(_measures.text(name, self.scores["validation"][name]), name) for name in first]
        facts.append((f"{self.n_training + len(self.y):,}", "rows with a target"))
        facts.append((f"{self.seconds:.1f} s", f"of training, {len(self.history['loss'])} epochs"))
        return _facts(facts)

    def _metrics(self) -> str:
        head = ["", "training", "validation", "baseline", ""]
        rows = [
            [
                f'<span class="name">{escape(name)}</span>',
                *(_measures.text(name, self.scores[part][name]) for part in head[1:4]),
                f'<span class="faint what">{escape(_measures.METRICS[name])}</span>',
            ]
            for name in self.scores["validation"]
        ]
        guess = "the shares of the classes" if self.classes is not None else "the mean"
        note = (
            f"Validation: {len(self.y):,} rows, drawn at random, that did not train; they chose "
            f"the epoch, so that they flatter a little. Baseline: a guess that knows {guess} of "
            f"{self.schema.target} in the training rows, and nothing else of a row."
        )
        return _section("How good it is", _table(head, rows, ".>>>."), note)

    def _curves(self) -> str:
        names = [name for name in self.history if f"val_{name}" in self.history]
        names = names or ["loss"]
        pictures = [_pictures.learning_curve(self.history, name, self.kept) for name in names[:2]]
        note = f"The parameters are those of epoch {self.kept}, the best on the validation rows."
        return _section("Learning curves", _figures(pictures), note)

    def _numbers(self) -> str:
        np = need("numpy")
        y, predicted = np.asarray(self.y, float), np.asarray(self.predicted, float)
        note = "Of the validation rows. On the line the prediction is the true value."
        shown = slice(None)
        if len(y) > _pictures.POINTS:  # the rows are in random order
            shown = slice(_pictures.POINTS)
            note += f" The points are {_pictures.POINTS:,} of them, the errors all."
        pictures = [
            _pictures.predicted_against_true(y[shown], predicted[shown]),
            _pictures.residuals(y, predicted),
        ]
        return _section("Predicted against true", _figures(pictures), note)

    def _classes(self) -> str:
        np = need("numpy")
        m = need("sklearn.metrics")
        y, predicted = np.asarray(self.y), np.asarray(self.predicted)
        classes = [*self.classes] if self.classes is not None else []
        note = "Of the validation rows: true classes down, predicted ones across."
        if len(classes) > _pictures.SHOWN:
            counts = [(y == label).sum() for label in classes]
            most = sorted(np.argsort(counts)[::-1][: _pictures.SHOWN])
            note += f" The {_pictures.SHOWN} most frequent of {len(classes)} classes."
            classes = [classes[i] for i in most]
        shown = np.isin(y, classes) & np.isin(predicted, classes)
        found = m.precision_recall_fscore_support(y, predicted, labels=classes, zero_division=0)
        rows = [
            [
                f'<span class="name">{escape(str(label))}</span>',
                *(f"{share:.3f}" for share in row[:3]),
                f"{row[3]:,.0f}",
            ]
            for label, *row in zip(classes, *found, strict=True)
        ]
        head = ["class", "precision", "recall", "F1", "rows"]
        content = ""
        if shown.any():
            content = _figures([_pictures.confusion(y[shown], predicted[shown], classes)])
        content += _table(head, rows, ".>>>>")
        return _section("Confusion matrix", content, note, _length(rows, 8))

    def _importances(self) -> str:
        most = max((mean for _, mean, _ in self.importances), default=0.0)
        rows = [
            [
                f'<span class="name">{escape(name)}</span>',
                f'<div style="width: {max(mean, 0) / most * 100 if most > 0 else 0:.1f}%"></div>',
                f'{mean:.4f} <span class="faint">&plusmn; {deviation:.4f}</span>',
            ]
            for name, mean, deviation in self.importances
        ]
        unit = "accuracy" if self.schema.task == CLASSIFICATION else "R2"
        note = (
            f"What shuffling a column costs in {unit} on validation rows (permutation importance; "
            f"mean of {_measures.REPEATS}). Of columns that say the same, each looks less "
            "important than they are together."
        )
        return _section("Which columns matter", _table([], rows, ".b>"), note, _length(rows))

    def _columns(self) -> str:
        rows = [
            [
                f'<span class="name">{escape(name)}</span>',
                escape(kind),
                f'<span class="faint">{escape(missing)}</span>',
                escape(values),
            ]
            for name, kind, missing, values in self.schema.rows()
        ]
        left = self.schema.left_out.items()
        note = "".join(f"{name or 'A column'} is left out: {why}. " for name, why in left)
        head = ["column", "kind", "missing", "values"]
        return _section("The table", _table(head, rows, "..>."), note, _length(rows))

    def _model(self) -> str:
        layers = f'<div class="wide">{self.network._repr_html_()}</div>'
        settings = ", ".join(f"{name} {_value(value)}" for name, value in self.settings.items())
        made = f"<p class=note>{escape(settings)}</p>"
        return _section("The model", f"{layers}{made}<pre>{escape(self.command)}</pre>")


def _value(value: Any) -> str:
    if isinstance(value, float):
        return number(value)
    return "-".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _length(rows: Sequence[Any], most: int = 25) -> str:
    """Return the class of a section that has more rows than go on one printed page."""
    return "long" if len(rows) > most else ""


def _section(title: str, content: str, note: str = "", kind: str = "") -> str:
    told = f'<p class="note">{escape(note)}</p>' if note else ""
    name = f' class="{kind}"' if kind else ""
    return f"<section{name}>\n<h2>{escape(title)}</h2>\n{told}{content}\n</section>\n"


def _facts(facts: Iterable[tuple[str, str]]) -> str:
    found = "".join(
        f"<div><b>{value}</b><span>{escape(name)}</span></div>" for value, name in facts
    )
    return f'<div class="facts">{found}</div>'


def _figures(pictures: Iterable[str]) -> str:
    return f'<div class="pictures">{"".join(f"<figure>{p}</figure>" for p in pictures)}</div>'


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], sides: str) -> str:
    """Return rows of HTML; a column is "." as it comes, ">" to the right, or "b" of bars."""
    names = {".": "", ">": ' class="right"', "b": ' class="bar"'}

    def row(tag: str, cells: Sequence[str]) -> str:
        found = zip(cells, sides, strict=True)
        return "<tr>" + "".join(f"<{tag}{names[s]}>{c}</{tag}>" for c, s in found) + "</tr>"

    top = f"<thead>{row('th', head)}</thead>" if head else ""
    body = "\n".join(row("td", cells) for cells in rows)
    return f'<div class="wide"><table>{top}<tbody>{body}</tbody></table></div>'
