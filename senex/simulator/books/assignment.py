"""Early assignment of short American options, decided overnight by keyed draws.

A call in the money whose time value at the close is below the dividend that
goes ex next session is assigned nine times in ten. Any option deep in the money
with hardly any time value left is assigned now and then.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from senex.domain.money import ZERO
from senex.simulator.books.clerk import Clerk
from senex.simulator.books.settlement import exercise, intrinsic
from senex.simulator.market.contracts import contract

if TYPE_CHECKING:
    from datetime import date, datetime

    from senex.simulator.books.clerk import Host
    from senex.simulator.market.contracts import Contract

_BEFORE_DIVIDEND = 0.9
_DEEP = 0.05
_DEEP_SHARE = Decimal("0.08")
"""Deep in the money: by this share of the price."""
_HARDLY_ANY = Decimal("0.05")
"""Time value per share below which a holder loses nothing by exercising."""


def assign_early(host: Host, account: str, day: date, instant: datetime) -> None:
    """Assign what holders exercised since the last session's close."""
    clerk = Clerk(host, account, day, instant)
    for holding in sorted(host.books.holdings[account].values(), key=lambda one: one.symbol):
        known = contract(holding.symbol)
        if known is None or holding.quantity >= 0 or known.exercise_style != "American":
            continue
        chance = _chance(host, known, day)
        if chance and host.market.draws.uniform("assignment", account, known.occ, day.isoformat()) < chance:
            exercise(clerk, holding, known)
            clerk.withdraw({known.occ}, "The position was assigned")
            host.moved(account, (known.occ, known.underlying))


def _chance(host: Host, known: Contract, day: date) -> float:
    """How likely a short contract is assigned in the night before ``day``."""
    sessions = host.market.sessions
    last = sessions[sessions.number_of(day) - 1].day
    close = host.market.settlement(known.option.root, last)
    inside = intrinsic(known, close)
    if not inside:
        return 0.0
    extrinsic = max(ZERO, (host.board.mark(known.occ) or ZERO) - inside)
    dividend = sum(
        (one.amount for one in host.market.dividends(known.underlying) if one.ex_date == day), ZERO
    )
    if known.is_call and extrinsic < dividend:
        return _BEFORE_DIVIDEND
    return _DEEP if inside > _DEEP_SHARE * close and extrinsic <= _HARDLY_ANY else 0.0
