"""The loss surface of a network of two weights, and three ways down on it."""

import numpy as np
from _page import BLUE, GREEN, RED, block, picture, save

import fastnn

# The answer of the network to x is w2 * tanh(w1 * x); two weights, no biases.
X = np.linspace(-2, 2, 41)[:, None]
y = 2 * np.tanh(0.7 * X[:, 0])
START = [0.2, 4.0]
OPTIMIZERS = {
    "gradient descent": fastnn.SGD(lr=0.05),
    "momentum": fastnn.SGD(lr=0.05, momentum=0.9),
    "Adam": fastnn.Adam(lr=0.1),
}


def network(weights):
    """Return the network with these two weights."""
    net = fastnn.Sequential(
        [fastnn.Dense(1, activation="tanh", bias=False), fastnn.Dense(1, bias=False)],
        input_size=1,
        dtype="float64",
    )
    net.parameters = weights
    return net


def descend(optimizer, steps):
    """Return the weights before and after each step, and the losses there."""
    net = network(START)
    path, losses = [net.parameters], []
    for _ in range(steps):
        losses.append(net.train_on_batch(X, y, loss="mean_squared_error", optimizer=optimizer))
        path.append(net.parameters)
    losses.append(net.evaluate(X, y)["loss"])
    return np.array(path), np.array(losses)


block("surface")
print("answer w2 tanh(w1 x), wanted 2 tanh(0.7 x)")
for weights in (START, [0.7, 2.0], [-0.7, -2.0], [0.0, 0.0]):
    value, gradient = network(weights).loss_and_gradient(X, y, loss="mean_squared_error")
    first, second = gradient.round(2) + 0.0  # no minus before a zero
    print(
        f"w1 = {weights[0]:4}, w2 = {weights[1]:4}: loss {value:.3f}, "
        f"gradient ({first:.2f}, {second:.2f})"
    )

block("paths")
print("learning rate 0.05, momentum 0.9; Adam: learning rate 0.1")
print("                   loss after 0       20      100      400 steps   w1     w2")
paths = {}
for name, optimizer in OPTIMIZERS.items():
    paths[name], losses = descend(optimizer, 400)
    numbers = " ".join(f"{losses[steps]:8.4f}" for steps in (0, 20, 100, 400))
    print(f"{name:20} {numbers}     {paths[name][-1, 0]:8.3f} {paths[name][-1, 1]:6.3f}")

figure, axes = picture(1, 4, size=(12, 3.7), width_ratios=[1.15, 1, 1, 1])
fastnn.plot.loss_surface(
    network(START), X, y, loss="mean_squared_error", limits=((-3, 3), (-5, 5)), log=True, ax=axes[0]
)
for weights, name in (([0.7, 2.0], "minimum"), ([-0.7, -2.0], "minimum"), ([0.0, 0.0], "saddle")):
    axes[0].plot(*weights, "*" if name == "minimum" else "X", color="white")
    axes[0].text(weights[0] + 0.2, weights[1], name, color="white", va="center")
axes[0].set(title="the loss of both weights", xlabel="w1", ylabel="w2")
for ax, (name, path), color in zip(axes[1:], paths.items(), (RED, BLUE, GREEN), strict=True):
    fastnn.plot.loss_surface(
        network(START), X, y, loss="mean_squared_error", path=path,
        limits=((0, 2.2), (0.5, 4.5)), log=True, ax=ax,
    )  # fmt: skip
    for line in ax.lines:
        line.set(color="white" if line.get_linestyle() == "-" else color)
    ax.set(title=name, xlabel="w1", ylabel="")
save(figure)
