"""A transformer of scikit-learn from tables to the float32 arrays that networks take.

It could be a ColumnTransformer of RobustScaler, SimpleImputer and OneHotEncoder, and its numbers
are theirs.  It is one transformer of its own because no encoder there gives missing, rare and
unseen levels a code together, none reads dates, and what was learned has to be plain data, for
files without pickle and for ONNX and C; docs/decisions/0009-tables.md has more.
"""

from __future__ import annotations

import math
import warnings
from itertools import accumulate
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted

from fastnn._spec import check_count, check_number
from fastnn.tables._learn import Settings, learn
from fastnn.tables._table import Table, read
from fastnn.tables.columns import Category, Column, from_state


class TabularPreprocessor(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Make of a table, of numbers, text and dates, with gaps, what a network takes.

    Each column becomes, according to its values in `fit`:

    - *numbers* (also durations and times of day, in seconds): (x - median) / scale, where scale
      is the interquartile range / 1.349, a normal distribution's standard deviation; where half
      of the values or more are tied, it is the standard deviation itself.  Missing ones become
      the median, and if there were any in `fit`, a second column is 1 where they are.
    - *categories* (text, truth values, and what a table calls categorical): up to `max_one_hot`
      levels become a column of zeros and ones each, and if there were missing or rare ones in
      `fit`, another column says where.  More become codes for a first layer, see `embeddings_`;
      0 is the code of all that is missing, rare or unseen.
    - *dates* (also text, if all of it is like 2024-01-31 or 2024-01-31T12:30): year, month, day,
      weekday, day of the year, hour, minute and second, each as a number.

    Whole numbers are numbers, however few: where they are names, say, of stores, tell the table
    so (pandas' and polars' Categorical, Arrow's dictionary).  So is text that looks like dates.
    Columns that are constant or all missing are dropped, and those without a level that is not
    rare: names of rows, free text.

    Parameters
    ----------
    max_one_hot : int, default 10
        Up to so many levels a category becomes columns of zeros and ones, with more an embedding.
    min_frequency : int or float, default 2
        Levels that come less often are rare.  A float below 1 is a share of the rows.
    embedding_size : int or None, default 8
        The length of the vectors that codes are embedded in, as in [1]_.  None lets it grow with
        the number n of codes, min(600, round(1.6 n^0.56)), by fastai's rule [2]_.

    Attributes
    ----------
    columns_ : tuple of Numeric, OneHot, Category or Date
        One for each column that is used, in the order of the input: see `fastnn.tables`.
    dropped_ : dict of {str: str}
        The columns that are not used, and why.
    embeddings_ : tuple of (int, int, int)
        Output column, number of codes and length of the vectors of each `Category`: a first
        layer is ``fastnn.Embedding({at: (codes, size) for at, codes, size in embeddings_})``.
    n_features_in_ : int
        The number of columns in `fit`.
    feature_names_in_ : ndarray of str
        Their names; only if the table had names, all of them text.

    References
    ----------
    .. [1] D. Holzmüller, L. Grinsztajn and I. Steinwart, "Better by Default: Strong Pre-Tuned
       MLPs and Boosted Trees on Tabular Data", arXiv:2407.04491, 2024.
    .. [2] J. Howard and S. Gugger, "fastai: A Layered API for Deep Learning", Information 11(2),
       2020; ``emb_sz_rule``.

    Examples
    --------
    >>> import numpy as np
    >>> import fastnn
    >>> X = np.array([[20.0, "red"], [25.0, "blue"], [None, "red"], [35.0, "blue"]], dtype=object)
    >>> preprocessor = fastnn.TabularPreprocessor().fit(X)
    >>> preprocessor.get_feature_names_out()
    array(['x0', 'x0_missing', 'x1_blue', 'x1_red'], dtype=object)
    >>> preprocessor.transform([[25.0, "red"], [None, "green"]])
    array([[0., 0., 0., 1.],
           [0., 1., 0., 0.]], dtype=float32)
    """

    def __init__(
        self,
        *,
        max_one_hot: int = 10,
        min_frequency: float = 2,
        embedding_size: int | None = 8,
    ) -> None:
        self.max_one_hot = max_one_hot
        self.min_frequency = min_frequency
        self.embedding_size = embedding_size

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn what each column becomes.

        Parameters
        ----------
        X : DataFrame or Table of pandas, polars or Arrow, or array-like, (n_samples, n_features)
        y : ignored

        Returns
        -------
        TabularPreprocessor
            Itself.

        Raises
        ------
        ValueError, TypeError
            If X is empty, has two columns of one name, values that are neither numbers, text,
            truth values nor dates, values of several kinds in a column, or infinite ones; if no
            column is left.
        """
        table = read(X)
        settings = self._settings(table.n_rows)
        names = table.names or [f"x{index}" for index in range(table.n_columns)]
        columns, dropped = [], {}
        for index, name in enumerate(names):
            found = learn(table.column(index, name), settings)
            if isinstance(found, str):
                dropped[name] = found
            else:
                columns.append(found)
        if not columns:
            shown = "; ".join(f"{name!r}: {reason}" for name, reason in list(dropped.items())[:5])
            raise ValueError(f"X: no column of n_samples={table.n_rows} is of use ({shown})")
        # Nothing is changed before everything is known.
        self.n_features_in_ = table.n_columns
        if table.names is not None:
            self.feature_names_in_ = np.array(names, dtype=object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_
        self.columns_: tuple[Column, ...] = tuple(columns)
        self.dropped_: dict[str, str] = dropped
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Return what the columns become.

        Parameters
        ----------
        X : table or array-like, (n_samples, n_features)
            A table's columns are found by their names, in whatever order, and others ignored, as
            in scikit-learn's ColumnTransformer; only those that are used have to be there.  An
            array, or a table that has no names, has the columns of `fit` in their order.

        Returns
        -------
        ndarray, (n_samples, n_outputs), float32
            A row has the same bits in whatever batch and table it comes.

        Raises
        ------
        ValueError
            If a column is missing, or has a value that is not of its kind, or infinite: it says
            in which column and row.
        """
        check_is_fitted(self)
        table = read(X)
        places = self._places(table)
        out = np.empty((table.n_rows, sum(c.width for c in self.columns_)), np.float32)
        for column, at in zip(self.columns_, self._starts(), strict=True):
            values = table.column(places[column.name], column.name)
            column.encode(values, out[:, at : at + column.width])
        return out

    @property
    def embeddings_(self) -> tuple[tuple[int, int, int], ...]:
        """Output column, number of codes and size of each embedding."""
        check_is_fitted(self)
        return tuple(
            (at, len(column.categories) + 1, column.size)
            for column, at in zip(self.columns_, self._starts(), strict=True)
            if isinstance(column, Category)
        )

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return the names of the output columns.

        Parameters
        ----------
        input_features : array-like of str, optional
            Names for the columns of `fit` if those had none.

        Returns
        -------
        ndarray of str, (n_outputs,)
            The column's name, and what it shows after an underscore: a category, "other",
            "missing", or a part of a date.
        """
        check_is_fitted(self)
        given = dict(zip(self._names(), _check_feature_names_in(self, input_features), strict=True))
        names: dict[str, None] = {}
        for column in self.columns_:
            for output in column.outputs:
                name = stem = f"{given[column.name]}_{output}" if output else given[column.name]
                again = 1
                while name in names:  # a column "a" with "b_c", and "a_b" with "c"
                    name = f"{stem}_{(again := again + 1)}"
                names[name] = None
        return np.array(list(names), dtype=object)

    def get_state(self) -> dict[str, Any]:
        """Return what was learned, and the parameters, as a dict that JSON can hold."""
        check_is_fitted(self)
        names = getattr(self, "feature_names_in_", None)
        return {
            "parameters": {
                name: value.item() if isinstance(value, np.generic) else value
                for name, value in self.get_params().items()
            },
            "n_features": self.n_features_in_,
            "names": None if names is None else names.tolist(),
            "columns": [column.to_state() for column in self.columns_],
            "dropped": self.dropped_,
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """Return a fitted preprocessor, whose `transform` is that of the one `get_state` is of.

        Parameters
        ----------
        state : dict
            Of `get_state`, also after a way through JSON.

        Raises
        ------
        ValueError, TypeError, KeyError
            If it is anything else.
        """
        if not isinstance(state, dict):
            raise TypeError(f"state: got {type(state).__name__}, want a dict")
        made = cls(**state["parameters"])
        made._settings(n_rows=1)
        made.n_features_in_ = check_count("n_features", state["n_features"])
        names, dropped = state["names"], state["dropped"]
        if names is not None:
            if not isinstance(names, list) or len(names) != made.n_features_in_:
                raise ValueError(f"names: got {names!r:.80}, want {made.n_features_in_} or None")
            made.feature_names_in_ = np.array(names, dtype=object)
        made.columns_ = tuple(from_state(column) for column in state["columns"])
        if not isinstance(dropped, dict) or not all(isinstance(v, str) for v in dropped.values()):
            raise TypeError(f"dropped: got {dropped!r:.80}, want a dict of text")
        made.dropped_ = dict(dropped)
        found = [*(column.name for column in made.columns_), *dropped]
        counted = len(found) == made.n_features_in_  # or so many names could fill the memory
        if not made.columns_ or not counted or sorted(found) != sorted(made._names()):
            raise ValueError("columns, dropped: want every column once")
        return made

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        tags.transformer_tags.preserves_dtype = []
        return tags

    def _places(self, table: Table) -> dict[str, int]:
        """Return where the columns of fit are in a table, by name or else by position."""
        known = hasattr(self, "feature_names_in_")
        if known and table.names is not None:
            places = {name: index for index, name in enumerate(table.names)}
            missing = [column.name for column in self.columns_ if column.name not in places]
            if missing:
                shown = ", ".join(map(repr, missing[:5])) + (", ..." if missing[5:] else "")
                raise ValueError(f"X: columns that were in fit are missing: {shown}")
            return places
        # In scikit-learn's words, which its tests ask for.
        name = type(self).__name__
        if table.n_columns != self.n_features_in_:
            raise ValueError(
                f"X has {table.n_columns} features, but {name} is expecting {self.n_features_in_} "
                "features as input"
            )
        if known:
            warnings.warn(
                f"X does not have valid feature names, but {name} was fitted with feature names",
                stacklevel=3,
            )
        elif table.names is not None:
            warnings.warn(
                f"X has feature names, but {name} was fitted without feature names", stacklevel=3
            )
        return {name: index for index, name in enumerate(self._names())}

    def _names(self) -> list[str]:
        """Return what the columns of fit are called."""
        if hasattr(self, "feature_names_in_"):
            return list(self.feature_names_in_)
        return [f"x{index}" for index in range(self.n_features_in_)]

    def _starts(self) -> list[int]:
        """Return the first output column of each of `columns_`."""
        return [0, *accumulate(column.width for column in self.columns_)][:-1]

    def _settings(self, n_rows: int) -> Settings:
        """Return the parameters, checked."""
        most = check_count("max_one_hot", self.max_one_hot, low=0)
        check_number("min_frequency", self.min_frequency, low=0)
        least = self.min_frequency
        if least < 1:
            least = math.ceil(least * n_rows)
        least = check_count("min_frequency", least, low=0)
        size = self.embedding_size
        if size is not None:
            size = check_count("embedding_size", size, high=1 << 16)
        return Settings(most, least, size)
