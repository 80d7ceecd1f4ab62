"""A process that paints streamed quotes, in one of two ways, and says what it cost.

``python -m bench._painter line|datatable REDIS_URL SECONDS``. Both ways follow
the same bus through the console's own feed; only the table differs. Frames
carry the moment they were sent (``source_sequence``, monotonic ns), and the
latency ends after the refresh that painted them.
"""

from __future__ import annotations

import asyncio
import json
import resource
import statistics
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from textual.app import App, ComposeResult
from textual.widgets import DataTable

from senex.bus.codec import Frame
from senex.bus.console import ConsoleBus
from tui.feed import Feed
from tui.format import Cell
from tui.state import State
from tui.widgets.line_table import Column, LineTable, Row

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from senex.bus.subscriber import BusEvent
    from senex.domain.quotes import Quote
    from tui.messages import QuotesChanged

COLUMNS = ("symbol", "bid", "ask", "mid")
WARM_UP = 2.0


class SystemClock:
    timeline = "wall"
    fresh = True

    def now(self) -> datetime:
        return datetime.now(UTC)  # noqa: TID251  a bench's clock


class TimedBus:
    """The console's bus, remembering when the newest frame was sent."""

    def __init__(self, bus: ConsoleBus) -> None:
        self._bus = bus
        self.sent: list[int] = []

    async def events(self) -> AsyncIterator[BusEvent]:
        async for event in self._bus.events():
            if isinstance(event, Frame) and event.quotes:
                self.sent.append(event.pulse.source_sequence)
            yield event

    async def lease(self, symbols: object) -> None:
        del symbols


class Painter(App[None]):
    CSS = "LineTable, DataTable { height: 1fr; }"

    def __init__(self, kind: str, url: str, seconds: float) -> None:
        super().__init__()
        self.kind, self.url, self.seconds = kind, url, seconds
        self.state = State(environment="simulated", clock=SystemClock())
        self.latencies: list[float] = []
        self.lags: list[float] = []
        self.quotes = 0
        self.known: set[str] = set()
        self.figures: dict[str, float] = {}

    def compose(self) -> ComposeResult:
        if self.kind == "line":
            columns = [Column(name, name, 18 if name == "symbol" else 10) for name in COLUMNS]
            yield LineTable(columns, fresh=lambda symbol: line(self.state.market.quotes[symbol]))
        else:
            yield DataTable()

    def on_ready(self) -> None:
        if self.kind == "datatable":
            for name in COLUMNS:
                self.query_one(DataTable).add_column(name, key=name, width=18 if name == "symbol" else 10)
        self.bus = TimedBus(ConsoleBus(self.url, "bench"))
        feed = Feed(self.bus, self.state, self.post_message, hinted=lambda: None, wanted=frozenset)
        self.run_worker(feed.run())
        self.run_worker(self.measure())

    def on_quotes_changed(self, message: QuotesChanged) -> None:
        sent, self.bus.sent = self.bus.sent, []
        self.quotes += len(message.symbols)
        quotes = [self.state.market.quotes[symbol] for symbol in message.symbols]
        new = [quote for quote in quotes if quote.symbol not in self.known]
        self.known |= {quote.symbol for quote in new}
        if self.kind == "line":
            self.paint_lines(quotes, anew=bool(new))
        else:
            self.paint_cells(quotes, new)
        self.call_after_refresh(self.painted, sent)

    def painted(self, sent: list[int]) -> None:
        now = time.monotonic_ns()
        self.latencies += [(now - at) / 1e6 for at in sent]

    def paint_lines(self, quotes: list[Quote], *, anew: bool) -> None:
        table = self.query_one(LineTable)
        if anew:
            every = sorted(self.state.market.quotes.values(), key=lambda quote: quote.symbol)
            table.set_rows([line(quote) for quote in every])
        else:
            table.touch(quote.symbol for quote in quotes)

    def paint_cells(self, quotes: list[Quote], new: list[Quote]) -> None:
        table = self.query_one(DataTable)
        for quote in new:
            table.add_row(*texts(quote), key=quote.symbol)
        for quote in quotes:
            for name, text in zip(COLUMNS, texts(quote), strict=True):
                table.update_cell(quote.symbol, name, text)

    async def measure(self) -> None:
        await asyncio.sleep(WARM_UP)
        self.latencies.clear()
        self.quotes = 0
        used, began = cpu(), time.monotonic()
        while (left := self.seconds - (time.monotonic() - began)) > 0:
            before = time.monotonic()
            await asyncio.sleep(min(0.02, left))
            self.lags.append((time.monotonic() - before - min(0.02, left)) * 1000)
        passed = time.monotonic() - began
        self.figures = {
            "cpu_percent": round((cpu() - used) / passed * 100, 1),
            "p50_ms": round(statistics.median(self.latencies), 1),
            "p99_ms": round(at_share(self.latencies, 0.99), 1),
            "loop_lag_p99_ms": round(at_share(self.lags, 0.99), 1),
            "quotes_per_second": round(self.quotes / passed),
            "rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        }
        self.exit()


def line(quote: Quote) -> Row:
    return Row(quote.symbol, tuple(Cell(text) for text in texts(quote)), quote.symbol)


def texts(quote: Quote) -> tuple[str, str, str, str]:
    return (quote.symbol, f"{quote.bid:.2f}", f"{quote.ask:.2f}", f"{quote.mid:.3f}")


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def at_share(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


if __name__ == "__main__":
    painter = Painter(sys.argv[1], sys.argv[2], float(sys.argv[3]))
    painter.run(headless=True, size=(120, 50))
    print(json.dumps(painter.figures))
