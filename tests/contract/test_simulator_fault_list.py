"""Every fault of the list, over real sockets: what a client sees, and what is true afterwards."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from decimal import Decimal
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import httpx2
import pytest
from pydantic import ValidationError
from tastytrade import Account, Session
from tastytrade.account import AccountBalance
from tastytrade.dxfeed import Quote
from tastytrade.market_data import get_market_data_by_type
from tastytrade.order import PlacedOrder
from tastytrade.utils import TastytradeError

from senex.domain.errors import UsageProblem
from senex.simulator.faults.catalogue import FAULTS
from tests.contract.simulator_support import find_trident, net_of
from tests.contract.test_simulator_dxlink import connected

if TYPE_CHECKING:
    from tastytrade import AlertStreamer

    from tests.contract.simulator_support import Broker

LIMIT = 65_536


# -- REST ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("when", ["", "-after-accept"])
@pytest.mark.parametrize(
    ("mode", "fields", "error"),
    [
        ("empty", {"status": 201}, json.JSONDecodeError),
        ("unparsable", {"status": 201}, json.JSONDecodeError),
        ("status", {"status": 403}, TastytradeError),
    ],
)
async def test_answers_without_sense(
    broker: Broker, mode: str, when: str, fields: dict[str, object], error: type[Exception]
) -> None:
    trident = await find_trident(broker.session)
    await broker.fault(endpoint="orders", mode=mode + when, **fields)
    with pytest.raises(error):
        await broker.account.place_order(broker.session, trident.order(Decimal(13)), dry_run=False)

    assert len(await broker.account.get_live_orders(broker.session)) == bool(when)


async def test_a_stalled_request_is_done_late(broker: Broker) -> None:
    """While it is stalled nothing is there; afterwards it is."""
    trident = await find_trident(broker.session)
    await broker.fault(endpoint="orders", mode="stall", seconds=0.5)
    async with asyncio.TaskGroup() as both:
        both.create_task(
            broker.account.place_order(broker.session, trident.order(Decimal(13)), dry_run=False)
        )
        both.create_task(_nothing_yet(broker))
    assert len(await broker.account.get_live_orders(broker.session)) == 1


async def _nothing_yet(broker: Broker) -> None:
    assert await broker.account.get_live_orders(broker.session) == []


async def test_requests_beyond_the_limit_are_refused(broker: Broker) -> None:
    await broker.fault(endpoint="positions", mode="limit", rate=2)
    answers = [await _positions(broker) for _ in range(4)]
    assert answers[:2] == [None, None]
    assert "too_many_requests" in str(answers[3])


async def _positions(broker: Broker) -> Exception | None:
    try:
        await broker.account.get_positions(broker.session)
    except TastytradeError as refused:
        return refused
    return None


async def test_the_date_header_may_be_off(broker: Broker) -> None:
    dates = []
    for seconds in (0, -3600):
        await broker.fault(endpoint="token", mode="clock-skew", seconds=seconds)
        async with broker.http.post(f"{broker.rest}/oauth/token", json={}) as answer:
            dates.append(parsedate_to_datetime(answer.headers["Date"]))
        await broker.heal()
    assert timedelta(minutes=59) < dates[0] - dates[1] < timedelta(minutes=61)


async def test_an_order_may_have_a_status_nobody_knows(broker: Broker) -> None:
    trident = await find_trident(broker.session)
    await broker.fault(endpoint="orders", mode="unknown-status", text="Dead")
    with pytest.raises(ValidationError, match="Dead"):
        await broker.account.place_order(broker.session, trident.order(Decimal(13)), dry_run=False)
    assert len(await broker.account.get_live_orders(broker.session)) == 1


async def test_a_listing_may_lack_an_order_for_a_while(broker: Broker) -> None:
    trident = await find_trident(broker.session)
    placed = [
        await broker.account.place_order(broker.session, trident.order(Decimal(13)), dry_run=False)
        for _ in range(2)
    ]
    ids = [one.order.id for one in placed]
    await broker.fault(endpoint="order-reads", mode="missing", order=ids[0], count=2)
    seen = [sorted(one.id for one in await broker.account.get_live_orders(broker.session)) for _ in range(3)]
    assert seen == [[ids[1]], [ids[1]], ids]


@pytest.mark.parametrize("fields", [{"count": 2}, {"seconds": 11, "count": 2}])
async def test_reads_may_lag_behind_the_books(broker: Broker, fields: dict[str, object]) -> None:
    """Lag by calls (the books of when the rule was made) or by market seconds."""
    trident = await find_trident(broker.session)
    net = await net_of(broker.session, trident)
    before = await broker.account.get_balances(broker.session)
    await broker.clock(step=4)
    for endpoint in ("positions", "balances-currency", "order-reads", "transactions"):
        await broker.fault(endpoint=endpoint, mode="lag", **fields)
    await broker.clock(step=4)
    await broker.account.place_order(broker.session, trident.order(net.natural), dry_run=False)
    await broker.clock(step=40)

    for filled in (False, False, True):
        positions = await broker.account.get_positions(broker.session)
        balance = await broker.account.get_balances(broker.session)
        orders = await broker.account.get_live_orders(broker.session)
        history = await broker.account.get_history(broker.session)
        assert bool(positions) is bool(orders) is (len(history) > 1) is filled
        assert (balance.cash_balance == before.cash_balance) is not filled


async def test_a_refused_refresh_and_an_expired_token(broker: Broker) -> None:
    tokens = broker.simulator.tokens
    await broker.fault(endpoint="token", mode="refuse")
    with pytest.raises(TastytradeError, match="invalid_grant"):
        async with Session(tokens.client_secret, tokens.refresh_token, is_test=True, trust_env=False) as one:
            await one.refresh()

    await broker.fault(endpoint="token", mode="expire")
    with pytest.raises(TastytradeError, match="token_invalid"):
        await Account.get(broker.session)


# -- streams ------------------------------------------------------------------------------------------


async def test_the_upgrade_of_a_stream_may_fail(broker: Broker) -> None:
    await broker.fault(endpoint="dxlink", mode="status", status=502)
    with pytest.raises(httpx2.websockets.WebSocketUpgradeError, match="502"):
        await first_quote(broker)
    assert (await first_quote(broker)).event_symbol == "QQQ"


async def first_quote(broker: Broker) -> Quote:
    async with asyncio.timeout(10), broker.quotes() as stream:
        await stream.subscribe(Quote, ["QQQ"])
        return await stream.get_event(Quote)


@pytest.mark.parametrize("mode", ["oversize", "invalid-json", "misaligned", "empty-data", "error"])
async def test_a_spoilt_frame_ends_the_sdks_stream(broker: Broker, mode: str) -> None:
    await broker.fault(endpoint="dxlink", mode=mode, type="Quote")
    with pytest.raises((ExceptionGroup, TastytradeError)):
        await first_quote(broker)
    assert (await first_quote(broker)).event_symbol == "QQQ"


@pytest.mark.parametrize(
    ("mode", "kind"),
    [("second-authorized", "AUTH_STATE"), ("channel-closed", "CHANNEL_CLOSED"), ("error", "ERROR")],
)
async def test_messages_nobody_asked_for(broker: Broker, mode: str, kind: str) -> None:
    async with connected(broker) as line:
        await line.open()
        await broker.fault(endpoint="dxlink", mode=mode)
        await line.want(("Quote", "QQQ"))
        assert (await line.hear(kind))["type"] == kind


async def test_an_oversize_frame_is_oversize(broker: Broker) -> None:
    async with connected(broker) as line:
        await line.open()
        await broker.fault(endpoint="dxlink", mode="oversize")
        await line.want(("Quote", "QQQ"))
        told = await line.socket.receive_str()
    assert len(told) > LIMIT
    assert json.loads(told)["type"] == "FEED_DATA"


@pytest.mark.parametrize("stream", ["dxlink", "alerts"])
async def test_a_frozen_stream_keeps_its_socket_and_says_nothing(broker: Broker, stream: str) -> None:
    async with broker.http.ws_connect(f"{broker.rest}/{stream}", autoping=False) as socket:
        await broker.fault(endpoint=stream, mode="freeze")
        await socket.ping()
        await socket.send_json({"type": "KEEPALIVE", "action": "heartbeat", "request-id": 7})
        with pytest.raises(TimeoutError):
            await socket.receive(timeout=0.3)
        await broker.fault(endpoint=stream, mode="thaw")
        assert (await socket.receive(timeout=5)).type is aiohttp.WSMsgType.TEXT


# -- alerts -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "seen"),
    [
        ({"mode": "duplicate", "type": "AccountBalance"}, ["1", "1", "2", "3"]),
        ({"mode": "missing", "type": "AccountBalance"}, ["2", "3"]),
        ({"mode": "missing", "count": 2, "type": "AccountBalance"}, ["3"]),
        ({"mode": "reorder", "type": "AccountBalance"}, ["2", "1", "3"]),
        ({"mode": "late", "seconds": 1, "type": "AccountBalance"}, ["2", "3", "1"]),
        ({"mode": "late", "seconds": 1, "type": "Order"}, ["1", "2", "3"]),
    ],
)
async def test_alerts_may_come_twice_late_or_not_at_all(
    broker: Broker, fault: dict[str, object], seen: list[str]
) -> None:
    """Three balances, told apart by their cash."""
    account = broker.account.account_number
    async with broker.alerts() as stream:
        await broker.fault(endpoint="alerts", **fault)
        for amount in ("1", "1", "1"):
            await deposit(broker, amount)
        await broker.clock(step=8)
        told = await balances(stream, len(seen))
    cash = (await broker.account.get_balances(broker.session)).cash_balance
    assert [str(3 - int(cash - one.cash_balance)) for one in told] == seen
    assert {one.account_number for one in told} == {account}


async def deposit(broker: Broker, amount: str) -> None:
    async with broker.http.post(
        f"{broker.rest}/alerts", json={"type": "ExternalTransaction", "amount": amount}
    ) as answer:
        assert answer.status == 200


async def balances(stream: AlertStreamer, count: int) -> list[AccountBalance]:
    found: list[AccountBalance] = []
    async with asyncio.timeout(10):
        async for one in stream.listen(AccountBalance):
            found.append(one)
            if len(found) == count:
                return found
    raise AssertionError


@pytest.mark.parametrize("mode", ["invalid", "invalid-json", "oversize"])
async def test_a_spoilt_alert_ends_the_sdks_stream(broker: Broker, mode: str) -> None:
    await broker.fault(endpoint="alerts", mode=mode, type="AccountBalance")
    with pytest.raises(ExceptionGroup):
        await _deposit_and_balance(broker)


async def _deposit_and_balance(broker: Broker) -> None:
    async with broker.alerts() as stream:
        await deposit(broker, "1")
        await balances(stream, 1)


# -- quotes -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "bid", "ask"),
    [
        ({"mode": "one-sided"}, "NaN", 1),
        ({"mode": "one-sided", "side": "ask"}, 1, "NaN"),
        ({"mode": "crossed"}, 2, 2),
        ({"mode": "zero"}, 0, 0),
        ({"mode": "nan"}, "NaN", "NaN"),
        ({"mode": "negative"}, -0.01, 1),
    ],
)
async def test_faulty_quotes_on_the_stream_and_over_rest(
    broker: Broker, fault: dict[str, object], bid: object, ask: object
) -> None:
    """1 stands for the true price, 2 for that of the other side; the books' marks stay true."""
    true = (await get_market_data_by_type(broker.session, equities=["QQQ"]))[0]
    assert true.bid is not None
    assert true.ask is not None
    sides: dict[str, dict[object, Decimal]] = {
        "bid": {1: true.bid, 2: true.ask},
        "ask": {1: true.ask, 2: true.bid},
    }
    async with connected(broker) as line:
        await line.open()
        await line.say("FEED_SETUP", 1, acceptEventFields={"Quote": ["bidPrice", "askPrice"]})
        await line.want(("Quote", "QQQ"))
        await line.hear("FEED_DATA")
        await broker.fault(endpoint="quotes", symbol="QQQ", **fault)
        told = (await line.hear("FEED_DATA"))["data"][1]
        rest = (await get_market_data_by_type(broker.session, equities=["QQQ"]))[0]
        await broker.heal()
        healed = (await line.hear("FEED_DATA"))["data"][1]

    for name, seen, over_rest, wanted in (("bid", told[0], rest.bid, bid), ("ask", told[1], rest.ask, ask)):
        expected = None if wanted == "NaN" else sides[name].get(wanted, Decimal(str(wanted)))
        assert over_rest == expected
        assert seen == ("NaN" if expected is None else float(expected))
    assert healed == [float(true.bid), float(true.ask)]


