"""Orders at the simulator, from dry run to position, with the unmodified SDK over sockets."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from tastytrade.account import AccountBalance, CurrentPosition
from tastytrade.order import (
    InstrumentType,
    Leg,
    LimitOrder,
    MarketOrder,
    OrderAction,
    OrderStatus,
    OrderTimeInForce,
    PlacedOrder,
)
from tastytrade.utils import TastytradeError

from tests.contract.simulator_support import find_trident, leg, net_of, target
from tests.waiting import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from tastytrade import AlertStreamer

    from tests.contract.simulator_support import Broker, Trident

CENT = Decimal("0.01")
FEES_TO_OPEN = Decimal("6.84")
"""Of a Trident, without the SEC's: about a dime on what is sold."""
"""6 contracts: 6.00 commission, 0.60 clearing, 0.24 regulatory (rounded by line)."""


@dataclass
class Filled:
    """An entry that was filled, and the market it was filled in."""

    trident: Trident
    order: PlacedOrder
    limit: Decimal


async def until(stream: AlertStreamer, *statuses: OrderStatus) -> PlacedOrder:
    """The next order alert with one of the statuses."""
    async with asyncio.timeout(PATIENCE):
        async for order in stream.listen(PlacedOrder):
            if order.status in statuses:
                return order
    raise AssertionError


async def enter(broker: Broker, symbol: str = "QQQ", units: int = 1) -> Filled:
    """Enter a Trident at mid and step the market until it is filled."""
    trident = await find_trident(broker.session, symbol)
    limit = (await net_of(broker.session, trident)).mid.quantize(CENT)
    order = trident.order(limit, units=units, external_identifier="senex-00000000-1")
    async with broker.alerts() as alerts:
        placed = await broker.account.place_order(broker.session, order, dry_run=False)
        await until(alerts, OrderStatus.LIVE)
        await broker.clock(step=40)
        return Filled(trident, await until(alerts, OrderStatus.FILLED), placed.order.price)


def net_fill(order: PlacedOrder) -> Decimal:
    """The net credit per reduced unit that the leg fills make."""
    return -order.average_fill_price()


async def test_a_dry_run_says_what_it_costs_and_leaves_nothing(broker: Broker) -> None:
    trident = await find_trident(broker.session)
    mid = (await net_of(broker.session, trident)).mid.quantize(CENT)

    tried = await broker.account.place_order(broker.session, trident.order(mid), dry_run=True)

    effect, fees = tried.buying_power_effect, tried.fee_calculation
    assert fees is not None
    costs = -fees.total_fees
    assert FEES_TO_OPEN < costs < FEES_TO_OPEN + Decimal("0.15")
    assert effect.change_in_margin_requirement == -1400  # the larger side: 2 put spreads, 7 wide
    assert effect.change_in_buying_power == 100 * mid - 1400 - costs
    assert effect.new_buying_power == 50_000 + effect.change_in_buying_power
    assert await broker.account.get_order_history(broker.session) == []
    assert (await broker.account.get_balances(broker.session)).derivative_buying_power == 50_000


@pytest.mark.parametrize("symbol", ["QQQ", "SPY"])
@pytest.mark.parametrize("seed", [1, 2, 3, 99])
async def test_an_entry_at_mid_fills_within_seconds_and_inside_the_market(
    serve: Callable[..., AbstractAsyncContextManager[Broker]], symbol: str, seed: int
) -> None:
    async with serve(seed=seed) as broker:
        trident = await find_trident(broker.session, symbol)
        limit = (await net_of(broker.session, trident)).mid.quantize(CENT)
        placed = await broker.account.place_order(broker.session, trident.order(limit), dry_run=False)
        async with broker.alerts() as alerts:
            for _ in range(32):  # 8 seconds of market time
                await broker.clock(step=1)
                order = await broker.account.get_order(broker.session, placed.order.id)
                if order.status is OrderStatus.FILLED:
                    break
            filled = await until(alerts, OrderStatus.FILLED)
        net = await net_of(broker.session, trident)

    assert order.status is OrderStatus.FILLED
    assert filled.legs == order.legs
    assert limit <= net_fill(order)
    assert net.natural <= net_fill(order) <= net.opposite


