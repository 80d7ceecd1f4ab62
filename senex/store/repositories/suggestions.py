"""Suggestions, decisions on them, and their answers."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select, update

from senex.domain.decisions import Answer, Decision, DecisionKind, Outcome
from senex.domain.legs import Action, Leg
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
from senex.domain.trading_state import TradingState
from senex.store import tables
from senex.store.repositories.base import Repository, table

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy.engine import Row

_suggestion = table(tables.Suggestion)
_spread = table(tables.SuggestionSpread)
_leg = table(tables.SuggestionLeg)
_breakeven = table(tables.SuggestionBreakeven)
_reason = table(tables.SuggestionReason)
_decision = table(tables.Decision)
_result = table(tables.DecisionResult)


class SuggestionRepository(Repository):
    """``ports.unit_of_work.Suggestions`` on Postgres."""

    async def add(self, suggestion: Suggestion) -> None:
        proposal = suggestion.proposal
        await self._run(insert(_suggestion).values(**_head(suggestion)))
        await self._run(
            insert(_spread).values(
                [
                    {
                        "suggestion_id": suggestion.id,
                        "key": spread.key,
                        "ordinal": index,
                        "width": spread.width,
                        "target_share": spread.target_share,
                    }
                    for index, spread in enumerate(proposal.spreads)
                ]
            )
        )
        await self._run(
            insert(_leg).values(
                [
                    {"suggestion_id": suggestion.id, **row}
                    for spread in proposal.spreads
                    for row in leg_rows(spread)
                ]
            )
        )
        if proposal.breakevens:
            await self._run(
                insert(_breakeven).values(
                    [
                        {"suggestion_id": suggestion.id, "ordinal": index, "price": price}
                        for index, price in enumerate(proposal.breakevens)
                    ]
                )
            )
        if proposal.reasons:
            await self._run(
                insert(_reason).values(
                    [
                        {
                            "suggestion_id": suggestion.id,
                            "ordinal": index,
                            "text": line.text,
                            "points": line.points,
                        }
                        for index, line in enumerate(proposal.reasons)
                    ]
                )
            )

    async def get(self, suggestion_id: UUID, *, lock: bool = False) -> Suggestion:
        statement = select(_suggestion).where(_suggestion.c.id == suggestion_id)
        row = await self._one(statement.with_for_update() if lock else statement, "The suggestion")
        spreads = await self._rows(
            select(_spread).where(_spread.c.suggestion_id == suggestion_id).order_by(_spread.c.ordinal)
        )
        legs = await self._rows(
            select(_leg)
            .where(_leg.c.suggestion_id == suggestion_id)
            .order_by(_leg.c.spread_key, _leg.c.ordinal)
        )
        breakevens = await self._rows(
            select(_breakeven)
            .where(_breakeven.c.suggestion_id == suggestion_id)
            .order_by(_breakeven.c.ordinal)
        )
        reasons = await self._rows(
            select(_reason).where(_reason.c.suggestion_id == suggestion_id).order_by(_reason.c.ordinal)
        )
        return _to_suggestion(row, to_spreads(spreads, legs), breakevens, reasons)

    async def set_status(self, suggestion_id: UUID, status: SuggestionStatus) -> None:
        await self._run(update(_suggestion).where(_suggestion.c.id == suggestion_id).values(status=status))

    async def reopen(self, suggestion: Suggestion) -> None:
        await self._run(
            update(_suggestion)
            .where(_suggestion.c.id == suggestion.id)
            .values(version=suggestion.version, digest=suggestion.digest)
        )

    async def expire(self, now: datetime) -> tuple[UUID, ...]:
        rows = await self._rows(
            update(_suggestion)
            .where(_suggestion.c.status == SuggestionStatus.PENDING, _suggestion.c.expires_at <= now)
            .values(status=SuggestionStatus.EXPIRED)
            .returning(_suggestion.c.id)
        )
        return tuple(row.id for row in rows)

    async def decision(self, decision_id: UUID) -> tuple[Decision, Answer | None]:
        row = await self._one(select(_decision).where(_decision.c.id == decision_id), "The decision")
        result = await self._row(select(_result).where(_result.c.decision_id == decision_id))
        return _to_decision(row), None if result is None else _to_answer(result)

    async def state_waits(self, account_id: UUID, states: Collection[TradingState]) -> bool:
        row = await self._row(
            select(_decision.c.id)
            .outerjoin(_result, _result.c.decision_id == _decision.c.id)
            .where(
                _decision.c.account_id == account_id,
                _decision.c.kind == DecisionKind.SET_STATE,
                _decision.c.state.in_(list(states)),
                _result.c.decision_id.is_(None),
            )
            .limit(1)
        )
        return row is not None

    async def later_states(self, decision: Decision, now: datetime) -> tuple[TradingState, ...]:
        rows = await self._rows(
            select(_decision.c.state).where(
                _decision.c.account_id == decision.account_id,
                _decision.c.kind == DecisionKind.SET_STATE,
                _decision.c.decided_at > decision.decided_at,
                _decision.c.decided_at <= now,
                _decision.c.state.in_(list(TradingState)),
            )
        )
        return tuple(TradingState(row.state) for row in rows)

    async def answer(self, decision_id: UUID, answer: Answer, now: datetime) -> None:
        await self._run(
            insert(_result).values(
                decision_id=decision_id,
                outcome=answer.outcome,
                code=answer.code,
                message=answer.message,
                reasons=list(answer.reasons),
                suggestion_id=answer.suggestion_id,
                order_id=answer.order_id,
                at=now,
            )
        )


def leg_rows(spread: SpreadPlan) -> list[dict[str, object]]:
    """A spread's legs as rows, without their owner's key."""
    return [
        {
            "spread_key": spread.key,
            "ordinal": index,
            "symbol": leg.symbol,
            "action": leg.action,
            "quantity": leg.quantity,
        }
        for index, leg in enumerate(spread.legs)
    ]


def to_spreads(spreads: Sequence[Row[Any]], legs: Sequence[Row[Any]]) -> tuple[SpreadPlan, ...]:
    """Spread plans from their rows; ``legs`` sorted by spread key."""
    grouped = {
        key: tuple(Leg(row.symbol, Action(row.action), row.quantity) for row in rows)
        for key, rows in groupby(legs, key=lambda row: row.spread_key)
    }
    return tuple(SpreadPlan(row.key, grouped[row.key], row.width, row.target_share) for row in spreads)


def _head(suggestion: Suggestion) -> dict[str, object]:
    proposal = suggestion.proposal
    return {
        "id": suggestion.id,
        "account_id": suggestion.account_id,
        "origin": "strategy",
        "version": suggestion.version,
        "status": suggestion.status,
        "strategy": proposal.strategy,
        "underlying": proposal.underlying,
        "expiry": proposal.expiry,
        "units": proposal.units,
        "natural": proposal.pricing.natural,
        "mid": proposal.pricing.mid,
        "opposite": proposal.pricing.opposite,
        "oldest_at": proposal.pricing.oldest,
        "limit_price": proposal.limit,
        "band_low": proposal.band.low,
        "band_high": proposal.band.high,
        "tick": proposal.tick,
        "max_loss": proposal.max_loss,
        "max_profit": proposal.max_profit,
        "score": proposal.score,
        "time_exit_dte": proposal.exit_plan.time_exit_dte,
        "stop_alert_share": proposal.exit_plan.stop_alert_share,
        "stop_order_share": proposal.exit_plan.stop_order_share,
        "digest": suggestion.digest,
        "created_at": suggestion.created_at,
        "priced_at": suggestion.priced_at,
        "expires_at": suggestion.expires_at,
    }


def _to_suggestion(
    row: Row[Any],
    spreads: tuple[SpreadPlan, ...],
    breakevens: Sequence[Row[Any]],
    reasons: Sequence[Row[Any]],
) -> Suggestion:
    proposal = Proposal(
        strategy=row.strategy,
        underlying=row.underlying,
        expiry=row.expiry,
        units=row.units,
        spreads=spreads,
        pricing=Pricing(natural=row.natural, mid=row.mid, opposite=row.opposite, oldest=row.oldest_at),
        limit=row.limit_price,
        band=Band(row.band_low, row.band_high),
        tick=row.tick,
        max_loss=row.max_loss,
        max_profit=row.max_profit,
        breakevens=tuple(line.price for line in breakevens),
        exit_plan=ExitPlan(row.time_exit_dte, row.stop_alert_share, row.stop_order_share),
        score=row.score,
        reasons=tuple(Reason(line.text, line.points) for line in reasons),
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


def _to_decision(row: Row[Any]) -> Decision:
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
    )


def _to_answer(row: Row[Any]) -> Answer:
    return Answer(
        Outcome(row.outcome), row.code, row.message, tuple(row.reasons), row.suggestion_id, row.order_id
    )
