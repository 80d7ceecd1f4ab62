"""Commissions and fees by a dated table (DOMAIN 0.17), rounded half up to the cent per line."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from senex.domain.legs import Action, InstrumentType
from senex.domain.money import ZERO, cents

if TYPE_CHECKING:
    from collections.abc import Iterable

    from senex.simulator.books.records import Quantity


@dataclass(frozen=True, slots=True)
class Rates:
    """What is charged from ``since`` on, in dollars per option contract unless said otherwise."""

    since: date
    commission_to_open: Decimal
    commission_cap: Decimal
    clearing: Decimal
    options_regulatory: Decimal
    trading_activity: Decimal
    sec_per_million: Decimal


RATES = (
    Rates(
        since=date(2025, 1, 1),
        commission_to_open=Decimal("1.00"),
        commission_cap=Decimal("10.00"),
        clearing=Decimal("0.10"),
        options_regulatory=Decimal("0.0388"),
        trading_activity=Decimal("0.00329"),
        sec_per_million=Decimal(0),
    ),
)
_MILLION = Decimal(1_000_000)


@dataclass(frozen=True, slots=True)
class Fees:
    """The costs of one or more executions, unsigned dollars."""

    commission: Decimal = ZERO
    clearing: Decimal = ZERO
    regulatory: Decimal = ZERO

    @property
    def total(self) -> Decimal:
        """All of it."""
        return self.commission + self.clearing + self.regulatory


def fees_of(
    *,
    day: date,
    instrument: InstrumentType,
    action: Action,
    quantity: Quantity,
    already: Quantity,
    value: Decimal,
) -> Fees:
    """The costs of filling ``quantity`` more of a leg of which ``already`` are filled.

    The commission is capped per leg, so it depends on what was charged before.
    """
    rates = max((rates for rates in RATES if rates.since <= day), key=lambda rates: rates.since)
    sale = action.sign < 0
    regulatory = rates.sec_per_million * abs(value) / _MILLION if sale else ZERO
    if instrument is not InstrumentType.EQUITY_OPTION:
        return Fees(regulatory=cents(regulatory))
    regulatory += rates.options_regulatory * quantity
    if sale:
        regulatory += rates.trading_activity * quantity
    commission = ZERO
    if action.opens:
        commission = _capped(rates, already + quantity) - _capped(rates, already)
    return Fees(commission, cents(rates.clearing * quantity), cents(regulatory))


def total(fees: Iterable[Fees]) -> Fees:
    """The sum of several costs."""
    known = list(fees)
    return Fees(
        sum((one.commission for one in known), ZERO),
        sum((one.clearing for one in known), ZERO),
        sum((one.regulatory for one in known), ZERO),
    )


def _capped(rates: Rates, quantity: Quantity) -> Decimal:
    return min(rates.commission_cap, rates.commission_to_open * quantity)
