"""Did the daemon keep the books, do every slot once, and stay as small as it was?"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from senex.domain.calendar import Calendar
from senex.domain.rules import parse_rule
from senex.domain.schedule import slots_between
from senex.domain.unknown import Unknown
from senex.store.nyse import sessions
from tests import books
from tests.books import few

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from tests.books import BothBooks
    from tests.soak.harm import Blow
    from tests.soak.world import World


OF_MARKET = frozenset({"STOP_ALERT", "STOP_REACHED", "DAILY_LOSS", "DAILY_LOSS_NEAR", "DIVIDEND_RISK"})
OF_OUTSIDER = frozenset({"FOREIGN_ORDER", "UNMANAGED_EXPIRES", "EXPIRES_TODAY", "ASSIGNED"})
OF_HARM = frozenset({"OUTCOME_UNKNOWN", "ORDER_CAME_LATE", "JOB_FAILING", "SOURCE_STALE"})
OF_MACHINE = frozenset({"DISK_FILLS"})
EXPLAINED = OF_MARKET | OF_OUTSIDER | OF_MACHINE
"""Alarms that the run causes: prices, who trades elsewhere, and whatever disk it runs on."""
_AFTERMATH, _UNDER_WAY = timedelta(hours=3), timedelta(minutes=15)
"""For so long what was done to the daemon explains an alarm of ``OF_HARM`` or work that failed, in market time;
and so long before it work may have been due that was under way."""


async def judge(world: World, begins: datetime, ends: datetime, blows: Collection[Blow]) -> list[str]:
    """What is not as it has to be, one sentence each."""
    found = [*books.fills(world), *await books.holdings(world), *await books.cash(world, begins)]
    found += [*slots(world, begins, ends), *work(world, blows), *undone(world), *alarms(world, blows)]
    return found


def slots(world: BothBooks, begins: datetime, ends: datetime) -> list[str]:
    """Each slot of the calendar was claimed, and none besides; its key lets that happen once."""
    calendar = Calendar(tuple(sessions()))
    found = []
    claimed: dict[str, set[datetime]] = {}
    for row in world.sql("SELECT name, slot FROM job_slot"):
        claimed.setdefault(row.name, set()).add(row.slot)
    for job in world.sql("SELECT name, rule FROM job_schedule WHERE enabled"):
        due = slots_between(parse_rule(job.rule), begins, ends, calendar)
        assert not isinstance(due, Unknown), due
        ours = claimed.get(job.name, set())
        missing = [one for one in due if one not in ours]
        beside = [one for one in ours if begins < one and one not in due]
        if missing or beside:
            found.append(
                f"slots of {job.name}: {len(missing)} missing {few(missing)}, {len(beside)} too many {few(beside)}"
            )
    return found


def work(world: World, blows: Collection[Blow]) -> list[str]:
    """Each slot has work of its own; none failed until a later one took over, but where the daemon was struck."""
    shared = world.sql("SELECT outbox_id FROM job_slot GROUP BY outbox_id HAVING count(*) > 1")
    failed = world.sql(
        "SELECT s.name, s.slot, o.error FROM job_slot s JOIN outbox o ON o.id = s.outbox_id"
        " WHERE o.error IS NOT NULL ORDER BY s.slot"
    )
    return [f"one work for several slots: {row.outbox_id}" for row in shared] + [
        f"work of {row.name} ({row.slot.isoformat()}) failed: {row.error}"
        for row in failed
        if not any(one.at - _UNDER_WAY <= row.slot <= one.at + _AFTERMATH for one in blows)
    ]


def undone(world: World) -> list[str]:
    """Nothing waits, nothing was given up on."""
    rows = world.sql("SELECT job, subject, error, offers FROM outbox WHERE done_at IS NULL")
    return [f"undone: {row.job} {row.subject} after {row.offers} offers: {row.error}" for row in rows]


def alarms(world: World, blows: Collection[Blow]) -> list[str]:
    """No alarm that the run itself did not cause, and none that is left over: of what was done, or of a position."""
    rows = world.sql(
        "SELECT code, text, raised_at, resolved_at, EXISTS (SELECT FROM position p WHERE "
        "p.strategy = 'unmanaged' AND starts_with(object_id, p.id || '/')) AS elsewhere, EXISTS (SELECT FROM position "
        "WHERE status IN ('closed', 'expired') AND split_part(object_id, '/', 1) = position.id::text) AS over "
        "FROM alarm ORDER BY raised_at"
    )
    found = []
    for row in rows:
        # the legs of somebody else's trade are booked one after the other
        half_booked = row.code == "BROKEN_RATIO" and row.elsewhere and row.resolved_at is not None
        struck = row.code in OF_HARM and any(one.at <= row.raised_at <= one.at + _AFTERMATH for one in blows)
        if row.code not in EXPLAINED and not half_booked and not struck:
            found.append(f"alarm {row.code} ({row.raised_at.isoformat()}): {row.text}")
        elif row.code in OF_HARM and row.resolved_at is None:
            found.append(f"alarm {row.code} ({row.raised_at.isoformat()}) does not end: {row.text}")
        elif row.over and row.resolved_at is None:
            found.append(f"alarm {row.code} ({row.raised_at.isoformat()}) outlives its position: {row.text}")
    return found
