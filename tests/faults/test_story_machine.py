"""Operator, broker, market and saboteur at once: any sequence of what they may do leaves the invariants whole.

On tier 1's bench: real services, store, SDK and sockets. Every example has an
account of its own; after each step what must always hold is looked at, at its
end everything is healed and the books are compared with the broker's. A
failure shrinks to a short story. ``--hypothesis-profile=search`` looks for longer ones.
"""

from __future__ import annotations

import asyncio
import logging
import warnings
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
import structlog
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from senex.domain.decisions import DecisionKind
from senex.domain.trading_state import TradingState
from tests.faults.tier1.bench import Bench
from tests.faults.tier1.faults import CROWDED, GARBAGE, TOKEN_DEAD
from tests.faults.tier1.lines import Act, Fuse, Verdict
from tests.faults.tier1.pace import LeapingLoop, load_authorities_once
from tests.faults.tier1.trial import Trial
from tests.faults.tier1.verdict import judge, judge_midway

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterator

    from daemon.embedded import Endpoints
    from tests.faults.tier1.lines import Request

_ACCOUNTS = 40
_STORIES, _STEPS = 12, 12

_SPOILS = st.one_of(
    st.sampled_from([Act.DROP, Act.CUT, Act.DOUBLE, Act.LATE]).map(Verdict),
    st.sampled_from(GARBAGE).map(lambda answer: Verdict(Act.GARBLE, answer)),
    st.sampled_from([CROWDED, TOKEN_DEAD]).map(lambda answer: Verdict(Act.ANSWER, answer)),
)
_WHICH = st.integers(0, 3)


class Benches:
    """Accounts for examples, on one bench after the other; one loop for all."""

    def __init__(self, embedded: Endpoints, template: str) -> None:
        self.loop = LeapingLoop()
        self._servers = (embedded, template)
        self._stack = AsyncExitStack()
        self._left: list[Any] = []

    def run(self, work: Awaitable[Any]) -> Any:
        return self.loop.run_until_complete(asyncio.ensure_future(work, loop=self.loop))

    async def trial(self, number: int) -> Trial:
        if not self._left:
            await self._stack.aclose()
            self.bench = Bench(_ACCOUNTS, seed=7, lined=True)
            await self.bench.open(self._stack, *self._servers)
            self._left = list(self.bench.accounts)
        account, its_id = self._left.pop(0)
        return Trial(self.bench, account, its_id, "story", number)

    def close(self) -> None:
        self.run(self._stack.aclose())
        self.run(self.loop.shutdown_asyncgens())
        self.loop.close()


