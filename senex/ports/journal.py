"""What is to be done, and what was: work, the jobs it comes of, the audit trail and raw messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime, timedelta
    from uuid import UUID

    from senex.domain.orders import Order
    from senex.domain.seal import AuditRow, Seal
    from senex.ports.broker import RawMessage
    from senex.ports.records import Work


class OutboxWriter(Protocol):
    """Durable work; committed with what caused it."""

    async def add(
        self,
        job: str,
        subject: str,
        *,
        queue: str,
        account_id: UUID | None = None,
        dedupe_key: str | None = None,
        delay: timedelta | None = None,
    ) -> None:
        """Add work, unless work with this ``dedupe_key`` is there already."""
        ...

    async def done(self, work: Work) -> None: ...


class Jobs(Protocol):
    """The schedule and its work, as an operator steers them."""

    async def queue_of(self, job: str) -> str | None:
        """The queue of a scheduled job, paused or not; None when there is no such job."""
        ...

    async def names(self) -> tuple[str, ...]:
        """Every scheduled job."""
        ...

    async def enable(self, job: str, *, enabled: bool) -> bool:
        """Pause or resume a scheduled job; false when it was so already."""
        ...

    async def take_over(self, job: str, made: str) -> None:
        """Leave failing work of a job, of slots and by hand, to the row ``made`` (a dedupe key) for its account."""
        ...

    async def failing(self, account_id: UUID) -> Mapping[str, str]:
        """Jobs of the account, or of none, that have failed for minutes, and why."""
        ...

    async def retry(self, outbox_id: int) -> str | None:
        """Let failing work be offered at once; its job, None when there is no failing work of that number."""
        ...


class Journal(Protocol):
    """The audit trail and raw broker messages; append-only."""

    async def note(
        self,
        action: str,
        *,
        actor: str,
        object_type: str,
        object_id: str,
        now: datetime,
        account_id: UUID | None = None,
        before: str | None = None,
        after: str | None = None,
        why: str = "",
    ) -> None: ...

    async def note_order(
        self,
        action: str,
        order: Order,
        *,
        actor: str,
        now: datetime,
        before: str | None = None,
        after: str | None = None,
        why: str = "",
    ) -> None:
        """Note what became of an order of ours."""
        ...

    async def open_month(self, day: date) -> None:
        """See to it that the month of ``day`` (UTC) has its partitions; rows of it that lie elsewhere move there.

        Raises:
            Unavailable: ``E_JOURNAL_BUSY``; nothing was opened.
        """
        ...

    async def message(self, message_id: UUID) -> tuple[UUID | None, str]:
        """The account and raw text of a broker message."""
        ...

    async def order_messages(
        self, account_id: UUID, number: str, *, since: datetime
    ) -> tuple[RawMessage, ...]:
        """Alerts of an account and answers about its orders, oldest first."""
        ...

    async def newest_seal(self, chain: UUID) -> Seal | None:
        """The newest seal of a chain."""
        ...

    async def settled(self) -> int:
        """The serial up to which every audit row that will ever be is there; waits for writers for a moment.

        Raises:
            Unavailable: ``E_JOURNAL_BUSY`` when they do not get ready.
        """
        ...

    async def rows_after(self, chain: UUID, serial: int, *, until: int, limit: int) -> tuple[AuditRow, ...]:
        """A chain's rows above a serial, oldest first, at most ``limit``."""
        ...

    async def add_seal(self, seal: Seal, now: datetime) -> bool:
        """Store a seal; false when another process stored that ordinal first."""
        ...
