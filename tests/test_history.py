"""The history of a training as a dict, a table and a picture."""

import copy
import pickle
import subprocess
import sys

import numpy as np
import pytest

import fastnn
from fastnn.history import History


def trained(**options):
    X = np.linspace(-1, 1, 20)[:, None]
    net = fastnn.Sequential([fastnn.Dense(1)])
    history = net.fit(X, X[:, 0], loss="mean_squared_error", epochs=3, **options)
    return net, history


def test_it_is_a_dict():
    net, history = trained()
    assert isinstance(history, History)
    assert net.history is history
    assert history == dict(history)
    assert dict(history) == history
    for twin in (copy.deepcopy(history), pickle.loads(pickle.dumps(history))):
        assert type(twin) is History
        assert twin == history
    assert repr(History(loss=[1.0])) == "{'loss': [1.0]}"


def test_the_table():
    pytest.importorskip("pandas")
    history = trained(validation_split=0.2)[1]
    table = history.to_dataframe()
    assert list(table.columns) == ["loss", "val_loss"]
    assert table.index.tolist() == [0, 1, 2]
    assert table["val_loss"].tolist() == history["val_loss"]
    assert len(History().to_dataframe()) == 0


@pytest.mark.parametrize("split", [None, 0.2])
def test_the_picture(split):
    pytest.importorskip("matplotlib").use("agg")
    from matplotlib import pyplot

    history = trained(validation_split=split)[1]
    ax = history.plot()
    lines = [line.get_ydata().tolist() for line in ax.lines]
    assert lines == list(history.values())
    assert ax.lines[0].get_xdata().tolist() == [1, 2, 3]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("epoch", "loss")
    mine = pyplot.figure().subplots()
    assert history.plot(ax=mine) is mine
    pyplot.close("all")


def test_the_picture_of_a_metric():
    pytest.importorskip("matplotlib").use("agg")
    from matplotlib import pyplot

    history = trained(validation_split=0.2, metrics=["r2"])[1]
    lines = history.plot("r2").lines
    assert [line.get_label() for line in lines] == ["training", "validation"]
    (line,) = History(val_r2=[0.5, 0.6]).plot("r2").lines
    assert line.get_label() == "validation"
    pyplot.close("all")
    with pytest.raises(ValueError, match=r"metric: got 'f1', want one of \['loss',"):
        history.plot("f1")


@pytest.mark.parametrize(
    ("method", "module", "message"),
    [
        (
            "to_dataframe",
            "pandas",
            r'to_dataframe: needs pandas: pip install "fastnn\[dataframe\]"',
        ),
        ("plot", "matplotlib", r'needs matplotlib, which is missing: pip install "fastnn\[plot\]"'),
    ],
)
def test_without_them_the_extra_is_named(monkeypatch, method, module, message):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=message):
        getattr(History(loss=[1.0]), method)()


def test_training_imports_neither():
    code = (
        "import sys, fastnn; fastnn.Sequential([fastnn.Dense(1)]).fit([[1.]], [1.], "
        "loss='mean_squared_error'); assert not {'pandas', 'matplotlib'} & {*sys.modules}"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
