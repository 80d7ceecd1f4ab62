"""Realised gains, summed the way somebody asks for them. Pure; both front ends use it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from senex.domain.money import ZERO, cents
from senex.domain.pnl import r_multiple
from senex.ports.views import PnlView

if TYPE_CHECKING:
    from collections.abc import Sequence

    from senex.ports.views import GainView

BY = ("day", "strategy", "position", "spread")


def summed(gains: Sequence[GainView], by: str) -> tuple[PnlView, ...]:
    """One line per day, strategy, trade (shares that came of an assignment included) or spread of one."""
    groups: dict[tuple[str, str], list[GainView]] = {}
    for gain in gains:
        groups.setdefault(_key(gain, by), []).append(gain)
    return tuple(_line(key, label, rows) for (key, label), rows in groups.items())


def total(gains: Sequence[GainView]) -> PnlView:
    """All of them in one line."""
    return _line("total", "total", gains)


def _key(gain: GainView, by: str) -> tuple[str, str]:
    trade = f"{gain.underlying} {gain.strategy}"
    if by == "day":
        return gain.day.isoformat(), gain.day.isoformat()
    if by == "strategy":
        return gain.strategy, gain.strategy
    if by == "position":
        return str(gain.root_id), trade
    # what a spread turned into, and dividends, count with no spread of the trade
    spread = gain.spread_key if gain.position_id == gain.root_id else "shares"
    return f"{gain.root_id}/{spread or 'dividends'}", f"{trade} {spread or 'dividends'}"


def _line(key: str, label: str, rows: Sequence[GainView]) -> PnlView:
    gross = sum((row.gross for row in rows), ZERO)
    told = [row.fees for row in rows]
    fees = None if None in told else sum((fee for fee in told if fee is not None), ZERO)
    risks = {row.root_id: row.initial_risk for row in rows}
    net = None if fees is None else gross - fees
    return PnlView(
        key=key,
        label=label,
        trades=len(risks),
        gross=cents(gross),
        fees=None if fees is None else cents(fees),
        net=None if net is None else cents(net),
        r_multiple=r_multiple(net, list(risks.values())),
    )
