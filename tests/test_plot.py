"""fastnn.plot: what is drawn are the numbers, on the Axes given; wrong input is named."""

import subprocess
import sys

import numpy as np
import pytest

import fastnn

pyplot = pytest.importorskip("matplotlib.pyplot")


@pytest.fixture
def ax():
    figure, axes = pyplot.subplots()
    yield axes
    pyplot.close(figure)


@pytest.fixture(autouse=True)
def _close():
    yield
    pyplot.close("all")


def network(*layers, seed=1, **options):
    return fastnn.Sequential(layers, input_size=2, seed=seed, dtype="float64", **options)


def data(n=40):
    X = np.random.default_rng(0).normal(size=(n, 2))
    return X, (X[:, 0] * X[:, 1] > 0).astype(int)


# ---- results --------------------------------------------------------------------------------


def test_learning_curves(ax):
    history = {"loss": [3.0, 2.0], "val_loss": [3.5, 2.5], "accuracy": [0.1, 0.2]}
    assert fastnn.plot.learning_curves(history, label="a", ax=ax) is ax
    training, validation = ax.lines
    assert training.get_xydata().tolist() == [[1, 3.0], [2, 2.0]]
    assert validation.get_xydata().tolist() == [[1, 3.5], [2, 2.5]]
    assert training.get_color() == validation.get_color()
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [
        "a training",
        "a validation",
    ]
    accuracy = fastnn.plot.learning_curves(history, "accuracy")
    assert accuracy is not ax
    assert accuracy.get_ylabel() == "accuracy"
    with pytest.raises(ValueError, match=r"metric: got 'mse', want one of \['loss', 'val"):
        fastnn.plot.learning_curves(history, "mse")


def test_confusion_matrix_counts(ax):
    truth, guess = ["b", "a", "b", "c"], ["b", "b", "b", "a"]
    fastnn.plot.confusion_matrix(truth, guess, labels=["c", "b", "a"], ax=ax)
    assert np.array(ax.images[0].get_array()).tolist() == [[0, 0, 1], [0, 2, 0], [0, 1, 0]]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["c", "b", "a"]
    with pytest.raises(ValueError, match=r"y_pred: got class .*3.*, want one of \[0, 1\]"):
        fastnn.plot.confusion_matrix([0, 1], [0, 3], labels=[0, 1])
    with pytest.raises(ValueError, match="y_pred: got 1 samples, want 2 as y_true has"):
        fastnn.plot.confusion_matrix([0, 1], [0])
    with pytest.raises(ValueError, match=r"y_true: got shape \(0,\)"):
        fastnn.plot.confusion_matrix([], [])


def test_predicted_against_true_keeps_outputs_apart(ax):
    y = np.array([[1.0, 10.0], [2.0, 20.0]])
    fastnn.plot.predicted_against_true(y, y + 0.5, ax=ax)
    assert ax.lines[0].get_xydata().tolist() == [[1, 1], [20.5, 20.5]]
    first, second = ax.collections
    assert first.get_offsets().tolist() == [[1, 1.5], [2, 2.5]]
    assert second.get_offsets().tolist() == [[10, 10.5], [20, 20.5]]
    with pytest.raises(ValueError, match=r"prediction: got shape \(3,\), want \(2, 2\)"):
        fastnn.plot.predicted_against_true(y, [1.0, 2.0, 3.0])


def test_decision_boundary_of_several_classes_shows_the_predictions(ax):
    X, y = data()
    net = network(fastnn.Dense(3))
    fastnn.plot.decision_boundary(net, X, y, points=20, ax=ax)
    shown = np.array(ax.images[0].get_array())
    left, right, bottom, top = ax.images[0].get_extent()
    assert shown.shape == (20, 20)
    corners = net.predict([[left, bottom], [right, bottom], [left, top]]).argmax(axis=1)
    assert [shown[0, 0], shown[0, -1], shown[-1, 0]] == corners.tolist()
    assert ax.collections[-1].get_offsets().tolist() == X.tolist()


