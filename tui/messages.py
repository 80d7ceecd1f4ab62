"""What workers tell the console. They post these; only the app's own loop touches widgets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from uuid import UUID

    from senex.ports.views import DecisionResultView, EventView
    from tui.snapshot import Snapshot


@dataclass
class Connected(Message):
    """Settings and clock are there: the environment is known."""


@dataclass
class QuotesChanged(Message):
    """These symbols have newer quotes; they are already in the app's market."""

    symbols: frozenset[str]


@dataclass
class ModelChanged(Message):
    """The books were read again."""

    snapshot: Snapshot


@dataclass
class ModelLost(Message):
    """The books cannot be read now."""

    why: str


@dataclass
class StreamLost(Message):
    """The bus does not answer now."""

    why: str


@dataclass
class StreamBack(Message):
    """The bus answers."""


@dataclass
class OrderEvents(Message):
    """The audit trail of an order was read."""

    order_id: UUID
    events: tuple[EventView, ...]


@dataclass
class DecisionSent(Message):
    """A decision is in the database; the daemon will answer."""

    decision_id: UUID
    what: str


@dataclass
class DecisionAnswered(Message):
    """The daemon's answer, or why there is none."""

    decision_id: UUID | None
    what: str
    result: DecisionResultView | None
    problem: str = ""
    turn: bool = False
    """Whether to show what was made."""