async def test_the_alerts_tell_the_order_then_positions_then_balance(broker: Broker) -> None:
    trident = await find_trident(broker.session)
    limit = (await net_of(broker.session, trident)).mid.quantize(CENT)
    async with broker.alerts() as alerts:
        await broker.account.place_order(broker.session, trident.order(limit), dry_run=False)
        seen = [(await until(alerts, *OrderStatus)).status for _ in range(4)]
        await broker.clock(step=40)
        seen.append((await until(alerts, *OrderStatus)).status)
        positions = [await anext(alerts.listen(CurrentPosition)) for _ in range(4)]
        balance = await anext(alerts.listen(AccountBalance))

    assert seen == [
        OrderStatus.RECEIVED,
        OrderStatus.ROUTED,
        OrderStatus.IN_FLIGHT,
        OrderStatus.LIVE,
        OrderStatus.FILLED,
    ]
    assert [one.symbol for one in positions] == trident.symbols
    assert balance.cash_balance == (await broker.account.get_balances(broker.session)).cash_balance


async def test_a_fill_moves_cash_positions_and_balances_alike(broker: Broker) -> None:
    filled = await enter(broker)
    session, account = broker.session, broker.account
    balances = await account.get_balances(session)
    positions = await account.get_positions(session, include_marks=True)
    history = await account.get_history(session, page_offset=None)

    held = {one.symbol: one.quantity * (1 if one.quantity_direction == "Long" else -1) for one in positions}
    assert held == dict(zip(filled.trident.symbols, (-2, 2, -1, 1), strict=True))
    assert balances.cash_balance == sum(entry.net_value for entry in history)
    costs = sum(entry.value - entry.net_value for entry in history)
    assert FEES_TO_OPEN < costs < FEES_TO_OPEN + Decimal("0.15")
    assert balances.cash_balance == 50_000 + 100 * net_fill(filled.order) - costs
    assert balances.maintenance_requirement == 1400
    assert balances.derivative_buying_power == balances.cash_balance - 1400
    marked = sum((one.mark_price or 0) * held[one.symbol] * one.multiplier for one in positions)
    assert balances.net_liquidating_value == balances.cash_balance + marked
    fills = {one.symbol: one.fills[0] for one in filled.order.legs if one.fills}
    assert all(one.average_open_price == fills[one.symbol].fill_price for one in positions)
    trades = [entry for entry in history if entry.transaction_type == "Trade"]
    assert {entry.order_id for entry in trades} == {filled.order.id}
    assert (await account.get_transaction(session, trades[0].id)) == trades[0]
    assert (await account.get_total_fees(session)).total_fees == 0  # the SDK asks for the wall clock's day


async def test_the_external_identifier_is_echoed_and_never_deduplicated(broker: Broker) -> None:
    trident = await find_trident(broker.session)
    far = (await net_of(broker.session, trident)).opposite + 1
    for _ in range(2):
        order = trident.order(far, external_identifier="senex-00000000-twice")
        await broker.account.place_order(broker.session, order, dry_run=False)

    orders = await broker.account.get_order_history(broker.session, page_offset=None, per_page=1)

    assert [order.external_identifier for order in orders] == ["senex-00000000-twice"] * 2
    assert orders[0].id > orders[1].id


async def test_targets_work_at_their_price_and_take_up_the_position(broker: Broker) -> None:
    filled = await enter(broker)
    session, account, trident = broker.session, broker.account, filled.trident
    for order in (
        trident.put_target(Decimal("-1.80")),
        trident.put_target(Decimal("-1.20")),
        trident.call_target(Decimal("-1.90")),
    ):
        await account.place_order(session, order, dry_run=False)
    await broker.clock(step=200)

    live = await account.get_live_orders(session)
    working = [order for order in live if order.status is OrderStatus.LIVE]
    assert [order.time_in_force for order in working] == [OrderTimeInForce.GTC] * 3
    with pytest.raises(TastytradeError, match="position_effect_validation_failed"):
        await account.place_order(session, trident.put_target(Decimal("-1.00")), dry_run=False)


async def test_a_close_of_two_is_priced_per_reduced_unit(broker: Broker) -> None:
    filled = await enter(broker)
    trident = filled.trident
    order = trident.put_target(Decimal("-7.00"), quantity=2)  # dearer than the market: fills at once

    placed = await broker.account.place_order(broker.session, order, dry_run=False)
    async with broker.alerts() as alerts:
        await broker.clock(step=2)
        done = await until(alerts, OrderStatus.FILLED)

    assert placed.order.size == 2
    assert Decimal("-7.00") < net_fill(done) < Decimal(-2)
    left = await broker.account.get_positions(broker.session)
    assert {one.symbol for one in left} == {trident.call, trident.call_wing}
    closed = await broker.account.get_positions(broker.session, include_closed=True)
    gains = {one.symbol: one.realized_today for one in closed if one.quantity == 0}
    put_credit = net_fill(filled.order) - _credit(filled.order, trident.call, trident.call_wing)
    assert sum(gains.values()) == 100 * (put_credit + 2 * net_fill(done))


