"""What befalls the daemon while it works: a process is killed each day, once Redis forgets all, once Postgres dies."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from datetime import time as wall
from typing import TYPE_CHECKING

import psutil

from senex.bus.connection import open_redis
from senex.domain.calendar import NEW_YORK

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from tests.soak.world import World

VICTIMS = (
    "scheduler",
    "streamer",
    "relay",
    "worker",
    "worker 0",
    "worker 1",
    "worker 2",
    "worker 3",
    "supervisor",
)
REDIS, POSTGRES = "redis wiped", "postgres killed"
_LOOK = 0.05
_FROM, _MINUTES = wall(8, 30), 600


@dataclass(frozen=True, slots=True)
class Blow:
    """One thing that happens: what, from which market time on, and how long after the market has got there."""

    what: str
    at: datetime
    delay: float

    @property
    def told(self) -> str:
        return f"{self.what} at {self.at.astimezone(NEW_YORK):%H:%M}"


def plan(seed: int, days: Sequence[date]) -> dict[date, list[Blow]]:
    """One kill a day; on some day Redis is wiped, on some Postgres crashes."""
    dice = random.Random(f"harm {seed}")
    made = {day: [_blow(dice, day, dice.choice(VICTIMS))] for day in days}
    for what in (REDIS, POSTGRES):
        day = dice.choice(days)
        made[day].append(_blow(dice, day, what))
    return made


def _blow(dice: random.Random, day: date, what: str) -> Blow:
    at = datetime.combine(day, _FROM, NEW_YORK) + timedelta(minutes=dice.randrange(_MINUTES))
    return Blow(what, at, dice.uniform(0, 1))


async def strike(world: World, blows: Sequence[Blow]) -> None:
    """Do what is planned once the market has got there, whatever the daemon is at."""
    for blow in sorted(blows, key=lambda one: one.at):
        while world.clock.now() < blow.at:  # noqa: ASYNC110  a clock has no event
            await asyncio.sleep(_LOOK)
        await asyncio.sleep(blow.delay)
        await _do(world, blow.what)


async def _do(world: World, what: str) -> None:
    if what == REDIS:
        redis = open_redis(world.stage.endpoints.redis.daemon_url())
        await redis.flushall()
        await redis.aclose()
    elif what == POSTGRES:
        root = str(world.stage.endpoints.root)
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.name() == "postgres" and process.cwd().startswith(root):
                    process.kill()
    else:
        with suppress(psutil.Error, KeyError):  # it may just be starting
            world.family()[what].kill()
