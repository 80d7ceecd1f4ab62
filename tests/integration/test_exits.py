"""Exits on real Postgres, with the broker, the quotes and the clock in memory."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from senex.domain.calendar import NEW_YORK
from senex.domain.orders import OrderKind, OrderStatus
from senex.domain.positions import PositionStatus
from senex.testing import market
from tests.integration.test_use_cases import Desk, desk

if TYPE_CHECKING:
    from uuid import UUID

    from senex.domain.closing import SpreadExit
    from senex.domain.orders import Order
    from senex.domain.positions import Position

__all__ = ["desk"]

D = Decimal
WATCH = "monitor_positions_for_dte_closure"


async def opened(desk: Desk) -> Position:
    """A filled Trident with its targets."""
    entry = await desk.approve(await desk.suggest())
    await desk.fill(entry)
    async with desk.units() as tx:
        return (await tx.positions.open(await desk.account()))[0]


async def at(desk: Desk, day: date, hour: int = 9, minute: int = 35) -> None:
    """Move the clock there, with fresh quotes."""
    then = datetime.combine(day, time(hour, minute), NEW_YORK)
    desk.clock.advance(then - desk.clock.now())
    quote(desk)


def quote(desk: Desk, *, half_spread: float = 0.02, spot: float = 500.3) -> None:
    desk.quotes.market = market.market(
        desk.broker.chain_told, at=desk.clock.now(), half_spread=half_spread, spot=spot
    )


async def watch(desk: Desk) -> None:
    """The timer's slot."""
    await desk.offer(WATCH, await desk.account(), await desk.account())
    await desk.drain()


async def position(desk: Desk, position_id: UUID) -> Position:
    async with desk.units() as tx:
        return await tx.positions.get(position_id)


async def orders(desk: Desk, position_id: UUID, kind: OrderKind) -> list[Order]:
    async with desk.units() as tx:
        return [order for order in await tx.orders.of_position(position_id) if order.kind is kind]


async def exits(desk: Desk, position_id: UUID) -> tuple[SpreadExit, ...]:
    async with desk.units() as tx:
        return await tx.exits.of_position(position_id)


def working(found: list[Order]) -> list[Order]:
    return [order for order in found if not order.status.terminal]


async def test_the_ladder_closes_every_spread_in_place_of_its_target(desk: Desk) -> None:
    held = await opened(desk)
    begins = held.expiry - timedelta(days=held.exit_plan.time_exit_dte)
    await at(desk, begins - timedelta(days=1))
    await watch(desk)
    assert await exits(desk, held.id) == ()
    await at(desk, begins)
    await watch(desk)
    assert working(await orders(desk, held.id, OrderKind.TARGET)) == []
    closing = await orders(desk, held.id, OrderKind.EXIT)
    assert {order.spread_key for order in closing} == {"put-1", "put-2", "call-1"}
    assert {order.status for order in closing} == {OrderStatus.WORKING}
    assert (await position(desk, held.id)).status is PositionStatus.CLOSING
    credit = {spread.plan.key: spread.credit for spread in held.spreads}
    for order in closing:
        assert order.limit_price >= -(credit[order.spread_key or ""] or D(0))
    for order in closing:
        await desk.fill(order.id)
    assert (await position(desk, held.id)).status is PositionStatus.CLOSED
