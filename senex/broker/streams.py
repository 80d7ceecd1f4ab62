"""Streams that do not end: watchdog, reconnect with jitter, resubscription.

A connection that says nothing is not a connection: with the server frozen the
SDK raises nothing at all, so silence past the watchdog's limit breaks it off.
"""

from __future__ import annotations

import asyncio
import logging
import random
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from tastytrade import Account
from tastytrade.dxfeed import Greeks, Quote

from senex.broker.book import QuoteBook, chunks, is_option
from senex.broker.errors import WIRE_ERRORS, leaves, translate
from senex.broker.recorder import logged_call
from senex.broker.sockets import AlertSocket, FeedSocket, StreamBroken
from senex.domain.errors import SenexError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Never

    from senex.broker.session import BrokerSession
    from senex.ports.clock import Clock

_log = logging.getLogger(__name__)

BROKEN: tuple[type[Exception], ...] = (*WIRE_ERRORS, SenexError)
FEED_SILENCE = 45.0
"""Seconds without any frame before the feed's connection is given up; it answers a keepalive each 30 s."""
CONNECT_WITHIN = 20.0
CAUGHT_UP_WITHIN = 10.0
"""Seconds a market in lockstep waits for a stream that says nothing."""
_CHUNK = 250
_LOOK = 1.0


@dataclass(slots=True)
class BackOff:
    """Seconds to wait before the next try: doubling from 1 to 30, with jitter."""

    first: float = 1.0
    longest: float = 30.0
    delay: float = 0.0

    def reset(self) -> None:
        """It worked; begin anew."""
        self.delay = 0.0

    def next(self) -> float:
        """How long to wait now."""
        self.delay = min(max(self.delay * 2, self.first), self.longest)
        return self.delay * random.uniform(0.5, 1.0)  # noqa: S311  jitter, not a secret


class QuoteStream:
    """Quotes and Greeks of whatever is wanted, in ``book``, for ever."""

    def __init__(self, session: BrokerSession, *, clock: Clock, silence: float = FEED_SILENCE) -> None:
        self._session = session
        self._silence = silence
        self._wanted: frozenset[str] = frozenset()
        self._changed = asyncio.Event()
        self._settled = asyncio.Event()
        self._feed: FeedSocket | None = None
        self.book = QuoteBook(clock)
        self.problem = "not connected yet"
        self.wishes = 0
        """How often what is wanted has changed."""

    def want(self, symbols: frozenset[str]) -> None:
        """Stream these symbols and no others."""
        if symbols != self._wanted:
            self._wanted = symbols
            self.wishes += 1
            self.book.want(symbols)
            self._settled.clear()
            self._changed.set()

    async def caught_up(self) -> None:
        """Return once what is wanted is subscribed and what was sent has been taken, if there is a connection."""
        with suppress(TimeoutError, *BROKEN):
            async with asyncio.timeout(CAUGHT_UP_WITHIN):
                if self.book.connected:
                    await self._settled.wait()
                if self._feed is not None:
                    await self._feed.caught_up()

    async def run(self) -> Never:
        """Stay connected until cancelled."""
        back_off = BackOff()
        while True:
            try:
                await self._once(back_off)
            except BROKEN as problem:
                self.problem = in_words(problem)
                _log.warning("quotes: %s", self.problem)
            finally:
                self._feed = None
                self.book.interrupted()
            await asyncio.sleep(back_off.next())

    async def _once(self, back_off: BackOff) -> None:
        async with asyncio.timeout(CONNECT_WITHIN) as patience, FeedSocket(self._session, self.book) as feed:
            self._settled.clear()
            self.book.begin()
            on_feed: frozenset[str] = frozenset()
            while True:
                self._changed.clear()
                patience.reschedule(asyncio.get_running_loop().time() + CONNECT_WITHIN)
                wanted = self._wanted
                await _subscribe(feed, wanted - on_feed)
                await _unsubscribe(feed, on_feed - wanted)
                on_feed, self._feed = wanted, feed
                if wanted == self._wanted:
                    self._settled.set()
                patience.reschedule(None)
                self.problem = ""
                back_off.reset()
                while not self._changed.is_set():
                    with suppress(TimeoutError):
                        async with asyncio.timeout(_LOOK):
                            await self._changed.wait()
                    if feed.silence > self._silence:
                        raise StreamBroken(f"nothing came in for {feed.silence:.0f} s")


