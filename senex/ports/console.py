"""What a console may do: read, and put down decisions.

Every method may raise ``Unavailable`` (``E_POSTGRES_AWAY``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import date, datetime
    from uuid import UUID

    from senex.domain.decisions import Decision
    from senex.ports.views import (
        AccountView,
        AlarmView,
        AutomationView,
        BrokerHoldingView,
        ChainView,
        DecidedView,
        DecisionResultView,
        DifferenceView,
        EventView,
        GainView,
        JobView,
        JournalView,
        NotificationView,
        OperatorView,
        OrderView,
        PositionView,
        ProcessView,
        QueueView,
        ReplayView,
        ScheduleView,
        SourceView,
        SuggestionView,
        SummaryView,
    )


class Reads(Protocol):
    """The books as consoles see them. A filter that is None filters nothing."""

    async def accounts(self, now: datetime) -> tuple[AccountView, ...]:
        """Accounts that are not closed; ``now`` (market time) says what is pending and what is today."""
        ...

    async def suggestions(
        self, *, account_id: UUID | None = None, statuses: Collection[str] | None = None, limit: int = 200
    ) -> tuple[SuggestionView, ...]:
        """Suggestions, newest first."""
        ...

    async def suggestion(self, suggestion_id: UUID) -> SuggestionView | None: ...

    async def orders(
        self,
        *,
        account_id: UUID | None = None,
        position_id: UUID | None = None,
        statuses: Collection[str] | None = None,
        limit: int = 200,
    ) -> tuple[OrderView, ...]:
        """Orders, newest first, each with its last attempt."""
        ...

    async def order(self, order_id: UUID) -> OrderView | None: ...

    async def order_events(self, order_id: UUID) -> tuple[EventView, ...]:
        """The life of an order and its attempts, oldest event first."""
        ...

    async def positions(
        self, *, account_id: UUID | None = None, statuses: Collection[str] | None = ...
    ) -> tuple[PositionView, ...]:
        """Positions, by expiry; those pending entry, open or closing unless told otherwise."""
        ...

    async def position(self, position_id: UUID) -> PositionView | None: ...

    async def gains(
        self, *, account_id: UUID | None = None, since: date | None = None
    ) -> tuple[GainView, ...]:
        """What was realised, by position, spread and New York day, oldest first."""
        ...

    async def alarms(self, account_id: UUID | None = None) -> tuple[AlarmView, ...]:
        """Open alarms, critical ones and those nobody has seen first."""
        ...

    async def automations(self, day: date) -> tuple[AutomationView, ...]:
        """The policy of every account, and what it did on a New York day."""
        ...

    async def summaries(self, account_id: UUID, *, limit: int = 1) -> tuple[SummaryView, ...]:
        """The newest summaries of an account, newest first."""
        ...

    async def differences(self, account_id: UUID) -> tuple[DifferenceView, ...]:
        """What the last comparison of an account with the broker found."""
        ...

    async def journal(
        self, *, account_id: UUID | None = None, after: int | None = None, limit: int = 200
    ) -> tuple[JournalView, ...]:
        """The newest lines of the journal, or the next ones ``after`` a serial; oldest first."""
        ...

    async def chains(self) -> tuple[ChainView, ...]:
        """Every chain of seals over the journal, each row and seal of it verified."""
        ...

    async def replay(self) -> ReplayView:
        """Every change of a suggestion, order, attempt or position led through again, and compared with what it is."""
        ...

    async def sources(self, account_id: UUID | None = None) -> tuple[SourceView, ...]:
        """Freshness of each source for an account; without one, the worst of any account."""
        ...

    async def processes(self) -> tuple[ProcessView, ...]:
        """Daemon processes and how long ago (machine time) each last said that it lives."""
        ...

    async def schedule(self, now: datetime) -> tuple[ScheduleView, ...]:
        """Every scheduled job, by name, with its first slot after ``now`` (market time)."""
        ...

    async def jobs(self, *, states: Collection[str] | None = None, limit: int = 50) -> tuple[JobView, ...]:
        """Work, newest first."""
        ...

    async def queues(self) -> tuple[QueueView, ...]:
        """How much waits where."""
        ...

    async def notifications(
        self, *, account_id: UUID | None = None, unseen: bool = False, limit: int = 100
    ) -> tuple[NotificationView, ...]:
        """The inbox, newest first; with ``unseen`` only what nobody has acknowledged."""
        ...

    async def notify_mode(self, operator: str) -> str:
        """What an operator is sent outside: none, immediate or summary."""
        ...

    async def broker_holdings(self, account_id: UUID) -> tuple[BrokerHoldingView, ...]:
        """The broker's own figures, as last read."""
        ...

    async def decision_result(self, decision_id: UUID) -> DecisionResultView | None:
        """The daemon's answer, None while there is none."""
        ...

    async def operator(self, name: str) -> OperatorView | None: ...


class Decisions(Protocol):
    """Where decisions are put down; the daemon takes it from there."""

    async def add(self, decision: Decision) -> DecidedView | None:
        """Insert the decision, once however often it is tried.

        None when it is stored; otherwise who had already decided about that
        version of the suggestion.
        """
        ...

    async def knows(self, operator: str, verifier: bytes, *, terminal: str) -> bool:
        """Whether this is the verifier of the operator's passphrase; nobody can read it here, and each try is noted."""
        ...
