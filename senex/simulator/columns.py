"""DXLink's event types: their columns in the order clients expect, and how often a row is due."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

Row = tuple[object, ...]

_COMMON = ("eventSymbol", "eventTime")
COLUMNS: dict[str, tuple[str, ...]] = {
    "Candle": (
        *_COMMON, "eventFlags", "index", "time", "sequence", "count", "volume", "vwap", "bidVolume",
        "askVolume", "impVolatility", "openInterest", "open", "high", "low", "close",
    ),
    "Greeks": (
        *_COMMON, "eventFlags", "index", "time", "sequence", "price", "volatility", "delta", "gamma",
        "theta", "rho", "vega",
    ),
    "Profile": (
        *_COMMON, "description", "shortSaleRestriction", "tradingStatus", "haltStartTime", "haltEndTime",
        "exDividendDayId", "statusReason", "high52WeekPrice", "low52WeekPrice", "beta", "shares",
        "highLimitPrice", "lowLimitPrice", "earningsPerShare", "exDividendAmount", "dividendFrequency",
        "freeFloat",
    ),
    "Quote": (
        *_COMMON, "sequence", "timeNanoPart", "bidTime", "bidExchangeCode", "askTime", "askExchangeCode",
        "bidPrice", "askPrice", "bidSize", "askSize",
    ),
    "Summary": (
        *_COMMON, "dayId", "dayClosePriceType", "prevDayId", "prevDayClosePriceType", "openInterest",
        "dayOpenPrice", "dayHighPrice", "dayLowPrice", "dayClosePrice", "prevDayClosePrice",
        "prevDayVolume",
    ),
    "TheoPrice": (
        *_COMMON, "eventFlags", "index", "time", "sequence", "price", "underlyingPrice", "delta", "gamma",
        "dividend", "interest",
    ),
    "TimeAndSale": (
        *_COMMON, "eventFlags", "index", "time", "timeNanoPart", "sequence", "exchangeCode", "price", "size",
        "bidPrice", "askPrice", "tradeThroughExempt", "aggressorSide", "spreadLeg", "extendedTradingHours",
        "validTick", "type", "buyer", "seller", "exchangeSaleConditions",
    ),
    "Trade": (
        *_COMMON, "time", "timeNanoPart", "sequence", "exchangeCode", "dayId", "tickDirection",
        "extendedTradingHours", "price", "change", "size", "dayVolume", "dayTurnover",
    ),
    "Underlying": (
        *_COMMON, "eventFlags", "index", "time", "sequence", "volatility", "frontVolatility",
        "backVolatility", "callVolume", "putVolume", "optionVolume", "putCallRatio",
    ),
}  # fmt: skip
EVERY = {
    "Quote": 0, "Profile": 0, "TimeAndSale": 1, "Greeks": 4, "TheoPrice": 4, "Trade": 4, "Candle": 4,
    "Summary": 20, "Underlying": 20,
}  # fmt: skip
"""Ticks between two rows of a symbol; of the types with 0, quotes come when they change and profiles once."""
NAN = "NaN"
_CENT = Decimal("0.01")
_NEVER = -(1 << 62)


def milliseconds(instant: datetime) -> int:
    """An instant as milliseconds since 1970."""
    return int(instant.timestamp() * 1000)


def dollars(count: int, unit: Decimal) -> float:
    """A price as it stands in a row: so many units, in dollars or points."""
    return count / 100 if unit == _CENT else float(count * unit)


def index_of(at: int) -> int:
    """The index dxFeed gives an event at a time in milliseconds: seconds, milliseconds, sequence."""
    return at // 1000 << 32 | at % 1000 << 22


@dataclass(eq=False, slots=True)
class Subscription:
    """What a channel sends of one type and symbol.

    ``sequence`` is that of the last row sent, ``tick`` when it was sent;
    ``since`` is where a candle's history starts, in milliseconds.
    """

    kind: str
    name: str
    symbol: str
    since: int | None = None
    sequence: int = _NEVER
    tick: int = _NEVER
    fresh: bool = True