async def test_a_stale_quote_stands_still_for_its_time(broker: Broker) -> None:
    async with connected(broker) as line:
        await line.open()
        await line.say("FEED_SETUP", 1, acceptEventFields={"Quote": ["eventSymbol", "sequence"]})
        await broker.fault(endpoint="quotes", mode="stale", symbol="QQQ", seconds=2)
        await line.want(("Quote", "QQQ"), ("Quote", "SPY"))
        seen = (await line.hear("FEED_DATA"))["data"][1]
        await broker.clock(step=4)
        stale = (await line.hear("FEED_DATA"))["data"][1]
        over_rest = (await get_market_data_by_type(broker.session, equities=["QQQ"]))[0]
        await broker.clock(step=4)
        fresh = (await line.hear("FEED_DATA"))["data"][1]

    assert seen == ["QQQ", 0, "SPY", 0]
    assert stale == ["SPY", 4]
    assert over_rest.updated_at.timestamp() == broker.simulator.exchange.market.start.timestamp()
    assert fresh == ["QQQ", 8, "SPY", 8]


# -- the exchange -------------------------------------------------------------------------------------


async def test_an_order_may_fill_a_unit_at_a_time(broker: Broker) -> None:
    trident = await find_trident(broker.session)
    net = await net_of(broker.session, trident)
    await broker.fault(endpoint="fills", mode="partial", units=1)
    order = trident.order(net.natural, units=3)
    await broker.account.place_order(broker.session, order, dry_run=False)
    left = []
    for _ in range(4):
        await broker.clock(step=1)
        (live,) = await broker.account.get_live_orders(broker.session)
        left.append([leg.remaining_quantity for leg in live.legs])
    assert [one for one in left if one[0]][-1] == [2, 2, 1, 1]
    assert left[-1] == [0, 0, 0, 0]


