"""The Senex Trident: strikes, expiry, width, hard stops, score and figures of DOMAIN C.1."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from senex.domain.analysis import analyse
from senex.domain.errors import UsageProblem
from senex.domain.legs import Action, Leg, reduction
from senex.domain.money import on_tick
from senex.domain.quotes import Market
from senex.domain.report import BandPosition, Direction, Stress
from senex.domain.strategies import Refusal, StrategyInputs, Structure, strategy
from senex.domain.strategies.base import Draft, Score, assemble
from senex.domain.strategies.trident import NAME, Trident, TridentConfig, even_strike, width_for
from senex.domain.suggestions import ExitPlan, Proposal, Reason, SpreadPlan
from senex.domain.symbols import Right
from senex.domain.unknown import Unknown
from senex.testing.market import DAY, NOW, bars, calendar, chain, expiration, market, metrics, occ, quote

if TYPE_CHECKING:
    from senex.domain.chain import OptionChain
    from senex.domain.report import MarketReport

D = Decimal
NONE = Unknown("not given")
APRIL = date(2026, 4, 17)  # 44 days away


def inputs(**changes: object) -> StrategyInputs:
    """A market in which a Trident is allowed; ``report__x`` changes a field of the report."""
    of_report = {key.removeprefix("report__"): value for key, value in changes.items() if "__" in key}
    rest = {key: value for key, value in changes.items() if "__" not in key}
    options = rest.get("chain", chain())
    quotes = rest.get("market") or market(options)  # type: ignore[arg-type]
    report = analyse(
        "QQQ",
        candles=bars(),
        metrics=metrics(),
        market=quotes,  # type: ignore[arg-type]
        now=NOW,
        calendar=calendar(),
    )
    report = replace(report, **of_report)  # type: ignore[arg-type]
    made = StrategyInputs(report, options, quotes, NOW, D(15_000))  # type: ignore[arg-type]
    return replace(made, **{key: value for key, value in rest.items() if key not in {"chain", "market"}})  # type: ignore[arg-type]


def proposed(given_: StrategyInputs | None = None, config: TridentConfig | None = None) -> Proposal:
    answer = Trident(config).propose(given_ or inputs())
    assert isinstance(answer, Proposal), answer
    return answer


def refused(given_: StrategyInputs, config: TridentConfig | None = None) -> Refusal:
    answer = Trident(config).propose(given_)
    assert isinstance(answer, Refusal)
    return answer


def vector_market(options: OptionChain) -> Market:
    """Mids of the vector in C.1: put credit 1.38, call credit 1.34, natural 3.86."""
    day = options.expirations[0].day
    prices = {
        occ(500, Right.PUT, day): ("9.34", "9.42"),
        occ(497, Right.PUT, day): ("7.96", "8.04"),
        occ(500, Right.CALL, day): ("10.30", "10.38"),
        occ(503, Right.CALL, day): ("8.96", "9.04"),
    }
    legs = {symbol.streamer: quote(symbol.streamer, *sides) for symbol, sides in prices.items()}
    return Market({**legs, "QQQ": quote("QQQ", "500.29", "500.31")}, NOW)


def vector_inputs(**changes: object) -> StrategyInputs:
    options = chain(expiration(APRIL, [497, 500, 503], monthly=True))
    return inputs(chain=options, market=vector_market(options), **changes)


def test_the_vector_of_c1() -> None:
    proposal = proposed(vector_inputs())
    assert proposal.strategy == NAME
    assert (proposal.underlying, proposal.expiry, proposal.units) == ("QQQ", APRIL, 1)
    assert (proposal.pricing.natural, proposal.pricing.mid, proposal.pricing.opposite) == (
        D("3.86"),
        D("4.10"),
        D("4.34"),
    )
    assert proposal.limit == D("4.10")
    assert (proposal.band.low, proposal.band.high) == (D("3.86"), D("4.51"))
    assert (proposal.max_loss, proposal.max_profit) == (D("190.00"), D("410.00"))
    assert proposal.breakevens == (D("497.95"),)
    assert proposal.exit_plan == ExitPlan(time_exit_dte=7)
    assert [(spread.key, spread.width, spread.target_share) for spread in proposal.spreads] == [
        ("put-1", D(3), D("0.40")),
        ("put-2", D(3), D("0.60")),
        ("call-1", D(3), D("0.40")),
    ]
    assert proposal.legs == (
        Leg(occ(500, Right.PUT, APRIL).occ, Action.SELL_TO_OPEN, 2),
        Leg(occ(497, Right.PUT, APRIL).occ, Action.BUY_TO_OPEN, 2),
        Leg(occ(500, Right.CALL, APRIL).occ, Action.SELL_TO_OPEN, 1),
        Leg(occ(503, Right.CALL, APRIL).occ, Action.BUY_TO_OPEN, 1),
    )
    assert reduction(proposal.legs) == 1


def test_an_offset_gives_way_and_the_figures_follow() -> None:
    proposal = proposed(vector_inputs(entry_offset=D("0.04")))
    assert proposal.limit == D("4.06")
    assert (proposal.max_loss, proposal.max_profit) == (D("194.00"), D("406.00"))


def test_units_multiply_quantities_and_dollars_not_the_price() -> None:
    proposal = proposed(vector_inputs(), TridentConfig(units=3))
    assert proposal.limit == D("4.10")
    assert proposal.max_loss == D("570.00")
    assert [leg.quantity for leg in proposal.legs] == [6, 6, 3, 3]


# strikes, width, expiry


@pytest.mark.parametrize(
    ("price", "strike"),
    [
        ("449", 450),
        ("451", 452),
        ("450", 450),
        ("450.99", 450),
        ("451.01", 452),
        ("448.999", 448),
        ("0.4", 0),
    ],
)
def test_even_strike_rounds_half_up(price: str, strike: int) -> None:
    assert even_strike(D(price)) == strike


@given(st.decimals(1, 5000, places=4))
def test_the_even_strike_is_even_and_nearest(price: D) -> None:
    strike = even_strike(price)
    assert strike % 2 == 0
    assert -1 <= price - strike < 1


@pytest.mark.parametrize(
    ("capital", "width"),
    [
        ("500", 3),
        ("15999.99", 3),
        ("16000", 5),
        ("35999", 5),
        ("36000", 7),
        ("63999", 7),
        ("64000", 9),
        ("99999", 9),
        ("100000", 11),
        ("143999", 11),
        ("144000", 13),
        ("9999999", 13),
    ],
)
def test_width_from_capital(capital: str, width: int) -> None:
    assert width_for(D(capital)) == width


def structured(given_: StrategyInputs, config: TridentConfig | None = None) -> Structure:
    answer = Trident(config).structure(given_)
    assert isinstance(answer, Structure), answer
    return answer


def test_width_may_be_set() -> None:
    made = structured(inputs(), TridentConfig(width=9))
    assert {spread.width for spread in made.spreads} == {D(9)}
    assert structured(inputs(capital=D(40_000))).spreads[0].width == 7
    assert structured(inputs(capital=NONE), TridentConfig(width=3)).spreads[0].width == 3


@pytest.mark.parametrize(
    ("capital", "why"), [(NONE, "not given"), (D(0), "above zero"), (D(-5), "above zero")]
)
def test_no_width_without_capital(capital: D | Unknown, why: str) -> None:
    assert why in refused(inputs(capital=capital)).reasons[0]


def day(dte: int) -> date:
    return DAY + timedelta(days=dte)


@pytest.mark.parametrize(
    ("listed", "chosen"),
    [
        ([30, 37, 44, 50], 44),
        ([29, 51], None),
        ([30], 30),
        ([50], 50),
        ([43, 47], 47),  # a tie of weeklies: the later
        ([35, 50], 50),
        ([44, 46], 46),
    ],
)
def test_the_expiry_nearest_to_45_days(listed: list[int], chosen: int | None) -> None:
    options = chain(*(expiration(day(dte), range(490, 511)) for dte in listed))
    answer = Trident().structure(inputs(chain=options))
    if chosen is None:
        assert isinstance(answer, Refusal)
        assert "no expiration 30 to 50 days away" in answer.reasons[0]
    else:
        assert isinstance(answer, Structure)
        assert answer.expiry == day(chosen)


def test_the_monthly_wins_a_tie_but_not_a_nearer_weekly() -> None:
    tie = chain(expiration(day(44), range(490, 511), monthly=True), expiration(day(46), range(490, 511)))
    assert structured(inputs(chain=tie)).expiry == day(44)
    nearer = chain(expiration(day(43), range(490, 511), monthly=True), expiration(day(46), range(490, 511)))
    assert structured(inputs(chain=nearer)).expiry == day(46)


@pytest.mark.parametrize("missing", [497, 500, 503])
def test_strikes_are_strict(missing: int) -> None:
    strikes = [strike for strike in range(490, 511) if strike != missing]
    holed = expiration(day(44), strikes)
    alone = refused(inputs(chain=chain(holed)))
    assert "strikes 497, 500 and 503" in alone.reasons[0]
    whole = expiration(day(31), range(490, 511))
    assert structured(inputs(chain=chain(holed, whole))).expiry == day(31)


def test_the_structure_names_what_must_be_streamed() -> None:
    made = structured(inputs())
    assert len(made.streamers) == 4
    assert made.streamers[occ(500, Right.PUT, APRIL).occ] == ".QQQ260417P500"
    assert made.tick == D("0.01")


# hard stops


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"report__stops": ("the quote is old",)}, "the quote is old"),
        ({"report__close_range": D("0.5")}, "range-bound: the last 3 closes lie within 0.5 %"),
        ({"report__close_range": NONE}, "range-bound is not known"),
        ({"report__days_to_earnings": 7}, "earnings in 7 days; more than 7 are needed"),
        ({"report__days_to_earnings": 0}, "earnings in 0 days"),
        ({"report__days_to_dividend": 5}, "ex-dividend in 5 days; more than 5 are needed"),
    ],
)
def test_hard_stops(changes: dict[str, object], why: str) -> None:
    refusal = refused(inputs(**changes))
    assert refusal.score == 0
    assert len(refusal.reasons) == 1
    assert why in refusal.reasons[0]
    assert refusal.explanation[0] == Reason("base", D(50))


@pytest.mark.parametrize(
    "changes",
    [
        {"report__close_range": D("0.5001")},
        {"report__days_to_earnings": 8},
        {"report__days_to_dividend": 6},
        {"report__days_to_earnings": None},
    ],
)
def test_just_beyond_a_hard_stop(changes: dict[str, object]) -> None:
    proposed(inputs(**changes))


def test_every_stop_is_named_at_once() -> None:
    refusal = refused(
        inputs(
            report__close_range=D(0),
            report__days_to_earnings=1,
            report__days_to_dividend=1,
            report__stops=("a", "b"),
        )
    )
    assert len(refusal.reasons) == 5


# score


def report_with(**changes: object) -> MarketReport:
    """A report whose every line of the score is 0 until changed."""
    neutral = {
        "iv_rank": D(25),
        "adx": D(25),
        "hv_iv": D(1),
        "direction": NONE,
        "stress": Stress(D(50)),
        "band_position": NONE,
        "rsi": D(42),
    }
    return replace(inputs().report, **{**neutral, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "points"),
    [
        ({}, "0"),
        ({"iv_rank": D(45)}, "10"),
        ({"iv_rank": D(85)}, "30"),
        ({"iv_rank": D(99)}, "30"),
        ({"iv_rank": D(24)}, "-0.8"),
        ({"iv_rank": D(0)}, "-20"),
        ({"iv_rank": NONE}, "0"),
        ({"adx": D(30)}, "0"),
        ({"adx": D("30.01")}, "-20"),
        ({"adx": D(20)}, "0"),
        ({"adx": D("19.99")}, "10"),
        ({"adx": NONE}, "0"),
        ({"hv_iv": D("0.8")}, "0"),
        ({"hv_iv": D("0.79")}, "15"),
        ({"hv_iv": D("1.2")}, "0"),
        ({"hv_iv": D("1.21")}, "-8"),
        ({"hv_iv": NONE}, "0"),
        ({"direction": Direction.NEUTRAL}, "15"),
        ({"direction": Direction.BULLISH_EXHAUSTED}, "10"),
        ({"direction": Direction.BEARISH_EXHAUSTED}, "10"),
        ({"direction": Direction.BULLISH}, "5"),
        ({"direction": Direction.BEARISH}, "5"),
        ({"direction": Direction.STRONG_BULLISH}, "-5"),
        ({"direction": Direction.STRONG_BEARISH}, "-5"),
        ({"stress": Stress(D(30))}, "0"),
        ({"stress": Stress(D("29.9"))}, "10"),
        ({"stress": Stress(D(70))}, "0"),
        ({"stress": Stress(D("70.1"))}, "-15"),
        ({"stress": Stress(D(0), ("IV rank",))}, "0"),
        ({"stress": Stress(D(71), ("IV rank",))}, "-15"),
        ({"band_position": BandPosition.INSIDE}, "5"),
        ({"band_position": BandPosition.ABOVE}, "-5"),
        ({"band_position": BandPosition.BELOW}, "-5"),
        ({"rsi": D("70.1")}, "-15"),
        ({"rsi": D(70)}, "-5"),
        ({"rsi": D("60.1")}, "-5"),
        ({"rsi": D(60)}, "0"),
        ({"rsi": D("55.1")}, "0"),
        ({"rsi": D(55)}, "10"),
        ({"rsi": D(45)}, "10"),
        ({"rsi": D("44.9")}, "0"),
        ({"rsi": D(40)}, "0"),
        ({"rsi": D("39.9")}, "-5"),
        ({"rsi": D(30)}, "-5"),
        ({"rsi": D("29.9")}, "-15"),
        ({"rsi": NONE}, "0"),
    ],
)
def test_points(changes: dict[str, object], points: str) -> None:
    assert Trident().score(report_with(**changes)).points == D(50) + D(points)


def test_every_line_is_in_the_explanation_and_sums_up() -> None:
    score = Trident().score(report_with(iv_rank=NONE, rsi=D(50)))
    assert len(score.reasons) == 8
    assert sum(reason.points for reason in score.reasons if reason.points is not None) == score.points
    assert Reason("IV rank unknown: not given", D(0)) in score.reasons
    assert Reason("RSI 50.00", D(10)) in score.reasons


def test_the_score_stays_between_0_and_100() -> None:
    best = report_with(
        iv_rank=D(90),
        adx=D(10),
        hv_iv=D("0.5"),
        direction=Direction.NEUTRAL,
        stress=Stress(D(0)),
        band_position=BandPosition.INSIDE,
        rsi=D(50),
    )
    worst = report_with(
        iv_rank=D(0),
        adx=D(40),
        hv_iv=D(2),
        direction=Direction.STRONG_BEARISH,
        stress=Stress(D(80)),
        band_position=BandPosition.BELOW,
        rsi=D(10),
    )
    assert Trident().score(best).points == 100
    assert Trident().score(worst).points == 0


def test_the_minimum_is_40() -> None:
    weak = {"report__iv_rank": D(25), "report__adx": D(31), "report__hv_iv": D(1), "report__rsi": D(42)}
    middling = {**weak, "report__stress": Stress(D(50)), "report__band_position": NONE}
    passing = proposed(inputs(**middling, report__direction=Direction.BEARISH_EXHAUSTED))
    assert passing.score == 40
    refusal = refused(inputs(**middling, report__direction=Direction.BULLISH))
    assert refusal.score == 35
    assert refusal.reasons == ("score 35.00 of 100 (very low); at least 40 is needed",)


@pytest.mark.parametrize(
    ("points", "word"), [(80, "high"), (79, "medium"), (60, "medium"), (40, "low"), (39, "very low")]
)
def test_confidence(points: int, word: str) -> None:
    assert Score(D(points), ()).confidence == word


# pricing


def test_a_leg_older_than_a_minute_refuses() -> None:
    old = market(chain(), at=NOW - timedelta(seconds=61))
    live = replace(old, quotes={**old.quotes, "QQQ": quote("QQQ", "500.29", "500.31")})
    refusal = refused(inputs(market=live))
    assert "61 s old (limit 60 s)" in refusal.reasons[0]
    assert refusal.score is not None


def test_a_call_without_quote_refuses() -> None:
    whole = market(chain())
    gone = occ(503, Right.CALL, APRIL).streamer
    quotes = {symbol: each for symbol, each in whole.quotes.items() if symbol != gone}
    assert refused(inputs(market=Market(quotes, NOW))).reasons == (f"no quote for {gone} yet",)


def with_prices(**mids: str) -> StrategyInputs:
    """The vector's market with some mids moved: ``p500="7.00"``."""
    base = vector_inputs()
    quotes = dict(base.market.quotes)
    for name, mid in mids.items():
        symbol = f".QQQ260417{name[0].upper()}{name[1:]}"
        quotes[symbol] = quote(symbol, mid, mid)
    return replace(base, market=Market(quotes, NOW))


