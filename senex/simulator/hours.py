"""When an order may fill, when it ends, and at which ticks it is looked at."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from senex.domain.legs import InstrumentType
from senex.simulator.books.records import OrderType, TimeInForce
from senex.simulator.market.listing import contract
from senex.simulator.market.sessions import new_york
from senex.simulator.terms import EXTENDED

if TYPE_CHECKING:
    from senex.simulator.books.records import Order
    from senex.simulator.market.sessions import Session, Sessions

LONGEST = timedelta(days=365)
"""How long an order that is good till cancelled works."""
_LATE = timedelta(minutes=15)
_AFTER_HOURS = timedelta(hours=8)
"""More than any window is open after its session's close."""
_YOUNG = 64
"""Ticks in which a new order is looked at on every tick (16 seconds)."""
_LOOKS = ((2_400, 4), (14_400, 20))
"""Up to which age (ticks) an order is looked at on every how many ticks."""
_RARELY = 240
_STOP = 4
_OVERNIGHT = frozenset({TimeInForce.EXT_OVERNIGHT, TimeInForce.GTC_EXT_OVERNIGHT})
_ENDLESS = frozenset({TimeInForce.GTC, TimeInForce.GTC_EXT, TimeInForce.GTC_EXT_OVERNIGHT})


def window(order: Order, session: Session) -> tuple[datetime, datetime]:
    """From when until when of a session an order may fill.

    Options of a product that trades late stop at 16:15, or a quarter of an hour
    after an early close. Extended hours are 7:00 to 20:00 New York, with the
    overnight session from 20:00 of the evening before.
    """
    if order.time_in_force in EXTENDED:
        evening = new_york(session.day, 20)
        if order.time_in_force in _OVERNIGHT:
            return evening - timedelta(days=1), evening
        return new_york(session.day, 7), evening
    return session.opens, session.closes + (_LATE if _late(order) else timedelta())


def deadline(order: Order, sessions: Sessions) -> datetime:
    """When the order ends by itself: by its time in force, or because a contract of it stops trading."""
    return min(_own_deadline(order, sessions), *_last_instants(order))


def opening(order: Order, sessions: Sessions, instant: datetime) -> tuple[datetime, datetime]:
    """The order's window that contains the instant, or its next one."""
    session = sessions.upcoming(instant - _AFTER_HOURS)
    while window(order, session)[1] <= instant:
        session = sessions.upcoming(session.closes)
    return window(order, session)


def due(order: Order, tick: int) -> bool:
    """Whether an order at the market is looked at on a tick.

    A function of the order and the tick alone, so that it does not matter how
    the ticks in between were played.
    """
    age = tick - (order.live_tick or 0)
    return age < _YOUNG or tick % _step(order, age) == 0


def next_look(order: Order, tick: int) -> int:
    """The first tick after ``tick`` at which an order is looked at."""
    following = tick + 1
    while not due(order, following):
        step = _step(order, following - (order.live_tick or 0))
        following += step - following % step
    return following


def _step(order: Order, age: int) -> int:
    if order.stop_trigger is not None and order.triggered_at is None:
        return _STOP
    return next((step for until, step in _LOOKS if age < until), _RARELY)


def _late(order: Order) -> bool:
    known = [contract(leg.symbol) for leg in order.legs if leg.instrument is InstrumentType.EQUITY_OPTION]
    return bool(known) and all(one is not None and one.root.late for one in known)


def _last_instants(order: Order) -> list[datetime]:
    known = [contract(leg.symbol) for leg in order.legs if leg.instrument is InstrumentType.EQUITY_OPTION]
    return [order.received_at + 2 * LONGEST, *(one.stops_trading_at for one in known if one is not None)]


def _own_deadline(order: Order, sessions: Sessions) -> datetime:
    if order.time_in_force in _ENDLESS:
        return order.received_at + LONGEST
    if order.time_in_force is TimeInForce.GTD and order.gtc_date is not None:
        end = sessions.on_or_before(order.gtc_date)
        return window(order, sessions.between(end, end)[0])[1]
    return opening(order, sessions, order.received_at)[1]


def becomes_market(order: Order) -> bool:
    """Whether the order takes what is there: a market order, or a stop order that was triggered."""
    if order.type is OrderType.STOP:
        return order.triggered_at is not None
    return order.type in {OrderType.MARKET, OrderType.NOTIONAL_MARKET}
