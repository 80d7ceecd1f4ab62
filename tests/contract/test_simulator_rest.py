"""Instruments, market data and watchlists over REST: pages, filters, refusals, and that endpoints agree."""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from tastytrade.dxfeed import Quote, Summary
from tastytrade.instruments import (
    Cryptocurrency,
    Equity,
    Future,
    FutureOption,
    NestedFutureOptionChain,
    NestedOptionChain,
    get_future_option_chain,
    get_option_chain,
)
from tastytrade.market_data import get_market_data, get_market_data_by_type
from tastytrade.market_sessions import ExchangeType, get_futures_holidays, get_market_sessions
from tastytrade.metrics import get_dividends, get_earnings, get_market_metrics
from tastytrade.order import InstrumentType
from tastytrade.utils import TastytradeError
from tastytrade.watchlists import PairsWatchlist, PrivateWatchlist, PublicWatchlist

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from tests.contract.simulator_support import Broker

NEW_YORK = ZoneInfo("America/New_York")


async def _raw(broker: Broker, path: str, *, token: str | None = None) -> tuple[int, Any]:
    """A reply as it is on the wire."""
    await broker.session.refresh()
    bearer = broker.session.session_token if token is None else token
    headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
    async with broker.http.get(f"{broker.rest}{path}", headers=headers) as answer:
        return answer.status, await answer.json()


async def test_pages_add_up_and_say_where_they_stand(broker: Broker) -> None:
    whole = await Equity.get_active_equities(broker.session)
    pages = await Equity.get_active_equities(broker.session, per_page=4, page_offset=None)
    status, second = await _raw(broker, "/instruments/equities/active?per-page=4&page-offset=1")

    assert [one.symbol for one in pages] == [one.symbol for one in whole]
    assert status == 200
    assert [one["symbol"] for one in second["data"]["items"]] == [one.symbol for one in whole[4:8]]
    assert second["pagination"]["total-items"] == len(whole)
    assert second["pagination"]["total-pages"] == -(-len(whole) // 4)
    assert second["pagination"]["item-offset"] == 4
    assert (second["api-version"], second["context"]) == ("v1", "/instruments/equities/active")
    beyond = (await _raw(broker, "/instruments/equities/active?page-offset=99"))[1]
    assert beyond["data"]["items"] == []


async def test_equities_are_filtered(broker: Broker) -> None:
    symbols = ["QQQ", "AAPL", "SPX"]

    async def found(**filters: Any) -> list[str]:
        return [one.symbol for one in await Equity.get(broker.session, symbols, **filters)]

    assert sorted(await found()) == sorted(symbols)
    assert await found(is_etf=True) == ["QQQ"]
    assert await found(is_index=True) == ["SPX"]
    assert sorted(await found(is_index=False)) == ["AAPL", "QQQ"]
    assert await found(lendability="Locate Required") == []
    index = await Equity.get(broker.session, "SPX")
    assert index.instrument_type is InstrumentType.INDEX


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/instruments/equities/NOPE", 404, "record_not_found"),
        ("/instruments/futures/ESF6", 404, "record_not_found"),
        ("/no/such/path", 404, "record_not_found"),
        ("/market-data/Equity/SPX", 404, "record_not_found"),
        ("/market-data/Nonsense/SPX", 400, "validation_error"),
        ("/market-data/by-type?" + "&".join(["equity=QQQ"] * 101), 400, "validation_error"),
        ("/market-metrics", 400, "validation_error"),
        ("/instruments/equities/active?per-page=none", 400, "validation_error"),
        ("/instruments/equities?is-etf=maybe", 400, "validation_error"),
        (
            "/market-metrics/historic-corporate-events/earnings-reports/AAPL?start-date=x",
            400,
            "validation_error",
        ),
        ("/pairs-watchlists/Nope", 404, "record_not_found"),
    ],
)
async def test_refusals_have_the_brokers_shape(broker: Broker, path: str, status: int, code: str) -> None:
    answer = await _raw(broker, path)

    assert answer[0] == status
    assert answer[1]["error"]["code"] == code
    assert answer[1]["error"]["message"]


async def test_only_what_is_public_answers_without_a_token(broker: Broker) -> None:
    for path in ("/margin-requirements-public-configuration", "/symbols/search/AAP"):
        assert (await _raw(broker, path, token=""))[0] == 200
    for path in (
        "/customers/me",
        "/instruments/equities/QQQ",
        "/watchlists",
        "/market-time/equities/holidays",
    ):
        status, body = await _raw(broker, path, token="nonsense")
        assert (status, body["error"]["code"]) == (401, "token_invalid")


