"""Decoding the feed: rows in, the newest quote per symbol out.

The SDK makes a validated object of every event and drops a quote with a
missing side in silence, so that the old price stays live. Here a row is kept
as it came, newer rows of a symbol replace it, and values are made only when
the rows are drained: ten thousand events a second cost what a hundred
symbols cost. What cannot be read is counted, and its symbol loses its price.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from senex.domain.quotes import Greeks, Quote

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime

    from senex.ports.clock import Clock

Columns = tuple[str, ...]

QUOTE_COLUMNS: Columns = (
    "eventSymbol", "eventTime", "sequence", "timeNanoPart", "bidTime", "bidExchangeCode", "askTime",
    "askExchangeCode", "bidPrice", "askPrice", "bidSize", "askSize",
)  # fmt: skip
GREEKS_COLUMNS: Columns = (
    "eventSymbol", "eventTime", "eventFlags", "index", "time", "sequence", "price", "volatility", "delta",
    "gamma", "theta", "rho", "vega",
)  # fmt: skip
_PICKED = {
    "Quote": ("eventSymbol", "sequence", "bidPrice", "askPrice", "bidSize", "askSize"),
    "Greeks": ("eventSymbol", "price", "volatility", "delta", "gamma", "theta", "vega"),
}
_WORDS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}

Raw = tuple[int, "datetime", tuple[Any, ...]]
"""Our sequence number, when it was received (market time), and the picked columns."""


@dataclass(frozen=True, slots=True)
class Drained:
    """What changed since the last drain."""

    quotes: tuple[Quote, ...]
    greeks: tuple[Greeks, ...]


class QuoteBook:
    """The newest row per symbol of one subscription (an *epoch*).

    ``quarantined`` counts by kind: ``corrupt`` (no row could be made of it),
    ``unreadable`` (a side that is no number), ``one-sided``, ``crossed``,
    ``negative``. ``last_inbound`` is market time of the last frame of any kind.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._columns: dict[str, Columns] = {"Quote": QUOTE_COLUMNS, "Greeks": GREEKS_COLUMNS}
        self._rows: dict[str, dict[str, Raw]] = {"Quote": {}, "Greeks": {}}
        self._changed: dict[str, set[str]] = {"Quote": set(), "Greeks": set()}
        self._wanted: frozenset[str] = frozenset()
        self.quarantined: Counter[str] = Counter()
        self.received = 0
        self.dropped = 0
        self.sequence = 0
        self.source_sequence = 0
        self.last_inbound: datetime | None = None
        self.connected = False
        self.epoch = uuid4().hex[:12]

    def __len__(self) -> int:
        """How many symbols have a quote."""
        return len(self._rows["Quote"])

    def begin(self) -> None:
        """A new subscription: nothing received before it is live."""
        self.epoch = uuid4().hex[:12]
        self.connected = True
        for kind in self._rows:
            self._rows[kind].clear()
            self._changed[kind].clear()

    def interrupted(self) -> None:
        """The connection is gone; what is known stays, and ages."""
        self.connected = False

    def want(self, symbols: frozenset[str]) -> None:
        """Keep these symbols only; late rows of others are ignored."""
        gone = self._wanted - symbols
        self._wanted = symbols
        self.dropped += len(gone)
        for kind in self._rows:
            self._changed[kind] -= gone
            for symbol in gone:
                self._rows[kind].pop(symbol, None)

    def frame(self) -> None:
        """Something came in, a keepalive at least."""
        self.last_inbound = self._clock.now()

    def configure(self, fields: object) -> None:
        """Take the column order the server announced (``FEED_CONFIG``)."""
        if not isinstance(fields, dict):
            return
        for kind, names in fields.items():
            if kind not in _PICKED or not isinstance(names, list):
                continue
            if all(isinstance(name, str) for name in names) and set(_PICKED[kind]) <= set(names):
                self._columns[kind] = tuple(names)

    def take(self, data: object) -> None:
        """Take the data of one FEED_DATA message: ``[type, [flat rows…], type, …]`` or whole objects."""
        if not isinstance(data, list) or not data:
            self.quarantined["corrupt"] += 1
            return
        if isinstance(data[0], dict):
            for event in data:
                self._take_whole(event)
            return
        for kind, flat in zip(data[::2], data[1::2], strict=False):
            if not isinstance(kind, str):
                self.quarantined["corrupt"] += 1
            elif kind in _PICKED:
                self._take_flat(kind, flat)
        if len(data) % 2:
            self.quarantined["corrupt"] += 1

    def drain(self) -> Drained:
        """What changed since the last call, and forget that it changed."""
        drained = Drained(self._quotes(self._changed["Quote"]), self._greeks(self._changed["Greeks"]))
        self._count(drained, len(self._changed["Greeks"]))
        for changed in self._changed.values():
            changed.clear()
        return drained

    def everything(self) -> Drained:
        """All that is known."""
        return Drained(self._quotes(self._rows["Quote"]), self._greeks(self._rows["Greeks"]))

    def _take_whole(self, event: object) -> None:
        kind = event.get("eventType") if isinstance(event, dict) else None
        if not isinstance(event, dict) or not isinstance(kind, str) or kind not in _PICKED:
            self.quarantined["corrupt"] += 1
            return
        self._keep(kind, [tuple(event.get(name) for name in _PICKED[kind])], self._clock.now())

    def _take_flat(self, kind: str, flat: object) -> None:
        columns = self._columns[kind]
        width = len(columns)
        if not isinstance(flat, list) or len(flat) % width:
            self.quarantined["corrupt"] += 1
            return
        places = [columns.index(name) for name in _PICKED[kind]]
        self._keep(kind, zip(*(flat[place::width] for place in places), strict=True), self._clock.now())

    def _keep(self, kind: str, picked: Iterable[tuple[Any, ...]], now: datetime) -> None:
        """Keep the newest row of each symbol. Twenty thousand a second pass here, hence the names of its own."""
        wanted, rows, changed = self._wanted, self._rows[kind], self._changed[kind]
        first = sequence = self.sequence
        newest = self.source_sequence
        for row in picked:
            symbol = row[0]
            if not isinstance(symbol, str):
                self.quarantined["corrupt"] += 1
            elif symbol in wanted:
                sequence += 1
                rows[symbol] = (sequence, now, row)
                changed.add(symbol)
                if kind == "Quote" and isinstance(row[1], int) and row[1] > newest:
                    newest = row[1]
        self.sequence, self.source_sequence = sequence, newest
        self.received += sequence - first

    def _quotes(self, symbols: Collection[str]) -> tuple[Quote, ...]:
        rows = self._rows["Quote"]
        return tuple(self._quote(symbol, rows[symbol]) for symbol in symbols)

    def _quote(self, symbol: str, raw: Raw) -> Quote:
        sequence, received_at, (_, _, bid, ask, bid_size, ask_size) = raw
        return Quote(
            symbol=symbol,
            bid=self._number(bid),
            ask=self._number(ask),
            bid_size=self._number(bid_size),
            ask_size=self._number(ask_size),
            sequence=sequence,
            received_at=received_at,
        )

    def _count(self, drained: Drained, greeks: int) -> None:
        """Count what cannot price anything; it is passed on as it is, so that no older price stays live."""
        if greeks > len(drained.greeks):
            self.quarantined["greeks"] += greeks - len(drained.greeks)
        for quote in drained.quotes:
            if quote.bid is None or quote.ask is None:
                self.quarantined["one-sided"] += 1
            elif quote.bid < 0 or quote.ask < 0:
                self.quarantined["negative"] += 1
            elif quote.bid > quote.ask:
                self.quarantined["crossed"] += 1

    def _greeks(self, symbols: Collection[str]) -> tuple[Greeks, ...]:
        rows = self._rows["Greeks"]
        made = (self._greek(symbol, rows[symbol]) for symbol in symbols)
        return tuple(each for each in made if each is not None)

    def _greek(self, symbol: str, raw: Raw) -> Greeks | None:
        sequence, received_at, (_, *figures) = raw
        known = [number for number in map(self._number, figures) if number is not None]
        if len(known) < len(figures):
            return None
        price, volatility, delta, gamma, theta, vega = known
        return Greeks(symbol, price, volatility, delta, gamma, theta, vega, sequence, received_at)

    def _number(self, told: object) -> Decimal | None:
        """A finite number, exactly as written; None for NaN, infinities and what is no number."""
        if isinstance(told, str) and told in _WORDS:
            return None
        if isinstance(told, bool) or not isinstance(told, int | float | str):
            self.quarantined["unreadable"] += told is not None
            return None
        try:
            number = Decimal(repr(told) if isinstance(told, float) else told)
        except ArithmeticError:
            self.quarantined["unreadable"] += 1
            return None
        return number if number.is_finite() else None


def is_option(symbol: str) -> bool:
    """Whether a streamer symbol is an option's, and so has Greeks."""
    return symbol.startswith(".")


def chunks(symbols: Collection[str], size: int) -> Sequence[list[str]]:
    """The symbols in sorted lists of at most ``size``: a long message would drop the connection."""
    ordered = sorted(symbols)
    return [ordered[start : start + size] for start in range(0, len(ordered), size)]
