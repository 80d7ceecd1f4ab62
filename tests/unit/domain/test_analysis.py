"""The market report: facts in, judgement and honest gaps out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from senex.domain.analysis import analyse
from senex.domain.calendar import NEW_YORK, Calendar
from senex.domain.indicators import Macd
from senex.domain.judging import composite_direction, judge, stress_of
from senex.domain.quotes import Market
from senex.domain.report import (
    BandPosition,
    Direction,
    Extreme,
    Judgement,
    MarketReport,
    Momentum,
    Regime,
    Stress,
)
from senex.domain.unknown import Unknown
from senex.testing.market import DAY, HALF_DAY, NOW, bars, calendar, metrics, quote

D = Decimal
NONE = Unknown("not given")


def report(**changes: object) -> MarketReport:
    given_: dict[str, object] = {
        "candles": bars(),
        "metrics": metrics(),
        "market": Market({"QQQ": quote("QQQ", "500.29", "500.31")}),
        "now": NOW,
        "calendar": calendar(),
    }
    return analyse("QQQ", **{**given_, **changes})  # type: ignore[arg-type]


def test_a_quiet_market_is_wholly_known() -> None:
    found = report()
    assert found.unknowns == ()
    assert found.stops == ()
    assert found.spot == D("500.30")
    assert found.bars == 140
    assert found.hv_iv == found.hv30 / 20  # type: ignore[operator]
    assert found.band_position is BandPosition.INSIDE
    assert found.stress == Stress(D(0))
    assert (found.days_to_earnings, found.days_to_dividend) == (None, None)


def test_a_stale_or_missing_quote_stops_everything() -> None:
    old = Market({"QQQ": quote("QQQ", "500.29", "500.31", NOW - timedelta(minutes=5, seconds=1))})
    for market in (old, Market()):
        found = report(market=market)
        assert "no usable price of the underlying" in found.stops[0]
        for value in (found.spot, found.band_position, found.recent_move, found.direction):
            assert isinstance(value, Unknown)
        assert found.stress.missing == ("recent move", "support and resistance")
    just = Market({"QQQ": quote("QQQ", "500.29", "500.31", NOW - timedelta(minutes=5))})
    assert report(market=just).stops == ()


def test_too_few_bars_stop_everything() -> None:
    assert report(candles=bars(20)).stops == ()
    few = report(candles=bars(19))
    assert few.stops == ("19 daily bars are known, 20 are needed",)
    none = report(candles=())
    assert none.stops == ("0 daily bars are known, 20 are needed",)
    assert len(none.unknowns) >= 6


def test_bars_are_fresh_against_the_last_session_not_yesterday() -> None:
    monday = datetime(2026, 3, 9, 10, 0, tzinfo=NEW_YORK).astimezone(UTC)
    market = Market({"QQQ": quote("QQQ", "500.29", "500.31", monday)})
    friday = report(candles=bars(last=date(2026, 3, 6)), now=monday, market=market)
    assert friday.stops == ()
    thursday = report(candles=bars(last=date(2026, 3, 5)), now=monday, market=market)
    assert thursday.stops == ("the newest daily bar is of 2026-03-05, the last session was 2026-03-06",)


def test_a_bar_that_still_forms_is_no_bar() -> None:
    forming = replace(bars()[-1], day=DAY, close=D(900), high=D(901))
    assert report(candles=(*bars(), forming)) == report()


def test_after_a_half_day_its_own_bar_is_wanted() -> None:
    at = datetime.combine(HALF_DAY, time(13, 1), NEW_YORK).astimezone(UTC)
    market = Market({"QQQ": quote("QQQ", "500.29", "500.31", at)})
    before = report(candles=bars(last=date(2026, 11, 26)), now=at, market=market)
    assert "the last session was 2026-11-27" in before.stops[0]


def test_a_calendar_that_ends_too_early_stops() -> None:
    short = calendar(last=date(2026, 3, 3))
    assert "does not cover 2026-03-04" in report(calendar=short).stops[0]
    assert "fresh is not known" in report(calendar=Calendar(())).stops[0]


def test_the_calendar_knows_the_last_closed_session() -> None:
    known = calendar(first=date(2026, 3, 4), last=date(2026, 3, 6))
    early = datetime(2026, 3, 4, 10, 0, tzinfo=NEW_YORK)
    assert isinstance(known.last_closed(early), Unknown)
    closed = known.last_closed(datetime(2026, 3, 5, 16, 0, tzinfo=NEW_YORK))
    assert not isinstance(closed, Unknown)
    assert closed.day == date(2026, 3, 5)


@pytest.mark.parametrize("change", [{"low": D(0)}, {"high": D(1)}, {"low": D(700)}])
def test_impossible_bars_stop(change: dict[str, D]) -> None:
    series = list(bars())
    series[50] = replace(series[50], **change)  # type: ignore[arg-type]
    assert report(candles=series).stops == ("1 of the daily bars have impossible prices",)


def test_missing_metrics_are_named_and_count_for_nothing() -> None:
    found = report(metrics=Unknown("the broker did not answer"))
    assert found.iv_rank == Unknown("no market metrics of QQQ: the broker did not answer")
    assert isinstance(found.hv_iv, Unknown)
    assert found.stress.missing == ("IV rank",)
    assert found.unknowns == ("no market metrics of QQQ: the broker did not answer",)


def test_hv_iv_needs_both() -> None:
    assert isinstance(report(metrics=metrics(iv30=NONE)).hv_iv, Unknown)
    assert isinstance(report(metrics=metrics(iv30=D(0))).hv_iv, Unknown)
    short = report(candles=bars(25))
    assert short.hv_iv == D("0.6")  # the broker's HV30 12 over IV30 20
    assert isinstance(report(candles=bars(25), metrics=metrics(hv30=NONE)).hv_iv, Unknown)


def test_events_are_counted_in_new_york_days() -> None:
    found = report(metrics=metrics(earnings=DAY, ex_dividend=DAY + timedelta(days=5)))
    assert (found.days_to_earnings, found.days_to_dividend) == (0, 5)
    past = report(metrics=metrics(earnings=DAY - timedelta(days=1)))
    assert past.days_to_earnings is None


@pytest.mark.parametrize(
    ("price", "position"),
    [("495", BandPosition.INSIDE), ("520", BandPosition.ABOVE), ("480", BandPosition.BELOW)],
)
def test_band_position_is_of_the_live_price(price: str, position: BandPosition) -> None:
    assert report(market=Market({"QQQ": quote("QQQ", price, price)})).band_position is position


def test_range_bound_is_in_percent_of_price() -> None:
    flat = list(bars())
    for index in (-1, -2, -3):
        flat[index] = replace(
            flat[index], open=D(500), close=D(500) + D(index) / 100, high=D(505), low=D(495)
        )
    found = report(candles=flat)
    assert found.range_bound(D("0.5")) is True
    assert found.judgement.regime is Regime.RANGE
    assert report().range_bound(D("0.5")) is False
    assert isinstance(report(candles=()).range_bound(D("0.5")), Unknown)


# direction


def direction(
    spot: int,
    histogram: int,
    adx: str,
    move: str,
    rsi: str = "50",
    position: BandPosition = BandPosition.INSIDE,
) -> Direction | Unknown:
    return composite_direction(
        spot=D(spot),
        sma20=D(100),
        macd=Macd(D(0), D(0), D(histogram)),
        adx=D(adx),
        move=D(move),
        rsi=D(rsi),
        position=position,
    )


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((101, 1, "26", "4"), Direction.STRONG_BULLISH),  # .6 + .2 + .2
        ((101, 1, "26", "3"), Direction.STRONG_BULLISH),  # .8
        ((101, -1, "26", "4"), Direction.BULLISH),  # .6 is not above .6
        ((101, -1, "26", "1"), Direction.BULLISH),  # .4
        ((101, 1, "25", "4"), Direction.BULLISH),  # 1.0, but no trend
        ((101, 1, "20", "1"), Direction.BULLISH),  # .8
        ((101, -1, "20", "4"), Direction.NEUTRAL),  # .2
        ((101, -1, "10", "1"), Direction.NEUTRAL),  # −.2
        ((101, 0, "10", "1"), Direction.NEUTRAL),  # .3 is not above .3
        ((100, 1, "10", "4"), Direction.BULLISH),  # .5 from MACD alone
        ((99, -1, "26", "4"), Direction.STRONG_BEARISH),
        ((99, -1, "20", "1"), Direction.BEARISH),
        ((100, 0, "30", "9"), Direction.NEUTRAL),
        ((101, 1, "20", "1", "71", BandPosition.ABOVE), Direction.BULLISH_EXHAUSTED),
        ((101, 1, "20", "1", "70", BandPosition.ABOVE), Direction.BULLISH),
        ((101, 1, "20", "1", "71", BandPosition.INSIDE), Direction.BULLISH),
        ((101, 1, "25", "1", "71", BandPosition.ABOVE), Direction.BULLISH),
        ((99, -1, "20", "1", "29", BandPosition.BELOW), Direction.BEARISH_EXHAUSTED),
        ((99, -1, "20", "1", "30", BandPosition.BELOW), Direction.BEARISH),
        ((99, -1, "25", "1", "29", BandPosition.BELOW), Direction.BEARISH),
    ],
)
def test_composite_direction(arguments: tuple[object, ...], expected: Direction) -> None:
    assert direction(*arguments) is expected  # type: ignore[arg-type]


_MIRROR = {
    Direction.STRONG_BULLISH: Direction.STRONG_BEARISH,
    Direction.BULLISH: Direction.BEARISH,
    Direction.BULLISH_EXHAUSTED: Direction.BEARISH_EXHAUSTED,
    Direction.NEUTRAL: Direction.NEUTRAL,
}


@given(
    st.integers(90, 110),
    st.integers(-1, 1),
    st.integers(0, 50),
    st.integers(0, 6),
    st.integers(1, 99),
    st.sampled_from(list(BandPosition)),
)
def test_direction_is_symmetric(
    spot: int, histogram: int, adx: int, move: int, rsi: int, position: BandPosition
) -> None:
    flipped = {
        BandPosition.ABOVE: BandPosition.BELOW,
        BandPosition.BELOW: BandPosition.ABOVE,
        BandPosition.INSIDE: BandPosition.INSIDE,
    }
    mirror = {**_MIRROR, **{down: up for up, down in _MIRROR.items()}}
    up = direction(spot, histogram, str(adx), str(move), str(rsi), position)
    down = direction(200 - spot, -histogram, str(adx), str(move), str(100 - rsi), flipped[position])
    assert isinstance(up, Direction)
    assert down is mirror[up]


@pytest.mark.parametrize("missing", ["spot", "sma20", "macd", "adx", "move"])
def test_no_direction_without_its_inputs(missing: str) -> None:
    inputs: dict[str, object] = {
        "spot": D(101),
        "sma20": D(100),
        "macd": Macd(D(0), D(0), D(1)),
        "adx": D(20),
        "move": D(1),
        "rsi": NONE,
        "position": NONE,
    }
    assert composite_direction(**inputs) is Direction.BULLISH  # type: ignore[arg-type]
    answer = composite_direction(**{**inputs, missing: NONE})  # type: ignore[arg-type]
    assert answer == Unknown("no direction without its inputs: not given")


# stress


@pytest.mark.parametrize(
    ("iv_rank", "move", "spot", "points"),
    [
        ("50", "3", "100", "0"),
        ("60", "0", "100", "12"),
        ("70", "0", "100", "14"),
        ("80", "0", "100", "32"),
        ("0", "3.1", "100", "15"),
        ("0", "5", "100", "15"),
        ("0", "6", "100", "18"),
        ("0", "25", "100", "30"),
        ("0", "0", "93", "15"),  # under 0.98 × 95
        ("0", "0", "93.1", "0"),
        ("0", "0", "107.2", "15"),  # over 1.02 × 105
        ("0", "0", "107.1", "0"),
        ("100", "10", "80", "85"),
    ],
)
def test_stress(iv_rank: str, move: str, spot: str, points: str) -> None:
    found = stress_of(iv_rank=D(iv_rank), move=D(move), spot=D(spot), support=D(95), resistance=D(105))
    assert found == Stress(D(points))


def test_unknown_stress_inputs_add_nothing_and_are_named() -> None:
    found = stress_of(iv_rank=NONE, move=NONE, spot=D(1), support=NONE, resistance=D(105))
    assert found == Stress(D(0), ("IV rank", "recent move", "support and resistance"))


# judgement


def judged(**changes: object) -> Judgement:
    inputs: dict[str, object] = {
        "stress": Stress(D(0)),
        "iv_rank": D(40),
        "close_range": D(2),
        "adx": D(20),
        "direction": Direction.NEUTRAL,
        "rsi": D(50),
        "position": BandPosition.INSIDE,
        "spot": D(100),
        "sma20": D(100),
    }
    return judge(**{**inputs, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "regime", "confidence"),
    [
        ({}, Regime.NONE, 0),
        ({"stress": Stress(D(70)), "iv_rank": D(90)}, Regime.CRISIS, 70),
        ({"stress": Stress(D("69.9")), "iv_rank": D(90)}, Regime.HIGH_VOL, 90),
        ({"iv_rank": D(75), "close_range": D("0.1")}, Regime.HIGH_VOL, 75),
        ({"close_range": D("0.5")}, Regime.RANGE, 80),
        ({"adx": D(31), "direction": Direction.BULLISH}, Regime.BULL, 80),
        ({"adx": D(31), "direction": Direction.STRONG_BULLISH}, Regime.BULL, 80),
        ({"adx": D(30), "direction": Direction.BULLISH}, Regime.NONE, 0),
        ({"adx": D(31), "direction": Direction.BEARISH}, Regime.BEAR, 80),
        ({"adx": D(31), "direction": Direction.BEARISH_EXHAUSTED}, Regime.NONE, 0),
        ({"adx": NONE, "iv_rank": NONE, "close_range": NONE, "direction": NONE}, Regime.NONE, 0),
    ],
)
def test_regime(changes: dict[str, object], regime: Regime, confidence: int) -> None:
    found = judged(**changes)
    assert (found.regime, found.regime_confidence) == (regime, D(confidence))


@pytest.mark.parametrize(
    ("rsi", "position", "spot", "extreme", "warnings"),
    [
        ("71", BandPosition.ABOVE, "106", Extreme.OVERBOUGHT, 3),
        ("81", BandPosition.ABOVE, "100", Extreme.OVERBOUGHT, 3),
        ("81", BandPosition.ABOVE, "106", Extreme.OVERBOUGHT, 4),
        ("71", BandPosition.ABOVE, "105", Extreme.NONE, 2),
        ("29", BandPosition.BELOW, "94", Extreme.OVERSOLD, 3),
        ("19", BandPosition.BELOW, "94", Extreme.OVERSOLD, 4),
        ("50", BandPosition.INSIDE, "100", Extreme.NONE, 0),
    ],
)
def test_extremes(rsi: str, position: BandPosition, spot: str, extreme: Extreme, warnings: int) -> None:
    found = judged(rsi=D(rsi), position=position, spot=D(spot))
    assert (found.extreme, found.warnings) == (extreme, warnings)


def test_extremes_need_known_distance() -> None:
    for spot, sma20 in product((D(106), NONE), (D(100), NONE)):
        known = not isinstance(spot, Unknown) and not isinstance(sma20, Unknown)
        found = judged(rsi=D(71), position=BandPosition.ABOVE, spot=spot, sma20=sma20)
        assert (found.extreme is Extreme.OVERBOUGHT) is known


@pytest.mark.parametrize(
    ("adx", "rsi", "momentum", "confidence"),
    [
        ("30", "85", Momentum.UNCLEAR, 0),
        ("31", "85", Momentum.EXHAUSTION, 80),
        ("31", "60", Momentum.CONTINUATION, 60),
        ("41", "60", Momentum.CONTINUATION, 80),
    ],
)
def test_momentum(adx: str, rsi: str, momentum: Momentum, confidence: int) -> None:
    found = judged(adx=D(adx), rsi=D(rsi), position=BandPosition.ABOVE)
    assert (found.momentum, found.momentum_confidence) == (momentum, D(confidence))
