"""The market of one timeline: everything a tick determines, as pure functions of seed and tick."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

from senex.domain.pricing import option_greeks
from senex.domain.symbols import Right
from senex.simulator.market.daily import HISTORY, DailyPath
from senex.simulator.market.draws import Draws
from senex.simulator.market.listing import Contract, Listing, contract
from senex.simulator.market.path import PricePath
from senex.simulator.market.profiles import PROFILES, Profile, Scenario
from senex.simulator.market.quotes import Quote, Theory, equity_quote, option_quote
from senex.simulator.market.sessions import TICK, Sessions, new_york_date
from senex.simulator.market.surface import RATE, Surface

if TYPE_CHECKING:
    from datetime import date, datetime

    from senex.simulator.market.listing import Expiration

_SECONDS_PER_YEAR = 365.0 * 86400.0


class UnderlyingMarket:
    """One underlying: its path, surface and listing."""

    def __init__(self, draws: Draws, profile: Profile, sessions: Sessions, scenario: Scenario) -> None:
        self.profile = profile
        self.daily = DailyPath(draws, profile, scenario)
        self.path = PricePath(draws, profile, self.daily, sessions, scenario)
        self.surface = Surface(draws, profile, self.daily, scenario)
        self.listing = Listing(profile, sessions, self.daily.close)


class Market:
    """Quotes, chains and statistics at any tick of a timeline that starts at ``start``."""

    def __init__(self, *, seed: int, scenario: Scenario, start: datetime) -> None:
        self.start = start
        self.draws = Draws(seed)
        self.sessions = Sessions(start)
        self.underlyings = {
            symbol: UnderlyingMarket(self.draws, profile, self.sessions, scenario)
            for symbol, profile in PROFILES.items()
        }
        self._spot = lru_cache(maxsize=64)(self._price_at)

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

    def chain(self, symbol: str, tick: int) -> tuple[Expiration, ...]:
        """The expirations and strikes listed on the tick's date."""
        session = self.sessions.last_started(self.instant(tick))
        return self.underlyings[symbol].listing.on(self.day(tick), session)

    def listed(self, occ: str, tick: int) -> Contract | None:
        """The contract, if it is listed on the tick's date."""
        known = contract(occ)
        if known is None:
            return None
        session = self.sessions.last_started(self.instant(tick))
        listing = self.underlyings[known.option.root].listing
        return known if listing.lists(known, self.day(tick), session) else None

    def quote(self, symbol: str, tick: int) -> Quote | None:
        """The quote of an underlying or an option contract at a tick; None for unknown symbols."""
        if symbol in self.underlyings:
            return equity_quote(self.draws, symbol, self.spot(symbol, tick), tick, self.instant(tick))
        known = contract(symbol)
        if known is None:
            return None
        penny = self.underlyings[known.option.root].profile.penny_options
        live = self.trading_tick(tick)
        theory = self.theory(known, live)
        return option_quote(self.draws, symbol, theory, live, self.instant(live), penny=penny)

    def trading_tick(self, tick: int) -> int:
        """The tick itself in regular hours, else the last tick of the last session: options stand still."""
        instant = self.instant(tick)
        closes = self.sessions[self.sessions.last_started(instant)].closes
        return tick if instant < closes else self.tick(closes)

    def theory(self, known: Contract, tick: int) -> Theory:
        """Value, volatility and Greeks of a contract at a tick."""
        option = known.option
        underlying = self.underlyings[option.root]
        instant = self.instant(tick)
        spot, strike = self.spot(option.root, tick), float(option.strike)
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

    def bars(self, symbol: str, since: date, tick: int) -> list[tuple[date, float, float, float, float]]:
        """Daily bars (date, open, high, low, close) up to the tick, oldest first."""
        path = self.underlyings[symbol].path
        instant = self.instant(tick)
        numbers = range(1 - HISTORY, self.sessions.last_started(instant) + 1)
        return [
            (self.sessions[number].day, *path.bar(number, instant))
            for number in numbers
            if self.sessions[number].day >= since
        ]

    def _price_at(self, symbol: str, tick: int) -> float:
        return round(self.underlyings[symbol].path.price(self.instant(tick)), 2)
