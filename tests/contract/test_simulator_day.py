"""Recorded days: another market's quotes and frames, served again exactly, and files that cannot be trusted."""

from __future__ import annotations

import asyncio
import gzip
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from tastytrade import Account
from tastytrade.instruments import NestedOptionChain
from tastytrade.metrics import get_market_metrics
from tastytrade.order import OrderStatus

from senex.domain.errors import UsageProblem
from senex.simulator.mirror.clock import UpstreamClock
from senex.simulator.mirror.day import examine
from senex.simulator.mirror.link import Link
from senex.simulator.mirror.recorder import Wanted, record
from senex.simulator.mirror.tape import Tape, TapeWriter
from senex.simulator.mirror.upstream import Credentials, Upstream
from tests.contract.simulator_support import Trident, find_trident, net_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from tests.contract.simulator_support import Broker

    Serve = Callable[..., AbstractAsyncContextManager[Broker]]

START = datetime(2026, 6, 2, 14, tzinfo=UTC)
TURNS = 24
WANTED = Wanted(("QQQ",), days=46, width=2)


class Collector:
    """Every row a client of a feed gets, by the tick it came at; it takes part in lockstep."""

    def __init__(self, broker: Broker, names: list[tuple[str, str]]) -> None:
        upstream = Upstream(broker.http, broker.rest, credentials(broker))
        self.link, self.clock = Link(upstream, self), UpstreamClock(broker.http, broker.rest)
        self.link.want(names)
        self.rows: list[tuple[int, str, Any]] = []
        self._exchange = broker.simulator.exchange

    def begin(self) -> None:
        """Nothing is kept of before."""

    def lost(self) -> None:
        """Nothing to do."""

    def take(self, kind: str, rows: list[Any]) -> None:
        """Keep each row; its sequence number may differ from one run to the next."""
        self.rows += [(self._exchange.board.tick, kind, row) for row in rows]


@asynccontextmanager
async def collecting(broker: Broker, names: list[tuple[str, str]]) -> AsyncIterator[Collector]:
    one = Collector(broker, names)
    await one.clock.open()
    tasks = [
        asyncio.create_task(one.link.run()),
        asyncio.create_task(one.clock.run("collector", one.link.caught_up)),
    ]
    try:
        told: dict[str, Any] = {}
        while not (one.link.connected and "collector" in told.get("lockstep", {}).get("joined", ())):
            told = await broker.clock()
        await one.link.caught_up()
        yield one
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def recording(broker: Broker, file: Path) -> AsyncIterator[None]:
    """Record a broker within the block."""
    stop, ready = asyncio.Event(), asyncio.Event()
    task = asyncio.create_task(
        record(
            rest=broker.rest,
            credentials=credentials(broker),
            file=file,
            wanted=WANTED,
            stop=stop,
            ready=lambda _: ready.set(),
        )
    )
    await asyncio.wait({task, waiting := asyncio.create_task(ready.wait())}, return_when="FIRST_COMPLETED")
    waiting.cancel()
    try:
        yield
    finally:
        stop.set()
        await task


def credentials(broker: Broker) -> Credentials:
    tokens = broker.simulator.tokens
    return Credentials(tokens.client_secret, tokens.refresh_token)


async def traded(broker: Broker, trident: Trident) -> list[tuple[object, ...]]:
    """Sell a Trident at mid, play, and say what was filled, when and at what."""
    mid = (await net_of(broker.session, trident)).mid.quantize(Decimal("0.01"))
    placed = await broker.account.place_order(broker.session, trident.order(mid), dry_run=False)
    for _ in range(TURNS):
        await broker.clock(advance=1)
    order = await broker.account.get_order(broker.session, placed.order.id)
    assert order.status is OrderStatus.FILLED
    return [(leg.symbol, fill.fill_price, fill.filled_at) for leg in order.legs for fill in leg.fills or ()]


async def test_a_recorded_day_is_served_again_exactly(serve: Serve, tmp_path: Path) -> None:
    file = tmp_path / "day.gz"
    async with serve() as source:
        trident = await find_trident(source.session)
        names = [("Quote", name) for name in ("QQQ", *trident.streamers.values())]
        names += [("Greeks", name) for name in trident.streamers.values()] + [("Summary", "QQQ")]
        async with recording(source, file), collecting(source, names) as there:
            fills = await traded(source, trident)
        chain = await NestedOptionChain.get(source.session, "QQQ")
        metrics = await get_market_metrics(source.session, ["QQQ"])

    async with serve(day=file) as again:
        assert await find_trident(again.session) == trident
        async with collecting(again, names) as here:
            assert await traded(again, trident) == fills
        assert await NestedOptionChain.get(again.session, "QQQ") == chain
        assert [one.symbol for one in await get_market_metrics(again.session, ["QQQ"])] == ["QQQ"]
        assert (await get_market_metrics(again.session, ["QQQ"]))[0].beta == metrics[0].beta

    known = examine(file)
    assert known.complete
    assert known.start == START
    assert len(there.rows) > TURNS
    assert sorted(here.rows, key=repr) == sorted(there.rows, key=repr)


