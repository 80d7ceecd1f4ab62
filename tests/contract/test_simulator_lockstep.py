"""Lockstep: the market waits for those who joined, digests what they do, and never passes a bell."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tastytrade.dxfeed import Quote
from tastytrade.order import OrderStatus

from tests.contract.simulator_support import find_trident

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from tests.contract.simulator_support import Broker

    Act = Callable[[dict[str, Any]], Awaitable[bool]]


async def idle(told: dict[str, Any]) -> bool:
    """Have nothing to do."""
    return False


@asynccontextmanager
async def joined(
    broker: Broker, name: str, act: Act = idle, *, rank: int = 1
) -> AsyncIterator[list[dict[str, Any]]]:
    """Take part: ``act`` is awaited at every question; the questions are listed."""
    seen: list[dict[str, Any]] = []
    async with broker.http.ws_connect(f"{broker.rest}/clock") as socket:
        await socket.send_json({"join": name, "rank": rank})

        async def attend() -> None:
            while True:
                told = await socket.receive_json()
                if "ask" not in told:
                    continue
                worked = False
                if told["rank"] == rank:
                    seen.append(told)
                    worked = await act(told)
                await socket.send_json({"done": told["ask"], "worked": worked})

        task = asyncio.create_task(attend())
        await until(broker, lambda told: name in told["lockstep"]["joined"])
        try:
            yield seen
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def until(broker: Broker, fact: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The clock's state once it is so."""
    async with broker.http.ws_connect(f"{broker.rest}/clock") as socket:
        while True:
            told = dict(await socket.receive_json())
            if fact(told):
                return told
            async with broker.http.get(f"{broker.rest}/clock") as answer:
                if fact(now := dict(await answer.json())):
                    return now


async def test_the_next_instant_waits_for_who_joined(broker: Broker) -> None:
    go = asyncio.Event()

    async def slowly(told: dict[str, Any]) -> bool:
        await go.wait()
        return False

    async with joined(broker, "me", slowly) as seen:
        moving = asyncio.create_task(broker.clock(advance=0.5))
        waiting = await until(broker, lambda told: told["lockstep"]["waiting"] == ["me"])
        assert waiting["sequence"] == 0
        assert not moving.done()
        go.set()
        assert (await moving)["sequence"] == 2
    assert [told["sequence"] for told in seen] == [0, 1, 2]


async def test_who_had_something_to_do_is_asked_again_at_the_same_instant(broker: Broker) -> None:
    left = [2]

    async def work_twice(told: dict[str, Any]) -> bool:
        left[0] -= told["sequence"] == 1
        return told["sequence"] == 1 and left[0] >= 0

    async with joined(broker, "me", work_twice) as seen:
        await broker.clock(advance=0.5)
    assert [told["sequence"] for told in seen if told["sequence"]] == [1, 1, 1, 2]


async def test_ranks_are_asked_one_after_the_other(broker: Broker) -> None:
    order = []

    def noting(name: str) -> Act:
        async def note(told: dict[str, Any]) -> bool:
            order.append((told["sequence"], name))
            return False

        return note

    async with joined(broker, "b", noting("late"), rank=2), joined(broker, "a", noting("early"), rank=1):
        await broker.clock(advance=0.5)
    assert order[-4:] == [(1, "early"), (1, "late"), (2, "early"), (2, "late")]


async def test_quotes_are_there_before_anybody_is_asked(broker: Broker) -> None:
    async with broker.quotes() as stream:
        # nothing would come within a minute if the stream's own period decided
        await stream.subscribe(Quote, ["QQQ"], refresh_interval=60)
        newest = [await stream.get_event(Quote)]
        behind = []

        async def read(told: dict[str, Any]) -> bool:
            while newest[-1].sequence < told["sequence"]:
                newest.append(await stream.get_event(Quote))
            behind.append(told["sequence"] - newest[-1].sequence)
            return False

        async with joined(broker, "me", read):
            await broker.clock(advance=2)
    assert set(behind) == {0}
    assert [quote.sequence for quote in newest] == list(range(9))


