"""Learning rate and momentum: what they do to the loss curve."""

from _page import block, picture, save

import fastnn
from fastnn.datasets import load_digits

X, y = load_digits()
X = X / 16
EPOCHS = 15


def train(optimizer):
    """Return the loss of each epoch of the same network on the same data."""
    net = fastnn.Sequential([fastnn.Dense(32, activation="tanh"), fastnn.Dense(10)], seed=0)
    history = net.fit(X, y, loss="cross_entropy", optimizer=optimizer, epochs=EPOCHS)
    return history["loss"]


rates = {lr: train(fastnn.SGD(lr=lr)) for lr in (0.003, 0.03, 0.3, 3.0)}
momenta = {m: train(fastnn.SGD(lr=0.03, momentum=m)) for m in (0.0, 0.5, 0.9, 0.99)}

block("learning rate")
print("learning rate   loss of epoch 1   epoch 5   epoch 15")
for lr, losses in rates.items():
    print(f"{lr:13} {losses[0]:17.3f} {losses[4]:9.3f} {losses[14]:10.3f}")

block("momentum")
print("momentum 0.5 lengthens steps up to 1 / (1 - 0.5) = 2 times, 0.9 up to 10, 0.99 up to 100")
print("learning rate   momentum   loss of epoch 1   epoch 5   epoch 15")
for momentum, losses in momenta.items():
    print(f"{0.03:13} {momentum:10} {losses[0]:17.3f} {losses[4]:9.3f} {losses[14]:10.3f}")

figure, (left, right) = picture(1, 2, sharey=True)
for lr, losses in rates.items():
    fastnn.plot.learning_curves({"loss": losses}, label=f"learning rate {lr}:", ax=left)
for momentum, losses in momenta.items():
    fastnn.plot.learning_curves({"loss": losses}, label=f"momentum {momentum}:", ax=right)
left.set(title="learning rate, no momentum", yscale="log")
right.set(title="momentum, learning rate 0.03", ylabel="")
for ax in (left, right):
    names = [text.get_text().removesuffix(": loss") for text in ax.get_legend().get_texts()]
    ax.legend(names, loc="center", bbox_to_anchor=(0.65, 0.72))
save(figure)
