"""Options on futures: products, expirations, strikes and symbols. Facts only, no prices."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache

from senex.domain.symbols import Right
from senex.simulator.market.dates import (
    FRIDAY,
    business_days_before,
    first_of,
    nth_last,
    nth_weekday,
    on_or_before,
    third_friday,
)
from senex.simulator.market.futures import (
    FUTURE_PRODUCTS,
    MONTH_CODES,
    FutureContract,
    FutureProduct,
    future_contracts,
)
from senex.simulator.market.sessions import new_york

_HORIZON = timedelta(days=100)
_SIDE = 20
"""Strikes on each side of the middle one."""
_STREAMER = re.compile(r"^\./(\w+?)([FGHJKMNQUVXZ])(\d\d)([CP])([\d.]+):[A-Z]+$")
_SYMBOL = re.compile(r"^\./(\w+) +(\w+) +(\d{6})([CP])([\d.]+)$")

Rule = Callable[[int, int], date]


def _third_friday(year: int, month: int) -> date:
    return on_or_before(third_friday(year, month))


def _last_day(year: int, month: int) -> date:
    return nth_last(year, month, 1)


def _sixth_before_25th(year: int, month: int) -> date:
    """For the contract of the next month."""
    day = first_of(year, month) + timedelta(days=24)
    return business_days_before(day, 6) if on_or_before(day) == day else business_days_before(day, 7)


def _fourth_last(year: int, month: int) -> date:
    """The fourth last day of the month, or the day before when that is a Friday or precedes a holiday."""
    day, after = nth_last(year, month, 4), nth_last(year, month, 3)
    return nth_last(year, month, 5) if day.weekday() == FRIDAY or (after - day).days > 1 else day


def _friday_before_last_two(year: int, month: int) -> date:
    day = nth_last(year, month, 2) - timedelta(days=1)
    while day.weekday() != FRIDAY:
        day -= timedelta(days=1)
    return on_or_before(day)


def _friday_before_third_wednesday(year: int, month: int) -> date:
    return on_or_before(nth_weekday(year, month, 2, 2) - timedelta(days=5))


@dataclass(frozen=True, slots=True)
class FutureOptionProduct:
    """One option product on a future. ``step`` is the strikes' distance in points."""

    root: str
    future: str
    expiration_type: str
    last_day: Rule
    step: Decimal
    tick: Decimal
    stops: tuple[int, int]
    months: str = MONTH_CODES
    style: str = "American"
    ahead: int = 0
    """How many months after the one it ends in an expiration is named."""

    @property
    def product(self) -> FutureProduct:
        """What it is an option on."""
        return FUTURE_PRODUCTS[self.future]


FUTURE_OPTION_PRODUCTS = {
    product.root: product
    for product in (
        FutureOptionProduct(
            "ES", "ES", "Regular", _third_friday, Decimal(25), Decimal("0.25"), (9, 30), months="HMUZ"
        ),
        FutureOptionProduct(
            "EW", "ES", "End-Of-Month", _last_day, Decimal(25), Decimal("0.25"), (16, 0), style="European"
        ),
        FutureOptionProduct(
            "NQ", "NQ", "Regular", _third_friday, Decimal(100), Decimal("0.25"), (9, 30), months="HMUZ"
        ),
        FutureOptionProduct(
            "QNE", "NQ", "End-Of-Month", _last_day, Decimal(100), Decimal("0.25"), (16, 0), style="European"
        ),
        FutureOptionProduct(
            "LO", "CL", "Regular", _sixth_before_25th, Decimal("0.5"), Decimal("0.01"), (14, 30), ahead=1
        ),
        FutureOptionProduct(
            "OG", "GC", "Regular", _fourth_last, Decimal(5), Decimal("0.1"), (13, 30), ahead=1
        ),
        FutureOptionProduct(
            "SO", "SI", "Regular", _fourth_last, Decimal("0.25"), Decimal("0.005"), (13, 30), ahead=1
        ),
        FutureOptionProduct(
            "OZN",
            "ZN",
            "Regular",
            _friday_before_last_two,
            Decimal("0.5"),
            Decimal("0.015625"),
            (17, 0),
            ahead=1,
        ),
        FutureOptionProduct(
            "EUU",
            "6E",
            "Regular",
            _friday_before_third_wednesday,
            Decimal("0.005"),
            Decimal("0.00005"),
            (10, 0),
        ),
    )
}


