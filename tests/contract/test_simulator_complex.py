"""Cancel, replace and complex orders at the simulator, with their races, by the unmodified SDK."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from tastytrade.order import (
    InstrumentType,
    Leg,
    LimitOrder,
    MarketOrder,
    OCOOrder,
    OrderAction,
    OrderStatus,
    OrderTimeInForce,
    OrderType,
    OTOCOOrder,
    OTOOrder,
    PlacedComplexOrder,
    PlacedOrder,
    StopOrder,
)
from tastytrade.utils import TastytradeError

from tests.contract.simulator_support import find_trident, net_of

if TYPE_CHECKING:
    from tests.contract.simulator_support import Broker

BUY, SELL = OrderAction.BUY_TO_OPEN, OrderAction.SELL_TO_CLOSE
LIVE, FILLED, CANCELLED = OrderStatus.LIVE, OrderStatus.FILLED, OrderStatus.CANCELLED
FAR = Decimal(5000)


def shares(action: OrderAction, quantity: int) -> Leg:
    """A leg of SPY."""
    return Leg(instrument_type=InstrumentType.EQUITY, symbol="SPY", action=action, quantity=quantity)


def limit(price: Decimal | int, *legs: Leg, **fields: object) -> LimitOrder:
    """A limit order, good till cancelled."""
    return LimitOrder(price=Decimal(price), legs=list(legs), time_in_force=OrderTimeInForce.GTC, **fields)


def stop(trigger: Decimal | int, *legs: Leg) -> StopOrder:
    """A stop order, good till cancelled."""
    return StopOrder(stop_trigger=Decimal(trigger), legs=list(legs), time_in_force=OrderTimeInForce.GTC)


async def place(broker: Broker, order: Any) -> PlacedOrder:
    """Submit an order."""
    placed: PlacedOrder = (await broker.account.place_order(broker.session, order, dry_run=False)).order
    return placed


async def place_complex(broker: Broker, order: Any) -> Any:
    """Submit a complex order."""
    return (await broker.account.place_complex_order(broker.session, order, dry_run=False)).complex_order


async def read(broker: Broker, order_id: int) -> PlacedOrder:
    """The order now."""
    return await broker.account.get_order(broker.session, order_id)


async def states(broker: Broker, known: PlacedComplexOrder) -> list[OrderStatus]:
    """The states of a complex order's members, the trigger first."""
    now = await broker.account.get_complex_order(broker.session, known.id)
    first = [] if now.trigger_order is None else [now.trigger_order.status]
    return [*first, *(order.status for order in now.orders)]


async def held(broker: Broker) -> Decimal:
    """How many shares the account holds."""
    positions = await broker.account.get_positions(broker.session)
    return sum((one.quantity for one in positions), Decimal(0))


def price(broker: Broker) -> Decimal:
    """SPY's ask."""
    quote = broker.simulator.exchange.board.quote("SPY")
    assert quote is not None
    return quote.ask_price


async def buy_shares(broker: Broker, quantity: int = 10) -> None:
    """Hold shares."""
    await place(broker, limit(-price(broker) - 5, shares(BUY, quantity)))
    await broker.clock(step=2)
    assert await held(broker) == quantity


async def test_an_oco_fills_one_side_and_cancels_the_other(broker: Broker) -> None:
    await buy_shares(broker)
    oco = OCOOrder(take_profit=limit(FAR, shares(SELL, 10)), stop_loss=stop(1, shares(SELL, 10)))
    placed = await place_complex(broker, oco)
    await broker.clock(step=40)
    before = await states(broker, placed)
    await broker.account.replace_order(
        broker.session, placed.take_profit.id, limit(price(broker) - 2, shares(SELL, 10))
    )
    await broker.clock(step=4)

    assert [order.status for order in placed.orders] == [OrderStatus.CONTINGENT] * 2
    assert {order.contingent_status for order in placed.orders} == {"Pending Order"}
    assert {order.complex_order_tag for order in placed.orders} == {"OCO::order"}
    assert before == [LIVE, LIVE]
    now = await broker.account.get_complex_order(broker.session, placed.id)
    assert [order.status for order in now.orders] == [FILLED, CANCELLED]
    assert now.orders[0].replaces_order_id == placed.take_profit.id
    assert now.related_orders == [
        {
            "id": str(placed.take_profit.id),
            "complex-order-id": str(placed.id),
            "complex-order-tag": "OCO::order",
            "replacing-order-id": str(now.orders[0].id),
            "status": "Cancelled",
        }
    ]
    assert now.terminal_at == now.orders[0].terminal_at
    assert await held(broker) == 0


async def test_a_partial_fill_of_one_side_is_enough_to_cancel_the_other(broker: Broker) -> None:
    await buy_shares(broker)
    await broker.fault(endpoint="fills", mode="partial", count=4)
    good = price(broker) - 3
    oco = OCOOrder(take_profit=limit(good, shares(SELL, 10)), stop_loss=stop(FAR, shares(SELL, 10)))
    placed = await place_complex(broker, oco)
    await broker.clock(step=1)
    first = await states(broker, placed)
    await broker.clock(step=4)

    assert first == [LIVE, CANCELLED]
    assert await states(broker, placed) == [FILLED, CANCELLED]
    assert await held(broker) == 0


