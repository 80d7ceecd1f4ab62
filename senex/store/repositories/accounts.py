"""Accounts, their fences, balances, holdings and source freshness."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from sqlalchemy import Integer, bindparam, cast, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from senex.domain.trading_state import Fence, TradingState
from senex.domain.watch import Source
from senex.store import tables
from senex.store.repositories import pacing, rows, selects
from senex.store.repositories.base import Repository, missing, table
from senex.store.repositories.statements import Query

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from senex.domain.caps import DayStart
    from senex.ports.broker import AccountFacts, Balances, Holding
    from senex.ports.records import Account, OperatorRecord

BROKER = "tastytrade"
_account = table(tables.Account)
_state = table(tables.TradingState)
_readiness = table(tables.Readiness)
_snapshot = table(tables.AccountSnapshot)
_holding = table(tables.BrokerPosition)
_source = table(tables.SourceStatus)
_operator = table(tables.Operator)
_ONE = Query(select(_account).where(_account.c.id == selects.ID))
# whole numbers: reading a thousand decimals would cost more than all the rest
HELD = Query(
    select(
        _holding.c.symbol,
        _holding.c.underlying,
        cast(func.trunc(_holding.c.quantity), Integer).label("quantity"),
    ).where(_holding.c.account_id == selects.ID, _holding.c.quantity != 0)
)
_FORGET_HELD = delete(_holding).where(_holding.c.account_id == bindparam("of"))
_OPEN_GATE = (
    update(_readiness)
    .where(_readiness.c.account_id == bindparam("of"), _readiness.c.epoch == bindparam("then"))
    .values(ready=True, reason="reconciled")
)
_saying = upsert(_source)
_SAY_SOURCE = _saying.on_conflict_do_update(
    index_elements=["source", "subject"],
    set_={name: _saying.excluded[name] for name in ("ok", "detail", "at")},
)


class AccountRepository(Repository):
    """``ports.accounts.Accounts`` on Postgres."""

    async def save(self, environment: str, facts: AccountFacts, now: datetime) -> Account:
        told = {
            "nickname": facts.nickname,
            "margin_or_cash": facts.margin_or_cash,
            "option_level": facts.option_level,
            "closed": facts.closed,
            "closing_only": facts.closing_only,
            "updated_at": now,
        }
        statement = (
            upsert(_account)
            .values(
                id=uuid4(),
                broker=BROKER,
                environment=environment,
                number=facts.number,
                created_at=now,
                risk_preset="moderate",
                entry_offset=0,
                **told,
            )
            .on_conflict_do_update(index_elements=["broker", "environment", "number"], set_=told)
            .returning(_account)
        )
        account = rows.to_account(await self._one(statement, "The account just saved"))
        await self._run(
            upsert(_state)
            .values(
                account_id=account.id,
                state=TradingState.ACTIVE,
                epoch=1,
                reason="new account",
                set_by="senex",
                set_at=now,
            )
            .on_conflict_do_nothing()
        )
        await self._run(
            upsert(_readiness)
            .values(account_id=account.id, ready=False, epoch=1, reason="not reconciled yet", changed_at=now)
            .on_conflict_do_nothing()
        )
        return account

    async def close_others(self, environment: str, numbers: Collection[str], now: datetime) -> None:
        await self._run(
            update(_account)
            .where(
                _account.c.environment == environment,
                _account.c.number.not_in(list(numbers)),
                _account.c.closed.is_(False),
            )
            .values(closed=True, updated_at=now)
        )

    async def get(self, account_id: UUID) -> Account:
        return rows.to_account(await self._the(_ONE, "The account", id=account_id))

    async def all(self, environment: str) -> tuple[Account, ...]:
        found = await self._rows(
            select(_account)
            .where(_account.c.environment == environment, _account.c.closed.is_(False))
            .order_by(_account.c.created_at)
        )
        return tuple(rows.to_account(row) for row in found)

    async def fence(self, account_id: UUID) -> Fence:
        state, readiness = await self._ask(*selects.FENCE, id=account_id)
        if not (state and readiness):
            raise missing("The trading state")
        return rows.to_fence(state[0], readiness[0])

    async def day(self, account_id: UUID, now: datetime) -> DayStart:
        return pacing.to_day(await self._ask(*pacing.QUERIES, id=account_id, **pacing.values(now)))

    async def set_state(
        self, account_id: UUID, state: TradingState, *, reason: str, by: str, now: datetime
    ) -> None:
        await self._run(
            update(_state)
            .where(_state.c.account_id == account_id)
            .values(state=state, epoch=_state.c.epoch + 1, reason=reason, set_by=by, set_at=now)
        )

    async def unready(self, account_id: UUID, *, reason: str, now: datetime) -> int:
        row = await self._one(
            update(_readiness)
            .where(_readiness.c.account_id == account_id)
            .values(ready=False, epoch=_readiness.c.epoch + 1, reason=reason, changed_at=now)
            .returning(_readiness.c.epoch),
            "The readiness",
        )
        return int(row.epoch)

    async def ready(self, account_id: UUID, *, epoch: int, now: datetime) -> None:
        when = {"changed_at": now, "reconciled_at": now}
        await self._put(_OPEN_GATE, {"of": account_id, "then": epoch, **when})

    async def add_snapshot(self, account_id: UUID, balances: Balances, now: datetime) -> None:
        await self._put(
            _snapshot,
            {
                "account_id": account_id,
                "at": now,
                "source": "rest",
                "net_liquidation": balances.net_liquidation,
                "cash": balances.cash,
                "option_buying_power": balances.option_buying_power,
                "maintenance": balances.maintenance,
            },
        )

    async def holdings(self, account_id: UUID) -> Mapping[str, tuple[str, int]]:
        (found,) = await self._ask(HELD, id=account_id)
        return rows.to_quantities(found)

    async def save_holdings(self, account_id: UUID, holdings: Sequence[Holding], now: datetime) -> None:
        await self._put(_FORGET_HELD, {"of": account_id})
        await self._insert(_holding, [_from_holding(account_id, held, now) for held in holdings])

    async def source(self, source: str, subject: str, *, ok: bool, detail: str, now: datetime) -> None:
        told = {"ok": ok, "detail": detail, "at": now}
        await self._put(_SAY_SOURCE, {"source": source, "subject": subject, **told})

    async def sources(self, account_id: UUID) -> tuple[Source, ...]:
        found = await self._rows(select(_source).where(_source.c.subject.in_(("", str(account_id)))))
        return tuple(Source(row.source, row.ok, row.detail, row.at) for row in found)

    async def operator(self, name: str) -> OperatorRecord | None:
        row = await self._row(select(_operator).where(_operator.c.name == name))
        return None if row is None else rows.to_operator(row)


def _from_holding(account_id: UUID, held: Holding, now: datetime) -> dict[str, object]:
    return {
        "account_id": account_id,
        "symbol": held.symbol,
        "instrument_type": held.instrument,
        "underlying": held.underlying,
        "quantity": held.quantity,
        "multiplier": held.multiplier,
        "average_open_price": held.average_open_price,
        "mark": held.mark,
        "read_at": now,
    }
