"""What `fit` returns: a dict of lists that can also become a table or a picture."""

from __future__ import annotations

from typing import Any


class History(dict[str, list[float]]):
    """Numbers of a training: a dict of name to list, with one number an epoch.

    Attributes
    ----------
    message : str
        Why a solver (`fastnn.LBFGS`, `fastnn.LevenbergMarquardt`) could not get any further
        and ended the fit; "" where it did not.

    Examples
    --------
    >>> import fastnn
    >>> net = fastnn.Sequential([fastnn.Dense(1, weight_init="zeros")])
    >>> net.fit([[1.0]], [1.0], loss="mean_squared_error", optimizer=fastnn.SGD(0.25), epochs=2)
    {'loss': [1.0, 0.0]}
    """

    message: str = ""

    def to_dataframe(self) -> Any:
        """Return a pandas.DataFrame: a row an epoch (the index, from 0), a column a name.

        Raises
        ------
        ImportError
            Without pandas, which the extra ``fastnn[dataframe]`` brings.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise ImportError(
                'to_dataframe: needs pandas: pip install "fastnn[dataframe]"'
            ) from error
        epochs = pd.RangeIndex(max(map(len, self.values()), default=0), name="epoch")
        return pd.DataFrame(dict(self), index=epochs)

    def plot(self, ax: Any = None, name: str = "loss") -> Any:
        """Draw a number over the epochs, and its validation twin where there is one.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; by default axes of a new figure.
        name : str, default "loss"
            Of the history, without "val_".

        Returns
        -------
        matplotlib.axes.Axes

        Raises
        ------
        ValueError
            If the history has no such name.
        ImportError
            Without matplotlib, which the extra ``fastnn[plot]`` brings.
        """
        labels = {name: "training", f"val_{name}": "validation"}
        shown = [key for key in labels if key in self]
        if not shown:
            raise ValueError(f"name: got {name!r}, want one of {[*self]}")
        try:
            import matplotlib.pyplot as plt
        except ImportError as error:
            raise ImportError('plot: needs matplotlib: pip install "fastnn[plot]"') from error
        if ax is None:
            _, ax = plt.subplots()
        for key in shown:
            epochs = range(1, len(self[key]) + 1)
            # One epoch is a point, and a line would not show it.
            ax.plot(epochs, self[key], marker="." if len(epochs) < 30 else "", label=labels[key])
        ax.set(xlabel="epoch", ylabel=name)
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.legend()
        return ax
