"""Whether senex is well: what lives, and what is of use, by what its parts have said of themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from senex.domain.alarms import Severity
from senex.domain.machine import CLOCK_OFF, DISK_FILLS
from senex.domain.parts import FRESH, PROCESSES, SERVICES
from senex.ports.views import HealthView

if TYPE_CHECKING:
    from collections.abc import Sequence

    from senex.ports.views import AlarmView, JobHealthView, ProcessView, RedisView, SourceView, Vitals

UNSEEN = "not known without a database that can be read"
WAITS = 300.0
"""Seconds after which undone work of a job is a failure and no longer a delay."""
_QUEUES = frozenset({"trading", "accounts", "default"})
_STREAMS = ("quotes", "alerts")
_FULL = 0.9
_POLICIES = frozenset({"noeviction", "volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl"})


def judge(seen: Vitals) -> tuple[HealthView, ...]:
    """Every service but Redis."""
    return (
        HealthView("postgres", alive=True, ready=True, detail="answers"),
        *(_process(name, seen) for name in PROCESSES),
        _token(seen),
        _jobs(seen.jobs),
        _machine("clock", CLOCK_OFF, seen.alarms),
        _machine("disk", DISK_FILLS, seen.alarms),
    )


def judge_redis(redis: RedisView) -> HealthView:
    """It must keep what is queued: an append-only file that is written, and nothing evicted that has no end."""
    problems = []
    if redis.loading:
        problems.append("it is still loading")
    if not redis.append_only:
        problems.append("appendonly is off, so a restart loses queued work until it is offered again")
    elif not redis.written:
        problems.append("its append-only file cannot be written")
    if redis.eviction not in _POLICIES:
        problems.append(f"maxmemory-policy {redis.eviction} may evict queued jobs; set volatile-lru")
    if redis.full is not None and redis.full >= _FULL:
        problems.append(f"{redis.full:.0%} of its memory is taken")
    detail = "; ".join(problems) or f"answers; append-only file, {redis.eviction}"
    return HealthView("redis", alive=True, ready=not problems, detail=detail)


def dead(name: str, why: str) -> HealthView:
    """A service that does not answer."""
    return HealthView(name, alive=False, ready=False, detail=why)


def unseen(why: str, *, answers: bool) -> tuple[HealthView, ...]:
    """Every service but Redis where nothing can be read; Postgres ``answers`` where it is only of no use to us."""
    others = (name for name in SERVICES if name not in {"postgres", "redis"})
    return (
        HealthView("postgres", alive=answers, ready=False, detail=why),
        *(dead(name, UNSEEN) for name in others),
    )


def living(processes: Sequence[ProcessView], name: str) -> tuple[ProcessView, ...]:
    """Those of that name (``worker`` is all workers) that have beaten lately."""
    return tuple(one for one in processes if one.name.split()[0] == name and one.age <= FRESH)


def _process(name: str, seen: Vitals) -> HealthView:
    found = living(seen.processes, name)
    if not found:
        return dead(name, f"no heartbeat for {FRESH:g} s; look at its log")
    problem = _problem(name, found, seen.sources)
    beat = f"heartbeat {min(one.age for one in found):.0f} s ago"
    if name == "streamer" and not problem:
        told = (f"{one.source}: {one.detail}" for one in seen.sources if one.source in _STREAMS)
        beat = "; ".join((*told, beat))
    detail = f"{problem}; {beat}" if problem else beat
    return HealthView(name, alive=True, ready=not problem, detail=detail)


def _problem(name: str, found: tuple[ProcessView, ...], sources: tuple[SourceView, ...]) -> str:
    """Why a process that lives is of no use."""
    if name == "worker":
        missing = _QUEUES - {one.name.partition(" ")[2] for one in found}
        return f"nobody works on {', '.join(sorted(missing))}" if missing else ""
    leaders = [one.detail for one in found if one.detail != "standby"]
    if not leaders:
        return "a standby only; none leads"
    if name != "streamer":
        return "" if "leader" in leaders else leaders[0]
    streams = {one.source: one for one in sources if one.source in _STREAMS}
    stale = [
        f"{each}: {streams[each].detail}" if each in streams else f"{each}: never reported"
        for each in _STREAMS
        if each not in streams or not streams[each].ok
    ]
    return "; ".join(stale)


def _token(seen: Vitals) -> HealthView:
    found = next((one for one in seen.sources if one.source == "token"), None)
    if not living(seen.processes, "streamer"):
        return dead("token", "not known while the streamer is not there")
    if found is None:
        return dead("token", "nobody has logged in at the broker yet")
    return HealthView("token", alive=True, ready=found.ok, detail=found.detail)


def _jobs(jobs: tuple[JobHealthView, ...]) -> HealthView:
    failing = [
        f"{one.name} waits for {one.waiting_age:.0f} s" + (f": {one.error}" if one.error else "")
        for one in jobs
        if one.enabled and one.waiting_age is not None and one.waiting_age > WAITS
    ]
    paused = sum(not one.enabled for one in jobs)
    detail = "; ".join(failing) or f"{len(jobs)} scheduled" + (f", {paused} paused" if paused else "")
    return HealthView("jobs", alive=True, ready=not failing, detail=detail)


def _machine(name: str, code: str, alarms: tuple[AlarmView, ...]) -> HealthView:
    found = [one for one in alarms if one.code == code]
    ready = all(one.severity != Severity.CRITICAL for one in found)
    return HealthView(
        name, alive=True, ready=ready, detail="; ".join(one.text for one in found) or "no alarm"
    )
