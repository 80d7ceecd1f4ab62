"""An order in the place of another: whatever comes between, one of the two lives and every fill is counted once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from senex.domain.decisions import DecisionKind
from senex.domain.errors import Refused
from senex.domain.orders import AttemptStatus, BrokerStatus, OrderKind, OrderStatus
from senex.domain.positions import PositionStatus
from senex.ports.broker import Ambiguous, RefusedByBroker
from senex.services.replace import intend_replacement
from senex.services.resolve import HORIZON
from senex.store.queries import Reads
from senex.store.unit_of_work import PostgresUnitOfWork, PostgresUnits
from tests.integration.test_use_cases import Desk, desk

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from senex.domain.orders import Order
    from senex.ports.broker import BrokerOrder

__all__ = ["desk"]
D = Decimal
LOST = Ambiguous("the connection broke before an answer")
REFUSED = RefusedByBroker("E_BROKER_PREFLIGHT", "price_too_far: no", retriable=False)
DEARER = D("-0.05")


@pytest.fixture
async def reads(console_url: str) -> AsyncIterator[Reads]:
    reads = Reads(console_url)
    yield reads
    await reads.close()


async def _target(desk: Desk) -> Order:
    """One of the targets of a position that has them all."""
    await desk.fill(await desk.approve(await desk.suggest()))
    return (await desk.orders(OrderKind.TARGET))[0]


async def _entry(desk: Desk) -> Order:
    return await desk.order(await desk.approve(await desk.suggest()))


async def _intend(desk: Desk, order: Order, by: Decimal = DEARER) -> Order:
    async with desk.units() as tx:
        await tx.positions.get(order.position_id, lock=True)
        new = await intend_replacement(
            tx,
            order,
            limit=order.limit_price + by,
            actor="trader",
            why="a better price",
            now=desk.clock.now(),
            valid_until=desk.clock.now() + timedelta(minutes=10),
        )
        await tx.commit()
    return new


async def _replace(desk: Desk, order: Order, by: Decimal = DEARER) -> Order:
    new = await _intend(desk, order, by)
    await desk.drain()
    return await desk.order(new.id)


async def _reconcile(desk: Desk) -> None:
    account = await desk.account()
    await desk.offer("reconcile", account, account)
    await desk.drain()


async def _age(desk: Desk) -> None:
    async with desk.engine.begin() as connection:
        await connection.execute(
            text("UPDATE attempt SET sending_machine = sending_machine - :by"), {"by": HORIZON}
        )


async def _theirs(desk: Desk, order: Order) -> BrokerOrder:
    known = (await desk.order(order.id)).broker_order_id
    assert known is not None
    return desk.broker.orders[known]


async def _agrees(desk: Desk, reads: Reads) -> None:
    """One reconcile finds nothing to mend, and nothing is alarmed."""
    await _reconcile(desk)
    assert await reads.differences(await desk.account()) == ()
    assert await reads.alarms() == ()


@pytest.mark.parametrize("renames", [True, False])
async def test_a_replacement_takes_the_place_and_the_name_it_finds(
    desk: Desk, reads: Reads, *, renames: bool
) -> None:
    old = await _target(desk)
    desk.broker.renames = renames
    new = await _replace(desk, old)
    assert (new.status, new.limit_price) == (OrderStatus.WORKING, old.limit_price + DEARER)
    assert new.generation == old.generation + 1
    theirs = await _theirs(desk, new)
    assert (theirs.replaces, theirs.price) == (old.broker_order_id, new.limit_price)
    await _agrees(desk, reads)
    assert (await desk.order(old.id)).status is OrderStatus.REPLACED
    async with desk.units() as tx:
        [attempt] = await tx.orders.attempts(new.id)
    assert (attempt.status, attempt.broker_order_id) == (AttemptStatus.ACCEPTED, theirs.id)
    # what was replaced needs no other target, and what took its place closes the spread
    assert len(await desk.orders(OrderKind.TARGET)) == 4
    await desk.fill(new.id)
    await _agrees(desk, reads)
    async with desk.units() as tx:
        assert (await tx.positions.get(new.position_id)).status is PositionStatus.OPEN_PARTIAL


async def test_fills_of_both_make_the_entry_each_counted_once(desk: Desk, reads: Reads) -> None:
    entry = await _twice(desk, await _entry(desk))
    desk.broker.fill(entry.broker_order_id or "", desk.mids(entry), (1, 2))
    await desk.alert(entry.broker_order_id or "")
    new = await _replace(desk, await desk.order(entry.id), D("-0.01"))
    assert [line.leg.quantity * 2 for line in new.lines] == [line.leg.quantity for line in entry.lines]
    assert (
        await desk.order(entry.id)
    ).status is OrderStatus.PARTIALLY_FILLED  # nobody has said otherwise yet
    await desk.alert(entry.broker_order_id or "")
    assert (await desk.order(entry.id)).status is OrderStatus.REPLACED
    async with desk.units() as tx:
        assert (await tx.positions.get(entry.position_id)).status is PositionStatus.PENDING_ENTRY
    await desk.fill(new.id)
    await _agrees(desk, reads)
    targets = await desk.orders(OrderKind.TARGET)
    assert [len(each.lines) for each in targets if not each.status.terminal] == [2, 2, 2]
    async with desk.units() as tx:
        position = await tx.positions.get(entry.position_id)
        booked = await tx.positions.booked(await desk.account())
    assert position.status is PositionStatus.OPEN_FULL
    assert all(spread.credit is not None for spread in position.spreads)
    assert {symbol: held for symbol, (_, held) in booked.items()} == {
        leg.symbol: leg.signed_quantity for leg in entry.legs
    }


async def _twice(desk: Desk, entry: Order) -> Order:
    """The entry of twice as many units, as if that had been approved."""
    async with desk.engine.begin() as connection:
        await connection.execute(text("UPDATE order_leg SET quantity = quantity * 2"))
        await connection.execute(text("UPDATE position SET units = 2"))
    theirs = desk.broker.orders[entry.broker_order_id or ""]
    legs = tuple(replace(leg, quantity=leg.quantity * 2) for leg in theirs.legs)
    desk.broker.orders[theirs.id] = replace(theirs, legs=legs)
    return await desk.order(entry.id)


async def test_a_refused_replacement_leaves_the_old_order_the_truth(desk: Desk, reads: Reads) -> None:
    old = await _target(desk)
    desk.broker.answers = [REFUSED]
    new = await _replace(desk, old)
    assert new.status is OrderStatus.REJECTED
    assert (await desk.order(old.id)).status is OrderStatus.WORKING
    await _agrees(desk, reads)
    assert len(await desk.orders(OrderKind.TARGET)) == 4
    again = await _replace(desk, old)
    assert (again.status, again.generation) == (OrderStatus.WORKING, new.generation + 1)


async def test_a_refused_replacement_of_an_entry_leaves_the_position_to_the_entry(
    desk: Desk, reads: Reads
) -> None:
    entry = await _entry(desk)
    desk.broker.answers = [REFUSED]
    await _replace(desk, entry, D("-0.01"))
    async with desk.units() as tx:
        assert (await tx.positions.get(entry.position_id)).status is PositionStatus.PENDING_ENTRY
    await desk.fill(entry.id)
    await _agrees(desk, reads)
    assert len(await desk.orders(OrderKind.TARGET)) == 3


@pytest.mark.parametrize("kind", [OrderKind.TARGET, OrderKind.ENTRY])
async def test_a_fill_that_comes_first_wins(desk: Desk, reads: Reads, kind: OrderKind) -> None:
    old = await (_target(desk) if kind is OrderKind.TARGET else _entry(desk))
    desk.broker.fill(old.broker_order_id or "", desk.mids(old))
    new = await _replace(desk, old, D("-0.01"))
    assert new.status is OrderStatus.CANCELLED
    assert (await desk.order(old.id)).status is OrderStatus.FILLED
    async with desk.units() as tx:
        position = await tx.positions.get(old.position_id)
    left = PositionStatus.OPEN_PARTIAL if kind is OrderKind.TARGET else PositionStatus.OPEN_FULL
    assert position.status is left
    await _agrees(desk, reads)
    if kind is OrderKind.TARGET:
        [seen] = await reads.positions()
        told = next(spread.target for spread in seen.spreads if spread.key == old.spread_key)
        assert told is not None
        assert (told.id, told.status) == (old.id, "filled")  # not the replacement that ended without one


async def test_a_fill_known_before_it_is_sent_sends_nothing(desk: Desk, reads: Reads) -> None:
    old = await _target(desk)
    new = await _intend(desk, old)
    sent = len(desk.broker.posts)
    desk.broker.fill(old.broker_order_id or "", desk.mids(old))
    await desk.alert(old.broker_order_id or "", drain=False)
    [alert] = [each for each in await desk.work() if each.job == "apply_alert"]
    await desk.run(alert)
    [execute] = [each for each in await desk.work() if each.job == "execute"]
    await desk.run(execute)
    assert (await desk.order(new.id)).status is OrderStatus.CANCELLED
    await desk.drain()
    assert len(desk.broker.posts) == sent
    await _agrees(desk, reads)


async def test_the_broker_gives_up_an_accepted_replacement_for_a_fill(desk: Desk, reads: Reads) -> None:
    old = await _entry(desk)
    new = await _replace(desk, old, D("-0.01"))
    theirs = await _theirs(desk, new)
    desk.broker.orders[theirs.id] = replace(theirs, status=BrokerStatus.REMOVED)
    was = desk.broker.orders[theirs.replaces or ""]
    desk.broker.orders[was.id] = replace(was, status=BrokerStatus.LIVE, replaced_by=None)
    await desk.alert(theirs.id)
    assert (await desk.order(new.id)).status is OrderStatus.CANCELLED
    async with desk.units() as tx:
        assert (await tx.positions.get(old.position_id)).status is PositionStatus.PENDING_ENTRY
    await desk.fill(old.id)
    assert (await desk.order(old.id)).status is OrderStatus.FILLED
    await _agrees(desk, reads)
    assert len(await desk.orders(OrderKind.TARGET)) == 3


@pytest.mark.parametrize("renames", [True, False])
async def test_an_answer_that_got_lost_is_found(desk: Desk, reads: Reads, *, renames: bool) -> None:
    old = await _target(desk)
    desk.broker.renames = renames
    desk.broker.answers = [LOST]
    new = await _intend(desk, old)
    [work] = await desk.work()
    await desk.run(work)
    assert (await desk.order(new.id)).status is OrderStatus.UNKNOWN
    await desk.drain()
    assert (await desk.order(new.id)).status is OrderStatus.WORKING
    assert (await desk.order(old.id)).status is OrderStatus.REPLACED
    await _agrees(desk, reads)


async def test_one_that_never_arrived_is_given_up_and_the_old_one_stays(desk: Desk, reads: Reads) -> None:
    old = await _entry(desk)
    before = dict(desk.broker.orders)
    desk.broker.answers = [LOST]
    new = await _intend(desk, old, D("-0.01"))
    [work] = await desk.work()
    await desk.run(work)
    desk.broker.orders = before
    await desk.drain()
    await _age(desk)
    await _reconcile(desk)
    assert (await desk.order(new.id)).status is OrderStatus.CANCELLED
    assert (await desk.order(old.id)).status is OrderStatus.WORKING
    async with desk.units() as tx:
        assert (await tx.positions.get(old.position_id)).status is PositionStatus.PENDING_ENTRY
    await _agrees(desk, reads)


async def test_one_given_up_that_arrived_after_all_is_taken_back(desk: Desk, reads: Reads) -> None:
    old = await _target(desk)
    before = dict(desk.broker.orders)
    desk.broker.answers = [LOST]
    new = await _intend(desk, old)
    [work] = await desk.work()
    await desk.run(work)
    hidden, desk.broker.orders = desk.broker.orders, before
    await desk.drain()
    await _age(desk)
    await _reconcile(desk)
    desk.broker.orders = hidden
    await _reconcile(desk)
    assert [one.code for one in await reads.alarms()] == ["ORDER_CAME_LATE"]
    assert (await desk.order(new.id)).status is OrderStatus.WORKING
    assert (await _theirs(desk, new)).status is BrokerStatus.LIVE
    await _reconcile(desk)
    assert (await desk.order(old.id)).status is OrderStatus.REPLACED
    assert await reads.differences(await desk.account()) == ()


async def test_a_doubled_request_whose_second_answer_comes_back_is_no_refusal(
    desk: Desk, reads: Reads
) -> None:
    old = await _target(desk)
    new = await _intend(desk, old)
    once = desk.broker.replace

    async def doubled(order_id: str, ticket: object, **more: object) -> object:
        await once(order_id, ticket, **more)  # type: ignore[arg-type]
        return await once(order_id, ticket, **more)  # type: ignore[arg-type]

    desk.broker.replace = doubled  # type: ignore[method-assign,assignment]
    await desk.drain()
    assert (await desk.order(new.id)).status is OrderStatus.WORKING
    await _agrees(desk, reads)
    live = [each for each in desk.broker.orders.values() if each.status is BrokerStatus.LIVE]
    assert len(live) == 3


@pytest.mark.parametrize("renames", [True, False])
async def test_a_broker_that_takes_a_doubled_request_twice_has_the_second_cancelled(
    desk: Desk, reads: Reads, *, renames: bool
) -> None:
    old = await _target(desk)
    desk.broker.renames = renames
    new = await _replace(desk, old)
    theirs = await _theirs(desk, new)
    desk.broker.orders["9999"] = replace(theirs, id="9999")
    await _reconcile(desk)
    assert desk.broker.orders["9999"].status is BrokerStatus.CANCELLED
    assert await _halted(desk)
    assert (await desk.order(new.id)).broker_order_id == theirs.id


async def _halted(desk: Desk) -> bool:
    async with desk.units() as tx:
        return bool(await tx.alarms.halted_underlyings(await desk.account()))


async def test_less_than_thought_was_left_when_the_broker_took_it(desk: Desk, reads: Reads) -> None:
    """A fill of the old order comes between the reading and the request, and is carried over besides."""
    old = await _many(desk)
    new = await _intend(desk, old)
    theirs = desk.broker.fill(old.broker_order_id or "", desk.mids(old), (1, 2))
    await desk.drain()
    found = await desk.order(new.id)
    assert [line.leg.quantity for line in found.lines] == [2, 2]
    # a broker that shows the fills again on the new order, and counts them in its quantity
    now = await _theirs(desk, new)
    carried = tuple(
        replace(leg, quantity=4, fills=was.fills) for leg, was in zip(now.legs, theirs.legs, strict=True)
    )
    desk.broker.orders[now.id] = replace(now, legs=carried)
    await desk.alert(now.id)
    await desk.alert(old.broker_order_id or "")
    async with desk.units() as tx:
        booked = [len(await tx.orders.fills(each)) for each in (old.id, new.id)]
    assert sum(booked) == 2


async def _many(desk: Desk) -> Order:
    """A target of four units, as if that many had been bought."""
    old = await _target(desk)
    async with desk.engine.begin() as connection:
        for statement in (
            "UPDATE order_leg SET quantity = 4 WHERE order_id = :id",
            "UPDATE lot SET quantity = sign(quantity) * 4, open_quantity = sign(open_quantity) * 4",
        ):
            await connection.execute(text(statement), {"id": old.id} if "id" in statement else {})
    theirs = await _theirs(desk, old)
    desk.broker.orders[theirs.id] = replace(
        theirs, legs=tuple(replace(leg, quantity=4) for leg in theirs.legs)
    )
    return await desk.order(old.id)


class Killed(BaseException):
    """The process ends here."""


class _Dying(PostgresUnits):
    """Dies before or after the n-th commit."""

    def __init__(self, units: PostgresUnits, at: int, *, after: bool) -> None:
        super().__init__(units._engine)
        self.left, self.after = at, after

    def __call__(self) -> PostgresUnitOfWork:
        return _DyingWork(self)


class _DyingWork(PostgresUnitOfWork):
    def __init__(self, units: _Dying) -> None:
        super().__init__(units._engine)
        self._units = units

    async def commit(self) -> None:
        self._units.left -= 1
        if self._units.left == 0 and not self._units.after:
            raise Killed
        await super().commit()
        if self._units.left == 0:
            raise Killed


@pytest.mark.parametrize("kind", [pytest.param(OrderKind.TARGET, marks=pytest.mark.long), OrderKind.ENTRY])
async def test_a_kill_at_every_commit_leaves_one_of_the_two(
    desk: Desk, reads: Reads, kind: OrderKind
) -> None:
    """The sender dies before and after each of its commits; what follows makes books and broker agree."""
    old = await (_target(desk) if kind is OrderKind.TARGET else _entry(desk))
    healthy = desk.context
    for at in range(1, 4):
        for after in (False, True):
            new = await _intend(desk, old, D("-0.01"))
            [work] = [each for each in await desk.work() if each.job == "execute"]
            sent = len(desk.broker.posts)
            desk.context = replace(healthy, units=_Dying(desk.units, at, after=after))
            died = False
            try:
                await desk.run(work)
            except Killed:
                died = True
            desk.context = healthy
            await _age(desk)
            await desk.drain()
            await _age(desk)
            await _reconcile(desk)
            assert len(desk.broker.posts) - sent <= 1
            await _agrees(desk, reads)
            found, was = await desk.order(new.id), await desk.order(old.id)
            assert {found.status, was.status} in (
                {OrderStatus.WORKING, OrderStatus.REPLACED},
                {OrderStatus.CANCELLED, OrderStatus.WORKING},
                {OrderStatus.REJECTED, OrderStatus.WORKING},
            ), (at, after)
            async with desk.units() as tx:
                position = await tx.positions.get(old.position_id)
            expected = PositionStatus.OPEN_FULL if kind is OrderKind.TARGET else PositionStatus.PENDING_ENTRY
            assert position.status is expected
            old = found if found.status is OrderStatus.WORKING else was
            if not died:
                break


async def test_what_may_not_be_replaced(desk: Desk) -> None:
    old = await _target(desk)
    pending = await _intend(desk, old)
    for order, code in ((old, "E_ORDER_REPLACING"), (pending, "E_ORDER_NOT_SENT")):
        with pytest.raises(Refused) as refused:
            await _intend(desk, order)
        assert refused.value.code == code
    await desk.drain()
    await _reconcile(desk)
    new = await desk.order(pending.id)
    with pytest.raises(Refused) as refused:
        await _intend(desk, old)
    assert refused.value.code == "E_ORDER_DONE"
    with pytest.raises(Refused) as refused:
        await _intend(desk, new, D(0))
    assert refused.value.code == "E_SAME_PRICE"
    async with desk.units() as tx:
        await tx.orders.request_cancel(new.id, desk.clock.now(), actor="trader")
        await tx.commit()
    with pytest.raises(Refused) as refused:
        await _intend(desk, new)
    assert refused.value.code == "E_ORDER_CANCELLING"


async def test_what_is_in_doubt_or_filled_unevenly_may_not_be_replaced_either(desk: Desk) -> None:
    target = await _target(desk)
    for statement, code in (
        ("UPDATE trade_order SET status = 'unknown' WHERE id = :id", "E_ORDER_UNKNOWN"),
        ("UPDATE trade_order SET status = 'partially_filled' WHERE id = :id", None),
        ("UPDATE order_leg SET filled = 1 WHERE order_id = :id AND ordinal = 0", "E_ORDER_BROKEN"),
    ):
        async with desk.engine.begin() as connection:
            await connection.execute(text(statement), {"id": target.id})
        if code is not None:
            with pytest.raises(Refused) as refused:
                await _intend(desk, target)
            assert refused.value.code == code


async def test_a_refusal_that_cannot_be_looked_into_is_no_refusal(desk: Desk, reads: Reads) -> None:
    old = await _target(desk)
    desk.broker.answers = [REFUSED]
    desk.broker.away = {"order"}
    new = await _intend(desk, old)
    [work] = await desk.work()
    await desk.run(work)
    assert (await desk.order(new.id)).status is OrderStatus.UNKNOWN
    desk.broker.away = set()
    await _age(desk)
    await _reconcile(desk)
    assert (await desk.order(new.id)).status is OrderStatus.CANCELLED
    assert (await desk.order(old.id)).status is OrderStatus.WORKING
    await _agrees(desk, reads)


async def test_a_cancel_the_broker_does_not_take_is_said_and_not_repeated(desk: Desk, reads: Reads) -> None:
    entry = await _entry(desk)
    theirs = await _theirs(desk, entry)
    desk.broker.orders[theirs.id] = replace(theirs, status=BrokerStatus.CONTINGENT)
    await desk.decide(DecisionKind.CANCEL_ORDER, order_id=entry.id)
    await desk.drain()
    assert (await desk.order(entry.id)).status is OrderStatus.WORKING
    assert "cancel not taken" in [each.action for each in await reads.order_events(entry.id)]
    assert await desk.work() == []
