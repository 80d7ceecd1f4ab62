"""What every strategy is given, and what it answers.

A strategy decides structure and score; pricing, risk figures and the approval
band follow from its legs alone and are the same for all (``assemble``).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol

from senex.domain.legs import merge, reduction
from senex.domain.money import CONTRACT_MULTIPLIER, ZERO, cents
from senex.domain.net import approval_band, limit_price, price_legs
from senex.domain.payoff import payoff_of_legs
from senex.domain.suggestions import SCORE_MAX, Proposal, Reason
from senex.domain.unknown import Unknown

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime

    from senex.domain.chain import OptionChain
    from senex.domain.quotes import Market
    from senex.domain.report import MarketReport
    from senex.domain.suggestions import ExitPlan, SpreadPlan

SCORE_BASE = Decimal(50)


@dataclass(frozen=True, slots=True)
class StrategyInputs:
    """One moment of one underlying and account.

    ``market`` holds the legs' quotes by streamer symbol; ``capital`` is the
    account's tradeable capital in dollars; ``entry_offset`` is what the
    operator gives way from the mid, dollars per share.
    """

    report: MarketReport
    chain: OptionChain
    market: Market
    now: datetime
    capital: Decimal | Unknown
    entry_offset: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Structure:
    """The legs a strategy wants, before prices: what must be streamed to price them.

    ``streamers`` maps each OCC symbol to the broker's streaming symbol.
    """

    underlying: str
    expiry: date
    spreads: tuple[SpreadPlan, ...]
    tick: Decimal
    streamers: Mapping[str, str]
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class Refusal:
    """No trade. ``reasons`` say what stands against it, ``explanation`` how the score came about."""

    strategy: str
    underlying: str
    reasons: tuple[str, ...]
    score: Decimal | None = None
    explanation: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class Score:
    """Points clamped to 0–100 with every reason that moved them."""

    points: Decimal
    reasons: tuple[Reason, ...]

    @classmethod
    def of(cls, reasons: tuple[Reason, ...], base: Decimal = SCORE_BASE) -> Score:
        """Add the points of ``reasons`` to ``base``."""
        total = base + sum((reason.points or ZERO for reason in reasons), ZERO)
        clamped = min(max(total, ZERO), SCORE_MAX).quantize(Decimal("0.01"))
        return cls(clamped, (Reason("base", base), *reasons))

    @property
    def confidence(self) -> str:
        """The score in a word (DOMAIN C.0)."""
        steps = ((80, "high"), (60, "medium"), (40, "low"))
        return next((word for least, word in steps if self.points >= least), "very low")


class Strategy(Protocol):
    """A family of trades: one file each."""

    @property
    def name(self) -> str:
        """Its name in settings, rows and on screens."""
        ...

    def structure(self, inputs: StrategyInputs) -> Structure | Refusal:
        """The legs it would trade now, or what forbids them; needs no option quotes."""
        ...

    def propose(self, inputs: StrategyInputs) -> Proposal | Refusal:
        """A priced, scored proposal, or why there is none. Pure."""
        ...


@dataclass(frozen=True, slots=True)
class Draft:
    """What a strategy hands to ``assemble``."""

    strategy: str
    structure: Structure
    units: int
    exit_plan: ExitPlan
    score: Score
    notes: tuple[Reason, ...] = field(default=())


def assemble(draft: Draft, inputs: StrategyInputs) -> Proposal | Unknown:
    """Price a draft and work out its risk: any legs, credit or debit.

    Risk figures are those of a fill at the limit. Unknown where a leg cannot
    be priced or the worst loss has no bound or does not exist: a combination
    that cannot lose is a bad quote, not a gift.
    """
    structure = draft.structure
    legs = merge(leg.times(draft.units) for spread in structure.spreads for leg in spread.legs)
    pricing = price_legs(legs, inputs.market, inputs.now, streamers=structure.streamers)
    if isinstance(pricing, Unknown):
        return pricing
    limit = limit_price(pricing, offset=inputs.entry_offset, tick=structure.tick)
    if isinstance(limit, Unknown):
        return limit
    result = payoff_of_legs(legs, limit * reduction(legs) * CONTRACT_MULTIPLIER)
    if isinstance(result, Unknown):
        return result
    if result.worst is None or result.best is None:
        return Unknown("the loss or the profit has no bound; such a trade needs its own confirmation")
    if result.worst >= 0 or result.best <= 0:
        return Unknown(f"a limit of {limit} leaves no loss or no profit at all: the quotes are not credible")
    return Proposal(
        strategy=draft.strategy,
        underlying=structure.underlying,
        expiry=structure.expiry,
        units=draft.units,
        spreads=structure.spreads,
        pricing=pricing,
        limit=limit,
        band=approval_band(pricing, limit=limit, tick=structure.tick),
        tick=structure.tick,
        max_loss=cents(-result.worst),
        max_profit=cents(result.best),
        breakevens=tuple(cents(price) for price in result.breakevens),
        exit_plan=draft.exit_plan,
        score=draft.score.points,
        reasons=(*draft.score.reasons, *structure.reasons, *draft.notes),
    )