async def test_after_the_recordings_end_nothing_fills(serve: Serve, tmp_path: Path) -> None:
    file = tmp_path / "day.gz"
    async with serve() as source:
        trident = await find_trident(source.session)
        async with recording(source, file):
            await source.clock(advance=2)
    async with serve(day=file) as again:
        await again.clock(advance=10)
        mid = (await net_of(again.session, trident)).natural
        placed = await again.account.place_order(again.session, trident.order(mid), dry_run=False)
        await again.clock(advance=60)
        order = await again.account.get_order(again.session, placed.order.id)
        assert order.status is OrderStatus.LIVE


async def test_a_state_folder_belongs_to_its_recording(serve: Serve, tmp_path: Path) -> None:
    file = tmp_path / "day.gz"
    write(file)
    async with serve(day=file, state=tmp_path / "state") as first:
        assert [one.account_number for one in await Account.get(first.session)] == ["5SX00001"]
    with pytest.raises(UsageProblem, match="E_STATE_OTHER"):
        async with serve(state=tmp_path / "state"):
            pass


def write(file: Path, *, end: bool = True, blocks: int = 3) -> None:
    """A small recording."""
    tape = TapeWriter(file, start=START, symbols=["QQQ"])
    for tick in range(blocks):
        row = ["QQQ", 0, tick, 0, 0, "Q", 0, "Q", 500.0 + tick, 500.02 + tick, 3, 4]
        tape.add("rows", tick, "Quote", [row])
        tape.flush()
    if end:
        tape.close(blocks - 1)
    else:
        tape._file.close()


def test_a_truncated_recording_is_good_up_to_its_last_block(tmp_path: Path) -> None:
    write(whole := tmp_path / "whole")
    data, seen = whole.read_bytes(), set()
    for size in range(len(data)):
        (cut := tmp_path / "cut").write_bytes(data[:size])
        try:
            lines = list(Tape(cut).lines())
        except UsageProblem as problem:
            assert problem.code == "E_DAY_FOREIGN"  # noqa: PT017  not even the first block is there
            continue
        assert [line[1] for line in lines] == list(range(len(lines)))
        assert not examine(cut).complete
        seen.add(len(lines))
    assert seen == {0, 1, 2, 3}


def test_a_recording_that_was_killed_says_so(tmp_path: Path) -> None:
    write(tmp_path / "day", end=False)
    assert not examine(tmp_path / "day").complete


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "E_DAY_FOREIGN"),
        (b"PK something else", "E_DAY_FOREIGN"),
        (gzip.compress(b"a text\n", mtime=0), "E_DAY_CORRUPT"),
        (gzip.compress(b'{"other": 1}\n', mtime=0), "E_DAY_FOREIGN"),
        (gzip.compress(b'{"senex-day": 1}\n', mtime=0), "E_DAY_FOREIGN"),
        (
            gzip.compress(b'{"senex-day": 9, "start": "2026-06-02T14:00:00+00:00"}\n', mtime=0),
            "E_DAY_VERSION",
        ),
    ],
)
def test_what_is_no_recording_is_refused_in_one_sentence(tmp_path: Path, content: bytes, code: str) -> None:
    (tmp_path / "day").write_bytes(content)
    with pytest.raises(UsageProblem) as refused:
        examine(tmp_path / "day")
    assert refused.value.code == code
    assert str(refused.value).count("\n") == 0


def test_a_flipped_bit_is_noticed(tmp_path: Path) -> None:
    write(file := tmp_path / "day")
    data = bytearray(file.read_bytes())
    for place in range(len(data) // 2, len(data), 7):
        changed = bytearray(data)
        changed[place] ^= 0x10
        file.write_bytes(bytes(changed))
        try:
            known = examine(file)
        except UsageProblem as problem:
            assert problem.code in {"E_DAY_CORRUPT", "E_DAY_FOREIGN"}  # noqa: PT017  one or the other
        else:  # in a header's unused fields, or as if cut off there
            assert not known.complete or known.last == 2


def test_a_missing_recording_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageProblem, match="E_DAY_FILE"):
        examine(tmp_path / "none")
