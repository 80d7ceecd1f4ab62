"""The simulator as a real server on a free port, spoken to by the unmodified tastytrade SDK."""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
import tastytrade.session
import tastytrade.streamer
from tastytrade import Account, Session

from senex.simulator.assembly import Options, assemble
from senex.simulator.server import Server
from tests.contract.simulator_support import Broker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

logging.getLogger("tastytrade").setLevel(logging.WARNING)


@pytest.fixture
def serve(
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., AbstractAsyncContextManager[Broker]]:
    """Start a simulator with options; ``broker`` is the plain one."""

    @asynccontextmanager
    async def start(**options: Any) -> AsyncIterator[Broker]:
        live = options.pop("live", None)
        simulator = assemble(Options(**{"seed": 7, "speed": 0.0, **options}), live)
        server = Server(
            exchange=simulator.exchange,
            tokens=simulator.tokens,
            timeline=simulator.timeline,
            mirror=simulator.mirror,
            movable=live is None,
        )
        port = await server.start("127.0.0.1", 0)
        monkeypatch.setattr(tastytrade.session, "CERT_URL", f"http://127.0.0.1:{port}")
        monkeypatch.setattr(tastytrade.streamer, "CERT_STREAMER_URL", f"ws://127.0.0.1:{port}/alerts")
        tokens = simulator.tokens
        try:
            async with (
                aiohttp.ClientSession() as http,
                Session(tokens.client_secret, tokens.refresh_token, is_test=True, trust_env=False) as session,
            ):
                account = await Account.get(session, simulator.account)
                yield Broker(simulator, server, f"http://127.0.0.1:{port}", session, account, http)
        finally:
            await server.stop()
            simulator.journal.close()

    return start


@pytest.fixture
async def broker(serve: Callable[..., AbstractAsyncContextManager[Broker]]) -> AsyncIterator[Broker]:
    """A simulator with seed 7, paused at 10:00."""
    async with serve() as running:
        yield running
