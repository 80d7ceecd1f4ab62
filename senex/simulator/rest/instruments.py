"""Instruments: equities, options, chains."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from senex.domain.symbols import OptionSymbol, Right
from senex.simulator import wire
from senex.simulator.market.listing import Contract, contract
from senex.simulator.market.profiles import PROFILES, Profile
from senex.simulator.services import labelled, services

if TYPE_CHECKING:
    from decimal import Decimal

    from senex.simulator.exchange import Exchange
    from senex.simulator.market.listing import Expiration

routes = web.RouteTableDef()
EQUITIES_PAGE = 250


def _ticks(profile: Profile) -> list[wire.Json]:
    if profile.penny_options:
        return [{"value": "0.01"}]
    return [{"threshold": "3.0", "value": "0.01"}, {"value": "0.05"}]


def _equity(profile: Profile) -> wire.Json:
    return {
        "id": list(PROFILES).index(profile.symbol) + 1,
        "symbol": profile.symbol,
        "instrument-type": "Equity",
        "short-description": profile.description,
        "description": profile.description,
        "is-index": False,
        "is-etf": profile.is_etf,
        "listed-market": profile.listed_market,
        "lendability": "Easy To Borrow",
        "borrow-rate": "0.0",
        "market-time-instrument-collection": "Equity",
        "is-closing-only": False,
        "is-options-closing-only": False,
        "active": True,
        "is-fractional-quantity-eligible": False,
        "is-illiquid": False,
        "streamer-symbol": profile.symbol,
        "tick-sizes": [{"threshold": "1.0", "value": "0.0001"}, {"value": "0.01"}],
        "option-tick-sizes": _ticks(profile),
    }


def _option(exchange: Exchange, known: Contract) -> wire.Json:
    option, today = known.option, exchange.day()
    expiration = next(
        (
            one
            for one in _chain(exchange, known.underlying)
            if (one.root, one.day) == (option.root, option.expiry)
        ),
        None,
    )
    return {
        "symbol": known.occ,
        "instrument-type": "Equity Option",
        "active": expiration is not None,
        "strike-price": wire.plain(option.strike),
        "root-symbol": option.root,
        "underlying-symbol": known.underlying,
        "expiration-date": option.expiry,
        "exercise-style": "American",
        "shares-per-contract": 100,
        "option-type": option.right,
        "option-chain-type": "Standard",
        "expiration-type": "Regular" if expiration is not None and expiration.monthly else "Weekly",
        "settlement-type": "PM",
        "stops-trading-at": wire.stamp(known.stops_trading_at),
        "expires-at": wire.stamp(known.stops_trading_at),
        "market-time-instrument-collection": "Equity Option",
        "days-to-expiration": (option.expiry - today).days,
        "is-closing-only": False,
        "streamer-symbol": known.streamer,
    }


def _chain(exchange: Exchange, symbol: str) -> tuple[Expiration, ...]:
    return exchange.market.chain(symbol, exchange.board.tick)


def _pair(root: str, expiration: Expiration, strike: Decimal) -> tuple[OptionSymbol, OptionSymbol]:
    return (
        OptionSymbol(root, expiration.day, Right.CALL, strike),
        OptionSymbol(root, expiration.day, Right.PUT, strike),
    )


@routes.get("/option-chains/{symbol}/nested")
@labelled("chains")
async def nested(request: web.Request) -> web.Response:
    """The chain, by expiration and strike."""
    symbol, exchange = request.match_info["symbol"], services(request).exchange
    if symbol not in PROFILES:
        return wire.not_found(f"option chain for {symbol}")
    today = exchange.day()
    expirations = []
    for expiration in _chain(exchange, symbol):
        strikes = []
        for strike in expiration.strikes:
            call, put = _pair(symbol, expiration, strike)
            strikes.append(
                {
                    "strike-price": wire.plain(strike),
                    "call": call.occ,
                    "call-streamer-symbol": call.streamer,
                    "put": put.occ,
                    "put-streamer-symbol": put.streamer,
                }
            )
        expirations.append(
            {
                "expiration-type": "Regular" if expiration.monthly else "Weekly",
                "expiration-date": expiration.day,
                "days-to-expiration": (expiration.day - today).days,
                "settlement-type": "PM",
                "strikes": strikes,
            }
        )
    chain = {
        "underlying-symbol": symbol,
        "root-symbol": symbol,
        "option-chain-type": "Standard",
        "shares-per-contract": 100,
        "tick-sizes": _ticks(PROFILES[symbol]),
        "deliverables": [],
        "expirations": expirations,
    }
    return wire.items([chain])


@routes.get("/option-chains/{symbol}")
@labelled("chains")
async def flat(request: web.Request) -> web.Response:
    """The chain, contract by contract."""
    symbol, exchange = request.match_info["symbol"], services(request).exchange
    if symbol not in PROFILES:
        return wire.not_found(f"option chain for {symbol}")
    return wire.items(
        _option(exchange, known)
        for expiration in _chain(exchange, symbol)
        for strike in expiration.strikes
        for option in _pair(symbol, expiration, strike)
        if (known := contract(option.occ)) is not None
    )


@routes.get("/instruments/equities")
@labelled("equities")
async def equities(request: web.Request) -> web.Response:
    """Equities by symbol, or all of them."""
    wanted = request.query.getall("symbol[]", [])
    found = [_equity(profile) for profile in PROFILES.values() if not wanted or profile.symbol in wanted]
    return wire.page(found, request.query, EQUITIES_PAGE)


@routes.get("/instruments/equities/active")
@labelled("equities")
async def active_equities(request: web.Request) -> web.Response:
    """All equities: none is inactive."""
    return wire.page([_equity(profile) for profile in PROFILES.values()], request.query, EQUITIES_PAGE)


@routes.get("/instruments/equities/{symbol}")
@labelled("equities")
async def equity(request: web.Request) -> web.Response:
    """One equity."""
    profile = PROFILES.get(request.match_info["symbol"])
    if profile is None:
        return wire.not_found(f"equity {request.match_info['symbol']}")
    return wire.data(_equity(profile))


@routes.get("/instruments/equity-options")
@labelled("options")
async def options(request: web.Request) -> web.Response:
    """Options by symbol."""
    exchange = services(request).exchange
    wanted = request.query.getall("symbol[]", [])
    return wire.items(
        _option(exchange, known)
        for symbol in wanted
        if (known := exchange.market.listed(symbol, exchange.board.tick)) is not None
    )


@routes.get("/instruments/equity-options/{symbol}")
@labelled("options")
async def option(request: web.Request) -> web.Response:
    """One option."""
    symbol, exchange = request.match_info["symbol"], services(request).exchange
    known = exchange.market.listed(symbol, exchange.board.tick)
    if known is None:
        return wire.not_found(f"equity option {symbol}")
    return wire.data(_option(exchange, known))


@routes.get("/symbols/search/{text}")
@labelled("search")
async def search(request: web.Request) -> web.Response:
    """Symbols that start with a text."""
    text = request.match_info["text"].upper()
    return wire.items(
        {"symbol": profile.symbol, "description": profile.description}
        for profile in PROFILES.values()
        if profile.symbol.startswith(text)
    )
