"""Automated entries: the policy an operator recorded for an account, and when it may decide (DOMAIN F.4).

The policy proposes nothing of its own and passes every rule of an ordinary
approval; here is only what it may ask for, and that it does so once a day.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from senex.domain.calendar import NEW_YORK
from senex.domain.decisions import Outcome
from senex.domain.errors import UsageProblem
from senex.domain.money import number_in
from senex.domain.orders import OrderStatus
from senex.domain.suggestions import SCORE_MAX
from senex.domain.symbols import underlying_symbol
from senex.domain.unknown import Unknown

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from decimal import Decimal
    from uuid import UUID

    from senex.domain.calendar import Calendar
    from senex.domain.suggestions import Proposal

POLICY = "policy"
"""The role of its decisions; the database lets only the daemon write them."""
NAME = "automation"
ON, OFF = "on", "off"

_WORDS = frozenset({"repeat", "symbol", "strategy", "max_loss", "min_score"})

_FIRST, _FIRST_UNTIL, _LAST_UNTIL = time(10), time(10, 15), time(15)
_UNFILLED_AFTER = timedelta(minutes=5)
_JITTER = timedelta(seconds=30)
"""A run begins some seconds after its slot; entries of one slot are five minutes old in the next."""
_ENDED = frozenset({OrderStatus.CANCELLED, OrderStatus.REJECTED, OrderStatus.EXPIRED})
_HELD = {
    None: "today's automated decision is not answered yet",
    OrderStatus.REPLACED: "somebody replaced today's automated entry",
    OrderStatus.UNKNOWN: "whether today's automated entry reached the broker is not known",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Automation:
    """What an operator lets senex decide for one account.

    ``max_loss`` (dollars) and ``min_score`` are limits on top of the account's own; None limits nothing more.
    ``repeat_until_filled`` tries every five minutes to 14:55, not only at 10:00.
    """

    enabled: bool
    underlying: str
    strategy: str
    repeat_until_filled: bool = False
    max_loss: Decimal | None = None
    min_score: Decimal | None = None

    @property
    def words(self) -> tuple[str, ...]:
        """How a decision carries all but ``enabled``; ``read_words`` reads it back."""
        said = [f"symbol={self.underlying}", f"strategy={self.strategy}"]
        if self.repeat_until_filled:
            said.append("repeat")
        said += [
            f"{name}={value:f}"
            for name, value in (("max_loss", self.max_loss), ("min_score", self.min_score))
            if value is not None
        ]
        return tuple(said)


def read_words(words: Iterable[str], *, enabled: bool) -> Automation:
    """The automation a decision asks for.

    Raises:
        UsageProblem: ``E_AUTOMATION`` or ``E_SYMBOL``.
    """
    named = dict(word.partition("=")[::2] for word in words)
    if named.keys() - _WORDS or not named.get("strategy"):
        raise UsageProblem(
            "E_AUTOMATION", "The decision does not say what to automate; use `senex automation set`."
        )
    return Automation(
        enabled=enabled,
        underlying=underlying_symbol(named.get("symbol", "")),
        strategy=named["strategy"],
        repeat_until_filled="repeat" in named,
        max_loss=_positive(named, "max_loss"),
        # what was stored before there was a bound can be switched off
        min_score=_positive(named, "min_score", SCORE_MAX if enabled else None),
    )


def _positive(named: dict[str, str], name: str, most: Decimal | None = None) -> Decimal | None:
    if name not in named:
        return None
    value = number_in(named[name])
    if value is None or value <= 0 or (most is not None and value > most):
        said = "above zero" if most is None else f"above zero and at most {most}"
        raise UsageProblem("E_AUTOMATION", f"{name} must be {said}, not {named[name]!r}.")
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class AutomatedEntry:
    """The newest automated entry of a day: the policy's decision and what has become of it."""

    decision_id: UUID
    decided_at: datetime
    outcome: Outcome | None
    order_id: UUID | None
    status: OrderStatus | None
    filled: int
    cancel_requested: bool


class Turn(StrEnum):
    """What the next automated entry of the day has to do with the one before it."""

    FREE = "free"
    TAKEN = "taken"
    CANCEL = "cancel"
    CANCELLING = "cancelling"


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether there may be another automated entry today, and why not."""

    turn: Turn
    why: str = ""


def standing(entry: AutomatedEntry | None, now: datetime) -> Standing:
    """One automated fill a day; what may still fill counts, what can no longer fill does not."""
    if entry is None or entry.outcome in (Outcome.REFUSED, Outcome.FAILED):
        return Standing(Turn.FREE)
    if entry.filled:
        return Standing(Turn.TAKEN, "today's automated entry has filled")
    if entry.status in _ENDED:
        return Standing(Turn.FREE)
    if entry.status in _HELD:
        return Standing(Turn.TAKEN, _HELD[entry.status])
    if entry.cancel_requested:
        return Standing(Turn.CANCELLING, "today's automated entry is being cancelled")
    if now - entry.decided_at > _UNFILLED_AFTER - _JITTER:
        return Standing(Turn.CANCEL, "today's automated entry has not filled within five minutes")
    return Standing(Turn.TAKEN, "today's automated entry is working")


def out_of_turn(now: datetime, calendar: Calendar, *, first: bool) -> str | None:
    """Why no automated entry is made at ``now``: the first one belongs to 10:00, repeats end before 15:00."""
    is_open = calendar.is_open(now)
    if isinstance(is_open, Unknown):
        return is_open.why
    if not is_open:
        return "the market is closed"
    at, until = now.astimezone(NEW_YORK).time(), _FIRST_UNTIL if first else _LAST_UNTIL
    if not _FIRST <= at < until:
        return f"it is {at:%H:%M} in New York, and this one is made from {_FIRST:%H:%M} to {until:%H:%M}"
    return None


def beyond(automation: Automation, proposal: Proposal) -> tuple[str, ...]:
    """Which of the operator's limits the proposal breaks."""
    broken = []
    if automation.max_loss is not None and proposal.max_loss > automation.max_loss:
        broken.append(
            f"it may lose ${proposal.max_loss:,.2f}, the operator's limit is ${automation.max_loss:,.2f}"
        )
    if automation.min_score is not None and proposal.score < automation.min_score:
        broken.append(f"its score is {proposal.score}, the operator's minimum is {automation.min_score}")
    return tuple(broken)
