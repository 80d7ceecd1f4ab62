"""One Postgres transaction behind ``ports.unit_of_work``; driver errors become ours here."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Self

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from senex.domain.errors import Unavailable
from senex.store.repositories.accounts import AccountRepository
from senex.store.repositories.journal import JournalRepository, OutboxRepository
from senex.store.repositories.market import MarketRepository
from senex.store.repositories.orders import OrderRepository
from senex.store.repositories.positions import PositionRepository
from senex.store.repositories.suggestions import SuggestionRepository

if TYPE_CHECKING:
    from types import TracebackType
    from uuid import UUID

    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine


class PostgresUnitOfWork:
    """``async with`` begins a transaction; without ``commit`` it is rolled back."""

    accounts: AccountRepository
    market: MarketRepository
    suggestions: SuggestionRepository
    orders: OrderRepository
    positions: PositionRepository
    outbox: OutboxRepository
    journal: JournalRepository

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        try:
            self._connection: AsyncConnection = await self._stack.enter_async_context(self._engine.connect())
        except (OperationalError, InterfaceError, OSError, TimeoutError) as error:
            raise _away() from error
        self.accounts = AccountRepository(self._connection)
        self.market = MarketRepository(self._connection)
        self.suggestions = SuggestionRepository(self._connection)
        self.orders = OrderRepository(self._connection)
        self.positions = PositionRepository(self._connection)
        self.outbox = OutboxRepository(self._connection)
        self.journal = JournalRepository(self._connection)
        return self

    async def commit(self) -> None:
        """Make it durable."""
        await self._connection.commit()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)
        if isinstance(error, DBAPIError) and (
            error.connection_invalidated or isinstance(error, OperationalError)
        ):
            raise _away() from error


class PostgresUnits:
    """Begins units of work on one engine; locks are held on ``locks``, which no pooler may stand before."""

    def __init__(self, engine: AsyncEngine, *, locks: AsyncEngine | None = None) -> None:
        self._engine = engine
        self._locks = engine if locks is None else locks

    def __call__(self) -> PostgresUnitOfWork:
        """A new transaction."""
        return PostgresUnitOfWork(self._engine)

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
        try:
            # the connection goes back whatever ends the wait, a cancellation included
            async with AsyncExitStack() as stack:
                connection = await stack.enter_async_context(self._engine.connect())
                await connection.execution_options(isolation_level="AUTOCOMMIT")
                await connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": self._key})
                self._stack = stack.pop_all()
        except (OperationalError, InterfaceError, OSError, TimeoutError) as error:
            raise _away() from error
        self._connection = connection

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": self._key})
        finally:
            await self._stack.__aexit__(kind, error, trace)


def _away() -> Unavailable:
    return Unavailable(
        "E_POSTGRES_AWAY", "Postgres does not answer, so nothing was changed; senex goes on when it is back."
    )