def _credit(order: PlacedOrder, short: str, long: str) -> Decimal:
    fills = {one.symbol: one.fills[0].fill_price for one in order.legs if one.fills}
    return fills[short] - fills[long]


async def test_without_the_strict_flag_a_close_of_nothing_opens(broker: Broker) -> None:
    trident = await find_trident(broker.session)
    order = trident.put_target(Decimal("-1.00"))
    order.advanced_instructions = None

    placed = await broker.account.place_order(broker.session, order, dry_run=False)

    assert [one.action for one in placed.order.legs] == [OrderAction.BUY_TO_OPEN, OrderAction.SELL_TO_OPEN]


async def test_a_cancelled_order_never_fills(broker: Broker) -> None:
    trident = await find_trident(broker.session)
    limit = (await net_of(broker.session, trident)).mid.quantize(CENT)
    placed = await broker.account.place_order(broker.session, trident.order(limit), dry_run=False)
    async with broker.alerts() as alerts:
        await broker.account.delete_order(broker.session, placed.order.id)
        cancelled = await until(alerts, OrderStatus.CANCELLED)
        await broker.clock(step=60)

    assert cancelled.cancelled_at is not None
    assert await broker.account.get_positions(broker.session) == []
    assert (await broker.account.get_balances(broker.session)).derivative_buying_power == 50_000
    with pytest.raises(TastytradeError, match="cannot_update_order"):
        await broker.account.delete_order(broker.session, placed.order.id)


async def test_a_replaced_order_gives_way_to_its_successor(broker: Broker) -> None:
    trident = await find_trident(broker.session)
    net = await net_of(broker.session, trident)
    first = await broker.account.place_order(broker.session, trident.order(net.opposite + 1), dry_run=False)

    second = await broker.account.replace_order(
        broker.session, first.order.id, trident.order(net.mid.quantize(CENT))
    )

    old = await broker.account.get_order(broker.session, first.order.id)
    assert old.status is OrderStatus.CANCELLED
    assert (old.replacing_order_id, second.replaces_order_id) == (second.id, old.id)
    assert [one.symbol for one in second.legs] == trident.symbols


async def test_working_entries_reserve_buying_power(broker: Broker) -> None:
    trident = await find_trident(broker.session)
    far = (await net_of(broker.session, trident)).opposite + 1
    await broker.account.place_order(broker.session, trident.order(far), dry_run=False)

    balances = await broker.account.get_balances(broker.session)

    assert balances.derivative_buying_power == 50_000 + 100 * far - 1400
    assert balances.net_liquidating_value == 50_000


async def test_a_day_order_expires_at_the_close_and_a_gtc_order_does_not(broker: Broker) -> None:
    trident = await find_trident(broker.session)
    far = (await net_of(broker.session, trident)).opposite + 5
    day = await broker.account.place_order(broker.session, trident.order(far), dry_run=False)
    gtc = await broker.account.place_order(
        broker.session, trident.order(far, time_in_force=OrderTimeInForce.GTC), dry_run=False
    )
    async with broker.alerts() as alerts:
        await broker.clock(to="2026-06-02T20:14:59+00:00")
        assert (await broker.account.get_order(broker.session, day.order.id)).status is OrderStatus.LIVE
        await broker.clock(to="2026-06-02T20:15:00+00:00")
        expired = await until(alerts, OrderStatus.EXPIRED)

    assert expired.id == day.order.id
    kept = await broker.account.get_order(broker.session, gtc.order.id)
    assert kept.status is OrderStatus.LIVE


async def test_a_market_order_takes_the_far_side_at_once(broker: Broker) -> None:
    trident = await find_trident(broker.session)
    order = MarketOrder(legs=[leg(trident.call, OrderAction.BUY_TO_OPEN, 1)])
    async with broker.alerts() as alerts:
        await broker.account.place_order(broker.session, order, dry_run=False)
        await until(alerts, OrderStatus.LIVE)
        await broker.clock(step=1)
        filled = await until(alerts, OrderStatus.FILLED)

    quote = broker.simulator.exchange.board.quote(trident.call)
    assert quote is not None
    assert filled.average_fill_price() == Decimal(quote.ask) / 100


