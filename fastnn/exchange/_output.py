"""What an exported network is to give: its raw outputs, or probabilities."""

from __future__ import annotations

from typing import Any

OUTPUTS = ("raw", "probabilities")


def last_step(net: Any, output: str) -> str:
    """Return the function that turns what `predict` gives into what is asked for.

    Parameters
    ----------
    net : Sequential
    output : {"raw", "probabilities"}

    Returns
    -------
    str
        "identity", "softmax", "sigmoid" or "exp".

    Raises
    ------
    ValueError
        If `output` is something else, or the network's loss has no probabilities.
    """
    if output not in OUTPUTS:
        raise ValueError(f"output: got {output!r}, want one of {OUTPUTS}")
    net._built()
    if output == "raw":
        return "identity"
    link: str = net._use_loss(None).link
    if link not in ("sigmoid", "softmax"):
        raise ValueError(f"output: the loss {net.loss.name!r} has no probabilities; want 'raw'")
    return left_of(net, link)


def left_of(net: Any, link: str) -> str:
    """Return the part of a link that the network's last activation has not done."""
    done = (net._graph.output_function.name, link)
    if done in (("softmax", "softmax"), ("sigmoid", "sigmoid")):
        return "identity"
    return "exp" if done == ("log_softmax", "softmax") else link
