"""Expiration, exercise, assignment, dividends, splits, the risk desk: what happens without an order."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from senex.domain.errors import UsageProblem
from senex.domain.legs import Action
from senex.simulator.books.records import OrderStatus, TimeInForce
from senex.simulator.desk import RISK_DESK
from senex.simulator.ticket import PreflightError
from tests.contract.simulator_books import World, balanced, call, put, state

if TYPE_CHECKING:
    from pathlib import Path

    from senex.simulator.books.records import Entry
    from senex.simulator.register import Changed

FRIDAY, MONDAY = date(2026, 6, 5), date(2026, 6, 8)
AM_EXPIRY, AFTER_AM = date(2026, 6, 18), date(2026, 6, 22)  # the 19th is a holiday


def _rows(entries: list[Entry]) -> list[tuple[object, ...]]:
    return [(one.sub_type, one.symbol, one.quantity, one.value) for one in entries]


def _listen(world: World) -> list[Changed]:
    changes: list[Changed] = []
    world.simulator.exchange.on_change = changes.append
    return changes


def test_what_is_out_of_the_money_vanishes_before_the_next_session() -> None:
    world = World.opened()
    spot = int(world.close_of("QQQ", FRIDAY))
    short, long = put("QQQ", FRIDAY, spot - 20), put("QQQ", FRIDAY, spot - 27)
    world.hold(short, -2, 3)
    world.hold(long, 2, 1)
    target = world.order(
        (short, Action.BUY_TO_CLOSE, 1), (long, Action.SELL_TO_CLOSE, 1), price="-0.01", tif=TimeInForce.GTC
    )
    changes = _listen(world)

    world.jump(FRIDAY, 16, 20)
    assert world.books.orders[target.id].status is OrderStatus.EXPIRED
    assert world.positions == {short: -2, long: 2}
    world.jump(MONDAY, 3, 59)
    assert world.positions == {short: -2, long: 2}
    changes.clear()
    world.jump(MONDAY, 4)

    assert world.positions == {}
    assert _rows(world.told()) == [("Expiration", long, 2, 0), ("Expiration", short, 2, 0)]
    assert {one.day for one in world.told()} == {MONDAY}
    assert [change.moved for change in changes] == [(long, short)]
    assert world.books.cash[world.account] == 50_000
    realised = {one.symbol: one.realized[MONDAY] for one in world.books.holdings[world.account].values()}
    assert realised == {short: 600, long: -200}
    balanced(world.simulator)


def test_one_leg_of_a_spread_is_assigned_and_the_shares_stay() -> None:
    world = World.opened()
    close = world.close_of("QQQ", FRIDAY)
    strike = int(close) + 2
    short, long = put("QQQ", FRIDAY, strike), put("QQQ", FRIDAY, strike - 12)
    world.hold(short, -1, 3)
    world.hold(long, 1, 1)
    world.jump(FRIDAY, 16, 20)
    before = world.net_liquidation
    theory = world.simulator.exchange.board.theory(short)
    assert theory is not None  # of 16:15, when it stopped trading

    world.jump(MONDAY, 7)

    early = world.simulator.exchange.board.mark("QQQ")
    assert early is not None
    assert world.positions == {"QQQ": 100}
    assert _rows(world.told()) == [
        ("Expiration", long, 1, 0),
        ("Assignment", short, 1, 0),
        ("Buy to Open", "QQQ", 100, -100 * strike),
    ]
    assert world.books.cash[world.account] == 50_000 - 100 * strike - 5
    moved = 100 * (early - Decimal(str(theory.underlying)))  # shares trade early and late
    assert abs(world.net_liquidation - before - moved) < 10  # the fee, and half a spread
    balanced(world.simulator)


def test_both_legs_in_the_money_leave_the_width_and_no_shares() -> None:
    world = World.opened()
    strike = int(world.close_of("QQQ", FRIDAY)) + 20
    world.hold(put("QQQ", FRIDAY, strike), -1, 8)
    world.hold(put("QQQ", FRIDAY, strike - 7), 1, 4)

    world.jump(MONDAY, 9)

    assert world.positions == {}
    assert [one.sub_type for one in world.told()] == [
        *("Exercise", "Sell to Open", "Assignment", "Buy to Close"),
    ]
    fees = sum(one.fees for one in world.told())
    assert fees > 10  # two exercises, and the regulators' on the sale
    assert world.books.cash[world.account] == 50_000 - 700 - fees
    balanced(world.simulator)


@pytest.mark.parametrize("quantity", [-1, 1])
def test_an_index_settles_in_cash_at_the_opening_when_it_is_a_monthly(quantity: int) -> None:
    world = World.opened()
    market = world.simulator.exchange.market
    opening, close = market.settlement("SPX", AM_EXPIRY, "AM"), market.settlement("SPXW", AM_EXPIRY, "PM")
    strike = int(min(opening, close)) - 100
    world.hold(call("SPX", AM_EXPIRY, strike), quantity, 50)
    world.hold(call("SPX", AM_EXPIRY, strike + 900), -quantity, 1)
    world.hold(call("SPXW", AM_EXPIRY, strike), quantity, 50)
    world.hold(call("SPXW", AM_EXPIRY, strike + 900), -quantity, 1)

    world.jump(AFTER_AM, 8)

    word = "Exercise" if quantity > 0 else "Assignment"
    settled = {one.symbol: one for one in world.told() if one.sub_type == f"Cash Settled {word}"}
    morning, evening = (settled[call(root, AM_EXPIRY, strike)] for root in ("SPX", "SPXW"))
    assert opening != close
    assert morning.value == quantity * 100 * (opening - strike)
    assert evening.value == quantity * 100 * (close - strike)
    assert morning.price == strike
    assert world.positions == {}
    assert world.books.cash[world.account] == 50_000 + morning.value + evening.value - 10
    balanced(world.simulator)


def test_the_risk_desk_closes_what_the_account_could_not_carry() -> None:
    world = World.opened()
    strike = int(world.close_of("QQQ", FRIDAY)) + 15
    short, long = put("QQQ", FRIDAY, strike), put("QQQ", FRIDAY, strike - 60)
    world.hold(short, -4, 16)
    world.hold(long, 4, 1)
    target = world.order((short, Action.BUY_TO_CLOSE, 4), price="-1.00", tif=TimeInForce.GTC)

    world.jump(FRIDAY, 14, 59)
    assert world.positions == {short: -4, long: 4}
    world.jump(FRIDAY, 15)

    assert world.positions == {}
    desk = [order for order in world.books.orders.values() if order.source == RISK_DESK]
    assert [(order.legs[0].symbol, order.status) for order in desk] == [
        (short, OrderStatus.FILLED),
        (long, OrderStatus.FILLED),
    ]
    assert world.books.orders[target.id].status is OrderStatus.CANCELLED
    balanced(world.simulator)


def test_the_risk_desk_leaves_alone_what_nets_out() -> None:
    world = World.opened()
    strike = int(world.close_of("QQQ", FRIDAY)) + 30
    world.hold(put("QQQ", FRIDAY, strike), -10, 16)
    world.hold(put("QQQ", FRIDAY, strike - 5), 10, 14)

    world.jump(MONDAY, 8)

    assert all(order.source != RISK_DESK for order in world.books.orders.values())
    assert world.books.cash[world.account] < 50_000 - 5_000


def test_dividends_go_to_who_held_before_the_ex_date_and_short_sellers_owe_them() -> None:
    world = World.opened()
    one = next(one for one in world.simulator.exchange.market.dividends("SPY") if one.ex_date > FRIDAY)
    world.hold("SPY", 100, 600)
    world.hold("QQQ", -10, 500)
    world.jump(one.ex_date, 3)
    assert world.books.claims == {}

    world.jump(one.ex_date, 8)
    statement = world.simulator.exchange.accountant.statement(world.account)
    assert statement.pending == 100 * one.amount
    assert statement.cash == 50_000
    world.jump(one.pay_date, 8)

    paid = [entry for entry in world.books.entries[world.account] if entry.sub_type == "Dividend"]
    assert ("SPY", 100 * one.amount, one.pay_date) in [(e.symbol, e.value, e.day) for e in paid]
    assert world.positions == {"SPY": 100, "QQQ": -10}
    world.jump(date(2026, 7, 10), 8)
    owed = [e for e in world.books.entries[world.account] if e.symbol == "QQQ" and e.sub_type == "Dividend"]
    assert [e.value < 0 for e in owed] == [True]
    balanced(world.simulator)


def test_a_deep_call_is_assigned_before_the_dividend_and_its_orders_end() -> None:
    for seed in range(1, 40):
        world = World.opened(seed=seed)
        market = world.simulator.exchange.market
        one = next(one for one in market.dividends("SPY") if one.ex_date > FRIDAY)
        expiry = date(2026, 7, 17)
        strike = int(market.spot("SPY", 0)) - 100
        short = call("SPY", expiry, strike)
        world.hold(short, -1, 100)
        world.hold("SPY", 100, 600)
        target = world.order((short, Action.BUY_TO_CLOSE, 1), price="-1.00", tif=TimeInForce.GTC)
        world.jump(one.ex_date, 3)
        if short in world.positions:  # not assigned at random before
            break

    world.jump(one.ex_date, 8)

    assert world.positions == {}  # nine times in ten: this seed among them
    assert [entry.sub_type for entry in world.told()] == ["Assignment", "Sell to Close"]
    assert world.books.claims == {}  # who was called away is paid nothing
    assert world.books.orders[target.id].status is OrderStatus.CANCELLED
    balanced(world.simulator)


@pytest.mark.parametrize(("symbol", "numerator", "denominator"), [("NFLX", 4, 1), ("V", 3, 2)])
def test_a_split_changes_counts_and_symbols_and_nobody_s_wealth(
    symbol: str, numerator: int, denominator: int
) -> None:
    world = World.opened()
    market = world.simulator.exchange.market
    known = market.splits(symbol)[0]
    assert (known.numerator, known.denominator) == (numerator, denominator)
    expiry = next(one.day for one in market.chain(symbol, 0) if one.day > known.day)
    strike = int(market.spot(symbol, 0)) // 20 * 20
    option = put(symbol, expiry, strike)
    world.hold(symbol, 101, 90)
    world.hold(option, -3, 5)
    order = world.order((symbol, Action.SELL_TO_CLOSE, 1), price="5000.00", tif=TimeInForce.GTC)
    world.jump(known.day, 3, 59)
    before = world.net_liquidation
    cash = world.books.cash[world.account]
    costs = {one.symbol: one.cost for one in world.books.holdings[world.account].values()}

    world.jump(known.day, 4)

    assert world.books.orders[order.id].status is OrderStatus.REMOVED
    assert abs(world.net_liquidation - before) < 5  # half a cent a share
    adjusted, count = market.adjusted(option, known)
    assert world.positions == {symbol: 101 * numerator // denominator, option: -3}
    with pytest.raises(PreflightError, match="change at the opening"):
        world.order((option, Action.BUY_TO_CLOSE, 1), price="-5.00", tif=TimeInForce.GTC)
    world.jump(known.day, 9, 30)
    assert world.positions == {symbol: 101 * numerator // denominator, adjusted: -3 * count}
    after = {one.symbol: one.cost for one in world.books.holdings[world.account].values() if one.lots}
    assert after[adjusted] == costs[option]
    fraction = Decimal(101) * numerator / denominator % 1
    assert (world.books.cash[world.account] > cash) is (fraction > 0)
    balanced(world.simulator)


def test_one_jump_books_what_many_small_ones_do() -> None:
    def played(*, small: bool) -> tuple[object, ...]:
        world = World.opened()
        strike = int(world.close_of("QQQ", FRIDAY)) + 2
        world.hold(put("QQQ", FRIDAY, strike), -1, 3)
        world.hold("SPY", 100, 600)
        if small:
            for day in (3, 4, 5, 6, 7):
                for hour in (7, 10, 15, 16, 20):
                    world.jump(date(2026, 6, day), hour, 7)
        world.jump(MONDAY, 12)
        return state(world.books)

    assert played(small=True) == played(small=False)


def test_a_cash_account_refuses_what_needs_margin() -> None:
    world = World.opened(cash=True)
    expiry = next(one.day for one in world.simulator.exchange.market.chain("QQQ", 0) if one.day > MONDAY)
    spot = int(world.simulator.exchange.market.spot("QQQ", 0))
    spread = (
        (put("QQQ", expiry, spot - 5), Action.SELL_TO_OPEN, 1),
        (put("QQQ", expiry, spot - 10), Action.BUY_TO_OPEN, 1),
    )
    for legs, price in (
        (spread, "0.50"),
        (((call("QQQ", expiry, spot + 5), Action.SELL_TO_OPEN, 1),), "1.00"),
        ((("QQQ", Action.SELL_TO_OPEN, 10),), "500.00"),
    ):
        with pytest.raises(PreflightError) as refused:
            world.order(*legs, price=price)
        assert refused.value.problems[0][0] == "margin_account_required"
    with pytest.raises(PreflightError, match="Buying power"):
        world.order((put("QQQ", expiry, spot + 40), Action.SELL_TO_OPEN, 1), price="25.00")

    monthly = next(one for one in world.simulator.exchange.market.chain("F", 0) if one.monthly)
    strike = monthly.strikes[len(monthly.strikes) // 2]
    secured = put("F", monthly.day, strike)
    assert world.order((secured, Action.SELL_TO_OPEN, 1), price=strike - 1).working
    world.hold("QQQ", 100, 400)
    assert world.order((call("QQQ", expiry, spot + 5), Action.SELL_TO_OPEN, 1), price="90.00").working
    power = world.simulator.exchange.accountant.statement(world.account).buying_power
    assert power == 50_000 - 100  # the put's strike less what it brings


def test_a_state_folder_gives_the_same_books_again_and_forgets_what_was_replaced(tmp_path: Path) -> None:
    world = World.opened(state=tmp_path / "s")
    strike = int(world.close_of("QQQ", FRIDAY)) + 2
    world.hold(put("QQQ", FRIDAY, strike), -1, 3)
    order = world.order(("SPY", Action.BUY_TO_OPEN, 1), price="-1.00", tif=TimeInForce.GTC)
    world.jump(MONDAY, 12)
    given_up = world.order(("SPY", Action.BUY_TO_OPEN, 2), price="-1.00")
    world.simulator.exchange.request_cancel(given_up.id)
    before = state(world.books)
    journal = world.simulator.journal
    states = journal.database.execute("SELECT count(*) FROM record WHERE kind = 'order'").fetchone()[0]
    journal.close()

    again = World.opened(state=tmp_path / "s")

    assert state(again.books) == before
    kept = again.simulator.journal.database.execute("SELECT count(*) FROM record WHERE kind = 'order'")
    assert (states, kept.fetchone()[0]) == (3, 2)
    assert list(again.books.working) == [order.id]
    again.jump(MONDAY, 16, 30)
    balanced(again.simulator)
    again.simulator.journal.database.execute("PRAGMA user_version = 1")
    again.simulator.journal.close()
    with pytest.raises(UsageProblem, match="E_STATE_FORMAT"):
        World.opened(state=tmp_path / "s")
