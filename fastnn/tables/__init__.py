"""Tables as they are: from columns of numbers, text and dates to what a network takes.

`TabularPreprocessor` is a transformer of scikit-learn (``fastnn[sklearn]``); what it learned are
one `Numeric`, `OneHot`, `Category` or `Date` a column.
"""

try:
    import sklearn as _sklearn  # noqa: F401
except ImportError as error:
    raise ImportError(
        'fastnn.tables needs scikit-learn, which is missing: pip install "fastnn[sklearn]"'
    ) from error

from fastnn.tables.columns import Category, Date, Numeric, OneHot
from fastnn.tables.preprocessor import TabularPreprocessor

__all__ = ["Category", "Date", "Numeric", "OneHot", "TabularPreprocessor"]
