"""Positions and lots."""

from __future__ import annotations

from decimal import Decimal
from itertools import groupby
from typing import TYPE_CHECKING, Any

from sqlalchemy import Numeric, and_, cast, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from senex.domain.lots import Lot
from senex.domain.money import cents
from senex.domain.orders import Origin
from senex.domain.positions import OPEN_STATUSES, Position, PositionSpread, PositionStatus
from senex.domain.suggestions import ExitPlan
from senex.store import tables
from senex.store.repositories.base import Repository, table
from senex.store.repositories.suggestions import leg_rows, to_spreads

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy.engine import Row
    from sqlalchemy.sql import ColumnElement

    from senex.domain.lots import Booked

_position = table(tables.Position)
_spread = table(tables.PositionSpread)
_leg = table(tables.PositionLeg)
_lot = table(tables.Lot)
_close = table(tables.LotClose)


class PositionRepository(Repository):
    """``ports.unit_of_work.Positions`` on Postgres."""

    async def add(self, position: Position) -> None:
        plan = position.exit_plan
        await self._run(
            insert(_position).values(
                id=position.id,
                account_id=position.account_id,
                origin=position.origin,
                parent_id=position.parent_id,
                suggestion_id=position.suggestion_id,
                strategy=position.strategy,
                underlying=position.underlying,
                expiry=position.expiry,
                units=position.units,
                status=position.status,
                initial_risk=position.initial_risk,
                tick=position.tick,
                time_exit_dte=plan.time_exit_dte,
                stop_alert_share=plan.stop_alert_share,
                stop_order_share=plan.stop_order_share,
                created_at=position.created_at,
                opened_at=position.opened_at,
            )
        )
        await self._run(
            insert(_spread).values(
                [
                    {
                        "position_id": position.id,
                        "key": spread.plan.key,
                        "ordinal": index,
                        "width": spread.plan.width,
                        "target_share": spread.plan.target_share,
                        "credit": spread.credit,
                    }
                    for index, spread in enumerate(position.spreads)
                ]
            )
        )
        await self._run(
            insert(_leg).values(
                [
                    {"position_id": position.id, **row}
                    for spread in position.spreads
                    for row in leg_rows(spread.plan)
                ]
            )
        )

    async def get(self, position_id: UUID, *, lock: bool = False) -> Position:
        statement = select(_position.c.id).where(_position.c.id == position_id)
        await self._one(statement.with_for_update() if lock else statement, "The position")
        return (await self._where(_position.c.id == position_id))[0]

    async def open(self, account_id: UUID) -> tuple[Position, ...]:
        statuses = [PositionStatus.PENDING_ENTRY, *OPEN_STATUSES]
        return await self._where(_position.c.account_id == account_id, _position.c.status.in_(statuses))

    async def set_status(
        self, position_id: UUID, status: PositionStatus, *, now: datetime, closure_reason: str | None = None
    ) -> None:
        stamp: dict[str, object] = {}
        if status is PositionStatus.OPEN_FULL:
            opened = func.coalesce(_position.c.opened_at, now)
            stamp = {"opened_at": opened, "closed_at": None, "closure_reason": None}
        elif status in (PositionStatus.CLOSED, PositionStatus.EXPIRED):
            stamp = {"closed_at": now, "closure_reason": closure_reason}
        await self._run(update(_position).where(_position.c.id == position_id).values(status=status, **stamp))

    async def set_initial_risk(self, position_id: UUID, risk: Decimal | None) -> None:
        await self._run(update(_position).where(_position.c.id == position_id).values(initial_risk=risk))

    async def set_credits(self, position_id: UUID, credits_: Mapping[str, Decimal]) -> None:
        for key, credit in credits_.items():
            await self._run(
                update(_spread)
                .where(_spread.c.position_id == position_id, _spread.c.key == key)
                .values(credit=credit)
            )

    async def lots(self, position_id: UUID) -> tuple[Lot, ...]:
        rows = await self._rows(
            select(_lot).where(_lot.c.position_id == position_id).order_by(_lot.c.fill_id, _lot.c.spread_key)
        )
        return tuple(
            Lot(
                position_id=row.position_id,
                spread_key=row.spread_key,
                symbol=row.symbol,
                fill_id=row.fill_id,
                quantity=row.quantity,
                open_quantity=row.open_quantity,
                price=row.price,
                multiplier=row.multiplier,
            )
            for row in rows
        )

    async def realised(self, position_id: UUID) -> Decimal:
        gain = (
            (_close.c.price - _lot.c.price)
            * func.sign(cast(_lot.c.quantity, Numeric))  # of an integer it would be a float
            * _close.c.quantity
            * _lot.c.multiplier
        )
        row = await self._one(
            select(func.coalesce(func.sum(gain), 0).label("gain"))
            .select_from(_close)
            .join(
                _lot, and_(_lot.c.fill_id == _close.c.lot_fill_id, _lot.c.spread_key == _close.c.spread_key)
            )
            .where(_lot.c.position_id == position_id),
            "The realised profit",
        )
        return cents(Decimal(row.gain))

    async def book(self, account_id: UUID, booked: Booked, now: datetime) -> None:
        if booked.lots:
            statement = upsert(_lot).values([_from_lot(account_id, lot, now) for lot in booked.lots])
            await self._run(
                statement.on_conflict_do_update(
                    index_elements=["fill_id", "spread_key"],
                    set_={"open_quantity": statement.excluded.open_quantity},
                )
            )
        if booked.closes:
            await self._run(
                insert(_close).values(
                    [
                        {
                            "lot_fill_id": close.lot.fill_id,
                            "spread_key": close.lot.spread_key,
                            "fill_id": close.fill_id,
                            "quantity": close.quantity,
                            "price": close.price,
                            "closed_at": now,
                        }
                        for close in booked.closes
                    ]
                )
            )

    async def _where(self, *conditions: ColumnElement[bool]) -> tuple[Position, ...]:
        heads = await self._rows(select(_position).where(*conditions).order_by(_position.c.created_at))
        ids = [row.id for row in heads]
        spreads = await self._rows(
            select(_spread)
            .where(_spread.c.position_id.in_(ids))
            .order_by(_spread.c.position_id, _spread.c.ordinal)
        )
        legs = await self._rows(
            select(_leg)
            .where(_leg.c.position_id.in_(ids))
            .order_by(_leg.c.position_id, _leg.c.spread_key, _leg.c.ordinal)
        )
        spreads_of = {key: list(rows) for key, rows in groupby(spreads, key=lambda row: row.position_id)}
        legs_of = {key: list(rows) for key, rows in groupby(legs, key=lambda row: row.position_id)}
        return tuple(_to_position(row, spreads_of[row.id], legs_of[row.id]) for row in heads)


