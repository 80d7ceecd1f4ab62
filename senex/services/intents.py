"""Turning a wish into a durable order with one attempt to send."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from senex.domain.orders import Attempt, AttemptStatus, body_hash, external_identifier
from senex.ports.records import Following
from senex.services.context import ENTRY_QUEUE

if TYPE_CHECKING:
    from datetime import datetime, timedelta
    from uuid import UUID

    from senex.domain.orders import Order
    from senex.ports.unit_of_work import UnitOfWork

EXECUTE = "execute"


async def intend(tx: UnitOfWork, order: Order, *, actor: str, why: str, now: datetime) -> None:
    """Write an order, its first attempt and the work to send it, in the caller's transaction."""
    attempt = attempt_of(order, number=1, namespace=await tx.orders.namespace())
    await write(tx, order, attempt, actor=actor, why=why, now=now)


async def attempt_again(
    tx: UnitOfWork, order: Order, *, number: int, now: datetime, delay: timedelta | None = None
) -> None:
    """Prepare attempt ``number`` under its own external identifier, to be sent after ``delay``."""
    attempt = attempt_of(order, number=number, namespace=await tx.orders.namespace())
    await _prepare(tx, attempt, now=now, delay=delay)


def attempt_of(order: Order, *, number: int, namespace: UUID) -> Attempt:
    """Attempt ``number`` of the order; nothing is written."""
    return Attempt(
        id=uuid4(),
        account_id=order.account_id,
        order_id=order.id,
        number=number,
        external_identifier=external_identifier(namespace, order.id, number),
        status=AttemptStatus.PREPARED,
        body_hash=body_hash(order.legs, order.limit_price, order.time_in_force),
    )


async def write(
    tx: UnitOfWork, order: Order, attempt: Attempt, *, actor: str, why: str, now: datetime
) -> None:
    """Write an order, its first attempt and the work to send it; reads nothing, so it can go at once with more."""
    await tx.orders.add(order, now)
    await tx.journal.note_order(
        "order intended",
        order,
        actor=actor,
        after=order.status,
        why=why,
        now=now,
    )
    await _prepare(tx, attempt, now=now)


def sending(attempt: Attempt) -> Following:
    """The work that sends the attempt."""
    return Following(EXECUTE, str(attempt.id))


async def _prepare(
    tx: UnitOfWork, attempt: Attempt, *, now: datetime, delay: timedelta | None = None
) -> None:
    await tx.orders.add_attempt(attempt, now)
    await tx.outbox.add(
        EXECUTE, str(attempt.id), queue=ENTRY_QUEUE, account_id=attempt.account_id, delay=delay
    )
