"""The inbox: what is told is kept there first, and goes outside from there."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from senex.domain.alarms import Alarm, Severity
from senex.domain.calendar import new_york_date
from senex.domain.money import PriceEffect, effect_of, plain
from senex.domain.notices import ESCALATION, Level, Notice, due_again, reaches, runbook
from senex.domain.orders import OrderKind, OrderStatus

if TYPE_CHECKING:
    from datetime import datetime, timedelta
    from uuid import UUID

    from senex.domain.orders import Order
    from senex.ports.records import RaisedAlarm, Work
    from senex.ports.unit_of_work import UnitOfWork
    from senex.services.context import Context

SEND = "send_notices"
SEND_QUEUE = "default"
JOB_FAILING = "JOB_FAILING"
_EVENTS = {
    OrderKind.ENTRY: "TRADE_OPENED",
    OrderKind.TARGET: "TARGET_FILLED",
    OrderKind.EXIT: "TRADE_CLOSED",
    OrderKind.CLOSE: "TRADE_CLOSED",
}


async def tell(context: Context, tx: UnitOfWork, notice: Notice, *, since: datetime | None = None) -> None:
    """Put a notice into the inbox, and what it reaches outside into the outbox.

    Once per event, object and day; what is critical again if it was told before ``since``, or of another alarm.
    """
    now = context.clock.now()
    notice_id = await tx.inbox.add(uuid4(), notice, day=new_york_date(now), now=now, since=since)
    if notice_id is None:
        return
    channels: set[str] = set()
    for operator, mode in (await tx.inbox.modes()).items():
        if reaches(mode, notice.event, notice.level):
            for channel in context.notifier.channels(operator):
                await tx.inbox.queue(notice_id, operator=operator, channel=channel)
                channels.add(channel)
    for channel in sorted(channels):
        await tx.outbox.add(SEND, channel, queue=SEND_QUEUE)


async def note_alarm(context: Context, alarm_id: UUID, work: Work) -> None:
    """Tell of an alarm that was raised."""
    async with context.units() as tx:
        raised = await tx.inbox.alarm(alarm_id)
        await tell(context, tx, _of_alarm(context, raised), since=raised.raised_at)
        await tx.outbox.done(work)
        await tx.commit()
    await context.publisher.changed("alarm", str(raised.alarm.account_id or ""), str(alarm_id))


async def note_order(context: Context, order_id: UUID, work: Work) -> None:
    """Tell of an order that has filled or was rejected."""
    async with context.units() as tx:
        order = await tx.orders.get(order_id)
        notice = _of_order(context, order)
        if notice is not None:
            await tell(context, tx, notice)
        await tx.outbox.done(work)
        await tx.commit()


async def attend_alarms(context: Context, account_id: UUID, work: Work) -> None:
    """Say again what nobody has acknowledged, and raise work that has failed for minutes."""
    now = context.clock.now()
    async with context.units() as tx:
        for raised, said in await tx.inbox.unattended(account_id):
            if due_again(raised.alarm.severity, raised.raised_at, said, now):
                await tell(context, tx, _again(context, raised, said + 1, now - raised.raised_at))
        failing = await tx.jobs.failing(account_id)
        for job, error in failing.items():
            text = f"The job {job} has failed for minutes and is tried again and again: {error}"
            await tx.alarms.sound(Alarm(JOB_FAILING, Severity.WARNING, account_id, "job", job, text), now)
        await tx.alarms.resolve_others(JOB_FAILING, failing, account_id=account_id, now=now)
        await tx.outbox.done(work)
        await tx.commit()


def _of_alarm(context: Context, raised: RaisedAlarm) -> Notice:
    alarm = raised.alarm
    return Notice(
        event=alarm.code,
        level=Level(alarm.severity),
        account_id=alarm.account_id,
        object_type=alarm.object_type,
        object_id=alarm.object_id,
        title=title_of(context, f"{alarm.code} ({alarm.severity})"),
        text=_with_remedy(alarm),
        alarm_id=raised.id,
    )


def _again(context: Context, raised: RaisedAlarm, number: int, age: timedelta) -> Notice:
    alarm = raised.alarm
    minutes = int(age.total_seconds() // 60)
    since = f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"
    return Notice(
        event=ESCALATION,
        level=Level.CRITICAL,
        account_id=alarm.account_id,
        object_type="alarm",
        object_id=f"{raised.id}/{raised.raised_at:%H:%M:%S.%f}/{number}",
        title=title_of(context, f"{alarm.code} is not acknowledged after {since}"),
        text=_with_remedy(alarm),
        alarm_id=raised.id,
    )


def _with_remedy(alarm: Alarm) -> str:
    return f"{alarm.text}\nWhat to do: {runbook(alarm.code)}"


def _of_order(context: Context, order: Order) -> Notice | None:
    what = f"{order.underlying} {order.spread_key or order.kind}"
    if order.status is OrderStatus.FILLED:
        event, level, became = _EVENTS[order.kind], Level.INFO, "has filled"
    elif order.status is OrderStatus.REJECTED:
        event, level, became = "ORDER_REJECTED", Level.WARNING, "was rejected by the broker"
    else:
        return None
    effect = effect_of(order.limit_price)
    price = "even" if effect is PriceEffect.NONE else f"{plain(abs(order.limit_price))} {effect}"
    return Notice(
        event=event,
        level=level,
        account_id=order.account_id,
        object_type="order",
        object_id=str(order.id),
        title=title_of(context, f"{what}: {event.lower().replace('_', ' ')}"),
        text=f"The {order.kind} order of {what} (limit {price}) {became}: senex orders show {str(order.id)[:8]}",
    )


def title_of(context: Context, what: str) -> str:
    """Whose money it is about comes first."""
    return f"senex {context.environment.upper()}: {what}"
