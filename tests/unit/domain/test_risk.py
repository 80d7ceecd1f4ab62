"""The verdict on an entry: every limit, its value, what would pass."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from senex.domain.caps import DayStart, Exposure, Pace
from senex.domain.legs import Action, InstrumentType, Leg
from senex.domain.limits import PRESETS, Limits
from senex.domain.risk import (
    Budget,
    Entry,
    Standing,
    Verdict,
    assess_entry,
    budget_of,
    tradeable_capital,
)
from senex.domain.trading_state import TradingState
from senex.domain.unknown import Unknown

D = Decimal
NONE = Unknown("not read yet")
PUT_K, PUT_W = "QQQ   260417P00500000", "QQQ   260417P00497000"
SPREAD = (Leg(PUT_K, Action.SELL_TO_OPEN, 1), Leg(PUT_W, Action.BUY_TO_OPEN, 1))
LIMITS = Limits(PRESETS["moderate"])
TODAY = DayStart(None, None, None)
ELSEWHERE = date(2026, 5, 15)
CALM = Standing(
    option_buying_power=D(10_000),
    net_liquidation=D(10_000),
    exposures={},
    reserved={},
    margin_or_cash="Margin",
    option_level="No Restrictions",
    closed=False,
    closing_only=False,
    state=TradingState.ACTIVE,
    market_open=True,
    sent=Pace(),
    day=TODAY,
)


def entry_of(
    risk: D | Unknown, requirement: D | None = None, legs: tuple[Leg, ...] = SPREAD, limit: str = "1.10"
) -> Entry:
    return Entry("QQQ", legs, D(limit), risk, requirement)


def held(commitments: dict[str, D | Unknown]) -> dict[str, Exposure]:
    """Positions in other places, so that only their sum counts."""
    return {label: Exposure("IWM", ELSEWHERE, risk) for label, risk in commitments.items()}


def verdict(entry: Entry | None = None, limits: Limits = LIMITS, **changes: object) -> Verdict:
    return assess_entry(
        entry or entry_of(D(190)),
        replace(CALM, **changes),  # type: ignore[arg-type]
        limits,
    )


def test_a_calm_account_may_trade() -> None:
    answer = verdict()
    assert answer.allowed
    assert (answer.reasons, answer.warnings) == ((), ())
    assert answer.budget == Budget(D(10_000), D(5_000), D(0))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"state": TradingState.REDUCE_ONLY}, "trading state: REDUCE_ONLY; entries need ACTIVE"),
        ({"state": TradingState.HALTED}, "trading state: HALTED; entries need ACTIVE"),
        ({"closed": True}, "account: closed at the broker; an open account is needed"),
        ({"closing_only": True}, "account: closing only at the broker; the broker must allow opening orders"),
        ({"margin_or_cash": "Cash"}, "account type: cash; spreads need a margin account"),
        ({"margin_or_cash": ""}, "account type: unknown; spreads need a margin account"),
        ({"option_level": " "}, "option level: unknown; the broker must state one that allows spreads"),
        (
            {"option_level": "Covered And Cash Secured"},
            "option level: Covered And Cash Secured; a level that allows defined-risk spreads is needed",
        ),
        ({"market_open": False}, "market: closed; entries are sent in the regular session only"),
        (
            {"market_open": NONE},
            "market: open or not is unknown: not read yet; entries are sent in the regular session only",
        ),
        (
            {"reserved": {PUT_W: "QQQ target order 1a2b3c4d"}},
            f"strike in use: {PUT_W} by QQQ target order 1a2b3c4d; another strike or expiration is needed",
        ),
        (
            {"option_buying_power": NONE},
            (
                "risk budget: unknown: no tradeable capital without buying power: not read yet; "
                "every open risk must be known"
            ),
        ),
        (
            {"exposures": held({"SPY trident": NONE})},
            "risk budget: unknown: the risk of SPY trident is not known: not read yet; every open risk must be known",
        ),
        (
            {"option_buying_power": D(1_000)},
            "risk of one position: $190; at most $100.00 (10% of $1000)",
        ),
    ],
)
def test_each_limit_blocks_alone_and_says_what_would_pass(changes: dict[str, object], reason: str) -> None:
    answer = verdict(**changes)  # type: ignore[arg-type]
    assert not answer.allowed
    assert answer.reasons == (reason,)


def test_a_long_option_needs_no_margin_account() -> None:
    single = entry_of(D(190), legs=(Leg(PUT_K, Action.BUY_TO_OPEN, 1),), limit="-1.90")
    pair = entry_of(
        D(190),
        legs=(Leg(PUT_K, Action.BUY_TO_OPEN, 1), Leg(PUT_W, Action.BUY_TO_OPEN, 1)),
        limit="-1.90",
    )
    covered = entry_of(
        D(190),
        legs=(
            Leg("QQQ", Action.BUY_TO_OPEN, 100, InstrumentType.EQUITY),
            Leg("SPY", Action.SELL_TO_OPEN, 100, InstrumentType.EQUITY),
        ),
    )
    for entry in (single, pair, covered):
        assert verdict(entry, margin_or_cash="Cash", option_level="").allowed


def test_unknown_risk_blocks() -> None:
    answer = verdict(entry_of(Unknown("the possible loss has no bound")))
    assert answer.reasons == (
        "risk of this trade: unknown: the possible loss has no bound; a bounded, known loss is needed",
    )


def test_the_larger_of_our_risk_and_the_brokers_requirement_counts() -> None:
    assert entry_of(D(190), D(600)).risk == 600
    assert entry_of(D(190), D(120)).risk == 190
    assert entry_of(NONE, D(120)).risk == NONE
    assert not verdict(entry_of(D(190), D(1_001))).allowed
    assert verdict(entry_of(D(190), D(1_000))).allowed


@pytest.mark.parametrize(("count", "allowed"), [(4, True), (5, False), (6, False)])
def test_at_most_five_positions(count: int, allowed: bool) -> None:
    answer = verdict(exposures=held({f"position {n}": D(10) for n in range(count)}))
    assert answer.allowed is allowed
    if not allowed:
        assert answer.reasons == (f"open positions: {count}; at most 4 may be open before an entry",)


def test_the_budget_is_a_share_of_the_tradeable_capital() -> None:
    # E.1: $4,200 at 40 % is $1,680
    budget = budget_of(PRESETS["conservative"], D(4_000), {"a": D(200)})
    assert budget == Budget(D(4_200), D(1_680), D(200))
    assert budget.remaining == D(1_480)
    assert budget.after(D(1_480)).utilisation == 1
    assert budget.after(D(1_480)).remaining == 0


def test_a_full_budget_blocks_and_says_what_is_left() -> None:
    wide = replace(LIMITS, position_share=D(1), underlying_share=D(1), expiry_share=D(1))
    open_ = held({"a": D(4_000)})
    assert verdict(entry_of(D(3_000)), wide, exposures=open_).allowed
    answer = verdict(entry_of(D("3000.01")), wide, exposures=open_)
    assert answer.reasons == (
        "risk budget: $3000.01 on top of $4000 in use; at most $3000.00 is left of $7000.00 (moderate)",
    )


@pytest.mark.parametrize(
    ("risk", "warnings"),
    [
        ("3499", ()),
        ("3500", ("medium utilisation: 70% of the budget; below 70% is calm",)),
        ("4249", ("medium utilisation: 85% of the budget; below 70% is calm",)),
        ("4250", ("high utilisation: 85% of the budget; below 85% is calm",)),
    ],
)
def test_warnings_do_not_block(risk: str, warnings: tuple[str, ...]) -> None:
    answer = verdict(
        entry_of(D(risk)), replace(LIMITS, position_share=D(1), underlying_share=D(1), expiry_share=D(1))
    )
    assert answer.allowed
    assert answer.warnings == warnings


def test_without_capital_nothing_fits() -> None:
    answer = verdict(option_buying_power=D(-500))
    assert len(answer.reasons) == 4
    assert "at most $0 " in answer.reasons[0]
    assert isinstance(answer.budget, Budget)
    assert answer.budget.utilisation == 1


def test_everything_wrong_is_said_at_once() -> None:
    answer = verdict(
        state=TradingState.HALTED,
        closed=True,
        margin_or_cash="Cash",
        market_open=False,
        reserved={PUT_K: "a", PUT_W: "b"},
        option_buying_power=NONE,
    )
    assert len(answer.reasons) == 7


def test_capital_with_an_unknown_risk_is_unknown() -> None:
    assert tradeable_capital(D(100), {"a": D(50), "b": NONE}) == Unknown(
        "the risk of b is not known: not read yet"
    )


amounts = st.integers(0, 3_000_000).map(lambda cents: D(cents) / 100)


@given(amounts, st.lists(amounts, max_size=6), amounts, st.sampled_from(sorted(PRESETS)))
def test_what_is_allowed_fits_every_limit(power: D, used: list[D], risk: D, preset: str) -> None:
    limits = Limits(PRESETS[preset])
    commitments: dict[str, D | Unknown] = {str(n): each for n, each in enumerate(used)}
    answer = verdict(entry_of(risk), limits, option_buying_power=power, exposures=held(commitments))
    capital = power + sum(used, D(0))
    fits = (
        len(used) < 5
        and risk <= (capital * D("0.1")).quantize(D("0.01"), rounding="ROUND_HALF_UP")
        and risk <= max(capital * PRESETS[preset].tolerance - sum(used, D(0)), D(0))
    )
    assert answer.allowed is fits
