"""The inbox and the way outside, with a receiver on this machine at the other end of apprise."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from aiohttp import web

from senex.domain.alarms import Alarm, Severity
from senex.domain.decisions import DecisionKind
from senex.domain.notices import DAILY_SUMMARY, MOST_ATTEMPTS, PER_MINUTE, Level, Mode, Notice
from senex.outside.channels import AppriseNotifier, channel_name, read_channels
from senex.ports.broker import RefusedByBroker
from senex.services.notices import tell
from senex.store.queries import Reads
from tests.integration.test_commands import Shell, shell
from tests.integration.test_use_cases import Desk, desk

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from uuid import UUID

    from senex.ports.records import Work
    from senex.ports.views import NotificationView

__all__ = ["desk", "shell"]

WHO = "trader"


@dataclass
class Receiver:
    """Takes messages, or does not."""

    port: int = 0
    takes: bool = True
    tried: int = 0
    got: list[dict[str, Any]] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"json://user:sesame@127.0.0.1:{self.port}/in"

    async def receive(self, request: web.Request) -> web.Response:
        self.tried += 1
        if not self.takes:
            return web.Response(status=503)
        self.got.append(await request.json())
        return web.Response()

    @property
    def titles(self) -> list[str]:
        return [one["title"] for one in self.got]


@pytest.fixture
async def outside() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/in", receiver.receive)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiver.port = runner.addresses[0][1]
    yield receiver
    await runner.cleanup()


@pytest.fixture
async def reads(console_url: str) -> AsyncIterator[Reads]:
    reads = Reads(console_url)
    yield reads
    await reads.close()


@pytest.fixture
def reached(desk: Desk, outside: Receiver) -> Desk:
    """A desk whose operator has one channel."""
    desk.context = replace(
        desk.context, notifier=AppriseNotifier(read_channels(f"{WHO} = {outside.address}\n# nobody else\n"))
    )
    return desk


async def sound(desk: Desk, severity: Severity = Severity.CRITICAL, subject: str = "1") -> None:
    alarm = Alarm(
        "BOOKS_DIFFER", severity, await desk.account(), "symbol", subject, "The broker has another."
    )
    async with desk.units() as tx:
        await tx.alarms.sound(alarm, desk.clock.now())
        await tx.commit()


async def run_next(desk: Desk, job: str) -> None:
    """Do the oldest work of that name; work that waits for later is left alone."""
    await desk.run(next(work for work in await desk.work() if work.job == job))


def later(owner_url: str, **by: int) -> None:
    """It was some time ago that channels were tried."""
    with psycopg.connect(owner_url, autocommit=True) as owner:
        owner.execute("UPDATE delivery SET tried_at = tried_at - %s", (timedelta(**by),))


async def mode(desk: Desk, wanted: Mode) -> None:
    decision = await desk.decide(DecisionKind.SET_NOTIFY_MODE, options=[wanted])
    await desk.drain()
    assert await desk.answer(decision) == ("done", "OK")


async def inbox(reads: Reads) -> list[NotificationView]:
    return list(await reads.notifications())


async def test_a_critical_alarm_is_sent_each_time_it_comes_whatever_is_wanted(
    reached: Desk, outside: Receiver, reads: Reads, owner_url: str
) -> None:
    await mode(reached, Mode.NONE)
    await sound(reached)
    await reached.drain()
    (notice,) = await inbox(reads)
    assert (notice.event, notice.level, notice.open, notice.sent, notice.owed) == (
        "BOOKS_DIFFER",
        "critical",
        True,
        1,
        0,
    )
    (message,) = outside.got
    assert message["title"] == "senex SIMULATED: BOOKS_DIFFER (critical)"
    assert message["message"] == "The broker has another.\nWhat to do: docs/runbooks.md#books_differ"
    assert message["type"] == "failure"

    async with reached.units() as tx:
        await tx.alarms.resolve(
            "BOOKS_DIFFER", "1", account_id=await reached.account(), now=reached.clock.now()
        )
        await tx.commit()
    assert [one.open for one in await inbox(reads)] == [False]
    later(owner_url, minutes=1)
    for _ in range(2):
        await sound(reached)
        await reached.drain()
    assert len(outside.got) == 2, "it came back the same day; one that stands is told once"
    assert [(one.open, one.sent) for one in await inbox(reads)] == [(True, 1)]


async def test_a_warning_that_comes_back_is_told_once_a_day(reached: Desk, outside: Receiver) -> None:
    await mode(reached, Mode.IMMEDIATE)
    for days in (0, 0, 1):
        reached.clock.advance(timedelta(days=days))
        await sound(reached, Severity.WARNING)
        await reached.drain()
        async with reached.units() as tx:
            await tx.alarms.resolve(
                "BOOKS_DIFFER", "1", account_id=await reached.account(), now=reached.clock.now()
            )
            await tx.commit()
    assert len(outside.got) == 2


async def test_an_alarm_that_becomes_critical_again_is_told_again(
    reached: Desk, outside: Receiver, owner_url: str
) -> None:
    for severity in (Severity.CRITICAL, Severity.WARNING, Severity.CRITICAL):
        reached.clock.advance(timedelta(minutes=1))
        await sound(reached, severity)
        await reached.drain()
        later(owner_url, minutes=1)
    assert outside.titles == ["senex SIMULATED: BOOKS_DIFFER (critical)"] * 2


async def test_an_alarm_that_becomes_critical_is_told_again(
    reached: Desk, outside: Receiver, reads: Reads, owner_url: str
) -> None:
    await mode(reached, Mode.IMMEDIATE)
    for severity in (Severity.WARNING, Severity.WARNING, Severity.CRITICAL, Severity.CRITICAL):
        await sound(reached, severity)
        await reached.drain()
        later(owner_url, minutes=1)
    assert outside.titles == [
        "senex SIMULATED: BOOKS_DIFFER (warning)",
        "senex SIMULATED: BOOKS_DIFFER (critical)",
    ]
    (notice,) = await inbox(reads)
    assert (notice.level, notice.sent) == ("critical", 1)


async def test_trades_reach_whom_they_are_to_reach(reached: Desk, outside: Receiver, reads: Reads) -> None:
    await mode(reached, Mode.IMMEDIATE)
    await reached.fill(await reached.approve(await reached.suggest()))
    (notice,) = await inbox(reads)
    assert (notice.event, notice.level, notice.open) == ("TRADE_OPENED", "info", None)
    assert outside.titles == ["senex SIMULATED: QQQ entry: trade opened"]


async def test_a_rejected_order_is_told(reached: Desk, outside: Receiver, reads: Reads) -> None:
    await mode(reached, Mode.IMMEDIATE)
    reached.broker.answers = [
        RefusedByBroker("E_BROKER_PREFLIGHT", "margin_check_failed: too little", retriable=False)
    ]
    refused = await reached.approve(await reached.suggest())
    (notice,) = await inbox(reads)
    assert (notice.event, notice.level, notice.object_id) == ("ORDER_REJECTED", "warning", str(refused))
    assert outside.titles == ["senex SIMULATED: QQQ entry: order rejected"]


async def test_the_summary_reaches_those_who_want_it(reached: Desk, outside: Receiver, reads: Reads) -> None:
    account = await reached.account()

    async def summarise() -> None:
        notice = Notice(
            DAILY_SUMMARY, Level.INFO, account, "account", str(account), "Summary", "All is well."
        )
        async with reached.units() as tx:
            await tell(reached.context, tx, notice)
            await tx.commit()
        await reached.drain()

    await summarise()
    assert outside.titles == ["Summary"], "who never said anything gets the summary"
    await summarise()
    assert len(outside.got) == 1
    await mode(reached, Mode.IMMEDIATE)
    reached.clock.advance(timedelta(days=1))
    await summarise()
    assert len(outside.got) == 1
    assert len(await inbox(reads)) == 2


async def test_the_job_of_the_summary_tells_it_once(reached: Desk, outside: Receiver, reads: Reads) -> None:
    account = await reached.account()
    await reached.offer("generate_trading_summary", account, account)
    await reached.drain()
    assert await inbox(reads) == [], "a day on which nothing was is not told"
    await reached.fill(await reached.approve(await reached.suggest()))
    for _ in range(2):
        await reached.offer("generate_trading_summary", account, account)
    await reached.drain()
    (summary,) = [one for one in await inbox(reads) if one.event == DAILY_SUMMARY]
    assert (summary.level, summary.sent) == ("info", 1)
    assert "Open risk" in summary.text
    (message,) = outside.got
    assert message["message"] == summary.text


async def test_a_summary_made_early_by_hand_does_not_take_the_place_of_the_days(
    reached: Desk, outside: Receiver, reads: Reads, owner_url: str
) -> None:
    account = await reached.account()
    await reached.fill(await reached.approve(await reached.suggest()))
    await reached.offer("generate_trading_summary", account, account)
    await reached.drain()
    (early,) = outside.got
    later(owner_url, minutes=1)
    await sound(reached, Severity.WARNING)
    for _ in range(2):
        await reached.offer("generate_trading_summary", account, account)
    await reached.drain()
    (summary,) = [one for one in await inbox(reads) if one.event == DAILY_SUMMARY]
    assert [one["message"] for one in outside.got] == [early["message"], summary.text]
    assert early["message"] != summary.text


@pytest.mark.parametrize(("anew", "event"), [(True, "TRADE_OPENED"), (False, DAILY_SUMMARY)])
async def test_who_tells_says_whether_another_text_is_told_again(
    reached: Desk, outside: Receiver, reads: Reads, owner_url: str, *, anew: bool, event: str
) -> None:
    account = await reached.account()
    await mode(reached, Mode.SUMMARY if event == DAILY_SUMMARY else Mode.IMMEDIATE)
    for said in ("this", "this", "that"):
        notice = Notice(event, Level.INFO, account, "account", str(account), "News", said, anew=anew)
        async with reached.units() as tx:
            await tell(reached.context, tx, notice)
            await tx.commit()
        later(owner_url, minutes=1)
        await reached.drain()
    told = ["this", "that"] if anew else ["this"]
    assert [one["message"] for one in outside.got] == told
    (notice_,) = await inbox(reads)
    assert notice_.text == told[-1]


async def test_a_channel_that_fails_is_tried_again_and_given_up_in_the_end(
    reached: Desk, outside: Receiver, reads: Reads, owner_url: str
) -> None:
    outside.takes = False
    await sound(reached)
    await run_next(reached, "note_alarm")
    await run_next(reached, "send_notices")
    (notice,) = await inbox(reads)
    assert (notice.owed, notice.sent) == (1, 0)
    assert notice.problem is not None
    assert "[E_NOTIFY_AWAY]" in notice.problem
    assert "sesame" not in notice.problem
    outside.takes = True
    later(owner_url, seconds=30)
    await run_next(reached, "send_notices")
    (notice,) = await inbox(reads)
    assert (notice.owed, notice.sent, notice.problem) == (0, 1, None)

    outside.takes, outside.tried = False, 0
    await sound(reached, subject="2")
    await run_next(reached, "note_alarm")
    for _ in range(MOST_ATTEMPTS):
        await run_next(reached, "send_notices")
        later(owner_url, hours=1)
    assert "send_notices" not in [work.job for work in await reached.work()]
    lost = next(one for one in await inbox(reads) if one.object_id == "2")
    assert (lost.owed, lost.lost) == (0, 1)
    assert outside.tried == MOST_ATTEMPTS
    (alarm,) = [one for one in await reads.alarms() if one.code == "NOTIFY_FAILING"]
    assert alarm.object_id == channel_name(outside.address)

    outside.takes = True
    await sound(reached, subject="3")
    await reached.drain()
    assert "NOTIFY_FAILING" not in [one.code for one in await reads.alarms()]


async def test_a_storm_wears_out_no_channel(
    reached: Desk, outside: Receiver, reads: Reads, owner_url: str
) -> None:
    """What comes in while a channel fails is tried at once, and counts for itself only."""
    outside.takes = False

    async def storm() -> list[Work]:
        """All work there is, until only work for later is left."""
        done = set()
        while work := [
            one for one in await reached.work() if one.id not in done and not _later(owner_url, one)
        ]:
            for one in work:
                await reached.run(one)
                done.add(one.id)
        return [one for one in await reached.work() if one.job == "send_notices"]

    for number in range(12):
        await sound(reached, subject=str(number))
        left = await storm()
    assert outside.tried == PER_MINUTE
    assert len(left) <= 2, "one for the next try, one for the minute that is full"
    assert _attempts(owner_url) == [0] * 7 + [1] * 5
    later(owner_url, minutes=1)
    await run_next(reached, "send_notices")
    assert outside.tried == PER_MINUTE + 1
    assert _attempts(owner_url) == [1] * 7 + [2] * 5
    assert len(await storm()) <= 2
    outside.takes = True
    await sound(reached, subject="news")
    await storm()
    assert outside.titles == ["13 notices from senex"], "all that is owed goes with what is due"
    assert {one.owed for one in await inbox(reads)} == {0}


def _attempts(owner_url: str) -> list[int]:
    with psycopg.connect(owner_url) as owner:
        return [row[0] for row in owner.execute("SELECT attempts FROM delivery ORDER BY attempts")]


def _later(owner_url: str, work: Work) -> bool:
    with psycopg.connect(owner_url) as owner:
        row = owner.execute(
            "SELECT lease_until > clock_timestamp() FROM outbox WHERE id = %s", (work.id,)
        ).fetchone()
    return row is not None and bool(row[0])


async def test_an_address_nobody_can_use_is_not_tried_again(desk: Desk, reads: Reads) -> None:
    desk.context = replace(desk.context, notifier=AppriseNotifier({WHO: ("nosuch://sesame",)}))
    await sound(desk)
    await desk.drain()
    (notice,) = [one for one in await inbox(reads) if one.event == "BOOKS_DIFFER"]
    assert (notice.owed, notice.lost) == (0, 1)
    assert notice.problem is not None
    assert "[E_NOTIFY_CHANNEL]" in notice.problem
    assert "sesame" not in notice.problem


async def test_a_channel_gets_at_most_five_messages_a_minute_and_the_rest_together(
    reached: Desk, outside: Receiver, owner_url: str
) -> None:
    for number in range(PER_MINUTE):
        await sound(reached, subject=str(number))
        await reached.drain()
    assert len(outside.got) == PER_MINUTE
    for number in range(PER_MINUTE, PER_MINUTE + 3):
        await sound(reached, subject=str(number))
        await run_next(reached, "note_alarm")
    await run_next(reached, "send_notices")
    assert len(outside.got) == PER_MINUTE, "they wait"
    later(owner_url, minutes=1)
    await reached.drain()
    assert outside.titles[PER_MINUTE:] == ["3 notices from senex"]


async def test_what_nobody_acknowledges_is_said_again(reached: Desk, outside: Receiver, reads: Reads) -> None:
    account = await reached.account()

    async def attend(minutes: int) -> list[str]:
        reached.clock.advance(timedelta(minutes=minutes))
        before = len(outside.got)
        for _ in range(2):  # a slot that runs twice says it once
            await reached.offer("attend_alarms", account, account)
        await reached.drain()
        return outside.titles[before:]

    await sound(reached, Severity.WARNING)
    assert await attend(239) == [], "a warning is not sent to whom only the summary is sent"
    assert await attend(1) == ["senex SIMULATED: BOOKS_DIFFER is not acknowledged after 4 h"]
    await sound(reached, subject="2")
    assert await attend(14) == ["senex SIMULATED: BOOKS_DIFFER (critical)"]
    assert await attend(1) == ["senex SIMULATED: BOOKS_DIFFER is not acknowledged after 15 min"]
    second = next(one for one in await inbox(reads) if one.event == "ESCALATION" and "15 min" in one.title)
    seen = await reached.decide(DecisionKind.ACKNOWLEDGE, subject_id=second.id)
    await reached.drain()
    assert await reached.answer(seen) == ("done", "OK")
    assert await attend(60) == []
    (open_,) = [one for one in await reads.alarms() if one.object_id == "2"]
    assert open_.seen_by == WHO, "the alarm was acknowledged with its notice"


async def test_what_was_acknowledged_as_a_warning_and_becomes_critical_begins_anew(
    reached: Desk, outside: Receiver, reads: Reads
) -> None:
    account = await reached.account()

    async def attend(minutes: int) -> list[str]:
        reached.clock.advance(timedelta(minutes=minutes))
        before = len(outside.got)
        for _ in range(2):
            await reached.offer("attend_alarms", account, account)
        await reached.drain()
        return outside.titles[before:]

    await sound(reached, Severity.WARNING)
    assert await attend(240) == ["senex SIMULATED: BOOKS_DIFFER is not acknowledged after 4 h"]
    (alarm,) = await reads.alarms()
    await reached.decide(DecisionKind.ACKNOWLEDGE, subject_id=alarm.id)
    await reached.drain()
    await sound(reached, Severity.WARNING)
    (alarm,) = await reads.alarms()
    assert alarm.seen_by == WHO, "a warning that stays one stays seen"
    await sound(reached)
    (alarm,) = await reads.alarms()
    assert (alarm.severity, alarm.seen_at, alarm.seen_by) == ("critical", None, None)
    assert await attend(0) == ["senex SIMULATED: BOOKS_DIFFER (critical)"]
    assert await attend(14) == []
    for minutes, since in ((1, "15 min"), (45, "60 min"), (180, "4 h")):
        assert await attend(minutes) == [f"senex SIMULATED: BOOKS_DIFFER is not acknowledged after {since}"]
    await reached.decide(DecisionKind.ACKNOWLEDGE, subject_id=alarm.id)
    await reached.drain()
    await sound(reached)
    (alarm,) = await reads.alarms()
    assert alarm.seen_by == WHO, "what was critical when it was seen stays seen"


async def test_work_that_fails_for_minutes_is_an_alarm_until_it_is_done(
    desk: Desk, reads: Reads, owner_url: str
) -> None:
    account = await desk.account()
    failing = await desk.offer("sync_positions", account, account)
    with psycopg.connect(owner_url, autocommit=True) as owner:
        owner.execute("UPDATE outbox SET error = 'no', offers = 8 WHERE id = %s", (failing.id,))
    await _attend(desk, account)
    assert [(one.code, one.object_id) for one in await reads.alarms()] == [("JOB_FAILING", "sync_positions")]
    await desk.drain()
    await _attend(desk, account)
    assert await reads.alarms() == ()


async def _attend(desk: Desk, account: UUID) -> None:
    work: Work = await desk.offer("attend_alarms", account, account)
    await desk.run(work)


async def test_notices_are_kept_a_year(reached: Desk, outside: Receiver, reads: Reads) -> None:
    account = await reached.account()
    await sound(reached)
    await reached.drain()
    reached.clock.advance(timedelta(days=364))
    await sound(reached, subject="2")
    await reached.offer("cleanup_old_work", account, account)
    await reached.drain()
    assert len(await inbox(reads)) == 2
    reached.clock.advance(timedelta(days=2))
    await reached.offer("cleanup_old_work", account, account)
    await reached.drain()
    assert [one.object_id for one in await inbox(reads)] == ["2"]


async def test_the_commands(shell: Shell, outside: Receiver) -> None:
    nobody = await _with_daemon(shell, "notify", "test")
    assert (nobody.code, "[E_NOTIFY_NONE]" in nobody.err) == (4, True)
    shell.desk.context = replace(
        shell.desk.context, notifier=AppriseNotifier({WHO: (outside.address, "nosuch://sesame")})
    )
    half = await _with_daemon(shell, "notify", "test", "--json")
    assert (half.code, half.json["result"]["code"]) == (1, "E_NOTIFY_AWAY")
    assert half.json["result"]["message"] == "1 of 2 channels did not take the test."
    assert "sesame" not in half.out + half.err
    shell.desk.context = replace(shell.desk.context, notifier=AppriseNotifier({WHO: (outside.address,)}))
    done = await _with_daemon(shell, "notify", "test")
    assert (done.code, done.out) == (0, f"The test was sent to {channel_name(outside.address)}.\n")
    assert outside.titles == ["senex SIMULATED: test"] * 2

    assert (await shell.senex("notify", "mode")).out == "summary\n"
    said = await _with_daemon(shell, "notify", "mode", "immediate")
    assert (said.code, "everything as it happens" in said.out) == (0, True)
    assert (await shell.senex("notify", "mode", "--json")).json["mode"] == "immediate"
    await sound(shell.desk)
    await shell.desk.drain()
    (notice,) = (await shell.senex("notify", "list", "--unseen", "--json")).json["notifications"]
    assert (notice["event"], notice["sent"]) == ("BOOKS_DIFFER", 1)
    assert "1 sent" in (await shell.senex("notify", "list")).out
    seen = await _with_daemon(shell, "notify", "acknowledge", notice["id"][:8])
    assert (seen.code, seen.out) == (0, "Acknowledged.\n")
    again = await _with_daemon(shell, "notify", "acknowledge", notice["id"])
    assert (again.code, "[E_ALARM_SEEN]" in again.err) == (4, True)
    assert (await shell.senex("notify", "list", "--unseen")).out == "The inbox is empty.\n"


async def _with_daemon(shell: Shell, *arguments: str) -> Any:
    async with shell.daemon():
        return await shell.senex(*arguments)
