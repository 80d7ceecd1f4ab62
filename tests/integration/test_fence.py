"""Two deployments of one database against one simulator: the restored one trades, the old one does not."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

from daemon.backup.tools import find_tools
from senex.bootstrap.restored import _fence
from senex.config import Environment
from senex.domain.decisions import DecisionKind
from senex.domain.deployment import mark_name
from senex.domain.errors import UsageProblem
from senex.store.schema import wait_for_schema
from tests.integration.fence_world import alarms, decide_state, enter, state, wait, working
from tests.integration.ledger_world import Account, account, beside
from tests.servers import CONSOLE, DAEMON, OWNER, login_url

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from daemon.embedded import Endpoints

COPY = "restored_copy"


@dataclass
class Copies:
    """Portable copies of a database, and databases made of them."""

    embedded: Endpoints
    source: str
    folder: Path
    made: int = 0

    def keep(self) -> Path:
        file = self.folder / "copy.dump"
        url = self.embedded.postgres.superuser_url(self.source)
        find_tools(None).run("pg_dump", "--format=custom", f"--file={file}", url=url)
        return file

    def restore(self, file: Path) -> tuple[str, str, str]:
        """The URLs of a database restored from a copy."""
        self.made += 1
        name = f"{COPY}_{self.made}"
        with psycopg.connect(self.embedded.postgres.superuser_url(), autocommit=True) as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(name), sql.Identifier(OWNER))
            )
        url = self.embedded.postgres.superuser_url(name)
        find_tools(None).run("pg_restore", f"--dbname={name}", str(file), url=url)
        urls = [login_url(self.embedded, user, name) for user in (DAEMON, CONSOLE, OWNER)]
        return urls[0], urls[1], urls[2]

    def drop(self) -> None:
        with psycopg.connect(self.embedded.postgres.superuser_url(), autocommit=True) as connection:
            for number in range(1, self.made + 1):
                connection.execute(
                    sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(f"{COPY}_{number}"))
                )


@pytest.fixture
def copies(embedded: Endpoints, database: str, tmp_path: Path) -> Iterator[Copies]:
    made = Copies(embedded, database, tmp_path)
    yield made
    made.drop()


@pytest.fixture
async def old(database_url: str, console_url: str, owner_url: str) -> AsyncIterator[Account]:
    """The deployment that will be lost, with one position and its target."""
    async with account((database_url, console_url, owner_url)) as opened:
        await opened.start()
        await enter(opened, 8)
        yield opened


@asynccontextmanager
async def restored(old: Account, urls: tuple[str, str, str]) -> AsyncIterator[Account]:
    """The deployment that takes the old one's place, before it has looked at the broker."""
    await _fence(urls[2], Environment.SIMULATED, "the test restored it")
    async with beside(old.world, old.access, urls) as new:
        yield new


async def test_what_the_backup_lost_is_found_and_only_the_new_one_may_trade(
    old: Account, copies: Copies
) -> None:
    kept = working(old)
    backup = copies.keep()
    await enter(old, 20)
    lost = [one for one in working(old) if one not in kept]
    assert len(kept) == len(lost) == 1

    async with restored(old, copies.restore(backup)) as new:
        assert await decide_state(new, "active") == "E_FENCE_OPEN"
        await new.reconcile()
        await new.reconcile()

        await new.agrees()
        assert working(new) == kept, "what lives of the lost time is cancelled, what is known stays"
        assert await state(new) == ("halted", True)
        assert sorted(one.strategy for one in await new.positions()) == ["test_spread", "unmanaged"]
        assert await decide_state(new, "active") == "E_FENCE_YOUNG"

        await old.reconcile()
        assert await state(old) == ("halted", False)
        assert "DEPLOYMENT_REPLACED" in await alarms(old)
        assert await decide_state(old, "active") == "E_REPLACED"

        wait(new)
        assert await decide_state(new, "active") == "OK"
        await new.reconcile()
        assert await state(new) == ("active", True)
        assert working(new) == kept
        await new.agrees()


