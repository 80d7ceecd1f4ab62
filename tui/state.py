"""What the console knows now: the books as last read, the market as streamed, and which links live.

One object per app. Only the app's own loop changes it, on messages from the
workers; widgets read it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from senex.domain.quotes import Market
from senex.domain.unknown import Unknown
from senex.services.live import price_suggestion

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from uuid import UUID

    from senex.domain.suggestions import Pricing
    from senex.ports.views import AccountView, EventView, ProcessView, SuggestionView
    from tui.clock import FollowedClock
    from tui.snapshot import Snapshot

DAEMON_LATE = 2.0
"""Seconds of machine time without any heartbeat, at a reading, after which the daemon counts as lost."""
PROCESS_LATE = 6.0
"""Seconds after which one process is missed while others beat; a busy machine delays one now and then."""


@dataclass(slots=True)
class Link:
    """A connection of this console: whether it lives, and since when (machine time) and why not."""

    up: bool | None = None
    why: str = ""
    since: float = 0.0

    def lost(self, why: str, at: float) -> None:
        """It went away; the first moment is kept."""
        if self.up is not False:
            self.since = at
        self.up, self.why = False, why

    def back(self, at: float) -> None:
        """It answers."""
        if not self.up:
            self.since = at
        self.up, self.why = True, ""


@dataclass
class State:
    """Read by every widget. ``monotonic`` is machine time."""

    environment: str = ""
    operator: str = ""
    monotonic: Callable[[], float] = time.monotonic
    clock: FollowedClock | None = None
    snapshot: Snapshot | None = None
    market: Market = field(default_factory=Market)
    stream_connected: bool = False
    books: Link = field(default_factory=Link)
    bus: Link = field(default_factory=Link)
    account_id: UUID | None = None
    last_symbol: str = "QQQ"
    keys: dict[str, str] = field(default_factory=dict)
    waiting: dict[UUID, str] = field(default_factory=dict)
    events: dict[UUID, tuple[EventView, ...]] = field(default_factory=dict)
    refused: dict[UUID, tuple[str, ...]] = field(default_factory=dict)
    """Why the daemon last said no to a suggestion, by its id."""

    def now(self) -> datetime:
        """Market time; asked only once a clock is there, since nothing is shown before."""
        if self.clock is None:
            raise RuntimeError("no market clock yet")
        return self.clock.now()

    @property
    def account(self) -> AccountView | None:
        """The account looked at: the chosen one, else the first."""
        if self.snapshot is None or not self.snapshot.accounts:
            return None
        chosen = [account for account in self.snapshot.accounts if account.id == self.account_id]
        return chosen[0] if chosen else self.snapshot.accounts[0]

    @property
    def pending(self) -> tuple[SuggestionView, ...]:
        """Suggestions that wait for a decision and have not ended."""
        if self.snapshot is None:
            return ()
        now = self.now()
        return tuple(s for s in self.snapshot.suggestions if s.status == "pending" and s.expires_at > now)

    @property
    def clock_fresh(self) -> bool:
        """Whether market time is heard; nothing may be decided on a clock that is silent."""
        return self.clock is None or self.clock.fresh

    def price(self, suggestion: SuggestionView) -> Pricing | Unknown:
        """The suggestion at the streamed quotes; Unknown says why not."""
        if self.bus.up is False:
            return Unknown("the quote stream is lost")
        if not self.clock_fresh:
            return Unknown("the market clock is silent, so no price has an age")
        return price_suggestion(suggestion, self.market, self.now())

    @property
    def several_accounts(self) -> bool:
        """Whether rows must say whose they are."""
        return self.snapshot is not None and len(self.snapshot.accounts) > 1

    @property
    def processes(self) -> tuple[ProcessView, ...]:
        """Those that count: a process begun anew leaves an old row behind, which its successor outdates."""
        if self.snapshot is None:
            return ()
        newest: dict[str, float] = {}
        for one in self.snapshot.processes:
            newest[one.name] = min(one.age, newest.get(one.name, one.age))
        return tuple(p for p in self.snapshot.processes if p.age <= PROCESS_LATE or p.age == newest[p.name])

    def late_processes(self) -> tuple[ProcessView, ...]:
        """Daemon processes that have stopped beating, as of the last reading: an old reading proves nothing."""
        if self.snapshot is None:
            return ()
        processes = self.processes
        lives = any(process.age <= DAEMON_LATE for process in processes)
        return tuple(p for p in processes if p.age > (PROCESS_LATE if lives else DAEMON_LATE))

    @property
    def daemon_up(self) -> bool | None:
        """Whether the daemon lives; None while that cannot be known."""
        if self.snapshot is None or self.books.up is False:
            return None
        return bool(self.snapshot.processes) and not self.late_processes()
