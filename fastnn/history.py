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

    def plot(self, metric: str = "loss", *, ax: Any = None) -> Any:
        """Draw a metric over the epochs: see `fastnn.plot.learning_curves`.

        Examples
        --------
        >>> from fastnn.history import History
        >>> ax = History(loss=[0.9, 0.5], val_loss=[1.0, 0.7]).plot()
        >>> [text.get_text() for text in ax.get_legend().get_texts()]
        ['training', 'validation']
        """
        from fastnn.plot import learning_curves

        return learning_curves(self, metric, ax=ax)
