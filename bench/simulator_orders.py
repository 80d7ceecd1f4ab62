"""Orders accepted by the simulator against a bare echo server, and its memory after a busy session.

Both servers run in a process of their own; one client keeps some requests
under way. An order is checked, margined, journalled and routed before its
reply; the echo server parses the body and sends it back. The market is paused
between two ticks, as working orders would be matched on each.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import statistics
import time
from typing import TYPE_CHECKING, Any

import aiohttp
import orjson
from aiohttp import web

from bench._row import Row, print_rows
from bench._simulated import answer_usage, simulator, usage

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from bench._simulated import Started

ORDERS, LANES, ROUNDS, BAR, MEMORY = 1_000, 32, 3, 1_000, 300


async def access(session: aiohttp.ClientSession, started: Started) -> dict[str, str]:
    """Headers with an access token."""
    body = {"grant_type": "refresh_token", "client_secret": started.secret, "refresh_token": started.refresh}
    async with session.post(f"{started.rest}/oauth/token", json=body) as answer:
        return {"Authorization": f"Bearer {(await answer.json())['access_token']}"}


def order(price: int) -> dict[str, Any]:
    """A day order far from the market."""
    leg = {"instrument-type": "Equity", "symbol": "F", "quantity": 1, "action": "Buy to Open"}
    return {
        "order-type": "Limit",
        "time-in-force": "Day",
        "price": f"{1 + price % 200 / 100:.2f}",
        "price-effect": "Debit",
        "legs": [leg],
    }


async def posted(session: aiohttp.ClientSession, url: str, count: int) -> float:
    """Requests per second."""
    left = iter(range(count))

    async def lane() -> None:
        for number in left:
            async with session.post(url, data=orjson.dumps(order(number))) as answer:
                await answer.read()
                if answer.status != 201:
                    raise RuntimeError(await answer.text())

    began = time.perf_counter()
    await asyncio.gather(*(lane() for _ in range(LANES)))
    return count / (time.perf_counter() - began)


async def ours(started: Started) -> tuple[float, float]:
    """Orders per second, and per second of the simulator's processor."""
    async with aiohttp.ClientSession() as session:
        session.headers.update(await access(session, started))
        session.headers["Content-Type"] = "application/json"
        used = started.usage()[0]
        speed = await posted(session, f"{started.rest}/accounts/{started.account}/orders", ORDERS)
        return speed, ORDERS / (started.usage()[0] - used)


async def echoed(url: str, pipe: Connection) -> tuple[float, float]:
    """Echoes per second, and per second of the echo server's processor."""
    async with aiohttp.ClientSession() as session:
        used = usage(pipe)[0]
        speed = await posted(session, url, ORDERS)
        return speed, ORDERS / (usage(pipe)[0] - used)


def serve(pipe: Connection) -> None:
    """A server that parses a body and sends it back."""
    asyncio.run(_serve(pipe))


async def _serve(pipe: Connection) -> None:
    async def echo(request: web.Request) -> web.Response:
        return web.json_response(orjson.loads(await request.read()), status=201)

    app = web.Application()
    app.router.add_post("/", echo)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    pipe.send(f"http://127.0.0.1:{runner.addresses[0][1]}/")
    answer_usage(pipe)
    await asyncio.Event().wait()


def main() -> None:
    here, there = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(there,), daemon=True)
    server.start()
    url = here.recv()
    found, ceiling = [], []
    with simulator(speed=0.0) as started:
        for _ in range(ROUNDS):
            found.append(asyncio.run(ours(started)))
            ceiling.append(asyncio.run(echoed(url, here)))
        memory = started.usage()[1]
    server.kill()
    speed = statistics.median(each[0] for each in found)
    core = statistics.median(each[1] for each in found)
    top = statistics.median(each[1] for each in ceiling)
    print_rows(
        Row(
            row="simulator: orders accepted",
            ours=f"{speed:.0f} orders/s ({core:.0f} per core second)",
            other=f"echo {top:.0f} per core second",
            ratio=f"{core / top:.2f}×",
            bar=f"≥ {BAR} orders/s",
            within=core >= BAR,
            figures={"per_second": round(speed), "per_core_second": round(core), "echo": round(top)},
        ),
        Row(
            row=f"simulator: memory after {ROUNDS * ORDERS} orders",
            ours=f"{memory:.0f} MB",
            other="",
            ratio="",
            bar=f"≤ {MEMORY} MB",
            within=memory <= MEMORY,
            figures={"megabytes": round(memory)},
        ),
    )


if __name__ == "__main__":
    main()
