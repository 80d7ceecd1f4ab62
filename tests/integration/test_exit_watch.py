"""What the timer of exits sees besides the ladder: losses, dividends, last days, what was opened elsewhere."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import psycopg
from sqlalchemy import text, update

from senex.domain.calendar import NEW_YORK
from senex.domain.decisions import DecisionKind
from senex.domain.exits import Dividend
from senex.domain.orders import OrderKind
from senex.domain.quotes import Market
from senex.domain.symbols import OptionSymbol
from senex.domain.unknown import Unknown
from senex.store import tables
from senex.store.repositories.base import table
from senex.testing import market
from tests.integration.test_exits import alarms, at, closes, exits, opened, orders, quote, watch, working
from tests.integration.test_use_cases import Desk, desk

if TYPE_CHECKING:
    from senex.domain.positions import Position

__all__ = ["desk"]

D = Decimal


def worse(desk: Desk, held: Position, share: Decimal) -> None:
    """Quote the legs so that the position has lost that share of its risk: the shorts are dearer."""
    assert held.initial_risk is not None
    shorts = {
        leg.symbol: leg.quantity
        for spread in held.spreads
        for leg in spread.plan.legs
        if leg.action.sign < 0 and spread.plan.key == "call-1"
    }
    ((symbol, _),) = shorts.items()
    streamer = OptionSymbol.from_occ(symbol).streamer
    quote(desk)
    quotes = dict(desk.quotes.market.quotes)
    before = quotes[streamer]
    assert before.bid is not None
    assert before.ask is not None
    more = held.initial_risk * share / 100
    quotes[streamer] = market.quote(
        streamer, str(before.bid + more), str(before.ask + more), desk.clock.now()
    )
    desk.quotes.market = Market(quotes, desk.clock.now())


async def test_a_stop_alarms_at_half_and_closes_at_three_quarters_where_allowed(desk: Desk) -> None:
    held = await opened(desk)
    worse(desk, held, D("0.51"))
    await watch(desk)
    assert await alarms(desk) == {"STOP_ALERT"}
    worse(desk, held, D("0.76"))
    await watch(desk)
    assert await alarms(desk) == {"STOP_REACHED"}
    assert await closes(desk, held) == []
    quote(desk)
    await watch(desk)
    assert await alarms(desk) == set()
    await desk.decide(DecisionKind.SET_STOP, subject_id=held.id, options=["on"])
    worse(desk, held, D("0.76"))
    await watch(desk)
    assert {order.spread_key for order in await closes(desk, held)} == {"put-1", "put-2", "call-1"}
    assert {wish.cause for wish in await exits(desk, held.id)} == {"stop_loss"}
    desk.clock.advance(timedelta(minutes=2))
    await watch(desk)  # quotes are stale: what was reached stays reached
    assert await alarms(desk) == {"STOP_REACHED"}


async def test_a_stop_outruns_the_ladder(desk: Desk) -> None:
    held = await opened(desk)
    await desk.decide(DecisionKind.SET_STOP, subject_id=held.id, options=["on"])
    await at(desk, held.expiry - timedelta(days=7))
    await watch(desk)
    worse(desk, held, D("0.8"))
    await watch(desk)
    found = await closes(desk, held)
    assert len(found) == 3
    active = {wish.id for wish in await exits(desk, held.id) if wish.active and wish.cause == "stop_loss"}
    assert {order.exit_id for order in found} == active


async def test_a_dividend_threatens_a_short_call_on_its_eve(desk: Desk) -> None:
    await opened(desk)
    tomorrow = market.DAY + timedelta(days=1)
    quote(desk, spot=530.0)
    desk.broker.dividend_told = Dividend(tomorrow + timedelta(days=1), D(20))
    await watch(desk)
    assert "DIVIDEND_RISK" not in await alarms(desk)
    desk.broker.dividend_told = Dividend(tomorrow, Unknown("the broker gives no amount of the dividend"))
    desk.clock.advance(timedelta(seconds=1))
    await watch(desk)
    assert "DIVIDEND_RISK" not in await alarms(desk)  # once an hour is enough
    await at(desk, market.DAY, 11, 0)
    quote(desk, spot=530.0)
    await watch(desk)
    assert "DIVIDEND_RISK" in await alarms(desk)
    desk.broker.dividend_told = Dividend(tomorrow, D("0.01"))
    await at(desk, market.DAY, 12, 0)
    await watch(desk)
    assert "DIVIDEND_RISK" not in await alarms(desk)


async def test_legs_that_stop_the_day_before_have_their_ladder_a_day_earlier(desk: Desk) -> None:
    held = await opened(desk)
    last = held.expiry - timedelta(days=1)
    async with desk.engine.begin() as connection:
        stops = datetime.combine(last, time(16, 15), NEW_YORK)
        await connection.execute(update(table(tables.Instrument)).values(stops_trading_at=stops))
    await at(desk, last - timedelta(days=7))
    await watch(desk)
    assert len(await closes(desk, held)) == 3
    assert await alarms(desk) == set()
    await at(desk, held.expiry)
    await watch(desk)
    why = {wish.why for wish in await exits(desk, held.id) if wish.active}
    assert all("has stopped trading" in each for each in why)


async def test_what_was_opened_elsewhere_is_only_alarmed(desk: Desk) -> None:
    held = await opened(desk)
    async with desk.engine.begin() as connection:
        await connection.execute(text("UPDATE position SET managed = false"))
    await at(desk, held.expiry - timedelta(days=7))
    await watch(desk)
    await watch(desk)
    assert await alarms(desk) == {"UNMANAGED_EXPIRES"}
    assert await closes(desk, held) == []

    adopted = await desk.decide(
        DecisionKind.ADOPT_POSITION, subject_id=held.id, options=["target=none", "time_exit=0"]
    )
    await desk.drain()
    assert await desk.answer(adopted) == ("done", "OK")
    assert await alarms(desk) == set()


async def test_a_holiday_and_the_hours_after_a_half_day_do_nothing(desk: Desk, owner_url: str) -> None:
    held = await opened(desk)
    begins = held.expiry - timedelta(days=7)
    noon = datetime.combine(begins, time(13, 0), NEW_YORK)
    with psycopg.connect(owner_url) as connection:
        connection.execute("UPDATE market_session SET closes_at = %s WHERE day = %s", (noon, begins))
        connection.execute("DELETE FROM market_session WHERE day = %s", (begins - timedelta(days=1),))
    for day, hour in ((begins - timedelta(days=1), 11), (begins, 13), (begins + timedelta(days=1), 11)):
        await at(desk, day, hour, 0)
        await watch(desk)
        assert await exits(desk, held.id) == ()
    await at(desk, begins, 12, 55)
    await watch(desk)
    assert len(await closes(desk, held)) == 3
    assert working(await orders(desk, held.id, OrderKind.TARGET)) == []
