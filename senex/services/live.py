"""Live figures: what streamed quotes make of a suggestion or a position.

Pure: quotes and market time are given. Both front ends use it, so that the
console and a script never disagree. Prices are signed per reduced unit,
amounts are dollars.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from math import gcd
from typing import TYPE_CHECKING

from senex.domain.calendar import new_york_date
from senex.domain.errors import UsageProblem
from senex.domain.exits import LAST_STEP
from senex.domain.legs import Action, InstrumentType, Leg, reduction
from senex.domain.lots import Lot
from senex.domain.money import CONTRACT_MULTIPLIER, cents, number_in
from senex.domain.net import price_legs
from senex.domain.pnl import unrealised
from senex.domain.positions import OPEN_STATUSES
from senex.domain.quotes import DISPLAY_STALE
from senex.domain.unknown import Unknown

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date, datetime
    from decimal import Decimal
    from uuid import UUID

    from senex.domain.quotes import Market
    from senex.domain.suggestions import Pricing
    from senex.ports.views import (
        LegView,
        LotView,
        OrderView,
        PositionSpreadView,
        PositionView,
        SuggestionView,
    )

_ANY_AGE = timedelta(days=36500)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Live:
    """What is made of quotes: as old as the oldest of them."""

    age: timedelta | Unknown

    @property
    def stale(self) -> bool:
        """Whether the screen must dim it (DOMAIN 0.9)."""
        return isinstance(self.age, Unknown) or self.age > DISPLAY_STALE


@dataclass(frozen=True, slots=True, kw_only=True)
class LegLive(_Live):
    """One instrument now: its mid (None of it where unknown) and how old that is."""

    mark: Decimal | Unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class SpreadLive(_Live):
    """One spread now.

    ``close`` is the signed mid price of closing it (− pays). ``distance`` is
    how far, per share, the market must still move for the target to fill
    (0 or less: it is there); None when the spread has no working target.
    """

    close: Decimal | Unknown
    pnl: Decimal | Unknown
    target: Decimal | None
    distance: Decimal | Unknown | None


@dataclass(frozen=True, slots=True)
class NextExit:
    """The next step of a position's ladder and the New York day it is taken on; steps count from 1."""

    step: int
    steps: int
    day: date


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionLive(_Live):
    """A position now; ``spreads`` by key, ``legs`` by (spread key, symbol)."""

    close: Decimal | Unknown
    pnl: Decimal | Unknown
    spreads: dict[str, SpreadLive]
    legs: dict[tuple[str, str], LegLive]
    next_exit: NextExit | None


def leg_live(streamer: str, market: Market, now: datetime) -> LegLive:
    """The mid of one symbol, whatever its age, and the age beside it."""
    quote = market.quotes.get(streamer)
    mark = Unknown(f"no quote for {streamer} yet") if quote is None else quote.mid
    return LegLive(mark=mark, age=market.age(streamer, now))


def price_suggestion(suggestion: SuggestionView, market: Market, now: datetime) -> Pricing | Unknown:
    """Natural, mid and opposite now; Unknown once a leg is too old to decide on (60 s)."""
    legs, streamers = _opening(suggestion.legs)
    return price_legs(legs, market, now, streamers=streamers)


def worst_loss(suggestion: SuggestionView) -> Decimal:
    """The most an approval can lose, in dollars: at the end of its band, not at the limit shown."""
    legs, _ = _opening(suggestion.legs)
    slack = suggestion.limit_price - suggestion.band_low
    return abs(suggestion.max_loss) + slack * reduction(legs) * CONTRACT_MULTIPLIER


def new_limit(order: OrderView, told: str) -> Decimal:
    """A new limit for the order as an operator writes it, signed as the order's is.

    Raises:
        UsageProblem: ``E_PRICE`` when it is no price, or says the opposite of the order's.
    """
    price = number_in(told)
    if price is None:
        raise UsageProblem("E_PRICE", f"{told.strip()!r} is no price; write it like 1.25.")
    if price == 0 or (price < 0 < order.limit_price):
        raise UsageProblem("E_PRICE", f"{told.strip()} cannot be the limit of this order.")
    return abs(price) if order.limit_price > 0 else -abs(price)


def order_money(order: OrderView, limit: Decimal) -> Decimal:
    """What is left of the order brings at ``limit`` (signed, − pays), in dollars before fees."""
    left = (abs(leg.quantity) - leg.filled for leg in order.legs)
    return limit * gcd(*left) * CONTRACT_MULTIPLIER