@pytest.mark.parametrize(
    ("given_", "why"),
    [
        (with_prices(p500="8.00"), "put credit is 0.00"),
        (with_prices(p500="7.90"), "put credit is -0.10"),
        (with_prices(p500="8.10", c500="8.80"), "zero"),
        (with_prices(p500="8.05", c500="8.00"), "not credible"),
        (with_prices(p500="11.10"), "not credible"),
    ],
)
def test_credits_must_be_positive_and_credible(given_: StrategyInputs, why: str) -> None:
    assert why in refused(given_).reasons[0]


def test_unbounded_and_calendar_drafts_are_not_assembled() -> None:
    base = structured(inputs())
    short = base.spreads[2].legs[:1]
    score = Score.of(())
    naked = replace(base, spreads=(SpreadPlan("naked", short, D(0), None),))
    answer = assemble(Draft("x", naked, 1, ExitPlan(7), score), inputs())
    assert isinstance(answer, Unknown)
    assert "no bound" in answer.why
    later = base.spreads[2].legs[1].symbol.replace("260417", "260424")
    streamers = {**base.streamers, later: ".QQQ260424C503"}
    spread = SpreadPlan("calendar", (*short, Leg(later, Action.BUY_TO_OPEN, 1)), D(0), None)
    calendar_draft = replace(base, spreads=(spread,), streamers=streamers)
    answer = assemble(Draft("x", calendar_draft, 1, ExitPlan(7), score), inputs())
    assert isinstance(answer, Unknown)
    assert "different days" in answer.why


