"""Market metrics: volatility, events, and the risk-free rate."""

from __future__ import annotations

import itertools
import math
from datetime import timedelta
from typing import TYPE_CHECKING

from aiohttp import web

from senex.simulator import wire
from senex.simulator.market.profiles import PROFILES, Profile
from senex.simulator.market.roots import ROOTS
from senex.simulator.market.surface import RATE
from senex.simulator.rest.equities import LENDABILITY
from senex.simulator.services import labelled, services

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from senex.simulator.exchange import Exchange
    from senex.simulator.market.market import Market

routes = web.RouteTableDef()
_ANNOUNCED = timedelta(days=14)
"""How long before its ex-date a dividend is announced."""
_SESSIONS_PER_YEAR = 252
_QUARTER = 63
_EARNINGS_YIELD = 0.04
_LIQUID = 100_000_000
"""Shares a day: as liquid as the rank can say."""


def metrics_json(exchange: Exchange, symbol: str) -> wire.Json:
    """Volatility and event metrics; rank and percentile are fractions as text, volatilities percent."""
    market, instant, profile = exchange.market, exchange.now(), PROFILES[symbol]
    surface, day = market.underlyings[symbol].surface, exchange.day()
    number = market.sessions.last_started(instant)
    month = surface.month(number)
    realized = {count: _realized(market, symbol, number - 1, count) for count in (30, 60, 90)}
    rank, now = f"{surface.rank(number):.6f}", wire.stamp(instant)
    return {
        "symbol": symbol,
        "implied-volatility-index": f"{month:.6f}",
        "implied-volatility-index-5-day-change": f"{month - surface.month(number - 5):.6f}",
        "implied-volatility-index-rank": rank,
        "tos-implied-volatility-index-rank": rank,
        "tw-implied-volatility-index-rank": rank,
        "tos-implied-volatility-index-rank-updated-at": now,
        "implied-volatility-index-rank-source": "tos",
        "implied-volatility-percentile": f"{surface.percentile(number):.6f}",
        "implied-volatility-updated-at": now,
        "implied-volatility-30-day": f"{100 * month:.2f}",
        **{f"historical-volatility-{count}-day": f"{100 * value:.2f}" for count, value in realized.items()},
        "iv-hv-30-day-difference": f"{100 * (month - realized[30]):.2f}",
        "beta": profile.beta,
        "beta-updated-at": now,
        "corr-spy-3month": f"{_correlation(market, symbol, number - 1):.4f}",
        "market-cap": str(profile.market_cap),
        "listed-market": profile.listed_market,
        "updated-at": now,
        "created-at": now,
        "option-expiration-implied-volatilities": [
            {
                "expiration-date": expiration.day,
                "option-chain-type": "Standard" if ROOTS[expiration.root].standard else "Non-standard",
                "settlement-type": expiration.settlement,
                "implied-volatility": f"{market.volatility_of(expiration, exchange.board.tick):.6f}",
            }
            for expiration in market.chain(symbol, exchange.board.tick)
        ],
        **_liquidity(profile, now),
        **_dividends(market, profile, day, now),
        **_earnings(market, symbol, day, now),
    }


def _changes(market: Market, symbol: str, number: int, count: int) -> list[float]:
    closes = [market.close(symbol, number - back) for back in range(count, -1, -1)]
    return [math.log(after / before) for before, after in itertools.pairwise(closes)]


def _realized(market: Market, symbol: str, number: int, count: int) -> float:
    """Realised volatility of the daily changes up to a close, annualised fraction."""
    if count == 30:
        return market.underlyings[symbol].daily.volatility(number)
    changes = _changes(market, symbol, number, count)
    mean = sum(changes) / count
    variance = sum((change - mean) ** 2 for change in changes) / (count - 1)
    return math.sqrt(variance * _SESSIONS_PER_YEAR)


def _correlation(market: Market, symbol: str, number: int) -> float:
    """Correlation of the last quarter's daily changes with those of SPY."""
    ours, spy = (_changes(market, one, number, _QUARTER) for one in (symbol, "SPY"))

    def product(left: Sequence[float], right: Sequence[float]) -> float:
        middle_left, middle_right = sum(left) / _QUARTER, sum(right) / _QUARTER
        return sum((x - middle_left) * (y - middle_right) for x, y in zip(left, right, strict=True))

    return product(ours, spy) / math.sqrt(product(ours, ours) * product(spy, spy))


