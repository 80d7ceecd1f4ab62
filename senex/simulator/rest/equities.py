"""Equities, funds and indices, and the search for symbols."""

from __future__ import annotations

from decimal import Decimal

from aiohttp import web

from senex.simulator import wire
from senex.simulator.market.coins import COINS
from senex.simulator.market.futures import FUTURE_PRODUCTS
from senex.simulator.market.profiles import PROFILES, Profile
from senex.simulator.services import labelled

routes = web.RouteTableDef()
EQUITIES_PAGE, ACTIVE_PAGE = 250, 1000
LENDABILITY = "Easy To Borrow"
_IDS = {symbol: number for number, symbol in enumerate(PROFILES, 1)}


def option_ticks(profile: Profile) -> list[wire.Json]:
    """The price steps of an underlying's options."""
    ticks = profile.ticks
    small, large = (wire.plain(Decimal(step) / 100) for step in (ticks.small, ticks.large))
    return [{"value": small}] if small == large else [{"threshold": "3.0", "value": small}, {"value": large}]


def _equity(profile: Profile) -> wire.Json:
    return {
        "id": _IDS[profile.symbol],
        "symbol": profile.symbol,
        "instrument-type": "Index" if profile.is_index else "Equity",
        "short-description": profile.description,
        "description": profile.description,
        "is-index": profile.is_index,
        "is-etf": profile.is_etf,
        "listed-market": profile.listed_market,
        "lendability": LENDABILITY,
        "borrow-rate": "0.0",
        "market-time-instrument-collection": "Equity",
        "is-closing-only": False,
        "is-options-closing-only": False,
        "active": True,
        "is-fractional-quantity-eligible": False,
        "is-illiquid": False,
        "streamer-symbol": profile.symbol,
        "tick-sizes": [{"threshold": "1.0", "value": "0.0001"}, {"value": "0.01"}],
        "option-tick-sizes": option_ticks(profile),
    }


@routes.get("/instruments/equities")
@labelled("equities")
async def equities(request: web.Request) -> web.Response:
    """Equities by symbol, or all of them; a page of those with the properties asked for."""
    query = request.query
    wanted = set(query.getall("symbol[]", PROFILES))
    properties = {
        "lendability": query.get("lendability"),
        "is-index": wire.flag(query, "is-index"),
        "is-etf": wire.flag(query, "is-etf"),
    }
    known = (_equity(profile) for profile in PROFILES.values() if profile.symbol in wanted)
    found = [
        body
        for body in known
        if all(value is None or body[name] == value for name, value in properties.items())
    ]
    return wire.page(found, query, EQUITIES_PAGE)


@routes.get("/instruments/equities/active")
@labelled("equities")
async def active_equities(request: web.Request) -> web.Response:
    """All equities, of one lendability if asked: none is inactive."""
    lendability = request.query.get("lendability", LENDABILITY)
    known = [_equity(profile) for profile in PROFILES.values() if lendability == LENDABILITY]
    return wire.page(known, request.query, ACTIVE_PAGE)


@routes.get("/instruments/equities/{symbol}")
@labelled("equities")
async def equity(request: web.Request) -> web.Response:
    """One equity."""
    profile = PROFILES.get(request.match_info["symbol"])
    if profile is None:
        return wire.not_found(f"equity {request.match_info['symbol']}")
    return wire.data(_equity(profile))


@routes.get("/symbols/search/{text}")
@labelled("search")
async def search(request: web.Request) -> web.Response:
    """Symbols that start with a text."""
    text = request.match_info["text"].upper()
    known = {profile.symbol: profile.description for profile in PROFILES.values()}
    known |= {product.root: product.description for product in FUTURE_PRODUCTS.values()}
    known |= {coin.symbol: coin.description for coin in COINS.values()}
    return wire.items(
        {"symbol": symbol, "description": known[symbol]}
        for symbol in sorted(known)
        if symbol.startswith(text)
    )
