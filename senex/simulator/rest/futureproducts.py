"""Products: what futures have in common, and options on them."""

from __future__ import annotations

from aiohttp import web

from senex.simulator import wire
from senex.simulator.market.futureoptions import FUTURE_OPTION_PRODUCTS, FutureOptionProduct
from senex.simulator.market.futures import FUTURE_PRODUCTS, FutureProduct
from senex.simulator.services import labelled

routes = web.RouteTableDef()


def product_json(known: FutureProduct, *, options: bool = False) -> wire.Json:
    """A product of futures, on request with the products of options on it."""
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
        body["option-products"] = [option_product_json(one) for one in options_of(known)]
    return body


def options_of(product: FutureProduct) -> list[FutureOptionProduct]:
    """The products of options on a product of futures."""
    return [one for one in FUTURE_OPTION_PRODUCTS.values() if one.future == product.code]


def option_product_json(known: FutureOptionProduct, *, future: bool = False) -> wire.Json:
    """A product of options, on request with that of its futures."""
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
        body["future-product"] = product_json(product)
    return body


@routes.get("/instruments/future-products")
@labelled("futures")
async def products(request: web.Request) -> web.Response:
    """All products of futures."""
    del request
    return wire.items(product_json(one, options=True) for one in FUTURE_PRODUCTS.values())


@routes.get("/instruments/future-products/{exchange}/{code}")
@labelled("futures")
async def product(request: web.Request) -> web.Response:
    """One product of futures."""
    known = FUTURE_PRODUCTS.get(request.match_info["code"])
    if known is None or known.exchange != request.match_info["exchange"]:
        return wire.not_found(f"future product {request.match_info['code']}")
    return wire.data(product_json(known, options=True))


@routes.get("/instruments/future-option-products")
@labelled("futures")
async def option_products(request: web.Request) -> web.Response:
    """All products of options on futures."""
    del request
    return wire.items(option_product_json(one, future=True) for one in FUTURE_OPTION_PRODUCTS.values())


@routes.get("/instruments/future-option-products/{exchange}/{root}")
@labelled("futures")
async def option_product(request: web.Request) -> web.Response:
    """One product of options on futures."""
    known = FUTURE_OPTION_PRODUCTS.get(request.match_info["root"])
    if known is None or known.product.exchange != request.match_info["exchange"]:
        return wire.not_found(f"future option product {request.match_info['root']}")
    return wire.data(option_product_json(known, future=True))
