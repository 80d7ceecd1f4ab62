"""A thousand holdings into Postgres beside COPY; what is held read back; and the commit of an intent.

The same rows go in turns through the use case's own transaction and, on another table like it, through COPY into a
temporary table and one INSERT .. ON CONFLICT. Every commit waits for its disk.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import uuid4

import psycopg

from bench._large_account import LargeAccount, begin
from bench._row import Row, p99_of, print_rows
from bench._running import open_database
from daemon.runner import collect_seldom
from senex.domain.legs import Action, InstrumentType, Leg
from senex.domain.orders import Order, OrderKind, OrderLine, OrderStatus, Origin, TimeInForce
from senex.domain.symbols import OptionSymbol, Right
from senex.ports.broker import Holding
from senex.services.intents import attempt_of, write
from senex.store.engine import open_engine
from senex.testing import market

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from senex.services.context import Context

HOLDINGS, ROUNDS, INTENTS = 1000, 15, 200
_LEG = Leg("QQQ   260410P00400000", Action.BUY_TO_CLOSE, 1)
_COLUMNS = (
    "account_id, symbol, instrument_type, underlying, quantity, multiplier, average_open_price, mark, read_at"
)
_LIKE = """
CREATE TABLE held (LIKE broker_position INCLUDING ALL);
ALTER TABLE held ADD FOREIGN KEY (account_id) REFERENCES account (id)
"""
_MERGE = f"""
INSERT INTO held ({_COLUMNS}) SELECT {_COLUMNS} FROM told
ON CONFLICT (account_id, symbol) DO UPDATE SET quantity = excluded.quantity, mark = excluded.mark,
    average_open_price = excluded.average_open_price, read_at = excluded.read_at
