"""Margin, fees and what a cash account may not hold."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from senex.domain.legs import Action, InstrumentType
from senex.domain.symbols import OptionSymbol, Right
from senex.simulator.books.fees import Fees, charge, total
from senex.simulator.books.margin import OptionLine, requirement
from senex.simulator.books.records import Fill, OrderLeg

DAY = date(2026, 6, 2)
NEAR, FAR = date(2026, 7, 17), date(2026, 8, 21)
SPOT = Decimal(516)


@dataclass
class Prices:
    """A fixed market."""

    price: Decimal = SPOT
    option: Decimal = Decimal("9.00")

    def spot(self, _underlying: str) -> Decimal:
        return self.price

    def mark(self, _symbol: str) -> Decimal:
        return self.option


def line(right: Right, strike: int, quantity: int, expiry: date = NEAR, *, shares: int = 100) -> OptionLine:
    """An option line of QQQ."""
    symbol = OptionSymbol("QQQ", expiry, right, Decimal(strike)).occ
    return OptionLine(symbol, expiry, right is Right.CALL, Decimal(strike), quantity, shares)


def put(strike: int, quantity: int, expiry: date = NEAR) -> OptionLine:
    return line(Right.PUT, strike, quantity, expiry)


def call(strike: int, quantity: int, expiry: date = NEAR) -> OptionLine:
    return line(Right.CALL, strike, quantity, expiry)


def margin(
    *lines: OptionLine, shares: int = 0, cash: bool = False, prices: Prices | None = None, of: str = "QQQ"
) -> Decimal:
    """The requirement to open."""
    return requirement(of, lines, shares, prices or Prices(), cash=cash).initial


def test_two_sided_spreads_need_their_larger_side() -> None:
    puts, calls = [put(516, -2), put(509, 2)], [call(516, -1), call(523, 1)]

    assert margin(*puts, *calls) == 1400
    assert margin(*puts) == 1400
    assert margin(*calls) == 700


@pytest.mark.parametrize(
    ("lines", "needed"),
    [
        pytest.param([put(516, 1), call(516, 1)], 0, id="long options are paid"),
        pytest.param([put(509, -1), put(516, 1)], 0, id="debit spread"),
        pytest.param([call(510, -1), call(516, 2), call(522, -1)], 600, id="butterfly sold"),
        pytest.param([call(510, 1), call(516, -2), call(522, 1)], 0, id="butterfly bought"),
        pytest.param([call(510, -1), call(516, 2), call(525, -1)], 600, id="broken wing sold"),
        pytest.param([call(516, -1), call(530, 2)], 1400, id="backspread"),
        pytest.param([put(516, -1), put(516, 1, FAR)], 0, id="calendar"),
        pytest.param([put(516, -1), put(510, 1, FAR)], 600, id="diagonal"),
        pytest.param([put(516, -1, FAR), put(510, 1)], 11_220, id="the far one is naked"),
        pytest.param(
            [call(516, -1), call(523, 1), put(516, -1, FAR), put(509, 1, FAR)], 1400, id="two cycles"
        ),
    ],
)
def test_defined_risk_is_its_worst_outcome(lines: list[OptionLine], needed: int) -> None:
    assert margin(*lines) == needed


def test_naked_options_follow_regulation_t() -> None:
    mark = 900

    assert margin(put(516, -1)) == mark + 10_320  # at the money: 20 %
    assert margin(call(540, -1)) == mark + 10_320 - 2_400  # less what it is out of the money
    assert margin(put(400, -1)) == mark + 4_000  # never below 10 % of the strike
    assert margin(call(800, -1)) == mark + 5_160  # or of the price
    assert margin(put(516, -1), call(516, -1)) == 2 * mark + 10_320  # the larger side, both marks
    cheap = Prices(Decimal("5.00"), Decimal("0.10"))
    assert margin(put(4, -1), prices=cheap) == 250  # at least 2.50 a share
    assert margin(put(500, -1), call(516, -1), call(523, 1)) == mark + 10_320 - 1_600  # no call side beyond
    assert margin(put(516, -1), of="SPX") == mark + 12_900  # a broad index: 25 %
    assert margin(put(516, -1), put(510, 1, FAR), of="SPX") == mark + 12_900  # and no calendars
    assert margin(put(516, -2), put(509, 1)) == 700 + mark + 10_320  # a ratio: a spread and a naked put


def test_shares_cover_and_are_margined_themselves() -> None:
    assert margin(shares=100) == 25_800
    assert margin(shares=-100) == 77_400
    assert margin(call(530, -1), shares=100) == 25_800
    assert margin(call(500, -1), shares=100) == 25_800 + 1_600  # what the shares would be called away below
    assert margin(call(530, -2), shares=100) == 25_800 + 900 + 10_320 - 1_400
    assert margin(put(516, -1), shares=-100) == 77_400
    assert requirement("QQQ", [], 100, Prices()).maintenance == 12_900


def test_a_cash_account_secures_everything_in_full() -> None:
    assert margin(put(516, -1), cash=True) == 51_600
    assert margin(call(530, -1), shares=100, cash=True) == 51_600  # the shares themselves
    assert margin(put(516, 3), cash=True) == 0


def test_contracts_that_deliver_other_shares_cover_only_each_other() -> None:
    odd = [line(Right.PUT, 516, -1, shares=150), line(Right.PUT, 510, 1, shares=150)]

    assert margin(*odd) == 600
    assert margin(odd[0], put(510, 1)) > 600


positions = st.lists(
    st.tuples(st.booleans(), st.integers(96, 110), st.integers(-3, 3), st.sampled_from([NEAR, FAR])),
    max_size=6,
)


@given(positions)
def test_covered_positions_need_exactly_their_worst_outcome(
    told: list[tuple[bool, int, int, date]],
) -> None:
    lines = [line(Right.CALL if c else Right.PUT, 5 * k, n, NEAR) for c, k, n, _ in told]
    covered = all(sum(one.quantity for one in lines if one.is_call is side) >= 0 for side in (True, False))

    needed = margin(*lines)

    worst = min(sum(one.outcome(Decimal(price)) for one in lines) for price in range(0, 1200, 5))
    assert needed >= 0
    if covered:
        assert needed == max(0, -100 * worst)
    else:
        assert needed > 0 or not lines


@given(positions, st.integers(-2, 2))
def test_margin_is_never_negative_and_more_long_options_never_cost_more_than_nakedness(
    told: list[tuple[bool, int, int, date]], hundreds: int
) -> None:
    lines = [line(Right.CALL if c else Right.PUT, 5 * k, n, day) for c, k, n, day in told]

    needed = margin(*lines, shares=100 * hundreds)

    assert needed >= 0
    for expiry in (NEAR, FAR):  # a covered cycle alone can lose no more than everything needs
        group = [one for one in lines if one.expiry == expiry]
        if hundreds == 0 and len({one.expiry for one in lines}) == 1 and group:
            naked = [one for one in group if one.quantity < 0]
            assert needed <= margin(*naked) + sum(
                (one.strike * one.quantity * 100 for one in group if one.quantity > 0), Decimal(0)
            )


def _leg(action: Action, quantity: int, symbol: str = "QQQ   260717P00516000") -> OrderLeg:
    kind = InstrumentType.EQUITY if len(symbol) < 7 else InstrumentType.EQUITY_OPTION
    return OrderLeg(symbol, kind, action, quantity)


def _fees(action: Action, quantity: int, price: str = "5.00", **leg: str) -> Fees:
    return charge(_leg(action, quantity, **leg), quantity, Decimal(price), DAY)


def test_the_table_of_fees() -> None:
    assert _fees(Action.SELL_TO_OPEN, 6).commission == 6
    assert _fees(Action.SELL_TO_OPEN, 15).commission == 10
    assert _fees(Action.BUY_TO_CLOSE, 15).commission == 0
    assert _fees(Action.BUY_TO_OPEN, 2) == Fees(Decimal(2), Decimal("0.20"), Decimal("0.08"))
    # 2 x 0.0388 + 2 x 0.00329 + 1,000 dollars at 20.60 a million
    assert _fees(Action.SELL_TO_OPEN, 2).regulatory == Decimal("0.10")
    assert charge(_leg(Action.SELL_TO_OPEN, 2), 2, Decimal(5), date(2026, 1, 5)).regulatory == Decimal("0.08")
    index = _fees(Action.SELL_TO_OPEN, 12, symbol="SPXW  260717P06000000")
    assert (index.commission, index.proprietary) == (Decimal(12), Decimal("7.80"))  # indices have no cap
    assert _fees(Action.BUY_TO_OPEN, 9, symbol="XSP   260717P00600000").proprietary == 0
    assert _fees(Action.BUY_TO_OPEN, 10, symbol="XSP   260717P00600000").proprietary == Decimal("0.70")
    shares = _fees(Action.SELL_TO_CLOSE, 1000, "20.00", symbol="F")
    assert shares == Fees(Decimal(0), Decimal("0.80"), Decimal("0.61"))


@given(
    st.sampled_from(list(Action)),
    st.lists(st.integers(1, 7), min_size=1, max_size=5),
    st.integers(1, 9000),
    st.sampled_from(["QQQ   260717P00516000", "XSP   260717P00600000", "F"]),
)
def test_fills_of_a_leg_add_up_to_one_fill_of_all_of_it(
    action: Action, parts: list[int], price: int, symbol: str
) -> None:
    leg, each = _leg(action, sum(parts), symbol), Decimal(price) / 100
    whole = charge(leg, sum(parts), each, DAY)

    charged = []
    for part in parts:
        charged.append(charge(leg, part, each, DAY))
        done = Fill("x", part, each, datetime(2026, 6, 2, tzinfo=UTC), 0)
        leg = replace(leg, fills=(*leg.fills, done))

    assert total(charged) == whole
