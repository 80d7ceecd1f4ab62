"""What happens to positions without an order of ours, by the real simulator through the real SDK."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from sqlalchemy import text

from senex.domain.alarms import Alarm, Severity
from senex.domain.legs import Action
from senex.services.pnl import summed
from senex.simulator.books.clerk import Clerk
from tests.contract.simulator_books import call, put
from tests.integration.ledger_world import Account, account, buy, sell

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

FRIDAY, MONDAY = date(2026, 6, 5), date(2026, 6, 8)
D = Decimal


@pytest.fixture
async def fresh(database_url: str, console_url: str, owner_url: str) -> AsyncIterator[Account]:
    """Before senex has ever looked at the account."""
    async with account((database_url, console_url, owner_url)) as opened:
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
    assert (closed.status, closed.closure_reason) == ("closed", "expired_worthless")
    await books.gained(position)
    assert all(status != "working" for _, status in await books.orders(position))


async def test_the_assigned_leg_leaves_shares_as_a_child(books: Account) -> None:
    spot = int(books.world.close_of("QQQ", FRIDAY))
    short, long = put("QQQ", FRIDAY, spot + 2), put("QQQ", FRIDAY, spot - 10)
    position = await books.enter((sell(short), buy(long)), share=None)

    assert await books.jump(MONDAY, 7) == ()

    await books.agrees()
    assert (await books.position(position)).closure_reason == "assignment"
    [child] = [one for one in await books.positions() if one.strategy == "assigned_stock"]
    [lot] = child.spreads[0].lots
    assert (lot.symbol, lot.quantity, lot.price, lot.multiplier) == ("QQQ", 100, D(spot + 2), 1)
    told = await books.reads.alarms()  # before the market opens, not when the session's timer looks
    assert [(alarm.code, alarm.object_id) for alarm in told] == [("ASSIGNED", str(child.id))]

    account_id = await books.desk.account()
    closed_meanwhile = Alarm(
        "ASSIGNED", Severity.CRITICAL, account_id, "position", str(uuid4()), "told too late"
    )
    async with books.desk.units() as tx:
        await tx.alarms.sound(closed_meanwhile, books.desk.clock.now())
        await tx.commit()
    await books.reconcile()
    told = await books.reads.alarms()
    assert [(alarm.code, alarm.object_id) for alarm in told] == [("ASSIGNED", str(child.id))]


async def test_both_legs_in_the_money_leave_no_shares(books: Account) -> None:
    spot = int(books.world.close_of("QQQ", FRIDAY))
    short, long = put("QQQ", FRIDAY, spot + 20), put("QQQ", FRIDAY, spot + 13)
    position = await books.enter((sell(short), buy(long)), share=None)

    assert await books.jump(MONDAY, 9) == ()

    await books.agrees()
    assert {one.status for one in await books.positions()} == {"closed"}
    await books.gained(position)
    whole = await books.position(position)
    [line] = summed(await books.reads.gains(), "position")
    assert line.net is not None
    assert whole.initial_risk is not None
    assert whole.r_multiple == line.r_multiple == (line.net / whole.initial_risk).quantize(D("0.01"))
    assert line.net < 0 < (whole.realized_net or 0)  # the loss is in the shares that came of it
    [day] = summed(await books.reads.gains(), "day")
    assert (day.label, day.net, day.trades) == (MONDAY.isoformat(), line.net, 1)


async def test_an_index_is_settled_in_cash(books: Account) -> None:
    expiry, after = date(2026, 6, 18), date(2026, 6, 22)
    strike = int(books.world.simulator.exchange.market.settlement("SPX", expiry, "AM")) // 25 * 25
    short, long = call("SPX", expiry, strike - 100), call("SPX", expiry, strike + 100)
    await books.enter((sell(short), buy(long)), share=None, limit="0.05")

    assert await books.jump(after, 8) == ()

    await books.agrees()
    [settled] = await books.positions()
    assert settled.closure_reason == "assignment"
    await books.gained(settled.id)


async def test_the_risk_desk_closes_and_every_position_gets_its_share(books: Account) -> None:
    spot = int(books.world.close_of("QQQ", FRIDAY))
    short = put("QQQ", FRIDAY, spot + 15)
    one = await books.enter((sell(short), buy(put("QQQ", FRIDAY, spot - 45))), units=2)
    two = await books.enter((sell(short), buy(put("QQQ", FRIDAY, spot - 50))), units=2)

    await books.jump(FRIDAY, 14, 59)
    assert await books.jump(FRIDAY, 15) == ()

    await books.agrees()
    for position in (one, two):
        assert (await books.position(position)).closure_reason == "manual_close"
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


async def test_fees_of_what_is_still_open_are_paid_and_not_yet_realised(books: Account) -> None:
    spot = int(books.world.close_of("QQQ", FRIDAY))
    spread = (sell(put("QQQ", FRIDAY, spot - 8)), buy(put("QQQ", FRIDAY, spot - 15)))
    position = await books.enter(spread, share=None)
    held = await books.position(position)
    assert held.fees is not None
    assert held.fees > 2  # two commissions, and the fees of others
    assert (held.realized, held.realized_net, held.r_multiple) == (D(0), D(0), D(0))
    assert await books.reads.gains() == ()


async def test_without_its_transactions_a_gain_is_not_known(books: Account) -> None:
    spot = int(books.world.close_of("QQQ", FRIDAY))
    spread = (sell(put("QQQ", FRIDAY, spot - 8)), buy(put("QQQ", FRIDAY, spot - 15)))
    position = await books.enter(spread, share=None)
    await books.jump(MONDAY, 5)
    await books.tamper(
        "UPDATE ledger_entry SET broker_order_id = NULL WHERE kind = 'Trade' AND action LIKE 'Sell%'"
    )
    closed = await books.position(position)
    assert closed.realized > 0
    assert (closed.fees, closed.realized_net, closed.r_multiple) == (None, None, None)
    assert [one.net for one in summed(await books.reads.gains(), "strategy")] == [None]
    [missing] = await books.reconcile()
    assert (missing.category, missing.theirs) == ("ledger_mismatch", "no transaction")


async def test_a_cent_between_fills_and_transactions_is_a_difference(books: Account) -> None:
    spot = int(books.world.close_of("QQQ", FRIDAY))
    await books.enter((sell(put("QQQ", FRIDAY, spot - 8)), buy(put("QQQ", FRIDAY, spot - 15))), share=None)
    await books.tamper(
        "UPDATE fill SET price = price + 0.0001 WHERE symbol LIKE '%' || :strike || '000'", spot - 8
    )
    [wrong] = await books.reconcile()
    assert (wrong.category, wrong.fix) == ("ledger_mismatch", "review")
    cents = [D(text.rpartition("$")[2]) for text in (wrong.ours, wrong.theirs)]
    assert cents[0] - cents[1] == D("0.01")


async def test_a_row_nobody_can_explain_is_listed_and_never_guessed(books: Account) -> None:
    before = await books.booked()
    await books.tamper(
        "INSERT INTO ledger_entry (account_id, broker_id, kind, sub_kind, description, executed_at, day, symbol, "
        "underlying, quantity, value, net_value, commission, fees, pending, read_at) SELECT id, '1', "
        "'Receive Deliver', 'Expiration', '', now(), '2026-06-02', 'QQQ   260605P00600000', 'QQQ', 1, 0, 0, 0, 0, "
        "true, now() FROM account"
    )
    [unknown] = await books.reconcile()
    assert (unknown.category, unknown.subject, unknown.theirs) == (
        *("ledger_mismatch", "transaction 1", "1 QQQ   260605P00600000, Expiration"),
    )
    assert await books.booked() == before


async def test_what_was_opened_elsewhere_is_looked_after_once_adopted(books: Account) -> None:
    spot = int(books.world.close_of("QQQ", FRIDAY))
    short, long = put("QQQ", date(2026, 7, 17), spot - 10), put("QQQ", date(2026, 7, 17), spot - 20)
    books.world.order((short, Action.SELL_TO_OPEN, 1), (long, Action.BUY_TO_OPEN, 1), price="0.01")
    books.world.simulator.exchange.step(40)
    await books.reconcile()
    [foreign] = await books.positions()
    assert not foreign.managed
    for options, code in (
        (["target=1.5", "time_exit=7"], "E_EXIT_PLAN"),
        (["target=NaN", "time_exit=7"], "E_EXIT_PLAN"),
        (["target=0.5"], "E_EXIT_PLAN"),
        (["target=0.5", "time_exit=-1"], "E_EXIT_PLAN"),
    ):
        assert await books.adopt(foreign.id, options) == ("refused", code)
    assert await books.orders(foreign.id) == []

    assert await books.adopt(foreign.id, ["target=0.50", "time_exit=21"]) == ("done", "OK")

    adopted = await books.position(foreign.id)
    assert (adopted.managed, adopted.time_exit_dte) == (True, 21)
    assert await books.orders(foreign.id) == [("target", "working")]
    assert await books.adopt(foreign.id, ["target=0.50", "time_exit=21"]) == ("refused", "E_NOT_ADOPTABLE")


async def test_shares_and_what_is_closed_cannot_be_adopted(fresh: Account) -> None:
    fresh.world.hold("SPY", 100, 600)
    await fresh.start()
    [shares] = await fresh.positions()
    assert await fresh.adopt(shares.id, ["target=none", "time_exit=7"]) == ("refused", "E_NOT_ADOPTABLE")
    fresh.world.order(("SPY", Action.SELL_TO_CLOSE, 100), price="1.00")
    fresh.world.simulator.exchange.step(40)
    await fresh.reconcile()
    await fresh.agrees()
    assert await fresh.adopt(shares.id, ["target=none", "time_exit=7"]) == ("refused", "E_NOT_ADOPTABLE")
    [line] = summed(await fresh.reads.gains(), "spread")
    assert line.label == "SPY unmanaged all"


async def test_every_page_is_read_and_reading_again_changes_nothing(fresh: Account) -> None:
    exchange = fresh.world.simulator.exchange
    clerk = Clerk(exchange, fresh.world.account, exchange.day(), exchange.now())
    for number in range(300):
        clerk.pay("Credit Interest", f"Interest {number}", D("0.01"))
    await fresh.start()
    await fresh.agrees()
    clerk.pay("Credit Interest", "Interest", D("0.02"))
    for _ in range(2):
        assert await fresh.reconcile() == ()
        await fresh.agrees()


async def test_what_is_transferred_in_has_the_side_the_broker_holds_it_on(books: Account) -> None:
    books.world.hold(put("QQQ", date(2026, 7, 17), int(books.world.close_of("QQQ", FRIDAY)) - 50), -2, 3)
    await books.reconcile()
    assert await books.reconcile() == ()
    await books.agrees()
    [foreign] = await books.positions()
    assert [(lot.quantity, lot.price) for lot in foreign.spreads[0].lots] == [(-2, D(3))]
    assert not foreign.managed
