"""What a database URL may say: several hosts, a pooler between; each as the daemon and the consoles use it."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from daemon.embedded.processes import free_port, port_is_free
from senex.config import ConsoleSettings, load
from senex.domain.errors import UsageProblem
from senex.machine import server_account
from senex.store.direct import connect
from senex.store.engine import open_engine
from senex.store.health import look
from tests.waiting import ended, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy.ext.asyncio import AsyncEngine

_LONGER = "SELECT version_num FROM alembic_version WHERE version_num <> 'none'"


async def _ask(engine: AsyncEngine, times: int = 1) -> None:
    for _ in range(times):
        async with engine.begin() as connection:
            assert (await connection.execute(text(_LONGER))).scalar_one()


async def test_the_one_that_may_write_is_found_among_several(database_url: str) -> None:
    """The first host is down: the next is asked, by everything that reads such a URL."""
    at = make_url(database_url)
    several = (
        f"postgresql://{at.username}:{(at.password or '').replace(' ', '%20')}@/{at.database}"
        f"?host={at.host},{at.host}&port=9,{at.port}&target_session_attrs=read-write"
    )
    connection = await connect(several, name="test")
    await connection.close()
    engine = open_engine(several)
    await _ask(engine)
    await engine.dispose()
    await look(several)


async def test_the_server_notices_a_host_that_was_cut_off(database_url: str) -> None:
    """Both ends ask whether the other lives: the locks of a host that is gone are free in seconds."""
    engine = open_engine(database_url)
    direct = [await connect(database_url, name="test", durable=durable) for durable in (True, False)]
    try:
        async with engine.begin() as connection:
            told = [(await connection.execute(text("SHOW tcp_keepalives_idle"))).scalar_one()]
        for one in direct:
            row = await (await one.execute("SHOW tcp_keepalives_idle")).fetchone()
            told.append(row[0] if row else None)
    finally:
        await engine.dispose()
        for one in direct:
            await one.close()
    assert told == ["2"] * 3


def test_several_hosts_are_named_in_the_query(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENEX_CONSOLE_DATABASE_URL", "postgresql://u:p@one:5432,two:5432/db")
    monkeypatch.setenv("SENEX_CONSOLE_REDIS_URL", "redis://somewhere")
    monkeypatch.setenv("SENEX_CLOCK_URL", "ws://somewhere/clock")
    with pytest.raises(UsageProblem, match=r"\?host=A,B&port=") as refused:
        load(ConsoleSettings)
    assert refused.value.code == "E_CONFIG_VALUE"


@pytest.fixture
def pooler(database_url: str, open_folder: Path) -> Iterator[str]:
    """PgBouncer in transaction mode with one connection for all who come."""
    program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")  # noqa: TID251  where the machine has it
    if program is None:
        pytest.skip("pgbouncer is not installed")
    at, port, account = make_url(database_url), free_port(), server_account()
    settings = open_folder / "pgbouncer.ini"
    settings.write_text(
        f"[databases]\n{at.database} = host={at.host} port={at.port} user={at.username} password='{at.password}'\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nauth_type = any\npool_mode = transaction\n"
        "default_pool_size = 1\nunix_socket_dir =\nignore_startup_parameters = extra_float_digits\n"
    )
    running = subprocess.Popen(
        [program, str(settings)],
        user=account.uid if account.lent else None,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    eventually(lambda: not port_is_free(port), "the pooler listens")
    yield f"postgresql://{at.username}@127.0.0.1:{port}/{at.database}"
    running.terminate()
    ended(running)


async def test_nothing_is_prepared_where_a_pooler_stands_between(pooler: str) -> None:
    """A pooler gives each transaction another server process, which knows no statement of before."""

    async def by_turns(*, pooled: bool) -> None:
        engines = [open_engine(pooler, pooled=pooled) for _ in range(2)]
        try:
            for _ in range(12):
                await asyncio.gather(*(_ask(engine) for engine in engines))
        finally:
            for engine in engines:
                await engine.dispose()

    await by_turns(pooled=True)
    with pytest.raises(DBAPIError, match="prepared statement"):
        await by_turns(pooled=False)
