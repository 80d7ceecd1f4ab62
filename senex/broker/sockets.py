"""The SDK's two streamers with a reader of our own.

Session, handshake, channels and subscriptions are the SDK's. Its readers die
of one bad message, drop what they do not understand and hide keepalives; ours
record first, count what they cannot read, and go on.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Self

import orjson
from anyio import TASK_STATUS_IGNORED, sleep
from anyio import Event as AnyioEvent
from tastytrade import AlertStreamer, DXLinkStreamer, version_str
from tastytrade.streamer import DXLINK_VERSION

from senex.domain.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from anyio.abc import TaskStatus

    from senex.broker.book import QuoteBook
    from senex.broker.session import BrokerSession


KEEPALIVE_EVERY = 5.0
"""Seconds between our keepalives. Their answers prove a quiet feed alive well within 10 s (DOMAIN 0.20)."""


class StreamBroken(Unavailable):
    """The stream cannot go on over this connection; a new one is made."""

    def __init__(self, why: str) -> None:
        super().__init__("E_STREAM_BROKEN", f"The stream broke off: {why}. It is connected again.")


class TidyFeed(DXLinkStreamer):
    """The SDK's feed, which closes its queues when it is left; the SDK leaves them to the collector."""

    @asynccontextmanager
    async def __asynccontextmanager__(self) -> AsyncGenerator[Self]:
        try:
            async with super().__asynccontextmanager__():
                yield self
        finally:
            for sender in self._send.values():
                sender.close()
            for receiver in self._recv.values():
                receiver.close()


class FeedSocket(TidyFeed):
    """DXLink into a ``QuoteBook``."""

    def __init__(self, session: BrokerSession, book: QuoteBook) -> None:
        super().__init__(session)
        self._book = book
        self._last = time.monotonic()
        self._asked = self._answered = 0
        self._answers = asyncio.Condition()

    @property
    def silence(self) -> float:
        """Seconds of machine time since the last frame of any kind."""
        return time.monotonic() - self._last

    async def caught_up(self) -> None:
        """Return once all that was sent to us before this call has been taken: frames keep their order."""
        await self._keep_alive()
        expected = self._asked
        async with self._answers:
            await self._answers.wait_for(lambda: self._answered >= expected)

    async def _heartbeat(self) -> None:
        while True:
            await self._keep_alive()
            await sleep(KEEPALIVE_EVERY)

    async def _keep_alive(self) -> None:
        self._asked += 1
        await self._websocket.send_json({"type": "KEEPALIVE", "channel": 0})

    async def _reader(self, *, task_status: TaskStatus[None] = TASK_STATUS_IGNORED) -> None:
        await self._websocket.send_json(
            {
                "type": "SETUP",
                "channel": 0,
                "keepaliveTimeout": 60,
                "acceptKeepaliveTimeout": 60,
                "version": DXLINK_VERSION,
            }
        )
        asked = authorised = False
        while True:
            text = await self._websocket.receive_text()
            self._last = time.monotonic()
            self._book.frame()
            message = _object(text)
            if message is None:
                self._book.quarantined["corrupt"] += 1
            elif message.get("type") == "FEED_DATA":
                self._book.take(message.get("data"))
            elif message.get("type") == "AUTH_STATE" and message.get("state") == "AUTHORIZED":
                if not authorised:
                    authorised = True
                    task_status.started()
            elif message.get("type") == "AUTH_STATE":
                if asked:  # asking again at once would be a tight loop
                    raise StreamBroken("the feed refused its token")
                asked = True
                await self._websocket.send_json({"type": "AUTH", "channel": 0, "token": self._auth_token})
            elif message.get("type") == "KEEPALIVE":
                async with self._answers:
                    self._answered += 1
                    self._answers.notify_all()
            else:
                self._control(message)

    def _control(self, message: dict[str, Any]) -> None:
        kind, channel = message.get("type"), message.get("channel")
        name = self._channels_reversed.get(channel) if isinstance(channel, int) else None
        if kind == "CHANNEL_OPENED" and name in self._subscription_state:
            self._subscription_state[name].set()
        elif kind == "CHANNEL_CLOSED":
            raise StreamBroken(f"the feed closed its {name} channel")
        elif kind == "FEED_CONFIG":
            self._book.configure(message.get("eventFields"))
        elif kind == "ERROR":
            raise StreamBroken(f"the feed reports {message.get('error')}: {message.get('message')}")


class AlertSocket(AlertStreamer):
    """Account alerts, handed on raw, before anything is made of them."""

    def __init__(
        self, session: BrokerSession, take: Callable[[str, str, str | None], Awaitable[None]]
    ) -> None:
        super().__init__(session)
        if session.alerts_url:
            self.base_url = session.alerts_url
        self._take = take

    async def caught_up(self) -> None:
        """Return once all that was sent to us before this call has been taken: messages keep their order."""
        await self.session.refresh()
        self.request_id += 1
        answered = self._subscription_state[self.request_id] = AnyioEvent()
        await self._websocket.send_json(
            {
                "auth-token": f"Bearer {self.session.session_token}",
                "action": "heartbeat",
                "request-id": self.request_id,
                "source": version_str,
            }
        )
        await answered.wait()

    async def _reader(self) -> None:
        while True:
            text = await self._websocket.receive_text()
            message = _object(text)
            if message is None:
                await self._take(text, "", None)
            elif (kind := message.get("type")) is not None:
                data = message.get("data")
                number = data.get("account-number") if isinstance(data, dict) else None
                await self._take(text, str(kind), None if number is None else str(number))
            else:
                self._answered(message)

    def _answered(self, message: dict[str, Any]) -> None:
        if message.get("status") == "error":
            raise StreamBroken(f"the alert stream reports {message.get('message')}")
        request = str(message.get("request-id") or "")
        if request.isdigit() and (event := self._subscription_state.pop(int(request), None)) is not None:
            event.set()


def _object(text: str) -> dict[str, Any] | None:
    try:
        loaded = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return loaded if isinstance(loaded, dict) else None
