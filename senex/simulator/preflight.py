"""Checks before an order is accepted; every refusal carries the broker's kind of code."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import ROUND_FLOOR, Decimal
from typing import TYPE_CHECKING

from senex.domain.legs import Action, InstrumentType
from senex.simulator import terms
from senex.simulator.books.records import (
    EXCLUSIVE_TAGS,
    Behavior,
    Order,
    OrderLeg,
    OrderStatus,
    OrderType,
)
from senex.simulator.market.listing import contract
from senex.simulator.market.profiles import PROFILES
from senex.simulator.market.sessions import new_york_date
from senex.simulator.ticket import PreflightError, Ticket

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import datetime

    from senex.simulator.board import Board
    from senex.simulator.books.books import Books
    from senex.simulator.books.records import Quantity
    from senex.simulator.market.listing import Contract
    from senex.simulator.market.market import Market
    from senex.simulator.ticket import Problem

__all__ = ["Preflight", "PreflightError", "Rules", "Ticket"]

MAX_LEGS = 4
MAX_RATIO = 3
_TOO_CLOSE = timedelta(minutes=30)
_SHARE = Decimal("0.00001")
_NO_POSITION = (
    "You cannot route a closing order without an existing position to close."
    " This order will be updated to a {} order when routed."
)
_OPENING = {
    Action.SELL_TO_CLOSE: Action.SELL_TO_OPEN,
    Action.BUY_TO_CLOSE: Action.BUY_TO_OPEN,
}


@dataclass(frozen=True, slots=True)
class Rules:
    """House rules that differ between brokers.

    ``opposite_orders`` allows an order that would trade against a working one of
    the same account.
    """

    opposite_orders: bool = True


@dataclass(frozen=True, slots=True)
class Preflight:
    """What the checks look at."""

    books: Books
    market: Market
    board: Board
    rules: Rules

    def prepare(
        self,
        ticket: Ticket,
        *,
        account: str,
        order_id: int,
        instant: datetime,
        waits: bool = False,
        beside: Collection[int] = (),
    ) -> tuple[Order, tuple[Problem, ...]]:
        """Turn a ticket into an order the books may hold, with the broker's warnings.

        An order that ``waits`` for another is not yet held against the positions;
        working orders ``beside`` it never fill as well, so they take nothing from it.

        Raises:
            PreflightError: what is wrong with it.
        """
        self._check_legs(ticket, account, instant)
        underlying = underlying_of(ticket.legs[0])
        terms.check(ticket, underlying, self.market, instant)
        legs, warnings = ticket.legs, terms.next_session_warning(self.market, instant)
        if not waits:
            legs, effects = self.with_effects(ticket.legs, account, beside, strict=ticket.strict)
            warnings += effects
            if not self.rules.opposite_orders:
                self._check_opposite(legs, account, beside)
        order = Order(
            id=order_id,
            account=account,
            underlying=underlying,
            underlying_instrument=InstrumentType.EQUITY,
            type=ticket.type,
            time_in_force=ticket.time_in_force,
            status=OrderStatus.CONTINGENT if waits else OrderStatus.RECEIVED,
            legs=self._sized(legs, ticket.value),
            received_at=instant,
            received_tick=self.board.tick,
            updated_at=instant,
            price=ticket.price if ticket.type in terms.LIMITED else None,
            stop_trigger=ticket.stop_trigger if ticket.type in terms.STOPS else None,
            value=ticket.value if ticket.type is OrderType.NOTIONAL_MARKET else None,
            gtc_date=ticket.gtc_date,
            external_identifier=ticket.external_identifier,
            source=ticket.source,
            strict=ticket.strict,
            behavior=ticket.behavior,
            not_before=_not_before(ticket, instant),
        )
        return order, warnings

    def with_effects(
        self, legs: tuple[OrderLeg, ...], account: str, beside: Collection[int], *, strict: bool
    ) -> tuple[tuple[OrderLeg, ...], tuple[Problem, ...]]:
        """Check closing legs against positions and what working orders close, but for those ``beside``.

        A close of nothing becomes an open with a warning, unless the order is strict.

        Raises:
            PreflightError: it closes more than there is.
        """
        known, warnings = [], []
        for leg in legs:
            if leg.action.opens:
                known.append(leg)
                continue
            held = -leg.action.sign * self.books.quantity(account, leg.symbol)
            others = [one for one in self.books.working_on(account, leg.symbol) if one.id not in beside]
            free = held - _closed_by(others, leg.symbol)
            if leg.quantity <= free:
                known.append(leg)
            elif held > 0 or strict:
                wanted = f"{leg.action} {leg.quantity} {leg.symbol}"
                raise PreflightError(
                    (
                        "position_effect_validation_failed",
                        f"{wanted} exceeds the {max(free, 0)} that can be closed",
                    )
                )
            else:
                opening = _OPENING[leg.action]
                known.append(replace(leg, action=opening))
                warnings.append(("closing_with_no_position", _NO_POSITION.format(str(opening).lower())))
        return tuple(known), tuple(warnings)

    # -- inside -------------------------------------------------------------------------------

    def _check_legs(self, ticket: Ticket, account: str, instant: datetime) -> None:
        legs = ticket.legs
        if not 1 <= len(legs) <= MAX_LEGS:
            raise PreflightError(
                ("invalid_number_of_legs", f"An order has 1 to {MAX_LEGS} legs, not {len(legs)}")
            )
        repeated = [symbol for symbol, count in Counter(leg.symbol for leg in legs).items() if count > 1]
        if repeated:
            raise PreflightError(("duplicate_leg_symbol", f"Symbols must be distinct: {', '.join(repeated)}"))
        for leg in legs:
            if leg.quantity <= 0 and ticket.type is not OrderType.NOTIONAL_MARKET:
                raise PreflightError(("invalid_quantity", f"Quantity of {leg.symbol} must be positive"))
            if leg.instrument is InstrumentType.EQUITY:
                _check_share(leg)
            else:
                self._check_contract(leg, account, instant)
        if len({underlying_of(leg) for leg in legs}) > 1:
            raise PreflightError(("underlying_mismatch", "All legs must have the same underlying"))
        _check_ratios(legs)

    def _changes(self, known: Contract, instant: datetime) -> bool:
        """Whether a contract is still at its old terms on the morning its underlying splits."""
        session = self.market.sessions.upcoming(instant)
        if instant >= session.opens or session.day != new_york_date(instant):
            return False
        return any(split.day == session.day for split in self.market.splits(known.underlying))

    def _check_contract(self, leg: OrderLeg, account: str, instant: datetime) -> None:
        known = contract(leg.symbol)
        if known is None:
            raise _not_found(leg)
        if instant >= known.stops_trading_at:
            raise PreflightError(("instrument_expired", f"{leg.symbol} no longer trades"))
        if self._changes(known, instant):
            raise PreflightError(
                ("instrument_not_tradable", f"Options on {known.underlying} change at the opening: it splits")
            )
        if self.market.listed(leg.symbol, self.board.tick) is None:
            if not self.books.quantity(account, leg.symbol):
                raise _not_found(leg)
            if leg.action.opens:
                raise PreflightError(("instrument_closing_only", f"{leg.symbol} can only be closed"))
        if leg.action is Action.SELL_TO_OPEN and _closes_soon(known, instant):
            raise PreflightError(
                (
                    "too_close_to_expiration",
                    "Sell to open orders cannot be sent 30 minutes prior to close on expiration day.",
                )
            )

    def _check_opposite(self, legs: tuple[OrderLeg, ...], account: str, beside: Collection[int]) -> None:
        for leg in legs:
            for order in self.books.working_on(account, leg.symbol):
                signs = {one.action.sign for one in order.legs if one.symbol == leg.symbol}
                if order.id not in beside and leg.action.sign not in signs:
                    raise PreflightError(
                        ("opposite_side_working_order", f"Order {order.id} works on the other side")
                    )

    def _sized(self, legs: tuple[OrderLeg, ...], value: Decimal | None) -> tuple[OrderLeg, ...]:
        """The legs; that of a notional order with what its value buys at the mark."""
        if value is None or not all(leg.quantity == 0 for leg in legs):
            return legs
        mark = self.board.mark(legs[0].symbol)
        if not mark:
            raise PreflightError(("no_quote", f"{legs[0].symbol} has no quote now"))
        return (replace(legs[0], quantity=(abs(value) / mark).quantize(_SHARE, ROUND_FLOOR)),)


def underlying_of(leg: OrderLeg) -> str:
    """The symbol of what a leg trades or derives from."""
    known = contract(leg.symbol)
    return leg.symbol if known is None else known.underlying


def _not_found(leg: OrderLeg) -> PreflightError:
    return PreflightError(("instrument_not_found", f"{leg.instrument} {leg.symbol} was not found"))


def _check_share(leg: OrderLeg) -> None:
    profile = PROFILES.get(leg.symbol)
    if profile is None:
        raise _not_found(leg)
    if profile.is_index:
        raise PreflightError(("instrument_not_tradable", f"{leg.symbol} is an index"))


def _check_ratios(legs: tuple[OrderLeg, ...]) -> None:
    shares = [leg.quantity for leg in legs if leg.instrument is InstrumentType.EQUITY]
    contracts = [leg.quantity for leg in legs if leg.instrument is InstrumentType.EQUITY_OPTION]
    if len(shares) > 1:
        raise PreflightError(("invalid_number_of_legs", "An order has one leg of shares at most"))
    if shares and contracts and shares[0] % 100:
        raise PreflightError(("invalid_quantity", "Beside options, shares come in hundreds"))
    if contracts and max(contracts) > MAX_RATIO * min(contracts):
        raise PreflightError(("invalid_ratio", f"Ratios are limited to 1:{MAX_RATIO}"))


def _closes_soon(known: Contract, instant: datetime) -> bool:
    return known.stops_trading_at - _TOO_CLOSE <= instant


def _not_before(ticket: Ticket, instant: datetime) -> datetime | None:
    if ticket.behavior is Behavior.DELAYED and ticket.delay is not None:
        return instant + timedelta(seconds=ticket.delay)
    return ticket.not_before if ticket.behavior is Behavior.SCHEDULED else None


def _closed_by(orders: Iterable[Order], symbol: str) -> Quantity:
    """How much of a symbol working orders close; of those that cancel each other, the larger."""
    groups: dict[tuple[bool, int], Quantity] = defaultdict(int)
    for order in orders:
        if order.status is OrderStatus.CONTINGENT:
            continue
        exclusive = order.complex_id is not None and order.complex_tag in EXCLUSIVE_TAGS
        group = (True, order.complex_id or 0) if exclusive else (False, order.id)
        for leg in order.legs:
            if leg.symbol == symbol and not leg.action.opens:
                groups[group] = max(leg.remaining, groups[group])
    return sum(groups.values(), 0)
