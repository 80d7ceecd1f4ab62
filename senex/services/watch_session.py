"""What is watched while the market is open: stale sources, and positions that stop trading today."""

from __future__ import annotations

from typing import TYPE_CHECKING

from senex.domain.alarms import Alarm, Severity
from senex.domain.calendar import NEW_YORK, Session, new_york_date
from senex.domain.orders import OrderKind
from senex.domain.positions import OPEN_STATUSES
from senex.domain.watch import expires_today, expiry_severity, stale

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from senex.domain.positions import Position
    from senex.ports.records import Work
    from senex.ports.unit_of_work import UnitOfWork
    from senex.services.context import Context

_CLOSING = (OrderKind.EXIT, OrderKind.CLOSE)


async def watch_freshness(context: Context, account_id: UUID, work: Work) -> None:
    """Sound an alarm for every source that has fallen silent, and end those of sources that are back."""
    now = context.clock.now()
    async with context.units() as tx:
        found = stale(await tx.accounts.sources(account_id), now)
        for name, problem in found.items():
            text = f"The source '{name}' {problem}; nothing is decided on what it said (`senex status` shows it)."
            await tx.alarms.sound(
                Alarm("SOURCE_STALE", Severity.WARNING, account_id, "source", name, text), now
            )
        await tx.alarms.resolve_others("SOURCE_STALE", list(found), account_id=account_id, now=now)
        await tx.outbox.done(work)
        await tx.commit()


async def check_expirations(context: Context, account_id: UUID, work: Work) -> None:
    """Sound an alarm for every position that is still open and stops trading today, in time to act on it."""
    now = context.clock.now()
    async with context.units.reading() as tx:
        session = (await tx.market.calendar(new_york_date(now))).session_on(new_york_date(now))
        positions = await tx.positions.open(account_id)
    warned = []
    if isinstance(session, Session) and (severity := expiry_severity(session, now)) is not None:
        for listed in positions:
            async with context.units() as tx:
                # it may close at this moment, which ends the alarm
                position = await tx.positions.get(listed.id, lock=True)
                stops = await _stops(tx, position) if position.status in OPEN_STATUSES else []
                if expires_today(stops, session):
                    warned.append(str(position.id))
                    await tx.alarms.sound(await _expiring(tx, position, severity, min(stops)), now)
                    await tx.commit()
    async with context.units() as tx:
        await tx.alarms.resolve_others("EXPIRES_TODAY", warned, account_id=account_id, now=now)
        await tx.outbox.done(work)
        await tx.commit()


async def _stops(tx: UnitOfWork, position: Position) -> list[datetime]:
    """When each contract with something open stops trading, as far as the broker has said."""
    held = {lot.symbol for lot in await tx.positions.lots(position.id) if lot.open_quantity}
    known = await tx.market.instruments(sorted(held))
    return [item.stops_trading_at for item in known.values() if item.stops_trading_at is not None]


async def _expiring(tx: UnitOfWork, position: Position, severity: Severity, stops: datetime) -> Alarm:
    orders = await tx.orders.of_position(position.id)
    working = any(order.kind in _CLOSING and not order.status.terminal for order in orders)
    text = (
        f"{position.underlying} {position.strategy} stops trading today at {stops.astimezone(NEW_YORK):%H:%M} New York "
        f"time and is still open; {'a closing order works' if working else 'no closing order works'}. Close it "
        "(`senex positions close`), or know what expiry leaves you."
    )
    return Alarm("EXPIRES_TODAY", severity, position.account_id, "position", str(position.id), text)
