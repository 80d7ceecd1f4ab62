"""Paper on live quotes: another simulator is the live market; fills and books are ours."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from tastytrade.dxfeed import Quote
from tastytrade.instruments import NestedOptionChain
from tastytrade.market_data import get_market_data_by_type
from tastytrade.metrics import get_market_metrics
from tastytrade.order import OrderStatus

from senex.domain.errors import Unavailable
from senex.simulator.market.sessions import TICK
from senex.simulator.mirror.live import Live
from senex.simulator.mirror.upstream import Credentials
from tests.contract.simulator_support import find_trident, net_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager

    from tests.contract.simulator_support import Broker, Trident

    Serve = Callable[..., AbstractAsyncContextManager[Broker]]
PATIENCE = 30


@pytest.fixture
async def pair(serve: Serve) -> AsyncIterator[tuple[Broker, Broker]]:
    """A market, and a paper account on it."""
    async with serve() as market, aiohttp.ClientSession(trust_env=False) as http:
        live = Live(http, market.rest, credentials(market))
        await live.open()
        async with serve(live=live) as paper:
            yield market, paper


def credentials(broker: Broker) -> Credentials:
    tokens = broker.simulator.tokens
    return Credentials(tokens.client_secret, tokens.refresh_token)


async def until(fact: Callable[[], Any], *, move: Broker | None = None) -> None:
    """Wait until it is so; the market goes on meanwhile."""
    async with asyncio.timeout(PATIENCE):
        while not await fact():
            if move is not None:
                await move.clock(step=1)
            await asyncio.sleep(0.02)


async def filled(paper: Broker, order: int) -> bool:
    return (await paper.account.get_order(paper.session, order)).status is OrderStatus.FILLED


async def sell(paper: Broker, trident: Trident) -> int:
    """Sell at the natural price, which is there for the taking."""
    natural = (await net_of(paper.session, trident)).natural
    placed = await paper.account.place_order(paper.session, trident.order(natural), dry_run=False)
    return placed.order.id


async def test_quotes_chains_and_metrics_are_the_other_markets(pair: tuple[Broker, Broker]) -> None:
    market, paper = pair
    trident = await find_trident(market.session)
    assert await find_trident(paper.session) == trident
    assert await NestedOptionChain.get(paper.session, "QQQ") == await NestedOptionChain.get(
        market.session, "QQQ"
    )
    [here], [there] = [await get_market_metrics(one.session, ["QQQ"]) for one in (paper, market)]
    assert here.implied_volatility_index == there.implied_volatility_index
    [mine], [theirs] = [
        await get_market_data_by_type(one.session, options=[trident.put]) for one in (paper, market)
    ]
    assert (mine.bid, mine.ask) == (theirs.bid, theirs.ask)
    async with paper.quotes() as stream:
        await stream.subscribe(Quote, ["QQQ", trident.streamers[trident.put]])
        seen = {one.event_symbol: one for one in [await stream.get_event(Quote) for _ in range(2)]}
    assert seen[trident.streamers[trident.put]].bid_price == theirs.bid


async def test_an_order_fills_at_the_live_quotes_and_books_are_ours(pair: tuple[Broker, Broker]) -> None:
    market, paper = pair
    trident = await find_trident(paper.session)
    order = await sell(paper, trident)
    await until(lambda: filled(paper, order), move=market)
    positions = await paper.account.get_positions(paper.session)
    assert {one.symbol for one in positions} == set(trident.symbols)
    assert await market.account.get_positions(market.session) == []
    balances = await paper.account.get_balances(paper.session)
    assert balances.cash_balance > Decimal(50000)


async def test_its_time_is_the_other_markets_and_cannot_be_set(pair: tuple[Broker, Broker]) -> None:
    market, paper = pair
    told = await market.clock(step=40)

    async def there() -> bool:
        async with paper.http.get(f"{paper.rest}/clock") as answer:
            return bool((await answer.json())["instant"] == told["instant"])

    await until(there)
    assert (await paper.clock(speed=0))["error"]["code"] == "clock_is_followed"


async def test_nothing_fills_while_the_live_market_is_away(pair: tuple[Broker, Broker]) -> None:
    market, paper = pair
    trident = await find_trident(paper.session)
    await net_of(paper.session, trident)
    exchange = paper.simulator.exchange
    live = paper.simulator.mirror
    assert isinstance(live, Live)
    await market.fault(endpoint="dxlink", mode="freeze", seconds=3600)
    await market.fault(endpoint="dxlink", mode="abort")

    async def lost() -> bool:
        return not live.link.connected

    await until(lost)
    order = await sell(paper, trident)
    assert exchange.board.quote(trident.put) is not None
    assert exchange.board.firm(trident.put) is None
    exchange.advance(exchange.now() + 100 * TICK)
    assert not await filled(paper, order)
    async with market.http.delete(f"{market.rest}/faults") as answer:
        assert answer.status == 200

    async def back() -> bool:
        return exchange.board.firm(trident.put) is not None

    await until(back, move=market)
    await market.clock(step=120)
    await until(lambda: filled(paper, order), move=market)


async def test_a_one_sided_quote_never_fills(pair: tuple[Broker, Broker]) -> None:
    market, paper = pair
    trident = await find_trident(paper.session)
    await net_of(paper.session, trident)
    exchange = paper.simulator.exchange
    await market.fault(endpoint="quotes", mode="one-sided", count=1_000_000)

    async def gone() -> bool:
        return exchange.board.firm(trident.put) is None

    await until(gone, move=market)
    order = await sell(paper, trident)
    exchange.advance(exchange.now() + 100 * TICK)
    assert not await filled(paper, order)


async def test_an_environment_that_is_not_there_is_one_sentence() -> None:
    async with aiohttp.ClientSession(trust_env=False) as http:
        with pytest.raises(Unavailable, match="E_UPSTREAM"):
            await Live(http, "http://127.0.0.1:9", Credentials("a", "b")).open()
