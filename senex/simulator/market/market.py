"""The market of one timeline: everything a tick determines, as pure functions of seed and tick."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from functools import lru_cache, partial
from typing import TYPE_CHECKING

from senex.domain.symbols import OptionSymbol, Right
from senex.simulator.market import corporate
from senex.simulator.market.activity import Activity
from senex.simulator.market.bars import Bar, Tape, period_of
from senex.simulator.market.contracts import times
from senex.simulator.market.derived import Derived
from senex.simulator.market.draws import Draws
from senex.simulator.market.indices import IndexPath
from senex.simulator.market.listing import Contract, adjusted, contract, contract_of_streamer
from senex.simulator.market.options import OptionMarket, OptionPrices
from senex.simulator.market.quotes import Quote, Theory, equity_quote
from senex.simulator.market.roots import AM, ROOTS
from senex.simulator.market.sessions import TICK, Sessions, new_york_date
from senex.simulator.market.underlying import build

if TYPE_CHECKING:
    from datetime import date, datetime

    from senex.simulator.market.corporate import Dividend, Earnings
    from senex.simulator.market.kinds import Split
    from senex.simulator.market.listing import Expiration
    from senex.simulator.market.profiles import Scenario
    from senex.simulator.market.sessions import Place

_LATER = timedelta(minutes=15)
_TICKS_PER_SECOND = timedelta(seconds=1) // TICK
_OPTION_SESSIONS = 40
"""How far back bars of options go."""
_INDEX_WIDE = 0.00015
_NIGHT_WIDE = 4.0
_USUAL_PRICE = 100.0


class Market:
    """Quotes, chains and statistics at any tick of a timeline that starts at ``start``."""

    def __init__(self, *, seed: int, scenario: Scenario, start: datetime) -> None:
        self.start = start
        self.draws = Draws(seed)
        self.sessions = Sessions(start)
        self.underlyings, self.factors = build(self.draws, self.sessions, scenario)
        self._options = {
            symbol: OptionMarket(one, draws=self.draws, sessions=self.sessions, start=start)
            for symbol, one in self.underlyings.items()
        }
        self._activity = Activity(self.draws, self.sessions)
        self.place = lru_cache(maxsize=64)(self._place)
        self._live = lru_cache(maxsize=64)(self._live_until)
        self._volumes = lru_cache(maxsize=64)(self._option_volumes)
        self.derived = Derived(
            self.draws, lambda symbol, instant: self.extended_spot(symbol, self.tick(instant))
        )

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
        return self._options[symbol].moment(tick).spot

    def extended_spot(self, symbol: str, tick: int) -> float:
        """The same; an index goes on moving with its fund before and after regular hours."""
        underlying, place = self.underlyings[symbol], self.place(tick)
        if not isinstance(underlying.path, IndexPath):
            return self.spot(symbol, tick)
        return round(underlying.path.with_fund(place), 2)

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
            return self._equity_quote(symbol, tick)
        known = contract(symbol)
        if known is None:
            return self.derived.quote(symbol, tick, self.instant(tick))
        live = self.live_tick(known, tick)
        return self._options[known.root.underlying].quote(known, live, self.instant(live))

    def _equity_quote(self, symbol: str, tick: int) -> Quote:
        moment, place = self._options[symbol].moment(tick), self.place(tick)
        wide = moment.wide * max(1.0, moment.spot / (4 * _USUAL_PRICE))
        if self.underlyings[symbol].profile.is_index:
            wide = max(1.0, 100.0 * moment.spot * _INDEX_WIDE)
        elif not place.regular:
            wide *= _NIGHT_WIDE
        return equity_quote(self.draws, symbol, moment.spot, tick, self.instant(tick), wide=wide)

    def live_tick(self, known: Contract, tick: int) -> int:
        """The tick itself while the contract trades, else the last at which it did: options stand still."""
        first, last = self._live(tick // _TICKS_PER_SECOND, known.root.late, known.stops_trading_at)
        return tick if first <= tick <= last else last if tick > last else first

    def _live_until(self, second: int, late: bool, stops: datetime) -> tuple[int, int]:  # noqa: FBT001  a key
        """The ticks around a second at which a contract's quote moves.

        While it trades they are the session's; at night only the last tick of the session before.
        """
        place = self.sessions.place(second)
        session = self.sessions[place.started]
        last = min(session.closes + _LATER if late else session.closes, stops)
        return self.tick(min(session.opens, last)), self.tick(last)

    def trades(self, symbol: str, tick: int) -> bool:
        """Whether a stock, fund or option is in its regular trading hours."""
        instant = self.instant(tick)
        if symbol in self.underlyings:
            return self.sessions.current(instant) is not None
        known = contract(symbol)
        if known is None:
            return False
        session = self.sessions[self.sessions.last_started(instant)]
        closes = session.closes + _LATER if known.root.late else session.closes
        return session.opens <= instant < min(closes, known.stops_trading_at)

    def option_theory(self, occ: str, tick: int) -> Theory | None:
        """An option's theoretical value behind its quote of a tick; None for other symbols."""
        known = contract(occ)
        if known is None:
            return self.derived.theory_of(occ, self.instant(tick))
        return self.theory(known, self.live_tick(known, tick))

    def theory(self, known: Contract, tick: int) -> Theory:
        """Value, volatility and Greeks of a contract at a tick."""
        return self._options[known.root.underlying].theory(known, tick)

    def implied(self, symbol: str, expires_at: datetime, tick: int) -> float:
        """At-the-money volatility of an underlying's expiration, earnings included (annualised fraction)."""
        return self._options[symbol].volatility(expires_at, tick)

    def volatility_of(self, expiration: Expiration, tick: int) -> float:
        """The same of a listed expiration."""
        root = ROOTS[expiration.root]
        return self.implied(root.underlying, times(root, expiration.day)[0], tick)

    def month(self, symbol: str, tick: int) -> float:
        """At-the-money volatility of a 30-day option at a tick, as it moves with the price."""
        return self._options[symbol].moment(tick).level

    def bars(
        self, symbol: str, period: str, since: datetime, tick: int, *, extended: bool = False
    ) -> list[Bar] | None:
        """Bars from the one that holds ``since`` to the tick's unfinished one, oldest first.

        ``period`` is a count with s, m, h (to 4h), d, w or mo. None for a
        period or symbol that there is not. Options have regular hours only
        and go back 40 sessions.
        """
        parsed, until, known = period_of(period), self.instant(tick), contract(symbol)
        if parsed is None:
            return None
        if symbol in self.underlyings:
            underlying = self.underlyings[symbol]
            volume = partial(self._activity.shares, underlying)
            tape = Tape(underlying.path, self.sessions, volume, underlying.daily.split_ratio)
            return tape.bars(parsed, since, until, extended=extended and not underlying.profile.is_index)
        if known is None:
            return None
        underlying = self.underlyings[known.underlying]
        first = self.sessions[self.sessions.last_started(until) - _OPTION_SESSIONS].opens
        prices = OptionPrices(self._options[known.underlying], known, self.sessions)
        volume = partial(self._activity.contracts, known, underlying)
        tape = Tape(prices, self.sessions, volume, lambda _: 1.0)
        return tape.bars(parsed, max(since, first), min(until, known.stops_trading_at), extended=False)

    def volume(self, symbol: str, tick: int) -> int:
        """Shares or contracts traded so far on the tick's day; 0 for an unknown symbol."""
        if symbol in self.underlyings:
            return self._activity.shares(self.underlyings[symbol], self.place(tick))
        known = contract(symbol)
        if known is None:
            return 0
        return self._activity.contracts(known, self.underlyings[known.underlying], self.place(tick))

    def open_interest(self, occ: str, tick: int) -> int:
        """Contracts open at the start of the tick's day; 0 for other symbols."""
        known, place = contract(occ), self.place(tick)
        if known is None:
            return 0
        return self._activity.interest(
            known, self.underlyings[known.underlying], place.session - place.evening
        )

    def option_volumes(self, underlying: str, tick: int) -> tuple[int, int]:
        """Calls and puts of an underlying traded so far on the tick's day, as of the last full minute."""
        return self._volumes(underlying, tick // (60 * _TICKS_PER_SECOND))

    def _option_volumes(self, underlying: str, minute: int) -> tuple[int, int]:
        tick, found = minute * 60 * _TICKS_PER_SECOND, {"C": 0, "P": 0}
        for one in self.chain(underlying, tick):
            for strike in one.strikes:
                for right in (Right.CALL, Right.PUT):
                    found[right] += self.volume(OptionSymbol(one.root, one.day, right, strike).occ, tick)
        return found["C"], found["P"]

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
        if kind == AM:
            return Decimal(str(round(underlying.path.opening(number), 2)))
        return Decimal(str(underlying.daily.close(number)))

    def _place(self, tick: int) -> Place:
        return self.sessions.place(tick / _TICKS_PER_SECOND)
