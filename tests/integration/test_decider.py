"""Decisions from a console: one row each, answered by the real use cases."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import uuid4

import psycopg
import pytest
from structlog.testing import capture_logs

from senex.domain.decisions import Decision, DecisionKind
from senex.domain.errors import Refused, Unavailable, UsageProblem
from senex.services.decisions import Decider
from senex.services.operators import check_operator, verifier_of
from senex.store.decisions import Decisions
from senex.store.queries import Reads
from senex.testing import market
from tests.integration.test_use_cases import Desk, desk

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from uuid import UUID

    from senex.ports.views import DecisionResultView, SuggestionView

__all__ = ["desk"]

PASSPHRASE = "correct horse"


class Console:
    """An operator's console, and the daemon behind it which a test runs itself."""

    def __init__(self, desk: Desk, url: str, terminal: str) -> None:
        self.desk = desk
        self.reads, self.decisions = Reads(url), Decisions(url)
        self.decider = Decider(
            decisions=self.decisions,
            reads=self.reads,
            clock=desk.clock,
            operator="trader",
            terminal=terminal,
        )

    async def answered(self, decision_id: UUID) -> DecisionResultView:
        await self.desk.drain()
        return await self.decider.wait_result(decision_id)

    async def suggestion(self) -> SuggestionView:
        answer = await self.answered(await self.decider.suggest(await self.desk.account(), " qqq"))
        assert answer.suggestion_id is not None, answer
        found = await self.reads.suggestion(answer.suggestion_id)
        assert found is not None
        return found

    async def close(self) -> None:
        await self.reads.close()
        await self.decisions.close()


@pytest.fixture
async def console(desk: Desk, console_url: str) -> AsyncIterator[Console]:
    console = Console(desk, console_url, "/dev/pts/1")
    yield console
    await console.close()


@pytest.fixture
async def another(desk: Desk, console_url: str) -> AsyncIterator[Console]:
    console = Console(desk, console_url, "/dev/pts/2")
    yield console
    await console.close()


