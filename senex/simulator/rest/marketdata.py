"""Market data over REST: what the board quotes."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from aiohttp import web

from senex.simulator import wire
from senex.simulator.market.coins import COINS
from senex.simulator.market.derived import trade_dates
from senex.simulator.market.futureoptions import future_option
from senex.simulator.market.futures import future_contract
from senex.simulator.market.listing import contract
from senex.simulator.market.profiles import PROFILES
from senex.simulator.market.quotes import CENT
from senex.simulator.prints import last_print
from senex.simulator.rendering import previous_close
from senex.simulator.services import labelled, services

if TYPE_CHECKING:
    from datetime import date

    from senex.simulator.exchange import Exchange

routes = web.RouteTableDef()
MAX_SYMBOLS = 100
_DIVIDEND_FREQUENCY = "4"
_KINDS = {
    "index": "Index",
    "equity": "Equity",
    "equity-option": "Equity Option",
    "future": "Future",
    "future-option": "Future Option",
    "cryptocurrency": "Cryptocurrency",
}


def kind_of(symbol: str, day: date) -> str | None:
    """The broker's word for what a symbol is on a date; None for an unknown one."""
    if symbol in PROFILES:
        return "Index" if PROFILES[symbol].is_index else "Equity"
    if symbol in COINS:
        return "Cryptocurrency"
    if symbol.startswith("/"):
        return None if future_contract(symbol, day) is None else "Future"
    if symbol.startswith("./"):
        return None if future_option(symbol, day) is None else "Future Option"
    return None if contract(symbol) is None else "Equity Option"


def quote_json(exchange: Exchange, kind: str, symbol: str) -> wire.Json | None:
    """A symbol's market data; None for an unknown one, or one of another kind."""
    if kind_of(symbol, exchange.day()) != kind:
        return None
    quote = exchange.board.quote(symbol)
    if quote is None:
        return None
    market = exchange.market
    number = market.sessions.last_started(exchange.now())
    mark = wire.plain(quote.mid)
    body: wire.Json = {
        "symbol": symbol,
        "instrument-type": kind,
        "updated-at": wire.stamp(quote.changed),
        "bid": wire.plain(quote.bid_price),
        "bid-size": str(quote.bid_size),
        "ask": wire.plain(quote.ask_price),
        "ask-size": str(quote.ask_size),
        "mid": mark,
        "mark": mark,
        "close-price-type": "Unknown",
        "summary-date": market.sessions[number].day,
        "prev-close-date": market.sessions[number - 1].day,
        "prev-close": wire.plain(previous_close(exchange, symbol)),
        "prev-close-price-type": "Final",
        "is-trading-halted": False,
        "trading-halted": False,
        "halt-start-time": -1,
        "halt-end-time": -1,
    }
    if symbol in PROFILES:
        return body | _underlying(exchange, symbol, number)
    if kind == "Equity Option":
        return body | _option(exchange, symbol)
    return body | _derived(exchange, symbol, None if kind == "Future Option" else quote.unit)


def _underlying(exchange: Exchange, symbol: str, number: int) -> wire.Json:
    """The day, the year and the dividend of a stock, fund or index; an index has no volume."""
    market, profile, tick = exchange.market, PROFILES[symbol], exchange.board.tick
    body = _day(*market.day_bar(symbol, number, tick), CENT)
    low, high = market.year_range(symbol, tick)
    body |= {"beta": profile.beta, "year-low-price": f"{low:.2f}", "year-high-price": f"{high:.2f}"}
    if not profile.is_index:
        body["volume"] = str(market.volume(symbol, tick))
    if profile.dividend:
        body |= {"dividend-amount": wire.plain(profile.dividend), "dividend-frequency": _DIVIDEND_FREQUENCY}
    return body


def _option(exchange: Exchange, symbol: str) -> wire.Json:
    """What traded of an option today and what is open; its last trade where there was one lately."""
    tick = exchange.board.tick
    body: wire.Json = {
        "volume": str(exchange.market.volume(symbol, tick)),
        "open-interest": str(exchange.market.open_interest(symbol, tick)),
    }
    known = last_print(exchange, symbol)
    if known is None:
        return body
    last = f"{known.price:.2f}"
    return body | {"last": last, "last-mkt": last, "last-trade-time": int(known.at.timestamp() * 1000)}


def _derived(exchange: Exchange, symbol: str, unit: Decimal | None) -> wire.Json:
    """The trade date of a future or coin so far, in units; of an option on a future only which date it is."""
    market = exchange.market
    instant = market.instant(exchange.board.tick)
    today, before = trade_dates(symbol, instant)
    body: wire.Json = {"summary-date": today, "prev-close-date": before}
    return body if unit is None else body | _day(*market.derived.day(symbol, instant), unit)


def _day(opened: float, high: float, low: float, last: float, unit: Decimal) -> wire.Json:
    names = ("open", "day-high-price", "day-low-price", "last")
    prices = (wire.plain(round(Decimal(price) / unit) * unit) for price in (opened, high, low, last))
    body: wire.Json = dict(zip(names, prices, strict=True))
    return body | {"last-mkt": body["last"]}


@routes.get("/market-data/by-type")
@labelled("market-data")
async def by_type(request: web.Request) -> web.Response:
    """Quotes of up to 100 symbols."""
    exchange = services(request).exchange
    wanted = [
        (_KINDS[name], symbol)
        for name, text in request.query.items()
        if name in _KINDS
        for symbol in text.split(",")
    ]
    if len(wanted) > MAX_SYMBOLS:
        return wire.error(400, "validation_error", f"At most {MAX_SYMBOLS} symbols at once")
    found = (quote_json(exchange, kind, symbol) for kind, symbol in wanted)
    return wire.items(body for body in found if body is not None)


@routes.get("/market-data/{kind}/{symbol:.+}")
@labelled("market-data")
async def one(request: web.Request) -> web.Response:
    """One symbol's quote."""
    kind, symbol = request.match_info["kind"], request.match_info["symbol"]
    if kind not in _KINDS.values():
        raise wire.Invalid("instrument-type")
    body = quote_json(services(request).exchange, kind, symbol)
    return wire.not_found(symbol) if body is None else wire.data(body)
