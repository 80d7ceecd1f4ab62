"""The exchange's holidays and half days as data.

Held equal to ``pandas_market_calendars`` by a test. Data, because that package
brings pandas along: a second of start-up and 60 MB in every simulator.
"""

from __future__ import annotations

from datetime import date

_CLOSED = {
    2024: "01-01 01-15 02-19 03-29 05-27 06-19 07-04 09-02 11-28 12-25",
    2025: "01-01 01-09 01-20 02-17 04-18 05-26 06-19 07-04 09-01 11-27 12-25",
    2026: "01-01 01-19 02-16 04-03 05-25 06-19 07-03 09-07 11-26 12-25",
    2027: "01-01 01-18 02-15 03-26 05-31 06-18 07-05 09-06 11-25 12-24",
    2028: "01-17 02-21 04-14 05-29 06-19 07-04 09-04 11-23 12-25",
    2029: "01-01 01-15 02-19 03-30 05-28 06-19 07-04 09-03 11-22 12-25",
    2030: "01-01 01-21 02-18 04-19 05-27 06-19 07-04 09-02 11-28 12-25",
    2031: "01-01 01-20 02-17 04-11 05-26 06-19 07-04 09-01 11-27 12-25",
}
_HALF = {
    2024: "07-03 11-29 12-24",
    2025: "07-03 11-28 12-24",
    2026: "11-27 12-24",
    2027: "11-26",
    2028: "07-03 11-24",
    2029: "07-03 11-23 12-24",
    2030: "07-03 11-29 12-24",
    2031: "07-03 11-28 12-24",
}

FIRST, LAST = date(min(_CLOSED), 1, 1), date(max(_CLOSED), 12, 31)
"""The dates the table covers."""


def _dates(table: dict[int, str]) -> frozenset[date]:
    return frozenset(
        date.fromisoformat(f"{year}-{day}") for year, days in table.items() for day in days.split()
    )


CLOSED, HALF = _dates(_CLOSED), _dates(_HALF)
