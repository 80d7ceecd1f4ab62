"""Selects of whole things: a head row and what hangs on it, none waiting for another's answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Numeric, Text, Uuid, all_, and_, any_, bindparam, cast, func, literal, select
from sqlalchemy.dialects.postgresql import ARRAY

from senex.domain.orders import OrderStatus
from senex.domain.positions import OPEN_STATUSES, PositionStatus
from senex.store import tables
from senex.store.repositories.base import table
from senex.store.repositories.statements import Query

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Column, Select, Table
    from sqlalchemy.sql import ColumnElement
    from sqlalchemy.sql.elements import BindParameter

_order = table(tables.TradeOrder)
_line = table(tables.OrderLeg)
_instrument = table(tables.Instrument)
_position = table(tables.Position)
_position_spread = table(tables.PositionSpread)
_position_leg = table(tables.PositionLeg)
_lot = table(tables.Lot)
_close = table(tables.LotClose)
_suggestion = table(tables.Suggestion)
_spread = table(tables.SuggestionSpread)
_leg = table(tables.SuggestionLeg)
_breakeven = table(tables.SuggestionBreakeven)
_reason = table(tables.SuggestionReason)
_state = table(tables.TradingState)
_readiness = table(tables.Readiness)

ID = bindparam("id", type_=Uuid)


def listed(values: Iterable[str]) -> BindParameter[Any]:
    """Words as an array, for ``any_`` and ``all_``: a statement with it is the same for any number of them."""
    return literal([str(value) for value in values], ARRAY(Text))


OPEN_POSITION = (_position.c.account_id == ID) & (
    _position.c.status == any_(listed([PositionStatus.PENDING_ENTRY, *OPEN_STATUSES]))
)
OPEN_ORDER = (_order.c.account_id == ID) & (
    _order.c.status != all_(listed(status for status in OrderStatus if status.terminal))
)
_fence = (
    select(_state).where(_state.c.account_id == ID),
    select(_readiness).where(_readiness.c.account_id == ID),
)
FENCE = tuple(map(Query, _fence))
FENCE_SHARED = tuple(Query(each.with_for_update(read=True), alone=True) for each in _fence)


def of_suggestion(suggestion: ColumnElement[object], *, lock: bool = False) -> tuple[Query, ...]:
    """Head, spreads and legs of one suggestion, as ``rows.to_suggestion`` takes them."""
    head = select(
        _suggestion,
        _array(_breakeven.c.price, _breakeven, suggestion).label("breakevens"),
        _array(_reason.c.text, _reason, suggestion).label("reasons"),
        _array(_reason.c.points, _reason, suggestion).label("points"),
    ).where(_suggestion.c.id == suggestion)
    return (
        Query(head.with_for_update(of=_suggestion) if lock else head, alone=lock),
        Query(select(_spread).where(_spread.c.suggestion_id == suggestion).order_by(_spread.c.ordinal)),
        Query(
            select(_leg).where(_leg.c.suggestion_id == suggestion).order_by(_leg.c.spread_key, _leg.c.ordinal)
        ),
    )


def _array(column: Column[Any], of: Table, suggestion: ColumnElement[object]) -> ColumnElement[list[Any]]:
    """A column of what hangs on a suggestion, in its order."""
    return array_of(select(column).where(of.c.suggestion_id == suggestion).order_by(of.c.ordinal), column)


def array_of(found: Select[Any], column: ColumnElement[Any]) -> ColumnElement[list[Any]]:
    """All that a select of one column finds, as an array."""
    return func.array(found.scalar_subquery(), type_=ARRAY(column.type))


def of_orders(condition: ColumnElement[bool]) -> tuple[Query, ...]:
    """Heads and lines of the orders, as ``rows.to_orders`` takes them."""
    return (
        Query(select(_order).where(condition).order_by(_order.c.created_at, _order.c.id)),
        Query(
            select(_line, _instrument.c.instrument_type)
            .join(_instrument, _instrument.c.symbol == _line.c.symbol)
            .where(_line.c.order_id.in_(select(_order.c.id).where(condition)))
            .order_by(_line.c.order_id, _line.c.ordinal)
        ),
    )


def of_positions(condition: ColumnElement[bool]) -> tuple[Query, ...]:
    """Heads, spreads and legs of the positions, as ``rows.to_positions`` takes them."""
    ids = select(_position.c.id).where(condition)
    return (
        Query(select(_position).where(condition).order_by(_position.c.created_at)),
        Query(
            select(_position_spread)
            .where(_position_spread.c.position_id.in_(ids))
            .order_by(_position_spread.c.position_id, _position_spread.c.ordinal)
        ),
        Query(
            select(_position_leg)
            .where(_position_leg.c.position_id.in_(ids))
            .order_by(_position_leg.c.position_id, _position_leg.c.spread_key, _position_leg.c.ordinal)
        ),
    )


def lots_of(positions: Select[tuple[object]]) -> Select[tuple[object, ...]]:
    """Lots of the positions, opened first first."""
    return (
        select(_lot)
        .where(_lot.c.position_id.in_(positions))
        .order_by(_lot.c.position_id, _lot.c.fill_id, _lot.c.spread_key)
    )


def realised_of(positions: Select[tuple[object]]) -> Select[tuple[object, ...]]:
    """``gain`` of each of the positions that closed anything: dollars before fees."""
    gain = (
        (_close.c.price - _lot.c.price)
        * func.sign(cast(_lot.c.quantity, Numeric))  # of an integer it would be a float
        * _close.c.quantity
        * _lot.c.multiplier
    )
    return (
        select(_lot.c.position_id, func.sum(gain).label("gain"))
        .select_from(_close)
        .join(_lot, and_(_lot.c.fill_id == _close.c.lot_fill_id, _lot.c.spread_key == _close.c.spread_key))
        .where(_lot.c.position_id.in_(positions))
        .group_by(_lot.c.position_id)
    )
