"""One underlying's part of the market: its closes, path, volatilities and listing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from senex.simulator.market.daily import DailyPath
from senex.simulator.market.indices import Accrual, IndexDaily, IndexPath
from senex.simulator.market.listing import Listing
from senex.simulator.market.path import PricePath
from senex.simulator.market.profiles import PROFILES, Profile, Scenario
from senex.simulator.market.surface import Surface

if TYPE_CHECKING:
    from datetime import datetime

    from senex.simulator.market.draws import Draws
    from senex.simulator.market.sessions import Sessions


class Closes(Protocol):
    """Official closes by session number."""

    def close(self, session: int) -> float:
        """The close, to the cent."""

    def volatility(self, session: int) -> float:
        """Realised volatility of the 30 daily changes up to this close, annualised fraction."""


class Path(Protocol):
    """Prices inside the sessions."""

    def price(self, instant: datetime) -> float:
        """The price, not rounded."""

    def bar(self, number: int, instant: datetime) -> tuple[float, float, float, float]:
        """Open, high, low, close of a session's regular hours as far as it has gone."""


@dataclass(frozen=True, slots=True)
class UnderlyingMarket:
    """One underlying: its closes, path, surface and listing."""

    profile: Profile
    daily: Closes
    path: Path
    surface: Surface
    listing: Listing


def build(draws: Draws, sessions: Sessions, scenario: Scenario) -> dict[str, UnderlyingMarket]:
    """Every underlying of a timeline; indices after the funds they follow."""
    found: dict[str, UnderlyingMarket] = {}
    daily: dict[str, DailyPath] = {}
    paths: dict[str, PricePath] = {}
    for symbol, profile in PROFILES.items():
        if profile.tracks is not None:
            continue
        daily[symbol] = DailyPath(draws, profile, scenario)
        paths[symbol] = PricePath(draws, profile, daily[symbol], sessions, scenario)
        surface = Surface(draws, profile, daily[symbol], scenario)
        listing = Listing(profile, sessions, daily[symbol].close)
        found[symbol] = UnderlyingMarket(profile, daily[symbol], paths[symbol], surface, listing)
    for symbol, profile in PROFILES.items():
        if profile.tracks is not None:
            found[symbol] = _index(profile, daily, paths, found[profile.tracks.symbol].surface, sessions)
    return {symbol: found[symbol] for symbol in PROFILES}


def _index(
    profile: Profile,
    daily: dict[str, DailyPath],
    paths: dict[str, PricePath],
    surface: Surface,
    sessions: Sessions,
) -> UnderlyingMarket:
    assert profile.tracks is not None  # noqa: S101  the caller's choice
    fund, factor = profile.tracks.symbol, profile.tracks.factor
    accrual = Accrual(fund)

    def level(price: float, session: int) -> float:
        if profile.symbol == "VIX":
            return 100.0 * surface.month(session)
        return factor * (price - accrual.on(sessions[session].day))

    closes = IndexDaily(level, daily[fund])
    path = IndexPath(level, paths[fund], sessions, falling=profile.symbol == "VIX")
    return UnderlyingMarket(profile, closes, path, surface, Listing(profile, sessions, closes.close))
