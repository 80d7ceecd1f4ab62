"""Compare our books with the broker's: every order, every quantity, every target that should be there.

Nothing is changed by looking. What differs is kept, so that consoles show it;
a quantity that differs halts its underlying until it is settled (DOMAIN H).
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from senex.domain.alarms import Alarm, Severity
from senex.domain.calendar import new_york_date
from senex.domain.closing import taken_away
from senex.domain.differences import (
    Category,
    Difference,
    Fix,
    Seen,
    compare_orders,
    compare_quantities,
    outlived_halts,
)
from senex.domain.exits import ended
from senex.domain.lots import open_units
from senex.domain.orders import OrderKind, OrderStatus
from senex.domain.positions import OPEN_STATUSES
from senex.services.exit_case import stops_of
from senex.services.sync import HISTORY, Listing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from senex.domain.lots import Lot
    from senex.domain.orders import Order
    from senex.domain.positions import Position
    from senex.domain.suggestions import SpreadPlan
    from senex.ports.records import StoredEntry
    from senex.ports.unit_of_work import UnitOfWork
    from senex.services.context import Context

DIFFER = "BOOKS_DIFFER"
LEDGER_LAG = timedelta(days=1)
"""How late a fill's transaction may come before its absence is a difference."""
QUANTITIES = frozenset({Category.QUANTITY_MISMATCH, Category.GONE_AT_BROKER})


async def compare(
    context: Context,
    account_id: UUID,
    listing: Listing,
    *,
    held: Mapping[str, tuple[str, int]] | None = None,
) -> tuple[Difference, ...]:
    """Every difference.

    ``listing`` is a complete reading of the broker's orders; ``held`` what it holds by symbol (underlying, signed
    quantity), None for its last stored word.
    """
    async with context.units.reading() as tx:
        books = await tx.cases.open_books(account_id, before=context.clock.now() - LEDGER_LAG)
        holding = books.held if held is None else held
        working = {
            (order.position_id, order.spread_key): order for order in books.orders if not order.opens_risk
        }
        targets = [
            wrong
            for position in books.positions
            if position.status in OPEN_STATUSES and position.managed
            for spread in position.spreads
            for wrong in _target(position, spread.plan, books.lots.get(position.id, ()), working)
            if wrong.category is not Category.MISSING_TARGET
            or await _wants_target(tx, position, spread.plan, context.clock.now())
        ]
    seen = [
        Seen(
            order.id,
            order.external_identifier,
            order.underlying,
            order.means,
            order.filled,
        )
        for order in listing.orders
    ]
    underlyings = {symbol: underlying for symbol, (underlying, _) in {**holding, **books.booked}.items()}
    found = (
        *compare_orders(listing.known, seen, namespace=books.namespace),
        *compare_quantities(_quantities(books.booked), _quantities(holding), underlyings=underlyings),
        *books.mismatches,
        *map(_unexplained, books.pending),
        *targets,
    )
    doubtful = {order.underlying for order in books.orders if order.status is OrderStatus.UNKNOWN}
    return (*found, *outlived_halts(books.halted_underlyings, found, doubtful))


async def keep(tx: UnitOfWork, account_id: UUID, found: Sequence[Difference], now: datetime) -> None:
    """Store what was found; alarm and halt for quantities that differ, and end alarms that no longer hold."""
    wrong = [each for each in found if each.category in QUANTITIES]
    await tx.alarms.save_differences(account_id, found, now)
    for each in wrong:
        text = (
            f"{each.subject}: our books say {each.ours}, the broker {each.theirs}; look at `senex reconcile`."
        )
        alarm = Alarm(DIFFER, Severity.CRITICAL, account_id, "symbol", each.subject, text)
        if await tx.alarms.sound(alarm, now):
            await tx.alarms.halt_underlying(account_id, each.underlying, reason=text, now=now)
            await tx.journal.note(
                "books differ",
                actor="daemon",
                object_type="symbol",
                object_id=each.subject,
                account_id=account_id,
                before=each.ours,
                after=each.theirs,
                why=f"{each.category}",
                now=now,
            )
    await tx.alarms.resolve_others(DIFFER, [each.subject for each in wrong], account_id=account_id, now=now)


async def look(context: Context, account_id: UUID) -> tuple[Difference, ...]:
    """The dry run: read the broker and compare, booking nothing."""
    async with context.units.reading() as tx:
        account = await tx.accounts.get(account_id)
    since = new_york_date(context.clock.now()) - HISTORY
    listed = {order.id: order for order in await context.broker.order_history(account.number, since)}
    listed |= {order.id: order for order in await context.broker.live_orders(account.number)}
    holdings = await context.broker.holdings(account.number)
    held = {each.symbol: (each.underlying, int(each.quantity)) for each in holdings if each.quantity}
    async with context.units.reading() as tx:
        known = await tx.orders.known(account_id, listed)
    return await compare(context, account_id, Listing(tuple(listed.values()), known), held=held)


def _unexplained(stored: StoredEntry) -> Difference:
    """A transaction that moves what nobody here knows: never guessed, so a person looks."""
    entry = stored.entry
    what = f"{entry.whole or entry.quantity} {(entry.symbol or '').strip()}, {entry.sub_kind}"
    subject = f"transaction {entry.broker_id}"
    underlying = entry.underlying or entry.symbol or ""
    return Difference(Category.LEDGER_MISMATCH, subject, underlying, "not booked", what, Fix.REVIEW)


def _quantities(known: Mapping[str, tuple[str, int]]) -> dict[str, int]:
    return {symbol: quantity for symbol, (_, quantity) in known.items()}


def _target(
    position: Position,
    plan: SpreadPlan,
    lots: Sequence[Lot],
    working: Mapping[tuple[UUID, str | None], Order],
) -> Iterator[Difference]:
    """What is wrong with a spread that is open: its closing order is missing, of another size, or of no use."""
    held = open_units(lots, plan)
    order = working.get((position.id, plan.key))
    if order is None and (position.id, None) not in working:
        if held.broken:
            yield _wrong(Category.BROKEN_RATIO, position, plan, f"open beyond whole spreads: {held.excess}")
        if held.whole and plan.target_share is not None:
            yield _wrong(Category.MISSING_TARGET, position, plan, f"{held.whole} open, no target at work")
    elif order is not None and order.kind is OrderKind.TARGET and not held.broken:
        left = {line.leg.symbol: line.leg.quantity - line.filled for line in order.lines}
        if left != {leg.symbol: leg.quantity * held.whole for leg in plan.legs}:
            yield _wrong(
                Category.TARGET_SIZE, position, plan, f"{held.whole} open, its target of another size"
            )


async def _wants_target(tx: UnitOfWork, position: Position, plan: SpreadPlan, now: datetime) -> bool:
    """Whether a target is missing that nobody took away on purpose, of contracts that still trade."""
    symbols = [leg.symbol for leg in plan.legs]
    if ended(symbols, stops_of(await tx.market.instruments(symbols)), now) is not None:
        return False
    orders = await tx.orders.of_position(position.id)
    return not taken_away([order for order in orders if order.spread_key == plan.key])


def _wrong(category: Category, position: Position, plan: SpreadPlan, ours: str) -> Difference:
    broken = category is Category.BROKEN_RATIO
    wanted = "whole spreads" if plan.target_share is None else f"a {plan.target_share:.0%} target is planned"
    return Difference(
        category,
        f"{position.id}/{plan.key}",
        position.underlying,
        ours,
        wanted,
        Fix.REVIEW if broken else Fix.PLACE_TARGET,
    )
