"""An account of ours at a simulator behind real sockets, its use cases run by the test itself."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from sqlalchemy import select, text

from daemon.handlers import HANDLERS
from senex.broker.gateway import open_gateway
from senex.bus.clock import open_clock
from senex.domain.calendar import new_york_date
from senex.domain.legs import Action, Leg
from senex.domain.orders import (
    Order,
    OrderKind,
    OrderLine,
    OrderStatus,
    Origin,
    TimeInForce,
)
from senex.domain.positions import Position, PositionSpread, PositionStatus
from senex.domain.quotes import Market
from senex.domain.suggestions import ExitPlan, SpreadPlan
from senex.domain.symbols import OptionSymbol
from senex.ports.records import Instrument, Work
from senex.services.context import Context
from senex.services.intents import intend
from senex.services.replace import intend_replacement
from senex.store import tables
from senex.store.engine import open_engine
from senex.store.repositories.base import table
from senex.store.unit_of_work import PostgresUnits
from senex.testing.bus import MemoryPublisher, MemoryQuotes
from tests.faults.faulty_proxy import FaultyProxy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from uuid import UUID

    from sqlalchemy.ext.asyncio import AsyncEngine

    from senex.ports.broker import BrokerOrder
    from tests.simulated import Simulated

D = Decimal
UNITS = 2


@dataclass
class Floor:
    """An account of ours at the simulator; the market moves when a test steps it."""

    context: Context
    proxy: FaultyProxy
    simulator: Simulated
    engine: AsyncEngine
    account: UUID

    async def work(self) -> list[Work]:
        outbox = table(tables.Outbox)
        statement = select(outbox).where(outbox.c.done_at.is_(None)).order_by(outbox.c.id)
        async with self.engine.connect() as connection:
            rows = (await connection.execute(statement)).all()
        return [Work(row.id, row.account_id, row.job, row.subject) for row in rows]

    async def drain(self) -> None:
        while work := await self.work():
            for each in work:
                await HANDLERS[each.job](self.context, each)

    async def rows(self, query: str, **values: object) -> list[tuple[Any, ...]]:
        async with self.engine.connect() as connection:
            return [tuple(row) for row in (await connection.execute(text(query), values)).all()]

    async def offer(self, job: str) -> None:
        async with self.context.units() as tx:
            await tx.outbox.add(job, str(self.account), queue="trading", account_id=self.account)
            await tx.commit()
        await self.drain()

    def step(self, ticks: int = 3) -> None:
        self.simulator.clock(step=ticks)

    async def order(self, order: Order) -> Order:
        async with self.context.units() as tx:
            return await tx.orders.get(order.id)

    async def enter(self, limit: str, units: int = UNITS) -> Order:
        """An entry of put verticals at this credit, sent."""
        chain = await self.context.broker.chain("QQQ")
        now = self.context.clock.now()
        expiration = next(each for each in chain.expirations if each.dte(new_york_date(now)) >= 30)
        middle = len(expiration.strikes) // 2
        short, long = expiration.strikes[middle], expiration.strikes[middle - 3]
        legs = Leg(short.put.occ, Action.SELL_TO_OPEN, 1), Leg(long.put.occ, Action.BUY_TO_OPEN, 1)
        width = short.price - long.price
        plan = SpreadPlan("put-1", legs, width, D("0.5"))
        position = Position(
            id=uuid4(),
            account_id=self.account,
            origin=Origin.MANUAL,
            parent_id=None,
            suggestion_id=None,
            strategy="bull_put",
            underlying="QQQ",
            expiry=expiration.day,
            units=units,
            status=PositionStatus.PENDING_ENTRY,
            initial_risk=width * 100 * units,
            tick=D("0.01"),
            exit_plan=ExitPlan(21),
            spreads=(PositionSpread(plan, None),),
            created_at=now,
            opened_at=None,
        )
        order = Order(
            id=uuid4(),
            account_id=self.account,
            origin=Origin.MANUAL,
            kind=OrderKind.ENTRY,
            position_id=position.id,
            decision_id=None,
            spread_key=None,
            generation=0,
            underlying="QQQ",
            time_in_force=TimeInForce.DAY,
            limit_price=D(limit),
            band=None,
            valid_until=None,
            status=OrderStatus.INTENDED,
            broker_order_id=None,
            lines=tuple(OrderLine(leg.times(units)) for leg in legs),
        )
        instruments = [
            Instrument(leg.symbol, OptionSymbol.from_occ(leg.symbol).streamer, "QQQ", 100, None)
            for leg in legs
        ]
        async with self.context.units() as tx:
            await tx.market.save_instruments(instruments)
            await tx.positions.add(position)
            await intend(tx, order, actor="test", why="a test", now=now)
            await tx.commit()
        await self.drain()
        self.step()
        await self.offer("monitor_open_orders")
        return await self.order(order)

    async def target(self, units: int = UNITS) -> Order:
        """The target of a position that has filled."""
        entry = await self.enter("0.05", units)
        assert entry.status is OrderStatus.FILLED
        self.step()
        async with self.context.units() as tx:
            [found] = [each for each in await tx.orders.of_position(entry.position_id) if not each.opens_risk]
        return found

    async def intend(self, old: Order, by: str = "-0.01") -> Order:
        async with self.context.units() as tx:
            await tx.positions.get(old.position_id, lock=True)
            new = await intend_replacement(
                tx,
                old,
                limit=old.limit_price + D(by),
                actor="trader",
                why="a better price",
                now=self.context.clock.now(),
            )
            await tx.commit()
        return new

    async def settle(self) -> None:
        """Time passes at the broker, and a reconcile sees what it made of it."""
        self.step()
        await self.offer("reconcile")

    async def live(self) -> list[BrokerOrder]:
        async with self.context.units() as tx:
            account = await tx.accounts.get(self.account)
        return [
            each for each in await self.context.broker.live_orders(account.number) if not each.means.terminal
        ]

    async def agrees(self) -> None:
        """Every quantity and every order is the broker's."""
        differences, alarms = table(tables.Difference), table(tables.Alarm)
        wrong = (
            select(differences).where(differences.c.account_id == self.account),
            select(alarms).where(alarms.c.account_id == self.account, alarms.c.resolved_at.is_(None)),
        )
        async with self.engine.connect() as connection:
            for statement in wrong:
                assert (await connection.execute(statement)).all() == []


