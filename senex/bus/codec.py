"""The bus's wire form: compact JSON rows, exact decimals, times in microseconds.

One frame carries what changed since the last flush. Frames are numbered
within an epoch, so a reader knows when it missed one; an epoch is one
subscription of the stream, and nothing received before it counts as live
(DOMAIN 0.20).
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

import orjson

from senex.domain.errors import SenexError
from senex.domain.quotes import Greeks, Quote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

Row = TypeVar("Row")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Garbled(SenexError):
    """A message on the bus is not one of ours; it is dropped and counted."""

    def __init__(self, what: str) -> None:
        super().__init__("E_BUS_GARBLED", f"A message on the bus could not be read ({what}); it was dropped.")


@dataclass(frozen=True, slots=True)
class Pulse:
    """How the streamer's connection is.

    ``last_inbound`` is market time of the last frame of any kind, keepalives
    included. ``source_sequence`` is the highest sequence number the feed itself
    gave a quote; a simulated market numbers its ticks there.
    """

    epoch: str
    frame: int
    sequence: int
    connected: bool
    last_inbound: datetime | None
    source_sequence: int = 0


@dataclass(frozen=True, slots=True)
class Frame:
    """What one flush changed."""

    pulse: Pulse
    quotes: tuple[Quote, ...] = ()
    greeks: tuple[Greeks, ...] = ()


@dataclass(frozen=True, slots=True)
class Hint:
    """Something changed in Postgres; read it there."""

    kind: str
    account_id: str
    object_id: str


def encode_quote(quote: Quote) -> bytes:
    """One quote, as a field of the hash."""
    symbol, bid, ask, bid_size, ask_size, sequence, received_at = quote
    return orjson.dumps(
        [
            symbol,
            None if bid is None else str(bid),
            None if ask is None else str(ask),
            None if bid_size is None else str(bid_size),
            None if ask_size is None else str(ask_size),
            sequence,
            _micros(received_at),
        ]
    )


def decode_quote(raw: bytes) -> Quote:
    """The quote of a hash field.

    Raises:
        Garbled: not a quote.
    """
    return _quotes([_load(raw)])[0]


def encode_greeks(greeks: Greeks) -> bytes:
    """One symbol's Greeks, as a field of the hash."""
    return orjson.dumps(_greeks_row(greeks))


def decode_greeks(raw: bytes) -> Greeks:
    """The Greeks of a hash field.

    Raises:
        Garbled: not Greeks.
    """
    return _greeks(_load(raw))


def encode_pulse(pulse: Pulse) -> bytes:
    """The pulse on its own."""
    return orjson.dumps(_pulse_row(pulse))


def decode_pulse(raw: bytes) -> Pulse:
    """The pulse.

    Raises:
        Garbled: not a pulse.
    """
    return _pulse(_load(raw))


def encode_frame(pulse: Pulse, quotes: Iterable[bytes], greeks: Iterable[bytes]) -> bytes:
    """One flush, as one message, of rows encoded already: the hashes hold the same bytes."""
    return b"[%b,[%b],[%b]]" % (encode_pulse(pulse), b",".join(quotes), b",".join(greeks))


def decode_frame(raw: bytes) -> Frame:
    """What one flush changed.

    Raises:
        Garbled: not a frame.
    """
    loaded = _load(raw)
    if not isinstance(loaded, list) or len(loaded) != 3:
        raise Garbled("not a frame")
    pulse, quotes, greeks = loaded
    if not isinstance(quotes, list) or not isinstance(greeks, list):
        raise Garbled("not a frame")
    return Frame(_pulse(pulse), _quotes(quotes), tuple(map(_greeks, greeks)))


def encode_hint(hint: Hint) -> bytes:
    """A hint."""
    return orjson.dumps([hint.kind, hint.account_id, hint.object_id])


def decode_hint(raw: bytes) -> Hint:
    """A hint.

    Raises:
        Garbled: not a hint.
    """
    match _load(raw):
        case [str(kind), str(account_id), str(object_id)]:
            return Hint(kind, account_id, object_id)
    raise Garbled("not a hint")


