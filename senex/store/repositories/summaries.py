"""What a day came to: its facts, and the summary made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg.rows import namedtuple_row
from sqlalchemy import Row, and_, or_, select
from sqlalchemy.dialects.postgresql import insert as upsert

from senex.domain.money import ZERO, cents
from senex.domain.orders import OrderKind, OrderStatus
from senex.domain.unknown import Unknown, known
from senex.ports.records import DayFacts
from senex.store import tables
from senex.store.query_text import GAINS
from senex.store.repositories.base import Repository, table

if TYPE_CHECKING:
    from datetime import date, datetime
    from decimal import Decimal
    from typing import Any
    from uuid import UUID

    from senex.domain.summary import Summary

_summary = table(tables.TradingSummary)
_alarm = table(tables.Alarm)
_order = table(tables.TradeOrder)
_outbox = table(tables.Outbox)
_ENDED = (OrderStatus.CANCELLED, OrderStatus.REJECTED, OrderStatus.EXPIRED)


class SummaryRepository(Repository):
    """``ports.told.Summaries`` on Postgres."""

    async def facts(self, account_id: UUID, since: datetime, until: datetime) -> DayFacts:
        realised, fees = await self._gained(account_id, since.date())
        return DayFacts(
            realised=realised,
            fees=fees,
            traded=await self._traded(account_id, since, until),
            failures=await self._failures(account_id),
        )

    async def save(self, account_id: UUID, summary: Summary, now: datetime) -> None:
        told = {
            "realised": summary.realised,
            "fees": known(summary.fees),
            "net_liquidation": known(summary.net_liquidation),
            "open_risk": known(summary.open_risk),
            "budget": known(summary.budget),
            "traded": list(summary.traded),
            "next_exits": list(summary.next_exits),
            "expirations": list(summary.expirations),
            "failures": list(summary.failures),
            "text": summary.text,
            "at": now,
        }
        statement = upsert(_summary).values(account_id=account_id, day=summary.day, **told)
        await self._run(statement.on_conflict_do_update(index_elements=["account_id", "day"], set_=told))

    async def _gained(self, account_id: UUID, day: date) -> tuple[Decimal, Decimal | Unknown]:
        """What `senex pnl` says of the day: gains, and the fees of what was closed."""
        async with self._statements.driver.cursor(row_factory=namedtuple_row) as cursor:
            await cursor.execute(GAINS.encode(), {"account": account_id, "ids": None, "since": day})
            told: list[Any] = await cursor.fetchall()
        rows = [row for row in told if row.day == day]
        gross, missing = sum((row.gross for row in rows), ZERO), [row for row in rows if row.fees is None]
        if missing:
            return cents(gross), Unknown("transactions of what was closed have not been read")
        return cents(gross), cents(sum((row.fees for row in rows), ZERO))

    async def _traded(self, account_id: UUID, since: datetime, until: datetime) -> tuple[str, ...]:
        found = await self._rows(
            select(_order)
            .where(
                _order.c.account_id == account_id,
                _order.c.updated_at >= since,
                _order.c.updated_at < until,
                or_(
                    _order.c.status == OrderStatus.FILLED,
                    and_(_order.c.status.in_(_ENDED), _order.c.kind == OrderKind.ENTRY),
                ),
            )
            .order_by(_order.c.updated_at, _order.c.id)
        )
        return tuple(map(_order_line, found))

    async def _failures(self, account_id: UUID) -> tuple[str, ...]:
        jobs = await self._rows(
            select(_outbox.c.job, _outbox.c.error)
            .where(
                _outbox.c.done_at.is_(None),
                _outbox.c.error.is_not(None),
                or_(_outbox.c.account_id == account_id, _outbox.c.account_id.is_(None)),
            )
            .order_by(_outbox.c.id)
            .limit(10)
        )
        alarms = await self._rows(
            select(_alarm.c.code, _alarm.c.text)
            .where(
                _alarm.c.resolved_at.is_(None),
                or_(_alarm.c.account_id == account_id, _alarm.c.account_id.is_(None)),
            )
            .order_by(_alarm.c.raised_at)
            .limit(10)
        )
        return (
            *(f"{row.code}: {row.text}" for row in alarms),
            *(f"{row.job} fails: {row.error}" for row in jobs),
        )


def _order_line(row: Row[Any]) -> str:
    what = f"{row.underlying} {row.spread_key or ''} {row.kind}".replace("  ", " ")
    if row.status != OrderStatus.FILLED:
        return f"{what} {row.status}" + (f": {row.reject_reason}" if row.reject_reason else "")
    if row.fill_price is None:
        return f"{what} filled"
    effect = "credit" if row.fill_price > 0 else "debit"
    return f"{what} filled at {abs(row.fill_price)} {effect}"
