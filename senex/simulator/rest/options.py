"""Options on equities and indices, and their chains."""

from __future__ import annotations

from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING

from aiohttp import web

from senex.domain.symbols import OptionSymbol, Right
from senex.simulator import wire
from senex.simulator.market.listing import Contract, contract
from senex.simulator.market.profiles import PROFILES
from senex.simulator.market.roots import ROOTS, SHARES, Root
from senex.simulator.rest.equities import option_ticks
from senex.simulator.services import labelled, services

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from senex.simulator.exchange import Exchange
    from senex.simulator.market.listing import Expiration

routes = web.RouteTableDef()
OPTIONS_PAGE = 1000
_RIGHTS = (Right.CALL, Right.PUT)


def _option(known: Contract, kind: str, today: date) -> wire.Json:
    option = known.option
    return {
        "symbol": known.occ,
        "instrument-type": "Equity Option",
        "active": True,
        "strike-price": wire.plain(option.strike),
        "root-symbol": option.root,
        "underlying-symbol": known.underlying,
        "expiration-date": option.expiry,
        "exercise-style": known.exercise_style,
        "shares-per-contract": SHARES,
        "option-type": option.right,
        "option-chain-type": _chain_type(known.root),
        "expiration-type": kind,
        "settlement-type": known.settlement,
        "stops-trading-at": wire.stamp(known.stops_trading_at),
        "expires-at": wire.stamp(known.expires_at),
        "market-time-instrument-collection": "Index"
        if PROFILES[known.underlying].is_index
        else "Equity Option",
        "days-to-expiration": (option.expiry - today).days,
        "is-closing-only": False,
        "streamer-symbol": known.streamer,
    }


def _chain_type(root: Root) -> str:
    return "Standard" if root.standard else "Non-standard"


def _listed(exchange: Exchange, symbol: str) -> wire.Json | None:
    """One option that is listed today."""
    known = exchange.market.listed(symbol, exchange.board.tick)
    if known is None:
        return None
    option = known.option
    for one in exchange.market.chain(known.underlying, exchange.board.tick):
        if (one.root, one.day) == (option.root, option.expiry):
            return _option(known, one.kind, exchange.day())
    return None


def _chain(request: web.Request) -> tuple[Expiration, ...]:
    """The expirations of the underlying in the path."""
    symbol, exchange = request.match_info["symbol"], services(request).exchange
    if symbol not in PROFILES or not PROFILES[symbol].has_options:
        raise web.HTTPNotFound
    return exchange.market.chain(symbol, exchange.board.tick)


@routes.get("/option-chains/{symbol}/nested")
@labelled("chains")
async def nested(request: web.Request) -> web.Response:
    """The chains of an underlying's roots, by expiration and strike."""
    today, chain = services(request).exchange.day(), _chain(request)
    by_root = groupby(sorted(chain, key=attrgetter("root", "day")), key=attrgetter("root"))
    chains = {root: _nested(ROOTS[root], expirations, today) for root, expirations in by_root}
    first = request.match_info["symbol"]
    return wire.items(chains[root] for root in sorted(chains, key=lambda root: (root != first, root)))


def _nested(root: Root, expirations: Iterator[Expiration], today: date) -> wire.Json:
    underlying = PROFILES[root.underlying]
    delivered = {
        "id": list(ROOTS).index(root.symbol) + 1,
        "root-symbol": root.symbol,
        "deliverable-type": "Shares",
        "description": f"{root.shares} shares of {root.underlying}",
        "amount": f"{root.shares}.0",
        "symbol": root.underlying,
        "instrument-type": "Equity",
        "percent": "100",
    }
    return {
        "underlying-symbol": root.underlying,
        "root-symbol": root.symbol,
        "option-chain-type": _chain_type(root),
        "shares-per-contract": SHARES,
        "tick-sizes": option_ticks(underlying),
        "deliverables": [] if underlying.is_index else [delivered],
        "expirations": [
            {
                "expiration-type": expiration.kind,
                "expiration-date": expiration.day,
                "days-to-expiration": (expiration.day - today).days,
                "settlement-type": expiration.settlement,
                "strikes": _strikes(expiration),
            }
            for expiration in expirations
        ],
    }


def _strikes(expiration: Expiration) -> list[wire.Json]:
    rows: list[wire.Json] = []
    for strike in expiration.strikes:
        call, put = (OptionSymbol(expiration.root, expiration.day, right, strike) for right in _RIGHTS)
        rows.append(
            {
                "strike-price": wire.plain(strike),
                "call": call.occ,
                "call-streamer-symbol": call.streamer,
                "put": put.occ,
                "put-streamer-symbol": put.streamer,
            }
        )
    return rows


@routes.get("/option-chains/{symbol}")
@labelled("chains")
async def flat(request: web.Request) -> web.Response:
    """The chain, contract by contract."""
    today = services(request).exchange.day()
    return wire.items(
        _option(known, expiration.kind, today)
        for expiration in _chain(request)
        for strike in expiration.strikes
        for right in _RIGHTS
        if (known := contract(OptionSymbol(expiration.root, expiration.day, right, strike).occ)) is not None
    )


@routes.get("/instruments/equity-options")
@labelled("options")
async def options(request: web.Request) -> web.Response:
    """Options by symbol."""
    exchange, wanted = services(request).exchange, request.query.getall("symbol[]", [])
    found = [body for symbol in wanted if (body := _listed(exchange, symbol)) is not None]
    return wire.page(found, request.query, OPTIONS_PAGE)


@routes.get("/instruments/equity-options/{symbol}")
@labelled("options")
async def option(request: web.Request) -> web.Response:
    """One option."""
    body = _listed(services(request).exchange, request.match_info["symbol"])
    if body is None:
        return wire.not_found(f"equity option {request.match_info['symbol']}")
    return wire.data(body)
