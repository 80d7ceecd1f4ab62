"""An account of the real simulator with its life cycle, kept by the real use cases through the real SDK.

The simulator runs in this process behind real sockets, so that a test can go to any market time at once.
"""

from __future__ import annotations

from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import psycopg
from sqlalchemy import text

from senex.broker.gateway import open_gateway
from senex.broker.session import BrokerAccess
from senex.domain.decisions import DecisionKind
from senex.domain.legs import Action, InstrumentType, Leg, merge
from senex.domain.money import CENT
from senex.domain.orders import Order, OrderKind, OrderLine, OrderStatus, Origin, TimeInForce
from senex.domain.positions import Position, PositionSpread, PositionStatus
from senex.domain.quotes import Market
from senex.domain.suggestions import ExitPlan, SpreadPlan
from senex.domain.symbols import OptionSymbol
from senex.ports.broker import Accepted, Ticket
from senex.ports.records import Instrument
from senex.services.context import Context, Postponed
from senex.services.intents import attempt_of
from senex.simulator.books.books import OPENING_CASH
from senex.simulator.server import Server
from senex.store.engine import open_engine
from senex.store.messages import MessageLog
from senex.store.queries import Reads
from senex.store.unit_of_work import PostgresUnits
from senex.testing.bus import MemoryPublisher, MemoryQuotes
from tests.contract.simulator_books import World
from tests.integration.test_use_cases import ENVIRONMENT, Desk

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import date, datetime

    from sqlalchemy.ext.asyncio import AsyncEngine

    from senex.ports.views import DifferenceView, PositionView


@dataclass(frozen=True)
class SimulatedClock:
    """Market time as the simulator in this process has it."""

    world: World
    timeline: str = "test"

    def now(self) -> datetime:
        return self.world.simulator.exchange.now()


@dataclass
class Account:
    """The simulator's account on one side, our books of it on the other."""

    world: World
    desk: Desk
    reads: Reads
    engine: AsyncEngine
    owner_url: str
    access: BrokerAccess

    async def start(self) -> None:
        """Let senex look at the account for the first time."""
        await self.desk.offer("start", "")
        await self.settle()

    async def settle(self) -> None:
        """Do all work there is, as workers would: what is postponed is offered again after the rest, and may stay."""
        while work := await self.desk.work():
            for each in work:
                with suppress(Postponed):
                    await self.desk.run(each)
            if await self.desk.work() == work:
                return

    async def reconcile(self) -> tuple[DifferenceView, ...]:
        """What a reconcile leaves different."""
        account = await self.desk.account()
        await self.desk.offer("reconcile", account, account)
        await self.settle()
        return await self.reads.differences(account)

    async def jump(self, day: date, hour: int, minute: int = 0) -> tuple[DifferenceView, ...]:
        """Go to a New York time and reconcile there."""
        self.world.jump(day, hour, minute)
        return await self.reconcile()

    async def enter(
        self,
        *spreads: tuple[Leg, ...],
        share: str | None = "0.50",
        units: int = 1,
        limit: str = "0.01",
        rests: bool = False,
    ) -> UUID:
        """Sell spreads as an approved entry would, at whatever the market gives; the position once it is filled.

        One that ``rests`` asks for more than the market gives and stays at work.
        """
        position = await self._position(spreads, None if share is None else Decimal(share), units)
        now, broker = self.desk.clock.now(), self.desk.context.broker
        legs = merge(leg.times(units) for spread in spreads for leg in spread)
        order = Order(
            id=uuid4(),
            account_id=position.account_id,
            origin=Origin.STRATEGY,
            kind=OrderKind.ENTRY,
            position_id=position.id,
            decision_id=None,
            spread_key=None,
            generation=0,
            underlying=position.underlying,
            time_in_force=TimeInForce.DAY,
            limit_price=Decimal(limit),
            band=None,
            valid_until=None,
            status=OrderStatus.INTENDED,
            broker_order_id=None,
            lines=tuple(OrderLine(leg) for leg in legs),
        )
        async with self.desk.units() as tx:
            attempt = attempt_of(order, number=1, namespace=await tx.orders.namespace())
            await tx.market.meet_instruments([_instrument(leg.symbol) for leg in legs])
            await tx.positions.add(position)
            await tx.orders.add(order, now)
            await tx.orders.add_attempt(attempt, now)
            assert await tx.orders.start_sending(attempt.id, epoch=1, now=now)
            await tx.commit()
        ticket = Ticket(
            self.world.account,
            legs,
            order.limit_price,
            order.time_in_force,
            attempt.external_identifier,
            False,
        )
        answer = await broker.submit(ticket)
        assert isinstance(answer, Accepted), answer
        self.world.simulator.exchange.step(40)
        await self.reconcile()
        wanted = OrderStatus.WORKING if rests else OrderStatus.FILLED
        assert (await self.desk.order(order.id)).status is wanted
        return position.id

    async def _position(
        self, spreads: tuple[tuple[Leg, ...], ...], share: Decimal | None, units: int
    ) -> Position:
        first = OptionSymbol.from_occ(spreads[0][0].symbol)
        plans = tuple(
            SpreadPlan(f"spread-{index}", legs, Decimal(5), share) for index, legs in enumerate(spreads, 1)
        )
        return Position(
            id=uuid4(),
            account_id=await self.desk.account(),
            origin=Origin.STRATEGY,
            parent_id=None,
            suggestion_id=None,
            strategy="test_spread",
            underlying=first.root,
            expiry=first.expiry,
            units=units,
            status=PositionStatus.PENDING_ENTRY,
            initial_risk=Decimal(500),
            tick=CENT,
            exit_plan=ExitPlan(time_exit_dte=0),
            spreads=tuple(PositionSpread(plan, None) for plan in plans),
            created_at=self.desk.clock.now(),
            opened_at=None,
        )

    async def booked(self) -> dict[str, int]:
        """Σ open lots by symbol."""
        async with self.desk.units() as tx:
            found = await tx.positions.booked(await self.desk.account())
        return {symbol: quantity for symbol, (_, quantity) in found.items()}

    async def cash(self) -> Decimal:
        """What our copy of the ledger sums up to; the first deposit is older than it."""
        async with self.engine.connect() as connection:
            found = await connection.execute(text("SELECT coalesce(sum(net_value), 0) FROM ledger_entry"))
        return Decimal(found.scalar_one())

    async def agrees(self) -> None:
        """Our books equal the simulator's: quantities by symbol, and cash to the cent."""
        assert await self.booked() == self.world.positions
        assert OPENING_CASH + await self.cash() == self.world.books.cash[self.world.account]
        async with self.desk.units() as tx:
            assert await tx.ledger.pending(await self.desk.account()) == ()

    async def gained(self, position_id: UUID) -> None:
        """What a closed position gained after fees, with what came of it, is the sum of its transactions."""
        async with self.engine.connect() as connection:
            found = await connection.execute(
                text(
                    "SELECT sum(e.net_value) FROM ledger_entry e JOIN position p ON p.id = e.position_id "
                    "WHERE coalesce(p.parent_id, p.id) = :id"
                ),
                {"id": position_id},
            )
        summed_up = sum(gain.net or 0 for gain in await self.reads.gains() if gain.root_id == position_id)
        assert round(Decimal(summed_up), 6) == found.scalar_one()

    async def tamper(self, statement: str, strike: int | None = None) -> None:
        """Change the books behind senex's back, as the database's owner."""
        with psycopg.connect(self.owner_url) as connection:
            connection.execute("ALTER TABLE fill DISABLE TRIGGER USER")
            connection.execute(statement.replace(":strike", f"'{strike}'").encode())

    async def adopt(self, position_id: UUID, options: list[str]) -> tuple[str, str]:
        """The daemon's answer to the decision to adopt a position."""
        decision = await self.desk.decide(
            DecisionKind.ADOPT_POSITION, subject_id=position_id, options=options
        )
        await self.settle()
        return await self.desk.answer(decision)

    async def position(self, position_id: UUID) -> PositionView:
        found = await self.reads.position(position_id)
        assert found is not None
        return found

    async def positions(self) -> tuple[PositionView, ...]:
        return await self.reads.positions(statuses=None)

    async def orders(self, position_id: UUID) -> list[tuple[str, str]]:
        return [(one.kind, one.status) for one in await self.reads.orders(position_id=position_id)]