async def test_an_accepted_order_may_be_rejected_on_its_way(broker: Broker) -> None:
    trident = await find_trident(broker.session)
    await broker.fault(endpoint="orders", mode="reject", text="Halted")
    async with broker.alerts() as stream:
        await broker.account.place_order(broker.session, trident.order(Decimal(13)), dry_run=False)
        status = ""
        async with asyncio.timeout(10):
            while status != "Rejected":
                told = await anext(aiter(stream.listen(PlacedOrder)))
                status = told.status.value
    assert told.reject_reason == "Halted"


@pytest.mark.parametrize("mode", ["fill-wins", "cancel-wins"])
async def test_a_cancellation_may_be_overtaken_by_a_fill(broker: Broker, mode: str) -> None:
    trident = await find_trident(broker.session)
    net = await net_of(broker.session, trident)
    price = net.opposite + 5 if mode == "fill-wins" else net.natural
    placed = await broker.account.place_order(broker.session, trident.order(price), dry_run=False)
    await broker.fault(endpoint="cancel", mode=mode)
    await broker.account.delete_order(broker.session, placed.order.id)
    await broker.clock(step=2)
    (order,) = await broker.account.get_live_orders(broker.session)
    assert order.status.value == ("Filled" if mode == "fill-wins" else "Cancelled")


