"""Paper on live quotes: another environment's market as it is now, with fills and books of our own."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp import web

from senex.domain.errors import Unavailable
from senex.simulator import wire
from senex.simulator.market.listing import contract
from senex.simulator.market.profiles import PROFILES
from senex.simulator.mirror.clock import UpstreamClock
from senex.simulator.mirror.link import SILENCE, Link
from senex.simulator.mirror.market import MirrorMarket
from senex.simulator.mirror.quotes import MirrorQuotes, streamer_of
from senex.simulator.mirror.upstream import Credentials, Upstream

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from senex.simulator.columns import Row
    from senex.simulator.market.profiles import Scenario
    from senex.simulator.mirror.pages import Host

_QUOTED_WITHIN = 3.0
_LOOK = 0.02
_PASSED = frozenset({"market-metrics"})
"""Endpoints whose answers are the other environment's own."""
_NEEDS_CHAINS = frozenset({"chains", "options", "market-data", "orders", "dry-run", "replace"})


class Live:
    """Follows one environment: its clock, its feed for whatever is looked at, its chains."""

    def __init__(self, http: aiohttp.ClientSession, rest: str, credentials: Credentials) -> None:
        self.rest = rest
        self._upstream = Upstream(http, rest, credentials)
        self.clock = UpstreamClock(http, rest)
        self.quotes = MirrorQuotes()
        self.link = Link(self._upstream, self)
        self.quotes.on_wish = self.link.want_one
        self.quotes.live = lambda: self.link.connected and self.link.silence < SILENCE
        self._market: MirrorMarket | None = None
        self._server: Host | None = None
        self._chains: dict[str, object] = {}

    def market(self, *, seed: int, scenario: Scenario, start: datetime) -> MirrorMarket:
        """The market as it is there."""
        self._market = MirrorMarket(seed=seed, scenario=scenario, start=start, mirror=self.quotes)
        return self._market

    async def open(self) -> None:
        """Learn what time it is there. Raises Unavailable ``E_UPSTREAM``."""
        await self.clock.open()
        await self._upstream.feed()

    async def run(self, server: Host) -> None:
        """Follow feed and clock for as long as the simulator serves."""
        self._server = server
        self.clock.on_told = lambda: server.follow_clock(self.clock.now(), self.clock.told.speed)
        async with asyncio.TaskGroup() as group:
            group.create_task(self.link.run())
            group.create_task(self.clock.run())

    async def answer(self, request: web.Request, label: str) -> web.StreamResponse | None:
        """Have what a request needs from there; its own answer where that is passed on."""
        try:
            if label in _PASSED:
                status, body = await self._upstream.get(request.path, request.query_string)
                return web.Response(status=status, body=body, content_type="application/json")
            if label in _NEEDS_CHAINS:
                await self._have(await _symbols(request))
        except Unavailable as problem:
            return wire.error(503, "upstream_unavailable", problem.message)
        return None

    # -- what the link brings ------------------------------------------------------------------------

    def begin(self) -> None:
        """A new connection."""
        self.quotes.begin()

    def lost(self) -> None:
        """The connection is gone."""
        self.quotes.lost()

    def take(self, kind: str, rows: list[Row]) -> None:
        """Rows came."""
        tick = 0 if self._market is None else self._market.tick(self.clock.now())
        self.quotes.take(kind, rows, self.clock.now(), tick)
        if self._server is not None:
            self._server.quotes_came()

    # -- what is needed -----------------------------------------------------------------------------

    def _watch(self, symbols: Iterable[str]) -> None:
        names = [name for name in map(streamer_of, symbols) if name is not None]
        self.link.want([("Quote", name) for name in names])
        self.link.want([("Greeks", name) for name in names if name.startswith(".")])
        self.link.want([("Summary", name) for name in names])

    async def _have(self, symbols: set[str]) -> None:
        """Return once chains and quotes of these are here, or have not come in time."""
        for symbol in symbols:
            known = contract(symbol)
            await self._have_chain(symbol if known is None else known.underlying)
        wanted = {symbol for symbol in symbols if streamer_of(symbol) is not None}
        self._watch(wanted)
        for symbol in {known.underlying for known in map(contract, wanted) if known is not None}:
            self._watch([symbol])
        deadline = asyncio.get_running_loop().time() + _QUOTED_WITHIN
        while any(self.quotes.quote(symbol, 0) is None for symbol in wanted):
            if asyncio.get_running_loop().time() > deadline:
                return
            await asyncio.sleep(_LOOK)

    async def _have_chain(self, symbol: str) -> None:
        """Read a chain once a day."""
        market = self._market
        if market is None or symbol not in PROFILES or not PROFILES[symbol].has_options:
            return
        today = market.day(market.tick(self.clock.now()))
        if self._chains.get(symbol) != today:
            nested = await self._upstream.data(f"/option-chains/{symbol}/nested")
            if nested is not None:
                market.take_chain(symbol, nested)
                self._chains[symbol] = today


async def _symbols(request: web.Request) -> set[str]:
    """The symbols a request is about: in its path, its query or its order's legs."""
    found = {value for key, value in request.match_info.items() if key == "symbol"}
    for value in request.query.values():
        found.update(value.split(","))
    if request.can_read_body:
        try:
            body: Any = json.loads(await request.read())
            orders = [body, body.get("trigger-order") or {}, *(body.get("orders") or [])]
            found |= {str(leg["symbol"]) for order in orders for leg in order.get("legs") or ()}
        except (ValueError, KeyError, TypeError, AttributeError):
            return found
    return found