async def test_an_order_placed_while_asked_is_live_at_the_same_instant(broker: Broker) -> None:
    trident = await find_trident(broker.session)
    statuses: list[tuple[int, OrderStatus]] = []

    async def trade(told: dict[str, Any]) -> bool:
        if not statuses:
            await broker.account.place_order(broker.session, trident.order(Decimal("13.00")), dry_run=False)
        statuses.extend(
            (told["sequence"], one.status) for one in await broker.account.get_live_orders(broker.session)
        )
        return False  # the broker itself knows that there is news

    async with joined(broker, "me", trade):
        await broker.clock(advance=0.25)
    assert statuses.count((0, OrderStatus.LIVE)) > 1  # asked again, because the order was news
    assert statuses[-1] == (1, OrderStatus.LIVE)


async def test_who_is_required_is_waited_for_until_it_is_there(broker: Broker) -> None:
    await broker.clock(wait_for=["daemon"])
    moving = asyncio.create_task(broker.clock(advance=0.25))
    await until(broker, lambda told: told["lockstep"]["waiting"] == ["daemon"])
    assert not moving.done()
    async with joined(broker, "daemon"):
        assert (await moving)["sequence"] == 1


async def test_stopping_ends_a_turn_nobody_digests(broker: Broker) -> None:
    await broker.clock(wait_for=["nobody"])
    moving = asyncio.create_task(broker.clock(advance=60))
    await until(broker, lambda told: told["lockstep"]["running"])
    assert (await broker.clock(step=1))["error"]["code"] == "clock_is_in_lockstep"
    await broker.clock(lockstep=False)
    assert (await moving)["error"]["code"] == "clock_was_stopped"
    assert (await broker.clock(step=1))["sequence"] == 1


async def test_turns_follow_one_another_until_stopped(broker: Broker) -> None:
    enough = asyncio.Event()

    async def count(told: dict[str, Any]) -> bool:
        if told["sequence"] >= 720:
            enough.set()
        return False

    async with joined(broker, "me", count) as seen:
        await broker.clock(lockstep=True, grid=60)
        await enough.wait()
        stopped = await broker.clock(lockstep=False)
    assert not stopped["lockstep"]["running"]
    assert stopped["grid"] == 60
    assert {told["sequence"] for told in seen} >= {0, 240, 480, 720}
    assert all(told["sequence"] % 240 == 0 for told in seen)


async def test_outside_sessions_turns_are_longer_and_none_passes_a_bell(broker: Broker) -> None:
    await broker.clock(to="2026-06-02T19:58:30+00:00")
    async with joined(broker, "me") as seen:
        await broker.clock(grid=60, advance=700)
        await broker.clock(grid="event", to="2026-06-03T13:29:00+00:00")
        await broker.clock(advance=7 * 3600)
    instants = list(dict.fromkeys(told["instant"][9:19] for told in seen))
    assert instants == [
        *("2T19:58:30", "2T19:59:00", "2T20:00:00", "2T20:05:00", "2T20:10:00", "2T20:10:10"),
        *("3T13:29:00", "3T13:30:00", "3T20:00:00", "3T20:29:00"),
    ]


async def test_the_next_session_is_jumped_to(broker: Broker) -> None:
    assert (await broker.clock(to="next-session"))["instant"] == "2026-06-03T13:30:00.000000+00:00"
    assert (await broker.clock(to="next-session"))["instant"] == "2026-06-04T13:30:00.000000+00:00"


async def test_what_the_clock_cannot_do_is_refused(broker: Broker) -> None:
    assert (await broker.clock(grid=0.1))["error"]["code"] == "validation_error"
    assert (await broker.clock(speed=61))["error"]["code"] == "validation_error"
    assert (await broker.clock(to="2031-01-01"))["error"]["code"] == "validation_error"
    await broker.clock(speed=1)
    assert (await broker.clock(advance=1))["error"]["code"] == "clock_is_running"
