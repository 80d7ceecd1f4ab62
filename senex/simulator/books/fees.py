"""Commissions and fees by a dated table (DOMAIN 0.17).

A leg's fees are those of all that is filled of it, rounded half up to the cent
per kind; one more fill is charged the difference. So the fills of a leg add up
to what a dry run said, however they were cut.

Sources: the broker's price list (commissions, clearing, exercise, index options);
FINRA's trading activity fee schedule; the SEC's section 31 fee rate advisories
(27.80 from 22 May 2024, nothing from 14 May 2025, 20.60 from 4 April 2026).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from senex.domain.legs import InstrumentType
from senex.domain.money import ZERO, cents
from senex.simulator.books.records import multiplier

if TYPE_CHECKING:
    from collections.abc import Iterable

    from senex.simulator.books.records import OrderLeg, Quantity
    from senex.simulator.market.contracts import Contract


@dataclass(frozen=True, slots=True)
class Rates:
    """What is charged from ``since`` on, in dollars per option contract unless said otherwise."""

    since: date
    sec_per_million: Decimal
    trading_activity: Decimal
    trading_activity_share: Decimal
    trading_activity_cap: Decimal
    commission_to_open: Decimal = Decimal("1.00")
    commission_cap: Decimal = Decimal("10.00")
    """Per leg; options on broad indices have none."""
    clearing: Decimal = Decimal("0.10")
    clearing_share: Decimal = Decimal("0.0008")
    options_regulatory: Decimal = Decimal("0.0388")
    exercise: Decimal = Decimal("5.00")
    """Per exercise or assignment, whatever its quantity."""


_OF_2024 = Rates(
    since=date(2024, 5, 22),
    sec_per_million=Decimal("27.80"),
    trading_activity=Decimal("0.00279"),
    trading_activity_share=Decimal("0.000166"),
    trading_activity_cap=Decimal("8.30"),
)
_OF_2026 = replace(
    _OF_2024,
    since=date(2026, 1, 1),
    sec_per_million=ZERO,
    trading_activity=Decimal("0.00329"),
    trading_activity_share=Decimal("0.000195"),
    trading_activity_cap=Decimal("9.79"),
)
RATES = (
    _OF_2024,
    replace(_OF_2024, since=date(2025, 5, 14), sec_per_million=ZERO),
    _OF_2026,
    replace(_OF_2026, since=date(2026, 4, 4), sec_per_million=Decimal("20.60")),
)
_PROPRIETARY = {
    **dict.fromkeys(("SPX", "SPXW", "VIX", "VIXW"), Decimal("0.65")),
    **dict.fromkeys(("OEX", "XEO"), Decimal("0.40")),
    **dict.fromkeys(("RUT", "RUTW", "DJX"), Decimal("0.18")),
    "XSP": Decimal("0.07"),
}
_XSP_FREE_BELOW = 10
_BROAD_INDICES = frozenset((*_PROPRIETARY, "NDX", "NDXP"))
_MILLION = Decimal(1_000_000)


@dataclass(frozen=True, slots=True)
class Fees:
    """The costs of one or more executions, unsigned dollars."""

    commission: Decimal = ZERO
    clearing: Decimal = ZERO
    regulatory: Decimal = ZERO
    proprietary: Decimal = ZERO

    @property
    def total(self) -> Decimal:
        """All of it."""
        return self.commission + self.clearing + self.regulatory + self.proprietary

    def __sub__(self, other: Fees) -> Fees:
        return Fees(
            self.commission - other.commission,
            self.clearing - other.clearing,
            self.regulatory - other.regulatory,
            self.proprietary - other.proprietary,
        )


def rates_on(day: date) -> Rates:
    """The rates of a day; before the table's first line that line's."""
    return max((rates for rates in RATES if rates.since <= day), key=lambda one: one.since, default=RATES[0])


def charge(leg: OrderLeg, quantity: Quantity, price: Decimal, day: date) -> Fees:
    """What filling ``quantity`` more of a leg at a price per share costs, on top of what its fills cost."""
    unit = multiplier(leg.instrument)
    before = sum((fill.price * fill.quantity for fill in leg.fills), ZERO) * unit
    after = before + price * quantity * unit
    return _fees(leg, leg.filled + quantity, after, day) - _fees(leg, leg.filled, before, day)


def exercise_fees(day: date, contract: Contract, contracts: Quantity) -> Fees:
    """The fees of one exercise or assignment: a flat one, and what selling the shares costs.

    ``contracts`` is signed by what it does to the shares; 0 where cash is paid.
    """
    rates, shares = rates_on(day), int(contracts) * contract.shares
    if shares >= 0:
        return Fees(clearing=rates.exercise)
    value = -int(contracts) * contract.option.strike * contract.multiplier
    activity = min(rates.trading_activity_cap, rates.trading_activity_share * -shares)
    sec = rates.sec_per_million * value / _MILLION
    return Fees(clearing=rates.exercise, regulatory=cents(activity + sec))


def _fees(leg: OrderLeg, quantity: Quantity, value: Decimal, day: date) -> Fees:
    """The fees of ``quantity`` of a leg, traded for ``value`` (unsigned)."""
    rates, sale = rates_on(day), leg.action.sign < 0
    sec = rates.sec_per_million * value / _MILLION if sale else ZERO
    if leg.instrument is not InstrumentType.EQUITY_OPTION:
        activity = min(rates.trading_activity_cap, rates.trading_activity_share * quantity) if sale else ZERO
        return Fees(clearing=cents(rates.clearing_share * quantity), regulatory=cents(sec + activity))
    root = leg.symbol[:6].rstrip()
    activity = rates.trading_activity * quantity if sale else ZERO
    commission = rates.commission_to_open * quantity if leg.action.opens else ZERO
    if root not in _BROAD_INDICES:
        commission = min(rates.commission_cap, commission)
    free = root == "XSP" and leg.quantity < _XSP_FREE_BELOW
    proprietary = ZERO if free else _PROPRIETARY.get(root, ZERO) * quantity
    return Fees(
        commission,
        cents(rates.clearing * quantity),
        cents(rates.options_regulatory * quantity + sec + activity),
        cents(proprietary),
    )


def total(fees: Iterable[Fees]) -> Fees:
    """The sum of several costs."""
    known = list(fees)
    return Fees(
        sum((one.commission for one in known), ZERO),
        sum((one.clearing for one in known), ZERO),
        sum((one.regulatory for one in known), ZERO),
        sum((one.proprietary for one in known), ZERO),
    )
