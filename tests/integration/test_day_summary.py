"""The day's summary from the books: what it says, and that it is one per day."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from sqlalchemy import insert, update

from senex.domain.alarms import Alarm, Severity
from senex.domain.calendar import NEW_YORK, new_york_date
from senex.domain.orders import OrderKind
from senex.services.pnl import summed
from senex.store import tables
from senex.store.queries import Reads
from senex.store.repositories.base import table
from senex.testing import market
from tests.integration.test_exits import at, exits, opened, watch
from tests.integration.test_use_cases import Desk, desk

if TYPE_CHECKING:
    from uuid import UUID

    from senex.ports.views import SummaryView

__all__ = ["desk"]

D = Decimal


async def _summaries(desk: Desk, console_url: str) -> tuple[SummaryView, ...]:
    account = await desk.account()
    await desk.offer("generate_trading_summary", account, account)
    await desk.drain()
    reads = Reads(console_url)
    try:
        return await reads.summaries(account, limit=9)
    finally:
        await reads.close()


async def _pay(desk: Desk, order_id: UUID, each: Decimal) -> None:
    """The broker's ledger shows what each contract of an order cost."""
    now, order = desk.clock.now(), await desk.order(order_id)
    async with desk.engine.begin() as connection:
        for number, line in enumerate(order.lines):
            row = {
                "account_id": await desk.account(),
                "broker_id": f"{order_id}/{number}",
                "kind": "Trade",
                "sub_kind": str(line.leg.action),
                "description": "",
                "executed_at": now,
                "day": new_york_date(now),
                "value": D(0),
                "net_value": D(0),
                "broker_order_id": order.broker_order_id,
                "read_at": now,
                "symbol": line.leg.symbol,
                "quantity": line.leg.quantity,
                "commission": each * line.leg.quantity,
                "fees": D(0),
            }
            await connection.execute(insert(table(tables.LedgerEntry)).values(**row))


async def test_a_quiet_day_is_stored_as_nothing(desk: Desk, console_url: str) -> None:
    (one,) = await _summaries(desk, console_url)
    assert (one.realised, one.fees, one.open_risk, one.net_liquidation) == (D(0), D(0), D(0), D(50_000))
    assert one.traded == one.next_exits == one.expirations == one.failures == []


async def test_a_traded_day_says_result_fees_risk_and_what_is_ahead(desk: Desk, console_url: str) -> None:
    entry = await desk.approve(await desk.suggest())
    await desk.fill(entry)
    target = next(each for each in await desk.orders(OrderKind.TARGET) if each.spread_key == "put-1")
    desk.clock.advance(timedelta(minutes=1))
    desk.quotes.market = market.market(desk.broker.chain_told, spot=510, at=desk.clock.now())
    await desk.fill(target.id)
    async with desk.units() as tx:
        realised = await tx.positions.realised(target.position_id)
        await tx.alarms.sound(
            Alarm("ORDER_DOUBLED", Severity.CRITICAL, await desk.account(), "order", "1", "Two orders."),
            desk.clock.now(),
        )
        await tx.commit()
    (before,) = await _summaries(desk, console_url)
    assert before.fees is None
    assert "fees unknown (transactions of what was closed have not been read)" in before.text
    await _pay(desk, entry, D("1.29"))
    await _pay(desk, target.id, D("0.31"))
    desk.clock.advance(timedelta(minutes=1))
    (one,) = await _summaries(desk, console_url)
    assert (one.realised, one.fees) == (
        realised,
        D("3.20"),
    )  # of the spread that was closed, as `senex pnl` has it
    reads = Reads(console_url)
    [line] = summed(await reads.gains(), "day")
    await reads.close()
    assert (line.gross, line.fees) == (one.realised, one.fees)
    assert realised > 0
    assert one.open_risk is not None
    assert one.budget is not None
    assert one.open_risk < one.budget
    assert len(one.traded) == 2
    assert "QQQ entry filled at" in one.traded[0]
    assert f"QQQ {target.spread_key} target filled at" in one.traded[1]
    assert len(one.next_exits) == len(one.expirations) == 1
    assert one.failures == ["ORDER_DOUBLED: Two orders."]


async def test_yesterdays_trades_are_not_todays(desk: Desk, console_url: str) -> None:
    await desk.fill(await desk.approve(await desk.suggest()))
    desk.clock.advance(timedelta(days=1))
    (one,) = await _summaries(desk, console_url)
    assert one.traded == []
    assert len(one.expirations) == 1
    desk.clock.advance(timedelta(days=1))
    assert len(await _summaries(desk, console_url)) == 2


async def test_a_risk_that_is_not_known_is_said_to_be_unknown(desk: Desk, console_url: str) -> None:
    await desk.approve(await desk.suggest())
    async with desk.engine.begin() as connection:
        await connection.execute(update(table(tables.Position)).values(initial_risk=None))
    (one,) = await _summaries(desk, console_url)
    assert (one.open_risk, one.budget) == (None, None)
    assert "Open risk unknown (" in one.text


async def test_the_next_exit_is_told_for_the_day_on_which_the_timer_begins_it(
    desk: Desk, console_url: str
) -> None:
    held = await opened(desk)
    last = held.expiry - timedelta(days=1)  # settled in the morning: it stops trading the day before
    stops = datetime.combine(last, time(16, 15), NEW_YORK)
    async with desk.engine.begin() as connection:
        await connection.execute(update(table(tables.Instrument)).values(stops_trading_at=stops))
    (one,) = await _summaries(desk, console_url)
    begins = last - timedelta(days=held.exit_plan.time_exit_dte)
    assert one.next_exits == [f"{held.label}: the exit ladder begins on {begins:%d %b}"]
    await at(desk, begins - timedelta(days=1))
    await watch(desk)
    assert await exits(desk, held.id) == ()
    await at(desk, begins)
    await watch(desk)
    assert len(await exits(desk, held.id)) == 3