class AlertTaker(Protocol):
    """What to do with the alert stream's news."""

    async def subscribed(self, numbers: tuple[str, ...]) -> None:
        """Alerts of these accounts arrive from here on; what came before is lost."""
        ...

    async def take(self, text: str, kind: str, number: str | None) -> None:
        """One raw message. ``kind`` is empty when it could not be read at all."""
        ...

    async def interrupted(self, why: str) -> None:
        """Alerts may be missed from here on."""
        ...


class AlertStream:
    """Alerts of every account of the login, raw, for ever."""

    def __init__(self, session: BrokerSession, taker: AlertTaker) -> None:
        self._session = session
        self._taker = taker
        self._socket: AlertSocket | None = None
        self.connected = False
        self.problem = "not connected yet"

    async def caught_up(self) -> None:
        """Return once what was sent has been taken, if there is a connection."""
        with suppress(TimeoutError, *BROKEN):
            async with asyncio.timeout(CAUGHT_UP_WITHIN):
                if self._socket is not None:
                    await self._socket.caught_up()

    async def run(self) -> Never:
        """Stay connected until cancelled. The socket's own pings notice a dead peer within 40 s."""
        back_off = BackOff()
        while True:
            try:
                await self._once(back_off)
            except BROKEN as problem:
                self.problem = in_words(problem)
                _log.warning("alerts: %s", self.problem)
                if self.connected:
                    self.connected = False
                    await self._taker.interrupted(self.problem)
            await asyncio.sleep(back_off.next())

    async def _once(self, back_off: BackOff) -> None:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(CONNECT_WITHIN) as patience:
            with logged_call() as log:
                try:
                    accounts = await Account.get(self._session)
                except WIRE_ERRORS as problem:
                    answer = log.last
                    if answer is not None and answer.status == 401:
                        self._session.doubt()
                    raise translate(problem, log, "reading the accounts") from problem
            async with AlertSocket(self._session, self._taker.take) as socket:
                patience.reschedule(loop.time() + CONNECT_WITHIN)
                await socket.subscribe_accounts(accounts)
                patience.reschedule(None)
                self.connected, self.problem = True, ""
                await self._taker.subscribed(tuple(account.account_number for account in accounts))
                back_off.reset()
                self._socket = socket
                try:
                    await loop.create_future()
                finally:
                    self._socket = None


def in_words(problem: Exception) -> str:
    """Why a stream is away; what is not ours hardly says it so that an operator can read it."""
    first = next(leaves(problem), problem)
    if isinstance(first, SenexError):
        return first.message
    if isinstance(first, TimeoutError):
        return "no answer came in time"
    said = f"{type(first).__name__}: {first}" if str(first) else type(first).__name__
    return f"the connection failed ({said})"


async def stay_logged_in(
    session: BrokerSession, told: Callable[[str], Awaitable[None]], every: float
) -> Never:
    """Renew the token ahead of its end; ``told`` gets the problem, empty when there is none."""
    while True:
        problem = ""
        with logged_call() as log:
            try:
                await session.refresh()
            except BROKEN as error:
                problem = str(translate(error, log, "renewing the session"))
        await told(problem)
        await asyncio.sleep(every)


async def _subscribe(feed: FeedSocket, symbols: frozenset[str]) -> None:
    for chunk in chunks(symbols, _CHUNK):
        await feed.subscribe(Quote, chunk)
    for chunk in chunks([symbol for symbol in symbols if is_option(symbol)], _CHUNK):
        await feed.subscribe(Greeks, chunk)


async def _unsubscribe(feed: FeedSocket, symbols: frozenset[str]) -> None:
    for chunk in chunks(symbols, _CHUNK):
        await feed.unsubscribe(Quote, chunk)
    for chunk in chunks([symbol for symbol in symbols if is_option(symbol)], _CHUNK):
        await feed.unsubscribe(Greeks, chunk)
