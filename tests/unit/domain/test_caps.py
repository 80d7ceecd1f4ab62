"""Each limit alone: how much in one place, how fast, how large, at what price, at what loss."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from senex.domain.caps import (
    DayStart,
    Exposure,
    Pace,
    Reading,
    activity,
    concentration,
    daily_loss,
    gain_today,
    liquidity,
    loss_limit,
    near_market,
    pace,
    possible,
    size,
)
from senex.domain.chain import Activity, told_of
from senex.domain.legs import Action, InstrumentType, Leg
from senex.domain.limits import PRESETS, LimitBook, Limits, Weight
from senex.domain.quotes import Market
from senex.domain.suggestions import Pricing
from senex.domain.unknown import Unknown
from senex.testing.market import quote

D = Decimal
PUT, WING, CALL = "QQQ   260417P00500000", "QQQ   260417P00497000", "QQQ   260417C00500000"
SOLD, BOUGHT = Leg(PUT, Action.SELL_TO_OPEN, 2), Leg(WING, Action.BUY_TO_OPEN, 2)
CREDIT = (SOLD, BOUGHT)
DEBIT = (replace(SOLD, action=Action.BUY_TO_OPEN), replace(BOUGHT, action=Action.SELL_TO_OPEN))
STOCK = Leg("QQQ", Action.BUY_TO_OPEN, 100, InstrumentType.EQUITY)
LIMITS = Limits(PRESETS["moderate"])
CLOSE = datetime(2026, 3, 3, 21, tzinfo=UTC)
NOW = datetime(2026, 3, 4, 15, tzinfo=UTC)
DAY = date(2026, 4, 17)
UNKNOWN = Unknown("not read")


def start(**changes: object) -> DayStart:
    known = DayStart(CLOSE, Reading(D(10_000), CLOSE - timedelta(minutes=10)), None)
    return replace(known, **changes)  # type: ignore[arg-type]


def test_an_account_s_own_limits_win_over_those_of_all() -> None:
    book = LimitBook({"max_open_positions": 7}, {"A": {"max_open_positions": 2}})
    assert book.of("A", "moderate").max_open_positions == 2
    assert book.of("B", "moderate").max_open_positions == 7
    assert LimitBook().of("A", "aggressive") == Limits(PRESETS["aggressive"])


def test_the_day_is_reckoned_from_the_close_without_what_was_paid_in() -> None:
    paid = ((CLOSE - timedelta(hours=1), D(5_000)), (CLOSE + timedelta(hours=1), D(1_000)))
    assert gain_today(start(moved=paid), D(10_800)) == D(-200) + 5_000 - 5_000
    assert gain_today(start(), D(9_700)) == -300
    assert loss_limit(start(), LIMITS) == 300


def test_where_no_reading_was_taken_at_the_close_the_first_one_since_counts() -> None:
    first = Reading(D(9_000), NOW)
    old = Reading(D(10_000), CLOSE - timedelta(days=3))
    assert start(closing=old, first=first).base == first
    assert start(closing=old).base == old
    assert start(closing=None, first=first).base == first
    assert start(closes=None, first=first).base == first
    nothing = start(closing=None)
    assert gain_today(nothing, D(1)) == Unknown("no balance of this day has been read yet")
    assert isinstance(loss_limit(nothing, LIMITS), Unknown)


@pytest.mark.parametrize(
    ("now", "said"),
    [
        ("9775.01", None),
        ("9775", "daily loss: $225.00 lost since the last close; entries end at $300.00"),
        (
            "9700",
            (
                "daily loss: $300.00 lost since the last close; entries need a loss below $300.00 "
                "(3.0% of net liquidation then)"
            ),
        ),
        ("10900", None),
    ],
)
def test_a_daily_loss_warns_then_blocks(now: str, said: str | None) -> None:
    found = list(daily_loss(start(), D(now), LIMITS))
    assert [str(each) for each in found] == ([] if said is None else [said])
    assert [each.weight for each in found if now == "9700"] == [Weight.BLOCKS] * (now == "9700")


def test_a_daily_loss_is_not_judged_without_a_balance_nor_again_after_it_was_met() -> None:
    assert not list(daily_loss(start(), UNKNOWN, LIMITS))
    assert not list(daily_loss(start(closing=None), D(1), LIMITS))
    assert not list(daily_loss(start(met=True), D(1), LIMITS))


def test_one_underlying_and_one_day_hold_only_their_share() -> None:
    held = [
        Exposure("QQQ", DAY, D(2_000)),
        Exposure("QQQ", date(2026, 5, 15), D(400)),
        Exposure("SPY", DAY, D(1_900)),
        Exposure("SPY", DAY, UNKNOWN),
    ]
    assert not list(concentration(D(100), CREDIT, "QQQ", held, D(10_000), LIMITS))
    assert [
        str(each) for each in concentration(D("100.01"), (*CREDIT, STOCK), "QQQ", held, D(10_000), LIMITS)
    ] == [
        "risk on QQQ: $100.01 on top of $2400 in use; at most $100.00 is left of $2500.00 (25% of capital)",
        (
            "risk expiring 2026-04-17: $100.01 on top of $3900 in use; "
            "at most $100.00 is left of $4000.00 (40% of capital)"
        ),
    ]


@pytest.mark.parametrize(
    ("sent", "opens_risk", "said"),
    [
        (Pace(entries_minute=9, entries_day=99, exits_minute=60, exits_day=1000), True, []),
        (
            Pace(entries_minute=10),
            True,
            ["entries per minute: 10 were sent; at most 9 may have been before one"],
        ),
        (
            Pace(entries_day=100),
            True,
            ["entries per day: 100 were sent; at most 99 may have been before one"],
        ),
        (Pace(entries_minute=10, entries_day=100, exits_minute=59, exits_day=999), False, []),
        (
            Pace(exits_minute=60, exits_day=1000),
            False,
            [
                "closing orders per minute: 60 were sent; at most 59 may have been before one",
                "closing orders per day: 1000 were sent; at most 999 may have been before one",
            ],
        ),
    ],
)
def test_closing_orders_have_a_budget_of_their_own(sent: Pace, opens_risk: bool, said: list[str]) -> None:
    assert [str(each) for each in pace(sent, LIMITS, opens_risk=opens_risk)] == said


def test_an_order_has_only_so_many_contracts() -> None:
    few = replace(LIMITS, max_contracts=4)
    assert not list(size((*CREDIT, STOCK), few))
    assert [str(each) for each in size(CREDIT, replace(few, max_contracts=3))] == [
        "contracts per order: 4; at most 3"
    ]


@pytest.mark.parametrize(
    ("legs", "limit", "said"),
    [
        (CREDIT, "3", None),
        (CREDIT, "3.01", "limit price: a credit of 3.01; at most 3, all it can ever cost"),
        (DEBIT, "-3", None),
        (DEBIT, "-3.01", "limit price: a debit of 3.01; at most 3, all it can ever be worth"),
        (tuple(leg.closed() for leg in CREDIT), "-3", None),
        (
            tuple(leg.closed() for leg in CREDIT),
            "-3.01",
            "limit price: a debit of 3.01; at most 3, all it can ever be worth",
        ),
        ((Leg(CALL, Action.BUY_TO_OPEN, 1),), "-900", None),
        ((STOCK,), "-500", None),
        ((Leg(CALL, Action.BUY_TO_OPEN, 1), Leg("QQQ   260515C00500000", Action.SELL_TO_OPEN, 1)), "9", None),
    ],
)
def test_a_limit_lies_within_what_the_legs_can_be_worth(
    legs: tuple[Leg, ...], limit: str, said: str | None
) -> None:
    assert [str(each) for each in possible(legs, D(limit))] == ([] if said is None else [said])


def test_a_limit_far_from_the_market_is_a_slip_of_the_finger() -> None:
    pricing = Pricing(natural=D("1.90"), mid=D("2.00"), opposite=D("2.10"), oldest=NOW)
    for inside in ("1.70", "2.00", "2.30"):
        assert not list(near_market(D(inside), pricing, D("0.01")))
    for outside in ("1.69", "2.31", "-2.00"):
        [found] = near_market(D(outside), pricing, D("0.01"))
        assert str(found) == f"limit price: {outside} while the mid is 2.00; between 1.7000 and 2.3000"


def test_a_leg_too_wide_is_not_traded() -> None:
    streamers = {PUT: ".PUT", WING: ".WING"}
    quotes = {".PUT": quote(".PUT", "9.50", "10.50"), ".WING": quote(".WING", "1.00", "1.31")}
    wide = list(liquidity(CREDIT, Market(quotes), streamers, LIMITS))
    assert [str(each) for each in wide] == [f"bid-ask width: 0.31 on {WING}; at most 0.30 (10% of its mid)"]
    quotes[".WING"] = quote(".WING", "2.00", "1.00")  # crossed: it prices nothing anyway
    assert not list(liquidity(CREDIT, Market(quotes), streamers, LIMITS))
    assert not list(liquidity(CREDIT, Market(), {}, LIMITS))


def test_a_leg_of_which_too_little_is_open_and_trades_is_not_suggested() -> None:
    told = {PUT: Activity(99, 99), WING: Activity(3, 100)}
    assert [str(each) for each in activity(CREDIT, told, LIMITS)] == [
        f"liquidity: 99 open and 99 traded today of {PUT}; at least 100 open or 100 traded"
    ]
    unknown = {PUT: Activity(UNKNOWN, 0), WING: Activity(0, UNKNOWN)}
    assert not list(activity(CREDIT, unknown, LIMITS))  # unknown is said, and forbids nothing
    assert not list(activity(CREDIT, {}, LIMITS))


def test_what_is_open_and_trades_is_said_in_one_line() -> None:
    assert told_of([Activity(1200, 0), Activity(220, 34)]) == (
        "open interest 220 to 1200 a leg, traded today 0 to 34 a leg"
    )
    assert told_of([Activity(UNKNOWN, 0), Activity(5, 3)]) == (
        "open interest unknown: not read, traded today 0 to 3 a leg"
    )
    assert told_of([]) == "open interest unknown, traded today unknown"


amounts = st.integers(1, 10_000_000).map(lambda number: D(number) / 100)


@given(amounts, amounts, st.integers(-10_000, 10_000).map(D))
def test_paying_in_or_out_is_neither_gain_nor_loss(base: D, now: D, moved: D) -> None:
    calm = start(closing=Reading(base, CLOSE))
    paid = replace(calm, moved=((NOW, moved),))
    assert gain_today(paid, now + moved) == gain_today(calm, now) == now - base
