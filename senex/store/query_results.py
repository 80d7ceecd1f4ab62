"""What positions and their spreads have gained, from rows of gains and costs."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from senex.domain.money import ZERO, cents
from senex.domain.pnl import r_multiple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from decimal import Decimal
    from uuid import UUID

    Row = Any


@dataclass(frozen=True, slots=True)
class Result:
    """A position's result so far; None where a transaction is missing. ``spreads``: gross and net by key."""

    fees: Decimal | None
    net: Decimal | None
    r_multiple: Decimal | None
    spreads: Mapping[str, tuple[Decimal, Decimal | None]]


def results(heads: Sequence[Row], gains: Sequence[Row], paid: Sequence[Row]) -> dict[UUID, Result]:
    """Each position's result; R with what the shares that came of it gained."""
    own, family = _by(gains, "position_id"), _by(gains, "root_id")
    fees = {row.position_id: row.fees for row in paid}
    return {
        head.id: Result(
            _rounded(fees.get(head.id, ZERO)),
            _rounded(net_of(own[head.id])),
            r_multiple(net_of(family[head.id]), [head.initial_risk]),
            {
                key: (cents(sum((row.gross for row in rows), ZERO)), _rounded(net_of(rows)))
                for key, rows in _by(own[head.id], "spread_key").items()
            },
        )
        for head in heads
    }


def net_of(rows: Iterable[Row]) -> Decimal | None:
    """What rows of gains come to after fees."""
    total = ZERO
    for row in rows:
        if row.fees is None:
            return None
        total += row.gross - row.fees
    return total


def _rounded(amount: Decimal | None) -> Decimal | None:
    return None if amount is None else cents(amount)


def _by(rows: Iterable[Row], field: str) -> defaultdict[Any, list[Row]]:
    groups: defaultdict[Any, list[Row]] = defaultdict(list)
    for row in rows:
        groups[getattr(row, field)].append(row)
    return groups