async def test_the_old_one_stops_at_its_next_look_and_neither_sends_nor_cancels_any_more(
    old: Account, copies: Copies
) -> None:
    kept = working(old)
    async with restored(old, copies.restore(copies.keep())) as new:
        await new.reconcile()
        account_id = await old.desk.account()
        await old.desk.offer("monitor_open_orders", account_id, account_id)
        await old.desk.drain()
        assert await state(old) == ("halted", False)
        [target] = [one for one in await old.reads.orders() if one.kind == "target"]

        await old.desk.offer("cancel", target.id, account_id)
        await old.desk.offer("cancel_orphan", f"{account_id}/{kept[0]}", account_id)
        await old.desk.drain()
        # the database itself refuses, whatever a process believes
        with psycopg.connect(old.owner_url) as connection, pytest.raises(psycopg.errors.CheckViolation):
            connection.execute("UPDATE attempt SET status = 'sending'")

        assert working(new) == kept


async def test_of_two_restored_from_one_backup_the_second_takes_over_only_when_told_to(
    old: Account, copies: Copies
) -> None:
    backup = copies.keep()
    async with (
        restored(old, copies.restore(backup)) as first,
        restored(old, copies.restore(backup)) as second,
    ):
        await first.reconcile()
        await second.reconcile()
        assert await state(first) == ("halted", True)
        assert await state(second) == ("halted", False)
        assert "DEPLOYMENT_REPLACED" in await alarms(second)

        await _fence(second.owner_url, Environment.SIMULATED, "the first is gone", old_is_gone=True)
        await second.reconcile()
        assert await decide_state(second, "reduce_only") == "OK"
        await first.reconcile()
        assert await state(second) == ("reduce_only", True)
        assert await state(first) == ("halted", False)


async def test_an_order_of_a_newer_generation_says_the_same_where_the_mark_is_gone(
    old: Account, copies: Copies
) -> None:
    async with restored(old, copies.restore(copies.keep())) as new:
        await new.reconcile()
        wait(new)
        assert await decide_state(new, "active") == "OK"
        await new.reconcile()
        await enter(new, 20)
        async with old.desk.units() as tx:
            name = mark_name((await tx.deployment.get()).namespace)
        await old.desk.context.broker.set_mark(name, uuid4())  # somebody else's hand

        await old.reconcile()

        assert await state(old) == ("halted", False)
        assert "DEPLOYMENT_REPLACED" in await alarms(old)


async def test_no_daemon_starts_on_a_restored_database_of_which_nobody_has_said_so(
    database_url: str, owner_url: str
) -> None:
    await wait_for_schema(database_url)
    with psycopg.connect(owner_url) as connection:
        connection.execute("UPDATE deployment SET timeline = timeline - 1")

    with pytest.raises(UsageProblem, match="senex db fence"):
        await wait_for_schema(database_url)

    await _fence(owner_url, Environment.SIMULATED, "the test")
    await wait_for_schema(database_url)


async def test_what_was_to_be_sent_is_not_sent_twice_and_decisions_are_to_be_made_anew(
    old: Account, copies: Copies
) -> None:
    """The backup falls between the commit of an intent and its POST, and before an answer to a decision."""
    [target] = [one for one in await old.reads.orders() if one.kind == "target"]
    cancelled = await old.desk.decide(DecisionKind.CANCEL_ORDER, order_id=target.id)
    await old.desk.drain()
    mend = await old.desk.decide(DecisionKind.RESTORE_TARGETS, subject_id=target.position_id)
    await _run(old, mend)
    waiting = await old.desk.decide(DecisionKind.SYNC)
    backup = copies.keep()
    await old.desk.drain()
    sent = working(old)
    assert (await old.desk.answer(cancelled))[1] == "OK"

    async with restored(old, copies.restore(backup)) as new:
        assert (await new.desk.answer(waiting))[1] == "E_RESTORED"
        assert "OUTCOME_UNKNOWN" in await alarms(new)
        await new.reconcile()

        assert working(new) == sent, "the one order of the intent, sent once, found again"
        assert {one.status for one in await new.reads.orders() if one.broker_order_id in sent} == {"working"}
        assert "OUTCOME_UNKNOWN" not in await alarms(new)
        wait(new)
        assert await decide_state(new, "active") == "OK"
        await new.reconcile()
        assert working(new) == sent


async def _run(books: Account, decision: object) -> None:
    """Have a decision taken, and what follows written down, but nothing sent."""
    while any(work.job not in {"execute", "decide"} for work in await books.desk.work()) or any(
        work.subject == str(decision) for work in await books.desk.work()
    ):
        for work in await books.desk.work():
            if work.job != "execute":
                await books.desk.run(work)
