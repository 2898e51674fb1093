"""The derivative as a function, and the direction of descent."""

import numpy as np
from _page import BLUE, GREEN, ORANGE, RED, block, picture, save

import fastnn


def f(x):
    """Return the height of a landscape with a hill and a valley."""
    return x**3 / 3 - x + 2


def derivative(x):
    """Return the slope of f at x."""
    return x**2 - 1


block("slopes")
print("f(x) = x^3 / 3 - x + 2, derivative x^2 - 1")
print("    x    f(x)  slope by h = 0.001  derivative")
for x in (-1.5, -1.0, 0.0, 1.0, 1.5):
    slope = (f(x + 0.001) - f(x - 0.001)) / 0.002
    print(f"{x:5.1f} {f(x):7.3f} {slope:19.3f} {derivative(x):11.3f}")

block("steps")
print("learning rate 0.1")
for start in (-0.5, 0.0, 1.5):
    found = fastnn.minimize(f, start, derivative, optimizer=fastnn.SGD(lr=0.1), steps=1)
    before, after = found.values
    print(
        f"x = {start:4}: slope {derivative(start):5.2f}, step {found.path[1, 0] - start:6.3f}, "
        f"f from {before:.3f} to {after:.3f}"
    )


def bowl(x):
    """Return a bowl of two variables, three times as steep along the second."""
    return x[0] ** 2 + 3 * x[1] ** 2


def bowl_gradient(x):
    """Return both slopes."""
    return np.array([2 * x[0], 6 * x[1]])


block("two variables")
start = np.array([2.0, 1.0])
found = fastnn.minimize(bowl, start, bowl_gradient, optimizer=fastnn.SGD(lr=0.1), steps=1)
first, second = bowl_gradient(start)
print(f"at ({start[0]}, {start[1]}): f = {bowl(start)}, gradient ({first}, {second})")
x, y = found.path[1]
print(f"one step of learning rate 0.1 leads to ({x:.1f}, {y:.1f}): f = {found.values[1]:.2f}")

figure, axes = picture(1, 3, size=(10, 3.5))
x = np.linspace(-2, 2, 200)
axes[0].plot(x, f(x), color=BLUE)
for at, color in ((-1.5, GREEN), (-1, "black"), (0, RED), (1, "black"), (1.5, GREEN)):
    near = at + np.array([-0.4, 0.4])
    axes[0].plot(near, f(at) + derivative(at) * (near - at), color=color, linewidth=2)
    axes[0].plot(at, f(at), "o", color=color)
    axes[1].plot(at, derivative(at), "o", color=color)
axes[0].set(title="f, and its slope at five points", xlabel="x", ylabel="f(x)")
axes[1].plot(x, derivative(x), color=ORANGE, zorder=0)
axes[1].axhline(0, color="black", linewidth=0.8)
axes[1].text(0, 1.6, "above 0: uphill,\nstep to the left", color=GREEN, ha="center")
axes[1].text(0, -1.2, "below 0: downhill,\nstep to the right", color=RED, ha="center", va="top")
axes[1].set(title="the derivative: all slopes", xlabel="x", ylabel="slope of f")
axes[1].set_ylim(-2.1, 3.2)
fastnn.plot.loss_surface(bowl, limits=((-2.6, 2.6), (-2.2, 2.2)), ax=axes[2])
for point in ((2.0, 1.0), (-2.0, 1.0), (-1.0, -1.2), (2.2, -0.6), (0.3, 1.6)):
    move = -0.15 * bowl_gradient(point)
    axes[2].annotate(
        "", np.add(point, move), point, arrowprops={"arrowstyle": "->", "color": "white", "lw": 1.5}
    )
axes[2].set(title="two variables: downhill", xlabel="x", ylabel="y", aspect="equal")
save(figure)