async def test_an_otoco_waits_for_its_trigger_and_then_protects_the_position(broker: Broker) -> None:
    otoco = OTOCOOrder(
        trigger_order=limit(-1, shares(BUY, 10)),
        take_profit=limit(FAR, shares(SELL, 10)),
        stop_loss=stop(1, shares(SELL, 10)),
    )
    tried = await broker.account.place_complex_order(broker.session, otoco, dry_run=True)
    placed = await place_complex(broker, otoco)
    await broker.clock(step=40)
    waiting = await states(broker, placed)
    await broker.account.replace_order(
        broker.session, placed.trigger_order.id, limit(-price(broker) - 1, shares(BUY, 10))
    )
    await broker.clock(step=2)
    working = await states(broker, placed)
    await broker.account.delete_complex_order(broker.session, placed.id)

    assert tried.errors == []
    assert tried.complex_order.trigger_order is not None
    assert tried.complex_order.trigger_order.complex_order_tag == "OTOCO::trigger-order"
    assert placed.trigger_order.complex_order_id == placed.id
    assert waiting == [LIVE, OrderStatus.CONTINGENT, OrderStatus.CONTINGENT]
    assert working == [FILLED, LIVE, LIVE]
    assert await states(broker, placed) == [FILLED, CANCELLED, CANCELLED]
    assert await held(broker) == 10
    with pytest.raises(TastytradeError, match="cannot_update_order"):
        await broker.account.delete_complex_order(broker.session, placed.id)


async def test_children_of_a_trigger_that_ends_unfilled_end_with_it(broker: Broker) -> None:
    oto = OTOOrder(
        trigger_order=limit(-1, shares(BUY, 10)),
        orders=[limit(FAR, shares(SELL, 5)), limit(FAR, shares(SELL, 5))],
    )
    first, second = await place_complex(broker, oto), await place_complex(broker, oto)
    await broker.account.delete_order(broker.session, first.trigger_order.id)
    await broker.account.delete_complex_order(broker.session, second.id)

    for known in (first, second):
        assert await states(broker, known) == [CANCELLED] * 3
    await broker.clock(step=40)
    assert await held(broker) == 0


async def test_children_that_nothing_pays_for_are_rejected_when_their_turn_comes(broker: Broker) -> None:
    good = -price(broker) - 1
    oto = OTOOrder(trigger_order=limit(good, shares(BUY, 10)), orders=[limit(good, shares(BUY, 400))])
    placed = await place_complex(broker, oto)
    await broker.clock(step=2)

    assert await states(broker, placed) == [FILLED, OrderStatus.REJECTED]
    child = await read(broker, placed.orders[0].id)
    assert child.reject_reason is not None
    assert child.terminal_at == child.updated_at


@pytest.mark.parametrize(
    ("kinds", "code"),
    [
        ((OrderType.LIMIT, OrderType.LIMIT), "invalid_oco_order_type_combo"),
        ((OrderType.STOP, OrderType.STOP), "invalid_oco_order_type_combo"),
        ((OrderType.LIMIT,), "invalid_oco_order_type_combo"),
    ],
)
async def test_an_oco_is_a_limit_and_a_stop(broker: Broker, kinds: tuple[OrderType, ...], code: str) -> None:
    await buy_shares(broker)
    body = {
        "type": "OCO",
        "orders": [
            {
                "order-type": kind,
                "time-in-force": "GTC",
                "price": "5000",
                "price-effect": "Credit",
                "stop-trigger": "1",
                "legs": [shares(SELL, 10).model_dump(by_alias=True, mode="json", exclude_none=True)],
            }
            for kind in kinds
        ],
    }
    with pytest.raises(TastytradeError, match=code):
        # the SDK's own classes cannot say this
        await broker.session._post(
            f"/accounts/{broker.account.account_number}/complex-orders", data=json.dumps(body)
        )


async def test_complex_orders_are_listed_while_they_work_and_on_the_day_they_end(broker: Broker) -> None:
    account, session = broker.account, broker.session
    otoco = OTOCOOrder(
        trigger_order=limit(-1, shares(BUY, 10)),
        take_profit=limit(FAR, shares(SELL, 10)),
        stop_loss=stop(1, shares(SELL, 10)),
    )
    ids = [(await place_complex(broker, otoco)).id for _ in range(3)]
    await account.delete_complex_order(session, ids[0])

    async def live() -> list[int]:
        return [known.id for known in await account.get_live_complex_orders(session)]

    assert await live() == ids[::-1]
    pages = await account.get_complex_order_history(session, page_offset=None, per_page=1)
    assert [known.id for known in pages] == ids[::-1]
    await broker.clock(to="2026-06-03T14:00:00+00:00")
    assert await live() == ids[:0:-1]
    with pytest.raises(TastytradeError, match="record_not_found"):
        await account.get_complex_order(session, 1)


