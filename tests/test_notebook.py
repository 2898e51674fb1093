"""What a notebook shows of networks and histories: HTML that is whole, and says what is so."""

import math
from xml.etree import ElementTree

import pytest

import fastnn
from fastnn._chart import line_chart
from fastnn.history import History

SVG = "{http://www.w3.org/2000/svg}"


def cells(html):
    """The rows of the only table, as text."""
    (table,) = ElementTree.fromstring(f"<body>{html}</body>".replace("&rarr;", "->")).iter("table")
    return [["".join(cell.itertext()) for cell in row] for row in table.iter("tr")]


def charts(html):
    return list(ElementTree.fromstring(f"<body>{html}</body>").iter(f"{SVG}svg"))


def texts(chart):
    return [text.text for text in chart.iter(f"{SVG}text")]


def points(path):
    """The corners of a drawn line, and where it begins anew."""
    steps = path.get("d").replace("M", " M").replace("L", " L").split(" ")[1:]
    numbers = [float(step.lstrip("ML")) for step in steps]
    return list(zip(numbers[::2], numbers[1::2], strict=True)), path.get("d").count("M")


def lines(chart):
    return [path for path in chart.iter(f"{SVG}path") if path.get("fill") == "none"]


# ---- networks ----------------------------------------------------------------------------------


def test_a_network_is_a_table_of_its_layers():
    net = fastnn.Sequential([fastnn.Dense(32, activation="relu"), fastnn.Dense(10)], input_size=64)
    assert cells(net._repr_html_()) == [
        ["layer", "activation", "shape", "parameters"],
        ["0 Dense", "relu", "64 -> 32", "2,080"],
        ["1 Dense", "identity", "32 -> 10", "330"],
    ]
    assert "<b>Sequential</b>: 2,410 parameters, float32" in net._repr_html_()


def test_it_says_the_same_as_the_summary():
    layers = [fastnn.Dense(8), fastnn.Residual([fastnn.BatchNorm(), fastnn.Dense(8)])]
    for net in (fastnn.Sequential(layers), fastnn.Sequential(layers, input_size=3)):
        shown = cells(net._repr_html_())
        _, _, *lines, together = net.summary().splitlines()
        assert [line.split() for line in lines] == [" ".join(row).split() for row in shown[1:]]
        assert together in net._repr_html_()


# ---- histories ---------------------------------------------------------------------------------


def test_a_history_is_pictures_and_a_table():
    history = History(
        loss=[2.0, 0.5, 1.0],
        accuracy=[0.1, 0.2, 0.3],
        val_loss=[3.0, 4.0, 5.0],
        val_accuracy=[0.5] * 3,
    )
    html = history._repr_html_()
    assert cells(html) == [
        ["", "first", "least", "most", "last"],
        ["loss", "2", "0.5", "2", "1"],
        ["accuracy", "0.1", "0.1", "0.3", "0.3"],
        ["val_loss", "3", "3", "5", "5"],
        ["val_accuracy", "0.5", "0.5", "0.5", "0.5"],
    ]
    loss, accuracy = charts(html)
    assert loss.get("aria-label") == "loss over the epochs"
    for chart in (loss, accuracy):
        assert {"training", "validation", "epoch", "1", "2", "3"} <= {*texts(chart)}
        assert len(lines(chart)) == 2


@pytest.mark.parametrize(
    "values",
    [{}, {"loss": []}, {"loss": [1.0]}, {"loss": [0.0, 0.0]}, {"loss": [math.nan, math.inf]}],
    ids=str,
)
def test_histories_with_little_in_them(values):
    for chart in charts(History(values)._repr_html_()):
        assert "nan" not in (d for line in lines(chart) for d in line.get("d"))


def test_names_are_escaped():
    html = History({"<b>&": [1.0, 2.0]})._repr_html_()
    assert cells(html)[1][0] == "<b>&"
    assert "<b>&" in texts(charts(html)[0])


def test_it_needs_no_matplotlib(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert "<svg" in History(loss=[1.0, 0.5])._repr_html_()


# ---- the picture -------------------------------------------------------------------------------


def chart(*values):
    return ElementTree.fromstring(line_chart("loss", dict(zip("ab", values, strict=False))))


def test_a_line_is_as_high_as_its_values():
    (line,) = lines(chart([1.0, 3.0, 2.0]))
    ((x0, y0), (x1, y1), (x2, y2)), parts = points(line)
    assert parts == 1
    assert x1 - x0 == pytest.approx(x2 - x1, abs=0.1)
    assert y0 - y1 == pytest.approx(2 * (y0 - y2), abs=0.2)  # y grows downwards


def test_small_and_large_values_are_on_a_logarithmic_scale():
    (line,) = lines(chart([100.0, 10.0, 1.0]))
    ((_, y0), (_, y1), (_, y2)), _ = points(line)
    assert y1 - y0 == pytest.approx(y2 - y1, abs=0.1)
    assert {"1", "10", "100"} <= {*texts(chart([100.0, 10.0, 1.0]))}
    assert "0" in texts(chart([100.0, 10.0, 0.0]))  # which no logarithm has


def test_what_is_not_finite_leaves_gaps():
    (line,) = lines(chart([1.0, 2.0, math.nan, 2.0, 1.0]))
    corners, parts = points(line)
    assert (len(corners), parts) == (4, 2)


def test_a_value_alone_is_a_dot():
    assert len(list(chart([1.0]).iter(f"{SVG}circle"))) == 1
    assert len(list(chart([1.0, math.inf, 1.0, 2.0]).iter(f"{SVG}circle"))) == 1
    assert not list(chart([1.0, 2.0]).iter(f"{SVG}circle"))


@pytest.mark.parametrize(
    "values", [[5.0, 5.0], [-3.0], [1e-9, 1e9], [1e300, -1e300], [7, 8, 9]], ids=str
)
def test_all_is_within_the_picture(values):
    drawn = chart(values)
    for line in lines(drawn):
        for x, y in points(line)[0]:
            assert 0 <= x <= 360
            assert 0 <= y <= 204
    assert 3 <= len([text for text in texts(drawn) if text not in ("loss", "a", "epoch")]) <= 10
