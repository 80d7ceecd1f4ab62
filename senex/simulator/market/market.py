"""The market of one timeline: everything a tick determines, as pure functions of seed and tick."""

from __future__ import annotations

import math
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING

from senex.domain.pricing import option_greeks
from senex.domain.symbols import Right
from senex.simulator.market import corporate
from senex.simulator.market.daily import HISTORY
from senex.simulator.market.derived import Derived
from senex.simulator.market.draws import Draws
from senex.simulator.market.listing import Contract, adjusted, contract, contract_of_streamer
from senex.simulator.market.quotes import Quote, Theory, equity_quote, option_quote
from senex.simulator.market.roots import AM, ROOTS
from senex.simulator.market.sessions import TICK, Sessions, new_york_date
from senex.simulator.market.surface import RATE
from senex.simulator.market.underlying import UnderlyingMarket, build

if TYPE_CHECKING:
    from datetime import date, datetime

    from senex.simulator.market.corporate import Dividend, Earnings
    from senex.simulator.market.kinds import Split
    from senex.simulator.market.listing import Expiration
    from senex.simulator.market.profiles import Scenario

_SECONDS_PER_YEAR = 365.0 * 86400.0


class Market:
    """Quotes, chains and statistics at any tick of a timeline that starts at ``start``."""

    def __init__(self, *, seed: int, scenario: Scenario, start: datetime) -> None:
        self.start = start
        self.draws = Draws(seed)
        self.sessions = Sessions(start)
        self.underlyings: dict[str, UnderlyingMarket] = build(self.draws, self.sessions, scenario)
        self._spot = lru_cache(maxsize=64)(self._price_at)
        self.derived = Derived(self.draws, lambda symbol, instant: self.spot(symbol, self.tick(instant)))

    def instant(self, tick: int) -> datetime:
        """The instant of a tick."""
        return self.start + tick * TICK

    def tick(self, instant: datetime) -> int:
        """The last tick not after an instant."""
        return (instant - self.start) // TICK

    def day(self, tick: int) -> date:
        """The New York date of a tick."""
        return new_york_date(self.instant(tick))

    def spot(self, symbol: str, tick: int) -> float:
        """An underlying's price in dollars, to the cent."""
        return self._spot(symbol, tick)

    def close(self, symbol: str, number: int) -> float:
        """An underlying's official close of a session, in dollars to the cent."""
        return self.underlyings[symbol].daily.close(number)

    def day_bar(self, symbol: str, number: int, tick: int) -> tuple[float, float, float, float]:
        """Open, high, low, close of a session's regular hours as far as they have gone."""
        return self.underlyings[symbol].path.bar(number, self.instant(tick))

    def year_range(self, symbol: str, tick: int) -> tuple[float, float]:
        """The lowest and highest price of the last 252 sessions: their closes, and this session so far."""
        number = self.sessions.last_started(self.instant(tick))
        closes = [self.close(symbol, number - back) for back in range(1, 252)]
        _, high, low, _ = self.day_bar(symbol, number, tick)
        return min(low, *closes), max(high, *closes)

    def chain(self, symbol: str, tick: int) -> tuple[Expiration, ...]:
        """The expirations and strikes listed on the tick's date, of all roots of an underlying."""
        session = self.sessions.last_started(self.instant(tick))
        return self.underlyings[symbol].listing.on(self.day(tick), session)

    def listed(self, occ: str, tick: int) -> Contract | None:
        """The contract, if it is listed on the tick's date."""
        known = contract(occ)
        if known is None:
            return None
        session = self.sessions.last_started(self.instant(tick))
        listing = self.underlyings[known.underlying].listing
        return known if listing.lists(known, self.day(tick), session) else None

    def underlying_of(self, symbol: str) -> str | None:
        """The underlying of a symbol: itself, or a contract's; None for an unknown one."""
        if symbol in self.underlyings:
            return symbol
        known = contract(symbol)
        return None if known is None else known.underlying

    def of_streamer(self, name: str, tick: int) -> str | None:
        """The symbol behind a streamer symbol; None when nothing of that name is or was listed."""
        if name in self.underlyings:
            return name
        known = contract_of_streamer(name)
        return self.derived.of_streamer(name, self.instant(tick)) if known is None else known.occ

    def quote(self, symbol: str, tick: int) -> Quote | None:
        """The quote of an underlying or an option contract at a tick; None for unknown symbols."""
        if symbol in self.underlyings:
            return equity_quote(self.draws, symbol, self.spot(symbol, tick), tick, self.instant(tick))
        known = contract(symbol)
        if known is None:
            return self.derived.quote(symbol, tick, self.instant(tick))
        penny = self.underlyings[known.underlying].profile.penny_options
        live = self.live_tick(known, tick)
        theory = self.theory(known, live)
        return option_quote(self.draws, symbol, theory, live, self.instant(live), penny=penny)

    def live_tick(self, known: Contract, tick: int) -> int:
        """The tick itself while the contract trades, else the last at which it did: options stand still."""
        del known
        instant = self.instant(tick)
        closes = self.sessions[self.sessions.last_started(instant)].closes
        return tick if instant < closes else self.tick(closes)

    def trades(self, symbol: str, tick: int) -> bool:
        """Whether a stock, fund or option is in its regular trading hours."""
        instant = self.instant(tick)
        if symbol in self.underlyings:
            return self.sessions.current(instant) is not None
        known = contract(symbol)
        return known is not None and self.live_tick(known, tick) == tick and instant < known.stops_trading_at

    def option_theory(self, occ: str, tick: int) -> Theory | None:
        """An option's theoretical value behind its quote of a tick; None for other symbols."""
        known = contract(occ)
        if known is None:
            return self.derived.theory_of(occ, self.instant(tick))
        return self.theory(known, self.live_tick(known, tick))

    def theory(self, known: Contract, tick: int) -> Theory:
        """Value, volatility and Greeks of a contract at a tick."""
        option = known.option
        underlying = self.underlyings[known.underlying]
        instant = self.instant(tick)
        spot, strike = self.spot(known.underlying, tick), float(option.strike)
        years = (known.expires_at - instant).total_seconds() / _SECONDS_PER_YEAR
        carry = underlying.profile.dividend_yield
        session = self.sessions.last_started(instant)
        volatility = underlying.surface.volatility(
            session, forward=spot * math.exp((RATE - carry) * max(years, 0.0)), strike=strike, years=years
        )
        greeks = option_greeks(
            Right.CALL if known.is_call else Right.PUT,
            spot=spot,
            strike=strike,
            years=years,
            volatility=volatility,
            rate=RATE,
            dividend_yield=carry,
        )
        return Theory(greeks, volatility, spot)

    def daily_bars(
        self, symbol: str, since: date, tick: int
    ) -> list[tuple[date, float, float, float, float]]:
        """Daily bars (date, open, high, low, close) up to the tick, oldest first."""
        path = self.underlyings[symbol].path
        instant = self.instant(tick)
        numbers = range(1 - HISTORY, self.sessions.last_started(instant) + 1)
        return [
            (self.sessions[number].day, *path.bar(number, instant))
            for number in numbers
            if self.sessions[number].day >= since
        ]

    def volume(self, symbol: str, tick: int) -> int:
        """Shares or contracts traded so far in the tick's session."""
        del tick
        return 0 if symbol not in self.underlyings else self.underlyings[symbol].profile.turnover

    def open_interest(self, occ: str, tick: int) -> int:
        """Contracts open at the start of the tick's day."""
        del tick
        return self.draws.whole(50, 20_000, occ, "open interest")

    def dividends(self, symbol: str) -> tuple[Dividend, ...]:
        """All dividends of an underlying, past and to come."""
        return corporate.dividends(symbol)

    def earnings(self, symbol: str) -> tuple[Earnings, ...]:
        """All earnings reports of an underlying, past and to come."""
        return corporate.earnings(symbol)

    def splits(self, symbol: str) -> tuple[Split, ...]:
        """The splits of an underlying that fall into this timeline."""
        first = self.sessions[0].day
        return tuple(split for split in corporate.splits(symbol) if split.day > first)

    def adjusted(self, occ: str, split: Split) -> tuple[str, int]:
        """A contract's symbol after a split, and how many replace one."""
        return adjusted(occ, split)

    def settlement(self, root: str, day: date, kind: str = "PM") -> Decimal:
        """The official value in dollars that options of a root settle at: that day's opening or close."""
        underlying = self.underlyings[ROOTS[root].underlying]
        number = self.sessions.number_of(day)
        session = self.sessions[number]
        if kind == AM:
            return Decimal(str(underlying.path.bar(number, session.opens)[0]))
        return Decimal(str(underlying.daily.close(number)))

    def _price_at(self, symbol: str, tick: int) -> float:
        return round(self.underlyings[symbol].path.price(self.instant(tick)), 2)
