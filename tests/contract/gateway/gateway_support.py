"""What the gateway's tests share: a gateway on a simulator, and a ticket it would take."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import uuid4

from senex.domain.legs import Action, Leg
from senex.domain.orders import TimeInForce
from senex.ports.broker import BrokerOrder, Ticket

if TYPE_CHECKING:
    from senex.broker.gateway import Gateway
    from senex.broker.recorder import Exchange
    from senex.ports.clock import Clock


@dataclass
class Desk:
    """A gateway, its account's number, the market clock and every recorded exchange."""

    gateway: Gateway
    number: str
    clock: Clock
    exchanges: list[Exchange] = field(default_factory=list)

    async def ticket(self, *, quantity: int = 1, price: str = "2.50", strict: bool = False) -> Ticket:
        """A put vertical in the middle of the chain; at this credit it rests."""
        chain = await self.gateway.chain("QQQ")
        today = self.clock.now().date()
        expiration = next(each for each in chain.expirations if each.dte(today) >= 30)
        middle = len(expiration.strikes) // 2
        short, long = expiration.strikes[middle].put, expiration.strikes[middle - 3].put
        return Ticket(
            account_number=self.number,
            legs=(Leg(short.occ, Action.SELL_TO_OPEN, quantity), Leg(long.occ, Action.BUY_TO_OPEN, quantity)),
            limit_price=Decimal(price),
            time_in_force=TimeInForce.DAY,
            external_identifier=f"senex-0badcafe-{uuid4().hex}",
            strict_position_effect=strict,
        )

    async def sent(self, ticket: Ticket) -> list[BrokerOrder]:
        """The orders the broker has under the ticket's identifier."""
        listed = await self.gateway.live_orders(self.number)
        return [order for order in listed if order.external_identifier == ticket.external_identifier]
