"""Learning rate and momentum: what they do to the loss curve, and a learning rate that shrinks."""

from _page import block, picture, save

import fastnn
from fastnn.datasets import load_digits

X, y = load_digits()
X = X / 16
EPOCHS = 15
STEPS = EPOCHS * -(-len(X) // 32)  # batches of 32, the last of an epoch smaller


def train(optimizer):
    """Return the loss of each epoch of the same network on the same data."""
    net = fastnn.Sequential([fastnn.Dense(32, activation="tanh"), fastnn.Dense(10)], seed=0)
    history = net.fit(X, y, loss="cross_entropy", optimizer=optimizer, epochs=EPOCHS)
    return history["loss"]


rates = {lr: train(fastnn.SGD(lr=lr)) for lr in (0.003, 0.03, 0.3, 3.0)}
momenta = {m: train(fastnn.SGD(lr=0.03, momentum=m)) for m in (0.0, 0.5, 0.9, 0.99)}
schedules = {
    "stays": 0.4,
    "drops": fastnn.schedules.MultiStep(0.4, milestones=[2 * STEPS // 3], factor=0.1),
    "cosine": fastnn.schedules.Cosine(0.4, steps=STEPS),
}
shrinking = {name: train(fastnn.SGD(lr=lr, momentum=0.9)) for name, lr in schedules.items()}

block("learning rate")
print("learning rate   loss of epoch 1   epoch 5   epoch 15")
for lr, losses in rates.items():
    print(f"{lr:13} {losses[0]:17.3f} {losses[4]:9.3f} {losses[14]:10.3f}")

block("momentum")
print("momentum 0.5 lengthens steps up to 1 / (1 - 0.5) = 2 times, 0.9 up to 10, 0.99 up to 100")
print("learning rate   momentum   loss of epoch 1   epoch 5   epoch 15")
for momentum, losses in momenta.items():
    print(f"{0.03:13} {momentum:10} {losses[0]:17.3f} {losses[4]:9.3f} {losses[14]:10.3f}")

block("shrinking")
print(f"{STEPS} steps; learning rate at first 0.4, momentum 0.9")
print("learning rate   at the end   loss of epoch 1   epoch 5   epoch 10   epoch 15")
for name, losses in shrinking.items():
    lr = schedules[name]
    last = lr if name == "stays" else lr(STEPS)
    print(f"{name:13} {last:12.2f} {losses[0]:17.3f}", end="")
    print(f"{losses[4]:10.3f} {losses[9]:10.3f} {losses[14]:10.3f}")

figure, axes = picture(1, 3, size=(11, 3.6), sharey=True)
panels = (
    ("learning rate, no momentum", rates),
    ("momentum, learning rate 0.03", momenta),
    ("learning rate that shrinks from 0.4", shrinking),
)
for ax, (title, curves) in zip(axes, panels, strict=True):
    for name, losses in curves.items():
        fastnn.plot.learning_curves({"loss": losses}, label=str(name), ax=ax)
    ax.set(title=title, yscale="log", ylabel="")
    ax.legend(loc="center right", bbox_to_anchor=(1, 0.8), ncols=2)
axes[0].set_ylabel("loss")
save(figure)
