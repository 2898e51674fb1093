"""Overfitting, and what weight decay, dropout and early stopping do about it."""

import numpy as np
from _page import block, picture, save

import fastnn

EPOCHS = 2000


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


def train(optimizer, rate=0.0, callbacks=()):
    """Train on all points at once, so that an epoch is one step; return network and history."""
    hidden = [fastnn.Dense(64, activation="relu"), fastnn.Dropout(rate)]
    net = fastnn.Sequential([*hidden, *hidden, fastnn.Dense(1)], input_size=2, seed=0)
    history = net.fit(
        X,
        y,
        loss="binary_cross_entropy",
        optimizer=optimizer,
        epochs=EPOCHS,
        batch_size=len(X),
        validation_data=(X_val, y_val),
        callbacks=callbacks,
    )
    return net, history


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

adam = fastnn.Adam(lr=0.002)
stop = fastnn.callbacks.EarlyStopping(patience=200)
trained = {
    "nothing": train(adam),
    "weight decay": train(fastnn.AdamW(lr=0.002, weight_decay=2.0)),
    "dropout": train(adam, rate=0.5),
    "early stopping": train(adam, callbacks=[stop]),
}

block("results")
print("                training  validation      test  test accuracy  parameters' size")
for name, (net, _) in trained.items():
    row(name, net)

block("stopping")
best, epochs = stop.best_epoch + 1, len(trained["early stopping"][1]["loss"])
print(f"the validation loss is lowest after epoch {best} of {EPOCHS}: {stop.best:.3f}")
print(f"early stopping waits for {stop.patience} epochs more, and ends after epoch {epochs}")

figure, axes = picture(2, 4, size=(12, 5.8), sharey="row")
for (curves, areas), (name, (net, history)) in zip(axes.T, trained.items(), strict=True):
    fastnn.plot.learning_curves(history, ax=curves)
    curves.get_legend().remove()
    curves.lines[0].set_linewidth(0.8)  # with dropout it jumps
    curves.set(title=name, ylabel="", yscale="log", xlim=(-50, EPOCHS), ylim=(1e-4, 3))
    curves.set_xticks([0, EPOCHS // 2, EPOCHS])
    fastnn.plot.decision_boundary(net, X, y, ax=areas)
    areas.set(xlabel="", ylabel="")
axes[0, 0].legend(loc="lower left")
axes[0, 0].set_ylabel("loss")
axes[0, 3].axvline(best, color="black", linewidth=1)
axes[0, 3].text(best, 2e-4, f"  the best: epoch {best}")
save(figure)
