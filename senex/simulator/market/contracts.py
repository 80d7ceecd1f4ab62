"""Option contracts: what a symbol says about itself, listed or not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

from senex.domain.errors import UsageProblem
from senex.domain.symbols import OptionSymbol, Right
from senex.simulator.market.dates import business_days_before
from senex.simulator.market.roots import AM, AMERICAN, PM, ROOTS, SHARES
from senex.simulator.market.sessions import closing, new_york

if TYPE_CHECKING:
    from datetime import date

    from senex.simulator.market.roots import Root

_LATER = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, eq=False)
class Contract:
    """One option with its notations, terms and times.

    ``expires_at`` is when its value is settled; it ``stops_trading_at`` a
    quarter of an hour later (funds), then (stocks, indices settled at the
    close) or the session before (indices settled at the opening). ``strike`` is what each delivered share costs.
    ``phase`` spreads changes of size over the ticks.
    """

    option: OptionSymbol
    occ: str
    streamer: str
    root: Root
    expires_at: datetime
    stops_trading_at: datetime
    is_call: bool
    strike: float
    american: bool
    phase: int

    @property
    def underlying(self) -> str:
        """The underlying's symbol: SPX for an SPXW contract."""
        return self.root.underlying

    @property
    def settlement(self) -> str:
        """``AM`` or ``PM``."""
        return self.root.settlement

    @property
    def exercise_style(self) -> str:
        """``American`` or ``European``."""
        return self.root.style

    @property
    def shares(self) -> int:
        """Shares it delivers; not 100 after a split that left no whole contracts."""
        return self.root.shares

    @property
    def multiplier(self) -> int:
        """Dollars per dollar of premium or of the symbol's strike."""
        return SHARES

    @property
    def ratio(self) -> float:
        """Delivered shares per dollar of premium, of a standard contract's."""
        return self.root.shares / SHARES


@lru_cache(maxsize=65536)
def contract(occ: str) -> Contract | None:
    """Parse an OCC symbol of an underlying the simulator knows, listed or not."""
    try:
        option = OptionSymbol.from_occ(occ)
    except UsageProblem:
        return None
    root = ROOTS.get(option.root)
    if root is None:
        return None
    expires, stops = times(root, option.expiry)
    return Contract(
        option=option,
        occ=option.occ,
        streamer=option.streamer,
        root=root,
        expires_at=expires,
        stops_trading_at=stops,
        is_call=option.right is Right.CALL,
        strike=float(option.strike) * SHARES / root.shares,
        american=root.style == AMERICAN,
        phase=sum(option.occ.encode()),
    )


@lru_cache(maxsize=65536)
def contract_of_streamer(streamer: str) -> Contract | None:
    """Parse a streamer symbol."""
    try:
        return contract(OptionSymbol.from_streamer(streamer).occ)
    except UsageProblem:
        return None


@lru_cache(maxsize=4096)
def times(root: Root, expiry: date) -> tuple[datetime, datetime]:
    """When a root's contracts of a date are settled, and when they stop trading."""
    if root.settlement == AM:
        return new_york(expiry, 9, 30), closing(business_days_before(expiry, 1)) + _LATER
    closes = closing(expiry)
    late = root.late and root.style == AMERICAN
    return closes, closes + _LATER if late and root.settlement == PM else closes
