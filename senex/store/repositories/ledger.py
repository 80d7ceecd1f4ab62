"""The broker's ledger: its rows, what they belong to, and the fills they cause."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import bindparam, func, insert, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert

from senex.domain.differences import Category, Difference, Fix
from senex.domain.fills import Fill
from senex.domain.ledger import price_of
from senex.store import tables
from senex.store.repositories import rows
from senex.store.repositories.base import Repository, table
from senex.store.repositories.selects import ID
from senex.store.repositories.statements import Query

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime

    from senex.domain.ledger import LedgerEntry
    from senex.domain.legs import Action
    from senex.ports.records import StoredEntry

_account = table(tables.Account)
_BEGAN = Query(select(_account.c.ledger_from).where(_account.c.id == ID))
_BEGIN = update(_account).where(_account.c.id == bindparam("of"))
_entry = table(tables.LedgerEntry)
_fill = table(tables.Fill)
# the broker's ids are numbers, told as text
_OLDEST_FIRST = (_entry.c.executed_at, func.length(_entry.c.broker_id), _entry.c.broker_id)
_NEWEST = Query(select(func.max(_entry.c.day).label("day")).where(_entry.c.account_id == ID))
PENDING = Query(select(_entry).where(_entry.c.account_id == ID, _entry.c.pending).order_by(*_OLDEST_FIRST))
_saving = upsert(_entry)
_told = {
    name: _saving.excluded[name]
    for name in ("value", "net_value", "commission", "fees", "price", "description")
}
_SAVE = _saving.on_conflict_do_update(
    index_elements=["account_id", "broker_id"],
    set_=_told,
    where=or_(*(_entry.c[name].is_distinct_from(value) for name, value in _told.items())),
)

_LINK_ORDERS = text("""
UPDATE ledger_entry e SET position_id = o.position_id, pending = false
FROM trade_order o
WHERE e.account_id = :account AND e.position_id IS NULL AND e.broker_order_id IS NOT NULL
    AND o.account_id = e.account_id
    AND (o.broker_order_id = e.broker_order_id OR EXISTS (
        SELECT FROM attempt t WHERE t.order_id = o.id AND t.broker_order_id = e.broker_order_id))
""")
_LINK_SYMBOLS = text("""
UPDATE ledger_entry e SET position_id = held.position_id
FROM (
    SELECT l.symbol, min(l.position_id::text)::uuid AS position_id, min(l.opened_at) AS since
    FROM lot l WHERE l.account_id = :account GROUP BY l.symbol HAVING count(DISTINCT l.position_id) = 1) held
WHERE e.account_id = :account AND e.position_id IS NULL AND NOT e.pending AND e.kind = 'Money Movement'
    AND e.symbol = held.symbol AND e.executed_at >= held.since
""")
_HISTORY = text("""
UPDATE ledger_entry e SET pending = false
WHERE e.account_id = :account AND e.pending AND NOT EXISTS (
    SELECT FROM lot l JOIN position p ON p.id = l.position_id
    WHERE l.account_id = e.account_id AND l.open_quantity <> 0 AND l.opened_at <= e.executed_at
        AND (l.symbol = e.symbol OR (p.underlying = e.underlying AND e.kind = 'Receive Deliver')))
""")
# what the fills of each order and symbol say, beside what its transactions say
_BOTH = """
WITH ours AS (
    SELECT f.order_id, f.symbol, o.underlying, count(*) AS fills, sum(f.quantity) AS quantity, max(f.filled_at) AS last,
        sum(round(f.price * f.quantity * i.multiplier, 2) * CASE WHEN g.action LIKE 'Sell%' THEN 1 ELSE -1 END) AS cash
    FROM fill f
    JOIN trade_order o ON o.id = f.order_id
    JOIN order_leg g ON g.order_id = f.order_id AND g.symbol = f.symbol
    JOIN instrument i ON i.symbol = f.symbol
    JOIN account a ON a.id = f.account_id
    WHERE f.account_id = :account AND f.filled_at >= a.ledger_from
    GROUP BY f.order_id, f.symbol, o.underlying),
named AS (
    SELECT o.id AS order_id, o.broker_order_id FROM trade_order o WHERE o.account_id = :account
    UNION SELECT t.order_id, t.broker_order_id FROM attempt t WHERE t.account_id = :account),
theirs AS (
    SELECT n.order_id, e.symbol, sum(e.quantity) AS quantity, sum(e.value) AS cash
    FROM ledger_entry e JOIN named n ON n.broker_order_id = e.broker_order_id
    WHERE e.account_id = :account AND e.kind = 'Trade'
    GROUP BY n.order_id, e.symbol)
"""
_RECONCILED = Query(
    text(
        f"""{_BOTH}
SELECT coalesce(sum(o.fills), 0) AS fills
FROM ours o JOIN theirs t ON t.order_id = o.order_id AND t.symbol = o.symbol
WHERE t.quantity = o.quantity AND t.cash = o.cash
"""  # noqa: S608  no value is in it
    ),
    alone=True,
)
MISMATCHES = Query(
    text(
        f"""{_BOTH}
SELECT o.order_id, o.symbol, o.underlying, o.quantity, o.cash, t.quantity AS told, t.cash AS told_cash
FROM ours o LEFT JOIN theirs t ON t.order_id = o.order_id AND t.symbol = o.symbol
WHERE coalesce(t.quantity, 0) > o.quantity
    OR (coalesce(t.quantity, 0) < o.quantity AND o.last < :before)
    OR (t.quantity = o.quantity AND t.cash <> o.cash)
