"""Options on equities and indices, and their chains."""

from __future__ import annotations

from functools import lru_cache
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

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


class _Row(NamedTuple):
    """One strike with the notations of its call and put, by right."""

    strike: str
    occ: dict[Right, str]
    streamer: dict[Right, str]


@lru_cache(maxsize=512)
def _rows(expiration: Expiration) -> tuple[_Row, ...]:
    """An expiration's strikes; made once, because an index has ten thousand of them."""
    found = []
    for strike in expiration.strikes:
        both = [OptionSymbol(expiration.root, expiration.day, right, strike) for right in _RIGHTS]
        occ, streamer = {one.right: one.occ for one in both}, {one.right: one.streamer for one in both}
        found.append(_Row(wire.plain(strike), occ, streamer))
    return tuple(found)


def _terms(known: Contract, kind: str, today: date) -> wire.Json:
    """What all options of an expiration share."""
    index = PROFILES[known.underlying].is_index
    return {
        "instrument-type": "Equity Option",
        "active": True,
        "root-symbol": known.option.root,
        "underlying-symbol": known.underlying,
        "expiration-date": known.option.expiry,
        "exercise-style": known.exercise_style,
        "shares-per-contract": SHARES,
        "option-chain-type": _chain_type(known.root),
        "expiration-type": kind,
        "settlement-type": known.settlement,
        "stops-trading-at": wire.stamp(known.stops_trading_at),
        "expires-at": wire.stamp(known.expires_at),
        "market-time-instrument-collection": "Index" if index else "Equity Option",
        "days-to-expiration": (known.option.expiry - today).days,
        "is-closing-only": False,
    }


def _options(expiration: Expiration, today: date) -> Iterator[wire.Json]:
    """Every option of an expiration."""
    rows = _rows(expiration)
    known = contract(rows[0].occ[Right.CALL]) if rows else None
    terms = {} if known is None else _terms(known, expiration.kind, today)
    for row in rows:
        for right in _RIGHTS:
            yield {
                **terms,
                "symbol": row.occ[right],
                "streamer-symbol": row.streamer[right],
                "strike-price": row.strike,
                "option-type": right,
            }


def _chain_type(root: Root) -> str:
    return "Standard" if root.standard else "Non-standard"


def _listed(exchange: Exchange, symbol: str) -> wire.Json | None:
    """One option that is listed today."""
    known = exchange.market.listed(symbol, exchange.board.tick)
    if known is None:
        return None
    option, today = known.option, exchange.day()
    for one in exchange.market.chain(known.underlying, exchange.board.tick):
        if (one.root, one.day) == (option.root, option.expiry):
            return next(body for body in _options(one, today) if body["symbol"] == known.occ)
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
    return [
        {
            "strike-price": row.strike,
            "call": row.occ[Right.CALL],
            "call-streamer-symbol": row.streamer[Right.CALL],
            "put": row.occ[Right.PUT],
            "put-streamer-symbol": row.streamer[Right.PUT],
        }
        for row in _rows(expiration)
    ]


@routes.get("/option-chains/{symbol}")
@labelled("chains")
async def flat(request: web.Request) -> web.Response:
    """The chain, contract by contract."""
    today = services(request).exchange.day()
    return wire.items(body for expiration in _chain(request) for body in _options(expiration, today))


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
