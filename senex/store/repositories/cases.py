"""Everything a step on the way to the broker looks at, each in one round trip.

The questions of one case do not wait for each other's answers: what depends on
another row is found by a sub-select.
"""

from __future__ import annotations

from datetime import timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import Date, Uuid, any_, bindparam, select

from senex.domain.calendar import Calendar, new_york_date
from senex.domain.decisions import DecisionKind
from senex.domain.money import cents
from senex.domain.orders import AttemptStatus
from senex.domain.trading_state import TradingState
from senex.ports.cases import AccountBooks, DecisionCase, LockedOrder, OpenBooks, SubmissionCase
from senex.store import tables
from senex.store.repositories import pacing, rows, selects
from senex.store.repositories.accounts import HELD
from senex.store.repositories.base import Repository, missing, table
from senex.store.repositories.ledger import MISMATCHES, PENDING, to_mismatch
from senex.store.repositories.orders import ATTEMPTS, NAMESPACE
from senex.store.repositories.positions import BOOKED
from senex.store.repositories.selects import ID, array_of, listed
from senex.store.repositories.statements import Query
from senex.store.told import about

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from senex.domain.lots import Lot
    from senex.domain.suggestions import Suggestion

_account = table(tables.Account)
_attempt = table(tables.Attempt)
_decision = table(tables.Decision)
_deployment = table(tables.Deployment)
_halt = table(tables.UnderlyingHalt)
_holding = table(tables.BrokerPosition)
_instrument = table(tables.Instrument)
_operator = table(tables.Operator)
_order = table(tables.TradeOrder)
_order_leg = table(tables.OrderLeg)
_position = table(tables.Position)
_readiness = table(tables.Readiness)
_result = table(tables.DecisionResult)
_session = table(tables.MarketSession)
_snapshot = table(tables.AccountSnapshot)
_state = table(tables.TradingState)
_suggestion_leg = table(tables.SuggestionLeg)

_SINCE, _UNTIL = bindparam("since", type_=Date), bindparam("until", type_=Date)
_REACH = timedelta(days=7)  # no closure of the exchange is that long


def _of(column: Any, identifier: Any) -> Any:
    """A column of the row with the asked id."""
    return select(column).where(identifier == ID).scalar_subquery()


_suggested = _of(_decision.c.suggestion_id, _decision.c.id)
_DECISION = (
    Query(select(_decision).where(_decision.c.id == ID)),
    Query(select(_result).where(_result.c.decision_id == ID)),
    Query(select(_operator).where(_operator.c.name == _of(_decision.c.operator, _decision.c.id))),
    Query(select(_account).where(_account.c.id == _of(_decision.c.account_id, _decision.c.id))),
    Query(select(_order.c.account_id).where(_order.c.id == _of(_decision.c.order_id, _decision.c.id))),
    Query(
        select(_instrument.c.symbol, _instrument.c.streamer_symbol).where(
            _instrument.c.symbol.in_(
                select(_suggestion_leg.c.symbol).where(_suggestion_leg.c.suggestion_id == _suggested)
            )
        )
    ),
    *selects.of_suggestion(_suggested),
)

_new = _order.alias("new")
_sent = _of(_attempt.c.order_id, _attempt.c.id)
_SUBMISSION = (
    Query(select(_attempt).where(_attempt.c.id == ID)),
    Query(select(_account).where(_account.c.id == _of(_attempt.c.account_id, _attempt.c.id))),
    Query(
        select(_instrument.c.symbol, _instrument.c.streamer_symbol).where(
            _instrument.c.symbol.in_(select(_order_leg.c.symbol).where(_order_leg.c.order_id == _sent))
        )
    ),
    *selects.of_orders(_order.c.id == _sent),
    *selects.of_orders(_order.c.id == select(_new.c.replaces_id).where(_new.c.id == _sent).scalar_subquery()),
    *selects.of_positions(
        _position.c.id == select(_order.c.position_id).where(_order.c.id == _sent).scalar_subquery()
    ),
)

