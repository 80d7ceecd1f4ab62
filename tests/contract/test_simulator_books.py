"""The law of the books, after every event of random sequences of orders and market days."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from senex.domain.legs import Action, InstrumentType
from senex.simulator.books.books import Books
from senex.simulator.books.margin import OptionLine
from senex.simulator.books.records import OrderStatus, TimeInForce
from senex.simulator.market.contracts import contract
from senex.simulator.ticket import PreflightError
from tests.contract.simulator_books import World, balanced, call, put, state, ticket

if TYPE_CHECKING:
    from collections.abc import Iterable

FRIDAY = date(2026, 6, 5)
NEXT = date(2026, 6, 12)
SEQUENCES = 24 if settings().max_examples == 100 else settings().max_examples

underlyings = st.sampled_from(["QQQ", "SPY", "SPXW"])
expiries = st.sampled_from([FRIDAY, NEXT])
offsets = st.integers(-4, 4)
counts = st.integers(1, 3)
shapes = st.sampled_from(["spread", "condor", "single", "calendar", "stock", "close"])
commands = st.one_of(
    st.tuples(st.just("trade"), shapes, underlyings, expiries, offsets, counts, st.booleans()),
    st.tuples(st.just("hold"), shapes, underlyings, expiries, offsets, counts, st.booleans()),
    st.tuples(st.just("step"), st.integers(1, 60)),
    st.tuples(st.just("jump"), st.sampled_from([1, 5, 19, 24, 72])),
    st.tuples(st.just("cancel"), st.integers(0, 5)),
)


def legs_of(
    world: World, shape: str, root: str, expiry: date, offset: int, count: int, *, sell: bool
) -> list[tuple[str, Action, int]]:
    """A structure around the price; the first leg is sold where ``sell``."""
    exchange = world.simulator.exchange
    underlying = "SPX" if root == "SPXW" else root
    step = 25 if root == "SPXW" else 5
    middle = round(exchange.market.spot(underlying, exchange.board.tick) / step) * step + offset * step
    first, second = (
        (Action.SELL_TO_OPEN, Action.BUY_TO_OPEN) if sell else (Action.BUY_TO_OPEN, Action.SELL_TO_OPEN)
    )
    if shape == "stock":
        return [(underlying, first, 10 * count)] if root != "SPXW" else []
    if shape == "single":
        return [(put(root, expiry, middle), first, count)]
    if shape == "calendar":
        return [(put(root, FRIDAY, middle), first, count), (put(root, NEXT, middle), second, count)]
    wings = [
        (put(root, expiry, middle), first, count),
        (put(root, expiry, middle - 2 * step), second, count),
        (call(root, expiry, middle), first, count),
        (call(root, expiry, middle + 3 * step), second, count),
    ]
    return wings if shape == "condor" else wings[:2]


def closes_of(world: World) -> list[tuple[str, Action, int]]:
    held = sorted(world.positions.items())
    return [
        (symbol, Action.SELL_TO_CLOSE if count > 0 else Action.BUY_TO_CLOSE, abs(count))  # type: ignore[operator, arg-type]
        for symbol, count in held[:1]
    ]


def play(world: World, command: tuple[object, ...]) -> None:
    """Carry a command out, as far as the broker takes it."""
    exchange = world.simulator.exchange
    kind, *told = command
    try:
        if kind == "trade":
            shape, root, expiry, offset, count, sell = told
            known = (
                closes_of(world)
                if shape == "close"
                else legs_of(world, shape, root, expiry, offset, count, sell=sell)  # type: ignore[arg-type]
            )
            if known:
                single = len(known) == 1
                price = None if single else Decimal("0.05") if sell else Decimal("-30.00")
                world.order(*known, price=price, tif=TimeInForce.DAY if single else TimeInForce.GTC)
        elif kind == "hold":
            shape, root, expiry, offset, count, sell = told
            for symbol, action, quantity in legs_of(world, shape, root, expiry, offset, count, sell=sell):  # type: ignore[arg-type]
                world.hold(symbol, action.sign * quantity, "2.50")
        elif kind == "step":
            exchange.step(told[0])  # type: ignore[arg-type]
        elif kind == "jump":
            exchange.jump(exchange.now() + timedelta(hours=told[0]))  # type: ignore[arg-type]
        else:
            working = sorted(exchange.books.working)
            if working:
                exchange.request_cancel(working[told[0] % len(working)])  # type: ignore[operator]
    except (PreflightError, ValueError):
        pass  # the broker refuses; the books must not have moved


def no_spread_can_lose_more_than_its_margin(world: World) -> None:
    """Where every short option is covered in its own cycle, the worst outcome is within the requirement."""
    exchange = world.simulator.exchange
    for underlying, required in exchange.accountant.margins(world.account).items():
        held = [one for one in world.books.holdings[world.account].values() if one.underlying == underlying]
        lines = [
            OptionLine(one.symbol, known.option.expiry, known.is_call, known.option.strike, int(one.quantity))
            for one in held
            if one.instrument is InstrumentType.EQUITY_OPTION and one.lots
            for known in [contract(one.symbol)]
            if known is not None
        ]
        cycles = {line.expiry for line in lines}
        groups = [[line for line in lines if line.expiry == cycle] for cycle in cycles]
        if all(_covered(group) for group in groups):
            assert required.initial >= sum(_worst(group) for group in groups)


def _covered(lines: Iterable[OptionLine]) -> bool:
    known = list(lines)
    return all(sum(one.quantity for one in known if one.is_call is side) >= 0 for side in (True, False))


def _worst(lines: list[OptionLine]) -> Decimal:
    points = [Decimal(0), *(line.strike for line in lines)]
    return max(
        Decimal(0), *(-100 * sum((one.outcome(point) for one in lines), Decimal(0)) for point in points)
    )


@pytest.mark.parametrize("shape", ["spread", "condor", "single", "calendar", "stock"])
@pytest.mark.parametrize("sell", [True, False])
def test_a_dry_run_says_what_filling_does_to_buying_power(shape: str, sell: bool) -> None:
    world = World.opened()
    exchange = world.simulator.exchange
    exchange.step(4)
    world.hold(put("QQQ", NEXT, 485), -1, "2.00")
    world.hold(put("QQQ", NEXT, 480), 1, "1.00")
    legs = legs_of(world, shape, "QQQ", NEXT, 0, 2, sell=sell)
    price = Decimal("0.10") if sell else Decimal("-40.00")
    if shape == "calendar" and sell:
        price = Decimal("-10.00")
    if shape == "stock":
        price = Decimal(1) if sell else Decimal(-900)
    before = exchange.accountant.statement(world.account)
    tried = exchange.dry_run(world.account, ticket(legs, price)).effect

    order = world.order(*legs, price=price)
    reserved = exchange.accountant.statement(world.account)
    exchange.step(1)

    order = world.books.orders[order.id]
    after = exchange.accountant.statement(world.account)
    trades = [one for one in world.books.entries[world.account] if one.order_id == order.id]
    better = sum((one.value for one in trades), Decimal(0)) - price * order.units * order.per_share
    charged = sum((one.fees for one in trades), Decimal(0))
    assert order.status is OrderStatus.FILLED
    assert tried.current == before.buying_power
    assert abs(charged - tried.fees.total) <= Decimal("0.05")  # the SEC's share follows the price
    moved = after.buying_power - before.buying_power - better + charged
    drift = abs(moved - tried.buying_power_change - tried.fees.total)
    assert drift <= (0 if shape == "spread" else 400)  # what is naked, or shares, follows the market's tick
    assert reserved.reserved == max(0, -tried.buying_power_change - tried.fees.total)


def test_a_reserve_follows_positions_and_prices() -> None:
    world = World.opened()
    exchange = world.simulator.exchange
    strike = closest(world, "QQQ", NEXT, -10)
    world.order((put("QQQ", NEXT, strike), Action.SELL_TO_OPEN, 1), price="60.00", tif=TimeInForce.GTC)

    def reserved() -> Decimal:
        balanced(world.simulator)
        return exchange.accountant.statement(world.account).reserved

    naked = reserved()
    exchange.step(400)
    later = reserved()
    world.hold(put("QQQ", NEXT, closest(world, "QQQ", NEXT, -20)), 1)

    assert naked > 0
    assert later != naked  # it follows the underlying's price
    assert reserved() == 0  # a spread that brings more than it is wide


def closest(world: World, root: str, expiry: date, offset: int) -> Decimal:
    """The listed strike nearest the price and an offset."""
    exchange = world.simulator.exchange
    spot = Decimal(str(exchange.market.spot(root, exchange.board.tick))) + offset
    listed = next(one for one in exchange.market.chain(root, exchange.board.tick) if one.day == expiry)
    return min(listed.strikes, key=lambda strike: abs(strike - spot))


@settings(max_examples=SEQUENCES)
@given(st.lists(commands, min_size=3, max_size=12), st.booleans())
def test_books_balance_after_every_event(told: list[tuple[object, ...]], cash: bool) -> None:
    world = World.opened(cash=cash)
    for command in told:
        play(world, command)
        balanced(world.simulator)
        no_spread_can_lose_more_than_its_margin(world)

    assert state(Books(world.simulator.journal)) == state(world.books)
    world.simulator.journal.close()
