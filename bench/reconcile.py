"""One reconcile of an account with 1,000 positions and 5,000 orders.

Real Postgres and the real use case; the broker is in memory, so its own time is not in it. Beside it: the same
reading after a hundred of the targets were cancelled at the broker, each of which is booked in a transaction.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy import text

from bench._large_account import LargeAccount, begin
from bench._row import Row, print_rows
from bench._running import open_database
from senex.domain.orders import BrokerStatus
from senex.services.reconcile import reconcile_account
from senex.store.engine import open_engine

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy.ext.asyncio import AsyncEngine

    from senex.services.context import Context

POSITIONS, CANCELLED, CHANGED, RUNS = 1000, 1000, 100, 5
BAR = 5.0


async def measure() -> Row:
    with open_database() as url:
        engine = open_engine(url)
        try:
            return await _measured(engine)
        finally:
            await engine.dispose()


async def _measured(engine: AsyncEngine) -> Row:
    context, broker, account_id, namespace = await begin(engine)
    large = LargeAccount(account_id, namespace, context.clock.now())
    for number in range(POSITIONS + CANCELLED):
        large.add(number, filled=number < POSITIONS)
    await large.store(engine, broker)
    async with engine.begin() as connection:
        await connection.execute(text("ANALYZE"))

    began = time.process_time()
    quiet = [await _once(context, account_id, differ=0) for _ in range(RUNS)]
    processor = (time.process_time() - began) / RUNS
    for order in [each for each in broker.orders.values() if each.status is BrokerStatus.LIVE][:CHANGED]:
        broker.orders[order.id] = replace(order, status=BrokerStatus.CANCELLED)
    busy = await _once(context, account_id, differ=CHANGED)
    worst = max(*quiet, busy)
    return Row(
        row=f"reconcile, {POSITIONS:,} positions and {len(broker.orders):,} orders",
        ours=f"p50 {statistics.median(quiet):.2f} s, {processor:.2f} s of processor",
        other=f"with {CHANGED} changed {busy:.2f} s",
        ratio=f"{busy / statistics.median(quiet):.1f}×",
        bar=f"≤ {BAR:g} s",
        within=worst <= BAR,
        figures={
            "median_s": statistics.median(quiet),
            "worst_s": max(quiet),
            "changed_s": busy,
            "processor_s": processor,
        },
    )


async def _once(context: Context, account_id: UUID, *, differ: int) -> float:
    began = time.perf_counter()
    done = await reconcile_account(context, account_id)
    taken = time.perf_counter() - began
    assert not done.failed, done.reasons
    assert done.found is not None
    assert len(done.found) == differ, done.found[:3]
    return taken


if __name__ == "__main__":
    print_rows(asyncio.run(measure()))
