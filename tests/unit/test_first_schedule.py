"""The schedule a new senex starts with: complete, and each slot once whatever the clock does.

``daemon.scheduler.desired`` is walked as the leader walks it; what falls due is claimed, as its unique row does.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from daemon.handlers import HANDLERS
from daemon.queues import JOB_SECONDS, LIMITS, QUEUES
from daemon.scheduler import desired
from senex.domain.calendar import NEW_YORK, Calendar
from senex.domain.rules import parse_rule
from senex.domain.schedule import Daily, Days, Every, slots_between
from senex.store import nyse
from senex.store.first_schedule import SCHEDULE
from senex.store.outbox import INSIDE
from senex.store.schedule import Scheduled

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

CALENDAR = Calendar(tuple(nyse.sessions()))
JOBS = [
    Scheduled(
        str(row["name"]),
        str(row["rule"]),
        str(row["queue"]),
        timedelta(seconds=int(str(row["grace_seconds"]))),
        None,
    )
    for row in SCHEDULE
]
every_job = pytest.mark.parametrize("job", JOBS, ids=lambda job: job.name)

_IN_SESSION = "09:30-16:15 sessions in-session"
ASKED_FOR = {
    "monitor_open_orders": f"every 5 min {_IN_SESSION}",
    "sync_positions": f"every 10 min {_IN_SESSION}",
    "sync_order_history": f"every 15 min {_IN_SESSION}",
    "reconcile_trades": f"every 30 min {_IN_SESSION}",
    "automated_daily_trade_cycle": "daily 10:00 weekdays",
    "repeat_until_filled": "every 5 min 10:05-14:55 weekdays",
    "monitor_positions_for_dte_closure": "every 5 min 09:35-16:15 sessions in-session",
    "generate_trading_summary": "daily 16:30 weekdays",
    "cleanup_inactive_streamers": "every 60 min 00:05-23:59 every",
    "cleanup_cancelled_trades": "daily 03:00 every",
    "cleanup_old_suggestions": "daily 03:30 every",
    "sync_transactions": "every 60 min 00:00-23:59 every",
    "snapshot_account": f"every 5 min {_IN_SESSION}",
    "record_greeks": f"every 5 min {_IN_SESSION}",
    "aggregate_greeks": "daily 03:15 every",
    "ensure_history": "daily 17:30 weekdays",
    "record_metrics": "daily 17:35 weekdays",
    "check_expirations": f"every 30 min {_IN_SESSION}",
    "watch_machine": "every 5 min 00:00-23:59 every",
    "watch_freshness": "every 5 min 09:45-16:15 sessions in-session",
}
"""The seed's ten and DOMAIN G's further ones."""
FALL, SPRING = date(2026, 11, 1), date(2027, 3, 14)
HOLIDAY, HALF_DAY = date(2026, 11, 26), date(2026, 11, 27)
NIGHTS = (FALL, SPRING)
_TICK = timedelta(minutes=5)


def at(day: date, hour: int = 0, minute: int = 0) -> datetime:
    return datetime.combine(day, time(hour, minute), NEW_YORK)


def slots(job: Scheduled, day: date) -> tuple[datetime, ...]:
    """The slots of a New York date."""
    found = slots_between(
        parse_rule(job.rule),
        at(day).astimezone(UTC) - timedelta(seconds=1),
        at(day + timedelta(days=1)).astimezone(UTC) - timedelta(seconds=1),
        CALENDAR,
    )
    assert isinstance(found, tuple)
    return found


def walk(job: Scheduled, instants: Iterable[datetime], *, last: datetime) -> list[datetime]:
    """The slots claimed after ``last`` by a leader that ticks at these instants, in the order in which they were."""
    job = replace(job, last=last)
    claimed: list[datetime] = []
    before: datetime | None = None
    for now in instants:
        entries = desired([job], timeline="t", now=now, since=before or now, calendar=CALENDAR)
        for due in sorted(entry.at for entry in entries.values() if entry.at <= now):
            claimed.append(due)
            job = replace(job, last=max(due, job.last or due))
        before = now
    return claimed


def ticks(start: datetime, end: datetime) -> Iterator[datetime]:
    """Every five minutes of real time, a little after the slot."""
    now = start.astimezone(UTC) + timedelta(seconds=1)
    while now <= end:
        yield now
        now += _TICK


def test_all_that_is_asked_for_is_scheduled() -> None:
    rules = {job.name: job.rule for job in JOBS}
    assert {name: rules.get(name) for name in ASKED_FOR} == ASKED_FOR
    assert len(rules) == len(JOBS)


@every_job
def test_every_job_has_its_queue_its_handler_and_a_grace_below_its_interval(job: Scheduled) -> None:
    assert job.queue in (*QUEUES, INSIDE)
    assert (job.name in HANDLERS) is (job.queue != INSIDE)
    rule = parse_rule(job.rule)
    assert timedelta(0) < job.grace
    if isinstance(rule, Every):
        assert job.grace <= timedelta(minutes=rule.minutes)


def test_what_may_take_long_keeps_no_order_waiting() -> None:
    queues = {job.name: job.queue for job in JOBS}
    assert LIMITS.keys() <= queues.keys()
    assert "trading" not in {queues[name] for name, limit in LIMITS.items() if limit > JOB_SECONDS}


@every_job
@pytest.mark.parametrize("night", NIGHTS, ids=["fall", "spring"])
def test_each_slot_of_both_nights_comes_once(job: Scheduled, night: date) -> None:
    start, end = at(night - timedelta(days=1), 22), at(night, 6)
    instants = [*ticks(start, end)]
    due = slots_between(parse_rule(job.rule), start, instants[-1], CALENDAR)
    assert isinstance(due, tuple)
    claimed = walk(job, instants, last=start)
    assert claimed == list(due)
    assert len(set(claimed)) == len(claimed)
    rule = parse_rule(job.rule)
    if isinstance(rule, Daily) and rule.days is Days.EVERY:
        assert len(claimed) == 1
    if isinstance(rule, Every) and rule.days is Days.EVERY:
        # the night that is an hour longer has an hour's slots more
        assert {later - earlier for earlier, later in pairwise(claimed)} <= {
            timedelta(minutes=rule.minutes),
            timedelta(minutes=rule.minutes + 5),  # the day's last and the next day's first
            timedelta(minutes=rule.minutes - 5),
        }


@every_job
@pytest.mark.parametrize("night", NIGHTS, ids=["fall", "spring"])
def test_the_session_after_the_change_has_the_same_wall_times(job: Scheduled, night: date) -> None:
    friday, monday = night - timedelta(days=2), night + timedelta(days=1)
    walls = [[slot.astimezone(NEW_YORK).time() for slot in slots(job, day)] for day in (friday, monday)]
    assert walls[0] == walls[1]


@every_job
def test_a_holiday_and_a_half_day(job: Scheduled) -> None:
    rule = parse_rule(job.rule)
    on_holiday, on_half_day = slots(job, HOLIDAY), slots(job, HALF_DAY)
    assert bool(on_holiday) is (rule.days is not Days.SESSIONS)
    if isinstance(rule, Every) and rule.in_session:
        assert on_half_day
        assert max(on_half_day) < at(HALF_DAY, 13)


@every_job
@pytest.mark.parametrize("hours", [1, -1], ids=["forward", "back"])
@pytest.mark.parametrize("hour", [3, 11, 16])
def test_a_clock_that_jumps_an_hour_doubles_nothing(job: Scheduled, hour: int, hours: int) -> None:
    jump = at(HOLIDAY - timedelta(days=1), hour, 17)
    start, end = jump - timedelta(hours=1), jump + timedelta(hours=2)
    before, after = [*ticks(start, jump)], [*ticks(jump + timedelta(hours=hours), end)]
    instants = [*before, *after]
    claimed = walk(job, instants, last=start)
    assert len(set(claimed)) == len(claimed)
    due = slots_between(parse_rule(job.rule), start, instants[-1], CALENDAR)
    assert isinstance(due, tuple)
    # a jump forward leaves out at most what it jumped over, of which the newest is caught up; none comes early
    over = [slot for slot in due if before[-1] < slot <= after[0]] if hours > 0 else []
    missing = set(due) - set(claimed)
    assert missing <= set(over[:-1])
    assert set(claimed) <= set(due)


@every_job
def test_what_an_outage_missed_is_made_up_for_once_within_the_grace(job: Scheduled) -> None:
    """The leader is away around the slot and comes back, at first within the grace and then after it."""
    day = HALF_DAY + timedelta(days=3)
    target = slots(job, day)[-1]
    within, after = target + job.grace - timedelta(seconds=1), target + job.grace + timedelta(seconds=1)
    week = target - timedelta(days=7)
    assert walk(job, [within, within + timedelta(seconds=1)], last=week).count(target) == 1
    assert target not in walk(job, [after, after + timedelta(seconds=1)], last=week)
