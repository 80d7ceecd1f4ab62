"""Orders, attempts and fills."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    Integer,
    Interval,
    Numeric,
    Text,
    Uuid,
    any_,
    bindparam,
    func,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import insert as upsert

from senex.domain.differences import Known
from senex.domain.orders import AttemptStatus, OrderStatus
from senex.ports.broker import BrokerFill
from senex.ports.records import StoredFill
from senex.store import tables
from senex.store.repositories import rows, selects
from senex.store.repositories.base import Repository, missing, table
from senex.store.repositories.selects import listed
from senex.store.repositories.statements import Query
from senex.store.repositories.transitions import AUDIT, made, moved

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime, timedelta
    from decimal import Decimal
    from uuid import UUID

    from sqlalchemy import Update

    from senex.domain.orders import Attempt, Order
    from senex.ports.broker import BrokerOrder

_order = table(tables.TradeOrder)
_line = table(tables.OrderLeg)
_attempt = table(tables.Attempt)
_fill = table(tables.Fill)
_stranger = table(tables.StrangerOrder)
_deployment = table(tables.Deployment)

_this = _order.c.id == selects.ID
_ONE = selects.of_orders(_this)
# what hangs on it is read after the lock is ours
_LOCKED = (Query(select(_order.c.id).where(_this).with_for_update(), alone=True), *_ONE)
NAMESPACE = Query(select(_deployment.c.namespace))
_attempted = select(_attempt).where(_attempt.c.id == selects.ID)
_ATTEMPT, _ATTEMPT_LOCKED = Query(_attempted), Query(_attempted.with_for_update(), alone=True)
ATTEMPTS = Query(select(_attempt).where(_attempt.c.order_id == selects.ID).order_by(_attempt.c.number))
_FILLS = Query(select(_fill).where(_fill.c.order_id == selects.ID).order_by(_fill.c.id))
_OF_POSITION = selects.of_orders(_order.c.position_id == selects.ID)
_OPEN = selects.of_orders(selects.OPEN_ORDER)
_listed = (_order.c.account_id == selects.ID) & (
    _order.c.broker_order_id == any_(bindparam("broker_ids", type_=ARRAY(Text)))
)
_KNOWN = (
    *selects.of_orders(selects.OPEN_ORDER | _listed),
    Query(
        select(_attempt.c.order_id, _attempt.c.external_identifier).where(
            _attempt.c.order_id.in_(select(_order.c.id).where(selects.OPEN_ORDER | _listed))
        )
    ),
)
_MET = Query(
    select(_stranger.c.broker_order_id, _stranger.c.ended).where(
        _stranger.c.account_id == selects.ID,
        _stranger.c.broker_order_id == any_(bindparam("broker_ids", type_=ARRAY(Text))),
    )
)
_BY_NAME = Query(
    select(_attempt.c.order_id).where(_attempt.c.external_identifier == bindparam("name", type_=Text))
)
_old = _order.alias("old")


def _numbered(number: str) -> Any:
    mine = _order.c.account_id == selects.ID, _order.c.broker_order_id == bindparam(number, type_=Text)
    return select(_order.c.id).where(*mine).scalar_subquery()


# by the broker's id, by what it is to replace, by its name, or by what it stands in for: a broker may keep that's name
_FIND = Query(
    select(
        func.coalesce(
            _numbered("number"),
            select(_order.c.id)
            .join(_old, _old.c.id == _order.c.replaces_id)
            .where(
                _old.c.account_id == selects.ID,
                _old.c.broker_order_id == bindparam("replaces", type_=Text),
                _order.c.limit_price.is_not_distinct_from(bindparam("price", type_=Numeric)),
                _order.c.broker_order_id.is_(None),
                _order.c.status == any_(listed([OrderStatus.INTENDED, OrderStatus.UNKNOWN])),
            )
            .limit(1)
            .scalar_subquery(),
            _BY_NAME.statement.scalar_subquery(),
            _numbered("replaces"),
        ).label("id")
    )
)
_DOUBTFUL = Query(
    select(_attempt).where(
        _attempt.c.account_id == selects.ID,
        _attempt.c.status == AttemptStatus.UNKNOWN,
        _attempt.c.sending_machine < func.clock_timestamp() - bindparam("older_than", type_=Interval),
    )
)
_ADD_FILL = Query(
    upsert(_fill)
    .on_conflict_do_nothing(index_elements=["order_id", "symbol", "fill_id"])
    .returning(_fill.c.id),
    alone=True,
    columns=("account_id", "order_id", "symbol", "fill_id", "quantity", "price", "filled_at", "source"),
)
_FILL_LINE = (
    update(_line)
    .where(_line.c.order_id == bindparam("order"), _line.c.symbol == bindparam("of"))
    .values(filled=_line.c.filled + bindparam("more", type_=Integer))
)
_ROW = bindparam("row", type_=Uuid)
_SET_ORDER, _SETTLE = update(_order).where(_order.c.id == _ROW), update(_attempt).where(_attempt.c.id == _ROW)
_PRICE_FILL = _SET_ORDER.values(
    fill_price=bindparam("price", type_=Numeric),
    natural_at_fill=func.coalesce(_order.c.natural_at_fill, bindparam("natural", type_=Numeric)),
    opposite_at_fill=func.coalesce(_order.c.opposite_at_fill, bindparam("opposite", type_=Numeric)),
)

# the last step before the first byte: the swap and its row of the audit in one round trip
_START_SENDING = Query(
    text("""
