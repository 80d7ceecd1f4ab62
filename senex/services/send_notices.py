"""What goes outside: one message per channel at a time, retried, never more than a channel is sent a minute."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from senex.domain.alarms import Alarm, Severity
from senex.domain.decisions import Answer, Outcome
from senex.domain.errors import Refused, SenexError, UsageProblem
from senex.domain.notices import MOST_ATTEMPTS, PER_MINUTE, Level, Mode, message, wait
from senex.services.context import finished
from senex.services.notices import SEND, SEND_QUEUE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from senex.domain.decisions import Decision
    from senex.ports.records import QueuedNotice, Work
    from senex.ports.unit_of_work import UnitOfWork
    from senex.services.context import Context

NOTIFY_FAILING = "NOTIFY_FAILING"
_TEST = "test_notification"
_MINUTE = timedelta(minutes=1)
_WEIGHT = tuple(Level)


async def send_notices(context: Context, work: Work) -> None:
    """Send a channel all it is owed in one message; a crash before the commit sends it again.

    The rows stay locked meanwhile, so that nobody else sends them. Nothing is sent before the time of
    one of them has come.
    """
    channel = work.subject
    async with context.units() as tx:
        queued = await tx.inbox.queued(channel)
        due = [one for one in queued if not wait(one.attempts, one.age)]
        tried, last = await tx.inbox.tried_lately(channel)
        if due and tried >= PER_MINUTE:
            await _come_back(tx, channel, f"after/{last}", _MINUTE)
        else:
            if due:
                await _send(context, tx, channel, queued, due)
            await _try_again(tx, channel)
        await tx.outbox.done(work)
        await tx.commit()


async def _send(
    context: Context,
    tx: UnitOfWork,
    channel: str,
    queued: Sequence[QueuedNotice],
    due: Sequence[QueuedNotice],
) -> None:
    """A failure counts for those whose time has come only: news of one wears out nothing of the others."""
    title, text = message([(one.title, one.text) for one in queued])
    level = max((one.level for one in queued), key=_WEIGHT.index)
    try:
        await context.notifier.send(channel, title=title, text=text, level=level)
    except SenexError as problem:
        tried, most = (queued, 0) if isinstance(problem, UsageProblem) else (due, MOST_ATTEMPTS)
        if await tx.inbox.not_sent(channel, [one.id for one in tried], problem=str(problem), most=most):
            said = f"Notices do not reach the channel {channel}; the inbox has them. {problem}"
            alarm = Alarm(NOTIFY_FAILING, Severity.WARNING, None, "channel", channel, said)
            await tx.alarms.sound(alarm, context.clock.now())
    else:
        await tx.inbox.sent(channel, [one.id for one in queued])
        await tx.alarms.resolve(NOTIFY_FAILING, channel, account_id=None, now=context.clock.now())


async def _try_again(tx: UnitOfWork, channel: str) -> None:
    """Come back for what is due first; what was never tried has work of its own."""
    tried = [one for one in await tx.inbox.queued(channel) if one.tried_at is not None]
    if tried:
        first = min(tried, key=lambda one: wait(one.attempts, one.age))
        await _come_back(tx, channel, f"{first.attempts}/{first.tried_at}", wait(first.attempts, first.age))


async def _come_back(tx: UnitOfWork, channel: str, what: str, delay: timedelta) -> None:
    """Named after what it waits for, so that however many look, one comes back."""
    await tx.outbox.add(SEND, channel, queue=SEND_QUEUE, delay=delay, dedupe_key=f"send/{channel}/{what}")


async def test_notification(context: Context, decision: Decision, work: Work) -> None:
    """Leave a test message to the worker that sends; it answers.

    Raises:
        Refused: ``E_NOTIFY_NONE`` when the operator has no channel.
    """
    if not context.notifier.channels(decision.operator):
        raise Refused(
            "E_NOTIFY_NONE",
            f"No channel is set for {decision.operator}; put OPERATOR=ADDRESS lines into SENEX_NOTIFY_URLS.",
        )
    async with context.units() as tx:
        await tx.outbox.add(_TEST, str(decision.id), queue=SEND_QUEUE, account_id=decision.account_id)
        await tx.outbox.done(work)
        await tx.commit()


async def send_test(context: Context, decision_id: UUID, work: Work) -> None:
    """Send a test message to every channel of who asked for it, and answer."""
    async with context.units() as tx:
        decision, answer = await tx.suggestions.decision(decision_id)
    if answer is None:
        answer = await _try_all(context, decision.operator)
        async with context.units() as tx:
            await tx.suggestions.answer(decision_id, answer, context.clock.now())
            await tx.outbox.done(work)
            await tx.commit()
    else:
        await finished(context, work)
    await context.publisher.changed("decision", str(decision.account_id), str(decision_id))


async def _try_all(context: Context, operator: str) -> Answer:
    channels = context.notifier.channels(operator)
    problems = []
    for channel in channels:
        try:
            await context.notifier.send(
                channel,
                title=f"senex {context.environment.upper()}: test",
                text=f"{operator} asked for this test. What is critical reaches you here.",
                level=Level.INFO,
            )
        except SenexError as problem:
            problems.append(str(problem))
    if problems:
        message_ = f"{len(problems)} of {len(channels)} channels did not take the test."
        return Answer(Outcome.FAILED, "E_NOTIFY_AWAY", message_, tuple(problems))
    return Answer(Outcome.DONE, "OK", f"The test was sent to {', '.join(channels)}.")


async def set_notify_mode(context: Context, decision: Decision, work: Work) -> None:
    """Set what the operator who decides is sent.

    Raises:
        UsageProblem: ``E_NOTIFY_MODE``.
    """
    try:
        [wanted] = decision.options
        mode = Mode(wanted)
    except ValueError:
        raise UsageProblem("E_NOTIFY_MODE", f"A mode is one of {', '.join(Mode)}.") from None
    now = context.clock.now()
    async with context.units() as tx:
        await tx.inbox.set_mode(decision.operator, mode, now)
        text = f"{decision.operator} is sent {_SAYS[mode]}; what is critical always."
        await tx.suggestions.answer(decision.id, Answer(Outcome.DONE, "OK", text), now)
        await tx.journal.note(
            "notification mode set",
            actor=decision.operator,
            object_type="operator",
            object_id=decision.operator,
            account_id=decision.account_id,
            after=mode,
            now=now,
        )
        await tx.outbox.done(work)
        await tx.commit()


_SAYS = {
    Mode.NONE: "nothing",
    Mode.IMMEDIATE: "everything as it happens",
    Mode.SUMMARY: "the summary of the day",
}
