"""Our books beside the simulator's: executions, holdings, the ledger and cash, to the cent."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Protocol

from senex.domain.money import ZERO

if TYPE_CHECKING:
    from collections.abc import Iterable

_FEES = ("clearing", "regulatory", "proprietary")


class BothBooks(Protocol):
    """Who can look into both."""

    def sql(self, query: str, *values: object) -> list[Any]:
        """Rows of our database, their columns by name."""

    def broker_log(self, kind: str) -> list[dict[str, Any]]:
        """The simulator's own log: order, fill or transaction."""

    async def of_accounts(self, path: str) -> list[dict[str, Any]]:
        """What the broker answers about each account."""


def fills(both: BothBooks) -> list[str]:
    """Each execution of our orders is in the books once, at its price; others' come with the ledger."""
    outside = {one["id"] for one in both.broker_log("order") if not one["external_identifier"]}
    theirs = Counter(
        (
            str(one["order"]),
            one["symbol"],
            str(one["id"]),
            int(Decimal(one["quantity"])),
            Decimal(one["price"]),
        )
        for one in both.broker_log("fill")
        if one["order"] not in outside
    )
    rows = both.sql(
        "SELECT o.broker_order_id, f.symbol, f.fill_id, f.quantity, f.price FROM fill f "
        "JOIN trade_order o ON o.id = f.order_id"
    )
    ours = Counter(tuple(row) for row in rows)
    return _differ("fills", ours, theirs)


async def holdings(both: BothBooks) -> list[str]:
    """What is held, by symbol and sign."""
    theirs: Counter[Any] = Counter()
    for one in [item for told in await both.of_accounts("/positions") for item in told["items"]]:
        sign = -1 if one["quantity-direction"] == "Short" else 1
        theirs[one["account-number"], one["symbol"]] += sign * int(Decimal(str(one["quantity"])))
    rows = both.sql(
        "SELECT a.number, l.symbol, sum(l.open_quantity)::int AS open FROM lot l "
        "JOIN account a ON a.id = l.account_id GROUP BY a.number, l.symbol"
    )
    ours = Counter({(row.number, row.symbol): row.open for row in rows})
    ours, theirs = (Counter({k: v for k, v in each.items() if v}) for each in (ours, theirs))
    return [] if ours == theirs else [f"holdings: ours {dict(ours)}, the broker's {dict(theirs)}"]


async def cash(both: BothBooks, begins: datetime) -> list[str]:
    """Every transaction since the beginning is in our ledger with its fees, to the cent, and cash is their sum."""
    told = {str(one["id"]): one for one in both.broker_log("transaction")}
    theirs = {name: (_net(one), _fees(one)) for name, one in told.items()}
    rows = both.sql("SELECT broker_id, net_value, commission + fees AS fees FROM ledger_entry")
    ours = {row.broker_id: (row.net_value, row.fees) for row in rows}
    history = {
        name
        for name in theirs
        if name not in ours and datetime.fromisoformat(told[name]["executed_at"]) < begins
    }
    expected = {name: sums for name, sums in theirs.items() if name not in history}
    found = _differ("ledger", Counter(ours.items()), Counter(expected.items()))
    total = sum((theirs[name][0] for name in history), ZERO) + sum((net for net, _ in ours.values()), ZERO)
    balances = await both.of_accounts("/balances")
    balance = sum((Decimal(str(one["cash-balance"])) for one in balances), ZERO)
    return found if total == balance else [*found, f"cash: ours {total}, the broker's {balance}"]


def few(some: Iterable[Any]) -> str:
    """The first four of them."""
    listed = list(some)
    shown = ", ".join(one.isoformat() if hasattr(one, "isoformat") else str(one) for one in listed[:4])
    return f"[{shown}{', …' if len(listed) > 4 else ''}]"


def _fees(one: dict[str, Any]) -> Decimal:
    return sum((Decimal(one.get(f"{kind}_fees") or 0) for kind in _FEES), Decimal(one.get("commission") or 0))


def _net(one: dict[str, Any]) -> Decimal:
    return Decimal(one["value"]) - _fees(one)


def _differ(what: str, ours: Counter[Any], theirs: Counter[Any]) -> list[str]:
    if ours == theirs:
        return []
    return [f"{what}: only ours {few(ours - theirs)}, only the broker's {few(theirs - ours)}"]
