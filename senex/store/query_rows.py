"""From rows to read models: grouping of children, signs, and the two figures SQL cannot say."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING, Any

from senex.domain.calendar import NEW_YORK, new_york_date
from senex.domain.legs import Action, InstrumentType, Leg, merge
from senex.domain.limits import PRESETS
from senex.domain.lots import Lot
from senex.domain.money import ZERO, cents
from senex.domain.notices import runbook
from senex.domain.positions import PositionStatus
from senex.domain.risk import budget_of, remaining_risk
from senex.domain.unknown import Unknown
from senex.ports.views import (
    AccountView,
    DecisionResultView,
    LegView,
    LotView,
    NotificationView,
    OrderView,
    PositionSpreadView,
    PositionView,
    ReasonView,
    SpreadExitView,
    SpreadView,
    SuggestionView,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from decimal import Decimal
    from uuid import UUID

    from senex.store.query_results import Result

    Row = Any

_NOTHING = (ZERO, ZERO)


def start_of_day(now: datetime) -> datetime:
    """When the New York day of ``now`` began."""
    return datetime.combine(new_york_date(now), time(), NEW_YORK).astimezone(UTC)


def accounts(
    heads: Sequence[Row], held: Sequence[Row], lots: Sequence[Row], gains: Sequence[Row]
) -> tuple[AccountView, ...]:
    """Accounts; open risk and budget are those the daemon enforces."""
    lots_of = _by(lots, "position_id")
    held_of = _by(held, "account_id")
    gain_of = {row.account_id: row.gain for row in gains}
    return tuple(_account(head, held_of[head.id], lots_of, gain_of.get(head.id, ZERO)) for head in heads)


def _account(head: Row, held: Sequence[Row], lots_of: dict[UUID, list[Row]], gain: Decimal) -> AccountView:
    commitments = {str(row.id): _commitment(row, lots_of[row.id]) for row in held}
    power = head.option_buying_power
    preset = PRESETS.get(head.risk_preset)
    budget = (
        Unknown(f"there is no risk preset {head.risk_preset!r}")
        if preset is None
        else budget_of(
            preset, Unknown("balances have not been read yet") if power is None else power, commitments
        )
    )
    risks = [risk for risk in commitments.values() if not isinstance(risk, Unknown)]
    return AccountView(
        id=head.id,
        number=head.number,
        nickname=head.nickname,
        environment=head.environment,
        margin_or_cash=head.margin_or_cash,
        trading_state=head.trading_state,
        state_reason=head.state_reason,
        ready=head.ready,
        ready_reason=head.ready_reason,
        net_liquidation=head.net_liquidation,
        cash=head.cash,
        option_buying_power=power,
        maintenance=head.maintenance,
        balances_at=head.balances_at,
        risk_preset=head.risk_preset,
        open_risk=sum(risks, ZERO) if len(risks) == len(commitments) else None,
        risk_budget=None if isinstance(budget, Unknown) else cents(budget.power),
        approvals=head.approvals,
        working_orders=head.working,
        unknown_orders=head.unknown,
        open_positions=len(held),
        realized_today=cents(gain),
    )


def _commitment(position: Row, lots: Sequence[Row]) -> Decimal | Unknown:
    if position.status == PositionStatus.PENDING_ENTRY:
        risk: Decimal | None = position.initial_risk
        return Unknown("its initial risk was not recorded") if risk is None else risk
    held = (
        Lot(
            position_id=row.position_id,
            spread_key=row.spread_key,
            symbol=row.symbol,
            fill_id=row.fill_id,
            quantity=row.quantity,
            open_quantity=row.open_quantity,
            price=row.price,
            multiplier=row.multiplier,
        )
        for row in lots
    )
    return remaining_risk(held, cents(position.realized))


def suggestions(
    heads: Sequence[Row], legs: Sequence[Row], breakevens: Sequence[Row], reasons: Sequence[Row]
) -> tuple[SuggestionView, ...]:
    """Suggestions, whole."""
    legs_of, breakevens_of, reasons_of = (_by(rows, "suggestion_id") for rows in (legs, breakevens, reasons))
    return tuple(
        SuggestionView(
            id=head.id,
            account_id=head.account_id,
            account_number=head.account_number,
            version=head.version,
            status=head.status,
            digest=head.digest,
            strategy=head.strategy,
            underlying=head.underlying,
            expiry=head.expiry,
            units=head.units,
            spreads=_spreads(legs_of[head.id]),
            legs=_whole(legs_of[head.id], head.units),
            natural=head.natural,
            mid=head.mid,
            opposite=head.opposite,
            limit_price=head.limit_price,
            band_low=head.band_low,
            band_high=head.band_high,
            tick=head.tick,
            max_loss=head.max_loss,
            max_profit=head.max_profit,
            breakevens=tuple(row.price for row in breakevens_of[head.id]),
            score=head.score,
            reasons=tuple(ReasonView(row.text, row.points) for row in reasons_of[head.id]),
            time_exit_dte=head.time_exit_dte,
            stop_alert_share=head.stop_alert_share,
            stop_order_share=head.stop_order_share,
            created_at=head.created_at,
            priced_at=head.priced_at,
            expires_at=head.expires_at,
        )
        for head in heads
    )


def _spreads(rows: Sequence[Row]) -> tuple[SpreadView, ...]:
    return tuple(
        SpreadView(
            key=key,
            width=legs[0].width,
            target_share=legs[0].target_share,
            legs=tuple(
                LegView(leg.symbol, leg.streamer, leg.action, _signed(leg.action, leg.quantity))
                for leg in legs
            ),
        )
        for key, legs in _by(rows, "key").items()
    )


def _whole(rows: Sequence[Row], units: int) -> tuple[LegView, ...]:
    """The order's legs: distinct symbols, for all units."""
    streamers = {row.symbol: row.streamer for row in rows}
    legs = (
        Leg(row.symbol, Action(row.action), row.quantity * units, InstrumentType(row.instrument_type))
        for row in rows
    )
    return tuple(
        LegView(leg.symbol, streamers[leg.symbol], leg.action.value, leg.signed_quantity)
        for leg in merge(legs)
    )


