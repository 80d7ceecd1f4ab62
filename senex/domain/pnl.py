"""Profit and loss of lots, in exact decimals; dollars rounded half up to the cent once, at the end.

Fees are not in it: they come from the broker's transactions (DOMAIN F.7).
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from senex.domain.money import ZERO, cents
from senex.domain.unknown import Unknown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from senex.domain.lots import Lot, LotClose

_R = Decimal("0.01")


def unrealised(lots: Iterable[Lot], marks: Mapping[str, Decimal | Unknown]) -> Decimal | Unknown:
    """What the open quantities have gained at ``marks`` (per share, by symbol).

    One missing mark makes it unknown: a sum that leaves a leg out is a lie.
    """
    total = ZERO
    for lot in lots:
        if lot.open_quantity == 0:
            continue
        mark = marks.get(lot.symbol, Unknown(f"no mark for {lot.symbol}"))
        if isinstance(mark, Unknown):
            return mark
        total += (mark - lot.price) * lot.open_quantity * lot.multiplier
    return cents(total)


def unrealised_by_spread(
    lots: Iterable[Lot], marks: Mapping[str, Decimal | Unknown]
) -> dict[str, Decimal | Unknown]:
    """``unrealised`` of each spread."""
    groups: dict[str, list[Lot]] = {}
    for lot in lots:
        groups.setdefault(lot.spread_key, []).append(lot)
    return {key: unrealised(group, marks) for key, group in groups.items()}


def realised(closes: Iterable[LotClose]) -> Decimal:
    """What closed contracts gained, before fees."""
    return cents(sum((close.realised for close in closes), ZERO))


def r_multiple(net: Decimal | None, risks: Sequence[Decimal | None]) -> Decimal | None:
    """A result as a multiple of what was risked at entry, to two places; None where either is not known."""
    risk = sum((one for one in risks if one is not None), ZERO)
    return None if net is None or None in risks or not risk else (net / risk).quantize(_R)


def realised_by_spread(closes: Iterable[LotClose]) -> dict[str, Decimal]:
    """``realised`` of each spread."""
    groups: dict[str, list[LotClose]] = {}
    for close in closes:
        groups.setdefault(close.lot.spread_key, []).append(close)
    return {key: realised(group) for key, group in groups.items()}
