"""Money: decimals, the sign of a price, ticks.

A *signed price* is per share of one reduced unit of an order: positive is a
credit received, negative a debit paid, as in the tastytrade SDK.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal, InvalidOperation
from enum import StrEnum

CENT = Decimal("0.01")
ZERO = Decimal(0)
CONTRACT_MULTIPLIER = 100
_LARGEST, _PLACES = Decimal(1_000_000_000), -10  # what the books can hold (numeric(20, 10))


class PriceEffect(StrEnum):
    """What a price does to cash."""

    CREDIT = "credit"
    DEBIT = "debit"
    NONE = "none"


def effect_of(price: Decimal) -> PriceEffect:
    """The effect of a signed price; exactly zero has none."""
    if price == 0:
        return PriceEffect.NONE
    return PriceEffect.CREDIT if price > 0 else PriceEffect.DEBIT


def number_in(told: str) -> Decimal | None:
    """The exact number somebody wrote; None for words, NaN, and what the books cannot hold (1e400)."""
    try:
        number = Decimal(told.strip())
    except InvalidOperation:
        return None
    exponent = number.as_tuple().exponent
    fits = isinstance(exponent, int) and exponent >= _PLACES and abs(number) <= _LARGEST
    return number if fits else None


def cents(amount: Decimal) -> Decimal:
    """Round an amount of money half up to the cent (DOMAIN F.7)."""
    return amount.quantize(CENT, rounding=ROUND_HALF_UP)


def floor_to_tick(price: Decimal, tick: Decimal) -> Decimal:
    """The largest multiple of ``tick`` not above ``price``."""
    return (price / tick).to_integral_value(rounding=ROUND_FLOOR) * tick


def ceil_to_tick(price: Decimal, tick: Decimal) -> Decimal:
    """The smallest multiple of ``tick`` not below ``price``."""
    return (price / tick).to_integral_value(rounding=ROUND_CEILING) * tick


def on_tick(price: Decimal, tick: Decimal) -> bool:
    """Whether ``price`` is a whole number of ticks."""
    return price % tick == 0


def plain(number: Decimal) -> Decimal:
    """The same number with two decimals, or as many as it needs: 9.4 → 9.40, 1.2350 → 1.235."""
    stripped = number.normalize()
    exponent = stripped.as_tuple().exponent
    return number.quantize(CENT) if isinstance(exponent, int) and exponent > -2 else stripped