def _from_lot(account_id: UUID, lot: Lot, now: datetime) -> dict[str, object]:
    return {
        "fill_id": lot.fill_id,
        "spread_key": lot.spread_key,
        "account_id": account_id,
        "position_id": lot.position_id,
        "symbol": lot.symbol,
        "quantity": lot.quantity,
        "open_quantity": lot.open_quantity,
        "multiplier": lot.multiplier,
        "price": lot.price,
        "opened_at": now,
    }


def _to_position(row: Row[Any], spreads: Sequence[Row[Any]], legs: Sequence[Row[Any]]) -> Position:
    credit = {spread.key: spread.credit for spread in spreads}
    return Position(
        id=row.id,
        account_id=row.account_id,
        origin=Origin(row.origin),
        parent_id=row.parent_id,
        suggestion_id=row.suggestion_id,
        strategy=row.strategy,
        underlying=row.underlying,
        expiry=row.expiry,
        units=row.units,
        status=PositionStatus(row.status),
        initial_risk=row.initial_risk,
        tick=row.tick,
        exit_plan=ExitPlan(row.time_exit_dte, row.stop_alert_share, row.stop_order_share),
        spreads=tuple(PositionSpread(plan, credit[plan.key]) for plan in to_spreads(spreads, legs)),
        created_at=row.created_at,
        opened_at=row.opened_at,
    )
