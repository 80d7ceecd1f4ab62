"""One broker, one database and a daemon that may die and comes back: what the trials of tier 1 are held on."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg.rows import namedtuple_row

from daemon import jobs
from daemon.handlers import HANDLERS
from daemon.streaming.alerts import AlertIntake
from senex.broker.gateway import open_gateway
from senex.broker.session import BrokerAccess, open_session
from senex.broker.streams import AlertStream
from senex.domain.errors import Unavailable
from senex.domain.quotes import Market, Quote
from senex.domain.symbols import OptionSymbol
from senex.services.context import Context
from senex.simulator import matching
from senex.simulator.assembly import DEFAULT_ACCOUNT, Options, account_numbers, assemble
from senex.simulator.books.lifecycle import timetable
from senex.simulator.server import Server
from senex.store.decisions import Decisions
from senex.store.direct import connect
from senex.store.engine import open_engine
from senex.store.messages import MessageLog
from senex.store.outbox import Outbox
from senex.store.streaming import StreamStore
from senex.store.unit_of_work import PostgresUnits
from senex.testing.bus import MemoryPublisher
from tests.faults.tier1.lines import BrokerLine, DatabaseLine, Fuse
from tests.servers import CONSOLE, DAEMON, copied, login_url

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection
    from datetime import date, datetime
    from uuid import UUID

    from daemon.embedded import Endpoints
    from senex.simulator.exchange import Exchange

ENVIRONMENT = "simulated"
_ROUNDS = 60
_WORK = "INSERT INTO outbox (account_id, queue, job, subject) VALUES (%s, 'trading', %s, %s)"
_PASS = (
    "UPDATE outbox SET lease_until = lease_until - %(by)s, created_at = created_at - %(by)s WHERE done_at IS NULL",
    "UPDATE attempt SET sending_machine = sending_machine - %(by)s WHERE status IN ('sending', 'unknown')",
)
_ASIDE = """
WITH aside AS (UPDATE outbox SET done_at = clock_timestamp() WHERE done_at IS NULL AND account_id <> %s)
SELECT EXISTS (
    SELECT FROM outbox WHERE done_at IS NULL AND (account_id = coalesce(%s, account_id) OR account_id IS NULL)
        AND (lease_until IS NULL OR lease_until < clock_timestamp())) AS left
"""


_COPY = """
WITH others AS (
    INSERT INTO account SELECT (jsonb_populate_record(a, jsonb_build_object(
        'id', gen_random_uuid(), 'number', other))).* FROM account a, unnest(%s::text[]) AS other RETURNING id),
states AS (INSERT INTO trading_state SELECT (jsonb_populate_record(s, jsonb_build_object(
    'account_id', others.id))).* FROM trading_state s, others),
gates AS (INSERT INTO readiness SELECT (jsonb_populate_record(r, jsonb_build_object(
    'account_id', others.id, 'ready', true))).* FROM readiness r, others)
INSERT INTO account_snapshot SELECT (jsonb_populate_record(s, jsonb_build_object('account_id', others.id,
    'id', nextval(pg_get_serial_sequence('account_snapshot', 'id'))))).* FROM account_snapshot s, others
"""


class Endless(AssertionError):
    """Work that is never done."""


class BrokersClock:
    """The market's clock, or an hour beside it."""

    def __init__(self, exchange: Exchange, timeline: str) -> None:
        self._exchange = exchange
        self.timeline = timeline
        self.off = timedelta(0)

    def now(self) -> datetime:
        return self._exchange.clock.now() + self.off


class BoardQuotes:
    """The ``Quotes`` port on the broker's own board: the stream is not what is tried here."""

    def __init__(self, exchange: Exchange, clock: BrokersClock) -> None:
        self._exchange, self._clock = exchange, clock

    async def snapshot(self, symbols: Collection[str]) -> Market:
        now = self._clock.now()
        return Market({name: self._quote(name, now) for name in symbols}, now)

    async def wanted(self, symbols: Collection[str], *, timeout: float) -> Market:
        del timeout
        return await self.snapshot(symbols)

    def _quote(self, name: str, now: datetime) -> Quote:
        symbol = OptionSymbol.from_streamer(name).occ if name.startswith(".") else name
        told = self._exchange.board.quote(symbol)
        assert told is not None, symbol
        sizes = (Decimal(told.bid_size), Decimal(told.ask_size))
        return Quote(name, told.bid_price, told.ask_price, *sizes, told.sequence, now)


