"""What screens ask of the app."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from uuid import UUID

    from senex.ports.views import (
        JobView,
        NotificationView,
        OrderView,
        PositionView,
        SuggestionView,
    )


class Console(Protocol):
    """Decisions are asked for here, so that every screen asks in the same words."""

    def ask_approve(self, suggestion: SuggestionView) -> None:
        """Confirm, then approve."""
        ...

    def ask_reject(self, suggestion: SuggestionView) -> None:
        """Ask why, then reject."""
        ...

    def ask_cancel(self, order: OrderView) -> None:
        """Confirm, then cancel."""
        ...

    def ask_replace(self, order: OrderView) -> None:
        """Ask for a new limit, confirm, then replace."""
        ...

    def ask_close(self, position: PositionView, key: str | None) -> None:
        """Confirm in money, then close the position or one spread of it."""
        ...

    def ask_targets(self, position: PositionView) -> None:
        """Confirm, then set the missing targets again."""
        ...

    def ask_alarms(self) -> None:
        """Show the alarms; acknowledge one."""
        ...

    def ask_reconcile(self) -> None:
        """Show what differs between books and broker; mend what is marked."""
        ...

    def ask_job(self, verb: str, name: str) -> None:
        """Confirm, then run, pause or resume a scheduled job."""
        ...

    def ask_retry(self, job: JobView) -> None:
        """Confirm, then try failing work again."""
        ...

    def acknowledge(self, notice: NotificationView) -> None:
        """Say that a notice was seen."""
        ...

    def say(self, text: str, *, bad: bool = False) -> None:
        """A toast."""
        ...

    def load_events(self, order_id: UUID) -> None:
        """Read the audit trail of an order; it comes as a message."""
        ...

    def copy(self, text: str, what: str) -> None:
        """Put a text on the clipboard."""
        ...

    def export(self, name: str, text: str) -> None:
        """Write a CSV file."""
        ...
