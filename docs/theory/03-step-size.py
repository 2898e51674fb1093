"""Finding a minimum step by step, and how the size of the steps decides."""

import numpy as np
from _page import BLUE, ORANGE, block, picture, save

import fastnn


def f(x):
    """Return the height of a valley, with its lowest point at 2."""
    return (x - 2) ** 2 + 1


def slope(x):
    """Return the derivative of f."""
    return 2 * (x - 2)


RATES = {"too small": 0.03, "right": 0.3, "too large": 0.95, "diverging": 1.05}
STEPS = 12

runs = {
    name: fastnn.minimize(f, -1.0, slope, optimizer=fastnn.SGD(lr=lr), steps=STEPS)
    for name, lr in RATES.items()
}

block("by hand")
x, lr = -1.0, RATES["right"]
print(f"start at x = {x}, learning rate {lr}")
for step in range(1, 4):
    new = x - lr * slope(x)
    print(f"step {step}: x = {x:.3f} - {lr} * ({slope(x):.3f}) = {new:.3f}")
    x = new

block("runs")
print("             learning rate     step 1     step 2     step 3    step 12")
for name, found in runs.items():
    path = found.path[:, 0]
    print(f"{name:12} {RATES[name]:13}" + "".join(f"{path[i]:11.3f}" for i in (1, 2, 3, STEPS)))

block("factor")
print("learning rate   each step multiplies the distance to the minimum by")
for name, found in runs.items():
    distance = found.path[:, 0] - 2
    print(f"{RATES[name]:13}   {distance[1] / distance[0]:.2f}")

block("converged")
found = fastnn.minimize(f, -1.0, slope, optimizer=fastnn.SGD(lr=0.3))
print(f"x = {found.x:.4f}, f(x) = {found.value:.4f} after {found.steps} steps: {found.message}")

figure, axes = picture(1, 4, size=(11, 3.2), sharey=True)
x = np.linspace(-4, 8, 200)
for ax, (name, found) in zip(axes, runs.items(), strict=True):
    ax.plot(x, f(x), color=BLUE)
    ax.plot(found.path[:, 0], found.values, ".-", color=ORANGE, linewidth=1)
    ax.plot(found.path[0, 0], found.values[0], "o", color=ORANGE)
    ax.set(title=f"{name}: {RATES[name]}", xlabel="x", xlim=(-4.2, 8.2), ylim=(0, 36))
axes[0].set_ylabel("f(x)")
save(figure)
