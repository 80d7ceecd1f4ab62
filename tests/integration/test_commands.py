"""The console's commands as processes, on real Postgres and Redis, with the use cases behind them."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from aiohttp import web

from senex import pulse
from senex.domain.orders import OrderKind
from senex.store.heartbeats import beat, keep_beating
from tests.integration.test_use_cases import Desk, desk
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from daemon.embedded import Endpoints

__all__ = ["desk"]

ROOT = Path(__file__).parents[2]
_BASICS = ("PATH", "HOME", "LANG", "VIRTUAL_ENV")


@dataclass(frozen=True)
class Done:
    """A command that ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Shell:
    """Where an operator types."""

    desk: Desk
    settings: dict[str, str]

    async def senex(self, *arguments: str, **settings: str) -> Done:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "senex",
            *arguments,
            env={**self.settings, **settings},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        assert process.returncode is not None
        return Done(process.returncode, out.decode(), err.decode())

    @asynccontextmanager
    async def daemon(self) -> AsyncIterator[None]:
        """Somebody works on the outbox."""

        async def work() -> None:
            while True:
                await self.desk.drain()
                await asyncio.sleep(0.02)

        task = asyncio.create_task(work())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def suggestion(self) -> str:
        async with self.daemon():
            done = await self.senex("suggest", "QQQ", "--json")
        assert done.code == 0, done
        identifier: str = done.json["suggestion"]["id"]
        return identifier

    async def held(self) -> None:
        """A position, filled."""
        await self.desk.fill(await self.desk.approve(await self.desk.suggest()))


@pytest.fixture
async def shell(desk: Desk, console_url: str, embedded: Endpoints, tmp_path: Path) -> AsyncIterator[Shell]:
    async def clock(_request: web.Request) -> web.Response:
        return web.json_response(
            {"timeline": "t", "instant": desk.clock.now().isoformat(), "speed": 0, "sequence": 1}
        )

    app = web.Application()
    app.router.add_get("/clock", clock)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    basics = {name: os.environ[name] for name in _BASICS if name in os.environ}  # noqa: TID251  the machine's own
    yield Shell(
        desk,
        {
            **basics,
            "PYTHONPATH": str(ROOT),
            "XDG_CONFIG_HOME": "/nonexistent",
            "TMPDIR": str(tmp_path),  # where processes of other tests leave no word
            "SENEX_CONSOLE_DATABASE_URL": console_url,
            "SENEX_CONSOLE_REDIS_URL": embedded.redis.console_url(),
            "SENEX_CLOCK_URL": f"ws://127.0.0.1:{port}/clock",
            "SENEX_OPERATOR": "trader",
        },
    )
    await runner.cleanup()


async def test_suggest_approve_and_look_at_the_order(shell: Shell) -> None:
    identifier = await shell.suggestion()
    listed = await shell.senex("suggestions", "list")
    assert identifier[:8] in listed.out
    shown = (await shell.senex("suggestions", "show", identifier[:8], "--json")).json["suggestion"]
    assert shown["limit_price"].count(".") == 1
    refused = await shell.senex("suggestions", "approve", identifier)
    assert (refused.code, "[E_NOT_CONFIRMED]" in refused.err) == (4, True)
    other = await shell.senex("suggestions", "approve", identifier, "--yes", "--digest", "0" * 64)
    assert (other.code, "[E_SUGGESTION_CHANGED]" in other.err) == (4, True)
    async with shell.daemon():
        done = await shell.senex(
            "suggestions", "approve", identifier, "--yes", "--digest", shown["digest"], "--json"
        )
        assert (done.code, done.json["result"]["outcome"]) == (0, "done"), done
        again = await shell.senex("suggestions", "approve", identifier, "--yes")
        assert again.code == 4
        assert "trader already approved it" in again.err
    (order,) = (await shell.senex("orders", "list", "--json")).json["orders"]
    assert (order["id"], order["status"]) == (done.json["result"]["order_id"], "working")
    life = await shell.senex("orders", "show", order["id"][:8])
    assert "working" in life.out
    assert "(accepted)" in life.out


async def test_cancel_and_reject_are_answered(shell: Shell) -> None:
    identifier = await shell.suggestion()
    async with shell.daemon():
        done = await shell.senex("suggestions", "reject", identifier, "--reason", "not today")
        assert (done.code, done.out) == (0, "Rejected.\n")
    entry = await shell.desk.approve(await shell.desk.suggest())
    asked = await shell.senex("orders", "cancel", str(entry))
    assert asked.code == 4
    async with shell.daemon():
        done = await shell.senex("orders", "cancel", str(entry), "--yes", "--json")
    assert (done.code, done.json["result"]["outcome"]) == (0, "done"), done
    unclear = await shell.senex("orders", "show", "ffffffff")
    assert (unclear.code, "[E_ID]" in unclear.err) == (2, True)


