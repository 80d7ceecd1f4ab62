"""Look after one position: bring its exits on, keep its targets the size of what is open.

Safe to repeat at any time, from any state: fills, ends of orders, reconciles,
the timer and the operator all come through here, and what has to be sent
follows from what is held, what works and what is wished.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

from senex.domain.alarms import Alarm, Severity
from senex.domain.calendar import Calendar, new_york_date
from senex.domain.closing import DAEMON, Cancel, Cause, Change, Place, held_of, target_moves
from senex.domain.errors import Refused, Unavailable
from senex.domain.exits import ended
from senex.domain.orders import Order, OrderLine, OrderStatus, Origin, unfilled_legs
from senex.domain.quotes import Market
from senex.domain.targets import target_specs
from senex.domain.unknown import Unknown
from senex.services.bring_on import bring_on
from senex.services.cancel import withdraw
from senex.services.exit_case import ExitCase, stops_of
from senex.services.follow import tend_later
from senex.services.intents import intend
from senex.services.replace import intend_replacement
from senex.services.repricing import WAIT_FOR_QUOTES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from senex.domain.closing import Held, Move, SpreadExit
    from senex.domain.positions import Position
    from senex.domain.targets import Targets
    from senex.ports.records import Instrument, Work
    from senex.ports.unit_of_work import UnitOfWork
    from senex.services.context import Context

BROKEN = "BROKEN_RATIO"


@dataclass(frozen=True, slots=True)
class _Tending:
    """A position under lock, in a transaction; ``orders`` are all of it, oldest first."""

    context: Context
    tx: UnitOfWork
    position: Position
    orders: Sequence[Order]
    now: datetime


async def tend_position(context: Context, position_id: UUID, work: Work) -> None:
    """Do what the position's exits and targets need now; whatever must first end is waited for."""
    await _once(context, position_id, work, mend=False)


async def mend_position(context: Context, position_id: UUID, work: Work) -> None:
    """The same at leisure: also set targets again that died, and ask anew for cancels nobody heard."""
    await _once(context, position_id, work, mend=True)


async def _once(context: Context, position_id: UUID, work: Work, *, mend: bool) -> None:
    market, instruments = await _market(context, position_id)
    async with context.units() as tx:
        position = await tx.positions.get(position_id, lock=True)
        orders = await tx.orders.of_position(position_id)
        tending = _Tending(context, tx, position, orders, context.clock.now())
        await _tend(tending, market, instruments, mend=mend)
        if mend:
            await _insist(tending)
        await tx.outbox.done(work)
        await tx.commit()
    await context.publisher.changed("position", str(position.account_id), str(position_id))


async def place_wanted(context: Context, tx: UnitOfWork, position: Position) -> list[str]:
    """Set the target of every open spread that nobody is closing, those an operator took away too; which were set.

    The position is locked by the caller.
    """
    orders = await tx.orders.of_position(position.id)
    tending = _Tending(context, tx, position, orders, context.clock.now())
    closing = {wish.spread_key for wish in await tx.exits.of_position(position.id) if wish.active}
    lots = await tx.positions.lots(position.id)
    held = {spread.plan.key: held_of(spread.plan, lots) for spread in position.spreads}
    placed = []
    instruments = await tx.market.instruments(sorted(_symbols(position)))
    for spec in _planned(position, held, instruments, tending.now).specs:
        mine = [order for order in orders if order.spread_key == spec.spread_key]
        if spec.spread_key in closing:
            continue
        for move in target_moves(held[spec.spread_key], mine, spec, wanted=True):
            await _do(tending, spec.spread_key, move, None)
            placed.append(spec.spread_key)
    return placed


async def _insist(tending: _Tending) -> None:
    for order in tending.orders:
        if order.cancel_requested and order.broker_order_id is not None and not order.status.terminal:
            await _ask_to_cancel(tending, order)


async def _ask_to_cancel(tending: _Tending, order: Order) -> None:
    await tending.tx.outbox.add("cancel", str(order.id), queue="trading", account_id=order.account_id)


