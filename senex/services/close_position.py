"""The operator's closes: a spread, a position, everything. Each is a wish that ``tend_position`` brings on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import uuid4

from senex.domain.calendar import new_york_date
from senex.domain.caps import possible
from senex.domain.closing import Cause, ExitStatus, SpreadExit, Terms, held_of
from senex.domain.decisions import EXCESS
from senex.domain.errors import Refused
from senex.domain.exits import in_regular_hours
from senex.domain.money import on_tick
from senex.domain.positions import OPEN_STATUSES, PositionStatus
from senex.domain.trading_state import TradingState
from senex.services.exit_plan import answered, position_of
from senex.services.follow import tend_later

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from decimal import Decimal

    from senex.domain.decisions import Decision
    from senex.domain.positions import Position, PositionSpread
    from senex.ports.records import Work
    from senex.ports.unit_of_work import UnitOfWork
    from senex.services.context import Context


async def close_position(context: Context, decision: Decision, work: Work) -> None:
    """Take the wish to be out of a spread or a whole position; what is in the way is cancelled first.

    Closing what an assignment left also closes the leg it left over in the position it came from (DOMAIN 0.13).

    Raises:
        Refused: ``E_NOTHING_TO_CLOSE``, ``E_ENTRY_WORKING``, ``E_LIMIT`` or, for another account's, ``E_DECISION``.
    """
    now = context.clock.now()
    async with context.units() as tx:
        position = await position_of(tx, decision)
        if position.status is PositionStatus.PENDING_ENTRY:
            raise Refused(
                "E_ENTRY_WORKING", "Its entry still works; cancel that first, then close what has filled."
            )
        spreads = await _open_spreads(tx, position, decision)
        if decision.price is not None:
            _check_limit(position, spreads, decision.price)
        closing = [(position, spread, EXCESS in decision.options) for spread in spreads]
        if position.parent_id is not None and decision.spread_key is None:
            closing += await _left_over(tx, position)
        for owner, spread, excess in closing:
            await _wish(tx, owner, spread, decision, Cause.MANUAL, excess=excess, now=now)
        for owner in {owner.id: owner for owner, _, _ in closing}.values():
            await tend_later(tx, owner)
        named = ", ".join(spread.plan.key for _, spread, _ in closing)
        message = (
            f"Closing {position.underlying} {named} {_how(decision.price)}. {await _when(tx, decision, now)}"
        )
        await answered(tx, decision, message.strip(), "close asked for", work, now)
    await context.publisher.changed("position", str(decision.account_id), str(position.id))


async def flatten(context: Context, decision: Decision, work: Work) -> None:
    """Be out of everything senex manages: entries end, every open spread is closed at natural (DOMAIN 0.7).

    An account that is halted stays so: what is asked for waits for the operator to let it go.
    """
    now = context.clock.now()
    async with context.units() as tx:
        fence = await tx.accounts.fence(decision.account_id)
        if fence.state is TradingState.ACTIVE:
            reason = decision.reason or "flatten"
            await tx.accounts.set_state(
                decision.account_id, TradingState.REDUCE_ONLY, reason=reason, by=decision.operator, now=now
            )
        held, left = [], []
        for listed in await tx.positions.open(decision.account_id):
            position = await tx.positions.get(listed.id, lock=True)
            if position.status not in (*OPEN_STATUSES, PositionStatus.PENDING_ENTRY):
                continue
            if not position.managed:
                left.append(position.underlying)
                continue
            held.append(position)
            lots = await tx.positions.lots(position.id)
            for spread in position.spreads:
                pending = position.status is PositionStatus.PENDING_ENTRY
                if pending or not held_of(spread.plan, lots).empty:
                    await _wish(tx, position, spread, decision, Cause.FLATTEN, now=now)
            await tend_later(tx, position)
        message = f"Closing {len(held)} position(s) at natural; nothing new is opened."
        if left:
            message += f" Not managed by senex, so left alone: {', '.join(sorted(left))}."
        message += f" {await _when(tx, decision, now)}"
        await answered(tx, decision, message.strip(), "flatten asked for", work, now)
    await context.publisher.changed("state", str(decision.account_id), str(decision.account_id))


async def _open_spreads(tx: UnitOfWork, position: Position, decision: Decision) -> list[PositionSpread]:
    """What there is to close of what was named."""
    lots = await tx.positions.lots(position.id)
    wanted = [spread for spread in position.spreads if decision.spread_key in (None, spread.plan.key)]
    if not wanted:
        known = ", ".join(spread.plan.key for spread in position.spreads)
        raise Refused("E_NOTHING_TO_CLOSE", f"It has no spread {decision.spread_key!r}; it has {known}.")
    held = [(spread, held_of(spread.plan, lots)) for spread in wanted]
    excess = EXCESS in decision.options
    found = [spread for spread, each in held if (each.units.broken if excess else not each.empty)]
    if not found:
        what = "Nothing of it hangs beyond whole spreads" if excess else "Nothing of it is open"
        raise Refused("E_NOTHING_TO_CLOSE", f"{what}, so there is nothing to close.")
    return found


async def _left_over(tx: UnitOfWork, child: Position) -> list[tuple[Position, PositionSpread, bool]]:
    """The legs that the assignment left hanging where the shares came from."""
    if child.parent_id is None:  # pragma: no cover - the caller asks for children only
        return []
    parent = await tx.positions.get(child.parent_id, lock=True)
    lots = await tx.positions.lots(parent.id)
    return [(parent, spread, True) for spread in parent.spreads if held_of(spread.plan, lots).units.broken]


def _check_limit(position: Position, spreads: Sequence[PositionSpread], price: Decimal) -> None:
    if len(spreads) > 1:
        keys = ", ".join(spread.plan.key for spread in spreads)
        raise Refused("E_LIMIT", f"A limit is for one spread; name it with --spread: {keys}.")
    credit = spreads[0].credit
    if not on_tick(price, position.tick):
        raise Refused("E_LIMIT", f"{price} is not a whole number of ticks of {position.tick}.")
    if price == 0:
        raise Refused("E_LIMIT", "A price of zero is neither paid nor received; use one tick.")
    if credit is not None and credit * price > 0:
        pays = "paid for (−)" if credit > 0 else "sold for (+)"
        raise Refused(
            "E_LIMIT",
            f"It was opened for {credit:+}, so its close is {pays}: {-price:+} rather than {price:+}.",
        )
    plan = spreads[0].plan
    for finding in possible([leg.closed() for leg in plan.legs], price):
        raise Refused("E_LIMIT", f"{finding}.")


async def _wish(
    tx: UnitOfWork,
    position: Position,
    spread: PositionSpread,
    decision: Decision,
    cause: Cause,
    *,
    now: datetime,
    excess: bool = False,
) -> None:
    """One exit takes the place of whatever exit is active on the spread."""
    for earlier in await tx.exits.of_position(position.id):
        if earlier.active and earlier.spread_key == spread.plan.key:
            why = f"{decision.operator} asked for another close"
            await tx.exits.save(replace(earlier, status=ExitStatus.GIVEN_UP, why=why))
    limit = decision.price
    await tx.exits.add(
        SpreadExit(
            id=uuid4(),
            account_id=position.account_id,
            position_id=position.id,
            spread_key=spread.plan.key,
            cause=cause,
            terms=Terms.NATURAL if limit is None else Terms.FIXED,
            limit=limit,
            excess=excess,
            decision_id=decision.id,
            created_at=now,
        )
    )


def _how(price: Decimal | None) -> str:
    return "at natural" if price is None else f"at {price}"


async def _when(tx: UnitOfWork, decision: Decision, now: datetime) -> str:
    """Why it does not begin at once, if so."""
    fence = await tx.accounts.fence(decision.account_id)
    if fence.state is TradingState.HALTED:
        return "The account is halted, so nothing is sent until `senex state set reduce_only`."
    calendar = await tx.market.calendar(new_york_date(now))
    if in_regular_hours(calendar.session_on(new_york_date(now)), now):
        return ""
    return "The market is closed, so it is queued for the next session; targets work until then."
