"""Net prices of several legs from one snapshot of quotes: pricing, limit, approval band.

All prices are signed (credit +, debit −), per share of one reduced unit
(DOMAIN 0.1).
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from senex.domain.legs import InstrumentType, reduction
from senex.domain.money import ZERO, ceil_to_tick, floor_to_tick
from senex.domain.quotes import PRICING_MAX_AGE
from senex.domain.suggestions import Band, Pricing
from senex.domain.symbols import OptionSymbol
from senex.domain.unknown import Unknown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta

    from senex.domain.legs import Leg
    from senex.domain.quotes import Market, Quote

BAND_TICKS = 2
BAND_SHARE = Decimal("0.10")
_HUNDRED = 100


def streamer_of(leg: Leg, streamers: Mapping[str, str] | None = None) -> str:
    """The streaming symbol of a leg: the broker's own where known, else derived."""
    known = (streamers or {}).get(leg.symbol)
    if known is not None:
        return known
    return (
        leg.symbol if leg.instrument is InstrumentType.EQUITY else OptionSymbol.from_occ(leg.symbol).streamer
    )


def weights(legs: Sequence[Leg]) -> tuple[Decimal, ...] | Unknown:
    """The signed cash weight of each leg in one reduced unit: + for a sale, − for a purchase.

    In a Trident the body put weighs +2, its wing −2, the calls +1 and −1. A
    hundred shares beside an option weigh as one contract.
    """
    if not legs:
        return Unknown("there are no legs to price")
    if any(leg.quantity <= 0 for leg in legs):
        return Unknown("a leg has no quantity")
    options = any(leg.instrument is InstrumentType.EQUITY_OPTION for leg in legs)
    odd = any(leg.instrument is InstrumentType.EQUITY and leg.quantity % _HUNDRED for leg in legs)
    if options and odd:
        return Unknown("shares beside options must come in hundreds to have one net price")
    units = reduction(legs)
    return tuple(_weight(leg, units, beside_options=options) for leg in legs)


def _weight(leg: Leg, units: int, *, beside_options: bool) -> Decimal:
    divisor = units * _HUNDRED if beside_options and leg.instrument is InstrumentType.EQUITY else units
    return Decimal(-leg.signed_quantity) / divisor


def price_legs(
    legs: Sequence[Leg],
    market: Market,
    now: datetime,
    *,
    max_age: timedelta = PRICING_MAX_AGE,
    streamers: Mapping[str, str] | None = None,
) -> Pricing | Unknown:
    """Natural, mid and opposite of the legs, or why they cannot be priced.

    One unusable leg (missing, one-sided, crossed, older than ``max_age``) makes
    the whole unknown: a price is as old as its oldest leg (DOMAIN 0.9).
    """
    parts = weights(legs)
    if isinstance(parts, Unknown):
        return parts
    natural = mid = opposite = ZERO
    oldest = now
    for leg, weight in zip(legs, parts, strict=True):
        symbol = streamer_of(leg, streamers)
        quote = market.usable(symbol, now, max_age)
        if isinstance(quote, Unknown):
            return quote
        bid, ask = _sides(quote)
        natural += weight * (bid if weight > 0 else ask)
        opposite += weight * (ask if weight > 0 else bid)
        mid += weight * (bid + ask) / 2
        age = market.age(symbol, now)
        if isinstance(age, Unknown):  # pragma: no cover - a usable quote has an age
            return age
        oldest = min(oldest, now - age)
    return Pricing(natural=natural, mid=mid, opposite=opposite, oldest=oldest)


def limit_price(pricing: Pricing, *, offset: Decimal, tick: Decimal) -> Decimal | Unknown:
    """The limit of an order: the mid, given way by ``offset``, never worse than natural (DOMAIN 0.8).

    Signed, one formula serves both sides: max(mid − offset, natural). It is
    rounded down to the tick, towards natural; a credit is at least one tick and
    a debit costs at least one, since a price of zero has no effect.
    """
    if pricing.mid == 0:
        return Unknown("the net mid is exactly zero, so it is neither a credit nor a debit")
    wished = floor_to_tick(pricing.mid - offset, tick)
    # where natural lies off the tick, the step above it must not pass the mid
    worst = min(ceil_to_tick(pricing.natural, tick), floor_to_tick(pricing.mid, tick))
    limit = max(wished, worst)
    return max(limit, tick) if pricing.mid > 0 else min(limit, -tick)


def approval_band(pricing: Pricing, *, limit: Decimal, tick: Decimal) -> Band:
    """The limits an approval covers: ``limit`` ± slack, not below natural.

    The slack is two ticks or 10 % of the mid, whichever is more: enough for
    the seconds between look and keypress, too little for another market. The
    low end stops at the natural price the operator saw, the worst fill that was
    on the screen. Both ends keep the sign of the limit (a credit stays a
    credit), lie on the tick and differ by one tick at least.
    """
    slack = max(BAND_TICKS * tick, abs(pricing.mid) * BAND_SHARE)
    low = ceil_to_tick(max(min(pricing.natural, limit), limit - slack), tick)
    high = floor_to_tick(limit + slack, tick)
    if limit > 0:
        low = max(low, tick)
    else:
        high = min(high, -tick)
    return Band(low=min(low, high - tick), high=high)


def _sides(quote: Quote) -> tuple[Decimal, Decimal]:
    """Bid and ask of a quote ``Market.usable`` let through."""
    if quote.bid is None or quote.ask is None:  # pragma: no cover - usable() refuses it
        raise AssertionError(quote.symbol)
    return quote.bid, quote.ask
