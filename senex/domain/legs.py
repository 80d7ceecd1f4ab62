"""Legs of an order: one model for every strategy (credit, debit, stock, several expiries)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from functools import reduce
from math import gcd
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_OCC_LENGTH = 21


class InstrumentType(StrEnum):
    """What a leg trades, in the broker's words."""

    EQUITY = "Equity"
    EQUITY_OPTION = "Equity Option"

    @property
    def multiplier(self) -> int:
        """Shares per unit of quantity: 100 for an option contract, 1 for a share."""
        return 1 if self is InstrumentType.EQUITY else 100

    @classmethod
    def of(cls, symbol: str) -> InstrumentType:
        """What a symbol names: OCC symbols have 21 characters, shares never as many."""
        return cls.EQUITY_OPTION if len(symbol) == _OCC_LENGTH else cls.EQUITY


class Action(StrEnum):
    """What a leg does, in the broker's words."""

    BUY_TO_OPEN = "Buy to Open"
    BUY_TO_CLOSE = "Buy to Close"
    SELL_TO_OPEN = "Sell to Open"
    SELL_TO_CLOSE = "Sell to Close"

    @property
    def sign(self) -> int:
        """+1 where the position grows by the quantity (a buy), -1 for a sell."""
        return 1 if self in (Action.BUY_TO_OPEN, Action.BUY_TO_CLOSE) else -1

    @property
    def opens(self) -> bool:
        """Whether the leg opens a position."""
        return self in (Action.BUY_TO_OPEN, Action.SELL_TO_OPEN)

    @property
    def closing(self) -> Action:
        """The action that undoes this opening action."""
        return Action.SELL_TO_CLOSE if self.sign > 0 else Action.BUY_TO_CLOSE


@dataclass(frozen=True, slots=True)
class Leg:
    """One line of an order. ``symbol`` is OCC for options; ``quantity`` is in contracts or shares."""

    symbol: str
    action: Action
    quantity: int
    instrument: InstrumentType = InstrumentType.EQUITY_OPTION

    @property
    def signed_quantity(self) -> int:
        """Quantity with the sign of what it does to the position."""
        return self.action.sign * self.quantity

    def times(self, units: int) -> Leg:
        """The same leg, ``units`` times."""
        return replace(self, quantity=self.quantity * units)

    def closed(self) -> Leg:
        """The leg that closes this opening leg."""
        return replace(self, action=self.action.closing)


def reduction(legs: Iterable[Leg]) -> int:
    """How many reduced units the legs make: the GCD of their quantities.

    A multi-leg price is net per reduced unit (DOMAIN 0.1): a Trident 2:2:1:1
    has 1, closing both of its put spreads (2:2) has 2. Beside options, shares
    count in hundreds, since one contract is a hundred of them.
    """
    known = tuple(legs)
    options = any(leg.instrument is InstrumentType.EQUITY_OPTION for leg in known)
    return reduce(gcd, (_lots(leg, beside_options=options) for leg in known), 0)


def _lots(leg: Leg, *, beside_options: bool) -> int:
    shares = beside_options and leg.instrument is InstrumentType.EQUITY
    return leg.quantity // 100 if shares else leg.quantity


def merge(legs: Iterable[Leg]) -> tuple[Leg, ...]:
    """Sum legs of the same symbol and action: an order's symbols must be distinct."""
    merged: dict[tuple[str, Action], Leg] = {}
    for leg in legs:
        key = (leg.symbol, leg.action)
        known = merged.get(key)
        merged[key] = leg if known is None else replace(known, quantity=known.quantity + leg.quantity)
    return tuple(merged.values())
