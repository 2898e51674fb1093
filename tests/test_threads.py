"""Threads, signals and forks: how many run, who may stop them, and what a child process gets.

What depends on the state of a process (environment, signals, exit) runs in one of its own.
"""

import inspect
import os
import pickle
import subprocess
import sys
import textwrap
import threading

import numpy as np
import pytest

import fastnn
from fastnn import _core, threads

MSE = "mean_squared_error"

posix = pytest.mark.skipif(os.name != "posix", reason="POSIX only")

X = np.random.default_rng(0).normal(size=(2000, 64)).astype("f4")
y = X[:, :1]


def network(seed=0):
    layers = [fastnn.Dense(128, activation="relu"), fastnn.Dense(1)]
    return fastnn.Sequential(layers, 64, seed=seed)


def short(net):
    """Fit for a moment."""
    net.fit(X, y, loss="mean_squared_error", batch_size=128, epochs=2)
    return net.parameters


def long(net, epochs=10**7):
    """Fit for hours, or a few milliseconds an epoch."""
    options = {"loss": "mean_squared_error", "optimizer": fastnn.Adam(1e-6)}
    net.fit(X, y, batch_size=128, epochs=epochs, **options)


# The same for scripts.
SETUP = """
import os, signal, sys, threading, time
import numpy as np
import fastnn
from fastnn import _core, threads

# Ignored in what a shell has put into the background.
signal.signal(signal.SIGINT, signal.default_int_handler)

X = np.random.default_rng(0).normal(size=(2000, 64)).astype("f4")
y = X[:, :1]
""" + "".join(inspect.getsource(function) for function in (network, short, long))


@pytest.fixture(autouse=True)
def _all_threads():
    yield
    fastnn.set_num_threads(None)


def script(text, *, timeout=60, **environment):
    """Run a script after SETUP in a fresh Python; return what it printed."""
    clean = {k: v for k, v in os.environ.items() if not k.endswith(("_NUM_THREADS", "NN_ISA"))}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SETUP + textwrap.dedent(text)],
        env=clean | environment,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.strip()


# ---- limits ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environment", "limits"),
    [
        ({}, [None, None]),
        ({"FASTNN_NUM_THREADS": "1"}, [1, None]),
        ({"OMP_NUM_THREADS": "1"}, [None, 1]),
        ({"OMP_NUM_THREADS": "1,2,3"}, [None, 1]),
        ({"FASTNN_NUM_THREADS": "1000", "OMP_NUM_THREADS": " 7 "}, [1000, 7]),
        ({"FASTNN_NUM_THREADS": "0", "OMP_NUM_THREADS": "many"}, [None, None]),
        ({"FASTNN_NUM_THREADS": "", "OMP_NUM_THREADS": "-3"}, [None, None]),
    ],
)
def test_limits_of_the_environment(environment, limits):
    text = """
    found = threads.limits()
    print([found["FASTNN_NUM_THREADS"], found["OMP_NUM_THREADS"]])
    assert fastnn.get_num_threads() == max(1, min(n for n in found.values() if n is not None))
    short(network())
    assert _core.team_size() <= fastnn.get_num_threads() - 1
    """
    assert script(text, **environment) == str(limits)


@pytest.mark.skipif(
    not hasattr(os, "sched_getaffinity") or len(os.sched_getaffinity(0)) < 2,
    reason="Linux with two CPUs",
)
def test_a_sleeping_thread_keeps_off_the_cpu_of_the_one_that_wakes_it():
    text = """
    from pathlib import Path

    def allowed():
        return [os.sched_getaffinity(int(task.name)) for task in Path("/proc/self/task").iterdir()]

    mine, before = os.sched_getaffinity(0), len(allowed())
    net = network()
    net._exact_threads = 2
    short(net)
    end = time.monotonic() + 20
    while sorted(map(len, allowed())) != [len(mine) - 1] + [len(mine)] * before:
        assert time.monotonic() < end, allowed()
        time.sleep(0.01)
    short(net)  # it is awake again, and everywhere
    assert os.sched_getaffinity(0) == mine
    """
    script(text)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="Linux only")
def test_limit_of_the_affinity_mask():
    text = """
    os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])
    assert threads.limits()["affinity"] == 1
    print(fastnn.get_num_threads())
    """
    assert script(text) == "1"


