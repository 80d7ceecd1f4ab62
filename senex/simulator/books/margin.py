"""Margin of what an account holds on one underlying, by the rules of Regulation T.

Options of one expiration are one group. What is covered in it needs its worst
outcome at expiry, which is exact because the outcome is linear between strikes:
of two-sided spreads the larger side, since both cannot lose. A short option is
covered by a long one of the same right that expires with it or later, a call
also by 100 shares, a put by 100 shares sold short. The rest is naked: its mark
plus 20 % of the underlying less what it is out of the money, at least 10 % (of
the strike for puts) and at least $2.50 a share together with the mark. The
broker asks 25 % and 15 % for broad indices and knows no calendars on them
(tastytrade help, "index options with elevated naked requirements").

Stock: 50 % of long value to open and 25 % to keep; 150 % and 130 % of short
value, of which 100 % are the proceeds. A cash account pays everything in full.
Where several pairings are possible the cheapest one counts. Contracts that a
split left with another deliverable cover only each other.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import product
from typing import TYPE_CHECKING, NamedTuple, Protocol

from senex.domain.money import ZERO, cents
from senex.simulator.books.records import SHARES_PER_CONTRACT

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

    from senex.simulator.books.records import Quantity

_LONG_INITIAL, _LONG_KEPT = Decimal("0.50"), Decimal("0.25")
_SHORT_INITIAL, _SHORT_KEPT = Decimal("1.50"), Decimal("1.30")
_LEAST_NAKED = Decimal("2.50")


@dataclass(frozen=True, slots=True)
class Rules:
    """How an underlying's naked options are margined, and whether its calendars cover."""

    naked: Decimal = Decimal("0.20")
    floor: Decimal = Decimal("0.10")
    calendars: bool = True


_FUNDS_AND_STOCKS = Rules()
_BROAD_INDEX = Rules(Decimal("0.25"), Decimal("0.15"), calendars=False)
_RULES = {
    **dict.fromkeys(("SPX", "XSP", "NDX", "RUT", "DJX", "OEX", "XEO"), _BROAD_INDEX),
    "VIX": Rules(calendars=False),
}


@dataclass(frozen=True, slots=True)
class OptionLine:
    """A net position in one option: ``quantity`` is signed, ``shares`` are what a contract delivers."""

    symbol: str
    expiry: date
    is_call: bool
    strike: Decimal
    quantity: int
    shares: int = SHARES_PER_CONTRACT

    def outcome(self, price: Decimal) -> Decimal:
        """What it is worth per share at expiry."""
        return self.quantity * max(ZERO, -self.out_of_the_money(price))

    def out_of_the_money(self, price: Decimal) -> Decimal:
        """Dollars per share by which the underlying's price is on the harmless side of the strike."""
        apart = self.strike - price * self.shares / SHARES_PER_CONTRACT
        return apart if self.is_call else -apart

    @property
    def kink(self) -> Decimal:
        """The underlying's price at the strike."""
        return self.strike * SHARES_PER_CONTRACT / self.shares


class Prices(Protocol):
    """What margin asks of the market, in dollars per share; only naked options and stock ask."""

    def spot(self, underlying: str, /) -> Decimal:
        """The underlying's price."""

    def mark(self, symbol: str, /) -> Decimal:
        """An option's mark."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """What an underlying's positions require in dollars: to open and to keep, and by (name, open, keep)."""

    initial: Decimal = ZERO
    maintenance: Decimal = ZERO
    parts: tuple[tuple[str, Decimal, Decimal], ...] = ()


def requirement(
    underlying: str, options: Sequence[OptionLine], shares: Quantity, prices: Prices, *, cash: bool = False
) -> Requirement:
    """The requirement of all positions on one underlying."""
    parts: tuple[tuple[str, Decimal], ...] = ()
    for delivered in sorted({line.shares for line in options}):
        lines = [line for line in options if line.quantity and line.shares == delivered]
        covers = shares if delivered == SHARES_PER_CONTRACT else 0
        if cash:
            parts += _in_full(underlying, lines, covers, prices)
        else:
            parts += _Search(underlying, lines, covers, prices).cheapest()
    known = [(name, amount, amount) for name, amount in parts]
    if shares:
        value = (shares if shares > 0 else -shares) * prices.spot(underlying)
        initial, kept = (_LONG_INITIAL, _LONG_KEPT) if shares > 0 else (_SHORT_INITIAL, _SHORT_KEPT)
        if cash:
            initial = kept = Decimal(1)
        name = "Long stock" if shares > 0 else "Short stock"
        known.insert(0, (name, cents(value * initial), cents(value * kept)))
    return Requirement(
        sum((initial for _, initial, _ in known), ZERO),
        sum((kept for _, _, kept in known), ZERO),
        tuple(known),
    )


