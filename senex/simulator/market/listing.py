"""Which contracts are listed: weekly and monthly expirations, strikes around the price."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING

from senex.domain.errors import UsageProblem
from senex.domain.symbols import OptionSymbol, Right
from senex.simulator.market.profiles import PROFILES
from senex.simulator.market.sessions import new_york

if TYPE_CHECKING:
    from collections.abc import Callable

    from senex.simulator.market.profiles import Profile
    from senex.simulator.market.sessions import Sessions

_HORIZON = timedelta(days=70)
_FRIDAY = 4
_NEAR = Decimal("0.13")
_FAR = Decimal("0.30")
_FAR_STEP = 5


@dataclass(frozen=True, slots=True)
class Contract:
    """One listed option with its notations and times."""

    option: OptionSymbol
    occ: str
    streamer: str
    expires_at: datetime
    stops_trading_at: datetime

    @property
    def is_call(self) -> bool:
        """Whether it is a call."""
        return self.option.right is Right.CALL


@lru_cache(maxsize=65536)
def contract(occ: str) -> Contract | None:
    """Parse an OCC symbol of an underlying the simulator knows, listed or not."""
    try:
        option = OptionSymbol.from_occ(occ)
    except UsageProblem:
        return None
    if option.root not in PROFILES:
        return None
    return Contract(
        option=option,
        occ=option.occ,
        streamer=option.streamer,
        expires_at=new_york(option.expiry, 16),
        stops_trading_at=new_york(option.expiry, 16, 15),
    )


@lru_cache(maxsize=65536)
def contract_of_streamer(streamer: str) -> Contract | None:
    """Parse a streamer symbol."""
    try:
        return contract(OptionSymbol.from_streamer(streamer).occ)
    except UsageProblem:
        return None


@dataclass(frozen=True, slots=True)
class Expiration:
    """One expiration date with the strikes listed for it."""

    day: date
    monthly: bool
    strikes: tuple[Decimal, ...]


class Listing:
    """The option chain of one underlying."""

    def __init__(self, profile: Profile, sessions: Sessions, close: Callable[[int], float]) -> None:
        self._profile = profile
        self._sessions = sessions
        self._close = close
        self.on = lru_cache(maxsize=8)(self._on)

    def lists(self, known: Contract, day: date, session: int) -> bool:
        """Whether the contract can be traded on a date."""
        option = known.option
        return any(
            expiration.day == option.expiry and option.strike in expiration.strikes
            for expiration in self.on(day, session)
        )

    def _on(self, day: date, session: int) -> tuple[Expiration, ...]:
        strikes = self._strikes(session)
        friday = day + timedelta(days=(_FRIDAY - day.weekday()) % 7)
        found = []
        while friday <= day + _HORIZON:
            expiry = self._sessions.on_or_before(friday)
            if expiry >= day:
                found.append(Expiration(expiry, 15 <= friday.day <= 21, strikes))
            friday += timedelta(days=7)
        return tuple(found)

    def _strikes(self, session: int) -> tuple[Decimal, ...]:
        closes = [self._close(number) for number in range(-1, max(session, 0))] or [self._close(-1)]
        low, high = Decimal(str(min(closes))), Decimal(str(max(closes)))
        step = self._profile.strike_step
        listed: set[Decimal] = set()
        count = int(low * (1 - _FAR) / step)
        while count * step <= high * (1 + _FAR):
            strike = count * step
            near = low * (1 - _NEAR) <= strike <= high * (1 + _NEAR)
            if near or strike % (_FAR_STEP * step) == 0:
                listed.add(strike)
            count += 1
        return tuple(sorted(listed))
