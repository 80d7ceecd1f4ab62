"""Option roots: which underlying a symbol's first letters mean, and on what terms."""

from __future__ import annotations

from dataclasses import dataclass

from senex.simulator.market.profiles import PROFILES

SHARES = 100
AM, PM = "AM", "PM"
AMERICAN, EUROPEAN = "American", "European"
_EVENING = {"SPX": "SPXW", "NDX": "NDXP", "RUT": "RUTW"}
"""Indices whose monthlies settle at the opening, with the root of everything else."""


@dataclass(frozen=True, slots=True, eq=False)
class Root:
    """Terms that all contracts of a root share.

    ``shares`` is what one contract delivers; premiums and strikes always
    count 100 times.
    """

    symbol: str
    underlying: str
    settlement: str = PM
    style: str = AMERICAN
    shares: int = SHARES
    late: bool = False

    @property
    def standard(self) -> bool:
        """Whether a contract delivers 100 shares."""
        return self.shares == SHARES


def _roots() -> dict[str, Root]:
    found = {}
    for one in PROFILES.values():
        if not one.has_options:
            continue
        style = EUROPEAN if one.is_index else AMERICAN
        settlement = AM if one.symbol in _EVENING else PM
        found[one.symbol] = Root(one.symbol, one.symbol, settlement, style, late=one.late_options)
        if one.symbol in _EVENING:
            evening = _EVENING[one.symbol]
            found[evening] = Root(evening, one.symbol, PM, style, late=True)
        for split in one.splits:
            if not split.whole:
                shares = SHARES * split.numerator // split.denominator
                found[f"{one.symbol}1"] = Root(f"{one.symbol}1", one.symbol, shares=shares)
    return found


ROOTS = _roots()


def roots_of(underlying: str) -> tuple[Root, ...]:
    """The roots of an underlying, the standard ones first."""
    return tuple(root for root in ROOTS.values() if root.underlying == underlying)
