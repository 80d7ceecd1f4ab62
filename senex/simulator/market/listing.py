"""Which contracts are listed: expirations by the calendar, strikes around the prices seen so far."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING

from senex.domain.symbols import OptionSymbol
from senex.simulator.market.contracts import Contract, contract, contract_of_streamer
from senex.simulator.market.dates import (
    FRIDAY,
    QUARTERS,
    month_end,
    months_from,
    on_or_before,
    third_friday,
    trades,
)
from senex.simulator.market.holidays import LAST
from senex.simulator.market.kinds import Weeklies
from senex.simulator.market.roots import AM, PM, roots_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import date

    from senex.simulator.market.kinds import Profile, Split
    from senex.simulator.market.roots import Root
    from senex.simulator.market.sessions import Sessions

__all__ = ["Contract", "Expiration", "Listing", "contract", "contract_of_streamer"]

_NEAR_DAYS, _DAILY_DAYS = timedelta(days=70), timedelta(days=14)
_MONTHS, _FEW_MONTHS = 13, 7
_LEAP_MONTHS = (1, 6, 12)
_LEAPS_UNTIL = 31
"""Months ahead at most."""
_NEAR, _NEAR_INDEX, _MIDDLE, _FAR = Decimal("0.13"), Decimal("0.07"), Decimal("0.30"), Decimal("0.50")
_WIDER = {"0.5": (2, 4), "1": (5, 10), "2.5": (2, 4), "5": (2, 4), "10": (2, 5), "25": (4, 20)}
_WIDER_INDEX = {"5": (5, 20)}
"""Multiples of the strike step further out."""
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Expiration:
    """One expiration date of a root with the strikes listed for it.

    ``kind`` is the broker's: ``Regular`` (monthly), ``Weekly`` or ``Quarterly``.
    """

    day: date
    monthly: bool
    strikes: tuple[Decimal, ...]
    root: str
    settlement: str = PM
    kind: str = "Weekly"


class Listing:
    """The option chain of one underlying."""

    def __init__(self, profile: Profile, sessions: Sessions, close: Callable[[int], float]) -> None:
        self._profile = profile
        self._sessions = sessions
        self._close = close
        self.on = lru_cache(maxsize=8)(self._on)
        self._listed = lru_cache(maxsize=8)(self._index)
        self._roots = roots_of(profile.symbol)

    def lists(self, known: Contract, day: date, session: int) -> bool:
        """Whether the contract can be traded on a date."""
        option = known.option
        return option.strike in self._listed(day, session).get((option.root, option.expiry), ())

    def _index(self, day: date, session: int) -> dict[tuple[str, date], frozenset[Decimal]]:
        return {(one.root, one.day): frozenset(one.strikes) for one in self.on(day, session)}

    def _on(self, day: date, session: int) -> tuple[Expiration, ...]:
        if not self._profile.has_options:
            return ()
        split = self._past_split(day)
        found = list(self._standard(day, session, split))
        if split is not None:
            found = self._inherited(found, split, day)
        return tuple(sorted(found, key=lambda one: (one.day, one.root)))

    def _standard(self, day: date, session: int, split: Split | None) -> Iterable[Expiration]:
        near = self._strikes(session, split, near=True)
        far = self._strikes(session, split, near=False)
        for expiry, kind in self._expiries(day).items():
            strikes = near if expiry <= day + _NEAR_DAYS else far
            for root in self._roots:
                if root.standard and (root.settlement == PM or kind == "Regular"):
                    label = "Weekly" if kind == "Regular" and self._evening(root) else kind
                    yield Expiration(expiry, label == "Regular", strikes, root.symbol, root.settlement, label)

    def _evening(self, root: Root) -> bool:
        return root.settlement == PM and any(one.settlement == AM for one in self._roots)

    def _expiries(self, day: date) -> dict[date, str]:
        """Dates with the broker's word for them; the monthly word wins."""
        profile = self._profile
        found: dict[date, str] = {}
        if profile.weeklies is Weeklies.DAILY:
            dailies = (day + count * _DAY for count in range(_DAILY_DAYS.days))
            found |= {one: "Weekly" for one in dailies if trades(one)}
            for year, month in months_from(day, _MONTHS):
                if month in QUARTERS:
                    found[on_or_before(month_end(year, month))] = "Quarterly"
        if profile.weeklies is not Weeklies.NONE:
            friday = day + timedelta(days=(FRIDAY - day.weekday()) % 7)
            while friday <= day + _NEAR_DAYS:
                found[on_or_before(friday)] = "Weekly"
                friday += 7 * _DAY
        ahead = _MONTHS if profile.weeklies is not Weeklies.NONE else _FEW_MONTHS
        for position, (year, month) in enumerate(months_from(day, _LEAPS_UNTIL if profile.leaps else ahead)):
            if position < ahead or month in _LEAP_MONTHS:
                found[on_or_before(third_friday(year, month))] = "Regular"
        return {one: kind for one, kind in found.items() if day <= one <= LAST}

    def _strikes(self, session: int, split: Split | None, *, near: bool) -> tuple[Decimal, ...]:
        low, high = self._range(session, split)
        step, index = self._profile.strike_step, self._profile.is_index
        wider = _WIDER_INDEX if index and str(step) in _WIDER_INDEX else _WIDER
        middle, far = wider[str(step)]
        listed = _ladder(low, high, _MIDDLE, step * middle) | _ladder(low, high, _FAR, step * far)
        if near:
            listed |= _ladder(low, high, _NEAR_INDEX if index else _NEAR, step)
        return tuple(sorted(listed))

    def _range(self, session: int, split: Split | None) -> tuple[Decimal, Decimal]:
        """The lowest and highest close strikes have followed: since the timeline began, or a split."""
        first = -1
        if split is not None:
            first = max(first, self._session_of(split.day))
        closes = [self._close(number) for number in range(first, max(session, 0))]
        if not closes:
            ratio = 1.0 if split is None else split.denominator / split.numerator
            closes = [self._close(first - 1 if split is not None else -1) * ratio]
        return Decimal(str(min(closes))), Decimal(str(max(closes)))

    def _past_split(self, day: date) -> Split | None:
        return next(
            (one for one in reversed(self._profile.splits) if self._counts(one) and one.day <= day), None
        )

    def _counts(self, split: Split) -> bool:
        return split.day > self._sessions[0].day

    def _session_of(self, day: date) -> int:
        return self._sessions.number_of(day)

    def _inherited(self, found: list[Expiration], split: Split, day: date) -> list[Expiration]:
        """What a split leaves of the contracts listed before it: new strikes, or roots that deliver more."""
        before = self._sessions[self._session_of(split.day) - 1].day
        old = [one for one in self.on(before, self._session_of(split.day) - 1) if one.day >= day]
        if not split.whole:
            odd = next(root for root in self._roots if not root.standard)
            return [
                *found,
                *(Expiration(one.day, one.monthly, one.strikes, odd.symbol, PM, one.kind) for one in old),
            ]
        inherited = {one.day: {split_strike(strike, split) for strike in one.strikes} for one in old}
        return [
            Expiration(
                one.day,
                one.monthly,
                tuple(sorted({*one.strikes, *inherited.get(one.day, ())})),
                one.root,
                one.settlement,
                one.kind,
            )
            for one in found
        ]


def split_strike(strike: Decimal, split: Split) -> Decimal:
    """A strike after a split into whole contracts, to the tenth of a cent that symbols can carry."""
    return (strike * split.denominator / split.numerator).quantize(Decimal("0.001"))


def adjusted(occ: str, split: Split) -> tuple[str, int]:
    """A contract's symbol after a split of its underlying, and how many replace one.

    A whole split divides the strike and multiplies the contracts; any other
    keeps both and moves to the root that delivers the new shares.
    """
    option = OptionSymbol.from_occ(occ)
    if split.whole:
        factor = split.numerator // split.denominator
        strike = split_strike(option.strike, split)
        return OptionSymbol(option.root, option.expiry, option.right, strike).occ, factor
    return OptionSymbol(f"{option.root}1", option.expiry, option.right, option.strike).occ, 1


def _ladder(low: Decimal, high: Decimal, share: Decimal, step: Decimal) -> set[Decimal]:
    first = max(1, int(low * (1 - share) / step))
    return {count * step for count in range(first, int(high * (1 + share) / step) + 1)}
