"""Make our books agree with the broker's, and only then let new orders out.

Starting up, an alert gap, the timer, the command and the console all come
through here. The phases do not depend on each other: one that fails is said
and tried again, and the others are done. Readiness is set only when none
failed, and nothing cleared it again meanwhile.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from senex.domain.differences import Category
from senex.domain.errors import SenexError, Unavailable
from senex.services.compare import QUANTITIES, compare, keep
from senex.services.context import finished
from senex.services.fence import Replaced, hold_fence
from senex.services.follow import MEND
from senex.services.ledger import read_ledger
from senex.services.sync import HISTORY, RECENT, OrdersInDoubt, sync_account, sync_orders

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import timedelta
    from uuid import UUID

    from senex.domain.differences import Difference
    from senex.ports.records import Work
    from senex.services.context import Context
    from senex.services.sync import Listing

FAILED = "E_RECONCILE"
_TARGETS = frozenset({Category.MISSING_TARGET, Category.TARGET_SIZE, Category.BROKEN_RATIO})
"""What has its position looked after."""


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What still differs, None when it could not be compared; and why each phase that failed did."""

    found: tuple[Difference, ...] | None
    failed: dict[str, SenexError]

    @property
    def over(self) -> bool:
        """Whether nothing failed that may work at once: orders in doubt and a replaced deployment say the same."""
        return all(isinstance(why, OrdersInDoubt | Replaced) for why in self.failed.values())

    @property
    def reasons(self) -> tuple[str, ...]:
        """What failed, a line each."""
        return tuple(f"{phase}: {why}" for phase, why in self.failed.items())


async def reconcile(context: Context, account_id: UUID, work: Work) -> None:
    """Read and book everything, repair what is safe to repair, and open the gate.

    Raises:
        Unavailable: ``E_RECONCILE`` when a phase failed that may work the next time; the others are done.
    """
    done = await reconcile_account(context, account_id, work)
    if not done.over:
        raise Unavailable(
            FAILED, f"The reconcile is not complete and is tried again ({'; '.join(done.reasons)})."
        )


async def monitor_orders(
    context: Context, account_id: UUID, work: Work, *, reach: timedelta = RECENT
) -> None:
    """The net under the alert stream: read orders over REST and apply what was missed."""
    with suppress(OrdersInDoubt, Replaced):  # the gate is closed, and the timer looks again
        await hold_fence(context)
        await sync_orders(context, account_id, reach=reach)
    await finished(context, work)


async def sync_history(context: Context, account_id: UUID, work: Work) -> None:
    """The same further back: what was made and ended while senex was away."""
    await monitor_orders(context, account_id, work, reach=HISTORY)


async def reconcile_account(context: Context, account_id: UUID, work: Work | None = None) -> Reconciled:
    """All phases; a store that is away ends them, since nothing could be kept. ``work`` is done once it is over.

    Raises:
        Unavailable: ``E_POSTGRES_AWAY``.
    """
    async with context.units.reading() as tx:
        fence = await tx.accounts.fence(account_id)
    done = await _read(context, account_id)
    if any(isinstance(why, Replaced) for why in done.failed.values()):
        if work is not None:
            await finished(context, work)
        return done  # nothing of this account is ours to mend any more
    if any(each.category in QUANTITIES for each in done.found or ()):
        # a fill may have fallen between the two readings; what differs twice does differ
        done = await _read(context, account_id)
    now = context.clock.now()
    async with context.units() as tx:
        if done.found is not None:
            await keep(tx, account_id, done.found, now)
        if done.found is not None and not done.failed:
            await tx.exits.were_read(account_id)
        exiting = [str(wish.position_id) for wish in await tx.exits.active(account_id)]
        awry = [each.subject.split("/")[0] for each in done.found or () if each.category in _TARGETS]
        for position_id in dict.fromkeys((*awry, *exiting)):
            await tx.outbox.add(MEND, position_id, queue="trading", account_id=account_id)
        if not done.failed:
            await tx.accounts.ready(account_id, epoch=fence.ready_epoch, now=now)
        if work is not None and done.over:
            await tx.outbox.done(work)
        await tx.commit()
    await context.publisher.changed("account", str(account_id), str(account_id))
    return done


async def _read(context: Context, account_id: UUID) -> Reconciled:
    """One reading of the broker, booked, and what differs after it."""
    failed: dict[str, SenexError] = {}
    listing: Listing | None = None

    async def orders() -> None:
        nonlocal listing
        listing = await sync_orders(context, account_id)

    phases: dict[str, Callable[[], Awaitable[None]]] = {
        "fence": lambda: hold_fence(context),
        "orders": orders,
        "ledger": lambda: read_ledger(context, account_id),
        "account": lambda: sync_account(context, account_id),
    }
    for name, phase in phases.items():
        problem = await _try(phase)
        if isinstance(problem, OrdersInDoubt):
            listing = problem.listing
        if problem is not None:
            failed[name] = problem
        if isinstance(problem, Replaced):
            return Reconciled(None, failed)
    if listing is None or any(not isinstance(why, OrdersInDoubt) for why in failed.values()):
        return Reconciled(None, failed)
    return Reconciled(await compare(context, account_id, listing), failed)


async def _try(phase: Callable[[], Awaitable[None]]) -> SenexError | None:
    """Do a phase; what it failed with."""
    try:
        await phase()
    except SenexError as problem:
        if problem.code == "E_POSTGRES_AWAY":
            raise
        return problem
    except Exception as problem:  # noqa: BLE001  a bug in one phase must not keep the others from being done
        return SenexError(FAILED, f"something in senex broke ({type(problem).__name__}: {problem})")
    return None
