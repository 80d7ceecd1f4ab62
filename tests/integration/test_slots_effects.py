"""What slots of the schedule do, each judged by its effect."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from sqlalchemy import insert, select, update

from senex.domain.calendar import NEW_YORK
from senex.domain.decisions import DecisionKind
from senex.domain.errors import Unavailable, Unstorable
from senex.domain.quotes import Greeks
from senex.domain.symbols import OptionSymbol
from senex.domain.watch import WATCHED
from senex.services.history import aggregate_greeks
from senex.services.sync import sync_account
from senex.store import tables
from senex.store.repositories.base import table
from senex.testing import market
from tests.integration.test_use_cases import Desk, desk
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import Sequence


__all__ = ["desk"]

D = Decimal


async def slot(desk: Desk, job: str) -> None:
    account = await desk.account()
    await desk.offer(job, account, account)
    await desk.drain()


async def rows(desk: Desk, model: Any) -> Sequence[Any]:
    async with desk.engine.connect() as connection:
        return (await connection.execute(select(table(model)))).all()


async def hold(desk: Desk) -> None:
    await desk.fill(await desk.approve(await desk.suggest()))


async def test_balances_are_kept_one_by_one(desk: Desk) -> None:
    before = len(await rows(desk, tables.AccountSnapshot))
    await slot(desk, "snapshot_account")
    desk.clock.advance(timedelta(minutes=5))
    await slot(desk, "snapshot_account")
    kept = await rows(desk, tables.AccountSnapshot)
    assert len(kept) == before + 2
    assert kept[-1].at == desk.clock.now()


_HELD_UP = """
CREATE FUNCTION held_up() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_advisory_xact_lock_shared(7); RETURN NULL; END $$;
CREATE TRIGGER held_up AFTER DELETE ON broker_position EXECUTE FUNCTION held_up();
"""


async def test_two_readings_of_one_account_do_not_hinder_each_other(desk: Desk, owner_url: str) -> None:
    await hold(desk)
    account = await desk.account()
    await sync_account(desk.context, account)
    held = len(await rows(desk, tables.BrokerPosition))
    with psycopg.connect(owner_url, autocommit=True) as owner:
        owner.execute(_HELD_UP)
        owner.execute("SELECT pg_advisory_lock(7)")
        both = asyncio.gather(*(sync_account(desk.context, account) for _ in range(2)))

        async def waiting() -> bool:
            return owner.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone() == (2,)

        await until(waiting, "both are at it")
        owner.execute("SELECT pg_advisory_unlock(7)")
        await both
    assert len(await rows(desk, tables.BrokerPosition)) == held


async def test_bars_and_metrics_of_what_the_account_trades(desk: Desk) -> None:
    await slot(desk, "ensure_history")
    assert await rows(desk, tables.HistoricalPrice) == []
    await desk.decide(
        DecisionKind.SET_AUTOMATION, state="on", options=["symbol=QQQ", "strategy=senex_trident"]
    )
    await desk.drain()
    await slot(desk, "ensure_history")
    assert len(await rows(desk, tables.HistoricalPrice)) == len(desk.broker.bars_told)
    await slot(desk, "record_metrics")
    desk.broker.metrics_told = market.metrics(iv_rank=D(50))
    await slot(desk, "record_metrics")
    (day,) = await rows(desk, tables.MetricsHistory)
    assert (day.symbol, day.day, day.iv_rank, day.iv30) == ("QQQ", market.DAY, D(50), D(20))


async def test_what_no_column_holds_is_work_that_fails(desk: Desk) -> None:
    await desk.decide(
        DecisionKind.SET_AUTOMATION, state="on", options=["symbol=QQQ", "strategy=senex_trident"]
    )
    await desk.drain()
    desk.broker.metrics_told = market.metrics(iv_rank=D(10) ** 12)
    with pytest.raises(Unstorable):
        await slot(desk, "record_metrics")


async def test_one_symbols_trouble_does_not_stop_the_rest(desk: Desk) -> None:
    await desk.suggest()
    suggestion = table(tables.Suggestion)
    async with desk.engine.begin() as connection:
        row = (await connection.execute(select(suggestion))).one()
        other = dict(row._mapping) | {"id": await desk.account(), "underlying": "AAA"}
        await connection.execute(insert(suggestion).values(**other))
    desk.broker.unlisted_underlyings = {"AAA"}
    await slot(desk, "record_metrics")
    assert [row.symbol for row in await rows(desk, tables.MetricsHistory)] == ["QQQ"]
    sources = {row.source: row for row in await rows(desk, tables.SourceStatus)}
    assert (sources["metrics"].ok, sources["metrics"].detail) == (False, "AAA: There is no AAA.")
    desk.broker.away = {"metrics"}
    with pytest.raises(Unavailable):
        await slot(desk, "record_metrics")
    assert len(await desk.work()) == 1


async def test_greeks_of_what_is_held_once_a_minute_and_never_made_up(desk: Desk) -> None:
    await hold(desk)
    async with desk.units() as tx:
        held = await tx.history.held(await desk.account())
    assert len(held) == 4
    now = desk.clock.now()
    greeks = {
        name: Greeks(name, D(4), D("0.2"), D("0.5"), D("0.01"), D("-0.1"), D("0.3"), 1, now)
        for name in held.values()
    }
    without, flat, old, good = sorted(greeks)
    del greeks[without]
    greeks[flat] = replace(greeks[flat], volatility=D(0))
    greeks[old] = replace(greeks[old], received_at=now - timedelta(minutes=6))
    desk.quotes.market = replace(desk.quotes.market, greeks=greeks)
    await slot(desk, "record_greeks")
    await slot(desk, "record_greeks")
    (row,) = await rows(desk, tables.GreeksHistory)
    assert OptionSymbol.from_occ(row.symbol).streamer == good
    assert (row.at, row.volatility) == (now.replace(second=0, microsecond=0), D("0.2"))
    desk.clock.advance(timedelta(minutes=1))
    await slot(desk, "record_greeks")
    assert len(await rows(desk, tables.GreeksHistory)) == 2


async def _greeks_at(desk: Desk, instants: Sequence[datetime]) -> None:
    await desk.suggest()
    (symbol, *_) = sorted(row.symbol for row in await rows(desk, tables.Instrument))
    figures = dict.fromkeys(("price", "volatility", "delta", "gamma", "theta", "vega"), D(1))
    async with desk.engine.begin() as connection:
        await connection.execute(
            insert(table(tables.GreeksHistory)),
            [{"timeline": desk.clock.timeline, "symbol": symbol, "at": at, **figures} for at in instants],
        )


async def _ages(desk: Desk) -> list[timedelta]:
    return sorted(desk.clock.now() - row.at for row in await rows(desk, tables.GreeksHistory))


async def test_old_greeks_are_thinned_and_nothing_more_is_lost(desk: Desk) -> None:
    now = desk.clock.now().replace(second=0)
    within = [now - timedelta(days=29, seconds=20 * step) for step in range(9)]
    minutes = [now - timedelta(days=100, seconds=20 * step) for step in range(30)]
    fives = [now - timedelta(days=400, minutes=step) for step in range(30)]
    await _greeks_at(desk, [*within, *minutes, *fives])
    await aggregate_greeks(desk.context, await desk.offer("aggregate_greeks", ""), batch=7)
    kept = [row.at.astimezone(UTC) for row in await rows(desk, tables.GreeksHistory)]
    assert [at for at in kept if at in within] == sorted(within, reverse=True)

    def last_of(instants: list[datetime], seconds: int) -> set[datetime]:
        newest: dict[int, datetime] = {}
        for at in sorted(instants):
            newest[int(at.timestamp()) // seconds] = at
        return set(newest.values())

    assert {at for at in kept if at in minutes} == last_of(minutes, 60)
    assert {at for at in kept if at in fives} == last_of(fives, 300)
    await slot(desk, "aggregate_greeks")
    assert len(await rows(desk, tables.GreeksHistory)) == len(kept)


async def test_stale_sources_sound_until_they_are_back(desk: Desk) -> None:
    alarm = table(tables.Alarm)
    account = await desk.account()

    async def say(ok: bool) -> None:
        async with desk.units() as tx:
            for name in WATCHED:
                await tx.accounts.source(name, str(account), ok=ok, detail="silent", now=desk.clock.now())
            await tx.commit()

    async def sounding() -> set[str]:
        statement = select(alarm.c.object_id).where(
            alarm.c.code == "SOURCE_STALE", alarm.c.resolved_at.is_(None)
        )
        async with desk.engine.connect() as connection:
            return set((await connection.execute(statement)).scalars())

    await say(True)
    await slot(desk, "watch_freshness")
    assert await sounding() == set()
    desk.clock.advance(timedelta(minutes=6))
    await slot(desk, "watch_freshness")
    assert await sounding() == {"quotes", "alerts", "token", "redis"}
    await say(False)
    await slot(desk, "watch_freshness")
    assert await sounding() == set(WATCHED)
    await say(True)
    await slot(desk, "watch_freshness")
    assert await sounding() == set()


async def test_what_stops_trading_today_is_told_in_time_and_once(desk: Desk) -> None:
    await hold(desk)
    alarm, instrument = table(tables.Alarm), table(tables.Instrument)

    async def told() -> list[tuple[str, bool]]:
        statement = select(alarm.c.severity, alarm.c.resolved_at, alarm.c.text).where(
            alarm.c.code == "EXPIRES_TODAY"
        )
        async with desk.engine.connect() as connection:
            return [
                (row.severity, row.resolved_at is None) for row in (await connection.execute(statement)).all()
            ]

    async def stops(at: datetime) -> None:
        async with desk.engine.begin() as connection:
            await connection.execute(update(instrument).values(stops_trading_at=at))

    async def check(hour: int, minute: int, *, days: int = 0) -> list[tuple[str, bool]]:
        at = datetime(2026, 3, 4 + days, hour, minute, tzinfo=NEW_YORK)
        desk.clock.advance(at - desk.clock.now())
        await slot(desk, "check_expirations")
        return await told()

    await stops(datetime(2026, 3, 5, 16, 15, tzinfo=NEW_YORK))
    assert await check(15, 30) == []
    assert await check(14, 30, days=1) == []
    assert await check(15, 0, days=1) == [("warning", True)]
    assert await check(15, 30, days=1) == [("critical", True)]
    await stops(datetime(2026, 4, 17, 16, 15, tzinfo=NEW_YORK))
    assert await check(9, 30, days=2) == [("critical", False)]
