"""Alerts with a cause outside the broker's API: a bank, an operator's quote alert, the broker's own desk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from senex.domain.money import cents
from senex.simulator import wire, wireorders
from senex.simulator.books.records import Entry
from senex.simulator.rendering import balance_json, complex_json, position_json, trading_status_json
from senex.simulator.watchlists import public

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from senex.simulator.alerts import Alerts
    from senex.simulator.exchange import Exchange

_PARAMETERS = {
    "ExternalTransaction": ("account", "amount"),
    "QuoteAlert": ("symbol", "operator", "threshold"),
    "AccountBalance": ("account",),
    "CurrentPosition": ("account",),
    "Order": ("account",),
    "ComplexOrder": ("account",),
    "TradingStatus": ("account",),
    "PublicWatchlists": (),
}


def provoke(exchange: Exchange, alerts: Alerts, body: Mapping[str, Any]) -> None:
    """Do what causes an alert, or send what is now once more.

    Raises:
        ValueError: an unknown type, account or parameter, with what exists.
    """
    kind = str(body.get("type"))
    if kind not in _PARAMETERS:
        raise ValueError(f"There is no alert {kind!r} to provoke; there are {', '.join(_PARAMETERS)}")
    unknown = sorted(set(body) - {"type", *_PARAMETERS[kind]})
    if unknown:
        raise ValueError(f"{kind} has no {', '.join(unknown)}; it has {', '.join(_PARAMETERS[kind])}")
    if kind == "QuoteAlert":
        alerts.quote_alerts.add(*(str(body.get(name)) for name in _PARAMETERS[kind]))
        return
    number = str(body.get("account", next(iter(exchange.books.accounts))))
    if number not in exchange.books.accounts:
        raise ValueError(f"There is no account {number!r}")
    if kind == "ExternalTransaction":
        alerts.push(kind, _transfer(exchange, number, str(body.get("amount"))), account=number)
        return
    if kind == "PublicWatchlists":
        for one in public(exchange):
            alerts.push(kind, one)
        return
    for one in _AGAIN[kind](exchange, number):
        alerts.push(kind, one, account=number)


def _transfer(exchange: Exchange, number: str, text: str) -> wire.Json:
    """Book money that comes from the bank or (negative) goes there."""
    amount = cents(wire.number(text))
    if not amount:
        raise ValueError(f"{text!r} moves no money")
    instant, day = exchange.now(), exchange.day()
    word = "Deposit" if amount > 0 else "Withdrawal"
    entry = Entry(
        id=exchange.books.next_entry(),
        account=number,
        type="Money Movement",
        sub_type=word,
        description=f"Wire funds {'received' if amount > 0 else 'sent'}",
        executed_at=instant,
        day=day,
        value=amount,
    )
    exchange.books.commit([entry])
    exchange.moved(number)
    return {
        "id": entry.id,
        "account-number": number,
        "amount": wire.plain(abs(amount)),
        "bank-account-type": "Checking",
        "banking-date": day,
        "created-at": wire.stamp(instant),
        "direction": word,
        "disbursement-type": "Wire",
        "ext-transfer-id": f"T{entry.id}",
        "funds-available-date": day,
        "is-cancelable": False,
        "is-clearing-accepted": True,
        "state": "Completed",
        "transfer-method": "Wire",
        "updated-at": wire.stamp(instant),
    }


def _positions(exchange: Exchange, number: str) -> list[wire.Json]:
    held = exchange.books.holdings[number].values()
    return [position_json(exchange, number, one, marks=False) for one in held if one.quantity]


_AGAIN: dict[str, Callable[[Exchange, str], list[wire.Json]]] = {
    "AccountBalance": lambda exchange, number: [balance_json(exchange, number)],
    "CurrentPosition": _positions,
    "TradingStatus": lambda exchange, number: [trading_status_json(exchange, number)],
    "ComplexOrder": lambda exchange, number: [
        complex_json(exchange, one) for one in exchange.books.complex_of(number)
    ],
    "Order": lambda exchange, number: [wireorders.order(order) for order in exchange.books.orders_of(number)],
}
