"""An underlying's options at a tick: forwards, smiles and spreads, each made once per tick."""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from senex.domain.pricing import Greeks
from senex.domain.symbols import Right
from senex.simulator.market import corporate
from senex.simulator.market.kinds import SESSIONS_PER_YEAR
from senex.simulator.market.path import Prices
from senex.simulator.market.quotes import option_quote
from senex.simulator.market.roots import AMERICAN
from senex.simulator.market.sessions import TICK, Place, closing, new_york, new_york_date
from senex.simulator.market.sums import total
from senex.simulator.market.surface import RATE
from senex.simulator.market.valuation import SECONDS_PER_YEAR, Holder, Smile, smile

if TYPE_CHECKING:
    from datetime import date, datetime

    from senex.simulator.market.contracts import Contract
    from senex.simulator.market.draws import Draws
    from senex.simulator.market.listing import Listing
    from senex.simulator.market.quotes import Quote, Theory
    from senex.simulator.market.roots import Root
    from senex.simulator.market.sessions import Sessions
    from senex.simulator.market.underlying import UnderlyingMarket

SECONDS_PER_TICK = TICK.total_seconds()
_REPORT_HOURS = {"AMC": (16, 5), "BMO": (7, 0)}
_EX_HOUR = 4
_OPENING, _CLOSING, _LATE = (2.0, 0.01), (0.6, 0.02), 1.8
"""How much wider quotes are at the ends of a session, and how soon that is over; and after the close."""
_FAR_WIDER = ((1.0, 4.0), (0.25, 1.5))
_STRESS = 1.5
_SIZE_TICKS = 8
_LEAST_STRIKE = 0.25
"""The lowest strike that matters for early exercise, as a share of the price."""
_MINUTE, _EXACT = 60.0, 1e-6
_CACHED = 256


class Moment(NamedTuple):
    """What a tick says about an underlying."""

    seconds: float
    place: Place
    spot: float
    level: float
    traded: float
    wide: float


class OptionPrices(Prices):
    """A contract's theoretical value in regular hours; its extremes are those of whole minutes."""

    def __init__(self, market: OptionMarket, known: Contract, sessions: Sessions) -> None:
        super().__init__(sessions)
        self._market = market
        self._known = known

    def at(self, place: Place) -> float:
        """The value at the last tick not after a place."""
        if not place.regular:
            place = Place(place.session - 1, regular=True, share=1.0)
        return self._value(place.session, place.share)

    def opening(self, session: int) -> float:
        """The first value of regular hours."""
        return self._value(session, 0.0)

    def range(self, session: int, since: float, until: float) -> tuple[float, float]:
        """The lowest and highest value at the minutes of a stretch."""
        opens, closes = self._sessions.hours(session)
        minutes = round((closes - opens) / _MINUTE)
        numbers = range(math.ceil(since * minutes - _EXACT), math.floor(until * minutes + _EXACT) + 1)
        values = [self._value(session, number / minutes) for number in numbers]
        return min(values, default=math.inf), max(values, default=0.0)

    def night_range(self, since: Place, until: float) -> tuple[float, float]:
        """Options stand still at night."""
        del until
        value = self.at(since)
        return value, value

    def _value(self, session: int, share: float) -> float:
        opens, closes = self._sessions.hours(session)
        tick = math.floor((opens + share * (closes - opens)) / SECONDS_PER_TICK + _EXACT)
        return self._market.value(self._known, tick)