def rows(url: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(statement.encode()).fetchall()


def set_passphrase(url: str) -> bytes:
    salt = secrets.token_bytes(16)
    verifier = verifier_of(PASSPHRASE, salt)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("UPDATE operator SET salt = %s, verifier = %s", (salt, verifier))
    return verifier


async def test_an_approval_becomes_an_order_and_names_who_decided(console: Console, owner_url: str) -> None:
    suggestion = await console.suggestion()
    approval = await console.decider.approve(suggestion, shown_at=console.desk.clock.now())
    answer = await console.answered(approval)
    assert (answer.outcome, answer.code) == ("done", "OK")
    assert answer.order_id is not None
    order = await console.reads.order(answer.order_id)
    assert order is not None
    assert order.status == "working"
    decided = rows(owner_url, "SELECT operator, terminal, role, proof FROM decision WHERE kind = 'approve'")
    assert decided == [("trader", "/dev/pts/1", "trader", None)]


async def test_two_consoles_approve_and_one_order_is_sent(console: Console, another: Console) -> None:
    suggestion = await console.suggestion()
    now = console.desk.clock.now()
    both = await asyncio.gather(
        console.decider.approve(suggestion, shown_at=now),
        another.decider.approve(suggestion, shown_at=now),
        return_exceptions=True,
    )
    (refused,) = (each for each in both if isinstance(each, Refused))
    assert refused.code == "E_ALREADY_DECIDED"
    assert "trader already approved it at 10:00:00 New York time on 04 Mar (/dev/pts/" in refused.message
    await console.desk.drain()
    assert len(console.desk.broker.posts) == 1
    with pytest.raises(Refused, match="E_ALREADY_DECIDED"):
        await another.decider.reject(suggestion, reason="too late")


async def test_a_decision_inserted_twice_is_one(console: Console, owner_url: str) -> None:
    """What happens when the connection is lost between the commit and its answer."""
    suggestion = await console.suggestion()
    decider = console.decider
    decision = replace(
        _approval(suggestion, decider), decided_at=console.desk.clock.now(), account_id=suggestion.account_id
    )
    assert await console.decisions.add(decision) is None
    assert await console.decisions.add(decision) is None
    assert rows(owner_url, "SELECT count(*) FROM decision WHERE kind = 'approve'") == [(1,)]


async def test_reject_cancel_state_and_sync(console: Console) -> None:
    decider = console.decider
    account = await console.desk.account()
    rejected = await console.answered(await decider.reject(await console.suggestion(), reason="not today"))
    assert rejected.message == "Rejected."
    entry = await console.desk.approve(await console.desk.suggest())
    order = await console.reads.order(entry)
    assert order is not None
    cancelled = await console.answered(await decider.cancel(order, reason="changed my mind"))
    assert cancelled.outcome == "done", cancelled
    halted = await console.answered(await decider.set_state(account, "halted", reason="lunch"))
    assert halted.outcome == "done", halted
    (shown,) = await console.reads.accounts(console.desk.clock.now())
    assert (shown.trading_state, shown.state_reason) == ("halted", "lunch")
    synced = await console.answered(await decider.sync(account))
    assert synced.outcome == "done", synced


async def test_what_does_not_fit_is_refused_in_words(console: Console) -> None:
    with pytest.raises(UsageProblem, match="E_DECISION"):
        await console.decider.sync(uuid4())
    answer = await console.answered(
        await console.decider.set_state(await console.desk.account(), "asleep", reason="")
    )
    assert (answer.outcome, answer.code) == ("failed", "E_STATE")


async def test_a_silent_daemon_is_said_to_be(console: Console) -> None:
    decision = await console.decider.sync(await console.desk.account())
    with pytest.raises(Unavailable, match="E_DAEMON_SILENT"):
        await console.decider.wait_result(decision, timeout=0.1)


async def test_each_try_to_unlock_is_told_by_whom_where_and_how_and_no_secret(
    console: Console, another: Console, owner_url: str, console_url: str
) -> None:
    verifier = set_passphrase(owner_url)
    assert await console.decider.unlock(PASSPHRASE)
    assert not await another.decider.unlock("a wrong one")
    with psycopg.connect(console_url, autocommit=True) as before:  # a console of the version before
        assert before.execute("SELECT operator_knows('trader', %s)", (verifier,)).fetchone() == (True,)
    told = str(rows(owner_url, "SELECT * FROM outbox WHERE job = 'note_unlock'"))
    assert not [one for one in (PASSPHRASE, "a wrong one", verifier.hex()) if one in told]
    with capture_logs() as said:
        await console.desk.drain()
    tries = [one for one in said if "unlocked" in one["event"]]
    assert [(one["log_level"], one["event"], one["operator"], one["terminal"]) for one in tries] == [
        ("info", "console unlocked", "trader", "/dev/pts/1"),
        ("warning", "console not unlocked: wrong passphrase", "trader", "/dev/pts/2"),
        ("info", "console unlocked", "trader", "unknown"),
    ]


async def test_the_passphrase_proves_a_live_approval(console: Console, owner_url: str) -> None:
    suggestion = await console.suggestion()
    now = console.desk.clock.now()
    assert not await console.decider.has_passphrase()
    with pytest.raises(Refused, match="E_PASSPHRASE"):
        await console.decider.approve(suggestion, shown_at=now, passphrase=PASSPHRASE)
    verifier = set_passphrase(owner_url)
    assert await console.decider.has_passphrase()
    assert await console.decider.unlock(PASSPHRASE)
    assert not await console.decider.unlock("another")
    assert await console.decisions.knows("nobody", verifier, terminal="/dev/pts/1") is False
    decision = await console.decider.approve(suggestion, shown_at=now, passphrase=PASSPHRASE)
    async with console.desk.units() as tx:
        stored, _ = await tx.suggestions.decision(decision)
        operator = await tx.accounts.operator(stored.operator)
        check_operator(operator, stored, environment="live")
        with pytest.raises(Refused, match="E_PASSPHRASE"):
            check_operator(operator, replace(stored, digest="another"), environment="live")
        with pytest.raises(Refused, match="E_PASSPHRASE"):
            check_operator(operator, replace(stored, proof=None), environment="live")
        # what reduces risk never waits for a passphrase
        kill = replace(stored, kind=DecisionKind.SET_STATE, state="halted", proof=None)
        check_operator(operator, kill, environment="live")
        with pytest.raises(Refused, match="E_PASSPHRASE"):
            check_operator(operator, replace(kill, state="active"), environment="live")


async def test_an_older_database_is_named(console: Console, owner_url: str) -> None:
    with psycopg.connect(owner_url, autocommit=True) as connection:
        connection.execute("DROP TABLE heartbeat")
    with pytest.raises(UsageProblem, match="E_DATABASE_SCHEMA"):
        await console.reads.processes()


async def test_a_database_of_another_version_is_refused_until_it_fits(
    console: Console, owner_url: str
) -> None:
    account = await console.desk.account()
    for version, code in (("9999", "E_DATABASE_NEWER"), ("0001", "E_DATABASE_SCHEMA")):
        with psycopg.connect(owner_url, autocommit=True) as connection:
            found = connection.execute(
                "UPDATE alembic_version SET version_num = %s RETURNING "
                "(SELECT version_num FROM alembic_version)",
                (version,),
            ).fetchone()
            connection.execute("COMMENT ON TABLE alembic_version IS 'runs senex from 9999'")
        assert found is not None
        for _ in range(2):
            with pytest.raises(UsageProblem, match=code):
                await console.reads.processes()
            with pytest.raises(UsageProblem, match=code):
                await console.decider.sync(account)
        with psycopg.connect(owner_url, autocommit=True) as connection:
            connection.execute("UPDATE alembic_version SET version_num = %s", found)
    await console.decider.sync(account)


async def test_the_consoles_role_decides_and_reads_and_no_more(console: Console, console_url: str) -> None:
    await console.decider.approve(await console.suggestion(), shown_at=console.desk.clock.now())
    forbidden = (
        "UPDATE decision SET operator = 'somebody'",
        "DELETE FROM decision",
        "SELECT proof FROM decision",
        "SELECT verifier FROM operator",
        "SELECT refresh_token FROM broker_login",
        "INSERT INTO operator (name, role) VALUES ('me', 'trader')",
        "INSERT INTO outbox (queue, job, subject) VALUES ('trading', 'send', 'x')",
        "INSERT INTO decision_result SELECT id, 'done', 'OK', '', '{}', NULL, NULL, now() FROM decision",
        "UPDATE trading_state SET state = 'active'",
        "UPDATE trade_order SET status = 'filled'",
        (
            "INSERT INTO audit (id, at, actor, action, object_type, object_id, why) "
            "VALUES (gen_random_uuid(), now(), 'x', 'x', 'x', 'x', 'x')"
        ),
        "CREATE TABLE mine (x int)",
        "TRUNCATE decision",
    )
    with psycopg.connect(console_url, autocommit=True) as connection:
        for statement in forbidden:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)


