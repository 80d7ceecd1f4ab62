"""What consoles read, of books the real use cases wrote."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import uuid4

import psycopg
import pytest

from senex.domain.errors import Unavailable
from senex.domain.orders import OrderKind
from senex.store.direct import connect
from senex.store.heartbeats import beat
from senex.store.queries import Reads
from tests.integration.test_use_cases import Desk, desk

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["desk"]

D = Decimal


@pytest.fixture
async def reads(console_url: str) -> AsyncIterator[Reads]:
    reads = Reads(console_url)
    yield reads
    await reads.close()


async def test_an_account_before_its_first_trade(desk: Desk, reads: Reads) -> None:
    (account,) = await reads.accounts(desk.clock.now())
    assert account.number == "5SX00001"
    assert (account.trading_state, account.ready) == ("active", True)
    assert account.net_liquidation == 50_000
    assert (account.open_risk, account.risk_budget) == (D(0), D(25_000))
    assert (account.approvals, account.working_orders, account.open_positions) == (0, 0, 0)
    assert account.realized_today == 0
    assert await reads.suggestions() == ()
    assert await reads.orders() == ()
    assert await reads.positions() == ()
    assert await reads.suggestion(uuid4()) is None
    assert await reads.order(uuid4()) is None
    assert await reads.position(uuid4()) is None
    assert await reads.decision_result(uuid4()) is None


async def test_a_suggestion_shows_spreads_and_the_whole_order(desk: Desk, reads: Reads) -> None:
    suggestion_id = await desk.suggest()
    async with desk.units() as tx:
        stored = await tx.suggestions.get(suggestion_id)
    shown = await reads.suggestion(suggestion_id)
    assert shown is not None
    proposal = stored.proposal
    assert (shown.digest, shown.version, shown.status) == (stored.digest, stored.version, "pending")
    assert shown.account_number == "5SX00001"
    assert [(leg.symbol, leg.quantity) for leg in shown.legs] == [
        (leg.symbol, leg.signed_quantity) for leg in proposal.legs
    ]
    assert [spread.key for spread in shown.spreads] == [spread.key for spread in proposal.spreads]
    assert all(sorted(leg.quantity for leg in spread.legs) == [-1, 1] for spread in shown.spreads)
    assert all(leg.streamer.startswith(".QQQ") for leg in shown.legs)
    assert (shown.natural, shown.limit_price) == (proposal.pricing.natural, proposal.limit)
    assert shown.breakevens == proposal.breakevens
    assert [reason.text for reason in shown.reasons] == [reason.text for reason in proposal.reasons]
    assert (await reads.suggestions(statuses=["pending"])) == (shown,)
    assert await reads.suggestions(statuses=["approved"]) == ()
    (account,) = await reads.accounts(desk.clock.now())
    assert account.approvals == 1
    (later,) = await reads.accounts(shown.expires_at)
    assert later.approvals == 0


async def test_a_filled_trade_shows_lots_targets_and_risk(desk: Desk, reads: Reads) -> None:
    suggestion_id = await desk.suggest()
    entry = await desk.approve(suggestion_id)
    (pending,) = await reads.positions()
    suggestion = await reads.suggestion(suggestion_id)
    assert suggestion is not None
    assert pending.status == "pending_entry"
    (account,) = await reads.accounts(desk.clock.now())
    assert account.open_risk == suggestion.max_loss
    await desk.fill(entry)
    (position,) = await reads.positions()
    assert await reads.position(position.id) == position
    assert position.status == "open_full"
    held = {(lot.spread_key, lot.symbol): lot.quantity for spread in position.spreads for lot in spread.lots}
    assert sorted(held.values()) == [-1, -1, -1, 1, 1, 1]
    shares = [(spread.target_share, spread.target and spread.target.status) for spread in position.spreads]
    assert sorted(shares) == [(D("0.4"), "working"), (D("0.4"), "working"), (D("0.6"), "working")]
    shown = await reads.order(entry)
    assert shown is not None
    assert (shown.status, shown.attempt_status) == ("filled", "accepted")
    assert all(abs(leg.quantity) == leg.filled for leg in shown.legs)
    assert shown.external_identifier is not None
    assert shown.external_identifier.startswith("senex-")
    assert len(await reads.orders(position_id=position.id)) == 4
    assert len(await reads.orders(statuses=["working"])) == 3
    (account,) = await reads.accounts(desk.clock.now())
    assert (account.working_orders, account.open_positions) == (3, 1)
    assert account.open_risk is not None
    assert 0 < account.open_risk <= suggestion.max_loss
    events = await reads.order_events(entry)
    assert [event.at for event in events] == sorted(event.at for event in events)
    assert any(event.after == "filled" for event in events)


async def test_a_target_that_fills_is_realised_today_and_leaves_its_lots(desk: Desk, reads: Reads) -> None:
    await desk.fill(await desk.approve(await desk.suggest()))
    target = (await desk.orders(OrderKind.TARGET))[0]
    await desk.fill(target.id)
    (position,) = await reads.positions()
    async with desk.units() as tx:
        realised = await tx.positions.realised(position.id)
    assert position.realized == realised
    closed = next(spread for spread in position.spreads if spread.key == target.spread_key)
    assert closed.lots == ()
    assert closed.target is not None
    assert closed.target.status == "filled"
    (account,) = await reads.accounts(desk.clock.now())
    assert account.realized_today == realised
    (tomorrow,) = await reads.accounts(desk.clock.now() + timedelta(days=1))
    assert tomorrow.realized_today == 0


async def test_unknown_risk_is_none_and_not_zero(desk: Desk, reads: Reads, owner_url: str) -> None:
    await desk.fill(await desk.approve(await desk.suggest()))
    with psycopg.connect(owner_url, autocommit=True) as connection:
        # what is left is a short call alone: its loss has no bound
        connection.execute(
            "UPDATE lot SET open_quantity = 0 WHERE NOT (quantity < 0 AND spread_key LIKE 'call%')"
        )
    (account,) = await reads.accounts(desk.clock.now())
    assert (account.open_risk, account.risk_budget) == (None, None)


async def test_sources_processes_and_holdings(desk: Desk, reads: Reads, owner_url: str) -> None:
    account_id = await desk.account()
    connection = await connect(owner_url, name="test")
    await beat(connection, "worker trading", "one", "idle")
    await connection.execute(
        "INSERT INTO source_status (source, subject, ok, detail, at) VALUES "
        "('quotes', '', true, '', %(at)s), ('alerts', 'another', false, 'away', %(at)s)",
        {"at": desk.clock.now()},
    )
    await connection.close()
    assert {source.source for source in await reads.sources(account_id)} == {
        "quotes",
        "orders",
        "balances",
        "positions",
        "transactions",
    }
    worst = {source.source: source.ok for source in await reads.sources()}
    assert worst["quotes"] is True
    assert "alerts" not in worst, "an account that is closed or gone worries nobody"
    (process,) = await reads.processes()
    assert (process.name, process.instance, process.detail) == ("worker trading", "one", "idle")
    assert process.age >= 0
    assert await reads.broker_holdings(account_id) == ()
    operator = await reads.operator("trader")
    assert operator is not None
    assert (operator.role, operator.salt) == ("trader", None)
    assert await reads.operator("nobody") is None


async def test_a_lost_connection_is_replaced(desk: Desk, reads: Reads, console_url: str) -> None:
    await reads.accounts(desk.clock.now())
    with psycopg.connect(console_url, autocommit=True) as connection:
        ended = connection.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
            "WHERE datname = current_database() AND application_name = 'senex console reads'"
        ).fetchone()
    assert ended == (1,)
    assert len(await reads.accounts(desk.clock.now())) == 1


async def test_a_postgres_that_is_away_or_hangs_is_said_to_be(
    desk: Desk, owner_url: str, console_url: str
) -> None:
    nobody = Reads("postgresql://senex@127.0.0.1:1/senex")
    with pytest.raises(Unavailable, match="E_POSTGRES_AWAY"):
        await nobody.processes()
    reads = Reads(console_url, deadline=0.3)
    with psycopg.connect(owner_url) as holder:
        holder.execute("LOCK TABLE heartbeat IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(Unavailable, match="has not answered"):
            await reads.processes()
    assert await reads.processes() == ()
    await reads.close()
