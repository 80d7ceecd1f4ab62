"""The whole reading surface of the SDK: every method answers, and no reply says what the broker would not."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel
from tastytrade import Account
from tastytrade.instruments import (
    Cryptocurrency,
    Equity,
    Forex,
    Future,
    FutureOption,
    FutureOptionProduct,
    FutureProduct,
    NestedFutureOptionChain,
    NestedOptionChain,
    Option,
    Warrant,
    get_future_option_chain,
    get_option_chain,
    get_quantity_decimal_precisions,
)
from tastytrade.market_data import get_market_data, get_market_data_by_type
from tastytrade.market_sessions import (
    ExchangeType,
    get_futures_holidays,
    get_market_holidays,
    get_market_sessions,
)
from tastytrade.metrics import get_dividends, get_earnings, get_market_metrics, get_risk_free_rate
from tastytrade.order import (
    BuyingPowerEffect,
    FeeCalculation,
    InstrumentType,
    LimitOrder,
    OrderAction,
    OrderTimeInForce,
    OTOCOOrder,
    OTOOrder,
    PlacedComplexOrder,
    PlacedOrder,
    PlacedOrderResponse,
    StopOrder,
    UnplacedComplexOrder,
    UnplacedOrder,
)
from tastytrade.search import symbol_search
from tastytrade.watchlists import PairsWatchlist, PrivateWatchlist, PublicWatchlist, Watchlist

from tests.contract.sdk_surface import Replies, public_reads, strangers

if TYPE_CHECKING:
    from tests.contract.simulator_support import Broker

Read = Callable[[], Awaitable[Any]]
_DASHED = {"buying-power-effect", "fee-calculation"}


async def _busy(broker: Broker) -> tuple[int, int]:
    """Shares bought, one order and one complex order working; gives those two ids."""
    session, account = broker.session, broker.account
    shares = await Equity.get(session, "F")

    def limit(quantity: int, action: OrderAction, price: str) -> LimitOrder:
        return LimitOrder(
            time_in_force=OrderTimeInForce.GTC,
            legs=[shares.build_leg(Decimal(quantity), action)],
            price=Decimal(price),
        )

    bought = await account.place_order(session, limit(10, OrderAction.BUY_TO_OPEN, "-20"), dry_run=False)
    while (await account.get_order(session, bought.order.id)).status != "Filled":
        await broker.clock(step=1)
    working = await account.place_order(session, limit(1, OrderAction.BUY_TO_OPEN, "-2"), dry_run=False)
    trigger = OTOCOOrder(
        trigger_order=limit(1, OrderAction.BUY_TO_OPEN, "-2"),
        take_profit=limit(1, OrderAction.SELL_TO_CLOSE, "400"),
        stop_loss=StopOrder(
            time_in_force=OrderTimeInForce.GTC,
            legs=[shares.build_leg(Decimal(1), OrderAction.SELL_TO_CLOSE)],
            stop_trigger=Decimal("1.5"),
        ),
    )
    complex_order = await account.place_complex_order(session, trigger, dry_run=False)
    watched = PrivateWatchlist(name="Mine")
    watched.add_symbol("F", InstrumentType.EQUITY)
    await watched.upload(session)
    return working.order.id, complex_order.complex_order.id


def _account_reads(broker: Broker, order: int, complex_order: int, transaction: int) -> dict[str, list[Read]]:
    session, account = broker.session, broker.account
    return {
        "Account.get": [
            lambda: Account.get(session),
            lambda: Account.get(session, account.account_number),
        ],
        "Account.get_trading_status": [lambda: account.get_trading_status(session)],
        "Account.get_balances": [lambda: account.get_balances(session)],
        "Account.get_balance_snapshots": [lambda: account.get_balance_snapshots(session)],
        "Account.get_positions": [
            lambda: account.get_positions(session, include_marks=True),
            lambda: account.get_positions(session, include_closed=True),
        ],
        "Account.get_history": [lambda: account.get_history(session, page_offset=None)],
        "Account.get_transaction": [lambda: account.get_transaction(session, transaction)],
        "Account.get_total_fees": [lambda: account.get_total_fees(session)],
        "Account.get_net_liquidating_value_history": [
            lambda: account.get_net_liquidating_value_history(session, time_back="1d")
        ],
        "Account.get_margin_requirements": [lambda: account.get_margin_requirements(session)],
        "Account.get_live_orders": [lambda: account.get_live_orders(session)],
        "Account.get_live_complex_orders": [lambda: account.get_live_complex_orders(session)],
        "Account.get_complex_order": [lambda: account.get_complex_order(session, complex_order)],
        "Account.get_order": [lambda: account.get_order(session, order)],
        "Account.get_order_history": [lambda: account.get_order_history(session, page_offset=None)],
        "Account.get_complex_order_history": [
            lambda: account.get_complex_order_history(session, page_offset=None)
        ],
        "Account.get_order_buying_power_effect": [],  # a dry run: tests of orders have it
        "Session.get_customer": [session.get_customer],
        "Session.validate": [session.validate],
        "PrivateWatchlist.get": [
            lambda: PrivateWatchlist.get(session),
            lambda: PrivateWatchlist.get(session, "Mine"),
        ],
    }


def _instrument_reads(broker: Broker, option: str, future: str, future_option: str) -> dict[str, list[Read]]:
    session = broker.session
    return {
        "Cryptocurrency.get": [
            lambda: Cryptocurrency.get(session),
            lambda: Cryptocurrency.get(session, ["BTC/USD"]),
            lambda: Cryptocurrency.get(session, "ETH/USD"),
        ],
        "Equity.get": [
            lambda: Equity.get(session, "SPX"),
            lambda: Equity.get(session, ["F", "QQQ"], is_etf=True, page_offset=None),
        ],
        "Equity.get_active_equities": [
            lambda: Equity.get_active_equities(session, per_page=7, page_offset=None)
        ],
        "Forex.get": [lambda: Forex.get(session)],
        "Future.get": [
            lambda: Future.get(session, future),
            lambda: Future.get(session, product_codes=["ES", "CL"], per_page=5, page_offset=None),
        ],
        "FutureOption.get": [lambda: FutureOption.get(session, future_option)],
        "FutureOptionProduct.get": [
            lambda: FutureOptionProduct.get(session),
            lambda: FutureOptionProduct.get(session, "LO"),
        ],
        "FutureProduct.get": [
            lambda: FutureProduct.get(session),
            lambda: FutureProduct.get(session, "VX", "CFE"),
        ],
        "NestedFutureOptionChain.get": [lambda: NestedFutureOptionChain.get(session, "/CL")],
        "NestedOptionChain.get": [
            lambda: NestedOptionChain.get(session, "F"),
            lambda: NestedOptionChain.get(session, "SPX"),
        ],
        "Option.get": [lambda: Option.get(session, option)],
        "Warrant.get": [lambda: Warrant.get(session), lambda: Warrant.get(session, "NKLAW")],
        "get_future_option_chain": [lambda: get_future_option_chain(session, "GC")],
        "get_option_chain": [lambda: get_option_chain(session, "F")],
        "get_quantity_decimal_precisions": [lambda: get_quantity_decimal_precisions(session)],
    }


def _market_reads(broker: Broker, option: str, future: str, future_option: str) -> dict[str, list[Read]]:
    session = broker.session
    return {
        "get_market_data": [
            lambda: get_market_data(session, "VIX", InstrumentType.INDEX),
            lambda: get_market_data(session, "BTC/USD", InstrumentType.CRYPTOCURRENCY),
            lambda: get_market_data(session, future, InstrumentType.FUTURE),
        ],
        "get_market_data_by_type": [
            lambda: get_market_data_by_type(
                session,
                cryptocurrencies=["ETH/USD"],
                equities=["F", "QQQ"],
                futures=[future],
                future_options=[future_option],
                indices=["SPX"],
                options=[option],
            )
        ],
        "get_market_sessions": [lambda: get_market_sessions(session, list(ExchangeType))],
        "get_market_holidays": [lambda: get_market_holidays(session)],
        "get_futures_holidays": [lambda: get_futures_holidays(session, ExchangeType.CFE)],
        "get_market_metrics": [lambda: get_market_metrics(session, ["QQQ", "F", "SPX"])],
        "get_dividends": [lambda: get_dividends(session, "QQQ")],
        "get_earnings": [lambda: get_earnings(session, "AAPL", date(2025, 1, 1))],
        "get_risk_free_rate": [lambda: get_risk_free_rate(session)],
        "symbol_search": [lambda: symbol_search(session, "/E")],
        "PublicWatchlist.get": [
            lambda: PublicWatchlist.get(session),
            lambda: PublicWatchlist.get(session, counts_only=True),
            lambda: PublicWatchlist.get(session, "Crypto"),
        ],
        "PairsWatchlist.get": [
            lambda: PairsWatchlist.get(session),
            lambda: PairsWatchlist.get(session, "Stocks"),
        ],
    }


@pytest.fixture
async def reads(broker: Broker) -> dict[str, list[Read]]:
    """Every read the SDK has, ready to be called, of a broker where there is something to read."""
    session = broker.session
    order, complex_order = await _busy(broker)
    transaction = (await broker.account.get_history(session, page_offset=0))[0].id
    option = (await NestedOptionChain.get(session, "F"))[0].expirations[0].strikes[0].put
    chain = await NestedFutureOptionChain.get(session, "CL")
    known = chain.option_chains[0].expirations[0]
    instruments = (option, known.underlying_symbol, known.strikes[0].call)
    return (
        _account_reads(broker, order, complex_order, transaction)
        | _instrument_reads(broker, *instruments)
        | _market_reads(broker, *instruments)
    )


def _first(found: Any) -> Any:
    """The first thing in an answer, however it is wrapped; None when there is nothing."""
    while isinstance(found, dict | list):
        found = next(iter(found.values() if isinstance(found, dict) else found), None)
    return found


async def test_every_read_answers_with_what_the_sdk_needs_and_nothing_else(
    broker: Broker, reads: dict[str, list[Read]]
) -> None:
    assert set(reads) == public_reads()
    replies = Replies(broker.session)
    empty, strange = [], set()
    for name, calls in reads.items():
        for call in calls:
            found = _first(await call())
            if found is None:
                empty.append(name)
            if isinstance(found, BaseModel):
                strange |= {f"{name}: {key}" for key in strangers(type(found), replies.objects)}

    assert empty == []
    assert sorted(strange) == [], "\n".join(sorted(strange))


async def test_answers_to_orders_say_nothing_else_either(broker: Broker) -> None:
    session, account = broker.session, broker.account
    replies, strange = Replies(session), set[str]()

    def look(model: type[BaseModel], *parts: str) -> None:
        content = replies.last["data"]
        for part in parts:
            content = content[part]
        strange.update(strangers(model, content))

    order, _ = await _busy(broker)
    look(Watchlist)
    shares = await Equity.get(session, "F")
    leg = shares.build_leg(Decimal(1), OrderAction.BUY_TO_OPEN)
    cheaper = LimitOrder(time_in_force=OrderTimeInForce.GTC, legs=[leg], price=Decimal("-2.5"))
    await account.place_order(session, cheaper, dry_run=True)
    look(UnplacedOrder, "order")
    look(BuyingPowerEffect, "buying-power-effect")
    look(FeeCalculation, "fee-calculation")
    assert set(replies.last["data"]) <= {*PlacedOrderResponse.model_fields, *_DASHED}
    await account.place_order(session, cheaper, dry_run=False)
    look(PlacedOrder, "order")
    await account.replace_order(session, order, cheaper)
    look(PlacedOrder)
    pair = OTOOrder(trigger_order=cheaper, orders=[cheaper])
    await account.place_complex_order(session, pair, dry_run=True)
    look(UnplacedComplexOrder, "complex-order")
    await account.place_complex_order(session, pair, dry_run=False)
    look(PlacedComplexOrder, "complex-order")

    assert strange == set()
