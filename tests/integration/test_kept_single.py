"""What may exist once only is kept single by the database, whatever the code in front of it believes."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from senex.domain.decisions import DecisionKind
from senex.domain.orders import OrderKind
from tests.integration.test_ledger_order import row
from tests.integration.test_use_cases import Desk, desk

__all__ = ["desk"]

_UUID, _NUMBER = "gen_random_uuid()", "1000000000"
_NEW_ORDER = f"'id', {_UUID}, 'broker_order_id', NULL"
_SETTLED = f"'id', {_UUID}, 'status', 'refused'"


@dataclass(frozen=True)
class Single:
    """An index, a row that it keeps single, and what of a copy is other than the row."""

    index: str
    table: str
    other: str
    where: str = "true"


REPLACEMENT = Single(
    "one_replacement", "trade_order", f"{_NEW_ORDER}, 'generation', 99", "replaces_id IS NOT NULL"
)
SINGLE = (
    Single("decision_once", "decision", f"'id', {_UUID}", "kind = 'approve'"),
    Single("position_suggestion_id_key", "position", f"'id', {_UUID}", "suggestion_id IS NOT NULL"),
    Single("one_entry", "trade_order", _NEW_ORDER, "kind = 'entry'"),
    Single("one_target", "trade_order", _NEW_ORDER, "kind = 'target' AND replaces_id IS NULL"),
    Single("one_exit_order", "trade_order", _NEW_ORDER, "exit_id IS NOT NULL"),
    Single(
        "trade_order_account_id_broker_order_id_key",
        "trade_order",
        f"'id', {_UUID}, 'generation', 99",
        "kind = 'target' AND replaces_id IS NULL",
    ),
    Single("order_leg_order_id_symbol_key", "order_leg", "'ordinal', 99"),
    Single(
        "one_live_attempt",
        "attempt",
        f"'id', {_UUID}, 'number', 99, 'external_identifier', 'another', 'broker_order_id', NULL",
        "status = 'accepted'",
    ),
    Single(
        "attempt_order_id_number_key",
        "attempt",
        f"{_SETTLED}, 'external_identifier', 'another', 'broker_order_id', NULL",
    ),
    Single(
        "attempt_external_identifier_key", "attempt", f"{_SETTLED}, 'number', 99, 'broker_order_id', NULL"
    ),
    Single(
        "attempt_account_id_broker_order_id_key",
        "attempt",
        f"{_SETTLED}, 'number', 99, 'external_identifier', 'another'",
    ),
    Single("one_active_exit", "spread_exit", f"'id', {_UUID}", "status = 'active'"),
    Single("fill_order_id_symbol_fill_id_key", "fill", f"'id', {_NUMBER}", "order_id IS NOT NULL"),
    Single("fill_ledger_id_fill_id_key", "fill", f"'id', {_NUMBER}", "ledger_id IS NOT NULL"),
    Single("ledger_entry_account_id_broker_id_key", "ledger_entry", f"'id', {_NUMBER}"),
    Single("one_open_alarm", "alarm", f"'id', {_UUID}", "resolved_at IS NULL"),
    Single("outbox_dedupe_key_key", "outbox", f"'id', {_NUMBER}", "dedupe_key IS NOT NULL"),
)


async def test_a_copy_of_what_must_be_one_is_refused(desk: Desk) -> None:
    await desk.fill(await desk.approve(await desk.suggest()))
    targets = {each.spread_key: each for each in await desk.orders(OrderKind.TARGET)}
    first, account = targets["put-1"], await desk.account()
    price = first.limit_price - Decimal("0.10")
    await desk.decide(DecisionKind.REPLACE_ORDER, order_id=first.id, price=price)
    await desk.drain()
    assert await refused(desk, REPLACEMENT) == REPLACEMENT.index
    await desk.decide(DecisionKind.CLOSE_POSITION, subject_id=first.position_id, spread_key="call-1")
    await desk.drain()
    desk.broker.ledger = (row(desk, 1, targets["put-2"].legs[0].symbol, 1),)
    for job in ("sync_transactions", "monitor_positions_for_dte_closure"):
        await desk.offer(job, account, account)
        await desk.drain()
    assert {one.index: await refused(desk, one) for one in SINGLE} == {one.index: one.index for one in SINGLE}


async def refused(desk: Desk, one: Single) -> str:
    """The index that refuses the copy; what else became of it, if none does."""
    statement = (
        f"INSERT INTO {one.table} SELECT (jsonb_populate_record(r, jsonb_build_object({one.other}))).* "  # noqa: S608
        f"FROM {one.table} r WHERE {one.where} LIMIT 1"
    )
    try:
        async with desk.engine.connect() as connection:
            made = (await connection.execute(text(statement))).rowcount
    except IntegrityError as problem:
        return str(getattr(getattr(problem.orig, "diag", None), "constraint_name", problem))
    return f"{made} copies were made"
