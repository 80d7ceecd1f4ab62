"""The frozen calendar is the one pandas_market_calendars knows."""

from __future__ import annotations

import pandas_market_calendars

from senex.store.nyse import FIRST_DAY, LAST_DAY, sessions


def test_every_session_is_the_exchanges() -> None:
    table = pandas_market_calendars.get_calendar("NYSE").schedule(FIRST_DAY, LAST_DAY)
    theirs = [
        (day.date(), opens.to_pydatetime(), closes.to_pydatetime())
        for day, opens, closes in table[["market_open", "market_close"]].itertuples()
    ]

    assert [(one.day, one.opens, one.closes) for one in sessions()] == theirs