async def test_an_index_has_a_morning_and_an_evening_root(broker: Broker) -> None:
    chains = {one.root_symbol: one for one in await NestedOptionChain.get(broker.session, "RUT")}
    flat = await get_option_chain(broker.session, "RUT")

    assert list(chains) == ["RUT", "RUTW"]
    assert {one.settlement_type for one in chains["RUT"].expirations} == {"AM"}
    assert {one.settlement_type for one in chains["RUTW"].expirations} == {"PM"}
    nested = sum(2 * len(one.strikes) for chain in chains.values() for one in chain.expirations)
    assert sum(len(options) for options in flat.values()) == nested
    morning = next(one for options in flat.values() for one in options if one.root_symbol == "RUT")
    assert (morning.exercise_style, morning.underlying_symbol) == ("European", "RUT")
    assert morning.stops_trading_at.date() < morning.expiration_date


async def test_watchlists_live_as_long_as_the_state(
    serve: Callable[..., AbstractAsyncContextManager[Broker]], tmp_path: Path
) -> None:
    mine = PrivateWatchlist(name="Mine/and yours", group_name="main", order_index=3)
    mine.add_symbol("MSFT", InstrumentType.EQUITY)
    mine.add_symbol("/ESM6", InstrumentType.FUTURE)
    async with serve(state=tmp_path / "state") as broker:
        await PrivateWatchlist(name="Other").upload(broker.session)
        await mine.model_copy(update={"name": "Mine"}).upload(broker.session)
        with pytest.raises(TastytradeError, match="record_already_exists"):
            await mine.model_copy(update={"name": "Mine"}).upload(broker.session)
        await broker.session._put("/watchlists/Mine", json={**mine.model_dump(by_alias=True), "name": "Ours"})
    async with serve(state=tmp_path / "state") as broker:
        known = await PrivateWatchlist.get(broker.session)
        assert [one.name for one in known] == ["Other", "Ours"]
        assert known[1].watchlist_entries == mine.watchlist_entries
        assert (known[1].group_name, known[1].order_index) == ("main", 3)
        await PrivateWatchlist.remove(broker.session, "Other")
        with pytest.raises(TastytradeError, match="record_not_found"):
            await PrivateWatchlist.remove(broker.session, "Other")
        assert [one.name for one in await PrivateWatchlist.get(broker.session)] == ["Ours"]


async def test_public_lists_name_only_what_can_be_quoted(broker: Broker) -> None:
    kinds = {
        "Equity": "equities",
        "Index": "indices",
        "Future": "futures",
        "Cryptocurrency": "cryptocurrencies",
    }
    for known in await PublicWatchlist.get(broker.session):
        wanted: dict[str, list[str]] = {}
        for entry in known.watchlist_entries or []:
            wanted.setdefault(kinds[entry["instrument-type"]], []).append(entry["symbol"])
        quoted = await get_market_data_by_type(broker.session, **wanted)
        assert {one.symbol for one in quoted} == {symbol for symbols in wanted.values() for symbol in symbols}
    sides = [
        symbol
        for one in await PairsWatchlist.get(broker.session)
        for pair in one.pairs_equations
        for symbol in (pair.left_symbol, pair.right_symbol)
    ]
    assert {one.symbol for one in await Equity.get(broker.session, sides)} == set(sides)