async def _market(context: Context, position_id: UUID) -> tuple[Market, dict[str, Instrument]]:
    """What its legs are quoted at, asked for only when an exit wants a price; no market while Redis is away."""
    async with context.units.reading() as tx:
        position = await tx.positions.get(position_id)
        wishes = [wish for wish in await tx.exits.of_position(position_id) if wish.active]
        instruments = dict(await tx.market.instruments(sorted(_symbols(position))))
    if not wishes:
        return Market(), instruments
    streamers = {each.streamer for each in instruments.values()}
    try:
        return await context.quotes.wanted(streamers, timeout=WAIT_FOR_QUOTES), instruments
    except Unavailable:
        return Market(), instruments


async def _tend(tending: _Tending, market: Market, instruments: dict[str, Instrument], *, mend: bool) -> None:
    tx, position, now = tending.tx, tending.position, tending.now
    lots = await tx.positions.lots(position.id)
    wishes = {wish.spread_key: wish for wish in await tx.exits.of_position(position.id) if wish.active}
    entries = [order for order in tending.orders if order.opens_risk and not order.status.terminal]
    entering = bool(entries)
    if any(wish.cause is Cause.FLATTEN for wish in wishes.values()):
        for entry in entries:
            await _end_entry(tending, entry)
    fence = await tx.accounts.fence(position.account_id)
    calendar = await tx.market.calendar(new_york_date(now)) if wishes else Calendar(())
    every = {spread.plan.key: held_of(spread.plan, lots) for spread in position.spreads}
    planned = _planned(position, every, instruments, now)
    for spread in position.spreads:
        key, held = spread.plan.key, every[spread.plan.key]
        orders = [order for order in tending.orders if order.spread_key == key and not order.opens_risk]
        wish: SpreadExit | None = wishes.get(key)
        moves: tuple[Move, ...] = ()
        if wish is not None:
            case = ExitCase(
                position, spread, held, orders, entering, fence, calendar, market, instruments, now
            )
            wish, moves = await bring_on(tx, case, wish)
        if wish is None or wish.excess:
            spec = next((spec for spec in planned.specs if spec.spread_key == key), None)
            moves += target_moves(held, orders, spec, again=mend, beside=None if wish is None else wish.id)
        for move in moves:
            await _do(tending, key, move, wish)
        await _say_what_hangs(tending, held, orders, entering=entering, mend=mend)
        if mend and key in planned.without:
            await _note(tending, "no target", f"{position.id}/{key}", planned.without[key].why)


async def _end_entry(tending: _Tending, entry: Order) -> None:
    """Who wants to be flat wants no entry either."""
    if not entry.cancel_requested and entry.status is not OrderStatus.UNKNOWN:
        await _do(tending, "", Cancel(entry, "flatten"), None)


def _symbols(position: Position) -> set[str]:
    return {leg.symbol for spread in position.spreads for leg in spread.plan.legs}


def _planned(
    position: Position, held: dict[str, Held], instruments: Mapping[str, Instrument], now: datetime
) -> Targets:
    """The targets the plan wants for what is open and still trades; none for a position nobody manages."""
    stops = stops_of(instruments)
    credits_ = {
        spread.plan.key: Unknown(f"the opening credit of {spread.plan.key} is not known")
        if spread.credit is None
        else spread.credit
        for spread in position.spreads
    }
    units = {
        key: each.units.whole if position.managed and ended(each.open, stops, now) is None else 0
        for key, each in held.items()
    }
    plans = (spread.plan for spread in position.spreads)
    return target_specs(plans, units=units, credits=credits_, tick=position.tick)