async def test_a_fill_may_leave_a_leg_out_which_catches_up(broker: Broker) -> None:
    trident = await find_trident(broker.session)
    net = await net_of(broker.session, trident)
    await broker.fault(endpoint="fills", mode="partial", units=1)
    await broker.fault(endpoint="fills", mode="broken-ratio", symbol=trident.call)
    order = trident.order(net.natural, units=2)
    await broker.account.place_order(broker.session, order, dry_run=False)
    seen = []
    for _ in range(12):
        await broker.clock(step=1)
        (live,) = await broker.account.get_live_orders(broker.session)
        seen.append(
            {leg.symbol: int((leg.quantity or 0) - (leg.remaining_quantity or 0)) for leg in live.legs}
        )
    broken = next(one for one in seen if any(one.values()))
    assert [broken[symbol] for symbol in trident.symbols] == [2, 2, 0, 1]
    assert [seen[-1][symbol] for symbol in trident.symbols] == [4, 4, 2, 2]


async def test_a_replacement_may_come_too_late(broker: Broker) -> None:
    trident = await find_trident(broker.session)
    net = await net_of(broker.session, trident)
    far = net.opposite + 5
    placed = await broker.account.place_order(broker.session, trident.order(far), dry_run=False)
    await broker.clock(step=1)
    await broker.fault(endpoint="replace", mode="overtaken")
    later = await broker.account.replace_order(broker.session, placed.order.id, trident.order(far + 1))
    await broker.clock(step=2)
    orders = {one.id: one.status.value for one in await broker.account.get_live_orders(broker.session)}
    assert orders == {placed.order.id: "Filled", later.id: "Removed"}


