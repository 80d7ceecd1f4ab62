"""Expiration: what is in the money by a cent is exercised or assigned, the rest vanishes.

Options on shares deliver shares, options on indices pay cash. Contracts settled
at the opening take that day's opening value, the others its close.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from senex.domain.money import ZERO
from senex.simulator.books.clerk import Clerk
from senex.simulator.books.fees import exercise_fees
from senex.simulator.market.contracts import contract
from senex.simulator.market.profiles import PROFILES

if TYPE_CHECKING:
    from datetime import date, datetime

    from senex.simulator.books.clerk import Host
    from senex.simulator.books.lots import Holding
    from senex.simulator.market.contracts import Contract

_LEAST_INTRINSIC = Decimal("0.01")


def settle(host: Host, account: str, day: date, instant: datetime) -> None:
    """Book the end of every contract an account holds that has expired."""
    clerk = Clerk(host, account, day, instant)
    moved: dict[str, None] = {}
    for holding in sorted(host.books.holdings[account].values(), key=lambda one: one.symbol):
        known = contract(holding.symbol)
        if known is not None and holding.lots and known.expires_at <= instant:
            _end(clerk, holding, known)
            moved |= dict.fromkeys((known.occ, *_shares(host, account, known)))
    if moved:
        clerk.withdraw({symbol for symbol in moved if contract(symbol)}, "The contract has expired")
        host.moved(account, tuple(moved))


def intrinsic(known: Contract, price: Decimal) -> Decimal:
    """What a contract is worth per share of its multiplier at an underlying's price."""
    delivered = price * known.shares / known.multiplier
    inside = delivered - known.option.strike if known.is_call else known.option.strike - delivered
    return max(ZERO, inside)


def exercise(clerk: Clerk, holding: Holding, known: Contract) -> None:
    """Turn a position in an option on shares into shares at the strike."""
    quantity = holding.quantity
    word = "Exercise" if quantity > 0 else "Assignment"
    clerk.remove(holding, word, f"Removal of option due to {word.lower()}")
    contracts = quantity if known.is_call else -quantity
    clerk.deliver(known, contracts, fees=exercise_fees(clerk.day, known, contracts))


def _end(clerk: Clerk, holding: Holding, known: Contract) -> None:
    option, quantity = known.option, holding.quantity
    value = clerk.host.market.settlement(option.root, option.expiry, known.settlement)
    worth = intrinsic(known, value)
    if worth < _LEAST_INTRINSIC:
        side = "Call" if known.is_call else "Put"
        name = f"{option.root} {option.expiry:%m/%d/%y} {side} {option.strike}"
        size = quantity if quantity > 0 else -quantity
        clerk.remove(holding, "Expiration", f"Removal of {size} {name} due to expiration")
    elif PROFILES[known.underlying].is_index:
        word = "Exercise" if quantity > 0 else "Assignment"
        clerk.remove(
            holding,
            f"Cash Settled {word}",
            f"Cash settlement of option due to {word.lower()}, settled at {value}",
            value=quantity * worth * known.multiplier,
            price=option.strike,
            fees=exercise_fees(clerk.day, known, 0),
        )
    else:
        exercise(clerk, holding, known)


def _shares(host: Host, account: str, known: Contract) -> tuple[str, ...]:
    return (known.underlying,) if known.underlying in host.books.holdings[account] else ()
