"""The reads of a console: SQL straight into read models, past the domain.

Every read is a fixed number of statements, however many rows there are, and
sees the books at one moment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psycopg.rows import class_row

from senex.domain.notices import Mode
from senex.ports.views import (
    AlarmView,
    AutomationView,
    BrokerHoldingView,
    DecisionResultView,
    DifferenceView,
    EventView,
    GainView,
    JobView,
    JournalView,
    OperatorView,
    PositionView,
    ProcessView,
    QueueView,
    SourceView,
    SuggestionView,
    SummaryView,
)
from senex.store import query_results, query_rows, query_schedule, query_text, seals
from senex.store.replaying import replayed
from senex.store.session import DEADLINE, Session

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import date, datetime
    from uuid import UUID

    from psycopg import AsyncCursor

    from senex.ports.views import (
        AccountView,
        ChainView,
        NotificationView,
        OrderView,
        ReplayView,
        ScheduleView,
    )

OPEN_ORDERS = ("intended", "working", "partially_filled", "unknown")
OPEN_POSITIONS = ("pending_entry", "open_full", "open_partial", "closing")


async def read_accounts(cursor: AsyncCursor[Any], now: datetime) -> tuple[AccountView, ...]:
    """Every account at market time ``now``."""
    heads = await _all(cursor, query_text.ACCOUNTS, open=list(OPEN_ORDERS), now=now)
    held = await _all(cursor, query_text.HELD, open=list(OPEN_POSITIONS))
    gains = await _all(cursor, query_text.CLOSED_LOTS, since=query_rows.start_of_day(now))
    lots = await _all(cursor, query_text.LOTS, ids=[row.id for row in held])
    return query_rows.accounts(heads, held, lots, gains)


class Reads:
    """``ports.console.Reads`` on Postgres, on one connection that comes back by itself."""

    def __init__(self, url: str, *, deadline: float = DEADLINE) -> None:
        self._session = Session(url, name="console reads", read_only=True, checked=True, deadline=deadline)

    async def close(self) -> None:
        await self._session.close()

    async def accounts(self, now: datetime) -> tuple[AccountView, ...]:
        return await self._session.run(lambda cursor: read_accounts(cursor, now))

    async def suggestions(
        self, *, account_id: UUID | None = None, statuses: Collection[str] | None = None, limit: int = 200
    ) -> tuple[SuggestionView, ...]:
        return await self._suggestions(account_id, None, statuses, limit)

    async def suggestion(self, suggestion_id: UUID) -> SuggestionView | None:
        found = await self._suggestions(None, suggestion_id, None, 1)
        return found[0] if found else None

    async def orders(
        self,
        *,
        account_id: UUID | None = None,
        position_id: UUID | None = None,
        statuses: Collection[str] | None = None,
        limit: int = 200,
    ) -> tuple[OrderView, ...]:
        return await self._orders(account_id, position_id, None, statuses, limit)

    async def order(self, order_id: UUID) -> OrderView | None:
        found = await self._orders(None, None, order_id, None, 1)
        return found[0] if found else None

    async def order_events(self, order_id: UUID) -> tuple[EventView, ...]:
        return tuple(await self._views(EventView, query_text.ORDER_EVENTS, id=order_id))

    async def gains(
        self, *, account_id: UUID | None = None, since: date | None = None
    ) -> tuple[GainView, ...]:
        return tuple(await self._views(GainView, query_text.GAINS, account=account_id, ids=None, since=since))

    async def alarms(self, account_id: UUID | None = None) -> tuple[AlarmView, ...]:
        return tuple(await self._views(AlarmView, query_text.ALARMS, account=account_id))

    async def automations(self, day: date) -> tuple[AutomationView, ...]:
        return tuple(await self._views(AutomationView, query_text.AUTOMATIONS, day=day))

    async def summaries(self, account_id: UUID, *, limit: int = 1) -> tuple[SummaryView, ...]:
        return tuple(await self._views(SummaryView, query_text.SUMMARIES, account=account_id, limit=limit))

    async def differences(self, account_id: UUID) -> tuple[DifferenceView, ...]:
        return tuple(await self._views(DifferenceView, query_text.DIFFERENCES, account=account_id))

    async def journal(
        self, *, account_id: UUID | None = None, after: int | None = None, limit: int = 200
    ) -> tuple[JournalView, ...]:
        chosen = {"account": account_id, "after": after, "limit": limit}
        return tuple(await self._views(JournalView, query_text.JOURNAL, **chosen))

    async def chains(self) -> tuple[ChainView, ...]:
        return await self._session.run(seals.verify)

    async def replay(self) -> ReplayView:
        return await self._session.run(replayed)

    async def positions(
        self, *, account_id: UUID | None = None, statuses: Collection[str] | None = OPEN_POSITIONS
    ) -> tuple[PositionView, ...]:
        return await self._positions(account_id, None, statuses)

    async def position(self, position_id: UUID) -> PositionView | None:
        found = await self._positions(None, position_id, None)
        return found[0] if found else None

    async def sources(self, account_id: UUID | None = None) -> tuple[SourceView, ...]:
        return tuple(
            await self._views(SourceView, query_text.SOURCES, account=account_id and str(account_id))
        )

    async def processes(self) -> tuple[ProcessView, ...]:
        return tuple(await self._views(ProcessView, query_text.PROCESSES))

    async def schedule(self, now: datetime) -> tuple[ScheduleView, ...]:
        async def read(cursor: AsyncCursor[Any]) -> tuple[ScheduleView, ...]:
            jobs = await _all(cursor, query_text.SCHEDULE)
            first, last = query_schedule.days_around(now)
            sessions = await _all(cursor, query_text.SESSIONS, first=first, last=last)
            return query_schedule.schedule(jobs, sessions, now)

        return await self._session.run(read)

    async def jobs(self, *, states: Collection[str] | None = None, limit: int = 50) -> tuple[JobView, ...]:
        chosen = {"states": _listed(states), "limit": limit}
        return tuple(await self._views(JobView, query_text.JOBS, **chosen))

    async def queues(self) -> tuple[QueueView, ...]:
        return tuple(await self._views(QueueView, query_text.QUEUES))

    async def notifications(
        self, *, account_id: UUID | None = None, unseen: bool = False, limit: int = 100
    ) -> tuple[NotificationView, ...]:
        async def read(cursor: AsyncCursor[Any]) -> tuple[NotificationView, ...]:
            chosen = {"account": account_id, "unseen": unseen, "limit": limit}
            rows = await _all(cursor, query_text.NOTIFICATIONS, **chosen)
            return query_rows.notifications(rows)

        return await self._session.run(read)

    async def notify_mode(self, operator: str) -> str:
        async def read(cursor: AsyncCursor[Any]) -> str:
            rows = await _all(cursor, query_text.NOTIFY_MODE, operator=operator)
            return rows[0].mode if rows else Mode.SUMMARY

        return await self._session.run(read)

    async def broker_holdings(self, account_id: UUID) -> tuple[BrokerHoldingView, ...]:
        return tuple(await self._views(BrokerHoldingView, query_text.HOLDINGS, account=account_id))

    async def decision_result(self, decision_id: UUID) -> DecisionResultView | None:
        async def read(cursor: AsyncCursor[Any]) -> DecisionResultView | None:
            rows = await _all(cursor, query_text.RESULT, id=decision_id)
            return query_rows.result(rows[0]) if rows else None

        return await self._session.run(read)

    async def operator(self, name: str) -> OperatorView | None:
        found = await self._views(OperatorView, query_text.OPERATOR, name=name)
        return found[0] if found else None

    async def _views(self, view: type[Any], statement: str, **values: object) -> list[Any]:
        """Rows whose columns are the view's fields."""

        async def read(cursor: AsyncCursor[Any]) -> list[Any]:
            async with cursor.connection.cursor(row_factory=class_row(view)) as mapped:
                await mapped.execute(statement.encode(), values)
                return await mapped.fetchall()

        return await self._session.run(read)

    async def _suggestions(
        self, account: UUID | None, one: UUID | None, statuses: Collection[str] | None, limit: int
    ) -> tuple[SuggestionView, ...]:
        chosen = {"account": account, "id": one, "statuses": _listed(statuses), "limit": limit}

        async def read(cursor: AsyncCursor[Any]) -> tuple[SuggestionView, ...]:
            heads = await _all(cursor, query_text.SUGGESTIONS, **chosen)
            ids = [row.id for row in heads]
            legs = await _all(cursor, query_text.SUGGESTION_LEGS, ids=ids)
            breakevens = await _all(cursor, query_text.BREAKEVENS, ids=ids)
            reasons = await _all(cursor, query_text.REASONS, ids=ids)
            return query_rows.suggestions(heads, legs, breakevens, reasons)

        return await self._session.run(read)

    async def _orders(
        self,
        account: UUID | None,
        position: UUID | None,
        one: UUID | None,
        statuses: Collection[str] | None,
        limit: int,
    ) -> tuple[OrderView, ...]:
        chosen = {"account": account, "position": position, "id": one, "limit": limit}

        async def read(cursor: AsyncCursor[Any]) -> tuple[OrderView, ...]:
            heads = await _all(cursor, query_text.ORDERS, **chosen, statuses=_listed(statuses))
            legs = await _all(cursor, query_text.ORDER_LEGS, ids=[row.id for row in heads])
            return query_rows.orders(heads, legs)

        return await self._session.run(read)

    async def _positions(
        self, account: UUID | None, one: UUID | None, statuses: Collection[str] | None
    ) -> tuple[PositionView, ...]:
        chosen = {"account": account, "id": one, "statuses": _listed(statuses)}

        async def read(cursor: AsyncCursor[Any]) -> tuple[PositionView, ...]:
            heads = await _all(cursor, query_text.POSITIONS, **chosen)
            ids = [row.id for row in heads]
            spreads = await _all(cursor, query_text.POSITION_SPREADS, ids=ids)
            lots = await _all(cursor, query_text.LOTS, ids=ids)
            targets = await _all(cursor, query_text.TARGETS, ids=ids)
            legs = await _all(cursor, query_text.ORDER_LEGS, ids=[row.id for row in targets])
            children = await _all(cursor, query_text.CHILDREN, ids=ids)
            family = [*ids, *(row.id for row in children)]
            gains = await _all(cursor, query_text.GAINS, account=None, ids=family, since=None)
            paid = await _all(cursor, query_text.PAID, ids=ids)
            results = query_results.results(heads, gains, paid)
            exits = await _all(cursor, query_text.EXITS, ids=ids)
            orders = query_rows.orders(targets, legs)
            return query_rows.positions(heads, spreads, lots, orders, results, exits)

        return await self._session.run(read)


async def _all(cursor: AsyncCursor[Any], statement: str, **values: object) -> list[Any]:
    await cursor.execute(statement.encode(), values)
    return await cursor.fetchall()


def _listed(values: Collection[str] | None) -> list[str] | None:
    return None if values is None else list(values)
