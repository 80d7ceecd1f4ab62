"""What the store keeps, as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime, timedelta
    from decimal import Decimal
    from uuid import UUID

    from senex.domain.alarms import Alarm
    from senex.domain.ledger import LedgerEntry
    from senex.domain.notices import Level
    from senex.domain.unknown import Unknown
    from senex.ports.broker import BrokerFill


@dataclass(frozen=True, slots=True)
class Account:
    """An account as stored. ``read_at`` is when the broker last said what it is and may do."""

    id: UUID
    environment: str
    number: str
    margin_or_cash: str
    option_level: str
    closed: bool
    closing_only: bool
    risk_preset: str
    entry_offset: Decimal
    read_at: datetime


@dataclass(frozen=True, slots=True)
class Instrument:
    """A contract senex has met."""

    symbol: str
    streamer: str
    underlying: str
    multiplier: int
    stops_trading_at: datetime | None


@dataclass(frozen=True, slots=True)
class Work:
    """One outbox row being worked on."""

    id: int
    account_id: UUID | None
    job: str
    subject: str


@dataclass(frozen=True, slots=True)
class Following:
    """Work just written that its writer's process may do at once: a row of the outbox by what it is about."""

    job: str
    subject: str


@dataclass(frozen=True, slots=True)
class StoredFill:
    """A fill as booked, with its key."""

    id: int
    symbol: str
    fill: BrokerFill


@dataclass(frozen=True, slots=True, kw_only=True)
class DayFacts:
    """What the books say of a day. Dollars; ``realised`` is before ``fees``, which are those of what was closed."""

    realised: Decimal
    fees: Decimal | Unknown
    traded: tuple[str, ...]
    failures: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """A row of the broker's ledger as stored."""

    id: int
    entry: LedgerEntry
    pending: bool
    """Whether it moves a quantity that is not in the books yet."""
    position_id: UUID | None


@dataclass(frozen=True, slots=True)
class RaisedAlarm:
    """An alarm as stored."""

    id: UUID
    alarm: Alarm
    raised_at: datetime


@dataclass(frozen=True, slots=True)
class QueuedNotice:
    """A notice that a channel has not been sent yet; ``attempts`` counts those that failed.

    ``age`` is how long ago it was last tried at ``tried_at`` (machine time), be it sent or not.
    """

    id: UUID
    title: str
    text: str
    level: Level
    attempts: int
    tried_at: datetime | None
    age: timedelta | None


@dataclass(frozen=True, slots=True)
class OperatorRecord:
    """Who decides: role, and the verifier of a passphrase when one is set."""

    name: str
    role: str
    salt: bytes | None
    verifier: bytes | None
