"""Every secret is rotated while senex trades through real processes: no job and no order is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest
import redis

from senex.domain.errors import SenexError
from senex.store.logins import kept_login
from senex.store.vault import Vault
from tests.faults.load import OPERATORS, under_load

if TYPE_CHECKING:
    from tests.faults.faults_support import World

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.long, pytest.mark.timeout(900)]


async def rotate(world: World, *words: str) -> dict[str, Any]:
    """What the command prints."""
    return (await world.administer("secrets", *words, "--json")).told


async def test_rotating_everything_loses_no_job_and_no_order(own_world: World) -> None:
    world = own_world
    before = {name: world.secret(name) for name in ("run_database_url", "run_redis_url", "encryption_key")}
    owner = world.secret("run_migrator_database_url")
    done = []

    async with under_load(world) as load:
        for what in ("keys", "redis", "database"):
            done += (await rotate(world, "rotate", what, "--patience", "300"))["rotated"]
        await load.more()

    assert set(done) == {
        "encryption_keys", "redis daemon", "redis console", "senex_daemon_login", "senex_console_login",
        "senex_backup_login", "senex_user",
    }  # fmt: skip
    assert world.secret("run_migrator_database_url") != owner
    # nothing of the old opens anything
    for url in (before["run_database_url"], owner):
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(url)
    with redis.Redis.from_url(before["run_redis_url"]) as stale, pytest.raises(redis.AuthenticationError):
        stale.ping()
    assert world.sql("SELECT rolname FROM pg_roles WHERE rolname LIKE %s", "senex%next") == []
    direct = world.secret("run_database_url")
    assert kept_login(direct, "simulated", Vault(world.secret("encryption_key"))) is not None
    with pytest.raises(SenexError, match="E_ENCRYPTION_KEY"):
        kept_login(direct, "simulated", Vault(before["encryption_key"]))
    assert before["encryption_key"] in world.secret("encryption_key.retired")
    found = await rotate(world, "check")
    assert not [one for one in found["secrets"] if one["code"]], found

    figures = await load.judge()
    assert not figures.wrong
    assert figures.orders >= 2 * OPERATORS
