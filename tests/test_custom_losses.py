"""A Python function as a loss: the same bits as the engine's own, and what goes wrong in it."""

import pickle

import numpy as np
import pytest
from common import same

import fastnn
from fastnn import _core

N, INPUTS = 100, 5
MSE = "mean_squared_error"


def squared_error(raw, target, grad_out):
    """In the engine's own order: the difference doubled, times 1 / n / outputs."""
    error = raw - target
    np.multiply(error + error, 1 / len(error) / error.shape[1], out=grad_out)
    return np.mean(error**2)


@pytest.fixture(params=[1, 2, 3])
def threads(request):
    before = fastnn.get_num_threads()
    fastnn.set_num_threads(request.param)
    yield request.param
    fastnn.set_num_threads(before)


def weighted_squared_error(raw, target, grad_out, sample_weight):
    error, shares = raw - target, sample_weight[:, None] / sample_weight.sum()
    grad_out[:] = (error + error) * (shares / error.shape[1])
    return (shares * error**2).mean(axis=1).sum()


def network(outputs=1, dtype="float32", activation="identity", width=32):
    layers = [fastnn.Dense(width, "tanh"), fastnn.Dense(outputs, activation)]
    return fastnn.Sequential(layers, INPUTS, dtype=dtype, seed=1)


def data(columns=1, n=N):
    generator = np.random.default_rng(0)
    return generator.normal(size=(n, INPUTS)), generator.normal(size=(n, columns))


# ---- bits -------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", _core.DTYPES)
@pytest.mark.parametrize(("activation", "outputs"), [("identity", 3), ("gelu", 1), ("sigmoid", 33)])
@pytest.mark.parametrize("batch_size", [1, 7, 32, 100])
def test_mean_squared_error_trains_to_the_same_bits(
    batch_size, activation, outputs, dtype, threads
):
    X, t = data(outputs)
    nets = [network(outputs, dtype, activation) for _ in range(2)]
    options = {"optimizer": fastnn.Adam(0.01), "epochs": 3, "batch_size": batch_size}
    own = nets[0].fit(X, t, loss=MSE, validation_data=(X, t), **options)
    python = nets[1].fit(X, t, loss=squared_error, validation_data=(X, t), **options)
    assert same(*nets)
    assert not same(nets[0], network(outputs, dtype, activation))
    for series in own:
        np.testing.assert_allclose(python[series], own[series], rtol=1e-5)


def test_more_threads_than_one_are_at_work(threads):
    """Wide enough for columns to be split, and for every thread to have rows."""
    X, t = data(64, 512)
    nets = [network(64, width=512) for _ in range(2)]
    for net, loss in zip(nets, (MSE, squared_error), strict=True):
        net.fit(X, t, loss=loss, batch_size=128, optimizer=fastnn.SGD(0.1))
    assert same(*nets)


@pytest.mark.parametrize("n", [100, 1024, 3000])
def test_loss_and_gradient_and_evaluate(n, threads):
    X, t = data(2, n)
    net = network(2, "float64", "silu")
    value, gradient = net.loss_and_gradient(X, t, loss=MSE)
    python, python_gradient = net.loss_and_gradient(X, t, loss=squared_error)
    assert python == pytest.approx(value, rel=1e-13)
    np.testing.assert_allclose(python_gradient, gradient, rtol=1e-11, atol=1e-14)
    assert net.evaluate(X, t, loss=squared_error) == {"loss": pytest.approx(value, rel=1e-13)}


