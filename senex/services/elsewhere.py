"""Positions that no order of ours opened: somebody else's trades, and the shares of an assignment or exercise.

Automation leaves them alone (``managed`` is false) until an operator adopts one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from senex.domain.fills import Fill, spread_credits
from senex.domain.ledger import OPENING_BALANCE
from senex.domain.legs import Action, InstrumentType, Leg, reduction
from senex.domain.lots import Booked, Lot, lot_of
from senex.domain.money import CENT, ZERO
from senex.domain.orders import Origin
from senex.domain.positions import Position, PositionSpread, PositionStatus
from senex.domain.risk import remaining_risk
from senex.domain.suggestions import ExitPlan, SpreadPlan
from senex.domain.symbols import OptionSymbol
from senex.domain.unknown import Unknown
from senex.services.follow import follow_holdings
from senex.services.ledger_rows import instrument_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from decimal import Decimal
    from uuid import UUID

    from senex.ports.records import StoredEntry
    from senex.services.ledger_rows import Booking

UNMANAGED, SHARES = "unmanaged", "assigned_stock"
_KEY = "all"
_NO_PLAN = ExitPlan(time_exit_dte=0)


async def open_elsewhere(booking: Booking, action: Action) -> tuple[UUID, ...]:
    """Open what somebody else opened: the rows of one order, or of one expiry taken over, are one position."""
    tx, stored, entry = booking.tx, booking.stored, booking.stored.entry
    symbol, count = entry.symbol or "", entry.whole or 0
    await booking.strangers.meet(tx, entry)
    known = await _of_same(booking)
    leg = Leg(symbol, action, count, InstrumentType.of(symbol))
    if known is None:
        legs = booking.strangers.legs_of(entry)
        legs = legs if any(one.symbol == symbol for one in legs) else (leg,)
        await tx.market.meet_instruments([instrument_of(one.symbol, entry.underlying or "") for one in legs])
        units = max(reduction(legs), 1)
        plan = tuple(Leg(one.symbol, one.action, one.quantity // units, one.instrument) for one in legs)
        known = _position(booking, plan, units, strategy=UNMANAGED, parent=None)
        await tx.positions.add(known)
    else:
        await tx.positions.add_leg(known.id, _KEY, leg)
        known = await tx.positions.get(known.id, lock=True)
    fill = await tx.ledger.add_fill(booking.account.id, stored, known.id, action=action, quantity=count)
    await _open(booking, known, fill)
    await tx.ledger.booked(stored.id, known.id)
    return (known.id,)


async def open_shares(booking: Booking, removal: StoredEntry, action: Action) -> tuple[UUID, ...]:
    """The shares of exercised or assigned options: each position that gave contracts gets its part as a child."""
    tx, stored, entry = booking.tx, booking.stored, booking.stored.entry
    symbol, count = entry.symbol or "", entry.whole or 0
    await booking.strangers.meet(tx, entry)
    taken = await tx.ledger.taken(removal.id)
    contracts = sum(taken.values())
    parts = {parent: count * given // contracts for parent, given in taken.items()}
    parts[next(iter(parts))] += count - sum(parts.values())
    children: list[UUID] = []
    for parent_id, shares in parts.items():
        if not shares:
            continue
        parent = await tx.positions.get(parent_id, lock=True)
        leg = Leg(symbol, action, 1, InstrumentType.EQUITY)
        child = _position(booking, (leg,), shares, strategy=SHARES, parent=parent)
        await tx.positions.add(child)
        fill = await tx.ledger.add_fill(booking.account.id, stored, child.id, action=action, quantity=shares)
        await _open(booking, child, fill)
        children.append(child.id)
    await tx.ledger.booked(stored.id, children[0])
    return tuple(children)


async def _of_same(booking: Booking) -> Position | None:
    """The position that earlier rows of the same order opened, or that holds the same expiry taken over."""
    tx, entry = booking.tx, booking.stored.entry
    found = None
    if entry.broker_order_id is not None:
        found = await tx.ledger.position_of(booking.account.id, entry.broker_order_id)
    elif (
        entry.kind == OPENING_BALANCE
        and InstrumentType.of(entry.symbol or "") is InstrumentType.EQUITY_OPTION
    ):
        day = _expiry(entry.symbol or "", booking.stored.entry.day)
        for position in await tx.positions.open(booking.account.id):
            same = (position.strategy, position.underlying, position.expiry, position.created_at)
            if same == (UNMANAGED, entry.underlying, day, entry.executed_at):
                found = position.id
    return None if found is None else await tx.positions.get(found, lock=True)


async def _open(booking: Booking, position: Position, fill: Fill) -> None:
    """One lot, and what follows from all lots: credit, risk, and what it says in the journal."""
    tx, entry = booking.tx, booking.stored.entry
    key = position.spreads[0].plan.key
    lot = lot_of(position.id, key, fill, fill.quantity)
    await tx.positions.book(booking.account.id, Booked((lot,)), entry.executed_at)
    lots = await tx.positions.lots(position.id)
    opened = [Fill(one.fill_id, one.symbol, _opened(one), abs(one.quantity), one.price) for one in lots]
    credits_ = spread_credits([spread.plan for spread in position.spreads], opened)
    priced = {name: credit for name, credit in credits_.items() if not isinstance(credit, Unknown)}
    await tx.positions.set_credits(position.id, priced)
    if not position.managed and all(lot.quantity == lot.open_quantity for lot in lots):
        risk = remaining_risk(lots)
        await tx.positions.set_initial_risk(position.id, None if isinstance(risk, Unknown) else risk)
    await follow_holdings(tx, position, reason="manual_close", now=booking.context.clock.now())
    await booking.note(position.id, f"{fill.action} {fill.quantity} {fill.symbol.strip()} at {fill.price}")


def _opened(lot: Lot) -> Action:
    return Action.BUY_TO_OPEN if lot.quantity > 0 else Action.SELL_TO_OPEN


def _position(
    booking: Booking, legs: tuple[Leg, ...], units: int, *, strategy: str, parent: Position | None
) -> Position:
    entry = booking.stored.entry
    plan = SpreadPlan(_KEY, legs, _width(legs), None)
    return Position(
        id=uuid4(),
        account_id=booking.account.id,
        origin=Origin.ADOPTED,
        parent_id=None if parent is None else parent.id,
        suggestion_id=None,
        strategy=strategy,
        underlying=entry.underlying or entry.symbol or "",
        expiry=min(_expiry(leg.symbol, entry.day) for leg in legs) if parent is None else parent.expiry,
        units=units,
        status=PositionStatus.OPEN_FULL,
        initial_risk=None,
        tick=CENT,
        exit_plan=_NO_PLAN,
        spreads=(PositionSpread(plan, None),),
        created_at=entry.executed_at,
        opened_at=entry.executed_at,
        managed=False,
    )


def _expiry(symbol: str, day: date) -> date:
    """When an option expires; shares never do, so theirs is the day they came."""
    return (
        OptionSymbol.from_occ(symbol).expiry
        if InstrumentType.of(symbol) is InstrumentType.EQUITY_OPTION
        else day
    )


def _width(legs: Sequence[Leg]) -> Decimal:
    """The distance of the outermost strikes of the options."""
    strikes = [
        OptionSymbol.from_occ(leg.symbol).strike
        for leg in legs
        if leg.instrument is InstrumentType.EQUITY_OPTION
    ]
    return max(strikes, default=ZERO) - min(strikes, default=ZERO)
