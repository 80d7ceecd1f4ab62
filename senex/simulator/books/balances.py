"""An account's balances by the broker's names, for replies, alerts and snapshots alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from senex.domain.money import ZERO, cents

if TYPE_CHECKING:
    from decimal import Decimal

    from senex.simulator.books.statement import Statement

_NOTHING = (
    "long-futures-value",
    "short-futures-value",
    "long-futures-derivative-value",
    "short-futures-derivative-value",
    "futures-margin-requirement",
    "reg-t-call-value",
    "day-trading-call-value",
    "day-equity-call-value",
    "day-trade-excess",
    "long-cryptocurrency-value",
    "short-cryptocurrency-value",
    "cryptocurrency-margin-requirement",
    "unsettled-cryptocurrency-fiat-amount",
    "closed-loop-available-balance",
    "equity-offering-margin-requirement",
    "long-bond-value",
    "bond-margin-requirement",
    "futures-overnight-margin-requirement",
    "futures-intraday-margin-requirement",
    "pending-margin-interest",
    "effective-cryptocurrency-buying-power",
)
"""What an account of shares and options has none of."""


def balances(known: Statement, *, cash: bool) -> dict[str, Decimal]:
    """The dollar amounts of a statement; ``cash`` is whether the account borrows nothing."""
    power, excess = known.buying_power, known.maintenance_excess
    amounts = {
        **dict.fromkeys(_NOTHING, ZERO),
        "cash-balance": known.cash,
        "long-equity-value": known.long_equity,
        "short-equity-value": known.short_equity,
        "long-derivative-value": known.long_options,
        "short-derivative-value": known.short_options,
        "long-margineable-value": ZERO if cash else known.long_equity,
        "short-margineable-value": ZERO if cash else known.short_equity,
        "margin-equity": known.net_liquidation,
        "equity-buying-power": power if cash else 2 * power,
        "derivative-buying-power": power,
        "day-trading-buying-power": ZERO if cash else 4 * max(ZERO, excess),
        "available-trading-funds": power,
        "maintenance-requirement": known.maintenance,
        "maintenance-call-value": max(ZERO, -excess),
        "maintenance-excess": excess,
        "reg-t-margin-requirement": known.requirement,
        "used-derivative-buying-power": known.requirement + known.reserved,
        "net-liquidating-value": known.net_liquidation,
        "cash-available-to-withdraw": max(ZERO, min(known.cash, power)),
        "pending-cash": abs(known.pending),
    }
    return {name: cents(amount) for name, amount in amounts.items()}
