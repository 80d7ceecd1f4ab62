"""The feed: all streaming clients, and the rows they share.

A row is made and encoded once per tick, however many clients want it. A client
that reads slowly is sent fewer, newer rows: what waits for it is a set of
symbols, never a queue of rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import orjson

from senex.simulator.events import ROWS, quote_row
from senex.simulator.market.contracts import contract
from senex.simulator.mirror.quotes import symbol_of

if TYPE_CHECKING:
    import asyncio

    from aiohttp import web

    from senex.simulator.columns import Row
    from senex.simulator.exchange import Exchange
    from senex.simulator.faults.hub import Faults
    from senex.simulator.sources import Made


class Peer(Protocol):
    """A client's connection."""

    socket: web.WebSocketResponse
    transport: asyncio.Transport | None


class Listener(Protocol):
    """A channel: what moved is reported to it, and what is due wakes it."""

    dirty: asyncio.Event

    def quoted(self, symbols: list[str]) -> None:
        """These symbols have new quotes."""

    def again(self) -> None:
        """Every quote is to be sent again."""

    async def flush(self) -> None:
        """Send what is due now."""


class Feed:
    """All streaming clients."""

    def __init__(self, exchange: Exchange, faults: Faults) -> None:
        self.exchange = exchange
        self.faults = faults
        self.connections: set[Peer] = set()
        self.listeners: set[Listener] = set()
        self._rows: dict[tuple[str, str], Made | None] = {}
        self._made_at = exchange.board.tick
        exchange.board.on_moved = self.moved

    def symbol(self, name: str) -> str | None:
        """The symbol behind a streamer symbol; None when this market does not know it."""
        if self.exchange.board.source.mirrors:
            return symbol_of(name)
        market, tick = self.exchange.market, self.exchange.board.tick
        symbol = market.of_streamer(name, tick)
        if symbol is None or contract(symbol) is None or market.listed(symbol, tick):
            return symbol
        return symbol if any(symbol in held for held in self.exchange.books.holdings.values()) else None

    def row(self, kind: str, name: str, symbol: str) -> Made | None:
        """The current row of a type and streamer symbol; None when there is none."""
        if self.exchange.board.source.mirrors:
            return self.exchange.board.source.made(kind, name)
        if self._made_at != self.exchange.board.tick:
            self._rows.clear()
            self._made_at = self.exchange.board.tick
        key = (kind, name)
        if key not in self._rows:
            made = self._made(kind, name, symbol)
            self._rows[key] = None if made is None else (*made, encoded(made[1]))
        return self._rows[key]

    def _made(self, kind: str, name: str, symbol: str) -> tuple[int, Row] | None:
        if kind != "Quote":
            return ROWS[kind](self.exchange, name, symbol)
        quote = self.exchange.board.quote(symbol)
        return None if quote is None else quote_row(name, self.faults.quotes.shown(symbol, quote))

    def moved(self, symbols: list[str]) -> None:
        """These symbols have new quotes."""
        for listener in self.listeners:
            listener.quoted(symbols)

    def tick(self) -> None:
        """The market was moved: channels send what is due."""
        for listener in self.listeners:
            listener.dirty.set()

    def again(self) -> None:
        """Quotes are shown differently from now on: make and send each again."""
        self._rows.clear()
        for listener in self.listeners:
            listener.again()

    async def sent(self) -> None:
        """Send what is due to everybody now, whatever their aggregation periods."""
        for listener in list(self.listeners):
            await listener.flush()

    async def close(self) -> None:
        """Close every connection."""
        for connection in list(self.connections):
            await connection.socket.close()

    def abort(self) -> None:
        """Cut every connection without a goodbye."""
        for connection in list(self.connections):
            if connection.transport is not None:
                connection.transport.abort()


def encoded(row: Row) -> bytes:
    """A row's values as they stand inside a frame."""
    return orjson.dumps(row)[1:-1]
