"""Jobs by hand: run one now, pause and resume it, try again what fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

from senex.domain.decisions import LAST_JOB, Answer, Outcome
from senex.domain.errors import Refused, UsageProblem

if TYPE_CHECKING:
    from senex.domain.decisions import Decision
    from senex.ports.records import Work
    from senex.ports.unit_of_work import UnitOfWork
    from senex.services.context import Context


async def run_job(context: Context, decision: Decision, work: Work) -> None:
    """Put the work of one slot into the outbox now: a row per account, once per decision; a paused job too.

    What of the job fails is left to it, as to a slot.

    Raises:
        UsageProblem: ``E_JOB`` when nothing of that name is scheduled.
    """
    name = _option(decision)
    async with context.units() as tx:
        queue = await tx.jobs.queue_of(name)
        if queue is None:
            raise await _no_job(tx, name)
        for account in await tx.accounts.all(context.environment):
            key = f"run:{decision.id}:{account.id}"
            await tx.outbox.add(name, str(account.id), queue=queue, account_id=account.id, dedupe_key=key)
            await tx.jobs.take_over(name, key)
        await _finish(context, tx, decision, work, "job run by hand", f"{name} runs now.")


async def pause_job(context: Context, decision: Decision, work: Work) -> None:
    """Give a job no more slots. What is at work goes on.

    Raises:
        UsageProblem: ``E_JOB`` when nothing of that name is scheduled.
        Refused: ``E_JOB_AS_IS``.
    """
    await _enable(context, decision, work, enabled=False)


async def resume_job(context: Context, decision: Decision, work: Work) -> None:
    """Give a job its slots again; the newest it missed within its grace comes at once.

    Raises:
        UsageProblem: ``E_JOB`` when nothing of that name is scheduled.
        Refused: ``E_JOB_AS_IS``.
    """
    await _enable(context, decision, work, enabled=True)


async def retry_job(context: Context, decision: Decision, work: Work) -> None:
    """Offer failing work now instead of when its pause is over.

    Raises:
        UsageProblem: ``E_JOB`` for what is no number, or none work can have.
        Refused: ``E_JOB_NOT_FAILING``.
    """
    number = _option(decision)
    if not number.isdecimal() or len(number) > len(str(LAST_JOB)) or int(number) > LAST_JOB:
        raise UsageProblem("E_JOB", f"{number!r} is not the number of a job; `senex jobs failed` lists them.")
    async with context.units() as tx:
        job = await tx.jobs.retry(int(number))
        if job is None:
            raise Refused(
                "E_JOB_NOT_FAILING", f"Job {number} is not failing (any more); nothing was changed."
            )
        await _finish(
            context, tx, decision, work, "job retried by hand", f"{job} {number} is tried again now."
        )


async def _enable(context: Context, decision: Decision, work: Work, *, enabled: bool) -> None:
    name = _option(decision)
    word = "resumed" if enabled else "paused"
    async with context.units() as tx:
        if await tx.jobs.queue_of(name) is None:
            raise await _no_job(tx, name)
        if not await tx.jobs.enable(name, enabled=enabled):
            as_it_is = "not paused" if enabled else "paused already"
            raise Refused("E_JOB_AS_IS", f"{name} is {as_it_is}; nothing was changed.")
        await _finish(context, tx, decision, work, f"job {word}", f"{name} is {word}.")


async def _finish(
    context: Context, tx: UnitOfWork, decision: Decision, work: Work, action: str, message: str
) -> None:
    now = context.clock.now()
    await tx.suggestions.answer(decision.id, Answer(Outcome.DONE, "OK", message), now)
    await tx.journal.note(
        action,
        actor=decision.operator,
        object_type="job",
        object_id=_option(decision),
        account_id=decision.account_id,
        why=decision.reason or "",
        now=now,
    )
    await tx.outbox.done(work)
    await tx.commit()


async def _no_job(tx: UnitOfWork, name: str) -> UsageProblem:
    known = ", ".join(await tx.jobs.names())
    return UsageProblem("E_JOB", f"Nothing called {name!r} is scheduled; there are {known}.")


def _option(decision: Decision) -> str:
    if len(decision.options) != 1:
        raise UsageProblem("E_DECISION", "The decision has to name one job.")
    return decision.options[0]
