"""What a deployment does and says, for tests that have several of them at one broker."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from senex.domain.calendar import NEW_YORK
from senex.domain.decisions import DecisionKind
from tests.contract.simulator_books import put
from tests.integration.ledger_world import buy, sell

if TYPE_CHECKING:
    from tests.integration.ledger_world import Account

FRIDAY = date(2026, 6, 5)


async def enter(books: Account, below: int) -> str:
    """A filled put spread, with its target at work."""
    spot = int(books.world.close_of("QQQ", FRIDAY))
    short, long = put("QQQ", FRIDAY, spot - below), put("QQQ", FRIDAY, spot - below - 5)
    return str(await books.enter((sell(short), buy(long))))


async def state(books: Account) -> tuple[str, bool]:
    async with books.desk.units() as tx:
        fence = await tx.accounts.fence(await books.desk.account())
    return fence.state, fence.ready


async def decide_state(books: Account, wanted: str) -> str:
    decision = await books.desk.decide(DecisionKind.SET_STATE, state=wanted, reason="the test")
    await books.settle()
    return (await books.desk.answer(decision))[1]


async def alarms(books: Account) -> set[str]:
    return {alarm.code for alarm in await books.reads.alarms()}


def working(books: Account) -> list[str]:
    """The broker ids of what lives at the broker."""
    return [str(order) for order in books.world.books.working]


def wait(books: Account) -> None:
    """Let seven minutes of the market pass."""
    later = books.desk.clock.now().astimezone(NEW_YORK) + timedelta(minutes=7)
    books.world.jump(later.date(), later.hour, later.minute)