def test_sample_weights_are_the_functions_affair(threads):
    X, t = data(2)
    weights = np.random.default_rng(1).uniform(size=N) * (np.arange(N) % 5 > 0)
    net, twin = network(2, "float64", "silu"), network(2, "float64", "silu")
    value, gradient = net.loss_and_gradient(X, t, loss=MSE, sample_weight=weights)
    options = {"loss": weighted_squared_error, "sample_weight": weights}
    python, python_gradient = net.loss_and_gradient(X, t, **options)
    assert python == pytest.approx(value, rel=1e-13)
    np.testing.assert_allclose(python_gradient, gradient, rtol=1e-11, atol=1e-14)
    assert net.evaluate(X, t, **options) == {"loss": pytest.approx(value, rel=1e-13)}
    assert fastnn.check_gradient(net, X, t, **options).passed
    of_epochs = [
        each.fit(X, t, loss=loss, sample_weight=weights, batch_size=30, epochs=3)["loss"]
        for each, loss in ((net, MSE), (twin, weighted_squared_error))
    ]
    np.testing.assert_allclose(*of_epochs, rtol=1e-12)
    np.testing.assert_allclose(net.parameters, twin.parameters, rtol=1e-9)


def test_pieces_are_weighted_by_their_samples():
    X, t = data(2, 3000)
    weights = np.random.default_rng(1).uniform(size=3000)
    weights[1024:2048] = 0  # a whole piece, of which the function hears nothing
    net = network(2, "float64")
    value, gradient = net.loss_and_gradient(X, t, loss=MSE, sample_weight=weights)
    options = {"loss": weighted_squared_error, "sample_weight": weights}
    python, python_gradient = net.loss_and_gradient(X, t, **options)
    assert python == pytest.approx(value, rel=1e-12)
    np.testing.assert_allclose(python_gradient, gradient, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize(("training", "calls"), [(False, [1024, 476]), (True, [1500])])
def test_how_many_samples_are_seen_at_once(training, calls):
    seen = []

    def loss(raw, target, grad_out):
        seen.append(len(raw))
        return squared_error(raw, target, grad_out)

    network().loss_and_gradient(*data(1, 1500), loss=loss, training=training)
    assert seen == calls


def test_a_loss_over_the_batch_passes_the_gradient_check():
    """One that is no mean over rows: 1 - correlation of the outputs with the targets."""

    def correlation_loss(raw, target, grad_out):
        z, t = raw - raw.mean(), target - target.mean()
        z_size, t_size = np.sqrt((z**2).sum()), np.sqrt((t**2).sum())
        r = (z * t).sum() / (z_size * t_size)
        grad_out[:] = (r * z / z_size - t / t_size) / z_size
        return 1 - r

    net = network(1)
    assert fastnn.check_gradient(net, *data(), loss=correlation_loss).passed
    before = net.evaluate(*data(), loss=correlation_loss)["loss"]
    net.fit(*data(), loss=correlation_loss, epochs=20, batch_size=N)
    assert net.evaluate(*data())["loss"] < before


def test_train_on_batch_returns_what_the_loss_does():
    X, t = data()
    net, twin = network(), network()
    value = net.train_on_batch(X[:64], t[:64], loss=squared_error)
    assert value == pytest.approx(twin.train_on_batch(X[:64], t[:64], loss=MSE), rel=1e-6)
    assert same(net, twin)


# ---- what it gets -----------------------------------------------------------------------


def test_what_the_function_sees():
    X, t = data(3)
    net = network(2, "float64")
    seen = []

    def loss(raw, target, grad_out):
        assert (raw.shape[1], target.shape[1]) == (2, 3)
        assert raw.shape == grad_out.shape
        assert {array.dtype for array in (raw, target, grad_out)} == {np.dtype("float64")}
        assert raw.flags.c_contiguous
        assert [array.flags.writeable for array in (raw, target, grad_out)] == [False, False, True]
        assert not grad_out.any()
        seen.append((raw.copy(), target.copy(), raw.__array_interface__["data"][0], len(raw)))
        grad_out[:] = np.nan if len(seen) > 10 else 1
        return 0.0

    before = net.predict(X)
    net.fit(X, t, loss=loss, batch_size=32, shuffle=False, optimizer=fastnn.SGD(0.0))
    assert [rows for *_, rows in seen] == [32, 32, 32, 4]
    assert len({address for *_, address, _ in seen}) == 1  # no copy a batch
    assert np.array_equal(np.concatenate([raw for raw, *_ in seen]), before)
    assert np.array_equal(np.concatenate([target for _, target, *_ in seen]), t)


def test_the_views_outlive_the_fit():
    kept = []

    def loss(raw, target, grad_out):
        kept.append((raw, target, grad_out))
        return squared_error(raw, target, grad_out)

    X, t = data()
    network().fit(X, t, loss=loss, batch_size=32)
    assert all(np.isfinite(array).all() for arrays in kept for array in arrays)


def test_flat_and_integer_targets_become_a_column():
    def loss(raw, target, grad_out):
        assert target.shape == (10, 1)
        assert target.dtype == np.float32
        return 0

    X = data()[0][:10]
    assert network(3).evaluate(X, np.arange(10), loss=loss) == {"loss": 0}


def test_it_runs_in_the_callers_floating_point_mode():
    def loss(raw, target, grad_out):
        assert (np.full(9, np.finfo(np.float32).tiny) / np.float32(2) != 0).all()
        return 0

    network().fit(*data(), loss=loss)


def test_it_is_remembered_pickled_and_not_saved(tmp_path):
    X, t = data()
    net, twin = network(), network()
    net.fit(X, t, loss=squared_error)
    twin.fit(X, t, loss=squared_error)
    assert net.loss == fastnn.losses.CustomLoss(squared_error)
    assert net.loss.name == "squared_error"
    copy = pickle.loads(pickle.dumps(net))
    for each in (net, twin, copy):
        each.fit(X, t)
    assert same(net, twin)
    assert same(net, copy)
    net.save(tmp_path / "net.safetensors")
    loaded = fastnn.load(tmp_path / "net.safetensors")
    assert same(net, loaded)
    assert loaded.loss is None
    with pytest.raises(ValueError, match="loss: none given and none used before"):
        loaded.fit(X, t)
    with pytest.raises(TypeError, match="squared_error is a Python function, which a file cannot"):
        net.loss.to_config()


def test_a_name_of_the_engines_is_no_clash(tmp_path):
    def huber(raw, target, grad_out):
        return squared_error(raw, target, grad_out)

    X, t = data()
    net, twin = network(), network()
    net.fit(X, t, loss=huber)
    twin.fit(X, t, loss=MSE)
    assert same(net, twin)
    net.save(tmp_path / "net.safetensors")
    assert fastnn.load(tmp_path / "net.safetensors").loss is None


# ---- what goes wrong --------------------------------------------------------------------


def after_steps(steps, what):
    """A squared error that does `what` once so many steps are taken."""
    calls = []

    def loss(raw, target, grad_out):
        calls.append(len(raw))
        value = squared_error(raw, target, grad_out)
        return what(grad_out) if len(calls) == steps + 1 else value

    return loss


@pytest.mark.parametrize("error", [ValueError, RuntimeError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("steps", [0, 1, 6])
def test_what_it_raises_ends_the_fit_after_the_last_whole_step(steps, error, threads):
    X, t = data()

    def fail(grad_out):
        raise error("from the loss")

    net, twin = network(), network()
    options = {"batch_size": 32, "shuffle": False, "optimizer": fastnn.Adam(0.01)}
    with pytest.raises(error, match=r"^from the loss$"):
        net.fit(X, t, loss=after_steps(steps, fail), epochs=3, **options)
    twin.optimizer = fastnn.Adam(0.01)
    for step in range(steps):  # 4 an epoch
        rows = slice(32 * (step % 4), 32 * (step % 4) + 32)
        twin.train_on_batch(X[rows], t[rows], loss=MSE)
    assert same(net, twin)
    for each in (net, twin):  # with the optimizer's state
        each.fit(X, t, loss=MSE, **options)
    assert same(net, twin)


def spoil_gradient(grad_out):
    grad_out[0, 0] = np.inf
    return 0.0


@pytest.mark.parametrize("what", [lambda grad_out: np.nan, lambda grad_out: np.inf, spoil_gradient])
def test_what_is_not_finite_is_told(what, threads):
    X, t = data()
    net = network()
    before = net.parameters
    with pytest.raises(fastnn.NonFiniteError):
        net.train_on_batch(X, t, loss=after_steps(0, what))
    with pytest.raises(fastnn.NonFiniteError):
        net.loss_and_gradient(X, t, loss=after_steps(0, what))
    assert np.array_equal(net.parameters, before)


def test_a_fit_that_diverges_goes_back():
    X, t = data()
    nets = [network(), network()]
    for net, loss in zip(nets, (MSE, squared_error), strict=True):
        with pytest.raises(fastnn.NonFiniteError), np.errstate(all="ignore"):
            net.fit(X, t, loss=loss, optimizer=fastnn.SGD(1e4), epochs=50)
    assert np.isfinite(nets[1].parameters).all()
    assert same(*nets)


@pytest.mark.parametrize("value", [None, "1", [1, 2], np.ones(1), [1, [2]], 1j])
def test_a_loss_is_a_number(value):
    with pytest.raises(TypeError, match=r"loss: <lambda> returned .*, want the mean loss as a"):
        network().fit(*data(), loss=lambda raw, target, grad_out: value)


@pytest.mark.parametrize("number", [0.5, 1, np.float32(0.5), np.array(0.5), True])
def test_numbers_of_all_kinds(number):
    found = network().evaluate(*data(), loss=lambda raw, target, grad_out: number)
    assert found == {"loss": float(number)}


def test_a_gradient_of_another_shape_is_numpys_to_refuse():
    def loss(raw, target, grad_out):
        grad_out[:] = np.zeros((len(raw), 7))

    with pytest.raises(ValueError, match="could not broadcast"):
        network().fit(*data(), loss=loss)


def test_the_arguments_are_checked_before_it_is_called():
    def never(raw, target, grad_out):
        raise AssertionError("called")

    X, t = data()
    with pytest.raises(ValueError, match="sample_weight: got weights, and the loss never takes"):
        network().fit(X, t, loss=never, sample_weight=np.ones(N))
    with pytest.raises(ValueError, match=r"metrics: .* and never has no classes to count"):
        network().fit(X, t, loss=never, metrics=["accuracy"])
    with pytest.raises(ValueError, match="loss: got 'never' for a network that ends in softmax"):
        network(2, activation="softmax").fit(X, t, loss=never)
    with pytest.raises(ValueError, match=r"y: got shape \(100, 1, 1\), want \(100, columns\)"):
        network().fit(X, t[:, :, None], loss=never)
    net = network()
    net.loss = fastnn.losses.CustomLoss(never)
    with pytest.raises(ValueError, match="predict_proba: the loss 'never' has none"):
        net.predict_proba(X)


def test_a_bad_row_is_told_and_the_function_does_not_see_it(threads):
    X, t = data()
    X[40, 2] = np.nan

    def loss(raw, target, grad_out):
        assert np.isfinite(raw).all()
        return squared_error(raw, target, grad_out)

    net = network()
    before = net.parameters
    with pytest.raises(ValueError, match="X: got nan in row 40, column 2"):
        net.fit(X, t, loss=loss, batch_size=32, shuffle=False)
    assert np.array_equal(net.parameters, before)


def test_the_network_is_busy_meanwhile():
    X, t = data()
    net, other = network(), network()

    def loss(raw, target, grad_out):
        other.predict(X)
        net.predict(X)

    with pytest.raises(RuntimeError, match="a signal handler or a loss"):
        net.fit(X, t, loss=loss)
    net.fit(X, t, loss=MSE)
