"""Senex Trident: two short put verticals and one short call vertical on one body strike (DOMAIN C.1).

Net long delta, so bullish; it lives from dear premium in a quiet market. Four
lines, 2:2:1:1, one limit.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from itertools import pairwise
from typing import TYPE_CHECKING

from senex.domain.calendar import new_york_date
from senex.domain.errors import UsageProblem
from senex.domain.legs import Action, Leg
from senex.domain.money import ZERO
from senex.domain.net import price_legs
from senex.domain.report import BandPosition, Direction
from senex.domain.strategies.base import Draft, Refusal, Score, Structure, assemble
from senex.domain.suggestions import ExitPlan, Proposal, Reason, SpreadPlan
from senex.domain.unknown import Unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import date

    from senex.domain.chain import Contract, Expiration
    from senex.domain.report import MarketReport, Stress
    from senex.domain.strategies.base import StrategyInputs

NAME = "senex_trident"
WIDTHS = (3, 5, 7, 9, 11, 13)

# Symmetric (DOMAIN 0.11): of the two mirrored values in C.1 the lower one, so that neither side
# is favoured and a strong trend either way costs.
DIRECTION_POINTS = {
    Direction.NEUTRAL: 15,
    Direction.BULLISH_EXHAUSTED: 10,
    Direction.BEARISH_EXHAUSTED: 10,
    Direction.BULLISH: 5,
    Direction.BEARISH: 5,
    Direction.STRONG_BULLISH: -5,
    Direction.STRONG_BEARISH: -5,
}


@dataclass(frozen=True, slots=True)
class TridentConfig:
    """What an operator may set; defaults are DOMAIN B.1 and 0.11. Shares and widths per spread.

    ``width`` None takes it from the capital.
    """

    target_dte: int = 45
    min_dte: int = 30
    max_dte: int = 50
    min_score: Decimal = Decimal(40)
    iv_rank_threshold: Decimal = Decimal(25)
    range_limit: Decimal = Decimal("0.5")
    earnings_days: int = 7
    dividend_days: int = 5
    width: int | None = None
    units: int = 1
    target_shares: tuple[Decimal, Decimal, Decimal] = (Decimal("0.40"), Decimal("0.60"), Decimal("0.40"))
    time_exit_dte: int = 7

    def __post_init__(self) -> None:
        """Refuse settings that make no Trident.

        Raises:
            UsageProblem: ``E_STRATEGY_CONFIG``.
        """
        if self.width is not None and self.width not in WIDTHS:
            allowed = ", ".join(map(str, WIDTHS))
            raise UsageProblem("E_STRATEGY_CONFIG", f"Trident width {self.width} is not one of {allowed}.")
        if not 0 < self.min_dte <= self.target_dte <= self.max_dte:
            raise UsageProblem(
                "E_STRATEGY_CONFIG",
                f"Trident days to expiry need min ≤ target ≤ max, not "
                f"{self.min_dte}, {self.target_dte}, {self.max_dte}.",
            )
        if self.units < 1:
            raise UsageProblem("E_STRATEGY_CONFIG", f"Trident units must be 1 or more, not {self.units}.")
        if not all(0 < share < 1 for share in self.target_shares):
            raise UsageProblem("E_STRATEGY_CONFIG", "Trident target shares lie between 0 and 1.")


def even_strike(price: Decimal) -> Decimal:
    """The even number nearest to ``price``, half up: 449 → 450, 451 → 452 (DOMAIN C.0)."""
    return 2 * (price / 2 + Decimal("0.5")).to_integral_value(rounding=ROUND_FLOOR)


def width_for(capital: Decimal) -> int:
    """The odd width nearest to √(capital ÷ 1000), from 3 to 13 (DOMAIN E.1)."""
    thousands = capital / 1000
    return next((low for low, high in pairwise(WIDTHS) if thousands < ((low + high) // 2) ** 2), WIDTHS[-1])


class Trident:
    """The strategy. Holds its settings and nothing else."""

    def __init__(self, config: TridentConfig | None = None) -> None:
        self.config = config or TridentConfig()

    @property
    def name(self) -> str:
        return NAME

    def structure(self, inputs: StrategyInputs) -> Structure | Refusal:
        """Body at the even strike of spot, wings one width away, in the expiry nearest the target.

        Whatever needs no option quotes is judged here already: hard stops and
        score. All strikes must be listed exactly: no wing is moved to fit.
        """
        report = inputs.report
        score = self.score(report)
        stops = tuple(self._hard_stops(report))
        if stops:
            return Refusal(NAME, report.underlying, stops, ZERO, score.reasons)
        if score.points < self.config.min_score:
            why = f"score {score.points} of 100 ({score.confidence}); at least {self.config.min_score} is needed"
            return self._refuse(inputs, why)
        width = self._width(inputs.capital)
        if isinstance(width, Unknown):
            return self._refuse(inputs, width.why)
        if isinstance(report.spot, Unknown):  # pragma: no cover - a universal stop
            return self._refuse(inputs, report.spot.why)
        return self._strikes(inputs, even_strike(report.spot), width)

    def score(self, report: MarketReport) -> Score:
        """The score of C.1, every line of it."""
        return Score.of(tuple(self._points(report)))

    def propose(self, inputs: StrategyInputs) -> Proposal | Refusal:
        """A Trident at the current quotes, or every reason against it."""
        structure = self.structure(inputs)
        if isinstance(structure, Refusal):
            return structure
        put = structure.spreads[0]
        put_price = price_legs(put.legs, inputs.market, inputs.now, streamers=structure.streamers)
        if isinstance(put_price, Unknown):
            return self._refuse(inputs, put_price.why)
        if put_price.mid <= 0:
            return self._refuse(inputs, f"the put credit is {put_price.mid} at mid; it must be above zero")
        exit_plan = ExitPlan(time_exit_dte=self.config.time_exit_dte)
        draft = Draft(NAME, structure, self.config.units, exit_plan, self.score(inputs.report))
        proposal = assemble(draft, inputs)
        return self._refuse(inputs, proposal.why) if isinstance(proposal, Unknown) else proposal

    def _width(self, capital: Decimal | Unknown) -> int | Unknown:
        if self.config.width is not None:
            return self.config.width
        if isinstance(capital, Unknown):
            return Unknown(f"no width without the tradeable capital: {capital.why}")
        if capital <= 0:
            return Unknown(f"the tradeable capital is ${capital}; it must be above zero")
        return width_for(capital)

    def _strikes(self, inputs: StrategyInputs, body: Decimal, width: int) -> Structure | Refusal:
        today = new_york_date(inputs.now)
        for expiration in self._by_preference(inputs.chain.expirations, today):
            found = self._spreads(expiration, body, Decimal(width))
            if found is not None:
                spreads, streamers = found
                stated = (
                    Reason(f"expires {expiration.day}, {expiration.dte(today)} days away"),
                    Reason(f"body {body}, spreads {width} wide"),
                )
                tick = inputs.chain.spread_tick
                return Structure(inputs.report.underlying, expiration.day, spreads, tick, streamers, stated)
        return self._refuse(
            inputs,
            f"no expiration {self.config.min_dte} to {self.config.max_dte} days away lists "
            f"all of the strikes {body - width}, {body} and {body + width}",
        )

    def _refuse(self, inputs: StrategyInputs, why: str) -> Refusal:
        score = self.score(inputs.report)
        return Refusal(NAME, inputs.report.underlying, (why,), score.points, score.reasons)

    def _by_preference(self, expirations: Iterable[Expiration], today: date) -> list[Expiration]:
        """Those in the window, nearest to the target first; at a tie monthly, then the later (DOMAIN 0.10)."""
        target = self.config.target_dte
        inside = [e for e in expirations if self.config.min_dte <= e.dte(today) <= self.config.max_dte]
        return sorted(inside, key=lambda e: (abs(e.dte(today) - target), not e.monthly, -e.dte(today)))

    def _spreads(
        self, expiration: Expiration, body: Decimal, width: Decimal
    ) -> tuple[tuple[SpreadPlan, ...], dict[str, str]] | None:
        """The three spreads and their streamer symbols, None where a strike is not listed."""
        middle = expiration.strike(body)
        below, above = expiration.strike(body - width), expiration.strike(body + width)
        if middle is None or below is None or above is None:
            return None
        first, second, third = self.config.target_shares
        spreads = (
            SpreadPlan("put-1", _vertical(middle.put, below.put), width, first),
            SpreadPlan("put-2", _vertical(middle.put, below.put), width, second),
            SpreadPlan("call-1", _vertical(middle.call, above.call), width, third),
        )
        contracts = (middle.put, below.put, middle.call, above.call)
        return spreads, {contract.occ: contract.streamer for contract in contracts}

    def _hard_stops(self, report: MarketReport) -> Iterator[str]:
        """What forbids a Trident whatever the score: each a sentence that says what would pass."""
        yield from report.stops
        config = self.config
        bound = report.range_bound(config.range_limit)
        if isinstance(bound, Unknown):
            yield f"whether the price is range-bound is not known: {bound.why}"
        elif bound:
            yield (
                f"range-bound: the last 3 closes lie within {report.close_range} %, "
                f"more than {config.range_limit} % is needed"
            )
        earnings, dividend = report.days_to_earnings, report.days_to_dividend
        if earnings is not None and earnings <= config.earnings_days:
            yield f"earnings in {earnings} days; more than {config.earnings_days} are needed"
        if dividend is not None and dividend <= config.dividend_days:
            yield f"ex-dividend in {dividend} days; more than {config.dividend_days} are needed"

    def _points(self, report: MarketReport) -> Iterator[Reason]:
        """Every line of the score of C.1; what is unknown is named and scores 0."""
        yield self._iv_rank(report.iv_rank)
        yield _scored("ADX", report.adx, _adx_points)
        yield _scored("HV/IV", report.hv_iv, _hv_iv_points)
        direction = report.direction
        if isinstance(direction, Unknown):
            yield _missing("direction", direction)
        else:
            yield Reason(f"direction {direction}", Decimal(DIRECTION_POINTS[direction]))
        yield _stress(report.stress)
        position = report.band_position
        if isinstance(position, Unknown):
            yield _missing("Bollinger bands", position)
        else:
            yield Reason(
                f"price {position} Bollinger bands", Decimal(5 if position is BandPosition.INSIDE else -5)
            )
        yield _scored("RSI", report.rsi, _rsi_points)

    def _iv_rank(self, rank: Decimal | Unknown) -> Reason:
        if isinstance(rank, Unknown):
            return _missing("IV rank", rank)
        over = rank - self.config.iv_rank_threshold
        points = min(Decimal(30), over / 2) if over >= 0 else over * Decimal("0.8")
        return Reason(f"IV rank {rank:.1f}", points.quantize(Decimal("0.01")))


def _vertical(short: Contract, long: Contract) -> tuple[Leg, ...]:
    return (Leg(short.occ, Action.SELL_TO_OPEN, 1), Leg(long.occ, Action.BUY_TO_OPEN, 1))


def _scored(name: str, value: Decimal | Unknown, points: Callable[[Decimal], int]) -> Reason:
    if isinstance(value, Unknown):
        return _missing(name, value)
    return Reason(f"{name} {value:.2f}", Decimal(points(value)))


def _missing(name: str, unknown: Unknown) -> Reason:
    return Reason(f"{name} unknown: {unknown.why}", ZERO)


def _adx_points(adx: Decimal) -> int:
    if adx > 30:
        return -20
    return 10 if adx < 20 else 0


def _hv_iv_points(ratio: Decimal) -> int:
    if ratio > Decimal("1.2"):
        return -8
    return 15 if ratio < Decimal("0.8") else 0


def _rsi_points(rsi: Decimal) -> int:
    if rsi > 70 or rsi < 30:
        return -15
    if rsi > 60 or rsi < 40:
        return -5
    return 10 if 45 <= rsi <= 55 else 0


def _stress(stress: Stress) -> Reason:
    """Calm earns points only when it is known to be calm; stress costs as soon as it shows."""
    text = f"stress {stress.points:.0f} of 100"
    if stress.points > 70:
        return Reason(text, Decimal(-15))
    if stress.missing:
        return Reason(f"{text} at least; unknown: {', '.join(stress.missing)}", ZERO)
    return Reason(text, Decimal(10 if stress.points < 30 else 0))
