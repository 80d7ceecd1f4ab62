"""The server: one port for REST, alerts, DXLink, clock and faults, and the loop that moves the market."""

from __future__ import annotations

import asyncio
import errno
import json
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

from aiohttp import web

from senex.domain.errors import Unavailable, UsageProblem
from senex.simulator import wire
from senex.simulator.alerts import Alerts
from senex.simulator.clockwire import ClockHub
from senex.simulator.faults.hub import Faults
from senex.simulator.feed import Feed
from senex.simulator.lockstep import Lockstep
from senex.simulator.replica import behind
from senex.simulator.rest.routes import MODULES
from senex.simulator.services import REPLICA, SERVICES, Services, label_of, labels, services
from senex.simulator.tasks import report
from senex.simulator.watchlists import Watchlists

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from datetime import datetime

    from senex.simulator.exchange import Changed, Exchange
    from senex.simulator.faults.http import Handler
    from senex.simulator.mirror.pages import Mirror
    from senex.simulator.tokens import Tokens

_SHORTEST_WAIT = 0.02
_STOPS_AT_ONCE = 50
_PATIENCE = 1.0
_LAG = timedelta(seconds=1)
"""How far, in machine time, the market may be behind its clock before the clock waits for it."""
_OPEN_ROUTES = frozenset({"token", "clock", "faults", "alerts", "dxlink", "public", "search", "bench", ""})
_QUOTED = "market-data"
_FAULTLESS = frozenset({"clock", "faults", "bench"})


class Server:
    """Everything that runs while the simulator serves."""

    def __init__(
        self,
        *,
        exchange: Exchange,
        tokens: Tokens,
        timeline: str,
        mirror: Mirror | None = None,
        movable: bool = True,
    ) -> None:
        self._exchange = exchange
        self._showing: asyncio.Handle | None = None
        self._following: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._market: asyncio.Task[None] | None = None
        self._spawned: set[asyncio.Task[None]] = set()
        faults = Faults(lambda: exchange.market.instant(exchange.board.tick), labels)
        lockstep = Lockstep(exchange, self._sent)
        self.services = Services(
            exchange=exchange,
            tokens=tokens,
            alerts=Alerts(exchange, tokens, faults),
            feed=Feed(exchange, faults),
            faults=faults,
            clock=ClockHub(exchange, timeline, lockstep),
            lockstep=lockstep,
            watchlists=Watchlists(exchange.journal),
            moved=self._moved,
            movable=movable,
            mirror=mirror,
        )
        exchange.on_change = self._changed
        exchange.on_tick = self._tick
        exchange.whims = faults.whims
        self._connect(faults)
        self._runner = web.AppRunner(self._application(), access_log=None, shutdown_timeout=1.0)

    async def start(self, host: str, port: int) -> int:
        """Listen, and move the market; returns the port.

        Raises:
            Unavailable: ``E_PORT_TAKEN``.
            UsageProblem: ``E_LISTEN``: the address is not this machine's, or the port not ours to take.
        """
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        try:
            await site.start()
        except OSError as problem:
            await self._runner.cleanup()
            if problem.errno != errno.EADDRINUSE:
                raise UsageProblem(
                    "E_LISTEN", f"Cannot listen on {host} port {port} ({problem.strerror}); choose others."
                ) from None
            raise Unavailable(
                "E_PORT_TAKEN",
                f"Port {port} on {host} is in use; stop what listens there, or choose another --port.",
            ) from None
        self._exchange.route()
        loop = asyncio.get_running_loop()
        self._market = loop.create_task(self._run())
        self._market.add_done_callback(report)
        if self.services.mirror is not None:
            self._following = loop.create_task(self.services.mirror.run(self))
            self._following.add_done_callback(report)
        return int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Close all connections and stop the market."""
        if self._following is not None:
            self._following.cancel()
            await asyncio.gather(self._following, return_exceptions=True)
        if self._market is not None:
            self._market.cancel()
            await self.services.lockstep.stop()
            await asyncio.gather(self._market, return_exceptions=True)
        await self.services.alerts.close()
        await self.services.feed.close()
        await self.services.clock.close()
        await self._runner.cleanup()

    def _application(self) -> web.Application:
        application = web.Application(middlewares=[_guard, _inject, _mirrored])
        application[SERVICES] = self.services
        for module in MODULES:
            application.add_routes(module.routes)
        return application

    async def _run(self) -> None:
        exchange = self._exchange
        while True:
            exchange.catch_up(most=_STOPS_AT_ONCE)
            if exchange.behind > max(exchange.clock.speed, 1.0) * _LAG:
                exchange.clock.move_to(exchange.market.instant(exchange.board.tick))
            due = exchange.clock.machine_seconds_until(exchange.market.instant(exchange.board.tick + 1))
            wait = None if due is None else max(due, _SHORTEST_WAIT if exchange.clock.speed > 1 else 0.0)
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._wake.wait()
            self._wake.clear()

    def _tick(self) -> None:
        """The market was moved: everything that follows it does."""
        self.services.faults.tick()
        self.services.alerts.tick()
        self.services.feed.tick()

    def _connect(self, faults: Faults) -> None:
        """Say what the faults act upon."""
        parts = self.services
        faults.shown_again = parts.feed.again
        faults.actions = {
            ("dxlink", "abort"): parts.feed.abort,
            ("alerts", "abort"): parts.alerts.abort,
            ("dxlink", "close"): lambda: self._spawn(parts.feed.close()),
            ("alerts", "close"): lambda: self._spawn(parts.alerts.close()),
            ("token", "expire"): parts.tokens.expire,
        }

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._spawned.add(task)
        task.add_done_callback(self._spawned.discard)

    def _changed(self, change: Changed) -> None:
        self.services.lockstep.stir()
        self.services.alerts.changed(change)

    async def _sent(self) -> None:
        """Have every stream and alert sent; a client that does not take them is not waited for."""
        with suppress(TimeoutError, ConnectionError):
            async with asyncio.timeout(_PATIENCE):
                await self.services.feed.sent()
                await self.services.alerts.sent()

    def quotes_came(self) -> None:
        """Another market's rows are here: streams are told, once for all that came together."""
        if self._showing is None:
            self._showing = asyncio.get_running_loop().call_soon(self._show)

    def _show(self) -> None:
        self._showing = None
        self._exchange.board.show()
        self.services.feed.tick()

    def follow_clock(self, instant: datetime, speed: float) -> None:
        """Another market's clock was heard."""
        self._exchange.clock.follow(instant, speed)
        self._moved()

    def _moved(self) -> None:
        self.services.clock.publish()
        self._wake.set()


