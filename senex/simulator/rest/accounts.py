"""Accounts: facts, balances, positions, ledger."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from aiohttp import web

from senex.domain.money import ZERO
from senex.simulator import wire
from senex.simulator.market.listing import contract
from senex.simulator.services import labelled, services

if TYPE_CHECKING:
    from collections.abc import Sequence

    from senex.simulator.books.lots import Holding
    from senex.simulator.books.records import Account, Entry
    from senex.simulator.exchange import Exchange

routes = web.RouteTableDef()
TRANSACTIONS_PAGE = 250
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
    quote = market.quote(symbol, market.tick(market.sessions[number].closes))
    return ZERO if quote is None else quote.mid


def _account(request: web.Request) -> str:
    number = request.match_info["account"]
    if number not in services(request).exchange.books.accounts:
        raise web.HTTPNotFound
    return number


@routes.get("/customers/me/accounts")
@labelled("accounts")
async def accounts(request: web.Request) -> web.Response:
    """All accounts."""
    known = services(request).exchange.books.accounts.values()
    return wire.items({"account": account_json(account), "authority-level": "owner"} for account in known)


@routes.get("/customers/me/accounts/{account}")
@labelled("accounts")
async def account(request: web.Request) -> web.Response:
    """One account."""
    return wire.data(account_json(services(request).exchange.books.accounts[_account(request)]))


@routes.get("/accounts/{account}/trading-status")
@labelled("trading-status")
async def trading_status(request: web.Request) -> web.Response:
    """What the account may do."""
    number, exchange = _account(request), services(request).exchange
    no = (
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
        "is-in-margin-call",
        "is-pattern-day-trader",
        "is-small-notional-futures-intra-day-enabled",
        "is-roll-the-day-forward-enabled",
        "are-far-otm-net-options-restricted",
        "is-equity-offering-enabled",
        "is-equity-offering-closing-only",
        "is-portfolio-margin-enabled",
        "is-risk-reducing-only",
    )
    return wire.data(
        {
            **dict.fromkeys(no, False),
            "account-number": number,
            "equities-margin-calculation-type": "Reg T",
            "fee-schedule-name": "default",
            "futures-margin-rate-multiplier": "0.0",
            "has-intraday-equities-margin": False,
            "id": list(exchange.books.accounts).index(number) + 1,
            "options-level": "No Restrictions",
            "short-calls-enabled": True,
            "small-notional-futures-margin-rate-multiplier": "0.0",
            "day-trade-count": 0,
            "updated-at": wire.stamp(exchange.books.accounts[number].opened_at),
        }
    )


@routes.get("/accounts/{account}/balances")
@routes.get("/accounts/{account}/balances/{currency}")
@labelled("balances-currency")
async def balances(request: web.Request) -> web.Response:
    """Balances in dollars."""
    return wire.data(balance_json(services(request).exchange, _account(request)))


@routes.get("/accounts/{account}/positions")
@labelled("positions")
async def positions(request: web.Request) -> web.Response:
    """Open positions, on request closed ones and marks too."""
    number, exchange, query = _account(request), services(request).exchange, request.query
    underlyings = query.getall("underlying-symbol[]", [])
    closed = query.get("include-closed-positions") == "true"
    marks = query.get("include-marks") == "true"
    found = [
        position_json(exchange, number, holding, marks=marks)
        for holding in exchange.books.holdings[number].values()
        if (closed or holding.quantity)
        and (not underlyings or holding.underlying in underlyings)
        and query.get("symbol", holding.symbol) == holding.symbol
        and query.get("instrument-type", holding.instrument) == holding.instrument
    ]
    return wire.items(found)


@routes.get("/accounts/{account}/transactions")
@labelled("transactions")
async def transactions(request: web.Request) -> web.Response:
    """The ledger, newest first unless asked otherwise."""
    number, query = _account(request), request.query
    entries = [entry for entry in services(request).exchange.books.entries[number] if _asked(entry, request)]
    if query.get("sort", "Desc") != "Asc":
        entries.reverse()
    return wire.page([wire.transaction(entry) for entry in entries], query, TRANSACTIONS_PAGE)


def _asked(entry: Entry, request: web.Request) -> bool:
    query = request.query
    types = [*query.getall("types[]", []), *query.getall("type", [])]
    sub_types = query.getall("sub-type[]", [])
    exact = {
        "symbol": entry.symbol,
        "underlying-symbol": entry.underlying,
        "instrument-type": entry.instrument,
        "action": entry.action,
    }
    return (
        (not types or entry.type in types)
        and (not sub_types or entry.sub_type in sub_types)
        and all(query.get(key, value) == value for key, value in exact.items())
        and ("start-date" not in query or wire.day_of(query["start-date"]) <= entry.day)
        and ("end-date" not in query or entry.day <= wire.day_of(query["end-date"]))
        and ("start-at" not in query or datetime.fromisoformat(query["start-at"]) <= entry.executed_at)
        and ("end-at" not in query or entry.executed_at <= datetime.fromisoformat(query["end-at"]))
    )


@routes.get("/accounts/{account}/transactions/total-fees")
@labelled("transactions")
async def total_fees(request: web.Request) -> web.Response:
    """The fees of one day."""
    number, exchange = _account(request), services(request).exchange
    day = wire.day_of(request.query["date"]) if "date" in request.query else exchange.day()
    fees: Sequence[Decimal] = [entry.fees for entry in exchange.books.entries[number] if entry.day == day]
    return wire.data(wire.signed("total-fees", -sum(fees, ZERO)))


@routes.get(r"/accounts/{account}/transactions/{id:\d+}")
@labelled("transactions")
async def transaction(request: web.Request) -> web.Response:
    """One ledger entry."""
    wanted = int(request.match_info["id"])
    for entry in services(request).exchange.books.entries[_account(request)]:
        if entry.id == wanted:
            return wire.data(wire.transaction(entry))
    return wire.not_found(f"transaction {wanted}")
