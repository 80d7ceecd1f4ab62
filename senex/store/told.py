"""What the log is told of a transaction: its journal and its answers, once they are committed.

``trading.log`` so repeats the journal of this process, ``security.log`` the decisions. What a run
is about is bound here too, so that every line of it carries the ids.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from uuid import UUID

    from senex.domain.decisions import Answer

IDS = ("decision", "suggestion", "order", "position", "kind", "operator", "terminal")
"""What a run may be about, and who decided it; ``daemon.jobs`` clears them when a run ends."""
_trading = structlog.get_logger("senex.trading")
_security = structlog.get_logger("senex.security")


def about(**ids: UUID | str | None) -> None:
    """Put ids on every line this run writes from here on; None changes nothing."""
    structlog.contextvars.bind_contextvars(
        **{name: str(value) for name, value in ids.items() if value is not None}
    )


@dataclass(slots=True)
class Told:
    """Collects within a transaction; ``say`` once it is durable."""

    _journal: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    _answers: list[dict[str, str]] = field(default_factory=list)

    def noted(self, action: str, object_type: str, object_id: str, **more: str | None) -> None:
        """A row of the journal."""
        if object_type in IDS:
            about(**{object_type: object_id})
        values = {object_type: object_id, **more}
        self._journal.append((action, {name: value for name, value in values.items() if value}))

    def answered(self, decision_id: UUID, answer: Answer) -> None:
        """The answer to a decision."""
        about(decision=decision_id, suggestion=answer.suggestion_id, order=answer.order_id)
        self._answers.append(
            {
                "decision": str(decision_id),
                "outcome": answer.outcome,
                "code": answer.code,
                "why": answer.message,
            }
        )

    def say(self) -> None:
        """Tell the log, where there is one; nothing is told twice."""
        if not structlog.is_configured():
            return
        for action, values in self._journal:
            _trading.info(action, **values)
        for each in self._answers:
            _security.info("decision answered", **each)
        self._journal.clear()
        self._answers.clear()
