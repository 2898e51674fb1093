"""How layers take part in steps of training, over vectors of all parameters.

The engine has the same in its kernels (csrc/step.c); this is for what takes steps without it,
and for losses with their penalties.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from fastnn._compile import Graph


def add_penalties(graph: Graph, parameters: np.ndarray, gradient: np.ndarray) -> float:
    """Return l1 sum(abs(W)) + l2 / 2 sum(W^2) over all layers; add its gradient."""
    penalty = 0.0
    for group, _, part in _weights(graph):
        l1, l2 = group.get("l1", 0.0), group.get("l2", 0.0)
        if l1 or l2:
            W = parameters[part].astype(np.float64)
            penalty += l1 * float(np.abs(W).sum()) + l2 / 2 * float(W @ W)
            gradient[part] += (l1 * np.sign(W) + l2 * W).astype(gradient.dtype)
    return penalty


def l2_of(graph: Graph) -> np.ndarray:
    """Return each parameter's l2."""
    found = np.zeros(graph.n_parameters)
    for group, _, part in _weights(graph):
        found[part] = group.get("l2", 0.0)
    return found


def lr_scales(graph: Graph, dtype: str) -> np.ndarray:
    """Return by what each parameter's steps are multiplied; 0 where they are frozen."""
    scales = np.ones(graph.n_parameters, dtype)
    for leaf, _, _, part in graph.tensors():
        group = leaf.spec.group
        scales[part] = 0 if group.get("frozen") else group.get("lr_scale", 1)
    return scales


def constrain(graph: Graph, parameters: np.ndarray) -> None:
    """Bring the weights into an output down to `max_norm`, as the engine does after its steps."""
    for group, shape, part in _weights(graph):
        most = group.get("max_norm", 0)
        if most and not group.get("frozen"):
            W = parameters[part].reshape(shape)
            norms = np.maximum(np.linalg.norm(W, axis=0), most)
            W *= np.asarray(most / norms, W.dtype)


def _weights(graph: Graph) -> Iterator[tuple[dict[str, Any], tuple[int, ...], slice]]:
    """Yield each layer's group with the shape and the place of its weights."""
    for leaf, name, shape, part in graph.tensors():
        if name == "weights":
            yield leaf.spec.group, shape, part
