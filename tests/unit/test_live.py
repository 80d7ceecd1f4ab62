"""Live figures of suggestions and positions, from the console's fixed world."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from senex.domain.errors import UsageProblem
from senex.domain.quotes import Market, Quote
from senex.domain.unknown import Unknown
from senex.ports.views import LotView, PositionSpreadView, PositionView
from senex.services.live import (
    close_value,
    leg_live,
    new_limit,
    order_money,
    position_live,
    streamers_of,
    worst_loss,
)
from tests.tui.console_world import suggestion, target

D = Decimal
NOW = datetime(2026, 3, 4, 15, 0, tzinfo=UTC)
SHORT, LONG = "QQQ   260417P00500000", "QQQ   260417P00497000"


def lot(symbol: str, quantity: int, price: str, key: str = "put-1") -> LotView:
    strike = symbol[-8:-3].lstrip("0")
    return LotView(key, symbol, f".QQQ260417P{strike}", quantity, D(price), 100)


def position(*spreads: PositionSpreadView) -> PositionView:
    return PositionView(
        id=UUID(int=1),
        account_id=UUID(int=2),
        account_number="5SX1",
        strategy="senex_trident",
        origin="strategy",
        underlying="QQQ",
        expiry=date(2026, 4, 17),
        units=1,
        status="open_full",
        initial_risk=D(190),
        realized=D(0),
        opened_at=NOW,
        time_exit_dte=7,
        spreads=spreads,
    )


def spread(*lots: LotView) -> PositionSpreadView:
    return PositionSpreadView("put-1", D(3), D("1.38"), D("0.40"), lots, None)


def market(at: datetime = NOW, **prices: tuple[str, str]) -> Market:
    quotes = {
        f".QQQ260417P{name[1:]}": Quote(f".QQQ260417P{name[1:]}", D(bid), D(ask), D(1), D(1), 1, at)
        for name, (bid, ask) in prices.items()
    }
    return Market(quotes=quotes, last_inbound=at)


@pytest.fixture
def held() -> PositionView:
    return position(spread(lot(SHORT, -1, "6.55"), lot(LONG, 1, "5.17")))


def test_a_spread_is_marked_at_the_middle(held: PositionView) -> None:
    live = position_live(held, market(p500=("6.00", "6.10"), p497=("4.90", "4.96")), NOW)
    one = live.spreads["put-1"]
    assert one.close == D("-1.12")
    assert one.pnl == live.pnl == D("26.00")
    assert one.distance is None, "no target, no distance"
    assert not live.stale


def test_a_missing_leg_makes_the_sum_unknown(held: PositionView) -> None:
    live = position_live(held, market(p500=("6.00", "6.10")), NOW)
    assert isinstance(live.pnl, Unknown)
    assert "497" in live.pnl.why
    assert isinstance(live.spreads["put-1"].close, Unknown)
    assert live.stale, "what is unknown is not fresh"


def test_an_old_quote_still_marks_and_says_its_age(held: PositionView) -> None:
    quotes = market(NOW - timedelta(seconds=45), p500=("6.00", "6.10"), p497=("4.90", "4.96"))
    live = position_live(held, quotes, NOW)
    assert live.pnl == D("26.00")
    assert live.age == timedelta(seconds=45)
    assert live.stale


def test_spreads_sharing_a_strike_are_closed_together(held: PositionView) -> None:
    other = replace(spread(lot(SHORT, -1, "6.55", "put-2"), lot(LONG, 1, "5.17", "put-2")), key="put-2")
    live = position_live(
        replace(held, spreads=(*held.spreads, other)), market(p500=("6", "6.10"), p497=("4.90", "4.96")), NOW
    )
    assert live.pnl == D("52.00")
    assert live.close == D("-1.12"), "per reduced unit"


def test_a_closed_position_has_no_figures(held: PositionView) -> None:
    live = position_live(replace(held, spreads=(spread(),)), market(), NOW)
    assert isinstance(live.pnl, Unknown)


def test_a_leg_without_a_quote_says_so() -> None:
    leg = leg_live(".X", Market(), NOW)
    assert isinstance(leg.mark, Unknown)
    assert leg.stale


def test_every_symbol_is_asked_for(held: PositionView) -> None:
    assert streamers_of((), (held,)) == {"QQQ", ".QQQ260417P500", ".QQQ260417P497"}


def test_an_approval_can_lose_what_the_end_of_its_band_brings_less() -> None:
    one = suggestion(limit_price=D("4.10"), band_low=D("3.95"), max_loss=D(190))
    assert worst_loss(one) == D(205)


def test_what_closing_brings_at_natural_and_at_a_limit() -> None:
    lots = [lot(SHORT, -2, "3.00"), lot(LONG, 2, "1.62")]
    quoted = market(P500=("2.00", "2.10"), P497=("1.00", "1.10"))
    assert close_value(lots, quoted, NOW) == D("-220.00")
    assert close_value(lots, quoted, NOW, limit=D("-0.90")) == D("-180.00")
    stale = close_value(lots, quoted, NOW + timedelta(minutes=2))
    assert isinstance(stale, Unknown)
    shares = [replace(lots[0], symbol="QQQ", streamer="QQQ", quantity=100, multiplier=1)]
    assert close_value(shares, quoted, NOW, limit=D("500.10")) == D("50010.00")


@pytest.mark.parametrize(("told", "limit"), [("0.9", "-0.9"), (" 1.25 ", "-1.25"), ("-0.90", "-0.90")])
def test_a_new_limit_keeps_the_direction_of_the_order(told: str, limit: str) -> None:
    assert new_limit(target("put-1", "-0.82", 0), told) == D(limit)


@pytest.mark.parametrize("told", ["", "a lot", "0", "nan", "inf", "1e400", "1e12", "1e-40"])
def test_what_is_no_limit(told: str) -> None:
    with pytest.raises(UsageProblem) as problem:
        new_limit(target("put-1", "-0.82", 0), told)
    assert problem.value.code == "E_PRICE"


def test_a_credit_cannot_become_a_debit() -> None:
    with pytest.raises(UsageProblem):
        new_limit(replace(target("put-1", "-0.82", 0), limit_price=D("1.20")), "-1.10")


def test_an_order_is_worth_what_is_left_of_it() -> None:
    order = target("put-1", "-0.82", 0)
    legs = tuple(replace(leg, quantity=leg.quantity * 3, filled=1) for leg in order.legs)
    assert order_money(replace(order, legs=legs), D("-0.90")) == D("-180.00")
