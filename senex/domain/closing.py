"""Ending a spread: the wish to be out of it, and what has to be sent for that at each moment.

One rule holds everywhere: the contracts that a spread's closing orders may
still fill never exceed what is open of it. So an order that is in the way is
cancelled first, and its end is read, before another takes its place.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from senex.domain.exits import REPRICE_EVERY
from senex.domain.legs import Action, InstrumentType, Leg
from senex.domain.lots import leg_quantities, open_units
from senex.domain.orders import OrderKind, OrderStatus, TimeInForce, unfilled_legs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date, datetime
    from decimal import Decimal
    from uuid import UUID

    from senex.domain.lots import Lot, OpenUnits
    from senex.domain.orders import Order
    from senex.domain.suggestions import SpreadPlan
    from senex.domain.targets import TargetSpec

RETRIES = 3
"""So often an exit whose order died is tried again before it is given up (DOMAIN 0.14)."""
DAEMON = "daemon"
_AT_NATURAL_EVERY = timedelta(minutes=1)


class Cause(StrEnum):
    """Why a spread is being closed."""

    TIME_EXIT = "time_exit"
    STOP_LOSS = "stop_loss"
    MANUAL = "manual_close"
    FLATTEN = "flatten"

    @property
    def kind(self) -> OrderKind:
        """The kind of its orders: an exit follows the plan, a close an operator's word."""
        return OrderKind.EXIT if self in (Cause.TIME_EXIT, Cause.STOP_LOSS) else OrderKind.CLOSE

    @property
    def one_session(self) -> bool:
        """Whether it ends with the session it works in: the ladder then takes its next step, a stop is measured anew.

        A flatten is wanted until all is flat.
        """
        return self is not Cause.FLATTEN


class Terms(StrEnum):
    """How its limit is found."""

    WORKED = "worked"
    """From mid to natural in steps of 15 minutes, capped."""
    NATURAL = "natural"
    """At natural, followed each minute, capped."""
    FIXED = "fixed"
    """As the operator said."""

    @property
    def again_after(self) -> timedelta | None:
        """When a working order gets a new price."""
        return {Terms.WORKED: REPRICE_EVERY, Terms.NATURAL: _AT_NATURAL_EVERY}.get(self)


class ExitStatus(StrEnum):
    """Where the wish stands."""

    ACTIVE = "active"
    DONE = "done"
    GIVEN_UP = "given_up"


@dataclass(frozen=True, slots=True, kw_only=True)
class SpreadExit:
    """The wish to be out of one spread; at most one is active per spread.

    ``excess`` closes only what a broken ratio left beyond whole spreads.
    ``session`` is the New York day on which it began to act, ``step`` the
    ladder's of that day, ``moves`` how often it was priced anew. ``deaths``
    counts those of its orders that died; ``unread`` says that positions and
    orders must be read again before another is sent.
    """

    id: UUID
    account_id: UUID
    position_id: UUID
    spread_key: str
    cause: Cause
    terms: Terms
    created_at: datetime
    limit: Decimal | None = None
    excess: bool = False
    decision_id: UUID | None = None
    status: ExitStatus = ExitStatus.ACTIVE
    session: date | None = None
    step: int = 0
    moves: int = 0
    priced_at: datetime | None = None
    unpriced_since: datetime | None = None
    deaths: int = 0
    unread: bool = False
    why: str = ""

    @property
    def active(self) -> bool:
        """Whether it is still wanted."""
        return self.status is ExitStatus.ACTIVE

    def due(self, now: datetime) -> bool:
        """Whether its working order wants a new price."""
        every = self.terms.again_after
        return every is not None and (self.priced_at is None or now - self.priced_at >= every)


@dataclass(frozen=True, slots=True)
class Held:
    """What is open of one spread: signed by symbol, and as whole units with what is beyond them."""

    plan: SpreadPlan
    open: Mapping[str, int]
    units: OpenUnits
    instruments: Mapping[str, InstrumentType]

    @property
    def empty(self) -> bool:
        """Whether nothing is left."""
        return not any(self.open.values())


