"""What an account is worth and may still risk, at the current marks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from senex.domain.legs import InstrumentType
from senex.domain.money import ZERO, cents
from senex.simulator.books.fees import Fees, fees_of, total
from senex.simulator.books.margin import OptionLine, requirement
from senex.simulator.books.records import Order, Quantity, multiplier
from senex.simulator.market.listing import contract

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date
    from decimal import Decimal

    from senex.simulator.board import Board
    from senex.simulator.books.books import Books


@dataclass(frozen=True, slots=True)
class Statement:
    """Balances of one account in dollars; short values are unsigned."""

    cash: Decimal
    long_options: Decimal
    short_options: Decimal
    long_equity: Decimal
    short_equity: Decimal
    requirement: Decimal
    reserved: Decimal

    @property
    def net_liquidation(self) -> Decimal:
        """Cash plus everything at its mark."""
        return self.cash + self.long_options - self.short_options + self.long_equity - self.short_equity

    @property
    def buying_power(self) -> Decimal:
        """What new option orders may use: positions' margin and working entries are taken off."""
        return self.cash + self.long_equity - self.short_equity - self.requirement - self.reserved


@dataclass(frozen=True, slots=True)
class Effect:
    """What filling an order would do, in signed dollars (negative uses buying power)."""

    margin_change: Decimal
    buying_power_change: Decimal
    current: Decimal
    isolated_margin: Decimal
    fees: Fees
    is_spread: bool

    @property
    def new(self) -> Decimal:
        """Buying power afterwards."""
        return self.current + self.buying_power_change


class Accountant:
    """Derives statements and order effects from the books and the board."""

    def __init__(self, books: Books, board: Board) -> None:
        self._books = books
        self._board = board

    def statement(self, account: str, *, without: int | None = None) -> Statement:
        """The account's balances now; ``without`` leaves a working order's reserve out."""
        totals = {(option, long): ZERO for option in (True, False) for long in (True, False)}
        for holding in self._books.holdings[account].values():
            quantity = holding.quantity
            if quantity:
                key = (holding.instrument is InstrumentType.EQUITY_OPTION, quantity > 0)
                mark = self._board.mark(holding.symbol) or ZERO
                totals[key] += (quantity if quantity > 0 else -quantity) * mark * holding.multiplier
        reserved = sum(
            (
                max(ZERO, -self._change(order))
                for order in self._books.working_of(account)
                if order.reserves and order.id != without
            ),
            ZERO,
        )
        return Statement(
            cash=self._books.cash[account],
            long_options=totals[True, True],
            short_options=totals[True, False],
            long_equity=totals[False, True],
            short_equity=totals[False, False],
            requirement=self._requirement(self._held(account)),
            reserved=reserved,
        )

    def effect(self, order: Order, day: date) -> Effect:
        """What the order would do to buying power if it filled at its limit."""
        fees = self.fees(order, day)
        held = self._held(order.account)
        before, after = self._requirement(held), self._requirement(_added(held, order))
        return Effect(
            margin_change=before - after,
            buying_power_change=self._change(order) - fees.total,
            current=self.statement(order.account, without=order.id).buying_power,
            isolated_margin=self._requirement(_added({}, order)),
            fees=fees,
            is_spread=len(order.legs) > 1,
        )

    def fees(self, order: Order, day: date) -> Fees:
        """The fees of the whole order at the current marks."""
        return total(
            fees_of(
                day=day,
                instrument=leg.instrument,
                action=leg.action,
                quantity=leg.quantity,
                already=0,
                value=(self._board.mark(leg.symbol) or ZERO) * leg.quantity * multiplier(leg.instrument),
            )
            for leg in order.legs
        )

    def _change(self, order: Order) -> Decimal:
        held = self._held(order.account)
        before, after = self._requirement(held), self._requirement(_added(held, order))
        stock = sum(
            (
                leg.action.sign * leg.remaining * self._spot(leg.symbol)
                for leg in order.legs
                if leg.instrument is InstrumentType.EQUITY
            ),
            ZERO,
        )
        return cents(self._proceeds(order) + stock + before - after)

    def _proceeds(self, order: Order) -> Decimal:
        """Cash from what is left of the order, at its limit or, for a market order, at the marks."""
        if order.price is not None:
            return order.price * order.units_left * order.per_share
        return sum(
            (
                -leg.action.sign
                * leg.remaining
                * (self._board.mark(leg.symbol) or ZERO)
                * multiplier(leg.instrument)
                for leg in order.legs
            ),
            ZERO,
        )

    def _held(self, account: str) -> dict[str, Quantity]:
        held: dict[str, Quantity] = {}
        for holding in self._books.holdings[account].values():
            if holding.quantity:
                held[holding.symbol] = holding.quantity
        return held

    def _spot(self, symbol: str) -> Decimal:
        return self._board.mark(symbol) or ZERO

    def _requirement(self, held: Mapping[str, Quantity]) -> Decimal:
        lines = []
        stocks: dict[str, Quantity] = {}
        for symbol, quantity in held.items():
            known = contract(symbol)
            if known is None:
                stocks[symbol] = quantity
            else:
                option = known.option
                lines.append(
                    OptionLine(option.root, option.expiry, known.is_call, option.strike, int(quantity))
                )
        return requirement(lines, stocks, self._spot)


def _added(held: Mapping[str, Quantity], order: Order) -> dict[str, Quantity]:
    after = dict(held)
    for leg in order.legs:
        after[leg.symbol] = after.get(leg.symbol, 0) + leg.action.sign * leg.remaining
    return after
