"""Account alerts of every type, their causes, and what a client may get wrong."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from tastytrade.account import AccountBalance, CurrentPosition, TradingStatus
from tastytrade.order import PlacedOrder
from tastytrade.streamer import ExternalTransaction, QuoteAlert, UnderlyingYearGainSummary
from tastytrade.watchlists import PublicWatchlist, Watchlist

from senex.simulator.alerts import OUTBOX
from tests.contract.simulator_support import find_trident, net_of

if TYPE_CHECKING:
    from tastytrade import AlertStreamer

    from tests.contract.simulator_support import Broker


async def one(stream: AlertStreamer, kind: type[Any]) -> Any:
    """The next alert of a type."""
    async with asyncio.timeout(10):
        return await anext(aiter(stream.listen(kind)))


async def provoke(broker: Broker, **body: object) -> int:
    """POST /alerts; its status."""
    async with broker.http.post(f"{broker.rest}/alerts", json=body) as answer:
        return answer.status


async def test_a_deposit_moves_cash_and_is_alerted(broker: Broker) -> None:
    before = await broker.account.get_balances(broker.session)
    async with broker.alerts() as stream:
        assert await provoke(broker, type="ExternalTransaction", amount="250.50") == 200
        told, balance = await one(stream, ExternalTransaction), await one(stream, AccountBalance)

    after = await broker.account.get_balances(broker.session)
    history = await broker.account.get_history(broker.session)
    assert (told.amount, told.direction) == (Decimal("250.50"), "Deposit")
    assert balance.cash_balance == after.cash_balance == before.cash_balance + Decimal("250.50")
    assert history[0].net_value == Decimal("250.50")


async def test_a_quote_alert_is_told_once_when_the_quote_gets_there(broker: Broker) -> None:
    async with broker.alerts() as stream:
        await stream.subscribe_quote_alerts()
        await provoke(broker, type="QuoteAlert", symbol="QQQ", operator=">", threshold="1")
        await provoke(broker, type="QuoteAlert", symbol="QQQ", operator="<", threshold="1")
        await broker.clock(step=2)
        told = await one(stream, QuoteAlert)
        await provoke(broker, type="QuoteAlert", symbol="SPY", operator=">", threshold="1")
        await broker.clock(step=1)
        following = await one(stream, QuoteAlert)

    assert (told.symbol, told.operator, told.threshold_numeric) == ("QQQ", ">", Decimal(1))
    assert following.symbol == "SPY"


async def test_a_closing_trade_sums_up_the_year(broker: Broker) -> None:
    trident = await find_trident(broker.session)
    net = await net_of(broker.session, trident)
    async with broker.alerts() as stream:
        await broker.account.place_order(broker.session, trident.order(net.natural), dry_run=False)
        await broker.clock(step=40)
        await broker.account.place_order(
            broker.session, trident.put_target(Decimal("-6.90"), quantity=2), dry_run=False
        )
        await broker.clock(step=40)
        told = await one(stream, UnderlyingYearGainSummary)
        statuses = [(await one(stream, PlacedOrder)).status.value for _ in range(3)]

    positions = await broker.account.get_positions(broker.session, include_closed=True)
    assert (told.symbol, told.year) == ("QQQ", 2026)
    assert told.realized_lot_gain == sum(position.realized_day_gain for position in positions)
    assert told.yearly_realized_gain == told.realized_lot_gain + told.fees + told.commissions
    assert statuses[0] in {"Received", "Routed"}


async def test_what_is_now_may_be_sent_again(broker: Broker) -> None:
    async with broker.alerts() as stream:
        await provoke(broker, type="AccountBalance")
        balance = await one(stream, AccountBalance)
    assert balance.cash_balance == (await broker.account.get_balances(broker.session)).cash_balance


async def test_public_lists_come_when_they_change_and_when_asked_for(broker: Broker) -> None:
    public = {one.name: one for one in await PublicWatchlist.get(broker.session)}
    async with broker.alerts() as stream:
        await stream.subscribe_public_watchlists()
        await provoke(broker, type="PublicWatchlists")
        told = [await one(stream, Watchlist) for _ in public]
        assert {each.name: each.watchlist_entries for each in told} == {
            name: each.watchlist_entries for name, each in public.items()
        }
        await broker.clock(step=1)
        await broker.clock(to="2026-07-31T14:00:00+00:00")
        changed = await one(stream, Watchlist)
    later = await PublicWatchlist.get(broker.session, changed.name)
    assert changed.watchlist_entries == later.watchlist_entries != public[changed.name].watchlist_entries


async def test_a_trading_status_is_told_when_it_changes(broker: Broker) -> None:
    async with broker.alerts() as stream:
        await provoke(broker, type="ExternalTransaction", amount="-60000")
        status = await one(stream, TradingStatus)
    assert status.is_in_margin_call
    assert (await broker.account.get_trading_status(broker.session)).is_in_margin_call


@pytest.mark.parametrize(
    "body",
    [
        {"type": "Nonsense"},
        {"type": "AccountBalance", "account": "5NOSUCH1"},
        {"type": "ExternalTransaction", "amount": "much"},
        {"type": "QuoteAlert", "symbol": "NOSUCH", "operator": ">", "threshold": "1"},
        {"type": "QuoteAlert", "symbol": "QQQ", "operator": "=", "threshold": "1"},
        {"type": "QuoteAlert", "symbol": "QQQ", "operator": ">", "threshold": "x"},
        {"type": "QuoteAlert", "symbol": "QQQ", "operator": ">", "threshold": "1", "more": 1},
    ],
)
async def test_a_senseless_cause_is_refused(broker: Broker, body: dict[str, object]) -> None:
    assert await provoke(broker, **body) == 400


async def test_actions_are_answered_with_their_request_ids(broker: Broker) -> None:
    token = f"Bearer {broker.simulator.tokens.issue('access', 60)}"
    async with broker.http.ws_connect(f"{broker.rest}/alerts", autoping=False) as socket:

        async def ask(action: object, number: int, **fields: object) -> dict[str, Any]:
            await socket.send_json({"auth-token": token, "action": action, "request-id": number, **fields})
            return dict(await socket.receive_json())

        early = await ask("quote-alerts-subscribe", 1)
        unknown = await ask("connect", 2, value=["5NOSUCH1"])
        connected = await ask("connect", 3, value=[broker.account.account_number])
        beats = await ask("heartbeat", 4)
        lists = await ask("public-watchlists-subscribe", 5)
        nonsense = await ask("dance", 6)
        worse = await ask(["dance"], 7)
        await socket.ping(b"still there?")
        pong = await socket.receive()

    assert (early["status"], early["message"]) == ("error", "connect-not-completed")
    assert [one["request-id"] for one in (early, unknown, connected, beats, lists, nonsense, worse)] == [
        *range(1, 8)
    ]
    assert [one["status"] for one in (unknown, connected, beats, lists, nonsense, worse)] == [
        "error", "ok", "ok", "ok", "error", "error",
    ]  # fmt: skip
    assert connected["value"] == [broker.account.account_number]
    assert (pong.type, pong.data) == (aiohttp.WSMsgType.PONG, b"still there?")


async def test_a_client_that_lags_too_far_is_cut(broker: Broker) -> None:
    hub, account = broker.server.services.alerts, broker.account.account_number
    token = f"Bearer {broker.simulator.tokens.issue('access', 60)}"
    async with broker.http.ws_connect(f"{broker.rest}/alerts") as socket:
        await socket.send_json({"auth-token": token, "action": "connect", "value": [account]})
        await socket.receive_json()
        await broker.fault(endpoint="alerts", mode="freeze")
        for _ in range(OUTBOX + 2):
            hub.push("AccountBalance", {}, account=account)
        async with asyncio.timeout(10):
            ended = await socket.receive()

    assert ended.type in {aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR, aiohttp.WSMsgType.CLOSE}


async def test_positions_of_an_alert_are_those_of_a_read(broker: Broker) -> None:
    trident = await find_trident(broker.session)
    net = await net_of(broker.session, trident)
    async with broker.alerts() as stream:
        await broker.account.place_order(broker.session, trident.order(net.natural), dry_run=False)
        await broker.clock(step=40)
        told = [await one(stream, CurrentPosition) for _ in range(4)]
    read = {position.symbol: position for position in await broker.account.get_positions(broker.session)}
    assert {position.symbol: position.quantity for position in told} == {
        symbol: position.quantity for symbol, position in read.items()
    }
