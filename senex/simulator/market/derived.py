"""Prices of futures, of the options on them, and of coins.

Futures on an index are the index carried to their last day. The others, and
the coins, follow a path of their own: closes by trade date that return slowly
to their centre, and a Brownian bridge between two closes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING

from senex.domain.pricing import option_greeks
from senex.simulator.market.coins import COINS
from senex.simulator.market.futureoptions import FutureOption, future_option, future_option_of_streamer
from senex.simulator.market.futures import future_contract, future_of_streamer, named_future, rests
from senex.simulator.market.profiles import PROFILES
from senex.simulator.market.quotes import Quote, Theory
from senex.simulator.market.sessions import NEW_YORK, new_york, new_york_date
from senex.simulator.market.surface import RATE

if TYPE_CHECKING:
    from collections.abc import Callable

    from senex.simulator.market.draws import Draws

_EPOCH = date(2023, 12, 29)
_YEAR = 365 * 86400.0
_EVENING = timedelta(hours=6)
"""A trade date begins at 18:00 New York of the day before."""
_SESSION = 23 * 3600.0
_RETURN = 0.985
_WANDER = 0.5
_LEVELS = 14
_STEPS = 23
_SIZE_TICKS = 8


@dataclass(frozen=True, slots=True)
class _Path:
    """``centre`` in points or dollars, ``volatility`` a year's, ``carry`` what a year's delivery adds."""

    centre: float
    volatility: float
    carry: float = 0.0
    trades: int = 260


_INDICES = {
    "ES": "SPX",
    "MES": "SPX",
    "NQ": "NDX",
    "MNQ": "NDX",
    "RTY": "RUT",
}
"""What an index future follows."""
_PATHS = {
    "CL": _Path(68.0, 0.33, -0.03),
    "NG": _Path(3.3, 0.55, 0.08),
    "GC": _Path(3350.0, 0.16, 0.04),
    "SI": _Path(37.5, 0.28, 0.04),
    "ZN": _Path(111.5, 0.06),
    "ZB": _Path(115.0, 0.11),
    "6E": _Path(1.155, 0.075, 0.018),
    "BTC/USD": _Path(105_000.0, 0.45, trades=365),
    "ETH/USD": _Path(3400.0, 0.62, trades=365),
    "BCH/USD": _Path(480.0, 0.70, trades=365),
    "LTC/USD": _Path(95.0, 0.65, trades=365),
    "SOL/USD": _Path(165.0, 0.75, trades=365),
}
_ALIKE = {"MCL": "CL"}
_INDEX_VOLATILITY = 0.17
_CALM_VIX, _VIX_RETURN = 18.5, 5.0
"""Where the market expects the VIX to return to, and how fast a year."""


class Derived:
    """Prices and quotes at any instant of a timeline, as pure functions of the seed."""

    def __init__(self, draws: Draws, spot: Callable[[str, datetime], float]) -> None:
        self._draws = draws
        self._spot = spot
        self._logs: dict[str, list[float]] = {}
        self._recent: dict[tuple[str, int], tuple[int, int, float]] = {}
        self.price = lru_cache(maxsize=256)(self._price)

    def _price(self, symbol: str, instant: datetime) -> float:
        """The price of a listed future or a coin, not rounded."""
        if symbol in COINS:
            return self._own(symbol, *_round_the_clock(instant))
        contract = named_future(symbol, new_york_date(instant))
        if contract is None:
            raise KeyError(symbol)
        code = _ALIKE.get(contract.product.code, contract.product.code)
        years = max(0.0, (contract.expires_at - instant).total_seconds() / _YEAR)
        if code in _INDICES:
            index = _INDICES[code]
            return self._spot(index, instant) * math.exp((RATE - PROFILES[index].dividend_yield) * years)
        if code == "VX":
            return _CALM_VIX + (self._spot("VIX", instant) - _CALM_VIX) * math.exp(-_VIX_RETURN * years)
        return self._own(code, *_trade_date(instant)) * math.exp(_PATHS[code].carry * years)

    def day(self, symbol: str, instant: datetime) -> tuple[float, float, float, float]:
        """Open, high, low and last of the trade date so far, to the tick, of a listed symbol."""
        opens, listed = opening(symbol, instant), new_york_date(instant)
        hours = min(int((instant - opens).total_seconds() // 3600), _STEPS)
        seen = [self._worth(symbol, listed, opens + timedelta(hours=count)) for count in range(hours + 1)]
        last = self._worth(symbol, listed, instant)
        return seen[0], max(*seen, last), min(*seen, last), last

    def _worth(self, symbol: str, listed: date, instant: datetime) -> float:
        valued = self._valued(symbol, listed, instant)
        return 0.0 if valued is None else float(_to_tick(valued[0], valued[1]))

    def previous_close(self, symbol: str, instant: datetime) -> float:
        """A future's or coin's price at the end of the trade date before this one."""
        return self.price(symbol, opening(symbol, instant) - timedelta(hours=1))

    def settled(self, symbol: str, instant: datetime) -> Decimal | None:
        """The same to the tick, of options too; None for a symbol that is not listed."""
        valued = self._valued(symbol, new_york_date(instant), opening(symbol, instant) - timedelta(hours=1))
        return None if valued is None else _to_tick(valued[0], valued[1])

    def quote(self, symbol: str, tick: int, instant: datetime) -> Quote | None:
        """The quote at a tick; None for a symbol that is not listed."""
        valued = self._valued(symbol, new_york_date(instant), instant)
        return None if valued is None else self._quoted(symbol, *valued, tick, instant)

    def _valued(self, symbol: str, day: date, instant: datetime) -> tuple[float, Decimal, int] | None:
        """What a symbol listed on a date is worth at an instant, its tick, and its spread in ticks."""
        if symbol in COINS:
            return self.price(symbol, instant), COINS[symbol].tick, 3
        contract = future_contract(symbol, day) if symbol.startswith("/") else None
        if contract is not None:
            return self.price(symbol, instant), contract.product.tick, 1
        option = future_option(symbol, day)
        if option is None:
            return None
        return self.theory(option, instant).greeks.price, option.expiration.product.tick, 2

    def theory_of(self, symbol: str, instant: datetime) -> Theory | None:
        """Value and Greeks of an option on a future by its symbol; None for anything else."""
        option = future_option(symbol, new_york_date(instant)) if symbol.startswith("./") else None
        return None if option is None else self.theory(option, instant)

    def of_streamer(self, name: str, instant: datetime) -> str | None:
        """The symbol behind a streamer symbol; None when nothing of that name is listed."""
        day = new_york_date(instant)
        future = future_of_streamer(name, day) if name.startswith("/") else None
        option = future_option_of_streamer(name, day) if name.startswith("./") else None
        coin = name.partition(":")[0]
        if coin in COINS and COINS[coin].streamer == name:
            return coin
        known = future or option
        return None if known is None else known.symbol

    def theory(self, option: FutureOption, instant: datetime) -> Theory:
        """Value and Greeks of an option on a future: European, on the forward."""
        ends = option.expiration
        spot = self.price(ends.future.symbol, instant)
        years = max(0.0, (ends.expires_at - instant).total_seconds() / _YEAR)
        volatility = self.volatility(option, spot, years)
        greeks = option_greeks(
            option.right,
            spot=spot,
            strike=float(option.strike),
            years=years,
            volatility=volatility,
            rate=RATE,
            dividend_yield=RATE,
        )
        return Theory(greeks, volatility, spot, spot, RATE, years)

    def volatility(self, option: FutureOption, spot: float, years: float) -> float:
        """The implied volatility of a strike: the product's, with a smile."""
        code = _ALIKE.get(option.expiration.product.future, option.expiration.product.future)
        middle = _INDEX_VOLATILITY if code in _INDICES else 1.1 * _PATHS[code].volatility
        z = math.log(float(option.strike) / spot) / (middle * math.sqrt(max(years, 1.0 / 365.0)))
        z = max(-3.0, min(3.0, z))
        return middle * (1.0 - 0.03 * z + 0.02 * z * z)

    def _quoted(
        self, symbol: str, price: float, unit: Decimal, spread: int, tick: int, instant: datetime
    ) -> Quote:
        draws, moment = self._draws, (tick + sum(symbol.encode())) // _SIZE_TICKS
        bid = max(0, math.floor(price / float(unit) - spread / 2 + 0.5))
        return Quote(
            symbol=symbol,
            bid=bid,
            ask=bid + spread,
            bid_size=draws.whole(5, 120, symbol, "bid size", moment) if bid else 0,
            ask_size=draws.whole(5, 120, symbol, "ask size", moment),
            sequence=tick,
            changed=instant,
            unit=unit,
        )

    def _own(self, name: str, number: int, progress: float) -> float:
        path = _PATHS[name]
        before, after = self._log(name, number - 1), self._log(name, number)
        wander = _WANDER * path.volatility / math.sqrt(path.trades)
        between = before + (after - before) * progress
        return path.centre * math.exp(between + wander * self._bridge(name, number, progress))

    def _log(self, name: str, number: int) -> float:
        path = _PATHS[name]
        logs = self._logs.setdefault(name, [0.0])
        daily = path.volatility / math.sqrt(path.trades)
        while len(logs) <= number:
            logs.append(_RETURN * logs[-1] + daily * self._draws.normal(name, "own close", len(logs)))
        return logs[max(number, 0)]

    def _bridge(self, name: str, number: int, progress: float) -> float:
        total, weight = 0.0, 0.5
        for level in range(_LEVELS):
            scaled = progress * (1 << level)
            index = int(scaled)
            height = 1.0 - abs(2.0 * (scaled - index) - 1.0)
            if height > 0.0:
                total += weight * height * self._node(name, level, number, index)
            weight *= math.sqrt(0.5)
        return total

    def _node(self, name: str, level: int, number: int, index: int) -> float:
        known = self._recent.get((name, level))
        if known is not None and known[:2] == (number, index):
            return known[2]
        value = self._draws.normal(name, "own node", number, level, index)
        self._recent[name, level] = (number, index, value)
        return value


