"""From rows to domain values."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from senex.domain.calendar import Session
from senex.domain.closing import Cause, ExitStatus, SpreadExit, Terms
from senex.domain.decisions import Answer, Decision, DecisionKind, Outcome
from senex.domain.ledger import LedgerEntry
from senex.domain.legs import Action, InstrumentType, Leg
from senex.domain.lots import Lot
from senex.domain.orders import (
    Attempt,
    AttemptStatus,
    Order,
    OrderKind,
    OrderLine,
    OrderStatus,
    Origin,
    TimeInForce,
)
from senex.domain.positions import Position, PositionSpread, PositionStatus
from senex.domain.suggestions import (
    Band,
    ExitPlan,
    Pricing,
    Proposal,
    Reason,
    SpreadPlan,
    Suggestion,
    SuggestionStatus,
)
from senex.domain.trading_state import Fence, TradingState
from senex.ports.broker import Balances
from senex.ports.records import Account, OperatorRecord, StoredEntry

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Protocol

    class Row(Protocol):
        """A row: its columns are attributes, whoever read it."""

        def __getattr__(self, column: str) -> Any: ...


def to_account(row: Row) -> Account:
    return Account(
        id=row.id,
        environment=row.environment,
        number=row.number,
        margin_or_cash=row.margin_or_cash,
        option_level=row.option_level,
        closed=row.closed,
        closing_only=row.closing_only,
        risk_preset=row.risk_preset,
        entry_offset=row.entry_offset,
        read_at=row.updated_at,
    )


def to_fence(state: Row, readiness: Row) -> Fence:
    return Fence(
        state=TradingState(state.state),
        epoch=state.epoch,
        reason=state.reason,
        ready=readiness.ready,
        ready_epoch=readiness.epoch,
        ready_reason=readiness.reason,
        set_by=state.set_by,
    )


def to_balances(row: Row) -> Balances:
    return Balances(row.net_liquidation, row.cash, row.option_buying_power, row.maintenance)


def to_operator(row: Row) -> OperatorRecord:
    return OperatorRecord(row.name, row.role, row.salt, row.verifier)


def to_session(row: Row) -> Session:
    return Session(row.day, row.opens_at, row.closes_at)


def to_line(row: Row) -> OrderLine:
    return OrderLine(
        Leg(row.symbol, Action(row.action), row.quantity, InstrumentType(row.instrument_type)), row.filled
    )


def to_order(row: Row, lines: Sequence[OrderLine]) -> Order:
    return Order(
        id=row.id,
        account_id=row.account_id,
        origin=Origin(row.origin),
        kind=OrderKind(row.kind),
        position_id=row.position_id,
        decision_id=row.decision_id,
        spread_key=row.spread_key,
        generation=row.generation,
        underlying=row.underlying,
        time_in_force=TimeInForce(row.time_in_force),
        limit_price=row.limit_price,
        band=None if row.band_low is None else Band(row.band_low, row.band_high),
        valid_until=row.valid_until,
        status=OrderStatus(row.status),
        broker_order_id=row.broker_order_id,
        lines=tuple(lines),
        cancel_requested=row.cancel_requested_at is not None,
        replaces_id=row.replaces_id,
        exit_id=row.exit_id,
        cancel_actor=row.cancel_actor,
    )


def to_attempt(row: Row) -> Attempt:
    return Attempt(
        id=row.id,
        account_id=row.account_id,
        order_id=row.order_id,
        number=row.number,
        external_identifier=row.external_identifier,
        status=AttemptStatus(row.status),
        body_hash=row.body_hash,
        broker_order_id=row.broker_order_id,
        absent_reads=row.absent_reads,
        sent_at=row.sending_at,
    )


def to_orders(heads: Sequence[Row], lines: Sequence[Row]) -> tuple[Order, ...]:
    """Orders with their lines; ``lines`` sorted by order."""
    grouped = {key: tuple(map(to_line, rows)) for key, rows in groupby(lines, key=lambda row: row.order_id)}
    return tuple(to_order(row, grouped[row.id]) for row in heads)


def to_position(row: Row, spreads: Sequence[Row], legs: Sequence[Row]) -> Position:
    credit = {spread.key: spread.credit for spread in spreads}
    return Position(
        id=row.id,
        account_id=row.account_id,
        origin=Origin(row.origin),
        parent_id=row.parent_id,
        suggestion_id=row.suggestion_id,
        strategy=row.strategy,
        underlying=row.underlying,
        expiry=row.expiry,
        units=row.units,
        status=PositionStatus(row.status),
        initial_risk=row.initial_risk,
        tick=row.tick,
        exit_plan=ExitPlan(row.time_exit_dte, row.stop_alert_share, row.stop_order_share, row.stop_orders),
        spreads=tuple(PositionSpread(plan, credit[plan.key]) for plan in to_spreads(spreads, legs)),
        created_at=row.created_at,
        opened_at=row.opened_at,
        managed=row.managed,
    )


def to_positions(heads: Sequence[Row], spreads: Sequence[Row], legs: Sequence[Row]) -> tuple[Position, ...]:
    """Positions with their plans; ``spreads`` and ``legs`` sorted by position."""
    spreads_of = {key: list(rows) for key, rows in groupby(spreads, key=lambda row: row.position_id)}
    legs_of = {key: list(rows) for key, rows in groupby(legs, key=lambda row: row.position_id)}
    return tuple(to_position(row, spreads_of[row.id], legs_of[row.id]) for row in heads)


def to_exit(row: Row) -> SpreadExit:
    return SpreadExit(
        id=row.id,
        account_id=row.account_id,
        position_id=row.position_id,
        spread_key=row.spread_key,
        cause=Cause(row.cause),
        terms=Terms(row.terms),
        limit=row.limit_price,
        excess=row.excess,
        decision_id=row.decision_id,
        status=ExitStatus(row.status),
        session=row.session,
        step=row.step,
        moves=row.moves,
        priced_at=row.priced_at,
        unpriced_since=row.unpriced_since,
        deaths=row.deaths,
        unread=row.unread,
        why=row.why,
        created_at=row.created_at,
    )


def to_entry(row: Row) -> StoredEntry:
    entry = LedgerEntry(
        broker_id=row.broker_id,
        kind=row.kind,
        sub_kind=row.sub_kind,
        description=row.description,
        executed_at=row.executed_at,
        day=row.day,
        value=row.value,
        net_value=row.net_value,
        commission=row.commission,
        fees=row.fees,
        symbol=row.symbol,
        underlying=row.underlying,
        instrument=row.instrument_type,
        action=None if row.action is None else Action(row.action),
        quantity=row.quantity,
        price=row.price,
        broker_order_id=row.broker_order_id,
    )
    return StoredEntry(row.id, entry, row.pending, row.position_id)


def to_quantities(found: Sequence[Row]) -> dict[str, tuple[str, int]]:
    """Underlying and signed quantity of each symbol."""
    return {row.symbol: (row.underlying, int(row.quantity)) for row in found}


def to_lot(row: Row) -> Lot:
    return Lot(
        position_id=row.position_id,
        spread_key=row.spread_key,
        symbol=row.symbol,
        fill_id=row.fill_id,
        quantity=row.quantity,
        open_quantity=row.open_quantity,
        price=row.price,
        multiplier=row.multiplier,
    )


def to_spreads(spreads: Sequence[Row], legs: Sequence[Row]) -> tuple[SpreadPlan, ...]:
    """Spread plans from their rows; ``legs`` sorted by spread key."""
    grouped = {
        key: tuple(
            Leg(row.symbol, Action(row.action), row.quantity, InstrumentType.of(row.symbol)) for row in rows
        )
        for key, rows in groupby(legs, key=lambda row: row.spread_key)
    }
    return tuple(SpreadPlan(row.key, grouped[row.key], row.width, row.target_share) for row in spreads)


def to_suggestion(row: Row, spreads: Sequence[Row], legs: Sequence[Row]) -> Suggestion:
    proposal = Proposal(
        strategy=row.strategy,
        underlying=row.underlying,
        expiry=row.expiry,
        units=row.units,
        spreads=to_spreads(spreads, legs),
        pricing=Pricing(natural=row.natural, mid=row.mid, opposite=row.opposite, oldest=row.oldest_at),
        limit=row.limit_price,
        band=Band(row.band_low, row.band_high),
        tick=row.tick,
        max_loss=row.max_loss,
        max_profit=row.max_profit,
        breakevens=tuple(row.breakevens),
        exit_plan=ExitPlan(row.time_exit_dte, row.stop_alert_share, row.stop_order_share),
        score=row.score,
        reasons=tuple(map(Reason, row.reasons, row.points)),
    )
    return Suggestion(
        id=row.id,
        account_id=row.account_id,
        version=row.version,
        status=SuggestionStatus(row.status),
        proposal=proposal,
        created_at=row.created_at,
        priced_at=row.priced_at,
        expires_at=row.expires_at,
    )


def to_decision(row: Row) -> Decision:
    return Decision(
        id=row.id,
        account_id=row.account_id,
        kind=DecisionKind(row.kind),
        suggestion_id=row.suggestion_id,
        version=row.version,
        digest=row.digest,
        order_id=row.order_id,
        symbol=row.symbol,
        strategy=row.strategy,
        state=row.state,
        reason=row.reason,
        operator=row.operator,
        terminal=row.terminal,
        role=row.role,
        proof=row.proof,
        shown_at=row.shown_at,
        decided_at=row.decided_at,
        subject_id=row.subject_id,
        spread_key=row.spread_key,
        price=row.price,
        options=tuple(row.options),
    )


def to_answer(row: Row) -> Answer:
    return Answer(
        Outcome(row.outcome), row.code, row.message, tuple(row.reasons), row.suggestion_id, row.order_id
    )