def _liquidity(profile: Profile, now: str) -> wire.Json:
    """How easily shares and options change hands; indices have no shares to lend."""
    if profile.is_index:
        return {}
    share = min(1.0, profile.turnover / _LIQUID)
    return {
        "liquidity-value": str(profile.turnover),
        "liquidity-rank": f"{share:.6f}",
        "liquidity-rating": 1 + round(3 * math.sqrt(share)),
        "liquidity-running-state": {
            "sum": str(profile.turnover),
            "count": 1,
            "started-at": now,
            "updated-at": now,
        },
        "lendability": LENDABILITY,
        "borrow-rate": "0.0",
    }


def _dividends(market: Market, profile: Profile, day: date, now: str) -> wire.Json:
    """The last dividend announced, and when the next is expected."""
    known = market.dividends(profile.symbol)
    announced = [one for one in known if one.ex_date <= day + _ANNOUNCED]
    if not announced:
        return {}
    expected = known[len(announced) :]
    body: wire.Json = {
        "dividend-rate-per-share": wire.plain(4 * announced[-1].amount),
        "dividend-yield": f"{profile.dividend_yield:.6f}",
        "dividend-ex-date": announced[-1].ex_date,
        "dividend-pay-date": announced[-1].pay_date,
        "dividend-updated-at": now,
    }
    return body | {"dividend-next-date": expected[0].ex_date} if expected else body


def _earnings(market: Market, symbol: str, day: date, now: str) -> wire.Json:
    """The next report, and what the last four came to."""
    known = market.earnings(symbol)
    past, coming = [one for one in known if one.day < day], [one for one in known if one.day >= day]
    body: wire.Json = {}
    if len(past) >= 4:
        year = sum(_eps(market, symbol, one.day) for one in past[-4:])
        body["earnings-per-share"] = f"{year:.2f}"
        body["price-earnings-ratio"] = f"{PROFILES[symbol].price / year:.2f}"
    if coming:
        body["earnings"] = {
            "visible": True,
            "estimated": True,
            "late-flag": 0,
            "expected-report-date": coming[0].day,
            "time-of-day": coming[0].time,
            "updated-at": now,
        }
    return body


def _eps(market: Market, symbol: str, day: date) -> float:
    """What a share earned in the quarter reported on a date, dollars to the cent."""
    surprise = market.draws.between(0.85, 1.15, symbol, "eps", day.isoformat())
    return round(PROFILES[symbol].price * _EARNINGS_YIELD / 4 * surprise, 2)


@routes.get("/market-metrics")
@labelled("market-metrics")
async def metrics(request: web.Request) -> web.Response:
    """Metrics by symbol."""
    if not request.query.get("symbols"):
        raise wire.Invalid("symbols", "is missing")
    exchange, wanted = services(request).exchange, request.query["symbols"].split(",")
    return wire.items(metrics_json(exchange, symbol) for symbol in wanted if symbol in PROFILES)


@routes.get("/market-metrics/historic-corporate-events/dividends/{symbol}")
@labelled("market-metrics")
async def dividends(request: web.Request) -> web.Response:
    """Dividends paid so far."""
    exchange = services(request).exchange
    known = exchange.market.dividends(_symbol(request))
    return wire.items(
        {"occurred-date": one.ex_date, "amount": wire.plain(one.amount)}
        for one in known
        if one.ex_date <= exchange.day()
    )


@routes.get("/market-metrics/historic-corporate-events/earnings-reports/{symbol}")
@labelled("market-metrics")
async def earnings(request: web.Request) -> web.Response:
    """Reports so far, from a date on."""
    symbol, exchange = _symbol(request), services(request).exchange
    if "start-date" not in request.query:
        raise wire.Invalid("start-date", "is missing")
    first = wire.day_of(request.query["start-date"], "start-date")
    return wire.items(
        {"occurred-date": one.day, "eps": f"{_eps(exchange.market, symbol, one.day):.2f}"}
        for one in exchange.market.earnings(symbol)
        if first <= one.day <= exchange.day()
    )


def _symbol(request: web.Request) -> str:
    symbol = request.match_info["symbol"]
    if symbol not in PROFILES:
        raise web.HTTPNotFound
    return symbol


@routes.get("/margin-requirements-public-configuration")
@labelled("public")
async def public_configuration(request: web.Request) -> web.Response:
    """The risk-free rate; needs no token."""
    del request
    return wire.data({"risk-free-rate": f"{RATE:.4f}"})