def _in_full(
    underlying: str, lines: Iterable[OptionLine], shares: Quantity, prices: Prices
) -> tuple[tuple[str, Decimal], ...]:
    """A cash account: puts are secured by their strike, calls by shares."""
    parts = []
    covered = max(0, int(shares // SHARES_PER_CONTRACT))
    for line in sorted(lines, key=lambda line: (line.expiry, line.strike, line.symbol)):
        short = max(0, -line.quantity)
        if short and not line.is_call:
            parts.append(
                (f"Cash-secured put {line.symbol}", cents(short * line.strike * SHARES_PER_CONTRACT))
            )
        elif short:
            naked, covered = max(0, short - covered), max(0, covered - short)
            if naked:
                amount = naked * prices.spot(underlying) * SHARES_PER_CONTRACT
                parts.append((f"Uncovered call {line.symbol}", cents(amount)))
    return tuple(parts)


class _Way(NamedTuple):
    """Which options a pairing takes first: as covers, and as what stays naked."""

    cheap_longs: bool = False
    low_calls: bool = False
    low_puts: bool = False


@dataclass(frozen=True, slots=True)
class _Group:
    """Options of one expiration: what is covered among them, and which short ones are not."""

    expiry: date
    covered: tuple[OptionLine, ...]
    calls: tuple[OptionLine, ...] = ()
    puts: tuple[OptionLine, ...] = ()


@dataclass(frozen=True, slots=True)
class _Search:
    """Tries the pairings of short with long options."""

    underlying: str
    lines: Sequence[OptionLine]
    shares: Quantity
    prices: Prices

    def cheapest(self) -> tuple[tuple[str, Decimal], ...]:
        """The named parts of the cheapest pairing."""
        expiries = sorted({line.expiry for line in self.lines if line.quantity < 0})
        if not expiries:
            return ()
        deficits = any(
            _count(self.lines, expiry, is_call=is_call) < 0
            for expiry in expiries
            for is_call in (True, False)
        )
        ways = [_Way(*way) for way in product((False, True), repeat=3)] if deficits else [_Way()]
        return min(
            (self._paired(expiries, way) for way in ways),
            key=lambda parts: sum((amount for _, amount in parts), ZERO),
        )

    def _paired(self, expiries: Sequence[date], way: _Way) -> tuple[tuple[str, Decimal], ...]:
        lines = list(self.lines)
        if self._rules.calendars:
            for expiry in reversed(expiries):
                for is_call in (True, False):
                    _lend(lines, expiry, is_call=is_call, cheap_first=way.cheap_longs)
        groups = []
        for expiry in expiries:
            group = [line for line in lines if line.expiry == expiry]
            covered, calls = _uncovered(group, is_call=True, lowest_first=way.low_calls)
            covered, puts = _uncovered(covered, is_call=False, lowest_first=way.low_puts)
            groups.append(_Group(expiry, tuple(covered), tuple(calls), tuple(puts)))
        return self._priced(groups)

    @property
    def _rules(self) -> Rules:
        return _RULES.get(self.underlying, _FUNDS_AND_STOCKS)

    def _priced(self, groups: Sequence[_Group]) -> tuple[tuple[str, Decimal], ...]:
        """The groups' requirements once shares have covered what they can, the dearest first."""
        parts = []
        free = abs(int(self.shares)) // SHARES_PER_CONTRACT
        for group in groups:
            calls, puts, against = group.calls, group.puts, ZERO
            if free and self.shares > 0 and calls:
                calls, free, against = self._covered_by_shares(calls, free)
            elif free and self.shares < 0 and puts:
                puts, free, against = self._covered_by_shares(puts, free)
            if against:
                parts.append((f"Covered by stock, expiring {group.expiry}", cents(against)))
            amount = self._group(group.covered, calls, puts)
            parts.append((f"Options expiring {group.expiry}", cents(amount)))
        return tuple(parts)

    def _covered_by_shares(
        self, short: Iterable[OptionLine], free: int
    ) -> tuple[tuple[OptionLine, ...], int, Decimal]:
        """What shares do not cover, how many contracts they still could, and the intrinsic value they are due."""
        spot = self.prices.spot(self.underlying)
        naked, due = [], ZERO
        for line in sorted(short, key=lambda line: (-self._apart(line, spot), line.symbol)):
            covered = min(free, -line.quantity)
            free -= covered
            due += covered * max(ZERO, -line.out_of_the_money(spot)) * SHARES_PER_CONTRACT
            if covered < -line.quantity:
                naked.append(replace(line, quantity=line.quantity + covered))
        return tuple(naked), free, due

    def _group(
        self, covered: Sequence[OptionLine], calls: Sequence[OptionLine], puts: Sequence[OptionLine]
    ) -> Decimal:
        """The worst outcome of the covered, and beside it what the naked need on the side where they lose."""
        if not calls and not puts:
            return _worst(covered) * SHARES_PER_CONTRACT
        points = [ZERO, *(line.kink for line in covered)]
        spot = self.prices.spot(self.underlying)
        above = sum((-line.quantity * self._apart(line, spot) for line in calls), ZERO)
        below = sum((-line.quantity * self._apart(line, spot) for line in puts), ZERO)
        marks = sum((-line.quantity * self.prices.mark(line.symbol) for line in (*calls, *puts)), ZERO)
        worst = max(
            -_outcome(covered, point)
            + (above if point > spot else below if point < spot else max(above, below))
            for point in [*points, spot, spot * 2 + max(points)]
        )
        return (max(ZERO, worst) + marks) * SHARES_PER_CONTRACT

    def _apart(self, line: OptionLine, spot: Decimal) -> Decimal:
        """What one naked share needs apart from its mark."""
        base = spot if line.is_call else line.strike
        out = max(ZERO, line.out_of_the_money(spot))
        rules = self._rules
        return max(rules.naked * spot - out, rules.floor * base, _LEAST_NAKED - self.prices.mark(line.symbol))


def _worst(covered: Iterable[OptionLine]) -> Decimal:
    """The largest loss per share at expiry. In thousandths, which is what strikes have: this is on every order's way.

    Beyond all strikes it is no larger than at the outermost: everything is covered.
    """
    lines = [(line.is_call, int(line.strike * 1000), line.quantity) for line in covered]
    worst = 0
    for point in {0, *(strike for _, strike, _ in lines)}:
        outcome = 0
        for is_call, strike, quantity in lines:
            inside = point - strike if is_call else strike - point
            if inside > 0:
                outcome += quantity * inside
        worst = max(worst, -outcome)
    return Decimal(worst) / 1000


def _outcome(lines: Iterable[OptionLine], price: Decimal) -> Decimal:
    return sum((line.outcome(price) for line in lines), ZERO)


def _count(lines: Iterable[OptionLine], expiry: date, *, is_call: bool) -> int:
    return sum(line.quantity for line in lines if line.expiry == expiry and line.is_call is is_call)


def _lend(lines: list[OptionLine], expiry: date, *, is_call: bool, cheap_first: bool) -> None:
    """Let spare long options that expire later cover what an expiration lacks."""
    lack = -_count(lines, expiry, is_call=is_call)
    best_first = sorted(
        (line for line in lines if line.quantity > 0 and line.is_call is is_call and line.expiry > expiry),
        key=lambda line: (line.strike if is_call is not cheap_first else -line.strike, line.expiry),
    )
    for line in best_first:
        spare = min(lack, line.quantity, _count(lines, line.expiry, is_call=is_call))
        if spare > 0:
            lines.remove(line)
            lines.append(replace(line, expiry=expiry, quantity=spare))
            if line.quantity > spare:
                lines.append(replace(line, quantity=line.quantity - spare))
            lack -= spare


def _uncovered(
    lines: Sequence[OptionLine], *, is_call: bool, lowest_first: bool
) -> tuple[list[OptionLine], list[OptionLine]]:
    """What is covered, and the short options of a right that no long ones cover."""
    lack = -sum(line.quantity for line in lines if line.is_call is is_call)
    short = sorted(
        (line for line in lines if line.quantity < 0 and line.is_call is is_call),
        key=lambda line: line.strike if lowest_first else -line.strike,
    )
    covered, naked = list(lines), []
    for line in short:
        taken = min(lack, -line.quantity)
        if taken > 0:
            lack -= taken
            naked.append(replace(line, quantity=-taken))
            covered.remove(line)
            if taken < -line.quantity:
                covered.append(replace(line, quantity=line.quantity + taken))
    return covered, naked
