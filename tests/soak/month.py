"""Plays so many sessions: the operator has automation on and is away."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from datetime import time as wall
from typing import TYPE_CHECKING, Any

from senex.domain.automation import Automation
from senex.domain.calendar import NEW_YORK
from senex.domain.rules import parse_rule, rule_text
from senex.domain.schedule import Every
from senex.store.nyse import sessions
from tests.soak.harm import Blow, plan, strike
from tests.soak.outsider import adopt, first_of_week, trade
from tests.soak.size import LOG_MEGABYTES, Size, growth, logs, measured
from tests.soak.verdict import judge
from tests.soak.world import World, open_world

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

DAY_GRID, NIGHT_GRID, COARSEST = 5, 15, 60
"""Minutes of a turn: what is scheduled is due every five from 4:00 to 20:00, else every fifteen."""
_MORNING, EVENING = wall(4), wall(20)
FIRST, NOON = wall(8), wall(12)
_SATURDAY = 5
SETTINGS = {
    "SENEX_LOG_MEGABYTES": str(LOG_MEGABYTES),
    # an entry every day, which five positions would end on Monday
    "SENEX_LIMIT_MAX_OPEN_POSITIONS": "50",
    "SENEX_LIMIT_UNDERLYING_SHARE": "1",
    "SENEX_LIMIT_EXPIRY_SHARE": "1",
}


@dataclass
class Report:
    """What a run came to."""

    seed: int
    violations: list[str] = field(default_factory=list)
    lines: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is to be played. ``pace`` stretches every interval of the schedule below so many minutes to it."""

    seed: int
    first: date
    sessions: int
    pace: int = DAY_GRID
    harm: bool = True

    @property
    def days(self) -> list[date]:
        """The sessions' days."""
        return [one.day for one in sessions() if one.day >= self.first][: self.sessions]


async def play(folder: Path, asked: Plan, tell: Callable[[dict[str, Any]], None]) -> Report:
    """Play the sessions and judge them."""
    days, report = asked.days, Report(asked.seed)
    begins = datetime.combine(days[0], FIRST, NEW_YORK)
    sizes: list[Size] = []
    blows = plan(asked.seed, days) if asked.harm else {}
    async with open_world(folder, seed=asked.seed, begins=begins, settings=SETTINGS) as world:
        await world.joined()
        await away(world, asked)
        for place, day in enumerate(days):
            began, (turns, _) = time.monotonic(), await world.waiting()
            await session(world, day, asked, blows.get(day, []))
            after, _ = await world.waiting()
            sizes.append(measured(world))
            line = {
                "session": place + 1,
                "day": day.isoformat(),
                "seconds": round(time.monotonic() - began, 1),
                "turns": after - turns,
                **count(world),
                "megabytes": sizes[-1].megabytes,
                "connections": sizes[-1].connections,
                "harm": [one.told for one in blows.get(day, [])],
            }
            report.lines.append(line)
            tell(line)
        await world.rest()  # from what the operator asked for last
        struck = [one for day in blows.values() for one in day]
        report.violations += await judge(world, begins, await world.instant(), struck)
        report.violations += [*growth(sizes), *logs(world, len(days))]
    return report


async def away(world: World, asked: Plan) -> None:
    """The operator switches automation on and leaves."""
    account = await world.account()
    # due every five minutes of the night too, which goes by in coarser turns
    watched = f"every {NIGHT_GRID} min 00:00-23:59 every"
    world.sql("UPDATE job_schedule SET rule = %s WHERE name IN ('watch_machine', 'watch_backup')", watched)
    if asked.pace > DAY_GRID:
        for job in world.sql("SELECT name, rule FROM job_schedule"):
            rule = parse_rule(job.rule)
            if isinstance(rule, Every) and rule.minutes < asked.pace:
                world.sql(
                    "UPDATE job_schedule SET rule = %s, grace_seconds = greatest(grace_seconds, %s) WHERE name = %s",
                    rule_text(replace(rule, minutes=asked.pace)),
                    asked.pace * 60,
                    job.name,
                )
        # what is read every hour is stale to the watch of freshness
        world.sql("UPDATE job_schedule SET enabled = false WHERE name = 'watch_freshness'")
    policy = Automation(enabled=True, underlying="QQQ", strategy="senex_trident", repeat_until_filled=True)
    decision = await world.console.decider.set_automation(account.id, policy, reason="a month away")
    await world.console.decider.wait_result(decision, 60)


async def session(world: World, day: date, asked: Plan, blows: list[Blow]) -> None:
    """From wherever the market is to the evening of a day; once a week somebody trades at the broker's site."""
    striking = asyncio.create_task(strike(world, blows))
    await go(world, datetime.combine(day, NOON, NEW_YORK), asked)
    traded = first_of_week(day, asked.days) and await trade(world)
    await go(world, datetime.combine(day, EVENING, NEW_YORK), asked)
    await striking
    if traded:
        await adopt(world)


async def go(world: World, end: datetime, asked: Plan) -> None:
    """Let time pass."""
    for until, minutes in legs(await world.instant(), end):
        await world.move(until, grid=60.0 * min(max(minutes, asked.pace), COARSEST))


def legs(now: datetime, end: datetime) -> Iterator[tuple[datetime, int]]:
    """How to get from now to then: in coarse turns through nights and weekends."""
    at = now
    while at < end:
        local = at.astimezone(NEW_YORK)
        today = local.date()
        morning, evening = (datetime.combine(today, each, NEW_YORK) for each in (_MORNING, EVENING))
        if today.weekday() < _SATURDAY and morning <= at < evening:
            at, grid = evening, DAY_GRID
        elif today.weekday() < _SATURDAY and at < morning:
            at, grid = morning, NIGHT_GRID
        else:
            at, grid = datetime.combine(today + timedelta(days=1), _MORNING, NEW_YORK), NIGHT_GRID
        at = min(at, end)
        yield at, grid


def count(world: World) -> dict[str, Any]:
    """What there is by now."""
    [row] = world.sql(
        "SELECT (SELECT count(*) FROM job_slot) AS slots, (SELECT count(*) FROM fill) AS fills, "
        "(SELECT count(*) FROM trade_order) AS orders, "
        "(SELECT count(*) FROM position WHERE status IN ('open_full', 'open_partial', 'closing')) AS open, "
        "(SELECT count(*) FROM alarm) AS alarms"
    )
    return dict(row._asdict())