ORDER BY o.order_id, o.symbol
"""  # noqa: S608  no value is in it
    ),
    alone=True,
)


class LedgerRepository(Repository):
    """``ports.ledger.Ledger`` on Postgres."""

    async def began(self, account_id: UUID) -> datetime | None:
        began: datetime | None = (await self._the(_BEGAN, "The account", id=account_id)).ledger_from
        return began

    async def begin(self, account_id: UUID, now: datetime) -> None:
        await self._put(_BEGIN, {"of": account_id, "ledger_from": now})
        await self._put(_HISTORY, {"account": account_id})

    async def newest(self, account_id: UUID) -> date | None:
        ([row],) = await self._ask(_NEWEST, id=account_id)
        newest: date | None = row.day
        return newest

    async def save(self, account_id: UUID, entries: Sequence[LedgerEntry], now: datetime) -> None:
        await self._insert(_SAVE, [_from_entry(account_id, entry, now) for entry in entries])

    async def link(self, account_id: UUID) -> None:
        for statement in (_LINK_ORDERS, _LINK_SYMBOLS):
            await self._put(statement, {"account": account_id})

    async def pending(self, account_id: UUID) -> tuple[StoredEntry, ...]:
        (found,) = await self._ask(PENDING, id=account_id)
        return tuple(map(rows.to_entry, found))

    async def lock(self, entry_id: int) -> StoredEntry:
        return rows.to_entry(
            await self._one(
                select(_entry).where(_entry.c.id == entry_id).with_for_update(), "The transaction"
            )
        )

    async def of_instant(self, account_id: UUID, entry: LedgerEntry) -> tuple[StoredEntry, ...]:
        found = await self._rows(
            select(_entry)
            .where(
                _entry.c.account_id == account_id,
                _entry.c.executed_at == entry.executed_at,
                _entry.c.underlying == entry.underlying,
            )
            .order_by(*_OLDEST_FIRST)
        )
        return tuple(map(rows.to_entry, found))

    async def position_of(self, account_id: UUID, broker_order_id: str) -> UUID | None:
        row = await self._row(
            select(_entry.c.position_id).where(
                _entry.c.account_id == account_id,
                _entry.c.broker_order_id == broker_order_id,
                _entry.c.position_id.is_not(None),
                _entry.c.action.like("%to Open"),
            )
        )
        return None if row is None else row.position_id

    async def taken(self, entry_id: int) -> Mapping[UUID, int]:
        found = await self._rows(
            select(_fill.c.fill_id, _fill.c.quantity)
            .where(_fill.c.ledger_id == entry_id)
            .order_by(_fill.c.id)
        )
        return {UUID(row.fill_id): row.quantity for row in found}

    async def kinds(self, position_id: UUID, at: datetime) -> tuple[str, ...]:
        found = await self._rows(
            select(_entry.c.sub_kind)
            .join(_fill, _fill.c.ledger_id == _entry.c.id)
            .where(_fill.c.fill_id == str(position_id), _entry.c.executed_at == at)
        )
        return tuple(row.sub_kind for row in found)

    async def add_fill(
        self, account_id: UUID, stored: StoredEntry, position_id: UUID, *, action: Action, quantity: int
    ) -> Fill:
        entry = stored.entry
        symbol, price = entry.symbol or "", price_of(entry)
        row = await self._one(
            insert(_fill)
            .values(
                account_id=account_id,
                ledger_id=stored.id,
                symbol=symbol,
                fill_id=str(position_id),
                quantity=quantity,
                price=price,
                filled_at=entry.executed_at,
                source="ledger",
            )
            .returning(_fill.c.id),
            "The fill just booked",
        )
        return Fill(row.id, symbol, action, quantity, price)

    async def booked(self, entry_id: int, position_id: UUID | None) -> None:
        await self._run(
            update(_entry).where(_entry.c.id == entry_id).values(pending=False, position_id=position_id)
        )

    async def reconciled(self, account_id: UUID) -> int:
        ([row],) = await self._ask(_RECONCILED, account=account_id)
        return int(row.fills)


def to_mismatch(row: Any) -> Difference:
    return Difference(
        Category.LEDGER_MISMATCH,
        f"{row.order_id}/{row.symbol.strip()}",
        row.underlying,
        f"{row.quantity} for ${row.cash:.2f}",
        "no transaction" if row.told is None else f"{row.told:.0f} for ${row.told_cash:.2f}",
        Fix.REVIEW,
    )


def _from_entry(account_id: UUID, entry: LedgerEntry, now: datetime) -> dict[str, object]:
    return {
        "account_id": account_id,
        "broker_id": entry.broker_id,
        "kind": entry.kind,
        "sub_kind": entry.sub_kind,
        "description": entry.description,
        "executed_at": entry.executed_at,
        "day": entry.day,
        "symbol": entry.symbol,
        "underlying": entry.underlying,
        "instrument_type": entry.instrument,
        "action": entry.action,
        "quantity": entry.quantity,
        "price": entry.price,
        "value": entry.value,
        "net_value": entry.net_value,
        "commission": entry.commission,
        "fees": entry.fees,
        "broker_order_id": entry.broker_order_id,
        "pending": entry.moves,
        "read_at": now,
    }
