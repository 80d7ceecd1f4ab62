"""The quote book: the newest row of a symbol, whatever else the feed sends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from senex.broker.book import GREEKS_COLUMNS, QUOTE_COLUMNS, QuoteBook
from senex.testing.clock import ManualClock

if TYPE_CHECKING:
    from senex.domain.quotes import Quote

_START = datetime(2026, 6, 2, 14, tzinfo=UTC)
_PUT = ".QQQ260710P517"


def row(symbol: str = "QQQ", bid: Any = 516.3, ask: Any = 516.32, *, sequence: int = 1) -> list[Any]:
    """A compact quote row in the feed's own column order."""
    values = dict.fromkeys(QUOTE_COLUMNS, 0) | {
        "eventSymbol": symbol,
        "sequence": sequence,
        "bidExchangeCode": "Q",
        "askExchangeCode": "Q",
        "bidPrice": bid,
        "askPrice": ask,
        "bidSize": 12,
        "askSize": 8,
    }
    return [values[name] for name in QUOTE_COLUMNS]


def book(*symbols: str) -> QuoteBook:
    """A connected book that wants these."""
    made = QuoteBook(ManualClock(_START))
    made.want(frozenset(symbols or ("QQQ", _PUT)))
    made.begin()
    return made


def only(made: QuoteBook) -> Quote:
    """The one quote of the next drain."""
    (quote,) = made.drain().quotes
    return quote


def test_prices_are_exact() -> None:
    made = book()
    made.take(["Quote", row(bid=0.1, ask="0.30")])
    quote = only(made)
    assert (quote.bid, quote.ask) == (Decimal("0.1"), Decimal("0.30"))
    assert (quote.bid_size, quote.received_at) == (Decimal(12), _START)


def test_only_the_newest_row_of_a_symbol_is_kept_and_drained_once() -> None:
    made = book()
    made.take(["Quote", row(bid=1) + row(_PUT, 2) + row(bid=3)])
    assert {quote.symbol: quote.bid for quote in made.drain().quotes} == {"QQQ": 3, _PUT: 2}
    assert made.drain().quotes == ()
    assert len(made.everything().quotes) == 2
    assert made.received == 3


def test_sequences_grow() -> None:
    made = book()
    made.take(["Quote", row(sequence=900)])
    first = only(made)
    made.take(["Quote", row(sequence=5)])
    assert only(made).sequence > first.sequence
    assert made.source_sequence == 900


def test_a_missing_side_replaces_the_old_price() -> None:
    made = book()
    made.take(["Quote", row()])
    made.drain()
    made.take(["Quote", row(bid="NaN")])
    quote = only(made)
    assert quote.bid is None
    assert quote.problem is not None
    assert made.quarantined["one-sided"] == 1


def test_crossed_negative_and_unreadable_are_counted_and_cannot_price() -> None:
    made = book()
    for bid, ask, kind in (
        (2, 1, "crossed"),
        (-1, 1, "negative"),
        ({}, 1, "unreadable"),
        ("x", 1, "unreadable"),
    ):
        made.take(["Quote", row(bid=bid, ask=ask)])
        assert only(made).problem is not None
        assert made.quarantined[kind] >= 1


def test_what_is_no_row_is_counted_and_changes_nothing() -> None:
    made = book()
    made.take(["Quote", row()])
    made.drain()
    broken: tuple[object, ...] = (
        [],
        None,
        {},
        "x",
        ["Quote"],
        ["Quote", row()[:-1]],
        ["Quote", None],
        [{"eventType": "Quote"}],
    )
    for data in broken:
        before = made.quarantined["corrupt"]
        made.take(data)
        assert made.quarantined["corrupt"] == before + 1, data
    assert made.drain().quotes == ()
    assert len(made) == 1


def test_every_pair_of_a_message_counts() -> None:
    made = book()
    greeks = dict.fromkeys(GREEKS_COLUMNS, 0.5) | {"eventSymbol": _PUT}
    made.take(["Quote", row(), "Trade", [1, 2], "Greeks", [greeks[name] for name in GREEKS_COLUMNS]])
    drained = made.drain()
    assert [quote.symbol for quote in drained.quotes] == ["QQQ"]
    assert [each.symbol for each in drained.greeks] == [_PUT]


def test_greeks_with_a_hole_are_left_out() -> None:
    made = book()
    greeks = dict.fromkeys(GREEKS_COLUMNS, 0.5) | {"eventSymbol": _PUT, "delta": "NaN"}
    made.take(["Greeks", [greeks[name] for name in GREEKS_COLUMNS]])
    assert made.drain().greeks == ()
    assert made.quarantined["greeks"] == 1


def test_the_servers_column_order_is_followed() -> None:
    made = book()
    turned = list(reversed(QUOTE_COLUMNS))
    made.configure({"Quote": turned, "Greeks": ["eventSymbol"]})
    made.take(["Quote", list(reversed(row(bid=7)))])
    assert only(made).bid == 7


def test_whole_objects_are_understood_too() -> None:
    made = book()
    made.take([{"eventType": "Quote", **dict(zip(QUOTE_COLUMNS, row(bid=4), strict=True))}])
    assert only(made).bid == 4


def test_a_new_subscription_voids_what_was_known() -> None:
    made = book()
    made.take(["Quote", row()])
    epoch = made.epoch
    made.interrupted()
    assert len(made) == 1
    made.begin()
    assert (len(made), made.drain().quotes) == (0, ())
    assert made.epoch != epoch


def test_symbols_no_longer_wanted_leave_and_stay_out() -> None:
    made = book()
    made.take(["Quote", row() + row(_PUT)])
    made.want(frozenset({"QQQ"}))
    made.take(["Quote", row(_PUT)])
    assert [quote.symbol for quote in made.drain().quotes] == ["QQQ"]
    assert len(made) == 1


def test_the_pulse_is_any_frame() -> None:
    clock = ManualClock(_START)
    made = QuoteBook(clock)
    assert made.last_inbound is None
    clock.advance(timedelta(seconds=9))
    made.frame()
    assert made.last_inbound == _START + timedelta(seconds=9)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["NaN", "Quote", "QQQ", ""]),
    lambda inner: (
        st.lists(inner, max_size=14) | st.dictionaries(st.sampled_from(QUOTE_COLUMNS), inner, max_size=4)
    ),
    max_leaves=30,
)


@given(st.lists(_json, max_size=6))
def test_noise_never_stops_the_book_nor_makes_a_price_that_is_no_number(messages: list[object]) -> None:
    made = book("QQQ", "")
    for message in messages:
        made.take(message)
        made.configure(message)
    for quote in made.drain().quotes:
        assert quote.bid is None or quote.bid.is_finite()
    made.configure({"Quote": list(QUOTE_COLUMNS)})
    made.take(["Quote", row(bid=5, ask=6)])
    assert {quote.symbol: quote.bid for quote in made.everything().quotes}["QQQ"] == 5


@given(st.lists(st.lists(st.one_of(st.floats(), st.integers(), st.text(max_size=3)), min_size=2, max_size=2)))
def test_rows_with_any_prices_are_drained(prices: list[list[Any]]) -> None:
    made = book()
    for bid, ask in prices:
        made.take(["Quote", row(bid=bid, ask=ask)])
    assert len(made.drain().quotes) == min(len(prices), 1)
