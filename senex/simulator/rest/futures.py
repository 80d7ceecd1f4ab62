"""Futures, their options, and the products both belong to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from senex.domain.symbols import Right
from senex.simulator import wire
from senex.simulator.market.futureoptions import (
    FUTURE_OPTION_PRODUCTS,
    FutureOption,
    FutureOptionExpiration,
    FutureOptionProduct,
    future_option,
    future_option_expirations,
    strikes,
)
from senex.simulator.market.futures import (
    FUTURE_PRODUCTS,
    FutureContract,
    FutureProduct,
    active_contracts,
    future_contract,
    future_contracts,
)
from senex.simulator.services import labelled, services

if TYPE_CHECKING:
    from datetime import date
    from decimal import Decimal

    from senex.simulator.exchange import Exchange

routes = web.RouteTableDef()
FUTURES_PAGE = 250


def _product(known: FutureProduct, *, options: bool = False) -> wire.Json:
    body: wire.Json = {
        "root-symbol": known.root,
        "code": known.code,
        "description": known.description,
        "clearing-code": known.code,
        "clearing-exchange-code": known.streamer_exchange,
        "exchange": known.exchange,
        "product-type": "Financial" if known.cash_settled else "Physical",
        "listed-months": list(known.listed),
        "active-months": list(known.active),
        "notional-multiplier": wire.plain(known.multiplier),
        "tick-size": wire.plain(known.tick),
        "display-factor": "1.0",
        "streamer-exchange-code": known.streamer_exchange,
        "small-notional": known.small,
        "back-month-first-calendar-symbol": True,
        "first-notice": not known.cash_settled,
        "cash-settled": known.cash_settled,
        "market-sector": known.sector,
        "roll": {
            "name": known.sector.lower().replace(" ", "_"),
            "active-count": known.contracts,
            "cash-settled": known.cash_settled,
            "business-days-offset": 4,
            "first-notice": not known.cash_settled,
        },
    }
    if options:
        body["option-products"] = [_option_product(one) for one in _options_of(known)]
    return body


def _options_of(product: FutureProduct) -> list[FutureOptionProduct]:
    return [one for one in FUTURE_OPTION_PRODUCTS.values() if one.future == product.code]


def _option_product(known: FutureOptionProduct, *, future: bool = False) -> wire.Json:
    product = known.product
    body: wire.Json = {
        "root-symbol": known.root,
        "code": known.root,
        "cash-settled": False,
        "clearing-code": known.root,
        "clearing-exchange-code": product.streamer_exchange,
        "clearing-price-multiplier": "1.0",
        "display-factor": "1.0",
        "exchange": product.exchange,
        "product-type": "Physical",
        "expiration-type": known.expiration_type,
        "settlement-delay-days": 0,
        "is-rollover": False,
        "market-sector": product.sector,
    }
    if future:
        body["future-product"] = _product(product)
    return body


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
        "future-product": _product(product),
        "tick-sizes": [{"value": wire.plain(product.tick)}],
        "option-tick-sizes": [{"value": wire.plain(one.tick)} for one in _options_of(product)[:1]],
    }
    if later:
        body["roll-target-symbol"] = later[0].symbol
        body["spread-tick-sizes"] = [
            {"value": wire.plain(product.tick), "symbol": f"{known.symbol}{later[0].symbol}"}
        ]
    if product.etf is not None:
        body["future-etf-equivalent"] = {"symbol": product.etf[0], "share-quantity": product.etf[1]}
    return body


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
        "future-option-product": _option_product(ends.product),
    }


def _strikes(exchange: Exchange, expiration: FutureOptionExpiration) -> tuple[Decimal, ...]:
    """What is listed: strikes around the future's last close."""
    market = exchange.market
    instant = market.instant(exchange.board.tick)
    return strikes(expiration.product, market.derived.previous_close(expiration.future.symbol, instant))


@routes.get("/instruments/future-products")
@labelled("futures")
async def products(request: web.Request) -> web.Response:
    """All products of futures."""
    del request
    return wire.items(_product(one, options=True) for one in FUTURE_PRODUCTS.values())


@routes.get("/instruments/future-products/{exchange}/{code}")
@labelled("futures")
async def product(request: web.Request) -> web.Response:
    """One product of futures."""
    known = FUTURE_PRODUCTS.get(request.match_info["code"])
    if known is None or known.exchange != request.match_info["exchange"]:
        return wire.not_found(f"future product {request.match_info['code']}")
    return wire.data(_product(known, options=True))


@routes.get("/instruments/future-option-products")
@labelled("futures")
async def option_products(request: web.Request) -> web.Response:
    """All products of options on futures."""
    del request
    return wire.items(_option_product(one, future=True) for one in FUTURE_OPTION_PRODUCTS.values())


@routes.get("/instruments/future-option-products/{exchange}/{root}")
@labelled("futures")
async def option_product(request: web.Request) -> web.Response:
    """One product of options on futures."""
    known = FUTURE_OPTION_PRODUCTS.get(request.match_info["root"])
    if known is None or known.product.exchange != request.match_info["exchange"]:
        return wire.not_found(f"future option product {request.match_info['root']}")
    return wire.data(_option_product(known, future=True))


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


@routes.get("/instruments/future-options")
@labelled("futures")
async def options(request: web.Request) -> web.Response:
    """Options on futures by symbol."""
    day = services(request).exchange.day()
    wanted = request.query.getall("symbol[]", [])
    known = [one for text in wanted if (one := future_option(text, day)) is not None]
    return wire.page([_option(one, day) for one in known], request.query, FUTURES_PAGE)


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
