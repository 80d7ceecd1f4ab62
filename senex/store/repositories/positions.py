"""Positions and lots."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from sqlalchemy import Integer, Uuid, bindparam, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from senex.domain.legs import InstrumentType
from senex.domain.money import cents
from senex.domain.positions import OPEN_STATUSES, Position, PositionStatus
from senex.store import tables
from senex.store.repositories import rows, selects
from senex.store.repositories.base import Repository, missing, table
from senex.store.repositories.statements import Query
from senex.store.repositories.suggestions import leg_rows
from senex.store.repositories.transitions import AUDIT, made, moved
from senex.store.tables.columns import TIME

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from uuid import UUID

    from senex.domain.legs import Leg
    from senex.domain.lots import Booked, Lot, NewTerms
    from senex.domain.suggestions import ExitPlan

_position = table(tables.Position)
_spread = table(tables.PositionSpread)
_leg = table(tables.PositionLeg)
_lot = table(tables.Lot)
_close = table(tables.LotClose)

_this = _position.c.id == selects.ID
_ONE = selects.of_positions(_this)
# what hangs on it is read after the lock is ours
_LOCKED = (Query(select(_position.c.id).where(_this).with_for_update(), alone=True), *_ONE)
_OPEN = selects.of_positions(selects.OPEN_POSITION)
_LOTS = Query(selects.lots_of(select(_position.c.id).where(_this)))
_REALISED = Query(selects.realised_of(select(_position.c.id).where(_this)))

_ROW = bindparam("row", type_=Uuid)
_SET = update(_position).where(_position.c.id == _ROW)
_OPENED = _SET.values(opened_at=func.coalesce(_position.c.opened_at, bindparam("at", type_=TIME)))
_CREDIT = update(_spread).where(_spread.c.position_id == _ROW, _spread.c.key == bindparam("of"))
BOOKED = Query(
    select(
        _lot.c.symbol,
        _position.c.underlying,
        func.sum(_lot.c.open_quantity, type_=Integer).label("quantity"),
    )
    .join(_position, _position.c.id == _lot.c.position_id)
    .where(_lot.c.account_id == selects.ID, _lot.c.open_quantity != 0)
    .group_by(_lot.c.symbol, _position.c.underlying)
    .having(func.sum(_lot.c.open_quantity) != 0)
)
_booking = upsert(_lot)
_BOOK_LOT = _booking.on_conflict_do_update(
    index_elements=["fill_id", "spread_key"],
    set_={"open_quantity": _booking.excluded.open_quantity},
)


class PositionRepository(Repository):
    """``ports.trades.Positions`` on Postgres."""

    async def add(self, position: Position) -> None:
        await self._put(
            AUDIT, made(_position, position.id, position.account_id, position.status, position.created_at)
        )
        plan = position.exit_plan
        await self._put(
            _position,
            {
                "id": position.id,
                "account_id": position.account_id,
                "origin": position.origin,
                "parent_id": position.parent_id,
                "suggestion_id": position.suggestion_id,
                "strategy": position.strategy,
                "underlying": position.underlying,
                "expiry": position.expiry,
                "units": position.units,
                "status": position.status,
                "initial_risk": position.initial_risk,
                "tick": position.tick,
                "time_exit_dte": plan.time_exit_dte,
                "stop_alert_share": plan.stop_alert_share,
                "stop_order_share": plan.stop_order_share,
                "created_at": position.created_at,
                "opened_at": position.opened_at,
                "managed": position.managed,
                "stop_orders": plan.stop_orders,
            },
        )
        await self._insert(
            _spread,
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
            ],
        )
        await self._insert(
            _leg,
            [
                {"position_id": position.id, **row}
                for spread in position.spreads
                for row in leg_rows(spread.plan)
            ],
        )

    async def get(self, position_id: UUID, *, lock: bool = False) -> Position:
        *_, heads, spreads, legs = await self._ask(*(_LOCKED if lock else _ONE), id=position_id)
        if not heads:
            raise missing("The position")
        return rows.to_positions(heads, spreads, legs)[0]

    async def open(self, account_id: UUID) -> tuple[Position, ...]:
        return rows.to_positions(*await self._ask(*_OPEN, id=account_id))

    async def set_status(
        self, position_id: UUID, status: PositionStatus, *, now: datetime, closure_reason: str | None = None
    ) -> None:
        stamp: dict[str, object] = {}
        if status in OPEN_STATUSES:
            stamp = {"at": now, "closed_at": None, "closure_reason": None}
        elif status in (PositionStatus.CLOSED, PositionStatus.EXPIRED):
            stamp = {"closed_at": now, "closure_reason": closure_reason}
        await self._put(*moved(_position, position_id, status, now, closure_reason or ""))
        await self._put(_OPENED if "at" in stamp else _SET, {"row": position_id, "status": status, **stamp})

    async def allow_stop_orders(self, position_id: UUID, *, allowed: bool) -> None:
        await self._run(update(_position).where(_position.c.id == position_id).values(stop_orders=allowed))

    async def set_initial_risk(self, position_id: UUID, risk: Decimal | None) -> None:
        await self._put(_SET, {"row": position_id, "initial_risk": risk})

    async def set_credits(self, position_id: UUID, credits_: Mapping[str, Decimal]) -> None:
        for key, credit in credits_.items():
            await self._put(_CREDIT, {"row": position_id, "of": key, "credit": credit})

    async def lots(self, position_id: UUID) -> tuple[Lot, ...]:
        (found,) = await self._ask(_LOTS, id=position_id)
        return tuple(map(rows.to_lot, found))

    async def holding(self, account_id: UUID, symbol: str) -> tuple[UUID, ...]:
        found = await self._rows(
            select(_lot.c.position_id)
            .where(_lot.c.account_id == account_id, _lot.c.symbol == symbol, _lot.c.open_quantity != 0)
            .distinct()
            .order_by(_lot.c.position_id)
        )
        return tuple(row.position_id for row in found)

    async def add_leg(self, position_id: UUID, spread_key: str, leg: Leg) -> None:
        of_spread = (_leg.c.position_id == position_id, _leg.c.spread_key == spread_key)
        known = await self._rows(select(_leg.c.ordinal, _leg.c.symbol).where(*of_spread))
        if any(row.symbol == leg.symbol for row in known):
            return
        ordinal = 1 + max((row.ordinal for row in known), default=-1)
        await self._run(
            insert(_leg).values(
                position_id=position_id,
                spread_key=spread_key,
                ordinal=ordinal,
                symbol=leg.symbol,
                action=leg.action,
                quantity=leg.quantity,
            )
        )

    async def convert_plan(self, position_id: UUID, symbol: str, terms: NewTerms) -> None:
        named = (_leg.c.position_id == position_id, _leg.c.symbol == symbol)
        if InstrumentType.of(symbol) is InstrumentType.EQUITY:  # shares are counted in units
            ratio = Decimal(terms.ratio.numerator) / terms.ratio.denominator
            await self._run(
                update(_position)
                .where(_position.c.id == position_id)
                .values(units=func.round(_position.c.units * ratio))
            )
            await self._run(
                update(_spread)
                .where(_spread.c.position_id == position_id)
                .values(credit=_spread.c.credit / ratio)
            )
            return
        for row in await self._rows(select(_leg.c.spread_key, _leg.c.ordinal, _leg.c.quantity).where(*named)):
            count = int(row.quantity * terms.ratio) or row.quantity
            of_spread = _leg.c.spread_key == row.spread_key
            await self._run(update(_leg).where(*named, of_spread).values(symbol=terms.symbol, quantity=count))
            if row.ordinal == 0 and count != row.quantity:  # once per spread, whichever leg comes first
                ratio = Decimal(count) / row.quantity
                await self._run(
                    update(_spread)
                    .where(_spread.c.position_id == position_id, _spread.c.key == row.spread_key)
                    .values(credit=_spread.c.credit / ratio, width=_spread.c.width / ratio)
                )

    async def adopt(self, position_id: UUID, plan: ExitPlan, target_share: Decimal | None) -> None:
        await self._run(
            update(_position)
            .where(_position.c.id == position_id)
            .values(
                managed=True,
                time_exit_dte=plan.time_exit_dte,
                stop_alert_share=plan.stop_alert_share,
                stop_order_share=plan.stop_order_share,
            )
        )
        await self._run(
            update(_spread).where(_spread.c.position_id == position_id).values(target_share=target_share)
        )

    async def booked(self, account_id: UUID) -> Mapping[str, tuple[str, int]]:
        (found,) = await self._ask(BOOKED, id=account_id)
        return rows.to_quantities(found)

    async def realised(self, position_id: UUID) -> Decimal:
        (found,) = await self._ask(_REALISED, id=position_id)
        return cents(found[0].gain) if found else Decimal(0)

    async def book(self, account_id: UUID, booked: Booked, now: datetime) -> None:
        await self._insert(_BOOK_LOT, [_from_lot(account_id, lot, now) for lot in booked.lots])
        await self._insert(
            _close,
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
            ],
        )


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
