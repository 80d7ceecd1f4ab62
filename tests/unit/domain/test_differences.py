"""Reconciliation's comparison: each category from the two sides alone."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from senex.domain.differences import (
    Category,
    Difference,
    Fix,
    Known,
    Seen,
    compare_orders,
    compare_quantities,
    outlived_halts,
)
from senex.domain.legs import Action, Leg
from senex.domain.orders import (
    Order,
    OrderKind,
    OrderLine,
    OrderStatus,
    Origin,
    TimeInForce,
    external_identifier,
)

SPACE = UUID(int=7)
PUT, WING = "QQQ   260717P00500000", "QQQ   260717P00497000"
S = OrderStatus


def known(status: OrderStatus, *, broker_id: str | None = "1", filled: int = 0) -> Known:
    order = Order(
        id=uuid4(),
        account_id=uuid4(),
        origin=Origin.STRATEGY,
        kind=OrderKind.ENTRY,
        position_id=uuid4(),
        decision_id=None,
        spread_key=None,
        generation=0,
        underlying="QQQ",
        time_in_force=TimeInForce.DAY,
        limit_price=Decimal("1.50"),
        band=None,
        valid_until=None,
        status=status,
        broker_order_id=broker_id,
        lines=(
            OrderLine(Leg(PUT, Action.SELL_TO_OPEN, 2), filled),
            OrderLine(Leg(WING, Action.BUY_TO_OPEN, 2), filled),
        ),
    )
    return Known(order, (external_identifier(SPACE, order.id, 1),))


def seen(one: Known | None, status: OrderStatus, *, filled: int = 0, **other: Any) -> Seen:
    name = one.identifiers[0] if one and isinstance(one.identifiers, tuple) else None
    return replace(Seen("1", name, "QQQ", status, filled), **other)


def compare(ours: list[Known], theirs: list[Seen]) -> list[tuple[Category, Fix]]:
    return [(each.category, each.fix) for each in compare_orders(ours, theirs, namespace=SPACE)]


@pytest.mark.parametrize(
    ("ours", "theirs", "filled", "expected"),
    [
        (S.WORKING, S.WORKING, 0, []),
        (S.WORKING, S.FILLED, 4, [(Category.FILLED_UNRECORDED, Fix.APPLY)]),
        (S.WORKING, S.CANCELLED, 0, [(Category.STUCK_PENDING, Fix.APPLY)]),
        (S.CANCELLED, S.FILLED, 4, [(Category.FILLED_UNRECORDED, Fix.APPLY)]),
        # an older word of the broker's than the one we have
        (S.CANCELLED, S.WORKING, 0, []),
        (S.UNKNOWN, S.WORKING, 0, [(Category.STUCK_PENDING, Fix.APPLY)]),
    ],
)
def test_both_sides_have_it(
    ours: OrderStatus, theirs: OrderStatus, filled: int, expected: list[tuple[Category, Fix]]
) -> None:
    one = known(ours)
    assert compare([one], [seen(one, theirs, filled=filled)]) == expected


def test_more_fills_here_than_there_is_for_a_person() -> None:
    one = known(S.FILLED, filled=2)
    assert compare([one], [seen(one, S.FILLED, filled=2)]) == [(Category.QUANTITY_MISMATCH, Fix.REVIEW)]


def test_an_unknown_order_is_found_by_the_name_it_carries() -> None:
    one = known(S.UNKNOWN, broker_id=None)
    assert compare([one], [seen(one, S.FILLED, filled=4)]) == [(Category.FILLED_UNRECORDED, Fix.APPLY)]


def test_two_orders_of_one_attempt_are_a_doubled_request() -> None:
    one = known(S.WORKING)
    double = seen(one, S.WORKING, broker_order_id="2")
    assert compare([one], [seen(one, S.WORKING), double]) == [(Category.ORPHAN_ORDER, Fix.CANCEL)]
    gone = seen(one, S.CANCELLED, broker_order_id="2")
    assert compare([one], [seen(one, S.WORKING), gone]) == []


def test_what_an_order_was_before_it_was_replaced_elsewhere_is_no_difference() -> None:
    one = known(S.WORKING, broker_id="2")
    former = seen(one, S.REPLACED, broker_order_id="1")
    assert compare([one], [seen(one, S.WORKING, broker_order_id="2"), former]) == []


def test_what_only_the_broker_has() -> None:
    lost = external_identifier(SPACE, uuid4(), 1)
    assert compare([], [seen(None, S.WORKING, external_identifier=lost)]) == [
        (Category.ORPHAN_ORDER, Fix.CANCEL)
    ]
    assert compare([], [seen(None, S.WORKING)]) == [(Category.FOREIGN_ORDER, Fix.REVIEW)]
    assert compare([], [seen(None, S.FILLED)]) == []


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (S.WORKING, [(Category.INVALID_ID, Fix.REVIEW)]),
        (S.UNKNOWN, [(Category.STUCK_PENDING, Fix.RESOLVE)]),
        (S.INTENDED, []),
        (S.FILLED, []),
    ],
)
def test_what_only_we_have(status: OrderStatus, expected: list[tuple[Category, Fix]]) -> None:
    assert compare([known(status)], []) == expected


def test_quantities_are_compared_symbol_by_symbol() -> None:
    found = list(
        compare_quantities(
            {PUT: -2, WING: 2, "SPY": 100}, {PUT: -2, WING: 1, "IWM": 5}, underlyings={WING: "QQQ"}
        )
    )
    assert found == [
        Difference(Category.UNMANAGED_POSITION, "IWM", "IWM", "+0", "+5", Fix.IMPORT),
        Difference(Category.QUANTITY_MISMATCH, WING, "QQQ", "+2", "+1", Fix.REVIEW),
        Difference(Category.GONE_AT_BROKER, "SPY", "SPY", "+100", "+0", Fix.CLOSE),
    ]


def test_a_difference_in_one_line() -> None:
    one = Difference(Category.GONE_AT_BROKER, "SPY", "SPY", "+100", "+0", Fix.CLOSE)
    assert str(one) == "gone_at_broker SPY: ours +100; the broker's +0 (close)"


def test_a_halt_is_outlived_once_nothing_there_differs() -> None:
    halted = {"QQQ": "a second order", "SPY": "quantities", "IWM": "a second order"}
    wrong = Difference(Category.QUANTITY_MISMATCH, PUT, "SPY", "+1", "+2", Fix.REVIEW)
    [found] = outlived_halts(halted, [wrong], {"IWM"})
    assert (found.category, found.subject, found.fix) == (Category.HALT_OUTLIVED, "QQQ", Fix.LIFT)
    assert "a second order" in found.ours
