"""What counts as well."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from senex.domain.parts import SERVICES
from senex.ports.views import AlarmView, HealthView, JobHealthView, ProcessView, RedisView, SourceView, Vitals
from senex.services.health import judge, judge_redis

_NOW = datetime(2026, 3, 4, 15, tzinfo=UTC)
_PROCESSES = tuple(
    ProcessView(name, "demo@box", 0.4, detail)
    for name, detail in (
        ("worker trading", ""),
        ("worker accounts", ""),
        ("worker default", ""),
        ("scheduler", "leader"),
        ("relay", "leader"),
        ("relay", "standby"),
        ("streamer", "quotes: 3 symbols"),
    )
)
_SOURCES = tuple(SourceView(name, ok=True, detail="fine", at=_NOW) for name in ("quotes", "alerts", "token"))
_JOB = JobHealthView("reconcile_trades", "every 30 min", True, 12.0, 0, None, None)
WELL = Vitals(_PROCESSES, _SOURCES, (_JOB,), ())


def _named(vitals: Vitals, name: str) -> HealthView:
    return next(one for one in judge(vitals) if one.name == name)


def _with(process: ProcessView, *others: str) -> Vitals:
    kept = tuple(one for one in _PROCESSES if one.name not in {process.name, *others})
    return replace(WELL, processes=(*kept, process))


def test_all_is_well_when_each_has_said_so() -> None:
    found = judge(WELL)
    assert [one.name for one in found] == [name for name in SERVICES if name != "redis"]
    assert all(one.alive and one.ready for one in found), found
    assert _named(WELL, "streamer").detail == "quotes: fine; alerts: fine; heartbeat 0 s ago"


@pytest.mark.parametrize(
    ("vitals", "name", "alive", "why"),
    [
        (_with(ProcessView("relay", "demo@box", 6.0, "leader")), "relay", False, "no heartbeat"),
        (_with(ProcessView("relay", "demo@box", 1.0, "standby")), "relay", True, "none leads"),
        (_with(ProcessView("relay", "x@y", 1.0, "leader, Redis away")), "relay", True, "Redis away"),
        (_with(ProcessView("worker trading", "x@y", 9.0, "")), "worker", True, "nobody works on trading"),
        (replace(WELL, sources=_SOURCES[1:]), "streamer", True, "quotes: never reported"),
        (
            replace(
                WELL,
                sources=(replace(_SOURCES[0], ok=False, detail="silent; last frame 40 s ago"), *_SOURCES[1:]),
            ),
            "streamer",
            True,
            "last frame 40 s ago",
        ),
        (replace(WELL, sources=_SOURCES[:2]), "token", False, "nobody has logged in"),
        (_with(ProcessView("streamer", "x@y", 9.0, "")), "token", False, "not known while the streamer"),
        (
            replace(WELL, sources=(replace(_SOURCES[2], ok=False, detail="refused"),)),
            "token",
            True,
            "refused",
        ),
        (
            replace(WELL, jobs=(replace(_JOB, waiting=1, waiting_age=301.0, error="E_X"),)),
            "jobs",
            True,
            "301 s: E_X",
        ),
    ],
)
def test_what_is_not_well_says_why(vitals: Vitals, name: str, alive: bool, why: str) -> None:
    found = _named(vitals, name)
    assert (found.alive, found.ready) == (alive, False)
    assert why in found.detail


def test_a_paused_job_and_a_short_wait_are_no_failure() -> None:
    paused = replace(_JOB, enabled=False, waiting=1, waiting_age=4000.0)
    found = _named(replace(WELL, jobs=(paused, replace(_JOB, waiting=1, waiting_age=10.0))), "jobs")
    assert (found.ready, found.detail) == (True, "2 scheduled, 1 paused")


@pytest.mark.parametrize(("severity", "ready"), [("warning", True), ("critical", False)])
def test_an_alarm_over_the_clock_is_told_and_a_critical_one_counts(severity: str, ready: bool) -> None:
    alarm = AlarmView(
        uuid4(), None, None, "CLOCK_OFF", severity, "machine", "box", "The clock is off.", _NOW, None, None
    )
    found = _named(replace(WELL, alarms=(alarm,)), "clock")
    assert (found.ready, found.detail) == (ready, "The clock is off.")
    assert _named(replace(WELL, alarms=(alarm,)), "disk").detail == "no alarm"


_REDIS = RedisView(loading=False, append_only=True, written=True, eviction="volatile-lru", full=0.2)


@pytest.mark.parametrize(
    ("redis", "why"),
    [
        (replace(_REDIS, loading=True), "loading"),
        (replace(_REDIS, append_only=False), "appendonly is off"),
        (replace(_REDIS, written=False), "cannot be written"),
        (replace(_REDIS, eviction="allkeys-lru"), "may evict queued jobs"),
        (replace(_REDIS, full=0.93), "93% of its memory"),
    ],
)
def test_a_redis_that_may_lose_work_is_not_ready(redis: RedisView, why: str) -> None:
    found = judge_redis(redis)
    assert (found.alive, found.ready) == (True, False)
    assert why in found.detail


def test_a_redis_that_keeps_is_ready_whatever_its_limit() -> None:
    assert judge_redis(_REDIS).ready
    assert judge_redis(replace(_REDIS, eviction="noeviction", full=None)).ready
