"""Options on futures, and their chains."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from senex.domain.symbols import Right
from senex.simulator import wire
from senex.simulator.market.futureoptions import (
    FutureOption,
    FutureOptionExpiration,
    future_option,
    future_option_expirations,
    strikes,
)
from senex.simulator.market.futures import FUTURE_PRODUCTS, active_contracts, future_contracts
from senex.simulator.rest.futureproducts import option_product_json
from senex.simulator.services import labelled, services

if TYPE_CHECKING:
    from datetime import date
    from decimal import Decimal

    from senex.simulator.exchange import Exchange

routes = web.RouteTableDef()
OPTIONS_PAGE = 250


def _option(known: FutureOption, day: date) -> wire.Json:
    ends, future = known.expiration, known.expiration.future
    product, stops = future.product, wire.stamp(ends.expires_at)
    return {
        "symbol": known.symbol,
        "underlying-symbol": future.symbol,
        "product-code": product.code,
        "expiration-date": ends.expiry,
        "root-symbol": product.root,
        "option-root-symbol": ends.product.root,
        "strike-price": wire.plain(known.strike),
        "exchange": product.exchange,
        "exchange-symbol": f"{ends.contract_symbol} {known.right}{known.strike.normalize():f}",
        "streamer-symbol": known.streamer,
        "option-type": known.right,
        "exercise-style": ends.product.style,
        "is-vanilla": True,
        "is-primary-deliverable": True,
        "future-price-ratio": "1.0",
        "multiplier": "1.0",
        "underlying-count": "1.0",
        "is-confirmed": True,
        "notional-value": wire.plain(product.multiplier / 100),
        "display-factor": "0.01",
        "security-exchange": product.streamer_exchange,
        "sx-id": "0",
        "settlement-type": "Future",
        "strike-factor": "1.0",
        "maturity-date": ends.expiry,
        "is-exercisable-weekly": True,
        "last-trade-time": "0",
        "days-to-expiration": (ends.expiry - day).days,
        "is-closing-only": False,
        "active": True,
        "stops-trading-at": stops,
        "expires-at": stops,
        "future-option-product": option_product_json(ends.product),
    }


def _strikes(exchange: Exchange, expiration: FutureOptionExpiration) -> tuple[Decimal, ...]:
    """What is listed: strikes around the future's last close."""
    market = exchange.market
    instant = market.instant(exchange.board.tick)
    return strikes(expiration.product, market.derived.previous_close(expiration.future.symbol, instant))


@routes.get("/instruments/future-options")
@labelled("futures")
async def options(request: web.Request) -> web.Response:
    """Options on futures by symbol."""
    day = services(request).exchange.day()
    wanted = request.query.getall("symbol[]", [])
    known = [one for text in wanted if (one := future_option(text, day)) is not None]
    return wire.page([_option(one, day) for one in known], request.query, OPTIONS_PAGE)


@routes.get("/instruments/future-options/{symbol}")
@labelled("futures")
async def option(request: web.Request) -> web.Response:
    """One option on a future."""
    exchange, symbol = services(request).exchange, request.match_info["symbol"]
    known = future_option(symbol, exchange.day())
    if known is None or known.strike not in _strikes(exchange, known.expiration):
        return wire.not_found(f"future option {symbol}")
    return wire.data(_option(known, exchange.day()))


@routes.get("/futures-option-chains/{code}")
@labelled("futures")
async def chain(request: web.Request) -> web.Response:
    """All options on a product's futures, contract by contract."""
    exchange, code = services(request).exchange, request.match_info["code"].removeprefix("/")
    if code not in FUTURE_PRODUCTS:
        return wire.not_found(f"future product {code}")
    day = exchange.day()
    return wire.items(
        _option(FutureOption(expiration, right, strike), day)
        for expiration in future_option_expirations(code, day)
        for strike in _strikes(exchange, expiration)
        for right in (Right.CALL, Right.PUT)
    )


@routes.get("/futures-option-chains/{code}/nested")
@labelled("futures")
async def nested(request: web.Request) -> web.Response:
    """All options on a product's futures, by exercise style, expiration and strike."""
    exchange, code = services(request).exchange, request.match_info["code"].removeprefix("/")
    if code not in FUTURE_PRODUCTS:
        return wire.not_found(f"future product {code}")
    day, root = exchange.day(), FUTURE_PRODUCTS[code].root
    active, following = active_contracts(code, day)
    expirations = future_option_expirations(code, day)
    delivered = {expiration.future.symbol for expiration in expirations}
    return wire.data(
        {
            "futures": [
                {
                    "symbol": one.symbol,
                    "root-symbol": root,
                    "expiration-date": one.expiry,
                    "days-to-expiration": (one.expiry - day).days,
                    "active-month": one == active,
                    "next-active-month": one == following,
                    "stops-trading-at": wire.stamp(one.expires_at),
                    "expires-at": wire.stamp(one.expires_at),
                    "maturity-date": one.expiry,
                }
                for one in future_contracts(code, day)
                if one.symbol in delivered
            ],
            "option-chains": [
                {
                    "underlying-symbol": root,
                    "root-symbol": root,
                    "exercise-style": style,
                    "expirations": [
                        _nested(exchange, one) for one in expirations if one.product.style == style
                    ],
                }
                for style in sorted({one.product.style for one in expirations})
            ],
        }
    )


def _nested(exchange: Exchange, known: FutureOptionExpiration) -> wire.Json:
    product, stops = known.future.product, wire.stamp(known.expires_at)
    rows = []
    for strike in _strikes(exchange, known):
        call, put = (FutureOption(known, right, strike) for right in (Right.CALL, Right.PUT))
        rows.append(
            {
                "strike-price": wire.plain(strike),
                "call": call.symbol,
                "call-streamer-symbol": call.streamer,
                "put": put.symbol,
                "put-streamer-symbol": put.streamer,
            }
        )
    return {
        "underlying-symbol": known.future.symbol,
        "root-symbol": product.root,
        "option-root-symbol": known.product.root,
        "option-contract-symbol": known.contract_symbol,
        "asset": known.product.root,
        "expiration-date": known.expiry,
        "days-to-expiration": (known.expiry - exchange.day()).days,
        "expiration-type": known.product.expiration_type,
        "settlement-type": "PM",
        "notional-value": wire.plain(product.multiplier / 100),
        "display-factor": "0.01",
        "strike-factor": "1.0",
        "stops-trading-at": stops,
        "expires-at": stops,
        "tick-sizes": [{"value": wire.plain(known.product.tick)}],
        "strikes": rows,
    }
