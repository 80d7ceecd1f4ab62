"""A suggestion: what senex proposes, bound by a digest an operator approves.

The model knows spreads and legs, never a strategy's name, so that nothing
downstream (orders, targets, exits) needs to know a Trident.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING

from senex.domain.legs import Leg, merge

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

LIFETIME = timedelta(hours=24)
SCORE_MAX = Decimal(100)
EXECUTABLE_FOR = timedelta(minutes=10)


class SuggestionStatus(StrEnum):
    """Where a suggestion is in its life (DOMAIN B.2)."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    EXECUTED = "executed"


MAY_BECOME: Mapping[SuggestionStatus, frozenset[SuggestionStatus]] = {
    SuggestionStatus.PENDING: frozenset(
        {SuggestionStatus.APPROVED, SuggestionStatus.REJECTED, SuggestionStatus.EXPIRED}
    ),
    SuggestionStatus.APPROVED: frozenset({SuggestionStatus.EXECUTED}),
}
"""From each status to those it may become; from all others there is no way on."""


@dataclass(frozen=True, slots=True)
class SpreadPlan:
    """One spread of a position, with its own exit.

    ``legs`` are opening legs of one unit; ``width`` is the strike distance in
    dollars; ``target_share`` is the share of the spread's opening credit (or
    maximum profit for a debit) its profit target takes, None for no target.
    """

    key: str
    legs: tuple[Leg, ...]
    width: Decimal
    target_share: Decimal | None


@dataclass(frozen=True, slots=True)
class ExitPlan:
    """How the position ends, copied onto it at entry (DOMAIN C.13)."""

    time_exit_dte: int
    stop_alert_share: Decimal = Decimal("0.50")
    stop_order_share: Decimal = Decimal("0.75")
    stop_orders: bool = False
    """Whether the operator lets the stop send a closing order, not only an alarm."""


@dataclass(frozen=True, slots=True)
class Band:
    """The signed limit prices (per reduced unit) the operator's approval covers, both ends inside."""

    low: Decimal
    high: Decimal

    def holds(self, price: Decimal) -> bool:
        """Whether ``price`` is inside."""
        return self.low <= price <= self.high


@dataclass(frozen=True, slots=True)
class Pricing:
    """Signed net prices per reduced unit, from one snapshot of quotes.

    ``natural`` is what could be had at once (sell at bid, buy at ask),
    ``opposite`` the best imaginable (sell at ask, buy at bid), ``mid`` between.
    ``oldest`` is when the oldest leg's price was last known true.
    """

    natural: Decimal
    mid: Decimal
    opposite: Decimal
    oldest: datetime


@dataclass(frozen=True, slots=True)
class Reason:
    """One line of the explanation. ``points`` is None where a rule is stated, not scored."""

    text: str
    points: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a strategy builds, before it has an identity: pure result of market and rules.

    Money fields are dollars for all ``units``; ``tick`` is the step of the net price.
    """

    strategy: str
    underlying: str
    expiry: date
    units: int
    spreads: tuple[SpreadPlan, ...]
    pricing: Pricing
    limit: Decimal
    band: Band
    tick: Decimal
    max_loss: Decimal
    max_profit: Decimal
    breakevens: tuple[Decimal, ...]
    exit_plan: ExitPlan
    score: Decimal
    reasons: tuple[Reason, ...]

    @property
    def legs(self) -> tuple[Leg, ...]:
        """The order's legs: distinct symbols, quantities for all units."""
        return merge(leg.times(self.units) for spread in self.spreads for leg in spread.legs)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A proposal for one account, with identity, version, digest and an end."""

    id: UUID
    account_id: UUID
    version: int
    status: SuggestionStatus
    proposal: Proposal
    created_at: datetime
    priced_at: datetime
    expires_at: datetime

    @property
    def digest(self) -> str:
        """SHA-256 over everything an approval binds: account, legs, quantity, band, exit plan, end."""
        proposal = self.proposal
        bound = {
            "suggestion": str(self.id),
            "version": self.version,
            "account": str(self.account_id),
            "strategy": proposal.strategy,
            "underlying": proposal.underlying,
            "units": proposal.units,
            "spreads": [
                {
                    "key": spread.key,
                    "width": _plain(spread.width),
                    "target": None if spread.target_share is None else _plain(spread.target_share),
                    "legs": [[leg.symbol, leg.action.value, leg.quantity] for leg in spread.legs],
                }
                for spread in proposal.spreads
            ],
            "band": [_plain(proposal.band.low), _plain(proposal.band.high)],
            "exit": [
                proposal.exit_plan.time_exit_dte,
                _plain(proposal.exit_plan.stop_alert_share),
                _plain(proposal.exit_plan.stop_order_share),
            ],
            "expires": self.expires_at.isoformat(),
        }
        return hashlib.sha256(json.dumps(bound, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _plain(number: Decimal) -> str:
    """One spelling per number, so that equal suggestions have equal digests."""
    return f"{number.normalize():f}"