async def test_a_fill_may_come_before_a_cancellation(broker: Broker) -> None:
    trident = await find_trident(broker.session)
    mid = (await net_of(broker.session, trident)).mid.quantize(Decimal("0.01"))
    placed = await place(broker, trident.order(mid))
    await broker.fault(endpoint="cancel", mode="fill-wins")

    async with broker.alerts() as alerts:
        await broker.account.delete_order(broker.session, placed.id)
        told = [(await anext(alerts.listen(PlacedOrder))).status for _ in range(2)]

    order = await read(broker, placed.id)
    assert told == [OrderStatus.CANCEL_REQUESTED, FILLED]
    assert (order.status, order.cancelled_at) == (FILLED, None)
    assert -order.average_fill_price() >= mid


async def test_a_replacement_waits_and_then_takes_over(broker: Broker) -> None:
    first = await place(broker, limit(-1, shares(BUY, 10), external_identifier="mine"))

    async with broker.alerts() as alerts:
        second = await broker.account.replace_order(broker.session, first.id, limit(-2, shares(BUY, 10)))
        told = [await anext(alerts.listen(PlacedOrder)) for _ in range(6)]

    assert second.status is OrderStatus.CONTINGENT
    assert (second.id != first.id, second.replaces_order_id) == (True, first.id)
    assert second.external_identifier == "mine"
    assert [(order.id, order.status) for order in told] == [
        (first.id, OrderStatus.REPLACE_REQUESTED),
        (second.id, OrderStatus.CONTINGENT),
        (first.id, CANCELLED),
        (second.id, OrderStatus.ROUTED),
        (second.id, OrderStatus.IN_FLIGHT),
        (second.id, LIVE),
    ]
    assert (await read(broker, first.id)).replacing_order_id == second.id
    with pytest.raises(TastytradeError, match="cannot_update_order"):
        await broker.account.replace_order(broker.session, first.id, limit(-3, shares(BUY, 10)))


async def test_a_fill_of_the_original_aborts_its_replacement(broker: Broker) -> None:
    first = await place(broker, limit(-price(broker) - 1, shares(BUY, 10)))
    await broker.fault(endpoint="replace", mode="overtaken")

    second = await broker.account.replace_order(broker.session, first.id, limit(-2, shares(BUY, 10)))

    old, new = await read(broker, first.id), await read(broker, second.id)
    assert (old.status, old.replacing_order_id) == (FILLED, None)
    assert (new.status, new.cancellable) == (OrderStatus.REMOVED, False)
    assert await held(broker) == 10


async def test_what_is_left_of_a_part_filled_order_is_replaced(broker: Broker) -> None:
    await broker.fault(endpoint="fills", mode="partial", count=4)
    first = await place(broker, limit(-price(broker) - 1, shares(BUY, 10)))
    await broker.clock(step=1)
    second = await broker.account.replace_order(broker.session, first.id, limit(-2, shares(BUY, 10)))

    assert second.legs[0].quantity == 6
    assert (await read(broker, first.id)).status is CANCELLED
    exchange = broker.simulator.exchange
    exchange.remove(second.id, exchange.now())
    assert (await read(broker, second.id)).status is OrderStatus.REMOVED


async def test_staff_takes_out_what_is_left_of_an_order(broker: Broker) -> None:
    await broker.fault(endpoint="fills", mode="partial", count=4)
    order = await place(broker, limit(-price(broker) - 1, shares(BUY, 10)))
    await broker.clock(step=1)
    exchange = broker.simulator.exchange
    exchange.remove(order.id, exchange.now())

    removed = await read(broker, order.id)
    assert removed.status is OrderStatus.PARTIALLY_REMOVED
    assert removed.legs[0].remaining_quantity == 6


async def test_a_broken_ratio_is_made_whole_at_no_worse_than_the_limit(broker: Broker) -> None:
    trident = await find_trident(broker.session)
    natural = (await net_of(broker.session, trident)).natural - Decimal("0.10")
    await broker.fault(endpoint="fills", mode="broken-ratio")
    placed = await place(broker, trident.order(natural, units=2))
    await broker.clock(step=1)
    broken = await read(broker, placed.id)
    await broker.clock(step=8)
    whole = await read(broker, placed.id)

    assert broken.status is LIVE
    left = [one.remaining_quantity for one in broken.legs]
    assert len(set(left)) > 1
    assert 0 in left
    assert whole.status is FILLED
    assert -whole.average_fill_price() >= natural


async def test_a_market_order_takes_no_more_than_is_offered_at_a_time(broker: Broker) -> None:
    legs = [Leg(instrument_type=InstrumentType.EQUITY, symbol="F", action=BUY, quantity=2_500)]
    placed = await place(broker, MarketOrder(legs=legs))
    offered = []
    for _ in range(30):
        await broker.clock(step=1)
        quote = broker.simulator.exchange.board.quote("F")
        assert quote is not None
        offered.append((quote.ask_price, 100 * quote.ask_size))

    order = await read(broker, placed.id)
    fills = order.legs[0].fills or []
    assert order.status is FILLED
    assert sum(fill.quantity for fill in fills) == 2_500
    assert len(fills) > 1
    for fill, (ask, size) in zip(fills, offered, strict=False):
        assert fill.fill_price == ask
        assert fill.quantity <= size
