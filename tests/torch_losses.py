"""PyTorch's values and gradients of some losses on fixed outputs, and their recording.

    python tests/torch_losses.py        writes tests/torch_losses.npz; needs PyTorch

test_torch_losses.py compares fastnn's losses with the recording, and the recording with PyTorch
itself where it is installed.
"""

from pathlib import Path

import numpy as np

RECORDING = Path(__file__).with_suffix(".npz")
ROWS, OUTPUTS = 12, 6
WEIGHTS = [0.5, 1, 2, 0, 3, 0.1]  # of the classes


def data():
    """Outputs, labels, probability rows and real targets."""
    generator = np.random.default_rng(0)
    return {
        "z": 2 * generator.normal(size=(ROWS, OUTPUTS)),
        "labels": np.arange(ROWS) * 5 % OUTPUTS,
        "rows": generator.dirichlet(np.ones(OUTPUTS), ROWS),
        "real": generator.normal(size=(ROWS, OUTPUTS)),
        "half": generator.normal(size=(ROWS, OUTPUTS // 2)),
    }


# Case -> fastnn's loss and its arguments, and which of the targets it takes.
CASES = {
    f"cross_entropy {targets} {smoothing} {'weights' if weights else ''}": (
        "CrossEntropy",
        {"label_smoothing": smoothing, "class_weight": weights},
        targets,
    )
    for targets in ("labels", "rows")
    for smoothing in (0.0, 0.2)
    for weights in (None, WEIGHTS)
} | {
    "gaussian_nll": ("GaussianNLL", {}, "half"),
    "cosine_similarity": ("CosineSimilarity", {}, "real"),
}


def torch_loss(case, arrays):
    """Mean loss and its gradient in z; the sum over the rows is divided by their number."""
    import torch
    from torch.nn import functional

    name, options, targets = CASES[case]
    z = torch.tensor(arrays["z"], requires_grad=True)
    t = torch.tensor(arrays[targets])
    if name == "CrossEntropy":
        weight = options["class_weight"]
        loss = functional.cross_entropy(
            z,
            t,
            weight=None if weight is None else torch.tensor(weight, dtype=z.dtype),
            label_smoothing=options["label_smoothing"],
            reduction="sum",
        )
        loss = loss / ROWS
    elif name == "GaussianNLL":
        mean, log_variance = z[:, : OUTPUTS // 2], z[:, OUTPUTS // 2 :]
        loss = functional.gaussian_nll_loss(mean, t, log_variance.exp(), eps=0)
    else:
        loss = (1 - functional.cosine_similarity(z, t)).mean()
    loss.backward()
    return np.vstack([np.full(OUTPUTS, loss.item()), z.grad.numpy()])


if __name__ == "__main__":
    arrays = data()
    np.savez_compressed(RECORDING, **arrays, **{case: torch_loss(case, arrays) for case in CASES})
