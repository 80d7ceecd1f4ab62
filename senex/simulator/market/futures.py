"""Futures: the products, which contracts they list, and when those end. Facts only, no prices.

To list another product, add a line to the table and, where its last day
follows a rule of its own, the rule.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache

from senex.simulator.market.dates import (
    SATURDAY,
    business_days_before,
    first_of,
    nth_last,
    nth_weekday,
    on_or_before,
    third_friday,
)
from senex.simulator.market.holidays import CLOSED
from senex.simulator.market.sessions import new_york

MONTH_CODES = "FGHJKMNQUVXZ"
_QUARTERLY = "HMUZ"
_ROLL = timedelta(days=8)
"""How long before its last day a contract stops being the active one."""
_SYMBOL = re.compile(r"^/([A-Z0-9]{1,3}?)([FGHJKMNQUVXZ])(\d)$")
_STREAMER = re.compile(r"^/([A-Z0-9]{1,3}?)([FGHJKMNQUVXZ])(\d\d):[A-Z]+$")

Rule = Callable[[int, int], date]
"""The last trading day of a contract, from its year and month."""


def _third_friday(year: int, month: int) -> date:
    return on_or_before(third_friday(year, month))


def _before_25th_of_previous(year: int, month: int) -> date:
    return business_days_before(on_or_before(first_of(year, month - 1) + timedelta(days=24)), 3)


def _before_first(year: int, month: int) -> date:
    return business_days_before(first_of(year, month), 3)


def _third_last(year: int, month: int) -> date:
    return nth_last(year, month, 3)


def _eighth_last(year: int, month: int) -> date:
    return nth_last(year, month, 8)


def _before_third_wednesday(year: int, month: int) -> date:
    return business_days_before(nth_weekday(year, month, 2, 3), 2)


def _month_before_next_third_friday(year: int, month: int) -> date:
    following = first_of(year, month + 1)
    return on_or_before(third_friday(following.year, following.month) - timedelta(days=30))


@dataclass(frozen=True, slots=True)
class FutureProduct:
    """One product. ``tick`` is in points, ``multiplier`` dollars per point, ``stops`` New York hour and minute."""

    code: str
    description: str
    sector: str
    tick: Decimal
    multiplier: Decimal
    last_day: Rule
    stops: tuple[int, int]
    exchange: str = "CME"
    streamer_exchange: str = "XCME"
    listed: str = _QUARTERLY
    active: str = _QUARTERLY
    contracts: int = 5
    cash_settled: bool = False
    small: bool = False
    etf: tuple[str, int] | None = None

    @property
    def root(self) -> str:
        """The product's symbol."""
        return f"/{self.code}"


@dataclass(frozen=True, slots=True)
class FutureContract:
    """One delivery month of a product."""

    product: FutureProduct
    year: int
    month: int
    expiry: date

    @property
    def code(self) -> str:
        """The month's letter."""
        return MONTH_CODES[self.month - 1]

    @property
    def symbol(self) -> str:
        """As in orders, such as ``/ESM6``."""
        return f"{self.product.root}{self.code}{self.year % 10}"

    @property
    def streamer(self) -> str:
        """As in the stream, such as ``/ESM26:XCME``."""
        return f"{self.product.root}{self.code}{self.year % 100:02}:{self.product.streamer_exchange}"

    @property
    def expires_at(self) -> datetime:
        """When it stops trading and expires."""
        return new_york(self.expiry, *self.product.stops)


def _index(code: str, description: str, tick: str, multiplier: int, etf: tuple[str, int]) -> FutureProduct:
    return FutureProduct(
        code=code,
        description=description,
        sector="Equity Index",
        tick=Decimal(tick),
        multiplier=Decimal(multiplier),
        last_day=_third_friday,
        stops=(9, 30),
        cash_settled=True,
        small=code.startswith("M"),
        etf=etf,
    )


def _energy(code: str, description: str, tick: str, multiplier: int, last_day: Rule) -> FutureProduct:
    return FutureProduct(
        code=code,
        description=description,
        sector="Energy",
        streamer_exchange="XNYM",
        tick=Decimal(tick),
        multiplier=Decimal(multiplier),
        last_day=last_day,
        stops=(14, 30),
        listed=MONTH_CODES,
        active=MONTH_CODES,
        contracts=12,
        small=code.startswith("M"),
    )


def _metal(code: str, description: str, tick: str, multiplier: int, active: str) -> FutureProduct:
    return FutureProduct(
        code=code,
        description=description,
        sector="Metals",
        streamer_exchange="XCEC",
        tick=Decimal(tick),
        multiplier=Decimal(multiplier),
        last_day=_third_last,
        stops=(13, 30),
        listed=MONTH_CODES,
        active=active,
        contracts=12,
    )


