"""One DXLink feed channel: what a client wants on it, and the frames it is sent."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Any

import orjson

from senex.simulator.candles import candle_rows, candle_symbol
from senex.simulator.columns import COLUMNS, EVERY, Subscription
from senex.simulator.feed import encoded
from senex.simulator.prints import print_rows
from senex.simulator.tasks import report

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from senex.simulator import wire
    from senex.simulator.columns import Row
    from senex.simulator.feed import Feed

FRAME_BYTES = 60_000
"""Clients give up at messages longer than 65,536 bytes."""
PERIOD = 0.1
_SHORTEST_PERIOD = 0.005
_SERIES = {"Candle": candle_rows, "TimeAndSale": print_rows}
"""Types of which one symbol may owe several rows at once."""


class Channel:
    """One feed channel of one client. It usually carries one event type, and may carry several."""

    def __init__(self, number: int, feed: Feed, send: Callable[[str, bytes], Awaitable[None]]) -> None:
        self.number = number
        self.dirty = asyncio.Event()
        self._send = send
        self._feed = feed
        self._board = feed.exchange.board
        self._period = PERIOD
        self._full = False
        self._fields: dict[str, tuple[str, ...]] = {}
        self._wanted: dict[tuple[str, str], Subscription] = {}
        self._quotes: dict[str, Subscription] = {}
        self._timed: dict[tuple[str, str], Subscription] = {}
        self._pending: dict[tuple[str, str], Subscription] = {}
        self._task: asyncio.Task[None] | None = None
        self._sending = asyncio.Lock()

    # -- what the client asks for -----------------------------------------------------------

    def configure(self, message: dict[str, Any]) -> wire.Json:
        """Apply FEED_SETUP and say what will be sent."""
        period = float(message.get("acceptAggregationPeriod") or 0.0)
        self._period = period if math.isfinite(period) and period > 0 else 0.0
        self._full = message.get("acceptDataFormat") == "FULL"
        asked = {
            kind: tuple(name for name in names if name in ("eventType", *COLUMNS[kind]))
            for kind, names in (message.get("acceptEventFields") or {}).items()
            if kind in COLUMNS
        }
        self._fields |= asked
        return {
            "type": "FEED_CONFIG",
            "channel": self.number,
            "aggregationPeriod": self._period,
            "dataFormat": "FULL" if self._full else "COMPACT",
            "eventFields": {kind: list(names) for kind, names in asked.items()},
        }

    def subscribe(self, message: dict[str, Any]) -> None:
        """Apply FEED_SUBSCRIPTION: reset, then remove, then add."""
        if message.get("reset"):
            self.drop(list(self._wanted))
        self.drop([(str(one["type"]), str(one["symbol"])) for one in message.get("remove") or ()])
        for one in message.get("add") or ():
            since = one.get("fromTime")
            self._add(str(one["type"]), str(one["symbol"]), None if since is None else int(since))
        self.dirty.set()

    def drop(self, keys: list[tuple[str, str]]) -> None:
        """Forget subscriptions."""
        for key in keys:
            gone = self._wanted.pop(key, None)
            if gone is not None:
                for known in (self._timed, self._pending):
                    known.pop(key, None)
                if gone.kind == "Quote":
                    self._quotes.pop(gone.symbol, None)
                self._board.unwatch([gone.symbol])

    def _add(self, kind: str, name: str, since: int | None) -> None:
        key = (kind, name)
        known = self._wanted.get(key)
        if known is None:
            symbol = self._symbol(kind, name)
            if symbol is None:
                return
            known = self._wanted[key] = Subscription(kind, name, symbol)
            self._board.source.wish(kind, name, symbol, since)
            self._board.watch([symbol])
            if kind == "Quote":
                self._quotes[symbol] = known
            elif EVERY[kind]:
                self._timed[key] = known
        known.fresh, known.since = True, since
        self._pending[key] = known

    def _symbol(self, kind: str, name: str) -> str | None:
        """The symbol behind a streamer symbol; None when this market does not know it."""
        if kind not in COLUMNS:
            return None
        if kind == "Candle":
            parsed = candle_symbol(name)
            return None if parsed is None else self._feed.symbol(parsed.name)
        return self._feed.symbol(name)

    # -- what the market does -----------------------------------------------------------------

    def quoted(self, symbols: list[str]) -> None:
        """These symbols have new quotes."""
        quotes, pending = self._quotes, self._pending
        for symbol in symbols:
            wanted = quotes.get(symbol)
            if wanted is not None:
                pending["Quote", wanted.name] = wanted

    def again(self) -> None:
        """Send every quote again, changed or not."""
        for wanted in self._quotes.values():
            wanted.fresh = True
            self._pending["Quote", wanted.name] = wanted
        self.dirty.set()

    # -- what is sent ---------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to send."""
        self._feed.listeners.add(self)
        self._task = asyncio.get_running_loop().create_task(self._run())
        self._task.add_done_callback(report)

    async def stop(self) -> None:
        """End, and forget all subscriptions."""
        self._feed.listeners.discard(self)
        self.drop(list(self._wanted))
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            await self.dirty.wait()
            await self.flush()
            await asyncio.sleep(max(self._period, _SHORTEST_PERIOD))

    async def flush(self) -> None:
        """Send what is due now, whatever the aggregation period; what is being sent already comes first."""
        async with self._sending:
            self.dirty.clear()
            for kind, values in self._due().items():
                for frame in self._frames(kind, values):
                    await self._send(kind, frame)

    def _due(self) -> dict[str, list[bytes]]:
        """The rows to send now by type, encoded; nothing stays pending."""
        tick, mirrors = self._board.tick, self._board.source.mirrors
        for key, timed in self._timed.items():
            if mirrors or tick - timed.tick >= EVERY[timed.kind]:
                self._pending[key] = timed
        due: dict[str, list[bytes]] = {}
        pending, self._pending = self._pending, {}
        for wanted in pending.values():
            rows = self._rows(wanted)
            if rows:
                due.setdefault(wanted.kind, []).extend(rows)
            wanted.fresh, wanted.tick = False, tick
        return due

    def _rows(self, wanted: Subscription) -> list[bytes]:
        series = _SERIES.get(wanted.kind)
        if series is not None and self._board.source.mirrors:
            return [self._encode(wanted.kind, row, None) for row in self._board.source.series(wanted)]
        if series is not None:
            return [self._encode(wanted.kind, row, None) for row in series(self._feed.exchange, wanted)]
        made = self._feed.row(wanted.kind, wanted.name, wanted.symbol)
        if made is None or (made[0] <= wanted.sequence and not wanted.fresh):
            return []
        wanted.sequence = made[0]
        return [self._encode(wanted.kind, made[1], made[2])]

    def _encode(self, kind: str, row: Row, ready: bytes | None) -> bytes:
        """A row as this client wants it; ``ready`` is its shared encoding in standard order."""
        columns = COLUMNS[kind]
        names = self._fields.get(kind, columns)
        if names == columns and not self._full:
            return encoded(row) if ready is None else ready
        values: dict[str, object] = {"eventType": kind, **dict(zip(columns, row, strict=True))}
        if self._full:
            return orjson.dumps({"eventType": kind} | {name: values[name] for name in names})
        return encoded(tuple(values[name] for name in names))

    def _frames(self, kind: str, values: list[bytes]) -> Iterator[bytes]:
        head = b'{"type":"FEED_DATA","channel":%d,"data":[' % self.number
        tail = b"]}"
        if not self._full:
            head, tail = b'%s"%s",[' % (head, kind.encode()), b"]]}"
        start, size = 0, 0
        for index, value in enumerate(values):
            if size + len(value) > FRAME_BYTES and index > start:
                yield head + b",".join(values[start:index]) + tail
                start, size = index, 0
            size += len(value) + 1
        yield head + b",".join(values[start:]) + tail
