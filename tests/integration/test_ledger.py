"""What happens to positions without an order of ours, by the real simulator through the real SDK."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from senex.domain.legs import Action
from tests.contract.simulator_books import call, put
from tests.integration.ledger_world import Account, account, buy, sell

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

FRIDAY, MONDAY = date(2026, 6, 5), date(2026, 6, 8)
D = Decimal


@pytest.fixture
async def fresh(database_url: str, console_url: str) -> AsyncIterator[Account]:
    """Before senex has ever looked at the account."""
    async with account(database_url, console_url) as opened:
        yield opened


@pytest.fixture
async def books(fresh: Account) -> Account:
    await fresh.start()
    return fresh


async def test_what_expires_worthless_is_closed_and_its_targets_are_gone(books: Account) -> None:
    spot = int(books.world.close_of("QQQ", FRIDAY))
    short, long = put("QQQ", FRIDAY, spot - 8), put("QQQ", FRIDAY, spot - 15)
    position = await books.enter((sell(short), buy(long)), units=2)
    assert await books.orders(position) == [("target", "working"), ("entry", "filled")]
    await books.agrees()

    assert await books.jump(MONDAY, 4, 1) == ()

    await books.agrees()
    closed = await books.position(position)
    assert closed.status == "closed"
    assert all(status != "working" for _, status in await books.orders(position))


async def test_the_assigned_leg_leaves_shares_as_a_child(books: Account) -> None:
    spot = int(books.world.close_of("QQQ", FRIDAY))
    short, long = put("QQQ", FRIDAY, spot + 2), put("QQQ", FRIDAY, spot - 10)
    position = await books.enter((sell(short), buy(long)), share=None)

    assert await books.jump(MONDAY, 7) == ()

    await books.agrees()
    assert (await books.position(position)).status == "closed"
    [child] = [one for one in await books.positions() if one.strategy == "assigned_stock"]
    [lot] = child.spreads[0].lots
    assert (lot.symbol, lot.quantity, lot.price, lot.multiplier) == ("QQQ", 100, D(spot + 2), 1)


async def test_both_legs_in_the_money_leave_no_shares(books: Account) -> None:
    spot = int(books.world.close_of("QQQ", FRIDAY))
    short, long = put("QQQ", FRIDAY, spot + 20), put("QQQ", FRIDAY, spot + 13)
    await books.enter((sell(short), buy(long)), share=None)

    assert await books.jump(MONDAY, 9) == ()

    await books.agrees()
    assert {one.status for one in await books.positions()} == {"closed"}


async def test_an_index_is_settled_in_cash(books: Account) -> None:
    expiry, after = date(2026, 6, 18), date(2026, 6, 22)
    strike = int(books.world.simulator.exchange.market.settlement("SPX", expiry, "AM")) // 25 * 25
    short, long = call("SPX", expiry, strike - 100), call("SPX", expiry, strike + 100)
    await books.enter((sell(short), buy(long)), share=None, limit="0.05")

    assert await books.jump(after, 8) == ()

    await books.agrees()
    assert {one.status for one in await books.positions()} == {"closed"}


async def test_the_risk_desk_closes_and_every_position_gets_its_share(books: Account) -> None:
    spot = int(books.world.close_of("QQQ", FRIDAY))
    short = put("QQQ", FRIDAY, spot + 15)
    one = await books.enter((sell(short), buy(put("QQQ", FRIDAY, spot - 45))), units=2)
    two = await books.enter((sell(short), buy(put("QQQ", FRIDAY, spot - 50))), units=2)

    await books.jump(FRIDAY, 14, 59)
    assert await books.jump(FRIDAY, 15) == ()

    await books.agrees()
    for position in (one, two):
        assert (await books.position(position)).status == "closed"
        assert all(status != "working" for _, status in await books.orders(position))


async def test_an_early_assignment_takes_the_shares_held_before_senex_came(fresh: Account) -> None:
    market = fresh.world.simulator.exchange.market
    dividend = next(one for one in market.dividends("SPY") if one.ex_date > FRIDAY)
    july = next(one for one in market.chain("SPY", 0) if one.day == date(2026, 7, 17))
    short = call("SPY", july.day, min(july.strikes))
    fresh.world.hold("SPY", 100, 600)
    await fresh.start()
    [shares] = await fresh.positions()
    assert (shares.strategy, shares.origin, shares.spreads[0].lots[0].price) == (
        "unmanaged",
        "adopted",
        D(600),
    )
    position = await fresh.enter((sell(short),), limit="0.05")
    await fresh.agrees()

    assert await fresh.jump(dividend.ex_date, 8) == ()

    await fresh.agrees()
    assert {one.status for one in await fresh.positions()} == {"closed"}
    assert all(status != "working" for _, status in await fresh.orders(position))


async def test_dividends_go_to_the_position_that_holds_the_shares(fresh: Account) -> None:
    dividend = next(
        one for one in fresh.world.simulator.exchange.market.dividends("SPY") if one.ex_date > FRIDAY
    )
    fresh.world.hold("SPY", 100, 600)
    await fresh.start()
    await fresh.jump(dividend.ex_date, 8)

    assert await fresh.jump(dividend.pay_date, 8) == ()

    await fresh.agrees()
    [shares] = await fresh.positions()
    async with fresh.engine.connect() as connection:
        found = await connection.execute(
            text("SELECT position_id, value FROM ledger_entry WHERE sub_kind = 'Dividend'")
        )
        assert [tuple(row) for row in found] == [(shares.id, 100 * dividend.amount)]


@pytest.mark.parametrize(("symbol", "numerator", "denominator"), [("NFLX", 4, 1), ("V", 3, 2)])
async def test_a_split_changes_symbols_and_counts_and_gains_nothing(
    fresh: Account, symbol: str, numerator: int, denominator: int
) -> None:
    market = fresh.world.simulator.exchange.market
    known = market.splits(symbol)[0]
    expiry = next(one.day for one in market.chain(symbol, 0) if one.day > known.day and one.monthly)
    strike = int(market.spot(symbol, 0)) // 20 * 20
    fresh.world.hold(symbol, 100, 90)
    await fresh.start()
    short, long = put(symbol, expiry, strike), put(symbol, expiry, strike - 20)
    position = await fresh.enter((sell(short), buy(long)), limit="0.05")
    before = await fresh.position(position)
    await fresh.agrees()

    await fresh.jump(known.day, 9, 31)
    assert await fresh.reconcile() == ()  # the targets have followed

    await fresh.agrees()
    after = await fresh.position(position)
    adjusted, count = market.adjusted(short, known)
    assert {(lot.symbol, lot.quantity) for lot in after.spreads[0].lots} >= {(adjusted, -count)}
    assert after.realized == 0
    assert before.spreads[0].credit is not None
    assert after.spreads[0].credit == before.spreads[0].credit / count
    [shares] = [one for one in await fresh.positions() if one.strategy == "unmanaged"]
    assert sum(lot.quantity for lot in shares.spreads[0].lots) == 100 * numerator // denominator


async def test_what_somebody_opened_elsewhere_is_one_unmanaged_position(books: Account) -> None:
    spot = int(books.world.close_of("QQQ", FRIDAY))
    short, long = put("QQQ", MONDAY, spot - 10), put("QQQ", MONDAY, spot - 20)
    books.world.order((short, Action.SELL_TO_OPEN, 4), (long, Action.BUY_TO_OPEN, 2), price="0.01")
    books.world.simulator.exchange.step(40)

    assert await books.reconcile() == ()

    await books.agrees()
    [foreign] = await books.positions()
    assert (foreign.strategy, foreign.units, foreign.status) == ("unmanaged", 2, "open_full")
    assert await books.orders(foreign.id) == []

    books.world.order((short, Action.BUY_TO_CLOSE, 3), price="-50")
    books.world.simulator.exchange.step(40)
    assert await books.reconcile() == ()
    await books.agrees()
    assert (await books.position(foreign.id)).status == "open_partial"


async def test_a_close_made_elsewhere_takes_what_somebody_holds_there_first(books: Account) -> None:
    spot = int(books.world.close_of("QQQ", FRIDAY))
    short = put("QQQ", MONDAY, spot - 10)
    ours = await books.enter((sell(short), buy(put("QQQ", MONDAY, spot - 20))))
    books.world.order((short, Action.SELL_TO_OPEN, 1), price="0.01")
    books.world.simulator.exchange.step(40)
    await books.reconcile()

    books.world.order((short, Action.BUY_TO_CLOSE, 1), price="-50")
    books.world.simulator.exchange.step(40)
    assert await books.reconcile() == ()
    await books.agrees()
    assert {one.id: one.status for one in await books.positions()}[ours] == "open_full"
    assert sorted(one.status for one in await books.positions()) == ["closed", "open_full"]
