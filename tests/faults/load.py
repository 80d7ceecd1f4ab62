"""Operators who approve all the while something is done to senex, and what has become of it afterwards."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from itertools import cycle
from typing import TYPE_CHECKING

from senex.domain.errors import SenexError
from tests import books
from tests.faults.faults_support import console_of
from tests.soak.verdict import slots
from tests.waiting import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from datetime import datetime
    from uuid import UUID

    from senex.ports.views import AccountView, DecisionResultView
    from tests.faults.faults_support import World

OPERATORS = 3
"""Each at an account of their own."""
LIMITS = {
    # what is to be met is what is done to senex, not a limit
    "SENEX_LIMIT_MAX_OPEN_POSITIONS": "100",
    "SENEX_LIMIT_UNDERLYING_SHARE": "1",
    "SENEX_LIMIT_EXPIRY_SHARE": "1",
}
_SYMBOLS = ("QQQ", "SPY", "IWM", "GLD", "WMT", "TLT", "NVDA", "SPLG")
"""One after the other: a second trade in one would want the first one's strikes."""
_ANSWER_WITHIN = 10.0
"""Seconds until an operator opens the console anew."""
_PAUSE = 3.0
_PATIENCE = 300.0
"""After a restart on a busy machine every account is reconciled first, more than once."""
_APPROVALS = """
SELECT d.id, r.outcome, r.code, o.id AS order_id, o.status, o.reject_reason,
       array(SELECT t.external_identifier FROM attempt t WHERE t.order_id = o.id) AS names
FROM decision d LEFT JOIN decision_result r ON r.decision_id = d.id
LEFT JOIN trade_order o ON o.decision_id = d.id AND o.kind = 'entry' AND o.replaces_id IS NULL
WHERE d.kind = 'approve'
"""
_BUSY = """
SELECT 'job ' || job AS what, subject, error FROM outbox WHERE done_at IS NULL
UNION ALL SELECT 'attempt ' || status, external_identifier, '' FROM attempt
WHERE status IN ('prepared', 'sending', 'unknown')
UNION ALL SELECT 'decision ' || kind, d.id::text, '' FROM decision d
WHERE NOT EXISTS (SELECT FROM decision_result r WHERE r.decision_id = d.id)
"""


@dataclass
class Figures:
    """What came of the approvals. All below ``targets`` have to be nothing."""

    approvals: int
    approved: int
    refused: dict[str, int]
    """By code."""
    orders: int
    """Entries the broker took."""
    rejected: dict[str, int]
    """Entries that ended before the broker took them, by the reason the books give."""
    targets: int
    lost_decisions: int = 0
    lost_orders: int = 0
    doubled_orders: int = 0
    orders_of_nobody: int = 0
    lost_jobs: int = 0
    slots: list[str] = field(default_factory=list)
    """Of the schedule: what was not done once at its time."""
    books: list[str] = field(default_factory=list)

    @property
    def wrong(self) -> dict[str, object]:
        """What has to be nothing and is not."""
        names = (
            "lost_decisions",
            "lost_orders",
            "doubled_orders",
            "orders_of_nobody",
            "lost_jobs",
            "slots",
            "books",
        )
        return {name: value for name in names if (value := getattr(self, name))}


