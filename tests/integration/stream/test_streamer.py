"""The streamer as the process the daemon starts, against the simulator, Postgres and Redis, all killed in turn."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import psycopg
import pytest

from senex.broker.gateway import open_gateway
from senex.bus import codec, keys
from senex.bus.clock import open_clock
from senex.bus.leases import Lease
from senex.bus.quotes import RedisQuotes
from senex.config import child_environment
from senex.domain.legs import Action, Leg
from senex.domain.orders import TimeInForce
from senex.ports.broker import Accepted, Ticket
from tests.simulated import Simulated, simulated
from tests.waiting import PATIENCE, ended, eventually, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from redis.asyncio import Redis

    from senex.broker.gateway import Gateway
    from senex.domain.chain import Strike
    from tests.integration.stream.stream_support import RedisServer

_ACCOUNT = """
INSERT INTO account (id, broker, environment, number, nickname, margin_or_cash, option_level, closed, closing_only,
                     risk_preset, created_at, updated_at)
VALUES (%s, 'tastytrade', 'simulated', %s, 'test', 'Margin', 'all', false, false, 'moderate', now(), now())
"""


class Stage:
    """A simulator, a migrated database with its account, and streamers on both."""

    def __init__(self, simulator: Simulated, database_url: str, server: RedisServer, folder: Path) -> None:
        self.simulator = simulator
        self.sql = psycopg.connect(database_url, autocommit=True)
        self.account_id = uuid4()
        self.sql.execute(_ACCOUNT, (self.account_id, simulator.account))
        self.sql.execute(
            "INSERT INTO readiness (account_id, ready, epoch, reason, changed_at) VALUES (%s, true, 1, '', now())",
            (self.account_id,),
        )
        self._url, self._redis, self._folder = database_url, server.url, folder
        self._processes: list[subprocess.Popen[bytes]] = []

    def start(self, instance: str = "one", **changes: str) -> subprocess.Popen[bytes]:
        ready = self.simulator.ready
        environment = {
            **child_environment("simulator"),
            "SENEX_LOG_DIR": str(self._folder / instance),
            "SENEX_INSTANCE": instance,
            "SENEX_ENVIRONMENT": "simulated",
            "SENEX_DATABASE_URL": self._url,
            "SENEX_REDIS_URL": self._redis,
            "SENEX_CLOCK_URL": ready["clock"],
            "SENEX_BROKER_REST_URL": ready["rest"],
            "SENEX_BROKER_ALERTS_URL": ready["alerts"],
            "SENEX_BROKER_CLIENT_SECRET": ready["client_secret"],
            "SENEX_BROKER_REFRESH_TOKEN": ready["refresh_token"],
            **changes,
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "daemon", "streamer"], env=environment, start_new_session=True
        )
        self._processes.append(process)
        return process

    def close(self) -> None:
        for process in self._processes:
            process.kill()
            process.wait()
        self.sql.close()

    def one(self, query: str, *values: Any) -> Any:
        row = self.sql.execute(query, values).fetchone()
        return row[0] if row else None

    def source(self, name: str) -> bool | None:
        """Whether a source is said to be fresh; None before anything is said."""
        return self.one("SELECT ok FROM source_status WHERE source = %s", name)  # type: ignore[no-any-return]

    def ready(self) -> bool:
        """Whether the gate is open."""
        return bool(self.one("SELECT ready FROM readiness"))

    def reconciles(self) -> int:
        return int(self.one("SELECT count(*) FROM outbox WHERE job = 'reconcile'"))

    @asynccontextmanager
    async def gateway(self) -> AsyncIterator[Gateway]:
        clock = await asyncio.to_thread(open_clock, self.simulator.ready["clock"])
        try:
            async with open_gateway(self.simulator.access, clock=clock) as gateway:
                yield gateway
        finally:
            await asyncio.to_thread(clock.close)

    async def strikes(self) -> tuple[Strike, ...]:
        """Strikes from the middle of an expiration."""
        async with self.gateway() as gateway:
            listed = (await gateway.chain("QQQ")).expirations[4].strikes
        return listed[len(listed) // 2 :]


@pytest.fixture
def stage(tmp_path: Path, database_url: str, server: RedisServer) -> Iterator[Stage]:
    with simulated(tmp_path / "simulator") as simulator:
        one = Stage(simulator, database_url, server, tmp_path)
        yield one
        one.close()


async def streaming(redis: Redis, *symbols: str) -> None:
    """Wait until these are streamed, and live."""
    reader = RedisQuotes(redis, "test")
    market = await reader.wanted(list(symbols), timeout=PATIENCE)
    assert market.quotes.keys() == set(symbols)


async def test_what_the_books_hold_and_what_is_leased_is_streamed(stage: Stage, redis: Redis) -> None:
    held, leased = (await stage.strikes())[:2]
    stage.sql.execute(
        "INSERT INTO instrument (symbol, instrument_type, streamer_symbol, underlying, multiplier) "
        "VALUES (%s, 'Equity Option', %s, 'QQQ', 100)",
        (held.put.occ, held.put.streamer),
    )
    stage.sql.execute(
        "INSERT INTO broker_position (account_id, symbol, instrument_type, underlying, quantity, multiplier, "
        "average_open_price, read_at) VALUES (%s, %s, 'Equity Option', 'QQQ', -1, 100, 1, now())",
        (stage.account_id, held.put.occ),
    )
    stage.start()
    lease = Lease(redis, "console")
    await lease.keep([leased.put.streamer], ttl=60)
    reader = RedisQuotes(redis, "test")
    books = {held.put.streamer, "QQQ"}

    async def streamed() -> set[str]:
        return set((await reader.snapshot([*books, leased.put.streamer])).quotes)

    async def all_of_it() -> bool:
        return await streamed() == books | {leased.put.streamer}

    await until(all_of_it)
    market = await reader.snapshot([held.put.streamer])
    assert market.quotes[held.put.streamer].problem is None
    await lease.release()

    async def the_books_only() -> bool:
        return await streamed() == books

    await until(the_books_only)

    async def told() -> bool:
        figures = stage.one("SELECT figures FROM source_status WHERE source = 'quotes'")
        return bool(figures["symbols"] == len(books) and figures["budget"] and figures["age_seconds"] >= 0)

    await until(told)


async def test_what_is_streamed_has_the_bound_it_is_given(stage: Stage, redis: Redis) -> None:
    stage.start(SENEX_STREAM_SYMBOLS="1")
    await streaming(redis, "QQQ")
    await Lease(redis, "test").keep(["QQQ"], ttl=60)
    await Lease(redis, "console").keep(["SPY"], ttl=60)

    async def refused() -> bool:
        figures = stage.one("SELECT figures FROM source_status WHERE source = 'quotes'")
        return (figures["symbols"], figures["budget"], figures["leases_refused"]) == (1, 1, 1)

    await until(refused)


async def test_the_hourly_sweep_forgets_what_nobody_wants(stage: Stage, redis: Redis) -> None:
    stage.start()
    await streaming(redis, "QQQ")
    kept = Lease(redis, "console")
    await kept.keep(["QQQ"], ttl=60)
    await redis.set(keys.lease("left behind"), codec.encode_symbols(["SPY"]))
    await redis.hset(keys.GREEKS, "ZZZ", b"old")
    stage.sql.execute(
        "INSERT INTO outbox (account_id, queue, job, subject) "
        "VALUES (%s, 'streamer', 'cleanup_inactive_streamers', '')",
        (stage.account_id,),
    )

    async def swept() -> bool:
        return stage.one("SELECT bool_and(done_at IS NOT NULL) FROM outbox WHERE queue = 'streamer'") is True

    await until(swept)
    assert await redis.exists(keys.lease("left behind")) == 0
    assert await redis.exists(keys.lease("console")) == 1
    assert not await redis.hexists(keys.GREEKS, "ZZZ")
    assert await redis.hexists(keys.QUOTES, "QQQ")


async def test_greeks_come_with_the_options(stage: Stage, redis: Redis) -> None:
    put = (await stage.strikes())[0].put.streamer
    stage.start()
    await streaming(redis, put)
    reader = RedisQuotes(redis, "test")

    async def with_greeks() -> bool:
        return put in (await reader.snapshot([put])).greeks

    await until(with_greeks)
    greeks = (await reader.snapshot([put])).greeks[put]
    assert -1 < greeks.delta < 0
    assert Decimal("0.05") < greeks.volatility < 1


async def test_an_alert_becomes_a_raw_message_and_work_and_a_gap_closes_the_gate(stage: Stage) -> None:
    strikes = await stage.strikes()
    stage.start()
    eventually(lambda: stage.reconciles() == 1)
    assert not stage.ready()
    assert stage.one("SELECT reason FROM readiness")
    stage.sql.execute("UPDATE readiness SET ready = true")
    async with stage.gateway() as gateway:
        ticket = Ticket(
            account_number=stage.simulator.account,
            legs=(
                Leg(strikes[1].put.occ, Action.SELL_TO_OPEN, 1),
                Leg(strikes[0].put.occ, Action.BUY_TO_OPEN, 1),
            ),
            limit_price=Decimal("0.90"),
            time_in_force=TimeInForce.DAY,
            external_identifier=f"senex-0badcafe-{uuid4().hex}",
            strict_position_effect=False,
        )
        outcome = await gateway.submit(ticket)
        assert isinstance(outcome, Accepted)
        eventually(lambda: stage.one("SELECT count(*) FROM outbox WHERE job = 'apply_alert'"))
        subject, account_id = stage.sql.execute(
            "SELECT subject, account_id FROM outbox WHERE job = 'apply_alert' ORDER BY id LIMIT 1"
        ).fetchone() or ("", None)
        assert account_id == stage.account_id
        body = stage.one("SELECT body FROM broker_message WHERE id = %s AND source = 'alert'", UUID(subject))
        order = gateway.read_alert(body)
    assert order is not None
    assert order.external_identifier == ticket.external_identifier
    assert stage.ready()

    stage.simulator.fault(endpoint="alerts", mode="abort")
    eventually(lambda: stage.reconciles() == 2)
    assert not stage.ready()
    assert "interrupted" in stage.one("SELECT reason FROM readiness")


async def test_an_account_stored_later_is_reconciled_once_it_is(stage: Stage) -> None:
    stage.sql.execute("UPDATE account SET number = 'unknown yet'")
    stage.start()
    eventually(lambda: stage.source("alerts"))
    assert stage.reconciles() == 0
    stage.sql.execute("UPDATE account SET number = %s", (stage.simulator.account,))
    eventually(lambda: stage.reconciles() == 1)


async def test_a_broken_feed_is_a_new_epoch_with_every_symbol_again(stage: Stage, redis: Redis) -> None:
    stage.start()
    await streaming(redis, "QQQ", "SPY")
    reader = RedisQuotes(redis, "test")
    before = await reader.pulse()
    assert before is not None
    stage.simulator.fault(endpoint="dxlink", mode="abort")

    async def a_new_epoch() -> bool:
        pulse = await reader.pulse()
        return pulse is not None and pulse.epoch != before.epoch

    await until(a_new_epoch)
    await streaming(redis, "QQQ", "SPY")


async def test_redis_gone_and_back(stage: Stage, redis: Redis, server: RedisServer) -> None:
    stage.start()
    await streaming(redis, "QQQ")
    server.kill()
    eventually(lambda: stage.source("redis") is False)
    server.start()
    await streaming(redis, "QQQ")
    eventually(lambda: stage.source("redis"))


async def test_the_broker_gone_and_back(stage: Stage, redis: Redis) -> None:
    stage.start()
    await streaming(redis, "QQQ")
    eventually(lambda: stage.source("quotes") and stage.source("alerts"))
    stage.simulator.kill()
    eventually(lambda: stage.source("quotes") is False and stage.source("alerts") is False)
    stage.simulator.start()
    await streaming(redis, "QQQ")
    eventually(lambda: stage.source("quotes") and stage.source("alerts"))


async def test_a_frozen_feed_is_marked_within_its_limit_and_heals(stage: Stage, redis: Redis) -> None:
    stage.simulator.clock(speed=1)
    stage.start()
    await streaming(redis, "QQQ")
    eventually(lambda: stage.source("quotes") and stage.source("clock"))
    stage.simulator.freeze()
    eventually(lambda: stage.source("clock") is False)
    eventually(lambda: stage.source("quotes") is False)
    stage.simulator.thaw()
    eventually(lambda: stage.source("quotes") and stage.source("clock"))


async def test_a_standby_takes_over_from_a_killed_leader(stage: Stage, redis: Redis) -> None:
    leader = stage.start("one")
    await streaming(redis, "QQQ")
    stage.start("two")

    def detail(instance: str) -> str:
        return str(stage.one("SELECT detail FROM heartbeat WHERE instance LIKE %s", f"{instance}@%"))

    eventually(lambda: detail("two") == "standby")
    eventually(lambda: "quotes" in detail("one"))
    reader = RedisQuotes(redis, "test")
    before = await reader.pulse()
    os.kill(leader.pid, signal.SIGKILL)
    leader.wait()
    eventually(lambda: "quotes" in detail("two"))

    async def another_epoch() -> bool:
        now = await reader.pulse()
        return before is not None and now is not None and now.connected and now.epoch != before.epoch

    await until(another_epoch)
    await streaming(redis, "QQQ")


async def test_a_wrong_token_is_said_and_the_process_lives(stage: Stage) -> None:
    process = stage.start(SENEX_BROKER_REFRESH_TOKEN="wrong")
    said = "SELECT count(*) FROM source_status WHERE NOT ok AND detail LIKE %s"
    eventually(lambda: stage.one(said, "%refused the login%") == 3)  # token, quotes, alerts
    assert process.poll() is None


async def test_losing_the_lock_ends_the_process(stage: Stage, redis: Redis) -> None:
    process = stage.start()
    await streaming(redis, "QQQ")
    stage.sql.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'senex streamer leader'"
    )
    assert ended(process) == 3


async def test_no_clock_no_start(stage: Stage) -> None:
    process = stage.start(SENEX_CLOCK_URL="ws://127.0.0.1:9/clock")
    assert ended(process) == 3
