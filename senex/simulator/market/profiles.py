"""The underlyings the simulator lists and the market regimes it knows. To list another one, add a line."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum


class Scenario(StrEnum):
    """A market regime."""

    CALM = "calm"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class Profile:
    """What stays the same about an underlying.

    ``price`` is its centre in dollars, ``daily`` a typical daily move and
    ``common`` the share of it that comes from the whole market.
    """

    symbol: str
    description: str
    price: float
    daily: float
    common: float
    beta: str
    dividend_yield: float
    dividend: Decimal
    ex_dates: tuple[date, ...]
    strike_step: Decimal = Decimal(1)
    is_etf: bool = True
    earnings: date | None = None
    market_cap: int = 0
    penny_options: bool = True
    listed_market: str = "XNAS"


PROFILES = {
    profile.symbol: profile
    for profile in (
        Profile(
            symbol="QQQ",
            description="INVESCO QQQ TRUST, SERIES 1",
            price=520.0,
            daily=0.0105,
            common=0.93,
            beta="1.18",
            dividend_yield=0.005,
            dividend=Decimal("0.71"),
            ex_dates=(date(2026, 3, 23), date(2026, 6, 22), date(2026, 9, 21), date(2026, 12, 21)),
            market_cap=330_000_000_000,
        ),
        Profile(
            symbol="SPY",
            description="SPDR S&P 500 ETF TRUST",
            price=610.0,
            daily=0.0095,
            common=0.97,
            beta="1.0",
            dividend_yield=0.012,
            dividend=Decimal("1.76"),
            ex_dates=(date(2026, 3, 20), date(2026, 6, 18), date(2026, 9, 18), date(2026, 12, 18)),
            market_cap=640_000_000_000,
            listed_market="ARCX",
        ),
        Profile(
            symbol="AAPL",
            description="APPLE INC. - COMMON STOCK",
            price=230.0,
            daily=0.015,
            common=0.65,
            beta="1.24",
            dividend_yield=0.0045,
            dividend=Decimal("0.26"),
            ex_dates=(date(2026, 5, 11), date(2026, 8, 10), date(2026, 11, 9)),
            strike_step=Decimal("2.5"),
            is_etf=False,
            earnings=date(2026, 7, 30),
            market_cap=3_400_000_000_000,
            penny_options=False,
        ),
    )
}
