"""The gateway's reads against the real simulator, over real HTTP."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from senex.broker.errors import TokenRefused
from senex.broker.gateway import open_gateway
from senex.bus.clock import open_clock
from senex.domain.errors import Refused, Unavailable, UsageProblem
from senex.domain.unknown import Unknown
from tests.contract.gateway.lying_broker import LyingBroker, lying

if TYPE_CHECKING:
    from senex.broker.recorder import Exchange
    from tests.contract.gateway.gateway_support import Desk
    from tests.simulated import Simulated


async def test_account_facts_balances_and_holdings(desk: Desk) -> None:
    (facts,) = await desk.gateway.accounts()
    assert facts.number == desk.number
    assert facts.margin_or_cash == "Margin"
    assert not facts.closed
    balances = await desk.gateway.balances(desk.number)
    assert balances.net_liquidation > 0
    assert balances.option_buying_power > 0
    assert await desk.gateway.holdings(desk.number) == ()


async def test_the_chain_has_both_symbols_of_every_contract(desk: Desk) -> None:
    chain = await desk.gateway.chain("QQQ")
    assert chain.spread_tick == Decimal("0.01")
    days = [expiration.day for expiration in chain.expirations]
    assert days == sorted(days)
    for expiration in chain.expirations:
        prices = [strike.price for strike in expiration.strikes]
        assert prices == sorted(set(prices))
    strike = chain.expirations[0].strikes[0]
    assert strike.put.occ.startswith("QQQ   ")
    assert strike.put.streamer.startswith(".QQQ")
    stops = await desk.gateway.stops_trading_at([strike.put.occ, strike.call.occ])
    local = {stop.astimezone(ZoneInfo("America/New_York")) for stop in stops.values()}
    assert {(stop.date(), stop.hour, stop.minute) for stop in local} == {(days[0], 16, 15)}


async def test_what_is_open_and_trades_of_contracts_is_told(desk: Desk) -> None:
    chain = await desk.gateway.chain("QQQ")
    every = [each.put.occ for expiration in chain.expirations for each in expiration.strikes][:150]
    told = await desk.gateway.activity(every)
    assert list(told) == every
    counts = [one.open_interest for one in told.values()]
    assert all(isinstance(count, int) for count in counts)
    assert any(counts)


async def test_metrics_are_percent(desk: Desk) -> None:
    metrics = await desk.gateway.metrics("QQQ")
    for figure in (metrics.iv_rank, metrics.iv_percentile, metrics.iv30, metrics.hv30):
        assert not isinstance(figure, Unknown)
        assert 1 < figure < 100


async def test_a_dividend_is_announced_with_its_amount(desk: Desk) -> None:
    dividend = await desk.gateway.dividend("SPY")
    assert dividend is not None
    assert not isinstance(dividend.amount, Unknown)
    assert 0 < dividend.amount < 10
    assert await desk.gateway.dividend("SPX") is None


async def test_candles_end_before_todays_session(desk: Desk) -> None:
    today = desk.clock.now().astimezone(ZoneInfo("America/New_York")).date()
    since = today - timedelta(days=30)
    bars = await desk.gateway.daily_candles("SPY", since)
    days = [bar.day for bar in bars]
    assert days == sorted(set(days))
    assert days[0] >= since
    assert today - timedelta(days=4) <= days[-1] < today
    assert all(bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high for bar in bars)


@pytest.mark.parametrize("ask", ["chain", "metrics"])
async def test_an_unknown_underlying_is_said_plainly(desk: Desk, ask: str) -> None:
    with pytest.raises(UsageProblem, match="ZZZZ") as caught:
        await getattr(desk.gateway, ask)("ZZZZ")
    assert caught.value.code == "E_SYMBOL_UNKNOWN"


async def test_a_dry_run_tells_effect_and_fees_and_sends_nothing(desk: Desk) -> None:
    ticket = await desk.ticket()
    told = await desk.gateway.dry_run(ticket)
    assert told.margin_requirement > 0
    assert told.fees is not None
    assert told.fees > 0
    assert await desk.sent(ticket) == []


async def test_a_dry_run_the_broker_would_refuse_names_its_reasons(desk: Desk) -> None:
    ticket = await desk.ticket(quantity=5000)
    with pytest.raises(Refused) as caught:
        await desk.gateway.dry_run(ticket)
    assert caught.value.code == "E_BROKER_PREFLIGHT"
    assert caught.value.reasons


async def test_a_read_is_tried_again_after_a_failure(desk: Desk, simulator: Simulated) -> None:
    simulator.fault(endpoint="positions", mode="status", status=503)
    simulator.fault(endpoint="positions", mode="html", status=502)
    assert await desk.gateway.holdings(desk.number) == ()


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ({"mode": "status", "status": 503}, "E_BROKER_AWAY"),
        ({"mode": "status", "status": 429}, "E_BROKER_BUSY"),
        ({"mode": "html", "status": 502}, "E_BROKER_AWAY"),
        ({"mode": "html", "status": 200}, "E_BROKER_ANSWER"),
        ({"mode": "drop"}, "E_BROKER_AWAY"),
    ],
)
async def test_a_lasting_failure_has_its_code(
    desk: Desk, simulator: Simulated, fault: dict[str, object], code: str
) -> None:
    simulator.fault(endpoint="positions", count=9, **fault)
    with pytest.raises(Unavailable) as caught:
        await desk.gateway.holdings(desk.number)
    assert caught.value.code == code


async def test_an_expired_token_is_renewed_once_and_the_read_succeeds(
    desk: Desk, simulator: Simulated
) -> None:
    await desk.gateway.accounts()
    simulator.fault(endpoint="token", mode="expire")
    desk.exchanges.clear()
    assert await desk.gateway.holdings(desk.number) == ()
    assert [each.path for each in desk.exchanges].count("/oauth/token") == 1


async def test_a_refused_login_is_not_hammered(desk: Desk, simulator: Simulated) -> None:
    exchanges: list[Exchange] = []

    async def record(exchange: Exchange) -> None:
        exchanges.append(exchange)

    wrong = replace(simulator.access, refresh_token="wrong")
    async with open_gateway(wrong, clock=desk.clock, recorder=record) as gateway:
        for _ in range(3):
            with pytest.raises(TokenRefused) as caught:
                await gateway.accounts()
    assert caught.value.code == "E_BROKER_TOKEN"
    assert len(exchanges) == 1


async def test_tokens_are_struck_out_of_the_record(desk: Desk, simulator: Simulated) -> None:
    await desk.gateway.daily_candles("QQQ", desk.clock.now().date() - timedelta(days=5))
    bodies = {each.path: each.body for each in desk.exchanges}
    assert '"access_token":"***"' in bodies["/oauth/token"]
    assert '"token":"***"' in bodies["/api-quote-tokens"]
    assert all(simulator.access.refresh_token not in body for body in bodies.values())


async def test_a_recorder_that_fails_costs_the_record_only(desk: Desk, simulator: Simulated) -> None:
    async def fail(_: Exchange) -> None:
        raise RuntimeError("the disk is full")

    async with open_gateway(simulator.access, clock=desk.clock, recorder=fail) as gateway:
        assert await gateway.holdings(desk.number) == ()


def test_a_clock_that_is_away_stops_the_start() -> None:
    with pytest.raises(Unavailable) as caught:
        open_clock("ws://127.0.0.1:9/clock", timeout=0.3)
    assert caught.value.code == "E_CLOCK_AWAY"


async def test_the_clock_here_is_compared_with_the_brokers(desk: Desk) -> None:
    assert await desk.gateway.clock_offset() == timedelta(0)  # its answers are dated in machine time
    async with lying(LyingBroker()) as broker, open_gateway(broker.access, clock=desk.clock) as gateway:
        broker.date = "Thu, 01 Jan 2026 00:00:00 GMT"
        assert await gateway.clock_offset() > timedelta(days=1)
        broker.date = "Thu, 01 Jan 2099 00:00:00 GMT"
        assert await gateway.clock_offset() < -timedelta(days=1)
        broker.date = "soon"
        with pytest.raises(Unavailable, match="what time it is"):
            await gateway.clock_offset()