async def test_an_order_gets_another_limit(shell: Shell) -> None:
    await shell.held()
    target = (await shell.desk.orders(OrderKind.TARGET))[0]
    limit = str(abs(target.limit_price) + Decimal("0.10"))
    asked = await shell.senex("orders", "replace", str(target.id), "--limit", limit)
    assert (asked.code, "[E_NOT_CONFIRMED]" in asked.err) == (4, True)
    wrong = await shell.senex("orders", "replace", str(target.id), "--limit", "dear", "--yes")
    assert (wrong.code, "[E_PRICE]" in wrong.err) == (2, True)
    async with shell.daemon():
        done = await shell.senex("orders", "replace", str(target.id), "--limit", limit, "--yes", "--json")
    assert (done.code, done.json["result"]["outcome"]) == (0, "done"), done
    listed = (await shell.senex("orders", "list", "--json")).json["orders"]
    (new,) = [one for one in listed if one["id"] == done.json["result"]["order_id"]]
    assert new["limit_price"] == f"-{limit}"


async def test_the_broker_is_probed(shell: Shell) -> None:
    await shell.held()
    async with shell.daemon():
        done = await shell.senex("broker", "probe", "--symbol", "QQQ", "--json")
        assert done.code == 0, done
        assert {each["verdict"] for each in done.json["shapes"]} <= {"taken", "not tried"}
        assert any("target of QQQ" in each["shape"] for each in done.json["shapes"])
        shell.desk.broker.refuses = "not_today: closed"
        told = await shell.senex("broker", "probe", "--symbol", "QQQ")
    assert (told.code, "not_today" in told.out) == (1, True)


async def test_positions_show_targets_and_unknown_prices_as_unknown(shell: Shell) -> None:
    await shell.held()
    (position,) = (await shell.senex("positions", "list", "--json")).json["positions"]
    assert position["status"] == "open_full"
    assert (position["pnl_open"], position["stale"]) == (None, True)
    assert [spread["target"]["status"] for spread in position["spreads"]] == ["working"] * 3
    shown = await shell.senex("positions", "show", position["id"][:8])
    assert "—" in shown.out
    targets = await shell.desk.orders(OrderKind.TARGET)
    assert all(target.spread_key is not None and target.spread_key in shown.out for target in targets)


async def test_positions_are_closed_and_their_targets_set_again(shell: Shell) -> None:
    await shell.held()
    (position,) = (await shell.senex("positions", "list", "--json")).json["positions"]
    identifier = position["id"][:8]
    asked = await shell.senex("positions", "close", identifier)
    assert (asked.code, "[E_NOT_CONFIRMED]" in asked.err) == (4, True)
    wrong = await shell.senex("positions", "close", identifier, "--spread", "put-9", "--yes")
    assert (wrong.code, "put-1, put-2, call-1" in wrong.err) == (2, True)
    async with shell.daemon():
        restored = await shell.senex("positions", "targets", identifier, "--restore")
        assert (restored.code, "[E_NO_TARGET]" in restored.err) == (4, True)
        stop = await shell.senex("positions", "stop", identifier, "--orders", "on")
        assert "closes it at natural" in stop.out
        one = await shell.senex(
            *("positions", "close", identifier, "--spread", "put-1", "--limit", "-0.50", "--yes", "--json")
        )
        assert (one.code, one.json["result"]["message"]) == (0, "Closing QQQ put-1 at -0.50.")
        flat = await shell.senex("state", "flatten", "--reason", "enough", "--yes")
        assert flat.out == "Closing 1 position(s) at natural; nothing new is opened.\n"
    (target, *_) = (await shell.senex("positions", "targets", identifier, "--json")).json["targets"]
    assert (target["spread"], target["target"]["status"]) == ("put-1", "cancelled")


async def test_status_says_what_needs_a_look(shell: Shell) -> None:
    status = await shell.senex("status", "--json")
    assert status.code == 1
    told = status.json
    assert told["problems"] == ["the daemon does not run"]
    assert told["market_time"] == shell.desk.clock.now().isoformat()
    assert told["accounts"][0]["number"] == "5SX00001"
    text = await shell.senex("status")
    assert "SIMULATED" in text.out
    assert "! the daemon does not run" in text.err