class OptionMarket:
    """Prices of one underlying's options."""

    def __init__(
        self, underlying: UnderlyingMarket, *, draws: Draws, sessions: Sessions, start: datetime
    ) -> None:
        self._underlying = underlying
        self._profile = underlying.profile
        self._surface = underlying.surface
        self._draws = draws
        self._sessions = sessions
        self._start = start
        self._carry = underlying.profile.dividend_yield if underlying.profile.is_index else 0.0
        self.moment = lru_cache(maxsize=16)(self._moment)
        self._smile = lru_cache(maxsize=_CACHED)(self._make_smile)
        self._holder = lru_cache(maxsize=_CACHED)(self._make_holder)
        self._sizes = lru_cache(maxsize=4 * _CACHED)(self._make_sizes)
        self._traded = lru_cache(maxsize=1024)(sessions.traded)
        self._reports = sorted(
            self._seconds(new_york(report.day, *_REPORT_HOURS[report.time]))
            for report in corporate.earnings(self._profile.symbol)
        )
        paid = () if self._profile.is_index else corporate.dividends(self._profile.symbol)
        self._dividends = [
            (self._seconds(new_york(one.ex_date, _EX_HOUR)), float(one.amount)) for one in paid
        ]

    def quote(self, known: Contract, tick: int, instant: datetime) -> Quote:
        """A contract's quote."""
        holder = self._holder(known.expires_at, known.root, known.option.right, tick)
        value, delta = holder.worth(known.strike, 1.0 if known.is_call else -1.0, american=known.american)
        wide = self.moment(tick).wide
        if holder.smiles:
            years = holder.smiles[0].years
            wide *= next((wider for least, wider in _FAR_WIDER if years > least), 1.0)
        return option_quote(
            known,
            value if known.root.standard else value * known.ratio,
            delta,
            ticks=self._profile.ticks,
            wide=wide,
            sizes=self._sizes(known.occ, (tick + known.phase) // _SIZE_TICKS),
            tick=tick,
            instant=instant,
        )

    def value(self, known: Contract, tick: int) -> float:
        """A contract's value in dollars of premium."""
        sign = 1.0 if known.is_call else -1.0
        value, _ = self.holder(known, tick).worth(known.strike, sign, american=known.american)
        return value * known.ratio

    def theory(self, known: Contract, tick: int) -> Theory:
        """A contract's value, volatility and Greeks."""
        found = self.holder(known, tick).theory(known)
        if known.root.standard:
            return found
        greeks = Greeks(*(getattr(found.greeks, one) * known.ratio for one in Greeks.__slots__))
        return replace(found, greeks=greeks)

    def holder(self, known: Contract, tick: int) -> Holder:
        """What owners of all strikes of an expiration can do."""
        return self._holder(known.expires_at, known.root, known.option.right, tick)

    def volatility(self, expires_at: datetime, tick: int) -> float:
        """At-the-money volatility of an expiration; of a minute before it once it has passed."""
        return self._smile(self._seconds(expires_at), tick).at_the_money

    def _make_holder(self, expires_at: datetime, root: Root, right: Right, tick: int) -> Holder:
        moment, ends = self.moment(tick), self._seconds(expires_at)
        if ends <= moment.seconds:
            return Holder(moment.spot, ())
        times = [ends]
        american = root.style == AMERICAN
        if american and right is Right.CALL:
            times += self._before_dividends(moment, ends)
        elif american:
            times += [one for one in self._expirations(tick, root.symbol) if moment.seconds < one < ends]
        return Holder(moment.spot, tuple(self._smile(one, tick) for one in times))

    def _make_sizes(self, occ: str, moment: int) -> tuple[int, int]:
        bids, asks = self._draws.uniforms(2, occ, "size", moment)
        return int(5 + 116 * bids), int(5 + 116 * asks)

    def _make_smile(self, ends: float, tick: int) -> Smile:
        moment = self.moment(tick)
        ends = max(ends, moment.seconds + 60.0)
        years = (ends - moment.seconds) / SECONDS_PER_YEAR
        reports = bisect_right(self._reports, ends) - bisect_right(self._reports, moment.seconds)
        left = max(1e-9, self._traded(ends) - moment.traded) / SESSIONS_PER_YEAR
        paid = total(
            amount * math.exp(-RATE * (when - moment.seconds) / SECONDS_PER_YEAR)
            for when, amount in self._dividends
            if moment.seconds < when < ends
        )
        shape = self._surface.shape
        return smile(
            moment.spot - paid,
            carry=self._carry,
            years=years,
            theta=self._surface.theta(moment.level, left, reports),
            skew=shape.skew,
            wings=shape.wings,
        )

    def _before_dividends(self, moment: Moment, ends: float) -> list[float]:
        """Ex-dates at which owning the shares may be worth more than the interest on the strike."""
        found, paid = [], 0.0
        for when, amount in reversed(self._dividends):
            if moment.seconds < when < ends:
                paid += amount
                interest = 1.0 - math.exp(-RATE * (ends - when) / SECONDS_PER_YEAR)
                if paid > _LEAST_STRIKE * moment.spot * interest:
                    found.append(when)
        return found

    def _expirations(self, tick: int, root: str) -> list[float]:
        instant = self._start + tick * TICK
        session = self._sessions.last_started(instant)
        listing: Listing = self._underlying.listing
        day: date = new_york_date(instant)
        listed = (one for one in listing.on(day, session) if one.root == root and one.monthly)
        return [self._seconds(closing(one.day)) for one in listed]

    def _moment(self, tick: int) -> Moment:
        seconds = tick * SECONDS_PER_TICK
        place = self._sessions.place(seconds)
        spot = round(self._underlying.path.at(place), 2)
        level = self._surface.live(place.session, self._underlying.moved(place), opened=place.regular)
        return Moment(seconds, place, spot, level, self._traded(seconds), self._wide(place, level))

    def _wide(self, place: Place, level: float) -> float:
        """How much wider than usual quotes are: at both ends of the session, and under stress."""
        usual = self._surface.usual(place.started)
        stress = max(1.0, math.pow(level / usual, _STRESS))
        if not place.regular:
            return _LATE * stress
        opening = _OPENING[0] * math.exp(-place.share / _OPENING[1])
        closing = _CLOSING[0] * math.exp((place.share - 1.0) / _CLOSING[1])
        return (1.0 + opening + closing) * stress

    def _seconds(self, instant: datetime) -> float:
        return (instant - self._start).total_seconds()
