"""One Postgres transaction behind ``ports.unit_of_work``; driver errors become ours here."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, LiteralString, Self

import psycopg
from sqlalchemy.exc import DataError, DBAPIError, InterfaceError, OperationalError

from senex.domain.errors import SenexError, Unavailable
from senex.store.repositories.accounts import AccountRepository
from senex.store.repositories.alarms import AlarmRepository
from senex.store.repositories.automations import AutomationRepository
from senex.store.repositories.cases import NOBODY, CaseRepository
from senex.store.repositories.deployments import DeploymentRepository
from senex.store.repositories.exits import ExitRepository
from senex.store.repositories.history import HistoryRepository
from senex.store.repositories.inbox import InboxRepository
from senex.store.repositories.jobs import JobRepository
from senex.store.repositories.journal import JournalRepository, OutboxRepository
from senex.store.repositories.ledger import LedgerRepository
from senex.store.repositories.market import MarketRepository
from senex.store.repositories.orders import OrderRepository
from senex.store.repositories.positions import PositionRepository
from senex.store.repositories.retention import RetentionRepository
from senex.store.repositories.statements import Statements
from senex.store.repositories.suggestions import SuggestionRepository
from senex.store.repositories.summaries import SummaryRepository
from senex.store.session import unstorable

if TYPE_CHECKING:
    from datetime import datetime
    from types import TracebackType
    from uuid import UUID

    from sqlalchemy.ext.asyncio import AsyncEngine


class PostgresUnitOfWork:
    """``async with`` begins a transaction; without ``commit`` it is rolled back.

    What it writes is sent with the next that is read, or with the commit.
    """

    deployment: DeploymentRepository
    accounts: AccountRepository
    market: MarketRepository
    suggestions: SuggestionRepository
    orders: OrderRepository
    positions: PositionRepository
    exits: ExitRepository
    ledger: LedgerRepository
    alarms: AlarmRepository
    automations: AutomationRepository
    summaries: SummaryRepository
    history: HistoryRepository
    outbox: OutboxRepository
    inbox: InboxRepository
    jobs: JobRepository
    journal: JournalRepository
    retention: RetentionRepository
    cases: CaseRepository

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._stack = AsyncExitStack()
        self._committed = False

    async def __aenter__(self) -> Self:
        try:
            self._connection = await self._stack.enter_async_context(self._engine.connect())
            raw = await self._connection.get_raw_connection()
        except (OperationalError, InterfaceError, OSError, TimeoutError) as error:
            raise _away() from error
        self._statements = Statements(self._connection, raw.driver_connection)  # type: ignore[arg-type]
        return self

    def __getattr__(self, name: str) -> Any:
        """A repository, made when it is first wanted: most transactions need two or three."""
        if name not in _REPOSITORIES:
            raise AttributeError(name)
        made = self.__dict__[name] = _REPOSITORIES[name](self._statements)
        return made

    async def commit(self) -> None:
        """Make it durable."""
        await self._statements.commit()
        self._committed = True

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None or isinstance(error, SenexError):
            await self._statements.end()
        if isinstance(error, psycopg.OperationalError) and self._statements.driver.closed:
            await self._connection.invalidate()
        await self._stack.__aexit__(kind, error, trace)
        lost = isinstance(error, DBAPIError) and error.connection_invalidated
        if lost or isinstance(error, OperationalError | psycopg.OperationalError):
            raise _away() from error
        if isinstance(error, DataError | psycopg.DataError):
            raise unstorable(error) from error
        if self._committed and error is None:
            self._statements.told.say()


_REPOSITORIES = {
    "deployment": DeploymentRepository,
    "accounts": AccountRepository,
    "market": MarketRepository,
    "suggestions": SuggestionRepository,
    "orders": OrderRepository,
    "positions": PositionRepository,
    "exits": ExitRepository,
    "ledger": LedgerRepository,
    "alarms": AlarmRepository,
    "automations": AutomationRepository,
    "summaries": SummaryRepository,
    "history": HistoryRepository,
    "outbox": OutboxRepository,
    "inbox": InboxRepository,
    "jobs": JobRepository,
    "journal": JournalRepository,
    "retention": RetentionRepository,
    "cases": CaseRepository,
}

_LANES = 2
"""Orders move beside one reading."""


class PostgresUnits:
    """Begins units of work on one engine; locks are held on ``locks``, which no pooler may stand before."""

    def __init__(self, engine: AsyncEngine, *, locks: AsyncEngine | None = None) -> None:
        self._engine = engine
        self._reading = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._locks = (engine if locks is None else locks).execution_options(isolation_level="AUTOCOMMIT")

    def __call__(self) -> PostgresUnitOfWork:
        """A new transaction."""
        return PostgresUnitOfWork(self._engine)

    async def plan(self, now: datetime) -> None:
        """Have what stands between an approval and its order connected, and planned where it is lent first."""
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self.account_lock(NOBODY))
            for _ in range(_LANES):
                tx = await stack.enter_async_context(self())
                await tx.cases.plan(now)

    def reading(self) -> PostgresUnitOfWork:
        """Reads, each of which stands for itself."""
        return PostgresUnitOfWork(self._reading)

    def account_lock(self, account_id: UUID) -> PostgresAccountLock:
        """A session-level lock on the account."""
        return PostgresAccountLock(self._locks, account_id)


class PostgresAccountLock:
    """``pg_advisory_lock`` on a connection of its own, for as long as the block runs."""

    def __init__(self, engine: AsyncEngine, account_id: UUID) -> None:
        self._engine = engine
        self._key = int.from_bytes(account_id.bytes[:8], "big", signed=True)
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> None:
        async with AsyncExitStack() as stack:
            try:
                self._connection = await stack.enter_async_context(self._engine.connect())
                await self._ask("SELECT pg_advisory_lock(%s)")
            except (OperationalError, InterfaceError, OSError, TimeoutError) as error:
                raise _away() from error
            self._stack = stack.pop_all()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        async with self._stack:
            await self._ask("SELECT pg_advisory_unlock(%s)")

    async def _ask(self, statement: LiteralString) -> None:
        """Ask the driver itself. Whatever ends the wait, a cancellation included, ends the session and its lock."""
        raw = await self._connection.get_raw_connection()
        try:
            await raw.driver_connection.execute(statement, (self._key,))  # type: ignore[union-attr]
        except BaseException as error:
            await self._connection.invalidate()
            if isinstance(error, psycopg.OperationalError):
                raise _away() from error
            raise


def _away() -> Unavailable:
    return Unavailable(
        "E_POSTGRES_AWAY", "Postgres does not answer, so nothing was changed; senex goes on when it is back."
    )
