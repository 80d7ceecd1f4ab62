"""The broker's risk desk: one hour before the close of an expiration day.

It works out what an account would hold if its expiring options that are in the
money now were exercised and assigned. Where keeping that would need more than
the account has, it cancels the orders on the expiring options of that
underlying and closes them by market orders, the short ones first. Options on
indices pay cash and are left alone.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from senex.domain.money import ZERO
from senex.simulator.books.clerk import Clerk
from senex.simulator.books.settlement import intrinsic
from senex.simulator.market.contracts import contract
from senex.simulator.market.profiles import PROFILES

if TYPE_CHECKING:
    from datetime import date, datetime
    from decimal import Decimal

    from senex.simulator.books.clerk import Host
    from senex.simulator.books.lots import Holding
    from senex.simulator.books.records import Quantity


def close_what_cannot_be_carried(host: Host, account: str, day: date, instant: datetime) -> None:
    """Close the expiring options of every underlying whose exercise the account could not keep."""
    excess = host.accountant.statement(account).maintenance_excess
    left = excess
    for underlying, expiring in sorted(_expiring(host, account, day).items()):
        change, cash = _exercised(host, underlying, expiring)
        if not change:
            continue
        after = left + host.accountant.carried(account, underlying, change, cash) - excess
        if after >= ZERO:
            left = after
            continue
        Clerk(host, account, day, instant).withdraw(
            {one.symbol for one in expiring}, "Closed by the risk desk before expiration"
        )
        for holding in sorted(expiring, key=lambda one: (one.quantity > 0, one.symbol)):
            host.close_out(account, holding, instant)


def _expiring(host: Host, account: str, day: date) -> dict[str, list[Holding]]:
    found: defaultdict[str, list[Holding]] = defaultdict(list)
    for holding in host.books.holdings[account].values():
        known = contract(holding.symbol)
        if known is None or known.option.expiry != day or PROFILES[known.underlying].is_index:
            continue
        if holding.lots:
            found[holding.underlying].append(holding)
    return found


def _exercised(host: Host, underlying: str, expiring: list[Holding]) -> tuple[dict[str, Quantity], Decimal]:
    """How positions and cash would change if what is in the money now were exercised and assigned."""
    change: dict[str, Quantity] = {}
    shares, cash = 0, ZERO
    spot = host.board.mark(underlying) or ZERO
    for holding in expiring:
        known = contract(holding.symbol)
        if known is not None and intrinsic(known, spot) > 0:
            contracts = int(holding.quantity if known.is_call else -holding.quantity)
            change[holding.symbol] = -holding.quantity
            shares += contracts * known.shares
            cash -= contracts * known.option.strike * known.multiplier
    return (change | {underlying: shares} if change else change), cash
