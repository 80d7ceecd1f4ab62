"""DXLink events: how the current row of a symbol is made from the board."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from senex.domain.symbols import OptionSymbol, Right
from senex.simulator.columns import NAN, index_of, milliseconds
from senex.simulator.market.derived import trade_dates
from senex.simulator.market.listing import contract
from senex.simulator.market.profiles import PROFILES
from senex.simulator.market.surface import RATE
from senex.simulator.prints import last_print
from senex.simulator.rendering import previous_close

if TYPE_CHECKING:
    from collections.abc import Callable

    from senex.simulator.columns import Row
    from senex.simulator.exchange import Exchange
    from senex.simulator.faults.quotes import Shown
    from senex.simulator.market.listing import Expiration

_EPOCH = date(1970, 1, 1)
_LATEST = datetime.max.replace(tzinfo=UTC)


def quote_row(name: str, quote: Shown) -> tuple[int, Row]:
    """The quote and its sequence, as faults let it be seen."""
    at = milliseconds(quote.changed)
    return quote.sequence, (
        name, 0, quote.sequence, 0, at, "Q", at, "Q", quote.bid, quote.ask, quote.bid_size, quote.ask_size,
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
    return tick, (name, 0, 0, index_of(at), at, 0, *(round(number, 8) for number in numbers))


def theo_price_row(exchange: Exchange, name: str, symbol: str) -> tuple[int, Row] | None:
    """An option's theoretical price and what it was made of; nothing for an underlying."""
    theory = exchange.board.theory(symbol)
    if theory is None:
        return None
    market, tick = exchange.market, exchange.board.tick
    at = milliseconds(market.instant(tick))
    values = theory.greeks
    numbers = (
        values.price, theory.underlying, values.delta, values.gamma,
        theory.carry, RATE,
    )  # fmt: skip
    return tick, (name, 0, 0, index_of(at), at, 0, *(round(number, 8) for number in numbers))


def trade_row(exchange: Exchange, name: str, symbol: str) -> tuple[int, Row] | None:
    """The last print of the day; nothing before the first."""
    known = last_print(exchange, symbol)
    if known is None:
        return None
    day = (exchange.market.day(known.tick) - _EPOCH).days
    return known.tick, (
        name, 0, milliseconds(known.at), 0, known.tick, "Q", day, known.direction, False,
        known.price, NAN, known.size, known.volume, NAN,
    )  # fmt: skip


def summary_row(exchange: Exchange, name: str, symbol: str) -> tuple[int, Row] | None:
    """The day so far and the close before."""
    market, tick = exchange.market, exchange.board.tick
    number = market.sessions.last_started(market.instant(tick))
    today, before = market.sessions[number].day, market.sessions[number - 1].day
    interest = market.open_interest(symbol, tick)
    close = float(previous_close(exchange, symbol))
    prices: tuple[float | str, ...] = (NAN, NAN, NAN)
    if symbol in PROFILES:
        prices = market.day_bar(symbol, number, tick)[:3]
    elif contract(symbol) is None:
        prices = market.derived.day(symbol, market.instant(tick))[:3]
        today, before = trade_dates(symbol, market.instant(tick))
    days = ((today - _EPOCH).days, (before - _EPOCH).days)
    return tick, (name, 0, days[0], "REGULAR", days[1], "FINAL", interest, *prices, NAN, close, NAN)


def profile_row(exchange: Exchange, name: str, symbol: str) -> tuple[int, Row] | None:
    """What is fixed about an underlying; nothing for options."""
    profile = PROFILES.get(symbol)
    if profile is None:
        return None
    past = [day for day in profile.ex_dates if day <= exchange.day()]
    ex_day = (past[-1] - _EPOCH).days if past else 0
    tick = exchange.board.tick
    low, high = exchange.market.year_range(symbol, tick)
    return tick, (
        name, 0, profile.description, "INACTIVE", "ACTIVE", 0, 0, ex_day, NAN, high, low,
        float(profile.beta), NAN, NAN, NAN, NAN, float(profile.dividend), 4, NAN,
    )  # fmt: skip


def underlying_row(exchange: Exchange, name: str, symbol: str) -> tuple[int, Row] | None:
    """Volatilities (30 days, next and second expiration) and the day's option volumes of an underlying."""
    market, tick = exchange.market, exchange.board.tick
    if symbol not in PROFILES or not market.chain(symbol, tick):
        return None
    instant = market.instant(tick)
    coming = sorted({at for at in map(_ends, market.chain(symbol, tick)) if at > instant})
    front, back = (market.implied(symbol, at, tick) for at in coming[:2])
    calls, puts = market.option_volumes(symbol, tick)
    at = milliseconds(instant)
    return tick, (
        name, 0, 0, index_of(at), at, 0,
        round(market.month(symbol, tick), 6), round(front, 6), round(back, 6),
        calls, puts, calls + puts, round(puts / calls, 4) if calls else 0,
    )  # fmt: skip


def _ends(expiration: Expiration) -> datetime:
    """When an expiration's options expire."""
    option = OptionSymbol(expiration.root, expiration.day, Right.CALL, expiration.strikes[0])
    known = contract(option.occ)
    return _LATEST if known is None else known.expires_at


ROWS: dict[str, Callable[[Exchange, str, str], tuple[int, Row] | None]] = {
    "Greeks": greeks_row,
    "TheoPrice": theo_price_row,
    "Trade": trade_row,
    "Summary": summary_row,
    "Profile": profile_row,
    "Underlying": underlying_row,
}
"""How the one current row of a symbol is made, with its sequence."""
