"""The same commands at the same market instants give the same books: run for run, and at any pace."""

from __future__ import annotations

import asyncio
import json
from contextlib import closing
from decimal import Decimal
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from senex.domain.errors import UsageProblem
from senex.domain.legs import Action, InstrumentType
from senex.simulator.assembly import Options, assemble
from senex.simulator.books.export import export_log
from senex.simulator.books.records import OrderLeg, OrderType, TimeInForce
from senex.simulator.clock import MarketClock
from senex.simulator.ticket import Ticket
from tests.contract import simulator_script
from tests.simulated import Simulated, simulated

if TYPE_CHECKING:
    from pathlib import Path

    from senex.simulator.exchange import Exchange

DAYS = 3
TICKS = 1200
"""Five minutes."""


@pytest.mark.timeout(300)
def test_two_runs_of_the_same_script_leave_the_same_bytes(tmp_path: Path) -> None:
    logs = []
    for name in ("one", "two"):
        folder = tmp_path / name
        asyncio.run(simulator_script.main(str(folder), DAYS))
        logs.append(list(export_log(folder)))
    assert logs[0] == logs[1]
    kinds = {json.loads(line)["log"] for line in logs[0]}
    assert kinds == {"order", "fill", "transaction"}


def sell_around(simulator: Simulated, distances: range) -> None:
    """Sell a share of QQQ short at limits so many cents above its mid."""
    asked = {name: simulator.ready[name] for name in ("client_secret", "refresh_token")}
    port = urlsplit(simulator.ready["rest"]).port

    def ask(method: str, path: str, body: object, token: str = "") -> Any:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        with closing(HTTPConnection("127.0.0.1", port, timeout=10)) as line:
            line.request(method, path, json.dumps(body), headers)
            return json.loads(line.getresponse().read())

    token = ask("POST", "/oauth/token", {"grant_type": "refresh_token", **asked})["access_token"]
    [quote] = ask("GET", "/market-data/by-type?equity=QQQ", None, token)["data"]["items"]
    for distance in distances:
        body = {
            "time-in-force": "Day",
            "order-type": "Limit",
            "price": f"{Decimal(quote['ask']) + Decimal(distance) / 100:.2f}",
            "price-effect": "Credit",
            "legs": [{"instrument-type": "Equity", "symbol": "QQQ", "action": "Sell to Open", "quantity": 1}],
        }
        assert "data" in ask("POST", f"/accounts/{simulator.account}/orders", body, token)


@pytest.mark.long
def test_kills_on_the_way_change_nothing(tmp_path: Path) -> None:
    """The same orders and the same hour, once in one go and once killed again and again."""
    until, logs = "2026-06-02T15:00:00+00:00", []
    for kills in (0, 4):
        folder = tmp_path / str(kills)
        with simulated(folder) as one:
            sell_around(one, range(0, 120, 8))
            for kill in range(kills):
                told = one.clock(lockstep=True, until=until)
                while told["lockstep"]["running"] and told["sequence"] < (kill + 1) * 1500:
                    told = one.clock()
                one.kill()
                one.start()
            told = one.clock(lockstep=True, until=until)
            while told["lockstep"]["running"]:
                told = one.clock()
            assert told["instant"].startswith("2026-06-02T15:00:00")
        logs.append(list(export_log(folder)))
    assert logs[0] == logs[1]
    assert any(json.loads(line)["log"] == "fill" for line in logs[0])


def test_there_is_nothing_to_export_where_no_simulator_was(tmp_path: Path) -> None:
    with pytest.raises(UsageProblem, match="E_STATE_NONE"):
        list(export_log(tmp_path))


def test_what_is_no_journal_is_not_exported(tmp_path: Path) -> None:
    (tmp_path / "journal.sqlite3").write_bytes(b"something else entirely, but long enough to be looked at")
    with pytest.raises(UsageProblem, match="E_STATE_BROKEN"):
        list(export_log(tmp_path))


class Machine:
    """A machine's clock that a test moves."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def tickets(exchange: Exchange, prices: list[int]) -> list[Ticket]:
    """Limit orders for shares and a market order for options, at cents around the price."""
    quote = exchange.board.quote("QQQ")
    assert quote is not None
    leg = OrderLeg("QQQ", InstrumentType.EQUITY, Action.BUY_TO_OPEN, 10)
    return [
        Ticket(OrderType.LIMIT, TimeInForce.DAY, (leg,), -(Decimal(quote.ask - distance) / 100))
        for distance in prices
    ]


def fills(exchange: Exchange) -> list[tuple[object, ...]]:
    """Everything that was filled and booked, and how every order stands."""
    executions = [
        (order.id, fill.price, fill.quantity, fill.tick, fill.filled_at)
        for order in exchange.books.orders.values()
        for leg in order.legs
        for fill in leg.fills
    ]
    entries = [
        (entry.id, entry.value, entry.executed_at)
        for known in exchange.books.entries.values()
        for entry in known
    ]
    states = [(order.id, order.status) for order in exchange.books.orders.values()]
    return [*executions, *entries, *states]


@settings(max_examples=12)
@given(
    prices=st.lists(st.integers(-3, 12), min_size=1, max_size=4),
    at=st.lists(st.integers(0, TICKS - 1), min_size=4, max_size=4, unique=True),
    looks=st.lists(st.floats(0.001, 40.0), min_size=5, max_size=30),
    speed=st.sampled_from([1.0, 7.0, 60.0]),
    grid=st.sampled_from([1, 4, 20]),
)
def test_free_running_at_any_pace_fills_what_lockstep_fills(
    prices: list[int], at: list[int], looks: list[float], speed: float, grid: int
) -> None:
    """The loop of a free-running simulator comes late and irregularly; no instant is left out."""
    assembled = [assemble(Options(seed=11, speed=0.0)) for _ in range(2)]
    stepped, free = (one.exchange for one in assembled)
    machine = Machine()
    free.clock = MarketClock(free.clock.now(), speed, machine)
    script = sorted(zip(at, tickets(stepped, prices), strict=False), key=lambda each: each[0])
    for exchange in (stepped, free):
        exchange.set_grid(grid, by_event=False)
    for tick, ticket in script:
        stepped.step(tick - stepped.board.tick)
        stepped.submit("5SX00001", ticket)
    stepped.step(TICKS - stepped.board.tick)

    pending = list(script)
    ends = [tick * 0.25 / speed for tick, _ in script] + [TICKS * 0.25 / speed]
    for look in [*looks, float("inf")]:
        # the loop looks again after a while, unless a client calls before, or it is the end
        while ends and machine.seconds + look / speed >= ends[0]:
            machine.seconds = ends.pop(0)
            if pending:
                free.submit("5SX00001", pending.pop(0)[1])
            else:
                free.catch_up()
        if not ends:
            break
        machine.seconds += look / speed
        free.catch_up()
    assert free.board.tick == stepped.board.tick == TICKS
    assert fills(free) == fills(stepped)
    for one in assembled:
        one.journal.close()
