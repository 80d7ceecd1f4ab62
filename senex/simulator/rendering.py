"""Accounts, balances and positions on the wire: what REST answers and alerts push, made once."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from senex.domain.money import ZERO
from senex.simulator import wire
from senex.simulator.market.listing import contract

if TYPE_CHECKING:
    from senex.simulator.books.lots import Holding
    from senex.simulator.books.records import Account, ComplexOrder
    from senex.simulator.exchange import Exchange

_ZERO_BALANCES = (
    "long-futures-value",
    "short-futures-value",
    "long-futures-derivative-value",
    "short-futures-derivative-value",
    "futures-margin-requirement",
    "maintenance-call-value",
    "reg-t-call-value",
    "day-trading-call-value",
    "day-equity-call-value",
    "day-trade-excess",
    "pending-cash",
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
        "margin-or-cash": "Margin",
        "is-foreign": False,
        "investment-objective": "SPECULATION",
        "suitable-options-level": "No Restrictions",
    }


def balance_json(exchange: Exchange, number: str) -> wire.Json:
    """An account's balances; every figure follows from cash, marks and margin."""
    known = exchange.accountant.statement(number)
    text = wire.plain
    excess = known.net_liquidation - known.requirement
    return {
        **dict.fromkeys(_ZERO_BALANCES, "0.0"),
        "account-number": number,
        "currency": "USD",
        "cash-balance": text(known.cash),
        "long-equity-value": text(known.long_equity),
        "short-equity-value": text(known.short_equity),
        "long-derivative-value": text(known.long_options),
        "short-derivative-value": text(known.short_options),
        "long-margineable-value": text(known.long_equity),
        "short-margineable-value": text(known.short_equity),
        "margin-equity": text(known.net_liquidation),
        "equity-buying-power": text(2 * known.buying_power),
        "derivative-buying-power": text(known.buying_power),
        "day-trading-buying-power": text(4 * known.buying_power),
        "available-trading-funds": text(known.buying_power),
        "maintenance-requirement": text(known.requirement),
        "reg-t-margin-requirement": text(known.requirement),
        "used-derivative-buying-power": text(known.requirement + known.reserved),
        "maintenance-excess": text(excess),
        "net-liquidating-value": text(known.net_liquidation),
        "cash-available-to-withdraw": text(max(ZERO, known.buying_power)),
        "snapshot-date": exchange.day(),
        "updated-at": wire.stamp(exchange.now()),
    }


def position_json(exchange: Exchange, number: str, holding: Holding, *, marks: bool) -> wire.Json:
    """One position. ``mark`` and ``mark-price`` are the streamed mid, per share."""
    quantity, day = holding.quantity, exchange.day()
    close = previous_close(exchange, holding.symbol)
    realized = holding.realized.get(day, ZERO)
    body: wire.Json = {
        "account-number": number,
        "symbol": holding.symbol,
        "instrument-type": holding.instrument,
        "underlying-symbol": holding.underlying,
        "quantity": abs(quantity),
        "quantity-direction": "Zero" if quantity == 0 else "Long" if quantity > 0 else "Short",
        "close-price": wire.plain(close),
        "average-open-price": wire.plain(holding.average_price),
        "average-yearly-market-close-price": wire.plain(holding.average_price),
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
        body["mark"] = body["mark-price"] = wire.plain(mark)
    return body


def previous_close(exchange: Exchange, symbol: str) -> Decimal:
    """The symbol's close of the session before the current one."""
    market, instant = exchange.market, exchange.now()
    number = market.sessions.last_started(instant) - 1
    if symbol in market.underlyings:
        return Decimal(str(market.underlyings[symbol].daily.close(number)))
    settled = market.derived.settled(symbol, instant)
    if settled is not None:
        return settled
    quote = market.quote(symbol, market.tick(market.sessions[number].closes))
    return ZERO if quote is None else quote.mid


def complex_json(exchange: Exchange, known: ComplexOrder) -> wire.Json:
    """A complex order with its orders as they are now."""
    orders = exchange.books.orders
    members = [orders[one] for one in known.members]
    return wire.complex_order(known, members, [orders[one] for one in known.former])