WITH swapped AS (
    UPDATE attempt SET status = :after, epoch = :epoch, sending_at = :at, sending_machine = clock_timestamp()
    WHERE id = :attempt AND status = :before
    RETURNING id, account_id),
told AS (
    INSERT INTO audit (id, at, account_id, actor, action, object_type, object_id, before, after, why)
    SELECT :id, :at, account_id, :actor, :action, :object_type, :object_id, :before, :after, :why FROM swapped)
SELECT id FROM swapped
"""),
    alone=True,
)


# one statement for however many; what is known already counts only when it has ended since
_MEET = text("""
INSERT INTO stranger_order (account_id, broker_order_id, external_identifier, underlying, ended, met_at)
SELECT :account, told.*, :at
FROM unnest(:ids ::text[], :names ::text[], :underlyings ::text[], :ended ::boolean[]) AS told
ON CONFLICT (account_id, broker_order_id) DO UPDATE SET ended = true
WHERE excluded.ended AND NOT stranger_order.ended
RETURNING broker_order_id, xmax = 0 AS fresh
""")


class OrderRepository(Repository):
    """``ports.trades.Orders`` on Postgres."""

    async def namespace(self) -> UUID:
        namespace: UUID = (await self._the(NAMESPACE, "The deployment")).namespace
        return namespace

    async def add(self, order: Order, now: datetime) -> None:
        await self._put(AUDIT, made(_order, order.id, order.account_id, order.status, now))
        await self._put(
            _order,
            {
                "id": order.id,
                "account_id": order.account_id,
                "origin": order.origin,
                "kind": order.kind,
                "position_id": order.position_id,
                "decision_id": order.decision_id,
                "spread_key": order.spread_key,
                "generation": order.generation,
                "underlying": order.underlying,
                "time_in_force": order.time_in_force,
                "limit_price": order.limit_price,
                "band_low": order.band.low if order.band else None,
                "band_high": order.band.high if order.band else None,
                "valid_until": order.valid_until,
                "status": order.status,
                "replaces_id": order.replaces_id,
                "exit_id": order.exit_id,
                "created_at": now,
                "updated_at": now,
            },
        )
        await self._insert(
            _line,
            [
                {
                    "order_id": order.id,
                    "ordinal": index,
                    "symbol": line.leg.symbol,
                    "action": line.leg.action,
                    "quantity": line.leg.quantity,
                    "filled": line.filled,
                }
                for index, line in enumerate(order.lines)
            ],
        )

    async def get(self, order_id: UUID, *, lock: bool = False) -> Order:
        *_, heads, lines = await self._ask(*(_LOCKED if lock else _ONE), id=order_id)
        if not heads:
            raise missing("The order")
        return rows.to_orders(heads, lines)[0]

    async def find(self, account_id: UUID, theirs: BrokerOrder) -> UUID | None:
        ([row],) = await self._ask(
            _FIND,
            id=account_id,
            number=theirs.id,
            replaces=theirs.replaces,
            price=theirs.price,
            name=theirs.external_identifier,
        )
        found: UUID | None = row.id
        return found

    async def by_external_identifier(self, identifier: str) -> UUID | None:
        (found,) = await self._ask(_BY_NAME, name=identifier)
        return found[0].order_id if found else None

    async def shrink(self, order_id: UUID, quantities: Mapping[str, int]) -> None:
        for symbol, quantity in quantities.items():
            of_it = _line.c.order_id == order_id, _line.c.symbol == symbol
            await self._run(update(_line).where(*of_it).values(quantity=quantity))

    async def of_position(self, position_id: UUID) -> tuple[Order, ...]:
        return rows.to_orders(*await self._ask(*_OF_POSITION, id=position_id))

    async def open(self, account_id: UUID) -> tuple[Order, ...]:
        return rows.to_orders(*await self._ask(*_OPEN, id=account_id))

    async def known(self, account_id: UUID, broker_order_ids: Collection[str]) -> tuple[Known, ...]:
        return _known(*await self._ask(*_KNOWN, id=account_id, broker_ids=list(broker_order_ids)))

    async def met(
        self, account_id: UUID, broker_order_ids: Collection[str]
    ) -> tuple[tuple[Known, ...], Mapping[str, bool], UUID]:
        *known, strangers, ([mine]) = await self._ask(
            *_KNOWN, _MET, NAMESPACE, id=account_id, broker_ids=list(broker_order_ids)
        )
        return _known(*known), {row.broker_order_id: row.ended for row in strangers}, mine.namespace

    async def meet(
        self, account_id: UUID, orders: Collection[BrokerOrder], now: datetime
    ) -> Mapping[str, bool]:
        told = {
            "ids": [order.id for order in orders],
            "names": [order.external_identifier for order in orders],
            "underlyings": [order.underlying for order in orders],
            "ended": [order.means.terminal for order in orders],
        }
        found = await self._statements.execute(_MEET, {"account": account_id, "at": now, **told})
        return {row.broker_order_id: row.fresh for row in found}

    async def set_status(
        self,
        order_id: UUID,
        status: OrderStatus,
        *,
        now: datetime,
        broker_order_id: str | None = None,
        broker_status: str | None = None,
        reject_reason: str | None = None,
    ) -> None:
        told = {
            "status": status,
            "broker_order_id": broker_order_id,
            "broker_status": broker_status,
            "reject_reason": reject_reason,
        }
        known = {name: value for name, value in told.items() if value is not None}
        await self._put(*moved(_order, order_id, status, now, reject_reason or broker_status or ""))
        new = {f"new_{name}": value for name, value in known.items()}
        await self._put(_telling(tuple(known)), {"row": order_id, "updated_at": now, **new})

    async def set_fill_price(
        self, order_id: UUID, price: Decimal, *, natural: Decimal | None, opposite: Decimal | None
    ) -> None:
        told = {"price": price, "natural": natural, "opposite": opposite}
        await self._put(_PRICE_FILL, {"row": order_id, **told})

    async def request_cancel(self, order_id: UUID, now: datetime, *, actor: str) -> None:
        wished = {"cancel_requested_at": now, "cancel_actor": actor, "updated_at": now}
        await self._put(_SET_ORDER, {"row": order_id, **wished})

    async def add_attempt(self, attempt: Attempt, now: datetime) -> None:
        await self._put(AUDIT, made(_attempt, attempt.id, attempt.account_id, attempt.status, now))
        await self._put(
            _attempt,
            {
                "id": attempt.id,
                "account_id": attempt.account_id,
                "order_id": attempt.order_id,
                "number": attempt.number,
                "external_identifier": attempt.external_identifier,
                "status": attempt.status,
                "body_hash": attempt.body_hash,
                "prepared_at": now,
            },
        )

    async def attempt(self, attempt_id: UUID, *, lock: bool = False) -> Attempt:
        query = _ATTEMPT_LOCKED if lock else _ATTEMPT
        return rows.to_attempt(await self._the(query, "The attempt", id=attempt_id))

    async def attempts(self, order_id: UUID) -> tuple[Attempt, ...]:
        (found,) = await self._ask(ATTEMPTS, id=order_id)
        return tuple(map(rows.to_attempt, found))

    async def start_sending(self, attempt_id: UUID, *, epoch: int, now: datetime) -> bool:
        told = made(_attempt, attempt_id, attempt_id, AttemptStatus.SENDING, now)
        values = {**told, "attempt": attempt_id, "epoch": epoch, "before": AttemptStatus.PREPARED}
        (swapped,) = await self._ask(_START_SENDING, **values)
        return bool(swapped)

    async def sending_since(self, attempt_id: UUID) -> timedelta:
        row = await self._one(
            select((func.clock_timestamp() - _attempt.c.sending_machine).label("age")).where(
                _attempt.c.id == attempt_id
            ),
            "The attempt",
        )
        age: timedelta = row.age
        return age

    async def settle(
        self,
        attempt_id: UUID,
        status: AttemptStatus,
        *,
        now: datetime,
        code: str | None = None,
        message: str | None = None,
        broker_order_id: str | None = None,
    ) -> None:
        told = {"error_code": code, "error_message": message, "broker_order_id": broker_order_id}
        why = f"{code}: {message}" if message else code or ""
        await self._put(*moved(_attempt, attempt_id, status, now, why))
        await self._put(_SETTLE, {"row": attempt_id, "status": status, "settled_at": now, **told})

    async def doubtful(self, account_id: UUID, *, older_than: timedelta) -> tuple[Attempt, ...]:
        (found,) = await self._ask(_DOUBTFUL, id=account_id, older_than=older_than)
        return tuple(map(rows.to_attempt, found))

    async def count_absent(self, attempt_id: UUID) -> int:
        row = await self._one(
            update(_attempt)
            .where(_attempt.c.id == attempt_id)
            .values(absent_reads=_attempt.c.absent_reads + 1)
            .returning(_attempt.c.absent_reads),
            "The attempt",
        )
        return int(row.absent_reads)

    async def add_fill(
        self, account_id: UUID, order_id: UUID, symbol: str, fill: BrokerFill, *, source: str
    ) -> StoredFill | None:
        (added,) = await self._ask(
            _ADD_FILL,
            account_id=account_id,
            order_id=order_id,
            symbol=symbol,
            fill_id=fill.fill_id,
            quantity=fill.quantity,
            price=fill.price,
            filled_at=fill.filled_at,
            source=source,
        )
        if not added:
            return None
        await self._put(_FILL_LINE, {"order": order_id, "of": symbol, "more": fill.quantity})
        return StoredFill(added[0].id, symbol, fill)

    async def fills(self, order_id: UUID) -> tuple[StoredFill, ...]:
        (found,) = await self._ask(_FILLS, id=order_id)
        return tuple(
            StoredFill(row.id, row.symbol, BrokerFill(row.fill_id, row.quantity, row.price, row.filled_at))
            for row in found
        )


def _known(heads: list[Any], lines: list[Any], names: list[Any]) -> tuple[Known, ...]:
    named: dict[UUID, list[str]] = {}
    for row in names:
        named.setdefault(row.order_id, []).append(row.external_identifier)
    told = {row.id: row.broker_status for row in heads}
    orders = rows.to_orders(heads, lines)
    return tuple(Known(order, named.get(order.id, ()), told[order.id]) for order in orders)


@cache
def _telling(known: tuple[str, ...]) -> Update:
    """Setting what is known; told again what is known already, an order has not changed."""
    told = {name: bindparam(f"new_{name}", type_=_order.c[name].type) for name in known}
    return _SET_ORDER.where(or_(*(_order.c[name].is_distinct_from(told[name]) for name in known))).values(
        told
    )