def held_of(plan: SpreadPlan, lots: Iterable[Lot]) -> Held:
    """What the lots hold of a planned spread."""
    mine = [lot for lot in lots if lot.spread_key == plan.key]
    instruments = {
        lot.symbol: InstrumentType.EQUITY if lot.multiplier == 1 else InstrumentType.EQUITY_OPTION
        for lot in mine
    }
    held = {symbol: quantity for symbol, quantity in leg_quantities(mine).items() if quantity}
    return Held(plan, held, open_units(mine, plan), instruments)


def closing_legs(held: Held, *, excess: bool = False) -> tuple[Leg, ...]:
    """The legs of the next order that closes it: all whole units, since they have one price.

    What is beyond them goes leg by leg, shorts first, as it may be out of every ratio.
    """
    if held.units.whole and not excess:
        return tuple(leg.times(held.units.whole).closed() for leg in held.plan.legs)
    beyond = sorted((quantity, symbol) for symbol, quantity in held.units.excess.items())
    return tuple(
        Leg(
            symbol,
            Action.SELL_TO_CLOSE if quantity > 0 else Action.BUY_TO_CLOSE,
            abs(quantity),
            held.instruments[symbol],
        )
        for quantity, symbol in beyond[:1]
    )


def remaining(orders: Iterable[Order]) -> dict[str, int]:
    """Contracts that orders may still fill, signed by symbol.

    An order and the one that replaces it are one at the broker: of such a pair the larger counts.
    """
    working = [order for order in orders if not order.status.terminal]
    chains: dict[UUID, dict[str, int]] = {}
    heads: dict[UUID, UUID] = {}
    for order in sorted(working, key=lambda each: each.generation):
        head = heads[order.id] = heads.get(order.replaces_id or order.id, order.id)
        chain = chains.setdefault(head, {})
        for line in order.lines:
            left = line.leg.action.sign * (line.leg.quantity - line.filled)
            chain[line.leg.symbol] = max(chain.get(line.leg.symbol, 0), left, key=abs)
    total: dict[str, int] = {}
    for chain in chains.values():
        for symbol, left in chain.items():
            total[symbol] = total.get(symbol, 0) + left
    return total


def over_closing(open_: Mapping[str, int], orders: Iterable[Order], legs: Iterable[Leg] = ()) -> str | None:
    """What closing orders, and ``legs`` besides, could close beyond what is open; None when nothing."""
    claims = remaining(orders)
    for leg in legs:
        claims[leg.symbol] = claims.get(leg.symbol, 0) + leg.signed_quantity
    for symbol, claim in claims.items():
        held = open_.get(symbol, 0)
        if claim and (claim * held >= 0 or abs(claim) > abs(held)):
            return f"{abs(claim)} {symbol} would be closed, {abs(held)} are open"
    return None


@dataclass(frozen=True, slots=True)
class Cancel:
    """Have an order cancelled; what comes after it waits for its end."""

    order: Order
    why: str


@dataclass(frozen=True, slots=True)
class Place:
    """Send a new closing order."""

    kind: OrderKind
    legs: tuple[Leg, ...]
    limit: Decimal
    time_in_force: TimeInForce
    why: str


@dataclass(frozen=True, slots=True)
class Change:
    """Give a working order another size or price."""

    order: Order
    legs: tuple[Leg, ...]
    limit: Decimal
    why: str


Move = Cancel | Place | Change


def target_moves(
    held: Held,
    orders: Sequence[Order],
    spec: TargetSpec | None,
    *,
    again: bool = False,
    wanted: bool = False,
    beside: UUID | None = None,
) -> tuple[Move, ...]:
    """What gives a spread its profit target, sized to its whole open units.

    ``orders`` are its closing orders of all time, oldest first; those of the exit
    ``beside`` are left alone. A target the operator took away on purpose does
    not come back by itself, only when ``wanted``; one that died comes back
    ``again`` when told, lest a broker that refuses it is asked without end.
    """
    working = [order for order in orders if not order.status.terminal]
    targets = [order for order in working if order.kind is OrderKind.TARGET]
    strays = [
        order
        for order in working
        if order.kind is not OrderKind.TARGET and (beside is None or order.exit_id != beside)
    ]
    if strays:
        return _cancels(strays, "nothing asks for this close any more")
    over = over_closing(held.open, working)
    if over is not None:
        return _cancels(targets, f"less is open than it would close: {over}")
    if spec is None:
        return ()
    if not targets:
        fits = over_closing(held.open, working, spec.legs) is None
        why = f"{spec.share:.0%} profit target of {spec.spread_key}"
        unwanted = not wanted and (taken_away(orders) or (not again and _lost(orders)))
        return (_placed(spec, why),) if fits and not unwanted else ()
    (newest,) = targets[-1:]
    if len(targets) == 1 and _too_small(newest, held):
        return (Change(newest, spec.legs, spec.limit, f"more of {spec.spread_key} is open"),)
    return ()


