"""What working orders set aside, reckoned again only where positions or prices have overtaken it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from senex.domain.money import ZERO
from senex.simulator.books.exposure import Prices

if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal

    from senex.simulator.board import Board
    from senex.simulator.books.books import Books
    from senex.simulator.books.records import Order


@dataclass(slots=True)
class _Kept:
    """What an account's working orders on one underlying set aside."""

    version: int = -1
    amounts: dict[int, Decimal] = field(default_factory=dict)
    total: Decimal = ZERO
    priced: dict[int, int] = field(default_factory=dict)
    """The tick at which orders that depend on prices were reckoned."""
    tick: int | None = None
    """The tick at which it was last made sure that all of them are of that tick."""

    def put(self, number: int, amount: Decimal) -> None:
        """Set an order's reserve."""
        self.total += amount - self.amounts.pop(number, ZERO)
        if amount:
            self.amounts[number] = amount


class Reserves:
    """The reserves of all accounts; ``change`` is what filling an order does to buying power."""

    def __init__(self, books: Books, board: Board, change: Callable[[Order, Prices], Decimal]) -> None:
        self._books = books
        self._board = board
        self._change = change
        self._kept: dict[str, defaultdict[str, _Kept]] = {}

    def of(self, account: str, without: int | None) -> Decimal:
        """What an account's working orders set aside; ``without`` leaves one out."""
        known = self._kept.get(account)
        if known is None:
            known = self._kept[account] = defaultdict(_Kept)
            changed = {order.id: order for order in self._books.working_of(account)}
            self._books.take_changed(account)
        else:
            changed = {number: self._books.orders[number] for number in self._books.take_changed(account)}
        for order in changed.values():
            self._reckon(known[order.underlying], order)
        reserved = ZERO
        for underlying, reserves in known.items():
            self._refresh(account, underlying, reserves)
            reserved += reserves.total
            if without is not None:
                reserved -= reserves.amounts.get(without, ZERO)
        return reserved

    def _refresh(self, account: str, underlying: str, reserves: _Kept) -> None:
        """Reckon again what positions or prices have overtaken."""
        version, tick = self._books.versions[account, underlying], self._board.tick
        if version != reserves.version:
            reserves.version = version
            stale = [order.id for order in self._books.working_of(account) if order.underlying == underlying]
        elif tick != reserves.tick:
            stale = [number for number, priced in reserves.priced.items() if priced != tick]
        else:
            return
        reserves.tick = tick
        for number in stale:
            self._reckon(reserves, self._books.orders[number])

    def _reckon(self, reserves: _Kept, order: Order) -> None:
        reserves.priced.pop(order.id, None)
        amount = ZERO
        if order.reserves:
            prices = Prices(self._board)
            amount = max(ZERO, -self._change(order, prices))
            if prices.asked:
                reserves.priced[order.id] = self._board.tick
        reserves.put(order.id, amount)
