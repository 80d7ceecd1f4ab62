"""Accounts and market facts of the simulator, as the SDK reads them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from tastytrade import Account, Session
from tastytrade.instruments import Equity, NestedOptionChain, Option, get_option_chain
from tastytrade.market_data import get_market_data, get_market_data_by_type
from tastytrade.market_sessions import ExchangeType, MarketStatus, get_market_holidays, get_market_sessions
from tastytrade.metrics import get_market_metrics, get_risk_free_rate
from tastytrade.order import InstrumentType
from tastytrade.search import symbol_search
from tastytrade.utils import TastytradeError

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from tests.contract.simulator_support import Broker


async def test_a_fresh_account_has_its_deposit_and_nothing_else(broker: Broker) -> None:
    balances = await broker.account.get_balances(broker.session)
    history = await broker.account.get_history(broker.session, page_offset=None)
    status = await broker.account.get_trading_status(broker.session)

    assert balances.net_liquidating_value == balances.derivative_buying_power == Decimal(50_000)
    assert [(entry.transaction_sub_type, entry.net_value) for entry in history] == [
        ("Deposit", Decimal(50_000))
    ]
    assert await broker.account.get_positions(broker.session, include_marks=True) == []
    assert await broker.account.get_live_orders(broker.session) == []
    assert await broker.account.get_live_complex_orders(broker.session) == []
    assert broker.account.margin_or_cash == "Margin"
    assert status.options_level == "No Restrictions"
    assert not status.is_frozen
    assert (await broker.session.get_customer()).id == "me"
    assert await broker.session.validate()


async def test_several_accounts_are_apart(
    serve: Callable[..., AbstractAsyncContextManager[Broker]],
) -> None:
    async with serve(account="5SX00041", accounts=2) as broker:
        numbers = [account.account_number for account in await Account.get(broker.session)]

    assert numbers == ["5SX00041", "5SX00042"]


@pytest.mark.parametrize("wrong", ["secret", "refresh"])
async def test_wrong_credentials_get_no_token(broker: Broker, wrong: str) -> None:
    tokens = broker.simulator.tokens
    secret = "no" if wrong == "secret" else tokens.client_secret
    refresh = "no" if wrong == "refresh" else tokens.refresh_token
    async with Session(secret, refresh, is_test=True, trust_env=False) as session:
        with pytest.raises(TastytradeError, match=r"invalid_client|invalid_grant"):
            await Account.get(session)


async def test_an_expired_token_is_refused_until_it_is_renewed(broker: Broker) -> None:
    await broker.fault(endpoint="token", mode="expire")
    with pytest.raises(TastytradeError, match="token_invalid"):
        await broker.account.get_balances(broker.session)

    await broker.session.refresh(force=True)

    assert (await broker.account.get_balances(broker.session)).cash_balance == Decimal(50_000)


async def test_the_chain_lists_dollar_strikes_and_a_monthly_in_the_window(broker: Broker) -> None:
    for symbol in ("QQQ", "SPY"):
        chain = (await NestedOptionChain.get(broker.session, symbol))[0]
        window = [one for one in chain.expirations if 30 <= one.days_to_expiration <= 50]
        monthly = [one for one in window if one.expiration_type == "Regular"]

        assert [one.expiration_date for one in monthly] == [date(2026, 7, 17)]
        assert len(window) >= 3
        assert chain.tick_sizes[0].value == Decimal("0.01")
        quote = await get_market_data(broker.session, symbol, InstrumentType.EQUITY)
        assert quote.mid is not None
        strikes = {strike.strike_price for strike in monthly[0].strikes}
        near = round(quote.mid)
        assert all(Decimal(strike) in strikes for strike in range(near - 40, near + 41))


async def test_expirations_fall_on_trading_days(broker: Broker) -> None:
    chain = (await NestedOptionChain.get(broker.session, "QQQ"))[0]
    days = [one.expiration_date for one in chain.expirations]

    assert date(2026, 6, 18) in days  # Friday the 19th is a holiday
    assert date(2026, 7, 2) in days  # so is Friday the 3rd of July
    assert max(days) >= date(2026, 8, 7)


async def test_flat_chain_and_single_reads_agree_with_the_nested_chain(broker: Broker) -> None:
    nested = (await NestedOptionChain.get(broker.session, "QQQ"))[0]
    flat = await get_option_chain(broker.session, "QQQ")
    strike = nested.expirations[0].strikes[0]
    option = await Option.get(broker.session, strike.call)
    equity = await Equity.get(broker.session, "QQQ")

    assert sorted(flat) == [one.expiration_date for one in nested.expirations]
    assert option.streamer_symbol == strike.call_streamer_symbol
    assert option.strike_price == strike.strike_price
    assert option.stops_trading_at.astimezone().timestamp() > 0
    assert equity.is_etf
    assert [data.symbol for data in await symbol_search(broker.session, "QQ")] == ["QQQ"]


async def test_unknown_symbols_are_not_found(broker: Broker) -> None:
    with pytest.raises(TastytradeError, match="record_not_found"):
        await NestedOptionChain.get(broker.session, "NOPE")
    with pytest.raises(TastytradeError, match="record_not_found"):
        await get_market_data(broker.session, "NOPE", InstrumentType.EQUITY)
    assert await get_market_data_by_type(broker.session, equities=["NOPE"]) == []


async def test_metrics_agree_with_each_other(broker: Broker) -> None:
    for metrics in await get_market_metrics(broker.session, ["QQQ", "SPY"]):
        assert isinstance(metrics.implied_volatility_index_rank, str)
        assert metrics.implied_volatility_index is not None
        assert metrics.implied_volatility_30_day is not None
        assert metrics.historical_volatility_30_day is not None
        assert abs(metrics.implied_volatility_index * 100 - metrics.implied_volatility_30_day) < Decimal(
            "0.01"
        )
        assert metrics.historical_volatility_30_day < metrics.implied_volatility_30_day
        assert metrics.earnings is None
        assert metrics.dividend_next_date is not None
        assert (metrics.dividend_next_date - date(2026, 6, 2)).days > 5


async def test_the_market_is_open_at_ten_whatever_the_wall_clock_says(broker: Broker) -> None:
    session = (await get_market_sessions(broker.session, [ExchangeType.NYSE]))[0]
    holidays = await get_market_holidays(broker.session)

    assert session.status is MarketStatus.OPEN
    assert date(2026, 7, 3) in holidays.holidays
    assert date(2026, 11, 27) in holidays.half_days
    assert 0 < await get_risk_free_rate(broker.session) < 1
