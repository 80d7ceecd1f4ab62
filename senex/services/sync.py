"""Read the broker into our books: accounts, balances, holdings, orders."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, NoReturn

from senex.domain.calendar import new_york_date
from senex.domain.errors import SenexError, Unavailable, UsageProblem
from senex.services.context import finished
from senex.services.daily_loss import judge_day
from senex.services.housekeeping import open_months
from senex.services.news import News, news
from senex.services.record_fill import apply_order
from senex.services.resolve import absent, doubtful
from senex.services.strangers import meet

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Iterable, Mapping
    from uuid import UUID

    from senex.domain.differences import Known
    from senex.domain.orders import Order
    from senex.ports.broker import BrokerOrder
    from senex.ports.records import Account, Work
    from senex.ports.unit_of_work import UnitOfWork
    from senex.services.context import Context

HISTORY, RECENT = timedelta(days=30), timedelta(days=7)
"""How far back orders are read (DOMAIN G, H), and how far where that is done every few minutes."""
FACTS_MAX_AGE = timedelta(minutes=15)
"""How old trading status, option level and margin-or-cash may be when an entry is sent (DOMAIN 0.16)."""
_FACTS_AGAIN = timedelta(minutes=5)
_REASON = 300


class OrdersInDoubt(SenexError):
    """An order could not be booked; all others are. Trying again at once would say the same.

    ``listing`` is what the reading showed.
    """

    listing: Listing


async def sync_accounts(context: Context, work: Work) -> None:
    """Learn which accounts the login has, and have each one reconciled.

    Raises:
        Unavailable: ``E_BROKER_ANSWER`` when it lists none at all, which closes nothing.
    """
    facts = await context.broker.accounts()
    if not facts:
        raise Unavailable(
            "E_BROKER_ANSWER",
            "The broker lists no account for this login, so nothing was changed; it is asked again. Check which "
            "login SENEX_BROKER_REFRESH_TOKEN belongs to.",
        )
    await open_months(context)
    now = context.clock.now()
    async with context.units() as tx:
        await tx.accounts.close_others(context.environment, [fact.number for fact in facts], now)
        for fact in facts:
            account = await tx.accounts.save(context.environment, fact, now)
            if not fact.closed:
                await tx.outbox.add("reconcile", str(account.id), queue="trading", account_id=account.id)
        await tx.outbox.done(work)
        await tx.commit()


async def read_facts(context: Context, account: Account, *, older_than: timedelta = FACTS_MAX_AGE) -> None:
    """Trading status, option level and margin-or-cash anew, where they were read longer ago than that."""
    if context.clock.now() - account.read_at <= older_than:
        return
    facts = await context.broker.accounts()
    async with context.units() as tx:
        for fact in facts:
            await tx.accounts.save(context.environment, fact, context.clock.now())
        await tx.commit()


async def sync_account(context: Context, account_id: UUID, work: Work | None = None) -> None:
    """What the account may do, balances and holdings, as one picture with one time; then ``work`` is done."""
    async with context.units.reading() as tx:
        account = await tx.accounts.get(account_id)
    await read_facts(context, account, older_than=_FACTS_AGAIN)
    await _read_balances(context, account)
    async with watched(context, "positions", account):
        holdings = await context.broker.holdings(account.number)
        async with context.units() as tx:
            await fresh(context, tx, "positions", account)  # first: two readings write one after the other
            await tx.accounts.save_holdings(account_id, holdings, context.clock.now())
            if work is not None:
                await tx.outbox.done(work)
            await tx.commit()
    await context.publisher.changed("account", str(account_id), str(account_id))


async def snapshot_account(context: Context, account_id: UUID, work: Work) -> None:
    """Balances alone, oftener than everything: the day's curve, and the daily loss judged by it."""
    async with context.units.reading() as tx:
        account = await tx.accounts.get(account_id)
    await _read_balances(context, account)
    await finished(context, work)
    await context.publisher.changed("account", str(account_id), str(account_id))


async def _read_balances(context: Context, account: Account) -> None:
    async with watched(context, "balances", account):
        balances = await context.broker.balances(account.number)
        async with context.units() as tx:
            await tx.accounts.add_snapshot(account.id, balances, context.clock.now())
            await judge_day(context, tx, account, balances.net_liquidation)
            await fresh(context, tx, "balances", account)
            await tx.commit()


async def sync_positions(context: Context, account_id: UUID, work: Work) -> None:
    """The scheduled reading of balances and holdings."""
    await sync_account(context, account_id, work)


@dataclass(frozen=True, slots=True)
class Listing:
    """One complete reading of the broker's orders, and ours that may work or are among them, as booked after it."""

    orders: tuple[BrokerOrder, ...]
    known: tuple[Known, ...]


