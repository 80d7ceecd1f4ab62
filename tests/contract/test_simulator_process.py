"""The simulator as a process: ready line, state that survives kill -9, clean exits, clear refusals."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
import tastytrade.session
from tastytrade import Account, Session
from tastytrade.market_data import get_market_data_by_type
from tastytrade.order import OrderStatus

from tests.contract.simulator_support import find_trident, net_of
from tests.waiting import PATIENCE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

CENT = Decimal("0.01")


@dataclass
class Process:
    """A running simulator process and its ready line."""

    popen: subprocess.Popen[str]
    ready: dict[str, Any]

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Signal the process and wait for its exit code."""
        self.popen.send_signal(number)
        return self.popen.wait(timeout=PATIENCE)


@contextmanager
def running(*arguments: str) -> Iterator[Process]:
    """Start ``python -m senex.simulator`` on a free port."""
    popen = subprocess.Popen(
        [sys.executable, "-m", "senex.simulator", "--port", "0", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert popen.stdout is not None
    assert popen.stderr is not None
    try:
        line = popen.stdout.readline()
        assert line, popen.stderr.read()
        yield Process(popen, json.loads(line))
    finally:
        if popen.poll() is None:
            popen.kill()
            popen.wait()
        popen.stdout.close()
        popen.stderr.close()


def refused(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a simulator that must not start."""
    return subprocess.run(
        [sys.executable, "-m", "senex.simulator", *arguments],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


@asynccontextmanager
async def client(process: Process, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Session, Account]]:
    """An SDK session on a process."""
    ready = process.ready
    monkeypatch.setattr(tastytrade.session, "CERT_URL", ready["rest"])
    async with Session(
        ready["client_secret"], ready["refresh_token"], is_test=True, trust_env=False
    ) as session:
        yield session, await Account.get(session, ready["account"])


async def clock(process: Process, **body: object) -> dict[str, Any]:
    """POST /clock."""
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{process.ready['rest']}/clock", json=body) as answer,
    ):
        return dict(await answer.json())


async def books(session: Session, account: Account) -> dict[str, object]:
    """Everything the account's endpoints say, comparable."""
    balances = await account.get_balances(session)
    orders = await account.get_order_history(session, page_offset=None)
    return {
        "orders": orders,
        "statuses": [order.status for order in orders],
        "positions": await account.get_positions(session, include_marks=True, include_closed=True),
        "ledger": await account.get_history(session, page_offset=None),
        "balances": balances.model_copy(update={"updated_at": None}),
        "quotes": [
            (one.symbol, one.bid, one.ask)
            for one in await get_market_data_by_type(session, equities=["QQQ", "SPY"])
        ],
    }


async def test_a_killed_simulator_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = ("--state", str(tmp_path / "state"))
    with running("--seed", "11", "--speed", "0", *state) as process:
        async with client(process, monkeypatch) as (session, account):
            trident = await find_trident(session)
            mid = (await net_of(session, trident)).mid.quantize(CENT)
            await account.place_order(session, trident.order(mid), dry_run=False)
            await clock(process, step=40)
            target = trident.call_target(Decimal("-1.50"))
            await account.place_order(session, target, dry_run=False)
            stopped = await clock(process, step=3)
            before = await books(session, account)
        process.end(signal.SIGKILL)

    with running(*state) as again:
        async with client(again, monkeypatch) as (session, account):
            after = await books(session, account)
            known = await account.get_order_history(session, page_offset=None)
            resumed = await clock(again)
            more = trident.put_target(Decimal(-1))
            added = await account.place_order(session, more, dry_run=False)

    assert after["statuses"] == [OrderStatus.LIVE, OrderStatus.FILLED]
    assert after == before
    assert resumed == stopped
    assert again.ready | {"rest": 0, "alerts": 0, "clock": 0} == process.ready | {
        "rest": 0,
        "alerts": 0,
        "clock": 0,
    }
    assert added.order.id > max(order.id for order in known)


async def test_an_order_that_was_only_received_goes_live_after_a_kill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = ("--state", str(tmp_path / "state"), "--speed", "0")
    with running(*state) as process:
        async with client(process, monkeypatch) as (session, account):
            trident = await find_trident(session)
            order = trident.order(Decimal("13.00"), external_identifier="senex-00000000-kill")
            await account.place_order(session, order, dry_run=False)
        process.end(signal.SIGKILL)

    with running(*state) as again:
        async with client(again, monkeypatch) as (session, account):
            orders = await account.get_live_orders(session)

    assert [(one.status, one.external_identifier) for one in orders] == [
        (OrderStatus.LIVE, "senex-00000000-kill")
    ]


async def test_market_time_never_goes_back_over_a_kill(tmp_path: Path) -> None:
    state = ("--state", str(tmp_path / "state"))
    with running("--speed", "60", *state) as process:
        async with (
            aiohttp.ClientSession() as http,
            http.ws_connect(process.ready["clock"]) as follower,
        ):
            await follower.receive_json()
            told = await follower.receive_json()
        process.end(signal.SIGKILL)

    with running("--speed", "0", *state) as again:
        resumed = await clock(again)

    assert resumed["timeline"] == told["timeline"]
    assert datetime.fromisoformat(resumed["instant"]) >= datetime.fromisoformat(told["instant"])


async def test_the_same_seed_and_commands_give_the_same_books(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    for _ in range(2):
        with running("--seed", "5", "--speed", "0") as process:
            async with client(process, monkeypatch) as (session, account):
                trident = await find_trident(session)
                mid = (await net_of(session, trident)).mid.quantize(CENT)
                await account.place_order(session, trident.order(mid), dry_run=False)
                await clock(process, step=60)
                seen.append(await books(session, account))

    assert seen[0] == seen[1]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_cleanly_when_told_to(number: signal.Signals) -> None:
    with running() as process:
        assert process.end(number) == 0
        assert process.popen.stderr is not None
        assert process.popen.stderr.read() == ""


def test_secrets_go_to_the_credentials_file_alone(tmp_path: Path) -> None:
    file = tmp_path / "credentials.json"
    with running("--credentials-file", str(file)) as process:
        credentials = json.loads(file.read_text())

        assert stat.S_IMODE(os.stat(file).st_mode) == 0o600  # noqa: PTH116  the mode is what is tested
        assert set(credentials) == {"client_secret", "refresh_token"}
        assert set(process.ready) == {"rest", "alerts", "clock", "account", "accounts"}


def test_a_taken_port_is_one_sentence_and_code_3() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ended = refused("--port", str(taken.getsockname()[1]))

    assert ended.returncode == 3
    assert "[E_PORT_TAKEN]" in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert ended.stdout == ""


def test_a_state_folder_belongs_to_one_simulator_and_one_market(tmp_path: Path) -> None:
    state = ("--state", str(tmp_path / "state"))
    with running("--seed", "3", *state) as process:
        busy = refused("--port", "0", *state)
        assert process.end() == 0
    other = refused("--port", "0", "--seed", "4", *state)

    assert (busy.returncode, other.returncode) == (3, 2)
    assert "[E_STATE_BUSY]" in busy.stderr
    assert "[E_STATE_OTHER]" in other.stderr


def test_another_account_joins_the_same_books(tmp_path: Path) -> None:
    state = ("--state", str(tmp_path / "state"))
    with running(*state) as first:
        assert first.ready["account"] == "5SX00001"
        first.end()
    with running("--account", "5SX77777", *state) as second:
        assert second.ready["account"] == "5SX77777"
        assert second.ready["accounts"] == ["5SX00001", "5SX77777"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--start", "soon"), "E_START"),
        (("--start", "1999-01-04"), "E_START"),
        (("--account", "x"), "E_ACCOUNT"),
        (("--state", "/proc/none"), "E_STATE_FOLDER"),
        (("--credentials-file", "/proc/none"), "E_CREDENTIALS_FILE"),
        (("--host", "203.0.113.1"), "E_LISTEN"),
    ],
)
def test_bad_options_say_what_is_wrong(arguments: tuple[str, ...], code: str) -> None:
    ended = refused("--port", "0", *arguments)

    assert ended.returncode == 2
    assert code in ended.stderr


async def test_faults_may_come_from_a_file(tmp_path: Path) -> None:
    faults = tmp_path / "faults.toml"
    faults.write_text('[[rules]]\nendpoint = "token"\nmode = "html"\nstatus = 502\n')
    with running("--faults", str(faults)) as process:
        async with aiohttp.ClientSession() as http, http.get(f"{process.ready['rest']}/faults") as answer:
            (rule,) = (await answer.json())["rules"]
    assert (rule["endpoint"], rule["mode"], rule["status"]) == ("token", "html", 502)

    faults.write_text('[[rules]]\nendpoint = "token"\nmode = "nonsense"\n')
    ended = refused("--port", "0", "--faults", str(faults))
    assert ended.returncode == 2
    assert "[E_FAULTS_FILE]" in ended.stderr
