"""Orders and attempts: states, and the one table by which they change.

An *order* is what we want; an *attempt* is one POST of it. The broker's
statuses map onto ours here, all thirteen of them (BROKER_WIRE 6).
"""

from __future__ import annotations

from enum import StrEnum

from senex.domain.errors import SenexError


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
    _A.PREPARED: frozenset({_A.SENDING, _A.ABANDONED, _A.REFUSED}),
    _A.SENDING: frozenset({_A.ACCEPTED, _A.REFUSED, _A.UNKNOWN, _A.ABANDONED}),
    _A.UNKNOWN: frozenset({_A.ACCEPTED, _A.REFUSED, _A.ABANDONED}),
    _A.ACCEPTED: frozenset(),
    _A.REFUSED: frozenset(),
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


def status_from_broker(broker: BrokerStatus, *, filled: int) -> OrderStatus:
    """Our status for the broker's, given how many contracts have filled."""
    if broker in _WORKING_AT_BROKER:
        return _S.PARTIALLY_FILLED if filled else _S.WORKING
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
