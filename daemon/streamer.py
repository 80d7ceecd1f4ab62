"""The streamer: one process that listens to the broker, for everyone.

Singleton by advisory lock. It keeps the newest quote per symbol in Redis,
stores account alerts in Postgres, and says how fresh its sources are. Redis
gone, broker gone and Postgres slow are lived through; losing the lock ends the
process, because another may hold it now.
"""

from __future__ import annotations

import asyncio
import gc
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from daemon.streaming.alerts import AlertIntake
from daemon.streaming.flusher import Flusher
from daemon.streaming.settling import Settling
from daemon.streaming.sweeping import Sweeper
from daemon.streaming.wishes import Wishes
from daemon.together import ended, together
from senex.bootstrap.access import broker_access
from senex.broker.session import open_session
from senex.broker.streams import AlertStream, QuoteStream, stay_logged_in
from senex.bus.clock import open_clock
from senex.bus.connection import open_redis
from senex.bus.logins import RedisLoginPause
from senex.bus.publisher import QuoteWriter
from senex.domain.errors import Unavailable
from senex.domain.quotes import CONNECTION_SILENT
from senex.lean import give_back
from senex.store.heartbeats import keep_beating
from senex.store.locks import leader
from senex.store.streaming import SourceNews, StreamStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from typing import Never

    from senex.bus.clock import FollowedClock, WallClock
    from senex.config import DaemonSettings

_STATUS_EVERY = 1.0
_LOGIN_EVERY = 20.0


@dataclass(slots=True)
class State:
    """What the heartbeat says."""

    detail: str = "standby"


async def run(settings: DaemonSettings, *, instance: str = "1") -> Never:
    """Wait for leadership, then stream until cancelled; ``instance`` names this process among its standbys.

    Raises:
        Unavailable: ``E_CLOCK_AWAY``, ``E_POSTGRES_AWAY`` or ``E_LOCK_LOST``; start again.
    """
    state = State()
    clock = await asyncio.to_thread(open_clock, settings.clock_url)
    beating = asyncio.create_task(
        keep_beating(settings.direct_url, "streamer", instance, lambda: state.detail)
    )
    try:
        async with leader(settings.direct_url, "streamer"):
            await _stream(settings, clock, state)
    finally:
        await ended(beating)
        await asyncio.to_thread(clock.close)
    raise AssertionError("a stream does not end by itself")


async def _stream(settings: DaemonSettings, clock: FollowedClock | WallClock, state: State) -> None:
    async with AsyncExitStack() as stack:
        access = await asyncio.to_thread(broker_access, settings)
        redis = await stack.enter_async_context(open_redis(settings.redis_url.get_secret_value()))
        pause = RedisLoginPause(redis, access.login)
        session = await stack.enter_async_context(
            open_session(access, pause=pause, newest=lambda: asyncio.to_thread(broker_access, settings))
        )
        store = StreamStore(settings.database_url.get_secret_value(), environment=settings.environment)
        stack.push_async_callback(store.close)
        quotes = QuoteStream(session, clock=clock)
        intake = AlertIntake(store, clock)
        alerts = AlertStream(session, intake)
        writer = QuoteWriter(redis)
        flusher = Flusher(quotes.book, writer)
        wishes = Wishes(
            store=store, redis=redis, clock=clock, budget=settings.stream_symbols, want=quotes.want
        )
        sweeper = Sweeper(
            store=store, redis=redis, wishes=wishes, writer=writer, direct_url=settings.direct_url
        )
        report = Report(
            quotes, alerts, intake, flusher, wishes, clock, state, token_seconds=lambda: session.token_seconds
        )
        settling = Settling(
            quotes=quotes,
            alerts=alerts,
            intake=intake,
            flusher=flusher,
            wishes=wishes,
            tell=lambda: report.tell(store),
        )
        # what is loaded stays: the collector's walk through it would hold a frame up for a tenth of a second
        gc.freeze()
        give_back()
        await together(
            quotes.run(),
            intake.run(),
            alerts.run(),
            flusher.run(),
            wishes.run(),
            sweeper.run(),
            stay_logged_in(session, report.login, _LOGIN_EVERY),
            report.run(store),
            clock.attend("streamer", 1, settling.settle),
        )


class Report:
    """Says how every source is, each second, in Postgres."""

    def __init__(
        self,
        quotes: QuoteStream,
        alerts: AlertStream,
        intake: AlertIntake,
        flusher: Flusher,
        wishes: Wishes,
        clock: FollowedClock | WallClock,
        state: State,
        *,
        token_seconds: Callable[[], float],
    ) -> None:
        self._quotes = quotes
        self._alerts = alerts
        self._intake = intake
        self._flusher = flusher
        self._wishes = wishes
        self._clock = clock
        self._state = state
        self._token_seconds = token_seconds
        self._login = "not logged in yet"
        self._told: object = None

    async def login(self, problem: str) -> None:
        """Take the news of the session's token."""
        self._login = problem

    async def run(self, store: StreamStore) -> Never:
        """Report until cancelled."""
        while True:
            await self.tell(store)
            await asyncio.sleep(_STATUS_EVERY)

    async def tell(self, store: StreamStore) -> None:
        """Report now; without Postgres, to nobody."""
        statuses, now = self.statuses(), self._clock.now()
        if (statuses, now) == self._told:  # a market that stands
            return
        self._state.detail = "; ".join(f"{name}: {news.detail}" for name, news in statuses.items())
        with suppress(Unavailable):
            await store.sources(statuses, now)
            self._told = statuses, now

    def statuses(self) -> dict[str, SourceNews]:
        """How each source is."""
        seconds = self._token_seconds()
        return {
            "quotes": self._quote_status(),
            "alerts": SourceNews(
                self._alerts.connected,
                self._alerts.problem
                or f"{self._intake.taken} received, {self._intake.unreadable} unreadable",
            ),
            "token": SourceNews(
                not self._login, self._login or f"valid for {seconds:.0f} s", {"valid_seconds": seconds}
            ),
            "redis": SourceNews(not self._flusher.problem, self._flusher.problem or "written"),
            "clock": SourceNews(
                self._clock.fresh,
                "followed" if self._clock.fresh else "the market clock does not answer",
            ),
        }

    def _quote_status(self) -> SourceNews:
        book = self._quotes.book
        counted = ", ".join(f"{count} {kind}" for kind, count in sorted(book.quarantined.items()))
        figures: dict[str, float] = {
            "symbols": len(book),
            "budget": self._wishes.budget,
            "leases_refused": self._wishes.refused,
            "quarantined": sum(book.quarantined.values()),
        }
        last = ""
        if book.last_inbound is not None:
            figures["age_seconds"] = self._age(book.last_inbound)
            last = f", last frame {figures['age_seconds']:.0f} s ago"
        detail = f"{len(book)} symbols, {book.received} events{last}" + (f"; {counted}" if counted else "")
        if self._wishes.refused:
            detail += f"; {self._wishes.refused} leases over the budget"
        if not book.connected:
            return SourceNews(False, self._quotes.problem or "not connected", figures)  # noqa: FBT003  named there
        if figures.get("age_seconds", 0.0) > CONNECTION_SILENT.total_seconds():
            return SourceNews(False, f"silent; {detail}", figures)  # noqa: FBT003
        return SourceNews(True, detail, figures)  # noqa: FBT003

    def _age(self, at: datetime) -> float:
        """Seconds of market time since."""
        return (self._clock.now() - at).total_seconds()
