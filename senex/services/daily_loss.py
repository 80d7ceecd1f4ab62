"""The daily loss limit: at every reading of the balances, whether the day has lost what it may (DOMAIN 0.4).

Met, it lets out no entry more and alarms. The operator may lift it, for the day;
otherwise the first reading of the next New York day does, unless somebody has
set the state meanwhile. Exits and cancels always pass.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from senex.domain.alarms import DAILY_LOSS, Alarm, Severity
from senex.domain.calendar import new_york_date
from senex.domain.caps import daily_loss
from senex.domain.limits import Weight
from senex.domain.trading_state import TradingState

if TYPE_CHECKING:
    from datetime import datetime
    from decimal import Decimal

    from senex.domain.trading_state import Fence
    from senex.ports.records import Account
    from senex.ports.unit_of_work import UnitOfWork
    from senex.services.context import Context

NEAR = "DAILY_LOSS_NEAR"
BY = "the daily loss limit"
"""Who set the state, where it was the limit."""


async def judge_day(context: Context, tx: UnitOfWork, account: Account, net_liquidation: Decimal) -> None:
    """Set, keep or lift the state by what the day has gained, in the caller's transaction."""
    now = context.clock.now()
    today = new_york_date(now).isoformat()
    start = await tx.accounts.day(account.id, now)
    fence = await tx.accounts.fence(account.id)
    limits = context.limits.of(account.number, account.risk_preset)
    for code in (DAILY_LOSS, NEAR):
        await tx.alarms.resolve_others(code, [today], account_id=account.id, now=now)
    if fence.set_by == BY and not start.met:
        await _set(tx, account, fence, TradingState.ACTIVE, "a new day: the daily loss limit is over", now)
        fence = await tx.accounts.fence(account.id)
    for finding in daily_loss(start, net_liquidation, limits):
        met = finding.weight is Weight.BLOCKS
        text = f"{finding}{'. Look at what is open; `K` lets entries out again.' if met else ''}"
        severity = Severity.CRITICAL if met else Severity.WARNING
        await tx.alarms.sound(
            Alarm(DAILY_LOSS if met else NEAR, severity, account.id, "day", today, text), now
        )
        if met and fence.state is TradingState.ACTIVE:
            await _set(tx, account, fence, TradingState.REDUCE_ONLY, str(finding), now)


async def _set(
    tx: UnitOfWork, account: Account, fence: Fence, state: TradingState, reason: str, now: datetime
) -> None:
    await tx.accounts.set_state(account.id, state, reason=reason, by=BY, now=now)
    await tx.journal.note(
        "trading state set",
        actor=BY,
        object_type="account",
        object_id=str(account.id),
        account_id=account.id,
        before=fence.state,
        after=state,
        why=reason,
        now=now,
    )
