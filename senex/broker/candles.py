"""Daily candles over a short connection to the feed."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from tastytrade.dxfeed import Candle as SdkCandle

from senex.broker import mapping
from senex.broker.sockets import TidyFeed

if TYPE_CHECKING:
    from datetime import date

    from senex.broker.session import BrokerSession
    from senex.domain.chain import Candle

_NEW_YORK = ZoneInfo("America/New_York")
_DEADLINE = 15.0


async def fetch_daily(
    session: BrokerSession, underlying: str, *, since: date, now: datetime
) -> tuple[Candle, ...]:
    """Bars from ``since`` to the session before today's; today's bar is still growing.

    Raises:
        TimeoutError: the feed's snapshot did not end in time.
    """
    start = datetime.combine(since, time(), UTC) - timedelta(days=1)
    told: list[SdkCandle] = []
    async with asyncio.timeout(_DEADLINE), TidyFeed(session) as feed:
        await feed.subscribe_candle([underlying], "1d", start)
        while True:
            candle = await feed.get_event(SdkCandle)
            told.append(candle)
            if (candle.snapshot_end or candle.snapshot_snip) and not candle.pending:
                break
    today = now.astimezone(_NEW_YORK).date()
    bars = mapping.candles(told, before=today)
    return tuple(bar for bar in bars if bar.day >= since)
