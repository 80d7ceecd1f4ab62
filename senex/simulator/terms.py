"""The terms of an order: which types, times in force and prices the broker takes."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from senex.domain.legs import InstrumentType
from senex.domain.money import CENT, on_tick
from senex.simulator.books.records import OrderType, TimeInForce
from senex.simulator.market.kinds import DIME
from senex.simulator.market.profiles import PROFILES
from senex.simulator.market.sessions import new_york_date
from senex.simulator.ticket import PreflightError

if TYPE_CHECKING:
    from datetime import datetime

    from senex.simulator.market.market import Market
    from senex.simulator.ticket import Problem, Ticket

LIMITED = frozenset({OrderType.LIMIT, OrderType.MARKETABLE_LIMIT, OrderType.STOP_LIMIT})
"""Types that have a price."""
STOPS = frozenset({OrderType.STOP, OrderType.STOP_LIMIT})
AT_ONCE = frozenset({OrderType.MARKET, OrderType.NOTIONAL_MARKET})
EXTENDED = frozenset(
    {
        TimeInForce.EXT,
        TimeInForce.EXT_OVERNIGHT,
        TimeInForce.GTC_EXT,
        TimeInForce.GTC_EXT_OVERNIGHT,
    }
)
_NICKEL = Decimal("0.05")
_SMALLEST_VALUE = Decimal(1)


def check(ticket: Ticket, underlying: str, market: Market, instant: datetime) -> None:
    """Refuse what the broker does not take.

    Raises:
        PreflightError: what is wrong with the type, the time in force or a price.
    """
    _check_time_in_force(ticket, instant)
    if ticket.type in AT_ONCE:
        _check_at_once(ticket, market, instant)
    if ticket.type in STOPS:
        _check_stop(ticket, underlying)
    if ticket.type in LIMITED:
        _check_limit(ticket, underlying)


def next_session_warning(market: Market, instant: datetime) -> tuple[Problem, ...]:
    """What the broker says of an order that cannot work yet; the code is spelled as there."""
    if market.sessions.current(instant) is not None:
        return ()
    return (("tif_next_valid_sesssion", "Your order will begin working during next valid session."),)


def _only_shares(ticket: Ticket) -> bool:
    return all(leg.instrument is InstrumentType.EQUITY for leg in ticket.legs)


def _check_time_in_force(ticket: Ticket, instant: datetime) -> None:
    if ticket.time_in_force is TimeInForce.GTD:
        if ticket.gtc_date is None:
            raise PreflightError(("gtc_date_missing", "A GTD order needs a gtc-date"))
        if ticket.gtc_date < new_york_date(instant):
            raise PreflightError(("gtc_date_in_the_past", f"{ticket.gtc_date} is over"))
    if ticket.time_in_force in EXTENDED and not (_only_shares(ticket) and ticket.type is OrderType.LIMIT):
        raise PreflightError(
            ("extended_hours_not_allowed", "Extended hours are for limit orders in equities only")
        )


def _check_at_once(ticket: Ticket, market: Market, instant: datetime) -> None:
    if len(ticket.legs) > 1:
        raise PreflightError(("market_order_multi_leg", "Market orders have one leg"))
    if ticket.type is OrderType.MARKET:
        if ticket.time_in_force not in {TimeInForce.DAY, TimeInForce.IOC}:
            raise PreflightError(("market_order_time_in_force", "Market orders are Day orders"))
        if market.sessions.current(instant) is None:
            raise PreflightError(
                ("market_order_outside_hours", "Market orders are taken in regular hours only")
            )
        return
    if ticket.legs[0].instrument is not InstrumentType.EQUITY:
        raise PreflightError(("notional_not_allowed", "Notional orders are for equities only"))
    if ticket.value is None or abs(ticket.value) < _SMALLEST_VALUE or not on_tick(ticket.value, CENT):
        raise PreflightError(("invalid_value", "A notional order needs a value of at least 1.00"))
    _check_side(ticket, ticket.value)


def _check_stop(ticket: Ticket, underlying: str) -> None:
    trigger = ticket.stop_trigger
    if trigger is None or trigger <= 0:
        raise PreflightError(("stop_trigger_missing", f"A {ticket.type} order needs a positive stop-trigger"))
    if len(ticket.legs) > 1 and ticket.type is OrderType.STOP:
        raise PreflightError(("stop_order_multi_leg", "Stop orders with several legs need a limit"))
    _check_tick(ticket, trigger, underlying)


def _check_limit(ticket: Ticket, underlying: str) -> None:
    price = ticket.price
    if price is None:
        raise PreflightError(("price_missing", "A limit order needs a price"))
    _check_tick(ticket, price, underlying)
    if len(ticket.legs) == 1:
        _check_side(ticket, price)


def _check_side(ticket: Ticket, amount: Decimal) -> None:
    buys = ticket.legs[0].action.sign > 0
    if buys and amount > 0:
        raise PreflightError(("cant_buy_for_credit", "You cannot buy for a credit"))
    if not buys and amount < 0:
        raise PreflightError(("cant_sell_for_debit", "You cannot sell for a debit"))


def _check_tick(ticket: Ticket, price: Decimal, underlying: str) -> None:
    tick = _tick(ticket, abs(price), underlying)
    if not on_tick(price, tick):
        raise PreflightError(("invalid_price_increment", f"Price {abs(price)} is not a multiple of {tick}"))


def _tick(ticket: Ticket, price: Decimal, underlying: str) -> Decimal:
    """The step of a price: that of the single option, of its spreads, or a cent for shares."""
    if _only_shares(ticket):
        return CENT
    ticks = PROFILES[underlying].ticks
    if len(ticket.legs) == 1:
        return ticks.at(float(price) * 100) * CENT
    return _NICKEL if ticks == DIME else CENT
