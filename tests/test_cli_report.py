"""The page that `train --report` writes: whole, of one file, and with the numbers of the model."""

from __future__ import annotations

import dataclasses
import re
from html.parser import HTMLParser

import numpy as np
import pytest

import fastnn

pd = pytest.importorskip("pandas")
pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")

from fastnn.cli import _measures  # noqa: E402
from fastnn.cli._report import Report  # noqa: E402
from fastnn.cli._schema import Schema  # noqa: E402
from fastnn.cli._types import Column  # noqa: E402

ODD = '<b>&"size"'  # a name that would break a page


class Page(HTMLParser):
    """The texts of a page, by the way; fails where a tag is not closed."""

    def __init__(self, text):
        super().__init__()
        self.open, self.texts, self.links, self.tags = [], [], [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.links += [v for k, v in attributes if k in ("src", "href", "xlink:href", "data")]
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, text):
        if text.strip() and self.open[-1] != "style":
            self.texts.append(text.strip())


def report(classes=None, n=200):
    rng = np.random.default_rng(0)
    if classes is None:
        y = pd.Series(rng.normal(size=n))
        predicted = y.to_numpy() + rng.normal(0, 0.1, n)
        scores = _measures.of_numbers(y, predicted)
    else:
        y = pd.Series(np.resize(classes, n))
        predicted = np.where(rng.random(n) < 0.8, y, rng.choice(classes, n))
        proba = (predicted[:, None] == np.array(classes)) * 0.8 + 0.1
        scores = _measures.of_classes(y, predicted, proba, np.array(classes))
    task = "regression" if classes is None else "classification"
    columns = [
        Column(ODD, "number", pd.Series(np.arange(9.0))),
        Column("y", "number" if classes is None else "text", y),
    ]
    return Report(
        data="t.csv",
        schema=Schema(n, "y", task, "", columns, {"z": "it is constant"}),
        command="python -m fastnn train t.csv --target y",
        seconds=1.25,
        n_training=800,
        history={"loss": [1.0, 0.5, 0.3], "val_loss": [1.1, 0.6, 0.7]},
        kept=2,
        scores=dict.fromkeys(("training", "validation", "baseline"), scores),
        y=y,
        predicted=predicted,
        classes=None if classes is None else np.array(classes),
        importances=[(ODD, 0.51234, 0.01), ("other", -0.001, 0.002)],
        network=fastnn.Sequential([fastnn.Dense(3)], input_size=2),
        settings={"hidden": (3,), "lr": 0.003},
    )


CLASSES = {
    "regression": None,
    "few": ["a", "b<i>", "c"],
    "bools": [False, True],
    "many": [*range(40)],
}


@pytest.mark.parametrize("classes", CLASSES.values(), ids=CLASSES)
def test_the_page_is_whole_and_needs_nothing_else(classes):
    found = report(classes)
    text = found.html()
    page = Page(text)
    assert all(link.startswith(("#", "data:")) for link in page.links)
    assert not {"script", "link", "iframe", "object"} & {*page.tags}
    assert "url(http" not in text
    assert "@import" not in text
    assert page.tags.count("svg") == (3 if classes is None else 2)
    assert "y from t.csv" in page.texts
    assert ODD in page.texts
    assert "<b>&" not in text
    for name, value in found.scores["validation"].items():
        assert name in page.texts
        assert _measures.text(name, value) in page.texts
    for wanted in ("1,000", "0.5123", "python -m fastnn train t.csv --target y", "0 Dense"):
        assert wanted in page.texts
    assert "of epoch 2, the best" in text
    assert "z is left out: it is constant." in text


def test_pictures_share_no_names():
    text = report().html()
    names = re.findall(r'\bid="([^"]+)"', text)
    assert names
    assert len(names) == len(set(names))
    assert {link[1:] for link in re.findall(r'href="(#[^"]+)"', text)} <= set(names)


def test_of_many_classes_the_most_frequent_are_shown():
    page = Page(report(CLASSES["many"]).html())
    assert any("The 20 most frequent of 40 classes." in text for text in page.texts)


def test_the_same_training_gives_the_same_page():
    assert report().html() == report().html()


def test_a_model_that_knows_nothing():
    nothing = dataclasses.replace(report(), importances=[("a", 0.0, 0.0), ("b", -0.1, 0.0)])
    assert nothing.html().count("width: 0.0%") == 2
    constant = dataclasses.replace(report(), predicted=np.ones(200))
    assert "Predicted against true" in constant.html()


# ---- the numbers in it -------------------------------------------------------------------------


def test_metrics_of_classes():
    y = pd.Series(["a", "a", "b", "b"])
    proba = np.array([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.3, 0.7]], np.float32)
    predicted = np.array(["a", "b", "b", "b"])
    found = _measures.of_classes(y, predicted, proba, np.array(["a", "b"]))
    assert found["accuracy"] == 0.75
    assert found["balanced accuracy"] == 0.75
    assert found["F1"] == pytest.approx((2 / 3 + 0.8) / 2)
    assert found["ROC AUC"] == 1.0
    assert found["log loss"] == pytest.approx(-np.log([0.9, 0.4, 0.8, 0.7]).mean(), rel=1e-6)


def test_metrics_where_a_class_does_not_occur():
    y, proba = pd.Series(["a", "a"]), np.array([[0.5, 0.3, 0.2]] * 2)
    found = _measures.of_classes(y, np.array(["a", "b"]), proba, np.array(["a", "b", "c"]))
    assert found["balanced accuracy"] == 0.5
    assert np.isnan(found["ROC AUC"])
    assert _measures.text("ROC AUC", found["ROC AUC"]) == "-"


def test_metrics_of_numbers():
    found = _measures.of_numbers(pd.Series([1.0, 2.0, 6.0]), np.array([1.0, 3.0, 4.0]))
    assert found["RMSE"] == pytest.approx(np.sqrt(5 / 3))
    assert (found["MAE"], found["median error"]) == (1.0, 1.0)
    assert found["R2"] == pytest.approx(1 - 5 / 14)


def test_the_baseline_knows_the_targets_alone():
    y = pd.Series(["a", "a", "a", "b"])
    found = _measures.baseline("classification", y, y)
    assert (found["accuracy"], found["ROC AUC"]) == (0.75, 0.5)
    assert found["log loss"] == pytest.approx(-(0.75 * np.log(0.75) + 0.25 * np.log(0.25)))
    numbers = pd.Series([1.0, 2.0, 3.0])
    assert _measures.baseline("regression", numbers, numbers)["R2"] == 0


def test_importances_are_of_the_columns_that_matter():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(6000, 3)), columns=["little", "none", "much"])
    y = 3 * X["much"] + X["little"]
    from sklearn.linear_model import LinearRegression

    rows = _measures.importances(LinearRegression().fit(X, y), "regression", X, y, seed=0)
    assert [name for name, _, _ in rows] == ["much", "little", "none"]
    assert rows[0][1] == pytest.approx(1.8, rel=0.1)  # two times its share of the variance
    assert rows[2][1] == pytest.approx(0, abs=1e-6)
