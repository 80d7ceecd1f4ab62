"""A small, fixed world for the console's tests: books, a bus, a decider, a clock that stands."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid5

from senex.bus.codec import Frame, Hint, Pulse
from senex.bus.subscriber import Joined, Lost
from senex.domain.errors import Unavailable
from senex.domain.quotes import Quote
from senex.domain.symbols import OptionSymbol, Right
from senex.ports.views import (
    AccountView,
    AlarmView,
    DecisionResultView,
    DifferenceView,
    EventView,
    JobView,
    LegView,
    LotView,
    NotificationView,
    OrderView,
    PositionSpreadView,
    PositionView,
    ProcessView,
    QueueView,
    ReasonView,
    ScheduleView,
    SourceView,
    SpreadView,
    SuggestionView,
)
from tests.waiting import PATIENCE
from tui.app import SenexApp
from tui.parts import Parts
from tui.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection, Sequence
    from pathlib import Path

    from textual.app import App
    from textual.pilot import Pilot

    from senex.bus.subscriber import BusEvent

D = Decimal
NOW = datetime(2025, 11, 5, 15, 3, 12, tzinfo=UTC)
EXPIRY = date(2025, 12, 19)
NAMES = UUID("5e9ec000-0000-4000-8000-000000000000")
ACCOUNT = uuid5(NAMES, "account")


def key(name: str) -> UUID:
    """A fixed id."""
    return uuid5(NAMES, name)


class StandingClock:
    """Market time that moves only when told."""

    timeline = "test"
    fresh = True

    def __init__(self, at: datetime = NOW) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at


class Machine:
    """Machine time that moves only when told."""

    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


def occ(strike: int, right: Right, root: str = "QQQ", expiry: date = EXPIRY) -> OptionSymbol:
    return OptionSymbol(root, expiry, right, D(strike))


def trident_legs(root: str = "QQQ", body: int = 622, width: int = 3) -> tuple[LegView, ...]:
    def leg(strike: int, right: Right, action: str, quantity: int) -> LegView:
        symbol = occ(strike, right, root)
        return LegView(symbol.occ, symbol.streamer, action, quantity if "Buy" in action else -quantity)

    return (
        leg(body, Right.PUT, "Sell to Open", 2),
        leg(body - width, Right.PUT, "Buy to Open", 2),
        leg(body, Right.CALL, "Sell to Open", 1),
        leg(body + width, Right.CALL, "Buy to Open", 1),
    )


def suggestion(name: str = "one", root: str = "QQQ", body: int = 622, **changes: object) -> SuggestionView:
    """The Trident of DOMAIN C.1's vector: width 3, credit 4.10, risk $190."""
    legs = trident_legs(root, body)
    put = tuple(replace(leg, quantity=leg.quantity // 2) for leg in legs[:2])
    made = SuggestionView(
        id=key(f"suggestion {name}"),
        account_id=ACCOUNT,
        account_number="5SX00042",
        version=1,
        status="pending",
        digest="d" * 64,
        strategy="senex_trident",
        underlying=root,
        expiry=EXPIRY,
        units=1,
        spreads=(
            SpreadView("put-1", D(3), D("0.40"), put),
            SpreadView("put-2", D(3), D("0.60"), put),
            SpreadView("call-1", D(3), D("0.40"), legs[2:]),
        ),
        legs=legs,
        natural=D("3.86"),
        mid=D("4.10"),
        opposite=D("4.34"),
        limit_price=D("4.10"),
        band_low=D("3.86"),
        band_high=D("4.51"),
        tick=D("0.01"),
        max_loss=D(190),
        max_profit=D(410),
        breakevens=(D("619.95"),),
        score=D(87),
        reasons=(
            ReasonView("base score of the Trident", D(50)),
            ReasonView("IV rank 41.2 is 16.2 above 25", D("8.1")),
            ReasonView("ADX 16.4 is below 20: no strong trend", D(10)),
            ReasonView("HV/IV 0.71 is below 0.8: options are dear", D(15)),
            ReasonView("stress 22 is below 30", D(10)),
            ReasonView("price 621.87 lies inside the Bollinger bands (611.20 to 633.41)", D(5)),
            ReasonView("RSI 63 is above 60", D(-5)),
            ReasonView("range over 3 closes 1.3 % of price: not range-bound (≥ 0.5 %)", None),
        ),
        time_exit_dte=7,
        stop_alert_share=D("0.50"),
        stop_order_share=D("0.75"),
        created_at=NOW - timedelta(seconds=95),
        priced_at=NOW - timedelta(seconds=95),
        expires_at=NOW + timedelta(hours=23, minutes=58),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def order(name: str, kind: str, status: str, limit: str, **changes: object) -> OrderView:
    legs = trident_legs()
    made = OrderView(
        id=key(f"order {name}"),
        account_id=ACCOUNT,
        account_number="5SX00042",
        position_id=key("position one"),
        kind=kind,
        origin="strategy",
        spread_key=None,
        underlying="QQQ",
        status=status,
        limit_price=D(limit),
        fill_price=None,
        natural_at_fill=None,
        opposite_at_fill=None,
        time_in_force="GTC" if kind == "target" else "Day",
        broker_order_id="400171",
        broker_status="Live",
        external_identifier="senex-5e9ec000-9f2c1d7e",
        attempt_status="accepted",
        attempt_message=None,
        reject_reason=None,
        legs=legs,
        created_at=NOW - timedelta(minutes=31),
        updated_at=NOW - timedelta(minutes=30),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def closing(legs: tuple[LegView, ...]) -> tuple[LegView, ...]:
    swap = {"Sell to Open": "Buy to Close", "Buy to Open": "Sell to Close"}
    return tuple(replace(leg, action=swap[leg.action], quantity=-leg.quantity) for leg in legs)


def target(spread: str, limit: str, place: int) -> OrderView:
    legs = trident_legs()
    own = (
        legs[2:]
        if spread == "call-1"
        else tuple(replace(leg, quantity=leg.quantity // 2) for leg in legs[:2])
    )
    return order(
        f"target {spread}",
        "target",
        "working",
        limit,
        spread_key=spread,
        legs=closing(own),
        broker_order_id=str(400172 + place),
    )


def orders() -> tuple[OrderView, ...]:
    filled = tuple(replace(leg, filled=abs(leg.quantity)) for leg in trident_legs())
    return (
        order(
            "entry",
            "entry",
            "filled",
            "4.10",
            fill_price=D("4.12"),
            natural_at_fill=D("3.88"),
            opposite_at_fill=D("4.36"),
            legs=filled,
            broker_status="Filled",
        ),
        target("put-1", "-0.82", 0),
        target("put-2", "-0.55", 1),
        target("call-1", "-0.80", 2),
        order(
            "spy",
            "entry",
            "unknown",
            "2.35",
            underlying="SPY",
            position_id=key("position spy"),
            legs=trident_legs("SPY", 668),
            attempt_status="unknown",
            attempt_message="the connection was lost after the order was sent",
            broker_order_id=None,
            broker_status=None,
            updated_at=NOW - timedelta(minutes=4),
        ),
    )


def position(name: str = "one") -> PositionView:
    legs = trident_legs()
    prices = {legs[0].symbol: "6.55", legs[1].symbol: "5.17", legs[2].symbol: "7.92", legs[3].symbol: "6.56"}

    def lots(spread: str, own: tuple[LegView, ...]) -> tuple[LotView, ...]:
        return tuple(
            LotView(
                spread,
                leg.symbol,
                leg.streamer,
                -1 if "Sell" in leg.action else 1,
                D(prices[leg.symbol]),
                100,
            )
            for leg in own
        )

    by_key = {o.spread_key: o for o in orders() if o.kind == "target"}
    return PositionView(
        id=key(f"position {name}"),
        account_id=ACCOUNT,
        account_number="5SX00042",
        strategy="senex_trident",
        origin="strategy",
        underlying="QQQ",
        expiry=EXPIRY,
        units=1,
        status="open_full",
        initial_risk=D(188),
        realized=D(0),
        opened_at=NOW - timedelta(minutes=30),
        time_exit_dte=7,
        ladder=tuple(date(2025, 12, day) for day in (12, 15, 16, 17, 18, 19)),
        fees=D("3.60"),
        realized_net=D(0),
        r_multiple=D(0),
        spreads=(
            PositionSpreadView("put-1", D(3), D("1.38"), D("0.40"), lots("put-1", legs[:2]), by_key["put-1"]),
            PositionSpreadView("put-2", D(3), D("1.38"), D("0.60"), lots("put-2", legs[:2]), by_key["put-2"]),
            PositionSpreadView(
                "call-1", D(3), D("1.36"), D("0.40"), lots("call-1", legs[2:]), by_key["call-1"]
            ),
        ),
    )


def account(**changes: object) -> AccountView:
    made = AccountView(
        id=ACCOUNT,
        number="5SX00042",
        nickname="Simulated margin",
        environment="simulated",
        margin_or_cash="Margin",
        trading_state="active",
        state_reason="",
        ready=True,
        ready_reason="",
        net_liquidation=D("100004.30"),
        cash=D("100404.30"),
        option_buying_power=D("99104.30"),
        maintenance=D(300),
        balances_at=NOW - timedelta(seconds=12),
        risk_preset="moderate",
        open_risk=D(188),
        risk_budget=D(4000),
        approvals=2,
        working_orders=3,
        unknown_orders=1,
        open_positions=1,
        realized_today=D(0),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def sources() -> tuple[SourceView, ...]:
    def source(name: str, seconds: int) -> SourceView:
        return SourceView(name, ok=True, detail="", at=NOW - timedelta(seconds=seconds))

    return (
        source("alerts", 1),
        source("balances", 12),
        source("orders", 12),
        source("positions", 12),
        source("token", 340),
    )


def processes() -> tuple[ProcessView, ...]:
    names = ("worker.trading", "worker.accounts", "worker.default", "scheduler", "streamer", "relay")
    return tuple(ProcessView(name, "demo", 0.4, "") for name in names)


def schedule() -> tuple[ScheduleView, ...]:
    def job(name: str, rule: str, queue: str, minutes: int, **changes: object) -> ScheduleView:
        made = ScheduleView(
            name=name,
            rule=rule,
            queue=queue,
            enabled=True,
            grace_seconds=300,
            next_slot=NOW + timedelta(minutes=minutes),
            problem=None,
            last_slot=NOW - timedelta(minutes=3),
            result="done",
            error=None,
            ended_at=NOW,
        )
        return replace(made, **changes)  # type: ignore[arg-type]

    session = "09:30-16:15 sessions in-session"
    return (
        job("cleanup_old_suggestions", "daily 03:30 every", "default", 1050, enabled=False, next_slot=None),
        job(
            "generate_trading_summary", "daily 16:30 weekdays", "default", 387, last_slot=None, result="never"
        ),
        job("monitor_open_orders", f"every 5 min {session}", "trading", 2, result="running"),
        job(
            "sync_positions",
            f"every 10 min {session}",
            "accounts",
            7,
            result="failing",
            error="The broker does not answer. [E_BROKER_AWAY]",
        ),
    )


def queues() -> tuple[QueueView, ...]:
    return (
        QueueView("trading", 0, 1, 0, 0.2),
        QueueView("accounts", 2, 0, 1, 34.0),
        QueueView("default", 0, 0, 0, None),
        QueueView("streamer", 0, 0, 0, None),
    )


def failing() -> tuple[JobView, ...]:
    return (
        JobView(
            id=4711,
            account_number="5SX00042",
            queue="accounts",
            job="sync_positions",
            subject=str(ACCOUNT),
            state="failing",
            offers=9,
            created_at=NOW,
            done_at=None,
            error="The broker does not answer. [E_BROKER_AWAY]",
        ),
    )


def notice(name: str, event: str, level: str, text: str, **changes: object) -> NotificationView:
    made = NotificationView(
        id=key(f"notice {name}"),
        at=NOW - timedelta(minutes=4),
        account_number="5SX00042",
        event=event,
        level=level,
        object_type="order",
        object_id=str(key("order spy")),
        title=f"senex SIMULATED: {event} ({level})",
        text=text,
        open=None,
        runbook=None,
        seen_at=None,
        seen_by=None,
        sent=1,
        owed=0,
        lost=0,
        problem=None,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def notices() -> tuple[NotificationView, ...]:
    return (
        notice(
            "unknown",
            "OUTCOME_UNKNOWN",
            "critical",
            "The answer to the SPY entry was lost; senex looks for it.\n"
            "What to do: docs/runbooks.md#outcome_unknown",
            open=True,
            runbook="docs/runbooks.md#outcome_unknown",
        ),
        notice(
            "rejected",
            "ORDER_REJECTED",
            "warning",
            "The target of QQQ call-1 was rejected.",
            sent=0,
            lost=1,
            problem="The channel mailtos-3f2a9c1e did not take the message. [E_NOTIFY_AWAY]",
        ),
        notice(
            "opened",
            "TRADE_OPENED",
            "info",
            "The entry order of QQQ entry (limit 4.10 credit) has filled: senex orders show 9f2c1d7e",
            at=NOW - timedelta(days=1),
            seen_at=NOW - timedelta(minutes=20),
            seen_by="ann",
        ),
    )


def shares() -> PositionView:
    """What an assignment left: no option, no plan, nobody looks after it."""
    return replace(
        position("shares"),
        strategy="assigned_stock",
        origin="adopted",
        parent_id=key("position one"),
        managed=False,
        units=100,
        expiry=NOW.date() - timedelta(days=3),
        initial_risk=None,
        fees=D("5.00"),
        realized_net=None,
        r_multiple=None,
        spreads=(
            PositionSpreadView(
                "all", D(0), D(-622), None, (LotView("all", "QQQ", "QQQ", 100, D(622), 1),), None
            ),
        ),
    )


def snapshot(**changes: object) -> Snapshot:
    made = Snapshot(
        accounts=(account(),),
        sources=sources(),
        processes=processes(),
        suggestions=(suggestion(), suggestion("two", "SPY", 668)),
        orders=orders(),
        positions=(position(),),
        loaded=0.0,
        schedule=schedule(),
        queues=queues(),
        failing=failing(),
        notices=notices(),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def alarm(name: str = "one", **changes: object) -> AlarmView:
    made = AlarmView(
        id=key(f"alarm {name}"),
        account_id=ACCOUNT,
        account_number="5SX00042",
        code="BOOKS_DIFFER",
        severity="critical",
        object_type="symbol",
        object_id="QQQ",
        text="QQQ   251219P00622000: our books say -2, the broker -1; look at `senex reconcile`.",
        raised_at=NOW - timedelta(minutes=4),
        seen_at=None,
        seen_by=None,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def alarms() -> tuple[AlarmView, ...]:
    """One that is critical, one less so, one that was seen."""
    near = "daily loss: $2,300.00 lost since the last close; entries end at $3000.00"
    lost = "Whether the broker has the SPY entry is not known; nothing is sent again, and senex looks for it."
    return (
        alarm(),
        alarm("two", code="DAILY_LOSS_NEAR", severity="warning", text=near),
        alarm("three", code="OUTCOME_UNKNOWN", severity="warning", text=lost, seen_at=NOW, seen_by="ann"),
    )


def differences() -> tuple[DifferenceView, ...]:
    """An order placed elsewhere, and a quantity that differs."""
    return (
        DifferenceView(
            "5SX00042", "foreign_order", "77120345", "QQQ", "not ours", "working, 0 filled", "review", NOW
        ),
        DifferenceView(
            "5SX00042", "quantity_mismatch", "QQQ   251219P00622000", "QQQ", "-2", "-1", "review", NOW
        ),
    )


def empty() -> Snapshot:
    """An account just synced, nothing else."""
    quiet = account(approvals=0, working_orders=0, unknown_orders=0, open_positions=0, open_risk=D(0))
    idle = tuple(QueueView(name, 0, 0, 0, None) for name in ("trading", "accounts", "default", "streamer"))
    return snapshot(
        accounts=(quiet,),
        suggestions=(),
        orders=(),
        positions=(),
        schedule=(),
        queues=idle,
        failing=(),
        notices=(),
    )


def quotes(at: datetime = NOW, sequence: int = 1) -> tuple[Quote, ...]:
    """Quotes of both chains' legs and their underlyings."""

    def quote(symbol: str, bid: str, ask: str) -> Quote:
        return Quote(symbol, D(bid), D(ask), D(10), D(12), sequence, at)

    made = [quote("QQQ", "621.86", "621.88"), quote("SPY", "667.90", "667.92")]
    for root, body in (("QQQ", 622), ("SPY", 668)):
        legs = trident_legs(root, body)
        for leg, (bid, ask) in zip(
            legs, (("6.50", "6.54"), ("5.14", "5.17"), ("7.86", "7.91"), ("6.50", "6.54")), strict=True
        ):
            made.append(quote(leg.streamer, bid, ask))
    return tuple(made)


def frame(at: datetime = NOW, number: int = 1, rows: tuple[Quote, ...] | None = None) -> Frame:
    pulse = Pulse("epoch", number, number, connected=True, last_inbound=at)
    return Frame(pulse, quotes(at, number) if rows is None else rows)


class FakeBooks:
    """Books that say what they are told to, or that they are away."""

    def __init__(self, shown: Snapshot | None, machine: Machine) -> None:
        self.shown = shown
        self.machine = machine
        self.away: str | None = None

    async def snapshot(self) -> Snapshot:
        if self.away is not None:
            raise Unavailable("E_DATABASE_AWAY", self.away)
        if self.shown is None:
            await asyncio.Event().wait()
            raise AssertionError
        return replace(self.shown, loaded=self.machine())

    async def differences(self, account_id: UUID) -> tuple[DifferenceView, ...]:
        return differences() if account_id == ACCOUNT else ()

    async def events(self, order_id: UUID) -> tuple[EventView, ...]:
        if order_id != key("order entry"):
            return ()
        half_hour = NOW - timedelta(minutes=30)
        return (
            EventView(half_hour, "ann at /dev/pts/1 (trader)", "order intended", None, "intended", ""),
            EventView(half_hour, "broker (alert)", "order filled", "working", "filled", "at 4.12"),
        )


class FakeBus:
    """A bus whose events a test puts in."""

    def __init__(self, *events: BusEvent) -> None:
        self.queue: asyncio.Queue[BusEvent] = asyncio.Queue()
        self.leased: frozenset[str] = frozenset()
        for event in events:
            self.queue.put_nowait(event)

    async def events(self) -> AsyncIterator[BusEvent]:
        while True:
            yield await self.queue.get()

    async def lease(self, symbols: Collection[str]) -> None:
        self.leased = frozenset(symbols)

    def lose(self) -> None:
        self.queue.put_nowait(Lost(Unavailable("E_REDIS_AWAY", "Redis does not answer.")))

    def join(self, at: datetime = NOW) -> None:
        self.queue.put_nowait(Joined(frame(at)))


@dataclass
class FakeDecider:
    """Records decisions and answers them as told."""

    outcome: str = "done"
    message: str = "carried out"
    silent: bool = False
    suggestion_id: UUID | None = None
    reasons: tuple[str, ...] = ()
    passphrase: str | None = None
    made: list[tuple[object, ...]] = field(default_factory=list)

    def _record(self, *decision: object) -> UUID:
        self.made.append(decision)
        return key(f"decision {len(self.made)}")

    async def approve(
        self, suggestion: SuggestionView, *, shown_at: datetime, passphrase: str | None = None
    ) -> UUID:
        return self._record(
            "approve", suggestion.id, suggestion.version, suggestion.digest, shown_at, passphrase
        )

    async def reject(self, suggestion: SuggestionView, *, reason: str) -> UUID:
        return self._record("reject", suggestion.id, reason)

    async def cancel(self, order: OrderView, *, reason: str) -> UUID:
        return self._record("cancel_order", order.id, reason)

    async def replace(
        self, order: OrderView, limit: Decimal, *, reason: str, passphrase: str | None = None
    ) -> UUID:
        return self._record("replace_order", order.id, limit, reason, passphrase)

    async def close(self, position: PositionView, *, spread_key: str | None, reason: str) -> UUID:
        return self._record("close_position", position.id, spread_key, reason)

    async def restore_targets(self, position: PositionView, *, reason: str) -> UUID:
        return self._record("restore_targets", position.id, reason)

    async def flatten(self, account_id: UUID, *, reason: str) -> UUID:
        return self._record("flatten", account_id, reason)

    async def set_state(
        self, account_id: UUID, state: str, *, reason: str, passphrase: str | None = None
    ) -> UUID:
        return self._record("set_state", account_id, state, reason, passphrase)

    async def suggest(self, account_id: UUID, symbol: str) -> UUID:
        return self._record("suggest", account_id, symbol)

    async def sync(self, account_id: UUID) -> UUID:
        return self._record("sync", account_id)

    async def acknowledge(self, alarm: AlarmView, account_id: UUID, *, reason: str) -> UUID:
        return self._record("acknowledge", alarm.id, account_id, reason)

    async def reconcile(
        self, account_id: UUID, *, dry_run: bool, fix: Sequence[str] = (), reason: str = ""
    ) -> UUID:
        return self._record("reconcile", account_id, dry_run, tuple(fix), reason)

    async def run_job(self, account_id: UUID, name: str) -> UUID:
        return self._record("run_job", account_id, name)

    async def pause_job(self, account_id: UUID, name: str, *, reason: str) -> UUID:
        return self._record("pause_job", account_id, name, reason)

    async def resume_job(self, account_id: UUID, name: str, *, reason: str) -> UUID:
        return self._record("resume_job", account_id, name, reason)

    async def retry_job(self, account_id: UUID, number: int) -> UUID:
        return self._record("retry_job", account_id, number)

    async def acknowledge_notice(self, notice: NotificationView, account_id: UUID) -> UUID:
        return self._record("acknowledge", notice.id, account_id)

    async def wait_result(self, decision_id: UUID) -> DecisionResultView:
        if self.silent:
            raise Unavailable("E_DAEMON_SILENT", "The daemon has not answered within 30 s.")
        return DecisionResultView(
            decision_id, self.outcome, "E_TEST", self.message, self.reasons, self.suggestion_id, None
        )

    async def has_passphrase(self) -> bool:
        return self.passphrase is not None

    async def unlock(self, passphrase: str) -> bool:
        return passphrase == self.passphrase


@dataclass
class World:
    """One console and everything it is built on."""

    books: FakeBooks
    bus: FakeBus
    decider: FakeDecider
    clock: StandingClock
    machine: Machine
    app: SenexApp

    def hint(self) -> None:
        """As if the bus had said that something changed."""
        self.bus.queue.put_nowait(Hint("order", str(ACCOUNT), "x"))

    async def ready(self, pilot: Pilot[None]) -> None:
        """Until the books are shown, and the quotes where there is a bus."""
        state = self.app.state
        await until(
            pilot,
            lambda: (
                state.clock is not None
                and (state.snapshot is not None or state.books.up is False or self.books.shown is None)
                and (state.bus.up is not None or self.bus.queue.empty())
            ),
        )
        await settle(pilot)


async def until(pilot: Pilot[None], true: Callable[[], object]) -> None:
    """Let the app run until something holds."""
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline, "it never came true"
        await pilot.pause(0.01)


async def settle(pilot: Pilot[None]) -> None:
    """Let the app run until it has nothing left to do.

    Textual's own pause takes a process that gets no turn on a busy machine for one that is idle.
    """
    await pilot.pause()
    await until(pilot, lambda: settled(pilot.app))


def settled(app: App[None]) -> bool:
    """Whether everything is mounted, heard, laid out and painted."""
    screen: Any = app.screen  # what is looked at is Textual's own
    every: list[Any] = [app, screen, *screen.walk_children(with_self=False)]
    heard = all(node._mounted_event.is_set() and node._message_queue.empty() for node in every)
    drawn = not (
        screen._layout_required or screen._repaint_required or screen._dirty_widgets or screen._callbacks
    )
    return heard and drawn


def build(
    exports: Path,
    *,
    shown: Snapshot | None = None,
    joined: bool = True,
    quotes_at: datetime = NOW,
    environment: str = "simulated",
    decider: FakeDecider | None = None,
    keys: dict[str, str] | None = None,
    idle_minutes: float = 15,
) -> World:
    """A console over fakes; ``shown`` None never answers."""
    bus = FakeBus()
    if joined:
        bus.join(quotes_at)
    machine, clock, decider = Machine(), StandingClock(), decider or FakeDecider()
    books = FakeBooks(shown, machine)

    @asynccontextmanager
    async def connect() -> AsyncIterator[Parts]:
        yield Parts(
            books=books,
            decider=decider,
            bus=bus,
            clock=clock,
            environment=environment,
            operator="ann",
            exports=exports,
            keys=keys or {},
            idle_minutes=idle_minutes,
        )

    app = SenexApp(connect=connect, monotonic=machine)
    app.animation_level = "none"
    return World(books, bus, decider, clock, machine, app)
