"""Book what the broker says about an order: adopt it, apply its fills once, move its position.

Alerts and REST reads come through here alike, in any order and any number of
times; the same facts give the same books.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from senex.domain.errors import Unavailable
from senex.domain.fills import Fill, net_fill, spread_credits
from senex.domain.lots import Opening, close_lots, open_lots
from senex.domain.net import price_legs
from senex.domain.orders import (
    AttemptStatus,
    OrderStatus,
    advance,
    advance_attempt,
)
from senex.domain.unknown import Unknown
from senex.services.entries import booked_elsewhere, entry_orders, fit, replaced_by_us
from senex.services.follow import follow_order
from senex.services.orphans import has_sibling, is_second, reopen, second_order
from senex.services.resolve import UNKNOWN
from senex.services.strangers import FOREIGN, meet
from senex.services.trading_state import stop_entries

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from senex.domain.legs import Action
    from senex.domain.orders import Attempt, Order
    from senex.domain.positions import Position
    from senex.domain.suggestions import Pricing
    from senex.ports.broker import BrokerOrder
    from senex.ports.records import StoredFill, Work
    from senex.ports.unit_of_work import UnitOfWork
    from senex.services.context import Context


_GIVEN_UP = frozenset({AttemptStatus.ABANDONED, AttemptStatus.REFUSED})
_UNANSWERED = (AttemptStatus.SENDING, AttemptStatus.UNKNOWN)


@dataclass(frozen=True, slots=True)
class _Booking:
    """One broker order met one of ours, under lock, in a transaction."""

    context: Context
    tx: UnitOfWork
    order: Order
    attempts: Sequence[Attempt]
    theirs: BrokerOrder
    source: str


async def apply_order(
    context: Context, account_id: UUID, theirs: BrokerOrder, *, source: str, work: Work | None = None
) -> Order | None:
    """Bring our books up to ``theirs``; None when the order is not ours.

    ``source`` is rest or alert. ``work`` is done in the same transaction.
    """
    async with context.units.reading() as tx:
        order_id = await tx.orders.find(account_id, theirs)
        pricing = await _pricing_at_fill(context, tx, order_id) if order_id and theirs.filled else None
    async with context.units() as tx:
        booked = None
        if order_id is None:
            await meet(context, tx, account_id, [theirs])
        else:
            order, position, attempts = await tx.cases.locked(order_id)
            known = await _ours(context, tx, order, attempts, theirs)
            if known is not None:
                booked = await _book(
                    _Booking(context, tx, known, attempts, theirs, source), position, pricing
                )
        if work is not None:
            await tx.outbox.done(work)
        await tx.commit()
    if booked is not None:
        await context.publisher.changed("order", str(account_id), str(booked.id))
    return booked


async def _ours(
    context: Context, tx: UnitOfWork, order: Order, attempts: Sequence[Attempt], theirs: BrokerOrder
) -> Order | None:
    """The order to book this on; None when the broker should not have it at all, which is dealt with then."""
    named = (one for one in attempts if one.external_identifier == theirs.external_identifier)
    attempt = next(named, None)
    lives = not theirs.means.terminal
    if attempt is not None and attempt.status is AttemptStatus.REFUSED:
        if not lives and not theirs.filled:
            if theirs.means is not OrderStatus.REJECTED:
                await meet(context, tx, order.account_id, [theirs])
            return None
        await _refused(context, tx, order, theirs)
    given_up = attempt if attempt is not None and attempt.status in _GIVEN_UP else None
    if is_second(order, theirs) or (given_up is not None and await has_sibling(tx, order, given_up, theirs)):
        await second_order(context, tx, order, theirs)
        return None
    moved = theirs.replaces is not None and theirs.replaces == order.broker_order_id
    if given_up is not None or (moved and lives and order.status.terminal):
        return await reopen(context, tx, order, theirs)
    return order


async def _pricing_at_fill(context: Context, tx: UnitOfWork, order_id: UUID) -> Pricing | None:
    """What the legs cost as the fill became known, kept beside the fill price."""
    order = await tx.orders.get(order_id)
    if order.complete:
        return None
    known = await tx.market.instruments([leg.symbol for leg in order.legs])
    streamers = {symbol: item.streamer for symbol, item in known.items()}
    try:
        market = await context.quotes.snapshot(set(streamers.values()))
    except Unavailable:
        # a fill is booked without Redis too; only what the market was worth beside it stays unknown
        return None
    pricing = price_legs(order.legs, market, context.clock.now(), streamers=streamers)
    return None if isinstance(pricing, Unknown) else pricing


async def _book(booking: _Booking, position: Position, pricing: Pricing | None) -> Order:
    tx, order, theirs = booking.tx, booking.order, booking.theirs
    now = booking.context.clock.now()
    # what stood in an order's place before it was replaced elsewhere; only its fills are still news
    another = order.broker_order_id not in (None, theirs.id)
    former = another and theirs.means is OrderStatus.REPLACED
    if not former:
        await _adopt(booking)
        if another:  # what somebody made of it elsewhere was a stranger's
            await tx.alarms.resolve(FOREIGN, theirs.id, account_id=order.account_id, now=now)
    elsewhere = await booked_elsewhere(tx, order) if theirs.filled else frozenset()
    fits = order.replaces_id is not None and order.broker_order_id is None
    if fits:
        await fit(tx, order, theirs, elsewhere)
    fresh = [
        stored
        for leg in theirs.legs
        for fill in leg.fills
        if (leg.symbol, fill.fill_id) not in elsewhere
        and (
            stored := await tx.orders.add_fill(
                order.account_id, order.id, leg.symbol, fill, source=booking.source
            )
        )
    ]
    filled = await tx.orders.get(order.id) if fresh or fits else order
    status = advance(order.status, await _told(booking, filled, former=former))
    told = {
        "broker_order_id": theirs.id,
        "broker_status": theirs.status,
        "reject_reason": theirs.reject_reason,
    }
    await tx.orders.set_status(order.id, status, now=now, **({} if former else told))
    if fresh:
        await _fill(booking, filled, position, fresh, pricing)
    if status is not order.status:
        await tx.journal.note_order(
            f"order {status}",
            order,
            actor=f"broker ({booking.source})",
            before=order.status,
            after=status,
            why=f"broker order {theirs.id} is {theirs.status}",
            now=now,
        )
    if fresh or status is not order.status:
        await follow_order(tx, filled, status, position, now=now)
    if fresh and status.terminal:
        # balances and holdings are what the budget is reckoned with
        await tx.outbox.add(
            "sync_positions", str(order.account_id), queue="accounts", account_id=order.account_id
        )
    return filled


async def _adopt(booking: _Booking) -> None:
    """An order seen at the broker was accepted, whatever we believed of its attempt."""
    tx, theirs = booking.tx, booking.theirs
    for attempt in booking.attempts:
        unanswered = booking.order.replaces_id is not None and attempt.status in _UNANSWERED
        named = attempt.external_identifier == theirs.external_identifier
        if (named or unanswered) and attempt.status is not AttemptStatus.ACCEPTED:
            status = advance_attempt(attempt.status, AttemptStatus.ACCEPTED)
            now = booking.context.clock.now()
            await tx.orders.settle(attempt.id, status, now=now, broker_order_id=theirs.id)
            await tx.alarms.resolve(UNKNOWN, str(booking.order.id), account_id=attempt.account_id, now=now)


async def _told(booking: _Booking, order: Order, *, former: bool) -> OrderStatus:
    """Filled means every contract is booked: the broker may say so before the last leg's fill arrives.

    What was replaced elsewhere stays as it is: the order goes on in what replaced it, once that is seen.
    """
    told = booking.theirs.means
    if order.complete:
        return OrderStatus.FILLED
    if told is OrderStatus.FILLED:
        return OrderStatus.PARTIALLY_FILLED
    if former or (told is OrderStatus.REPLACED and not await replaced_by_us(booking.tx, order)):
        return order.status
    return told


async def _fill(
    booking: _Booking, order: Order, position: Position, fresh: list[StoredFill], pricing: Pricing | None
) -> None:
    """Lots, spread credits and the order's fill price, from actual executions."""
    tx, now = booking.tx, booking.context.clock.now()
    action = {leg.symbol: leg.action for leg in order.legs}
    every = [_to_fill(stored, action) for stored in await tx.orders.fills(order.id)]
    new = [_to_fill(stored, action) for stored in fresh]
    lots = await tx.positions.lots(position.id)
    if order.opens_risk:
        family = [each for each in await entry_orders(tx, position.id) if each.id != order.id]
        opened = every + [
            _to_fill(stored, action) for each in family for stored in await tx.orders.fills(each.id)
        ]
        known = {fill.id for fill in new}
        before: dict[str, int] = {}
        for fill in opened:
            if fill.id not in known:
                before[fill.symbol] = before.get(fill.symbol, 0) + fill.quantity
        plans = tuple(spread.plan for spread in position.spreads)
        opening = Opening(position.id, plans, position.units)
        booked = open_lots(opening, new, lots=lots, filled_before=before)
        priced = {
            key: credit
            for key, credit in spread_credits(plans, opened).items()
            if not isinstance(credit, Unknown)
        }
        await tx.positions.set_credits(position.id, priced)
    else:
        keys = [order.spread_key] if order.spread_key else [spread.plan.key for spread in position.spreads]
        booked = close_lots(lots, new, spread_keys=keys)
    await tx.positions.book(order.account_id, booked, now)
    for extra in booked.surplus:
        await tx.journal.note_order(
            "fill beyond plan",
            order,
            actor="daemon",
            after=f"{extra.quantity} {extra.symbol}",
            why="the broker filled contracts no plan of this order accounts for",
            now=now,
        )
    price = net_fill(order.legs, every)
    if not isinstance(price, Unknown):
        await tx.orders.set_fill_price(
            order.id,
            price,
            natural=pricing.natural if pricing else None,
            opposite=pricing.opposite if pricing else None,
        )


def _to_fill(stored: StoredFill, action: Mapping[str, Action]) -> Fill:
    return Fill(stored.id, stored.symbol, action[stored.symbol], stored.fill.quantity, stored.fill.price)


async def _refused(context: Context, tx: UnitOfWork, order: Order, theirs: BrokerOrder) -> None:
    """Its attempt was refused for certain, and it lives all the same: somebody doubles what senex sends."""
    reason = f"an order the broker had refused lives there (broker order {theirs.id}, {order.underlying})"
    await stop_entries(context, tx, order.account_id, reason)
