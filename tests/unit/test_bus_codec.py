"""What goes onto the bus comes back the same, and nothing else comes back at all."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from senex.bus import codec
from senex.domain.quotes import Greeks, Quote

_symbols = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=24)
_prices = st.decimals(allow_nan=False, allow_infinity=False)
_times = st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2090, 1, 1)).map(  # noqa: DTZ001  made aware
    lambda naive: naive.replace(tzinfo=UTC)
)
_counts = st.integers(min_value=0, max_value=2**53)
_quotes = st.builds(
    Quote,
    symbol=_symbols,
    bid=st.none() | _prices,
    ask=st.none() | _prices,
    bid_size=st.none() | _prices,
    ask_size=st.none() | _prices,
    sequence=_counts,
    received_at=_times,
)
_greeks = st.builds(
    Greeks,
    symbol=_symbols,
    price=_prices,
    volatility=_prices,
    delta=_prices,
    gamma=_prices,
    theta=_prices,
    vega=_prices,
    sequence=_counts,
    received_at=_times,
)
_pulses = st.builds(
    codec.Pulse,
    epoch=_symbols,
    frame=_counts,
    sequence=_counts,
    connected=st.booleans(),
    last_inbound=st.none() | _times,
    source_sequence=_counts,
)
_json = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=9) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=20,
)


@given(_pulses, st.lists(_quotes, max_size=20), st.lists(_greeks, max_size=5))
def test_a_frame_comes_back_whole(pulse: codec.Pulse, quotes: list[Quote], greeks: list[Greeks]) -> None:
    raw = codec.encode_frame(pulse, map(codec.encode_quote, quotes), map(codec.encode_greeks, greeks))
    frame = codec.decode_frame(raw)
    assert frame == codec.Frame(pulse, tuple(quotes), tuple(greeks))


@given(_quotes, _greeks, _pulses)
def test_hash_fields_come_back_the_same(quote: Quote, greeks: Greeks, pulse: codec.Pulse) -> None:
    assert codec.decode_quote(codec.encode_quote(quote)) == quote
    assert codec.decode_greeks(codec.encode_greeks(greeks)) == greeks
    assert codec.decode_pulse(codec.encode_pulse(pulse)) == pulse


def test_prices_keep_their_decimals() -> None:
    quote = Quote(
        ".QQQ260116P600",
        Decimal("1.10"),
        None,
        Decimal(3),
        None,
        7,
        datetime(2026, 1, 5, 15, 0, 0, 123456, tzinfo=UTC),
    )
    assert str(codec.decode_quote(codec.encode_quote(quote)).bid) == "1.10"


@given(st.lists(_symbols, max_size=30))
def test_a_lease_is_a_set_of_symbols(symbols: list[str]) -> None:
    assert codec.decode_symbols(codec.encode_symbols(symbols)) == frozenset(symbols)


@given(_json)
def test_other_json_is_garbled_not_a_crash(value: object) -> None:
    import orjson

    raw = orjson.dumps(value)
    for decode in (codec.decode_frame, codec.decode_quote, codec.decode_greeks, codec.decode_pulse):
        try:
            decode(raw)
        except codec.Garbled:
            continue


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff", b"[1,2]", b'["Q","NaN",null,null,null,1,1]'])
def test_noise_is_garbled(raw: bytes) -> None:
    with pytest.raises(codec.Garbled):
        codec.decode_quote(raw)
    assert codec.readable(codec.decode_quote, [raw, None]) == ()
