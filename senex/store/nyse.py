"""The sessions of the New York Stock Exchange, 2015 to 2031.

Weekdays from 9:30 to 16:00 New York time, but for the days below. The lists are
pandas_market_calendars' (a test compares); asking it costs seconds of every first
start, and unlisted closures (a day of mourning) reach senex by a new release either way.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING

from senex.domain.calendar import NEW_YORK, Session

if TYPE_CHECKING:
    from collections.abc import Iterator

FIRST_DAY, LAST_DAY = date(2015, 1, 1), date(2031, 12, 31)
_OPENS, _CLOSES, _CLOSES_EARLY = time(9, 30), time(16), time(13)
_SATURDAY = 5

_CLOSED = """
2015 0101 0119 0216 0403 0525 0703 0907 1126 1225
2016 0101 0118 0215 0325 0530 0704 0905 1124 1226
2017 0102 0116 0220 0414 0529 0704 0904 1123 1225
2018 0101 0115 0219 0330 0528 0704 0903 1122 1205 1225
2019 0101 0121 0218 0419 0527 0704 0902 1128 1225
2020 0101 0120 0217 0410 0525 0703 0907 1126 1225
2021 0101 0118 0215 0402 0531 0705 0906 1125 1224
2022 0117 0221 0415 0530 0620 0704 0905 1124 1226
2023 0102 0116 0220 0407 0529 0619 0704 0904 1123 1225
2024 0101 0115 0219 0329 0527 0619 0704 0902 1128 1225
2025 0101 0109 0120 0217 0418 0526 0619 0704 0901 1127 1225
2026 0101 0119 0216 0403 0525 0619 0703 0907 1126 1225
2027 0101 0118 0215 0326 0531 0618 0705 0906 1125 1224
2028 0117 0221 0414 0529 0619 0704 0904 1123 1225
2029 0101 0115 0219 0330 0528 0619 0704 0903 1122 1225
2030 0101 0121 0218 0419 0527 0619 0704 0902 1128 1225
2031 0101 0120 0217 0411 0526 0619 0704 0901 1127 1225
"""
_EARLY = """
2015 1127 1224
2016 1125
2017 0703 1124
2018 0703 1123 1224
2019 0703 1129 1224
2020 1127 1224
2021 1126
2022 1125
2023 0703 1124
2024 0703 1129 1224
2025 0703 1128 1224
2026 1127 1224
2027 1126
2028 0703 1124
2029 0703 1123 1224
2030 0703 1129 1224
2031 0703 1128 1224
"""


def sessions() -> Iterator[Session]:
    """Every regular session, ascending."""
    closed, early = _dates(_CLOSED), _dates(_EARLY)
    day = FIRST_DAY
    while day <= LAST_DAY:
        if day.weekday() < _SATURDAY and day not in closed:
            closes = _CLOSES_EARLY if day in early else _CLOSES
            yield Session(
                day, datetime.combine(day, _OPENS, NEW_YORK), datetime.combine(day, closes, NEW_YORK)
            )
        day += timedelta(days=1)


def _dates(table: str) -> frozenset[date]:
    lines = [line.split() for line in table.strip().splitlines()]
    return frozenset(date(int(year), int(day[:2]), int(day[2:])) for year, *days in lines for day in days)
