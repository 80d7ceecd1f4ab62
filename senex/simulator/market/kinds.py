"""What stays the same about an underlying, and the market regimes there are."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date

SESSIONS_PER_YEAR = 252
_THREE_DOLLARS = 300


class Scenario(StrEnum):
    """A market regime: two stories, a diffusion that changes its regime, and five that keep theirs."""

    CALM = "calm"
    BLOCKED = "blocked"
    NORMAL = "normal"
    BULL = "bull"
    BEAR = "bear"
    RANGE = "range"
    HIGH_VOL = "high-vol"
    CRASH = "crash"

    @property
    def is_story(self) -> bool:
        """Whether closes follow a script for senex's rules, so no statistics can be asked of them."""
        return self in {Scenario.CALM, Scenario.BLOCKED}


class Kind(StrEnum):
    """What an underlying is."""

    STOCK = "equity"
    ETF = "etf"
    INDEX = "index"


class Weeklies(StrEnum):
    """How often options expire between the monthlies."""

    DAILY = "daily"
    WEEKLY = "weekly"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Ticks:
    """The price steps of an option class in cents: below 3.00 and from there on."""

    small: int
    large: int

    def at(self, cents: float) -> int:
        """The step at a price in cents."""
        return self.small if cents < _THREE_DOLLARS else self.large


PENNY, NICKEL, DIME = Ticks(1, 1), Ticks(1, 5), Ticks(5, 10)


@dataclass(frozen=True, slots=True)
class Tracks:
    """An index that follows a fund: ``factor`` points per dollar of the fund without its accrued dividend.

    ``yields`` is what the fund's dividends are a year, as a share of its price.
    """

    symbol: str
    factor: float
    yields: float


@dataclass(frozen=True, slots=True)
class Split:
    """``numerator`` new shares for ``denominator`` old ones, from the opening of ``day``."""

    day: date
    numerator: int
    denominator: int

    @property
    def whole(self) -> bool:
        """Whether options split into whole contracts; others keep strikes and deliver more shares."""
        return self.numerator % self.denominator == 0


@dataclass(frozen=True, slots=True)
class Profile:
    """What stays the same about an underlying.

    ``price`` is its centre in dollars, ``volatility`` its annual volatility (a
    fraction, earnings apart); ``common`` is its correlation with the whole
    market and ``own`` its correlation with its sector apart from that.
    ``turnover`` is a usual day's volume in shares.
    """

    symbol: str
    description: str
    price: float
    volatility: float
    common: float
    beta: str
    kind: Kind = Kind.STOCK
    sector: str = ""
    own: float = 0.0
    dividend: Decimal = Decimal(0)
    ex_dates: tuple[date, ...] = ()
    strike_step: Decimal = Decimal("2.5")
    weeklies: Weeklies = Weeklies.WEEKLY
    leaps: bool = True
    ticks: Ticks = NICKEL
    earnings_days: tuple[date, ...] = ()
    earnings_time: str = "AMC"
    earnings_move: float = 0.0
    turnover: int = 20_000_000
    market_cap: int = 0
    listed_market: str = "XNAS"
    splits: tuple[Split, ...] = ()
    tracks: Tracks | None = None
    has_options: bool = True

    @property
    def daily(self) -> float:
        """A typical daily move: the volatility per session."""
        return self.volatility / math.sqrt(SESSIONS_PER_YEAR)

    @property
    def dividend_yield(self) -> float:
        """The year's dividends as a share of the price; an index's are its members'."""
        if self.tracks is not None:
            return self.tracks.yields
        return 4.0 * float(self.dividend) / self.price

    @property
    def is_etf(self) -> bool:
        """Whether it is a fund."""
        return self.kind is Kind.ETF

    @property
    def is_index(self) -> bool:
        """Whether it is an index: quoted, not tradable, its options are European and settle in cash."""
        return self.kind is Kind.INDEX

    @property
    def penny_options(self) -> bool:
        """Whether its options have steps of a cent at every price."""
        return self.ticks == PENNY

    @property
    def late_options(self) -> bool:
        """Whether its options trade a quarter of an hour longer than stocks."""
        return self.kind is not Kind.STOCK
