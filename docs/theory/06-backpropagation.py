"""Forward pass and backpropagation through a 2-2-1 network, by hand and by fastnn."""

import math

import numpy as np
from _page import BLUE, RED, block, picture, save

import fastnn

x1, x2, target = 1.0, 0.5, 1.0  # one sample: two inputs and the answer wanted

# Weights are named after where they come from and where they go.
w11, w21, b1 = 0.5, 0.3, 0.1  # into hidden unit 1
w12, w22, b2 = -0.4, 0.8, -0.2  # into hidden unit 2
v1, v2, c = 0.7, -0.6, 0.2  # into the output


def sigmoid(z):
    """Squeeze any number into one between 0 and 1."""
    return 1 / (1 + math.exp(-z))


block("forward")
z1 = x1 * w11 + x2 * w21 + b1
z2 = x1 * w12 + x2 * w22 + b2
h1 = sigmoid(z1)
h2 = sigmoid(z2)
y = h1 * v1 + h2 * v2 + c
loss = (y - target) ** 2
print(f"z1 = x1 w11 + x2 w21 + b1 = {x1} * {w11} + {x2} * {w21} + {b1} = {z1:.4f}")
print(f"z2 = x1 w12 + x2 w22 + b2 = {x1} * {w12} + {x2} * {w22} - {-b2} = {z2:.4f}")
print(f"h1 = sigmoid(z1) = {h1:.4f}")
print(f"h2 = sigmoid(z2) = {h2:.4f}")
print(f"y  = h1 v1 + h2 v2 + c = {h1:.4f} * {v1} - {h2:.4f} * {-v2} + {c} = {y:.4f}")
print(f"loss = (y - target)^2 = ({y:.4f} - {target})^2 = {loss:.4f}")

block("backward")
dy = 2 * (y - target)
dv1, dv2, dc = dy * h1, dy * h2, dy
dh1, dh2 = dy * v1, dy * v2
dz1 = dh1 * h1 * (1 - h1)
dz2 = dh2 * h2 * (1 - h2)
dw11, dw21, db1 = dz1 * x1, dz1 * x2, dz1
dw12, dw22, db2 = dz2 * x1, dz2 * x2, dz2
print(f"dy  = 2 (y - target)   = {dy:7.4f}")
print(f"dv1 = dy h1            = {dv1:7.4f}     dv2 = dy h2            = {dv2:7.4f}")
print(f"dc  = dy               = {dc:7.4f}")
print(f"dh1 = dy v1            = {dh1:7.4f}     dh2 = dy v2            = {dh2:7.4f}")
print(f"dz1 = dh1 h1 (1 - h1)  = {dz1:7.4f}     dz2 = dh2 h2 (1 - h2)  = {dz2:7.4f}")
print(f"dw11 = dz1 x1          = {dw11:7.4f}     dw12 = dz2 x1          = {dw12:7.4f}")
print(f"dw21 = dz1 x2          = {dw21:7.4f}     dw22 = dz2 x2          = {dw22:7.4f}")
print(f"db1  = dz1             = {db1:7.4f}     db2  = dz2             = {db2:7.4f}")

net = fastnn.Sequential(
    [fastnn.Dense(2, activation="sigmoid"), fastnn.Dense(1)], input_size=2, dtype="float64"
)
net.parameters = [w11, w12, w21, w22, b1, b2, v1, v2, c]
value, gradient = net.loss_and_gradient([[x1, x2]], [target], loss="mean_squared_error")

block("check")
by_hand = np.array([dw11, dw12, dw21, dw22, db1, db2, dv1, dv2, dc])
difference = max(abs(value - loss), np.abs(gradient - by_hand).max())
print("fastnn's loss:    ", f"{value:.4f}")
print("fastnn's gradient:", " ".join(f"{g:.4f}" for g in gradient))
print("differs from the numbers above by less than 1e-14:", bool(difference < 1e-14))

block("nudge")
h = 0.001
parameters = net.parameters
parameters[0] += h
net.parameters = parameters
nudged = net.evaluate([[x1, x2]], [target], loss="mean_squared_error")["loss"]
print(f"w11 from {w11} to {w11 + h}: the loss goes from {value:.6f} to {nudged:.6f}")
print(f"change / {h} = {(nudged - value) / h:.4f}, and dw11 = {dw11:.4f}")

block("step")
parameters[0] -= h
net.parameters = parameters
net.train_on_batch([[x1, x2]], [target], loss="mean_squared_error", optimizer=fastnn.SGD(lr=0.1))
after = net.evaluate([[x1, x2]], [target], loss="mean_squared_error")["loss"]
print("one step of gradient descent, learning rate 0.1")
print(f"w11: {w11} - 0.1 * ({dw11:.4f}) = {net.parameters[0]:.4f}")
print(f"loss: {value:.4f} before, {after:.4f} after")

figure, ax = picture(size=(8.6, 4.6))
ax.set_axis_off()
ax.set(xlim=(-0.35, 3.45), ylim=(-0.45, 1.42))
places = {"x1": (0, 1), "x2": (0, 0), "h1": (1.25, 1), "h2": (1.25, 0), "y": (2.4, 0.5)}
nodes = {"x1": (x1, None), "x2": (x2, None), "h1": (h1, dh1), "h2": (h2, dh2), "y": (y, dy)}
edges = [
    ("x1", "h1", "w11", w11, dw11, 0.5),
    ("x1", "h2", "w12", w12, dw12, 0.27),
    ("x2", "h1", "w21", w21, dw21, 0.27),
    ("x2", "h2", "w22", w22, dw22, 0.5),
    ("h1", "y", "v1", v1, dv1, 0.5),
    ("h2", "y", "v2", v2, dv2, 0.5),
]
white = {"facecolor": "white", "edgecolor": "none", "pad": 1}
for start, end, name, weight, slope, share in edges:
    (xa, ya), (xb, yb) = places[start], places[end]
    ax.plot([xa, xb], [ya, yb], color="silver", zorder=1)
    x, middle = xa + share * (xb - xa), ya + share * (yb - ya)
    ax.text(x, middle, f"\nd{name} = {slope:.4f}", color=RED, ha="center", va="center", bbox=white)
    ax.text(x, middle, f"{name} = {weight}\n", color=BLUE, ha="center", va="center")
for name, (number, slope) in nodes.items():
    x, middle = places[name]
    ax.scatter(x, middle, s=3400, color="white", edgecolors="black", zorder=2)
    text = f"{name}\n{number:.4f}" + ("" if slope is None else "\n")
    ax.text(x, middle, text, color=BLUE, ha="center", va="center", zorder=3, fontsize=9)
    if slope is not None:
        ax.text(x, middle, f"\n\n{slope:.4f}", color=RED, ha="center", va="center", fontsize=9)
biases = [(1.25, 1.27, "b1", b1, db1), (1.25, -0.38, "b2", b2, db2), (2.4, 0.12, "c", c, dc)]
for x, middle, name, bias, slope in biases:
    ax.text(x, middle, f"{name} = {bias}\n", color=BLUE, ha="center", va="center")
    ax.text(x, middle, f"\nd{name} = {slope:.4f}", color=RED, ha="center", va="center")
ax.annotate("", (3.05, 0.5), (2.56, 0.5), arrowprops={"arrowstyle": "->", "color": "gray"})
ax.text(3.2, 0.5, f"loss\n{loss:.4f}", color=BLUE, ha="center", va="center")
ax.text(2.95, 1.3, "forward: values", color=BLUE, ha="center")
ax.text(2.95, 1.18, "backward: slopes of the loss", color=RED, ha="center")
save(figure)
