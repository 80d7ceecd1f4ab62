"""A small market for tests: bars, calendar, chain and quotes that agree with each other."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from math import exp, sin

from senex.domain.calendar import NEW_YORK, Calendar, Session
from senex.domain.chain import Candle, Contract, Expiration, Metrics, OptionChain, Strike
from senex.domain.quotes import Market, Quote
from senex.domain.symbols import OptionSymbol, Right
from senex.domain.unknown import Unknown

D = Decimal
DAY = date(2026, 3, 4)  # a Wednesday
NOW = datetime(2026, 3, 4, 10, 0, tzinfo=NEW_YORK).astimezone(UTC)
HALF_DAY = date(2026, 11, 27)


@cache
def calendar(first: date = date(2025, 6, 2), last: date = date(2026, 12, 31)) -> Calendar:
    """Weekdays as sessions; the Friday after Thanksgiving closes at 13:00."""
    sessions = []
    day = first
    while day <= last:
        if day.weekday() < 5:
            closes = time(13, 0) if day == HALF_DAY else time(16, 0)
            sessions.append(
                Session(
                    day,
                    datetime.combine(day, time(9, 30), NEW_YORK),
                    datetime.combine(day, closes, NEW_YORK),
                )
            )
        day += timedelta(days=1)
    return Calendar(tuple(sessions))


@cache
def bars(count: int = 140, *, last: date = date(2026, 3, 3), level: float = 500.0) -> tuple[Candle, ...]:
    """A quiet market: closes swing about ``level`` by about 1 %."""
    days = [session.day for session in calendar().sessions if session.day <= last][-count:]
    made = []
    for index, day in enumerate(days):
        phase = index - len(days)
        close = D(str(round(level * exp(0.01 * sin(phase * 0.9)), 2)))
        opened = D(str(round(level * exp(0.01 * sin((phase - 0.4) * 0.9)), 2)))
        made.append(Candle(day, opened, max(opened, close) + 1, min(opened, close) - 1, close, D(1_000_000)))
    return tuple(made)


def metrics(**changes: object) -> Metrics:
    """Dear premium: IV rank 45, IV30 20 %."""
    values: dict[str, object] = {
        "symbol": "QQQ",
        "iv_rank": D(45),
        "iv_percentile": D(60),
        "iv30": D(20),
        "hv30": D(12),
        "beta": Unknown("not given"),
        "earnings": None,
        "ex_dividend": None,
        "updated_at": NOW,
    }
    return Metrics(**{**values, **changes})  # type: ignore[arg-type]


def occ(strike: Decimal | int, right: Right, expiry: date, root: str = "QQQ") -> OptionSymbol:
    """An option symbol."""
    return OptionSymbol(root, expiry, right, D(strike))


def expiration(day: date, strikes: range | list[int], *, monthly: bool = False) -> Expiration:
    """An expiration with whole strikes."""

    def contract(strike: int, right: Right) -> Contract:
        symbol = occ(strike, right, day)
        return Contract(symbol.occ, symbol.streamer)

    listed = tuple(Strike(D(k), contract(k, Right.CALL), contract(k, Right.PUT)) for k in strikes)
    return Expiration(day, monthly, "PM", listed)


def chain(*expirations: Expiration) -> OptionChain:
    """A chain with penny spreads; by default weekly Fridays around 45 days."""
    return OptionChain("QQQ", expirations or _weeklies(), D("0.01"))


@cache
def _weeklies() -> tuple[Expiration, ...]:
    return tuple(
        expiration(date(2026, 3, 6) + timedelta(days=7 * week), range(470, 531), monthly=week in {2, 6})
        for week in range(12)
    )


def quote(symbol: str, bid: str, ask: str, at: datetime = NOW) -> Quote:
    """A two-sided quote."""
    return Quote(symbol, D(bid), D(ask), D(10), D(10), 1, at)


def option_mid(symbol: OptionSymbol, spot: float) -> float:
    """A smooth, convex, arbitrage-free enough price: intrinsic plus a bell of time value."""
    depth = spot - float(symbol.strike)
    if symbol.right is Right.PUT:
        depth = -depth
    return max(depth, 0.0) + 11.0 * exp(-abs(depth) / 22.0)


def market(
    options: OptionChain, *, spot: float = 500.3, at: datetime = NOW, half_spread: float = 0.02
) -> Market:
    """Quotes of the underlying and of every option of a chain, all received at ``at``."""
    quotes = {"QQQ": quote("QQQ", f"{spot - 0.01:.2f}", f"{spot + 0.01:.2f}", at)}
    for each in options.expirations:
        for strike in each.strikes:
            for contract in (strike.call, strike.put):
                mid = option_mid(OptionSymbol.from_occ(contract.occ), spot)
                quotes[contract.streamer] = quote(
                    contract.streamer,
                    f"{max(mid - half_spread, 0.01):.2f}",
                    f"{mid + half_spread:.2f}",
                    at,
                )
    return Market(quotes, at)