_sending = select(_attempt.c.order_id).where(
    _attempt.c.account_id == ID,
    _attempt.c.status == AttemptStatus.SENDING,
    _attempt.c.order_id.in_(select(_order.c.id).where(selects.OPEN_ORDER)),
)
_held = select(_holding.c.symbol).where(_holding.c.account_id == ID, _holding.c.quantity != 0)
_waiting = (
    select(_decision.c.state)
    .outerjoin(_result, _result.c.decision_id == _decision.c.id)
    .where(
        _decision.c.account_id == ID,
        _decision.c.kind == DecisionKind.SET_STATE,
        _decision.c.state == any_(listed(TradingState)),
        _result.c.decision_id.is_(None),
    )
)
_open_positions = select(_position.c.id).where(selects.OPEN_POSITION)
_positions, _orders = selects.of_positions(selects.OPEN_POSITION), selects.of_orders(selects.OPEN_ORDER)
_lots = Query(selects.lots_of(_open_positions))
_halts = Query(select(_halt).where(_halt.c.account_id == ID))
_OPEN = (MISMATCHES, NAMESPACE, BOOKED, HELD, PENDING, *_positions, _lots, *_orders, _halts)
_BOOKS = (
    Query(select(_account).where(_account.c.id == ID)),
    Query(
        select(_snapshot)
        .where(_snapshot.c.account_id == ID)
        .order_by(_snapshot.c.at.desc(), _snapshot.c.id.desc())
        .limit(1)
    ),
    Query(select(_session).where(_session.c.day.between(_SINCE, _UNTIL)).order_by(_session.c.day)),
    *_positions,
    _lots,
    Query(selects.realised_of(_open_positions)),
    *_orders,
    Query(
        select(
            array_of(_sending, _attempt.c.order_id).label("sending"),
            array_of(_held, _holding.c.symbol).label("held"),
            array_of(_waiting, _decision.c.state).label("waiting"),
            select(_deployment.c.namespace).scalar_subquery().label("namespace"),
        )
    ),
    _halts,
    *pacing.QUERIES,
)
_PACING = len(pacing.QUERIES)


_LOCKED_SUGGESTION = selects.of_suggestion(bindparam("suggestion", type_=Uuid), lock=True)
_ordered = _position.c.id == _of(_order.c.position_id, _order.c.id)
_LOCKED = (
    Query(select(_position.c.id).where(_ordered).with_for_update(), alone=True),
    Query(select(_order.c.id).where(_order.c.id == ID).with_for_update(), alone=True),
    *selects.of_orders(_order.c.id == ID),
    *selects.of_positions(_ordered),
    ATTEMPTS,
)


NOBODY = UUID(int=0)