async def sync_orders(context: Context, account_id: UUID, *, reach: timedelta = HISTORY) -> Listing:
    """Apply what is new of today's orders and those of ``reach``, and of every open one of ours.

    Where an attempt may be proved absent, it reaches back to when that was sent.

    Raises:
        OrdersInDoubt: ``E_ORDERS_IN_DOUBT`` when one could not be booked; the gate is closed then.
    """
    async with context.units.reading() as tx:
        account = await tx.accounts.get(account_id)
    questioned = await doubtful(context, account_id)
    async with watched(context, "orders", account):
        sent = [each.sent_at for each in questioned if each.sent_at is not None]
        since = new_york_date(min([context.clock.now() - reach, *sent]))
        seen = {order.id: order for order in await context.broker.order_history(account.number, since)}
        # read last, so that what is newest wins
        seen |= {order.id: order for order in await context.broker.live_orders(account.number)}
        known, told = await _compared(context, account_id, seen)
        unlisted = _unlisted(known, seen)
        doubts = [await _apply(context, account_id, order) for order in told.ours]
        doubts += [await _look_up(context, account, order) for order in unlisted]
        async with context.units() as tx:
            if told.strangers:
                await meet(context, tx, account_id, told.strangers)
            await fresh(context, tx, "orders", account)
            await tx.commit()
        if told.ours or unlisted:
            async with context.units.reading() as tx:
                known = await tx.orders.known(account_id, seen)
        listing = Listing(tuple(seen.values()), known)
        if any(doubts):
            await _doubt(context, account_id, "; ".join(filter(None, doubts)), listing=listing)
    await absent(context, questioned)
    return listing


async def _compared(
    context: Context, account_id: UUID, seen: Mapping[str, BrokerOrder]
) -> tuple[tuple[Known, ...], News]:
    """Ours among the listed, and what of the list says something new."""
    async with context.units.reading() as tx:
        known, strangers, namespace = await tx.orders.met(account_id, seen)
    return known, news(seen.values(), known, strangers, namespace=namespace)


async def _apply(context: Context, account_id: UUID, theirs: BrokerOrder) -> str:
    """Book one order; what is in the way of it, which must not keep the others' fills from being booked."""
    try:
        await apply_order(context, account_id, theirs, source="rest")
    except Unavailable:
        raise
    except Exception as problem:  # noqa: BLE001  a contradiction or a broken rule of the books; raised once all others are in
        return f"broker order {theirs.id}: {problem}"
    return ""


def _unlisted(known: Iterable[Known], seen: Collection[str]) -> list[Order]:
    """Orders that work as far as we know, and that no list shows: a target older than the history, say."""
    return [
        one.order
        for one in known
        if one.order.broker_order_id is not None
        and one.order.broker_order_id not in seen
        and not one.order.status.terminal
    ]


async def _look_up(context: Context, account: Account, order: Order) -> str:
    try:
        theirs = await context.broker.order(account.number, order.broker_order_id or "")
    except UsageProblem as problem:
        return f"broker order {order.broker_order_id}: {problem.message}"
    return await _apply(context, account.id, theirs)


async def _doubt(context: Context, account_id: UUID, why: str, *, listing: Listing) -> NoReturn:
    """Nothing new is sent on books that contradict the broker's; said once, until a reconcile is clean."""
    async with context.units() as tx:
        if (await tx.accounts.fence(account_id)).ready:
            now = context.clock.now()
            await tx.accounts.unready(account_id, reason=why[:_REASON], now=now)
            await tx.journal.note(
                "orders in doubt",
                actor="daemon",
                object_type="account",
                object_id=str(account_id),
                account_id=account_id,
                why=why,
                now=now,
            )
            await tx.commit()
    problem = OrdersInDoubt(
        "E_ORDERS_IN_DOUBT", f"Our books and the broker's contradict each other, so nothing is sent ({why})."
    )
    problem.listing = listing
    raise problem


@asynccontextmanager
async def watched(context: Context, source: str, account: Account) -> AsyncIterator[None]:
    """Say that reading ``source`` did not work; that it did is said with what was read (``fresh``)."""
    try:
        yield
    except SenexError as error:
        async with context.units() as tx:
            now = context.clock.now()
            await tx.accounts.source(source, str(account.id), ok=False, detail=str(error), now=now)
            await tx.commit()
        raise


async def fresh(context: Context, tx: UnitOfWork, source: str, account: Account) -> None:
    """Say that ``source`` was read just now."""
    await tx.accounts.source(source, str(account.id), ok=True, detail="", now=context.clock.now())