def test_limit_without_affinity_masks(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    assert threads._affinity() == os.cpu_count()
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert threads._affinity() == 1


def test_the_least_limit_counts(monkeypatch):
    monkeypatch.setattr(threads, "_affinity", lambda: 8)
    monkeypatch.setattr(threads, "_QUOTA", 6)
    monkeypatch.setattr(threads, "_ENVIRONMENT", {"FASTNN_NUM_THREADS": 5, "OMP_NUM_THREADS": 4})
    assert fastnn.get_num_threads() == 4
    fastnn.set_num_threads(9)
    assert fastnn.get_num_threads() == 4
    fastnn.set_num_threads(np.int64(3))
    assert fastnn.get_num_threads() == 3
    fastnn.set_num_threads(1)
    assert fastnn.get_num_threads() == 1
    fastnn.set_num_threads(None)
    assert fastnn.get_num_threads() == 4


@pytest.mark.parametrize(
    ("n", "kind", "message"),
    [
        (0, ValueError, "n: got 0, want at least 1"),
        (-1, ValueError, "n: got -1, want at least 1"),
        (1.5, TypeError, "n: got 1.5, want a whole number"),
        ("2", TypeError, "n: got '2', want a whole number"),
        (True, TypeError, "n: got True, want a whole number"),
    ],
)
def test_wrong_numbers_of_threads(n, kind, message):
    with pytest.raises(kind, match=message):
        fastnn.set_num_threads(n)
    assert threads.limits()["set_num_threads"] is None


V1 = {"cpu.cfs_quota_us": "{0}", "cpu.cfs_period_us": "{1}"}
V2 = {"cpu.max": "{0} {1}\n"}


def fake(root, groups):
    """Write a cgroup tree: folder -> (files, quota, period)."""
    for folder, (files, quota, period) in groups.items():
        (root / folder).mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (root / folder / name).write_text(text.format(quota, period))


@pytest.mark.parametrize(
    ("text", "groups", "cpus"),
    [
        ("0::/\n", {".": (V2, 150000, 100000)}, 2),
        ("0::/\n", {".": (V2, "max", 100000)}, None),
        ("0::/a/b\n", {"a/b": (V2, "max", 100000), "a": (V2, 300000, 100000)}, 3),
        ("0::/a/b\n", {"a/b": (V2, 400000, 100000), "a": (V2, 100000, 50000)}, 2),
        ("0::/of/the/host\n", {".": (V2, 100000, 100000)}, 1),
        ("0::/a\n", {"a": (V2, 5000, 100000)}, 1),
        ("0::/a\n", {"a": (V2, "nonsense", 100000)}, None),
        ("0::/a\n", {"a": ({"cpu.max": "1"}, 0, 0)}, None),
        ("0::/a\n", {"a": (V2, 100000, 0)}, None),
        ("3:cpu,cpuacct:/a\n2:memory:/b\n", {"cpu/a": (V1, 250000, 100000)}, 3),
        ("3:cpu:/a\n", {"cpu/a": (V1, -1, 100000), "cpu": (V1, -1, 100000)}, None),
        ("3:cpu:/docker/1f\n", {"cpu": (V1, 200000, 100000)}, 2),
        ("3:cpuset:/a\n", {"cpuset/a": (V1, 100000, 100000)}, None),
        ("1:name=systemd:/\n2:cpu:/a\n0::/\n", {"cpu/a": (V1, 400000, 100000)}, 4),
        ("garbage\n\n0::/a\n", {"a": (V2, 200000, 100000)}, 2),
        ("", {".": (V2, 100000, 100000)}, None),
    ],
)
def test_quota_of_the_control_group(tmp_path, text, groups, cpus):
    (tmp_path / "self").write_text(text)
    fake(tmp_path / "fs", groups)
    assert threads._quota(tmp_path / "fs", tmp_path / "self") == cpus


def test_quota_without_control_groups(tmp_path):
    assert threads._quota(tmp_path, tmp_path / "none") is None
    (tmp_path / "self").write_bytes(b"0::/\xe9\xff\n")
    assert threads._quota(tmp_path, tmp_path / "self") is None


# ---- threadpoolctl --------------------------------------------------------------------------


def test_threadpoolctl_sees_and_limits():
    threadpoolctl = pytest.importorskip("threadpoolctl")

    def ours():
        (info,) = [i for i in threadpoolctl.threadpool_info() if i["user_api"] == "fastnn"]
        return info

    short(network())
    info = ours()
    assert info["num_threads"] == fastnn.get_num_threads()
    assert (info["isa"], info["version"]) == (_core.isa(), fastnn.__version__)
    assert os.path.samefile(info["filepath"], _core.__file__)
    before = fastnn.get_num_threads()
    for limits in (1, {"fastnn": 1}):
        with threadpoolctl.threadpool_limits(limits):
            assert ours()["num_threads"] == fastnn.get_num_threads() == 1
        assert ours()["num_threads"] == fastnn.get_num_threads() == before
    with threadpoolctl.threadpool_limits(1, user_api="blas"):
        assert fastnn.get_num_threads() == before
    assert threads.register_threadpoolctl()  # a second time changes nothing
    assert ours() == info


def test_without_threadpoolctl(monkeypatch):
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    assert not threads.register_threadpoolctl.__wrapped__()


# ---- signals --------------------------------------------------------------------------------


@posix
def test_ctrl_c_stops_a_fit_at_once():
    text = """
    sent = []
    def press():
        time.sleep(0.5)
        sent.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGINT)
    net = network()
    start = net.parameters
    threading.Thread(target=press).start()
    try:
        long(net)
    except KeyboardInterrupt:
        print(time.perf_counter() - sent[0])
    assert not np.array_equal(net.parameters, start)
    assert np.isfinite(net.parameters).all()
    assert np.isfinite(net.predict(X)).all()
    done = len(net.history["loss"])
    assert done > 0 and net.evaluate(X, y)["loss"] > 0
    short(net)
    """
    seconds = float(script(text))
    print(f"KeyboardInterrupt after {1000 * seconds:.1f} ms")
    assert seconds < 1


@posix
def test_ctrl_c_stops_long_steps():
    """A step is taken whole or not at all, so Ctrl-C may wait for one step, not for an epoch."""
    text = """
    net = fastnn.Sequential([fastnn.Dense(1024)] * 3, 64)
    X = np.zeros((4096, 64), "f4")
    y = np.zeros((4096, 1024), "f4")
    def fit(epochs):
        net.fit(X, y, loss="mean_squared_error", batch_size=len(X), epochs=epochs)
    def predict():
        while True:
            net.predict(X)
    def press():
        time.sleep(0.3)
        sent.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGINT)
    start = time.perf_counter()
    fit(1)
    print(time.perf_counter() - start)
    for job in (lambda: fit(10**6), predict):
        sent = []
        threading.Thread(target=press).start()
        try:
            job()
        except KeyboardInterrupt:
            print(time.perf_counter() - sent[0])
    assert np.isfinite(net.parameters).all()
    """
    step, *times = (float(line) for line in script(text).split())
    print("KeyboardInterrupt after", [f"{1000 * seconds:.1f} ms" for seconds in times])
    assert len(times) == 2
    assert max(times) < 1 + 5 * step


@posix
@pytest.mark.parametrize("layer", ["LayerNorm()", "BatchNorm(trainable=False)"])
def test_layers_other_than_dense_ask_for_signals_too(layer):
    """Handlers run again and again in one long step, most of whose work they are."""
    text = f"""
    net = fastnn.Sequential([fastnn.Dense(512), *[fastnn.{layer}] * 40, fastnn.Dense(1)])
    rows, taken = 1024, 0.0
    def train():
        begin = time.perf_counter()
        net.fit(X, X[:, 0], loss="mean_squared_error", batch_size=rows)
        return time.perf_counter() - begin
    while taken < 0.2:  # long enough for 10 polls
        rows *= 2
        X = np.random.default_rng(0).normal(size=(rows, 2))
        train()  # the memory is there then
        taken = train()
    within = []
    signal.signal(signal.SIGALRM, lambda *_: within.append(net._lock.running))
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    train()
    signal.setitimer(signal.ITIMER_REAL, 0)
    print(sum(within))
    """
    assert int(script(text)) >= 5


@posix
def test_ctrl_c_in_the_main_thread_leaves_a_fit_elsewhere_alone():
    text = """
    net, twin = network(), network()
    long(twin, 300)
    worker = threading.Thread(target=long, args=(net, 300))
    worker.start()
    try:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(10)
    except KeyboardInterrupt:
        worker.join()
        print(np.array_equal(net.parameters, twin.parameters))
    """
    assert script(text) == "True"


@posix
def test_a_signal_handler_may_save_but_not_predict(tmp_path):
    """The network is at work under it, in the same thread."""
    text = f"""
    path = {str(tmp_path / "net")!r}
    rows = np.arange(100_000) % len(X)  # epochs so long that a signal comes in the middle of one
    def epoch(net):
        net.fit(X[rows], y[rows], loss="mean_squared_error", batch_size=128)
    net, twin = network(), network()
    seen = []
    def handler(*_):
        try:
            net.predict(X)
        except RuntimeError as error:
            signal.setitimer(signal.ITIMER_REAL, 0)
            seen.append(error)
            net.save(path)
    signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
    while not seen:
        epoch(net)
        epoch(twin)
    assert np.array_equal(net.parameters, twin.parameters)
    assert np.isfinite(fastnn.load(path).parameters).all()
    print(*seen)
    """
    start = "predict: called by a signal handler or a loss while this network was at"
    assert script(text).startswith(start)


def test_a_network_at_work_runs_nothing_else():
    net = network()
    net._lock.running = True  # as while a signal handler runs
    for job in (lambda: net.predict(X), lambda: short(net), lambda: net.evaluate(X, y, loss=MSE)):
        with pytest.raises(RuntimeError, match="called by a signal handler"):
            job()
    twin = pickle.loads(pickle.dumps(net))
    assert np.array_equal(short(twin), short(network()))


@posix
def test_what_a_signal_handler_raises_stops_the_fit():
    text = """
    def stop(*_):
        raise TimeoutError("enough")
    signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    net = network()
    try:
        long(net)
    except TimeoutError as error:
        print(error)
    short(net)
    """
    assert script(text) == "enough"


# ---- fork -----------------------------------------------------------------------------------

FORK = """
def child(work):
    pid = os.fork()
    if pid == 0:
        signal.alarm(20)  # a child that hangs dies
        try:
            work()
            os._exit(0)
        finally:
            os._exit(1)
    return pid

def well(pid):
    return os.waitpid(pid, 0)[1] == 0

import warnings
warnings.simplefilter("ignore", DeprecationWarning)  # Python's own: fork with threads alive
"""


@posix
def test_fork_before_after_and_in_turns():
    text = (
        FORK
        + """
def work():
    assert np.array_equal(short(network()), expected)
    assert np.array_equal(short(used), after_two)
used = network()
expected = after_one = None
pids = [child(lambda: short(network()))]
expected = short(network())
short(used)
after_one = used.parameters
twin = network()
short(twin)
after_two = short(twin)
pids += [child(work) for _ in range(3)]
assert np.array_equal(short(network()), expected)
pids += [child(lambda: (work(), well(child(lambda: short(network()))) or os._exit(3)))]
assert np.array_equal(used.parameters, after_one)
print([well(pid) for pid in pids])
"""
    )
    assert script(text) == str([True] * 5)


@posix
def test_fork_during_a_fit_in_another_thread():
    text = (
        FORK
        + """
net, twin = network(), network()
stop = threading.Event()
def fit():
    while not stop.is_set():
        long(net, 50)
worker = threading.Thread(target=fit)
worker.start()
def work():
    assert np.array_equal(short(network()), expected)
    net.predict(X)   # its lock was held by a thread that the child has not
    short(net)
expected = short(network())
pids = []
for i in range(20):
    time.sleep(0.003 * i % 0.02)
    pids.append(child(work))
print(all(well(pid) for pid in pids))
stop.set()
worker.join()
assert np.isfinite(net.parameters).all()
"""
    )
    assert script(text) == "True"


@posix
def test_a_child_renews_the_locks():
    """What os.fork calls in the child: no thread is left that could give the lock back."""
    net = network()
    net._lock.running = True
    holder = threading.Thread(target=net._lock.acquire)
    holder.start()
    holder.join()
    _core._renew_turns()
    assert np.array_equal(short(net), short(network()))


@posix
def test_multiprocessing_with_fork():
    text = """
    import multiprocessing, warnings
    warnings.simplefilter("ignore", DeprecationWarning)
    expected = short(network())
    def work(seed):
        return short(network(seed))
    with multiprocessing.get_context("fork").Pool(2) as pool:
        found = pool.map(work, range(4))
    print([np.array_equal(f, short(network(seed))) for seed, f in enumerate(found)])
    """
    assert script(text) == str([True] * 4)


# ---- several threads ------------------------------------------------------------------------


def at_once(*jobs):
    """Run jobs in threads of their own that start together; return their results."""
    results, errors = [None] * len(jobs), []
    gate = threading.Barrier(len(jobs))

    def run(i):
        try:
            gate.wait()
            results[i] = jobs[i]()
        except BaseException as error:
            errors.append(error)

    workers = [threading.Thread(target=run, args=(i,)) for i in range(len(jobs))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert not errors
    assert not any(worker.is_alive() for worker in workers)
    return results


def test_two_networks_at_once_give_the_same_bits():
    def job(seed):
        return [short(network(seed)) for _ in range(10)]

    alone = [short(network(seed)) for seed in range(3)]
    for result, expected in zip(
        at_once(*[lambda s=s: job(s) for s in range(3)]), alone, strict=True
    ):
        assert all(np.array_equal(parameters, expected) for parameters in result)


def test_one_network_from_several_threads():
    net = network()
    short(net)
    twin = network()
    short(twin)
    outputs = twin.predict(X)

    def reads():
        for _ in range(30):
            assert np.array_equal(net.predict(X), outputs)
            assert np.array_equal(net.parameters, twin.parameters)
            net.loss_and_gradient(X, y)
            net.layers[0].bias = net.layers[0].bias
        return net.evaluate(X, y)

    assert all(result == twin.evaluate(X, y) for result in at_once(reads, reads, reads))
    at_once(*[lambda: short(net)] * 3)  # one after the other, in any order
    for _ in range(3):
        short(twin)
    assert np.array_equal(net.parameters, twin.parameters)


def test_first_fits_of_one_network_from_several_threads():
    net = fastnn.Sequential(network().specs)
    optimizers = [fastnn.SGD(0.01), fastnn.SGD(0.01, 0.5), fastnn.Adam(0.001)]
    at_once(
        *[lambda o=o: net.fit(X, y, loss=MSE, optimizer=o, epochs=3) for o in optimizers],
        lambda: network().fit(X, y, loss=MSE),
    )
    assert np.isfinite(net.parameters).all()


# ---- the process ----------------------------------------------------------------------------


def test_no_cpu_is_used_after_a_fit():
    text = """
    for job in (lambda: short(network()), lambda: network().predict(X)):
        job()
        time.sleep(0.05)
        before = time.process_time()
        time.sleep(0.3)
        print(time.process_time() - before)
    """
    assert all(float(used) < 0.03 for used in script(text).split())


def test_the_interpreter_exits_after_a_fit():
    assert script("short(network())", timeout=30) == ""
    text = """
    short(network())
    assert _core.team_size() == fastnn.get_num_threads() - 1 or fastnn.get_num_threads() > 2
    _core.team_stop()
    assert _core.team_size() == 0
    short(network())
    """
    assert script(text, timeout=30) == ""
    # A daemon thread in the middle of a fit does not hold the process.
    text = "threading.Thread(target=long, args=(network(),), daemon=True).start(); time.sleep(0.1)"
    assert script(text, timeout=30) == ""


@pytest.mark.parametrize("isa", ["sse9", "AVX2 ", "none", "avx2,avx512"])
def test_wrong_isa(isa):
    text = "import fastnn"
    done = subprocess.run(
        [sys.executable, "-c", text],
        env=os.environ | {"FASTNN_ISA": isa},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    have = ", ".join(_core.isas())
    assert f"ValueError: FASTNN_ISA: got {isa!r}, this CPU has {have}" in done.stderr


@pytest.mark.parametrize("isa", [*_core.isas(), ""])
def test_right_isa(isa):
    assert script("print(_core.isa())", FASTNN_ISA=isa) == (isa or _core.isas()[0])


def test_isa_of_another_cpu_is_refused():
    with pytest.raises(ValueError, match="FASTNN_ISA: got 'riscv', this CPU has"):
        _core.select_isa("riscv")
    assert _core.isa() in _core.isas()