def exit_moves(
    held: Held, orders: Sequence[Order], wish: SpreadExit, limit: Decimal, *, due: bool
) -> tuple[Move, ...]:
    """What brings an active exit on: others out of the way, then its own order at ``limit``, priced anew when due."""
    working = [order for order in orders if not order.status.terminal]
    mine = [order for order in working if order.exit_id == wish.id]
    others = [order for order in working if order.exit_id != wish.id]
    if wish.excess:
        others = [order for order in others if order.kind is not OrderKind.TARGET]
    if others:
        return _cancels(others, f"{wish.cause} of {wish.spread_key}")
    if over_closing(held.open, working) is not None:
        return _cancels(mine, "less is open than it would close")
    legs = closing_legs(held, excess=wish.excess)
    if mine:
        (newest,) = mine[-1:]
        unchanged = not due or newest.limit_price == limit or newest.cancel_requested
        if unchanged or newest.status is OrderStatus.UNKNOWN or len(mine) > 1:
            return ()
        return (
            Change(newest, unfilled_legs(newest), limit, f"{wish.cause} of {wish.spread_key}, priced anew"),
        )
    if not legs or over_closing(held.open, working, legs) is not None:
        return ()
    why = f"{wish.cause} of {wish.spread_key}"
    return (Place(wish.cause.kind, legs, limit, TimeInForce.DAY, why),)


def _lost(orders: Sequence[Order]) -> bool:
    newest = _newest_target(orders)
    return newest is not None and died(newest)


def taken_away(orders: Sequence[Order]) -> bool:
    """Whether an operator cancelled the newest target, which is their word that there shall be none."""
    newest = _newest_target(orders)
    return newest is not None and withdrawn(newest)


def _newest_target(orders: Sequence[Order]) -> Order | None:
    targets = (order for order in orders if order.kind is OrderKind.TARGET)
    return max(targets, key=lambda order: order.generation, default=None)


def withdrawn(order: Order) -> bool:
    """Whether a person, not senex itself, had the order cancelled."""
    return order.cancel_requested and order.cancel_actor != DAEMON and order.status is OrderStatus.CANCELLED


def died(order: Order) -> bool:
    """Whether an order of an exit ended though nobody here ended it, and not with its day.

    A replacement the broker did not take leaves what it was to replace, so nothing died.
    """
    if order.replaces_id is not None and order.broker_order_id is None:
        return False
    if order.status is OrderStatus.REJECTED:
        return True
    return order.status is OrderStatus.CANCELLED and not order.cancel_requested


def _placed(spec: TargetSpec, why: str) -> Place:
    return Place(OrderKind.TARGET, spec.legs, spec.limit, spec.time_in_force, why)


def _cancels(orders: Iterable[Order], why: str) -> tuple[Move, ...]:
    """An order that may or may not be there, or that is being cancelled, is waited for."""
    return tuple(
        Cancel(order, why)
        for order in orders
        if not order.cancel_requested and order.status is not OrderStatus.UNKNOWN
    )


def _too_small(order: Order, held: Held) -> bool:
    """Whether a working target covers fewer units than are open; one that is filling unevenly is left alone."""
    if order.cancel_requested or order.status is OrderStatus.UNKNOWN:
        return False
    each = {leg.symbol: leg.quantity for leg in held.plan.legs}
    left = {(line.leg.quantity - line.filled) / each[line.leg.symbol] for line in order.lines}
    return len(left) == 1 and left.pop() < held.units.whole
