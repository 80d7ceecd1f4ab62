"""DXLink events: the columns of each type and how a symbol's row is made from the board."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING

from senex.simulator.market.listing import contract
from senex.simulator.market.profiles import PROFILES

if TYPE_CHECKING:
    from collections.abc import Callable

    from senex.simulator.exchange import Exchange

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
    "Trade": (
        *_COMMON, "time", "timeNanoPart", "sequence", "exchangeCode", "dayId", "tickDirection",
        "extendedTradingHours", "price", "change", "size", "dayVolume", "dayTurnover",
    ),
}  # fmt: skip
EVERY = {"Quote": 1, "Greeks": 4, "Trade": 4, "Candle": 4, "Summary": 20, "Profile": 0}
"""Ticks between two rows of a symbol; 0 sends one row only."""
SNAPSHOT_BEGIN, SNAPSHOT_END = 4, 8
_EPOCH = date(1970, 1, 1)
_VOLUME_PER_TICK = 137
_NAN = "NaN"


def milliseconds(instant: datetime) -> int:
    """An instant as milliseconds since 1970."""
    return int(instant.timestamp() * 1000)


def quote_row(exchange: Exchange, name: str, symbol: str) -> tuple[int, Row] | None:
    """The quote and its sequence."""
    quote = exchange.board.quote(symbol)
    if quote is None:
        return None
    at = milliseconds(quote.changed)
    return quote.sequence, (
        name, 0, quote.sequence, 0, at, "Q", at, "Q",
        quote.bid / 100, quote.ask / 100, quote.bid_size, quote.ask_size,
    )  # fmt: skip


def greeks_row(exchange: Exchange, name: str, symbol: str) -> tuple[int, Row] | None:
    """An option's Greeks; nothing for an underlying."""
    theory = exchange.board.theory(symbol)
    if theory is None:
        return None
    tick = exchange.board.tick
    at = milliseconds(exchange.market.instant(tick))
    values = theory.greeks
    numbers = (
        values.price, theory.volatility, values.delta, values.gamma, values.theta, values.rho, values.vega,
    )  # fmt: skip
    return tick, (name, 0, 0, at << 22, at, 0, *(round(number, 8) for number in numbers))


def trade_row(exchange: Exchange, name: str, symbol: str) -> tuple[int, Row] | None:
    """The last trade, at the mid rounded down to the cent."""
    quote = exchange.board.quote(symbol)
    if quote is None:
        return None
    tick = exchange.board.tick
    volume = max(0, tick) * _VOLUME_PER_TICK if symbol in PROFILES else 0
    price = (quote.bid + quote.ask) // 2 / 100
    day = (exchange.day() - _EPOCH).days
    return tick, (
        name, 0, milliseconds(quote.changed), 0, tick, "Q", day, "ZERO", False,
        price, _NAN, quote.bid_size, volume, round(volume * price, 2),
    )  # fmt: skip


def summary_row(exchange: Exchange, name: str, symbol: str) -> tuple[int, Row] | None:
    """The day so far and the close before."""
    market, tick = exchange.market, exchange.board.tick
    number = market.sessions.last_started(market.instant(tick))
    today, before = market.sessions[number].day, market.sessions[number - 1].day
    days = ((today - _EPOCH).days, (before - _EPOCH).days)
    if symbol in PROFILES:
        underlying = market.underlyings[symbol]
        opened, high, low, _ = underlying.path.bar(number, market.instant(tick))
        close = underlying.daily.close(number - 1)
        return tick, (
            name, 0, days[0], "REGULAR", days[1], "FINAL", 0, opened, high, low, _NAN, close, _NAN,
        )  # fmt: skip
    known = contract(symbol)
    if known is None:
        return None
    close = round(market.theory(known, market.tick(market.sessions[number - 1].closes)).greeks.price, 2)
    interest = market.draws.whole(50, 20_000, symbol, "open interest")
    return tick, (
        name, 0, days[0], "REGULAR", days[1], "FINAL", interest, _NAN, _NAN, _NAN, _NAN, close, _NAN,
    )  # fmt: skip


def profile_row(exchange: Exchange, name: str, symbol: str) -> tuple[int, Row] | None:
    """What is fixed about an underlying; nothing for options."""
    profile = PROFILES.get(symbol)
    if profile is None:
        return None
    past = [day for day in profile.ex_dates if day <= exchange.day()]
    ex_day = (past[-1] - _EPOCH).days if past else 0
    closes = [exchange.market.underlyings[symbol].daily.close(-back) for back in range(1, 253)]
    return exchange.board.tick, (
        name, 0, profile.description, "INACTIVE", "ACTIVE", 0, 0, ex_day, _NAN, max(closes), min(closes),
        float(profile.beta), _NAN, _NAN, _NAN, _NAN, float(profile.dividend), 4, _NAN,
    )  # fmt: skip


ROWS: dict[str, Callable[[Exchange, str, str], tuple[int, Row] | None]] = {
    "Quote": quote_row,
    "Greeks": greeks_row,
    "Trade": trade_row,
    "Summary": summary_row,
    "Profile": profile_row,
}


def candle_symbol(name: str) -> tuple[str, str] | None:
    """Symbol and period of a candle subscription: ``QQQ{=d,tho=true}`` is QQQ and d."""
    symbol, brace, rest = name.partition("{=")
    if not brace or not rest.endswith("}") or symbol not in PROFILES:
        return None
    return symbol, rest[:-1].split(",")[0]


def candle_rows(exchange: Exchange, name: str, *, since: int | None) -> list[Row]:
    """Daily candles newest first, with the snapshot's flags; without ``since`` only today's.

    A candle's time is midnight UTC of its session's date.
    """
    parsed = candle_symbol(name)
    if parsed is None or parsed[1] not in {"d", "1d"}:
        return []
    tick = exchange.board.tick
    first = exchange.day() if since is None else datetime.fromtimestamp(since / 1000, tz=UTC).date()
    bars = exchange.market.daily_bars(parsed[0], first, tick)
    rows: list[Row] = []
    for position, (day, opened, high, low, close) in enumerate(reversed(bars)):
        flags = 0
        if since is not None:
            flags = SNAPSHOT_BEGIN * (position == 0) + SNAPSHOT_END * (position == len(bars) - 1)
        at = milliseconds(datetime.combine(day, time(), tzinfo=UTC))
        volume = exchange.market.draws.whole(20_000_000, 60_000_000, parsed[0], "volume", day.toordinal())
        middle = round((high + low + close) / 3, 4)
        prices = (_NAN, _NAN, opened, high, low, close)
        volumes = (volume, middle, volume // 2, volume // 2)
        rows.append((name, 0, flags, at // 1000 << 32, at, 0, 1000, *volumes, *prices))
    return rows
