"""Orders at the broker that no attempt of ours stands for (invariant I4): each is remembered, and told of once.

That holds for one that had ended before anybody saw it, too: it is found in the
broker's list later. What ended before senex first read the account is history.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from senex.domain.alarms import Alarm, Severity
from senex.domain.orders import of_another_deployment, of_successor, of_the_lost_time, ours, successor
from senex.services.fence import stand_down_in
from senex.services.orphans import cancel_lost
from senex.services.trading_state import stop_entries

if TYPE_CHECKING:
    from collections.abc import Collection
    from uuid import UUID

    from senex.ports.broker import BrokerOrder
    from senex.ports.unit_of_work import UnitOfWork
    from senex.services.context import Context

FOREIGN = "FOREIGN_ORDER"


async def meet(context: Context, tx: UnitOfWork, account_id: UUID, orders: Collection[BrokerOrder]) -> None:
    """Remember the orders, alarm of those that are new, end the alarm of those that have ended.

    Another senex trading this account would double everything: entries stop until somebody looks. One that was
    restored from this one's backups has replaced it. What lives of the time this one has lost is cancelled: nobody
    here knows what it was for.
    """
    now = context.clock.now()
    namespace = await tx.orders.namespace()
    began = await tx.ledger.began(account_id)
    news = await tx.orders.meet(account_id, orders, now)
    for theirs in orders:
        live, name = not theirs.means.terminal, theirs.external_identifier
        if of_successor(name, namespace):
            await stand_down_in(context, tx, successor(name or ""))
        if live and of_the_lost_time(name, namespace):
            await cancel_lost(context, tx, account_id, theirs)
        if live and of_another_deployment(name, namespace):
            why = f"another senex has a live order on this account (broker order {theirs.id})"
            await stop_entries(context, tx, account_id, why)
        if theirs.id not in news:
            continue
        if news[theirs.id] and (live or (began is not None and theirs.updated_at >= began)):
            await tx.alarms.sound(_alarm(account_id, theirs, namespace), now)
        if not live:
            await tx.alarms.resolve(FOREIGN, theirs.id, account_id=account_id, now=now)


def _alarm(account_id: UUID, theirs: BrokerOrder, namespace: UUID) -> Alarm:
    name, severity = theirs.external_identifier, Severity.CRITICAL
    if ours(name, namespace):
        whose = "An order under a name of ours that the books do not have"
    elif of_another_deployment(name, namespace):
        whose = "Another senex's order"
    else:
        whose, severity = "An order that senex did not send", Severity.WARNING
    filled = f", {theirs.filled} contracts filled" if theirs.filled else ""
    text = (
        f"{whose} is at the broker ({theirs.id}, {theirs.underlying}, {theirs.means}{filled}); senex leaves it alone. "
        "If it is not yours, look at the broker who sent it."
    )
    return Alarm(FOREIGN, severity, account_id, "order", theirs.id, text)
