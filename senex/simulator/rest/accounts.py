"""Accounts: facts, balances, positions, ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from senex.domain.money import ZERO
from senex.simulator import wire
from senex.simulator.rendering import account_json, balance_json, position_json
from senex.simulator.services import labelled, services

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    from senex.simulator.books.records import Entry

routes = web.RouteTableDef()
TRANSACTIONS_PAGE = 250


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
        and ("start-at" not in query or wire.instant_of(query["start-at"]) <= entry.executed_at)
        and ("end-at" not in query or entry.executed_at <= wire.instant_of(query["end-at"]))
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
