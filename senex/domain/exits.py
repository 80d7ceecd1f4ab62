"""Ending a position in time: the ladder's steps and prices, and the stop (DOMAIN 0.5, 0.6, F.6).

Everything works on one spread with its own opening credit, so a position of
several spreads leaves spread by spread. Prices are signed per reduced unit of
the *closing* legs: a credit spread pays (−), a debit spread receives (+).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING

from senex.domain.calendar import new_york_date
from senex.domain.legs import InstrumentType
from senex.domain.money import ZERO, ceil_to_tick, floor_to_tick
from senex.domain.symbols import OptionSymbol
from senex.domain.unknown import Unknown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from senex.domain.calendar import Calendar, Session
    from senex.domain.suggestions import ExitPlan, Pricing, SpreadPlan

REPRICE_EVERY = timedelta(minutes=15)
MOVES_TO_NATURAL = 4
"""So many re-pricings bring a step's limit from the mid to natural: an hour of a session."""

_PAY = (ZERO, Decimal("0.70"), Decimal("0.80"), Decimal("0.90"), Decimal(1))
"""Per step, the share of (width − credit) a credit spread may pay on top of its credit."""
_RECEIVE = (Decimal(1), Decimal("0.30"), Decimal("0.20"), Decimal("0.10"), ZERO)
"""Per step, the share of its price a debit spread must still bring."""
LAST_STEP = len(_PAY) - 1


def ladder_step(*, expiry: date, dte: int, today: date, calendar: Calendar) -> int | Unknown | None:
    """The ladder's step of the session ``today``; None before the ladder begins or on a day without a session.

    The first session with at most ``dte`` calendar days left is step 0, each
    further *session* is one more, so a Friday expiry takes every step although
    a weekend lies between (DOMAIN 0.6).
    """
    begins = expiry - timedelta(days=dte)
    if today < begins:
        return None
    session = calendar.session_on(today)
    if session is None or isinstance(session, Unknown):
        return session
    first = calendar.session_on(begins)
    if isinstance(first, Unknown):
        return first
    return min(calendar.sessions_until(begins - timedelta(days=1), today) - 1, LAST_STEP)


def ladder_begins(*, last: date, dte: int, calendar: Calendar) -> date | Unknown:
    """The session of step 0 of what trades until ``last``."""
    day = last - timedelta(days=dte)
    while (session := calendar.session_on(day)) is None:
        day += timedelta(days=1)
    return session if isinstance(session, Unknown) else session.day


def last_day(expiry: date, held: Iterable[str], stops: Mapping[str, datetime | None]) -> date:
    """The last day on which all of it trades: AM-settled options stop the day before they expire (DOMAIN 0.10)."""
    known = (stops.get(symbol) for symbol in held)
    return min([expiry, *(new_york_date(stop) for stop in known if stop is not None)])


def ended(symbols: Iterable[str], stops: Mapping[str, datetime | None], now: datetime) -> str | None:
    """The first of the contracts that no longer trades; None while all of them do.

    That is so once the time it ``stops`` has come; where nobody said one, once the day it expires on is over.
    """
    for symbol in symbols:
        stop = stops.get(symbol)
        if stop is not None:
            over = stop <= now
        elif InstrumentType.of(symbol) is InstrumentType.EQUITY_OPTION:
            over = OptionSymbol.from_occ(symbol).expiry < new_york_date(now)
        else:
            over = False
        if over:
            return symbol
    return None


def worst_price(plan: SpreadPlan, credit: Decimal, *, step: int, tick: Decimal) -> Decimal | None:
    """The step's cap, signed: what a credit spread may pay at most, what a debit spread must bring at least.

    Example: width 3 opened for 1.50 may cost 1.50, 2.55, 2.70, 2.85, 3.00; never
    more than the width. A price of zero has no effect at the broker, so the last
    step of a debit is one tick (F.0). None where the spread has no width, so
    nothing bounds what it may cost.
    """
    share = min(step, LAST_STEP)
    if credit <= 0:
        return max(ceil_to_tick(-credit * _RECEIVE[share], tick), tick)
    if plan.width <= 0:
        return None
    pays = min(credit + _PAY[share] * (plan.width - credit), plan.width)
    return -max(floor_to_tick(pays, tick), tick)


def exit_price(pricing: Pricing, *, worst: Decimal | None, moves: int, tick: Decimal) -> Decimal:
    """The limit of a closing order after so many re-pricings: from live mid towards natural, never past ``worst``."""
    share = Decimal(min(moves, MOVES_TO_NATURAL)) / MOVES_TO_NATURAL
    wished = floor_to_tick(pricing.mid + (pricing.natural - pricing.mid) * share, tick)
    limit = wished if worst is None else max(wished, worst)
    # a price of zero is neither a credit nor a debit: what costs nothing is paid with one tick
    return limit or -tick


class Stop(StrEnum):
    """What a loss calls for."""

    NONE = "none"
    ALERT = "alert"
    CLOSE = "close"


def stop_of(plan: ExitPlan, *, max_loss: Decimal | None, result: Decimal | Unknown) -> Stop | Unknown:
    """What the plan says to a ``result`` in dollars (− is a loss), as a share of the maximum loss (DOMAIN 0.5).

    A result that is not known stops nothing and says so; the caller shows it.
    """
    if isinstance(result, Unknown):
        return result
    if max_loss is None or max_loss <= 0:
        return Unknown("the maximum loss of the position is not known, so no stop can be measured")
    share = -result / max_loss
    if share >= plan.stop_order_share:
        return Stop.CLOSE
    return Stop.ALERT if share >= plan.stop_alert_share else Stop.NONE


@dataclass(frozen=True, slots=True)
class Dividend:
    """The dividend an underlying has announced: dollars per share for those who hold it before ``ex_date``."""

    ex_date: date
    amount: Decimal | Unknown


@dataclass(frozen=True, slots=True)
class ShortCall:
    """A short call before its underlying's ex-dividend session."""

    symbol: str
    strike: Decimal
    mid: Decimal | Unknown


def dividend_threatens(
    call: ShortCall,
    *,
    spot: Decimal | Unknown,
    dividend: Dividend,
    now: datetime,
    calendar: Calendar,
) -> bool | Unknown:
    """Whether a short call is likely to be assigned for its dividend (DOMAIN 0.13).

    In the session before the ex-date, in the money, and with less extrinsic
    value than the dividend: whoever holds it gains by exercising tonight. On any
    other day no, whatever else is not known.
    """
    before = calendar.previous(dividend.ex_date)
    if before is None or new_york_date(now) != before.day:
        return False
    if isinstance(spot, Unknown):
        return spot
    intrinsic = spot - call.strike
    if intrinsic <= 0:
        return False
    if isinstance(call.mid, Unknown):
        return call.mid
    if isinstance(dividend.amount, Unknown):
        return dividend.amount
    return call.mid - intrinsic < dividend.amount


def in_regular_hours(session: Session | Unknown | None, now: datetime) -> bool:
    """Whether closing orders may be worked now: exits never act outside a session they know (DOMAIN 0.6)."""
    return session is not None and not isinstance(session, Unknown) and session.opens <= now < session.closes