@dataclass(frozen=True, slots=True)
class FutureOptionExpiration:
    """One expiration of an option product, with the future it delivers."""

    product: FutureOptionProduct
    future: FutureContract
    expiry: date
    named: date
    """The first of the month in its name."""

    @property
    def contract_symbol(self) -> str:
        """Such as ``LON6``."""
        return f"{self.product.root}{self.code}{self.named.year % 10}"

    @property
    def code(self) -> str:
        """The letter of the month in its name."""
        return MONTH_CODES[self.named.month - 1]

    @property
    def expires_at(self) -> datetime:
        """When it stops trading and expires."""
        return new_york(self.expiry, *self.product.stops)


@dataclass(frozen=True, slots=True)
class FutureOption:
    """One contract."""

    expiration: FutureOptionExpiration
    right: Right
    strike: Decimal

    @property
    def symbol(self) -> str:
        """As in orders, such as ``./CLN6 LON6  260616C70``."""
        ends = self.expiration
        day = f"{ends.expiry:%y%m%d}"
        return f".{ends.future.symbol} {ends.contract_symbol:<5} {day}{self.right}{_short(self.strike)}"

    @property
    def streamer(self) -> str:
        """As in the stream, such as ``./LON26C70:XNYM``."""
        ends = self.expiration
        venue = ends.future.product.streamer_exchange
        return f"./{ends.product.root}{ends.code}{ends.named:%y}{self.right}{_short(self.strike)}:{venue}"


def _short(strike: Decimal) -> str:
    return f"{strike.normalize():f}"


@lru_cache(maxsize=256)
def future_option_expirations(code: str, day: date) -> tuple[FutureOptionExpiration, ...]:
    """All expirations of options on a product's futures within the horizon, nearest first."""
    found = []
    for product in FUTURE_OPTION_PRODUCTS.values():
        if product.future != code:
            continue
        for ahead in range(5):
            first, named = (
                first_of(day.year, day.month + ahead),
                first_of(day.year, day.month + ahead + product.ahead),
            )
            expiry = product.last_day(first.year, first.month)
            future = _delivered(code, named, expiry, day)
            if future is None or not day <= expiry <= day + _HORIZON:
                continue
            expiration = FutureOptionExpiration(product, future, expiry, named)
            if expiration.code in product.months:
                found.append(expiration)
    return tuple(sorted(found, key=lambda one: (one.expiry, one.product.root)))


def _delivered(code: str, named: date, expiry: date, day: date) -> FutureContract | None:
    """The first active contract of the month in an option's name or later that outlives the option."""
    for one in future_contracts(code, day):
        late_enough = (one.year, one.month) >= (named.year, named.month) and one.expiry >= expiry
        if late_enough and one.code in one.product.active:
            return one
    return None


def strikes(product: FutureOptionProduct, price: float) -> tuple[Decimal, ...]:
    """The strikes around a future's price."""
    middle = round(Decimal(str(price)) / product.step)
    return tuple(count * product.step for count in range(max(1, middle - _SIDE), middle + _SIDE + 1))


@lru_cache(maxsize=4096)
def future_option(symbol: str, day: date) -> FutureOption | None:
    """The contract behind a symbol, if its expiration is listed on a date; its strike may not be."""
    match = _SYMBOL.match(symbol)
    if match is None:
        return None
    return _found(match[2][:-2], Right(match[4]), Decimal(match[5]), day, lambda one: one.symbol, symbol)


@lru_cache(maxsize=4096)
def future_option_of_streamer(streamer: str, day: date) -> FutureOption | None:
    """The same behind a streamer symbol."""
    match = _STREAMER.match(streamer)
    if match is None:
        return None
    return _found(match[1], Right(match[4]), Decimal(match[5]), day, lambda one: one.streamer, streamer)


def _found(
    root: str, right: Right, strike: Decimal, day: date, name: Callable[[FutureOption], str], wanted: str
) -> FutureOption | None:
    """The option of a root whose name is the one wanted; spaces in it do not matter."""
    product = FUTURE_OPTION_PRODUCTS.get(root)
    for expiration in () if product is None else future_option_expirations(product.future, day):
        option = FutureOption(expiration, right, strike)
        if name(option).replace(" ", "") == wanted.replace(" ", ""):
            return option
    return None
