"""Alarms and halted underlyings: raised by the daemon, seen and lifted by an operator."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from senex.domain.alarms import Alarm, Severity
from senex.domain.decisions import DecisionKind
from senex.store.queries import Reads
from tests.integration.test_use_cases import Desk, desk

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from uuid import UUID

__all__ = ["desk"]


@pytest.fixture
async def reads(console_url: str) -> AsyncIterator[Reads]:
    reads = Reads(console_url)
    yield reads
    await reads.close()


def alarm(
    account: UUID | None, *, text: str = "Two orders of one attempt.", code: str = "ORDER_DOUBLED"
) -> Alarm:
    return Alarm(code, Severity.CRITICAL, account, "order", "1", text)


async def _sound(desk: Desk, one: Alarm) -> bool:
    async with desk.units() as tx:
        fresh = await tx.alarms.sound(one, desk.clock.now())
        await tx.commit()
    return fresh


async def test_an_alarm_raised_again_stays_one_until_it_is_resolved(desk: Desk, reads: Reads) -> None:
    account = await desk.account()
    assert await _sound(desk, alarm(account))
    desk.clock.advance(timedelta(minutes=1))
    assert not await _sound(desk, alarm(account, text="Three by now."))
    assert await _sound(desk, alarm(None))
    assert not await _sound(desk, alarm(None))
    assert [(one.account_number, one.text) for one in await reads.alarms(account)] == [
        ("5SX00001", "Three by now.")
    ]
    assert len(await reads.alarms()) == 2
    async with desk.units() as tx:
        await tx.alarms.resolve("ORDER_DOUBLED", "1", account_id=account, now=desk.clock.now())
        await tx.commit()
    assert [one.account_id for one in await reads.alarms()] == [None]
    assert await _sound(desk, alarm(account))


async def test_an_alarm_is_acknowledged_once_and_stays(desk: Desk, reads: Reads) -> None:
    await _sound(desk, alarm(await desk.account()))
    [raised] = await reads.alarms()
    first = await desk.decide(DecisionKind.ACKNOWLEDGE, subject_id=raised.id)
    second = await desk.decide(DecisionKind.ACKNOWLEDGE, subject_id=raised.id)
    nameless = await desk.decide(DecisionKind.ACKNOWLEDGE)
    await desk.drain()
    assert await desk.answer(first) == ("done", "OK")
    assert await desk.answer(second) == ("refused", "E_ALARM_SEEN")
    assert await desk.answer(nameless) == ("failed", "E_DECISION")
    [seen] = await reads.alarms()
    assert (seen.seen_by, seen.seen_at) == ("trader", desk.clock.now())


async def test_nothing_new_is_opened_on_a_halted_underlying_until_it_is_resumed(desk: Desk) -> None:
    account = await desk.account()
    suggestion = await desk.suggest()
    async with desk.units() as tx:
        await tx.alarms.halt_underlying(account, "QQQ", reason="an order was doubled", now=desk.clock.now())
        await tx.commit()
    async with desk.units() as tx:
        stored = await tx.suggestions.get(suggestion)
        assert await tx.alarms.halted_underlyings(account) == {"QQQ": "an order was doubled"}

    async def approve(version: int) -> UUID:
        return await desk.decide(
            DecisionKind.APPROVE,
            suggestion_id=suggestion,
            version=version,
            digest=(await _now(desk, suggestion)),
        )

    refused = await approve(stored.version)
    await desk.drain()
    assert await desk.answer(refused) == ("refused", "E_UNDERLYING_HALTED")
    resumed = await desk.decide(DecisionKind.RESUME_UNDERLYING, symbol="QQQ")
    again = await desk.decide(DecisionKind.RESUME_UNDERLYING, symbol="QQQ")
    await desk.drain()
    assert await desk.answer(resumed) == ("done", "OK")
    assert await desk.answer(again) == ("refused", "E_NOT_HALTED")
    passed = await approve(stored.version + 1)
    await desk.drain()
    assert await desk.answer(passed) == ("done", "OK")


async def _now(desk: Desk, suggestion: UUID) -> str:
    async with desk.units() as tx:
        return (await tx.suggestions.get(suggestion)).digest
