"""Net prices per reduced unit, limits and approval bands."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from senex.domain.legs import Action, InstrumentType, Leg, merge, reduction
from senex.domain.money import on_tick
from senex.domain.net import approval_band, limit_price, price_legs, weights
from senex.domain.quotes import Market, Quote
from senex.domain.suggestions import Pricing
from senex.domain.unknown import Unknown

D = Decimal
NOW = datetime(2026, 3, 4, 15, 0, tzinfo=UTC)
TICK = D("0.01")
PUT_K, PUT_W = "QQQ   260417P00500000", "QQQ   260417P00497000"
CALL_K, CALL_W = "QQQ   260417C00500000", "QQQ   260417C00503000"
STREAMERS = {
    PUT_K: ".QQQ260417P500",
    PUT_W: ".QQQ260417P497",
    CALL_K: ".QQQ260417C500",
    CALL_W: ".QQQ260417C503",
}
PRICES = {
    PUT_K: ("9.34", "9.42"),
    PUT_W: ("7.96", "8.04"),
    CALL_K: ("10.30", "10.38"),
    CALL_W: ("8.96", "9.04"),
}
TRIDENT = (
    Leg(PUT_K, Action.SELL_TO_OPEN, 2),
    Leg(PUT_W, Action.BUY_TO_OPEN, 2),
    Leg(CALL_K, Action.SELL_TO_OPEN, 1),
    Leg(CALL_W, Action.BUY_TO_OPEN, 1),
)


def quote(symbol: str, bid: str | None, ask: str | None, *, at: datetime = NOW) -> Quote:
    return Quote(symbol, None if bid is None else D(bid), None if ask is None else D(ask), D(1), D(1), 1, at)


def market(**ages: timedelta) -> Market:
    return Market(
        {
            STREAMERS[occ]: quote(STREAMERS[occ], bid, ask, at=NOW - ages.get(name, timedelta(0)))
            for (occ, (bid, ask)), name in zip(
                PRICES.items(), ("put_k", "put_w", "call_k", "call_w"), strict=True
            )
        }
    )


def priced(legs: tuple[Leg, ...], quotes: Market) -> Pricing:
    pricing = price_legs(legs, quotes, NOW)
    assert isinstance(pricing, Pricing)
    return pricing


def test_a_trident_has_gcd_one_so_its_price_is_for_all_of_it() -> None:
    assert reduction(TRIDENT) == 1
    pricing = priced(TRIDENT, market())
    # sell 2 × 9.34 + 10.30, buy 2 × 8.04 + 9.04
    assert pricing.natural == D("3.86")
    assert pricing.mid == D("4.10")
    assert pricing.opposite == D("4.34")


def test_closing_both_puts_has_gcd_two_so_its_price_is_for_one() -> None:
    both = merge(leg.closed() for leg in TRIDENT[:2])
    assert reduction(both) == 2
    pricing = priced(both, market())
    # buy at 9.42, sell at 7.96
    assert pricing.natural == D("-1.46")
    assert pricing.mid == D("-1.38")
    assert pricing.opposite == D("-1.30")


def test_several_units_cost_the_same_per_unit() -> None:
    assert priced(tuple(leg.times(7) for leg in TRIDENT), market()) == priced(TRIDENT, market())


def test_a_price_is_as_old_as_its_oldest_leg() -> None:
    pricing = priced(TRIDENT, market(put_w=timedelta(seconds=41), call_k=timedelta(seconds=7)))
    assert pricing.oldest == NOW - timedelta(seconds=41)


def test_a_live_connection_keeps_an_unchanged_quote_fresh() -> None:
    old = market(put_w=timedelta(minutes=9))
    alive = Market(old.quotes, NOW - timedelta(seconds=2))
    assert isinstance(price_legs(TRIDENT, old, NOW), Unknown)
    assert priced(TRIDENT, alive).oldest == NOW - timedelta(seconds=2)


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        (None, "no quote for .QQQ260417P497 yet"),
        (quote(".QQQ260417P497", None, "8.04"), "one side"),
        (quote(".QQQ260417P497", "8.05", "8.04"), "crossed"),
        (quote(".QQQ260417P497", "7.96", "8.04", at=NOW - timedelta(seconds=61)), "61 s old"),
        (quote(".QQQ260417P497", "7.96", "8.04", at=NOW + timedelta(seconds=5)), "future"),
    ],
)
def test_one_unusable_leg_makes_the_price_unknown(broken: Quote | None, why: str) -> None:
    quotes = dict(market().quotes)
    del quotes[".QQQ260417P497"]
    if broken is not None:
        quotes[broken.symbol] = broken
    answer = price_legs(TRIDENT, Market(quotes), NOW)
    assert isinstance(answer, Unknown)
    assert why in answer.why


def test_the_brokers_streamer_symbol_is_preferred() -> None:
    quotes = Market({".ODD": quote(".ODD", "1.00", "1.10")})
    legs = (Leg(PUT_K, Action.SELL_TO_OPEN, 1),)
    assert isinstance(price_legs(legs, quotes, NOW), Unknown)
    pricing = price_legs(legs, quotes, NOW, streamers={PUT_K: ".ODD"})
    assert isinstance(pricing, Pricing)
    assert (pricing.natural, pricing.opposite) == (D("1.00"), D("1.10"))


def test_shares_beside_options_count_in_hundreds() -> None:
    covered = (
        Leg("QQQ", Action.BUY_TO_OPEN, 200, InstrumentType.EQUITY),
        Leg(CALL_K, Action.SELL_TO_OPEN, 2),
    )
    assert reduction(covered) == 2
    assert weights(covered) == (D(-1), D(1))
    quotes = Market({**market().quotes, "QQQ": quote("QQQ", "500.00", "500.02")})
    assert priced(covered, quotes).natural == D("10.30") - D("500.02")


def test_hundreds_of_shares_and_contracts_reduce_together() -> None:
    uneven = (
        Leg("QQQ", Action.BUY_TO_OPEN, 200, InstrumentType.EQUITY),
        Leg(CALL_K, Action.SELL_TO_OPEN, 4),
    )
    assert reduction(uneven) == 2
    assert weights(uneven) == (D(-1), D(2))


def test_shares_alone_are_priced_each() -> None:
    shares = (Leg("QQQ", Action.BUY_TO_OPEN, 150, InstrumentType.EQUITY),)
    assert weights(shares) == (D(-1),)


@pytest.mark.parametrize(
    ("legs", "why"),
    [
        ((), "no legs"),
        ((Leg(PUT_K, Action.SELL_TO_OPEN, 0),), "no quantity"),
        (
            (Leg("QQQ", Action.BUY_TO_OPEN, 150, InstrumentType.EQUITY), Leg(CALL_K, Action.SELL_TO_OPEN, 1)),
            "hundreds",
        ),
    ],
)
def test_legs_without_a_net_price(legs: tuple[Leg, ...], why: str) -> None:
    answer = price_legs(legs, market(), NOW)
    assert isinstance(answer, Unknown)
    assert why in answer.why


def pricing(natural: str, mid: str) -> Pricing:
    return Pricing(D(natural), D(mid), 2 * D(mid) - D(natural), NOW)


@pytest.mark.parametrize(
    ("natural", "mid", "offset", "limit"),
    [
        ("3.86", "4.10", "0.04", "4.06"),  # the vectors of DOMAIN F.1
        ("0.80", "1.00", "0.50", "0.80"),
        ("-1.46", "-1.38", "0.04", "-1.42"),  # a debit pays more, up to natural
        ("-1.46", "-1.38", "0.50", "-1.46"),
        ("3.85", "4.105", "0.00", "4.10"),  # down to the tick, towards natural
        ("-1.50", "-1.385", "0.00", "-1.39"),
        ("-0.05", "0.02", "0.10", "0.01"),  # a credit never below a tick
        ("-0.05", "-0.004", "0.00", "-0.01"),  # a debit always costs one
    ],
)
def test_limit_price(natural: str, mid: str, offset: str, limit: str) -> None:
    assert limit_price(pricing(natural, mid), offset=D(offset), tick=TICK) == D(limit)


def test_a_mid_of_zero_has_no_limit() -> None:
    assert isinstance(limit_price(pricing("-0.05", "0"), offset=D(0), tick=TICK), Unknown)


def test_limits_obey_coarser_ticks() -> None:
    assert limit_price(pricing("3.80", "4.12"), offset=D(0), tick=D("0.05")) == D("4.10")


@pytest.mark.parametrize(
    ("natural", "mid", "limit", "low", "high"),
    [
        ("3.86", "4.10", "4.10", "3.86", "4.51"),  # slack 0.41, stopped at natural
        ("3.00", "4.10", "4.10", "3.69", "4.51"),  # slack 0.41
        ("0.09", "0.10", "0.10", "0.09", "0.12"),  # two ticks
        ("-0.05", "0.02", "0.02", "0.01", "0.04"),  # stays a credit
        ("-0.02", "-0.01", "-0.01", "-0.02", "-0.01"),  # stays a debit
        ("-0.01", "-0.01", "-0.01", "-0.02", "-0.01"),  # never empty
        ("-1.46", "-1.38", "-1.38", "-1.46", "-1.25"),
    ],
)
def test_approval_band(natural: str, mid: str, limit: str, low: str, high: str) -> None:
    band = approval_band(pricing(natural, mid), limit=D(limit), tick=TICK)
    assert (band.low, band.high) == (D(low), D(high))


hundredths = st.integers(-3000, 3000).map(lambda cents: D(cents) / 100)


@given(
    natural=hundredths,
    above=st.integers(0, 400),
    offset=st.integers(0, 20),
    tick=st.sampled_from([D("0.01"), D("0.05")]),
)
def test_limit_and_band_hold_together(natural: D, above: int, offset: int, tick: D) -> None:
    mid = natural + D(above) / 200
    known = Pricing(natural, mid, 2 * mid - natural, NOW)
    limit = limit_price(known, offset=D(offset) / 100, tick=tick)
    if mid == 0:
        assert isinstance(limit, Unknown)
        return
    assert isinstance(limit, D)
    assert on_tick(limit, tick)
    assert limit * mid > 0
    assert limit <= max(mid, tick)
    band = approval_band(known, limit=limit, tick=tick)
    assert band.low < band.high
    assert band.holds(limit)
    assert band.low * band.high > 0
    assert on_tick(band.low, tick)
    assert on_tick(band.high, tick)
    assert band.low >= natural or band.high - band.low == tick or limit <= natural + tick


@given(st.lists(st.integers(1, 6), min_size=4, max_size=4), st.integers(1, 5))
def test_weights_times_units_give_back_the_quantities(quantities: list[int], units: int) -> None:
    legs = tuple(
        Leg(symbol, action, quantity * units)
        for symbol, action, quantity in zip(
            PRICES, (Action.SELL_TO_OPEN, Action.BUY_TO_OPEN) * 2, quantities, strict=True
        )
    )
    parts = weights(legs)
    assert not isinstance(parts, Unknown)
    assert [part * reduction(legs) for part in parts] == [-leg.signed_quantity for leg in legs]
