"""Checks before an order is accepted; every refusal carries the broker's kind of code."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from senex.domain.legs import Action, InstrumentType
from senex.domain.money import CENT, on_tick
from senex.simulator.books.records import Order, OrderLeg, OrderStatus, OrderType, TimeInForce
from senex.simulator.market.listing import contract
from senex.simulator.market.profiles import PROFILES

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date, datetime

    from senex.simulator.books.books import Books
    from senex.simulator.books.records import Quantity
    from senex.simulator.market.market import Market

MAX_LEGS = 4
_THREE = Decimal(3)
_NICKEL = Decimal("0.05")
_OPENING = {
    Action.SELL_TO_CLOSE: Action.SELL_TO_OPEN,
    Action.BUY_TO_CLOSE: Action.BUY_TO_OPEN,
}


class PreflightError(Exception):
    """The broker refuses the order; ``problems`` are (code, message)."""

    def __init__(self, *problems: tuple[str, str]) -> None:
        super().__init__("; ".join(message for _, message in problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Ticket:
    """An order as a client asks for it; ``price`` is signed."""

    type: OrderType
    time_in_force: TimeInForce
    legs: tuple[OrderLeg, ...]
    price: Decimal | None
    gtc_date: date | None = None
    external_identifier: str | None = None
    source: str | None = None
    strict: bool = False


def prepare(
    ticket: Ticket, *, order_id: int, account: str, books: Books, market: Market, tick: int, instant: datetime
) -> Order:
    """Turn a ticket into an order the books may hold.

    Raises:
        PreflightError: what is wrong with it.
    """
    _check_legs(ticket.legs, market, tick)
    underlying = _underlying(ticket.legs[0])
    _check_price(ticket, penny=PROFILES[underlying].penny_options)
    if ticket.time_in_force is TimeInForce.GTD and ticket.gtc_date is None:
        raise PreflightError(("gtc_date_missing", "A GTD order needs a gtc-date"))
    legs = _with_effects(ticket, account, books)
    return Order(
        id=order_id,
        account=account,
        underlying=underlying,
        underlying_instrument=InstrumentType.EQUITY,
        type=ticket.type,
        time_in_force=ticket.time_in_force,
        status=OrderStatus.RECEIVED,
        legs=legs,
        received_at=instant,
        received_tick=tick,
        updated_at=instant,
        price=ticket.price,
        gtc_date=ticket.gtc_date,
        external_identifier=ticket.external_identifier,
        source=ticket.source,
        strict=ticket.strict,
    )


def _underlying(leg: OrderLeg) -> str:
    known = contract(leg.symbol)
    return leg.symbol if known is None else known.underlying


def _check_legs(legs: tuple[OrderLeg, ...], market: Market, tick: int) -> None:
    if not 1 <= len(legs) <= MAX_LEGS:
        raise PreflightError(
            ("invalid_number_of_legs", f"An order has 1 to {MAX_LEGS} legs, not {len(legs)}")
        )
    repeated = [symbol for symbol, count in Counter(leg.symbol for leg in legs).items() if count > 1]
    if repeated:
        raise PreflightError(("duplicate_leg_symbol", f"Symbols must be distinct: {', '.join(repeated)}"))
    for leg in legs:
        if leg.quantity <= 0:
            raise PreflightError(("invalid_quantity", f"Quantity of {leg.symbol} must be positive"))
        option = leg.instrument is InstrumentType.EQUITY_OPTION
        found = market.listed(leg.symbol, tick) is not None if option else leg.symbol in PROFILES
        if not found:
            raise PreflightError(("instrument_not_found", f"{leg.instrument} {leg.symbol} was not found"))
    if len({_underlying(leg) for leg in legs}) > 1:
        raise PreflightError(("underlying_mismatch", "All legs must have the same underlying"))


def _check_price(ticket: Ticket, *, penny: bool) -> None:
    if ticket.type is OrderType.MARKET:
        if len(ticket.legs) > 1:
            raise PreflightError(("market_order_multi_leg", "Market orders have one leg"))
        if ticket.time_in_force is not TimeInForce.DAY:
            raise PreflightError(("market_order_time_in_force", "Market orders are Day orders"))
        return
    price = ticket.price
    if price is None:
        raise PreflightError(("price_missing", "A limit order needs a price"))
    single_option = len(ticket.legs) == 1 and ticket.legs[0].instrument is InstrumentType.EQUITY_OPTION
    tick = _NICKEL if single_option and not penny and abs(price) >= _THREE else CENT
    if not on_tick(price, tick):
        raise PreflightError(("invalid_price_increment", f"Price {abs(price)} is not a multiple of {tick}"))
    if len(ticket.legs) == 1:
        buys = ticket.legs[0].action.sign > 0
        if buys and price > 0:
            raise PreflightError(("cant_buy_for_credit", "You cannot buy for a credit"))
        if not buys and price < 0:
            raise PreflightError(("cant_sell_for_debit", "You cannot sell for a debit"))


def _with_effects(ticket: Ticket, account: str, books: Books) -> tuple[OrderLeg, ...]:
    """Check closing legs against positions: refuse under the strict flag, else turn them into opens."""
    closing = _working_closes(books.working_of(account))
    legs = []
    for leg in ticket.legs:
        if leg.action.opens:
            legs.append(leg)
            continue
        free = -leg.action.sign * books.quantity(account, leg.symbol)
        if ticket.strict:
            free -= closing[leg.symbol]
        if leg.quantity <= free:
            legs.append(leg)
        elif ticket.strict:
            raise PreflightError(
                (
                    "position_effect_validation_failed",
                    f"{leg.action} {leg.quantity} {leg.symbol} exceeds the {max(free, 0)} that can be closed",
                )
            )
        else:
            legs.append(replace(leg, action=_OPENING[leg.action]))
    return tuple(legs)


def _working_closes(orders: Iterable[Order]) -> dict[str, Quantity]:
    closing: dict[str, Quantity] = defaultdict(int)
    for order in orders:
        for leg in order.legs:
            if not leg.action.opens:
                closing[leg.symbol] += leg.remaining
    return closing