def _treasury(code: str, description: str, tick: str) -> FutureProduct:
    return FutureProduct(
        code=code,
        description=description,
        sector="Interest Rate",
        streamer_exchange="XCBT",
        tick=Decimal(tick),
        multiplier=Decimal(1000),
        last_day=_eighth_last,
        stops=(13, 1),
        contracts=3,
    )


FUTURE_PRODUCTS = {
    product.code: product
    for product in (
        _index("ES", "E-Mini S&P 500", "0.25", 50, ("SPY", 500)),
        _index("MES", "Micro E-Mini S&P 500", "0.25", 5, ("SPY", 50)),
        _index("NQ", "E-Mini Nasdaq 100", "0.25", 20, ("QQQ", 820)),
        _index("MNQ", "Micro E-Mini Nasdaq 100", "0.25", 2, ("QQQ", 82)),
        _index("RTY", "E-Mini Russell 2000", "0.1", 50, ("IWM", 500)),
        _energy("CL", "Crude Oil", "0.01", 1000, _before_25th_of_previous),
        _energy("MCL", "Micro Crude Oil", "0.01", 100, _before_25th_of_previous),
        _energy("NG", "Natural Gas", "0.001", 10_000, _before_first),
        _metal("GC", "Gold", "0.1", 100, "GJMQZ"),
        _metal("SI", "Silver", "0.005", 5000, "HKNUZ"),
        _treasury("ZN", "10-Year US Treasury Note", "0.015625"),
        _treasury("ZB", "30-Year US Treasury Bond", "0.03125"),
        FutureProduct(
            code="6E",
            description="Euro FX",
            sector="Currency",
            tick=Decimal("0.00005"),
            multiplier=Decimal(125_000),
            last_day=_before_third_wednesday,
            stops=(10, 16),
        ),
        FutureProduct(
            code="VX",
            description="Cboe Volatility Index",
            sector="Equity Index",
            exchange="CFE",
            streamer_exchange="XCBF",
            tick=Decimal("0.05"),
            multiplier=Decimal(1000),
            last_day=_month_before_next_third_friday,
            stops=(9, 0),
            listed=MONTH_CODES,
            active=MONTH_CODES,
            contracts=9,
            cash_settled=True,
        ),
    )
}


def rests(day: date) -> bool:
    """Whether futures do not trade: at weekends, at New Year, on Good Friday and at Christmas."""
    if day not in CLOSED:
        return day.weekday() >= SATURDAY
    return day.month in {3, 4, 12} or (day.month == 1 and day.day <= 2)


@lru_cache(maxsize=256)
def future_contracts(code: str, day: date) -> tuple[FutureContract, ...]:
    """The contracts of a product that still trade on a date, nearest first."""
    product = FUTURE_PRODUCTS[code]
    found: list[FutureContract] = []
    month = day.month - 1
    while len(found) < product.contracts:
        first = first_of(day.year, month)
        if MONTH_CODES[first.month - 1] in product.listed:
            expiry = product.last_day(first.year, first.month)
            if expiry >= day:
                found.append(FutureContract(product, first.year, first.month, expiry))
        month += 1
    return tuple(found)


def active_contracts(code: str, day: date) -> tuple[FutureContract, FutureContract]:
    """The contract most traders are in on a date, and the next one they will be in."""
    product = FUTURE_PRODUCTS[code]
    known = [
        one for one in future_contracts(code, day) if one.code in product.active and one.expiry - _ROLL > day
    ]
    return known[0], known[1]


def future_contract(symbol: str, day: date) -> FutureContract | None:
    """The listed contract behind ``/ESM6`` (or ``ESM6``) on a date."""
    return _listed(named_future(symbol if symbol.startswith("/") else f"/{symbol}", day), day)


def future_of_streamer(streamer: str, day: date) -> FutureContract | None:
    """The listed contract behind ``/ESM26:XCME`` on a date."""
    match = _STREAMER.match(streamer)
    known = None if match is None else named_future(f"/{match[1]}{match[2]}{match[3][-1]}", day)
    return _listed(known if known is not None and known.streamer == streamer else None, day)


@lru_cache(maxsize=1024)
def named_future(symbol: str, day: date) -> FutureContract | None:
    """The contract of a symbol, listed or not: its year is of the decade that began the year before."""
    match = _SYMBOL.match(symbol)
    product = None if match is None else FUTURE_PRODUCTS.get(match[1])
    if match is None or product is None:
        return None
    first, month = day.year - 1, MONTH_CODES.index(match[2]) + 1
    year = first + (int(match[3]) - first) % 10
    return FutureContract(product, year, month, product.last_day(year, month))


def _listed(known: FutureContract | None, day: date) -> FutureContract | None:
    return known if known is not None and known in future_contracts(known.product.code, day) else None
