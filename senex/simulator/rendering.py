"""Accounts, balances and positions on the wire: what REST answers and alerts push, made once."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from senex.domain.money import ZERO, cents
from senex.simulator import wire, wireorders
from senex.simulator.books.balances import balances
from senex.simulator.market.contracts import contract

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from senex.simulator.books.lots import Holding
    from senex.simulator.books.records import Account, ComplexOrder
    from senex.simulator.exchange import Exchange

_NEVER = (
    "is-aggregated-at-clearing",
    "is-closed",
    "is-closing-only",
    "is-cryptocurrency-enabled",
    "is-frozen",
    "is-full-equity-margin-required",
    "is-futures-closing-only",
    "is-futures-intra-day-enabled",
    "is-futures-enabled",
    "is-in-day-trade-equity-maintenance-call",
    "is-pattern-day-trader",
    "is-small-notional-futures-intra-day-enabled",
    "is-roll-the-day-forward-enabled",
    "are-far-otm-net-options-restricted",
    "has-intraday-equities-margin",
    "is-equity-offering-enabled",
    "is-equity-offering-closing-only",
    "is-portfolio-margin-enabled",
    "is-risk-reducing-only",
)


def account_json(account: Account) -> wire.Json:
    """An account's facts."""
    opened = wire.stamp(account.opened_at)
    return {
        "account-number": account.number,
        "external-id": f"A{account.number}",
        "opened-at": opened,
        "created-at": opened,
        "nickname": account.nickname,
        "account-type-name": "Individual",
        "is-closed": False,
        "day-trader-status": False,
        "is-firm-error": False,
        "is-firm-proprietary": False,
        "is-futures-approved": False,
        "is-test-drive": False,
        "margin-or-cash": account.margin_or_cash,
        "is-foreign": False,
        "investment-objective": "SPECULATION",
        "suitable-options-level": "Covered And Cash Secured" if account.is_cash else "No Restrictions",
    }


def trading_status_json(exchange: Exchange, number: str) -> wire.Json:
    """What the account may do."""
    account = exchange.books.accounts[number]
    called = exchange.accountant.statement(number).maintenance_excess < 0
    return {
        **dict.fromkeys(_NEVER, False),
        "account-number": number,
        "day-trade-count": day_trades(exchange, number),
        "equities-margin-calculation-type": "Cash" if account.is_cash else "Reg T",
        "fee-schedule-name": "default",
        "futures-margin-rate-multiplier": "0.0",
        "id": list(exchange.books.accounts).index(number) + 1,
        "is-in-margin-call": called and not account.is_cash,
        "options-level": "Covered And Cash Secured" if account.is_cash else "No Restrictions",
        "short-calls-enabled": not account.is_cash,
        "small-notional-futures-margin-rate-multiplier": "0.0",
        "updated-at": wire.stamp(account.opened_at),
    }


def day_trades(exchange: Exchange, number: str) -> int:
    """Symbols opened and closed on one day, over the last five sessions."""
    sessions, day = exchange.market.sessions, exchange.day()
    since = sessions[sessions.number_of(day) - 4].day
    seen: dict[tuple[str, date], set[bool]] = {}
    for entry in reversed(exchange.books.entries[number]):
        if entry.day < since:
            break
        if entry.type == "Trade" and entry.symbol is not None and entry.action is not None:
            seen.setdefault((entry.symbol, entry.day), set()).add(entry.action.opens)
    return sum(len(sides) > 1 for sides in seen.values())


def balance_json(exchange: Exchange, number: str) -> wire.Json:
    """An account's balances; every figure follows from cash, marks and margin."""
    known = exchange.accountant.statement(number)
    cash = exchange.books.accounts[number].is_cash
    return {
        "account-number": number,
        "currency": "USD",
        **amounts(balances(known, cash=cash)),
        **pending(known.pending),
        "snapshot-date": exchange.day(),
        "updated-at": wire.stamp(exchange.now()),
    }


def pending(amount: Decimal) -> wire.Json:
    """Cash that is yet to come (or go), with its effect."""
    return wire.signed("pending-cash", amount)


def amounts(known: Mapping[str, Decimal]) -> wire.Json:
    """Dollars by name, as texts."""
    return {name: wire.plain(amount) for name, amount in known.items()}


def position_json(exchange: Exchange, number: str, holding: Holding, *, marks: bool) -> wire.Json:
    """One position. ``mark-price`` is the streamed mid per share, ``mark`` that of all of it."""
    quantity, day = holding.quantity, exchange.day()
    close = previous_close(exchange, holding.symbol)
    realized = holding.realized.get(day, ZERO)
    average = wire.plain(_to_eight_places(holding.average_price))
    body: wire.Json = {
        "account-number": number,
        "symbol": holding.symbol,
        "instrument-type": holding.instrument,
        "underlying-symbol": holding.underlying,
        "quantity": abs(quantity),
        "quantity-direction": "Zero" if quantity == 0 else "Long" if quantity > 0 else "Short",
        "close-price": wire.plain(close),
        "average-open-price": average,
        "average-yearly-market-close-price": average,
        "average-daily-market-close-price": wire.plain(close),
        "multiplier": holding.multiplier,
        "cost-effect": "Debit" if quantity < 0 else "Credit",
        "is-suppressed": False,
        "is-frozen": False,
        "restricted-quantity": 0,
        **wire.signed("realized-day-gain", realized),
        "realized-day-gain-date": day,
        **wire.signed("realized-today", realized),
        "realized-today-date": day,
        "created-at": wire.stamp(holding.opened_at),
        "updated-at": wire.stamp(holding.updated_at),
    }
    known = contract(holding.symbol)
    if known is not None:
        body["expires-at"] = wire.stamp(known.stops_trading_at)
    if marks:
        mark = exchange.board.mark(holding.symbol) or ZERO
        body["mark-price"] = wire.plain(mark)
        body["mark"] = wire.plain(cents(abs(mark * quantity * holding.multiplier)))
    return body


def _to_eight_places(price: Decimal) -> Decimal:
    """The price itself, or rounded where a division left more places than the broker sends."""
    exponent = price.as_tuple().exponent
    return price if isinstance(exponent, int) and exponent >= -8 else round(price, 8)


def previous_close(exchange: Exchange, symbol: str) -> Decimal:
    """The symbol's close of the session before the current one."""
    told = exchange.board.source.previous_close(symbol)
    if told is not None:
        return told
    market, instant = exchange.market, exchange.now()
    number = market.sessions.last_started(instant) - 1
    if symbol in market.underlyings:
        return Decimal(str(market.close(symbol, number)))
    settled = market.derived.settled(symbol, instant)
    if settled is not None:
        return settled
    quote = market.quote(symbol, market.tick(market.sessions[number].closes))
    return ZERO if quote is None else quote.mid


def complex_json(exchange: Exchange, known: ComplexOrder) -> wire.Json:
    """A complex order with its orders as they are now."""
    orders = exchange.books.orders
    members = [orders[one] for one in known.members]
    return wireorders.complex_order(known, members, [orders[one] for one in known.former])
