"""Whatever goes away says so, comes back by itself, and never costs a second order."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from senex.ports.views import SourceView
    from tests.faults.faults_support import World

pytestmark = pytest.mark.asyncio(loop_scope="session")

LOGIN = ("POST", "/oauth/token")


@pytest.mark.parametrize("program", [pytest.param("valkey-server", marks=pytest.mark.long), "postgres"])
async def test_a_server_killed_in_the_middle_of_the_story_comes_back(world: World, program: str) -> None:
    account = await world.account()
    playing = asyncio.create_task(world.story(account))

    async def approved() -> bool:
        return world.sql("SELECT 1 FROM trade_order WHERE account_id = %s", account.id) != []

    await world.until("the entry is intended", approved)
    world.kill_server(program)

    told = (await playing).told

    assert told["order"]["status"] == "filled"
    assert [target["status"] for target in told["targets"]] == ["working"] * 3
    await world.expect_orders(account, 4)
    assert len(world.posts(account)) == 4


async def test_a_simulator_that_is_gone_is_said_and_the_story_is_played_afterwards(world: World) -> None:
    account = await world.account()
    await world.take_away("simulator")
    playing = asyncio.create_task(world.run("senex.cli.story", "--account", account.number, "--timeout", "5"))

    async def said() -> dict[str, SourceView] | None:
        found = await world.sources()
        return found if not any(found[name].ok for name in ("clock", "quotes", "alerts")) else None

    sources = await world.until("the sources say so", said)
    gone = await playing
    await world.bring_back("simulator")
    told = (await world.story(account)).told

    assert "clock" in sources["clock"].detail
    assert (gone.code, gone.out) == (3, "")
    assert "[E_CLOCK_AWAY]" in gone.err
    assert told["order"]["status"] == "filled"
    await world.expect_orders(account, 4)
    assert len(world.posts(account)) == 4


async def test_a_second_story_counts_its_own_position_only(world: World) -> None:
    account = await world.account()
    first = (await world.story(account)).told["position"]
    second = (await world.story(account, "SPY")).told["position"]

    assert first["live_pnl"] == first["broker_pnl"]
    assert second["live_pnl"] == second["broker_pnl"]
    await world.expect_orders(account, 8)


async def test_a_wrong_token_is_said_without_a_storm_and_heals_with_the_right_one(world: World) -> None:
    account = await world.idle_account()
    secrets = world.stage.endpoints.secrets
    secrets.write("run_refresh_token", "not-the-token")
    before = world.proxy.count(*LOGIN)
    _restart_what_logs_in(world)

    async def refused() -> SourceView | None:
        token = (await world.sources())["token"]
        return token if not token.ok and "refused" in token.detail else None

    token = await world.until("the token is refused", refused)
    answer = await world.decided(await world.console.decider.sync(account.id))
    world.sql(
        "INSERT INTO outbox (account_id, queue, job, subject) SELECT id, 'accounts', 'sync_positions', id::text"
        " FROM account ORDER BY number LIMIT 3"
    )

    async def tried_again() -> bool:
        [(least,)] = world.sql(
            "SELECT min(offers) FROM outbox WHERE job = 'sync_positions' AND done_at IS NULL"
        )
        return bool(least and least >= 2)

    await world.until("every row was tried again", tried_again)
    logins = world.proxy.count(*LOGIN) - before
    secrets.write("run_refresh_token", world.credentials["refresh_token"])
    _restart_what_logs_in(world)

    async def valid() -> bool:
        return (await world.sources())["token"].ok

    await world.until("the token is valid", valid)
    healed = await world.decided(await world.console.decider.sync(account.id))

    assert "SENEX_BROKER_REFRESH_TOKEN" in token.detail
    assert (answer.outcome, answer.code) == ("failed", "E_BROKER_TOKEN")
    assert "SENEX_BROKER_REFRESH_TOKEN" in answer.message
    assert logins <= 2, f"{logins} logins while the token was wrong"
    assert healed.outcome == "done"


async def test_an_unknown_symbol_is_said(world: World) -> None:
    account = await world.idle_account()

    ended = await world.story(account, "ZZZZ", timeout=20)

    assert (ended.code, ended.out) == (1, "")
    assert "does not list ZZZZ" in ended.err
    assert "[E_SYMBOL_UNKNOWN]" in ended.err


@pytest.mark.parametrize("part", ["worker", "relay"])
async def test_without_worker_or_relay_the_story_gives_up_and_nothing_is_sent(
    world: World, part: str
) -> None:
    account = await world.idle_account()
    await world.take_away(part)

    ended = await world.story(account, timeout=3)

    assert (ended.code, ended.out) == (3, "")
    # on a busy machine three seconds may end before it has so much as read the account
    assert "[E_DAEMON_SILENT]" in ended.err or "[E_STORY_TIMEOUT]" in ended.err
    await world.expect_orders(account, 0)
    assert world.posts(account) == []


def _restart_what_logs_in(world: World) -> None:
    for part in ("worker", "streamer"):
        world.kill(part)
