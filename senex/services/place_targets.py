"""Give a position its profit targets: one resting order per spread, sized to what filled."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from senex.domain.lots import open_units
from senex.domain.orders import Order, OrderKind, OrderLine, OrderStatus, Origin
from senex.domain.positions import OPEN_STATUSES
from senex.domain.targets import target_specs
from senex.domain.unknown import Unknown
from senex.services.intents import intend

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from senex.domain.positions import Position
    from senex.domain.targets import TargetSpec
    from senex.ports.records import Work
    from senex.services.context import Context


async def place_targets(context: Context, position_id: UUID, work: Work) -> None:
    """Intend a target for every open spread that has none working; safe to repeat."""
    now = context.clock.now()
    async with context.units() as tx:
        position = await tx.positions.get(position_id, lock=True)
        if position.status in OPEN_STATUSES:
            lots = await tx.positions.lots(position_id)
            plans = tuple(spread.plan for spread in position.spreads)
            credits_ = {
                spread.plan.key: Unknown(f"the opening credit of {spread.plan.key} is not known")
                if spread.credit is None
                else spread.credit
                for spread in position.spreads
            }
            held = {plan.key: open_units(lots, plan) for plan in plans}
            units = {key: each.whole for key, each in held.items()}
            wanted = target_specs(plans, units=units, credits=credits_, tick=position.tick)
            earlier = [o for o in await tx.orders.of_position(position_id) if o.kind is OrderKind.TARGET]
            for spec in wanted.specs:
                same = [order for order in earlier if order.spread_key == spec.spread_key]
                if all(order.status.terminal for order in same) and not _unwanted(same):
                    why = f"{spec.share:.0%} profit target of {spec.spread_key}"
                    await intend(tx, _order(position, spec, len(same)), actor="daemon", why=why, now=now)
            unprotected = {("no target", key): unknown.why for key, unknown in wanted.without.items()}
            unprotected |= {
                (
                    "broken ratio",
                    key,
                ): f"open beyond whole spreads, with no order for it: {_listed(each.excess)}"
                for key, each in held.items()
                if each.broken and all(o.status.terminal for o in earlier if o.spread_key == key)
            }
            for (what, key), why in unprotected.items():
                await tx.journal.note(
                    what,
                    actor="daemon",
                    object_type="position",
                    object_id=f"{position_id}/{key}",
                    account_id=position.account_id,
                    why=why,
                    now=now,
                )
        await tx.outbox.done(work)
        await tx.commit()
    await context.publisher.changed("position", str(position.account_id), str(position_id))


def _unwanted(targets: list[Order]) -> bool:
    """Whether the operator took the last one away: what was cancelled on purpose does not come back by itself."""
    last = max(targets, key=lambda order: order.generation, default=None)
    return last is not None and last.cancel_requested and last.status is OrderStatus.CANCELLED


def _listed(excess: Mapping[str, int]) -> str:
    return ", ".join(f"{quantity:+d} {symbol}" for symbol, quantity in sorted(excess.items()))


def _order(position: Position, spec: TargetSpec, generation: int) -> Order:
    return Order(
        id=uuid4(),
        account_id=position.account_id,
        origin=Origin.STRATEGY,
        kind=OrderKind.TARGET,
        position_id=position.id,
        decision_id=None,
        spread_key=spec.spread_key,
        generation=generation,
        underlying=position.underlying,
        time_in_force=spec.time_in_force,
        limit_price=spec.limit,
        band=None,
        valid_until=None,
        status=OrderStatus.INTENDED,
        broker_order_id=None,
        lines=tuple(OrderLine(leg) for leg in spec.legs),
    )
