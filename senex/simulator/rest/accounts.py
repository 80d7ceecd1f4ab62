"""Accounts: facts, balances, positions, ledger."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from aiohttp import web

from senex.domain.money import ZERO
from senex.simulator import wire
from senex.simulator.books.records import Sample
from senex.simulator.market.sessions import new_york_date
from senex.simulator.rendering import (
    account_json,
    balance_json,
    position_json,
    trading_status_json,
)
from senex.simulator.reports import margin_json, net_liquidation_bars, snapshot_json
from senex.simulator.services import labelled, services

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date
    from decimal import Decimal

    from senex.simulator.books.records import Entry

routes = web.RouteTableDef()
TRANSACTIONS_PAGE = 250
RECENT_SNAPSHOTS = 5
BACK = {"1d": 1, "1m": 31, "3m": 92, "6m": 183, "1y": 366, "all": 3660}
"""Days that a net liquidation history goes back."""


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
    return wire.data(trading_status_json(services(request).exchange, _account(request)))


@routes.get("/accounts/{account}/balances")
@routes.get("/accounts/{account}/balances/{currency}")
@labelled("balances-currency")
async def balances(request: web.Request) -> web.Response:
    """Balances in dollars."""
    return wire.data(balance_json(services(request).exchange, _account(request)))


@routes.get("/accounts/{account}/balance-snapshots")
@labelled("balance-snapshots")
async def snapshots(request: web.Request) -> web.Response:
    """Balances at the beginning or end of sessions, newest first; without a range the last few."""
    number, query = _account(request), request.query
    time_of_day = query.get("time-of-day", "EOD")
    if time_of_day not in {"BOD", "EOD"}:
        raise wire.Invalid("time-of-day")
    ranged = "start-date" in query or "snapshot-date" in query
    found = [
        snapshot_json(one)
        for one in reversed(services(request).exchange.books.snapshots[number])
        if one.time_of_day == time_of_day
        and query.get("currency", "USD") == "USD"
        and within(query, one.day)
        and ("snapshot-date" not in query or one.day == wire.day_of(query["snapshot-date"], "snapshot-date"))
    ]
    return wire.page(found if ranged else found[:RECENT_SNAPSHOTS], query, TRANSACTIONS_PAGE)


@routes.get("/accounts/{account}/net-liq/history")
@labelled("net-liq-history")
async def net_liq_history(request: web.Request) -> web.Response:
    """Net liquidation over time: the samples of the last day, or one bar per session."""
    number, query, exchange = _account(request), request.query, services(request).exchange
    now = exchange.now()
    if "start-time" in query:
        since = wire.instant_of(query["start-time"], "start-time")
    elif query.get("time-back") in BACK:
        since = now - timedelta(days=BACK[query["time-back"]])
    else:
        raise wire.Invalid("time-back")
    known = exchange.accountant.statement(number)
    current = Sample(number, now, known.net_liquidation, known.pending)
    samples = [one for one in exchange.books.samples[number] if since <= one.instant < now]
    return wire.items(net_liquidation_bars([*samples, current], intraday=now - since <= timedelta(days=2)))


@routes.get("/margin/accounts/{account}/requirements")
@labelled("margin-requirements")
async def margin(request: web.Request) -> web.Response:
    """What each underlying's positions require."""
    return wire.data(margin_json(services(request).exchange, _account(request)))


@routes.get("/accounts/{account}/positions")
@labelled("positions")
async def positions(request: web.Request) -> web.Response:
    """Open positions, on request those closed today and marks too; they are net as they are."""
    number, exchange, query = _account(request), services(request).exchange, request.query
    underlyings = query.getall("underlying-symbol[]", [])
    closed, marks = wire.flag(query, "include-closed-positions"), bool(wire.flag(query, "include-marks"))
    wire.flag(query, "net-positions")
    apart = "partition-keys[]" in query or "underlying-product-code" in query  # nothing here has either
    found = [
        position_json(exchange, number, holding, marks=marks)
        for holding in exchange.books.holdings[number].values()
        if not apart
        and (holding.lots or (closed and new_york_date(holding.updated_at) == exchange.day()))
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
    if query.get("sort", "Desc") not in {"Asc", "Desc"}:
        raise wire.Invalid("sort")
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
    apart = "partition-key" in query or "futures-symbol" in query  # nothing here has either
    return (
        not apart
        and (not types or entry.type in types)
        and (not sub_types or entry.sub_type in sub_types)
        and all(query.get(key, value) == value for key, value in exact.items())
        and within(query, entry.day)
        and ("start-at" not in query or wire.instant_of(query["start-at"], "start-at") <= entry.executed_at)
        and ("end-at" not in query or entry.executed_at <= wire.instant_of(query["end-at"], "end-at"))
    )


def within(query: Mapping[str, str], day: date) -> bool:
    """Whether a day is in the dates a query asks for, both included."""
    return ("start-date" not in query or wire.day_of(query["start-date"], "start-date") <= day) and (
        "end-date" not in query or day <= wire.day_of(query["end-date"], "end-date")
    )


@routes.get("/accounts/{account}/transactions/total-fees")
@labelled("transactions")
async def total_fees(request: web.Request) -> web.Response:
    """The fees of one day."""
    number, exchange = _account(request), services(request).exchange
    day = wire.day_of(request.query["date"], "date") if "date" in request.query else exchange.day()
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
