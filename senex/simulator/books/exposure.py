"""What accounts hold per underlying, what it is worth and what it requires.

Requirements are kept until positions move or, where a price was asked for, the
tick; values until either does.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from senex.domain.legs import InstrumentType
from senex.domain.money import ZERO, cents
from senex.simulator.books.margin import OptionLine, Requirement, requirement
from senex.simulator.books.records import Quantity
from senex.simulator.market.contracts import contract

if TYPE_CHECKING:
    from collections.abc import Mapping

    from senex.simulator.board import Board
    from senex.simulator.books.books import Books

_MOST_KEPT = 4096
Values = dict[tuple[bool, bool], Decimal]
Held = dict[str, Quantity]
"""Signed quantities by symbol, of one underlying."""


@dataclass(slots=True)
class Prices:
    """The board, and whether it was asked."""

    board: Board
    asked: bool = False

    def spot(self, underlying: str) -> Decimal:
        """The underlying's mark."""
        return self.mark(underlying)

    def mark(self, symbol: str) -> Decimal:
        """A symbol's mark."""
        self.asked = True
        return self.board.mark(symbol) or ZERO


class Exposure:
    """Derives values and requirements from the books and the board."""

    def __init__(self, books: Books, board: Board) -> None:
        self._books = books
        self._board = board
        self._margins: dict[tuple[str, str], tuple[int, int | None, Requirement]] = {}
        self._marked: dict[str, tuple[int, int, Values]] = {}
        self._required: dict[tuple[object, ...], tuple[int | None, Requirement]] = {}

    def values(self, account: str) -> Values:
        """What positions are worth by (option, long), each to the cent; kept until they or the tick move."""
        version, tick = self._books.versions[account, ""], self._board.tick
        known = self._marked.get(account)
        if known is None or known[:2] != (version, tick):
            totals = {(option, long): ZERO for option in (True, False) for long in (True, False)}
            for holding in self._books.holdings[account].values():
                quantity = holding.quantity
                if quantity:
                    mark = self._board.mark(holding.symbol) or ZERO
                    key = (holding.instrument is InstrumentType.EQUITY_OPTION, quantity > 0)
                    totals[key] += cents(
                        (quantity if quantity > 0 else -quantity) * mark * holding.multiplier
                    )
            known = self._marked[account] = (version, tick, totals)
        return known[2]

    def margin(self, account: str, underlying: str, prices: Prices | None = None) -> Requirement:
        """What an underlying's positions require, reckoned again only when they or prices asked for moved."""
        version, tick = self._books.versions[account, underlying], self._board.tick
        known = self._margins.get((account, underlying))
        if known is None or known[0] != version or known[1] not in (None, tick):
            asked = Prices(self._board)
            fresh = self.requirement(account, underlying, self.held(account, underlying), asked)
            known = (version, tick if asked.asked else None, fresh)
            self._margins[account, underlying] = known
        if prices is not None and known[1] is not None:
            prices.asked = True
        return known[2]

    def requirement(
        self, account: str, underlying: str, held: Mapping[str, Quantity], prices: Prices
    ) -> Requirement:
        """What other positions on an underlying would require of an account."""
        cash, tick = self._books.accounts[account].is_cash, self._board.tick
        key = (cash, underlying, tuple(sorted(held.items())))
        known = self._required.get(key)
        if known is None or known[0] not in (None, tick):
            lines, shares = apart(underlying, held)
            asked = Prices(self._board)
            fresh = requirement(underlying, lines, shares, asked, cash=cash)
            known = (tick if asked.asked else None, fresh)
            if len(self._required) >= _MOST_KEPT:
                self._required.clear()
            self._required[key] = known
        prices.asked = prices.asked or known[0] is not None
        return known[1]

    def held(self, account: str, underlying: str) -> Held:
        """An account's positions on an underlying."""
        return {
            holding.symbol: holding.quantity
            for holding in self._books.holdings[account].values()
            if holding.underlying == underlying and holding.lots
        }


def added(held: Mapping[str, Quantity], change: Mapping[str, Quantity]) -> Held:
    """Positions after a change."""
    after = dict(held)
    for symbol, quantity in change.items():
        after[symbol] = after.get(symbol, 0) + quantity
    return after


def long_stock(underlying: str, held: Mapping[str, Quantity], prices: Prices) -> Decimal:
    """The value of shares held long."""
    shares = held.get(underlying, 0)
    return shares * prices.spot(underlying) if shares > 0 else ZERO


def apart(underlying: str, held: Mapping[str, Quantity]) -> tuple[list[OptionLine], Quantity]:
    """An underlying's options, and its shares."""
    lines, shares = [], ZERO
    for symbol, quantity in held.items():
        known = contract(symbol)
        if known is not None:
            option = known.option
            line = OptionLine(
                symbol, option.expiry, known.is_call, option.strike, int(quantity), known.shares
            )
            lines.append(line)
        elif symbol == underlying:
            shares += quantity
    return lines, shares
