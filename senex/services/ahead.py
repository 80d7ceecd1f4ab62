"""What an approval begins for the order it writes, so that the order need not begin it (ADR 24).

The broker's dry run, which sends nothing, goes on while the intent is made durable; and what was just written
need not be read again. It is all in this process's memory: without it the order is read from the books and tried
anew. Whether it may still be sent is asked under the fence either way.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

from senex.ports.broker import Ticket

if TYPE_CHECKING:
    from decimal import Decimal
    from uuid import UUID

    from senex.ports.broker import Broker
    from senex.ports.cases import SubmissionCase

_AT_MOST = 16
"""What nobody takes, since another process sends it, is forgotten when so many have been begun after it."""


class Begun(NamedTuple):
    """An order to send as it was written, and the margin the broker's dry run comes to, once it does."""

    case: SubmissionCase
    margin: asyncio.Task[Decimal]


class Ahead:
    """What has been begun, by attempt; each is taken once."""

    def __init__(self) -> None:
        self._begun: dict[UUID, Begun] = {}

    def begin(self, broker: Broker, case: SubmissionCase) -> None:
        """Have the broker try the order of a case that is about to be written."""
        self._begun[case.attempt.id] = Begun(case, begin_dry_run(broker, ticket_of(case)))
        while len(self._begun) > _AT_MOST:
            del self._begun[next(iter(self._begun))]

    def take(self, attempt_id: UUID) -> Begun | None:
        """What was begun for the attempt, if it was here; it is the caller's from now on."""
        return self._begun.pop(attempt_id, None)


def ticket_of(case: SubmissionCase) -> Ticket:
    """The order as it goes to the broker."""
    order = case.order
    return Ticket(
        account_number=case.account.number,
        legs=order.legs,
        limit_price=order.limit_price,
        time_in_force=order.time_in_force,
        external_identifier=case.attempt.external_identifier,
        strict_position_effect=not order.opens_risk,
    )


def begin_dry_run(broker: Broker, ticket: Ticket) -> asyncio.Task[Decimal]:
    """Comes to the margin the broker would require. Raises as ``Broker.dry_run``."""
    margin = asyncio.ensure_future(_dry_run(broker, ticket))
    margin.add_done_callback(_heard)
    return margin


async def _dry_run(broker: Broker, ticket: Ticket) -> Decimal:
    await broker.prepare()
    return (await broker.dry_run(ticket)).margin_requirement


def _heard(ended: asyncio.Task[Decimal]) -> None:
    """What went wrong is told to who takes it; that nobody does is no mistake."""
    if not ended.cancelled():
        ended.exception()
