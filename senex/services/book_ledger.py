"""Book what the broker's ledger did to holdings: fills whose cause is a row of it.

Each row is booked once, whole or not at all, in one transaction with the other
legs of its trade; one that closes what is not in the books yet waits for that.
So the order in which rows and fills become known does not matter.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import groupby
from typing import TYPE_CHECKING

from senex.domain.ledger import REASONS_IN_ORDER, TRADE, Effect, delivers_for, effect_of, reason_of
from senex.domain.legs import Action
from senex.domain.lots import NewTerms, close_in_order, convert_lots, share_out
from senex.services.elsewhere import open_elsewhere, open_shares
from senex.services.follow import follow_holdings, tend_later
from senex.services.ledger_rows import Booking, Strangers

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from uuid import UUID

    from senex.domain.lots import Lot
    from senex.domain.positions import Position
    from senex.ports.records import Account, StoredEntry
    from senex.services.context import Context


async def book_ledger(context: Context, account: Account) -> None:
    """Book every row that waits and can be booked, oldest first, until none is left that can."""
    strangers = Strangers(context, account)
    moved = True
    while moved:
        async with context.units.reading() as tx:
            pending = await tx.ledger.pending(account.id)
        moved = False
        for trade in _trades(pending):
            if trade[0].entry.kind == TRADE and not await strangers.are(trade[0].entry):
                continue
            touched = await _book_together(context, account, trade, strangers)
            if not touched and len(trade) > 1:
                # a leg of it closes what is not in the books yet; the others need not wait for that
                for one in trade:
                    touched |= await _book_together(context, account, [one], strangers)
            for position_id in touched:
                await context.publisher.changed("position", str(account.id), str(position_id))
            moved = moved or bool(touched)


def _trades(pending: Iterable[StoredEntry]) -> list[list[StoredEntry]]:
    """The rows in their order; those of one order that follow each other are the legs of one trade."""

    def order(stored: StoredEntry) -> str:
        name = stored.entry.broker_order_id if stored.entry.kind == TRADE else None
        return f"row {stored.id}" if name is None else f"order {name}"

    return [list(rows) for _, rows in groupby(pending, key=order)]


async def _book_together(
    context: Context, account: Account, trade: Sequence[StoredEntry], strangers: Strangers
) -> set[UUID]:
    """Book all the rows in one transaction; the positions they changed, none where one of them has to wait."""
    touched: set[UUID] = set()
    async with context.units() as tx:
        for stored in trade:
            booking = Booking(context, tx, account, await tx.ledger.lock(stored.id), strangers)
            if not booking.stored.pending:
                continue
            changed = await _book(booking)
            if not changed:
                return set()
            touched.update(changed)
        await tx.commit()
    return touched


async def _book(booking: Booking) -> tuple[UUID, ...]:
    """Book the row; the positions it changed, none where it has to wait."""
    entry = booking.stored.entry
    if entry.whole is None:
        return ()
    effect = effect_of(entry)
    if effect in (Effect.REMOVE, Effect.CLOSE):
        return await _take(booking, effect)
    if effect is Effect.CONVERT:
        return await _convert(booking)
    if effect is Effect.RECEIVE:
        action = await _side(booking)
        return () if action is None else await open_elsewhere(booking, action)
    action = entry.action or Action.BUY_TO_OPEN
    instant = await booking.tx.ledger.of_instant(booking.account.id, entry)
    removals = [one for one in instant if delivers_for(entry, one.entry)]
    if not removals:
        return await open_elsewhere(booking, action)
    before = [one for one in removals if instant.index(one) < instant.index(booking.stored)]
    removal = before[-1] if before else removals[0]
    return () if removal.pending else await open_shares(booking, removal, action)


async def held_lots(booking: Booking, symbol: str) -> list[tuple[Position, tuple[Lot, ...]]]:
    """The positions that hold a symbol, locked, with all their lots.

    Unmanaged ones first: what somebody does elsewhere is about what he holds there. Then by age.
    """
    tx = booking.tx
    ids = await tx.positions.holding(booking.account.id, symbol)
    positions = [await tx.positions.get(position_id, lock=True) for position_id in ids]
    positions.sort(key=lambda one: (one.managed, one.created_at, one.id))
    return [(one, await tx.positions.lots(one.id)) for one in positions]


async def _take(booking: Booking, effect: Effect) -> tuple[UUID, ...]:
    tx, stored, entry = booking.tx, booking.stored, booking.stored.entry
    holders = await held_lots(booking, entry.symbol or "")
    every = [lot for _, lots in holders for lot in lots if lot.symbol == entry.symbol and lot.open_quantity]
    action = entry.action
    if effect is Effect.REMOVE:
        sides = {lot.open_quantity > 0 for lot in every}
        if len(sides) != 1:
            return ()
        action = Action.SELL_TO_CLOSE if True in sides else Action.BUY_TO_CLOSE
    if action is None:
        return ()
    shares = share_out(every, entry.whole or 0, sign=action.sign)
    if shares is None:
        return ()
    for position, lots in holders:
        if position.id in shares:
            fill = await tx.ledger.add_fill(
                booking.account.id, stored, position.id, action=action, quantity=shares[position.id]
            )
            await tx.positions.book(booking.account.id, close_in_order(lots, fill), entry.executed_at)
            await booking.note(position.id, f"{fill.quantity} {fill.symbol.strip()} closed at {fill.price}")
    await tx.ledger.booked(stored.id, next(iter(shares)))
    for position, _ in holders:
        if position.id in shares:
            reason = await _reason(booking, position)
            await follow_holdings(tx, position, reason=reason, now=booking.context.clock.now())
    return tuple(shares)


async def _reason(booking: Booking, position: Position) -> str:
    """Why it is closed if nothing is left: of several rows of one instant the strongest says.

    A spread whose long leg expired and whose short leg was assigned was assigned.
    """
    entry = booking.stored.entry
    kinds = await booking.tx.ledger.kinds(position.id, entry.executed_at)
    reasons = {reason_of(kind) for kind in (entry.sub_kind, *kinds)}
    return next(one for one in REASONS_IN_ORDER if one in reasons)


async def _side(booking: Booking) -> Action | None:
    """The side of what arrived: that of what the broker holds beyond our books, where it is that much."""
    entry, tx = booking.stored.entry, booking.tx
    symbol = entry.symbol or ""
    _, held = (await tx.accounts.holdings(booking.account.id)).get(symbol, ("", 0))
    _, ours = (await tx.positions.booked(booking.account.id)).get(symbol, ("", 0))
    beyond = held - ours
    if abs(beyond) < (entry.whole or 0):
        return None
    return Action.BUY_TO_OPEN if beyond > 0 else Action.SELL_TO_OPEN


async def _convert(booking: Booking) -> tuple[UUID, ...]:
    """A split or a change of symbol: one row takes lots away, the other gives them back under new terms."""
    tx, first, entry = booking.tx, booking.stored, booking.stored.entry
    pair = [
        one
        for one in await tx.ledger.of_instant(booking.account.id, entry)
        if one.pending and one.entry.sub_kind == entry.sub_kind
    ]
    place = pair.index(first)
    if place + 1 >= len(pair):
        return ()
    second = await tx.ledger.lock(pair[place + 1].id)
    count, given = entry.whole, second.entry.whole
    holders = await held_lots(booking, entry.symbol or "")
    held = sum(lot.open_quantity for _, lots in holders for lot in lots if lot.symbol == entry.symbol)
    if not second.pending or count is None or given is None or abs(held) != count:
        return ()
    terms = NewTerms(second.entry.symbol or "", Fraction(given, count))
    await booking.strangers.meet(tx, second.entry)
    for position, lots in holders:
        if not await _convert_position(booking, second, position, lots, terms):
            return ()
    for stored in (first, second):
        await tx.ledger.booked(stored.id, holders[0][0].id)
    return tuple(position.id for position, _ in holders)


async def _convert_position(
    booking: Booking, second: StoredEntry, position: Position, lots: tuple[Lot, ...], terms: NewTerms
) -> bool:
    tx, entry = booking.tx, booking.stored.entry
    mine = sum(lot.open_quantity for lot in lots if lot.symbol == entry.symbol)
    away, back = (
        (Action.SELL_TO_CLOSE, Action.BUY_TO_OPEN) if mine > 0 else (Action.BUY_TO_CLOSE, Action.SELL_TO_OPEN)
    )
    whole = abs(mine) * terms.ratio
    if whole.denominator != 1:
        return False
    account = booking.account.id
    removal = await tx.ledger.add_fill(account, booking.stored, position.id, action=away, quantity=abs(mine))
    receipt = await tx.ledger.add_fill(account, second, position.id, action=back, quantity=int(whole))
    booked = convert_lots(lots, terms, removal=removal, receipt=receipt.id)
    if booked is None:
        return False
    await tx.positions.book(account, booked, entry.executed_at)
    await tx.positions.convert_plan(position.id, entry.symbol or "", terms)
    await booking.note(
        position.id, f"{abs(mine)} {(entry.symbol or '').strip()} became {whole} {terms.symbol.strip()}"
    )
    await tend_later(tx, position)
    return True
