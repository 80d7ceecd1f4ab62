"""What an exit is judged by at one moment, and the price that follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from senex.domain.calendar import new_york_date
from senex.domain.closing import Terms, closing_legs
from senex.domain.exits import LAST_STEP, MOVES_TO_NATURAL, ended, exit_price, worst_price
from senex.domain.exits import in_regular_hours as in_hours
from senex.domain.legs import InstrumentType
from senex.domain.net import price_legs
from senex.domain.trading_state import TradingState
from senex.domain.unknown import Unknown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime

    from senex.domain.calendar import Calendar
    from senex.domain.closing import Held, SpreadExit
    from senex.domain.legs import Leg
    from senex.domain.orders import Order
    from senex.domain.positions import Position, PositionSpread
    from senex.domain.quotes import Market
    from senex.domain.trading_state import Fence
    from senex.ports.records import Instrument

_NICKEL, _DIME, _DEAR = Decimal("0.05"), Decimal("0.10"), Decimal(3)


def stops_of(instruments: Mapping[str, Instrument]) -> dict[str, datetime | None]:
    """When each contract stops trading, as far as the broker has said."""
    return {symbol: each.stops_trading_at for symbol, each in instruments.items()}


@dataclass(frozen=True, slots=True)
class ExitCase:
    """One spread of a position at one moment.

    ``orders`` are its closing orders of all time, oldest first; ``entering`` says that the entry still works.
    """

    position: Position
    spread: PositionSpread
    held: Held
    orders: Sequence[Order]
    entering: bool
    fence: Fence
    calendar: Calendar
    market: Market
    instruments: Mapping[str, Instrument]
    now: datetime

    @property
    def today(self) -> date:
        """The New York day."""
        return new_york_date(self.now)

    @property
    def subject(self) -> str:
        """What alarms and the journal call the spread."""
        return f"{self.position.id}/{self.held.plan.key}"

    def obstacle(self) -> str | None:
        """Why nothing may be sent now; None in regular hours, before the legs stop trading (DOMAIN 0.6, 0.10)."""
        if self.fence.state is TradingState.HALTED:
            return f"the account is halted ({self.fence.reason})"
        if not self.fence.ready:
            return f"senex reconciles first ({self.fence.ready_reason})"
        session = self.calendar.session_on(self.today)
        if isinstance(session, Unknown):
            return session.why
        if not in_hours(session, self.now):
            return "the market is closed"
        over = ended(self.held.open, stops_of(self.instruments), self.now)
        return None if over is None else f"{over} has stopped trading"

    def limit(self, wish: SpreadExit, moves: int) -> Decimal | Unknown:
        """The limit its order should have after ``moves`` re-pricings, or why none is known."""
        if wish.terms is Terms.FIXED:
            return Unknown("the close has no limit") if wish.limit is None else wish.limit
        legs = closing_legs(self.held, excess=wish.excess)
        if not legs:
            return Unknown("nothing is open")
        streamers = {symbol: each.streamer for symbol, each in self.instruments.items()}
        pricing = price_legs(legs, self.market, self.now, streamers=streamers)
        if isinstance(pricing, Unknown):
            return pricing
        worked = wish.terms is Terms.WORKED
        return exit_price(
            pricing,
            worst=self._worst(legs, wish.step if worked else LAST_STEP),
            moves=moves if worked else MOVES_TO_NATURAL,
            tick=self._tick(legs),
        )

    def _worst(self, legs: Sequence[Leg], step: int) -> Decimal | None:
        """The price beyond which nothing is sent: the step's cap for whole units, a tick for what is only sold."""
        if all(leg.action.sign < 0 for leg in legs):
            return self._tick(legs)
        if len(legs) == 1:
            return None
        plan, credit = self.held.plan, self.spread.credit
        if credit is None:
            return -plan.width if plan.width > 0 else None
        return worst_price(plan, credit, step=step, tick=self.position.tick)

    def _tick(self, legs: Sequence[Leg]) -> Decimal:
        """The spread's tick; what hangs alone may not be a penny option, so it goes in nickels and dimes."""
        if len(legs) > 1 or legs[0].instrument is InstrumentType.EQUITY:
            return self.position.tick
        known = self.instruments.get(legs[0].symbol)
        quote = None if known is None else self.market.quotes.get(known.streamer)
        dear = quote is not None and quote.ask is not None and quote.ask >= _DEAR
        return _DIME if dear else _NICKEL
