"""Records quotes and frames of another environment to a file, with the chains they belong to."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import aiohttp

from senex.domain.errors import Unavailable, UsageProblem
from senex.simulator.market.sessions import TICK
from senex.simulator.mirror.clock import UpstreamClock
from senex.simulator.mirror.link import Link
from senex.simulator.mirror.tape import TapeWriter
from senex.simulator.mirror.upstream import Credentials, Upstream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime
    from pathlib import Path

    from senex.simulator.columns import Row

KINDS = ("Quote", "Trade", "Summary", "Profile")
"""What is recorded of an underlying; of options it is quotes, Greeks and summaries."""
OPTION_KINDS = ("Quote", "Greeks", "Summary")
CANDLES = "{=d,tho=true}"
_CANDLE_DAYS = 400
_BLOCK_SECONDS = 5.0
_PAGES_SECONDS = 900.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is recorded: underlyings, and their options up to ``days`` ahead and ``width`` percent around."""

    symbols: tuple[str, ...]
    days: int = 50
    width: int = 10


class Recorder:
    """Takes rows and writes them by tick: at most one of a type and symbol per tick, so none is lost."""

    def __init__(self, tape: TapeWriter, start: datetime, clock: UpstreamClock) -> None:
        self._tape = tape
        self._start = start
        self._clock = clock
        self._unstamped: list[tuple[str, Row]] = []
        self._last: dict[tuple[str, str], int] = {}
        self._held: dict[int, dict[str, list[Row]]] = {}
        self.rows = 0

    @property
    def tick(self) -> int:
        """The first tick that is not before now."""
        return max(0, -((self._start - self._clock.now()) // TICK))

    def begin(self) -> None:
        """A new connection: the feed tells everything again."""

    def lost(self) -> None:
        """What was quoted holds no longer."""
        self.write()
        self._tape.add("gap", self.tick)

    def take(self, kind: str, rows: Iterable[Row]) -> None:
        """Keep rows. In lockstep they may be here before the instant they belong to is known."""
        self._unstamped += [(kind, row) for row in rows]
        if not self._clock.told.lockstep:
            self.stamp()

    def stamp(self) -> None:
        """Put the rows that came to the tick they are served at."""
        now = self.tick
        unstamped, self._unstamped = self._unstamped, []
        for kind, row in unstamped:
            key = (kind, str(row[0]))
            tick = now
            if kind != "Candle":
                tick = self._last[key] = max(now, self._last.get(key, -1) + 1)
            self._held.setdefault(tick, defaultdict(list))[kind].append(row)
            self.rows += 1

    def write(self, *, everything: bool = False) -> None:
        """Give the tape what is due by now."""
        now = self.tick
        for tick in sorted(self._held):
            if everything or tick <= now:
                for kind, rows in self._held.pop(tick).items():
                    self._tape.add("rows", tick, kind, rows)

    def end(self) -> int:
        """Write the rest; the tick of the end."""
        self.stamp()
        last = max([self.tick, *self._held])
        self.write(everything=True)
        return last


async def record(
    *,
    rest: str,
    credentials: Credentials,
    file: Path,
    wanted: Wanted,
    stop: asyncio.Event,
    ready: Callable[[dict[str, Any]], None],
) -> dict[str, Any]:
    """Record until ``stop``; what was recorded.

    Raises:
        Unavailable: ``E_UPSTREAM``: the environment cannot be used.
        UsageProblem: ``E_DAY_FILE``, ``E_DAY_SYMBOL``.
    """
    async with aiohttp.ClientSession(trust_env=False) as http:
        upstream, clock = Upstream(http, rest, credentials), UpstreamClock(http, rest)
        await clock.open()
        pages = await _pages(upstream, wanted.symbols)
        wishes = await _wishes(upstream, wanted, pages, clock.now().date())
        start = clock.now()
        tape = TapeWriter(file, start=start, symbols=wanted.symbols, source=rest)
        recorder = Recorder(tape, start, clock)
        for name, body in pages.items():
            tape.add("page", 0, name, body)
        link = Link(upstream, recorder)
        link.want(wishes)
        since = int((start - timedelta(days=_CANDLE_DAYS)).timestamp() * 1000)
        link.want([("Candle", f"{symbol}{CANDLES}") for symbol in wanted.symbols], since=since)

        async def settle() -> None:
            await link.caught_up()
            recorder.stamp()
            recorder.write()

        tasks = [
            asyncio.create_task(work)
            for work in (
                link.run(),
                clock.run("recorder", settle),
                _blocks(recorder, tape),
                _renewed(upstream, wanted.symbols, recorder, tape),
            )
        ]
        try:
            await _first_rows(link, stop)
            recorder.write()
            tape.flush()
            ready({"recording": str(file), "symbols": len(wishes), "start": start.isoformat()})
            await _until(stop, tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            tape.close(recorder.end())
        return {"file": str(file), "rows": recorder.rows, "bytes": tape.written, "ticks": recorder.tick}


async def _until(stop: asyncio.Event, tasks: list[asyncio.Task[Any]]) -> None:
    """Wait to be told to stop; work that ends by itself has failed."""
    stopping = asyncio.create_task(stop.wait())
    done, _ = await asyncio.wait([stopping, *tasks], return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    for task in done - {stopping}:
        task.result()


async def _first_rows(link: Link, stop: asyncio.Event) -> None:
    """Return once the feed has told everything there is for the first time."""
    while not link.connected and not stop.is_set():
        with suppress(TimeoutError):
            async with asyncio.timeout(0.05):
                await stop.wait()
    await link.caught_up()
    with suppress(TimeoutError):
        async with asyncio.timeout(0.5):
            await stop.wait()
    await link.caught_up()


async def _blocks(recorder: Recorder, tape: TapeWriter) -> None:
    while True:
        await asyncio.sleep(_BLOCK_SECONDS)
        recorder.write()
        tape.flush()


async def _renewed(
    upstream: Upstream, symbols: tuple[str, ...], recorder: Recorder, tape: TapeWriter
) -> None:
    """Read chains and metrics again: they change from day to day."""
    while True:
        await asyncio.sleep(_PAGES_SECONDS)
        with suppress(Unavailable):
            for name, body in (await _pages(upstream, symbols)).items():
                recorder.write()
                tape.add("page", recorder.tick, name, body)


async def _pages(upstream: Upstream, symbols: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """The answers that are served again from a recording, by name."""
    pages = {}
    for symbol in symbols:
        for name, path in PAGES.items():
            body = await upstream.data(path.format(symbol=symbol), QUERIES.get(name, ""))
            if body is not None:
                pages[f"{name} {symbol}"] = body
    metrics = await upstream.data("/market-metrics", f"symbols={','.join(symbols)}")
    for one in (metrics or {}).get("items", []):
        pages[f"metrics {one['symbol']}"] = one
    return pages


QUERIES = {"earnings": "start-date=2000-01-01"}
PAGES = {
    "chain": "/option-chains/{symbol}/nested",
    "dividends": "/market-metrics/historic-corporate-events/dividends/{symbol}",
    "earnings": "/market-metrics/historic-corporate-events/earnings-reports/{symbol}",
}


async def _wishes(
    upstream: Upstream, wanted: Wanted, pages: dict[str, dict[str, Any]], today: date
) -> list[tuple[str, str]]:
    """Types and streamer symbols to record."""
    wishes = [(kind, symbol) for symbol in wanted.symbols for kind in KINDS]
    for symbol in wanted.symbols:
        spot = await _spot(upstream, symbol)
        reach = spot * wanted.width / 100
        for chain in pages.get(f"chain {symbol}", {}).get("items", []):
            for expiration in chain["expirations"]:
                if date.fromisoformat(expiration["expiration-date"]) > today + timedelta(days=wanted.days):
                    continue
                wishes += [
                    (kind, strike[f"{right}-streamer-symbol"])
                    for strike in expiration["strikes"]
                    if abs(Decimal(strike["strike-price"]) - spot) <= reach
                    for right in ("call", "put")
                    for kind in OPTION_KINDS
                ]
    return wishes


async def _spot(upstream: Upstream, symbol: str) -> Decimal:
    for kind in ("equity", "index"):
        told = await upstream.data("/market-data/by-type", f"{kind}={symbol}")
        for one in (told or {}).get("items", []):
            price = one.get("mark") or one.get("last") or one.get("mid")
            if price is not None:
                return Decimal(str(price))
    raise UsageProblem("E_DAY_SYMBOL", f"{upstream.rest} has no price of {symbol}; record other --symbols.")