@asynccontextmanager
async def open_floor(
    simulator: Simulated, database_url: str, taken: list[str], *, environment: str = "simulated"
) -> AsyncIterator[Floor]:
    """A floor on an account no other test has used; ``taken`` are those that some have."""
    async with AsyncExitStack() as stack:
        stack.callback(simulator.heal)
        proxy = FaultyProxy()
        await proxy.start()
        stack.push_async_callback(proxy.close)
        rest = proxy.stand_before(simulator.ready["rest"])
        access = replace(simulator.access, rest_url=rest, environment=environment)
        clock = await asyncio.to_thread(open_clock, simulator.ready["clock"])
        stack.callback(clock.close)
        gateway = await stack.enter_async_context(open_gateway(access, clock=clock, deadline=3.0))
        engine = open_engine(database_url)
        stack.push_async_callback(engine.dispose)
        context = Context(
            units=PostgresUnits(engine),
            broker=gateway,
            quotes=MemoryQuotes(Market({})),
            publisher=MemoryPublisher(),
            clock=clock,
            environment=environment,
        )
        floor = Floor(context, proxy, simulator, engine, uuid4())
        async with context.units() as tx:
            await tx.outbox.add("start", "", queue="accounts")
            await tx.commit()
        await floor.drain()
        async with context.units() as tx:
            free = [each for each in await tx.accounts.all(environment) if each.number not in taken]
        taken.append(free[0].number)
        floor.account = free[0].id
        yield floor
