"""What an account has at stake at one moment, and what that allows."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from senex.domain.caps import Exposure, pace
from senex.domain.errors import Refused
from senex.domain.orders import OrderStatus
from senex.domain.positions import PositionStatus
from senex.domain.risk import Standing, assess_entry, remaining_risk
from senex.domain.unknown import Unknown
from senex.services.context import Postponed

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from senex.domain.limits import LimitBook, Limits
    from senex.domain.orders import Order
    from senex.domain.positions import Position
    from senex.domain.risk import Entry
    from senex.ports.cases import AccountBooks


def standing_of(books: AccountBooks, *, now: datetime, without: UUID | None = None) -> Standing:
    """The account's standing by its books; what cannot be known stays unknown and blocks.

    ``without`` leaves one position out: that of the entry being judged, but for what has filled of it already.
    """
    exposures: dict[str, Exposure] = {}
    reserved: dict[str, str] = {}
    own = () if without is None else books.lots.get(without, ())
    for position in books.positions:
        label = position.label
        if position.id == without:
            if own:
                risk = remaining_risk(own, books.realised.get(position.id, Decimal(0)))
                exposures[label] = Exposure(position.underlying, position.expiry, risk)
            continue
        if position.managed or position.parent_id is not None:
            # what is only somebody else's weighs on the broker's buying power already (DOMAIN E.1)
            risk = _commitment(books, position)
            exposures[label] = Exposure(position.underlying, position.expiry, risk)
        reserved |= {leg.symbol: label for spread in position.spreads for leg in spread.plan.legs}
    for order in books.orders:
        if order.position_id == without:
            continue
        label = f"{order.underlying} {order.kind} order {str(order.id)[:8]}"
        reserved |= {leg.symbol: label for leg in order.legs}
    for symbol in set(books.held) - {lot.symbol for lot in own}:
        reserved.setdefault(symbol, "a holding at the broker")
    balances = books.balances
    unread = Unknown("balances have not been read yet")
    return Standing(
        option_buying_power=unread if balances is None else balances.option_buying_power,
        net_liquidation=unread if balances is None else balances.net_liquidation,
        exposures=exposures,
        reserved=reserved,
        margin_or_cash=books.account.margin_or_cash,
        option_level=books.account.option_level,
        closed=books.account.closed,
        closing_only=books.account.closing_only,
        state=books.fence.state,
        market_open=books.calendar.is_open(now),
        sent=books.sent,
        day=books.day,
    )


def _commitment(books: AccountBooks, position: Position) -> Decimal | Unknown:
    """The planned risk before the entry has filled, that of the remaining legs afterwards (DOMAIN 0.3)."""
    if position.status is PositionStatus.PENDING_ENTRY:
        if position.initial_risk is None:
            return Unknown("its initial risk was not recorded")
        return position.initial_risk
    return remaining_risk(books.lots.get(position.id, ()), books.realised.get(position.id, Decimal(0)))


def check_entry(
    books: AccountBooks, entry: Entry, *, limits: LimitBook, now: datetime, position_id: UUID | None = None
) -> None:
    """Every limit an entry must pass, at the moment its intent is written and again before it is sent.

    ``position_id`` is its own position, once there is one.

    Raises:
        Refused: ``E_NOT_READY``, ``E_UNDERLYING_HALTED``, ``E_UNKNOWN_ORDER`` or ``E_RISK``, with all reasons.
    """
    if not books.fence.ready:
        raise Refused(
            "E_NOT_READY", f"Not yet: {books.fence.ready_reason}; senex reconciles first, then decide again."
        )
    underlying = entry.underlying
    halted = books.halted_underlyings.get(underlying)
    if halted is not None:
        raise Refused(
            "E_UNDERLYING_HALTED",
            f"Nothing new is opened on {underlying}: {halted}. Look at `senex alarms list`, then "
            f"`senex state resume {underlying}`.",
        )
    for order in books.orders:
        if order.underlying == underlying and _in_doubt(books, order, position_id):
            raise Refused(
                "E_UNKNOWN_ORDER",
                f"Whether an earlier {underlying} order reached the broker is not known, so {underlying} is blocked "
                "until reconciliation has settled it.",
            )
    verdict = assess_entry(entry, standing_of(books, now=now, without=position_id), _limits(books, limits))
    if not verdict.allowed:
        raise Refused("E_RISK", f"Refused: {verdict.reasons[0]}.", reasons=verdict.reasons)


def check_pace(books: AccountBooks, *, limits: LimitBook) -> None:
    """How fast orders may go out that only reduce risk: without end is a fault of ours, so the rest waits.

    Raises:
        Postponed: ``E_ORDER_RATE``.
    """
    found = next(pace(books.sent, _limits(books, limits), opens_risk=False), None)
    if found is not None:
        raise Postponed("E_ORDER_RATE", f"Not yet: {found}; senex sends it later.")


def _limits(books: AccountBooks, limits: LimitBook) -> Limits:
    return limits.of(books.account.number, books.account.risk_preset)


def _in_doubt(books: AccountBooks, order: Order, position_id: UUID | None) -> bool:
    """Whether the broker may have the order without our knowing.

    Before sending, the account's lock is ours: who else still counts as sending has died.
    """
    if order.status is OrderStatus.UNKNOWN:
        return True
    if position_id is None or order.position_id == position_id:
        return False
    return order.id in books.sending
