"""What an account is worth and may still risk, at the current marks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from senex.domain.legs import InstrumentType
from senex.domain.money import ZERO, cents
from senex.simulator.books.exposure import Exposure, Prices, added, apart, long_stock
from senex.simulator.books.fees import Fees, charge, total
from senex.simulator.books.records import SHARES_PER_CONTRACT, Order, OrderLeg, Quantity, multiplier
from senex.simulator.books.reserves import Reserves

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date
    from decimal import Decimal

    from senex.simulator.board import Board
    from senex.simulator.books.books import Books
    from senex.simulator.books.exposure import Held
    from senex.simulator.books.margin import Requirement


@dataclass(frozen=True, slots=True)
class Statement:
    """Balances of one account in dollars; short values are unsigned."""

    cash: Decimal
    long_options: Decimal
    short_options: Decimal
    long_equity: Decimal
    short_equity: Decimal
    requirement: Decimal
    maintenance: Decimal
    reserved: Decimal
    pending: Decimal = ZERO

    @property
    def net_liquidation(self) -> Decimal:
        """Cash plus everything at its mark."""
        return self.cash + self.long_options - self.short_options + self.long_equity - self.short_equity

    @property
    def buying_power(self) -> Decimal:
        """What new option orders may use: positions' margin and working entries are taken off.

        The requirement of short stock includes its proceeds, which are in the cash.
        """
        return self.cash + self.long_equity - self.requirement - self.reserved

    @property
    def maintenance_excess(self) -> Decimal:
        """What is there beyond what keeping the positions needs; below zero is a margin call."""
        return self.cash + self.long_equity - self.maintenance


@dataclass(frozen=True, slots=True)
class Effect:
    """What filling an order would do, in signed dollars (negative uses buying power).

    ``refusal`` is (code, message) where the account may not hold the outcome at all.
    """

    margin_change: Decimal
    buying_power_change: Decimal
    current: Decimal
    isolated_margin: Decimal
    fees: Fees
    is_spread: bool
    refusal: tuple[str, str] | None = None

    @property
    def new(self) -> Decimal:
        """Buying power afterwards."""
        return self.current + self.buying_power_change


class Accountant:
    """Derives statements and order effects from the books and the board."""

    def __init__(self, books: Books, board: Board) -> None:
        self._books = books
        self._board = board
        self._exposure = Exposure(books, board)
        self._reserves = Reserves(books, board, self._change)

    def statement(self, account: str, *, without: int | None = None) -> Statement:
        """The account's balances now; ``without`` leaves a working order's reserve out."""
        values = self._exposure.values(account)
        margins = self.margins(account).values()
        return Statement(
            cash=self._books.cash[account],
            long_options=values[True, True],
            short_options=values[True, False],
            long_equity=values[False, True],
            short_equity=values[False, False],
            requirement=sum((one.initial for one in margins), ZERO),
            maintenance=sum((one.maintenance for one in margins), ZERO),
            reserved=self._reserves.of(account, without),
            pending=sum((claim.value for claim in self._books.claims_of(account)), ZERO),
        )

    def margins(self, account: str) -> dict[str, Requirement]:
        """What each underlying's positions require."""
        underlyings = {one.underlying for one in self._books.holdings[account].values() if one.lots}
        return {underlying: self._exposure.margin(account, underlying) for underlying in sorted(underlyings)}

    def carried(
        self, account: str, underlying: str, change: Mapping[str, Quantity], cash: Decimal
    ) -> Decimal:
        """Maintenance excess if an underlying's positions changed so, for so much cash."""
        held = self._exposure.held(account, underlying)
        after = added(held, change)
        prices = Prices(self._board)
        moved = long_stock(underlying, after, prices) - long_stock(underlying, held, prices)
        more = self._exposure.requirement(account, underlying, after, prices).maintenance
        before = self._exposure.margin(account, underlying).maintenance
        return self.statement(account).maintenance_excess + cash + moved - more + before

    def effect(self, order: Order, day: date) -> Effect:
        """What the order would do to buying power if it filled at its limit."""
        prices = Prices(self._board)
        fees = self.fees(order, day)
        legs = _legs(order)
        held = self._exposure.held(order.account, order.underlying)
        after = added(held, legs)
        margin = self._exposure.requirement(order.account, order.underlying, after, prices).initial
        alone = (
            self._exposure.requirement(order.account, order.underlying, legs, prices).initial
            if held
            else margin
        )
        return Effect(
            margin_change=self._exposure.margin(order.account, order.underlying).initial - margin,
            buying_power_change=self._gain(order, held, after, margin, prices) - fees.total,
            current=self.statement(order.account, without=order.id).buying_power,
            isolated_margin=alone,
            fees=fees,
            is_spread=len(order.legs) > 1,
            refusal=self._refusal(order, after),
        )

    def fees(self, order: Order, day: date) -> Fees:
        """The fees of what is left of the order, at the prices it would fill at."""
        return total(charge(leg, leg.remaining, self._likely(order, leg), day) for leg in order.legs)

    def _likely(self, order: Order, leg: OrderLeg) -> Decimal:
        """A leg's price: the mark, or the limit of a single leg that waits for a better one."""
        mark = self._board.mark(leg.symbol) or ZERO
        if order.price is None or len(order.legs) > 1:
            return mark
        return max(order.price, mark) if leg.action.sign < 0 else min(-order.price, mark)

    def _refusal(self, order: Order, after: Mapping[str, Quantity]) -> tuple[str, str] | None:
        """Why a cash account may not hold what the order would make of it."""
        if not self._books.accounts[order.account].is_cash:
            return None
        options = [leg for leg in order.legs if leg.instrument is InstrumentType.EQUITY_OPTION]
        if len({leg.action.sign for leg in options if leg.action.opens}) > 1:
            return ("margin_account_required", "Spreads are not permitted in a cash account")
        lines, shares = apart(order.underlying, after)
        short = -sum(line.quantity for line in lines if line.is_call and line.quantity < 0)
        if short * SHARES_PER_CONTRACT > max(0, shares):
            return ("margin_account_required", "Uncovered short calls are not permitted in a cash account")
        if shares < 0:
            return ("margin_account_required", "Short stock is not permitted in a cash account")
        return None

    def _change(self, order: Order, prices: Prices) -> Decimal:
        """What filling the rest of an order does to buying power, fees apart."""
        held = self._exposure.held(order.account, order.underlying)
        after = added(held, _legs(order))
        margin = self._exposure.requirement(order.account, order.underlying, after, prices).initial
        return self._gain(order, held, after, margin, prices)

    def _gain(
        self,
        order: Order,
        held: Mapping[str, Quantity],
        after: Mapping[str, Quantity],
        margin: Decimal,
        prices: Prices,
    ) -> Decimal:
        """What it does to buying power that positions become ``after`` and require ``margin``."""
        before = self._exposure.margin(order.account, order.underlying, prices).initial
        moved = long_stock(order.underlying, after, prices) - long_stock(order.underlying, held, prices)
        return cents(self._proceeds(order, prices) + moved + before - margin)

    @staticmethod
    def _proceeds(order: Order, prices: Prices) -> Decimal:
        """Cash from what is left of the order, at its limit or, without one, at the marks."""
        if order.price is not None:
            return order.price * order.units_left * order.per_share
        if order.value is not None:
            return order.value
        return sum(
            (
                -leg.action.sign * leg.remaining * prices.mark(leg.symbol) * multiplier(leg.instrument)
                for leg in order.legs
            ),
            ZERO,
        )


def _legs(order: Order) -> Held:
    return {leg.symbol: leg.action.sign * leg.remaining for leg in order.legs}
