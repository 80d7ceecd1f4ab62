"""Fills, cancels, refusals, lost answers, halts, closes and ticks in any order: nothing is ever closed twice over."""

from __future__ import annotations

import random
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from senex.domain.calendar import NEW_YORK
from senex.domain.closing import held_of, over_closing
from senex.domain.decisions import DecisionKind
from senex.domain.orders import BrokerStatus, OrderKind
from senex.domain.positions import PositionStatus
from senex.domain.symbols import OptionSymbol
from senex.domain.trading_state import TradingState
from senex.ports.broker import Accepted, BrokerFill, RefusedByBroker
from senex.services.context import Postponed
from senex.testing.broker import LOST
from tests.integration.test_exits import WATCH, opened, quote
from tests.integration.test_use_cases import Desk, desk

if TYPE_CHECKING:
    from senex.domain.positions import Position
    from senex.ports.broker import BrokerOrder

__all__ = ["desk"]

D = Decimal
STEPS = 30
REFUSED = RefusedByBroker("E_BROKER_PREFLIGHT", "no", retriable=False)


@dataclass
class Chaos:
    """Who does what next is drawn; what must hold is looked at after each step."""

    desk: Desk
    held: Position
    chance: random.Random

    async def step(self) -> str:
        """Do one thing."""
        does = self.chance.choice(
            (
                *(self.fill, self.fill, self.tick, self.tick, self.tick),
                *(self.end, self.cancel, self.close, self.restore, self.halt, self.answers, self.flatten),
            )
        )
        await does()
        await self.work()
        return does.__name__

    async def work(self) -> None:
        """All work there is; what a halt holds up stays undone."""
        for _ in range(12):
            found = await self.desk.work()
            for each in found:
                with suppress(Postponed):
                    await self.desk.run(each)
            await self.holds()
            if not found:
                return

    async def holds(self) -> None:
        """In our books and at the broker: what may still close a spread is open."""
        async with self.desk.units() as tx:
            lots = await tx.positions.lots(self.held.id)
            orders = [o for o in await tx.orders.of_position(self.held.id) if not o.opens_risk]
        for spread in self.held.spreads:
            mine = [order for order in orders if order.spread_key == spread.plan.key]
            assert over_closing(held_of(spread.plan, lots).open, mine) is None, spread.plan.key
        there = {each.symbol: int(each.quantity) for each in await self.desk.broker.holdings("")}
        claims: dict[str, int] = {}
        for order in self.live():
            for leg in order.legs:
                left = leg.quantity - sum(fill.quantity for fill in leg.fills)
                claims[leg.symbol] = claims.get(leg.symbol, 0) + leg.action.sign * left
        for symbol, claim in claims.items():
            held = there.get(symbol, 0)
            assert claim == 0 or (claim * held < 0 and abs(claim) <= abs(held)), (symbol, claim, held)

    def live(self) -> list[BrokerOrder]:
        """What works at the broker."""
        return [order for order in self.desk.broker.orders.values() if order.status is BrokerStatus.LIVE]

    async def fill(self) -> None:
        """One working order fills: whole, or one contract of one leg; the alert may get lost."""
        if not self.live():
            return
        order = self.chance.choice(self.live())
        legs = list(order.legs)
        open_ = [i for i, leg in enumerate(legs) if sum(f.quantity for f in leg.fills) < leg.quantity]
        for index in open_ if self.chance.random() < 0.7 else self.chance.sample(open_, 1):
            leg = legs[index]
            left = leg.quantity - sum(fill.quantity for fill in leg.fills)
            made = BrokerFill(str(uuid4()), left, self._price(leg.symbol), self.desk.clock.now())
            legs[index] = replace(leg, fills=(*leg.fills, made))
        whole = all(sum(f.quantity for f in leg.fills) == leg.quantity for leg in legs)
        status = BrokerStatus.FILLED if whole else BrokerStatus.LIVE
        self.desk.broker.orders[order.id] = replace(order, legs=tuple(legs), status=status)
        await self._tell(order.id)

    def _price(self, symbol: str) -> Decimal:
        mid = self.desk.quotes.market.quotes[OptionSymbol.from_occ(symbol).streamer].mid
        assert isinstance(mid, Decimal)
        return mid

    async def _tell(self, order_id: str) -> None:
        if self.chance.random() < 0.8:
            await self.desk.alert(order_id, drain=False)

    async def end(self) -> None:
        """A working order ends there by itself."""
        if self.live():
            order = self.chance.choice(self.live())
            ways = (BrokerStatus.CANCELLED, BrokerStatus.EXPIRED, BrokerStatus.REJECTED)
            self.desk.broker.end(order.id, self.chance.choice(ways))
            await self._tell(order.id)

    async def tick(self) -> None:
        """Some minutes on, with or without quotes; the timers come."""
        self.desk.clock.advance(timedelta(minutes=self.chance.choice((1, 5, 16))))
        if self.desk.clock.now().astimezone(NEW_YORK).time() > time(15, 50):
            morning = self.desk.clock.now().astimezone(NEW_YORK).date() + timedelta(days=1)
            self.desk.clock.advance(datetime.combine(morning, time(9, 35), NEW_YORK) - self.desk.clock.now())
        if self.chance.random() < 0.8:
            quote(self.desk, half_spread=self.chance.choice((0.02, 0.10)))
        account = await self.desk.account()
        for job in (WATCH, "monitor_open_orders", *self.chance.choices(("reconcile", "sync_positions"), k=1)):
            await self.desk.offer(job, account, account)

    async def cancel(self) -> None:
        """An operator cancels something."""
        async with self.desk.units() as tx:
            working = [o for o in await tx.orders.of_position(self.held.id) if not o.status.terminal]
        if working:
            order = self.chance.choice(working)
            await self.desk.decide(DecisionKind.CANCEL_ORDER, order_id=order.id)

    async def close(self) -> None:
        """An operator closes a spread, or all of it."""
        key = self.chance.choice((None, "put-1", "put-2", "call-1"))
        options = self.chance.choice(([], [], ["excess"]))
        await self.desk.decide(
            DecisionKind.CLOSE_POSITION, subject_id=self.held.id, spread_key=key, options=options
        )

    async def restore(self) -> None:
        await self.desk.decide(DecisionKind.RESTORE_TARGETS, subject_id=self.held.id)

    async def flatten(self) -> None:
        await self.desk.decide(DecisionKind.FLATTEN)

    async def halt(self) -> None:
        state = self.chance.choice((TradingState.HALTED, TradingState.REDUCE_ONLY, TradingState.ACTIVE))
        await self.desk.decide(DecisionKind.SET_STATE, state=state)

    async def answers(self) -> None:
        """The broker's next answers: no, lost, yes."""
        self.desk.broker.answers = self.chance.choices((REFUSED, LOST, Accepted), k=2)

    async def calm_down(self) -> None:
        """Everything works again, and all is to be flat."""
        self.desk.broker.answers = []
        await self.desk.decide(DecisionKind.SET_STATE, state=TradingState.ACTIVE)
        for _ in range(40):
            async with self.desk.units() as tx:
                if (await tx.positions.get(self.held.id)).status is PositionStatus.CLOSED:
                    return
            await self.flatten()
            await self.tick()
            quote(self.desk)
            await self.work()
            for order in self.live():
                prices = {leg.symbol: self._price(leg.symbol) for leg in order.legs}
                self._finish(order, prices)
                await self.desk.alert(order.id, drain=False)
            await self.work()
        raise AssertionError("the position does not end")

    def _finish(self, order: BrokerOrder, prices: dict[str, Decimal]) -> None:
        legs = tuple(
            replace(
                leg,
                fills=(*leg.fills, BrokerFill(str(uuid4()), left, prices[leg.symbol], self.desk.clock.now())),
            )
            if (left := leg.quantity - sum(fill.quantity for fill in leg.fills))
            else leg
            for leg in order.legs
        )
        self.desk.broker.orders[order.id] = replace(order, legs=legs, status=BrokerStatus.FILLED)


@pytest.mark.parametrize(
    "seed", [pytest.param(0, marks=pytest.mark.long), 1, 3]
)  # 3: a replacement ends before what it replaced is booked
async def test_whatever_happens_no_spread_is_closed_twice_over(desk: Desk, seed: int) -> None:
    held = await opened(desk)
    chance = random.Random(seed)
    chaos = Chaos(desk, held, chance)
    if chance.random() < 0.7:
        begins = held.expiry - timedelta(days=held.exit_plan.time_exit_dte)
        desk.clock.advance(datetime.combine(begins, time(9, 35), NEW_YORK) - desk.clock.now())
        quote(desk)
    done = []
    for _ in range(STEPS):
        done.append(await chaos.step())
        await chaos.holds()
    await chaos.calm_down()
    async with desk.units() as tx:
        booked = await tx.positions.booked(await desk.account())
        entries = [o for o in await tx.orders.of_position(held.id) if o.kind is OrderKind.ENTRY]
    assert booked == {}, (seed, done)
    assert await desk.broker.holdings("") == (), (seed, done)
    assert len(entries) == 1