@asynccontextmanager
async def account(urls: tuple[str, str, str], **options: object) -> AsyncIterator[Account]:
    """A new simulator, paused on its first day, and a daemon's use cases on it."""
    world = World.opened(**options)
    simulator = world.simulator
    server = Server(
        exchange=simulator.exchange,
        tokens=simulator.tokens,
        timeline=simulator.timeline,
        mirror=simulator.mirror,
        movable=True,
    )
    port = await server.start("127.0.0.1", 0)
    access = BrokerAccess(
        environment=ENVIRONMENT,
        client_secret=simulator.tokens.client_secret,
        refresh_token=simulator.tokens.refresh_token,
        rest_url=f"http://127.0.0.1:{port}",
        alerts_url=f"ws://127.0.0.1:{port}/alerts",
    )
    try:
        async with beside(world, access, urls) as first:
            yield first
    finally:
        await server.stop()
        simulator.journal.close()


@asynccontextmanager
async def beside(world: World, access: BrokerAccess, urls: tuple[str, str, str]) -> AsyncIterator[Account]:
    """A daemon's use cases on a database of their own and a simulator that runs already."""
    database_url, console_url, owner_url = urls
    engine, reads, clock = open_engine(database_url), Reads(console_url), SimulatedClock(world)
    quotes = MemoryQuotes(Market())
    try:
        log = MessageLog(engine, clock)
        async with open_gateway(access, clock=clock, recorder=log.record) as gateway:
            context = Context(
                units=PostgresUnits(engine),
                broker=gateway,
                quotes=quotes,
                publisher=MemoryPublisher(),
                clock=clock,
                environment=ENVIRONMENT,
            )
            desk = Desk(context, gateway, quotes, clock, engine)  # type: ignore[arg-type]
            yield Account(world, desk, reads, engine, owner_url, access)
    finally:
        await reads.close()
        await engine.dispose()


def sell(symbol: str, quantity: int = 1) -> Leg:
    return Leg(symbol, Action.SELL_TO_OPEN, quantity, InstrumentType.of(symbol))


def buy(symbol: str, quantity: int = 1) -> Leg:
    return Leg(symbol, Action.BUY_TO_OPEN, quantity, InstrumentType.of(symbol))


def _instrument(symbol: str) -> Instrument:
    option = OptionSymbol.from_occ(symbol)
    return Instrument(symbol, option.streamer, option.root, 100, None)
