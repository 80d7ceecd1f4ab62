"""Orders and attempts: states, and the one table by which they change.

An *order* is what we want; an *attempt* is one POST of it. The broker's
statuses map onto ours here, all thirteen of them (BROKER_WIRE 6).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING
from uuid import UUID, uuid5

from senex.domain.deployment import ahead, prefix
from senex.domain.errors import SenexError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from decimal import Decimal

    from senex.domain.legs import Leg
    from senex.domain.suggestions import Band


class OrderKind(StrEnum):
    """Why an order exists."""

    ENTRY = "entry"
    TARGET = "target"
    EXIT = "exit"
    CLOSE = "close"


class OrderStatus(StrEnum):
    """Where an order stands for us."""

    INTENDED = "intended"
    WORKING = "working"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    EXPIRED = "expired"
    REPLACED = "replaced"
    UNKNOWN = "unknown"

    @property
    def terminal(self) -> bool:
        """Whether the order can no longer fill."""
        return self in _TERMINAL


class AttemptStatus(StrEnum):
    """What is known of one POST."""

    PREPARED = "prepared"
    SENDING = "sending"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    ABANDONED = "abandoned"


class BrokerStatus(StrEnum):
    """The broker's own words."""

    RECEIVED = "Received"
    ROUTED = "Routed"
    IN_FLIGHT = "In Flight"
    CONTINGENT = "Contingent"
    LIVE = "Live"
    CANCEL_REQUESTED = "Cancel Requested"
    REPLACE_REQUESTED = "Replace Requested"
    FILLED = "Filled"
    CANCELLED = "Cancelled"
    EXPIRED = "Expired"
    REJECTED = "Rejected"
    REMOVED = "Removed"
    PARTIALLY_REMOVED = "Partially Removed"


class TimeInForce(StrEnum):
    """How long an order works, in the broker's words."""

    DAY = "Day"
    GTC = "GTC"


_S = OrderStatus
_TERMINAL = frozenset({_S.FILLED, _S.CANCELLED, _S.REJECTED, _S.EXPIRED, _S.REPLACED})
_LIVE = frozenset({_S.WORKING, _S.PARTIALLY_FILLED})

# From each status to those it may become. UNKNOWN is reached from INTENDED only, when a POST's
# outcome is not known. A cancelled or expired order may still turn out filled: the fill wins the race.
_TRANSITIONS: dict[OrderStatus, frozenset[OrderStatus]] = {
    _S.INTENDED: frozenset({*_LIVE, *_TERMINAL, _S.UNKNOWN}),
    _S.UNKNOWN: frozenset({*_LIVE, *_TERMINAL}),
    _S.WORKING: frozenset({_S.PARTIALLY_FILLED, *_TERMINAL}),
    _S.PARTIALLY_FILLED: frozenset({_S.FILLED, _S.CANCELLED, _S.EXPIRED, _S.REPLACED, _S.REJECTED}),
    _S.FILLED: frozenset(),
    _S.CANCELLED: frozenset({_S.FILLED}),
    _S.EXPIRED: frozenset({_S.FILLED}),
    _S.REPLACED: frozenset({_S.FILLED}),
    _S.REJECTED: frozenset(),
}

_A = AttemptStatus
_ATTEMPTS: dict[AttemptStatus, frozenset[AttemptStatus]] = {
    # straight to UNKNOWN in a restored database: it may have been sent after the moment restored to
    _A.PREPARED: frozenset({_A.SENDING, _A.ABANDONED, _A.REFUSED, _A.UNKNOWN}),
    _A.SENDING: frozenset({_A.ACCEPTED, _A.REFUSED, _A.UNKNOWN, _A.ABANDONED}),
    _A.UNKNOWN: frozenset({_A.ACCEPTED, _A.REFUSED, _A.ABANDONED}),
    _A.ACCEPTED: frozenset(),
    # a doubled request: the copy whose answer was heard was refused, the other lives
    _A.REFUSED: frozenset({_A.ACCEPTED}),
    # a late orphan is adopted when it shows itself after all
    _A.ABANDONED: frozenset({_A.ACCEPTED}),
}

