"""Risk: what may be opened, with every limit, its value and what would pass (DOMAIN E).

Amounts are dollars, shares fractions of one. Nothing that is not known counts
as zero: it blocks and says why.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Self

from senex.domain.caps import concentration, daily_loss, pace, possible, size
from senex.domain.legs import Action, InstrumentType, reduction
from senex.domain.limits import Finding, Weight
from senex.domain.lots import cash_of
from senex.domain.money import CONTRACT_MULTIPLIER, ZERO, cents
from senex.domain.payoff import line_of, payoff, payoff_of_legs
from senex.domain.trading_state import TradingState
from senex.domain.unknown import Unknown

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from senex.domain.caps import DayStart, Exposure, Pace
    from senex.domain.legs import Leg
    from senex.domain.limits import Limits, Preset
    from senex.domain.lots import Lot


@dataclass(frozen=True, slots=True)
class Budget:
    """Where the risk budget stands. ``power`` is capital × tolerance."""

    capital: Decimal
    power: Decimal
    used: Decimal

    @property
    def remaining(self) -> Decimal:
        """What may still be risked, never below zero."""
        return max(self.power - self.used, ZERO)

    @property
    def utilisation(self) -> Decimal:
        """Used share of the budget, 0 to 1."""
        return min(max(self.used / self.power, ZERO), Decimal(1)) if self.power > 0 else Decimal(1)

    def after(self, risk: Decimal) -> Budget:
        """The budget with ``risk`` more in use; the capital is the same before and after an entry."""
        return Budget(self.capital, self.power, self.used + risk)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the rules say of an entry. ``budget`` is as it stands before it."""

    findings: tuple[Finding, ...]
    budget: Budget | Unknown

    @property
    def allowed(self) -> bool:
        """Whether nothing blocks."""
        return not any(finding.weight is Weight.BLOCKS for finding in self.findings)

    @property
    def reasons(self) -> tuple[str, ...]:
        """What blocks, a sentence each."""
        return tuple(str(finding) for finding in self.findings if finding.weight is Weight.BLOCKS)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is worth a look, a sentence each."""
        return tuple(str(finding) for finding in self.findings if finding.weight is Weight.WARNS)


@dataclass(frozen=True, slots=True)
class Standing:
    """An account at one moment.

    ``exposures`` are the risks of open positions and of working entries, by
    a label an operator recognises; ``reserved`` names, for every option symbol
    that an open leg or working order uses, who uses it. ``option_buying_power``
    is the broker's derivative buying power. ``sent`` counts what went out already.
    """

    option_buying_power: Decimal | Unknown
    net_liquidation: Decimal | Unknown
    exposures: Mapping[str, Exposure]
    reserved: Mapping[str, str]
    margin_or_cash: str
    option_level: str
    closed: bool
    closing_only: bool
    state: TradingState
    market_open: bool | Unknown
    sent: Pace
    day: DayStart

    @property
    def commitments(self) -> Mapping[str, Decimal | Unknown]:
        """The risk of each open position and working entry, by its label."""
        return {label: each.risk for label, each in self.exposures.items()}


@dataclass(frozen=True, slots=True)
class Entry:
    """What would be opened, at a signed limit.

    ``broker_requirement`` is the dry run's margin figure in dollars, None before one.
    """

    underlying: str
    legs: tuple[Leg, ...]
    limit: Decimal
    max_loss: Decimal | Unknown
    broker_requirement: Decimal | None = None

    @classmethod
    def at(
        cls, underlying: str, legs: tuple[Leg, ...], limit: Decimal, *, requirement: Decimal | None = None
    ) -> Self:
        """The entry with what it can lose at that limit."""
        return cls(underlying, legs, limit, loss_at(legs, limit), requirement)

    @property
    def risk(self) -> Decimal | Unknown:
        """The larger of our worst loss and the broker's requirement (DOMAIN 0.3)."""
        if isinstance(self.max_loss, Unknown) or self.broker_requirement is None:
            return self.max_loss
        return max(self.max_loss, self.broker_requirement)


def remaining_risk(lots: Iterable[Lot], realised: Decimal = ZERO) -> Decimal | Unknown:
    """Worst loss at expiry of what is still open at its original prices, less what was realised.

    ``realised`` is the position's profit so far, dollars (a loss adds to the
    risk). Unknown where the loss has no bound, which blocks (DOMAIN 0.3).
    """
    held = [lot for lot in lots if lot.open_quantity]
    lines = (line_of(lot.symbol, lot.open_quantity * lot.multiplier) for lot in held)
    result = payoff(lines, cash_of(held) + realised)
    if isinstance(result, Unknown):
        return result
    if result.worst is None:
        return Unknown("the possible loss has no bound")
    return cents(max(-result.worst, ZERO))


def loss_at(legs: Sequence[Leg], price: Decimal) -> Decimal | Unknown:
    """Worst loss at expiry of opening ``legs`` at a signed net price per reduced unit."""
    result = payoff_of_legs(legs, price * reduction(legs) * CONTRACT_MULTIPLIER)
    if isinstance(result, Unknown):
        return result
    if result.worst is None:
        return Unknown("the possible loss has no bound")
    return cents(max(-result.worst, ZERO))


def tradeable_capital(
    buying_power: Decimal | Unknown, commitments: Mapping[str, Decimal | Unknown]
) -> Decimal | Unknown:
    """Buying power plus what open positions already risk; Unknown as soon as one part is."""
    if isinstance(buying_power, Unknown):
        return Unknown(f"no tradeable capital without buying power: {buying_power.why}")
    used = _sum(commitments)
    return used if isinstance(used, Unknown) else buying_power + used


