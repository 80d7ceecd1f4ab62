"""What companies do to their shares: dividends, earnings, splits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING

from senex.simulator.market.dates import on_or_after
from senex.simulator.market.profiles import PROFILES

if TYPE_CHECKING:
    from datetime import date

    from senex.simulator.market.kinds import Profile, Split

_CENT = Decimal("0.01")
_UNTIL_PAID = {True: timedelta(days=10), False: timedelta(days=4)}
"""Calendar days from ex-date to payment: funds, stocks."""


@dataclass(frozen=True, slots=True)
class Dividend:
    """``amount`` dollars a share for whoever held it before ``ex_date`` opened; T+1 makes it the record date."""

    ex_date: date
    record_date: date
    pay_date: date
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Earnings:
    """A report after the close (``AMC``) or before the opening (``BMO``) of ``day``."""

    day: date
    time: str


@lru_cache(maxsize=64)
def dividends(symbol: str) -> tuple[Dividend, ...]:
    """All dividends of an underlying, past and to come, oldest first; a split reduces those after it."""
    profile = PROFILES.get(symbol)
    if profile is None:
        return ()
    later = _UNTIL_PAID[profile.is_etf]
    return tuple(
        Dividend(day, day, on_or_after(day + later), _amount(profile, day)) for day in profile.ex_dates
    )


def _amount(profile: Profile, day: date) -> Decimal:
    amount = profile.dividend
    for split in profile.splits:
        if split.day <= day:
            amount = (amount * split.denominator / split.numerator).quantize(_CENT)
    return amount


@lru_cache(maxsize=64)
def earnings(symbol: str) -> tuple[Earnings, ...]:
    """All reports of a company, past and to come, oldest first."""
    profile = PROFILES.get(symbol)
    if profile is None:
        return ()
    return tuple(Earnings(day, profile.earnings_time) for day in profile.earnings_days)


def splits(symbol: str) -> tuple[Split, ...]:
    """All splits of an underlying."""
    profile = PROFILES.get(symbol)
    return () if profile is None else profile.splits