def position_live(position: PositionView, market: Market, now: datetime) -> PositionLive:
    """A position with every spread and leg, from the same instant of quotes."""
    everything = tuple(lot for spread in position.spreads for lot in spread.lots)
    close, age = _closing(everything, market, now)
    return PositionLive(
        close=close,
        pnl=_pnl(position.id, everything, market, now),
        age=age,
        spreads={spread.key: _spread(position.id, spread, market, now) for spread in position.spreads},
        legs={(lot.spread_key, lot.symbol): leg_live(lot.streamer, market, now) for lot in everything},
        next_exit=next_exit(position, now),
    )


def close_value(
    lots: Sequence[LotView], market: Market, now: datetime, *, limit: Decimal | None = None
) -> Decimal | Unknown:
    """Dollars that closing the lots brings (− costs): at natural, or at a signed ``limit`` per spread."""
    legs, streamers = _closing_legs(lots)
    price: Decimal | Unknown | None = limit
    if price is None:
        pricing = price_legs(legs, market, now, streamers=streamers)
        price = pricing if isinstance(pricing, Unknown) else pricing.natural
    if isinstance(price, Unknown):
        return price
    options = any(leg.instrument is InstrumentType.EQUITY_OPTION for leg in legs)
    return cents(price * reduction(legs) * (CONTRACT_MULTIPLIER if options else 1))


def next_exit(position: PositionView, now: datetime) -> NextExit | None:
    """What the ladder does next (today's step while the day lasts); None where there is no ladder, or none left."""
    steps = LAST_STEP + 1
    if position.managed and position.status in OPEN_STATUSES:
        for index, day in enumerate(position.ladder):
            if day >= new_york_date(now):
                return NextExit(min(index + 1, steps), steps, day)
    return None


def streamers_of(
    suggestions: Iterable[SuggestionView], positions: Iterable[PositionView], orders: Iterable[OrderView] = ()
) -> frozenset[str]:
    """Every streaming symbol these need, their underlyings included."""
    wanted: set[str] = set()
    for suggestion in suggestions:
        wanted |= {leg.streamer for leg in suggestion.legs} | {suggestion.underlying}
    for position in positions:
        wanted |= {lot.streamer for spread in position.spreads for lot in spread.lots} | {position.underlying}
    for order in orders:
        wanted |= {leg.streamer for leg in order.legs}
    return frozenset(wanted)


def _spread(position_id: UUID, spread: PositionSpreadView, market: Market, now: datetime) -> SpreadLive:
    close, age = _closing(spread.lots, market, now)
    target = spread.target.limit_price if spread.target is not None else None
    distance: Decimal | Unknown | None = None
    if target is not None:
        distance = close if isinstance(close, Unknown) else target - close
    pnl = _pnl(position_id, spread.lots, market, now)
    return SpreadLive(close=close, pnl=pnl, age=age, target=target, distance=distance)


def _closing(
    lots: tuple[LotView, ...], market: Market, now: datetime
) -> tuple[Decimal | Unknown, timedelta | Unknown]:
    """The signed mid price of closing the lots, and the age of its oldest leg."""
    legs, streamers = _closing_legs(lots)
    pricing = price_legs(legs, market, now, max_age=_ANY_AGE, streamers=streamers)
    if isinstance(pricing, Unknown):
        return pricing, pricing
    return pricing.mid, now - pricing.oldest


def _closing_legs(lots: Sequence[LotView]) -> tuple[list[Leg], dict[str, str]]:
    """What closes the lots, netted by symbol, and the streaming symbols."""
    net: dict[str, int] = {}
    streamers: dict[str, str] = {}
    for lot in lots:
        net[lot.symbol] = net.get(lot.symbol, 0) + lot.quantity
        streamers[lot.symbol] = lot.streamer
    legs = [
        Leg(
            symbol,
            Action.BUY_TO_CLOSE if quantity < 0 else Action.SELL_TO_CLOSE,
            abs(quantity),
            InstrumentType.of(symbol),
        )
        for symbol, quantity in net.items()
        if quantity
    ]
    return legs, streamers


def _pnl(position_id: UUID, lots: tuple[LotView, ...], market: Market, now: datetime) -> Decimal | Unknown:
    if not lots:
        return Unknown("nothing is open")
    marks = {lot.symbol: leg_live(lot.streamer, market, now).mark for lot in lots}
    return unrealised(
        (
            Lot(
                position_id,
                lot.spread_key,
                lot.symbol,
                0,
                lot.quantity,
                lot.quantity,
                lot.price,
                lot.multiplier,
            )
            for lot in lots
        ),
        marks,
    )


def _opening(legs: tuple[LegView, ...]) -> tuple[list[Leg], dict[str, str]]:
    plain = [
        Leg(leg.symbol, Action(leg.action), abs(leg.quantity), InstrumentType.of(leg.symbol)) for leg in legs
    ]
    return plain, {leg.symbol: leg.streamer for leg in legs}