class Life:
    """The daemon's process from its start to its death."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._stack = AsyncExitStack()
        self._tasks: list[asyncio.Task[Any]] = []
        self._outboxes: list[Outbox] = []

    async def begin(self) -> None:
        bench, stack = self._bench, self._stack
        engine = open_engine(bench.daemon_url)
        stack.push_async_callback(engine.dispose)
        direct = open_engine(bench.daemon_url, size=2)
        stack.push_async_callback(direct.dispose)
        log = MessageLog(engine, bench.clock)
        gateway = await stack.enter_async_context(
            open_gateway(bench.access, clock=bench.clock, recorder=log.record)
        )
        self.context = Context(
            units=PostgresUnits(engine, locks=direct),
            broker=gateway,
            quotes=BoardQuotes(bench.exchange, bench.clock),
            publisher=MemoryPublisher(),
            clock=bench.clock,
            environment=ENVIRONMENT,
        )
        relay = await connect(bench.daemon_url, name="relay")
        stack.push_async_callback(relay.close)
        self.relay = Outbox(relay)
        await self._begin_worker()
        session = await stack.enter_async_context(open_session(bench.access))
        store = StreamStore(bench.daemon_url, environment=ENVIRONMENT)
        stack.push_async_callback(store.close)
        intake = AlertIntake(store, bench.clock)
        self.alerts = AlertStream(session, intake)
        for endless in (intake.run(), self.alerts.run()):
            self._tasks.append(asyncio.create_task(endless))

    async def _begin_worker(self) -> None:
        connection = await connect(self._bench.daemon_url, name="worker")
        self._stack.push_async_callback(connection.close)
        self._outboxes.append(Outbox(connection))

    async def end(self) -> None:
        """Whatever it was doing."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        with suppress(Exception):  # its sockets are dead: nothing it says on leaving matters
            await self._stack.aclose()

    async def work(self, outbox_id: int) -> None:
        """Do one row of the outbox as a worker does, or as two that are offered it at once."""
        wanted = 2 if self._bench.twice else 1
        while len(self._outboxes) < wanted:
            await self._begin_worker()
        await asyncio.gather(
            *(
                jobs.run(outbox_id, outbox=outbox, container=self.context, handlers=HANDLERS)
                for outbox in self._outboxes[:wanted]
            )
        )


