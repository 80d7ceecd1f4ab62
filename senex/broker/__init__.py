"""The broker: the only importer of the tastytrade SDK.

For some functions about days, none of which is used here, the SDK builds an exchange calendar when it is imported, by
way of pandas: 40 MB and a third of a second in each process. It is built when somebody calls one of them.
"""

from __future__ import annotations

from senex.lean import Later, stood_in_for

with stood_in_for(
    pandas={"Timestamp": Later("pandas", lambda pandas: pandas.Timestamp)},
    pandas_market_calendars={
        "get_calendar": lambda name: Later("pandas_market_calendars", lambda made: made.get_calendar(name))
    },
):
    import tastytrade.utils  # noqa: F401