@pytest.mark.parametrize("reason", ["nul \x00", "half a character \udcff"])
async def test_a_text_no_column_holds_is_said_at_once(console: Console, reason: str) -> None:
    account = await console.desk.account()
    with pytest.raises(UsageProblem, match="E_VALUE"):
        await console.decider.pause_job(account, "sync_positions", reason=reason)
    assert (await console.answered(await console.decider.sync(account))).outcome == "done"


async def test_a_decision_that_comes_to_what_no_column_holds_is_answered(desk: Desk) -> None:
    desk.broker.bars_told = tuple(replace(bar, high=Decimal(10) ** 20) for bar in market.bars())
    decision = await desk.decide(DecisionKind.SUGGEST, symbol="QQQ")
    await desk.drain()
    assert await desk.answer(decision) == ("failed", "E_VALUE")


async def test_a_role_that_may_not_decide_is_named(desk: Desk, console_url: str, owner_url: str) -> None:
    account = await desk.account()
    with psycopg.connect(owner_url, autocommit=True) as connection:
        connection.execute("REVOKE INSERT ON decision FROM senex_console")
    console = Console(desk, console_url, "here")
    with pytest.raises(UsageProblem, match="E_DATABASE_ROLE"):
        await console.decider.sync(account)
    await console.close()


def _approval(suggestion: SuggestionView, decider: Decider) -> Decision:
    return decider._on(suggestion, DecisionKind.APPROVE)