async def test_state_account_and_sync(shell: Shell) -> None:
    assert "5SX00001" in (await shell.senex("account", "list")).out
    balances = (await shell.senex("account", "balances", "--json")).json
    assert (balances["net_liquidation"], balances["open_risk"]) == ("50000", "0")
    wrong = await shell.senex("account", "balances", "--account", "nobody")
    assert (wrong.code, "5SX00001" in wrong.err) == (2, True)
    async with shell.daemon():
        halted = await shell.senex("state", "set", "halted", "--reason", "lunch")
        assert halted.code == 0, halted
        opened = await shell.senex("state", "set", "active", "--reason", "back")
        assert opened.code == 4
        for command in (("state", "set", "active", "--yes"), ("jobs", "pause", "sync_positions", "--yes")):
            blank = await shell.senex(*command, "--reason", " ")
            assert (blank.code, "say why" in blank.err) == (2, True)
        strange = await shell.senex("reconcile", "--fix", "NONSENSE")
        assert (strange.code, "[E_FIX]" in strange.err, "missing_target" in strange.err) == (2, True, True)
        synced = await shell.senex("sync", "--json")
        assert synced.json["result"]["outcome"] == "done"
    (state,) = (await shell.senex("state", "show", "--json")).json["states"]
    assert (state["state"], state["reason"]) == ("halted", "lunch")


async def test_a_silent_daemon_and_a_refusal_have_their_codes(shell: Shell) -> None:
    silent = await shell.senex("sync", "--timeout", "0.3")
    assert (silent.code, "[E_DAEMON_SILENT]" in silent.err) == (3, True)
    async with shell.daemon():
        stranger = await shell.senex("state", "set", "halted", "--reason", "x", SENEX_OPERATOR="stranger")
    assert (stranger.code, "[E_OPERATOR]" in stranger.err) == (4, True)


async def test_operators_are_the_owners_to_make(shell: Shell, owner_url: str) -> None:
    owner = {"SENEX_MIGRATOR_DATABASE_URL": owner_url}
    assert (await shell.senex("operator", "list")).code == 2
    assert (await shell.senex("operator", "add", "alice", **owner)).code == 0
    assert "alice" in (await shell.senex("operator", "list", **owner)).out
    nobody = await shell.senex("operator", "passphrase", "bob", **owner)
    assert (nobody.code, "[E_PASSPHRASE_SHORT]" in nobody.err) == (2, True)
    current = await shell.senex("db", "status", "--json", **owner)
    assert (current.code, current.json["current"]) == (0, True)


async def test_health_is_by_heartbeat(shell: Shell) -> None:
    dead = await shell.senex("health", "relay")
    assert (dead.code, "relay is not there" in dead.err) == (1, True)


async def test_health_of_every_part_and_of_each(shell: Shell, database_url: str) -> None:
    whole = await shell.senex("health", "--json")
    parts = {one["name"]: one for one in whole.json["services"]}
    assert whole.code == 1
    assert {name for name, one in parts.items() if one["alive"]} == {
        "postgres",
        "redis",
        "jobs",
        "clock",
        "disk",
    }
    assert parts["redis"]["ready"], parts["redis"]
    assert {one["name"] for one in whole.json["jobs"]} >= {"watch_machine", "reconcile_trades"}
    assert whole.json["jobs_why"] is None
    assert "No job" not in (await shell.senex("health")).out
    assert (await shell.senex("health", "redis", "--ready")).code == 0

    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        await beat(connection, "relay", "demo@elsewhere", "standby")
        alive = await shell.senex("health", "relay")
        assert (alive.code, "lives and is not ready: a standby only" in alive.out) == (0, True)
        assert (await shell.senex("health", "relay", "--ready")).code == 1
        assert (await shell.senex("health", "relay", "--here")).code == 1
        await beat(connection, "relay", "demo@elsewhere", "leader")
        told = (await shell.senex("health", "relay", "--ready", "--json")).json
        assert (told["alive"], told["ready"], [one["instance"] for one in told["processes"]]) == (
            True,
            True,
            ["demo@elsewhere"],
        )


_AWAY = {
    "SENEX_CONSOLE_DATABASE_URL": "postgresql://x:geheim@127.0.0.1:1/x",
    "SENEX_CONSOLE_REDIS_URL": "redis://x:geheim@127.0.0.1:1/0",
}


