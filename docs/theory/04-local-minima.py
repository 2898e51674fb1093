"""Local and global minima: where one starts decides where one ends."""

import numpy as np
from _page import BLUE, GREEN, RED, block, picture, save

import fastnn


def f(x):
    """Two valleys, of which the left one is deeper."""
    return x**4 / 8 - x**2 + 0.5 * x + 3


def slope(x):
    """Return the derivative of f."""
    return x**3 / 2 - 2 * x + 0.5


block("starts")
print("start    ends at   f there")
ends = {}
for start in (-3.0, -1.0, 0.0, 0.2, 0.3, 1.0, 3.0):
    found = fastnn.minimize(f, start, slope, optimizer=fastnn.SGD(lr=0.1))
    ends[start] = found
    print(f"{start:5} {found.x:10.3f} {found.value:9.3f}")

block("momentum")
for momentum in (0.5, 0.9):
    rule = fastnn.SGD(lr=0.1, momentum=momentum)
    found = fastnn.minimize(f, 3.0, slope, optimizer=rule)
    print(f"from 3.0 with momentum {momentum}: ends at {found.x:.3f}, f = {found.value:.3f}")
rolling = found

# A network too: "one or the other, but not both", with two hidden units.
X, y = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0]
SEEDS = range(10)


def train(seed):
    """Return the loss of each epoch from the initial values of a seed."""
    net = fastnn.Sequential([fastnn.Dense(2, activation="relu"), fastnn.Dense(1)], seed=seed)
    history = net.fit(X, y, loss="mean_squared_error", optimizer=fastnn.Adam(lr=0.03), epochs=600)
    return history["loss"]


block("network")
curves = {seed: train(seed) for seed in SEEDS}
for seed, losses in curves.items():
    print(f"seed {seed}: loss {losses[-1]:.3f}")
found_it = [seed for seed in SEEDS if curves[seed][-1] < 0.01]
print(f"{len(found_it)} of {len(SEEDS)} starts come below 0.01")

figure, (left, right) = picture(1, 2, size=(9, 3.8))
x = np.linspace(-3.2, 3.2, 300)
left.plot(x, f(x), color=BLUE)
for start, end in ends.items():
    color = GREEN if end.x < 0 else RED
    left.plot(end.path[:, 0], f(end.path[:, 0]), ".-", color=color, markersize=4, linewidth=0.8)
    left.plot(start, f(start), "o", color=color)
for end, color, name in ((ends[-3.0], GREEN, "global"), (ends[3.0], RED, "local")):
    arrow = {"arrowstyle": "->", "color": color}
    place, below = (end.x, end.value), (end.x, -2.3)
    left.annotate(f"{name}\nminimum", place, below, color=color, ha="center", arrowprops=arrow)
left.set(title="starts (circles) and where they lead", xlabel="x", ylabel="f(x)", ylim=(-2.6, 7))
for seed, losses in curves.items():
    right.plot(losses, color=GREEN if seed in found_it else RED, linewidth=1.2)
right.set(title="one network, ten starts", xlabel="epoch", ylabel="loss", ylim=(-0.01, 0.6))
right.plot([], [], color=GREEN, label="comes below 0.01")
right.plot([], [], color=RED, label="is stuck")
right.legend(loc="upper right")
save(figure)
