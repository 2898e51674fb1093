"""Overfitting, and what weight decay and early stopping do about it."""

import numpy as np
from _page import block, picture, save

import fastnn

STEPS = 2000


def moons(n, seed):
    """Return n points of two interlocking half circles, blurred, and which of them each is on."""
    rng = np.random.default_rng(seed)
    which = np.arange(n) % 2
    angle = rng.uniform(0, np.pi, n)
    x = np.where(which == 0, np.cos(angle), 1 - np.cos(angle))
    y = np.where(which == 0, np.sin(angle), 0.5 - np.sin(angle))
    return np.stack([x, y], axis=1) + 0.25 * rng.normal(size=(n, 2)), which


X, y = moons(60, seed=0)  # to train with
X_val, y_val = moons(400, seed=1)  # not to be trained with
X_test, y_test = moons(2000, seed=2)  # to measure with, at the very end


def train(optimizer):
    """Train; return the network, both loss curves, the step with the best validation loss."""
    layers = [fastnn.Dense(64, activation="relu"), fastnn.Dense(64, activation="relu")]
    net = fastnn.Sequential([*layers, fastnn.Dense(1)], input_size=2, seed=0)
    history = {"loss": [], "val_loss": []}
    best = {"loss": np.inf}
    for step in range(STEPS):
        loss = net.train_on_batch(X, y, loss="binary_cross_entropy", optimizer=optimizer)
        val_loss = net.evaluate(X_val, y_val)["loss"]
        history["loss"].append(loss)
        history["val_loss"].append(val_loss)
        # Early stopping: keep the parameters with which validation was best.
        if val_loss < best["loss"]:
            best = {"loss": val_loss, "step": step + 1, "parameters": net.parameters}
    return net, history, best


def row(name, net):
    """Print the losses of a network on the three sets of points."""
    sets = ((X, y), (X_val, y_val), (X_test, y_test))
    a, b, c = (net.evaluate(*points)["loss"] for points in sets)
    accuracy = net.evaluate(X_test, y_test)["accuracy"]
    size = np.sqrt(np.mean(net.parameters**2))
    print(f"{name:15} {a:8.3f} {b:11.3f} {c:9.3f} {accuracy:14.1%} {size:9.3f}")


block("setting")
print(f"{len(X)} points to train with, {len(X_val)} to validate, {len(X_test)} to test")
print("a network with two hidden layers of 64 units, Adam with learning rate 0.002")

plain, history, best = train(fastnn.Adam(lr=0.002))
decayed, decayed_history, _ = train(fastnn.AdamW(lr=0.002, weight_decay=2.0))
stopped, _, _ = train(fastnn.Adam(lr=0.002))
stopped.parameters = best["parameters"]

block("results")
print("                training  validation      test  test accuracy  parameters' size")
row("nothing", plain)
row("weight decay", decayed)
row("early stopping", stopped)

block("stopping")
print(f"the validation loss is lowest after step {best['step']} of {STEPS}: {best['loss']:.3f}")

figure, axes = picture(2, 3, size=(10, 6), sharey="row")
columns = (
    ("nothing", plain, history),
    ("weight decay 2", decayed, decayed_history),
    ("early stopping", stopped, {name: c[: 4 * best["step"]] for name, c in history.items()}),
)
for (curves, areas), (name, net, drawn) in zip(axes.T, columns, strict=True):
    fastnn.plot.learning_curves(drawn, ax=curves)
    curves.legend(["training", "validation"], loc="upper right")
    curves.set(title=name, xlabel="step", ylabel="", yscale="log", ylim=(1e-4, 50))
    fastnn.plot.decision_boundary(net, X, y, ax=areas)
    areas.set(xlabel="", ylabel="")
axes[0, 0].set_ylabel("loss")
axes[0, 2].axvline(best["step"], color="black", linewidth=1)
axes[0, 2].text(best["step"], 2e-4, f"  stop here: step {best['step']}")
save(figure)
