"""What the simulator's contract tests share: a running broker, and a Trident on its own chain."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tastytrade import AlertStreamer, DXLinkStreamer
from tastytrade.instruments import NestedOptionChain
from tastytrade.market_data import get_market_data_by_type
from tastytrade.order import (
    AdvancedInstructions,
    InstrumentType,
    Leg,
    LimitOrder,
    OrderAction,
    OrderTimeInForce,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager

    import aiohttp
    from tastytrade import Account, Session
    from tastytrade.market_data import MarketData

    from senex.simulator.assembly import Simulator
    from senex.simulator.server import Server


@dataclass
class Broker:
    """A running simulator and an SDK session on it. Its market is paused: tests step it."""

    simulator: Simulator
    server: Server
    rest: str
    session: Session
    account: Account
    http: aiohttp.ClientSession

    async def clock(self, **body: object) -> dict[str, Any]:
        """POST /clock."""
        async with self.http.post(f"{self.rest}/clock", json=body) as answer:
            return dict(await answer.json())

    async def fault(self, **body: object) -> None:
        """POST /faults."""
        async with self.http.post(f"{self.rest}/faults", json=body) as answer:
            assert answer.status == 200, await answer.text()

    async def heal(self) -> None:
        """DELETE /faults."""
        async with self.http.delete(f"{self.rest}/faults") as answer:
            assert answer.status == 200, await answer.text()

    def quotes(self) -> AbstractAsyncContextManager[DXLinkStreamer]:
        """A market data stream."""
        return DXLinkStreamer(self.session)

    @asynccontextmanager
    async def alerts(self) -> AsyncIterator[AlertStreamer]:
        """An alert stream, connected to the account."""
        async with AlertStreamer(self.session) as streamer:
            await streamer.subscribe_accounts([self.account])
            yield streamer


@dataclass
class Trident:
    """Four contracts: sold put and call at the body, bought wings."""

    put: str
    put_wing: str
    call: str
    call_wing: str
    streamers: dict[str, str]

    @property
    def symbols(self) -> list[str]:
        """The four OCC symbols."""
        return [self.put, self.put_wing, self.call, self.call_wing]

    def order(self, price: Decimal, *, units: int = 1, **fields: object) -> LimitOrder:
        """The entry at a signed price."""
        return LimitOrder(
            time_in_force=fields.pop("time_in_force", OrderTimeInForce.DAY),
            price=price,
            legs=[
                leg(self.put, OrderAction.SELL_TO_OPEN, 2 * units),
                leg(self.put_wing, OrderAction.BUY_TO_OPEN, 2 * units),
                leg(self.call, OrderAction.SELL_TO_OPEN, units),
                leg(self.call_wing, OrderAction.BUY_TO_OPEN, units),
            ],
            **fields,
        )

    def put_target(self, price: Decimal, quantity: int = 1) -> LimitOrder:
        """A GTC order that closes put spreads, strictly."""
        return target(self.put, self.put_wing, price, quantity)

    def call_target(self, price: Decimal) -> LimitOrder:
        """A GTC order that closes the call spread, strictly."""
        return target(self.call, self.call_wing, price, 1)


def leg(symbol: str, action: OrderAction, quantity: int) -> Leg:
    """An option leg."""
    return Leg(instrument_type=InstrumentType.EQUITY_OPTION, symbol=symbol, action=action, quantity=quantity)


def target(short: str, long: str, price: Decimal, quantity: int) -> LimitOrder:
    """Buy a spread back."""
    return LimitOrder(
        time_in_force=OrderTimeInForce.GTC,
        price=price,
        advanced_instructions=AdvancedInstructions(strict_position_effect_validation=True),
        legs=[
            leg(short, OrderAction.BUY_TO_CLOSE, quantity),
            leg(long, OrderAction.SELL_TO_CLOSE, quantity),
        ],
    )


async def find_trident(session: Session, symbol: str = "QQQ", width: int = 7) -> Trident:
    """The Trident 45 days out at the even strike nearest the price."""
    chain = (await NestedOptionChain.get(session, symbol))[0]
    quote = (await get_market_data_by_type(session, equities=[symbol]))[0]
    assert quote.mid is not None
    body = 2 * int(quote.mid / 2 + Decimal("0.5"))
    expiration = min(chain.expirations, key=lambda one: abs(one.days_to_expiration - 45))
    strikes = {strike.strike_price: strike for strike in expiration.strikes}
    middle, below, above = (
        strikes[Decimal(body)],
        strikes[Decimal(body - width)],
        strikes[Decimal(body + width)],
    )
    return Trident(
        put=middle.put,
        put_wing=below.put,
        call=middle.call,
        call_wing=above.call,
        streamers={
            middle.put: middle.put_streamer_symbol,
            below.put: below.put_streamer_symbol,
            middle.call: middle.call_streamer_symbol,
            above.call: above.call_streamer_symbol,
        },
    )


@dataclass
class Net:
    """A Trident's net prices: credits per share."""

    natural: Decimal
    mid: Decimal
    opposite: Decimal


async def net_of(session: Session, trident: Trident) -> Net:
    """Price a Trident from the simulator's quotes over REST."""
    quotes = {
        quote.symbol: quote for quote in await get_market_data_by_type(session, options=trident.symbols)
    }
    ratios = dict(zip(trident.symbols, (2, -2, 1, -1), strict=True))

    def price(short: str, long: str) -> Decimal:
        def one(symbol: str, ratio: int) -> Decimal:
            quote: MarketData = quotes[symbol]
            value = getattr(quote, short if ratio > 0 else long)
            assert value is not None
            return ratio * Decimal(value)

        return sum((one(symbol, ratio) for symbol, ratio in ratios.items()), Decimal(0))

    natural, opposite = price("bid", "ask"), price("ask", "bid")
    return Net(natural, (natural + opposite) / 2, opposite)
