"""The dead man's switch: asked for while books and broker are compared on time, and not a moment longer."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import psycopg
import pytest
from aiohttp import web

from daemon.deadman import keep_vigil, why_not
from senex.domain.calendar import Calendar
from senex.store.direct import connect
from senex.store.heartbeats import beat
from senex.store.nyse import sessions
from senex.store.vigil import Vigil, read_vigil
from tests.integration.test_use_cases import ENVIRONMENT, Desk, desk
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from typing import LiteralString

__all__ = ["desk"]

RULE = "every 30 min 09:30-16:15 sessions in-session"
FRIDAY = datetime(2026, 3, 6, 20, 30, tzinfo=UTC)  # the last slot of the day, 15:30 in New York
CALENDAR = Calendar(tuple(one for one in sessions() if one.day.year == 2026))


def vigil(**changes: object) -> Vigil:
    found: dict[str, object] = {
        "rule": RULE,
        "enabled": True,
        "accounts": 1,
        "unready": 0,
        "reconciled_at": FRIDAY,
        "working": True,
    }
    return Vigil(**(found | changes))  # type: ignore[arg-type]  # the fields above


@pytest.mark.parametrize(
    ("now", "reconciled", "quiet"),
    [
        (FRIDAY + timedelta(minutes=9), FRIDAY - timedelta(minutes=30), False),
        (FRIDAY + timedelta(minutes=11), FRIDAY - timedelta(minutes=30), True),
        (FRIDAY + timedelta(minutes=11), FRIDAY, False),
        (FRIDAY + timedelta(days=2), FRIDAY, False),  # nothing is compared on a Sunday
        (FRIDAY + timedelta(days=3), FRIDAY, True),
        (FRIDAY + timedelta(minutes=11), None, True),
        (datetime(2030, 1, 7, 20, 0, tzinfo=UTC), FRIDAY, True),  # beyond the calendar
    ],
)
def test_on_time_is_by_the_schedule(now: datetime, reconciled: datetime | None, *, quiet: bool) -> None:
    assert (why_not(vigil(reconciled_at=reconciled), now, CALENDAR) is not None) is quiet


@pytest.mark.parametrize(
    "found", [None, vigil(enabled=False), vigil(accounts=0), vigil(working=False), vigil(unready=1)]
)
def test_whatever_is_missing_keeps_it_quiet(found: Vigil | None) -> None:
    assert why_not(found, FRIDAY, CALENDAR) is not None


@dataclass
class Outside:
    """Counts who asks."""

    url: str = ""
    asked: int = 0

    async def answer(self, _request: web.Request) -> web.Response:
        self.asked += 1
        return web.Response(text="OK")


@pytest.fixture
async def outside() -> AsyncIterator[Outside]:
    found = Outside()
    app = web.Application()
    app.router.add_get("/secret", found.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    found.url = f"http://127.0.0.1:{runner.addresses[0][1]}/secret"
    yield found
    await runner.cleanup()


@pytest.fixture
async def garbage() -> AsyncIterator[str]:
    """Where somebody answers who does not speak HTTP."""

    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-something\r\n")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield "{}:{}".format(*server.sockets[0].getsockname())


async def says(capsys: pytest.CaptureFixture[str], words: str) -> str | None:
    out = capsys.readouterr().out
    return out if words in out else None


async def asked(outside: Outside, times: int) -> bool:
    return outside.asked >= times


async def test_it_asks_while_the_books_are_compared(
    desk: Desk, database_url: str, owner_url: str, outside: Outside, capsys: pytest.CaptureFixture[str]
) -> None:
    async with await connect(database_url, name="test") as connection:
        found = await read_vigil(connection, ENVIRONMENT)
        assert found is not None
        assert (found.accounts, found.unready, found.working) == (1, 0, False)
        assert found.reconciled_at == desk.clock.now()
        await beat(connection, "worker trading", "here/1")
        keeping = asyncio.create_task(
            keep_vigil(
                outside.url, direct_url=database_url, environment=ENVIRONMENT, clock=desk.clock, every=0.02
            )
        )
        await until(lambda: asked(outside, 2))
        with psycopg.connect(owner_url, autocommit=True) as owner:
            owner.execute("UPDATE readiness SET ready = false")
        await until(lambda: says(capsys, "1 accounts are not ready"))
        before = outside.asked
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
        assert outside.asked == before


_OTHER_ACCOUNT = """
INSERT INTO account (id, broker, environment, number, nickname, margin_or_cash, option_level, closed, closing_only,
    risk_preset, created_at, updated_at)
VALUES (gen_random_uuid(), 'tastytrade', 'simulated', '5WX2', '', 'margin', '', false, false, 'moderate', now(), now())
"""


@pytest.mark.parametrize(
    ("spoil", "why", "mend"),
    [
        (
            _OTHER_ACCOUNT,
            "an account was never compared",
            "UPDATE account SET closed = true WHERE number = '5WX2'",
        ),
        (
            "UPDATE readiness SET reconciled_at = NULL",
            "an account was never compared",
            "UPDATE readiness SET reconciled_at = changed_at",
        ),
        (
            "UPDATE job_schedule SET rule = 'now and then' WHERE name = 'reconcile_trades'",
            "'now and then' is not a schedule rule",
            "UPDATE job_schedule SET rule = 'daily 09:30 sessions' WHERE name = 'reconcile_trades'",
        ),
        ("ALTER TABLE readiness RENAME TO gone", "UndefinedTable", "ALTER TABLE gone RENAME TO readiness"),
    ],
    ids=["another account", "one account", "the rule", "the table"],
)
async def test_whatever_cannot_be_read_is_said_and_asked_again_once_it_can(
    desk: Desk,
    database_url: str,
    owner_url: str,
    outside: Outside,
    capsys: pytest.CaptureFixture[str],
    spoil: LiteralString,
    why: str,
    mend: LiteralString,
) -> None:
    async with await connect(database_url, name="test") as connection:
        await beat(connection, "worker trading", "here/1")
    with psycopg.connect(owner_url, autocommit=True) as owner:
        owner.execute(spoil)
        keeping = asyncio.create_task(
            keep_vigil(
                outside.url, direct_url=database_url, environment=ENVIRONMENT, clock=desk.clock, every=0.02
            )
        )

        async def told() -> str | None:
            assert not keeping.done()
            return await says(capsys, why)

        await until(told)
        assert outside.asked == 0
        owner.execute(mend)
        await until(lambda: asked(outside, 1))
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("http://127.0.0.1:1/secret", "URLError"),
        ("http://{garbage}/secret", "BadStatusLine"),
        ("http://127.0.0.1:x/secret", "InvalidURL"),
    ],
)
async def test_an_address_that_does_not_answer_ends_nothing_and_is_never_logged(
    desk: Desk, database_url: str, capsys: pytest.CaptureFixture[str], garbage: str, address: str, why: str
) -> None:
    async with await connect(database_url, name="test") as connection:
        await beat(connection, "worker trading", "here/1")
    keeping = asyncio.create_task(
        keep_vigil(
            address.format(garbage=garbage),
            direct_url=database_url,
            environment=ENVIRONMENT,
            clock=desk.clock,
            every=0.02,
        )
    )
    said = await until(lambda: says(capsys, why))
    assert not keeping.done()
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
    assert "secret" not in said