async def test_health_of_a_process_here_is_by_its_pulse(
    shell: Shell, database_url: str, tmp_path: Path
) -> None:
    here = {"TMPDIR": str(tmp_path), "SENEX_INSTANCE": "pulsing"}
    assert (await shell.senex("health", "relay", "--here", **here, **_AWAY)).code == 1
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(tmp_path))
        beating = asyncio.create_task(keep_beating(database_url, "relay", "pulsing@box"))
        while pulse.age("relay", "pulsing") is None:  # noqa: ASYNC110  a file has no event
            await asyncio.sleep(0.02)
        alive = await shell.senex("health", "relay", "--here", **here, **_AWAY)
        assert (alive.code, "relay lives" in alive.out) == (0, True), alive
        # what a pulse cannot tell is asked of Postgres
        assert (await shell.senex("health", "relay", "--here", "--ready", **here, **_AWAY)).code == 1
        beating.cancel()
        await asyncio.gather(beating, return_exceptions=True)
        assert pulse.age("relay", "pulsing") is None


async def test_health_without_its_servers_says_so(shell: Shell) -> None:
    gone = await shell.senex("health", "postgres", **_AWAY)
    assert (gone.code, "E_POSTGRES_AWAY" in gone.err) == (1, True)
    assert (await shell.senex("health", "redis", **_AWAY)).code == 1
    whole = await shell.senex("health", "--json", **_AWAY)
    assert not any(one["alive"] for one in whole.json["services"])
    assert (whole.json["jobs"], "not known without" in (whole.json["jobs_why"] or "")) == (None, True)
    assert (await shell.senex("health", "relay", "--json", **_AWAY)).json["processes"] is None
    shown = await shell.senex("health", **_AWAY)
    assert "No job" not in shown.out
    assert "What is scheduled is not known" in shown.out
    assert "geheim" not in whole.out + gone.err + shown.out


async def test_health_says_why_a_process_cannot_work(shell: Shell, tmp_path: Path, database_url: str) -> None:
    """A part that ends with a sentence leaves it for whoever asks on its machine, until one works."""
    here = {"TMPDIR": str(tmp_path), "SENEX_INSTANCE": "wrong"}
    secret = tmp_path / "redis_url"
    secret.write_text("")
    command = [sys.executable, "-m", "daemon", "relay"]
    given = {"SENEX_DATABASE_URL": database_url, "SENEX_REDIS_URL_FILE": str(secret), **here}
    part = await asyncio.create_subprocess_exec(
        *command, env={"PATH": shell.settings["PATH"], **given}, stderr=asyncio.subprocess.PIPE
    )
    _, said = await part.communicate()
    assert (part.returncode, b"which is empty" in said) == (2, True), said

    for servers in ({}, _AWAY):
        asked = await shell.senex("health", "relay", **here, **servers)
        assert (asked.code, f"{secret}, which is empty" in asked.err) == (1, True), asked
    assert f"{secret}, which is empty" in (await shell.senex("health", **here)).out

    secret.write_text("redis://127.0.0.1:1/0")
    given |= {
        "SENEX_DATABASE_URL": _AWAY["SENEX_CONSOLE_DATABASE_URL"],
        "SENEX_CLOCK_URL": "ws://127.0.0.1:1",
        "SENEX_BROKER_REST_URL": "http://127.0.0.1:1",
        "SENEX_BROKER_ALERTS_URL": "ws://127.0.0.1:1",
        "SENEX_LOG_DIR": str(tmp_path / "logs"),
    }
    part = await asyncio.create_subprocess_exec(
        *command, env={"PATH": shell.settings["PATH"], **given}, stderr=asyncio.subprocess.DEVNULL
    )
    try:

        async def waits() -> str | None:
            assert part.returncode is None
            told = (await shell.senex("health", "relay", **here)).err
            return told if "waiting for the database: Postgres does not answer" in told else None

        assert "geheim" not in await until(waits, "health says what it waits for")
    finally:
        with suppress(ProcessLookupError):
            part.kill()
        await part.wait()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(tmp_path))
        beating = asyncio.create_task(keep_beating(database_url, "relay", "wrong@box"))
        while pulse.complaint("relay", "wrong"):  # noqa: ASYNC110  a file has no event
            await asyncio.sleep(0.02)
        beating.cancel()
        await asyncio.gather(beating, return_exceptions=True)
    assert "last said" not in (await shell.senex("health", "relay", **here)).err


async def test_a_postgres_of_another_version_lives_and_is_not_ready(shell: Shell, owner_url: str) -> None:
    with psycopg.connect(owner_url, autocommit=True) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
    lives = await shell.senex("health", "postgres")
    assert (lives.code, "lives and is not ready: The database is at 0001" in lives.out) == (0, True), lives
    assert (await shell.senex("health", "postgres", "--ready")).code == 1
    whole = await shell.senex("health", "--json")
    others = {one["name"]: one for one in whole.json["services"] if one["name"] not in {"postgres", "redis"}}
    assert whole.code == 1
    assert {one["detail"] for one in others.values()} == {"not known without a database that can be read"}