def test_decision_boundary_of_one_output_is_where_the_probability_is_a_half(ax):
    X, y = data()
    net = network(fastnn.Dense(1))
    net.fit(X, y, loss="binary_cross_entropy")
    fastnn.plot.decision_boundary(net, X, y, ax=ax)
    boundary = np.concatenate([path.vertices for path in ax.collections[-2].get_paths()])
    assert len(boundary) > 1
    np.testing.assert_allclose(net.predict_proba(boundary), 0.5, atol=1e-6)


def test_decision_boundary_names_what_is_wrong():
    X, y = data()
    with pytest.raises(ValueError, match=r"X: got shape \(40, 1\), want \(n_samples, 2\)"):
        fastnn.plot.decision_boundary(network(fastnn.Dense(2)), X[:, :1], y)
    with pytest.raises(ValueError, match=r"y: got shape \(39,\), want \(40,\)"):
        fastnn.plot.decision_boundary(network(fastnn.Dense(2)), X, y[1:])


# ---- inside a network -----------------------------------------------------------------------

ACTIVATIONS = {
    "relu": lambda z: np.maximum(z, 0),
    "tanh": np.tanh,
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
}


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activations_are_those_of_the_formula(ax, activation):
    X, _ = data()
    layers = [fastnn.Dense(5, activation=activation), fastnn.Dense(4, activation=activation)]
    net = network(*layers, fastnn.Dense(3, bias=False))
    before = net.parameters
    fastnn.plot.activations(net, X, ax=ax)
    wanted, h = [], X
    for layer in net.layers:
        h = h @ layer.weights + (0 if layer.bias is None else layer.bias)
        h = ACTIVATIONS[activation](h) if layer.spec.activation == activation else h
        wanted.append(h)
    texts = [label.get_text() for label in ax.get_yticklabels()]
    zeros = [f", {share:.0%} zeros" if (share := np.mean(h == 0)) else "" for h in wanted]
    assert texts == [f"layer {i}, std {h.std():.2g}{zeros[i]}" for i, h in enumerate(wanted)]
    assert any(zeros) == (activation == "relu")
    edges = ax.patches[0].get_data().edges
    for i, (h, patch) in enumerate(zip(wanted, ax.patches, strict=True)):
        counts, _ = np.histogram(h[h != 0], edges)
        np.testing.assert_allclose(i - patch.get_data().values, 0.85 * counts / counts.max())
    assert np.array_equal(net.parameters, before)


def test_weights(ax):
    net = network(fastnn.Dense(30), fastnn.Dense(3, weight_init="zeros"))
    fastnn.plot.weights(net, ax=ax)
    texts = [label.get_text() for label in ax.get_yticklabels()]
    assert texts == [
        f"layer 0, std {net.layers[0].weights.std():.2g}",
        "layer 1, std 0, 100% zeros",
    ]


def test_weights_that_are_all_alike_can_be_drawn(ax):
    fastnn.plot.weights(network(fastnn.Dense(3, weight_init="zeros")), ax=ax)
    assert ax.get_xlim() == (-1, 1)


def test_gradient_flow_is_the_mean_of_each_layers_weights(ax):
    X, y = data()
    net = network(fastnn.Dense(5, activation="tanh"), fastnn.Dense(4, bias=False), fastnn.Dense(1))
    _, g = net.loss_and_gradient(X, y, loss="mean_squared_error")
    fastnn.plot.gradient_flow(net, X, y, loss="mean_squared_error", label="name", ax=ax)
    wanted = [np.abs(part).mean() for part in (g[:10], g[15:35], g[35:39])]
    np.testing.assert_allclose(ax.lines[0].get_ydata(), wanted)
    assert ax.get_yscale() == "log"


def test_gradient_flow_leaves_out_zeros(ax):
    X, y = data()
    net = network(fastnn.Dense(5, "tanh", weight_init="zeros"), fastnn.Dense(1))
    fastnn.plot.gradient_flow(net, X, y, loss="mean_squared_error", ax=ax)
    assert np.isnan(ax.lines[0].get_ydata()).tolist() == [False, True]


# ---- the loss surface -----------------------------------------------------------------------


def lowest(ax):
    """The smallest of the levels' areas that holds anything: where the minimum is drawn."""
    contour = ax.collections[0]
    path = next(path for path in contour.get_paths() if len(path.vertices))
    return path.vertices.min(axis=0), path.vertices.max(axis=0)


