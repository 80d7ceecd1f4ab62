"""Live prices of legs: what an approval and a submission are checked against."""

from __future__ import annotations

from typing import TYPE_CHECKING

from senex.domain.errors import Refused
from senex.domain.net import limit_price, price_legs
from senex.domain.unknown import Unknown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from decimal import Decimal

    from senex.domain.legs import Leg
    from senex.domain.suggestions import Band, Pricing
    from senex.services.context import Context

WAIT_FOR_QUOTES = 5.0


async def streamers_of(context: Context, legs: Sequence[Leg]) -> dict[str, str]:
    """The broker's streamer symbol of each leg."""
    async with context.units.reading() as tx:
        known = await tx.market.instruments([leg.symbol for leg in legs])
    return {symbol: item.streamer for symbol, item in known.items()}


async def _live_pricing(
    context: Context, legs: Sequence[Leg], streamers: Mapping[str, str]
) -> Pricing | Unknown:
    """Natural, mid and opposite of the legs now, every leg fresh (DOMAIN 0.9), else why not."""
    market = await context.quotes.wanted(set(streamers.values()), timeout=WAIT_FOR_QUOTES)
    return price_legs(legs, market, context.clock.now(), streamers=streamers)


async def limit_inside(
    context: Context,
    legs: Sequence[Leg],
    *,
    streamers: Mapping[str, str],
    band: Band,
    offset: Decimal,
    tick: Decimal,
) -> Decimal:
    """The limit the market asks for now, if the operator's approval covers it.

    ``streamers`` are the broker's streamer symbols of the legs.

    Raises:
        Refused: ``E_QUOTES_STALE`` when a leg has no fresh price, ``E_PRICE_MOVED`` when the
            limit has left the band and a new look is needed.
    """
    pricing = await _live_pricing(context, legs, streamers)
    limit = pricing if isinstance(pricing, Unknown) else limit_price(pricing, offset=offset, tick=tick)
    if isinstance(limit, Unknown):
        raise Refused("E_QUOTES_STALE", f"Nothing was sent: {limit.why}; try again when quotes are fresh.")
    if not band.holds(limit):
        raise Refused(
            "E_PRICE_MOVED",
            f"Nothing was sent: the price moved to {limit}, outside the approved {band.low} to {band.high}; "
            "ask for a new suggestion.",
        )
    return limit
