"""CSV and TSV as columns of text, strictly: every row as wide as the header, every byte text.

Values get their types in fastnn.cli._types, which then knows the row of each that is none.  Where
a row is in the file is found out by reading it once more, when there is something to tell.
"""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import lzma
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from fastnn.cli._errors import InputError, need

SEPARATORS = ",;\t|"
OPENERS: dict[str, Any] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
# What pandas takes for missing too.
MISSING = (
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN",
    "<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null",
)  # fmt: skip
# What a damaged file raises.
BROKEN = (gzip.BadGzipFile, lzma.LZMAError, zlib.error, EOFError)
_FIELD = 1 << 27  # bytes that a field may have


@dataclass(frozen=True)
class Text:
    """A file of text and how it is written."""

    path: Path
    sep: str | None = None  # None: found out of the header
    encoding: str = "utf-8"
    missing: tuple[str, ...] = ()  # besides those above

    def read(self) -> Any:
        """Return a pyarrow.Table of strings, with nulls where a value is missing."""
        pa, pc, reader = need("pyarrow"), need("pyarrow.compute"), need("pyarrow.csv")
        header, sep = self._header()
        try:
            with self._open() as file:
                table = reader.read_csv(
                    file,
                    reader.ReadOptions(encoding=self.encoding, block_size=1 << 24),
                    reader.ParseOptions(delimiter=sep, newlines_in_values=True),
                    reader.ConvertOptions(column_types=dict.fromkeys(header, pa.string())),
                )
        except (pa.ArrowInvalid, UnicodeError) as error:
            self._explain(len(header), sep)
            raise InputError(f"{self.path}: {error}") from error
        except BROKEN as error:
            raise InputError(f"{self.path}: damaged or cut off: {error}") from error
        missing = pa.array([*MISSING, *self.missing])
        columns = []
        for column in table.columns:
            values = pc.utf8_trim_whitespace(column)
            lost = pc.is_in(values, value_set=missing)
            columns.append(pc.if_else(lost, pa.scalar(None, pa.string()), values))
        return pa.table(columns, names=[name.strip() for name in header])

    def line(self, row: int) -> int:
        """Return the line, counted from 1, on which a row begins; row 0 follows the header."""
        lines = (line for line, fields in self._records(self._header()[1]) if fields)
        next(lines)
        return next(line for i, line in enumerate(lines) if i == row)

    def _open(self) -> IO[bytes]:
        opener = OPENERS.get(self.path.suffix.lower(), open)
        file: IO[bytes] = opener(self.path, "rb")
        return file

    def _records(self, sep: str) -> Iterator[tuple[int, list[str]]]:
        """Yield the records, each with the line on which it begins; [] for blank lines."""
        encoding = "utf-8-sig" if self.encoding.lower() in ("utf-8", "utf8") else self.encoding
        limit = csv.field_size_limit(_FIELD)
        try:
            with self._open() as file:
                text = io.TextIOWrapper(file, encoding, errors="replace", newline="")
                records = csv.reader(text, delimiter=sep)
                begin = 1
                for fields in records:
                    yield begin, fields
                    begin = records.line_num + 1
        finally:
            csv.field_size_limit(limit)

    def _header(self) -> tuple[list[str], str]:
        """Return the names of the columns as they stand there, and what is between fields."""
        try:
            sep = self.sep or self._separator()
            header = next((fields for _, fields in self._records(sep) if fields), None)
        except BROKEN as error:
            raise InputError(f"{self.path}: damaged or cut off: {error}") from error
        except (csv.Error, LookupError) as error:  # no text at all; no such encoding
            raise InputError(f"{self.path}: {error}") from error
        if header is None:
            raise InputError(f"{self.path}: is empty, want a header and rows")
        return header, sep

    def _separator(self) -> str:
        """Return which of the usual separators the first line has most of."""
        if {".tsv", ".tab"} & {suffix.lower() for suffix in self.path.suffixes[-2:]}:
            return "\t"
        with self._open() as file:
            line = file.readline(_FIELD).decode(self.encoding, errors="replace")
        fields = {sep: len(next(csv.reader([line], delimiter=sep), [])) for sep in SEPARATORS}
        return max(SEPARATORS, key=lambda sep: fields[sep])

    def _explain(self, width: int, sep: str) -> None:
        """Raise with the line of what cannot be read, if it is found."""
        with self._open() as file:
            lines = file if "\n".encode(self.encoding) == b"\n" else ()  # not of UTF-16
            for number, line_bytes in enumerate(lines, 1):
                try:
                    line_bytes.decode(self.encoding)
                except UnicodeDecodeError as error:
                    raise InputError(
                        f"{self.path}: line {number}: byte 0x{line_bytes[error.start]:02x} is not "
                        f"{self.encoding}; what it is tells --encoding, such as latin-1"
                    ) from None
        for line, fields in self._records(sep):
            if fields and len(fields) != width:
                hint = "; is a quote open there?" if any("\n" in field for field in fields) else ""
                raise InputError(
                    f"{self.path}: line {line}: {len(fields)} fields where the header has "
                    f"{width}{hint}"
                )