def readable(decode: Callable[[bytes], Row], rows: Iterable[bytes | str | None]) -> tuple[Row, ...]:
    """The rows that are there and can be read; a garbled one counts as not there."""
    found: list[Row] = []
    for row in rows:
        if not isinstance(row, bytes):
            continue
        with suppress(Garbled):
            found.append(decode(row))
    return tuple(found)


def encode_symbols(symbols: Iterable[str]) -> bytes:
    """The symbols of a lease, sorted."""
    return orjson.dumps(sorted(symbols))


def decode_symbols(raw: bytes) -> frozenset[str]:
    """The symbols of a lease.

    Raises:
        Garbled: not a list of symbols.
    """
    loaded = _load(raw)
    if not isinstance(loaded, list) or not all(isinstance(symbol, str) for symbol in loaded):
        raise Garbled("not a lease")
    return frozenset(loaded)


def _load(raw: bytes) -> object:
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise Garbled("not JSON") from None


@lru_cache(maxsize=1024)  # the quotes of one frame were received at one instant
def _micros(instant: datetime) -> int:
    return (instant - _EPOCH) // _MICROSECOND


@lru_cache(maxsize=1024)
def _instant(micros: int) -> datetime:
    try:
        return _EPOCH + micros * _MICROSECOND
    except OverflowError:
        raise Garbled("not a time") from None


# prices come in ticks: most have been read before, and reading them is half of a quote's cost
@lru_cache(maxsize=32_768)
def _number(text: object) -> Decimal | None:
    if text is None:
        return None
    if not isinstance(text, str):
        raise Garbled("not a number")
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise Garbled("not a number") from None
    if not number.is_finite():
        raise Garbled("not a finite number")
    return number


def _certain(text: object) -> Decimal:
    number = _number(text)
    if number is None:
        raise Garbled("not a number")
    return number


def _pulse_row(pulse: Pulse) -> list[object]:
    inbound = None if pulse.last_inbound is None else _micros(pulse.last_inbound)
    return [pulse.epoch, pulse.frame, pulse.sequence, pulse.connected, inbound, pulse.source_sequence]


def _pulse(row: object) -> Pulse:
    match row:
        case [str(epoch), int(frame), int(sequence), bool(connected), (int() | None) as inbound, int(source)]:
            at = None if inbound is None else _instant(inbound)
            return Pulse(epoch, frame, sequence, connected, at, source)
    raise Garbled("not a pulse")


def _quotes(rows: Sequence[Any]) -> tuple[Quote, ...]:
    """Column by column: five thousand quotes a second pass here, and this way nothing of ours runs for each."""
    if not rows:
        return ()
    try:
        symbols, bids, asks, bid_sizes, ask_sizes, sequences, received = zip(*rows, strict=True)
        sides = (map(_number, side) for side in (bids, asks, bid_sizes, ask_sizes))
        quotes = tuple(
            map(Quote._make, zip(symbols, *sides, sequences, map(_instant, received), strict=True))
        )
    except (TypeError, ValueError):
        raise Garbled("not a quote") from None
    if {*map(type, symbols)} != {str} or {*map(type, sequences + received)} != {int}:
        raise Garbled("not a quote")
    return quotes


def _greeks_row(greeks: Greeks) -> list[object]:
    return [
        greeks.symbol,
        *(
            str(number)
            for number in (
                greeks.price,
                greeks.volatility,
                greeks.delta,
                greeks.gamma,
                greeks.theta,
                greeks.vega,
            )
        ),
        greeks.sequence,
        _micros(greeks.received_at),
    ]


def _greeks(row: object) -> Greeks:
    match row:
        case [str(symbol), price, volatility, delta, gamma, theta, vega, int(sequence), int(received)]:
            return Greeks(
                symbol=symbol,
                price=_certain(price),
                volatility=_certain(volatility),
                delta=_certain(delta),
                gamma=_certain(gamma),
                theta=_certain(theta),
                vega=_certain(vega),
                sequence=sequence,
                received_at=_instant(received),
            )
    raise Garbled("not Greeks")
