"""Every order class of the SDK at the simulator: how it is taken, shown, triggered and filled."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from tastytrade.order import (
    FillBehavior,
    InstrumentType,
    Leg,
    LimitOrder,
    MarketOrder,
    NotionalOrder,
    OrderAction,
    OrderStatus,
    OrderTimeInForce,
    PlacedOrder,
    StopLimitOrder,
    StopOrder,
)
from tastytrade.utils import TastytradeError

from senex.domain.symbols import OptionSymbol, Right
from tests.contract.simulator_support import find_trident, leg, net_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from tests.contract.simulator_support import Broker

CENT = Decimal("0.01")
BUY, SELL = OrderAction.BUY_TO_OPEN, OrderAction.SELL_TO_CLOSE


def shares(action: OrderAction, quantity: int | None, symbol: str = "SPY") -> Leg:
    """A leg of shares."""
    return Leg(instrument_type=InstrumentType.EQUITY, symbol=symbol, action=action, quantity=quantity)


async def place(broker: Broker, order: Any) -> PlacedOrder:
    """Submit."""
    placed: PlacedOrder = (await broker.account.place_order(broker.session, order, dry_run=False)).order
    return placed


async def read(broker: Broker, order: PlacedOrder) -> PlacedOrder:
    """The order now."""
    return await broker.account.get_order(broker.session, order.id)


def quote(broker: Broker, symbol: str) -> tuple[Decimal, Decimal]:
    """Bid and ask on the board."""
    found = broker.simulator.exchange.board.quote(symbol)
    assert found is not None
    return Decimal(found.bid) / 100, Decimal(found.ask) / 100


async def hold_shares(broker: Broker, quantity: int = 10) -> None:
    """Buy shares."""
    order = await place(broker, LimitOrder(price=Decimal(-900), legs=[shares(BUY, quantity)]))
    await broker.clock(step=1)
    assert (await read(broker, order)).status is OrderStatus.FILLED


async def test_a_stop_sells_at_the_bid_once_the_bid_is_at_its_trigger(broker: Broker) -> None:
    await hold_shares(broker)
    bid, _ = quote(broker, "SPY")
    near = await place(broker, StopOrder(stop_trigger=bid + 5, legs=[shares(SELL, 4)]))
    far = await place(broker, StopOrder(stop_trigger=bid - 50, legs=[shares(SELL, 4)]))
    await broker.clock(step=1)

    filled, waiting = await read(broker, near), await read(broker, far)

    assert filled.status is OrderStatus.FILLED
    assert filled.stop_trigger == bid + 5
    assert filled.price is None
    fills = filled.legs[0].fills
    assert fills is not None
    assert fills[0].fill_price == quote(broker, "SPY")[0]
    assert waiting.status is OrderStatus.LIVE


async def test_a_triggered_stop_limit_is_a_limit_order(broker: Broker) -> None:
    await hold_shares(broker)
    bid, ask = quote(broker, "SPY")
    order = StopLimitOrder(stop_trigger=bid + 1, price=ask + 20, legs=[shares(SELL, 4)])
    placed = await place(broker, order)
    await broker.clock(step=40)

    now = await read(broker, placed)

    assert now.status is OrderStatus.LIVE
    assert (now.price, now.stop_trigger) == (ask + 20, bid + 1)
    triggered = broker.simulator.exchange.books.orders[placed.id].triggered_at
    assert triggered is not None
    assert now.updated_at == triggered


async def test_a_notional_order_buys_what_its_value_pays_for(broker: Broker) -> None:
    order = NotionalOrder(value=Decimal(-100), legs=[shares(BUY, None)])
    tried = await broker.account.place_order(broker.session, order, dry_run=True)
    placed = await place(broker, order)
    await broker.clock(step=1)
    filled = await read(broker, placed)

    assert placed.value == -100
    assert placed.legs[0].quantity is None
    assert filled.status is OrderStatus.FILLED
    _, ask = quote(broker, "SPY")
    (fill,) = filled.legs[0].fills or []
    assert fill.fill_price == ask
    assert fill.quantity == (100 / ask).quantize(Decimal("0.00001"), rounding="ROUND_FLOOR")
    (position,) = await broker.account.get_positions(broker.session)
    assert position.quantity == fill.quantity
    cash = (await broker.account.get_balances(broker.session)).cash_balance
    assert 0 <= cash - Decimal(49900) <= CENT
    assert tried.buying_power_effect.change_in_buying_power < 0


async def test_an_immediate_or_cancel_order_fills_at_once_or_never(broker: Broker) -> None:
    bid, ask = quote(broker, "SPY")
    ioc = OrderTimeInForce.IOC
    good = await place(broker, LimitOrder(time_in_force=ioc, price=-ask - 1, legs=[shares(BUY, 5)]))
    poor = await place(broker, LimitOrder(time_in_force=ioc, price=-bid + 5, legs=[shares(BUY, 5)]))
    await broker.clock(step=1)

    assert (await read(broker, good)).status is OrderStatus.FILLED
    assert (await read(broker, poor)).status is OrderStatus.CANCELLED


async def test_good_till_date_ends_at_the_close_of_its_date(broker: Broker) -> None:
    trident = await find_trident(broker.session)
    far = (await net_of(broker.session, trident)).opposite + 5
    until = date(2026, 6, 4)
    gtd = trident.order(far, time_in_force=OrderTimeInForce.GTD, gtc_date=until)
    placed = await place(broker, gtd)
    await broker.clock(to="2026-06-04T20:14:00+00:00")
    before = await read(broker, placed)
    await broker.clock(to="2026-06-05T12:00:00+00:00")
    after = await read(broker, placed)

    assert (before.status, before.gtc_date) == (OrderStatus.LIVE, until)
    assert after.status is OrderStatus.EXPIRED
    assert after.terminal_at is not None
    assert after.terminal_at.isoformat() == "2026-06-04T20:15:00+00:00"


async def test_extended_hours_let_shares_trade_in_the_evening(broker: Broker) -> None:
    await broker.clock(to="2026-06-02T21:00:00+00:00")
    _, ask = quote(broker, "SPY")
    day = LimitOrder(price=-ask - 1, legs=[shares(BUY, 5)])
    plain = await place(broker, day)
    extended = await place(broker, day.model_copy(update={"time_in_force": OrderTimeInForce.EXT}))
    await broker.clock(step=2)

    assert (await read(broker, plain)).status is OrderStatus.LIVE
    assert (await read(broker, extended)).status is OrderStatus.FILLED


async def test_an_order_outside_hours_is_taken_with_a_warning(broker: Broker) -> None:
    await broker.clock(to="2026-06-02T22:00:00+00:00")
    trident = await find_trident(broker.session)
    order = trident.order((await net_of(broker.session, trident)).natural)

    tried = await broker.account.place_order(broker.session, order, dry_run=True)

    assert [warning.code for warning in tried.warnings or []] == ["tif_next_valid_sesssion"]
    assert tried.errors == []
    with pytest.raises(TastytradeError, match="market_order_outside_hours"):
        await place(broker, MarketOrder(legs=[leg(trident.call, BUY, 1)]))


async def test_a_close_of_nothing_warns_that_it_opens(broker: Broker) -> None:
    trident = await find_trident(broker.session)
    order = LimitOrder(price=Decimal(-9), legs=[leg(trident.call, OrderAction.BUY_TO_CLOSE, 1)])

    tried = await broker.account.place_order(broker.session, order, dry_run=True)

    assert [warning.code for warning in tried.warnings or []] == ["closing_with_no_position"]
    assert tried.order.legs[0].action is BUY


async def test_more_than_the_position_cannot_be_closed(broker: Broker) -> None:
    await hold_shares(broker, 10)
    far = Decimal(5000)
    await place(broker, LimitOrder(price=far, legs=[shares(SELL, 6)]))

    for quantity in (11, 5):
        with pytest.raises(TastytradeError, match="position_effect_validation_failed"):
            await place(broker, LimitOrder(price=far, legs=[shares(SELL, quantity)]))
    assert (await place(broker, LimitOrder(price=far, legs=[shares(SELL, 4)]))).status


async def test_fill_wishes_of_the_paper_api_are_honoured(broker: Broker) -> None:
    _, ask = quote(broker, "SPY")
    good = LimitOrder(price=-ask - 3, legs=[shares(BUY, 10)])

    def wish(behavior: FillBehavior, **fields: object) -> LimitOrder:
        return good.model_copy(update={"behavior": behavior, **fields})

    now = broker.simulator.exchange.now()
    never = await place(broker, wish(FillBehavior.NEVER))
    reject = await place(broker, wish(FillBehavior.REJECT))
    partial = await place(broker, wish(FillBehavior.PARTIAL))
    delayed = await place(broker, wish(FillBehavior.DELAYED, delay=timedelta(seconds=2)))
    scheduled = await place(broker, wish(FillBehavior.SCHEDULED, schedule=now + timedelta(seconds=4)))
    seen = []
    for _ in range(5):
        await broker.clock(step=4)
        seen.append([(await read(broker, one)).status for one in (partial, delayed, scheduled)])

    live, filled = OrderStatus.LIVE, OrderStatus.FILLED
    assert seen[0] == [live, live, live]
    assert seen[1] == [filled, filled, live]
    assert seen[4] == [filled, filled, filled]
    halves = (await read(broker, partial)).legs[0].fills or []
    assert [fill.quantity for fill in halves] == [5, 5]
    assert (halves[1].filled_at - halves[0].filled_at) == timedelta(seconds=1)
    assert (await read(broker, never)).status is live
    rejected = await read(broker, reject)
    assert (rejected.status, rejected.cancellable) == (OrderStatus.REJECTED, False)
    assert rejected.reject_reason


@pytest.mark.parametrize(
    ("order", "code"),
    [
        (
            MarketOrder(legs=[shares(BUY, 1)], time_in_force=OrderTimeInForce.GTC),
            "market_order_time_in_force",
        ),
        (StopOrder(stop_trigger=Decimal(0), legs=[shares(BUY, 1)]), "stop_trigger_missing"),
        (StopOrder(stop_trigger=Decimal("1.001"), legs=[shares(BUY, 1)]), "invalid_price_increment"),
        (NotionalOrder(value=Decimal(5), legs=[shares(BUY, None)]), "cant_buy_for_credit"),
        (LimitOrder(price=Decimal(-9), legs=[shares(BUY, 1, "SPX")]), "instrument_not_tradable"),
        (
            LimitOrder(price=Decimal(-9), legs=[shares(BUY, 1, "SPY"), shares(BUY, 1, "QQQ")]),
            "underlying_mismatch",
        ),
        (
            LimitOrder(price=Decimal(-9), legs=[shares(BUY, 1)], time_in_force=OrderTimeInForce.GTD),
            "gtc_date_missing",
        ),
        (
            LimitOrder(
                price=Decimal(-9),
                legs=[
                    Leg(
                        instrument_type=InstrumentType.FUTURE,
                        symbol="/ESM6",
                        action=OrderAction.BUY,
                        quantity=1,
                    )
                ],
            ),
            "instrument_type_not_enabled",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_orders_that_make_no_sense_are_refused(broker: Broker, order: Any, code: str) -> None:
    for dry_run in (True, False):
        with pytest.raises(TastytradeError, match=code):
            await broker.account.place_order(broker.session, order, dry_run=dry_run)
    assert await broker.account.get_order_history(broker.session) == []


async def test_option_steps_differ_from_those_of_spreads(broker: Broker) -> None:
    expiration = broker.simulator.exchange.market.chain("SPX", 0)[2]
    strikes = expiration.strikes[len(expiration.strikes) // 2 :]
    lower, higher = (
        OptionSymbol(expiration.root, expiration.day, Right.PUT, strike).occ for strike in strikes[:2]
    )
    one = LimitOrder(price=Decimal("9.05"), legs=[leg(higher, OrderAction.SELL_TO_OPEN, 1)])
    both = [leg(higher, OrderAction.SELL_TO_OPEN, 1), leg(lower, BUY, 1)]

    with pytest.raises(TastytradeError, match="invalid_price_increment"):
        await broker.account.place_order(broker.session, one, dry_run=True)
    await broker.account.place_order(
        broker.session, LimitOrder(price=Decimal("9.05"), legs=both), dry_run=True
    )
    with pytest.raises(TastytradeError, match="invalid_price_increment"):
        await broker.account.place_order(
            broker.session, LimitOrder(price=Decimal("9.01"), legs=both), dry_run=True
        )
    ratio = [leg(higher, OrderAction.SELL_TO_OPEN, 1), leg(lower, BUY, 4)]
    with pytest.raises(TastytradeError, match="invalid_ratio"):
        await broker.account.place_order(
            broker.session, LimitOrder(price=Decimal(1), legs=ratio), dry_run=True
        )


async def test_an_order_against_ones_own_is_refused_where_the_house_says_so(
    serve: Callable[..., AbstractAsyncContextManager[Broker]],
) -> None:
    """By default it is taken."""
    for refuse in (False, True):
        async with serve(refuse_opposite=refuse) as broker:
            await hold_shares(broker)
            await place(broker, LimitOrder(price=Decimal(-1), legs=[shares(BUY, 1)]))
            against = LimitOrder(price=Decimal(5000), legs=[shares(SELL, 1)])
            if refuse:
                with pytest.raises(TastytradeError, match="opposite_side_working_order"):
                    await place(broker, against)
            else:
                await place(broker, against)


async def test_a_cash_account_refuses_spreads(
    serve: Callable[..., AbstractAsyncContextManager[Broker]],
) -> None:
    async with serve(cash=True) as broker:
        trident = await find_trident(broker.session)
        with pytest.raises(TastytradeError, match="margin_account_required"):
            await place(broker, trident.order(Decimal(9)))
        bought = LimitOrder(price=Decimal(-40), legs=[leg(trident.call, BUY, 1)])
        assert (await place(broker, bought)).status is OrderStatus.RECEIVED


async def test_orders_end_when_their_contract_stops_trading(broker: Broker) -> None:
    market = broker.simulator.exchange.market
    expiration = market.chain("QQQ", 0)[0]
    strike = expiration.strikes[-1]
    occ = OptionSymbol("QQQ", expiration.day, Right.PUT, strike).occ
    order = LimitOrder(time_in_force=OrderTimeInForce.GTC, price=Decimal("-0.01"), legs=[leg(occ, BUY, 1)])
    placed = await place(broker, order)
    await broker.clock(to=f"{expiration.day}T19:50:00+00:00")
    sale = LimitOrder(price=Decimal(90), legs=[leg(occ, OrderAction.SELL_TO_OPEN, 1)])
    with pytest.raises(TastytradeError, match="too_close_to_expiration"):
        await place(broker, sale)
    await broker.clock(to=f"{expiration.day}T20:15:00+00:00")

    ended = await read(broker, placed)
    assert ended.status is OrderStatus.EXPIRED
    assert ended.terminal_at == datetime.fromisoformat(f"{expiration.day}T20:15:00+00:00")
    with pytest.raises(TastytradeError, match="instrument_expired"):
        await place(broker, order)


async def test_the_order_list_is_filtered_and_paged(broker: Broker) -> None:
    account, session = broker.account, broker.session
    far = Decimal(-1)
    spy = [await place(broker, LimitOrder(price=far, legs=[shares(BUY, 1)])) for _ in range(3)]
    qqq = await place(broker, LimitOrder(price=far, legs=[shares(BUY, 1, "QQQ")]))
    await account.delete_order(session, spy[0].id)
    now = broker.simulator.exchange.now()

    async def found(**filters: Any) -> list[int]:
        return [order.id for order in await account.get_order_history(session, **filters)]

    everything = [qqq.id, spy[2].id, spy[1].id, spy[0].id]
    assert await found() == everything
    assert await found(page_offset=None, per_page=1) == everything
    assert await found(page_offset=1, per_page=3) == everything[3:]
    assert await found(sort="Asc") == everything[::-1]
    assert await found(underlying_symbol="QQQ") == [qqq.id]
    assert await found(statuses=[OrderStatus.CANCELLED]) == [spy[0].id]
    assert await found(underlying_instrument_type=InstrumentType.FUTURE) == []
    assert await found(futures_symbol="/ESM6") == []
    assert await found(start_date=date(2026, 6, 3)) == []
    assert await found(end_date=date(2026, 6, 2)) == everything
    assert await found(start_at=now + timedelta(seconds=1)) == []
    assert await found(end_at=now) == everything
    with pytest.raises(TastytradeError, match="record_not_found"):
        await account.get_order(session, 1)
