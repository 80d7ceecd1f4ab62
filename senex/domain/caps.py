"""Single limits, each a pure question: how much in one place, how fast, how large, at what price, at what loss.

Every answer names the limit, its value now and what would pass.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from senex.domain.legs import InstrumentType, reduction
from senex.domain.limits import Finding, Limits, Weight
from senex.domain.money import CONTRACT_MULTIPLIER, ZERO, cents
from senex.domain.net import BAND_SHARE, BAND_TICKS
from senex.domain.payoff import payoff_of_legs
from senex.domain.symbols import OptionSymbol
from senex.domain.unknown import Unknown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import date, datetime

    from senex.domain.chain import Activity
    from senex.domain.legs import Leg
    from senex.domain.quotes import Market
    from senex.domain.suggestions import Pricing

_ALERT_SHARE = Decimal("0.75")
"""Share of the daily loss limit from which on it is said (DOMAIN E.3)."""


@dataclass(frozen=True, slots=True)
class Exposure:
    """What is at stake in one place: an open position or a working entry. ``risk`` is dollars."""

    underlying: str
    expiry: date
    risk: Decimal | Unknown


@dataclass(frozen=True, slots=True)
class Pace:
    """How many orders went out: those that open risk, and those that only reduce it."""

    entries_minute: int = 0
    entries_day: int = 0
    exits_minute: int = 0
    exits_day: int = 0


@dataclass(frozen=True, slots=True)
class Reading:
    """Net liquidation as the broker told it at a time."""

    net_liquidation: Decimal
    at: datetime


@dataclass(frozen=True, slots=True)
class DayStart:
    """What a day's loss is reckoned from.

    ``closing`` is the last reading up to the last session's close, ``first`` the
    first one after it; ``moved`` are deposits and withdrawals since that close
    (+ in). ``met`` says that the limit was met on this day already: from then on
    the trading state says what passes, so that the operator may lift it.
    """

    closes: datetime | None
    closing: Reading | None
    first: Reading | None
    moved: tuple[tuple[datetime, Decimal], ...] = ()
    met: bool = False

    @property
    def base(self) -> Reading | None:
        """The reading at the close; the first one since where none was taken in that session."""
        if self.closing is None or self.closes is None:
            return self.first
        recent = self.closes - self.closing.at
        return self.closing if self.first is None or recent.days < 1 else self.first


def gain_today(start: DayStart, now: Decimal) -> Decimal | Unknown:
    """Profit (+) or loss since the last close, realised and not, without what was paid in or out."""
    base = start.base
    if base is None:
        return Unknown("no balance of this day has been read yet")
    moved = sum((amount for at, amount in start.moved if at > base.at), ZERO)
    return now - base.net_liquidation - moved


def loss_limit(start: DayStart, limits: Limits) -> Decimal | Unknown:
    """The loss in dollars at which entries end (DOMAIN 0.4)."""
    if start.base is None:
        return Unknown("no balance of this day has been read yet")
    return cents(start.base.net_liquidation * limits.daily_loss_share)


def daily_loss(start: DayStart, now: Decimal | Unknown, limits: Limits) -> Iterator[Finding]:
    """Whether the day has lost what it may; a warning from three quarters on.

    Before the first balance of a day there is nothing to reckon from, and
    nothing was lost yet that could be known: the budget blocks without balances.
    """
    most = loss_limit(start, limits)
    gain = now if isinstance(now, Unknown) else gain_today(start, now)
    if isinstance(most, Unknown) or isinstance(gain, Unknown) or start.met:
        return
    lost = max(-gain, ZERO)
    what = f"${cents(lost)} lost since the last close"
    if lost >= most:
        share = f"{limits.daily_loss_share:.1%} of net liquidation then"
        yield Finding("daily loss", what, f"entries need a loss below ${most} ({share})")
    elif lost >= most * _ALERT_SHARE:
        yield Finding("daily loss", what, f"entries end at ${most}", Weight.WARNS)


def concentration(
    risk: Decimal,
    legs: Iterable[Leg],
    underlying: str,
    held: Iterable[Exposure],
    capital: Decimal,
    limits: Limits,
) -> Iterator[Finding]:
    """How much may be at risk on one underlying, and on one expiration date."""
    known = [each for each in held if not isinstance(each.risk, Unknown)]
    same = [each.risk for each in known if each.underlying == underlying]
    yield from _share(f"risk on {underlying}", risk, same, capital, limits.underlying_share)
    days = {OptionSymbol.from_occ(leg.symbol).expiry for leg in legs if _option(leg)}
    for day in sorted(days):
        there = [each.risk for each in known if each.expiry == day]
        yield from _share(f"risk expiring {day.isoformat()}", risk, there, capital, limits.expiry_share)


def _share(
    name: str, risk: Decimal, held: Iterable[Decimal | Unknown], capital: Decimal, share: Decimal
) -> Iterator[Finding]:
    used = sum((each for each in held if not isinstance(each, Unknown)), ZERO)
    most = max(cents(capital * share), ZERO)
    if used + risk > most:
        left = max(most - used, ZERO)
        yield Finding(
            name,
            f"${risk} on top of ${used} in use",
            f"at most ${left} is left of ${most} ({share:.0%} of capital)",
        )


def pace(sent: Pace, limits: Limits, *, opens_risk: bool) -> Iterator[Finding]:
    """How many orders may go out; closing ones have a budget of their own, and cancels are not counted."""
    kind = "entries" if opens_risk else "closing orders"
    pairs = (
        (
            ("minute", sent.entries_minute, limits.entries_per_minute),
            ("day", sent.entries_day, limits.entries_per_day),
        )
        if opens_risk
        else (
            ("minute", sent.exits_minute, limits.exits_per_minute),
            ("day", sent.exits_day, limits.exits_per_day),
        )
    )
    for span, count, most in pairs:
        if count >= most:
            yield Finding(
                f"{kind} per {span}", f"{count} were sent", f"at most {most - 1} may have been before one"
            )


def size(legs: Iterable[Leg], limits: Limits) -> Iterator[Finding]:
    """How many contracts one order may have, over all legs."""
    count = sum(leg.quantity for leg in legs if _option(leg))
    if count > limits.max_contracts:
        yield Finding("contracts per order", str(count), f"at most {limits.max_contracts}")


def possible(legs: Sequence[Leg], limit: Decimal) -> Iterator[Finding]:
    """Whether a limit (signed, per reduced unit) lies where the legs' worth at expiry can be at all.

    A spread is never sold for more than its width, nor bought back for more; at
    such a price one side could only win. What has no bound is not judged here.
    """
    worth = payoff_of_legs(legs, ZERO)
    if isinstance(worth, Unknown) or not any(map(_option, legs)):
        return
    unit = reduction(legs) * CONTRACT_MULTIPLIER
    if worth.worst is not None and limit + worth.worst / unit > 0:
        yield Finding(
            "limit price", f"a credit of {limit}", f"at most {-worth.worst / unit}, all it can ever cost"
        )
    if worth.best is not None and limit + worth.best / unit < 0:
        yield Finding(
            "limit price", f"a debit of {-limit}", f"at most {worth.best / unit}, all it can ever be worth"
        )


def near_market(limit: Decimal, pricing: Pricing, tick: Decimal) -> Iterator[Finding]:
    """Whether a limit lies between natural and the far side of the market, with the slack of an approval's band."""
    slack = max(BAND_TICKS * tick, abs(pricing.mid) * BAND_SHARE)
    low, high = pricing.natural - slack, pricing.opposite + slack
    if not low <= limit <= high:
        yield Finding("limit price", f"{limit} while the mid is {pricing.mid}", f"between {low} and {high}")


def liquidity(
    legs: Iterable[Leg], market: Market, streamers: Mapping[str, str], limits: Limits
) -> Iterator[Finding]:
    """Whether bid and ask of every leg lie close enough together; what is not quoted blocks elsewhere."""
    for leg in legs:
        quote = market.quotes.get(streamers.get(leg.symbol, leg.symbol))
        if quote is None or quote.bid is None or quote.ask is None or isinstance(quote.mid, Unknown):
            continue
        width = quote.ask - quote.bid
        most = max(limits.leg_width, quote.mid * limits.leg_width_share)
        if width > most:
            yield Finding(
                "bid-ask width",
                f"{width} on {leg.symbol}",
                f"at most {most} ({limits.leg_width_share:.0%} of its mid)",
            )


def activity(legs: Iterable[Leg], told: Mapping[str, Activity], limits: Limits) -> Iterator[Finding]:
    """Whether enough of every leg is open, or has traded today; what the broker does not tell forbids nothing."""
    for leg in legs:
        known = told.get(leg.symbol)
        if known is None or isinstance(known.open_interest, Unknown) or isinstance(known.volume, Unknown):
            continue
        if known.open_interest < limits.leg_open_interest and known.volume < limits.leg_volume:
            yield Finding(
                "liquidity",
                f"{known.open_interest} open and {known.volume} traded today of {leg.symbol}",
                f"at least {limits.leg_open_interest} open or {limits.leg_volume} traded",
            )


def _option(leg: Leg) -> bool:
    return leg.instrument is InstrumentType.EQUITY_OPTION