_WORKING_AT_BROKER = frozenset(
    {
        BrokerStatus.RECEIVED,
        BrokerStatus.ROUTED,
        BrokerStatus.IN_FLIGHT,
        BrokerStatus.CONTINGENT,
        BrokerStatus.LIVE,
        BrokerStatus.CANCEL_REQUESTED,
        BrokerStatus.REPLACE_REQUESTED,
    }
)
_ENDED_AT_BROKER = {
    BrokerStatus.FILLED: _S.FILLED,
    BrokerStatus.CANCELLED: _S.CANCELLED,
    BrokerStatus.EXPIRED: _S.EXPIRED,
    BrokerStatus.REJECTED: _S.REJECTED,
    BrokerStatus.REMOVED: _S.CANCELLED,
    BrokerStatus.PARTIALLY_REMOVED: _S.CANCELLED,
}


class IllegalTransition(SenexError):
    """A status change the table does not allow; the event is quarantined and alerts."""


def status_from_broker(broker: BrokerStatus, *, filled: int, replaced: bool = False) -> OrderStatus:
    """Our status for the broker's, given how many contracts have filled.

    ``replaced`` says that the broker names an order that stands in for it: what it calls cancelled then, is not lost.
    """
    if broker in _WORKING_AT_BROKER:
        return _S.PARTIALLY_FILLED if filled else _S.WORKING
    if replaced and broker is BrokerStatus.CANCELLED:
        return _S.REPLACED
    return _ENDED_AT_BROKER[broker]


def advance(current: OrderStatus, to: OrderStatus) -> OrderStatus:
    """``to``, when the table allows it from ``current``; staying is always allowed.

    A broker message that is older than what we know (working after filled) is
    not an error of the broker's: it leaves the status as it is.

    Raises:
        IllegalTransition: ``E_TRANSITION`` where two terminal facts contradict.
    """
    if to == current or to in _TRANSITIONS[current]:
        return to
    if not to.terminal:
        return current
    raise IllegalTransition(
        "E_TRANSITION", f"An order cannot go from {current} to {to}; reconcile shows both sides."
    )


def advance_attempt(current: AttemptStatus, to: AttemptStatus) -> AttemptStatus:
    """``to``, when an attempt may go there from ``current``.

    Raises:
        IllegalTransition: ``E_TRANSITION``.
    """
    if to == current or to in _ATTEMPTS[current]:
        return to
    raise IllegalTransition(
        "E_TRANSITION", f"An attempt cannot go from {current} to {to}; reconcile shows both sides."
    )


class Origin(StrEnum):
    """Where an order, position or suggestion came from."""

    STRATEGY = "strategy"
    MANUAL = "manual"
    ADOPTED = "adopted"
    ROLL = "roll"


@dataclass(frozen=True, slots=True)
class OrderLine:
    """A leg of an order and how many of its contracts have filled."""

    leg: Leg
    filled: int = 0


@dataclass(frozen=True, slots=True)
class Order:
    """What we want from the broker. ``limit_price`` is signed, per reduced unit of the lines."""

    id: UUID
    account_id: UUID
    origin: Origin
    kind: OrderKind
    position_id: UUID
    decision_id: UUID | None
    spread_key: str | None
    generation: int
    underlying: str
    time_in_force: TimeInForce
    limit_price: Decimal
    band: Band | None
    valid_until: datetime | None
    status: OrderStatus
    broker_order_id: str | None
    lines: tuple[OrderLine, ...]
    cancel_requested: bool = False
    replaces_id: UUID | None = None
    exit_id: UUID | None = None
    """The exit it serves, for orders that are neither entries nor targets."""
    cancel_actor: str | None = None
    """Who asked for the cancel: ``daemon`` where senex makes room for another order of its own."""

    @property
    def legs(self) -> tuple[Leg, ...]:
        """The order's legs."""
        return tuple(line.leg for line in self.lines)

    @property
    def complete(self) -> bool:
        """Whether every contract of every leg has filled."""
        return all(line.filled == line.leg.quantity for line in self.lines)

    @property
    def opens_risk(self) -> bool:
        """Whether the order may add risk; only entries do."""
        return self.kind is OrderKind.ENTRY


