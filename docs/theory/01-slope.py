"""The slope of a line, and of a curve: its tangent."""

import numpy as np
from _page import BLUE, ORANGE, RED, block, picture, save

import fastnn

# A line: the smallest network there is, one weight and one bias.
line = fastnn.Sequential([fastnn.Dense(1)], input_size=1, dtype="float64")
line.layers[0].weights = [[2.0]]
line.layers[0].bias = [3.0]

block("line")
prices = line.predict([[0.0], [1.0], [5.0]]).ravel()
print("kilometres  0     1     5")
print("price     " + "".join(f"{price:4.1f}  " for price in prices))
print(f"from 0 to 1 km: slope = ({prices[1]} - {prices[0]}) / (1 - 0) = {prices[1] - prices[0]}")
print(f"from 1 to 5 km: slope = ({prices[2]} - {prices[1]}) / (5 - 1) = {np.diff(prices)[1] / 4}")

# A curve: the loss of a network of one weight w, whose answer to 1 should be 3.
net = fastnn.Sequential([fastnn.Dense(1, bias=False)], input_size=1, dtype="float64")


def loss(w):
    """Return (w - 3)^2, computed by the network."""
    net.parameters = [w]
    return net.evaluate([[1.0]], [3.0], loss="mean_squared_error")["loss"]


block("curve")
print("w     0    1    2    3    4")
print("loss", "  ".join(f"{loss(w):3.0f}" for w in range(5)))
print(f"slope from 1 to 2: {loss(2) - loss(1):.0f}, from 4 to 5: {loss(5) - loss(4):.0f}")

block("tangent")
w = 1.0
for h in (1.0, 0.1, 0.01, 0.001):
    slope = (loss(w + h) - loss(w)) / h
    print(f"h = {h:<6} slope from {w} to {w + h:<6} {slope:.3f}")
net.parameters = [w]
value, gradient = net.loss_and_gradient([[1.0]], [3.0], loss="mean_squared_error")
print(f"fastnn: loss {value}, slope {gradient[0]}")

figure, (left, right) = picture(1, 2)
x = np.linspace(0, 6, 50)
left.plot(x, line.predict(x[:, None]), color=BLUE)
left.plot([1, 5, 5], [prices[1], prices[1], prices[2]], color=ORANGE, linestyle="--")
left.plot([1, 5], prices[1:], "o", color=BLUE)
left.text(3, 4.1, "4 further", color=ORANGE, ha="center", va="top")
left.text(5.1, 9, "8 up", color=ORANGE, va="center")
left.set(title="a line: slope 8 / 4 = 2 everywhere", xlabel="kilometres", ylabel="price")
left.set(xlim=(0, 6.2), ylim=(0, 16))
x = np.linspace(-0.2, 5, 100)
right.plot(x, [loss(w) for w in x], color=BLUE, label="the loss, a curve")
for h, shade in ((2.0, 0.25), (1.0, 0.5), (0.3, 0.8)):
    slope = (loss(1 + h) - loss(1)) / h
    right.plot(x, loss(1) + slope * (x - 1), color=ORANGE, alpha=shade, linewidth=1)
    right.plot([1 + h], [loss(1 + h)], "o", color=ORANGE, alpha=shade)
right.plot([], [], color=ORANGE, label="lines through two points")
right.plot(x, value + gradient[0] * (x - 1), color=RED, label="the tangent at 1: slope -4")
right.plot([1], [value], "o", color=RED)
right.set(title="a curve: the tangent's slope", xlabel="w", ylabel="loss", ylim=(-2, 10))
right.legend(loc="upper center")
save(figure)