"""  # noqa: S608  only constants are put in


async def measure() -> list[Row]:
    with open_database() as url:
        engine = open_engine(url)
        try:
            context, broker, account_id, namespace = await begin(engine)
            now = context.clock.now()
            large = LargeAccount(account_id, namespace, now)
            for number in range(INTENTS):
                large.add(number, filled=False)
            await large.store(engine, broker)
            holdings = [_holding(number) for number in range(HOLDINGS)]
            synced, read = [], []
            copied = await _copied(url, account_id, holdings, now)
            for number in range(ROUNDS):
                fresh = [replace(each, mark=Decimal(number)) for each in holdings]
                synced.append(await _synced(context, account_id, fresh))
                copied += await _copied(url, account_id, fresh, now)
                read.append(await _read(context, account_id))
            collect_seldom()  # as a worker does
            intended = await _intended(context, account_id, namespace, large.expired)
            bare = await _bare(url)
        finally:
            await engine.dispose()
    return [_sync_row(synced[1:], copied[2:]), _read_row(read[1:]), _intent_row(intended[5:], bare[5:])]


def _holding(number: int) -> Holding:
    expiry, right = market.NOW.date(), Right.PUT if number % 2 else Right.CALL
    symbol = OptionSymbol("QQQ", expiry, right, Decimal(100 + number // 2)).occ
    return Holding(symbol, InstrumentType.EQUITY_OPTION, "QQQ", Decimal(-1), 100, Decimal("1.40"), None)


async def _synced(context: Context, account_id: UUID, holdings: list[Holding]) -> float:
    began = time.perf_counter()
    async with context.units() as tx:
        await tx.accounts.save_holdings(account_id, holdings, context.clock.now())
        await tx.commit()
    return (time.perf_counter() - began) * 1000


async def _copied(url: str, account_id: UUID, holdings: list[Holding], now: datetime) -> list[float]:
    async with await psycopg.AsyncConnection.connect(url) as connection:
        await connection.execute(_LIKE.replace("CREATE TABLE held", "CREATE TABLE IF NOT EXISTS held"))
        await connection.execute("CREATE TEMPORARY TABLE told (LIKE broker_position)")
        await connection.commit()
        began = time.perf_counter()
        async with connection.cursor() as cursor, cursor.copy(f"COPY told ({_COLUMNS}) FROM STDIN") as copy:
            for one in holdings:
                name, kind, price = one.symbol, one.instrument.value, one.average_open_price
                row = (
                    account_id,
                    name,
                    kind,
                    one.underlying,
                    one.quantity,
                    one.multiplier,
                    price,
                    one.mark,
                    now,
                )
                await copy.write_row(row)
        await connection.execute(_MERGE)
        await connection.commit()
        return [(time.perf_counter() - began) * 1000]


async def _read(context: Context, account_id: UUID) -> float:
    began = time.perf_counter()
    async with context.units.reading() as tx:
        found = await tx.accounts.holdings(account_id)
    assert len(found) == HOLDINGS
    return (time.perf_counter() - began) * 1000


async def _intended(
    context: Context, account_id: UUID, namespace: UUID, positions: list[UUID]
) -> list[float]:
    """Milliseconds of the transaction that makes an order durable, each on a position of its own."""
    taken, now = [], context.clock.now()
    for position in positions:
        order = Order(
            id=uuid4(),
            account_id=account_id,
            origin=Origin.STRATEGY,
            kind=OrderKind.EXIT,
            position_id=position,
            decision_id=None,
            spread_key="put-1",
            generation=0,
            underlying="QQQ",
            time_in_force=TimeInForce.DAY,
            limit_price=Decimal("-1.00"),
            band=None,
            valid_until=None,
            status=OrderStatus.INTENDED,
            broker_order_id=None,
            lines=(OrderLine(_LEG),),
        )
        attempt = attempt_of(order, number=1, namespace=namespace)
        began = time.perf_counter()
        async with context.units() as tx:
            await write(tx, order, attempt, actor="bench", why="measured", now=now)
            await tx.commit()
        taken.append((time.perf_counter() - began) * 1000)
    return taken


async def _bare(url: str) -> list[float]:
    """Milliseconds of a transaction of one number: what the machine and its disk take for any."""
    taken = []
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute("CREATE TABLE number (it int)")
        for _ in range(INTENTS):
            began = time.perf_counter()
            await connection.execute("INSERT INTO number VALUES (1)")
            taken.append((time.perf_counter() - began) * 1000)
    return taken


def _sync_row(synced: list[float], copied: list[float]) -> Row:
    ours, other = statistics.median(synced), statistics.median(copied)
    return Row(
        row=f"position sync, {HOLDINGS:,} holdings",
        ours=f"{ours:.1f} ms",
        other=f"COPY, INSERT .. ON CONFLICT {other:.1f} ms",
        ratio=f"{ours / other:.2f}×",
        bar="≤ 2×",
        within=ours / other <= 2,
        figures={"ours_ms": ours, "copy_ms": other},
    )


def _read_row(read: list[float]) -> Row:
    median = statistics.median(read)
    return Row(
        row=f"what is held, {HOLDINGS:,} holdings",
        ours=f"{median:.1f} ms",
        other="",
        ratio="",
        bar="≤ 5 ms",
        within=median <= 5,
        figures={"ours_ms": median},
    )


def _intent_row(intended: list[float], bare: list[float]) -> Row:
    median, p99 = statistics.median(intended), p99_of(intended)
    return Row(
        row="commit of an intent",
        ours=f"p50 {median:.1f} ms, p99 {p99:.1f} ms",
        other=f"a row's p50 {statistics.median(bare):.1f} ms, p99 {p99_of(bare):.1f} ms",
        ratio=f"{p99 / p99_of(bare):.1f}×",
        bar="p99 ≤ 5 ms",
        within=p99 <= 5,
        figures={"median_ms": median, "p99_ms": p99, "row_p99_ms": p99_of(bare)},
    )


if __name__ == "__main__":
    print_rows(*asyncio.run(measure()))
