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

    def _repr_html_(self) -> str:
        """Show in a notebook: a picture of each metric, and a table of what it came to."""
        from html import escape

        from fastnn._chart import line_chart

        metrics = dict.fromkeys(name.removeprefix("val_") for name in self)
        charts = "".join(
            line_chart(
                metric,
                {
                    kind: self[name]
                    for kind, name in (("training", metric), ("validation", f"val_{metric}"))
                    if name in self
                },
            )
            for metric in metrics
        )
        rows = "".join(
            f"<tr><td>{escape(name)}</td>"
            + "".join(f"<td>{value:.5g}</td>" for value in _ends(values))
            + "</tr>"
            for name, values in self.items()
        )
        return (
            f'<div style="display: flex; flex-wrap: wrap; gap: 1em">{charts}</div>'
            "<table><thead><tr><th></th><th>first</th><th>least</th><th>most</th><th>last</th>"
            f"</tr></thead><tbody>{rows}</tbody></table>"
        )


def _ends(values: list[float]) -> list[float]:
    """Return first, least, most and last, as far as there are any; NaN is neither extreme."""
    numbers = [value for value in values if value == value] or values
    return [values[0], min(numbers), max(numbers), values[-1]] if values else []
