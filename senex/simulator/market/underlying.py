"""One underlying's part of the market: its closes, prices, volatilities and listing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from senex.simulator.market.bridges import Bridge
from senex.simulator.market.daily import DailyPath
from senex.simulator.market.factors import Factors, loadings
from senex.simulator.market.indices import IndexDaily, IndexPath, fear, follower
from senex.simulator.market.listing import Listing
from senex.simulator.market.path import PricePath, Prices
from senex.simulator.market.profiles import PROFILES, Profile, Scenario
from senex.simulator.market.regimes import Regimes
from senex.simulator.market.surface import Surface

if TYPE_CHECKING:
    from senex.simulator.market.draws import Draws
    from senex.simulator.market.sessions import Place, Sessions

VOLATILITY_INDEX = "VIX"


class Closes(Protocol):
    """Official closes by session number."""

    def close(self, session: int) -> float:
        """The close, to the cent."""

    def volatility(self, session: int) -> float:
        """Realised volatility of the 30 daily changes up to this close, annualised fraction."""

    def split_ratio(self, session: int) -> float:
        """What the splits up to a session have made of one dollar."""


@dataclass(frozen=True, slots=True)
class UnderlyingMarket:
    """One underlying: its closes, path, surface and listing; an index has its fund's surface."""

    profile: Profile
    daily: Closes
    path: Prices
    surface: Surface
    listing: Listing
    fund: DailyPath
    fund_path: PricePath

    def moved(self, place: Place) -> float:
        """The logarithmic change since the close before a place's session, dividends and splits apart."""
        price, session, fund = self.fund_path.at(place), place.session, self.fund
        if place.evening:
            return math.log(price / fund.exact(session - 1))
        return math.log(price / fund.before(session)) - fund.drop(session)


def build(
    draws: Draws, sessions: Sessions, scenario: Scenario
) -> tuple[dict[str, UnderlyingMarket], Factors]:
    """Every underlying of a timeline, and the model that moves them together."""
    factors = Factors(draws, Regimes(draws, scenario))
    keys = dict.fromkeys(key for one in PROFILES.values() for key, _ in loadings(one))
    bridges = {key: Bridge(draws, key) for key in keys}
    found: dict[str, UnderlyingMarket] = {}
    for profile in PROFILES.values():
        if profile.tracks is None:
            daily = DailyPath(draws, profile, sessions, scenario, factors)
            path = PricePath(daily, bridges, profile, factors, sessions)
            surface = Surface(draws, profile, daily, scenario, factors)
            listing = Listing(profile, sessions, daily.close)
            found[profile.symbol] = UnderlyingMarket(profile, daily, path, surface, listing, daily, path)
        else:
            found[profile.symbol] = _index(
                profile, found[profile.tracks.symbol], profile.tracks.factor, sessions
            )
    return found, factors


def _index(profile: Profile, fund: UnderlyingMarket, factor: float, sessions: Sessions) -> UnderlyingMarket:
    """An index: the table lists it after its fund."""
    falling = profile.symbol == VOLATILITY_INDEX
    level = fear(fund.fund, fund.surface) if falling else follower(fund.profile.symbol, factor, sessions)
    closes = IndexDaily(level, fund.fund)
    path = IndexPath(level, fund.fund_path, sessions, falling=falling)
    listing = Listing(profile, sessions, closes.close)
    return UnderlyingMarket(profile, closes, path, fund.surface, listing, fund.fund, fund.fund_path)
