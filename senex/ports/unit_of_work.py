"""One transaction over the store, and what services read and write through it.

``async with uow() as tx:`` rolls back unless ``await tx.commit()`` was reached.
Every repository may raise ``Unavailable`` (``E_POSTGRES_AWAY``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, Self

if TYPE_CHECKING:
    from datetime import datetime
    from types import TracebackType
    from uuid import UUID

    from senex.ports.accounts import Accounts, Automations, Deployments
    from senex.ports.cases import Cases
    from senex.ports.history import History, MarketFacts
    from senex.ports.journal import Jobs, Journal, OutboxWriter
    from senex.ports.ledger import Ledger
    from senex.ports.retention import Retention
    from senex.ports.told import Alarms, Inbox, Summaries
    from senex.ports.trades import Exits, Orders, Positions, Suggestions


class UnitOfWork(Protocol):
    """One transaction."""

    @property
    def deployment(self) -> Deployments: ...

    @property
    def accounts(self) -> Accounts: ...

    @property
    def market(self) -> MarketFacts: ...

    @property
    def suggestions(self) -> Suggestions: ...

    @property
    def orders(self) -> Orders: ...

    @property
    def positions(self) -> Positions: ...

    @property
    def exits(self) -> Exits: ...

    @property
    def ledger(self) -> Ledger: ...

    @property
    def alarms(self) -> Alarms: ...

    @property
    def automations(self) -> Automations: ...

    @property
    def summaries(self) -> Summaries: ...

    @property
    def history(self) -> History: ...

    @property
    def outbox(self) -> OutboxWriter: ...

    @property
    def inbox(self) -> Inbox: ...

    @property
    def jobs(self) -> Jobs: ...

    @property
    def journal(self) -> Journal: ...

    @property
    def retention(self) -> Retention: ...

    @property
    def cases(self) -> Cases: ...

    async def commit(self) -> None: ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class UnitOfWorkFactory(Protocol):
    """Begins transactions, and holds the locks that outlive one."""

    def __call__(self) -> UnitOfWork: ...

    async def plan(self, now: datetime) -> None:
        """Be ready for the first approval: what it asks is asked as quickly as that of the hundredth."""
        ...

    def reading(self) -> UnitOfWork:
        """For reads only: each stands for itself, and no transaction is begun for them."""
        ...

    def account_lock(self, account_id: UUID) -> AccountLock:
        """A session-level lock: only one process at a time sends for an account."""
        ...


class AccountLock(Protocol):
    """Held for the time of a block."""

    async def __aenter__(self) -> None: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