@dataclass
class Load:
    """The operators of one senex."""

    world: World
    accounts: list[AccountView]
    begins: datetime
    sent: set[UUID] = field(default_factory=set)
    _stopped: asyncio.Event = field(default_factory=asyncio.Event)

    def stop(self) -> None:
        """Have everybody finish what is begun."""
        self._stopped.set()

    async def more(self, orders: int = OPERATORS) -> None:
        """Return once so many more approvals have become orders."""
        wanted = self._approved() + orders

        async def enough() -> bool:
            return await asyncio.to_thread(self._approved) >= wanted

        await until(enough, f"{orders} more approvals are orders", seconds=_PATIENCE)

    async def operate(self, account: AccountView) -> None:
        """Suggest and approve at one account; a console that does not answer is opened anew."""
        symbols = cycle(_SYMBOLS)
        while not self._stopped.is_set():
            with suppress(SenexError, ValueError):  # or its file is being written
                async with console_of(self.world.stage, self.world.clock) as console:
                    await self._at(replace(self.world, console=console), account, symbols)
            await self._pause()

    async def _at(self, desk: World, account: AccountView, symbols: Iterator[str]) -> None:
        while not self._stopped.is_set():
            asked = await desk.console.decider.suggest(account.id, next(symbols))
            offered = await self._answer(desk, asked)
            if offered.suggestion_id is not None:
                suggestion = await desk.console.reads.suggestion(offered.suggestion_id)
                assert suggestion is not None
                decision = await desk.approve(suggestion)
                self.sent.add(decision)
                await self._answer(desk, decision)
            await self._pause()

    async def _answer(self, desk: World, decision: UUID) -> DecisionResultView:
        return await desk.console.decider.wait_result(decision, _ANSWER_WITHIN)

    async def _pause(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_PAUSE):
                await self._stopped.wait()

    async def judge(self) -> Figures:
        """Stop the market, wait until nothing is under way, and compare both sides."""
        world = self.world
        await world.set_clock(speed=0)
        await self._quiet()
        for account in self.accounts:
            await self._run(account.id, "sync_transactions")
        await self._quiet()
        figures = self._figures()
        figures.slots = slots(world, self.begins, world.clock.now())
        figures.books = [
            *books.fills(world),
            *await books.holdings(world),
            *await books.cash(world, self.begins),
        ]
        sys.stderr.write(f"\n{json.dumps(asdict(figures))}\n")
        return figures

    async def _run(self, account: UUID, job: str) -> None:
        async with console_of(self.world.stage, self.world.clock) as console:
            asked = await console.decider.run_job(account, job)
            answer = await console.decider.wait_result(asked, _PATIENCE)
            assert answer.outcome == "done", answer

    def _approved(self) -> int:
        return sum(row.outcome == "done" for row in self.world.sql(_APPROVALS))

    async def _quiet(self) -> None:
        """Give what is under way its time; what is still there then, the figures tell."""

        async def quiet() -> bool:
            return not await asyncio.to_thread(self.world.sql, _BUSY)

        with suppress(AssertionError):
            await until(quiet, seconds=_PATIENCE)

    def _figures(self) -> Figures:
        rows = self.world.sql(_APPROVALS)
        known = {name for (name,) in self.world.sql("SELECT external_identifier FROM attempt")}
        theirs = Counter(one["external_identifier"] for one in self.world.broker_log("order"))
        entries = {row.id: sum(theirs[name] for name in row.names) for row in rows if row.order_id}
        rejected = {row.id: str(row.reject_reason) for row in rows if row.status == "rejected"}
        approved = [row.id for row in rows if row.outcome == "done"]
        return Figures(
            approvals=len(rows),
            approved=len(approved),
            refused=dict(Counter(row.code for row in rows if row.outcome == "refused")),
            orders=sum(entries.values()),
            rejected=dict(Counter(rejected.values())),
            targets=sum(theirs.values()) - sum(entries.values()),
            lost_decisions=len(self.sent - {row.id for row in rows})
            + sum(row.outcome is None for row in rows),
            lost_orders=sum(one not in rejected and not entries.get(one) for one in approved),
            doubled_orders=sum(number > 1 for number in entries.values())
            + sum(entries[one] for one in entries if one not in approved),
            orders_of_nobody=sum(number for name, number in theirs.items() if name not in known),
            lost_jobs=len(self.world.sql(_BUSY)),
        )


@asynccontextmanager
async def under_load(world: World) -> AsyncIterator[Load]:
    """Operators at work for the block; what they have begun by its end, they finish."""
    load = Load(world, [await world.account_at(place) for place in range(OPERATORS)], world.clock.now())
    async with asyncio.TaskGroup() as group:
        for account in load.accounts:
            group.create_task(load.operate(account))
        await load.more()
        yield load
        load.stop()