@web.middleware
async def _guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn failures into the broker's error shapes, and refuse without a good token."""
    wire.CONTEXT.set(request.path)
    try:
        if label_of(request) not in _OPEN_ROUTES:
            token = request.headers.get("Authorization", "").removeprefix("Bearer ")
            if not services(request).tokens.good("access", token):
                return wire.error(401, "token_invalid", "This token is invalid or has expired")
        return await handler(request)
    except web.HTTPNotFound:
        return wire.not_found(request.path)
    except web.HTTPException as problem:
        return wire.error(problem.status, "request_failed", problem.reason)
    except (json.JSONDecodeError, UnicodeDecodeError):
        return wire.error(400, "invalid_json", "The body is not JSON")
    except wire.Invalid as problem:
        return wire.invalid(problem)
    except ValueError as problem:
        return wire.error(400, "validation_error", str(problem))


@web.middleware
async def _inject(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Misbehave where a fault rule says so."""
    label, parts = label_of(request), services(request)
    parts.counts["requests"] += 1
    if label in _FAULTLESS:
        return await handler(request)
    lag = parts.faults.http.lag(label)
    if lag is not None:
        request[REPLICA] = behind(parts, lag)
    answer = await parts.faults.http.serve(label, request, handler)
    if label == _QUOTED:
        return parts.faults.quotes.over_rest(answer, parts.exchange.board.quote)
    return answer


@web.middleware
async def _mirrored(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Have another market's data at hand, and answer with its own word where that is passed on."""
    mirror = services(request).mirror
    answer = None if mirror is None else await mirror.answer(request, label_of(request))
    return await handler(request) if answer is None else answer
