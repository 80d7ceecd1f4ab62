"""How many orders an account has sent, and what its day's loss is reckoned from."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Date, DateTime, String, any_, bindparam, func, select

from senex.domain.alarms import DAILY_LOSS
from senex.domain.calendar import NEW_YORK, new_york_date
from senex.domain.caps import DayStart, Pace, Reading
from senex.domain.orders import OrderKind
from senex.store import tables
from senex.store.repositories.base import table
from senex.store.repositories.selects import ID, listed
from senex.store.repositories.statements import Query

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_alarm = table(tables.Alarm)
_attempt = table(tables.Attempt)
_ledger = table(tables.LedgerEntry)
_order = table(tables.TradeOrder)
_session = table(tables.MarketSession)
_snapshot = table(tables.AccountSnapshot)

_MOVES = ("Deposit", "Withdrawal", "Transfer")
"""The broker's words for money that comes in or goes out; interest, fees and dividends are gain and loss."""

_MINUTE = bindparam("minute_began", type_=DateTime(timezone=True))
_DAY = bindparam("day_began", type_=DateTime(timezone=True))
_TODAY, _WORD = bindparam("today", type_=Date), bindparam("today_word", type_=String)
_entry, _recent = _order.c.kind == OrderKind.ENTRY, _attempt.c.sending_at > _MINUTE
# by its key: the greatest close of all would be looked for through ten years of days
_closes = (
    select(_session.c.closes_at)
    .where(_session.c.day < _TODAY)
    .order_by(_session.c.day.desc())
    .limit(1)
    .scalar_subquery()
)
_of_account = _snapshot.c.account_id == ID

QUERIES = (
    Query(
        select(
            func.count().filter(_entry & _recent).label("entries_minute"),
            func.count().filter(_entry).label("entries_day"),
            func.count().filter(~_entry & _recent).label("exits_minute"),
            func.count().filter(~_entry).label("exits_day"),
            _closes.label("closes"),
            select(_alarm.c.id)
            .where(_alarm.c.account_id == ID, _alarm.c.code == DAILY_LOSS, _alarm.c.object_id == _WORD)
            .exists()
            .label("met"),
        )
        .select_from(_attempt.join(_order, _order.c.id == _attempt.c.order_id))
        .where(_attempt.c.account_id == ID, _attempt.c.sending_at >= _DAY)
    ),
    Query(
        select(_snapshot)
        .where(_of_account, _snapshot.c.at <= _closes)
        .order_by(_snapshot.c.at.desc(), _snapshot.c.id.desc())
        .limit(1)
    ),
    Query(
        select(_snapshot)
        .where(_of_account, _snapshot.c.at > _closes)
        .order_by(_snapshot.c.at, _snapshot.c.id)
        .limit(1)
    ),
    Query(
        select(_ledger.c.executed_at, _ledger.c.net_value).where(
            _ledger.c.account_id == ID,
            _ledger.c.executed_at > _closes,
            _ledger.c.sub_kind == any_(listed(_MOVES)),
        )
    ),
)


def values(now: datetime) -> Mapping[str, object]:
    """What the questions are asked with, at a moment of market time."""
    day = new_york_date(now)
    return {
        "minute_began": now - timedelta(minutes=1),
        "day_began": datetime.combine(day, time(), NEW_YORK),
        "today": day,
        "today_word": day.isoformat(),
    }


def to_pace(answers: Sequence[list[Any]]) -> Pace:
    [row] = answers[0]
    return Pace(row.entries_minute, row.entries_day, row.exits_minute, row.exits_day)


def to_day(answers: Sequence[list[Any]]) -> DayStart:
    [day], closing, first, moved = answers
    return DayStart(
        closes=day.closes,
        closing=_reading(closing),
        first=_reading(first),
        moved=tuple((row.executed_at, row.net_value) for row in moved),
        met=day.met,
    )


def _reading(found: list[Any]) -> Reading | None:
    return Reading(found[0].net_liquidation, found[0].at) if found else None
