"""Somebody who trades at the broker's own site: spreads that expire, are assigned and exercised in the week.

The operator calls in once a week and gives one of them an exit plan.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import date

    from tests.soak.world import World

UNDERLYING = "WMT"
_RIGHT, _TIME_EXIT = 12, 2
_PUTS, _CALLS = (2, -3), (5, 8)
"""Dollars from the price: a put spread in the money, which ends in shares or in both legs; a call spread out of it."""


async def trade(world: World) -> bool:
    """Sell both spreads in the nearest expiration but one of the underlying; whether there is one."""
    quote = await world.market(f"/market-data/Equity/{UNDERLYING}")
    spot = int(Decimal(str(quote["mark"])))
    chain = (await world.market(f"/option-chains/{UNDERLYING}/nested"))["items"][0]
    near = [one for one in chain["expirations"] if one["days-to-expiration"] in range(1, 8)]
    if not near:
        return False
    strikes = {Decimal(str(one["strike-price"])): one for one in near[0]["strikes"]}
    for right, (short, long) in (("put", _PUTS), ("call", _CALLS)):
        sold, bought = (_nearest(strikes, spot + away)[right] for away in (short, long))
        await world.order(
            {
                "order-type": "Limit",
                "time-in-force": "Day",
                "price": "0.01",
                "price-effect": "Credit",
                "legs": [_leg(sold, "Sell to Open"), _leg(bought, "Buy to Open")],
            }
        )
    return True


async def adopt(world: World) -> None:
    """Have senex look after the call spreads: a target first, a time exit two days before they expire."""
    for position in await world.console.reads.positions():
        rights = {lot.symbol[_RIGHT : _RIGHT + 1] for spread in position.spreads for lot in spread.lots}
        if not position.managed and rights == {"C"}:
            decision = await world.console.decider.adopt(
                position, target=Decimal("0.5"), time_exit=_TIME_EXIT, reason="calling in"
            )
            await world.console.decider.wait_result(decision, 60)


def first_of_week(day: date, days: list[date]) -> bool:
    """Whether no session of the same week comes before."""
    return not any(one < day and one.isocalendar()[:2] == day.isocalendar()[:2] for one in days)


def _nearest(strikes: dict[Decimal, Any], wanted: int) -> dict[str, str]:
    return dict(strikes[min(strikes, key=lambda one: abs(one - wanted))])


def _leg(symbol: str, action: str) -> dict[str, Any]:
    return {"instrument-type": "Equity Option", "symbol": symbol, "quantity": 1, "action": action}
