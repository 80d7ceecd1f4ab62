"""The regimes against senex's own rules: calm lets a Trident through for every seed, blocked for none."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal

import numpy as np
import pytest
import talib

from senex.domain.analysis import analyse
from senex.domain.calendar import Calendar
from senex.domain.calendar import Session as TradingSession
from senex.domain.chain import Candle, Contract, Expiration, Metrics, OptionChain, Strike
from senex.domain.quotes import Market as Quotes
from senex.domain.quotes import Quote
from senex.domain.strategies.base import Refusal, StrategyInputs
from senex.domain.strategies.trident import Trident
from senex.domain.suggestions import Proposal
from senex.domain.symbols import OptionSymbol, Right
from senex.simulator.assembly import DEFAULT_START
from senex.simulator.market.market import Market
from senex.simulator.market.profiles import Scenario

CAPITAL = Decimal(50_000)
SINCE = date(2025, 11, 1)
HORIZON = 70


@dataclass
class View:
    """A seed's market at its start, as senex's rules see it."""

    market: Market
    symbol: str

    def candles(self) -> list[Candle]:
        """Daily bars."""
        found = []
        for bar in self.market.bars(self.symbol, "d", datetime.combine(SINCE, time(), tzinfo=UTC), 0) or ():
            opened, high, low, close = (
                Decimal(str(price)) for price in (bar.open, bar.high, bar.low, bar.close)
            )
            found.append(Candle(bar.start.date(), opened, high, low, close, Decimal(bar.volume)))
        return found

    def metrics(self) -> Metrics:
        """Ranks and volatilities in percent."""
        underlying = self.market.underlyings[self.symbol]
        surface = underlying.surface
        numbers = (surface.rank(0), surface.percentile(0), surface.month(0), underlying.daily.volatility(-1))
        rank, percentile, month, realized = (Decimal(str(round(100 * one, 4))) for one in numbers)
        today = self.market.day(0)
        coming = min(day for day in underlying.profile.ex_dates if day >= today)
        return Metrics(
            self.symbol, rank, percentile, month, realized, Decimal(1), None, coming, self.market.start
        )

    def chain(self) -> OptionChain:
        """The chain."""

        def contract(day: date, right: Right, strike: Decimal) -> Contract:
            option = OptionSymbol(self.symbol, day, right, strike)
            return Contract(option.occ, option.streamer)

        expirations = tuple(
            Expiration(
                one.day,
                one.monthly,
                "PM",
                tuple(
                    Strike(k, contract(one.day, Right.CALL, k), contract(one.day, Right.PUT, k))
                    for k in one.strikes
                ),
            )
            for one in self.market.chain(self.symbol, 0)
            if (one.day - self.market.day(0)).days < HORIZON
        )
        return OptionChain(self.symbol, expirations, Decimal("0.01"))

    def quote(self, symbol: str, name: str) -> Quote:
        """A quote by its streamer name."""
        known = self.market.quote(symbol, 0)
        assert known is not None
        bid, ask = Decimal(known.bid) / 100, Decimal(known.ask) / 100
        return Quote(name, bid, ask, Decimal(1), Decimal(1), 0, self.market.start)


def judge(seed: int, symbol: str, scenario: Scenario) -> tuple[View, Proposal | Refusal]:
    """What senex makes of a seed's market."""
    market = Market(seed=seed, scenario=scenario, start=DEFAULT_START)
    view = View(market, symbol)
    calendar = Calendar(
        tuple(
            TradingSession(session.day, session.opens, session.closes)
            for session in market.sessions.between(SINCE, date(2026, 8, 1))
        )
    )
    quotes = {symbol: view.quote(symbol, symbol)}
    known = Quotes(quotes, market.start)
    report = analyse(
        symbol,
        candles=view.candles(),
        metrics=view.metrics(),
        market=known,
        now=market.start,
        calendar=calendar,
    )
    inputs = StrategyInputs(report, view.chain(), known, market.start, CAPITAL)
    structure = Trident().structure(inputs)
    if isinstance(structure, Refusal):
        return view, structure
    quotes |= {name: view.quote(occ, name) for occ, name in structure.streamers.items()}
    return view, Trident().propose(inputs)


@pytest.mark.parametrize(
    "first", [0, *(pytest.param(first, marks=pytest.mark.long) for first in range(20, 60, 20))]
)
@pytest.mark.parametrize("symbol", ["QQQ", "SPY"])
def test_calm_offers_a_trident_for_every_seed(symbol: str, first: int) -> None:
    for seed in range(first, first + 20):
        _, offered = judge(seed, symbol, Scenario.CALM)

        assert isinstance(offered, Proposal), (seed, offered.reasons)
        assert offered.score >= 70, (seed, offered.reasons)
        assert offered.expiry == date(2026, 7, 17)
        assert offered.pricing.natural > 0
        assert 0 < offered.max_loss < 1000


@pytest.mark.long
def test_calm_stays_away_from_every_limit_by_an_independent_calculation() -> None:
    for seed in range(40, 60):
        view = View(Market(seed=seed, scenario=Scenario.CALM, start=DEFAULT_START), "QQQ")
        high, low, close = (
            np.array([float(getattr(one, name)) for one in view.candles()[:-1]])
            for name in ("high", "low", "close")
        )
        width = 100 * (close[-3:].max() - close[-3:].min()) / close[-1]

        assert width > 0.7, seed
        assert talib.ADX(high, low, close, 14)[-1] < 28, seed
        assert 30 < talib.RSI(close, 14)[-1] < 70, seed
        assert 100 * (high[-5:].max() - low[-5:].min()) / close[-1] < 5, seed


@pytest.mark.long
def test_blocked_refuses_every_seed_and_names_the_flat_closes() -> None:
    for seed in range(15):
        for symbol in ("QQQ", "SPY"):
            _, offered = judge(seed, symbol, Scenario.BLOCKED)

            assert isinstance(offered, Refusal), seed
            assert any("range-bound" in reason for reason in offered.reasons), offered.reasons
