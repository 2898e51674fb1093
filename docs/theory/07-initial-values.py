"""Initial values: what ten layers make of a signal, and of the gradient on its way back."""

import numpy as np
from _page import block, picture, save

import fastnn
from fastnn.datasets import load_digits

DEPTH = 10
X, y = load_digits()
X = (X - X.mean()) / X.std()  # mean 0, standard deviation 1

STARTS = {
    "zeros": fastnn.initializers.Zeros(),
    "too small": fastnn.initializers.Normal(std=0.02),
    "Glorot": fastnn.initializers.GlorotNormal(),
    "He": fastnn.initializers.HeNormal(),
}


def network(start):
    """Return ten layers of 64 units with relu, and an output for each digit."""
    layers = [fastnn.Dense(64, activation="relu", weight_init=start) for _ in range(DEPTH)]
    return fastnn.Sequential([*layers, fastnn.Dense(10, weight_init=start)], input_size=64, seed=1)


def spread(net, layers):
    """Return the standard deviation of what the first layers put out."""
    part = fastnn.Sequential(net.specs[:layers], input_size=64)
    part.parameters = net.parameters[: part.parameters.size]
    return part.predict(X).std()


def first_and_last(net):
    """Return the mean absolute gradient of the weights of layer 0 and of the output layer."""
    _, gradient = net.loss_and_gradient(X, y, loss="cross_entropy")
    n = net.layers[0].weights.size
    last = net.layers[-1].weights.size + 10
    return np.abs(gradient[:n]).mean(), np.abs(gradient[-last:-10]).mean()


nets = {name: network(start) for name, start in STARTS.items()}

block("forward")
print(f"Glorot: square root of 2 / (64 + 64) = {np.sqrt(2 / 128):.3f}")
print(f"He:     square root of 2 / 64        = {np.sqrt(2 / 64):.3f}")
print()
print(f"standard deviation of the signal after {DEPTH} hidden layers of 64 units, 0 to {DEPTH - 1}")
print("weights       std of weights   input   layer 0   layer 4   layer 9")
for name, net in nets.items():
    row = [spread(net, layers) for layers in (1, 5, 10)]
    print(
        f"{name:12} {net.layers[0].weights.std():15.4f} {X.std():7.2f}",
        *(f"{number:9.2g}" for number in row),
    )

block("backward")
print("mean size of the gradient of the weights")
print("weights       layer 0   layer 10 (the output)")
for name, net in nets.items():
    first, last = first_and_last(net)
    print(f"{name:12} {first:8.1e} {last:10.1e}")

block("training")
print("loss after 0, 1 and 10 epochs of SGD, learning rate 0.02; guessing has log(10) = 2.30")
losses = {}
for name, start in STARTS.items():
    net = network(start)
    before = net.evaluate(X, y, loss="cross_entropy")["loss"]
    history = net.fit(X, y, loss="cross_entropy", optimizer=fastnn.SGD(lr=0.02), epochs=10)
    losses[name] = [before, *history["loss"]]
    print(f"{name:12} {before:7.2f} {history['loss'][0]:7.2f} {history['loss'][-1]:7.2f}")

figure, axes = picture(2, 3, size=(10, 6))
for ax, (name, net) in zip(axes[:, :2].flat, nets.items(), strict=True):
    fastnn.plot.activations(net, X, ax=ax)
    texts = [label.get_text() for label in ax.get_yticklabels()]
    ax.set_yticks(range(DEPTH + 1), [text.rsplit(", ", text.count(",") - 1)[0] for text in texts])
    ax.tick_params(axis="y", labelsize=7)
    ax.set(title=f"signal: {name}", xlim=(-1.5, 3.5), xlabel="")
for name, net in nets.items():
    label = "zeros: none at all" if name == "zeros" else name
    fastnn.plot.gradient_flow(net, X, y, loss="cross_entropy", label=label, ax=axes[0, 2])
    axes[1, 2].plot(losses[name], ".-")
axes[0, 2].set(title="gradient")
axes[1, 2].set(title="training (the same colours)", xlabel="epoch", ylabel="loss")
axes[0, 2].legend(fontsize=8, loc="center right")
save(figure)
