"""What the worker lives through while it is killed: the ways into a position, and the ways out of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from senex.domain.decisions import DecisionKind
from senex.domain.symbols import OptionSymbol
from tests.faults.tier1.trial import UNDERLYING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from uuid import UUID

    from senex.domain.suggestions import Suggestion
    from tests.faults.tier1.lines import Fuse
    from tests.faults.tier1.trial import Trial
    from tests.faults.tier2.bench import Processes

    Story = Callable[[Trial, Processes, Fuse], Awaitable[None]]

_MONITOR, _LADDER, _RECONCILE = "monitor_open_orders", "monitor_positions_for_dte_closure", "reconcile"


async def entries(trial: Trial, bench: Processes, fuse: Fuse) -> None:
    """Two approvals: one fills in parts and has its targets, one of which fills; the other is cancelled."""
    await _begin(trial, bench)
    first = await _suggest(trial, bench, slot=0, sides="put", units=2)
    second = await _suggest(trial, bench, slot=1, sides="both")
    bench.light(fuse)
    for suggestion in (first, second):
        await trial.approve(suggestion)
        await bench.drain()
    for units in (1, None):
        await _fill(trial, bench, oldest=True, units=units)
    await _cancel_an_entry(trial)
    await bench.drain()
    await bench.work(_MONITOR, trial.account)
    await _fill(trial, bench, oldest=True)
    await bench.work(_RECONCILE, trial.account)


async def exits(trial: Trial, bench: Processes, fuse: Fuse) -> None:
    """Of two positions one is closed by hand, the other by its ladder, re-priced once; their targets are in the way."""
    await _begin(trial, bench)
    tomorrow = bench.next_session()
    expiry, _ = bench.centre(UNDERLYING)
    for slot, dte in enumerate((0, (expiry - tomorrow).days)):
        await trial.approve(await _suggest(trial, bench, slot=slot, sides="put", exit_dte=dte))
        await bench.drain()
        await _fill(trial, bench)
    bench.light(fuse)
    for position in (await _positions(trial))[:1]:
        trial.say("closes by hand")
        await trial.decide(DecisionKind.CLOSE_POSITION, subject_id=position)
        await bench.drain()
        await bench.work(_MONITOR, trial.account)
        await _fill(trial, bench)
    trial.say("the ladder begins")
    await bench.go_to(tomorrow, 9, 35)
    await bench.work(_RECONCILE, trial.account)
    for _ in range(2):
        await bench.work(_LADDER, trial.account)
        await bench.work(_MONITOR, trial.account)
        await bench.pass_minutes(15)
    await bench.work(_LADDER, trial.account)
    await bench.work(_MONITOR, trial.account)
    await _fill(trial, bench)
    await bench.work(_RECONCILE, trial.account)


STORIES: dict[str, Story] = {"entries": entries, "exits": exits}


async def _begin(trial: Trial, bench: Processes) -> None:
    """The day of the trial before may be over."""
    await trial.begin()
    await bench.work(_RECONCILE, trial.account)


async def _suggest(
    trial: Trial, bench: Processes, *, slot: int, sides: str, units: int = 1, exit_dte: int = 21
) -> Suggestion:
    made = await trial.suggest(slot, sides=sides, units=units, exit_dte=exit_dte)
    bench.symbols |= {OptionSymbol.from_occ(leg.symbol).streamer for leg in made.proposal.legs}
    await bench.quoted()
    return made


async def _fill(trial: Trial, bench: Processes, *, oldest: bool = False, units: int | None = None) -> None:
    """The market takes the oldest or the newest order that works, and the timer looks."""
    working = trial.working()
    if working:
        bench.fill(working[0 if oldest else -1].id, units)
    await bench.work(_MONITOR, trial.account)


async def _cancel_an_entry(trial: Trial) -> None:
    rows = await trial.bench.rows(
        "SELECT id FROM trade_order WHERE account_id = %s AND kind = 'entry' AND status IN "
        "('intended', 'working', 'partially_filled', 'unknown') ORDER BY created_at, id",
        trial.account,
    )
    for row in rows[:1]:
        trial.say("cancels the entry")
        await trial.cancel(row.id)


async def _positions(trial: Trial) -> list[UUID]:
    rows = await trial.bench.rows(
        "SELECT id FROM position WHERE account_id = %s AND status IN ('open_full', 'open_partial', 'closing') "
        "ORDER BY created_at, id",
        trial.account,
    )
    return [row.id for row in rows]