@given(st.floats(478.0, 522.0), st.sampled_from([3_000, 20_000, 50_000, 90_000, 200_000]), st.integers(1, 4))
@settings(max_examples=60)
def test_every_proposal_holds_together(spot: float, capital: int, units: int) -> None:
    options = chain(expiration(APRIL, range(440, 561)))
    given_ = inputs(chain=options, market=market(options, spot=spot), capital=D(capital))
    answer = Trident(TridentConfig(units=units)).propose(given_)
    if isinstance(answer, Refusal):
        assert answer.reasons
        return
    width = answer.spreads[0].width
    assert answer.max_loss == (2 * width - answer.limit) * 100 * units
    assert answer.max_profit == answer.limit * 100 * units
    assert answer.pricing.natural <= answer.limit <= answer.pricing.opposite
    assert answer.band.holds(answer.limit)
    assert on_tick(answer.limit, answer.tick)
    assert [leg.quantity for leg in answer.legs] == [2 * units, 2 * units, units, units]
    assert len({leg.symbol for leg in answer.legs}) == 4


# settings and registry


@pytest.mark.parametrize(
    "wrong",
    [
        {"width": 4},
        {"width": 15},
        {"min_dte": 46},
        {"max_dte": 44},
        {"min_dte": 0},
        {"units": 0},
        {"target_shares": (D("0.4"), D(1), D("0.4"))},
        {"target_shares": (D("0.4"), D("0.6"), D(0))},
    ],
)
def test_settings_that_make_no_trident(wrong: dict[str, object]) -> None:
    with pytest.raises(UsageProblem) as problem:
        TridentConfig(**wrong)  # type: ignore[arg-type]
    assert problem.value.code == "E_STRATEGY_CONFIG"


def test_the_registry_knows_the_trident() -> None:
    found = strategy("senex_trident")
    assert found.name == "senex_trident"
    with pytest.raises(UsageProblem, match="senex knows senex_trident"):
        strategy("iron_condor")
