"""Decisions: one INSERT each, then wait for what the daemon answers.

The console cannot trade. It writes what the operator decided, who, where and
in which role (``senex.services.decisions``); the daemon checks it again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from senex.domain.errors import SenexError
from tui.messages import DecisionAnswered, DecisionSent

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from datetime import datetime
    from decimal import Decimal
    from uuid import UUID

    from textual.message import Message

    from senex.ports.views import (
        AlarmView,
        DecisionResultView,
        NotificationView,
        OrderView,
        PositionView,
        SuggestionView,
    )


class Decider(Protocol):
    """What the operator can decide. Each call returns the decision's id; all may raise a ``SenexError``."""

    async def approve(
        self, suggestion: SuggestionView, *, shown_at: datetime, passphrase: str | None = None
    ) -> UUID:
        """Approve exactly this version and digest, priced as shown at ``shown_at``."""
        ...

    async def reject(self, suggestion: SuggestionView, *, reason: str) -> UUID:
        """Reject it, saying why."""
        ...

    async def cancel(self, order: OrderView, *, reason: str) -> UUID:
        """Ask for a cancel."""
        ...

    async def replace(
        self, order: OrderView, limit: Decimal, *, reason: str, passphrase: str | None = None
    ) -> UUID:
        """Ask for another limit."""
        ...

    async def close(self, position: PositionView, *, spread_key: str | None, reason: str) -> UUID:
        """Ask to be out of a position, or of one spread of it, at natural."""
        ...

    async def restore_targets(self, position: PositionView, *, reason: str) -> UUID:
        """Ask for missing targets to be set again."""
        ...

    async def flatten(self, account_id: UUID, *, reason: str) -> UUID:
        """Ask to be out of everything senex manages."""
        ...

    async def set_state(
        self, account_id: UUID, state: str, *, reason: str, passphrase: str | None = None
    ) -> UUID:
        """Set the trading state."""
        ...

    async def suggest(self, account_id: UUID, symbol: str) -> UUID:
        """Ask for a suggestion."""
        ...

    async def sync(self, account_id: UUID) -> UUID:
        """Ask for the account to be read again."""
        ...

    async def acknowledge(self, alarm: AlarmView, account_id: UUID, *, reason: str) -> UUID:
        """Say that an alarm was seen."""
        ...

    async def reconcile(
        self, account_id: UUID, *, dry_run: bool, fix: Sequence[str] = (), reason: str = ""
    ) -> UUID:
        """Have books and broker compared, and unless it is a dry run made to agree; ``fix`` names what to mend."""
        ...

    async def run_job(self, account_id: UUID, name: str) -> UUID:
        """Ask for a scheduled job to run now."""
        ...

    async def pause_job(self, account_id: UUID, name: str, *, reason: str) -> UUID:
        """Give it no more slots."""
        ...

    async def resume_job(self, account_id: UUID, name: str, *, reason: str) -> UUID:
        """Give it slots again."""
        ...

    async def retry_job(self, account_id: UUID, number: int) -> UUID:
        """Ask for failing work to be tried again at once."""
        ...

    async def acknowledge_notice(self, notice: NotificationView, account_id: UUID) -> UUID:
        """Say that a notice was seen."""
        ...

    async def wait_result(self, decision_id: UUID) -> DecisionResultView:
        """The daemon's answer.

        Raises:
            Unavailable: ``E_DAEMON_SILENT``.
        """
        ...

    async def has_passphrase(self) -> bool:
        """Whether this operator has set one."""
        ...

    async def unlock(self, passphrase: str) -> bool:
        """Whether it is the operator's passphrase."""
        ...


async def send(
    what: str,
    decider: Decider,
    decision: Callable[[Decider], Awaitable[UUID]],
    post: Callable[[Message], object],
    *,
    turn: bool = False,
) -> None:
    """Insert one decision and wait for the answer; every outcome is a message."""
    decision_id = None
    try:
        decision_id = await decision(decider)
        post(DecisionSent(decision_id, what))
        post(DecisionAnswered(decision_id, what, await decider.wait_result(decision_id), turn=turn))
    except SenexError as problem:
        post(DecisionAnswered(decision_id, what, None, problem=str(problem)))
