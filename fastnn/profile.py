"""Where the engine's time goes: by kind of work and by layer, as `net.profile()` returns it.

The engine counts for networks that are built while the environment variable ``FASTNN_PROFILE`` is
set, not to 0.  Reading the CPU's clock some fifteen times a step and thread costs less than a
microsecond; without the variable nothing is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from fastnn.sequential import Sequential


class Work(NamedTuple):
    """What one thread spent on one kind of work for one layer.

    Attributes
    ----------
    kind : str
        "gather" (rows from the caller's arrays), "forward", "loss", "backward" (the gradient in a
        layer's inputs), "update" (the gradient in the weights and the optimizer's rule), "barrier"
        (waiting for other threads) or "other".
    layer : int
        Number of the engine's layer; 0 where the work is of none.
    thread : int
    calls : int
    cycles : int
        Of the CPU's time stamp counter, which runs at the CPU's nominal rate; on AArch64 of its
        timer.
    seconds : float

    Examples
    --------
    >>> from fastnn.profile import Work
    >>> Work("forward", layer=0, thread=0, calls=10, cycles=1200, seconds=5e-7).kind
    'forward'
    """

    kind: str
    layer: int
    thread: int
    calls: int
    cycles: int
    seconds: float


class Profile(list[Work]):
    """All work since the network was built or the profile reset; printed as a table.

    Examples
    --------
    >>> import os
    >>> import fastnn
    >>> os.environ["FASTNN_PROFILE"] = "1"
    >>> net = fastnn.Sequential([fastnn.Dense(8), fastnn.Dense(1)], input_size=3)
    >>> del os.environ["FASTNN_PROFILE"]
    >>> history = net.fit([[1, 2, 3]], [1], loss="mean_squared_error", epochs=10)
    >>> print(net.profile())
    work      layer     calls         cycles   seconds  share
    ---------------------------------------------------------
    gather        0        10 ...
    >>> sorted({work.kind for work in net.profile()})
    ['backward', 'barrier', 'forward', 'gather', 'loss', 'other', 'update']
    """

    def totals(self) -> dict[tuple[str, int], tuple[int, int, float]]:
        """Return (kind, layer) -> (calls, cycles, seconds), all threads together."""
        sums: dict[tuple[str, int], tuple[int, int, float]] = {}
        for work in self:
            calls, cycles, seconds = sums.get((work.kind, work.layer), (0, 0, 0.0))
            sums[work.kind, work.layer] = (
                calls + work.calls,
                cycles + work.cycles,
                seconds + work.seconds,
            )
        return sums

    def __str__(self) -> str:
        whole = sum(work.seconds for work in self) or 1.0
        header = ("work", "layer", "calls", "cycles", "seconds", "share")
        lines = ["{:<9} {:>5} {:>9} {:>14} {:>9} {:>6}".format(*header)]
        lines.append("-" * len(lines[0]))
        for (kind, layer), (calls, cycles, seconds) in self.totals().items():
            lines.append(
                f"{kind:<9} {layer:>5} {calls:>9} {cycles:>14} {seconds:>9.4f} "
                f"{seconds / whole:>6.1%}"
            )
        return "\n".join(lines)


def profile(net: Sequential, reset: bool = False) -> Profile:
    """Return where the engine's time went since a network was built; the same as `net.profile()`.

    Parameters
    ----------
    net : Sequential
        Built while the environment variable ``FASTNN_PROFILE=1`` was set.
    reset : bool, default False
        Count anew after this.

    Returns
    -------
    Profile

    Raises
    ------
    RuntimeError
        If nobody counted.

    Examples
    --------
    >>> import fastnn
    >>> fastnn.Sequential([fastnn.Dense(1)], input_size=3).profile()
    Traceback (most recent call last):
    RuntimeError: profile: nobody counted; set ... FASTNN_PROFILE=1 before the network is built
    """
    plan = net._built()
    with net._lock:
        entries = plan.profile()
        if entries is None:
            raise RuntimeError(
                "profile: nobody counted; set the environment variable FASTNN_PROFILE=1 before "
                "the network is built"
            )
        if reset:
            plan.reset_profile()
    return Profile(Work(*entry) for entry in entries)
