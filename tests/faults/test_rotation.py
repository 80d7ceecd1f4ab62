"""Every secret is rotated while senex trades through real processes: no job and no order is lost."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
import pytest_asyncio
import redis

from senex.config import child_environment
from senex.domain.errors import SenexError
from senex.store.logins import kept_login
from senex.store.vault import Vault
from tests.faults.faults_support import World, open_world
from tests.servers import make_open_folder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.long, pytest.mark.timeout(900)]

_LEFT = """
SELECT job, subject, error FROM outbox WHERE done_at IS NULL AND created_at < clock_timestamp() - interval '5 s'
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rotated() -> AsyncIterator[World]:
    """A senex of its own: afterwards its console's login is another."""
    folder = make_open_folder()
    async with open_world(folder) as world:
        yield world
    shutil.rmtree(folder)


class Trade:
    """Operators who suggest and approve, one account after the other, until told to stop."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.orders: dict[str, Any] = {}
        self.refused: list[str] = []
        self._stop = asyncio.Event()

    async def run(self) -> None:
        while not self._stop.is_set() and len(self.orders) < 9:
            account = await self.world.account()
            with suppress(SenexError, AssertionError):
                suggestion = await self.world.suggest(account)
                answer = await self.world.decided(await self.world.approve(suggestion))
                if answer.outcome == "done":
                    self.orders[account.number] = (account, answer.order_id)
                else:
                    self.refused.append(answer.message)

    def stop(self) -> None:
        self._stop.set()


async def rotate(world: World, *words: str) -> dict[str, Any]:
    """``senex secrets`` as an administrator runs it, told where the files are."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "senex", "secrets", *words, "--json"),
        env=child_environment("demo")
        | {
            "SENEX_INSTANCE": "faults",
            "SENEX_SECRETS_FOLDER": str(secrets_of(world)),
            "SENEX_ENVIRONMENT": "simulated",
        },
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode() + out.decode()
    return dict(json.loads(out))


def secrets_of(world: World) -> Path:
    return world.stage.endpoints.secrets.folder


def kept(world: World, name: str) -> str:
    return (secrets_of(world) / name).read_text().strip()


async def reopen(world: World) -> None:
    """As operators open their consoles anew: with what the files say now."""
    while True:
        with suppress(ValueError):  # it is being written
            url = json.loads(kept(world, "run_console.json"))["console_database_url"]
            for one in (world.console.reads, world.console.decider.decisions):
                one._session._url = url  # type: ignore[union-attr]
        await asyncio.sleep(0.1)


async def test_rotating_everything_loses_no_job_and_no_order(rotated: World) -> None:
    world = rotated
    await world.idle_account()
    before = {name: kept(world, name) for name in ("run_database_url", "run_redis_url", "encryption_key")}
    owner = kept(world, "run_migrator_database_url")
    trade = Trade(world)
    reopening = asyncio.create_task(reopen(world))
    trading = asyncio.create_task(trade.run())

    done = []
    for what in ("keys", "redis", "database"):
        done += (await rotate(world, "rotate", what, "--patience", "300"))["rotated"]
    trade.stop()
    await trading

    assert set(done) == {
        "encryption_keys", "redis daemon", "redis console", "senex_daemon_login", "senex_console_login",
        "senex_backup_login", "senex_user",
    }  # fmt: skip
    assert kept(world, "run_migrator_database_url") != owner
    # nothing of the old opens anything
    for url in (before["run_database_url"], owner):
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(url)
    with redis.Redis.from_url(before["run_redis_url"]) as stale, pytest.raises(redis.AuthenticationError):
        stale.ping()
    with psycopg.connect(kept(world, "run_migrator_database_url")) as connection:
        logins = connection.execute("SELECT rolname FROM pg_roles WHERE rolname LIKE 'senex%next'").fetchall()
    assert logins == []
    direct = kept(world, "run_database_url")
    assert kept_login(direct, "simulated", Vault(kept(world, "encryption_key"))) is not None
    with pytest.raises(SenexError, match="E_ENCRYPTION_KEY"):
        kept_login(direct, "simulated", Vault(before["encryption_key"]))
    assert before["encryption_key"] in kept(world, "encryption_key.retired")

    # and everything that was begun is there, once
    assert trade.orders
    for account, _ in trade.orders.values():
        await world.protected(account)
        orders = await world.broker_orders(account)
        names = [order["external-identifier"] for order in orders]
        assert len(set(names)) == len(names)
    rows = await asyncio.to_thread(_left, kept(world, "run_migrator_database_url"))
    assert not [row for row in rows if row[2]], rows
    found = await rotate(world, "check")
    assert not [one for one in found["secrets"] if one["code"]], found
    reopening.cancel()
    sys.stderr.write(f"\n{len(trade.orders)} entries, {len(trade.refused)} refused {trade.refused}\n")


def _left(url: str) -> list[Any]:
    with psycopg.connect(url) as connection:
        return connection.execute(_LEFT).fetchall()
