"""What an account is worth and may still risk, at the current marks.

Margin is kept per underlying and reserves per working order until something
they follow from changes: a position or, where a price is asked for, the tick.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from senex.domain.legs import InstrumentType
from senex.domain.money import ZERO, cents
from senex.simulator.books.fees import Fees, charge, total
from senex.simulator.books.margin import OptionLine, Requirement, requirement
from senex.simulator.books.records import SHARES_PER_CONTRACT, Order, OrderLeg, Quantity, multiplier
from senex.simulator.market.contracts import contract

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

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


_MOST_KEPT = 4096
Values = dict[tuple[bool, bool], Decimal]
Held = dict[str, Quantity]
"""Signed quantities by symbol, of one underlying."""


@dataclass(slots=True)
class _Prices:
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


@dataclass(slots=True)
class _Reserves:
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


class Accountant:
    """Derives statements and order effects from the books and the board."""

    def __init__(self, books: Books, board: Board) -> None:
        self._books = books
        self._board = board
        self._margins: dict[tuple[str, str], tuple[int, int | None, Requirement]] = {}
        self._marked: dict[str, tuple[int, int, Values]] = {}
        self._required: dict[tuple[object, ...], tuple[int | None, Requirement]] = {}
        self._reserves: dict[str, defaultdict[str, _Reserves]] = {}

    def statement(self, account: str, *, without: int | None = None) -> Statement:
        """The account's balances now; ``without`` leaves a working order's reserve out."""
        values = self._values(account)
        margins = self.margins(account).values()
        return Statement(
            cash=self._books.cash[account],
            long_options=values[True, True],
            short_options=values[True, False],
            long_equity=values[False, True],
            short_equity=values[False, False],
            requirement=sum((one.initial for one in margins), ZERO),
            maintenance=sum((one.maintenance for one in margins), ZERO),
            reserved=self._reserved(account, without),
            pending=sum((claim.value for claim in self._books.claims_of(account)), ZERO),
        )

    def _values(self, account: str) -> Values:
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

    def margins(self, account: str) -> dict[str, Requirement]:
        """What each underlying's positions require."""
        underlyings = {one.underlying for one in self._books.holdings[account].values() if one.lots}
        return {underlying: self._margin(account, underlying) for underlying in sorted(underlyings)}

    def carried(
        self, account: str, underlying: str, change: Mapping[str, Quantity], cash: Decimal
    ) -> Decimal:
        """Maintenance excess if an underlying's positions changed so, for so much cash."""
        held = self._held(account, underlying)
        after = _added(held, change)
        prices = _Prices(self._board)
        moved = self._long_stock(underlying, after) - self._long_stock(underlying, held)
        more = self._requirement(account, underlying, after, prices).maintenance
        before = self._margin(account, underlying).maintenance
        return self.statement(account).maintenance_excess + cash + moved - more + before

    def effect(self, order: Order, day: date) -> Effect:
        """What the order would do to buying power if it filled at its limit."""
        prices = _Prices(self._board)
        fees = self.fees(order, day)
        legs = _legs(order)
        held = self._held(order.account, order.underlying)
        after = _added(held, legs)
        margin = self._requirement(order.account, order.underlying, after, prices).initial
        alone = self._requirement(order.account, order.underlying, legs, prices).initial if held else margin
        return Effect(
            margin_change=self._margin(order.account, order.underlying).initial - margin,
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
        lines, shares = _sorted(order.underlying, after)
        short = -sum(line.quantity for line in lines if line.is_call and line.quantity < 0)
        if short * SHARES_PER_CONTRACT > max(0, shares):
            return ("margin_account_required", "Uncovered short calls are not permitted in a cash account")
        if shares < 0:
            return ("margin_account_required", "Short stock is not permitted in a cash account")
        return None

    # -- reserves -----------------------------------------------------------------------------

    def _reserved(self, account: str, without: int | None) -> Decimal:
        known = self._reserves.get(account)
        if known is None:
            known = self._reserves[account] = defaultdict(_Reserves)
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

    def _refresh(self, account: str, underlying: str, reserves: _Reserves) -> None:
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

    def _reckon(self, reserves: _Reserves, order: Order) -> None:
        reserves.priced.pop(order.id, None)
        amount = ZERO
        if order.reserves:
            prices = _Prices(self._board)
            amount = max(ZERO, -self._change(order, prices))
            if prices.asked:
                reserves.priced[order.id] = self._board.tick
        reserves.put(order.id, amount)

    def _change(self, order: Order, prices: _Prices) -> Decimal:
        """What filling the rest of an order does to buying power, fees apart."""
        held = self._held(order.account, order.underlying)
        after = _added(held, _legs(order))
        margin = self._requirement(order.account, order.underlying, after, prices).initial
        return self._gain(order, held, after, margin, prices)

    def _gain(
        self,
        order: Order,
        held: Mapping[str, Quantity],
        after: Mapping[str, Quantity],
        margin: Decimal,
        prices: _Prices,
    ) -> Decimal:
        """What it does to buying power that positions become ``after`` and require ``margin``."""
        before = self._margin(order.account, order.underlying, prices).initial
        moved = self._long_stock(order.underlying, after, prices) - self._long_stock(
            order.underlying, held, prices
        )
        return cents(self._proceeds(order, prices) + moved + before - margin)

    @staticmethod
    def _proceeds(order: Order, prices: _Prices) -> Decimal:
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

    # -- margin -------------------------------------------------------------------------------

    def _margin(self, account: str, underlying: str, prices: _Prices | None = None) -> Requirement:
        """What an underlying's positions require, reckoned again only when they or prices asked for moved."""
        version, tick = self._books.versions[account, underlying], self._board.tick
        known = self._margins.get((account, underlying))
        if known is None or known[0] != version or known[1] not in (None, tick):
            asked = _Prices(self._board)
            fresh = self._requirement(account, underlying, self._held(account, underlying), asked)
            known = (version, tick if asked.asked else None, fresh)
            self._margins[account, underlying] = known
        if prices is not None and known[1] is not None:
            prices.asked = True
        return known[2]

    def _requirement(
        self, account: str, underlying: str, held: Mapping[str, Quantity], prices: _Prices
    ) -> Requirement:
        cash, tick = self._books.accounts[account].is_cash, self._board.tick
        key = (cash, underlying, tuple(sorted(held.items())))
        known = self._required.get(key)
        if known is None or known[0] not in (None, tick):
            lines, shares = _sorted(underlying, held)
            asked = _Prices(self._board)
            fresh = requirement(underlying, lines, shares, asked, cash=cash)
            known = (tick if asked.asked else None, fresh)
            if len(self._required) >= _MOST_KEPT:
                self._required.clear()
            self._required[key] = known
        prices.asked = prices.asked or known[0] is not None
        return known[1]

    def _held(self, account: str, underlying: str) -> Held:
        return {
            holding.symbol: holding.quantity
            for holding in self._books.holdings[account].values()
            if holding.underlying == underlying and holding.lots
        }

    def _long_stock(
        self, underlying: str, held: Mapping[str, Quantity], prices: _Prices | None = None
    ) -> Decimal:
        shares = held.get(underlying, 0)
        return shares * (prices or _Prices(self._board)).spot(underlying) if shares > 0 else ZERO


def _legs(order: Order) -> Held:
    return {leg.symbol: leg.action.sign * leg.remaining for leg in order.legs}


def _added(held: Mapping[str, Quantity], change: Mapping[str, Quantity]) -> Held:
    after = dict(held)
    for symbol, quantity in change.items():
        after[symbol] = after.get(symbol, 0) + quantity
    return after


def _sorted(underlying: str, held: Mapping[str, Quantity]) -> tuple[list[OptionLine], Quantity]:
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
