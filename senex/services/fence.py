"""Two deployments of one database never trade one account: the newer one marks it at the broker, the older one stops.

The mark is one private watchlist of the login. A deployment restored from a
backup writes its name there before it may trade; each deployment reads it with
every reconcile, hence before anything is sent after a start, and with every look
at its orders. An order of a newer generation says the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from senex.domain.alarms import Alarm, Severity
from senex.domain.deployment import SETTLES, mark_name, replaces
from senex.domain.errors import Refused, SenexError, Unavailable
from senex.domain.trading_state import TradingState

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from senex.domain.deployment import Deployment
    from senex.ports.unit_of_work import UnitOfWork
    from senex.services.context import Context

REPLACED, UNMARKED = "DEPLOYMENT_REPLACED", "DEPLOYMENT_UNMARKED"
WHO = "fence"


class Replaced(SenexError):
    """Another deployment trades what this one did; only a person may change that."""


async def hold_fence(context: Context) -> None:
    """Read the mark; write it where this deployment was restored and has not been announced.

    Raises:
        Replaced: ``E_REPLACED`` when another deployment has taken this one's place.
        Unavailable: when the broker does not say; nothing new is sent meanwhile.
    """
    async with context.units.reading() as tx:
        mine = await tx.deployment.get()
    if mine.replaced_by is not None:
        raise _replaced()
    name = mark_name(mine.namespace)
    try:
        mark = await context.broker.mark(name)
        if mark is not None and replaces(mark, mine.namespace):
            await stand_down(context, mark)
            raise _replaced()
        if mine.restored_at is not None and mark != mine.namespace:
            await context.broker.set_mark(name, mine.namespace)
    except (Unavailable, Replaced):
        raise
    except SenexError as refusal:
        await _unmarked(context, mine, refusal)
    if mine.claims:
        async with context.units() as tx:
            await tx.deployment.claimed(context.clock.now())
            await tx.commit()


async def _unmarked(context: Context, mine: Deployment, refusal: SenexError) -> None:
    """A broker that keeps no mark for us cannot tell the old deployment; then its grant alone can stop it."""
    if mine.restored_at is None:
        return
    text = (
        f"The broker does not keep the mark that stops the deployment this one was restored from ({refusal.message}); "
        "revoke that machine's grant at the broker before you let senex trade."
    )
    async with context.units() as tx:
        alarm = Alarm(UNMARKED, Severity.CRITICAL, None, "deployment", str(mine.namespace), text)
        await tx.alarms.sound(alarm, context.clock.now())
        await tx.commit()


async def stand_down(context: Context, by: UUID) -> None:
    """Another deployment has taken over: halt everything, for good, and say so."""
    async with context.units() as tx:
        await stand_down_in(context, tx, by)
        accounts = await tx.accounts.all(context.environment)
        await tx.commit()
    for account in accounts:
        await context.publisher.changed("state", str(account.id), str(account.id))


async def stand_down_in(context: Context, tx: UnitOfWork, by: UUID) -> None:
    """The same, in a transaction of the caller's."""
    if not await tx.deployment.replaced(by):
        return
    now = context.clock.now()
    reason = f"another deployment, restored from this one's backups, trades here now ({by.hex[:8]})"
    text = f"senex has stopped: {reason}. Shut this one down; `senex db fence` takes the accounts back."
    for account in await tx.accounts.all(context.environment):
        await halt(tx, account.id, "deployment replaced", why=reason, by=WHO, now=now)
        await tx.alarms.sound(
            Alarm(REPLACED, Severity.CRITICAL, account.id, "deployment", str(by), text), now
        )


async def halt(tx: UnitOfWork, account_id: UUID, action: str, *, why: str, by: str, now: datetime) -> None:
    """Nothing more is sent for the account until a person has it go on."""
    before = await tx.accounts.fence(account_id)
    await tx.accounts.set_state(account_id, TradingState.HALTED, reason=why, by=by, now=now)
    await tx.accounts.unready(account_id, reason=why, now=now)
    await tx.journal.note(
        action,
        actor=by,
        object_type="account",
        object_id=str(account_id),
        account_id=account_id,
        before=before.state,
        after=TradingState.HALTED,
        why=why,
        now=now,
    )


async def may_resume(context: Context, tx: UnitOfWork) -> None:
    """Whether a restored deployment may trade yet.

    Raises:
        Refused: ``E_REPLACED``; ``E_FENCE_OPEN`` before the broker was told; ``E_FENCE_YOUNG`` before the old
            deployment can have heard of it.
    """
    mine = await tx.deployment.get()
    if mine.replaced_by is not None:
        raise Refused(
            "E_REPLACED",
            "Another deployment, restored from this one's backups, trades here now; shut this one down, or take the "
            "accounts back with `senex db fence`.",
        )
    if mine.claims:
        raise Refused(
            "E_FENCE_OPEN",
            "This database was restored and the broker has not been told yet; `senex reconcile` does so.",
        )
    if mine.claimed_at is not None and context.clock.now() < mine.claimed_at + SETTLES:
        until = mine.claimed_at + SETTLES
        raise Refused(
            "E_FENCE_YOUNG",
            "The deployment this one was restored from may still be running and hears within six minutes that it is "
            f"replaced; decide again after {until:%H:%M:%S} UTC.",
        )


def _replaced() -> Replaced:
    return Replaced(
        "E_REPLACED",
        "Another deployment, restored from this one's backups, trades here now, so nothing is sent; shut this "
        "one down.",
    )
