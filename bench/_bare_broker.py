"""The SDK's ``place_order`` at a server that does nothing: how fast this machine is at what every order needs."""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING

from aiohttp import web

from bench._simulated import simulator
from senex.broker.mapping import limit_order
from senex.broker.recorder import TOKEN_PATH, logged_call
from senex.broker.session import BrokerAccess, open_session
from senex.broker.submission import sdk_account
from senex.domain.legs import Action, InstrumentType, Leg
from senex.domain.orders import TimeInForce
from senex.ports.broker import Ticket

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection

    from senex.broker.recorder import Exchange

_WARM = 10


async def sdk_orders(times: int) -> list[float]:
    """Milliseconds of each ``place_order``, one right after the other."""
    with simulator() as real:
        [*_, told], _ = await _placed(real.rest, real.account, (real.secret, real.refresh), 1)
    with _server(told.body) as rest:
        _, taken = await _placed(rest, real.account, ("secret", "token"), times + _WARM)
    return taken[_WARM:]


async def _placed(
    rest: str, account: str, grant: tuple[str, str], times: int
) -> tuple[list[Exchange], list[float]]:
    ticket = Ticket(
        account_number=account,
        legs=(Leg("F", Action.BUY_TO_OPEN, 1, InstrumentType.EQUITY),),
        limit_price=Decimal(-1),
        time_in_force=TimeInForce.DAY,
        external_identifier="bench",
        strict_position_effect=False,
    )
    taken = []
    async with open_session(BrokerAccess("simulated", *grant, rest, rest)) as session:
        with logged_call() as log:
            await session.refresh()
            for _ in range(times):
                began = time.perf_counter()
                await sdk_account(account).place_order(session, limit_order(ticket), dry_run=False)
                taken.append((time.perf_counter() - began) * 1000)
    return log.answered, taken


@contextmanager
def _server(order: str) -> Iterator[str]:
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(there, order), daemon=True)
    process.start()
    try:
        yield here.recv()
    finally:
        process.kill()
        process.join()


def _serve(pipe: Connection, order: str) -> None:
    async def token(_request: web.Request) -> web.Response:
        return web.json_response({"access_token": "bare", "token_type": "Bearer", "expires_in": 900})

    async def accept(request: web.Request) -> web.Response:
        await request.read()
        return web.Response(status=201, text=order, content_type="application/json")

    async def run() -> None:
        app = web.Application()
        app.router.add_post(TOKEN_PATH, token)
        app.router.add_post("/accounts/{account}/orders", accept)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        pipe.send(f"http://127.0.0.1:{runner.addresses[0][1]}")
        await asyncio.Event().wait()

    asyncio.run(run())
