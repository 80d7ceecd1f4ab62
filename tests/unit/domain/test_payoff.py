"""Results at expiry: extremes and breakevens of any legs."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from senex.domain.legs import Action, InstrumentType, Leg
from senex.domain.payoff import Payoff, payoff_of_legs
from senex.domain.risk import loss_at
from senex.domain.unknown import Unknown

D = Decimal
SELL, BUY = Action.SELL_TO_OPEN, Action.BUY_TO_OPEN


def option(action: Action, right: str, strike: int, quantity: int = 1, day: str = "260417") -> Leg:
    return Leg(f"QQQ   {day}{right}{strike * 1000:08d}", action, quantity)


def result(legs: list[Leg], cash: str) -> Payoff:
    answer = payoff_of_legs(legs, D(cash))
    assert isinstance(answer, Payoff)
    return answer


TRIDENT = [option(SELL, "P", 500, 2), option(BUY, "P", 497, 2), option(SELL, "C", 500), option(BUY, "C", 503)]
STOCK = Leg("QQQ", BUY, 100, InstrumentType.EQUITY)


def test_the_vector_of_c1() -> None:
    curve = result(TRIDENT, "410")
    assert (curve.worst, curve.best) == (D(-190), D(410))
    assert curve.breakevens == (D("497.95"),)
    assert curve.at(D(500)) == 410
    assert curve.at(D(503)) == 110
    assert curve.at(D(900)) == 110
    assert curve.at(D(0)) == -190


def test_a_trident_with_a_small_credit_loses_above_too() -> None:
    # C < w: breakevens K − C/2 and K + C
    curve = result(TRIDENT, "200")
    assert curve.breakevens == (D("499"), D("502"))
    assert curve.at(D(600)) == -100


@pytest.mark.parametrize(
    ("legs", "cash", "worst", "best", "breakevens"),
    [
        ([option(SELL, "P", 500), option(BUY, "P", 495)], "150", -350, 150, ["498.5"]),
        ([option(BUY, "C", 500), option(SELL, "C", 505)], "-200", -200, 300, ["502"]),
        ([option(BUY, "C", 500), option(BUY, "P", 500)], "-1900", -1900, None, ["481", "519"]),
        ([option(SELL, "C", 500)], "1000", None, 1000, ["510"]),
        ([option(SELL, "C", 500), option(BUY, "C", 510, 2)], "-100", -1100, None, ["521"]),
        ([STOCK, option(SELL, "C", 510)], "-49500", -49500, 1500, ["495"]),
        ([STOCK], "-50000", -50000, None, ["500"]),
        ([option(BUY, "P", 500), option(SELL, "P", 495)], "0", 0, 500, []),
        # exactly zero at the strike and on to profit: the strike is the breakeven
        ([STOCK, option(BUY, "P", 500)], "-50000", 0, None, []),
        ([STOCK, option(SELL, "P", 500)], "-50000", -100000, None, ["500"]),
        ([STOCK, option(SELL, "P", 500), option(SELL, "C", 600)], "-50000", -100000, 10000, ["500"]),
    ],
)
def test_shapes(
    legs: list[Leg], cash: str, worst: int | None, best: int | None, breakevens: list[str]
) -> None:
    curve = result(legs, cash)
    assert (curve.worst, curve.best) == (worst, best)
    assert curve.breakevens == tuple(map(D, breakevens))


def test_several_expiries_are_no_single_curve() -> None:
    legs = [option(SELL, "C", 500), option(BUY, "C", 500, day="260515")]
    assert isinstance(payoff_of_legs(legs, D(-300)), Unknown)
    assert isinstance(loss_at(legs, D(-3)), Unknown)


def test_loss_at_a_price() -> None:
    assert loss_at(TRIDENT, D("4.10")) == D("190.00")
    assert loss_at(TRIDENT, D("3.86")) == D("214.00")
    assert loss_at([leg.times(3) for leg in TRIDENT], D("4.10")) == D("570.00")
    assert loss_at(TRIDENT, D("9.00")) == 0
    assert isinstance(loss_at([option(SELL, "C", 500)], D(10)), Unknown)


legs_strategy = st.lists(
    st.builds(
        option,
        st.sampled_from([SELL, BUY]),
        st.sampled_from(["P", "C"]),
        st.integers(480, 520),
        st.integers(1, 3),
    ),
    min_size=1,
    max_size=5,
)


@given(legs_strategy, st.integers(-5000, 5000), st.lists(st.integers(0, 2000), min_size=1, max_size=20))
def test_no_spot_is_beyond_the_extremes_and_breakevens_are_zeros(
    legs: list[Leg], cash: int, spots: list[int]
) -> None:
    curve = result(legs, str(cash))
    for spot in spots:
        value = curve.at(D(spot))
        assert curve.worst is None or value >= curve.worst
        assert curve.best is None or value <= curve.best
    for crossing in curve.breakevens:
        assert abs(curve.at(crossing)) < D("1e-18")
    assert list(curve.breakevens) == sorted(curve.breakevens)
