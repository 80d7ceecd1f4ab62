"""Give a position that somebody opened elsewhere an exit plan, and automation the right to act on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from senex.domain.decisions import PLAN_NONE, PLAN_TARGET, PLAN_TIME_EXIT, Answer, Outcome
from senex.domain.errors import Refused
from senex.domain.legs import InstrumentType
from senex.domain.money import ZERO, number_in
from senex.domain.positions import OPEN_STATUSES
from senex.domain.suggestions import ExitPlan
from senex.services.exit_plan import position_of
from senex.services.follow import tend_later
from senex.services.position_alarms import UNMANAGED

if TYPE_CHECKING:
    from decimal import Decimal

    from senex.domain.decisions import Decision
    from senex.domain.positions import Position
    from senex.ports.records import Work
    from senex.services.context import Context

_LATEST = 365


async def adopt_position(context: Context, decision: Decision, work: Work) -> None:
    """Take the plan and start to look after the position.

    Raises:
        Refused: ``E_DECISION``, ``E_NOT_ADOPTABLE`` or ``E_EXIT_PLAN``; nothing was changed.
    """
    plan, share = _plan(decision)
    now = context.clock.now()
    async with context.units() as tx:
        position = await position_of(tx, decision)
        _check(position)
        await tx.positions.adopt(position.id, plan, share)
        await tend_later(tx, position)
        await tx.alarms.resolve(UNMANAGED, str(position.id), account_id=position.account_id, now=now)
        target = "no target" if share is None else f"a {share:.0%} target"
        message = (
            f"Adopted: {position.underlying} gets {target} and its time exit at {plan.time_exit_dte} DTE."
        )
        await tx.suggestions.answer(decision.id, Answer(Outcome.DONE, "OK", message), now)
        await tx.journal.note(
            "position adopted",
            actor=decision.operator,
            object_type="position",
            object_id=str(position.id),
            account_id=position.account_id,
            before="unmanaged",
            after=" ".join(decision.options),
            why=decision.reason or "",
            now=now,
        )
        await tx.outbox.done(work)
        await tx.commit()
    await context.publisher.changed("position", str(position.account_id), str(position.id))


def _check(position: Position) -> None:
    if position.managed:
        raise Refused("E_NOT_ADOPTABLE", "senex looks after this position already; nothing was changed.")
    if position.status not in OPEN_STATUSES:
        raise Refused(
            "E_NOT_ADOPTABLE", f"The position is {position.status}; there is nothing to look after."
        )
    legs = [leg for spread in position.spreads for leg in spread.plan.legs]
    if any(leg.instrument is InstrumentType.EQUITY for leg in legs):
        raise Refused(
            "E_NOT_ADOPTABLE",
            "Shares have no exit plan; close them with `senex positions close` when you want.",
        )


def _plan(decision: Decision) -> tuple[ExitPlan, Decimal | None]:
    """The plan in the decision's words.

    Raises:
        Refused: ``E_EXIT_PLAN``.
    """
    given = dict(option.partition("=")[::2] for option in decision.options)
    try:
        share = None if given[PLAN_TARGET] == PLAN_NONE else number_in(given[PLAN_TARGET]) or ZERO
        days = int(given[PLAN_TIME_EXIT])
    except (KeyError, ValueError):
        raise Refused(
            "E_EXIT_PLAN", "The exit plan is not complete; name --target and --time-exit."
        ) from None
    if share is not None and not 0 < share <= 1:
        raise Refused("E_EXIT_PLAN", f"A target of {share:%} is none: name more than 0 % and at most 100 %.")
    if not 0 <= days <= _LATEST:
        raise Refused("E_EXIT_PLAN", f"A time exit at {days} DTE is none: name 0 to {_LATEST} days.")
    return ExitPlan(time_exit_dte=days), share
