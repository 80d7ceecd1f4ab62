"""Read the broker into our books: accounts, balances, holdings, orders."""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from senex.domain.calendar import new_york_date
from senex.domain.errors import SenexError
from senex.services.record_fill import apply_order

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from uuid import UUID

    from senex.ports.broker import BrokerOrder
    from senex.ports.unit_of_work import Account, Work
    from senex.services.context import Context

HISTORY = timedelta(days=7)


async def sync_accounts(context: Context, work: Work) -> None:
    """Learn which accounts the login has, and have each one reconciled."""
    facts = await context.broker.accounts()
    now = context.clock.now()
    async with context.units() as tx:
        await tx.journal.open_month(new_york_date(now))
        await tx.accounts.close_others(context.environment, [fact.number for fact in facts], now)
        for fact in facts:
            account = await tx.accounts.save(context.environment, fact, now)
            if not fact.closed:
                await tx.outbox.add("reconcile", str(account.id), queue="trading", account_id=account.id)
        await tx.outbox.done(work)
        await tx.commit()


async def sync_account(context: Context, account_id: UUID) -> None:
    """Balances and holdings, as one picture with one time."""
    async with context.units() as tx:
        account = await tx.accounts.get(account_id)
    async with _watched(context, "balances", account):
        balances = await context.broker.balances(account.number)
        async with context.units() as tx:
            await tx.accounts.add_snapshot(account_id, balances, context.clock.now())
            await tx.commit()
    async with _watched(context, "positions", account):
        holdings = await context.broker.holdings(account.number)
        async with context.units() as tx:
            await tx.accounts.save_holdings(account_id, holdings, context.clock.now())
            await tx.commit()
    await context.publisher.changed("account", str(account_id), str(account_id))


async def sync_positions(context: Context, account_id: UUID, work: Work) -> None:
    """The scheduled reading of balances and holdings."""
    await sync_account(context, account_id)
    async with context.units() as tx:
        await tx.outbox.done(work)
        await tx.commit()


async def sync_orders(context: Context, account_id: UUID) -> tuple[BrokerOrder, ...]:
    """Apply every order of today and of the last days; what the broker reported is returned."""
    async with context.units() as tx:
        account = await tx.accounts.get(account_id)
    async with _watched(context, "orders", account):
        since = new_york_date(context.clock.now()) - HISTORY
        seen = {order.id: order for order in await context.broker.order_history(account.number, since)}
        # read last, so that what is newest wins
        seen |= {order.id: order for order in await context.broker.live_orders(account.number)}
        for order in seen.values():
            await apply_order(context, account_id, order, source="rest")
    return tuple(seen.values())


@asynccontextmanager
async def _watched(context: Context, source: str, account: Account) -> AsyncIterator[None]:
    """Say how fresh ``source`` is, whether reading it worked or not."""
    ok, detail = True, ""
    try:
        yield
    except SenexError as error:
        ok, detail = False, str(error)
        raise
    finally:
        async with context.units() as tx:
            await tx.accounts.source(source, str(account.id), ok=ok, detail=detail, now=context.clock.now())
            await tx.commit()
