"""Live prices of legs: what an approval and a submission are checked against."""

from __future__ import annotations

from typing import TYPE_CHECKING

from senex.domain.caps import liquidity, near_market
from senex.domain.errors import Refused
from senex.domain.net import limit_price, price_legs
from senex.domain.unknown import Unknown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from decimal import Decimal

    from senex.domain.legs import Leg
    from senex.domain.limits import Limits
    from senex.domain.suggestions import Band
    from senex.services.context import Context

WAIT_FOR_QUOTES = 5.0


async def limit_inside(
    context: Context,
    legs: Sequence[Leg],
    *,
    streamers: Mapping[str, str],
    band: Band,
    offset: Decimal,
    tick: Decimal,
    limits: Limits,
    written: Decimal | None = None,
) -> Decimal:
    """The limit the market asks for now, if the operator's approval covers it.

    ``streamers`` are the broker's streamer symbols of the legs; ``written`` is the limit the order has, which
    must lie in today's market too.

    Raises:
        Refused: ``E_QUOTES_STALE`` when a leg has no fresh price (DOMAIN 0.9), ``E_PRICE_MOVED`` when the
            limit has left the band and a new look is needed, ``E_RISK`` when a leg is not liquid enough or the
            written limit is far from the market.
    """
    market = await context.quotes.wanted(set(streamers.values()), timeout=WAIT_FOR_QUOTES)
    pricing = price_legs(legs, market, context.clock.now(), streamers=streamers)
    limit = pricing if isinstance(pricing, Unknown) else limit_price(pricing, offset=offset, tick=tick)
    if isinstance(limit, Unknown):
        raise Refused("E_QUOTES_STALE", f"Nothing was sent: {limit.why}; try again when quotes are fresh.")
    if not band.holds(limit):
        raise Refused(
            "E_PRICE_MOVED",
            f"Nothing was sent: the price moved to {limit}, outside the approved {band.low} to {band.high}; "
            "ask for a new suggestion.",
        )
    wrong = [*liquidity(legs, market, streamers, limits)]
    if written is not None and not isinstance(pricing, Unknown):
        wrong += near_market(written, pricing, tick)
    if wrong:
        raise Refused("E_RISK", f"Refused: {wrong[0]}.", reasons=tuple(map(str, wrong)))
    return limit
