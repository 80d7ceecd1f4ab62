"""An expiry week of the real simulator through the real SDK: the ladder ends the position, and the books agree."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from senex.domain.closing import held_of, over_closing
from senex.domain.decisions import DecisionKind
from senex.domain.quotes import Market, Quote
from senex.domain.symbols import OptionSymbol
from tests.contract.simulator_books import call, put
from tests.integration.ledger_world import Account, account, buy, sell

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection
    from uuid import UUID

    from tests.contract.simulator_books import World

FRIDAY, EXPIRY = date(2026, 6, 5), date(2026, 6, 12)
D = Decimal
WATCH = "monitor_positions_for_dte_closure"


@dataclass
class SimulatedQuotes:
    """The ``Quotes`` port, straight from the simulator's board; silent while ``away``."""

    world: World
    away: bool = False

    async def snapshot(self, symbols: Collection[str]) -> Market:
        exchange = self.world.simulator.exchange
        now = exchange.now()
        quotes = {}
        for name in () if self.away else symbols:
            symbol = OptionSymbol.from_streamer(name).occ if name.startswith(".") else name
            shown = exchange.board.quote(symbol)
            if shown is not None:
                bid, ask = shown.bid_price, shown.ask_price
                quotes[name] = Quote(name, bid, ask, D(1), D(1), 1, now)
        return Market(quotes, now)

    async def wanted(self, symbols: Collection[str], *, timeout: float) -> Market:  # noqa: ARG002  the port's
        return await self.snapshot(symbols)


@pytest.fixture
async def week(database_url: str, console_url: str, owner_url: str) -> AsyncIterator[Account]:
    async with account((database_url, console_url, owner_url)) as opened:
        quotes = SimulatedQuotes(opened.world)
        opened.desk.context = replace(opened.desk.context, quotes=quotes)
        await opened.start()
        yield opened


async def entered(week: Account) -> UUID:
    spot = int(week.world.close_of("QQQ", FRIDAY))
    short, long = put("QQQ", EXPIRY, spot - 2), put("QQQ", EXPIRY, spot - 7)
    position = await week.enter((sell(short), buy(long)), units=2)
    async with week.engine.begin() as connection:
        await connection.execute(text("UPDATE position SET time_exit_dte = 7"))
    return position


async def covered(week: Account, position_id: UUID) -> None:
    """Never does more work than is open."""
    async with week.desk.units() as tx:
        position = await tx.positions.get(position_id)
        lots = await tx.positions.lots(position_id)
        orders = [order for order in await tx.orders.of_position(position_id) if not order.opens_risk]
    for spread in position.spreads:
        mine = [order for order in orders if order.spread_key == spread.plan.key]
        assert over_closing(held_of(spread.plan, lots).open, mine) is None


async def look(week: Account, position_id: UUID) -> None:
    """Both timers, then some seconds of the market for what they sent."""
    for job in (WATCH, "monitor_open_orders"):
        await week.desk.offer(job, await week.desk.account(), await week.desk.account())
        await week.desk.drain()
        await covered(week, position_id)
    week.world.simulator.exchange.step(8)


async def test_the_ladder_ends_a_position_within_its_expiry_week(week: Account) -> None:
    position = await entered(week)
    quotes = week.desk.context.quotes
    assert isinstance(quotes, SimulatedQuotes)
    quotes.away = True
    await week.jump(FRIDAY, 9, 35)
    await look(week, position)
    assert ("exit", "working") not in await week.orders(position)
    day = FRIDAY + timedelta(days=3)  # the first session after the weekend
    quotes.away = False
    while day <= EXPIRY and (await week.position(position)).status != "closed":
        for minute in (35, 50):
            await week.jump(day, 9, minute)
            await look(week, position)
        for hour in (10, 11, 13):
            await week.jump(day, hour, 5)
            await look(week, position)
        await week.jump(day, 16, 20)
        day += timedelta(days=1)
    await week.reconcile()
    closed = await week.position(position)
    assert (closed.status, closed.closure_reason) == ("closed", "time_exit")
    async with week.desk.units() as tx:
        taken = [(wish.session, wish.step) for wish in await tx.exits.of_position(position)]
    sessions = [FRIDAY, *(FRIDAY + timedelta(days=each) for each in range(3, 8))]
    assert taken == [(sessions[step], min(step, 4)) for step in range(len(taken))]
    await week.agrees()
    await week.gained(position)


async def test_a_close_by_hand_fills_at_natural_and_takes_the_target_away(week: Account) -> None:
    position = await entered(week)
    await week.jump(date(2026, 6, 3), 11)
    decision = await week.desk.decide(DecisionKind.CLOSE_POSITION, subject_id=position)
    await week.desk.drain()
    assert await week.desk.answer(decision) == ("done", "OK")
    for minute in (2, 4, 6, 8):
        await week.jump(date(2026, 6, 3), 11, minute)
        await look(week, position)
    await week.reconcile()
    closed = await week.position(position)
    assert (closed.status, closed.closure_reason) == ("closed", "manual_close")
    assert ("target", "cancelled") in await week.orders(position)
    await week.agrees()


async def test_assigned_shares_and_the_leg_left_over_are_closed_by_the_one_command(week: Account) -> None:
    """A call that is exercised for the dividend: the alarm names what closes the shares and the long leg with them."""
    market = week.world.simulator.exchange.market
    day = next(one for one in market.dividends("SPY") if one.ex_date > FRIDAY).ex_date
    july = next(one for one in market.chain("SPY", 0) if one.day == date(2026, 7, 17))
    low, high = sorted(july.strikes)[:2]
    parent = await week.enter(
        (sell(call("SPY", july.day, low)), buy(call("SPY", july.day, high))), share=None
    )
    await week.jump(day, 11)
    [child] = [one for one in await week.positions() if one.strategy == "assigned_stock"]
    assert [(lot.symbol, lot.quantity) for lot in child.spreads[0].lots] == [("SPY", -100)]
    [alarm] = [one for one in await week.reads.alarms() if one.code == "ASSIGNED"]
    assert f"senex positions close {str(child.id)[:8]}" in alarm.text

    decision = await week.desk.decide(DecisionKind.CLOSE_POSITION, subject_id=child.id)
    await week.desk.drain()
    assert await week.desk.answer(decision) == ("done", "OK")
    for minute in (2, 4, 6, 8):
        await week.jump(day, 11, minute)
        await look(week, parent)
        await look(week, child.id)
    await week.reconcile()

    assert {one.status for one in await week.positions()} == {"closed"}
    assert [order for order in await week.orders(parent) if order[0] == "close"] == [("close", "filled")]
    assert await week.orders(child.id) == [("close", "filled")]
    assert "ASSIGNED" not in {one.code for one in await week.reads.alarms()}
    await week.agrees()
    await week.gained(parent)