class Story(RuleBasedStateMachine):
    """One account's day."""

    benches: ClassVar[Benches]
    number: ClassVar[int] = 0

    def do(self, work: Awaitable[Any]) -> Any:
        return self.benches.run(work)

    @initialize()
    def open_account(self) -> None:
        type(self).number += 1
        self.trial: Trial = self.do(self.benches.trial(self.number))
        self.slot = 0
        self.do(self._begin())

    async def _begin(self) -> None:
        self.trial.quiet = False
        await self.trial.begin()

    # the operator

    @precondition(lambda self: self.slot < 3)
    @rule(sides=st.sampled_from(["put", "call", "both"]), units=st.integers(1, 3))
    def approves(self, sides: str, units: int) -> None:
        async def work() -> None:
            suggestion = await self.trial.suggest(self.slot, sides=sides, units=units)
            await self.trial.approve(suggestion)

        self.do(work())
        self.slot += 1

    @rule(which=_WHICH)
    def cancels(self, which: int) -> None:
        self.do(self._about_order(which, DecisionKind.CANCEL_ORDER))

    @rule(which=_WHICH, cents=st.sampled_from([-5, -1, 1, 5]))
    def replaces(self, which: int, cents: int) -> None:
        self.do(self._about_order(which, DecisionKind.REPLACE_ORDER, cents))

    @rule(which=_WHICH)
    def closes(self, which: int) -> None:
        self.do(self._close(which))

    @rule(state=st.sampled_from([TradingState.HALTED, TradingState.REDUCE_ONLY, TradingState.ACTIVE]))
    def sets_the_state(self, state: TradingState) -> None:
        self.do(self.trial.decide(DecisionKind.SET_STATE, state=state, reason="because"))

    @rule()
    def reconciles(self) -> None:
        self.do(self.trial.bench.offer("reconcile", self.trial.account, self.trial.account))

    # the daemon

    @rule()
    def works(self) -> None:
        self.do(self._work())

    async def _work(self) -> None:
        await self.trial.bench.listen()
        await self.trial.bench.set_aside()
        await self.trial.bench.drain()

    @rule()
    def restarts(self) -> None:
        self.do(self.trial.bench.die())

    # the market and the broker

    @rule(which=_WHICH, units=st.sampled_from([None, None, 1]), left_out=st.sampled_from([None, None, 0]))
    def takes(self, which: int, units: int | None, left_out: int | None) -> None:
        working = self.trial.working()
        if which < len(working):
            order = working[which]
            missed = None if left_out is None else order.legs[left_out].symbol
            self.trial.say(f"the market takes {units or 'all'} of {order.id} but {missed}")
            self.trial.bench.fill(order.id, units, missed)

    @rule(which=_WHICH)
    def broker_removes(self, which: int) -> None:
        working = self.trial.working()
        if which < len(working):
            self.trial.say(f"the broker removes {working[which].id}")
            self.trial.bench.remove(working[which].id)

    @rule()
    def a_second_passes_on_the_market(self) -> None:
        self.trial.bench.exchange.step(1)

    # the saboteur

    @rule(verdict=_SPOILS, after=st.integers(0, 2))
    def spoils_a_submission(self, verdict: Verdict, after: int) -> None:
        left = iter(range(after, -1, -1))

        async def spoil(request: Request) -> Verdict | None:
            return verdict if self.trial.submits(request) and next(left, None) == 0 else None

        self.trial.spoils = spoil

    @rule()
    def late_ones_arrive(self) -> None:
        self.do(self.trial.bench.broker.release())

    @rule(mode=st.sampled_from(["duplicate", "missing", "reorder"]))
    def spoils_alerts(self, mode: str) -> None:
        self.trial.bench.server.services.faults.add({"endpoint": "alerts", "mode": mode, "type": "Order"})

    @rule(at=st.integers(1, 60), after=st.booleans())
    def kills(self, at: int, after: bool) -> None:
        self.trial.say(f"kill at message {at}")
        self.trial.bench.light(Fuse(at=at, after=after))

    @rule(hours=st.sampled_from([-1, 0, 1]))
    def clock_jumps(self, hours: int) -> None:
        self.trial.bench.clock.off = timedelta(hours=hours)

    @rule(seconds=st.sampled_from([20, 200]))
    def time_passes(self, seconds: int) -> None:
        self.do(self.trial.bench.time_passes(seconds))

    # what must hold

    @invariant()
    def holds(self) -> None:
        if hasattr(self, "trial"):
            self.do(judge_midway(self.trial))

    def teardown(self) -> None:
        if not hasattr(self, "trial"):
            return
        trial = self.trial

        async def end() -> None:
            await trial.bench.broker.release()
            await trial.decide(DecisionKind.SET_STATE, state=TradingState.ACTIVE, reason="over")
            await trial.end()
            await judge(trial)

        self.do(end())

    # inside

    async def _about_order(self, which: int, kind: DecisionKind, cents: int | None = None) -> None:
        found = await self.trial.bench.rows(
            "SELECT id, limit_price FROM trade_order WHERE account_id = %s AND status IN "
            "('intended', 'working', 'partially_filled', 'unknown') ORDER BY created_at, id",
            self.trial.account,
        )
        if which < len(found):
            price = (
                None
                if cents is None
                else found[which].limit_price + cents * type(found[which].limit_price)("0.01")
            )
            await self.trial.decide(kind, order_id=found[which].id, price=price)

    async def _close(self, which: int) -> None:
        found = await self.trial.bench.rows(
            "SELECT id FROM position WHERE account_id = %s AND status LIKE 'open%%' ORDER BY created_at, id",
            self.trial.account,
        )
        if which < len(found):
            await self.trial.decide(DecisionKind.CLOSE_POSITION, subject_id=found[which].id)


@pytest.fixture
def _benches(embedded: Endpoints, template_database: str) -> Iterator[None]:
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    logging.disable(logging.CRITICAL)
    load_authorities_once()
    Story.benches = Benches(embedded, template_database)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
        Story.benches.close()
    logging.disable(logging.NOTSET)
    structlog.configure(**before)


@pytest.mark.usefixtures("_benches")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.timeout(3600)
def test_any_story_leaves_the_books_whole() -> None:
    """Twelve stories for everybody; a search holds as many as its profile says."""
    same = settings.default is not None and settings.default.derandomize
    run_state_machine_as_test(
        Story,
        settings=settings(
            max_examples=_STORIES if same else 400,
            stateful_step_count=_STEPS if same else 25,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )
