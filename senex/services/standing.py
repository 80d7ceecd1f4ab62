"""What an account has at stake at one moment, and what that allows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from senex.domain.calendar import new_york_date
from senex.domain.errors import Refused
from senex.domain.orders import AttemptStatus, OrderStatus
from senex.domain.positions import PositionStatus
from senex.domain.risk import PRESETS, Entry, Limits, Standing, assess_entry, loss_at, remaining_risk
from senex.domain.unknown import Unknown

if TYPE_CHECKING:
    from datetime import datetime
    from decimal import Decimal
    from uuid import UUID

    from senex.domain.legs import Leg
    from senex.domain.orders import Order
    from senex.domain.positions import Position
    from senex.ports.unit_of_work import UnitOfWork


async def standing_of(
    tx: UnitOfWork, account_id: UUID, *, now: datetime, without: UUID | None = None
) -> Standing:
    """Read the account's standing; what cannot be known stays unknown and blocks.

    ``without`` leaves one position out: that of the entry being judged.
    """
    account = await tx.accounts.get(account_id)
    fence = await tx.accounts.fence(account_id)
    newest = await tx.accounts.newest_snapshot(account_id)
    calendar = await tx.market.calendar(new_york_date(now))
    commitments: dict[str, Decimal | Unknown] = {}
    reserved: dict[str, str] = {}
    for position in await tx.positions.open(account_id):
        if position.id == without:
            continue
        label = f"{position.underlying} {position.strategy} {str(position.id)[:8]}"
        commitments[label] = await _commitment(tx, position)
        reserved |= {leg.symbol: label for spread in position.spreads for leg in spread.plan.legs}
    for order in await tx.orders.open(account_id):
        if order.position_id == without:
            continue
        label = f"{order.underlying} {order.kind} order {str(order.id)[:8]}"
        reserved |= {leg.symbol: label for leg in order.legs}
    for symbol in await tx.accounts.held(account_id):
        reserved.setdefault(symbol, "a holding at the broker")
    return Standing(
        option_buying_power=Unknown("balances have not been read yet")
        if newest is None
        else newest[0].option_buying_power,
        commitments=commitments,
        reserved=reserved,
        margin_or_cash=account.margin_or_cash,
        option_level=account.option_level,
        closed=account.closed,
        closing_only=account.closing_only,
        state=fence.state,
        market_open=calendar.is_open(now),
    )


async def _commitment(tx: UnitOfWork, position: Position) -> Decimal | Unknown:
    """The planned risk before the entry has filled, that of the remaining legs afterwards (DOMAIN 0.3)."""
    if position.status is PositionStatus.PENDING_ENTRY:
        if position.initial_risk is None:
            return Unknown("its initial risk was not recorded")
        return position.initial_risk
    return remaining_risk(await tx.positions.lots(position.id), await tx.positions.realised(position.id))


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An entry to be judged. ``limit`` is signed; ``position_id`` is its own position, once there is one.

    ``broker_requirement`` is the dry run's margin figure in dollars.
    """

    account_id: UUID
    underlying: str
    legs: tuple[Leg, ...]
    limit: Decimal
    position_id: UUID | None = None
    broker_requirement: Decimal | None = None


async def check_entry(tx: UnitOfWork, candidate: Candidate, *, now: datetime) -> None:
    """Every limit an entry must pass, at the moment its intent is written and again before it is sent.

    Raises:
        Refused: ``E_NOT_READY``, ``E_UNKNOWN_ORDER`` or ``E_RISK``, with all reasons.
    """
    account = await tx.accounts.get(candidate.account_id)
    fence = await tx.accounts.fence(account.id)
    if not fence.ready:
        raise Refused(
            "E_NOT_READY", f"Not yet: {fence.ready_reason}; senex reconciles first, then decide again."
        )
    underlying = candidate.underlying
    for order in await tx.orders.open(account.id):
        if order.underlying == underlying and await _in_doubt(tx, order, candidate):
            raise Refused(
                "E_UNKNOWN_ORDER",
                f"Whether an earlier {underlying} order reached the broker is not known, so {underlying} is blocked "
                "until reconciliation has settled it.",
            )
    standing = await standing_of(tx, account.id, now=now, without=candidate.position_id)
    loss = loss_at(candidate.legs, candidate.limit)
    entry = Entry(candidate.legs, loss, candidate.broker_requirement)
    verdict = assess_entry(entry, standing, Limits(PRESETS[account.risk_preset]))
    if not verdict.allowed:
        raise Refused("E_RISK", f"Refused: {verdict.reasons[0]}.", reasons=verdict.reasons)


async def _in_doubt(tx: UnitOfWork, order: Order, candidate: Candidate) -> bool:
    """Whether the broker may have the order without our knowing.

    Before sending, the account's lock is ours: who else still counts as sending has died.
    """
    if order.status is OrderStatus.UNKNOWN:
        return True
    if candidate.position_id is None or order.position_id == candidate.position_id:
        return False
    attempts = await tx.orders.attempts(order.id)
    return any(attempt.status is AttemptStatus.SENDING for attempt in attempts)
