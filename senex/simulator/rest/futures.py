"""Futures, contract by contract."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from senex.simulator import wire
from senex.simulator.market.futures import (
    FUTURE_PRODUCTS,
    FutureContract,
    active_contracts,
    future_contract,
    future_contracts,
)
from senex.simulator.rest.futureproducts import options_of, product_json
from senex.simulator.services import labelled, services

if TYPE_CHECKING:
    from datetime import date

routes = web.RouteTableDef()
FUTURES_PAGE = 250


def _future(known: FutureContract, day: date) -> wire.Json:
    product = known.product
    active, following = active_contracts(product.code, day)
    later = [one for one in future_contracts(product.code, day) if one.expiry > known.expiry]
    ends = wire.stamp(known.expires_at)
    body: wire.Json = {
        "symbol": known.symbol,
        "product-code": product.code,
        "contract-size": "1.0",
        "tick-size": wire.plain(product.tick),
        "notional-multiplier": wire.plain(product.multiplier),
        "main-fraction": "0.0",
        "sub-fraction": "0.0",
        "display-factor": "1.0",
        "last-trade-date": known.expiry,
        "expiration-date": known.expiry,
        "closing-only-date": known.expiry,
        "active": True,
        "active-month": known == active,
        "next-active-month": known == following,
        "is-closing-only": False,
        "is-tradeable": True,
        "stops-trading-at": ends,
        "expires-at": ends,
        "product-group": f"{product.exchange}_{product.code}",
        "exchange": product.exchange,
        "streamer-exchange-code": product.streamer_exchange,
        "streamer-symbol": known.streamer,
        "back-month-first-calendar-symbol": True,
        "future-product": product_json(product),
        "tick-sizes": [{"value": wire.plain(product.tick)}],
        "option-tick-sizes": [{"value": wire.plain(one.tick)} for one in options_of(product)[:1]],
    }
    if later:
        body["roll-target-symbol"] = later[0].symbol
        body["spread-tick-sizes"] = [
            {"value": wire.plain(product.tick), "symbol": f"{known.symbol}{later[0].symbol}"}
        ]
    if product.etf is not None:
        body["future-etf-equivalent"] = {"symbol": product.etf[0], "share-quantity": product.etf[1]}
    return body


@routes.get("/instruments/futures")
@labelled("futures")
async def futures(request: web.Request) -> web.Response:
    """Futures by symbol or by product, or all of them."""
    query, day = request.query, services(request).exchange.day()
    if "symbol[]" in query:
        known = [one for text in query.getall("symbol[]") if (one := future_contract(text, day)) is not None]
    else:
        codes = query.getall("product-code[]", list(FUTURE_PRODUCTS))
        known = [one for code in codes if code in FUTURE_PRODUCTS for one in future_contracts(code, day)]
    return wire.page([_future(one, day) for one in known], query, FUTURES_PAGE)


@routes.get("/instruments/futures/{symbol}")
@labelled("futures")
async def future(request: web.Request) -> web.Response:
    """One future."""
    day = services(request).exchange.day()
    known = future_contract(request.match_info["symbol"], day)
    if known is None:
        return wire.not_found(f"future {request.match_info['symbol']}")
    return wire.data(_future(known, day))