def orders(heads: Sequence[Row], legs: Sequence[Row]) -> tuple[OrderView, ...]:
    """Orders with their lines."""
    legs_of = _by(legs, "order_id")
    return tuple(
        OrderView(
            **head._asdict(),
            legs=tuple(
                LegView(leg.symbol, leg.streamer, leg.action, _signed(leg.action, leg.quantity), leg.filled)
                for leg in legs_of[head.id]
            ),
        )
        for head in heads
    )


def positions(
    heads: Sequence[Row],
    spreads: Sequence[Row],
    lots: Sequence[Row],
    targets: Sequence[OrderView],
    results: Mapping[UUID, Result],
    exits: Sequence[Row],
) -> tuple[PositionView, ...]:
    """Positions grouped position → spread → leg."""
    spreads_of, lots_of = _by(spreads, "position_id"), _by(lots, "position_id")
    target_of = {(order.position_id, order.spread_key): order for order in targets}
    exit_of = {(row.position_id, row.spread_key): _exit(row) for row in exits}
    return tuple(
        PositionView(
            **{**head._asdict(), "realized": cents(head.realized), "ladder": tuple(head.ladder)},
            fees=results[head.id].fees,
            realized_net=results[head.id].net,
            r_multiple=results[head.id].r_multiple,
            spreads=tuple(
                PositionSpreadView(
                    key=spread.key,
                    width=spread.width,
                    credit=spread.credit,
                    target_share=spread.target_share,
                    lots=tuple(_lot(row) for row in lots_of[head.id] if row.spread_key == spread.key),
                    target=target_of.get((head.id, spread.key)),
                    realized=results[head.id].spreads.get(spread.key, _NOTHING)[0],
                    realized_net=results[head.id].spreads.get(spread.key, _NOTHING)[1],
                    exit=exit_of.get((head.id, spread.key)),
                )
                for spread in spreads_of[head.id]
            ),
        )
        for head in heads
    )


def _exit(row: Row) -> SpreadExitView:
    return SpreadExitView(row.cause, row.terms, row.limit_price, row.step, row.why, row.created_at)


def notifications(rows: Iterable[Row]) -> tuple[NotificationView, ...]:
    """Notices; what is about an alarm says whether it stands, and where it is written what to do."""
    return tuple(
        NotificationView(
            id=row.id,
            at=row.at,
            account_number=row.account_number,
            event=row.event,
            level=row.level,
            object_type=row.object_type,
            object_id=row.object_id,
            title=row.title,
            text=row.text,
            open=row.alarm_open if row.code is not None else None,
            runbook=runbook(row.code) if row.code is not None else None,
            seen_at=row.seen_at,
            seen_by=row.seen_by,
            sent=row.sent,
            owed=row.owed,
            lost=row.lost,
            problem=row.problem,
        )
        for row in rows
    )


def result(row: Row) -> DecisionResultView:
    """The daemon's answer."""
    return DecisionResultView(
        row.decision_id,
        row.outcome,
        row.code,
        row.message,
        tuple(row.reasons),
        row.suggestion_id,
        row.order_id,
    )


def _lot(row: Row) -> LotView:
    return LotView(row.spread_key, row.symbol, row.streamer, row.open_quantity, row.price, row.multiplier)


def _signed(action: str, quantity: int) -> int:
    return Action(action).sign * quantity


def _by(rows: Iterable[Row], field: str) -> defaultdict[Any, list[Row]]:
    """Rows by one of their columns, in their order."""
    groups: defaultdict[Any, list[Row]] = defaultdict(list)
    for row in rows:
        groups[getattr(row, field)].append(row)
    return groups
