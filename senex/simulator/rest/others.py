"""What else is listed: cryptocurrencies, currency pairs, warrants, and how finely quantities divide."""

from __future__ import annotations

from aiohttp import web

from senex.simulator import wire
from senex.simulator.market.coins import COINS, Coin
from senex.simulator.services import labelled

routes = web.RouteTableDef()
_PAIRS = {"EUR/USD": "Euro / US Dollar", "GBP/USD": "British Pound / US Dollar", "USD/JPY": "US Dollar / Yen"}
_WARRANTS = {"NKLAW": "NIKOLA CORPORATION WARRANT", "OPENW": "OPENDOOR TECHNOLOGIES INC. WARRANT"}
_WHOLE = ("Equity", "Equity Option", "Future", "Future Option")


def _coin(known: Coin) -> wire.Json:
    number = list(COINS).index(known.symbol) + 1
    return {
        "id": number,
        "symbol": known.symbol,
        "instrument-type": "Cryptocurrency",
        "short-description": known.description,
        "description": f"{known.description} to USD",
        "is-closing-only": False,
        "active": True,
        "tick-size": wire.plain(known.tick),
        "streamer-symbol": known.streamer,
        "destination-venue-symbols": [
            {
                "id": number,
                "symbol": known.symbol.replace("/", "-"),
                "destination-venue": "SIMULATOR",
                "max-quantity-precision": known.digits,
                "max-price-precision": 2,
                "routable": True,
            }
        ],
    }


def _warrant(symbol: str) -> wire.Json:
    return {
        "symbol": symbol,
        "instrument-type": "Warrant",
        "listed-market": "XNAS",
        "description": _WARRANTS[symbol],
        "is-closing-only": True,
        "active": False,
    }


@routes.get("/instruments/cryptocurrencies")
@labelled("cryptocurrencies")
async def coins(request: web.Request) -> web.Response:
    """Cryptocurrencies by symbol, or all of them."""
    wanted = request.query.getall("symbol[]", list(COINS))
    return wire.items(_coin(COINS[symbol]) for symbol in wanted if symbol in COINS)


@routes.get("/instruments/cryptocurrencies/{symbol}")
@labelled("cryptocurrencies")
async def coin(request: web.Request) -> web.Response:
    """One cryptocurrency."""
    known = COINS.get(request.match_info["symbol"])
    return wire.not_found(request.match_info["symbol"]) if known is None else wire.data(_coin(known))


@routes.get("/instruments/warrants")
@labelled("warrants")
async def warrants(request: web.Request) -> web.Response:
    """Warrants by symbol, or all of them: on record, none trades."""
    wanted = request.query.getall("symbol[]", list(_WARRANTS))
    return wire.items(_warrant(symbol) for symbol in wanted if symbol in _WARRANTS)


@routes.get("/instruments/warrants/{symbol}")
@labelled("warrants")
async def warrant(request: web.Request) -> web.Response:
    """One warrant."""
    symbol = request.match_info["symbol"]
    return wire.data(_warrant(symbol)) if symbol in _WARRANTS else wire.not_found(f"warrant {symbol}")


@routes.get("/instruments/currency-pairs")
@labelled("currency-pairs")
async def currency_pairs(request: web.Request) -> web.Response:
    """Currency pairs: on record, not quoted."""
    del request
    return wire.items(
        {
            "id": number,
            "symbol": symbol,
            "instrument-type": "Currency Pair",
            "description": description,
            "dx-symbol": symbol,
        }
        for number, (symbol, description) in enumerate(_PAIRS.items(), 1)
    )


@routes.get("/instruments/quantity-decimal-precisions")
@labelled("precisions")
async def precisions(request: web.Request) -> web.Response:
    """How many decimal places a quantity may have."""
    del request
    whole: list[wire.Json] = [
        {"instrument-type": kind, "value": 0, "minimum-increment-precision": 0} for kind in _WHOLE
    ]
    fine: list[wire.Json] = [
        {
            "instrument-type": "Cryptocurrency",
            "symbol": coin.symbol,
            "value": coin.digits,
            "minimum-increment-precision": coin.digits,
        }
        for coin in COINS.values()
    ]
    return wire.items(whole + fine)