def _to_tick(price: float, tick: Decimal) -> Decimal:
    return round(Decimal(price) / tick) * tick


def trade_date(instant: datetime) -> date:
    """The date futures trade for at an instant; while they rest, the last one."""
    day = (instant.astimezone(NEW_YORK).replace(tzinfo=None) + _EVENING).date()
    while rests(day):
        day -= timedelta(days=1)
    return day


def trade_dates(symbol: str, instant: datetime) -> tuple[date, date]:
    """The trade date of a future, an option on one or a coin, and the one before."""
    if symbol in COINS:
        day = instant.astimezone(UTC).date()
        return day, day - timedelta(days=1)
    return trade_date(instant), trade_date(opening(symbol, instant) - timedelta(hours=1))


def opening(symbol: str, instant: datetime) -> datetime:
    """When a symbol's trade date began."""
    if symbol in COINS:
        return datetime.combine(instant.astimezone(UTC).date(), time(0), tzinfo=UTC)
    return new_york(trade_date(instant) - timedelta(days=1), 18)


def _trade_date(instant: datetime) -> tuple[int, float]:
    """Number of the trade date, and how far it has gone."""
    day = trade_date(instant)
    gone = (instant - new_york(day - timedelta(days=1), 18)).total_seconds()
    return _weekdays(day), min(1.0, gone / _SESSION)


def _weekdays(day: date) -> int:
    """Weekdays since the epoch, a Friday."""
    weeks, rest = divmod((day - _EPOCH).days, 7)
    return 5 * weeks + max(0, rest - 2)


def _round_the_clock(instant: datetime) -> tuple[int, float]:
    known = instant.astimezone(UTC)
    gone = (known.hour * 60 + known.minute) * 60 + known.second + known.microsecond / 1e6
    return (known.date() - _EPOCH).days, gone / 86400.0
