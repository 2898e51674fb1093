"""A table's row in C: the one place to add a kind of column for `to_c`.

A row of a table is a struct with a member for each column that is used: numbers and truth values
are `double`, NAN where missing, for a float32 would lose what is left when the center is taken from
it; text, and dates as text (2024-01-31, 2024-01-31T12:30:59), are
`const char *`, NULL or "" where missing.  A row of COLUMNS is a function (code, column, member,
at, place) that adds the lines which write the column's numbers to x[at], x[at + 1], ...;
`place` is which member it is, from 1, for what is returned where its value is none.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from fastnn.exchange._c_code import Code

Row = Callable[[Code, Any, str, int, int], list[str]]

# Words that no member can be called, in C or C++; not those that nobody would call a column.
_TAKEN = {
    "auto", "bool", "break", "case", "catch", "char", "class", "const", "continue", "default",
    "delete", "do", "double", "else", "enum", "explicit", "export", "extern", "false",
    "float", "for", "friend", "goto", "if", "inline", "int", "long", "mutable", "namespace",
    "new", "operator", "private", "protected", "public", "register", "restrict", "return",
    "short", "signed", "sizeof", "static", "struct", "switch", "template", "this", "throw",
    "true", "try", "typedef", "typeid", "typename", "union", "unsigned", "using", "virtual",
    "void", "volatile", "while", "and", "or", "not", "xor", "NULL", "NAN", "asm",
}  # fmt: skip

_SAME = """int PREFIX_same(const char *a, const char *b) {
  while (*a && *a == *b)
    a++, b++;
  return *a == *b;
}"""
_FIND = """int PREFIX_find(const char *text, const char *const *categories, int count) {
  for (int i = 0; text && i < count; i++)
    if (PREFIX_same(text, categories[i]))
      return i;
  return -1;
}"""
_FIND_NUMBER = """int PREFIX_find_number(double number, const double *categories, int count) {
  for (int i = 0; i < count; i++)
    if (number == categories[i])
      return i;
  return -1;
}"""
_DIGITS = """int PREFIX_digits(const char *text, int count) {
  int found = 0;
  for (int i = 0; i < count; i++)
    if (text[i] >= '0' && text[i] <= '9')
      found = 10 * found + text[i] - '0';
    else
      return -1;
  return found;
}"""
# 1 of a date, 0 of none, -1 of what is no date.  What follows the minute may also be no seconds.
_DATE = """int PREFIX_date(const char *text, float *parts) {
  static const int before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
  if (!text || !*text) {
    for (int i = 0; i < 8; i++)
      parts[i] = NAN;
    return 0;
  }
  const int year = PREFIX_digits(text, 4);
  if (year < 1 || text[4] != '-')
    return -1;
  const int month = PREFIX_digits(text + 5, 2);
  if (month < 1 || month > 12 || text[7] != '-')
    return -1;
  const int day = PREFIX_digits(text + 8, 2);
  const int leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  const int length = month == 12 ? 31 : before[month] - before[month - 1] + (month == 2 && leap);
  int hour = 0, minute = 0, second = 0;
  if (day < 1 || day > length)
    return -1;
  if (text[10]) {
    if (text[10] != 'T' && text[10] != ' ')
      return -1;
    hour = PREFIX_digits(text + 11, 2);
    if (hour < 0 || hour > 23 || text[13] != ':')
      return -1;
    minute = PREFIX_digits(text + 14, 2);
    if (minute < 0 || minute > 59)
      return -1;
    if (text[16] == ':') {
      second = PREFIX_digits(text + 17, 2);
      if (second < 0 || second > 59)
        return -1;
    }
  }
  const int of_year = before[month - 1] + day + (month > 2 && leap), y = year - 1;
  parts[0] = (float)year;
  parts[1] = (float)month;
  parts[2] = (float)day;
  parts[3] = (float)((y * 365 + y / 4 - y / 100 + y / 400 + of_year - 1) % 7);
  parts[4] = (float)of_year;
  parts[5] = (float)hour;
  parts[6] = (float)minute;
  parts[7] = (float)second;
  return 1;
}"""
# In doubles, as Python has them.
_SCALED = """float PREFIX_scaled(double number, double fill, double center, double scale) {
  return (float)(((isnan(number) ? fill : number) - center) / scale);
}"""
_PARTS = ("year", "month", "day", "weekday", "dayofyear", "hour", "minute", "second")


def add_table(c: Code, preprocessor: Any) -> tuple[str, list[str]]:
    """Return the struct of a row, and the lines that make the network's input x of it."""
    members, lines, names, at = [], [], set(_TAKEN), 0
    for place, column in enumerate(preprocessor.columns_, 1):
        name = re.sub(r"\W", "_", column.name, flags=re.ASCII) or "_"
        name = f"x{name}" if name[0] in "_0123456789" else name
        while name in names:
            name += "_"
        names.add(name)
        kind = "const char *" if of_text(column) else "double "
        members.append(f"  {kind}{name}; /* {_told(column)} */")
        lines += COLUMNS[column.kind](c, column, f"row->{name}", at, place)
        at += column.width
    return "\n".join(members), lines


