"""What an account says about its past and its margin, as the SDK reads it."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from tastytrade import Account
from tastytrade.account import AccountBalance, CurrentPosition, MarginReportEntry
from tastytrade.order import InstrumentType, OrderAction
from tastytrade.utils import TastytradeError

from tests.contract.simulator_books import put

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from tests.contract.simulator_support import Broker

START, FRIDAY, MONDAY = date(2026, 6, 2), date(2026, 6, 5), date(2026, 6, 8)
JULY = date(2026, 7, 17)


async def hold(broker: Broker, symbol: str, quantity: int, price: str = "1.00") -> None:
    """Transfer a position in."""
    body = {"symbol": symbol, "quantity": quantity, "price": price}
    path = f"{broker.rest}/bench/{broker.account.account_number}/positions"
    async with broker.http.post(path, json=body) as answer:
        assert answer.status == 201, await answer.text()


async def spread(broker: Broker, expiry: date = JULY) -> tuple[str, str]:
    """A put spread, 7 wide, transferred in; the short put first."""
    strike = int(broker.simulator.exchange.market.spot("QQQ", 0)) - 10
    symbols = put("QQQ", expiry, strike), put("QQQ", expiry, strike - 7)
    await hold(broker, symbols[0], -2, "5.00")
    await hold(broker, symbols[1], 2, "3.00")
    return symbols


async def test_a_new_account_has_been_there_for_a_month(broker: Broker) -> None:
    session, account = broker.session, broker.account
    recent = await account.get_balance_snapshots(session)
    all_of_may = await account.get_balance_snapshots(
        session, start_date=date(2026, 5, 1), end_date=date(2026, 5, 31), page_offset=None, per_page=7
    )
    this = await account.get_balance_snapshots(session, snapshot_date=START, time_of_day="BOD")

    assert account.opened_at.date() == date(2026, 5, 1)
    assert (await account.get_history(session))[-1].transaction_sub_type == "Deposit"
    assert [one.snapshot_date for one in recent] == sorted(
        {one.snapshot_date for one in recent}, reverse=True
    )
    assert len(recent) == 5
    assert len(all_of_may) == 20
    assert {one.time_of_day for one in all_of_may} == {"EOD"}
    assert [(one.snapshot_date, one.net_liquidating_value) for one in this] == [(START, Decimal(50_000))]


async def test_snapshots_and_net_liquidation_follow_the_books(broker: Broker) -> None:
    session, account = broker.session, broker.account
    await spread(broker)
    await broker.clock(to="2026-06-02T20:30:00+00:00")
    balances = await account.get_balances(session)

    snapshot = (await account.get_balance_snapshots(session))[0]
    day = await account.get_net_liquidating_value_history(session, time_back="1d")
    month = await account.get_net_liquidating_value_history(session, time_back="1m")
    since = await account.get_net_liquidating_value_history(session, start_time=datetime(2024, 1, 1))  # noqa: DTZ001

    assert snapshot.snapshot_date == START
    assert snapshot.net_liquidating_value == balances.net_liquidating_value
    assert snapshot.cash_balance == balances.cash_balance == 50_000
    assert since[-len(month) :] == month
    assert since[0].time.startswith("2026-05-01")
    assert month[-1].close == day[-1].close == balances.net_liquidating_value
    assert month[-2].close == 50_000
    assert month[-1].low == min(one.low for one in day)
    assert all(one.low <= one.open <= one.high and one.low <= one.close <= one.high for one in (*day, *month))
    assert all(one.total_close == one.close + one.pending_cash_close for one in month)
    assert [one.time for one in month] == sorted(one.time for one in month)
    with pytest.raises(TastytradeError, match="time-back"):
        await account.get_net_liquidating_value_history(session, time_back="2w")


async def test_the_margin_report_says_what_each_underlying_needs(broker: Broker) -> None:
    await spread(broker)
    await hold(broker, "SPY", 400, "600.00")
    balances = await broker.account.get_balances(broker.session)

    report = await broker.account.get_margin_requirements(broker.session)

    groups = {one.code: one for one in report.groups if isinstance(one, MarginReportEntry)}
    assert groups["QQQ"].margin_requirement == -1400
    assert groups["SPY"].margin_requirement == -balances.long_equity_value / 2
    assert groups["SPY"].maintenance_requirement == -balances.long_equity_value / 4
    assert sum(one.margin_requirement for one in groups.values()) == report.margin_requirement
    assert report.margin_requirement == -balances.reg_t_margin_requirement
    assert report.maintenance_requirement == -balances.maintenance_requirement
    assert report.option_buying_power == balances.derivative_buying_power
    assert report.margin_equity == balances.net_liquidating_value
    assert report.maintenance_excess == balances.maintenance_excess
    parts = groups["QQQ"].groups
    assert parts is not None
    assert [part["description"] for part in parts] == [f"Options expiring {JULY}"]


async def test_positions_by_every_filter(broker: Broker) -> None:
    session, account = broker.session, broker.account
    short, long = await spread(broker)
    await hold(broker, "SPY", 10, "600.00")

    async def asked(**query: Any) -> set[str]:
        return {one.symbol for one in await account.get_positions(session, **query)}

    assert await asked() == {short, long, "SPY"}
    assert await asked(underlying_symbols=["SPY"]) == {"SPY"}
    assert await asked(underlying_symbols=["SPY", "QQQ"], instrument_type=InstrumentType.EQUITY_OPTION) == {
        short,
        long,
    }
    assert await asked(symbol=short, net_positions=True) == {short}
    assert await asked(partition_keys=["x"]) == set()
    assert await asked(underlying_product_code="ES") == set()
    marked = {one.symbol: one for one in await account.get_positions(session, include_marks=True)}
    for one in marked.values():
        assert one.mark_price is not None
        assert one.mark == one.mark_price * one.quantity * one.multiplier
    assert marked[short].quantity_direction == "Short"
    assert marked[short].average_open_price == 5


async def test_positions_add_up_to_the_net_liquidation_where_mids_are_half_cents(broker: Broker) -> None:
    for symbol in ("QQQ", "AAPL", "MSFT", "SPY"):
        await hold(broker, symbol, 33)
    for _ in range(8):
        await broker.clock(step=1)
        held = await broker.account.get_positions(broker.session, include_marks=True)
        known = await broker.account.get_balances(broker.session)
        assert known.cash_balance + sum(one.mark or 0 for one in held) == known.net_liquidating_value


async def test_an_expiration_is_seen_by_the_sdk_in_positions_history_and_alerts(broker: Broker) -> None:
    session, account = broker.session, broker.account
    short, long = await spread(broker, FRIDAY)
    await broker.clock(to="2026-06-05T20:30:00+00:00")
    close = broker.simulator.exchange.market.settlement("QQQ", FRIDAY)
    assert {one.symbol for one in await account.get_positions(session)} == {short, long}
    async with broker.alerts() as alerts:
        await broker.clock(to="2026-06-08T11:30:00+00:00")
        gone = {(await anext(alerts.listen(CurrentPosition))).symbol for _ in range(2)}
        told = await anext(alerts.listen(AccountBalance))

    booked = await account.get_history(session, types=["Receive Deliver"], start_date=MONDAY)
    closed = await account.get_positions(session, include_closed=True)
    assert {one.symbol for one in booked} >= {short, long}
    assert {one.symbol for one in closed} >= gone
    assert all(
        one.action is None for one in booked if one.transaction_sub_type in {"Expiration", "Assignment"}
    )
    assert {one.transaction_sub_type for one in booked} <= {
        *("Expiration", "Assignment", "Exercise"),
        *(str(action.value) for action in OrderAction),
    }
    balances = await account.get_balances(session)
    assert (
        told.cash_balance
        == balances.cash_balance
        == sum(one.net_value for one in await account.get_history(session, page_offset=None))
    )
    assert close > 0


async def test_a_cash_account_says_so(serve: Callable[..., AbstractAsyncContextManager[Broker]]) -> None:
    async with serve(cash=True) as broker:
        account = (await Account.get(broker.session))[0]
        status = await account.get_trading_status(broker.session)
        report = await account.get_margin_requirements(broker.session)

    assert account.margin_or_cash == "Cash"
    assert status.options_level == "Covered And Cash Secured"
    assert not status.short_calls_enabled
    assert report.margin_calculation_type == "Cash"
    assert report.groups == []


async def test_history_by_every_filter(broker: Broker) -> None:
    session, account = broker.session, broker.account
    short, _ = await spread(broker)
    history = await account.get_history(session, page_offset=None, per_page=1, sort="Asc")

    assert [one.transaction_sub_type for one in history] == ["Deposit", "Transfer", "Transfer"]
    assert await account.get_transaction(session, history[0].id) == history[0]

    async def asked(**query: Any) -> int:
        return len(await account.get_history(session, **query))

    assert await asked(type="Money Movement") == 1
    assert await asked(types=["Money Movement", "Receive Deliver"]) == 3
    assert await asked(sub_types=["Transfer"]) == 2
    assert await asked(symbol=short) == 1
    assert await asked(underlying_symbol="QQQ", instrument_type=InstrumentType.EQUITY_OPTION) == 2
    assert await asked(start_date=START) == 2
    assert await asked(end_date=START - timedelta(days=1)) == 1
    assert await asked(start_at=broker.simulator.exchange.now() + timedelta(seconds=1)) == 0
    assert await asked(futures_symbol="/ESM6") == await asked(partition_key="x") == 0