def test_surface_of_a_function_and_a_path(ax):
    path = np.array([[2.0, 2.0, 5.0], [1.0, -1.0, 5.0]])
    fastnn.plot.loss_surface(
        lambda x: (x[0] - 1) ** 2 + (x[2] - 5) ** 2 + x[1] ** 2,
        directions=(2, 0),
        path=path,
        limits=((3, 7), (-1, 3)),
        label="way",
        ax=ax,
    )
    assert ax.lines[0].get_xydata().tolist() == [[5, 2], [5, 1]]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("parameter 2", "parameter 0")
    assert (ax.get_xlim(), ax.get_ylim()) == ((3, 7), (-1, 3))
    low, high = lowest(ax)
    assert (low < [5, 1]).all()
    assert (high > [5, 1]).all()


def test_surface_of_a_network_is_its_loss_and_leaves_it_alone(ax):
    X, _ = data()
    net = network(fastnn.Dense(1))
    net.fit(X, X @ [1.0, -2.0], loss="mean_squared_error", optimizer=fastnn.Adam(0.05), epochs=50)
    before = net.parameters
    fastnn.plot.loss_surface(net, X, X @ [1.0, -2.0], points=21, log=True, ax=ax)
    np.testing.assert_allclose(lowest(ax), [[1, -2], [1, -2]], atol=0.05)
    assert np.array_equal(net.parameters, before)


def test_path_is_projected_on_directions_that_are_not_square(ax):
    path = [[3.0, 1.0, 9.0], [0.0, 0.0, 0.0]]
    fastnn.plot.loss_surface(
        lambda x: float(x @ x), directions=([1, 0, 0], [1, 1, 0]), path=path, points=3, ax=ax
    )
    np.testing.assert_allclose(ax.lines[0].get_xydata(), [[2, 1], [0, 0]], atol=1e-12)
    assert ax.get_xlabel() == "along direction 0"


def test_surface_without_finite_values_somewhere(ax):
    fastnn.plot.loss_surface(lambda x: float(x[0] / (x[0] > 0) if x[0] > 0 else np.inf), ax=ax)
    assert ax.get_xlim() == (-1, 1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"directions": (0, 2)}, r"directions\[1\]: got 2, want at most 1"),
        ({"directions": (1, 1)}, r"directions: got \(1, 1\), want two different"),
        ({"directions": ([1, 0], [2, 0])}, "directions: .* not parallel"),
        ({"path": [1.0, 2.0]}, r"path: got shape \(2,\), want \(n_points, n_p"),
        ({"path": [[1.0, 2.0]], "center": [0, 0, 0]}, r"path: got shape \(1, 2\), want \(n_p.*, 3"),
        ({"log": True, "limits": ((-1, 1), (-1, 1))}, "log: got True and a value of 0.0"),
        ({"points": 1}, "points: got 1, want at least 2"),
    ],
)
def test_surface_names_what_is_wrong(options, message):
    with pytest.raises(ValueError, match=message):
        fastnn.plot.loss_surface(lambda x: x[0] ** 2, **options)


# ---- matplotlib -----------------------------------------------------------------------------


def test_networks_and_data_that_are_not_there(ax):
    with pytest.raises(ValueError, match="input_size: not known yet"):
        fastnn.plot.weights(fastnn.Sequential([fastnn.Dense(1)]), ax=ax)
    with pytest.raises(ValueError, match="X: got 0 samples"):
        fastnn.plot.activations(fastnn.Sequential([fastnn.Dense(1)], 2), np.empty((0, 2)), ax=ax)


def test_without_matplotlib_the_error_names_the_extra():
    code = """
import sys
import fastnn.plot
assert "matplotlib" not in sys.modules
sys.modules["matplotlib"] = None
fastnn.plot.learning_curves({"loss": [1.0]})
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip().endswith('which is missing: pip install "fastnn[plot]"')
    assert "ImportError" in done.stderr


def test_without_ax_each_call_has_a_figure_of_its_own():
    first, second = (fastnn.plot.learning_curves({"loss": [1.0]}) for _ in range(2))
    assert first.figure is not second.figure