class Bench:
    """Everything outside the daemon, and the daemon's present life."""

    def __init__(self, numbers: int, *, seed: int, lined: bool) -> None:
        self._lined = lined
        self.simulator = assemble(Options(seed=seed, speed=0.0))
        self.exchange = self.simulator.exchange
        self._others = account_numbers(DEFAULT_ACCOUNT, numbers)[1:]
        self.server = Server(
            exchange=self.exchange, tokens=self.simulator.tokens, timeline=self.simulator.timeline
        )
        self.clock = BrokersClock(self.exchange, self.simulator.timeline)
        self.database, self.broker = DatabaseLine(), BrokerLine()
        self.lives = 0
        self.tried: UUID | None = None
        """The account whose turn it is; what is to do for others is not done."""
        self.twice = False
        """Whether every row is offered to two workers at once."""
        self._life: Life | None = None

    def _open(self, number: str) -> None:
        """Another account, opened yesterday: the year of balances the first one has costs more than a trial."""
        sessions, now = self.exchange.market.sessions, self.exchange.clock.now()
        yesterday = sessions[sessions.last_started(now) - 1]
        self.exchange.books.open_account(number, yesterday, "Margin")
        for moment in timetable(yesterday):
            if moment.instant > yesterday.opens:
                self.exchange.lifecycle._keep(number, moment)

    async def open(self, stack: AsyncExitStack, embedded: Endpoints, template: str) -> None:
        name = self.name = stack.enter_context(copied(embedded, template))
        self.admin = await psycopg.AsyncConnection.connect(
            embedded.postgres.superuser_url(name), autocommit=True, row_factory=namedtuple_row
        )
        stack.push_async_callback(self.admin.close)
        self.decisions = Decisions(login_url(embedded, CONSOLE, name), deadline=600)
        stack.push_async_callback(self.decisions.close)
        stack.callback(self.simulator.journal.close)
        port = self.server_port = await self.server.start("127.0.0.1", 0)
        stack.push_async_callback(self.server.stop)
        await self.broker.start("127.0.0.1", port)
        stack.push_async_callback(self.broker.close)
        await self.database.start(embedded.postgres.host, embedded.postgres.port)
        stack.push_async_callback(self.database.close)
        self.daemon_url = login_url(embedded, DAEMON, name)
        if self._lined:
            self.daemon_url = _through(self.daemon_url, self.database.port)
        tokens = self.simulator.tokens
        self.access = BrokerAccess(
            environment=ENVIRONMENT,
            client_secret=tokens.client_secret,
            refresh_token=tokens.refresh_token,
            rest_url=self.broker.url,
            alerts_url=f"ws://127.0.0.1:{self.broker.port}/alerts",
        )
        engine = open_engine(login_url(embedded, DAEMON, name), size=1)
        stack.push_async_callback(engine.dispose)
        self.units = PostgresUnits(engine)
        stack.push_async_callback(self.die)
        await self.offer("start", "")
        while not await self.rows("SELECT id FROM account"):
            await self.drain()
            await self.time_passes(20)  # it failed on a busy machine, and is offered again
        await self._copy()
        await self._meet()

    async def _copy(self) -> None:
        """One account was read and reconciled; the others are as fresh and empty: it is true of them too."""
        for number in self._others:
            self._open(number)
        await self.rows(_COPY, self._others)
        rows = await self.rows("SELECT number, id FROM account ORDER BY number")
        self.accounts = [(row.number, row.id) for row in rows]
        await self.open_gate(None)

    async def _meet(self) -> None:
        """Whoever lives next hears of all of them."""
        await self.die()

    async def open_gate(self, account: UUID | None) -> None:
        """Let orders out for an account nobody has traded yet, or for all of them."""
        await self.rows(
            "UPDATE readiness SET ready = true WHERE account_id = coalesce(%s, account_id)", account
        )

    # -- the daemon's life ------------------------------------------------------------------------

    async def living(self) -> Life:
        """The daemon, begun if it is dead; Postgres or the broker may be away, it tries again."""
        while self._life is None:
            life = Life(self)
            try:
                await life.begin()
            except Unavailable:
                await life.end()
            else:
                self._life, self.lives = life, self.lives + 1
        return self._life

    async def die(self) -> None:
        """SIGKILL: no byte leaves any more, then nobody is there."""
        life, self._life = self._life, None
        if life is not None:
            self.fuse.blow()
            await self.database.cut()
            await self.broker.cut()
            await life.end()
        self.light(Fuse())

    @property
    def fuse(self) -> Fuse:
        """What counts the messages of both lines."""
        return self.database.fuse

    def light(self, fuse: Fuse) -> None:
        """Put another one in."""
        self.database.fuse = self.broker.fuse = fuse

    async def drain(self) -> None:
        """Do what is offered, until nothing is; die and live again on the way as the fuse says."""
        for _ in range(_ROUNDS):
            life = await self.living()
            blown = asyncio.create_task(self.fuse.blown.wait())
            working = asyncio.create_task(self._round(life))
            await asyncio.wait({blown, working}, return_when=asyncio.FIRST_COMPLETED)
            for each in (blown, working):
                each.cancel()
            [_, worked] = await asyncio.gather(blown, working, return_exceptions=True)
            if self.fuse.blown.is_set() or isinstance(worked, Unavailable):
                await self.die()
            elif isinstance(worked, BaseException):
                raise worked
            elif not worked:
                return
        raise Endless("the outbox does not become empty")

    async def _round(self, life: Life) -> bool:
        """Whether there was anything to do for the account that is tried."""
        heard = await life.relay.hear(moving=True)
        if heard is None and await self.set_aside():
            heard = await life.relay.hear(moving=False)
            offered = [heard] if heard is not None else [each.id for each in await life.relay.lease()]
        else:
            offered = [] if heard is None else [heard]
        for each in offered:
            await life.work(each)
        return bool(offered)

    async def listen(self) -> None:
        """Return once alerts flow and those there are have been taken."""
        life = await self.living()
        while not life.alerts.connected and not self.fuse.blown.is_set():  # noqa: ASYNC110  senex tells nobody
            await asyncio.sleep(0.1)
        with suppress(TimeoutError):
            async with asyncio.timeout(20):
                await self.server.services.alerts.sent()
                await life.alerts.caught_up()

    # -- around it --------------------------------------------------------------------------------

    async def rows(self, query: str, *values: object) -> list[Any]:
        """Look into the books past the line."""
        cursor = await self.admin.execute(query.encode(), values)
        return await cursor.fetchall() if cursor.description else []

    async def offer(self, job: str, subject: object, account: object = None) -> None:
        """Put work into the outbox, as a slot of the schedule does."""
        await self.rows(_WORK, account, job, str(subject))

    async def set_aside(self) -> bool:
        """Leave undone what is for other accounts than the one that is tried: their trials are over, or to come.

        Whether anything is left to do now.
        """
        [row] = await self.rows(_ASIDE, self.tried, self.tried)
        return bool(row.left)

    def centre(self, underlying: str) -> tuple[date, Decimal]:
        """The monthly expiration about 45 days away, and its even strike nearest the price."""
        today = self.clock.now().date()
        listed = self.exchange.market.chain(underlying, self.exchange.board.tick)
        one = min(
            (each for each in listed if each.monthly), key=lambda each: abs((each.day - today).days - 45)
        )
        price = self.exchange.board.mark(underlying)
        assert price is not None
        return one.day, min(
            (each for each in one.strikes if each % 2 == 0), key=lambda each: abs(each - price)
        )

    async def time_passes(self, seconds: float) -> None:
        """Machine time, for everything Postgres dates."""
        for statement in _PASS:
            await self.admin.execute(statement.encode(), {"by": timedelta(seconds=seconds)})

    def fill(self, number: int, units: int | None = None, left_out: str | None = None) -> None:
        """The market takes an order, or ``units`` of it, or all legs of it but one."""
        exchange, instant = self.exchange, self.exchange.now()
        order = exchange.books.orders[number]
        floor = exchange.desk._floor
        with exchange._journal.transaction():
            exchange.desk.route(instant)
            quotes = floor._quotes(order)
            if order.working and order.live_tick is not None and quotes is not None:
                block = matching.next_block(order, market=False)
                sides = matching.sides_of(order, block, quotes)
                net = max(block.limit or 0, matching.natural(sides))
                if block.limit is None:
                    net = matching.natural(sides)
                some = min(units or block.units, block.units)
                missed = left_out if len(block.lots) > 1 else None
                exchange.desk.settle(floor._fill(order, block, some, net, sides, instant, left_out=missed))
        exchange.flush()

    def remove(self, number: int) -> None:
        """The broker's staff takes an order out."""
        exchange = self.exchange
        with exchange._journal.transaction():
            exchange.desk.route(exchange.now())
            if exchange.books.orders[number].working:
                exchange.remove(number, exchange.now())
        exchange.flush()


@asynccontextmanager
async def open_bench(
    embedded: Endpoints, template: str, *, accounts: int, seed: int = 7, lined: bool = True
) -> AsyncIterator[Bench]:
    """A bench with so many fresh accounts; ``lined`` puts the line before Postgres, which costs time."""
    async with AsyncExitStack() as stack:
        bench = Bench(accounts, seed=seed, lined=lined)
        await bench.open(stack, embedded, template)
        yield bench


def _through(url: str, port: int) -> str:
    parts = urlsplit(url)
    netloc = f"{parts.netloc.rpartition('@')[0]}@127.0.0.1:{port}"
    return urlunsplit(parts._replace(netloc=netloc, query=""))