async def test_futures_and_their_options_agree_with_each_other(broker: Broker) -> None:
    futures = await Future.get(broker.session, product_codes=["CL"])
    nested = await NestedFutureOptionChain.get(broker.session, "/CL")
    flat = await get_future_option_chain(broker.session, "CL")

    assert sum(one.active_month for one in futures) == sum(one.next_active_month for one in futures) == 1
    assert [one.expiration_date for one in futures] == sorted(one.expiration_date for one in futures)
    assert {one.symbol for one in nested.futures} <= {one.symbol for one in futures}
    first = nested.option_chains[0].expirations[0]
    middle = first.strikes[len(first.strikes) // 2]
    option = await FutureOption.get(broker.session, middle.call)
    assert option in flat[first.expiration_date]
    assert (option.streamer_symbol, option.strike_price) == (middle.call_streamer_symbol, middle.strike_price)
    quotes = await get_market_data_by_type(
        broker.session, futures=[one.symbol for one in futures], future_options=[middle.call, middle.put]
    )
    assert len(quotes) == len(futures) + 2
    assert all(one.bid is not None and one.ask is not None and one.bid < one.ask for one in quotes)
    assert all(one.bid % futures[0].tick_size == 0 for one in quotes if one.bid is not None)
    assert {(one.summary_date, one.prev_close_date) for one in quotes} == {
        (date(2026, 6, 2), date(2026, 6, 1)),
    }


@pytest.mark.parametrize(
    ("day", "hour", "equity", "futures"),
    [
        (date(2026, 6, 3), 5, "Pre-market", "Open"),
        (date(2026, 6, 3), 12, "Open", "Open"),
        (date(2026, 6, 3), 17, "Extended", "Closed"),
        (date(2026, 6, 3), 22, "Closed", "Open"),
        (date(2026, 6, 6), 12, "Closed", "Closed"),
    ],
)
async def test_each_exchange_keeps_its_hours(
    serve: Callable[..., AbstractAsyncContextManager[Broker]], day: date, hour: int, equity: str, futures: str
) -> None:
    async with serve(start=datetime.combine(day, time(hour, 30), tzinfo=NEW_YORK)) as broker:
        now = broker.simulator.exchange.now()
        known = await get_market_sessions(broker.session, list(ExchangeType))

        assert {one.instrument_collection: one.status for one in known} == {
            "Equity": equity,
            "CME": futures,
            "CFE": futures,
        }
        for one in known:
            assert one.next_session is not None
            assert one.previous_session is not None
            assert one.previous_session.open_at < now < one.next_session.open_at
            assert (one.open_at is None) == (one.status == "Closed")


async def test_futures_keep_fewer_holidays(broker: Broker) -> None:
    known = await get_futures_holidays(broker.session, ExchangeType.CME)

    assert date(2026, 12, 25) in known.holidays
    assert date(2026, 7, 3) not in known.holidays
    assert {date(2026, 7, 3), date(2026, 11, 27)} <= set(known.half_days)


async def test_market_data_and_metrics_tell_one_story(broker: Broker) -> None:
    session, today = broker.session, date(2026, 6, 2)
    (metrics,) = await get_market_metrics(session, ["AAPL"])
    chain = (await NestedOptionChain.get(session, "AAPL"))[0]
    dividends = await get_dividends(session, "AAPL")
    reports = await get_earnings(session, "AAPL", date(2025, 6, 1))
    data = await get_market_data(session, "AAPL", InstrumentType.EQUITY)

    assert metrics.option_expiration_implied_volatilities is not None
    assert [one.expiration_date for one in metrics.option_expiration_implied_volatilities] == [
        one.expiration_date for one in chain.expirations
    ]
    assert metrics.dividend_ex_date == dividends[-1].occurred_date <= today
    assert metrics.dividend_rate_per_share == 4 * dividends[-1].amount
    assert all(one.occurred_date <= today for one in reports)
    assert metrics.earnings_per_share == sum((one.eps for one in reports[-4:]), Decimal(0))
    assert metrics.earnings is not None
    assert metrics.earnings.expected_report_date is not None
    assert metrics.earnings.expected_report_date >= today
    prices = [data.year_low_price, data.day_low_price, data.last, data.day_high_price, data.year_high_price]
    assert prices == sorted(prices, key=lambda price: price or 0)
    assert data.prev_close is not None
    assert (data.bid or 0) < (data.ask or 0)


async def test_rest_and_stream_agree_about_every_kind(broker: Broker) -> None:
    session = broker.session
    await broker.clock(step=3)
    future = (await Future.get(session, product_codes=["CL"]))[0]
    put = (await NestedFutureOptionChain.get(session, "CL")).option_chains[0].expirations[0].strikes[20]
    option = (await NestedOptionChain.get(session, "QQQ"))[0].expirations[1].strikes[60]
    names = {
        "QQQ": "QQQ",
        "SPX": "SPX",
        option.call: option.call_streamer_symbol,
        future.symbol: future.streamer_symbol,
        put.put: put.put_streamer_symbol,
        "BTC/USD": (await Cryptocurrency.get(session, "BTC/USD")).streamer_symbol,
    }
    told = await get_market_data_by_type(
        session,
        equities=["QQQ"],
        indices=["SPX"],
        options=[option.call],
        futures=[future.symbol],
        future_options=[put.put],
        cryptocurrencies=["BTC/USD"],
    )
    async with broker.quotes() as stream:
        await stream.subscribe(Quote, list(names.values()))
        await stream.subscribe(Summary, list(names.values()))
        quotes = {one.event_symbol: one for one in [await stream.get_event(Quote) for _ in names]}
        summaries = {one.event_symbol: one for one in [await stream.get_event(Summary) for _ in names]}

    assert {one.symbol for one in told} == set(names)
    for one in told:
        quote, summary = quotes[names[one.symbol]], summaries[names[one.symbol]]
        assert (one.bid, one.ask) == (quote.bid_price, quote.ask_price), one.symbol
        assert (one.bid_size, one.ask_size) == (quote.bid_size, quote.ask_size), one.symbol
        assert one.prev_close == summary.prev_day_close_price, one.symbol
        assert one.open_interest is None or one.open_interest == summary.open_interest, one.symbol
        if one.open is not None:
            day = (one.open, one.day_high_price, one.day_low_price)
            assert day == (summary.day_open_price, summary.day_high_price, summary.day_low_price), one.symbol
