"""What every use case of the daemon works with; built once, in ``bootstrap``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from senex.domain.errors import SenexError
from senex.domain.limits import LimitBook
from senex.ports.machine import Unwatched
from senex.ports.notifier import NoChannels
from senex.services.ahead import Ahead

if TYPE_CHECKING:
    from senex.ports.broker import Broker
    from senex.ports.clock import Clock
    from senex.ports.machine import Machine
    from senex.ports.market import Publisher, Quotes
    from senex.ports.notifier import Notifier
    from senex.ports.records import Work
    from senex.ports.unit_of_work import UnitOfWorkFactory

ENTRY_QUEUE = "trading"


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The daemon's collaborators. ``environment`` is simulated, sandbox or live; ``limits`` are all accounts'.

    ``live_accounts`` are the numbers of those that may open positions in live.
    """

    units: UnitOfWorkFactory
    broker: Broker
    quotes: Quotes
    publisher: Publisher
    clock: Clock
    environment: str
    machine: Machine = field(default_factory=Unwatched)
    limits: LimitBook = field(default_factory=LimitBook)
    live_accounts: frozenset[str] = frozenset()
    notifier: Notifier = field(default_factory=NoChannels)
    ahead: Ahead = field(default_factory=Ahead)


class Postponed(SenexError):
    """Not now: the work stays undone and is offered again when its lease lapses."""


async def finished(context: Context, work: Work) -> None:
    """Mark the work done where nothing else is left to store."""
    async with context.units() as tx:
        await tx.outbox.done(work)
        await tx.commit()
