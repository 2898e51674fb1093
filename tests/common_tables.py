"""What the tests of tables share: a table of all libraries."""

import datetime as dt

import pandas as pd
import polars as pl
import pyarrow as pa

COLUMNS = {
    "area": [31.5, 44.0, None, 80.25, 120.0, 55.0],
    "rooms": [1, 2, 2, 3, 5, 2],
    "city": ["Rome", "Oslo", None, "Rome", "Bern", "Oslo"],
    "lift": [True, False, True, None, False, True],
    "sold": [dt.datetime(2024, month, 3, month) for month in range(1, 6)] + [None],
    "built": ["1999-01-31", "2001-02-01", "1985-07-14", "2020-12-24", None, "2001-02-01"],
}


def libraries(columns=COLUMNS):
    frame = pl.DataFrame(columns)
    return {"pandas": pd.DataFrame(columns), "polars": frame, "arrow": pa.table(columns)}