async def test_partial_fills_keep_the_ratio_and_the_totals(broker: Broker) -> None:
    await broker.fault(endpoint="fills", mode="partial", count=1)
    trident = await find_trident(broker.session)
    natural = (await net_of(broker.session, trident)).natural - Decimal("0.10")
    placed = await broker.account.place_order(broker.session, trident.order(natural, units=3), dry_run=False)
    async with broker.alerts() as alerts:
        await broker.clock(step=1)
        partial = await broker.account.get_order(broker.session, placed.order.id)
        await broker.clock(step=2)
        done = await until(alerts, OrderStatus.FILLED)

    assert partial.status is OrderStatus.LIVE
    assert [one.remaining_quantity for one in partial.legs] == [4, 4, 2, 2]
    assert [len(one.fills or []) for one in done.legs] == [3, 3, 3, 3]
    ids = [fill.fill_id for one in done.legs for fill in one.fills or []]
    assert len(set(ids)) == 12


async def test_stock_is_bought_and_counted(broker: Broker) -> None:
    stock = Leg(
        instrument_type=InstrumentType.EQUITY, symbol="SPY", action=OrderAction.BUY_TO_OPEN, quantity=10
    )
    order = LimitOrder(price=Decimal("-700.00"), legs=[stock])
    async with broker.alerts() as alerts:
        await broker.account.place_order(broker.session, order, dry_run=False)
        await until(alerts, OrderStatus.LIVE)
        await broker.clock(step=1)
        filled = await until(alerts, OrderStatus.FILLED)

    balances = await broker.account.get_balances(broker.session)
    assert balances.cash_balance == 50_000 - 10 * filled.average_fill_price() - Decimal("0.01")
    assert balances.long_equity_value > 0


def _changed(order: LimitOrder, **fields: object) -> LimitOrder:
    return order.model_copy(update=fields)


def _spoiled(trident: Trident) -> dict[str, LimitOrder]:
    """Orders that a broker refuses, by what is wrong with them."""
    good = trident.order(Decimal("9.00"))
    buy, sell = OrderAction.BUY_TO_OPEN, OrderAction.SELL_TO_OPEN
    far = trident.call[:-8] + "09999000"
    other = "SPY   260717C00600000"
    bought = _changed(good, legs=[leg(trident.call, buy, 1)])
    return {
        "unlisted strike": _changed(good, legs=[leg(far, sell, 1)]),
        "unknown root": _changed(good, legs=[leg("ZZZZ  260717P00500000", sell, 1)]),
        "off tick": _changed(good, price=Decimal("1.005")),
        "twice": _changed(good, legs=[*good.legs[:2], good.legs[0]]),
        "five legs": _changed(good, legs=[*good.legs, leg(far, buy, 1)]),
        "nothing to close": target(trident.put, trident.put_wing, Decimal(-1), 1),
        "too large": trident.order(Decimal("9.00"), units=120),
        "credit for a purchase": _changed(bought, price=Decimal(1)),
        "no quantity": _changed(bought, legs=[leg(trident.call, buy, 0)], price=Decimal(-1)),
        "two underlyings": _changed(good, legs=[good.legs[0], leg(other, buy, 1)]),
    }


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ("unlisted strike", "instrument_not_found"),
        ("unknown root", "instrument_not_found"),
        ("off tick", "invalid_price_increment"),
        ("twice", "duplicate_leg_symbol"),
        ("five legs", "invalid_number_of_legs"),
        ("nothing to close", "position_effect_validation_failed"),
        ("too large", "margin_check_failed"),
        ("credit for a purchase", "cant_buy_for_credit"),
        ("no quantity", "invalid_quantity"),
        ("two underlyings", "underlying_mismatch"),
    ],
)
async def test_what_a_broker_refuses_is_refused_with_a_code(broker: Broker, wrong: str, code: str) -> None:
    order = _spoiled(await find_trident(broker.session))[wrong]

    for dry_run in (True, False):
        with pytest.raises(TastytradeError, match=code):
            await broker.account.place_order(broker.session, order, dry_run=dry_run)

    assert await broker.account.get_order_history(broker.session) == []
