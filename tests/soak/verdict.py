"""Did the daemon keep the books, do every slot once, and stay as small as it was?"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from senex.domain.calendar import Calendar
from senex.domain.money import ZERO
from senex.domain.rules import parse_rule
from senex.domain.schedule import slots_between
from senex.domain.unknown import Unknown
from senex.store.nyse import sessions

if TYPE_CHECKING:
    from collections.abc import Collection

    from tests.soak.harm import Blow
    from tests.soak.world import World


OF_MARKET = frozenset({"STOP_ALERT", "STOP_REACHED", "DAILY_LOSS", "DAILY_LOSS_NEAR", "DIVIDEND_RISK"})
OF_OUTSIDER = frozenset({"FOREIGN_ORDER", "UNMANAGED_EXPIRES", "EXPIRES_TODAY", "ASSIGNED"})
OF_HARM = frozenset({"OUTCOME_UNKNOWN", "ORDER_CAME_LATE", "JOB_FAILING", "SOURCE_STALE"})
OF_MACHINE = frozenset({"DISK_FILLS"})
EXPLAINED = OF_MARKET | OF_OUTSIDER | OF_MACHINE
"""Alarms that the run causes: prices, who trades elsewhere, and whatever disk it runs on."""
_AFTERMATH = timedelta(hours=3)
"""For so long what was done to the daemon explains an alarm of ``OF_HARM``, in market time."""

_FEES = ("clearing", "regulatory", "proprietary")


async def judge(world: World, begins: datetime, ends: datetime, blows: Collection[Blow]) -> list[str]:
    """What is not as it has to be, one sentence each."""
    found = [*fills(world), *await holdings(world), *await cash(world, begins)]
    found += [*slots(world, begins, ends), *undone(world), *alarms(world, blows)]
    return found


def fills(world: World) -> list[str]:
    """Each execution of our orders is in the books once, at its price; others' come with the ledger."""
    outside = {one["id"] for one in world.broker_log("order") if not one["external_identifier"]}
    theirs = Counter(
        (
            str(one["order"]),
            one["symbol"],
            str(one["id"]),
            int(Decimal(one["quantity"])),
            Decimal(one["price"]),
        )
        for one in world.broker_log("fill")
        if one["order"] not in outside
    )
    rows = world.sql(
        "SELECT o.broker_order_id, f.symbol, f.fill_id, f.quantity, f.price FROM fill f "
        "JOIN trade_order o ON o.id = f.order_id"
    )
    ours = Counter(tuple(row) for row in rows)
    return _differ("fills", ours, theirs)


async def holdings(world: World) -> list[str]:
    """What is held, by symbol and sign."""
    items = (await world.broker("/positions"))["items"]
    theirs: Counter[Any] = Counter()
    for one in items:
        sign = -1 if one["quantity-direction"] == "Short" else 1
        theirs[one["symbol"]] += sign * int(Decimal(str(one["quantity"])))
    rows = world.sql("SELECT symbol, sum(open_quantity)::int AS open FROM lot GROUP BY symbol")
    ours = Counter({row.symbol: row.open for row in rows})
    ours, theirs = (Counter({k: v for k, v in each.items() if v}) for each in (ours, theirs))
    return [] if ours == theirs else [f"holdings: ours {dict(ours)}, the broker's {dict(theirs)}"]


async def cash(world: World, begins: datetime) -> list[str]:
    """Every transaction since the beginning is in our ledger with its fees, to the cent, and cash is their sum."""
    told = {str(one["id"]): one for one in world.broker_log("transaction")}
    theirs = {name: (_net(one), _fees(one)) for name, one in told.items()}
    rows = world.sql("SELECT broker_id, net_value, commission + fees AS fees FROM ledger_entry")
    ours = {row.broker_id: (row.net_value, row.fees) for row in rows}
    history = {
        name
        for name in theirs
        if name not in ours and datetime.fromisoformat(told[name]["executed_at"]) < begins
    }
    expected = {name: sums for name, sums in theirs.items() if name not in history}
    found = _differ("ledger", Counter(ours.items()), Counter(expected.items()))
    total = sum((theirs[name][0] for name in history), ZERO) + sum((net for net, _ in ours.values()), ZERO)
    balance = Decimal(str((await world.broker("/balances"))["cash-balance"]))
    return found if total == balance else [*found, f"cash: ours {total}, the broker's {balance}"]


def _fees(one: dict[str, Any]) -> Decimal:
    return sum((Decimal(one.get(f"{kind}_fees") or 0) for kind in _FEES), Decimal(one.get("commission") or 0))


def _net(one: dict[str, Any]) -> Decimal:
    return Decimal(one["value"]) - _fees(one)


def slots(world: World, begins: datetime, ends: datetime) -> list[str]:
    """Each slot of the calendar has its row and its work, done once, and there is none besides."""
    calendar = Calendar(tuple(sessions()))
    found = []
    claimed: dict[str, Counter[datetime]] = {}
    for row in world.sql("SELECT name, slot FROM job_slot"):
        claimed.setdefault(row.name, Counter())[row.slot] += 1
    for job in world.sql("SELECT name, rule FROM job_schedule WHERE enabled"):
        due = slots_between(parse_rule(job.rule), begins, ends, calendar)
        assert not isinstance(due, Unknown), due
        ours = claimed.get(job.name, Counter())
        missing = [one for one in due if one not in ours]
        beside = [one for one in ours if begins < one and one not in due]
        if missing or beside or any(times > 1 for times in ours.values()):
            found.append(
                f"slots of {job.name}: {len(missing)} missing {_few(missing)}, {len(beside)} too many {_few(beside)}"
            )
    return found


def undone(world: World) -> list[str]:
    """Nothing waits, nothing was given up on."""
    rows = world.sql("SELECT job, subject, error, offers FROM outbox WHERE done_at IS NULL")
    return [f"undone: {row.job} {row.subject} after {row.offers} offers: {row.error}" for row in rows]


def alarms(world: World, blows: Collection[Blow]) -> list[str]:
    """No alarm that the run itself did not cause, and none left over of what was done to the daemon."""
    rows = world.sql(
        "SELECT code, text, raised_at, resolved_at, EXISTS (SELECT FROM position p WHERE "
        "p.strategy = 'unmanaged' AND starts_with(object_id, p.id || '/')) AS elsewhere FROM alarm ORDER BY raised_at"
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
    return found


def _differ(what: str, ours: Counter[Any], theirs: Counter[Any]) -> list[str]:
    if ours == theirs:
        return []
    return [f"{what}: only ours {_few(ours - theirs)}, only the broker's {_few(theirs - ours)}"]


def _few(some: Any) -> str:
    listed = list(some)
    shown = ", ".join(one.isoformat() if hasattr(one, "isoformat") else str(one) for one in listed[:4])
    return f"[{shown}{', …' if len(listed) > 4 else ''}]"
