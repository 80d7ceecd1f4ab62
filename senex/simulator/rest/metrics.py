"""Market metrics: volatility, events, and the risk-free rate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from senex.domain.money import ZERO
from senex.simulator import wire
from senex.simulator.market.profiles import PROFILES
from senex.simulator.market.surface import RATE
from senex.simulator.services import labelled, services

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from senex.simulator.exchange import Exchange

routes = web.RouteTableDef()


def metrics_json(exchange: Exchange, symbol: str) -> wire.Json:
    """Volatility and event metrics; rank and percentile are fractions as text, volatilities percent."""
    market, instant, profile = exchange.market, exchange.now(), PROFILES[symbol]
    underlying = market.underlyings[symbol]
    number = market.sessions.last_started(instant)
    surface, day = underlying.surface, exchange.day()
    month, realized = surface.month(number), underlying.daily.volatility(number - 1)
    rank, now = f"{surface.rank(number):.6f}", wire.stamp(instant)
    coming = [ex_date for ex_date in profile.ex_dates if ex_date >= day]
    past = [ex_date for ex_date in profile.ex_dates if ex_date < day]
    body: wire.Json = {
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
        "historical-volatility-30-day": f"{100 * realized:.2f}",
        "iv-hv-30-day-difference": f"{100 * (month - realized):.2f}",
        "liquidity-rating": 4,
        "liquidity-rank": "0.95",
        "beta": profile.beta,
        "corr-spy-3month": f"{profile.common:.2f}",
        "market-cap": str(profile.market_cap),
        "listed-market": profile.listed_market,
        "lendability": "Easy To Borrow",
        "dividend-yield": f"{profile.dividend_yield:.4f}",
        "dividend-rate-per-share": wire.plain(profile.dividend),
        "updated-at": now,
        "created-at": now,
        "option-expiration-implied-volatilities": [
            {
                "expiration-date": expiration.day,
                "option-chain-type": "Standard",
                "settlement-type": "PM",
                "implied-volatility": f"{surface.at_the_money(number, years):.6f}",
            }
            for expiration in market.chain(symbol, exchange.board.tick)
            for years in [(expiration.day - day).days / 365]
        ],
    }
    if past:
        body["dividend-ex-date"] = past[-1]
    if coming:
        body["dividend-next-date"] = coming[0]
    reports = [report for report in market.earnings(symbol) if report.day >= day]
    if reports:
        body["earnings"] = {
            "visible": True,
            "estimated": True,
            "late-flag": 0,
            "expected-report-date": reports[0].day,
            "time-of-day": reports[0].time,
            "updated-at": now,
        }
    return body


@routes.get("/market-metrics")
@labelled("market-metrics")
async def metrics(request: web.Request) -> web.Response:
    """Metrics by symbol."""
    wanted = request.query.get("symbols", "").split(",")
    exchange = services(request).exchange
    return wire.items(metrics_json(exchange, symbol) for symbol in wanted if symbol in PROFILES)


@routes.get("/market-metrics/historic-corporate-events/dividends/{symbol}")
@labelled("market-metrics")
async def dividends(request: web.Request) -> web.Response:
    """Past ex-dates."""
    profile, today = PROFILES.get(request.match_info["symbol"]), services(request).exchange.day()
    dates: Iterable[date] = () if profile is None else profile.ex_dates
    amount = wire.plain(ZERO if profile is None else profile.dividend)
    return wire.items({"occurred-date": day, "amount": amount} for day in dates if day <= today)


@routes.get("/market-metrics/historic-corporate-events/earnings-reports/{symbol}")
@labelled("market-metrics")
async def earnings(request: web.Request) -> web.Response:
    """Past earnings: this market has none on record."""
    del request
    return wire.items([])


@routes.get("/margin-requirements-public-configuration")
@labelled("public")
async def public_configuration(request: web.Request) -> web.Response:
    """The risk-free rate; needs no token."""
    del request
    return wire.data({"risk-free-rate": f"{RATE:.4f}"})
