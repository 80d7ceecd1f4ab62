"""Fills, the lot ledger, P&L, targets and remaining risk: one Trident through its life."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from senex.domain.fills import Fill, filled_quantities, net_fill, spread_credits
from senex.domain.legs import Action, InstrumentType, Leg, merge
from senex.domain.lots import Booked, Lot, Opening, cash_of, close_lots, leg_quantities, open_lots, open_units
from senex.domain.orders import TimeInForce
from senex.domain.pnl import realised, realised_by_spread, unrealised, unrealised_by_spread
from senex.domain.risk import remaining_risk
from senex.domain.suggestions import SpreadPlan
from senex.domain.targets import target_price, target_specs
from senex.domain.unknown import Unknown

D = Decimal
POSITION = UUID(int=1)
PUT_K, PUT_W = "QQQ   260417P00500000", "QQQ   260417P00497000"
CALL_K, CALL_W = "QQQ   260417C00500000", "QQQ   260417C00503000"
TICK = D("0.01")
SELL, BUY = Action.SELL_TO_OPEN, Action.BUY_TO_OPEN
BUY_BACK, SELL_OUT = Action.BUY_TO_CLOSE, Action.SELL_TO_CLOSE
PUTS = (Leg(PUT_K, SELL, 1), Leg(PUT_W, BUY, 1))
CALLS = (Leg(CALL_K, SELL, 1), Leg(CALL_W, BUY, 1))
PLAN = (
    SpreadPlan("put-1", PUTS, D(3), D("0.40")),
    SpreadPlan("put-2", PUTS, D(3), D("0.60")),
    SpreadPlan("call-1", CALLS, D(3), D("0.40")),
)
LEGS = merge(leg for spread in PLAN for leg in spread.legs)


def entry_fills(units: int = 1) -> list[Fill]:
    """The vector of C.1: put credit 1.38, call credit 1.34."""
    return [
        Fill(1, PUT_K, SELL, 2 * units, D("9.38")),
        Fill(2, PUT_W, BUY, 2 * units, D("8.00")),
        Fill(3, CALL_K, SELL, units, D("10.34")),
        Fill(4, CALL_W, BUY, units, D("9.00")),
    ]


def opened(units: int = 1) -> tuple[Lot, ...]:
    booked = open_lots(Opening(POSITION, PLAN, units), entry_fills(units))
    assert booked.surplus == ()
    return booked.lots


def close_call(units: int = 1) -> list[Fill]:
    return [Fill(11, CALL_K, BUY_BACK, units, D("9.80")), Fill(12, CALL_W, SELL_OUT, units, D("9.00"))]


def by_spread(lots: tuple[Lot, ...]) -> dict[tuple[str, str], int]:
    counted: Counter[tuple[str, str]] = Counter()
    for lot in lots:
        counted[lot.spread_key, lot.symbol] += lot.open_quantity
    return {key: count for key, count in counted.items() if count}


# opening


def test_credits_of_spreads_come_from_fills_and_sum_to_the_net() -> None:
    opening = spread_credits(PLAN, entry_fills())
    assert opening == {"put-1": D("1.38"), "put-2": D("1.38"), "call-1": D("1.34")}
    assert net_fill(LEGS, entry_fills()) == D("4.10")


def test_both_puts_closed_together_have_a_price_per_one() -> None:
    fills = [Fill(1, PUT_K, BUY_BACK, 2, D("9.00")), Fill(2, PUT_W, SELL_OUT, 2, D("8.00"))]
    assert net_fill(merge(leg.closed() for leg in (*PUTS, *PUTS)), fills) == D("-1.00")


def test_a_shared_leg_costs_both_spreads_the_same_average() -> None:
    fills = [
        Fill(1, PUT_K, SELL, 1, D("9.40")),
        Fill(2, PUT_K, SELL, 1, D("9.37")),
        *entry_fills()[1:],
    ]
    opening = spread_credits(PLAN, fills)
    assert opening["put-1"] == opening["put-2"] == D("1.385")


def test_thirds_do_not_lose_a_tick() -> None:
    plan = SpreadPlan("put", PUTS, D(3), D("0.40"))
    fills = [
        *(Fill(i, PUT_K, SELL, 1, D(p)) for i, p in enumerate(("1.33", "1.33", "1.34"))),
        *(Fill(i + 3, PUT_W, BUY, 1, D(p)) for i, p in enumerate(("0.33", "0.33", "0.34"))),
    ]
    credit = spread_credits([plan], fills)["put"]
    assert credit == 1
    assert target_price(plan, D(1), D("0.40"), TICK) == D("-0.60")


def test_a_leg_without_fill_has_no_net() -> None:
    assert isinstance(net_fill(LEGS, entry_fills()[:3]), Unknown)
    assert isinstance(net_fill((), ()), Unknown)
    assert spread_credits(PLAN, entry_fills()[:2])["put-1"] == D("1.38")


def test_filled_quantities() -> None:
    assert filled_quantities([*entry_fills(2), Fill(9, CALL_W, BUY, 1, D(9))])[CALL_W] == 3


prices = st.integers(1, 5000).map(lambda cents: D(cents) / 100)


@given(
    st.lists(st.tuples(st.integers(1, 3), prices), min_size=1, max_size=4),
    st.lists(st.tuples(st.integers(1, 3), prices), min_size=1, max_size=4),
    prices,
    prices,
)
def test_credits_always_sum_to_the_net(
    body: list[tuple[int, D]], wing: list[tuple[int, D]], up: D, down: D
) -> None:
    fills = [
        *(Fill(i, PUT_K, SELL, count, price) for i, (count, price) in enumerate(body)),
        *(Fill(10 + i, PUT_W, BUY, count, price) for i, (count, price) in enumerate(wing)),
        Fill(30, CALL_K, SELL, 1, up),
        Fill(31, CALL_W, BUY, 1, down),
    ]
    net = net_fill(LEGS, fills)
    opening = [credit for credit in spread_credits(PLAN, fills).values() if not isinstance(credit, Unknown)]
    assert not isinstance(net, Unknown)
    assert len(opening) == 3
    assert abs(sum(opening, D(0)) - net) <= D("5e-8")


# opening


def test_an_entry_opens_each_spread() -> None:
    assert by_spread(opened()) == {
        ("put-1", PUT_K): -1,
        ("put-1", PUT_W): 1,
        ("put-2", PUT_K): -1,
        ("put-2", PUT_W): 1,
        ("call-1", CALL_K): -1,
        ("call-1", CALL_W): 1,
    }
    assert cash_of(opened()) == D("410.00")
    assert leg_quantities(opened()) == {PUT_K: -2, PUT_W: 2, CALL_K: -1, CALL_W: 1}


def test_whole_units_of_a_partial_entry_are_whole_tridents() -> None:
    booked = open_lots(Opening(POSITION, PLAN, 3), entry_fills(1))
    assert [open_units(booked.lots, spread).whole for spread in PLAN] == [1, 1, 1]
    assert not any(open_units(booked.lots, spread).broken for spread in PLAN)


def test_fills_that_come_later_continue_where_the_order_stood() -> None:
    opening = Opening(POSITION, PLAN, 3)
    whole = open_lots(
        opening, [replace(fill, id=fill.id + 10 * n) for n in range(3) for fill in entry_fills()]
    )
    stepwise: tuple[Lot, ...] = ()
    before: dict[str, int] = {}
    for n in range(3):
        fills = [replace(fill, id=fill.id + 10 * n) for fill in entry_fills()]
        stepwise = open_lots(opening, fills, lots=stepwise, filled_before=before).lots
        for symbol, count in filled_quantities(fills).items():
            before[symbol] = before.get(symbol, 0) + count
    assert stepwise == whole.lots
    assert leg_quantities(stepwise) == {PUT_K: -6, PUT_W: 6, CALL_K: -3, CALL_W: 3}


def test_an_entry_goes_on_after_a_target_has_closed_part_of_it() -> None:
    opening = Opening(POSITION, PLAN, 2)
    first = open_lots(opening, entry_fills()).lots
    less = close_lots(first, close_call(), spread_keys=["call-1"]).lots
    later = [replace(fill, id=fill.id + 20) for fill in entry_fills()]
    more = open_lots(opening, later, lots=less, filled_before=filled_quantities(entry_fills()))
    assert more.surplus == ()
    assert [open_units(more.lots, spread).whole for spread in PLAN] == [2, 2, 1]


def test_contracts_nobody_ordered_are_surplus() -> None:
    fills = [Fill(1, PUT_K, SELL, 5, D(9)), Fill(2, CALL_K, BUY, 1, D(9)), Fill(3, "QQQ", BUY, 100, D(500))]
    booked = open_lots(Opening(POSITION, PLAN, 2), fills)
    assert [(fill.symbol, fill.quantity) for fill in booked.surplus] == [
        (PUT_K, 1),
        (CALL_K, 1),
        ("QQQ", 100),
    ]
    assert leg_quantities(booked.lots) == {PUT_K: -4}


def test_a_broken_ratio_is_seen_and_measured() -> None:
    booked = open_lots(Opening(POSITION, PLAN, 1), [*entry_fills()[:1], Fill(2, PUT_W, BUY, 1, D(8))])
    first, second, call = (open_units(booked.lots, spread) for spread in PLAN)
    assert (first.whole, first.broken) == (1, False)
    assert (second.whole, second.excess) == (0, {PUT_K: -1})
    assert (call.whole, call.broken) == (0, False)


def test_stock_lots_have_a_multiplier_of_one() -> None:
    plan = SpreadPlan("shares", (Leg("QQQ", BUY, 100, InstrumentType.EQUITY),), D(0), None)
    lots = open_lots(Opening(POSITION, (plan,), 1), [Fill(1, "QQQ", BUY, 100, D("500.10"))]).lots
    assert cash_of(lots) == D("-50010.00")
    assert unrealised(lots, {"QQQ": D("501.10")}) == D("100.00")


@given(st.integers(1, 4), st.randoms(use_true_random=False))
def test_any_slicing_of_the_fills_gives_the_same_quantities(units: int, random: object) -> None:
    slices: list[Fill] = []
    for fill in entry_fills(units):
        left = fill.quantity
        while left:
            count = random.randint(1, left)  # type: ignore[attr-defined]
            slices.append(replace(fill, id=len(slices), quantity=count))
            left -= count
    random.shuffle(slices)  # type: ignore[attr-defined]
    booked = open_lots(Opening(POSITION, PLAN, units), slices)
    assert booked.surplus == ()
    assert by_spread(booked.lots) == by_spread(opened(units))
    keys = [(lot.fill_id, lot.spread_key) for lot in booked.lots]
    assert len(set(keys)) == len(keys)


# closing


def test_a_target_closes_its_own_spread_and_books_its_profit() -> None:
    booked = close_lots(opened(), close_call(), spread_keys=["call-1"])
    assert by_spread(booked.lots) == {k: v for k, v in by_spread(opened()).items() if k[0] != "call-1"}
    assert realised(booked.closes) == D("54.00")
    assert realised_by_spread(booked.closes) == {"call-1": D("54.00")}
    assert booked.surplus == ()


def test_a_target_of_one_put_spread_leaves_the_other() -> None:
    fills = [Fill(11, PUT_K, BUY_BACK, 1, D("8.55")), Fill(12, PUT_W, SELL_OUT, 1, D("8.00"))]
    lots = close_lots(opened(), fills, spread_keys=["put-2"]).lots
    assert [open_units(lots, spread).whole for spread in PLAN] == [1, 0, 1]


def test_closing_several_spreads_in_part_leaves_them_in_proportion() -> None:
    fills = [
        Fill(11, PUT_K, BUY_BACK, 2, D("9.00")),
        Fill(12, PUT_W, SELL_OUT, 2, D("8.00")),
        Fill(13, CALL_K, BUY_BACK, 1, D("9.00")),
        Fill(14, CALL_W, SELL_OUT, 1, D("8.00")),
    ]
    lots = close_lots(opened(2), fills, spread_keys=["put-1", "put-2", "call-1"]).lots
    assert [open_units(lots, spread).whole for spread in PLAN] == [1, 1, 1]


def test_the_oldest_lot_closes_first() -> None:
    plan = (PLAN[2],)
    fills = [Fill(7, CALL_K, SELL, 1, D(10)), Fill(3, CALL_K, SELL, 1, D(11))]
    lots = open_lots(Opening(POSITION, plan, 2), fills).lots
    booked = close_lots(lots, [Fill(9, CALL_K, BUY_BACK, 1, D(9))], spread_keys=["call-1"])
    assert [close.lot.fill_id for close in booked.closes] == [3]


def test_closing_more_than_is_open_is_surplus() -> None:
    booked = close_lots(opened(), close_call(3), spread_keys=["call-1"])
    assert [fill.quantity for fill in booked.surplus] == [2, 2]
    again = close_lots(booked.lots, close_call(), spread_keys=["call-1"])
    assert again.closes == ()
    assert len(again.surplus) == 2
    assert close_lots(opened(), close_call(), spread_keys=[]).closes == ()


def test_a_fill_that_would_open_more_closes_nothing() -> None:
    booked = close_lots(opened(), [Fill(9, CALL_K, SELL, 1, D(9))], spread_keys=["call-1"])
    assert (booked.closes, len(booked.surplus)) == ((), 1)


@given(st.integers(1, 4), prices, prices)
def test_all_of_it_closed_realises_all_the_cash(units: int, back: D, out: D) -> None:
    lots = opened(units)
    fills = [
        Fill(
            20 + index,
            leg.symbol,
            leg.action.closing,
            leg.quantity * units,
            back if leg.action is SELL else out,
        )
        for index, leg in enumerate(LEGS)
    ]
    booked = close_lots(lots, fills, spread_keys=[spread.key for spread in PLAN])
    assert leg_quantities(booked.lots) == {}
    paid = sum((-fill.action.sign * fill.quantity * fill.price * 100 for fill in fills), D(0))
    assert realised(booked.closes) == cash_of(lots) + paid
    assert sum(realised_by_spread(booked.closes).values()) == realised(booked.closes)


# profit and loss


MARKS = {PUT_K: D("9.005"), PUT_W: D("7.805"), CALL_K: D("10.10"), CALL_W: D("8.915")}


def test_unrealised_is_exact_to_the_cent() -> None:
    # puts 2 × (1.38 − 1.20), calls 1.34 − 1.185
    assert unrealised(opened(), MARKS) == D("51.50")
    assert unrealised_by_spread(opened(), MARKS) == {
        "put-1": D("18.00"),
        "put-2": D("18.00"),
        "call-1": D("15.50"),
    }


def test_one_missing_mark_makes_it_unknown() -> None:
    missing: dict[str, D | Unknown] = {**MARKS, CALL_W: Unknown("stale")}
    assert unrealised(opened(), missing) == Unknown("stale")
    del missing[CALL_W]
    assert unrealised(opened(), missing) == Unknown(f"no mark for {CALL_W}")
    assert unrealised_by_spread(opened(), missing)["put-1"] == D("18.00")


def test_closed_lots_need_no_mark() -> None:
    lots = close_lots(opened(), close_call(), spread_keys=["call-1"]).lots
    assert unrealised(lots, {PUT_K: D("9.38"), PUT_W: D("8.00")}) == 0


def test_only_what_is_still_open_gains() -> None:
    fills = [Fill(11, CALL_K, BUY_BACK, 1, D("9.80")), Fill(12, CALL_W, SELL_OUT, 1, D("9.00"))]
    lots = close_lots(opened(2), fills, spread_keys=["call-1"]).lots
    assert unrealised_by_spread(lots, MARKS)["call-1"] == D("15.50")


# targets


def wanted(units: int = 1) -> tuple[dict[str, int], dict[str, D | Unknown]]:
    return {spread.key: units for spread in PLAN}, spread_credits(PLAN, entry_fills(units))


def test_the_targets_of_a_trident() -> None:
    units, opening = wanted()
    targets = target_specs(PLAN, units=units, credits=opening, tick=TICK)
    assert targets.without == {}
    assert [(spec.spread_key, spec.limit) for spec in targets.specs] == [
        ("put-1", D("-0.82")),  # 1.38 × 0.6 = 0.828
        ("put-2", D("-0.55")),  # 1.38 × 0.4 = 0.552
        ("call-1", D("-0.80")),  # 1.34 × 0.6 = 0.804
    ]
    assert {spec.time_in_force for spec in targets.specs} == {TimeInForce.GTC}
    assert targets.specs[0].legs == (Leg(PUT_K, BUY_BACK, 1), Leg(PUT_W, SELL_OUT, 1))


def test_targets_are_sized_to_what_filled() -> None:
    units, opening = wanted(3)
    units["put-2"] = 0
    targets = target_specs(PLAN, units=units, credits=opening, tick=TICK)
    assert {spec.spread_key: spec.legs[0].quantity for spec in targets.specs} == {"put-1": 3, "call-1": 3}


def test_a_spread_without_share_or_credit() -> None:
    plan = (replace(PLAN[0], target_share=None), PLAN[1], PLAN[2])
    targets = target_specs(
        plan,
        units={spread.key: 1 for spread in plan},
        credits={"put-2": Unknown("not filled")},
        tick=TICK,
    )
    assert targets.specs == ()
    assert targets.without["put-2"] == Unknown("not filled")
    assert set(targets.without) == {"put-2", "call-1"}


@pytest.mark.parametrize(
    ("credit", "share", "tick", "limit"),
    [
        ("1.34", "0.40", "0.01", "-0.80"),
        ("0.01", "0.60", "0.01", "-0.01"),  # at least one tick
        ("1.34", "0.40", "0.05", "-0.80"),
        ("1.30", "0.40", "0.05", "-0.75"),
    ],
)
def test_target_of_a_credit(credit: str, share: str, tick: str, limit: str) -> None:
    assert target_price(PLAN[0], D(credit), D(share), D(tick)) == D(limit)


def test_target_of_a_debit_vertical_takes_its_share_of_the_maximum_profit() -> None:
    plan = SpreadPlan("call", (Leg(CALL_K, BUY, 1), Leg(CALL_W, SELL, 1)), D(3), D("0.5"))
    # paid 1.20, can make 1.80: sell at 2.10
    assert target_price(plan, D("-1.20"), D("0.5"), TICK) == D("2.10")
    assert target_price(plan, D("-1.205"), D("0.5"), TICK) == D("2.11")  # up to the tick


def test_target_of_an_unbounded_debit_is_a_share_of_the_debit() -> None:
    plan = SpreadPlan("straddle", (Leg(CALL_K, BUY, 1), Leg(PUT_K, BUY, 1)), D(0), D("0.5"))
    assert target_price(plan, D("-19.00"), D("0.5"), TICK) == D("28.50")


def test_no_target_where_no_profit_is_possible() -> None:
    assert isinstance(target_price(PLAN[2], D("-0.10"), D("0.4"), TICK), Unknown)
    calendar = SpreadPlan(
        "calendar", (Leg(CALL_K, SELL, 1), Leg("QQQ   260515C00500000", BUY, 1)), D(0), D("0.25")
    )
    assert isinstance(target_price(calendar, D(-3), D("0.25"), TICK), Unknown)


# risk of what remains


def test_a_trident_risks_190_at_entry_and_270_once_its_call_target_filled() -> None:
    assert remaining_risk(opened()) == D("190.00")
    booked = close_lots(opened(), close_call(), spread_keys=["call-1"])
    assert remaining_risk(booked.lots, realised(booked.closes)) == D("270.00")


def test_risk_of_nothing_is_nothing_and_of_a_naked_call_unknown() -> None:
    assert remaining_risk(()) == 0
    booked = open_lots(Opening(POSITION, PLAN, 1), [Fill(1, CALL_K, SELL, 1, D(10))])
    assert isinstance(remaining_risk(booked.lots), Unknown)


def test_risk_is_never_negative() -> None:
    assert remaining_risk(opened(), D(5000)) == 0


def test_risk_of_several_expiries_is_unknown() -> None:
    other = replace(opened()[0], symbol="QQQ   260515P00500000")
    assert isinstance(remaining_risk((*opened(), other)), Unknown)


def test_booked_is_a_value() -> None:
    assert Booked(opened()) == Booked(opened())
