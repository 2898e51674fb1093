"""The parts of a date as nodes of ONNX, in whole numbers.

ONNX knows no calendar.  Days are counted from 1 March of the year 0, so that a leap day is the
last day of its year: then years and months are quotients (H. Hinnant, "chrono-compatible
low-level date algorithms", https://howardhinnant.github.io/date_algorithms.html).  All numbers
are positive from that day on, where ONNX's division, which rounds towards 0, rounds down.
"""

from __future__ import annotations

from fastnn.exchange._onnx_graph import Graph

_DAY = 86_400_000_000  # microseconds
_BEFORE = 719_468  # days from 1 March 0 to 1 January 1970


def parts_of(g: Graph, x: str, names: tuple[str, ...]) -> dict[str, str]:
    """Return the parts of dates, int64 microseconds since 1970, by their names."""

    def whole(op: str, a: str, b: str | int) -> str:
        return g.add(op, a, b if isinstance(b, str) else g.number(b, "int64"))

    def bit(op: str, a: str, b: int) -> str:
        return g.add("Cast", whole(op, a, b), to=g.kind("int64"))

    time = whole("Add", x, _BEFORE * _DAY)
    days = whole("Div", time, _DAY)
    seconds = whole("Div", whole("Sub", time, whole("Mul", days, _DAY)), 1_000_000)

    # Of 400 years, and in them.
    era = whole("Div", days, 146_097)
    day = whole("Sub", days, whole("Mul", era, 146_097))
    corrected = whole("Sub", day, whole("Div", day, 1460))
    corrected = whole("Add", corrected, whole("Div", day, 36_524))
    corrected = whole("Sub", corrected, whole("Div", day, 146_096))
    year = whole("Div", corrected, 365)
    before = whole("Add", whole("Mul", year, 365), whole("Div", year, 4))
    before = whole("Sub", before, whole("Div", year, 100))
    day = whole("Sub", day, before)  # from 1 March, which is 0
    month = whole("Div", whole("Add", whole("Mul", day, 5), 2), 153)  # March is 0
    begin = whole("Div", whole("Add", whole("Mul", month, 153), 2), 5)
    early = bit("GreaterOrEqual", month, 10)  # January or February, of the next year
    calendar = whole("Add", whole("Add", year, whole("Mul", era, 400)), early)

    def divisible(by: int) -> str:
        rest = whole("Sub", calendar, whole("Mul", whole("Div", calendar, by), by))
        return bit("Equal", rest, 0)

    leap = whole("Add", whole("Sub", divisible(4), divisible(100)), divisible(400))
    since_january = whole("Add", whole("Add", day, 60), leap)
    in_january = whole("Sub", day, 305)
    week = whole("Add", days, 2)
    minutes = whole("Div", seconds, 60)
    hours = whole("Div", seconds, 3600)
    parts = {
        "year": calendar,
        "month": whole("Sub", whole("Add", month, 3), whole("Mul", early, 12)),
        "day": whole("Add", whole("Sub", day, begin), 1),
        "weekday": whole("Sub", week, whole("Mul", whole("Div", week, 7), 7)),
        "dayofyear": g.add("Where", whole("Equal", early, 1), in_january, since_january),
        "hour": hours,
        "minute": whole("Sub", minutes, whole("Mul", hours, 60)),
        "second": whole("Sub", seconds, whole("Mul", minutes, 60)),
    }
    return {name: parts[name] for name in names}