# -- rules --------------------------------------------------------------------------------------------


async def test_a_rule_may_wait_for_its_instant(broker: Broker) -> None:
    await broker.fault(endpoint="positions", mode="status", status=500, at="2026-06-02T14:00:02+00:00")
    assert await _positions(broker) is None
    await broker.clock(step=8)
    assert await _positions(broker) is not None
    assert await _positions(broker) is None


async def test_an_action_may_wait_for_its_instant(broker: Broker) -> None:
    await broker.fault(endpoint="token", mode="expire", at="2026-06-02T14:00:01+00:00")
    assert await _positions(broker) is None
    await broker.clock(step=4)
    assert await _positions(broker) is not None


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"endpoint": "nowhere", "mode": "status"}, "order-reads"),
        ({"endpoint": "orders", "mode": "explode"}, "drop-after-accept"),
        ({"endpoint": "orders", "mode": "status", "statuses": 3}, "status, count, at"),
        ({"endpoint": "orders", "mode": "status", "status": 99}, "200"),
        ({"endpoint": "orders", "mode": "status", "count": 0}, "1"),
        ({"endpoint": "orders", "mode": "delay", "seconds": "long"}, "number"),
        ({"endpoint": "orders", "mode": "drop", "at": "2026-06-02T14:00:00"}, "offset"),
        ({"endpoint": "quotes", "mode": "one-sided", "side": "up"}, "bid"),
        ({"endpoint": "dxlink", "mode": "duplicate"}, "misaligned"),
        ([], "object"),
    ],
)
async def test_what_does_not_exist_is_refused_with_what_does(broker: Broker, body: Any, text: str) -> None:
    async with broker.http.post(f"{broker.rest}/faults", json=body) as answer:
        assert answer.status == 400
        assert text in await answer.text()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("faults.json", '[{"endpoint": "positions", "mode": "drop", "count": 2}]'),
        (
            "faults.toml",
            '[[rules]]\nendpoint = "positions"\nmode = "drop"\ncount = 2\nat = 2026-06-02T14:00:00Z\n',
        ),
    ],
)
async def test_rules_may_come_from_a_file(broker: Broker, tmp_path: Path, name: str, content: str) -> None:
    path = tmp_path / name
    path.write_text(content)
    broker.server.services.faults.load(path)
    for _ in range(2):
        with pytest.raises(httpx2.RemoteProtocolError):
            await broker.account.get_positions(broker.session)
    assert await broker.account.get_positions(broker.session) == []


@pytest.mark.parametrize("content", ["", "{", "7", '[{"mode": "explode"}]', '{"faults": []}'])
async def test_a_file_without_faults_is_refused(broker: Broker, tmp_path: Path, content: str) -> None:
    path = tmp_path / "faults.json"
    path.write_text(content)
    with pytest.raises(UsageProblem) as refused:
        broker.server.services.faults.load(path)
    assert refused.value.code == "E_FAULTS_FILE"


async def test_every_fault_is_listed_and_documented(broker: Broker) -> None:
    async with broker.http.get(f"{broker.rest}/faults?known") as answer:
        known = (await answer.json())["known"]
    text = (Path(__file__).parents[2] / "docs" / "simulator.md").read_text()
    assert [one["mode"] for one in known] == [fault.mode for fault in FAULTS]
    assert [
        fault.mode for fault in FAULTS if f"`{fault.mode.removesuffix('-after-accept')}`" not in text
    ] == []