async def _do(tending: _Tending, key: str, move: Move, wish: SpreadExit | None) -> None:
    tx, position, now = tending.tx, tending.position, tending.now
    if isinstance(move, Place):
        serves = wish if wish is not None and move.kind is wish.cause.kind else None
        await intend(tx, _order(tending, key, move, serves), actor=DAEMON, why=move.why, now=now)
        return
    order = move.order
    if isinstance(move, Change) and move.legs == unfilled_legs(order) and await _priced_anew(tending, move):
        return
    if order.broker_order_id is None:
        try:
            await withdraw(tending.context, tx, order)
        except Refused:
            return  # it is being sent at this moment; its outcome comes back here
        await tend_later(tx, position)
    else:
        await _ask_to_cancel(tending, order)
    await tx.orders.request_cancel(order.id, now, actor=DAEMON)
    await tx.journal.note_order(
        "order makes room" if isinstance(move, Cancel) else "order is changed",
        order,
        actor=DAEMON,
        before=order.status,
        after=str(move.limit) if isinstance(move, Change) else None,
        why=move.why,
        now=now,
    )


async def _priced_anew(tending: _Tending, move: Change) -> bool:
    """Have the order replaced at its new price; false when it has to be cancelled and sent anew for that.

    One that is just ending or changing is left to do so; its outcome comes back here.
    """
    order = move.order
    try:
        await intend_replacement(
            tending.tx,
            order,
            limit=move.limit,
            actor=DAEMON,
            why=move.why,
            now=tending.now,
            decision_id=order.decision_id,
        )
    except Refused as refusal:
        return refusal.code not in ("E_ORDER_NOT_SENT", "E_ORDER_BROKEN")
    return True


def _order(tending: _Tending, key: str, move: Place, serves: SpreadExit | None) -> Order:
    position = tending.position
    earlier = [
        order.generation for order in tending.orders if order.spread_key == key and order.kind is move.kind
    ]
    return Order(
        id=uuid4(),
        account_id=position.account_id,
        origin=Origin.STRATEGY if serves is None or serves.decision_id is None else Origin.MANUAL,
        kind=move.kind,
        position_id=position.id,
        decision_id=None if serves is None else serves.decision_id,
        spread_key=key,
        generation=max(earlier, default=-1) + 1,
        underlying=position.underlying,
        time_in_force=move.time_in_force,
        limit_price=move.limit,
        band=None,
        valid_until=None,
        status=OrderStatus.INTENDED,
        broker_order_id=None,
        lines=tuple(OrderLine(leg) for leg in move.legs),
        exit_id=None if serves is None else serves.id,
    )


async def _say_what_hangs(
    tending: _Tending, held: Held, orders: Sequence[Order], *, entering: bool, mend: bool
) -> None:
    """A leg out of ratio that no order works on is an alarm, with the command that closes it (DOMAIN 0.12)."""
    tx, position, key = tending.tx, tending.position, held.plan.key
    subject = f"{position.id}/{key}"
    if not held.units.broken:
        await tx.alarms.resolve(BROKEN, subject, account_id=position.account_id, now=tending.now)
        return
    if entering or any(not order.status.terminal for order in orders):
        return
    if not mend and await _being_booked(tending, held):
        return
    listed = ", ".join(f"{quantity:+d} {symbol}" for symbol, quantity in sorted(held.units.excess.items()))
    text = (
        f"{position.underlying} {key}: open beyond whole spreads, with no order for it: {listed}. "
        f"`senex positions close {str(position.id)[:8]} --spread {key} --excess` closes what hangs."
    )
    alarm = Alarm(BROKEN, Severity.CRITICAL, position.account_id, "position", subject, text)
    if await tx.alarms.sound(alarm, tending.now):
        await _note(tending, "broken ratio", subject, f"open beyond whole spreads: {listed}")


async def _being_booked(tending: _Tending, held: Held) -> bool:
    """Whether rows of the ledger about it wait: one leg after the other is booked, and a reconcile looks after that."""
    pending = await tending.tx.ledger.pending(tending.position.account_id)
    return any(stored.entry.symbol in held.open for stored in pending)


async def _note(tending: _Tending, action: str, subject: str, why: str) -> None:
    await tending.tx.journal.note(
        action,
        actor=DAEMON,
        object_type="position",
        object_id=subject,
        account_id=tending.position.account_id,
        why=why,
        now=tending.now,
    )