class CaseRepository(Repository):
    """``ports.cases.Cases`` on Postgres."""

    async def plan(self, now: datetime) -> None:
        """Ask about nobody what an approval and its order ask, so that this connection has it planned."""
        for questions in (_DECISION, _SUBMISSION, _LOCKED):
            await self._ask(*questions, id=NOBODY)
        for first in ((*_LOCKED_SUGGESTION, *selects.FENCE), selects.FENCE_SHARED):
            await self._ask(*first, *_BOOKS, suggestion=NOBODY, **_around(NOBODY, now))

    async def decision(self, decision_id: UUID) -> DecisionCase:
        decided, result, operator, account, order, instruments, *suggestion = await self._ask(
            *_DECISION, id=decision_id
        )
        if not decided:
            raise missing("The decision")
        about(
            decision=decision_id,
            suggestion=decided[0].suggestion_id,
            order=decided[0].order_id,
            kind=decided[0].kind,
            operator=decided[0].operator,
            terminal=decided[0].terminal,
        )
        return DecisionCase(
            decision=rows.to_decision(decided[0]),
            answer=rows.to_answer(result[0]) if result else None,
            operator=rows.to_operator(operator[0]) if operator else None,
            account=rows.to_account(account[0]),
            suggestion=rows.to_suggestion(suggestion[0][0], *suggestion[1:]) if suggestion[0] else None,
            order_account_id=order[0].account_id if order else None,
            streamers={row.symbol: row.streamer_symbol for row in instruments},
        )

    async def submission(self, attempt_id: UUID) -> SubmissionCase:
        attempt, account, instruments, order, lines, old, old_lines, *position = await self._ask(
            *_SUBMISSION, id=attempt_id
        )
        if not attempt:
            raise missing("The attempt")
        holding = rows.to_positions(*position)[0]
        about(order=order[0].id, position=holding.id, suggestion=holding.suggestion_id)
        return SubmissionCase(
            attempt=rows.to_attempt(attempt[0]),
            order=rows.to_orders(order, lines)[0],
            account=rows.to_account(account[0]),
            position=holding,
            streamers={row.symbol: row.streamer_symbol for row in instruments},
            replaced=rows.to_orders(old, old_lines)[0] if old else None,
        )

    async def approval(
        self, suggestion_id: UUID, account_id: UUID, *, now: datetime
    ) -> tuple[Suggestion, AccountBooks]:
        answers = await self._ask(
            *_LOCKED_SUGGESTION, *selects.FENCE, *_BOOKS, suggestion=suggestion_id, **_around(account_id, now)
        )
        parts, books = answers[: len(_LOCKED_SUGGESTION)], answers[len(_LOCKED_SUGGESTION) :]
        if not parts[0]:
            raise missing("The suggestion")
        return rows.to_suggestion(parts[0][0], *parts[1:]), _to_books(books)

    async def books(self, account_id: UUID, *, now: datetime, share: bool = False) -> AccountBooks:
        fence = selects.FENCE_SHARED if share else selects.FENCE
        return _to_books(await self._ask(*fence, *_BOOKS, **_around(account_id, now)))

    async def locked(self, order_id: UUID) -> LockedOrder:
        *_, heads, lines, positions, spreads, legs, attempts = await self._ask(*_LOCKED, id=order_id)
        if not heads:
            raise missing("The order")
        return LockedOrder(
            rows.to_orders(heads, lines)[0],
            rows.to_positions(positions, spreads, legs)[0],
            tuple(map(rows.to_attempt, attempts)),
        )

    async def open_books(self, account_id: UUID, *, before: datetime) -> OpenBooks:
        mismatches, namespace, booked, held, pending, *parts = await self._ask(
            *_OPEN, id=account_id, account=account_id, before=before
        )
        positions, spreads, legs, lots, orders, lines, halts = parts
        return OpenBooks(
            namespace=namespace[0].namespace,
            booked=rows.to_quantities(booked),
            held=rows.to_quantities(held),
            pending=tuple(map(rows.to_entry, pending)),
            mismatches=tuple(map(to_mismatch, mismatches)),
            positions=rows.to_positions(positions, spreads, legs),
            lots=_to_lots(lots),
            orders=rows.to_orders(orders, lines),
            halted_underlyings=_to_halts(halts),
        )


def _around(account_id: UUID, now: datetime) -> dict[str, object]:
    day = new_york_date(now)
    return {"id": account_id, "since": day - _REACH, "until": day + _REACH, **pacing.values(now)}


def _to_books(answers: Sequence[list[Any]]) -> AccountBooks:
    """The answers of the fence's questions and ``_BOOKS``."""
    state, readiness, account, snapshot, sessions, *more = answers
    if not (account and state and readiness):
        raise missing("The account")
    more, paced = more[:-_PACING], more[-_PACING:]
    positions, spreads, legs, lots, realised, orders, lines, (beside,), halts = more
    return AccountBooks(
        account=rows.to_account(account[0]),
        fence=rows.to_fence(state[0], readiness[0]),
        balances=rows.to_balances(snapshot[0]) if snapshot else None,
        calendar=Calendar(tuple(map(rows.to_session, sessions))),
        positions=rows.to_positions(positions, spreads, legs),
        lots=_to_lots(lots),
        realised={row.position_id: cents(row.gain) for row in realised},
        orders=rows.to_orders(orders, lines),
        sending=frozenset(beside.sending),
        held=tuple(beside.held),
        namespace=beside.namespace,
        waiting_states=frozenset(map(TradingState, beside.waiting)),
        halted_underlyings=_to_halts(halts),
        sent=pacing.to_pace(paced),
        day=pacing.to_day(paced),
    )


def _to_lots(lots: Iterable[Any]) -> Mapping[UUID, tuple[Lot, ...]]:
    """By position."""
    return {name: tuple(some) for name, some in groupby(map(rows.to_lot, lots), lambda lot: lot.position_id)}


def _to_halts(halts: Iterable[Any]) -> Mapping[str, str]:
    return {row.underlying: row.reason for row in halts}
