"""Rows of the broker's ledger: what they do, and that they do it once, in whatever order they come."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from senex.domain.fills import Fill
from senex.domain.ledger import (
    DELIVERY,
    OPENING_BALANCE,
    TRADE,
    Effect,
    LedgerEntry,
    delivers_for,
    effect_of,
    price_of,
    reason_of,
)
from senex.domain.legs import Action
from senex.domain.lots import Lot, NewTerms, close_in_order, convert_lots, leg_quantities, share_out
from senex.domain.pnl import r_multiple

D = Decimal
PUT = "QQQ   260605P00600000"
ONE, TWO = UUID(int=1), UUID(int=2)


def row(
    kind: str = DELIVERY, sub_kind: str = "Expiration", *, symbol: str | None = PUT, **fields: object
) -> LedgerEntry:
    told: dict[str, object] = {
        "broker_id": "1",
        "kind": kind,
        "sub_kind": sub_kind,
        "description": "",
        "executed_at": datetime(2026, 6, 8, 8, tzinfo=UTC),
        "day": date(2026, 6, 8),
        "value": D(0),
        "net_value": D(0),
        "commission": D(0),
        "fees": D(0),
        "symbol": symbol,
        "underlying": "QQQ",
        "quantity": D(2),
        **fields,
    }
    return LedgerEntry(**told)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("entry", "effect"),
    [
        (row(), Effect.REMOVE),
        (row(sub_kind="Assignment"), Effect.REMOVE),
        (row(sub_kind="Cash Settled Exercise"), Effect.REMOVE),
        (row(sub_kind="Forward Split"), Effect.CONVERT),
        (row(sub_kind="Transfer"), Effect.RECEIVE),
        (row(TRADE, "Sell to Open", action=Action.SELL_TO_OPEN), Effect.OPEN),
        (row(sub_kind="Buy to Close", action=Action.BUY_TO_CLOSE), Effect.CLOSE),
    ],
)
def test_what_a_row_does(entry: LedgerEntry, effect: Effect) -> None:
    assert effect_of(entry) is effect


def test_only_quantities_of_something_move() -> None:
    assert row().moves
    assert row(OPENING_BALANCE).moves
    assert not row("Money Movement", "Dividend").moves
    assert not row(symbol=None).moves
    assert not row(quantity=None).moves
    assert (row().whole, row(quantity=D("1.5")).whole, row(quantity=None).whole) == (2, None, None)


@pytest.mark.parametrize(
    ("entry", "price"),
    [
        (row(), 0),
        (row(price=D(600)), 0),  # an expired contract names its strike, which nobody paid
        (row(sub_kind="Cash Settled Assignment", value=D(-2000), price=D(600)), 10),
        (row(TRADE, "Buy to Open", action=Action.BUY_TO_OPEN, value=D(-250), price=D("1.25")), D("1.25")),
        (row(sub_kind="Buy to Open", action=Action.BUY_TO_OPEN, symbol="QQQ", value=D(-1200)), 600),
        (row(sub_kind="Transfer", price=D(3)), 3),
        (row(sub_kind="Transfer"), 0),
        (row(symbol=None), 0),
    ],
)
def test_the_price_is_what_was_paid(entry: LedgerEntry, price: Decimal) -> None:
    assert price_of(entry) == price


def test_reasons_and_what_belongs_together() -> None:
    assert [reason_of(one) for one in ("Expiration", "Exercise", "Buy to Close")] == [
        *("expired_worthless", "exercise", "manual_close"),
    ]
    shares = row(sub_kind="Buy to Open", symbol="QQQ", action=Action.BUY_TO_OPEN)
    assert delivers_for(shares, row(sub_kind="Assignment"))
    assert not delivers_for(shares, row())
    assert not delivers_for(row(sub_kind="Exercise"), row(sub_kind="Assignment"))
    assert not delivers_for(replace(shares, underlying="SPY"), row(sub_kind="Assignment"))
    assert not delivers_for(replace(shares, kind=TRADE), row(sub_kind="Assignment"))


def lot(
    position: UUID, fill: int, quantity: int, *, price: str = "1", key: str = "all", symbol: str = PUT
) -> Lot:
    return Lot(position, key, symbol, fill, quantity, quantity, D(price))


def test_a_close_is_shared_out_in_order_and_never_in_part() -> None:
    lots = [lot(ONE, 1, -2), lot(TWO, 2, -3), lot(ONE, 3, 1)]
    assert share_out(lots, 4, sign=1) == {ONE: 2, TWO: 2}
    assert share_out(lots, 5, sign=1) == {ONE: 2, TWO: 3}
    assert share_out(lots, 6, sign=1) is None
    assert share_out(lots, 1, sign=-1) == {ONE: 1}


def test_what_closes_takes_the_first_lots_of_its_symbol() -> None:
    lots = [lot(ONE, 1, -2, symbol="SPY"), lot(ONE, 2, -2, price="3"), lot(ONE, 3, -2, price="5", key="b")]
    booked = close_in_order(lots, Fill(9, PUT, Action.BUY_TO_CLOSE, 3, D(1)))
    assert leg_quantities(booked.lots) == {"SPY": -2, PUT: -1}
    assert [(one.lot.spread_key, one.quantity, one.realised) for one in booked.closes] == [
        *(("all", 2, D(400)), ("b", 1, D(400))),
    ]
    [rest] = close_in_order(lots, Fill(9, PUT, Action.BUY_TO_CLOSE, 5, D(1))).surplus
    assert rest.quantity == 1


def test_new_terms_keep_what_was_paid() -> None:
    lots = [lot(ONE, 1, -2, price="4"), lot(ONE, 2, -1, price="7"), lot(ONE, 3, 3, key="b", price="3")]
    terms = NewTerms("QQQ1  260605P00150000", Fraction(4))
    removal = Fill(8, PUT, Action.BUY_TO_CLOSE, 3, D(0))
    booked = convert_lots([*lots, lot(ONE, 4, 1, symbol="SPY")], terms, removal=removal, receipt=9)
    assert booked is not None
    assert leg_quantities(booked.lots) == {"SPY": 1}  # the spreads offset each other
    assert [(one.spread_key, one.quantity, one.price) for one in booked.lots[-2:]] == [
        *(("all", -12, D("1.25")), ("b", 12, D("0.75"))),
    ]
    assert sum(one.realised for one in booked.closes) == 0
    assert convert_lots(lots, NewTerms(terms.symbol, Fraction(1, 2)), removal=removal, receipt=9) is None


@given(st.data())
def test_the_order_in_which_rows_come_does_not_matter(data: st.DataObject) -> None:
    """Rows are booked when they can be, again and again: the end is the same, each once, and the money too."""
    opens = data.draw(
        st.lists(st.tuples(st.sampled_from([ONE, TWO]), st.integers(1, 4)), min_size=1, max_size=6)
    )
    total = sum(count for _, count in opens)
    closed = data.draw(st.integers(0, total))
    closes: list[int] = []
    while sum(closes) < closed:
        closes.append(data.draw(st.integers(1, closed - sum(closes))))
    events = [("open", *one) for one in opens] + [("close", ONE, count) for count in closes]
    arriving = data.draw(st.permutations(list(enumerate(events, start=1))))
    lots: list[Lot] = []
    gained = D(0)
    waiting: list[tuple[int, tuple[str, UUID, int]]] = []
    for event in arriving:
        waiting.append(event)
        moved = True
        while moved:
            moved = False
            for one in sorted(waiting):
                number, (what, position, count) = one
                if what == "open":
                    lots.append(lot(position, number, -count, price="2"))
                else:
                    shares = share_out(lots, count, sign=1)
                    if shares is None:
                        continue
                    for owner, part in shares.items():
                        mine = [each for each in lots if each.position_id == owner]
                        booked = close_in_order(mine, Fill(number, PUT, Action.BUY_TO_CLOSE, part, D(1)))
                        assert not booked.surplus
                        gained += sum((each.realised for each in booked.closes), D(0))
                        lots = [each for each in lots if each.position_id != owner] + list(booked.lots)
                waiting.remove(one)
                moved = True
    assert waiting == []
    assert leg_quantities(lots) == ({PUT: closed - total} if closed < total else {})
    assert gained == closed * 100


def test_r_is_the_net_over_what_was_risked() -> None:
    assert r_multiple(D(190), [D(190), D(190)]) == D("0.50")
    assert r_multiple(None, [D(190)]) is None
    assert r_multiple(D(5), [D(190), None]) is None
    assert r_multiple(D(5), [D(0)]) is None
    assert r_multiple(D(5), []) is None
