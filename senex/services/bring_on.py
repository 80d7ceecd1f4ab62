"""Bring one exit on: end it when it is over, count what died, price it, say why it waits."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from senex.domain.alarms import Alarm, Severity
from senex.domain.closing import (
    DAEMON,
    RETRIES,
    Cause,
    ExitStatus,
    Terms,
    died,
    exit_moves,
    withdrawn,
)
from senex.domain.orders import OrderStatus
from senex.domain.unknown import Unknown
from senex.services.follow import TEND

if TYPE_CHECKING:
    from senex.domain.closing import Move, SpreadExit
    from senex.ports.unit_of_work import UnitOfWork
    from senex.services.exit_case import ExitCase

FAILED = "EXIT_FAILED"
UNPRICED = "EXIT_UNPRICED"
ENDED = "CLOSE_ENDED"
UNPRICED_FOR = timedelta(minutes=15)


async def bring_on(
    tx: UnitOfWork, case: ExitCase, wish: SpreadExit
) -> tuple[SpreadExit | None, tuple[Move, ...]]:
    """The exit as it stands now, None when it has ended, and what has to be sent for it."""
    over = _over(case, wish)
    if over is not None:
        status, why = over
        await _end(tx, case, replace(wish, status=status, why=why))
        return None, ()
    deaths = sum(died(order) for order in case.orders if order.exit_id == wish.id)
    if deaths > wish.deaths:
        if deaths > RETRIES:
            return await _give_up(tx, case, replace(wish, deaths=deaths))
        await tx.outbox.add("reconcile", str(wish.account_id), queue="trading", account_id=wish.account_id)
        wish = await _save(tx, wish, replace(wish, deaths=deaths, unread=True, why=_last_word(case, wish)))
    if wish.unread:  # positions and orders are read again first
        return wish, ()
    obstacle = case.obstacle()
    if obstacle is not None:
        return await _save(tx, wish, replace(wish, why=obstacle)), ()
    return await _work(tx, case, wish)


def _over(case: ExitCase, wish: SpreadExit) -> tuple[ExitStatus, str] | None:
    """Whether it has ended and why: nothing is left to close, the operator stopped it, its session is over."""
    mine = [order for order in case.orders if order.exit_id == wish.id]
    newest = max(mine, key=lambda order: order.generation, default=None)
    if any(not order.status.terminal for order in mine) or (case.entering and case.held.empty):
        return None
    if case.held.empty or (wish.excess and not case.held.units.broken):
        return ExitStatus.DONE, "nothing is left to close"
    if newest is not None and withdrawn(newest):
        return ExitStatus.GIVEN_UP, "its order was cancelled by an operator"
    if not wish.cause.one_session or wish.session is None:
        return None
    session = case.calendar.session_on(wish.session)
    gone = session is None or isinstance(session, Unknown) or case.now >= session.closes
    if gone or (newest is not None and newest.status is OrderStatus.EXPIRED):
        return ExitStatus.GIVEN_UP, "the session ended before it filled"
    return None


async def _work(
    tx: UnitOfWork, case: ExitCase, wish: SpreadExit
) -> tuple[SpreadExit | None, tuple[Move, ...]]:
    working = [order for order in case.orders if order.exit_id == wish.id and not order.status.terminal]
    # a price an operator gave it stays
    due = bool(working) and working[-1].decision_id == wish.decision_id and wish.due(case.now)
    limit = case.limit(wish, wish.moves + due)
    after = replace(wish, session=wish.session or case.today)
    if isinstance(limit, Unknown):
        since = wish.unpriced_since or case.now
        after = replace(after, unpriced_since=since, why=limit.why)
        if case.now - since >= UNPRICED_FOR:
            text = (
                f"{case.position.underlying} {wish.spread_key}: the {_said(wish.cause)} has had no price for "
                f"{(case.now - since) // timedelta(minutes=1)} minutes ({limit.why}); it is not priced anew until "
                f"quotes are fresh. `{_command(case)} --limit PRICE` closes it at a price of yours."
            )
            alarm = Alarm(UNPRICED, Severity.CRITICAL, wish.account_id, "position", case.subject, text)
            await tx.alarms.sound(alarm, case.now)
        # what is in its way stays until a price is known
        return await _save(tx, wish, after), ()
    if wish.unpriced_since is not None:
        await tx.alarms.resolve(UNPRICED, case.subject, account_id=wish.account_id, now=case.now)
    if wish.terms is Terms.NATURAL:
        # the timer comes every five minutes, natural is followed each minute
        await tx.outbox.add(
            TEND,
            str(wish.position_id),
            queue="trading",
            account_id=wish.account_id,
            dedupe_key=f"follow:{wish.id}:{case.now:%Y-%m-%dT%H:%M}",
            delay=Terms.NATURAL.again_after,
        )
    moves = exit_moves(case.held, case.orders, wish, limit, due=due)
    priced = due or wish.priced_at is None
    after = replace(
        after,
        moves=wish.moves + due,
        priced_at=case.now if priced else wish.priced_at,
        unpriced_since=None,
        why=f"at {limit}",
    )
    return await _save(tx, wish, after), moves


async def _give_up(
    tx: UnitOfWork, case: ExitCase, wish: SpreadExit
) -> tuple[SpreadExit | None, tuple[Move, ...]]:
    why = _last_word(case, wish)
    text = (
        f"{case.position.underlying} {wish.spread_key}: the {_said(wish.cause)} failed {wish.deaths} times ({why}) "
        f"and is given up; its target is set again. Look at the order, then `{_command(case)}`."
    )
    alarm = Alarm(FAILED, Severity.CRITICAL, wish.account_id, "position", case.subject, text)
    await tx.alarms.sound(alarm, case.now)
    await _end(tx, case, replace(wish, status=ExitStatus.GIVEN_UP, why=why))
    return None, ()


async def _end(tx: UnitOfWork, case: ExitCase, wish: SpreadExit) -> None:
    await tx.exits.save(wish)
    done = wish.status is ExitStatus.DONE
    for code in (UNPRICED, FAILED, ENDED) if done else (UNPRICED,):
        await tx.alarms.resolve(code, case.subject, account_id=wish.account_id, now=case.now)
    if not done and wish.cause in (Cause.MANUAL, Cause.FLATTEN) and wish.deaths <= RETRIES:
        text = (
            f"{case.position.underlying} {wish.spread_key}: the close you asked for did not fill ({wish.why}); its "
            f"target is set again. `{_command(case)}` tries anew."
        )
        alarm = Alarm(ENDED, Severity.WARNING, wish.account_id, "position", case.subject, text)
        await tx.alarms.sound(alarm, case.now)
    await tx.journal.note(
        f"exit {wish.status}",
        actor=DAEMON,
        object_type="position",
        object_id=case.subject,
        account_id=wish.account_id,
        before=ExitStatus.ACTIVE,
        after=wish.status,
        why=f"{wish.cause}: {wish.why}",
        now=case.now,
    )


async def _save(tx: UnitOfWork, before: SpreadExit, after: SpreadExit) -> SpreadExit:
    if after != before:
        await tx.exits.save(after)
    return after


def _last_word(case: ExitCase, wish: SpreadExit) -> str:
    dead = [order for order in case.orders if order.exit_id == wish.id and died(order)]
    return f"its order ended {dead[-1].status}" if dead else wish.why


def _said(cause: Cause) -> str:
    return cause.replace("_", " ")


def _command(case: ExitCase) -> str:
    return f"senex positions close {str(case.position.id)[:8]} --spread {case.held.plan.key}"
