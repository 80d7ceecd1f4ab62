"""The underlyings the simulator lists. To list another one, add a line."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from senex.simulator.market.dates import (
    FRIDAY,
    LAST_WEEK,
    MONDAY,
    QUARTERS,
    THURSDAY,
    TUESDAY,
    WEDNESDAY,
    nth_weekday,
    on_or_after,
    on_or_before,
    third_friday,
)
from senex.simulator.market.holidays import FIRST, LAST
from senex.simulator.market.kinds import (
    DIME,
    PENNY,
    Kind,
    Profile,
    Scenario,
    Split,
    Ticks,
    Tracks,
    Weeklies,
)

__all__ = ["PROFILES", "Profile", "Scenario"]

_YEARS = range(FIRST.year, LAST.year + 1)
_JANUARY, _FEBRUARY, _MARCH = (1, 4, 7, 10), (2, 5, 8, 11), QUARTERS
_ONE, _FIVE, _TEN, _HALF = Decimal(1), Decimal(5), Decimal(10), Decimal("0.5")


def _days(months: tuple[int, ...], weekday: int, nth: int) -> tuple[date, ...]:
    """A quarterly event: the n-th weekday of these months, on a trading day."""
    found = (on_or_before(nth_weekday(year, month, weekday, nth)) for year in _YEARS for month in months)
    return tuple(found)


def _money(text: str) -> Decimal:
    return Decimal(text)


_QUARTER = tuple(on_or_before(third_friday(year, month)) for year in _YEARS for month in QUARTERS)
_AFTER = tuple(
    on_or_after(third_friday(year, month) + timedelta(days=3)) for year in _YEARS for month in QUARTERS
)
_EARLY_MONTH = _days(_FEBRUARY, MONDAY, 2)
_BANKS = _days(_JANUARY, TUESDAY, 2)
_MIDDLE = _days(_JANUARY, THURSDAY, 3)
_THURSDAY = _days(_JANUARY, THURSDAY, LAST_WEEK)
_WEDNESDAY = _days(_JANUARY, WEDNESDAY, LAST_WEEK)
_TUESDAY = _days(_JANUARY, TUESDAY, LAST_WEEK)

_DAILY, _NONE = Weeklies.DAILY, Weeklies.NONE
_ETF, _INDEX = Kind.ETF, Kind.INDEX

_FUNDS = (
    Profile(
        "QQQ", "INVESCO QQQ TRUST, SERIES 1", 520.0, 0.1667, 0.93, "1.18", _ETF, "tech", 0.30,
        dividend=_money("0.71"), ex_dates=_AFTER, strike_step=_ONE, weeklies=_DAILY, ticks=PENNY,
        turnover=45_000_000, market_cap=330_000_000_000,
    ),
    Profile(
        "SPY", "SPDR S&P 500 ETF TRUST", 610.0, 0.1508, 0.97, "1.0", _ETF, "sp500", 0.24,
        dividend=_money("1.76"), ex_dates=_QUARTER, strike_step=_ONE, weeklies=_DAILY, ticks=PENNY,
        turnover=65_000_000, market_cap=640_000_000_000, listed_market="ARCX",
    ),
    Profile(
        "IWM", "ISHARES RUSSELL 2000 ETF", 215.0, 0.215, 0.85, "1.15", _ETF,
        dividend=_money("0.65"), ex_dates=_days(_MARCH, TUESDAY, 3), strike_step=_ONE, weeklies=_DAILY,
        ticks=PENNY, turnover=30_000_000, market_cap=70_000_000_000, listed_market="ARCX",
    ),
    Profile(
        "GLD", "SPDR GOLD SHARES", 310.0, 0.155, 0.08, "0.10", _ETF, "metals", 0.95,
        strike_step=_ONE, ticks=PENNY, turnover=9_000_000, market_cap=95_000_000_000, listed_market="ARCX",
    ),
    Profile(
        "TLT", "ISHARES 20+ YEAR TREASURY BOND ETF", 88.0, 0.14, -0.15, "-0.10", _ETF, "bonds", 0.95,
        dividend=_money("0.94"), ex_dates=_days(_MARCH, MONDAY, 1), strike_step=_HALF, ticks=PENNY,
        turnover=35_000_000, market_cap=50_000_000_000,
    ),
    Profile(
        "SPLG", "SPDR PORTFOLIO S&P 500 ETF", 71.5, 0.1510, 0.97, "1.0", _ETF, "sp500", 0.24,
        dividend=_money("0.22"), ex_dates=_days(_MARCH, MONDAY, 3), strike_step=_ONE, weeklies=_NONE,
        leaps=False, turnover=7_000_000, market_cap=65_000_000_000, listed_market="ARCX",
    ),
)  # fmt: skip

_STOCKS = (
    Profile(
        "AAPL", "APPLE INC. - COMMON STOCK", 230.0, 0.238, 0.65, "1.24", sector="tech", own=0.40,
        dividend=_money("0.26"), ex_dates=_EARLY_MONTH, earnings_days=_THURSDAY, earnings_move=0.037,
        turnover=50_000_000, market_cap=3_400_000_000_000,
    ),
    Profile(
        "MSFT", "MICROSOFT CORPORATION - COMMON STOCK", 450.0, 0.225, 0.66, "0.95", sector="tech", own=0.42,
        dividend=_money("0.83"), ex_dates=_days(_FEBRUARY, THURSDAY, 3), earnings_days=_WEDNESDAY,
        earnings_move=0.038, turnover=21_000_000, market_cap=3_300_000_000_000,
    ),
    Profile(
        "NVDA", "NVIDIA CORPORATION - COMMON STOCK", 175.0, 0.40, 0.62, "1.70", sector="tech", own=0.48,
        dividend=_money("0.01"), ex_dates=_days(_MARCH, WEDNESDAY, 2), strike_step=_ONE,
        earnings_days=_days(_FEBRUARY, WEDNESDAY, LAST_WEEK), earnings_move=0.065, ticks=PENNY,
        turnover=200_000_000, market_cap=4_200_000_000_000,
    ),
    Profile(
        "GOOGL", "ALPHABET INC. - CLASS A COMMON STOCK", 200.0, 0.27, 0.62, "1.05", sector="tech", own=0.38,
        dividend=_money("0.21"), ex_dates=_days(_MARCH, MONDAY, 2), earnings_days=_TUESDAY,
        earnings_move=0.05, turnover=28_000_000, market_cap=2_400_000_000_000,
    ),
    Profile(
        "AMZN", "AMAZON.COM, INC. - COMMON STOCK", 225.0, 0.29, 0.63, "1.25", sector="tech", own=0.36,
        earnings_days=_THURSDAY, earnings_move=0.06, turnover=40_000_000, market_cap=2_300_000_000_000,
    ),
    Profile(
        "META", "META PLATFORMS, INC. - CLASS A COMMON STOCK", 680.0, 0.32, 0.60, "1.25", sector="tech",
        own=0.38, dividend=_money("0.53"), ex_dates=_days(_MARCH, MONDAY, 3), strike_step=_FIVE,
        earnings_days=_WEDNESDAY, earnings_move=0.08, turnover=13_000_000, market_cap=1_700_000_000_000,
    ),
    Profile(
        "TSLA", "TESLA, INC. - COMMON STOCK", 330.0, 0.52, 0.50, "2.05", sector="consumer", own=0.30,
        strike_step=_money("2.5"), earnings_days=_days(_JANUARY, WEDNESDAY, 4), earnings_move=0.085,
        ticks=PENNY, turnover=95_000_000, market_cap=1_050_000_000_000,
    ),
    Profile(
        "JPM", "JPMORGAN CHASE & CO. - COMMON STOCK", 270.0, 0.22, 0.62, "1.08", sector="finance", own=0.45,
        dividend=_money("1.40"), ex_dates=_days(_JANUARY, FRIDAY, 1), earnings_days=_BANKS,
        earnings_time="BMO", earnings_move=0.03, turnover=9_000_000, market_cap=740_000_000_000,
        listed_market="XNYS",
    ),
    Profile(
        "V", "VISA INC. - CLASS A COMMON STOCK", 350.0, 0.20, 0.58, "0.92", sector="finance", own=0.40,
        dividend=_money("0.59"), ex_dates=_days(_FEBRUARY, TUESDAY, 2), earnings_days=_TUESDAY,
        earnings_move=0.03, turnover=6_000_000, market_cap=680_000_000_000, listed_market="XNYS",
        splits=(Split(date(2026, 7, 13), 3, 2),),
    ),
    Profile(
        "WMT", "WALMART INC. - COMMON STOCK", 98.0, 0.20, 0.38, "0.68", sector="consumer", own=0.35,
        dividend=_money("0.24"), ex_dates=_days(_MARCH, FRIDAY, 2), strike_step=_ONE,
        earnings_days=_days(_FEBRUARY, THURSDAY, 3), earnings_time="BMO", earnings_move=0.045,
        turnover=17_000_000, market_cap=780_000_000_000, listed_market="XNYS",
    ),
    Profile(
        "AMD", "ADVANCED MICRO DEVICES, INC. - COMMON STOCK", 160.0, 0.46, 0.55, "1.85", sector="tech",
        own=0.48, earnings_days=_days(_FEBRUARY, TUESDAY, 1), earnings_move=0.08, ticks=PENNY,
        turnover=45_000_000, market_cap=260_000_000_000,
    ),
    Profile(
        "NFLX", "NETFLIX, INC. - COMMON STOCK", 1150.0, 0.33, 0.48, "1.30", sector="consumer", own=0.25,
        strike_step=_TEN, earnings_days=_MIDDLE, earnings_move=0.085, turnover=4_000_000,
        market_cap=490_000_000_000, splits=(Split(date(2026, 7, 27), 4, 1),),
    ),
    Profile(
        "F", "FORD MOTOR COMPANY - COMMON STOCK", 11.50, 0.31, 0.52, "1.45", sector="consumer", own=0.35,
        dividend=_money("0.15"), ex_dates=_days(_FEBRUARY, MONDAY, 2), strike_step=_HALF,
        earnings_days=_WEDNESDAY, earnings_move=0.06, ticks=PENNY, turnover=80_000_000,
        market_cap=46_000_000_000, listed_market="XNYS",
    ),
)  # fmt: skip


def _index(
    symbol: str,
    description: str,
    fund: str,
    factor: float,
    *,
    step: Decimal,
    ticks: Ticks = DIME,
    weeklies: Weeklies = _DAILY,
    has_options: bool = True,
) -> Profile:
    """An index that follows a fund: its volatility, correlations and price are the fund's."""
    base = next(one for one in _FUNDS if one.symbol == fund)
    return Profile(
        symbol,
        description,
        base.price * factor,
        base.volatility,
        base.common,
        base.beta,
        _INDEX,
        base.sector,
        base.own,
        strike_step=step,
        weeklies=weeklies,
        ticks=ticks,
        turnover=0,
        listed_market="XCBO",
        tracks=Tracks(fund, factor, base.dividend_yield),
        has_options=has_options,
    )


_INDICES = (
    _index("SPX", "S&P 500 INDEX", "SPY", 10.0, step=_FIVE),
    _index("XSP", "S&P 500 MINI-SPX INDEX", "SPY", 1.0, step=_ONE, ticks=PENNY),
    _index("NDX", "NASDAQ 100 INDEX", "QQQ", 41.0, step=_money("25")),
    _index("RUT", "RUSSELL 2000 INDEX", "IWM", 10.0, step=_FIVE),
    _index("VIX", "CBOE VOLATILITY INDEX", "SPY", 1.0, step=_ONE, has_options=False),
)

PROFILES = {one.symbol: one for one in (*_FUNDS, *_STOCKS, *_INDICES)}
"""Funds, stocks and indices by symbol."""
