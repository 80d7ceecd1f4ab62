"""Suggestions, decisions on them, and their answers."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, insert, select, update

from senex.domain.decisions import Answer, Decision, DecisionKind
from senex.domain.suggestions import (
    SpreadPlan,
    Suggestion,
    SuggestionStatus,
)
from senex.domain.trading_state import TradingState
from senex.store import tables
from senex.store.repositories import rows, selects
from senex.store.repositories.base import Repository, missing, table
from senex.store.repositories.transitions import AUDIT, made, moved

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID


_suggestion = table(tables.Suggestion)
_spread = table(tables.SuggestionSpread)
_leg = table(tables.SuggestionLeg)
_breakeven = table(tables.SuggestionBreakeven)
_reason = table(tables.SuggestionReason)
_decision = table(tables.Decision)
_result = table(tables.DecisionResult)
_SET = update(_suggestion).where(_suggestion.c.id == bindparam("row"))
_ONE = selects.of_suggestion(selects.ID)
_LOCKED = selects.of_suggestion(selects.ID, lock=True)


class SuggestionRepository(Repository):
    """``ports.trades.Suggestions`` on Postgres."""

    async def add(self, suggestion: Suggestion) -> None:
        proposal = suggestion.proposal
        await self._put(
            AUDIT,
            made(_suggestion, suggestion.id, suggestion.account_id, suggestion.status, suggestion.created_at),
        )
        await self._put(_suggestion, _head(suggestion))
        owner = {"suggestion_id": suggestion.id}
        await self._insert(
            _spread,
            [
                {
                    **owner,
                    "key": spread.key,
                    "ordinal": index,
                    "width": spread.width,
                    "target_share": spread.target_share,
                }
                for index, spread in enumerate(proposal.spreads)
            ],
        )
        await self._insert(_leg, [owner | row for spread in proposal.spreads for row in leg_rows(spread)])
        await self._insert(
            _breakeven,
            [{**owner, "ordinal": index, "price": price} for index, price in enumerate(proposal.breakevens)],
        )
        await self._insert(
            _reason,
            [
                {**owner, "ordinal": index, "text": line.text, "points": line.points}
                for index, line in enumerate(proposal.reasons)
            ],
        )

    async def get(self, suggestion_id: UUID, *, lock: bool = False) -> Suggestion:
        head, *parts = await self._ask(*(_LOCKED if lock else _ONE), id=suggestion_id)
        if not head:
            raise missing("The suggestion")
        return rows.to_suggestion(head[0], *parts)

    async def set_status(self, suggestion_id: UUID, status: SuggestionStatus, *, now: datetime) -> None:
        await self._put(*moved(_suggestion, suggestion_id, status, now))
        await self._put(_SET, {"row": suggestion_id, "status": status})

    async def reopen(self, suggestion: Suggestion) -> None:
        await self._run(
            update(_suggestion)
            .where(_suggestion.c.id == suggestion.id)
            .values(version=suggestion.version, digest=suggestion.digest)
        )

    async def expire(self, now: datetime) -> tuple[UUID, ...]:
        expired = await self._rows(
            update(_suggestion)
            .where(_suggestion.c.status == SuggestionStatus.PENDING, _suggestion.c.expires_at <= now)
            .values(status=SuggestionStatus.EXPIRED)
            .returning(_suggestion.c.id, _suggestion.c.account_id)
        )
        before, after = SuggestionStatus.PENDING, SuggestionStatus.EXPIRED
        steps = [made(_suggestion, row.id, row.account_id, after, now, before=before) for row in expired]
        await self._insert(AUDIT, steps)
        return tuple(row.id for row in expired)

    async def decide(self, decision: Decision) -> None:
        values = {field.name: getattr(decision, field.name) for field in fields(decision)}
        await self._run(insert(_decision).values(values | {"options": list(decision.options)}))

    async def decision(self, decision_id: UUID) -> tuple[Decision, Answer | None]:
        row = await self._one(select(_decision).where(_decision.c.id == decision_id), "The decision")
        result = await self._row(select(_result).where(_result.c.decision_id == decision_id))
        return rows.to_decision(row), None if result is None else rows.to_answer(result)

    async def later_states(self, decision: Decision, now: datetime) -> tuple[TradingState, ...]:
        found = await self._rows(
            select(_decision.c.state).where(
                _decision.c.account_id == decision.account_id,
                _decision.c.kind == DecisionKind.SET_STATE,
                _decision.c.decided_at > decision.decided_at,
                _decision.c.decided_at <= now,
                _decision.c.state.in_(list(TradingState)),
            )
        )
        return tuple(TradingState(row.state) for row in found)

    async def answer(self, decision_id: UUID, answer: Answer, now: datetime) -> None:
        await self._put(
            _result,
            {
                "decision_id": decision_id,
                "outcome": answer.outcome,
                "code": answer.code,
                "message": answer.message,
                "reasons": list(answer.reasons),
                "suggestion_id": answer.suggestion_id,
                "order_id": answer.order_id,
                "at": now,
            },
        )
        self._statements.told.answered(decision_id, answer)


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