def of_text(column: Any) -> bool:
    """Whether a column is text in C."""
    return column.kind == "date" or isinstance(getattr(column, "categories", (0,))[0], str)


def text(value: str) -> str:
    """Return a string constant, of UTF-8."""
    plain = "".join(
        chr(b) if 32 <= b < 127 and chr(b) not in '"\\?' else f"\\{b:03o}" for b in value.encode()
    )
    return f'"{plain}"'


def texts(c: Code, name: str, values: Any) -> str:
    """Add an array of string constants and return its name."""
    name = f"{c.prefix}_{name}"
    rows = ",\n    ".join(map(text, values))
    c.constants.append(f"static const char *const {name}[{len(values)}] = {{\n    {rows}}};")
    return name


def _told(column: Any) -> str:
    plain = re.sub(r"[^ -~]|[*\\?]", "_", column.name)
    return f"{plain}: {'a date' if column.kind == 'date' else column.kind.replace('_', ' ')}"


def _scaled(c: Code, value: str, fill: float, center: float, scale: float) -> str:
    """Return the call that standardizes a number."""
    c.add_function("scaled", _SCALED)
    return f"{c.prefix}_scaled({value}, {float(fill)!r}, {float(center)!r}, {float(scale)!r})"


def _numeric(c: Code, column: Any, member: str, at: int, place: int) -> list[str]:
    scaled = _scaled(c, member, column.fill, column.center, column.scale)
    lines = [f"x[{at}] = {scaled};", f"if (isinf(x[{at}]))", f"  return {place};"]
    return [*lines, f"x[{at + 1}] = isnan({member}) ? 1.0f : 0.0f;"] if column.indicator else lines


def _date(c: Code, column: Any, member: str, at: int, place: int) -> list[str]:
    c.add_function("digits", _DIGITS)
    c.add_function("date", _DATE)
    lines = [f"found = {c.prefix}_date({member}, parts);", "if (found < 0)", f"  return {place};"]
    scaling = zip(column.parts, column.fills, column.centers, column.scales, strict=True)
    for i, (name, *numbers) in enumerate(scaling):
        scaled = _scaled(c, f"parts[{_PARTS.index(name)}]", *numbers)
        lines.append(f"x[{at + i}] = {scaled};")
    return (
        [*lines, f"x[{at + column.width - 1}] = found ? 0.0f : 1.0f;"]
        if column.indicator
        else lines
    )


def _find(c: Code, column: Any, member: str, place: int) -> str:
    """Return the call that finds a category: its place, or -1."""
    count = len(column.categories)
    if of_text(column):
        c.add_function("same", _SAME)
        c.add_function("find", _FIND)
        names = texts(c, f"categories_{place}", column.categories)
        return f"{c.prefix}_find({member}, {names}, {count})"
    c.add_function("find_number", _FIND_NUMBER)
    name = f"{c.prefix}_categories_{place}"
    values = ", ".join(repr(float(value)) for value in column.categories)
    c.constants.append(f"static const double {name}[{count}] = {{\n    {values}}};")
    return f"{c.prefix}_find_number({member}, {name}, {count})"


def _category(c: Code, column: Any, member: str, at: int, place: int) -> list[str]:
    return [f"x[{at}] = (float)({_find(c, column, member, place)} + 1);"]


def _one_hot(c: Code, column: Any, member: str, at: int, place: int) -> list[str]:
    width = column.width
    lines = [
        f"found = {_find(c, column, member, place)};",
        f"for (int i = 0; i < {width}; i++)",
        f"  x[{at} + i] = i == found ? 1.0f : 0.0f;",
    ]
    if column.other:
        lines += ["if (found < 0)", f"  x[{at + width - 1}] = 1;"]
    return lines


COLUMNS: dict[str, Row] = {
    "numeric": _numeric,
    "one_hot": _one_hot,
    "category": _category,
    "date": _date,
}
