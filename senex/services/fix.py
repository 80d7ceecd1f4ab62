"""The operator's reconcile: look first, then mend what was named, each by its own use case and in the journal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from senex.domain.decisions import DRY_RUN, FIX, REPLAY, Answer, Outcome
from senex.domain.differences import Category, Fix
from senex.domain.errors import UsageProblem
from senex.services.compare import keep, look
from senex.services.follow import MEND
from senex.services.operators import LIVE
from senex.services.orphans import DOUBLED
from senex.services.reconcile import FAILED, Reconciled, reconcile_account
from senex.services.replay_messages import replay_on_request

if TYPE_CHECKING:
    from collections.abc import Sequence

    from senex.domain.decisions import Decision
    from senex.domain.differences import Difference
    from senex.ports.records import Work
    from senex.ports.unit_of_work import UnitOfWork
    from senex.services.context import Context

_NAMED_ONLY = frozenset({Category.ORPHAN_ORDER, Category.FOREIGN_ORDER})
"""What is cancelled only when the very order is named."""


async def reconcile_on_request(context: Context, decision: Decision, work: Work) -> None:
    """A dry run compares and books nothing; the answer says what differs and what is done about it.

    Raises:
        UsageProblem: ``E_FIX`` when something is named that is neither a category nor differs; nothing is mended then.
    """
    if REPLAY in decision.options:
        await replay_on_request(context, decision, work)
        return
    account_id = decision.account_id
    dry = DRY_RUN in decision.options
    async with context.units.reading() as tx:
        before = await tx.alarms.differing(account_id)
    if dry:
        found = await look(context, account_id)
        async with context.units() as tx:
            await keep(tx, account_id, found, context.clock.now())
            await tx.commit()
        done = Reconciled(found, {})
    else:
        done = await reconcile_account(context, account_id)
    now = context.clock.now()
    wanted = [option.removeprefix(FIX) for option in decision.options if option.startswith(FIX)]
    _check_names(done.found, before, wanted)
    async with context.units() as tx:
        fixes = [
            await _fix(context, tx, decision, each, dry=dry)
            for each in done.found or ()
            if _named(each, wanted)
        ]
        answer = _answer(done, wanted, fixes, dry=dry)
        await tx.suggestions.answer(decision.id, answer, now)
        await tx.journal.note(
            "reconciled",
            actor=decision.operator,
            object_type="account",
            object_id=str(account_id),
            account_id=account_id,
            after=" ".join(decision.options) or None,
            why=answer.message,
            now=now,
        )
        await tx.outbox.done(work)
        await tx.commit()


def _check_names(found: Sequence[Difference] | None, before: frozenset[str], wanted: Sequence[str]) -> None:
    """What differed ``before`` may have been settled by the reading itself; what was not compared is not judged."""
    if found is None:
        return
    categories = {category.value for category in Category if category not in _NAMED_ONLY}
    subjects = {each.subject for each in found}
    for name in wanted:
        if name not in categories | subjects | before:
            possible = ", ".join([*sorted(subjects), *sorted(categories)])
            raise UsageProblem(
                "E_FIX", f"Nothing was mended: {name!r} names nothing that differs; use one of {possible}."
            )


def _named(each: Difference, wanted: Sequence[str]) -> bool:
    return each.subject in wanted or (each.category in wanted and each.category not in _NAMED_ONLY)


def _answer(done: Reconciled, wanted: Sequence[str], fixes: list[str], *, dry: bool) -> Answer:
    found = done.found
    if found is None:
        message = "Books and broker could not be compared."
    elif found:
        message = f"Our books and the broker's differ in {len(found)} place{'' if len(found) == 1 else 's'}."
    else:
        message = "Our books and the broker's agree."
    if fixes:
        message += f" {len(fixes)} would be mended." if dry else f" {len(fixes)} are being mended."
    named = {each.subject for each in found or ()} | {
        each.category for each in found or () if each.category not in _NAMED_ONLY
    }
    lost = [
        f"{name}: nothing of this name differs, so nothing was done" for name in wanted if name not in named
    ]
    reasons = (*done.reasons, *map(str, found or ()), *fixes, *lost)
    if done.failed:
        return Answer(Outcome.FAILED, FAILED, f"{message} Not everything could be read.", reasons)
    return Answer(Outcome.DONE, "OK", message, reasons)


async def _fix(context: Context, tx: UnitOfWork, decision: Decision, each: Difference, *, dry: bool) -> str:
    """Have one difference mended; what that means, in words."""
    account_id, now = decision.account_id, context.clock.now()
    what, job, subject = _work(each, str(account_id), live=context.environment == LIVE)
    line = f"{each.subject}: {what}"
    if dry or job is None:
        return line
    if each.fix is Fix.LIFT:
        await tx.alarms.resume_underlying(account_id, each.underlying)
        if not await tx.alarms.halted_underlyings(account_id):
            # no second order is left at the broker, else something there would differ
            await tx.alarms.resolve_others(DOUBLED, (), account_id=account_id, now=now)
    await tx.outbox.add(job, subject, queue="trading", account_id=account_id)
    await tx.journal.note(
        "difference mended",
        actor=decision.operator,
        object_type=each.category,
        object_id=each.subject,
        account_id=decision.account_id,
        before=each.ours,
        after=each.theirs,
        why=f"{what}{': ' if decision.reason else ''}{decision.reason or ''}",
        now=now,
    )
    return line


def _work(each: Difference, account: str, *, live: bool) -> tuple[str, str | None, str]:
    """What mends a difference: in words, the job, and its subject."""
    if each.fix is Fix.LIFT:
        if live:  # that opens risk, and asks for the passphrase
            return f"`senex state resume {each.underlying}` lets it be traded again", None, ""
        return "let it be traded again", "reconcile", account
    if each.category in _NAMED_ONLY:
        return "cancel it at the broker", "cancel_orphan", f"{account}/{each.subject}"
    if each.fix is Fix.PLACE_TARGET:
        return "place its target", MEND, each.subject.split("/")[0]
    if each.fix is Fix.REVIEW:
        return "nothing mends it by itself; look at the broker, then decide", None, ""
    return "read the broker again and book what it says", "reconcile", account
