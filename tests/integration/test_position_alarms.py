"""Alarms about a position, a spread or a contract of it end as soon as that is not held any more."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.rows import namedtuple_row
from sqlalchemy import text, update

from senex.domain.calendar import NEW_YORK
from senex.domain.exits import Dividend
from senex.domain.orders import OrderKind, OrderStatus
from senex.domain.positions import PositionStatus
from senex.domain.unknown import Unknown
from senex.ports.broker import RefusedByBroker
from senex.services.watch_session import check_expirations
from senex.store import tables
from senex.store.repositories.base import table
from senex.testing import market
from senex.testing.bus import MemoryQuotes
from tests.integration.test_exits import alarms, at, closes, opened, orders, position, quote, watch
from tests.integration.test_ledger_order import expired
from tests.integration.test_use_cases import Desk, desk
from tests.soak import verdict
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection

    from senex.domain.positions import Position
    from senex.domain.quotes import Market

__all__ = ["desk"]

D = Decimal
_SOME_DAY = Unknown("the broker gives no amount of the dividend")


async def slot(desk: Desk, job: str) -> None:
    account = await desk.account()
    await desk.offer(job, account, account)
    await desk.drain()


async def last_half_hour(desk: Desk) -> Position:
    """A Trident that is still open half an hour before it stops trading."""
    held = await opened(desk)
    stops = datetime.combine(market.DAY, time(16, 15), NEW_YORK)
    async with desk.engine.begin() as connection:
        await connection.execute(update(table(tables.Instrument)).values(stops_trading_at=stops))
    await at(desk, market.DAY, 15, 30)
    return held


async def close(desk: Desk, held: Position, *keys: str) -> None:
    for target in await orders(desk, held.id, OrderKind.TARGET):
        if target.spread_key in keys and target.status is OrderStatus.WORKING:
            await desk.fill(target.id)


async def test_what_stops_trading_today_is_no_alarm_once_it_is_closed(desk: Desk) -> None:
    held = await last_half_hour(desk)
    await slot(desk, "check_expirations")
    await at(desk, market.DAY, 15, 36)
    await close(desk, held, "put-1", "put-2")
    assert "EXPIRES_TODAY" in await alarms(desk)
    await close(desk, held, "call-1")
    assert (await position(desk, held.id)).status is PositionStatus.CLOSED
    assert await alarms(desk) == set()


async def test_nor_once_it_has_been_settled(desk: Desk) -> None:
    held = await last_half_hour(desk)
    await slot(desk, "check_expirations")
    assert await alarms(desk) == {"EXPIRES_TODAY"}
    async with desk.units() as tx:
        (entry,) = [one for one in await tx.orders.of_position(held.id) if one.opens_risk]
    desk.broker.ledger = expired(desk, entry)
    await slot(desk, "reconcile")
    assert (await position(desk, held.id)).status is PositionStatus.CLOSED
    assert await alarms(desk) == set()


async def test_nor_when_it_closes_just_as_it_is_looked_at(desk: Desk) -> None:
    held = await last_half_hour(desk)
    account = await desk.account()
    work = await desk.offer("check_expirations", account, account)

    async def waits() -> bool:
        async with desk.engine.connect() as connection:
            waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            return bool((await connection.execute(text(waiting))).scalar_one())

    async with desk.units() as tx:
        await tx.positions.get(held.id, lock=True)
        check = asyncio.ensure_future(check_expirations(desk.context, account, work))
        await until(waits)
        await tx.positions.set_status(
            held.id, PositionStatus.CLOSED, now=desk.clock.now(), closure_reason="x"
        )
        await tx.commit()
    await check
    assert await alarms(desk) == set()


async def test_a_call_that_is_closed_is_not_assigned_for_a_dividend(desk: Desk) -> None:
    held = await opened(desk)
    quote(desk, spot=530.0)
    desk.broker.dividend_told = Dividend(market.DAY + timedelta(days=1), _SOME_DAY)
    await slot(desk, "watch_dividends")
    assert "DIVIDEND_RISK" in await alarms(desk)
    await close(desk, held, "put-1")
    assert "DIVIDEND_RISK" in await alarms(desk)
    await close(desk, held, "call-1")
    assert (await position(desk, held.id)).status is PositionStatus.OPEN_PARTIAL
    assert "DIVIDEND_RISK" not in await alarms(desk)


class _Meanwhile(MemoryQuotes):
    """Prices that take so long that something is done until they come."""

    def __init__(self, market: Market, what: Callable[[], Awaitable[None]]) -> None:
        super().__init__(market)
        self._what = what

    async def wanted(self, symbols: Collection[str], *, timeout: float) -> Market:
        await self._what()
        return await super().wanted(symbols, timeout=timeout)


async def test_nor_when_it_is_closed_while_prices_are_waited_for(desk: Desk) -> None:
    held = await opened(desk)
    quote(desk, spot=530.0)
    desk.broker.dividend_told = Dividend(market.DAY + timedelta(days=1), _SOME_DAY)
    call = next(one for one in await orders(desk, held.id, OrderKind.TARGET) if one.spread_key == "call-1")
    assert call.broker_order_id is not None
    desk.broker.fill(call.broker_order_id, desk.mids(call))

    async def alert() -> None:
        await desk.alert(call.broker_order_id or "", drain=False)
        (work,) = [one for one in await desk.work() if one.job == "apply_alert"]
        await desk.run(work)

    account = await desk.account()
    await desk.offer("watch_dividends", account, account)
    (work,) = [one for one in await desk.work() if one.job == "watch_dividends"]
    waiting = replace(desk.context, quotes=_Meanwhile(desk.quotes.market, alert))
    await Desk(waiting, desk.broker, desk.quotes, desk.clock, desk.engine).run(work)
    assert "DIVIDEND_RISK" not in await alarms(desk)


async def test_an_exit_that_was_given_up_is_no_alarm_once_the_target_fills(desk: Desk) -> None:
    held = await opened(desk)
    await at(desk, held.expiry - timedelta(days=held.exit_plan.time_exit_dte))
    desk.broker.answers = [RefusedByBroker("E_BROKER_PREFLIGHT", "no", retriable=False)] * 12
    await watch(desk)
    assert await closes(desk, held) == []
    assert await alarms(desk) == {"EXIT_FAILED"}
    await close(desk, held, "put-1", "put-2", "call-1")
    assert await alarms(desk) == set()


class _Books:
    """What the verdict of a long run asks."""

    def __init__(self, owner_url: str) -> None:
        self._url = owner_url

    def sql(self, query: str) -> list[Any]:
        with psycopg.connect(self._url, row_factory=namedtuple_row) as connection:
            return connection.execute(query).fetchall()


async def test_a_long_run_sees_an_alarm_that_outlives_its_position(desk: Desk, owner_url: str) -> None:
    held = await last_half_hour(desk)
    await slot(desk, "check_expirations")
    books: Any = _Books(owner_url)
    assert verdict.alarms(books, ()) == []
    async with desk.units() as tx:
        now = desk.clock.now()
        await tx.positions.set_status(held.id, PositionStatus.CLOSED, now=now, closure_reason="manual")
        await tx.commit()
    (said,) = verdict.alarms(books, ())
    assert "EXPIRES_TODAY" in said
    assert "outlives its position" in said
