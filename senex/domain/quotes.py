"""Quotes: what a price is worth, and how old it is.

Prices are dollars per share. Times are market time (``Clock``), aware.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from senex.domain.unknown import Unknown

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

DISPLAY_STALE = timedelta(seconds=30)
PRICING_MAX_AGE = timedelta(seconds=60)
CONNECTION_SILENT = timedelta(seconds=10)


class Quote(NamedTuple):
    """The newest two-sided quote of a streamer symbol.

    A missing side is None. ``sequence`` orders quotes of one stream epoch;
    ``received_at`` is when our socket saw it (never the exchange's own time).
    A named tuple, since a console makes thousands a second.
    """

    symbol: str
    bid: Decimal | None
    ask: Decimal | None
    bid_size: Decimal | None
    ask_size: Decimal | None
    sequence: int
    received_at: datetime

    @property
    def problem(self) -> str | None:
        """Why this quote cannot price anything, or None when it can."""
        if self.bid is None or self.ask is None:
            return f"{self.symbol} is quoted on one side only"
        if self.bid < 0 or self.ask <= 0:
            return f"{self.symbol} has a negative or zero price"
        if self.bid > self.ask:
            return f"{self.symbol} is crossed (bid {self.bid} above ask {self.ask})"
        return None

    @property
    def mid(self) -> Decimal | Unknown:
        """Half way between bid and ask, unrounded."""
        if self.problem is not None or self.bid is None or self.ask is None:
            return Unknown(self.problem or "no quote")
        return (self.bid + self.ask) / 2


@dataclass(frozen=True, slots=True)
class Greeks:
    """The feed's Greeks of one option, per share.

    ``volatility`` is the implied one, a decimal fraction a year; theta is a
    day's, vega a volatility point's (as the feed states them).
    """

    symbol: str
    price: Decimal
    volatility: Decimal
    delta: Decimal
    gamma: Decimal
    theta: Decimal
    vega: Decimal
    sequence: int
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Market:
    """The newest quotes, and the pulse of the connection they came over.

    ``last_inbound`` is the last frame of any kind; the feed sends on change,
    so an unchanged quote on a live connection is not stale (DOMAIN 0.20).
    """

    quotes: Mapping[str, Quote] = field(default_factory=dict)
    last_inbound: datetime | None = None
    greeks: Mapping[str, Greeks] = field(default_factory=dict)

    def age(self, symbol: str, now: datetime) -> timedelta | Unknown:
        """How long ago the price of ``symbol`` was last known to be true."""
        quote = self.quotes.get(symbol)
        if quote is None:
            return Unknown(f"no quote for {symbol} yet")
        newest = quote.received_at
        if self.last_inbound is not None and self.last_inbound > newest:
            newest = self.last_inbound
        return max(now - newest, timedelta(0))

    def usable(self, symbol: str, now: datetime, limit: timedelta = PRICING_MAX_AGE) -> Quote | Unknown:
        """The quote of ``symbol`` when it may price an order, else why not."""
        quote = self.quotes.get(symbol)
        if quote is None:
            return Unknown(f"no quote for {symbol} yet")
        if quote.problem is not None:
            return Unknown(quote.problem)
        if quote.received_at > now + timedelta(seconds=2):
            return Unknown(f"the quote of {symbol} is from the future")
        age = self.age(symbol, now)
        if isinstance(age, Unknown):  # pragma: no cover - a known quote has an age
            return age
        if age > limit:
            return Unknown(
                f"the quote of {symbol} is {age.total_seconds():.0f} s old (limit {limit.total_seconds():.0f} s)"
            )
        return quote
