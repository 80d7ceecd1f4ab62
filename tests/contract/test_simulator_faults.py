"""Faults on demand: the broker misbehaves at the socket, the books stay right."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import httpx2
import pytest
from tastytrade.dxfeed import Quote
from tastytrade.utils import TastytradeError

from tests.contract.simulator_support import find_trident

if TYPE_CHECKING:
    from tests.contract.simulator_support import Broker


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"mode": "drop-after-accept"}, httpx2.RemoteProtocolError),
        ({"mode": "status-after-accept", "status": 500}, TastytradeError),
        ({"mode": "html-after-accept", "status": 502}, TastytradeError),
    ],
)
async def test_a_lost_answer_leaves_one_order_behind(
    broker: Broker, fault: dict[str, object], error: type[Exception]
) -> None:
    trident = await find_trident(broker.session)
    await broker.fault(endpoint="orders", **fault)
    order = trident.order(Decimal("13.00"), external_identifier="senex-00000000-lost")

    with pytest.raises(error):
        await broker.account.place_order(broker.session, order, dry_run=False)

    left = await broker.account.get_live_orders(broker.session)
    assert [one.external_identifier for one in left] == ["senex-00000000-lost"]


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        ({"mode": "status", "status": 429}, "too_many_requests"),
        ({"mode": "status", "status": 401}, "token_invalid"),
        ({"mode": "status", "status": 503}, "internal_error"),
        ({"mode": "html", "status": 502}, "html"),
    ],
)
async def test_a_refused_request_leaves_nothing_behind(
    broker: Broker, fault: dict[str, object], text: str
) -> None:
    trident = await find_trident(broker.session)
    await broker.fault(endpoint="orders", count=2, **fault)
    for _ in range(2):
        with pytest.raises(TastytradeError, match=text):
            await broker.account.place_order(broker.session, trident.order(Decimal("13.00")), dry_run=False)

    assert await broker.account.get_live_orders(broker.session) == []
    await broker.account.place_order(broker.session, trident.order(Decimal("13.00")), dry_run=False)
    assert len(await broker.account.get_live_orders(broker.session)) == 1


async def test_a_dropped_request_and_a_late_answer(broker: Broker) -> None:
    await broker.fault(endpoint="positions", mode="drop")
    with pytest.raises(httpx2.RemoteProtocolError):
        await broker.account.get_positions(broker.session)

    await broker.fault(endpoint="orders", mode="delay", seconds=30)
    trident = await find_trident(broker.session)
    broker.session._client.timeout = httpx2.Timeout(0.3)
    with pytest.raises(httpx2.ReadTimeout):
        await broker.account.place_order(broker.session, trident.order(Decimal("13.00")), dry_run=False)
    broker.session._client.timeout = httpx2.Timeout(5)

    assert len(await broker.account.get_live_orders(broker.session)) == 1


async def test_faults_are_listed_counted_and_forgotten(broker: Broker) -> None:
    await broker.fault(endpoint="*", mode="status", status=500, count=3)
    async with broker.http.get(f"{broker.rest}/faults") as answer:
        rules = (await answer.json())["rules"]
    start = "2026-06-02T14:00:00+00:00"
    assert rules == [{"endpoint": "*", "mode": "status", "status": 500, "count": 3, "at": start}]
    with pytest.raises(TastytradeError):
        await broker.account.get_positions(broker.session)

    async with broker.http.delete(f"{broker.rest}/faults") as answer:
        assert (await answer.json())["rules"] == []
    assert await broker.account.get_positions(broker.session) == []


async def test_an_unknown_fault_is_refused(broker: Broker) -> None:
    async with broker.http.post(f"{broker.rest}/faults", json={"mode": "explode"}) as answer:
        assert answer.status == 400


@pytest.mark.parametrize("mode", ["close", "abort"])
async def test_streams_end_on_demand(broker: Broker, mode: str) -> None:
    with pytest.raises(ExceptionGroup):
        await _listen_until_it_ends(broker, mode)

    async with broker.quotes() as stream:  # a new connection is welcome
        await stream.subscribe(Quote, ["QQQ"])
        assert (await stream.get_event(Quote)).event_symbol == "QQQ"


async def _listen_until_it_ends(broker: Broker, mode: str) -> None:
    async with broker.quotes() as stream:
        await broker.fault(endpoint="dxlink", mode=mode)
        await stream.get_event(Quote)


@pytest.mark.parametrize("text", ["", "{", "[]", '"x"', '{"type": "NONSENSE"}'])
async def test_nonsense_on_a_socket_harms_nobody(broker: Broker, text: str) -> None:
    for path in ("dxlink", "alerts", "clock"):
        async with broker.http.ws_connect(f"{broker.rest}/{path}") as socket:
            await socket.send_str(text)
            await socket.receive()
    assert await broker.account.get_positions(broker.session) == []


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b'{"legs": "x", "order-type": "Limit"}'])
async def test_nonsense_as_an_order_is_refused(broker: Broker, body: bytes) -> None:
    token = broker.simulator.tokens.issue("access", 60)
    url = f"{broker.rest}/accounts/{broker.account.account_number}/orders"
    async with broker.http.post(url, data=body, headers={"Authorization": f"Bearer {token}"}) as answer:
        assert answer.status in {400, 422}
        assert "error" in await answer.json()


_SHARE = {"symbol": "QQQ", "quantity": 1, "price": "500"}
_LEG = {"instrument-type": "Equity", "symbol": "QQQ", "action": "Buy to Open", "quantity": 1}
_ORDER = {
    "order-type": "Limit",
    "time-in-force": "Day",
    "price": "1.00",
    "price-effect": "Debit",
    "legs": [_LEG],
}


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/alerts", {"type": "ExternalTransaction", "amount": "NaN"}, 400),
        ("/alerts", {"type": "ExternalTransaction", "amount": "1e999"}, 400),
        ("/alerts", {"type": "QuoteAlert", "symbol": "QQQ", "operator": ">", "threshold": "NaN"}, 400),
        ("/bench/{account}/positions", {**_SHARE, "quantity": "Infinity"}, 400),
        ("/bench/{account}/positions", {**_SHARE, "quantity": "1.7"}, 400),
        ("/bench/{account}/positions", {**_SHARE, "quantity": 10**21}, 400),
        ("/bench/{account}/positions", {**_SHARE, "price": "NaN"}, 400),
        ("/bench/{account}/positions", {**_SHARE, "price": "-5"}, 400),
        ("/bench/{account}/positions", {**_SHARE, "symbol": "QQQ   250606C00500000"}, 400),
        ("/bench/{account}/positions", [], 400),
        ("/clock", [], 400),
        ("/clock", {"step": 10**12}, 400),
        ("/clock", {"step": -1}, 400),
        ("/clock", {"wait_for": 5}, 400),
        ("/accounts/{account}/orders", {**_ORDER, "price": "NaN"}, 422),
        ("/accounts/{account}/orders", {**_ORDER, "price": "Infinity"}, 422),
        ("/accounts/{account}/orders", {**_ORDER, "order-type": "Stop", "stop-trigger": "NaN"}, 422),
        ("/accounts/{account}/orders", {**_ORDER, "legs": [{**_LEG, "quantity": 10**30}]}, 422),
        ("/accounts/{account}/orders", {**_ORDER, "behavior": "delayed", "delay": "PT99999999999999S"}, 422),
    ],
)
async def test_nonsense_is_refused_and_changes_nothing(
    broker: Broker, path: str, body: object, status: int
) -> None:
    token = {"Authorization": f"Bearer {broker.session.session_token}"}
    url = broker.rest + path.format(account=broker.account.account_number)
    async with broker.http.post(url, json=body, headers=token) as answer:
        assert answer.status == status, await answer.text()
    assert (await broker.clock(step=4))["sequence"] == 4
    assert (await broker.account.get_balances(broker.session)).net_liquidating_value == 50_000
    assert await broker.account.get_positions(broker.session) == []
    assert await broker.account.get_live_orders(broker.session) == []


async def test_a_market_ends_with_its_calendar(broker: Broker) -> None:
    for _ in range(9):
        state = await broker.clock(to=(await _in_a_year(broker)))
        if "error" in state:
            break
    assert "This market ends" in state["error"]["message"]
    assert (await broker.clock(step=1))["speed"] == 0


async def _in_a_year(broker: Broker) -> str:
    now = datetime.fromisoformat((await broker.clock())["instant"])
    return (now + timedelta(days=399)).isoformat()
