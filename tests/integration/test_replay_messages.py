"""The orders led through the broker's raw messages again: the real simulator's, through the real SDK."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from senex.broker.recorder import Exchange
from senex.domain.decisions import DecisionKind
from senex.store.messages import MessageLog
from tests.contract.simulator_books import put
from tests.integration.ledger_world import Account, account, buy, sell

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from senex.ports.views import DecisionResultView

FRIDAY = date(2026, 6, 5)


@pytest.fixture
async def books(database_url: str, console_url: str, owner_url: str) -> AsyncIterator[Account]:
    async with account((database_url, console_url, owner_url)) as opened:
        await opened.start()
        yield opened


async def _replay(books: Account) -> DecisionResultView:
    decision = await books.desk.decide(DecisionKind.RECONCILE, options=["replay"])
    await books.desk.drain()
    answer = await books.reads.decision_result(decision)
    assert answer is not None
    return answer


async def test_the_raw_messages_lead_to_what_the_books_say(books: Account) -> None:
    spot = int(books.world.close_of("QQQ", FRIDAY))
    short, long = put("QQQ", FRIDAY, spot - 8), put("QQQ", FRIDAY, spot - 15)
    await books.enter((sell(short), buy(long)), units=2)
    [target] = [one for one in await books.reads.orders() if one.kind == "target"]
    await books.desk.decide(DecisionKind.CANCEL_ORDER, order_id=target.id)
    await books.desk.drain()

    answer = await _replay(books)
    assert (answer.outcome, answer.reasons) == ("done", ())
    assert answer.message.endswith("lead 2 orders to where the books have them.")

    await books.tamper("UPDATE trade_order SET status = 'rejected' WHERE kind = 'target'")
    answer = await _replay(books)
    assert (answer.outcome, answer.code) == ("failed", "E_REPLAY")
    [wrong] = answer.reasons
    assert f"order {target.id}" in wrong
    assert "is rejected with 0 filled in the books, and the messages lead to cancelled with 0" in wrong


async def test_a_message_that_cannot_be_read_again_is_named(books: Account) -> None:
    async with books.desk.units() as tx:
        number = (await tx.accounts.get(await books.desk.account())).number
    log = MessageLog(books.engine, books.desk.clock)
    await log.record(Exchange("GET", f"/accounts/{number}/orders/live", 200, "{}"))
    answer = await _replay(books)
    assert answer.outcome == "failed"
    [wrong] = answer.reasons
    assert "could not be read again (KeyError)" in wrong
