"""The transition table, external names, and the digest an approval binds."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import product
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from senex.domain.legs import Action, Leg
from senex.domain.orders import (
    AttemptStatus,
    BrokerStatus,
    IllegalTransition,
    Order,
    OrderKind,
    OrderLine,
    OrderStatus,
    Origin,
    TimeInForce,
    advance,
    advance_attempt,
    body_hash,
    external_identifier,
    filled_evenly,
    of_another_deployment,
    status_from_broker,
    unfilled,
)
from senex.domain.positions import OPEN_STATUSES, PositionStatus
from senex.domain.suggestions import (
    Band,
    ExitPlan,
    Pricing,
    Proposal,
    SpreadPlan,
    Suggestion,
    SuggestionStatus,
)
from senex.testing.market import DAY, NOW

D = Decimal
S = OrderStatus
A = AttemptStatus
LEGS = (
    Leg("QQQ   260417P00500000", Action.SELL_TO_OPEN, 1),
    Leg("QQQ   260417P00497000", Action.BUY_TO_OPEN, 1),
)


@pytest.mark.parametrize("status", list(BrokerStatus))
def test_every_broker_status_has_a_meaning(status: BrokerStatus) -> None:
    ours = status_from_broker(status, filled=0)
    partly = status_from_broker(status, filled=1)
    assert ours.terminal == partly.terminal
    if not ours.terminal:
        assert (ours, partly) == (S.WORKING, S.PARTIALLY_FILLED)


@pytest.mark.parametrize(
    ("status", "ours"),
    [
        (BrokerStatus.FILLED, S.FILLED),
        (BrokerStatus.CANCELLED, S.CANCELLED),
        (BrokerStatus.EXPIRED, S.EXPIRED),
        (BrokerStatus.REJECTED, S.REJECTED),
        (BrokerStatus.REMOVED, S.CANCELLED),
        (BrokerStatus.PARTIALLY_REMOVED, S.CANCELLED),
        (BrokerStatus.CANCEL_REQUESTED, S.WORKING),
    ],
)
def test_ended_orders(status: BrokerStatus, ours: OrderStatus) -> None:
    assert status_from_broker(status, filled=0) is ours


def test_what_was_replaced_is_not_lost() -> None:
    assert status_from_broker(BrokerStatus.CANCELLED, filled=1, replaced=True) is S.REPLACED
    assert status_from_broker(BrokerStatus.FILLED, filled=2, replaced=True) is S.FILLED
    assert status_from_broker(BrokerStatus.REPLACE_REQUESTED, filled=0, replaced=True) is S.WORKING


def test_what_is_left_of_an_order() -> None:
    ordered = [leg.times(4) for leg in LEGS]
    even = [OrderLine(leg, 1) for leg in ordered]
    assert filled_evenly(even)
    assert [line.leg.quantity for line in unfilled(even)] == [3, 3]
    assert all(line.filled == 0 for line in unfilled(even))
    uneven = [OrderLine(ordered[0], 4), OrderLine(ordered[1], 3)]
    assert not filled_evenly(uneven)
    assert [line.leg.symbol for line in unfilled(uneven)] == [LEGS[1].symbol]


@pytest.mark.parametrize(("current", "to"), list(product(S, S)))
def test_a_status_moves_stays_or_is_refused(current: OrderStatus, to: OrderStatus) -> None:
    try:
        after = advance(current, to)
    except IllegalTransition:
        assert to.terminal
    else:
        assert after in (current, to)


@pytest.mark.parametrize("terminal", [S.CANCELLED, S.EXPIRED, S.REPLACED])
def test_a_fill_wins_the_race_against_the_end(terminal: OrderStatus) -> None:
    assert advance(terminal, S.FILLED) is S.FILLED


def test_late_news_changes_nothing() -> None:
    assert advance(S.FILLED, S.WORKING) is S.FILLED
    assert advance(S.PARTIALLY_FILLED, S.WORKING) is S.PARTIALLY_FILLED
    assert advance(S.WORKING, S.UNKNOWN) is S.WORKING


def test_a_filled_order_cannot_be_cancelled() -> None:
    with pytest.raises(IllegalTransition) as refusal:
        advance(S.FILLED, S.CANCELLED)
    assert refusal.value.code == "E_TRANSITION"


@given(st.lists(st.sampled_from([S.WORKING, S.PARTIALLY_FILLED, S.FILLED]), min_size=1))
def test_any_order_of_messages_ends_at_the_furthest(messages: list[OrderStatus]) -> None:
    status = S.INTENDED
    for message in messages:
        status = advance(status, message)
    rank = [S.WORKING, S.PARTIALLY_FILLED, S.FILLED]
    assert status is max(messages, key=rank.index)


def test_attempts_follow_their_table() -> None:
    assert advance_attempt(A.PREPARED, A.SENDING) is A.SENDING
    assert advance_attempt(A.SENDING, A.UNKNOWN) is A.UNKNOWN
    assert advance_attempt(A.UNKNOWN, A.UNKNOWN) is A.UNKNOWN
    assert advance_attempt(A.ABANDONED, A.ACCEPTED) is A.ACCEPTED
    for current, to in ((A.ACCEPTED, A.REFUSED), (A.REFUSED, A.SENDING), (A.UNKNOWN, A.SENDING)):
        with pytest.raises(IllegalTransition):
            advance_attempt(current, to)


def test_names_at_the_broker_are_ours_and_stable() -> None:
    ours, other = UUID(int=0xABCDEF << 100), UUID(int=0x123456 << 100)
    name = external_identifier(ours, UUID(int=5), 1)
    assert name.startswith(f"senex-{ours.hex[:8]}-")
    assert name == external_identifier(ours, UUID(int=5), 1)
    assert name != external_identifier(ours, UUID(int=5), 2)
    assert not of_another_deployment(name, ours)
    assert of_another_deployment(name, other)
    assert not of_another_deployment(None, ours)
    assert not of_another_deployment("typed by hand", ours)


def test_the_body_hash_tells_look_alikes_apart() -> None:
    first = body_hash(LEGS, D("4.10"), TimeInForce.DAY)
    assert first == body_hash((LEGS[1], LEGS[0]), D("4.1"), TimeInForce.DAY)
    assert first != body_hash(LEGS, D("4.11"), TimeInForce.DAY)
    assert first != body_hash(LEGS, D("4.10"), TimeInForce.GTC)
    assert first != body_hash((LEGS[0], LEGS[1].times(2)), D("4.10"), TimeInForce.DAY)


def test_an_order_is_complete_when_every_leg_is() -> None:
    order = Order(
        id=UUID(int=1),
        account_id=UUID(int=2),
        origin=Origin.STRATEGY,
        kind=OrderKind.ENTRY,
        position_id=UUID(int=3),
        decision_id=None,
        spread_key=None,
        generation=0,
        underlying="QQQ",
        time_in_force=TimeInForce.DAY,
        limit_price=D("1.38"),
        band=None,
        valid_until=None,
        status=S.INTENDED,
        broker_order_id=None,
        lines=(OrderLine(LEGS[0], 1), OrderLine(LEGS[1], 0)),
    )
    assert not order.complete
    assert order.opens_risk
    assert order.legs == LEGS
    done = replace(order, kind=OrderKind.TARGET, lines=tuple(OrderLine(leg, leg.quantity) for leg in LEGS))
    assert done.complete
    assert not done.opens_risk


def test_open_positions_are_those_with_something_in_them() -> None:
    assert PositionStatus.PENDING_ENTRY not in OPEN_STATUSES
    assert PositionStatus.CLOSING in OPEN_STATUSES


# the digest


PROPOSAL = Proposal(
    strategy="senex_trident",
    underlying="QQQ",
    expiry=DAY,
    units=1,
    spreads=(SpreadPlan("put-1", LEGS, D(3), D("0.40")), SpreadPlan("rest", LEGS, D(3), None)),
    pricing=Pricing(D("3.86"), D("4.10"), D("4.34"), NOW),
    limit=D("4.10"),
    band=Band(D("3.86"), D("4.51")),
    tick=D("0.01"),
    max_loss=D(190),
    max_profit=D(410),
    breakevens=(D("497.95"),),
    exit_plan=ExitPlan(7),
    score=D(70),
    reasons=(),
)
SUGGESTION = Suggestion(
    id=UUID(int=1),
    account_id=UUID(int=2),
    version=1,
    status=SuggestionStatus.PENDING,
    proposal=PROPOSAL,
    created_at=NOW,
    priced_at=NOW,
    expires_at=NOW + timedelta(hours=24),
)


@pytest.mark.parametrize(
    "changed",
    [
        replace(SUGGESTION, id=UUID(int=9)),
        replace(SUGGESTION, account_id=UUID(int=9)),
        replace(SUGGESTION, version=2),
        replace(SUGGESTION, expires_at=NOW),
        replace(SUGGESTION, proposal=replace(PROPOSAL, units=2)),
        replace(SUGGESTION, proposal=replace(PROPOSAL, underlying="SPY")),
        replace(SUGGESTION, proposal=replace(PROPOSAL, strategy="other")),
        replace(SUGGESTION, proposal=replace(PROPOSAL, band=Band(D("3.85"), D("4.51")))),
        replace(SUGGESTION, proposal=replace(PROPOSAL, band=Band(D("3.86"), D("4.52")))),
        replace(SUGGESTION, proposal=replace(PROPOSAL, exit_plan=ExitPlan(8))),
        replace(SUGGESTION, proposal=replace(PROPOSAL, exit_plan=ExitPlan(7, D("0.4")))),
        replace(SUGGESTION, proposal=replace(PROPOSAL, spreads=PROPOSAL.spreads[:1])),
        replace(
            SUGGESTION,
            proposal=replace(
                PROPOSAL, spreads=(replace(PROPOSAL.spreads[0], target_share=D("0.5")), PROPOSAL.spreads[1])
            ),
        ),
        replace(
            SUGGESTION,
            proposal=replace(
                PROPOSAL, spreads=(replace(PROPOSAL.spreads[0], legs=LEGS[:1]), PROPOSAL.spreads[1])
            ),
        ),
    ],
)
def test_the_digest_changes_with_all_it_binds(changed: Suggestion) -> None:
    assert changed.digest != SUGGESTION.digest


def test_the_digest_does_not_depend_on_spelling_or_status() -> None:
    spelled = replace(PROPOSAL, band=Band(D("3.8600"), D("4.510")))
    assert replace(SUGGESTION, proposal=spelled).digest == SUGGESTION.digest
    assert replace(SUGGESTION, status=SuggestionStatus.APPROVED).digest == SUGGESTION.digest


def test_the_band_holds_both_its_ends() -> None:
    band = PROPOSAL.band
    assert [band.holds(D(each)) for each in ("3.85", "3.86", "4.51", "4.52")] == [False, True, True, False]


def test_a_proposals_legs_are_merged_for_all_units() -> None:
    assert replace(PROPOSAL, units=2).legs == (LEGS[0].times(4), LEGS[1].times(4))
