"""What the broker says in our words: signs and units turned once, the unknown refused."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from tastytrade.account import CurrentPosition
from tastytrade.dxfeed import Candle as SdkCandle
from tastytrade.instruments import NestedOptionChain
from tastytrade.market_data import MarketData
from tastytrade.metrics import MarketMetricInfo
from tastytrade.order import PlacedOrder

from senex.broker import mapping
from senex.broker.errors import broker_errors
from senex.broker.recorder import redacted
from senex.domain.chain import Activity
from senex.domain.orders import BrokerStatus
from senex.domain.unknown import Unknown

_AT = "2026-06-02T14:00:00.000+00:00"


def position(**changes: Any) -> CurrentPosition:
    told = {
        "account-number": "5SX1",
        "symbol": "QQQ   260717P00500000",
        "instrument-type": "Equity Option",
        "underlying-symbol": "QQQ",
        "quantity": "2",
        "quantity-direction": "Short",
        "close-price": "1",
        "average-open-price": "1.5",
        "multiplier": 100,
        "cost-effect": "Debit",
        "is-suppressed": False,
        "is-frozen": False,
        "realized-day-gain": "0",
        "realized-today": "0",
        "created-at": _AT,
        "updated-at": _AT,
    }
    return CurrentPosition(**(told | changes))


def order(**changes: Any) -> PlacedOrder:
    leg = {
        "instrument-type": "Equity Option",
        "symbol": "QQQ   260717P00500000",
        "action": "Sell to Open",
        "quantity": 1,
        "fills": [
            {"fill-id": "f1", "quantity": "1", "fill-price": "2.5", "filled-at": "2026-06-02T14:00:00"}
        ],
    }
    told = {
        "id": 7,
        "account-number": "5SX1",
        "time-in-force": "Day",
        "order-type": "Limit",
        "underlying-symbol": "QQQ",
        "underlying-instrument-type": "Equity",
        "status": "Live",
        "cancellable": True,
        "editable": True,
        "edited": False,
        "updated-at": _AT,
        "price": "2.5",
        "price-effect": "Debit",
        "legs": [leg | changes.pop("leg", {})],
    }
    return PlacedOrder(**(told | changes))


def test_a_short_holding_is_negative_and_a_mark_may_be_missing() -> None:
    short = mapping.holding(position())
    assert (short.quantity, short.mark) == (Decimal(-2), None)
    assert mapping.holding(position(**{"quantity-direction": "Long"})).quantity == 2


@pytest.mark.parametrize("changes", [{"quantity-direction": "Sideways"}, {"instrument-type": "Warrant"}])
def test_a_holding_with_an_unknown_word_is_refused(changes: dict[str, str]) -> None:
    with pytest.raises(mapping.Unreadable) as caught:
        mapping.holding(position(**changes))
    assert caught.value.code == "E_BROKER_ANSWER"


def test_an_order_keeps_sign_status_and_fills_in_utc() -> None:
    read = mapping.broker_order(order(), order_id="7")
    assert (read.price, read.status, read.filled) == (Decimal("-2.5"), BrokerStatus.LIVE, 1)
    assert read.legs[0].fills[0].filled_at == datetime(2026, 6, 2, 14, tzinfo=UTC)


@pytest.mark.parametrize("leg", [{"action": "Buy"}, {"quantity": "1.5"}, {"quantity": None}])
def test_an_order_with_a_leg_senex_cannot_hold_is_refused(leg: dict[str, Any]) -> None:
    with pytest.raises(mapping.Unreadable):
        mapping.broker_order(order(leg=leg), order_id="7")


def test_metrics_are_percent_and_what_is_missing_says_so() -> None:
    told = MarketMetricInfo(
        **{
            "symbol": "QQQ",
            "updated-at": _AT,
            "market-cap": "0",
            "implied-volatility-index-rank": "0.4795",
            "implied-volatility-percentile": "n/a",
            "implied-volatility-30-day": "20.46",
        }
    )
    read = mapping.metrics(told)
    assert (read.iv_rank, read.iv30) == (Decimal("47.95"), Decimal("20.46"))
    for missing in (read.iv_percentile, read.hv30, read.beta):
        assert isinstance(missing, Unknown)
        assert missing.why


def _chain(kind: str, day: str, tick: str) -> NestedOptionChain:
    strike = {
        "strike-price": "500.0",
        "call": "QQQ   260717C00500000",
        "put": "QQQ   260717P00500000",
        "call-streamer-symbol": ".QQQ260717C500",
        "put-streamer-symbol": ".QQQ260717P500",
    }
    expiration = {
        "expiration-type": "Regular",
        "expiration-date": day,
        "days-to-expiration": 45,
        "settlement-type": "PM",
        "strikes": [strike],
    }
    return NestedOptionChain(
        **{
            "underlying-symbol": "QQQ",
            "root-symbol": "QQQ",
            "option-chain-type": kind,
            "shares-per-contract": 100,
            "tick-sizes": [{"value": "0.05"}, {"value": tick, "threshold": "3"}],
            "expirations": [expiration],
        }
    )


def test_all_standard_roots_are_read_and_adjusted_contracts_left_out() -> None:
    told = [
        _chain("Standard", "2026-07-17", "0.01"),
        _chain("Non-standard", "2026-06-05", "0.001"),
        _chain("Standard", "2026-07-10", "0.01"),
    ]
    read = mapping.option_chain("QQQ", told)
    assert [each.day for each in read.expirations] == [date(2026, 7, 10), date(2026, 7, 17)]
    assert read.spread_tick == Decimal("0.01")
    with pytest.raises(mapping.Unreadable):
        mapping.option_chain("QQQ", told[1:2])


def _candle(at: datetime, close: str, flags: int = 0) -> SdkCandle:
    return SdkCandle(
        event_symbol="QQQ{=d,tho=true}",
        event_time=0,
        event_flags=flags,
        index=0,
        time=int(at.timestamp() * 1000),
        sequence=0,
        count=1,
        open=Decimal(1),
        high=Decimal(9),
        low=Decimal(1),
        close=Decimal(close),
    )


def test_candles_ascend_the_last_word_wins_and_today_is_left_out() -> None:
    told = [
        _candle(datetime(2026, 6, 2, tzinfo=UTC), "5"),
        _candle(datetime(2026, 6, 1, tzinfo=UTC), "4"),
        _candle(
            datetime(2026, 5, 29, 13, 30, tzinfo=UTC), "2"
        ),  # stamped at the opening: that day in New York
        _candle(datetime(2026, 5, 28, tzinfo=UTC), "1"),
        _candle(datetime(2026, 6, 1, tzinfo=UTC), "4.5"),
        _candle(datetime(2026, 5, 28, tzinfo=UTC), "1", flags=2),
    ]
    read = mapping.candles(told, before=date(2026, 6, 2))
    assert [(bar.day, bar.close) for bar in read] == [
        (date(2026, 5, 29), 2),
        (date(2026, 6, 1), Decimal("4.5")),
    ]


@pytest.mark.parametrize(
    ("body", "lines"),
    [
        ('{"error":{"code":"a","message":"b"}}', ("a: b",)),
        (
            '{"error":{"code":"a","message":"b","errors":[{"code":"c","message":"d"},{"domain":"e","reason":"f"}]}}',
            ("c: d", "e: f"),
        ),
        ('{"error":"unauthorized"}', ()),
        ('{"error":{"message":"no code"}}', ()),
        ('{"data":{}}', ()),
        ("[]", ()),
        ("<html>", ()),
        ("", ()),
    ],
)
def test_only_the_brokers_own_error_form_counts_as_its_word(body: str, lines: tuple[str, ...]) -> None:
    assert broker_errors(body) == lines


def test_every_token_is_struck_out_and_nothing_else() -> None:
    body = (
        '{"access_token":"s3\\"cret", "id":"x", "token" : "t", "data":{"session-token":"u"},"tokens":"kept"}'
    )
    assert redacted(body) == (
        '{"access_token":"***", "id":"x", "token" : "***", "data":{"session-token":"***"},"tokens":"kept"}'
    )


def test_what_the_broker_does_not_tell_of_a_contract_is_not_known() -> None:
    told = MarketData.model_construct(open_interest=Decimal(120), volume=None)  # type: ignore[call-arg]
    assert mapping.activity(told) == Activity(120, Unknown("the broker gives no volume"))
    odd = MarketData.model_construct(open_interest=Decimal("NaN"), volume=Decimal(-1))  # type: ignore[call-arg]
    for nothing in (mapping.activity(None), mapping.activity(odd)):
        assert nothing == Activity(
            Unknown("the broker gives no open interest"), Unknown("the broker gives no volume")
        )
