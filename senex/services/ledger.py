"""Read the broker's ledger: keep every row, link it, and have booked what no order of ours explains.

What an account held and did before its ledger was first read is history: it is
kept and not booked, and what is held then without an order of ours comes into
the books once, as an opening balance, unmanaged. From then on every row counts.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from senex.domain.calendar import new_york_date
from senex.domain.errors import Unavailable
from senex.domain.ledger import OPENING_BALANCE, LedgerEntry
from senex.domain.legs import Action
from senex.domain.money import ZERO
from senex.services.book_ledger import book_ledger
from senex.services.context import finished
from senex.services.position_alarms import propose_tickets
from senex.services.sync import fresh, watched

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date, datetime
    from uuid import UUID

    from senex.ports.broker import Holding
    from senex.ports.records import Account, Work
    from senex.services.context import Context

FIRST_READING, OVERLAP = timedelta(days=30), timedelta(days=7)
_TRIES = 3


async def sync_transactions(context: Context, account_id: UUID, work: Work) -> None:
    """The hourly reading."""
    await read_ledger(context, account_id)
    await finished(context, work)


async def read_ledger(context: Context, account_id: UUID) -> None:
    """Bring the ledger up to the broker's and book what it did; safe to repeat."""
    today = new_york_date(context.clock.now())
    async with context.units.reading() as tx:
        account = await tx.accounts.get(account_id)
        began = await tx.ledger.began(account_id)
        newest = await tx.ledger.newest(account_id)
    async with watched(context, "transactions", account):
        if began is None:
            await _begin(context, account, today - FIRST_READING)
        else:
            since = min(newest or new_york_date(began), today) - OVERLAP
            entries = await context.broker.transactions(account.number, since)
            async with context.units() as tx:
                await tx.ledger.save(account_id, entries, context.clock.now())
                await tx.ledger.link(account_id)
                await fresh(context, tx, "transactions", account)
                await tx.commit()
    await book_ledger(context, account)
    async with context.units() as tx:
        await propose_tickets(tx, account_id, context.clock.now())
        await tx.commit()


async def _begin(context: Context, account: Account, since: date) -> None:
    """The first reading: rows and holdings that belong to one moment."""
    for _ in range(_TRIES):
        entries = await context.broker.transactions(account.number, since)
        held = await context.broker.holdings(account.number)
        if entries == await context.broker.transactions(account.number, since):
            break
    else:
        raise Unavailable(
            "E_BROKER_BUSY", "The broker's ledger moves faster than it can be read; it is read again soon."
        )
    now = context.clock.now()
    async with context.units() as tx:
        if await tx.ledger.began(account.id) is not None:
            return
        ours = set(await tx.positions.booked(account.id))
        ours |= {leg.symbol for order in await tx.orders.open(account.id) for leg in order.legs}
        await tx.ledger.save(account.id, entries, now)
        await tx.ledger.link(account.id)
        await tx.ledger.begin(account.id, now)
        balances = tuple(_balances(held, now, but=ours))
        await tx.ledger.save(account.id, balances, now)
        await tx.journal.note(
            "ledger begun",
            actor="daemon",
            object_type="account",
            object_id=str(account.id),
            account_id=account.id,
            after=f"{len(entries)} transactions, {len(balances)} holdings taken over",
            why=f"the first reading of the broker's transactions, since {since}",
            now=now,
        )
        await fresh(context, tx, "transactions", account)
        await tx.commit()


def _balances(held: tuple[Holding, ...], now: datetime, *, but: set[str]) -> Iterator[LedgerEntry]:
    """What is held without an order of ours, as rows that open it at what it cost on average."""
    for one in held:
        if one.quantity and one.quantity == int(one.quantity) and one.symbol not in but:
            yield LedgerEntry(
                broker_id=f"balance/{one.symbol.strip()}",
                kind=OPENING_BALANCE,
                sub_kind=OPENING_BALANCE,
                description="Held when senex first read the account",
                executed_at=now,
                day=new_york_date(now),
                value=ZERO,
                net_value=ZERO,
                commission=ZERO,
                fees=ZERO,
                symbol=one.symbol,
                underlying=one.underlying,
                instrument=one.instrument,
                action=Action.BUY_TO_OPEN if one.quantity > 0 else Action.SELL_TO_OPEN,
                quantity=abs(one.quantity),
                price=one.average_open_price,
            )
