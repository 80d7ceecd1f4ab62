"""Market data over REST: quotes, metrics, sessions, holidays."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from aiohttp import web

from senex.domain.money import ZERO
from senex.simulator import wire
from senex.simulator.market.profiles import PROFILES
from senex.simulator.market.sessions import new_york
from senex.simulator.market.surface import RATE
from senex.simulator.rendering import previous_close
from senex.simulator.services import labelled, services

if TYPE_CHECKING:
    from collections.abc import Iterable

    from senex.simulator.exchange import Exchange
    from senex.simulator.market.sessions import Session, Sessions

routes = web.RouteTableDef()
MAX_SYMBOLS = 100
_DIVIDEND_FREQUENCY = "4"


def quote_json(exchange: Exchange, symbol: str) -> wire.Json | None:
    """A symbol's market data; None for an unknown one."""
    quote = exchange.board.quote(symbol)
    if quote is None:
        return None
    market, instant = exchange.market, exchange.now()
    number = market.sessions.last_started(instant)
    mark = wire.plain(quote.mid)
    body: wire.Json = {
        "symbol": symbol,
        "instrument-type": "Equity" if symbol in PROFILES else "Equity Option",
        "updated-at": wire.stamp(quote.changed),
        "bid": wire.plain(Decimal(quote.bid) / 100),
        "bid-size": str(quote.bid_size),
        "ask": wire.plain(Decimal(quote.ask) / 100),
        "ask-size": str(quote.ask_size),
        "mid": mark,
        "mark": mark,
        "last": mark,
        "last-mkt": mark,
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
    profile = PROFILES.get(symbol)
    if profile is not None:
        opened, high, low, last = (
            wire.plain(Decimal(str(price)))
            for price in market.underlyings[symbol].path.bar(number, market.instant(exchange.board.tick))
        )
        body |= {
            "beta": profile.beta,
            "open": opened,
            "day-high-price": high,
            "day-low-price": low,
            "last": last,
            "dividend-amount": wire.plain(profile.dividend),
            "dividend-frequency": _DIVIDEND_FREQUENCY,
        }
    return body


@routes.get("/market-data/by-type")
@labelled("market-data")
async def by_type(request: web.Request) -> web.Response:
    """Quotes of up to 100 symbols."""
    query, exchange = request.query, services(request).exchange
    wanted = [
        symbol
        for kind in ("index", "equity", "equity-option", "future", "future-option", "cryptocurrency")
        for text in query.getall(kind, [])
        for symbol in text.split(",")
    ]
    if len(wanted) > MAX_SYMBOLS:
        return wire.error(400, "validation_error", f"At most {MAX_SYMBOLS} symbols at once")
    found = (quote_json(exchange, symbol) for symbol in wanted)
    return wire.items(body for body in found if body is not None)


@routes.get("/market-data/{kind}/{symbol}")
@labelled("market-data")
async def one(request: web.Request) -> web.Response:
    """One symbol's quote."""
    body = quote_json(services(request).exchange, request.match_info["symbol"])
    return wire.not_found(request.match_info["symbol"]) if body is None else wire.data(body)


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


def _snapshot(session: Session) -> wire.Json:
    return {
        "instrument-collection": "Equity",
        "session-date": session.day,
        "start-at": wire.stamp(new_york(session.day, 4)),
        "open-at": wire.stamp(session.opens),
        "close-at": wire.stamp(session.closes),
        "close-at-ext": wire.stamp(session.closes + timedelta(hours=4)),
    }


@routes.get("/market-time/sessions/current")
@labelled("market-time")
async def current_sessions(request: web.Request) -> web.Response:
    """The equity market's state, last and next sessions."""
    exchange = services(request).exchange
    sessions: Sessions = exchange.market.sessions
    instant = exchange.now()
    current, upcoming = sessions.current(instant), sessions.upcoming(instant)
    after = sessions.upcoming(upcoming.closes) if current is not None else upcoming
    last = sessions.last_started(instant) - (current is not None)
    body: wire.Json = {
        "instrument-collection": "Equity",
        "state": "Closed" if current is None else "Open",
        "next-session": _snapshot(after),
        "previous-session": _snapshot(sessions[last]),
    }
    if current is not None:
        body |= {key: value for key, value in _snapshot(current).items() if key != "session-date"}
    asked = request.query.getall("instrument-collections[]", ["Equity"])
    return wire.items([body] if "Equity" in asked else [])


@routes.get("/market-time/equities/holidays")
@labelled("market-time")
async def holidays(request: web.Request) -> web.Response:
    """Weekdays without a session and sessions that close early, this year and next."""
    exchange = services(request).exchange
    year = exchange.day().year
    first, last = date(year, 1, 1), date(year + 1, 12, 31)
    known = {session.day: session for session in exchange.market.sessions.between(first, last)}
    if not known:
        return wire.data({"market-holidays": [], "market-half-days": []})
    days = [first + timedelta(days=count) for count in range((max(known) - first).days + 1)]
    return wire.data(
        {
            "market-holidays": [
                day for day in days if day.weekday() < 5 and day not in known and day >= min(known)
            ],
            "market-half-days": [day for day, session in known.items() if session.closes < new_york(day, 16)],
        }
    )
