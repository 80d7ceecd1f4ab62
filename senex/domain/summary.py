"""The summary of a day: what an operator wants to know after the close (DOMAIN J)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from senex.domain.exits import ladder_begins
from senex.domain.unknown import Unknown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date
    from decimal import Decimal
    from uuid import UUID

    from senex.domain.calendar import Calendar
    from senex.domain.positions import Position

EXPIRATIONS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """One account's New York day. Money in dollars; ``realised`` is before ``fees``.

    ``traded`` are fills and entries that came to nothing, ``next_exits`` and ``expirations`` what is ahead,
    nearest first; ``failures`` what wants a person.
    """

    day: date
    realised: Decimal
    fees: Decimal | Unknown
    net_liquidation: Decimal | Unknown
    open_risk: Decimal | Unknown
    budget: Decimal | Unknown
    traded: tuple[str, ...]
    next_exits: tuple[str, ...]
    expirations: tuple[str, ...]
    failures: tuple[str, ...]

    @property
    def empty(self) -> bool:
        """Whether there is nothing to tell: nothing gained or lost, traded, held or broken."""
        return not (self.realised or self.traded or self.expirations or self.failures)

    @property
    def net(self) -> Decimal | Unknown:
        """What the day brought after fees."""
        return self.fees if isinstance(self.fees, Unknown) else self.realised - self.fees

    @property
    def text(self) -> str:
        """It in lines."""
        lines = [
            f"Realised {_money(self.realised)}, fees {_money(self.fees)}, net {_money(self.net)}",
            f"Open risk {_money(self.open_risk)} of a budget of {_money(self.budget)}",
            f"Net liquidation {_money(self.net_liquidation)}",
        ]
        for title, items in (
            ("Traded", self.traded),
            ("Next exits", self.next_exits),
            ("Next expirations", self.expirations),
            ("Wants you", self.failures),
        ):
            lines += [f"{title}: none"] if not items else [f"{title}:", *(f"  · {item}" for item in items)]
        return "\n".join(lines)


def ahead(
    positions: Iterable[Position], today: date, *, last: Mapping[UUID, date], calendar: Calendar
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """When each position's exit ladder begins, and when it expires; nearest expiry first.

    ``last`` is the last day each one trades.
    """
    held = sorted(positions, key=lambda position: (position.expiry, position.underlying, str(position.id)))
    exits = []
    for position in held:
        if not position.managed:
            continue
        dte = position.exit_plan.time_exit_dte
        begins = ladder_begins(last=last[position.id], dte=dte, calendar=calendar)
        if isinstance(begins, Unknown):
            when = f"begins on a day that is not known ({begins.why})"
        else:
            when = "has begun" if begins <= today else f"begins on {begins:%d %b}"
        exits.append(f"{position.label}: the exit ladder {when}")
    expirations = [
        f"{position.label}: {position.expiry:%d %b}, {(position.expiry - today).days} DTE"
        for position in held
        if position.expiry >= today  # shares have none; theirs is that of the options they came of
    ]
    return tuple(exits[:EXPIRATIONS]), tuple(expirations[:EXPIRATIONS])


def _money(amount: Decimal | Unknown) -> str:
    if isinstance(amount, Unknown):
        return f"unknown ({amount.why})"
    return f"{'-' if amount < 0 else ''}${abs(amount):,.2f}"
