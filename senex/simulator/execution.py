"""The trading floor: looks at one order on one tick and says what fills of it, at which prices."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import ROUND_FLOOR, Decimal
from math import gcd
from typing import TYPE_CHECKING

from senex.simulator import hours, matching
from senex.simulator.books import booking
from senex.simulator.books.records import Behavior, OrderType, multiplier

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from senex.simulator.board import Board
    from senex.simulator.books.books import Books
    from senex.simulator.books.records import Entry, Order, Quantity
    from senex.simulator.market.draws import Draws
    from senex.simulator.market.quotes import Quote
    from senex.simulator.whims import Whims

_SECOND_HALF = timedelta(seconds=1)
_SHARE = Decimal("0.00001")
"""The smallest part of a share."""
_EAGER = 1.0
_OVERTAKEN = 8
"""How many ticks of waiting a cancellation's way takes at most."""
_CHANCE = 0.1
"""How often a fill comes first where a cancellation meets one that was about to happen."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a look at an order brought: its new state and the entries of what filled."""

    order: Order
    entries: tuple[Entry, ...] = ()

    @property
    def symbols(self) -> tuple[str, ...]:
        """What filled."""
        return tuple(entry.symbol for entry in self.entries if entry.symbol is not None)


class Floor:
    """Matches orders against the board. It changes nothing: it answers with new states."""

    def __init__(self, *, board: Board, books: Books, draws: Draws) -> None:
        self._board = board
        self._books = books
        self._draws = draws

    def look(self, order: Order, instant: datetime, whims: Whims) -> Outcome | None:
        """What happens to an order on the board's tick; None is nothing."""
        if not self._may_fill(order, instant):
            return None
        quotes = self._quotes(order)
        if quotes is None:
            return None
        found = None
        if order.type in {OrderType.STOP, OrderType.STOP_LIMIT} and order.triggered_at is None:
            block = matching.next_block(order, market=False)
            if not matching.stopped(order, matching.sides_of(order, block, quotes)):
                return None
            order = replace(order, triggered_at=instant, updated_at=instant)
            found = Outcome(order)
        return self._match(order, quotes, instant, whims) or found

    def overtake(self, order: Order, instant: datetime) -> Outcome | None:
        """The fill that comes before a cancellation which was asked for, where the market is that close.

        One that was about to happen comes first in a tenth of the cases.
        """
        tick = self._board.tick
        if self._draws.uniform("race", order.id, tick) >= _CHANCE or not self._may_fill(order, instant):
            return None
        quotes = self._quotes(order)
        if quotes is None or not self._resting(order):
            return None
        block = matching.next_block(order, market=hours.becomes_market(order))
        sides = matching.sides_of(order, block, quotes)
        units = matching.depth(sides, block.units)
        net = matching.net_price(block.limit, sides, self._willing(order, _OVERTAKEN))
        return None if net is None or units == 0 else self._fill(order, block, units, net, sides, instant)

    def force(self, order: Order, instant: datetime) -> Outcome | None:
        """Fill all that is left: at the limit, or at the natural price where that is better.

        Only this may fill beyond the quotes, as if they had been there for a moment.
        """
        quotes = self._quotes(order)
        if quotes is None or order.live_tick is None:
            return None
        block = matching.next_block(order, market=hours.becomes_market(order))
        sides = matching.sides_of(order, block, quotes)
        worst = matching.natural(sides)
        net = worst if block.limit is None else max(block.limit, worst)
        return self._fill(order, block, block.units, net, sides, instant)

    # -- inside -------------------------------------------------------------------------------

    def _may_fill(self, order: Order, instant: datetime) -> bool:
        if order.live_tick is None or order.behavior is Behavior.NEVER:
            return False
        if order.not_before is not None and instant < order.not_before:
            return False
        return all(leg.fills[-1].tick < self._board.tick for leg in order.legs if leg.fills)

    @staticmethod
    def _resting(order: Order) -> bool:
        stop = order.type in {OrderType.STOP, OrderType.STOP_LIMIT}
        return not stop or order.triggered_at is not None

    def _quotes(self, order: Order) -> dict[str, Quote] | None:
        """The quotes of the legs; None where one of them cannot be traded on."""
        quotes = {}
        for leg in order.legs:
            quote = self._board.firm(leg.symbol)
            if quote is None:
                return None
            quotes[leg.symbol] = quote
        return quotes

    def _willing(self, order: Order, ahead: int = 0) -> float:
        if order.behavior is not None:
            return _EAGER
        age = self._board.tick - (order.live_tick or 0)
        return matching.patience(self._draws, order.id, age + ahead)

    def _match(
        self, order: Order, quotes: Mapping[str, Quote], instant: datetime, whims: Whims
    ) -> Outcome | None:
        block = matching.next_block(order, market=hours.becomes_market(order))
        sides = matching.sides_of(order, block, quotes)
        willing = _EAGER if block.catches_up else self._willing(order)
        net = matching.net_price(block.limit, sides, willing)
        if net is None or (block.limit is None and any(side.natural == 0 for side in sides)):
            return None
        wanted = self._wanted(order, block, instant)
        units = wanted if block.catches_up else matching.depth(sides, wanted)
        if units == 0:
            return None
        units = min(units, whims.units(order) or units)
        left_out = whims.straggler(order) if len(block.lots) > 1 else None
        return self._fill(order, block, units, net, sides, instant, left_out=left_out)

    @staticmethod
    def _wanted(order: Order, block: matching.Block, instant: datetime) -> int:
        """How many units the client lets fill now: half at first, and the rest a second later, if it asks so."""
        if order.behavior is not Behavior.PARTIAL or block.catches_up:
            return block.units
        first = order.legs[0].fills
        if not first:
            return -(-block.units // 2)
        return block.units if instant >= first[0].filled_at + _SECOND_HALF else 0

    def _fill(
        self,
        order: Order,
        block: matching.Block,
        units: int,
        net: int,
        sides: tuple[matching.Side, ...],
        instant: datetime,
        *,
        left_out: str | None = None,
    ) -> Outcome:
        common = gcd(*(side.ratio for side in sides))
        prices = matching.split(-(-net // common) * common, sides)
        if order.value is not None:
            leg = order.legs[0]
            bought = abs(order.value) / (Decimal(prices[leg.symbol]) / 100)
            leg = replace(leg, quantity=bought.quantize(_SHARE, ROUND_FLOOR))
            order = replace(order, legs=(leg,))
            quantities: dict[str, Quantity] = {leg.symbol: leg.quantity}
        else:
            quantities = {
                leg.symbol: units * block.lots[leg.symbol] * order.per_share // multiplier(leg.instrument)
                for leg in order.legs
                if leg.symbol in block.lots and leg.symbol != left_out
            }
        filled, entries = booking.fill(
            order,
            quantities=quantities,
            prices=prices,
            instant=instant,
            tick=self._board.tick,
            next_entry=self._books.next_entry,
        )
        return Outcome(filled, tuple(entries))
