"""PyTorch's optimizers on a fixed sequence of gradients, and the recording of where they lead.

    python tests/torch_optimizers.py        writes tests/torch_optimizers.npz; needs PyTorch

test_torch.py compares fastnn's optimizers with the recording, and with PyTorch itself where it
is installed.  The gradients are part of the recording, so that both see the same numbers.
"""

from pathlib import Path

import numpy as np

RECORDING = Path(__file__).with_suffix(".npz")
STEPS, SIZE = 100, 16
RECORDED = (1, 2, 3, 5, 6, 7, 10, 30, 100)  # after so many steps; radam rectifies from the sixth on

ADAM = {"lr": 0.02, "betas": (0.8, 0.97), "eps": 1e-7}
RMSPROP = {"lr": 0.02, "alpha": 0.95, "eps": 1e-7}

# Case -> PyTorch's class and its arguments, in its terms.
CASES = {
    "sgd": ("SGD", {"lr": 0.05}),
    "momentum": ("SGD", {"lr": 0.05, "momentum": 0.9}),
    "nesterov": ("SGD", {"lr": 0.05, "momentum": 0.9, "nesterov": True}),
    "adam": ("Adam", ADAM),
    "adam_amsgrad": ("Adam", {**ADAM, "amsgrad": True}),
    "adamw": ("AdamW", {**ADAM, "weight_decay": 0.1}),
    "adamw_amsgrad": ("AdamW", {**ADAM, "weight_decay": 0.1, "amsgrad": True}),
    "nadam": ("NAdam", {**ADAM, "momentum_decay": 0.01}),
    "radam": ("RAdam", ADAM),
    "adagrad": ("Adagrad", {"lr": 0.1, "eps": 1e-8}),
    "adadelta": ("Adadelta", {"lr": 0.9, "rho": 0.95, "eps": 1e-5}),
    "rmsprop": ("RMSprop", RMSPROP),
    "rmsprop_momentum": ("RMSprop", {**RMSPROP, "momentum": 0.8}),
    "rmsprop_centered": ("RMSprop", {**RMSPROP, "centered": True}),
    "rmsprop_centered_momentum": ("RMSprop", {**RMSPROP, "centered": True, "momentum": 0.8}),
    "rprop": ("Rprop", {"lr": 0.03, "etas": (0.4, 1.3), "step_sizes": (1e-3, 0.2)}),
    # Nothing but a class: the defaults are the same too.
    "default Adam": ("Adam", {}),
    "default AdamW": ("AdamW", {}),
    "default NAdam": ("NAdam", {}),
    "default RAdam": ("RAdam", {}),
    "default Adagrad": ("Adagrad", {}),
    "default Adadelta": ("Adadelta", {}),
    "default RMSprop": ("RMSprop", {}),
    "default Rprop": ("Rprop", {}),
}


def start():
    return np.linspace(-1, 1, SIZE)


def gradients():
    """Of all sizes, with a drift and noise; one is always 0, one only now and then not."""
    generator = np.random.default_rng(0)
    g = generator.normal(size=(STEPS, SIZE)) + generator.normal(size=SIZE)
    g *= np.geomspace(1e-3, 30, SIZE)
    g[60:] /= 10
    g[:, 3] = 0
    g[np.arange(STEPS) % 7 != 2, 5] = 0
    return g


def torch_optimizer(case, parameters):
    """PyTorch's optimizer of a case; foreach=False is its plain loop over the parameters."""
    import torch

    name, options = CASES[case]
    return getattr(torch.optim, name)(parameters, foreach=False, **options)


def torch_path(case, g):
    """The parameters after each recorded step."""
    import torch

    w = torch.tensor(start(), dtype=torch.float64, requires_grad=True)
    optimizer = torch_optimizer(case, [w])
    path = []
    for step, row in enumerate(g, 1):
        w.grad = torch.tensor(row)
        optimizer.step()
        if step in RECORDED:
            path.append(w.detach().numpy().copy())
    return np.array(path)


if __name__ == "__main__":
    g = gradients()
    np.savez_compressed(RECORDING, gradients=g, **{case: torch_path(case, g) for case in CASES})
