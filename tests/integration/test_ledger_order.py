"""Rows of the ledger in whatever order they become known, beside orders whose fate is not known yet."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import count
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from senex.domain.calendar import new_york_date
from senex.domain.decisions import DecisionKind
from senex.domain.errors import Unavailable
from senex.domain.ledger import DELIVERY, TRADE, LedgerEntry
from senex.domain.legs import Action
from senex.domain.orders import BrokerStatus
from senex.domain.positions import PositionStatus
from senex.services.book_ledger import book_ledger
from senex.services.ledger import read_ledger
from senex.testing.broker import MemoryBroker
from tests.integration.test_exits import alarms
from tests.integration.test_use_cases import Desk, desk

if TYPE_CHECKING:
    from datetime import date
    from uuid import UUID

    from senex.domain.orders import Order
    from senex.domain.positions import Position
    from senex.ports.records import StoredEntry

__all__ = ["desk"]
D = Decimal


def row(desk: Desk, number: int, symbol: str, quantity: int, **fields: object) -> LedgerEntry:
    """A row that the broker has just written: an expiration, unless said otherwise."""
    now = desk.clock.now() + timedelta(seconds=number)
    told: dict[str, object] = {"kind": DELIVERY, "sub_kind": "Expiration", "value": D(0), **fields}
    return LedgerEntry(
        broker_id=str(number),
        description="",
        executed_at=now,
        day=new_york_date(now),
        net_value=D(0),
        commission=D(0),
        fees=D(0),
        symbol=symbol,
        underlying="QQQ",
        quantity=D(quantity),
        **told,  # type: ignore[arg-type]
    )


def expired(desk: Desk, order: Order) -> tuple[LedgerEntry, ...]:
    return tuple(
        row(desk, number, leg.symbol, leg.quantity) for number, leg in enumerate(order.legs, start=1)
    )


def trades(desk: Desk, order_id: str) -> tuple[LedgerEntry, ...]:
    """The rows of an order that has filled."""
    return tuple(
        row(
            desk,
            number,
            leg.symbol,
            fill.quantity,
            kind=TRADE,
            sub_kind=str(leg.action),
            action=leg.action,
            value=-leg.action.sign * fill.price * fill.quantity * 100,
            broker_order_id=order_id,
        )
        for number, (leg, fill) in enumerate(
            ((leg, fill) for leg in desk.broker.orders[order_id].legs for fill in leg.fills), start=11
        )
    )


async def reconcile(desk: Desk) -> None:
    account = await desk.account()
    await desk.offer("reconcile", account, account)
    await desk.drain()


async def pending(desk: Desk) -> tuple[StoredEntry, ...]:
    async with desk.units() as tx:
        return await tx.ledger.pending(await desk.account())


async def position(desk: Desk, position_id: UUID) -> Position:
    async with desk.units() as tx:
        return await tx.positions.get(position_id)


async def booked(desk: Desk) -> dict[str, int]:
    async with desk.units() as tx:
        found = await tx.positions.booked(await desk.account())
    return {symbol: quantity for symbol, (_, quantity) in found.items()}


async def test_an_expiration_known_before_the_fill_waits_for_it(desk: Desk) -> None:
    order = await desk.order(await desk.approve(await desk.suggest()))
    assert order.broker_order_id is not None
    desk.broker.ledger = expired(desk, order)
    await reconcile(desk)
    assert len(await pending(desk)) == len(order.legs)

    await desk.fill(order.id)
    await reconcile(desk)

    assert await pending(desk) == ()
    assert await booked(desk) == {}
    assert (await position(desk, order.position_id)).status is PositionStatus.CLOSED
    await reconcile(desk)
    assert await booked(desk) == {}


async def test_legs_that_end_one_after_the_other_hang_only_once_a_reconcile_says_so(desk: Desk) -> None:
    order = await desk.order(await desk.approve(await desk.suggest()))
    await desk.fill(order.id)
    first, *others = expired(desk, order)
    desk.broker.ledger = (first, *(replace(one, quantity=D("0.5")) for one in others))
    await desk.offer("sync_transactions", order.account_id, order.account_id)
    await desk.drain()
    assert first.symbol not in await booked(desk)
    assert "BROKEN_RATIO" not in await alarms(desk)

    await reconcile(desk)

    assert "BROKEN_RATIO" in await alarms(desk)


async def test_trades_of_our_own_orders_are_linked_and_never_booked_twice(desk: Desk) -> None:
    order = await desk.order(await desk.approve(await desk.suggest()))
    assert order.broker_order_id is not None
    desk.broker.fill(order.broker_order_id, desk.mids(order))
    desk.broker.ledger = trades(desk, order.broker_order_id)

    await reconcile(desk)

    assert await pending(desk) == ()
    assert await booked(desk) == {leg.symbol: leg.signed_quantity for leg in order.legs}
    async with desk.units() as tx:
        assert len(await tx.positions.open(order.account_id)) == 1


async def test_a_second_order_that_filled_becomes_a_position_nobody_looks_after(desk: Desk) -> None:
    order = await desk.order(await desk.approve(await desk.suggest()))
    assert order.broker_order_id is not None
    first = desk.broker.orders[order.broker_order_id]
    desk.broker.orders["9999"] = replace(first, id="9999")
    desk.broker.fill("9999", desk.mids(order))
    await desk.fill(order.id)
    desk.broker.ledger = trades(desk, "9999")

    await reconcile(desk)

    assert await pending(desk) == ()
    assert await booked(desk) == {leg.symbol: 2 * leg.signed_quantity for leg in order.legs}
    async with desk.units() as tx:
        found = {one.strategy: one.managed for one in await tx.positions.open(order.account_id)}
    assert found == {"senex_trident": True, "unmanaged": False}


async def test_a_trade_of_an_order_that_may_be_ours_waits(desk: Desk) -> None:
    """Its order carries a name of this deployment and no attempt of ours has it: nobody knows whose it is."""
    order = await desk.order(await desk.approve(await desk.suggest()))
    assert order.broker_order_id is not None
    theirs = desk.broker.orders[order.broker_order_id]
    name = (theirs.external_identifier or "")[:-4] + "0000"
    desk.broker.orders["77"] = replace(theirs, id="77", external_identifier=name, status=BrokerStatus.LIVE)
    desk.broker.fill("77", desk.mids(order))
    desk.broker.ledger = trades(desk, "77")
    await reconcile(desk)
    assert len(await pending(desk)) == len(order.legs)
    assert await booked(desk) == {}


async def test_a_close_elsewhere_of_more_than_is_open_is_not_booked_in_part(desk: Desk) -> None:
    order = await desk.order(await desk.approve(await desk.suggest()))
    await desk.fill(order.id)
    leg = order.legs[0]
    closing = {"kind": TRADE, "sub_kind": "Buy to Close", "action": Action.BUY_TO_CLOSE, "value": D(-100)}
    desk.broker.ledger = (row(desk, 50, leg.symbol, leg.quantity + 1, **closing),)
    before = await booked(desk)
    await reconcile(desk)
    assert await booked(desk) == before
    assert len(await pending(desk)) == 1


async def test_fractions_and_halves_of_a_split_wait(desk: Desk) -> None:
    desk.broker.ledger = (
        row(desk, 1, "QQQ", 1, sub_kind="Forward Split"),
        replace(row(desk, 2, "QQQ", 1), quantity=D("0.5")),
    )
    await reconcile(desk)
    assert len(await pending(desk)) == 2
    assert await booked(desk) == {}


async def forget_the_first_reading(desk: Desk) -> None:
    async with desk.engine.begin() as connection:
        await connection.execute(text("UPDATE account SET ledger_from = NULL"))


async def test_a_ledger_that_never_stands_still_is_read_later(desk: Desk) -> None:
    await forget_the_first_reading(desk)
    calls = count()

    class Restless(MemoryBroker):
        async def transactions(self, number: str, since: date) -> tuple[LedgerEntry, ...]:  # noqa: ARG002  the port's
            return (row(desk, next(calls), "QQQ", 1),)

    context = replace(desk.context, broker=Restless(desk.clock))
    with pytest.raises(Unavailable, match="E_BROKER_BUSY"):
        await read_ledger(context, await desk.account())
    assert await pending(desk) == ()


async def test_what_is_older_than_the_first_reading_is_kept_and_not_booked(desk: Desk) -> None:
    order = await desk.order(await desk.approve(await desk.suggest()))
    await desk.fill(order.id)
    await forget_the_first_reading(desk)
    foreign = row(desk, 99, "SPY", 1, kind=TRADE, sub_kind="Buy to Open", action=Action.BUY_TO_OPEN)
    desk.broker.ledger = (replace(foreign, underlying="SPY"), *expired(desk, order)[:1])
    account = await desk.account()
    await desk.offer("sync_transactions", account, account)
    await desk.drain()

    assert await pending(desk) == ()
    assert await booked(desk) == {leg.symbol: leg.signed_quantity for leg in order.legs[1:]}


async def test_a_decision_to_adopt_names_its_own_position(desk: Desk) -> None:
    options = ["target=0.5", "time_exit=7"]
    nothing = await desk.decide(DecisionKind.ADOPT_POSITION, options=options)
    order = await desk.order(await desk.approve(await desk.suggest()))
    managed = await desk.decide(DecisionKind.ADOPT_POSITION, subject_id=order.position_id, options=options)
    await desk.drain()
    assert await desk.answer(nothing) == ("refused", "E_DECISION")
    assert await desk.answer(managed) == ("refused", "E_NOT_ADOPTABLE")


async def test_two_that_book_the_same_row_book_it_once(desk: Desk) -> None:
    order = await desk.order(await desk.approve(await desk.suggest()))
    await desk.fill(order.id)
    leg = next(leg for leg in order.legs if leg.quantity > 1)
    desk.broker.ledger = (row(desk, 1, leg.symbol, 1),)
    account_id = await desk.account()
    async with desk.units() as tx:
        account = await tx.accounts.get(account_id)
        await tx.ledger.save(account_id, desk.broker.ledger, desk.clock.now())
        await tx.commit()

    await asyncio.gather(*(book_ledger(desk.context, account) for _ in range(3)))

    left = leg.signed_quantity + (1 if leg.signed_quantity < 0 else -1)
    assert (await booked(desk))[leg.symbol] == left
    assert await pending(desk) == ()


async def test_the_legs_of_somebody_s_trade_come_into_the_books_together(desk: Desk) -> None:
    """No moment shows one leg without the other: what looks after positions would see a leg that hangs."""
    order = await desk.order(await desk.approve(await desk.suggest()))
    assert order.broker_order_id is not None
    theirs = desk.broker.orders[order.broker_order_id]
    desk.broker.orders["77"] = replace(theirs, id="77", external_identifier=None)
    desk.broker.fill("77", desk.mids(order))
    desk.broker.ledger = trades(desk, "77")
    account_id = await desk.account()
    await desk.offer("sync_transactions", account_id, account_id)
    await desk.run((await desk.work())[-1])
    async with desk.engine.connect() as connection:
        written = await connection.execute(text("SELECT count(DISTINCT xmin::text) FROM lot"))
        assert written.scalar_one() == 1
    assert await booked(desk) == {leg.symbol: leg.signed_quantity for leg in order.legs}


async def test_a_leg_that_must_wait_does_not_keep_the_others_of_its_trade(desk: Desk) -> None:
    order = await desk.order(await desk.approve(await desk.suggest()))
    assert order.broker_order_id is not None
    theirs = desk.broker.orders[order.broker_order_id]
    desk.broker.orders["77"] = replace(theirs, id="77", external_identifier=None)
    desk.broker.fill("77", desk.mids(order))
    first, *others = trades(desk, "77")
    early = replace(first, sub_kind="Buy to Close", action=Action.BUY_TO_CLOSE)
    desk.broker.ledger = (early, *others)
    await reconcile(desk)
    assert [one.entry.symbol for one in await pending(desk)] == [first.symbol]
    assert set(await booked(desk)) == {one.symbol for one in others}
