"""What is asked together is answered as if it were asked alone, and what is written waits no longer than it may."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from senex.domain.automation import Automation
from senex.domain.errors import Unstorable
from senex.domain.orders import OrderKind
from senex.store.repositories import cases, selects
from senex.store.repositories.cases import _around
from tests.integration.test_use_cases import desk

if TYPE_CHECKING:
    from senex.ports.unit_of_work import UnitOfWork
    from tests.integration.test_use_cases import Desk

__all__ = ["desk"]

_PLANS = "SELECT max(generic_plans) > 1 FROM pg_prepared_statements WHERE statement LIKE '%FOR UPDATE'"


async def test_together_says_the_same_as_alone(desk: Desk) -> None:
    await desk.fill(await desk.approve(await desk.suggest()))
    account = await desk.account()
    [order, *_] = await desk.orders(OrderKind.ENTRY)
    async with desk.units() as tx:
        position = await tx.positions.get(order.position_id)
        [attempt] = await tx.orders.attempts(order.id)
        values = {**_around(account, desk.clock.now()), "account": account, "before": desk.clock.now()}
        for queries, subject in (
            (cases._BOOKS, account),
            (cases._OPEN, account),
            (cases._LOCKED, order.id),
            (cases._SUBMISSION, attempt.id),
            (cases._DECISION, order.decision_id),
            (selects.of_suggestion(selects.ID), position.suggestion_id),
        ):
            asked = {**values, "id": subject}
            alone = [(await tx._statements.ask(asked, [query]))[0] for query in queries]
            together = await tx._statements.ask(asked, queries)
            assert any(alone)
            for one, other in zip(alone, together, strict=True):
                assert [row._asdict() for row in other] == [row._asdict() for row in one]
                assert [list(map(type, row)) for row in other] == [list(map(type, row)) for row in one]


async def test_what_was_written_is_read_in_the_same_transaction(desk: Desk) -> None:
    account = await desk.account()
    async with desk.units() as tx:
        await tx.accounts.source("orders", str(account), ok=False, detail="silent", now=desk.clock.now())
        assert ("orders", False) in {(each.name, each.ok) for each in await tx.accounts.sources(account)}
    async with desk.units.reading() as tx:
        assert ("orders", False) not in {(each.name, each.ok) for each in await tx.accounts.sources(account)}


async def test_what_no_column_can_hold_is_a_problem_of_who_gave_it(desk: Desk) -> None:
    account = await desk.account()
    setting = Automation(enabled=True, underlying="QQQ", strategy="x", min_score=Decimal(1000))
    journaled: dict[str, Any] = {
        "actor": "trader",
        "object_type": "x",
        "object_id": "x",
        "now": desk.clock.now(),
    }

    async def number(tx: UnitOfWork) -> None:
        await tx.automations.set(account, setting, by="trader", now=desk.clock.now())

    async def large(tx: UnitOfWork) -> None:
        await tx.jobs.retry(2**63)

    async def text(tx: UnitOfWork) -> None:
        await tx.journal.note("said", why="\x00", **journaled)
        await tx.commit()

    for write in (number, large, text):
        with pytest.raises(Unstorable):
            async with desk.units() as tx:
                await write(tx)
    async with desk.units() as tx:
        assert await tx.automations.get(account) is None


async def test_what_cannot_be_written_fails_at_the_latest_with_the_commit(desk: Desk) -> None:
    [order] = [await desk.order(await desk.approve(await desk.suggest()))]
    async with desk.units() as tx:
        await tx.orders.request_cancel(order.id, desk.clock.now(), actor="daemon")
        await tx.orders.add(order, desk.clock.now())
        with pytest.raises(psycopg.errors.UniqueViolation):
            await tx.commit()
    assert not (await desk.order(order.id)).cancel_requested


async def test_reading_and_locking_leave_what_is_prepared(desk: Desk) -> None:
    order_id = await desk.approve(await desk.suggest())
    for written in (False, True):
        async with desk.units() as tx:
            order = (await tx.cases.locked(order_id)).order
            if written:
                await tx.orders.request_cancel(order.id, desk.clock.now(), actor="daemon")
                await tx.positions.get(order.position_id)  # takes what waits along
        async with desk.units.reading() as tx:
            await tx.cases.locked(order_id)
            cursor = await tx._statements.driver.execute(_PLANS, prepare=False)
            assert await cursor.fetchone() == (not written,)
    assert not (await desk.order(order_id)).cancel_requested
