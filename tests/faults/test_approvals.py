"""Approvals that come twice, late or for something else; a stranger on the account; accounts kept apart."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest

from senex.broker.gateway import open_gateway
from senex.broker.session import BrokerAccess
from senex.domain.errors import Refused
from senex.domain.legs import Action, InstrumentType, Leg
from senex.domain.orders import TimeInForce
from senex.ports.broker import Accepted, Ticket
from tests.faults.faults_support import console_of

if TYPE_CHECKING:
    from senex.ports.views import AccountView
    from tests.faults.faults_support import World

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.long
async def test_two_consoles_approving_at_once_make_one_order(world: World) -> None:
    account = await world.account()
    suggestion = await world.suggest(account)
    async with console_of(world.stage, world.clock) as other:
        deciders = [world.console.decider, replace(other.decider, terminal="pts/99")]
        shown = world.clock.now()
        ended = await asyncio.gather(
            *(decider.approve(suggestion, shown_at=shown) for decider in deciders), return_exceptions=True
        )

    [decision] = [each for each in ended if isinstance(each, UUID)]
    [refused] = [each for each in ended if isinstance(each, Refused)]
    winner = deciders[ended.index(decision)]
    assert refused.code == "E_ALREADY_DECIDED"
    assert f"{winner.operator} already approved it at " in refused.message
    assert "New York time" in refused.message
    assert winner.terminal in refused.message
    answer = await world.decided(decision)
    assert answer.outcome == "done", answer
    await world.protected(account)
    asked = "SELECT count(*) FROM decision WHERE suggestion_id = %s AND kind = 'approve'"
    assert world.sql(asked, suggestion.id) == [(1,)]
    await world.expect_orders(account, 4)
    assert len(world.posts(account)) == 4


@pytest.mark.parametrize("changes", [{"digest": "0" * 64}, {"version": 2}])
async def test_approving_what_is_not_the_suggestion_is_refused(world: World, changes: dict[str, Any]) -> None:
    account = await world.idle_account()
    suggestion = await world.suggest(account)

    answer = await world.decided(await world.approve(replace(suggestion, **changes)))

    assert (answer.outcome, answer.code) == ("refused", "E_SUGGESTION_CHANGED")
    await world.expect_orders(account, 0)
    assert world.posts(account) == []


async def test_another_senex_on_the_account_halts_entries(world: World) -> None:
    account = await world.account()
    suggestion = await world.suggest(account)
    theirs = f"senex-00000000-{uuid4().hex}"
    bought = next(leg for leg in suggestion.legs if leg.quantity > 0)
    await _place_past_senex(world, account, bought.symbol, theirs)

    async def halted() -> AccountView | None:
        accounts = await world.console.reads.accounts(world.clock.now())
        found = next(one for one in accounts if one.id == account.id)
        return found if found.trading_state == "reduce_only" else None

    shown = await world.until("entries are halted", halted)

    assert "another senex" in shown.state_reason
    answer = await world.decided(await world.approve(suggestion))
    assert answer.outcome == "refused"
    assert any("REDUCE_ONLY" in reason for reason in (answer.message, *answer.reasons)), answer
    orders = await world.expect_orders(account, 1)
    assert orders[0]["external-identifier"] == theirs
    assert world.posts(account) == []


async def test_two_accounts_trade_apart(world: World) -> None:
    one, other = await world.account(), await world.account()
    mine, theirs = await asyncio.gather(world.suggest(one), world.suggest(other))
    halt = await world.console.decider.set_state(one.id, "halted", reason="this account only")
    assert (await world.decided(halt)).outcome == "done"

    refused, done = await asyncio.gather(
        *[world.decided(await world.approve(each)) for each in (mine, theirs)]
    )

    assert refused.outcome == "refused"
    assert any("HALTED" in reason for reason in (refused.message, *refused.reasons)), refused
    assert done.outcome == "done"
    position = await world.protected(other)
    await world.expect_orders(one, 0)
    await world.expect_orders(other, 4)

    resume = await world.console.decider.set_state(one.id, "active", reason="go on")
    assert (await world.decided(resume)).outcome == "done"
    again = await world.suggest(one)
    assert (await world.decided(await world.approve(again))).outcome == "done"
    apart = await world.protected(one)

    assert (position.account_id, apart.account_id) == (other.id, one.id)
    for account, held in ((one, apart), (other, position)):
        targets = [spread.target for spread in held.spreads]
        assert {target.account_id for target in targets if target} == {account.id}
        names = {target.external_identifier for target in targets if target}
        at_broker = {order["external-identifier"] for order in await world.expect_orders(account, 4)}
        assert names < at_broker


async def _place_past_senex(world: World, account: AccountView, symbol: str, name: str) -> None:
    """An order far from the market, as another installation would send it."""
    access = BrokerAccess(
        environment="simulated",
        **world.credentials,
        rest_url=world.stage.rest_url,
        alerts_url=f"{world.stage.rest_url.replace('http', 'ws', 1)}/alerts",
    )
    ticket = Ticket(
        account_number=account.number,
        legs=(Leg(symbol, Action.BUY_TO_OPEN, 1, InstrumentType.EQUITY_OPTION),),
        limit_price=Decimal("-0.05"),
        time_in_force=TimeInForce.DAY,
        external_identifier=name,
        strict_position_effect=False,
    )
    async with open_gateway(access, clock=world.clock) as gateway:
        assert isinstance(await gateway.submit(ticket), Accepted)
