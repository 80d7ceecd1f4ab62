"""What has to be sent to end a spread, and that it never closes more than is open."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from senex.domain.closing import (
    Cancel,
    Cause,
    Change,
    Held,
    Place,
    SpreadExit,
    Terms,
    closing_legs,
    died,
    exit_moves,
    held_of,
    over_closing,
    remaining,
    taken_away,
    target_moves,
    withdrawn,
)
from senex.domain.legs import Action, InstrumentType, Leg
from senex.domain.lots import Lot
from senex.domain.orders import Order, OrderKind, OrderLine, OrderStatus, Origin, TimeInForce
from senex.domain.positions import PositionStatus, status_by
from senex.domain.suggestions import SpreadPlan
from senex.domain.targets import TargetSpec

D = Decimal
NOW = datetime(2026, 7, 10, 14, 0, tzinfo=UTC)
POSITION, ACCOUNT = uuid4(), uuid4()
SHORT, LONG = "QQQ   260717P00500000", "QQQ   260717P00497000"
PLAN = SpreadPlan(
    "put-1", (Leg(SHORT, Action.SELL_TO_OPEN, 1), Leg(LONG, Action.BUY_TO_OPEN, 1)), D(3), D("0.4")
)
S, K = OrderStatus, OrderKind


def lot(symbol: str, open_: int, quantity: int = 0, multiplier: int = 100, fill: int = 1) -> Lot:
    return Lot(POSITION, "put-1", symbol, fill, quantity or open_, open_, D(2), multiplier)


def held(short: int, long: int) -> Held:
    return held_of(PLAN, [lot(SHORT, -short), lot(LONG, long)])


def order(
    kind: OrderKind = K.TARGET,
    *,
    units: int = 1,
    filled: tuple[int, int] = (0, 0),
    status: OrderStatus = S.WORKING,
    **changes: object,
) -> Order:
    lines = tuple(
        OrderLine(leg.times(units).closed(), done) for leg, done in zip(PLAN.legs, filled, strict=True)
    )
    known = Order(
        id=uuid4(),
        account_id=ACCOUNT,
        origin=Origin.STRATEGY,
        kind=kind,
        position_id=POSITION,
        decision_id=None,
        spread_key="put-1",
        generation=0,
        underlying="QQQ",
        time_in_force=TimeInForce.GTC,
        limit_price=D("-0.90"),
        band=None,
        valid_until=None,
        status=status,
        broker_order_id="1",
        lines=lines,
    )
    return replace(known, **changes)  # type: ignore[arg-type]


def spec(units: int) -> TargetSpec:
    return TargetSpec("put-1", tuple(leg.times(units).closed() for leg in PLAN.legs), D("-0.90"), D("0.4"))


def wish(**changes: object) -> SpreadExit:
    known = SpreadExit(
        id=uuid4(),
        account_id=ACCOUNT,
        position_id=POSITION,
        spread_key="put-1",
        cause=Cause.TIME_EXIT,
        terms=Terms.WORKED,
        created_at=NOW,
    )
    return replace(known, **changes)  # type: ignore[arg-type]


def test_causes_and_terms() -> None:
    assert [cause.kind for cause in Cause] == [K.EXIT, K.EXIT, K.CLOSE, K.CLOSE]
    assert [cause.one_session for cause in Cause] == [True, True, True, False]
    assert [terms.again_after for terms in Terms] == [timedelta(minutes=15), timedelta(minutes=1), None]


def test_a_working_price_is_due_again_after_its_terms() -> None:
    priced = wish(priced_at=NOW)
    assert priced.active
    assert wish().due(NOW)
    assert not priced.due(NOW + timedelta(minutes=14, seconds=59))
    assert priced.due(NOW + timedelta(minutes=15))
    assert not replace(priced, terms=Terms.FIXED).due(NOW + timedelta(days=1))


def test_whole_units_go_together_and_what_hangs_leg_by_leg_shorts_first() -> None:
    assert [(leg.symbol, leg.signed_quantity) for leg in closing_legs(held(2, 2))] == [(SHORT, 2), (LONG, -2)]
    assert [(leg.symbol, leg.signed_quantity) for leg in closing_legs(held(0, 2))] == [(LONG, -2)]
    assert [(leg.symbol, leg.action) for leg in closing_legs(held(2, 0))] == [(SHORT, Action.BUY_TO_CLOSE)]
    assert [(leg.symbol, leg.quantity) for leg in closing_legs(held(3, 2), excess=True)] == [(SHORT, 1)]
    assert closing_legs(held(2, 2), excess=True) == ()
    assert held(0, 0).empty


def test_shares_are_told_by_their_multiplier() -> None:
    plan = SpreadPlan("stock", (Leg("QQQ", Action.BUY_TO_OPEN, 100, InstrumentType.EQUITY),), D(0), None)
    shares = held_of(plan, [replace(lot("QQQ", 100, multiplier=1), spread_key="stock")])
    assert shares.instruments == {"QQQ": InstrumentType.EQUITY}
    (leg,) = closing_legs(shares)
    assert (leg.action, leg.quantity, leg.instrument) == (Action.SELL_TO_CLOSE, 100, InstrumentType.EQUITY)


def test_an_order_and_its_replacement_claim_once() -> None:
    old = order(units=2, filled=(1, 1))
    new = order(units=3, generation=1, replaces_id=old.id)
    third = order(units=1, generation=2, replaces_id=new.id)
    assert remaining([old, order(status=S.FILLED)]) == {SHORT: 1, LONG: -1}
    assert remaining([new, old]) == {SHORT: 3, LONG: -3}
    assert remaining([third, new, old]) == {SHORT: 3, LONG: -3}
    assert remaining([old, order(units=4)]) == {SHORT: 5, LONG: -5}


@pytest.mark.parametrize(
    ("open_", "orders", "over"),
    [
        ({SHORT: -2, LONG: 2}, [order(units=2)], False),
        ({SHORT: -2, LONG: 2}, [order(units=2), order()], True),
        ({SHORT: -1, LONG: 2}, [order(units=2, filled=(1, 0))], False),
        ({}, [order(units=2, filled=(2, 2))], False),
        ({}, [order()], True),
        ({SHORT: 1, LONG: -1}, [order()], True),
    ],
)
def test_what_would_close_more_than_is_open(open_: dict[str, int], orders: list[Order], over: bool) -> None:
    assert (over_closing(open_, orders) is not None) is over


def test_an_open_spread_gets_its_target() -> None:
    (placed,) = target_moves(held(2, 2), [], spec(2))
    assert isinstance(placed, Place)
    assert (placed.kind, placed.legs, placed.time_in_force) == (K.TARGET, spec(2).legs, TimeInForce.GTC)
    assert target_moves(held(2, 2), [], None) == ()
    assert target_moves(held(2, 2), [order(units=2)], spec(2)) == ()


def test_a_target_grows_with_what_is_open_and_shrinks_with_it() -> None:
    small = order(units=1)
    (grown,) = target_moves(held(2, 2), [small], spec(2))
    assert isinstance(grown, Change)
    assert (grown.order, grown.legs) == (small, spec(2).legs)
    assert isinstance(target_moves(held(1, 1), [order(units=2)], spec(1))[0], Cancel)
    assert isinstance(target_moves(held(0, 0), [order(units=2)], None)[0], Cancel)
    halfway = order(units=3, filled=(2, 1), status=S.PARTIALLY_FILLED)
    assert target_moves(held(3, 4), [halfway], spec(3)) == ()
    for busy in (order(cancel_requested=True), order(status=S.UNKNOWN)):
        assert target_moves(held(2, 2), [busy], spec(2)) == ()
    assert target_moves(held(4, 4), [order(), order(generation=1)], spec(4)) == ()


def test_a_target_taken_away_stays_away_and_one_that_died_waits_to_be_asked_for() -> None:
    away = order(status=S.CANCELLED, cancel_requested=True, cancel_actor="trader")
    made_room = replace(away, cancel_actor="daemon")
    dead = order(status=S.REJECTED)
    assert withdrawn(away)
    assert taken_away([away])
    assert not taken_away([])
    assert target_moves(held(1, 1), [away], spec(1), again=True) == ()
    assert len(target_moves(held(1, 1), [made_room], spec(1))) == 1
    assert len(target_moves(held(1, 1), [away, replace(made_room, generation=1)], spec(1))) == 1
    assert target_moves(held(1, 1), [dead], spec(1)) == ()
    assert len(target_moves(held(1, 1), [dead], spec(1), again=True)) == 1
    assert not died(made_room)
    assert died(order(status=S.CANCELLED))
    assert not died(order(status=S.REJECTED, replaces_id=uuid4(), broker_order_id=None))
    assert died(order(status=S.REJECTED, replaces_id=uuid4()))


def test_a_close_nobody_wants_any_more_is_cancelled_first() -> None:
    stray, beside = order(K.EXIT), uuid4()
    assert target_moves(held(1, 1), [stray], spec(1)) == (
        Cancel(stray, "nothing asks for this close any more"),
    )
    assert target_moves(held(1, 1), [replace(stray, status=S.UNKNOWN)], spec(1)) == ()
    mine = order(K.CLOSE, units=1, filled=(0, 1), exit_id=beside)
    assert [type(move) for move in target_moves(held(3, 2), [mine], spec(2), beside=beside)] == [Place]
    assert target_moves(held(2, 2), [mine], spec(2), beside=beside) == ()


def test_an_exit_waits_for_what_is_in_its_way() -> None:
    target, mine = order(), wish()
    assert exit_moves(held(1, 1), [target], mine, D(-1), due=False) == (Cancel(target, "time_exit of put-1"),)
    asked = replace(target, cancel_requested=True)
    assert exit_moves(held(1, 1), [asked], mine, D(-1), due=False) == ()
    assert exit_moves(held(1, 1), [replace(target, status=S.UNKNOWN)], mine, D(-1), due=False) == ()
    (placed,) = exit_moves(held(1, 1), [replace(target, status=S.CANCELLED)], mine, D(-1), due=False)
    assert isinstance(placed, Place)
    assert (placed.kind, placed.time_in_force, placed.limit) == (K.EXIT, TimeInForce.DAY, D(-1))
    assert exit_moves(held(0, 0), [], mine, D(-1), due=False) == ()


def test_an_exit_is_priced_anew_when_due() -> None:
    mine = wish()
    own = order(K.EXIT, units=2, filled=(1, 1), exit_id=mine.id, limit_price=D(-1))
    (changed,) = exit_moves(held(1, 1), [own], mine, D(-2), due=True)
    assert isinstance(changed, Change)
    assert [leg.quantity for leg in changed.legs] == [1, 1]
    for busy, limit, due in (
        (own, D(-2), False),
        (own, D(-1), True),
        (replace(own, status=S.UNKNOWN), D(-2), True),
        (replace(own, cancel_requested=True), D(-2), True),
    ):
        assert exit_moves(held(1, 1), [busy], mine, limit, due=due) == ()
    assert exit_moves(held(0, 0), [own], mine, D(-2), due=True) == (
        Cancel(own, "less is open than it would close"),
    )


def test_what_hangs_is_closed_beside_the_target() -> None:
    mine = wish(excess=True, cause=Cause.MANUAL)
    (placed,) = exit_moves(held(2, 1), [order()], mine, D(-1), due=False)
    assert isinstance(placed, Place)
    assert [(leg.symbol, leg.quantity) for leg in placed.legs] == [(SHORT, 1)]
    assert exit_moves(held(2, 1), [order(units=1), order(units=1)], mine, D(-1), due=False) == ()


def test_a_position_stands_where_its_lots_and_orders_say() -> None:
    whole, part = [lot(SHORT, -2)], [lot(SHORT, -1, -2)]
    gone = [lot(SHORT, 0, -2)]
    entry = order(K.ENTRY)
    assert status_by(whole, [entry]) is None
    assert status_by([], [replace(entry, status=S.CANCELLED)]) is PositionStatus.EXPIRED
    assert status_by(gone, []) is PositionStatus.CLOSED
    assert status_by(whole, [order()]) is PositionStatus.OPEN_FULL
    assert status_by(part, []) is PositionStatus.OPEN_PARTIAL
    assert status_by(part, [order(K.EXIT)]) is PositionStatus.CLOSING
    assert status_by(whole, [order(K.CLOSE, status=S.INTENDED)]) is PositionStatus.OPEN_FULL


@given(
    short=st.integers(0, 4),
    long=st.integers(0, 4),
    working=st.lists(
        st.tuples(
            st.sampled_from([K.TARGET, K.EXIT, K.CLOSE]),
            st.integers(1, 4),
            st.sampled_from([S.INTENDED, S.WORKING, S.UNKNOWN, S.CANCELLED]),
            st.booleans(),
        ),
        max_size=3,
    ),
    excess=st.booleans(),
    exiting=st.booleans(),
)
def test_nothing_that_is_placed_closes_more_than_is_open(
    short: int,
    long: int,
    working: list[tuple[OrderKind, int, OrderStatus, bool]],
    excess: bool,
    exiting: bool,
) -> None:
    """Whatever works already: a new order fits beside it, and one that is changed stays within what is open."""
    have = held(short, long)
    mine = wish(excess=excess)
    orders = [
        order(kind, units=units, status=status, exit_id=mine.id if own else None, generation=index)
        for index, (kind, units, status, own) in enumerate(working)
    ]
    units = have.units.whole
    moves = (
        exit_moves(have, orders, mine, D(-1), due=True)
        if exiting
        else target_moves(have, orders, spec(units) if units else None)
    )
    for move in moves:
        if isinstance(move, Place):
            assert over_closing(have.open, orders, move.legs) is None
        if isinstance(move, Change):
            rest = [each for each in orders if each.id != move.order.id]
            assert over_closing(have.open, rest, move.legs) is None