def budget_of(
    preset: Preset, buying_power: Decimal | Unknown, commitments: Mapping[str, Decimal | Unknown]
) -> Budget | Unknown:
    """The budget of an account. Example: capital $4,200 at 40 % gives $1,680."""
    capital = tradeable_capital(buying_power, commitments)
    used = _sum(commitments)
    if isinstance(capital, Unknown):
        return capital
    if isinstance(used, Unknown):  # pragma: no cover - the capital is unknown then
        return used
    return Budget(capital, max(capital, ZERO) * preset.tolerance, used)


def assess_entry(entry: Entry, standing: Standing, limits: Limits) -> Verdict:
    """Every rule an entry must pass, all of them named at once (DOMAIN E.2, 0.15, 0.16)."""
    budget = budget_of(limits.preset, standing.option_buying_power, standing.commitments)
    findings = (
        *_account(entry, standing),
        *_market(standing),
        *daily_loss(standing.day, standing.net_liquidation, limits),
        *pace(standing.sent, limits, opens_risk=True),
        *size(entry.legs, limits),
        *possible(entry.legs, entry.limit),
        *strikes_in_use(entry.legs, standing.reserved),
        *_count(standing.commitments, limits),
        *_money(entry, standing, budget, limits),
    )
    return Verdict(findings, budget)


_NO_SPREADS = frozenset({"none", "no options", "covered and cash secured", "long options only"})


def _account(entry: Entry, standing: Standing) -> Iterator[Finding]:
    if not standing.state.permits(opens_risk=True):
        yield Finding("trading state", standing.state.upper(), f"entries need {TradingState.ACTIVE.upper()}")
    if standing.closed:
        yield Finding("account", "closed at the broker", "an open account is needed")
    if standing.closing_only:
        yield Finding("account", "closing only at the broker", "the broker must allow opening orders")
    if not _is_spread(entry.legs):
        return
    if standing.margin_or_cash.casefold() != "margin":
        kind = standing.margin_or_cash.lower() or "unknown"
        yield Finding("account type", kind, "spreads need a margin account")
    level = standing.option_level.strip()
    if not level:
        yield Finding("option level", "unknown", "the broker must state one that allows spreads")
    elif level.casefold() in _NO_SPREADS:
        yield Finding("option level", level, "a level that allows defined-risk spreads is needed")


def _is_spread(legs: Collection[Leg]) -> bool:
    """Whether short options are covered by long ones, which only a margin account may do."""
    return len(legs) > 1 and any(
        leg.action is Action.SELL_TO_OPEN and leg.instrument is InstrumentType.EQUITY_OPTION for leg in legs
    )


def _market(standing: Standing) -> Iterator[Finding]:
    needed = "entries are sent in the regular session only"
    if isinstance(standing.market_open, Unknown):
        yield Finding("market", f"open or not is unknown: {standing.market_open.why}", needed)
    elif not standing.market_open:
        yield Finding("market", "closed", needed)


def strikes_in_use(legs: Iterable[Leg], reserved: Mapping[str, str]) -> Iterator[Finding]:
    """The legs that an open position, a working order or a holding uses already (DOMAIN 0.15)."""
    for leg in legs:
        owner = reserved.get(leg.symbol)
        if owner is not None:
            yield Finding(
                "strike in use", f"{leg.symbol} by {owner}", "another strike or expiration is needed"
            )


def _count(commitments: Mapping[str, Decimal | Unknown], limits: Limits) -> Iterator[Finding]:
    if len(commitments) >= limits.max_open_positions:
        most = limits.max_open_positions - 1
        yield Finding("open positions", str(len(commitments)), f"at most {most} may be open before an entry")


def _money(entry: Entry, standing: Standing, budget: Budget | Unknown, limits: Limits) -> Iterator[Finding]:
    risk = entry.risk
    if isinstance(risk, Unknown):
        yield Finding("risk of this trade", f"unknown: {risk.why}", "a bounded, known loss is needed")
    if isinstance(budget, Unknown):
        yield Finding("risk budget", f"unknown: {budget.why}", "every open risk must be known")
    if isinstance(risk, Unknown) or isinstance(budget, Unknown):
        return
    cap = cents(budget.capital * limits.position_share)
    if risk > cap:
        yield Finding(
            "risk of one position",
            f"${risk}",
            f"at most ${max(cap, ZERO)} ({limits.position_share:.0%} of ${budget.capital})",
        )
    held = standing.exposures.values()
    yield from concentration(risk, entry.legs, entry.underlying, held, budget.capital, limits)
    yield from _of_budget(risk, budget, limits.preset)


def _of_budget(risk: Decimal, budget: Budget, preset: Preset) -> Iterator[Finding]:
    if risk > budget.remaining:
        yield Finding(
            "risk budget",
            f"${risk} on top of ${budget.used} in use",
            f"at most ${cents(budget.remaining)} is left of ${cents(budget.power)} ({preset.name})",
        )
        return
    share = budget.after(risk).utilisation
    for level, word in ((preset.high_warning, "high"), (preset.medium_warning, "medium")):
        if share >= level:
            yield Finding(
                f"{word} utilisation",
                f"{share:.0%} of the budget",
                f"below {level:.0%} is calm",
                Weight.WARNS,
            )
            return


def _sum(commitments: Mapping[str, Decimal | Unknown]) -> Decimal | Unknown:
    total = ZERO
    for label, risk in commitments.items():
        if isinstance(risk, Unknown):
            return Unknown(f"the risk of {label} is not known: {risk.why}")
        total += risk
    return total