def unfilled(lines: Sequence[OrderLine]) -> tuple[OrderLine, ...]:
    """What is still to be filled of them, as lines of an order of its own; empty when nothing is."""
    left = ((line.leg, line.leg.quantity - line.filled) for line in lines)
    return tuple(OrderLine(replace(leg, quantity=quantity)) for leg, quantity in left if quantity > 0)


def unfilled_legs(order: Order) -> tuple[Leg, ...]:
    """The same as legs of an order of its own."""
    return tuple(line.leg for line in unfilled(order.lines))


def filled_evenly(lines: Sequence[OrderLine]) -> bool:
    """Whether every leg has filled by the same share, so that a limit per unit still says what it said."""
    first = lines[0]
    return all(line.filled * first.leg.quantity == first.filled * line.leg.quantity for line in lines)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One POST of an order; a PUT where the order ``replaces`` another.

    ``broker_order_id`` is what the broker made of it, ``absent_reads`` how often a
    complete reading of the broker's orders did not show it while it was UNKNOWN;
    ``sent_at`` is market time.
    """

    id: UUID
    account_id: UUID
    order_id: UUID
    number: int
    external_identifier: str
    status: AttemptStatus
    body_hash: str
    broker_order_id: str | None = None
    absent_reads: int = 0
    sent_at: datetime | None = None


EXTERNAL_PREFIX = "senex-"


def external_identifier(namespace: UUID, order_id: UUID, number: int) -> str:
    """The name an attempt carries at the broker: ours to find again, and nobody else's."""
    return f"{EXTERNAL_PREFIX}{prefix(namespace)}-{uuid5(namespace, f'{order_id}/{number}').hex}"


def _ahead(identifier: str | None, namespace: UUID) -> int | None:
    """How many generations newer the deployment that gave the name is; None where it is of another lineage."""
    if identifier is None or not identifier.startswith(EXTERNAL_PREFIX):
        return None
    return ahead(identifier.removeprefix(EXTERNAL_PREFIX).partition("-")[0], namespace)


def ours(identifier: str | None, namespace: UUID) -> bool:
    """Whether an order at the broker carries a name that this deployment gave, or one it was restored from."""
    distance = _ahead(identifier, namespace)
    return distance is not None and distance <= 0


def of_the_lost_time(identifier: str | None, namespace: UUID) -> bool:
    """Whether a deployment gave the name that this one was restored from."""
    distance = _ahead(identifier, namespace)
    return distance is not None and distance < 0


def of_successor(identifier: str | None, namespace: UUID) -> bool:
    """Whether a deployment gave the name that was restored from this one's backups, and has taken its place."""
    distance = _ahead(identifier, namespace)
    return distance is not None and distance > 0


def successor(identifier: str) -> UUID:
    """The deployment that gave the name, as far as the name tells it."""
    digits = identifier.removeprefix(EXTERNAL_PREFIX).partition("-")[0]
    return UUID(hex=digits.ljust(32, "0"))


def of_another_deployment(identifier: str | None, namespace: UUID) -> bool:
    """Whether an order at the broker belongs to another senex."""
    return (
        identifier is not None and identifier.startswith(EXTERNAL_PREFIX) and not ours(identifier, namespace)
    )


def body_hash(legs: tuple[Leg, ...], limit_price: Decimal, time_in_force: TimeInForce) -> str:
    """A fingerprint of what is sent, to tell an order at the broker from a look-alike."""
    parts = sorted(f"{leg.symbol}|{leg.action}|{leg.quantity}" for leg in legs)
    text = "\n".join([*parts, f"{limit_price.normalize():f}", time_in_force.value])
    return hashlib.sha256(text.encode()).hexdigest()
